"""All analyses together: population counts, pointers, notes, what is refused, order."""

import polars as pl
import pytest

from openlupus.analysis import analyse, records_behind
from openlupus.analysis.pointers import conjunction
from openlupus.errors import AnalysisError
from openlupus.protocol.base import Test
from openlupus.results import equal

PARTS = """
[analysis.age]
population = "treated"
method = { name = "summary", variable = "AGE" }

[analysis.sex]
population = "treated"
groups = ["active", "placebo"]
method = { name = "counts", variable = "SEX" }

[analysis.ae]
dataset = "ADAE"
where = { TRTEMFL = "Y", REGION = "NORTH" }
population = "treated"
groups = ["active", "placebo"]
method = { name = "incidence", by = ["AEDECOD"], overall = "Any" }

[analysis.response]
endpoint = "response"
visit = "W12"
population = "all"
compare = { test = ["high"], control = "placebo" }
method = { name = "responder", strata = ["severity"] }
"""


@pytest.fixture
def frames(adsl):
    subjects = adsl(
        {"H": 4, "L": 3, "P": 5},
        AGE=[20.0, 30, 40, 50, 60, 70, 80, 25, 35, 45, 55, 65],
        SEX=list("FMFMFMFMFMFM"),
        REGION=["NORTH", "SOUTH"] * 6,
        STRAT1R=["S1", "S2"] * 6,
    )
    subjects = subjects.with_columns(
        TRTFL=pl.when(pl.col("USUBJID") == "S011").then(pl.lit("N")).otherwise(pl.lit("Y"))
    )
    events = pl.DataFrame({
        "USUBJID": ["S000", "S000", "S001", "S002", "S008", "S010", "S011"],
        "AEDECOD": ["RASH", "RASH", "RASH", "ITCH", "ITCH", "RASH", "RASH"],
        "TRTEMFL": ["Y", "Y", "Y", "Y", "Y", None, "Y"],
    })  # fmt: skip
    verdicts = subjects.select("USUBJID").with_columns(
        PARAMCD=pl.lit("RESP"), AVISITN=pl.lit(12.0), AVAL=pl.Series([1.0, 0, 1] * 4)
    )
    return {"ADSL": subjects, "ADAE": events, "ADRESP": verdicts}


def test_population_has_every_set_arm_and_group(analysed, frames, value):
    results = analysed(PARTS, **frames)
    rows = results.rows.filter(
        pl.col("analysis") == "population", pl.col("population") == "treated"
    )
    assert dict(zip(rows["group"], rows["value"], strict=True)) == {
        "": 11, "high": 4, "low": 3, "placebo": 4, "active": 7,
    }  # fmt: skip


def test_unknown_arm_codes_are_told(analysed, frames):
    frames["ADSL"] = frames["ADSL"].with_columns(
        ARMCD=pl.Series(["X", None, *frames["ADSL"]["ARMCD"][2:]])
    )
    results = analysed(PARTS, **frames)
    row = results.rows.filter(pl.col("population") == "all", pl.col("group") == "")
    assert row["warnings"][0] == (
        "1 subject(s) have no arm; 1 subject(s) have the arm code X, which no arm declares"
    )


def test_every_count_is_the_number_of_subjects_behind_it(frames, declare, data_of):
    given = data_of(**frames)
    results = analyse(declare(PARTS), given)
    counts = results.rows.filter(pl.col("statistic").is_in(["N", "n"]))
    assert counts.height > 40
    for row in counts.iter_rows(named=True):
        behind = records_behind(given, row["source"])
        assert behind["USUBJID"].n_unique() == row["value"], row


def test_events_are_the_records_behind_them(frames, declare, data_of):
    given = data_of(**frames)
    results = analyse(declare(PARTS), given)
    rows = results.rows.filter(pl.col("statistic") == "events").iter_rows(named=True)
    counts = [(row["value"], records_behind(given, row["source"]).height) for row in rows]
    assert counts
    assert all(value == height for value, height in counts)


@pytest.mark.parametrize("source", ["", "[1]", '{"dataset": "ADXX", "where": {}}', '{"where": {}}'])
def test_a_pointer_that_leads_nowhere_is_refused(frames, source, data_of):
    with pytest.raises(AnalysisError, match="pointer"):
        records_behind(data_of(**frames), source)


def test_only_some_analyses(declare, frames, data_of):
    results = analyse(declare(PARTS), data_of(**frames), only=["sex"])
    assert results.analyses == ("population", "sex")
    with pytest.raises(AnalysisError, match="no analysis sexes is declared; there are age, sex"):
        analyse(declare(PARTS), data_of(**frames), only=["sexes"])


def test_all_faults_are_named_at_once(declare, frames, data_of):
    frames["ADSL"] = frames["ADSL"].drop("AGE", "STRAT1R")
    del frames["ADAE"]
    with pytest.raises(AnalysisError) as error:
        analyse(declare(PARTS), data_of(**frames))
    assert str(error.value).splitlines()[1:] == [
        "  analysis age: ADSL lacks the column AGE",
        "  analysis ae: there is no data set ADAE; there are ADRESP, ADSL",
        "  analysis response: neither ADRESP nor ADSL has the column STRAT1R",
    ]


def test_the_order_of_subjects_changes_nothing(analysed, frames):
    shuffled = {
        name: frame.sample(fraction=1, shuffle=True, seed=3) for name, frame in frames.items()
    }
    assert equal(analysed(PARTS, **frames), analysed(PARTS, **shuffled))


def test_a_population_of_nobody_gives_rows_and_no_crash(analysed, frames):
    frames["ADSL"] = frames["ADSL"].with_columns(TRTFL=pl.lit("N"))
    results = analysed(PARTS, **frames)
    age = results.rows.filter(pl.col("analysis") == "age", pl.col("statistic") == "mean")
    assert age["value"].to_list() == [None] * 3
    assert (age["warnings"] == "no subject has a value of AGE").all()


def test_notes_say_every_option_and_default(analysed, frames):
    notes = analysed(PARTS, **frames).notes
    assert set(notes) == {"population", "age", "sex", "ae", "response"}
    assert "SAS definition 5" in notes["age"]
    for words in (
        "without continuity correction", "Severity (one, two, three, four, five, six; STRAT1R)",
        "Strata as randomised", "95% two-sided stratified Newcombe",
        "missing counts as non-response",
    ):  # fmt: skip
        assert words in notes["response"], notes["response"]
    assert "TRTEMFL is Y and REGION is NORTH" in notes["ae"]


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (Test(equals="Y"), Test(equals="Y"), Test(equals="Y")),
        (Test(equals="Y"), Test(one_of=("N", "Y")), Test(one_of=("Y",))),
        (Test(equals="Y"), Test(equals="N"), Test(one_of=())),
        (Test(at_least=18), Test(at_least=21, below=65), Test(at_least=21, below=65)),
        (Test(not_equals="A"), Test(none_of=("B",)), Test(none_of=("A", "B"))),
        (Test(is_missing=True), Test(is_missing=False), Test(one_of=(), is_missing=True)),
    ],
)
def test_conjunction_of_conditions_on_one_column(a, b, both):
    assert conjunction({"X": a}, {"X": b}) == {"X": both}
