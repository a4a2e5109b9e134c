"""What a figure reads: result rows, the words for them, and the table of the numbers drawn."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from openlupus.display.model import Cell, Header, TableModel, TableRow
from openlupus.display.rounding import Printer, number, printers
from openlupus.errors import DisplayError
from openlupus.protocol import Protocol
from openlupus.protocol.displays import Style
from openlupus.protocol.figures import FigurePart, Read, Scale
from openlupus.results import ResultRow, Results

MISSING = "NE"


@dataclass(frozen=True)
class Source:
    """The results of a run and what is needed to put words to them.

    Attributes:
        labels: Id of an arm, group or population to its label.
        synthetic, dummy_arms: What must be said of the numbers.
    """

    protocol: Protocol
    results: Results
    labels: Mapping[str, str]
    style: Style = "journal"
    synthetic: bool = False
    dummy_arms: bool = False

    @cached_property
    def formats(self) -> Mapping[str, Printer]:
        return printers({}, style=self.style)

    def of(self, read: Read) -> list[ResultRow]:
        """The rows that a figure reads, in order, whatever their visit, parameter and subgroup."""
        if absent := [name for name in read.analyses if name not in self.results.analyses]:
            raise DisplayError(f"no analysis {', '.join(absent)} in the results")
        wanted = self.results.rows.filter(pl.col("analysis").is_in(read.analyses))
        return [ResultRow(**named) for named in wanted.iter_rows(named=True)]

    def week(self, visit: str) -> float:
        """Weeks from the first dose to the target day of a visit."""
        day = self.protocol.visit(visit).day
        return (day - 1 if day > 0 else day) / 7

    def label(self, group: str) -> str:
        """An arm or group in words; no group is everybody."""
        return self.labels.get(group, group) if group else "All"


def meant(rows: Sequence[ResultRow], column: str, given: str, number: str) -> list[ResultRow]:
    """The rows with the value that is given, else with the empty one, else with the only one."""
    found = list(dict.fromkeys(getattr(row, column) for row in rows))
    if given or not found:
        wanted = given
    elif "" in found or len(found) == 1:
        wanted = "" if "" in found else found[0]
    else:
        raise DisplayError(
            f"{number}: the results have several values of {column} ({', '.join(found[:12])});"
            " name one"
        )
    kept = [row for row in rows if getattr(row, column) == wanted]
    if given and rows and not kept:
        raise DisplayError(
            f"{number}: the results have no {column} {given!r}; there are {', '.join(found[:12])}"
        )
    return kept


def narrowed(source: Source, read: Read, number: str, *, free: Iterable[str]) -> list[ResultRow]:
    """The rows of a reading; the columns in `free` may vary, the others must have one value."""
    rows = source.of(read)
    for column in ("parameter", "visit", "subgroup"):
        if column not in free:
            rows = meant(rows, column, getattr(read, column), number)
    return rows


Key = tuple[str, ...]
Table = Mapping[Key, ResultRow]


def keyed(rows: Iterable[ResultRow], *columns: str) -> Table:
    """Rows by the values of these columns, and the statistic last; the first of several stands."""
    found: dict[Key, ResultRow] = {}
    for row in rows:
        found.setdefault((*(getattr(row, c) for c in columns), row.statistic), row)
    return found


def in_order(rows: Iterable[ResultRow], column: str) -> tuple[str, ...]:
    """Values of a column, in order of appearance."""
    return tuple(dict.fromkeys(getattr(row, column) for row in rows))


# -- the table of the numbers ---------------------------------------------------------------


def printed(value: float, scale: Scale, digits: int) -> str:
    return number(value, digits=digits, shift=0 if scale == "number" else 2)


def estimate(*rows: ResultRow | None, scale: Scale, digits: int) -> Cell:
    """A cell `a`, `a (b)` or `a (b to c)` of up to three rows; blank where there is none."""
    given = tuple(row for row in rows if row is not None)
    if not given or given[0] is not rows[0]:
        return Cell()
    warnings = tuple(dict.fromkeys(row.warnings for row in given if row.warnings))
    if given[0].value is None:
        return Cell(MISSING, "missing", given, warnings)
    texts = [MISSING if row.value is None else printed(row.value, scale, digits) for row in given]
    text = texts[0] + (f" ({' to '.join(texts[1:])})" if len(texts) > 1 else "")
    return Cell(text, "value", given, warnings)


def whole(row: ResultRow | None) -> Cell:
    """A cell of a count."""
    return Cell() if row is None else estimate(row, scale="number", digits=0)


def numbers(
    source: Source,
    figure: FigurePart,
    *,
    id: str,  # noqa: A002 - the name that every model of a display has
    stub: Sequence[str],
    columns: Sequence[str],
    rows: Iterable[tuple[Sequence[str], Sequence[Cell]]],
) -> TableModel:
    """The table of the numbers of a figure, from rows of labels and cells."""
    made = tuple(
        TableRow(tuple(labels), "|".join(labels), cells=tuple(cells)) for labels, cells in rows
    )
    used = [row.analysis for line in made for cell in line.cells for row in cell.rests_on]
    missing = any(cell.kind == "missing" for line in made for cell in line.cells)
    return TableModel(
        id=f"{id}-numbers",
        number=figure.number,
        title=f"The Numbers of {figure.title.rstrip('.')}",
        population="",
        style=source.style,
        stub=tuple(stub),
        spanners=(),
        columns=tuple(Header(_slug(i, text), text) for i, text in enumerate(columns)),
        measure="",
        rows=made,
        footnotes=(f"{MISSING} denotes not estimable.",) if missing else (),
        analyses=tuple(dict.fromkeys(used)),
        synthetic=source.synthetic,
        dummy_arms=source.dummy_arms,
    )


def _slug(i: int, text: str) -> str:
    return f"{i}_{re.sub(r'[^a-z0-9]+', '_', text.lower()).strip('_')}"
