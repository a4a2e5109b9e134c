"""The commands as a user meets them: what they write, what they refuse, and in which words."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from openlupus import cli
from openlupus.exchange.study import SHIPPED, demo_study

TRIAL = Path(__file__).parent / "studies" / "twoarm" / "study.toml"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    argv = sys.argv
    sys.argv = ["openlupus", *words]
    try:
        with pytest.raises(SystemExit) as stop:
            cli.main()
    finally:
        sys.argv = argv
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration, run once."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    argv, sys.argv = sys.argv, ["openlupus", "demo", "--out", str(folder)]
    try:
        with pytest.raises(SystemExit) as stop:
            cli.main()
    finally:
        sys.argv = argv
    assert stop.value.code == 0
    return folder


def test_demo_writes_all_that_it_promises(demo_folder: Path):
    page = (demo_folder / "report" / "index.html").read_text("utf-8")
    for title in ("Figure 1", "Table 1", "Table 2", "Table 3"):
        assert title in page
    assert page.count("SYNTHETIC") >= 5
    results = pl.read_parquet(demo_folder / "results.parquet")
    assert results.columns == [
        "analysis", "method", "population", "visit", "parameter", "group", "comparator",
        "subgroup", "statistic", "value", "unit", "n", "warnings", "source",
    ]  # fmt: skip
    assert pl.read_csv(demo_folder / "results.csv").height == results.height
    for name in ("adsl", "adsledai", "adbilag", "adresp", "adae"):
        assert pl.read_parquet(demo_folder / "adam" / f"{name}.parquet").height > 0
    assert (demo_folder / "sdtm" / "rs.parquet").is_file()
    manifest = json.loads((demo_folder / "manifest.json").read_text("utf-8"))
    assert {"study.toml", "rs.parquet"} <= manifest["inputs_sha256"].keys()


def test_synthetic_data_say_so_in_every_file(demo_folder: Path):
    for path in sorted(demo_folder.rglob("*.parquet")):
        frame = pl.read_parquet(path)
        column = "STUDYID" if "STUDYID" in frame.columns else "source"
        said = frame[column].str.contains("SYNTHETIC")
        assert said.all(), path.name
    for path in [*demo_folder.rglob("*.csv"), *demo_folder.rglob("*.json")]:
        assert "SYNTHETIC" in path.read_text("utf-8"), path.name


def test_the_same_run_gives_the_same_bytes(demo_folder: Path, tmp_path: Path):
    """Also with other hashes of text and another number of threads."""
    again = tmp_path / "again"
    subprocess.run(
        [sys.executable, "-m", "openlupus.cli", "demo", "--out", str(again)],
        env={**os.environ, "PYTHONHASHSEED": "7", "POLARS_MAX_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    files = sorted(p.relative_to(demo_folder) for p in demo_folder.rglob("*") if p.is_file())
    assert files
    differ = [str(f) for f in files if (demo_folder / f).read_bytes() != (again / f).read_bytes()]
    assert differ == []


def test_nothing_is_overwritten_without_being_asked(demo_folder: Path, capsys):
    code, _, err = run(capsys, "demo", "--out", str(demo_folder))
    assert code == 2
    assert "--force" in err
    code, _, _ = run(capsys, "demo", "--out", str(demo_folder), "--force")
    assert code == 0


def test_check_counts_by_rule_and_writes_every_finding(tmp_path: Path, capsys):
    code, out, _ = run(capsys, "check", demo_study(), "--out", str(tmp_path))
    rows = pl.read_csv(tmp_path / "findings.csv")
    assert code == (1 if (rows["severity"] != "note").any() else 0)
    assert f"{rows.height} findings" in out
    for rule, number in rows.group_by("rule").len().iter_rows():
        assert rule in out
        assert f"{number:,}" in out


def test_new_makes_a_declaration_that_loads(tmp_path: Path, capsys):
    folder = tmp_path / "mytrial"
    code, out, _ = run(capsys, "new", str(folder))
    assert code == 0
    assert "study.toml" in out
    from openlupus.protocol import load

    assert load(folder).arms
    code, _, err = run(capsys, "new", str(folder))
    assert code == 2
    assert "there already" in err


def test_every_command_has_help_with_an_example(capsys):
    for name in (
        "new",
        "check",
        "derive",
        "analyse",
        "report",
        "demo",
        "simulate",
        "schema",
        "score",
    ):
        code, out, _ = run(capsys, name, "--help")
        assert code == 0
        assert f"Example: openlupus {name}" in out, name


def test_schema_is_json(capsys):
    code, out, _ = run(capsys, "schema")
    assert code == 0
    assert json.loads(out)["title"] == "OpenLupus study declaration"


def test_score_lists_makes_a_template_and_scores_it(tmp_path: Path, capsys):
    code, out, _ = run(capsys, "score", "--list")
    assert code == 0
    assert "bilag2004: BILAG-2004" in out
    form = tmp_path / "items.csv"
    code, _, _ = run(capsys, "score", "sledai2k", "--template", "--out", str(form))
    assert code == 0
    columns = form.read_text("utf-8").strip().split(",")
    row = ["S1", "1", *("1" if c in ("arthritis", "rash") else "0" for c in columns[2:])]
    form.write_text(form.read_text("utf-8") + ",".join(row) + "\n", "utf-8")
    code, _, _ = run(capsys, "score", "sledai2k", str(form), "--out", str(tmp_path / "s.csv"))
    assert code == 0
    scores = pl.read_csv(tmp_path / "s.csv")
    assert scores["total"].to_list() == [6]


def test_score_tells_every_fault_of_a_sheet(tmp_path: Path, capsys):
    sheet = tmp_path / "items.csv"
    sheet.write_text("USUBJID,arthritis,rush\nS1,2,0\nS2,x,0\n", "utf-8")
    code, _, err = run(capsys, "score", "sledai2k", str(sheet))
    assert code == 2
    assert "rush" in err
    assert "arthritis" in err


def test_score_without_a_file_says_how(capsys):
    code, _, err = run(capsys, "score", "sledai2k")
    assert code == 2
    assert "--list" in err


# -- bad input: a message, no traceback, exit code 2 ------------------------------------------


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy of the embedded study, to be spoilt."""
    folder = tmp_path / "study"
    shutil.copytree(SHIPPED / demo_study(), folder)
    return folder


