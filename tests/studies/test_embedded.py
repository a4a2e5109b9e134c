"""The embedded patients are a twin of the founding study: they print what its paper printed."""

import json

import polars as pl
import pytest

from openlupus.audit.against import counts
from openlupus.exchange.fingerprint import sha256
from openlupus.exchange.published import read_published
from openlupus.exchange.study import SHIPPED, SIMULATION, demo_study, load_study
from openlupus.twin.make import compare

FOLDER = SHIPPED / demo_study()


@pytest.fixture(scope="module")
def compared():
    study = load_study(FOLDER)
    assert study.records is not None
    frames = {name: frame.collect() for name, frame in study.records.domains.items()}
    return compare(study, frames, read_published(FOLDER / "published.toml"))


def test_they_were_made_from_the_model_and_the_print_that_stand_beside_them():
    about = json.loads((FOLDER / "data" / SIMULATION).read_text("utf-8"))
    assert about["model_sha256"] == sha256(FOLDER / "model.toml")
    assert about["published_sha256"] == sha256(FOLDER / "published.toml")
    assert "SYNTHETIC" in about["patients"]
    assert not about["given_up"]


def test_the_command_that_makes_them_is_told():
    about = json.loads((FOLDER / "data" / SIMULATION).read_text("utf-8"))
    command = f"openlupus twin {FOLDER.name} --seed {about['seed']}"
    assert command in (FOLDER / "sources.md").read_text("utf-8")


def test_what_is_not_regenerated_is_explained_by_the_print_or_off_in_a_single_number(compared):
    published = read_published(FOLDER / "published.toml")
    others = [each for each in compared if each.outcome != "equal"]
    unexplained = [
        each for each in others if published.remark(each.table, each.row, each.column) is None
    ]
    assert all(each.numbers - each.met == 1 for each in unexplained)
    assert len(unexplained) <= 0.01 * len(compared)


def test_at_least_99_of_100_numbers_are_regenerated_beside_the_analysis_by_imputation(compared):
    published = read_published(FOLDER / "published.toml")
    asked = [each for each in compared if not published.fact(each.table, each.row).pooled]
    assert sum(each.met for each in asked) >= 0.99 * sum(each.numbers for each in asked)
    assert counts(asked)["equal"] > 0


def test_every_embedded_row_says_that_it_is_synthetic():
    for path in (FOLDER / "data").glob("*.parquet"):
        assert pl.read_parquet(path)["STUDYID"].str.contains("SYNTHETIC").all()
