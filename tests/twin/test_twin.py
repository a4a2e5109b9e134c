"""Twins of the invented trial: its print again, other patients, and what is said where not."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from openlupus import cli, pipeline
from openlupus.audit import Published
from openlupus.errors import TwinError
from openlupus.exchange.published import read_published
from openlupus.exchange.study import Study
from openlupus.simulation import Model, load_model
from openlupus.twin import Twin, twin

BICLA2 = Path(__file__).parent / "examples" / "bicla2"
CONTRADICTORY = BICLA2 / "published_contradictory.toml"
SEED, CANDIDATES = 5, 1500


@pytest.fixture(scope="module")
def own_model() -> Model:
    return load_model(BICLA2)


@pytest.fixture(scope="module")
def stages() -> list[str]:
    return []


@pytest.fixture(scope="module")
def made(trial: Study, own_model: Model, print_: Published, stages: list[str]) -> Twin:
    return twin(
        trial, own_model, print_, seed=SEED, patients=CANDIDATES,
        tick=lambda what, done, total: stages.append(what),
    )  # fmt: skip


def refused(study: Study, model: Model, published: Published) -> str:
    with pytest.raises(TwinError) as caught:
        twin(study, model, published, seed=1, patients=200)
    return str(caught.value)


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """Exit code, and all that is said, of a command."""
    argv, sys.argv = sys.argv, ["openlupus", *map(str, words)]
    try:
        with pytest.raises(SystemExit) as stop:
            cli.main()
    finally:
        sys.argv = argv
    said = capsys.readouterr()
    return int(stop.value.code or 0), " ".join((said.out + said.err).split())


# -- a twin ------------------------------------------------------------------------------------


def test_every_printed_cell_is_regenerated(made: Twin, print_: Published):
    assert len(made.compared) == len(print_.cells)
    assert made.others == []
    assert made.conflicts == ()
    assert made.line.startswith(f"{len(print_.cells)} of {len(print_.cells)} printed cells")


def test_the_records_give_the_print_without_the_twin(made, trial, print_, tmp_path):
    """Through files, the whole derivation and analysis, as any user's records."""
    for name, frame in made.frames.items():
        frame.write_csv(tmp_path / f"{name.lower()}.csv")
    loaded = pipeline.load(str(BICLA2), data=tmp_path)
    data = pipeline.derive(loaded)
    results = pipeline.analyse(loaded, data)

    def count(analysis: str, group: str, **where: str) -> int:
        (row,) = results.find(analysis=analysis, group=group, statistic="n", **where)
        return int(row.value)

    for analysis, row in (("primary", "BICLA"), ("sri4", "SRI-4"), ("pga_not_worse", "PGA")):
        (key,) = [key for key in print_.rows if key[0] == "efficacy" and key[1].startswith(row)]
        for arm in ("examplimab", "placebo"):
            printed = print_.count(print_.rows[key][arm])
            verdict = {"visit": "W12", "parameter": results.values(analysis, "parameter")[0]}
            assert count(analysis, arm, **verdict) == printed.n


def test_all_conditions_that_are_not_printed_hold_too(made, trial):
    """No event that the tables leave out is as frequent as their rule says."""
    doses = made.frames["DM"].select("USUBJID", "RFXSTDTC", "ACTARMCD")
    events = made.frames["AE"].join(doses, on="USUBJID")
    events = events.filter(pl.col("AESTDTC") >= pl.col("RFXSTDTC"))
    many = events.group_by("ACTARMCD", "AEDECOD").agg(pl.col("USUBJID").n_unique().alias("n"))
    of = dict(doses.filter(pl.col("RFXSTDTC") != "").group_by("ACTARMCD").len().iter_rows())
    share = many.with_columns(share=pl.col("n") / pl.col("ACTARMCD").replace_strict(of))
    frequent = set(share.filter(pl.col("share") >= 0.08)["AEDECOD"])
    printed = {
        row.rpartition("|")[2] for table, row in read_published(BICLA2 / "published.toml").rows
    }
    assert frequent <= printed


def test_sizes_are_those_of_the_print_and_of_the_screening(made, own_model):
    arms = dict(made.frames["DM"].group_by("ARMCD").len().iter_rows())
    assert (arms["EXA"], arms["PBO"]) == (58, 59)
    assert made.frames["DM"].height == own_model.recruitment.screened


def test_everything_is_synthetic(made: Twin):
    for name, frame in made.frames.items():
        assert frame["STUDYID"].str.contains("SYNTHETIC").all(), name


