"""`check`: the same findings whatever the batches; counts; refusals."""

import polars as pl
import pytest

from openlupus.errors import RecordsError
from openlupus.records import RULES, Records, Source, check, from_frames
from openlupus.records.check import COLUMNS


@pytest.fixture
def faulty(trial):
    late = pl.col("SVSTDTC", "SVENDTC").str.replace("2020-02-12", "2020-03-12")
    return trial | {"SV": trial["SV"].with_columns(late), "LB": trial["LB"].drop("LBSTAT").clear()}


def test_findings_have_the_agreed_columns_all_text(faulty, context) -> None:
    rows = check(from_frames(faulty), context).rows
    assert tuple(rows.columns) == COLUMNS
    assert set(rows.dtypes) == {pl.String}
    assert rows.null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_batches_do_not_change_the_findings(size, faulty, context) -> None:
    records = from_frames(faulty)
    whole = check(records, context)
    assert check(records, context, subjects_at_once=size).rows.equals(whole.rows)
    assert whole.rows.height == 3


def test_counts_name_every_rule_broken_or_not(faulty, context) -> None:
    counts = check(from_frames(faulty), context).counts()
    assert counts.columns == ["rule", "severity", "findings", "sentence"]
    assert counts["rule"].to_list()[0] == "visit_outside_window"
    assert set(counts["rule"]) == {rule.name for rule in RULES} | {"file_remark"}
    assert counts["findings"].sum() == 3


def test_remark_on_a_file_is_a_note(trial, context) -> None:
    source = Source("ae.xpt", "AE", "0" * 64, 3, "XPT", "compare the 3 rows read")
    records = Records({n: f.lazy() for n, f in trial.items()}, {"ae.xpt": source})
    row = check(records, context).rows.row(0, named=True)
    assert (row["rule"], row["key"], row["severity"]) == ("file_remark", "ae.xpt", "note")


def test_no_subjects_at_all(trial, context) -> None:
    empty = {name: frame.clear() for name, frame in trial.items()}
    assert check(from_frames(empty), context).rows.is_empty()


def test_without_dm_nothing_is_checked(trial, context) -> None:
    del trial["DM"]
    with pytest.raises(RecordsError, match="DM: the domain is missing; needed are its columns"):
        check(from_frames(trial), context)


def test_rules_have_names_and_sentences_of_their_own() -> None:
    assert len(RULES) >= 20
    assert (
        len({rule.name for rule in RULES}) == len({rule.sentence for rule in RULES}) == len(RULES)
    )
