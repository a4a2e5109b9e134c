"""`openlupus audit`: files, exit codes, words."""

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from audit.invented import paper, patients
from openlupus import pipeline
from openlupus.cli import main
from openlupus.exchange.manifest import manifest, write_json
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


def test_a_run_against_its_paper(monkeypatch, tmp_path: Path, capsys):
    study = pipeline.load(demo_study())
    data = pipeline.derive(study)
    results = pipeline.analyse(study, data)
    folder = tmp_path / "run"
    folder.mkdir()
    results.rows.write_parquet(folder / "results.parquet")
    write_json({"methods": dict(results.notes)}, folder / "methods.json")
    write_json(manifest(study, synthetic=True), folder / "manifest.json")
    printed = SHIPPED / demo_study() / "published.toml"
    code = run(monkeypatch, "audit", folder, "--against", printed, "--out", tmp_path / "out")
    assert code == 1  # simulated patients print other numbers
    data = json.loads((tmp_path / "out" / "cells.json").read_text("utf-8"))
    assert data["counts"]["equal"] + data["counts"]["differs"] > 300
    assert sum(data["counts"].values()) == len(data["cells"])
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "SYNTHETIC DATA" in page
    assert "printed cells equal" in capsys.readouterr().out


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