def test_stages_are_told_in_order(made: Twin, stages: list[str]):
    """Those of a trial that prints no continuous end point."""
    told = ["Candidates", "Contradictions", "Stratum tables", "Patients", "Comparing"]
    assert list(dict.fromkeys(stages)) == told


# -- what cannot be ----------------------------------------------------------------------------


def test_a_column_without_patients_is_named(trial, own_model, print_):
    column = replace(print_.columns["placebo"], n=None)
    said = refused(trial, own_model, replace(print_, columns={**print_.columns, "placebo": column}))
    assert "no number of patients for placebo" in said
    gone = {key: each for key, each in print_.columns.items() if key != "placebo"}
    assert "placebo" in refused(trial, own_model, replace(print_, columns=gone))


def test_a_print_that_no_display_stands_beside_is_refused(trial, own_model, print_):
    cells = tuple(replace(cell, table="elsewhere") for cell in print_.cells)
    said = refused(trial, own_model, replace(print_, cells=cells))
    assert "published = " in said


# -- the command -------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path) -> list[str | Path]:
    return [
        "twin",
        BICLA2,
        "--seed",
        str(SEED),
        "--candidates",
        str(CANDIDATES),
        "--out",
        tmp_path / "out",
    ]


def test_the_command_writes_an_ensemble_and_says_what_it_is(capsys, command, tmp_path, made):
    """The first is that of the same seed from Python; the other has other patients."""
    code, said = run(capsys, *command, "--n", "2")
    assert (code, said.count(f"SYNTHETIC: {made.line}")) == (0, 2)
    first, second = sorted((tmp_path / "out").iterdir())
    assert [first.name, second.name] == ["twin_01", "twin_02"]
    for number, folder in enumerate((first, second), 1):
        about = json.loads((folder / "_simulation.json").read_text("utf-8"))
        assert "SYNTHETIC" in about["patients"]
        assert (about["seed"], about["twin"], about["candidates"]) == (SEED, number, CANDIDATES)
        assert (about["printed"], about["given_up"]) == (made.line, [])
        assert {path.suffix for path in folder.iterdir()} == {".parquet", ".json"}
        assert {path.stem.upper() for path in folder.glob("*.parquet")} == made.frames.keys()
    for name, frame in made.frames.items():
        written = pl.read_parquet(first / f"{name.lower()}.parquet")
        other = pl.read_parquet(second / f"{name.lower()}.parquet")
        assert written.equals(frame), name
        assert other["STUDYID"].str.contains("SYNTHETIC").all(), name
        assert other.is_empty() or not other.equals(written), name
    code, said = run(capsys, *command, "--n", "2")
    assert (code, "not empty" in said) == (2, True)


def test_cells_that_contradict_each_other_are_named_and_the_rest_is_met(capsys, command, tmp_path):
    code, said = run(capsys, *command, "--published", CONTRADICTORY)
    assert code == 1
    races = (
        "These 3 cells cannot hold together: Table 1, Race — no. (%), Asian, Placebo: 27 (45.8); "
        "Table 1, Race — no. (%), White, Placebo: 29 (49.2); "
        "Table 1, Race — no. (%), Other, Placebo: 13 (22.0)."
    )
    events = (
        "These 2 cells cannot hold together: Table 3, Any adverse event, Placebo: 7 (11.9); "
        "Table 3, Adverse events with frequency of ≥8%, Insomnia, Placebo: 8 (13.6)."
    )
    assert races in said
    assert events in said
    about = json.loads((tmp_path / "out" / "_simulation.json").read_text("utf-8"))
    assert [each["why"] for each in about["given_up"]] == [races, events]
    # The cells given up, and the total of all patients that one of them belongs to.
    given_up = {tuple(each["cell"]) for each in about["given_up"]}
    cells = {(c.table, c.row, c.column): c.text for c in read_published(CONTRADICTORY).cells}
    total = [("baseline", row, "everyone") for table, row, _ in given_up if table == "baseline"]
    lost = {place for place in [*given_up, *total] if f"{cells[place]} printed" in said}
    assert lost == {*given_up, *total}
    assert said.count(" printed, ") >= len(lost)
    assert f"SYNTHETIC: {len(cells) - len(lost)} of {len(cells)} printed cells" in said


@pytest.mark.parametrize(
    ("words", "because"),
    [(["--n", "0"], "--n must be at least 1"), (["--published", "no.toml"], "no.toml")],
)
def test_calls_that_cannot_be_are_refused(capsys, command, tmp_path, words, because):
    code, said = run(capsys, *command, *words)
    assert (code, because in said) == (2, True)
    assert not (tmp_path / "out").exists()
