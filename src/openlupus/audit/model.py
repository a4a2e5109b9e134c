"""What a paper prints: its columns, its cells, and how they hang together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from openlupus.audit.printed import Content, Count, Number, Plain

DIFFERENCE, P_VALUE = "_difference", "_p"
"""Endings of the keys of columns that compare an arm with the control."""

COLUMNS = "columns"
"""The table of a reference that means the numbers of patients in the headers of columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: an arm, or several together.

    Attributes:
        n: Patients in its header, None where none is printed.
        members: Keys of the columns that it sums up; none for an arm.
    """

    key: str
    label: str
    n: int | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A printed cell, where it stands, and what it says; `line` is that of the file."""

    table: str
    row: str
    column: str
    text: str
    content: Content
    line: int = 0


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What the paper says about a row, outside its cells.

    Attributes:
        plus_minus: What the paper calls the number after the plus-minus sign.
        n: Patients of each column, where they are not those of the header.
        granularity: Step of one patient's value, as 1 for a count of joints.
        scale: Least and largest value that one patient can have.
        pooled: Estimates come from multiply imputed data, pooled.
        shows: `count` where a whole number by itself is a number of patients.
        result: Where a run's results give this row, as they name it: analysis, and perhaps visit,
            parameter, subgroup, group (that of the column if it is not there), and the statistic
            of a number that is no count, as `mean`.
    """

    plus_minus: Literal["", "SD", "SE"] = ""
    n: Mapping[str, int] = field(default_factory=lambda: MappingProxyType(dict[str, int]()))
    granularity: float | None = None
    scale: tuple[float, float] | None = None
    pooled: bool = False
    shows: Literal["", "count"] = ""
    result: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(dict[str, str]()))


@dataclass(frozen=True, slots=True)
class Ref:
    """Cells that a relation speaks of: a row, in one column or in all.

    Attributes:
        table: Its key; `columns` means the numbers of patients in the headers.
        part: The count of a cell, or its denominator.
    """

    table: str
    row: str = ""
    column: str = ""
    part: Literal["count", "denominator"] = "count"

    def __str__(self) -> str:
        where = " / ".join(filter(None, (self.table, self.row, self.column)))
        return f"denominator of {where}" if self.part == "denominator" else where


@dataclass(frozen=True, slots=True)
class Relation:
    """How printed counts hang together.

    Attributes:
        kind: `same`: `left` is the sum of `right` (one: the same number in two places).
            `at-most`: `left` counts some of the patients of each `right`.
            `union`: `left` counts patients with any of `right`.
        why: In words, what makes it so.
    """

    kind: Literal["same", "at-most", "union"]
    left: Ref
    right: tuple[Ref, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What is known of a printed row or cell: why a run need not print it.

    Attributes:
        columns: None named means every cell of the row.
        verdict: Of the audit, where its fault is the reason; empty for another one.
        why: In words.
    """

    table: str
    row: str
    columns: tuple[str, ...]
    verdict: Literal["", "misprint", "inconsistent"]
    why: str


@dataclass(frozen=True, slots=True)
class PowerStatement:
    """The paper's statement of sample size, for two proportions.

    Attributes:
        power: Printed, in per cent.
        difference: That is to be found, in percentage points.
        alpha: Level of the test.
        sides: Of the test.
        n: Planned patients of each arm that is tested; n_control those of the control.
        family: Arms that share the level.
        procedure: What the paper says on multiplicity, as `hochberg`; empty for nothing.
        about: The paper says `about`; a power may then be off by 2.5 points.
    """

    power: Number
    difference: float
    alpha: float
    n: Mapping[str, int]
    n_control: int
    sides: int = 2
    family: tuple[str, ...] = ()
    procedure: str = ""
    about: bool = True


@dataclass(frozen=True)
class Published:
    """Everything that was read of a paper.

    Attributes:
        level: Of its confidence intervals.
        control: Key of the column that arms are compared with; empty for none.
        strata: How many strata its adjusted comparisons have; None where it does not say.
        titles: Key of a table to its title; tables of one title are one table.
    """

    source: str
    columns: Mapping[str, Column]
    cells: tuple[Cell, ...]
    level: float = 0.95
    control: str = ""
    strata: int | None = None
    titles: Mapping[str, str] = field(default_factory=dict[str, str])
    facts: Mapping[tuple[str, str], RowFacts] = field(
        default_factory=dict[tuple[str, str], RowFacts]
    )
    relations: tuple[Relation, ...] = ()
    power: PowerStatement | None = None
    remarks: tuple[Remark, ...] = ()

    @cached_property
    def _index(self) -> Mapping[tuple[str, str, str], Cell]:
        return {(cell.table, cell.row, cell.column): cell for cell in self.cells}

    @cached_property
    def rows(self) -> Mapping[tuple[str, str], Mapping[str, Cell]]:
        """(table, row) to its cells by column, in order."""
        found: dict[tuple[str, str], dict[str, Cell]] = {}
        for cell in self.cells:
            found.setdefault((cell.table, cell.row), {})[cell.column] = cell
        return found

    @property
    def arms(self) -> tuple[str, ...]:
        """Columns that are not the sum of others."""
        return tuple(key for key, column in self.columns.items() if not column.members)

    def cell(self, table: str, row: str, column: str) -> Cell | None:
        return self._index.get((table, row, column))

    def fact(self, table: str, row: str) -> RowFacts:
        return self.facts.get((table, row), RowFacts())

    def remark(self, table: str, row: str, column: str) -> Remark | None:
        """What is said of a cell."""
        for each in self.remarks:
            if (each.table, each.row) == (table, row) and column in (each.columns or (column,)):
                return each
        return None

    def count(self, cell: Cell | None) -> Count | None:
        """The count of a cell: a whole number by itself is one where its row holds counts."""
        if cell is None:
            return None
        content = cell.content
        if isinstance(content, Count):
            return content
        if not isinstance(content, Plain) or content.value.below or content.value.decimals:
            return None
        neighbours = self.rows[cell.table, cell.row].values()
        counted = self.fact(cell.table, cell.row).shows == "count" or any(
            isinstance(other.content, Count) for other in neighbours
        )
        is_arm = cell.column in self.columns
        return Count(int(content.value.value)) if counted and is_arm else None

    def patients(self, cell: Cell) -> int | None:
        """How many patients a cell rests on, as far as the paper says."""
        if isinstance(cell.content, Count) and cell.content.of is not None:
            return cell.content.of
        stated = self.fact(cell.table, cell.row).n
        if cell.column in stated:
            return stated[cell.column]
        column = self.columns.get(cell.column)
        return column.n if column else None

    def comparisons(self) -> Iterator[tuple[Cell, Cell | None, Cell | None, Cell | None]]:
        """(difference, arm, control, P value) of each cell that compares an arm with control."""
        for cell in self.cells:
            if not cell.column.endswith(DIFFERENCE):
                continue
            arm = cell.column.removesuffix(DIFFERENCE)
            yield (
                cell,
                self.cell(cell.table, cell.row, arm),
                self.cell(cell.table, cell.row, self.control),
                self.cell(cell.table, cell.row, arm + P_VALUE),
            )

    def title(self, table: str) -> str:
        return self.titles.get(table, table)
