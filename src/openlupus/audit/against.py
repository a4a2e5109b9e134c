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
        numbers: How many the printed cell holds.
        met: How many of them ours prints too.
    """

    table: str
    row: str
    column: str
    printed: str
    ours: str
    outcome: Outcome
    why: str
    numbers: int
    met: int


def against(
    published: Published, ours: Mapping[Place, str], *, findings: Sequence[Finding] = ()
) -> tuple[Compared, ...]:
    """Each printed cell beside that of a run.

    Args:
        published: What the paper prints.
        ours: Texts of the run's cells, by table, row and column of the paper.
        findings: What the audit of the paper says; a remark of its file goes before.
    """
    known = {(f.table, f.row, f.column): _faulty(f.verdict, f.why) for f in findings
             if f.verdict in ("misprint", "inconsistent")}  # fmt: skip
    for cell in published.cells:
        if (remark := published.remark(cell.table, cell.row, cell.column)) is not None:
            known[cell.table, cell.row, cell.column] = _faulty(remark.verdict, remark.why)
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


def regenerated(compared: Sequence[Compared]) -> str:
    """In words: how many printed cells, and how many of their numbers, the run prints too."""
    cells, numbers = counts(compared)["equal"], sum(each.met for each in compared)
    of = sum(each.numbers for each in compared)
    return f"{cells} of {len(compared)} printed cells regenerated ({numbers:,} of {of:,} numbers)"


def compared_frame(compared: Sequence[Compared]) -> pl.DataFrame:
    """The comparison as a frame, one cell a row."""
    names = Compared.__dataclass_fields__
    schema = {n: pl.Int64 if n in ("numbers", "met") else pl.String for n in names}
    return pl.DataFrame([asdict(each) for each in compared], schema=schema)


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
                equal = n == count.n
                outcome = "equal" if equal else "differs"
                why = f"by {rows}"
                found[place] = Compared(*place, cell.text, str(n), outcome, why, 1, int(equal))
    return found


def _read(text: str) -> Content | None:
    try:
        return read_cell(text)
    except ValueError:
        return None


def _faulty(verdict: str, why: str) -> str:
    """What is known of a printed cell, as the reason that a run does not print it."""
    match verdict:
        case "misprint":
            said = f"the printed cell is a misprint: {why}"
            return f"{said}; a misprint can only be matched by the misprint"
        case "inconsistent":
            return f"the printed cell is inconsistent with others: {why}"
        case _:
            return why


def _compared(
    cell: Cell,
    ours: Mapping[Place, str],
    tables: set[str],
    rows: set[tuple[str, str]],
    known: Mapping[Place, str],
) -> Compared:
    place = (cell.table, cell.row, cell.column)
    text, numbers = ours.get(place, ""), len(_numbers(cell.content))
    if not text:
        if cell.table not in tables:
            why = "no display and no named result of the run belongs to this table"
        elif (cell.table, cell.row) not in rows:
            why = "no display and no named result of the run has this row"
        else:
            why = "the run's cell is blank, or its display has no such column"
        return Compared(*place, cell.text, "", "absent", known.get(place, why), numbers, 0)
    mine = _alike(_read(text), cell.content)
    if mine == cell.content:
        return Compared(*place, cell.text, text, "equal", "", numbers, numbers)
    if mine is None or type(mine) is not type(cell.content):
        met, why = 0, "the two cells do not hold the same kind of numbers"
    else:
        met, why = _parts(cell.content, mine)
    why = "; ".join(filter(None, (why, known.get(place))))
    return Compared(*place, cell.text, text, "differs", why, numbers, met)


def _alike(ours: Content | None, printed: Content) -> Content | None:
    """Ours as a count where the other is one: no patient is `0` where one is `1 (1)`."""
    if isinstance(printed, Count) and isinstance(ours, Plain) and not ours.value.decimals:
        return Count(int(ours.value.value))
    return ours


def _parts(printed: Content, ours: Content) -> tuple[int, str]:
    """Printed numbers that ours has too, and in words how the others differ."""
    there, here = dict(_numbers(printed)), dict(_numbers(ours))
    said: list[str] = []
    for name in {**there, **here}:
        mine, its = here.get(name), there.get(name)
        if its is None or mine is None:
            said.append(f"{name} is {its if mine is None else mine} in one alone")
        elif its != mine:
            said.append(_apart(name, its, mine))
    return sum(here.get(name) == number for name, number in there.items()), "; ".join(said)


def _apart(name: str, there: Number | int, here: Number | int) -> str:
    if isinstance(there, int) or isinstance(here, int):
        return f"{name} {here} here, {there} printed"
    if there.decimals != here.decimals:
        same = there.prints(float(here)) or here.prints(float(there))
        words = "the same with other digits" if same else "not the same"
        return f"{name} {here} here, {there} printed: {words}"
    if not there.decimals:
        return f"{name} {here} here, {there} printed"
    units = round(abs(float(here) - float(there)) / (2 * there.half))
    return f"{name} {here} here, {there} printed: {units} of the last digit"


def _numbers(content: Content) -> list[tuple[str, Number | int]]:
    """The numbers of a cell, each with its name."""
    match content:
        case Count(n, of, percent):
            given = [("count", n), ("total", of), ("percentage", percent)]
            return [(name, number) for name, number in given if number is not None]
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