def spoilt(capsys: pytest.CaptureFixture[str], study: Path, *words: str) -> str:
    out = study.parent / "out"
    code, _, err = run(capsys, "analyse", str(study), "--out", str(out), *words)
    assert code == 2
    assert "Traceback" not in err
    assert "Internal error" not in err
    assert not (out / "results.csv").exists()
    return " ".join(err.split())


def test_missing_folder(capsys, tmp_path: Path):
    code, _, err = run(capsys, "report", str(tmp_path / "no"), "--out", str(tmp_path / "o"))
    assert code == 2
    assert "openlupus new" in err
    assert "Traceback" not in err


def test_missing_data_folder(capsys, study: Path):
    shutil.rmtree(study / "data")
    assert "data" in spoilt(capsys, study)


def test_empty_file(capsys, study: Path):
    (study / "data" / "ex.parquet").write_bytes(b"")
    assert "ex.parquet" in spoilt(capsys, study)


def test_truncated_file(capsys, study: Path):
    path = study / "data" / "dm.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    assert "dm.parquet" in spoilt(capsys, study)


def test_missing_domain(capsys, study: Path):
    (study / "data" / "ds.parquet").unlink()
    message = spoilt(capsys, study)
    assert "DS" in message
    assert "missing" in message


def test_wrong_column_type(capsys, study: Path):
    path = study / "data" / "rs.parquet"
    frame = pl.read_parquet(path)
    frame.with_columns(pl.lit("high").alias("RSSTRESN")).write_parquet(path)
    message = spoilt(capsys, study)
    assert "RSSTRESN" in message
    assert "high" in message


def test_not_utf8(capsys, study: Path):
    path = study / "data" / "ae.parquet"
    text = pl.read_parquet(path).write_csv().encode()
    path.unlink()
    (study / "data" / "ae.csv").write_bytes(text.replace(b"AE", b"A\xe9", 1))
    assert "UTF-8" in spoilt(capsys, study)


def test_both_lock_and_shuffle(capsys, study: Path):
    assert "not both" in spoilt(capsys, study, "--lock", "x", "--shuffle-arms", "3")


def test_unknown_option_is_a_usage_error(capsys):
    code, _, _ = run(capsys, "demo", "--outt", "x")
    assert code == 2


def test_debug_shows_the_trace(tmp_path: Path):
    argv, sys.argv = sys.argv, ["openlupus", "check", str(tmp_path / "no"), "--debug"]
    try:
        with pytest.raises(Exception, match="there is no study"):
            cli.main()
    finally:
        sys.argv = argv


