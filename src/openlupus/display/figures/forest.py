"""Differences or ratios with their intervals, a row each, the numbers beside."""

from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import (
    GREY,
    INK,
    NEUTRAL,
    POINTS,
    Look,
    handle,
    legend,
    looks,
    minus,
    plain,
    tick_words,
)
from openlupus.display.figures.source import Source
from openlupus.display.model import Cell, TableModel
from openlupus.display.outline import unmarked
from openlupus.display.table import build_table
from openlupus.protocol.displays import Table
from openlupus.protocol.figures import Forest

_LINE = 0.22
"""Height of a row, inches."""
_LETTER = 0.066
"""Width of a letter at the size of the type, inches."""


def forest(declared: Forest, source: Source, *, name: str) -> Drawing:
    """A forest: the table of its numbers is the declared table itself."""
    table = numbers_of(declared, source, name=name)
    places = {column.key: i for i, column in enumerate(table.columns)}
    plotted = [places[key] for key in declared.plot]
    marks = [
        (line, at, found)
        for line, row in enumerate(table.rows)
        for at in plotted
        if row.cells and (found := _estimate(row.cells[at], declared.statistic))
    ]
    words = _words(declared, table, plotted)
    if not marks:
        return Drawing(None, words, table)
    return Drawing(_drawn(declared, source, table, marks, plotted), words, table)


def numbers_of(declared: Forest, source: Source, *, name: str) -> TableModel:
    """The declared rows and columns as a table."""
    shared = declared.model_dump(
        include={"population", "stub", "columns", "rows", "formats", "zero", "missing"}
    )
    laid = Table(
        kind="table", number=declared.number, title=f"The Numbers of {declared.title.rstrip('.')}",
        style=source.style, **shared,
    )  # fmt: skip
    return build_table(
        laid, source.results, labels=source.labels, synthetic=source.synthetic,
        dummy_arms=source.dummy_arms, id=f"{name}-numbers",
    )  # fmt: skip


Estimate = tuple[float, float | None, float | None]


def _estimate(cell: Cell, statistic: str) -> Estimate | None:
    """The value and limits among the results of a cell; None without a value."""
    held = {row.statistic: row.value for row in cell.rests_on}
    value = held.get(statistic)
    return None if value is None else (value, held.get("lower"), held.get("upper"))


def _words(declared: Forest, table: TableModel, plotted: list[int]) -> str:
    said: list[str] = []
    for row in table.rows:
        for at in plotted:
            if row.cells and row.cells[at].text:
                column = unmarked(table.columns[at].text)
                of = f" ({column})" if len(plotted) > 1 else ""
                said.append(f"{row.key.replace('|', ', ')}{of}: {row.cells[at].text}")
    return f"{declared.axis or 'Estimate'} with its interval, one row each. {'; '.join(said)}."


