"""A run against a paper: each printed cell, ours, equal or not, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import polars as pl

from openlupus.audit.finding import Finding
from openlupus.audit.model import COLUMNS, Cell, Published
from openlupus.audit.printed import (
    Content,
    Count,
    Estimate,
    Mean,
    Median,
    Number,
    Plain,
    Share,
    read_cell,
)
from openlupus.audit.relations import summed

Outcome = Literal["equal", "differs", "absent"]
OUTCOMES: tuple[Outcome, ...] = ("differs", "absent", "equal")

Place = tuple[str, str, str]
"""Table, row, column."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A printed cell beside ours.

    Attributes:
        ours: Empty where the run prints no such cell.
        why: In words; for equal cells empty.
    """

    table: str
    row: str
    column: str
    printed: str
    ours: str
    outcome: Outcome
    why: str


def against(
    published: Published, ours: Mapping[Place, str], *, findings: Sequence[Finding] = ()
) -> tuple[Compared, ...]:
    """Each printed cell beside that of a run.

    Args:
        published: What the paper prints.
        ours: Texts of the run's cells, by table, row and column of the paper.
        findings: What the audit of the paper says: a misprint can only be met by the misprint.
    """
    known = {(f.table, f.row, f.column): f for f in findings
             if f.verdict in ("misprint", "inconsistent")}  # fmt: skip
    tables = {table for table, _, _ in ours}
    rows = {(table, row) for table, row, _ in ours}
    elsewhere = _by_relation(published, ours)
    return tuple(
        elsewhere.get((cell.table, cell.row, cell.column))
        or _compared(cell, ours, tables, rows, known)
        for cell in published.cells
    )


def counts(compared: Sequence[Compared]) -> Mapping[Outcome, int]:
    """How many cells are equal, differ, or are not in the run."""
    counted = Counter(each.outcome for each in compared)
    return {outcome: counted[outcome] for outcome in OUTCOMES}


def compared_frame(compared: Sequence[Compared]) -> pl.DataFrame:
    """The comparison as a frame, one cell a row."""
    names = Compared.__dataclass_fields__
    return pl.DataFrame([asdict(each) for each in compared], schema=dict.fromkeys(names, pl.String))


def _by_relation(published: Published, ours: Mapping[Place, str]) -> Mapping[Place, Compared]:
    """Counts of the text that the run prints elsewhere: those that are the same as other rows."""
    cells = tuple(
        Cell(*place, text, content)
        for place, text in ours.items()
        if (content := _read(text)) is not None
    )
    mine = replace(published, cells=cells)
    found: dict[Place, Compared] = {}
    for relation in published.relations:
        table, row = relation.left.table, relation.left.row
        if relation.kind != "same" or relation.left.part != "count":
            continue
        for column, cell in published.rows.get((table, row), {}).items():
            count, place = published.count(cell), (table, row, column)
            sides = [summed(mine, ref, column) for ref in relation.right]
            known = [n for n in sides if n is not None]
            if count is None or place in ours or COLUMNS in {ref.table for ref in relation.right}:
                continue
            if len(known) == len(sides):
                n, rows = sum(known), ", ".join(str(ref) for ref in relation.right)
                outcome = "equal" if n == count.n else "differs"
                why = f"by {rows}"
                found[place] = Compared(*place, cell.text, str(n), outcome, why)
    return found


def _read(text: str) -> Content | None:
    try:
        return read_cell(text)
    except ValueError:
        return None


def _compared(
    cell: Cell,
    ours: Mapping[Place, str],
    tables: set[str],
    rows: set[tuple[str, str]],
    known: Mapping[Place, Finding],
) -> Compared:
    place = (cell.table, cell.row, cell.column)
    text = ours.get(place, "")
    if not text:
        if cell.table not in tables:
            why = "no display and no named result of the run belongs to this table"
        elif (cell.table, cell.row) not in rows:
            why = "no display and no named result of the run has this row"
        else:
            why = "the run's cell is blank, or its display has no such column"
        return Compared(*place, cell.text, "", "absent", why)
    mine = _read(text)
    if mine == cell.content:
        return Compared(*place, cell.text, text, "equal", "")
    why = _difference(cell.content, mine)
    if (finding := known.get(place)) is not None:
        why += f"; the printed cell is {finding.verdict} itself: {finding.why}"
    return Compared(*place, cell.text, text, "differs", why)


def _difference(printed: Content, ours: Content | None) -> str:
    if ours is None or type(ours) is not type(printed):
        return "the two cells do not hold the same kind of numbers"
    parts = zip(_numbers(printed), _numbers(ours), strict=True)
    said: list[str] = []
    for (name, there), (_, here) in parts:
        if there == here:
            continue
        if there is None or here is None:
            said.append(f"{name} is {there if here is None else here} in one alone")
        elif isinstance(there, Number) and isinstance(here, Number):
            said.append(_apart(name, there, here))
        else:
            said.append(f"{name} {here} here, {there} printed")
    return "; ".join(said)


def _apart(name: str, there: Number, here: Number) -> str:
    if there.decimals != here.decimals:
        same = there.prints(float(here)) or here.prints(float(there))
        words = "the same with other digits" if same else "not the same"
        return f"{name} {here} here, {there} printed: {words}"
    if not there.decimals:
        return f"{name} {here} here, {there} printed"
    units = round(abs(float(here) - float(there)) / (2 * there.half))
    return f"{name} {here} here, {there} printed: {units} of the last digit"


def _numbers(content: Content) -> list[tuple[str, Number | int | None]]:
    match content:
        case Count(n, of, percent):
            return [("count", n), ("total", of), ("percentage", percent)]
        case Share(percent):
            return [("percentage", percent)]
        case Mean(mean, spread):
            return [("mean", mean), ("plus-minus", spread)]
        case Median(median, low, high):
            return [("median", median), ("least", low), ("largest", high)]
        case Estimate(value, lower, upper):
            return [("estimate", value), ("lower limit", lower), ("upper limit", upper)]
        case Plain(value):
            return [("value", value)]
