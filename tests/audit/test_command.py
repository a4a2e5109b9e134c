"""`openlupus audit`: files, exit codes, words."""

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from audit.invented import paper, patients
from openlupus.cli import main
from openlupus.exchange.study import demo_study
from reference import ROOT

SHIPPED = ROOT / "src" / "openlupus" / "studies"


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["openlupus", *map(str, words)])
    with pytest.raises(SystemExit) as done:
        main()
    return int(done.value.code or 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "published.toml"
    path.write_text(paper(patients(4)).text(), encoding="utf-8")
    return path


def test_an_audit_writes_page_and_data(monkeypatch, file: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert run(monkeypatch, "audit", file, "--out", out) == 0
    page = (out / "index.html").read_text("utf-8")
    assert "<b>0</b> misprint" in page
    assert "stratified Newcombe" in page
    data = json.loads((out / "findings.json").read_text("utf-8"))
    frame = pl.read_csv(out / "findings.csv")
    assert frame.height == len(data["findings"]) == sum(data["counts"].values())
    assert set(frame["verdict"]) <= set(data["counts"])


def test_faults_give_exit_code_1_and_are_told(monkeypatch, file: Path, tmp_path: Path, capsys):
    text = file.read_text("utf-8").replace('"Rash" = { total = "', '"Rash" = { total = "9')
    file.write_text(text, encoding="utf-8")
    assert run(monkeypatch, "audit", file, "--out", tmp_path / "out") == 1
    assert "inconsistent: text / Rash / total" in capsys.readouterr().out


def test_nothing_is_overwritten_without_force(monkeypatch, file: Path, tmp_path: Path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    assert run(monkeypatch, "audit", file, "--out", tmp_path / "out") == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "said"), [
    (["--out", "x"], "audit needs a published.toml"),
    (["nowhere.toml", "--out", "x"], "does not exist"),
    (["p.toml", "--import", "d", "--out", "x"], "--import takes a folder"),
    (["--import", ".", "--out", "x"], "holds no JSON file"),
    (["nowhere", "--against", "p.toml", "--out", "x"], "does not exist"),
])  # fmt: skip
def test_bad_input(monkeypatch, tmp_path: Path, capsys, words: list[str], said: str):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "audit", *words) == 2
    assert said in capsys.readouterr().err


def test_import_then_audit(monkeypatch, tmp_path: Path):
    table = {
        "source": "J Invent 1:1, Table 1", "denominators": {"drug": 60, "sham": 30},
        "rows": [{"row": "Women", "cells": {"drug": {"n": 50, "pct": 83},
                                            "sham": {"n": 25, "pct": 84}}}],
    }  # fmt: skip
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "table1.json").write_text(json.dumps(table))
    made = tmp_path / "published.toml"
    assert run(monkeypatch, "audit", "--import", tmp_path / "json", "--out", made) == 0
    assert run(monkeypatch, "audit", "--import", tmp_path / "json", "--out", made) == 2
    assert run(monkeypatch, "audit", made, "--out", tmp_path / "out") == 1


def test_the_demonstration_against_its_paper(monkeypatch, tmp_path: Path, capsys):
    folder = tmp_path / "run"
    assert run(monkeypatch, "demo", "--out", folder) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    printed = SHIPPED / demo_study() / "published.toml"
    run(monkeypatch, "audit", folder, "--against", printed, "--out", tmp_path / "out")
    data = json.loads((tmp_path / "out" / "cells.json").read_text("utf-8"))
    counts, of = data["counts"], len(data["cells"])
    numbers, met = (sum(cell[name] for cell in data["cells"]) for name in ("numbers", "met"))
    told = f"{counts['equal']} of {of} printed cells regenerated ({met:,} of {numbers:,} numbers)"
    assert last == f"{told}: {folder / 'published.csv'}"
    assert f"{counts['equal']} of {of} printed cells equal" in capsys.readouterr().out
    own = pl.read_csv(folder / "published.csv")
    assert own["STUDYID"].str.contains("SYNTHETIC").all()
    assert own.drop("STUDYID").equals(pl.read_csv(tmp_path / "out" / "cells.csv"))
    assert own.filter((pl.col("outcome") != "equal") & pl.col("why").is_null()).is_empty()
    absent = own.filter((pl.col("outcome") == "absent") & (pl.col("table") != "table3"))
    assert set(absent["row"]) <= {"Sites", "Placebo-controlled weeks"}  # of the design
    for page in (tmp_path / "out" / "index.html", folder / "report" / "published.html"):
        assert "SYNTHETIC DATA" in page.read_text("utf-8")


def test_a_folder_that_is_no_run(monkeypatch, file: Path, tmp_path: Path, capsys):
    (tmp_path / "run").mkdir()
    code = run(monkeypatch, "audit", tmp_path / "run", "--against", file, "--out", tmp_path / "o")
    assert code == 2
    assert "no output folder of `openlupus report`" in capsys.readouterr().err


def test_a_file_with_faults_is_refused_with_all_of_them(monkeypatch, file: Path, capsys):
    text = file.read_text("utf-8").replace("[rows.text]", "[rows.txt]").replace("sum = ", "sun = ")
    file.write_text(text, encoding="utf-8")
    assert run(monkeypatch, "audit", file, "--out", file.parent / "out") == 2
    said = capsys.readouterr().err
    assert "did you mean 'sum'" in said
    assert "table txt has no such row" in said
    assert "Traceback" not in said