def _drawn(
    declared: Forest,
    source: Source,
    table: TableModel,
    marks: list[tuple[int, int, Estimate]],
    plotted: list[int],
) -> Any:
    from matplotlib.figure import Figure

    shown = [
        i for i, column in enumerate(table.columns)
        if not declared.beside or column.key in declared.beside
    ]  # fmt: skip
    labels = ["   " * row.indent + unmarked(" ".join(row.labels).strip()) for row in table.rows]
    stub = _LETTER * max(len(text) for text in labels) + 0.15
    widths = [_width(table, i) for i in shown]
    before = [i for i in shown if i < plotted[0]]
    plot = 2.8
    head = _LINE * max(1 + table.columns[i].text.count("\n") for i in shown) if shown else 0
    several = len(plotted) > 1
    high = _LINE * (0.6 + 0.4 * len(plotted))
    foot = 0.75 + 0.25 * bool(declared.favours) + 0.25 * several
    height = head + high * len(table.rows) + foot
    width = stub + sum(widths) + plot
    figure: Any = Figure(figsize=(width, height))
    down = height - head

    def text(x: float, line: float, words: str, **style: Any) -> None:
        y = down - high * (line + 0.5)
        given = {"va": "center", "fontsize": POINTS, "color": INK} | style
        figure.text(x / width, y / height, minus(words), **given)

    at = stub
    left = stub
    for i, wide in zip(shown, widths, strict=True):
        if i == plotted[0] or (not before and i == shown[0] and i > plotted[0]):
            left, at = at, at + plot
        centre = at + wide / 2
        words = unmarked_lines(table.columns[i].text)
        figure.text(
            centre / width, (down + 0.04) / height, words, ha="center", va="bottom",
            fontsize=POINTS, fontweight="bold", color=INK,
        )  # fmt: skip
        for line, row in enumerate(table.rows):
            if row.cells and row.cells[i].text:
                text(centre, line, row.cells[i].text, ha="center")
        at += wide
    if plotted[0] not in shown:
        left = at
    for line, (row, label) in enumerate(zip(table.rows, labels, strict=True)):
        text(0.05, line, label.replace(" ", "\u00a0"), weight="bold" if row.heading else "normal")
    bottom, tall = foot / height, (height - head - foot) / height
    ax: Any = figure.add_axes((left / width + 0.01, bottom, plot / width - 0.02, tall))
    _plotted(ax, declared, source, table, marks, plotted)
    if several:
        held = looks(source.protocol)
        groups = [declared.columns[i].group for i in plotted]
        legend(figure, [handle(held[g], source.label(g), line=False) for g in groups])
    return figure


def unmarked_lines(text: str) -> str:
    return "\n".join(unmarked(line) for line in text.split("\n"))


def _width(table: TableModel, column: int) -> float:
    texts = [row.cells[column].text for row in table.rows if row.cells]
    heads = unmarked_lines(table.columns[column].text).split("\n")
    letters = max([*map(len, texts), *(1.12 * len(head) for head in heads)])
    return _LETTER * letters + 0.2


def _plotted(
    ax: Any,
    declared: Forest,
    source: Source,
    table: TableModel,
    marks: list[tuple[int, int, Estimate]],
    plotted: list[int],
) -> None:
    held = looks(source.protocol)
    plain(ax)
    if declared.logarithmic:
        ax.set_xscale("log")
    reference = declared.reference
    if reference is None:
        reference = 1.0 if declared.logarithmic else 0.0
    ax.axvline(reference, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    step = 0.72 / max(1, len(plotted))
    for line, at, (value, lower, upper) in marks:
        several = len(plotted) > 1
        look = held.get(declared.columns[at].group, NEUTRAL) if several else NEUTRAL
        offset = step * (plotted.index(at) - (len(plotted) - 1) / 2)
        _mark(ax, line + 0.5 + offset, value, lower, upper, look)
    ax.set_ylim(len(table.rows), 0)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    tick_words(ax.xaxis, declared.scale)
    ax.set_xlabel(declared.axis, fontsize=POINTS)
    if declared.favours:
        worse, better = declared.favours
        for words, x, side in ((f"← {worse}", 0.0, "left"), (f"{better} →", 1.0, "right")):
            ax.annotate(
                words, (x, 0), (0, -34), xycoords="axes fraction", textcoords="offset points",
                ha=side, va="top", fontsize=POINTS - 0.5, color=GREY,
            )  # fmt: skip


def _mark(
    ax: Any, y: float, value: float, lower: float | None, upper: float | None, look: Look
) -> None:
    if lower is not None and upper is not None:
        ax.plot([lower, upper], [y, y], color=look.colour, linewidth=1.3, solid_capstyle="butt")
        ax.plot([lower, upper], [y, y], "|", color=look.colour, markersize=4, markeredgewidth=1.0)
    ax.plot(
        [value], [y], marker=look.mark, color=look.colour, markerfacecolor=look.inside, markersize=5
    )
