"""What a display is when it is finished: one table model, one figure model, free of markup.

Every cell keeps the result rows that it rests on, at full precision.
"""

import json
from dataclasses import dataclass
from typing import Literal

from openlupus.display.rounding import Style
from openlupus.results import ResultRow

SYNTHETIC = "SYNTHETIC DATA: simulated patients"
DUMMY_ARMS = "DUMMY ARMS: not the randomised treatments"


def flags(*, synthetic: bool, dummy_arms: bool) -> tuple[str, ...]:
    """What must be said of the numbers on every page."""
    return (SYNTHETIC,) * synthetic + (DUMMY_ARMS,) * dummy_arms


@dataclass(frozen=True)
class Cell:
    """A printed cell.

    Attributes:
        text: As printed; `""` for a blank cell.
        kind: `value`; `zero` where n is 0; `missing` where a number could not be computed.
        rests_on: The result rows that were printed, in the order of the template's fields.
        warnings: What the results say about these numbers.
        published: The cell of the published table, where one is laid beside.
        matches: Whether the two texts say the same.
    """

    text: str = ""
    kind: Literal["value", "zero", "missing", "blank"] = "blank"
    rests_on: tuple[ResultRow, ...] = ()
    warnings: tuple[str, ...] = ()
    published: str | None = None

    @property
    def matches(self) -> bool:
        return self.published is not None and alike(self.text, self.published)


@dataclass(frozen=True)
class TableRow:
    """A row: its labels (one a stub column), its place in the outline, its cells.

    Attributes:
        key: The labels from the outermost heading down, joined by `|`; names the row.
        group: Label of the outermost heading that it stands under (where there are several stub
            columns and no heading, the label in the first of them), `""` for none.
    """

    labels: tuple[str, ...]
    key: str
    group: str = ""
    heading: bool = False
    indent: int = 0
    cells: tuple[Cell, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether the row is a label and nothing else."""
        return all(cell.kind == "blank" and cell.published is None for cell in self.cells)


@dataclass(frozen=True)
class Header:
    """Header of a column, or of `span` neighbouring columns."""

    key: str
    text: str
    span: int = 1


@dataclass(frozen=True)
class TableModel:
    """A finished table: text and structure, for any renderer.

    Attributes:
        spanners: Headers above the columns, covering all of them; empty when there are none.
        measure: Line under the headers that says what the cells are.
        analyses: The analyses that it rests on, in order of first use.
        unplaced: Published cells that found no cell of ours, as `row key / column key`.
    """

    id: str
    number: str
    title: str
    population: str
    style: Style
    stub: tuple[str, ...]
    spanners: tuple[Header, ...]
    columns: tuple[Header, ...]
    measure: str
    rows: tuple[TableRow, ...]
    footnotes: tuple[str, ...]
    analyses: tuple[str, ...]
    synthetic: bool
    dummy_arms: bool
    unplaced: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        return flags(synthetic=self.synthetic, dummy_arms=self.dummy_arms)

    @property
    def across(self) -> int:
        """Columns, those of the stub included."""
        return len(self.stub) + len(self.columns)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets that the printed results point to, by name."""
        cells = (cell for row in self.rows for cell in row.cells)
        sources = {result.source for cell in cells for result in cell.rests_on if result.source}
        return tuple(sorted({str(json.loads(source)["dataset"]) for source in sources}))

    @property
    def beside(self) -> tuple[int, int] | None:
        """Published cells laid beside ours and how many say the same; None when none is."""
        cells = [cell for row in self.rows for cell in row.cells if cell.published is not None]
        return (len(cells), sum(cell.matches for cell in cells)) if cells else None


@dataclass(frozen=True)
class FigureModel:
    """A finished figure.

    Attributes:
        svg: One `<svg>` element, text as text, with its own title and description.
        description: What it shows, in words.
        numbers: The table of the numbers that are drawn; None where none is.
        synthetic, dummy_arms: Whether it shows numbers of simulated patients, or of dummy arms.
    """

    id: str
    number: str
    title: str
    svg: str
    description: str
    footnotes: tuple[str, ...] = ()
    numbers: TableModel | None = None
    style: Style = "journal"
    synthetic: bool = False
    dummy_arms: bool = False

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets that the drawn results point to, by name."""
        return self.numbers.datasets if self.numbers else ()

    @property
    def flags(self) -> tuple[str, ...]:
        return flags(synthetic=self.synthetic, dummy_arms=self.dummy_arms)


def alike(ours: str, published: str) -> bool:
    """Whether two cells say the same: white space and the kinds of dash do not count."""
    return _plain(ours) == _plain(published)


def _plain(text: str) -> str:
    return "".join(text.split()).translate(_DASHES)


_DASHES = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-"})
