"""What the drawing of a figure gives back, and how it becomes a finished figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openlupus.display.figures.look import POINTS, sheet
from openlupus.display.figures.source import Source
from openlupus.display.figures.svg import svg_of
from openlupus.display.model import FigureModel, TableModel
from openlupus.display.outline import unmarked
from openlupus.protocol.figures import FigurePart


@dataclass(frozen=True)
class Drawing:
    """A drawn figure.

    Attributes:
        figure: A matplotlib figure; None where no number could be drawn.
        words: What it shows, for those who do not see it.
        numbers: The table of the numbers drawn.
    """

    figure: Any
    words: str
    numbers: TableModel | None


def finished(
    drawing: Drawing, declared: FigurePart, source: Source, *, name: str, why: str = ""
) -> FigureModel:
    """The figure as its page takes it; where nothing could be drawn it says why."""
    figure, words = drawing.figure, drawing.words
    if figure is None:
        seen = reasons(drawing.numbers) if drawing.numbers else ()
        told = [why] if why else seen or ["the results have no rows for it"]
        words = f"Nothing could be drawn: {'; '.join(told)}."
        figure = _blank(words)
    number = declared.filed if source.style == "regulatory" and declared.filed else declared.number
    return FigureModel(
        id=name,
        number=number,
        title=declared.title,
        svg=svg_of(figure, figure_id=name, title=unmarked(declared.title), description=words),
        description=words,
        footnotes=declared.footnotes,
        numbers=drawing.numbers,
        style=source.style,
        synthetic=source.synthetic,
        dummy_arms=source.dummy_arms,
    )


def refused(why: str, declared: FigurePart, source: Source, *, name: str) -> FigureModel:
    """The figure that says in its place why it could not be drawn."""
    none = Drawing(None, "", None)
    return finished(none, declared, source, name=name, why=why)


def reasons(table: TableModel) -> Sequence[str]:
    """Why numbers of a table could not be computed, each once."""
    missing = (cell for row in table.rows for cell in row.cells if cell.kind == "missing")
    return list(dict.fromkeys(warning for cell in missing for warning in cell.warnings))


def _blank(words: str) -> Any:
    import textwrap

    lines = textwrap.wrap(words, 100)
    figure, (ax,) = sheet(7.5, 0.5 + 0.18 * len(lines))
    ax.set_axis_off()
    ax.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", fontsize=POINTS)
    return figure
