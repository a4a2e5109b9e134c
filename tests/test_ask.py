"""Commands that ask: a patient's page, listings, the records behind a number, parts of a report."""

from pathlib import Path

import polars as pl
import pytest

from openlupus import pipeline
from openlupus.cli.ask import conditions
from openlupus.errors import DisplayError, OpenLupusError, OutputExistsError
from openlupus.exchange.study import demo_study
from test_cli import run

SOME = 40
"""Subjects of the small copy of the embedded study."""


@pytest.fixture(scope="module")
def small() -> pipeline.Study:
    """The embedded study with a few randomised patients and some who failed screening."""
    whole = pipeline.load(demo_study())
    assert whole.records is not None
    frames = {name: frame.collect() for name, frame in whole.records.domains.items()}
    ids = frames["DM"]["USUBJID"].head(SOME).to_list()
    return pipeline.load(
        demo_study(), data={n: f.filter(pl.col("USUBJID").is_in(ids)) for n, f in frames.items()}
    )


@pytest.fixture(scope="module")
def subject(small) -> str:
    """Somebody with an adverse event."""
    return small.records.domain("AE").collect()["USUBJID"][0]


def test_a_profile_has_scores_grades_doses_events_laboratory_and_verdicts(
    small, subject, tmp_path: Path
):
    page = pipeline.profile(small, subject, out=tmp_path / "p.html").read_text("utf-8")
    for words in (
        f"Patient {subject}", "SYNTHETIC", "SLEDAI-2K", "PGA", "BILAG: musculoskeletal",
        "Study drug", "Verdicts and their reasons", "Laboratory", "Adverse events",
        "Concomitant medication", "Prednisone", "(grade ",
    ):  # fmt: skip
        assert words in page, words
    assert "http://" not in page.replace("http://www.w3.org", "")
    term = small.records.domain("AE").collect().filter(pl.col("USUBJID") == subject)["AEDECOD"][0]
    assert term in page


def test_a_profile_is_of_one_patient_only(small, subject, tmp_path: Path):
    page = pipeline.profile(small, subject, out=tmp_path / "p.html").read_text("utf-8")
    others = set(small.records.domain("DM").collect()["USUBJID"]) - {subject}
    assert not [other for other in others if other in page]
    with pytest.raises(OutputExistsError):
        pipeline.profile(small, subject, out=tmp_path / "p.html")
    with pytest.raises(DisplayError, match="no subject NOBODY"):
        pipeline.profile(small, "NOBODY", out=tmp_path / "q.html")


def test_a_profile_of_shuffled_arms_says_so_and_shows_the_shuffled_arm(small, tmp_path: Path):
    frames = {name: frame.collect() for name, frame in small.records.domains.items()}
    dry = pipeline.load(demo_study(), data=frames, arms=pipeline.derivation.Arms.dummy(3))
    adsl = pipeline.derive(dry).frame("ADSL").filter(pl.col("RANDFL") == "Y")
    moved = adsl.join(frames["DM"], on="USUBJID").filter(pl.col("ARM") != pl.col("ARM_right"))
    one = moved.row(0, named=True)
    page = pipeline.profile(dry, one["USUBJID"], out=tmp_path / "p.html").read_text("utf-8")
    assert "DUMMY ARMS" in page
    assert f"<dd>{one['ARM']}</dd>" in page


def test_a_listing_is_of_a_domain_or_of_a_data_set(small):
    assert pipeline.listing(small, "ae").equals(small.records.domains["AE"].collect())
    assert "ATOXGRL" in pipeline.listing(small, "ADLB").columns
    with pytest.raises(DisplayError, match="no domain or data set XX"):
        pipeline.listing(small, "XX")


def test_conditions_of_the_command_line():
    frame = pl.DataFrame({"SEX": ["F", "M"], "AGE": [30, 40], "CODE": ["1", "2"]})
    where = conditions(["SEX=F", "AGE>=18", "AGE<65", "CODE=1", "SEX!=M"], frame)
    assert (where["SEX"].equals, where["SEX"].not_equals) == ("F", "M")
    assert (where["AGE"].at_least, where["AGE"].below) == (18, 65)
    assert where["CODE"].equals == "1"
    for bad in ("SEX", "AGE>=old"):
        with pytest.raises(OpenLupusError, match="--where"):
            conditions([bad], frame)


def test_listings_are_written_as_their_name_says(capsys, tmp_path: Path):
    words = ["listing", demo_study(), "AE", "--where", "AESER=Y", "--columns", "USUBJID,AEDECOD"]
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "rows" in out
    for name in ("a.csv", "a.html"):
        code, _, _ = run(capsys, *words, "--out", str(tmp_path / name))
        assert code == 0
    frame = pl.read_csv(tmp_path / "a.csv")
    assert frame.columns == ["USUBJID", "AEDECOD"]
    assert f"{frame.height:,} rows" in (tmp_path / "a.html").read_text("utf-8")
    code, _, err = run(capsys, *words, "--out", str(tmp_path / "a.doc"))
    assert (code, ".csv or .html" in err) == (2, True)
    code, _, err = run(capsys, "listing", demo_study(), "AE", "--columns", "NOPE")
    assert (code, "NOPE" in err) == (2, True)


def test_records_behind_a_number_are_as_many_as_it_says(capsys, tmp_path: Path):
    out = tmp_path / "n.csv"
    code, said, _ = run(
        capsys, "records", demo_study(), "--analysis", "primary", "--group", "placebo",
        "--statistic", "n", "--out", str(out),
    )  # fmt: skip
    assert code == 0
    assert "Cochran" in said
    frame = pl.read_csv(out)
    assert set(frame["AVALC"]) == {"Y"}
    code, _, err = run(capsys, "records", demo_study(), "--analysis", "primary", "--group", "none")
    assert (code, "no row" in err) == (2, True)


def test_only_one_table_is_reported_and_what_an_earlier_run_left_is_gone(capsys, tmp_path: Path):
    out = tmp_path / "out"
    (out / "adam").mkdir(parents=True)
    (out / "adam" / "adold.parquet").write_bytes(b"old")
    (out / "mine.txt").write_text("mine")
    words = ["report", demo_study(), "--out", str(out), "--only", "table2"]
    code, _, err = run(capsys, *words, "--style", "regulatory")
    assert (code, "--force" in err) == (2, True)
    code, _, _ = run(capsys, *words, "--style", "regulatory", "--force")
    assert code == 0
    page = (out / "report" / "index.html").read_text("utf-8")
    assert 'id="table2"' in page
    assert 'id="table1"' not in page
    assert "Produced: " in page
    assert "Program: openlupus" in page
    assert not (out / "adam" / "adold.parquet").exists()
    assert (out / "mine.txt").exists()
    protocol = pipeline.load_protocol(pipeline.find(demo_study()))
    ran = set(pl.read_csv(out / "results.csv")["analysis"])
    assert ran <= {"population", *pipeline.needed(protocol, ["table2"])}
    code, _, err = run(capsys, *words[:-1], "table99", "--force")
    assert (code, "no display table99" in err) == (2, True)