# -- trials that cannot be analysed as declared: told in their place ---------------------------


def analysed(study: Path, capsys: pytest.CaptureFixture[str]) -> pl.DataFrame:
    out = study.parent / "out"
    code, _, err = run(capsys, "report", str(study), "--out", str(out))
    assert code == 0, err
    return pl.read_parquet(out / "results.parquet")


def rewrite(study: Path, domain: str, change: pl.Expr | list[pl.Expr]) -> None:
    path = study / "data" / f"{domain}.parquet"
    pl.read_parquet(path).with_columns(change).write_parquet(path)


def test_unknown_arm(capsys, study: Path):
    arm = pl.col("ARMCD")
    rewrite(study, "dm", pl.when(arm == "PBO").then(pl.lit("PLC")).otherwise(arm).alias("ARMCD"))
    message = spoilt(capsys, study)
    assert "PLC" in message


def test_nobody_treated(capsys, study: Path):
    path = study / "data" / "ex.parquet"
    pl.read_parquet(path).clear().write_parquet(path)
    rows = analysed(study, capsys)
    primary = rows.filter((pl.col("analysis") == "primary") & (pl.col("statistic") == "difference"))
    assert primary["value"].is_null().all()
    assert (primary["warnings"] != "").all()


def test_baseline_missing_for_all(capsys, study: Path):
    path = study / "data" / "rs.parquet"
    frame = pl.read_parquet(path)
    frame.filter(pl.col("VISITNUM") > 2.5).write_parquet(path)
    rows = analysed(study, capsys)
    responders = rows.filter((pl.col("analysis") == "primary") & (pl.col("statistic") == "n"))
    assert (responders["value"] == 0).all()


def test_a_patient_in_two_arms(capsys, study: Path):
    path = study / "data" / "dm.parquet"
    dm = pl.read_parquet(path)
    one = dm.filter(pl.col("ARMCD") == "PBO").head(1)
    pl.concat([dm, one.with_columns(pl.lit("IBE015").alias("ARMCD"))]).write_parquet(path)
    message = spoilt(capsys, study)
    assert f"{one['USUBJID'].item()}: IBE015 and PBO" in message
    run(capsys, "check", str(study), "--out", str(study.parent / "checked"))
    findings = pl.read_csv(study.parent / "checked" / "findings.csv")
    assert (findings["rule"] == "subject_in_two_arms").any()


@pytest.mark.parametrize("domain", ["ae", "rs", "mh", "suppdm", "gf"])
def test_a_domain_that_the_declaration_needs_is_not_taken_as_empty(domain: str, capsys, study):
    (study / "data" / f"{domain}.parquet").unlink()
    message = spoilt(capsys, study)
    assert domain.upper() in message
    assert "missing" in message


def test_a_dry_run_tells_nobodys_arm(capsys, study: Path):
    rewrite(study, "dm", pl.lit("IBE015").alias("ACTARMCD"))
    out = study.parent / "dry"
    run(capsys, "report", str(study), "--out", str(out), "--shuffle-arms", "3")
    findings = pl.read_csv(out / "findings.csv").filter(pl.col("rule") == "actual_arm_differs")
    assert findings.height > 0
    assert (findings["value"].fill_null("") == "").all()
    assert (findings["message"] == "hidden while arms are shuffled").all()


def test_a_place_that_cannot_be_written_is_a_message(capsys, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    code, _, err = run(capsys, "demo", "--out", str(tmp_path / "file"))
    assert code == 2
    assert "Internal error" not in err
    assert str(tmp_path / "file") in err.replace("\n", "")


def test_a_negative_seed_is_a_message(capsys, study: Path):
    assert "from 0" in spoilt(capsys, study, "--shuffle-arms", "-1")


def test_new_keeps_what_is_there(tmp_path: Path, capsys):
    (tmp_path / "sources.md").write_text("mine")
    code, _, err = run(capsys, "new", str(tmp_path))
    assert code == 2
    assert "sources.md" in err
    assert (tmp_path / "sources.md").read_text() == "mine"


def test_a_valid_declaration_without_data_says_so(tmp_path: Path, capsys):
    run(capsys, "new", str(tmp_path / "t"))
    code, _, err = run(capsys, "check", str(tmp_path / "t"))
    assert code == 2
    assert "is valid, but there are no data" in " ".join(err.split())
