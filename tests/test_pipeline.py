"""The whole flow from Python, whatever the frames are made of; and what a report says of itself."""

from pathlib import Path

import polars as pl
import pytest

import openlupus
from openlupus import pipeline
from openlupus.analysis import subjects_behind
from openlupus.errors import DerivationError, DisplayError
from openlupus.exchange.study import demo_study
from openlupus.results import equal


@pytest.fixture(scope="module")
def study() -> pipeline.Study:
    return openlupus.load(demo_study())


@pytest.fixture(scope="module")
def frames(study: pipeline.Study) -> dict[str, pl.DataFrame]:
    assert study.records is not None
    return {name: frame.collect() for name, frame in study.records.domains.items()}


@pytest.fixture(scope="module")
def data(study: pipeline.Study) -> openlupus.AnalysisData:
    return openlupus.derive(study)


@pytest.fixture(scope="module")
def results(study: pipeline.Study, data: openlupus.AnalysisData) -> openlupus.Results:
    return openlupus.analyse(study, data)


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "polars"])
def test_frames_of_any_kind_give_the_same_results(kind: str, frames, results):
    given = {
        name: {"pandas": frame.to_pandas, "pyarrow": frame.to_arrow, "polars": frame.clone}[kind]()
        for name, frame in frames.items()
    }
    again = openlupus.load(demo_study(), data=given)
    assert equal(openlupus.analyse(again, openlupus.derive(again)), results)


def test_rows_in_another_order_give_the_same_results(frames, results):
    mixed = {name: f.sample(fraction=1, shuffle=True, seed=5) for name, f in frames.items()}
    again = openlupus.load(demo_study(), data=mixed)
    assert equal(openlupus.analyse(again, openlupus.derive(again)), results)


def test_four_lines_write_a_report(study, data, results, tmp_path: Path):
    page = openlupus.report(study, data, results, out=tmp_path / "report")
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_printed_cells_may_be_laid_beside(study, data, results):
    only = ["table1", "table2", "table3"]
    tables = pipeline.displays(study, data, results, published=True, only=only)
    compared = {table.id: table.beside for table in tables}
    assert compared["table1"][0] == 29 * 5  # every row and column of the printed table
    assert compared["table2"][0] == 8 * 7 + 5 + 3  # nine end points, the P values of the first
    assert tables[0].unplaced == tables[1].unplaced == ()


def test_table_1_has_the_29_rows_of_the_printed_one(study, data, results):
    (table,) = pipeline.displays(study, data, results, only=["table1"])
    filled = [row for row in table.rows if not row.heading]
    assert len(filled) == 29
    assert {cell.kind for row in filled for cell in row.cells} <= {"value", "zero"}


def test_an_unknown_display_is_refused(study, data, results):
    with pytest.raises(DisplayError, match="there are: figure1, table1"):
        pipeline.displays(study, data, results, only=["table9"])


def test_without_a_lock_arms_are_shuffled_and_every_display_says_so(study, frames, tmp_path):
    dry = openlupus.load(demo_study(), data=frames, arms=openlupus.Arms.dummy(3))
    data = openlupus.derive(dry)
    results = openlupus.analyse(dry, data)
    page = openlupus.report(dry, data, results, out=tmp_path).read_text("utf-8")
    assert page.count("DUMMY ARMS") >= 4
    with pytest.raises(DerivationError, match="statement of the lock"):
        openlupus.Arms.unblinded(" ")


def test_every_declared_analysis_has_rows_and_a_note(study, results):
    declared = set(study.protocol.analyses)
    assert declared <= set(results.rows["analysis"])
    assert declared <= set(results.notes)


def test_hochberg_of_the_primary_family(results):
    rows = results.rows.filter(pl.col("analysis") == "primary")

    def p(statistic: str, group: str) -> float:
        return rows.filter(
            (pl.col("statistic") == statistic)
            & (pl.col("group") == group)
            & (pl.col("comparator") == "placebo")
        )["value"].item()

    raw = {g: p("p", g) for g in ("ibe045", "ibe030")}
    largest, smallest = max(raw.values()), min(raw.values())
    by_hand = {g: largest if v == largest else min(2 * smallest, largest) for g, v in raw.items()}
    assert {g: p("p_adjusted", g) for g in raw} == pytest.approx(by_hand, rel=1e-12)


def test_every_number_points_to_records_that_are_there(data, results):
    behind = subjects_behind(data, results.rows["source"].unique())
    assert set(results.rows["source"]) == behind.keys()
    counted = results.rows.filter(pl.col("statistic") == "n", pl.col("value").is_not_null())
    short = [
        row for row in counted.iter_rows(named=True) if len(behind[row["source"]]) < row["value"]
    ]
    assert short == []
    more = [
        row for row in counted.iter_rows(named=True) if len(behind[row["source"]]) > row["value"]
    ]
    # A count over completed data sets, and quarters by a mean of records, point to all who are in.
    assert {row["method"] for row in more} <= {"count", "exposure_response"}


def test_cells_of_the_printed_tables_count_the_patients_behind_them(study, data, results):
    tables = pipeline.displays(study, data, results, only=["table1", "table2", "table3"])
    rows = [r for t in tables for line in t.rows for cell in line.cells for r in cell.rests_on]
    counts = [row for row in rows if row.statistic == "n"]
    behind = subjects_behind(data, [row.source for row in counts])
    assert len(counts) > 200
    assert [row for row in counts if len(behind[row.source]) != row.value] == []


def test_every_declared_figure_is_drawn(study, data, results):
    figures = [
        display for display in pipeline.displays(study, data, results) if hasattr(display, "svg")
    ]
    assert len(figures) > 15
    assert [f.id for f in figures if "Nothing could be drawn" in f.description] == []
