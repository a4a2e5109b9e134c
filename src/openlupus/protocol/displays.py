"""Displays as declared: tables and figures are layout and words; the numbers come from results."""

from typing import Annotated, Literal

from pydantic import Field

from openlupus.protocol.base import Part

Zero = str | dict[str, str] | None
"""Text, or slot to text."""


class Format(Part):
    """How a number is printed: `kind` number, percent or p."""

    kind: Literal["number", "percent", "points", "p"] = "number"
    digits: int = Field(1, ge=0, le=8)
    ties: Literal["away", "even"] = "away"
    """Of a `number`: half away from zero, as SAS rounds; or the exact binary value with ties to
    even, as R prints."""
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


class Row(Part):
    """A row: a heading, one parameter of an analysis, or all of its parameters (`expand`)."""

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
    cells: dict[str, str] = {}
    """Slot of the column to template, such as `{n} ({proportion:pct})`."""
    zero: Zero = None
    """What a cell whose n is 0 prints; the table's own `zero` when not given."""


class Table(Part):
    """A table.

    In the file, `columns` may name a set of `[columns]`, and `cells` of the table are those of
    every row that has none of its own.
    """

    kind: Literal["table"] = "table"
    number: str
    title: str
    population: str
    stub: tuple[str, ...] = ("",)
    columns: tuple[Column, ...] = Field(min_length=1)
    rows: tuple[Row, ...] = Field(min_length=1)
    formats: dict[str, Format] = {}
    footnotes: tuple[str, ...] = ()
    zero: Zero = None
    missing: str = "NE"
    """What a statistic that could not be computed prints."""
    measure: str = ""
    """Line under the headers that says what the cells are."""
    style: Literal["journal", "regulatory"] = "journal"
    published: str = ""
    """Name of the published table that these cells may be laid beside (see `published.toml`)."""


class Figure(Part):
    """A figure; `shows` names what is drawn."""

    kind: Literal["figure"]
    number: str
    title: str
    shows: Literal["design"]
    footnotes: tuple[str, ...] = ()


Display = Annotated[Table | Figure, Field(discriminator="kind")]
