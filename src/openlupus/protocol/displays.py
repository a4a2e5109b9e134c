"""Displays as declared: tables and figures are layout and words; the numbers come from results."""

from typing import Annotated, Literal

from pydantic import Field

from openlupus.protocol.figures import Figure, FigurePart
from openlupus.protocol.layout import Column, Format, Laid, Row, Zero

__all__ = [
    "Column",
    "Display",
    "Figure",
    "FigurePart",
    "Format",
    "Laid",
    "Row",
    "Style",
    "Table",
    "Zero",
]

Style = Literal["journal", "regulatory"]


class Table(Laid):
    """A table."""

    kind: Literal["table"] = "table"
    number: str
    filed: str = ""
    """Number in the regulatory style, for example `Table 14.2.1`."""
    title: str
    footnotes: tuple[str, ...] = ()
    measure: str = ""
    """Line under the headers that says what the cells are."""
    style: Style = "journal"
    published: str = ""
    """Name of the published table that these cells may be laid beside (see `published.toml`)."""


Display = Annotated[Table | Figure, Field(discriminator="kind")]
