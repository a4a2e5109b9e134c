"""Figures of the small invented trial: nothing in them knows the founding one."""

from pathlib import Path

import pytest

from derivation.small_trial import DECLARATION, Subject, Visit, frames
from openlupus import pipeline
from openlupus.derivation import Arms
from openlupus.exchange.study import Study
from openlupus.protocol import parse
from openlupus.records import from_frames

FIGURES = """
[display.f1]
kind = "figure"
shows = "forest"
number = "Figure 1"
filed = "Figure 14.2.1"
title = "Responses"
population = "treated"
plot = ["d"]
scale = "points"
columns = [
  { key = "a", header = "Active (N={N})", group = "active" },
  { key = "d", header = "D", group = "active", comparator = "placebo", slot = "difference" },
]
cells = { value = "{n}/{N}", difference = "{difference:pp1} ({lower:pp1} to {upper:pp1})" }
rows = [
  { label = "BICLA", analysis = "bicla", visit = "W16" },
  { label = "SRI-6", analysis = "sri6", visit = "W8" },
]

[display.f2]
kind = "figure"
shows = "bars"
number = "Figure 2"
title = "Women"
read = { analysis = "sex" }
labels = { female = "Women" }
"""
PROTOCOL = parse(DECLARATION + FIGURES)
VISITS = (Visit(-3, sledai=(13, 15), pga=1.5), Visit(57, sledai=()), Visit(113, sledai=()))


@pytest.fixture
def trial() -> Study:
    people = [
        Subject(f"{arm}{i}", VISITS, arm=arm, dm={"SEX": "F" if i else "M"})
        for arm in ("ACT", "PLA")
        for i in range(3)
    ]
    arms = Arms.unblinded("invented")
    return Study("twoarm", Path(), PROTOCOL, arms, from_frames(frames(*people)))


def test_its_figures_are_drawn_and_its_cells_lead_to_its_patients(trial, tmp_path: Path):
    data = pipeline.derive(trial)
    results = pipeline.analyse(trial, data)
    forest, bars = pipeline.displays(trial, data, results, only=["f1", "f2"], style="regulatory")
    assert (forest.number, bars.number) == ("Figure 14.2.1", "Figure 2")
    assert forest.numbers.rows[1].cells[0].text == "3/3"
    assert "Women" in bars.svg
    page = pipeline.report(trial, data, results, out=tmp_path, style="regulatory")
    assert "Protocol TWOARM" in page.read_text("utf-8")


def test_a_profile_is_made_of_what_was_recorded(trial, tmp_path: Path):
    page = pipeline.profile(trial, "ACT1", out=tmp_path / "p.html").read_text("utf-8")
    assert "BICLA response" in page
    assert "SLEDAI-2K" in page
    assert "Laboratory" not in page
    assert pipeline.listing(trial, "DM").height == 6
