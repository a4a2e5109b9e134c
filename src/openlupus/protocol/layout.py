"""Rows and columns of numbers as declared: what tables share with figures that hold a table."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.base import Part

Zero = str | dict[str, str] | None
"""Text, or slot to text."""


class Format(Part):
    """How a number is printed: `kind` number, percent or p."""

    kind: Literal["number", "percent", "points", "p"] = "number"
    digits: int = Field(1, ge=0, le=8)
    ties: Literal["away", "even"] = "away"
    """Of a `number` or `percent`: half away from zero, as SAS rounds; or the exact binary value
    with ties to even, as R prints."""
    low: str = ""
    """Printed instead of a P value below the bound that it names, for example `<0.001`."""
    high: str = ""
    """Printed instead of a P value above the bound that it names, for example `>.99`."""
    small: str = ""
    """Printed instead of a percentage above 0 that would round to 0, for example `<1`."""
    star_below: float | None = None
    leading_zero: bool = True


class Column(Part):
    """A column of numbers: one group, or one comparison, or the whole (`group = ""`)."""

    key: str
    header: str
    group: str = ""
    comparator: str = ""
    slot: str = "value"
    spanner: str = ""
    analysis: str = ""
    """Takes the place of the row's analysis in this column."""
    parameter: str = ""
    """Last level of the parameter in this column, below that of the row."""
    subgroup: str = ""
    """Takes the place of the row's subgroup in this column."""
    population: str = ""
    """Population of the `{N}` in the header; the display's own when empty."""


Over = Literal["1", "2", "3", "4", "5", "6", "group", "visit", "subgroup"]
"""A level of the parameter, from the outermost; or the group, the visit, the subgroup."""


class Row(Part):
    """A row: a heading, one parameter of an analysis, or all of its parameters (`expand`); or, with
    `over`, a row (or the rows of a block) for each level, group, visit or subgroup."""

    label: str | tuple[str, ...] = ""
    heading: bool = False
    indent: int = Field(0, ge=0, le=6)
    analysis: str = ""
    parameter: str = ""
    visit: str = ""
    subgroup: str = ""
    group: str | None = None
    """Takes the place of the column's group in this row."""
    comparator: str | None = None
    """Takes the place of the column's comparator in this row."""
    expand: bool = False
    over: tuple[Over, ...] = ()
    """What the row is printed for each of, the outermost first, as the analysis has it. In the
    label `{1}`, `{2}`, ... are the levels of the parameter, `{visit}` and `{subgroup}` those of the
    row, `{label}` and `{N}` the label and the number of subjects of its group."""
    repeat: bool = False
    """Whether a label that is that of the row above is printed again."""
    rows: "tuple[Row, ...]" = ()
    """A block: these rows for each of `over`; what they do not name they take from the block."""
    cells: dict[str, str] = {}
    """Slot of the column to template, such as `{n} ({proportion:pct})`."""
    zero: Zero = None
    """What a cell whose n is 0 prints; the table's own `zero` when not given."""


class Laid(Part):
    """Rows and columns.

    In the file, `columns` may name a set of `[columns]`, and `cells` of the display are those of
    every row that has none of its own.
    """

    population: str
    stub: tuple[str, ...] = ("",)
    columns: tuple[Column, ...] = Field(min_length=1)
    rows: tuple[Row, ...] = Field(min_length=1)
    formats: dict[str, Format] = {}
    labels: dict[str, str] = {}
    """Printed words for levels, groups, visits and subgroups, in the place of their own."""
    zero: Zero = None
    missing: str = "NE"
    """What a statistic that could not be computed prints."""
    absent: str = ""
    """What a cell prints for which there are no results, such as an event that no subject had."""
