"""Who was screened, randomised, treated and analysed: boxes from top to bottom."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import INK
from openlupus.display.figures.source import Source, in_order, keyed, numbers, whole
from openlupus.display.model import Cell
from openlupus.protocol.figures import Flow, Read, Step
from openlupus.results import ResultRow

_TYPE = 7.5
_LINE = 0.145
"""Height of a line of words, inches."""
_GAP = 0.26
"""Between boxes, inches."""


@dataclass(frozen=True)
class _Box:
    """Lines of words, and the cell of the count and of each reason."""

    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return _LINE * len(self.lines) + 0.14


def flow(declared: Flow, source: Source, *, name: str) -> Drawing:
    """Boxes in a column, beside it, or one for each group; counts are the statistic `n`."""
    counts = {id(step): _counts(declared, source, step) for step in declared.steps}
    groups = declared.groups or tuple(source.protocol.arms)
    rows: list[tuple[tuple[str, ...], list[Cell]]] = []
    for step in declared.steps:
        each = ("", *groups)
        for label, held in counts[id(step)]:
            rows.append(((label,), [whole(held.get(group)) for group in each]))
    table = numbers(
        source,
        declared,
        id=name,
        stub=("",),
        columns=["All", *map(source.label, groups)],
        rows=rows,
    )
    words = "From top to bottom: " + "; ".join(
        _told(source, step, counts[id(step)], groups) for step in declared.steps
    )
    if not any(cell.text for _, cells in rows for cell in cells):
        return Drawing(None, words, table)
    return Drawing(_drawn(declared, source, counts, groups), f"{words}.", table)


Counts = Sequence[tuple[str, Mapping[str, ResultRow]]]
"""The label of the step and of each reason, with the count of each group."""


def _counts(declared: Flow, source: Source, step: Step) -> Counts:
    found: list[tuple[str, Mapping[str, ResultRow]]] = []
    rows = source.of(Read(analysis=step.analysis))
    held = keyed((r for r in rows if r.parameter == step.parameter), "group")
    own = {g: _count(held, g) for g in in_order(rows, "group")}
    found.append((step.label, {g: row for g, row in own.items() if row is not None}))
    if step.reasons:
        given = source.of(Read(analysis=step.reasons))
        for parameter in in_order(given, "parameter"):
            if not parameter:
                continue
            held = keyed((r for r in given if r.parameter == parameter), "group")
            counted = {g: _count(held, g) for g in in_order(given, "group")}
            if any(row is not None and row.value for row in counted.values()):
                label = declared.labels.get(parameter, _sentence(parameter))
                found.append((label, {g: row for g, row in counted.items() if row is not None}))
    return found


def _sentence(term: str) -> str:
    """A term that is recorded in capitals, as words; another as it stands."""
    return term.capitalize() if term.isupper() else term


def _count(held: Mapping[tuple[str, ...], ResultRow], group: str) -> ResultRow | None:
    return held.get((group, "n")) or held.get((group, "N"))


def _told(source: Source, step: Step, counts: Counts, groups: Sequence[str]) -> str:
    each = groups if step.where == "each" else ("",)
    said: list[str] = []
    for group in each:
        of = f"{source.label(group)}: " if group else ""
        parts = [f"{label} {_value(held, group)}" for label, held in counts]
        said.append(of + ", ".join(parts))
    return "; ".join(said)


def _value(held: Mapping[str, ResultRow], group: str) -> str:
    row = held.get(group)
    return "–" if row is None or row.value is None else f"{row.value:.0f}"


def _box(counts: Counts, group: str, *, width: int, head: str = "") -> _Box:
    lines = textwrap.wrap(head, width) if head else []
    for i, (label, held) in enumerate(counts):
        row = held.get(group)
        if i and (row is None or not row.value):
            continue
        words = f"{label} (n={_value(held, group)})" if not i else f"{_value(held, group)} {label}"
        wrapped = textwrap.wrap(words, width if not i else width - 2)
        lines += wrapped if not i else [f"\u00a0\u00a0{line}" for line in wrapped]
    return _Box(tuple(lines))


# -- drawing: inches, y downwards ----------------------------------------------------------


@dataclass
class _Sheet:
    """The strokes of a flow; `down` is how far the column has come."""

    ax: Any
    down: float = 0.1

    def box(self, x: float, y: float, width: float, box: _Box) -> None:
        from matplotlib.patches import Rectangle

        self.ax.add_patch(
            Rectangle((x, y), width, box.height, facecolor="#ffffff", edgecolor=INK, linewidth=0.8)
        )
        self.ax.text(
            x + 0.07, y + box.height / 2, "\n".join(box.lines), fontsize=_TYPE, color=INK,
            va="center", ha="left", linespacing=1.25,
        )  # fmt: skip

    def arrow(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        style = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
        self.ax.annotate("", end, start, arrowprops=style)

    def line(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        self.ax.plot(xs, ys, color=INK, linewidth=0.8)


def _drawn(
    declared: Flow, source: Source, counts: Mapping[int, Counts], groups: Sequence[str]
) -> Any:
    from matplotlib.figure import Figure

    across = len(groups)
    own = 2.05 if across <= 4 else 1.7
    width = max(6.4, across * (own + 0.15))
    figure: Any = Figure(figsize=(width, 4))
    ax: Any = figure.add_axes((0, 0, 1, 1))
    sheet = _Sheet(ax)
    middle, wide = width / 2, 2.5
    letters = int(own / 0.062)
    columns = [(i + 0.5) * width / across for i in range(across)]
    joined = False
    before: list[float] = []
    for place, step in enumerate(declared.steps):
        held = counts[id(step)]
        if step.where == "aside":
            left = middle + 0.35
            room = min(3.6, width - left - 0.05)
            box = _box(held, "", width=int(room / 0.056))
            at = sheet.down
            sheet.box(left, at + _GAP / 2, room, box)
            sheet.arrow(
                (middle, at + _GAP / 2 + box.height / 2), (left, at + _GAP / 2 + box.height / 2)
            )
            sheet.line([middle, middle], [at, at + box.height + _GAP])
            sheet.down += box.height + _GAP
        elif step.where == "down":
            box = _box(held, "", width=int(wide / 0.062))
            if place:
                sheet.arrow((middle, sheet.down), (middle, sheet.down + _GAP))
                sheet.down += _GAP
            sheet.box(middle - wide / 2, sheet.down, wide, box)
            sheet.down += box.height
        else:
            boxes = [
                _box(held, group, width=letters, head="" if joined else source.label(group))
                for group in groups
            ]
            top = sheet.down
            if not joined:
                sheet.line([middle, middle], [top, top + _GAP / 2])
                sheet.line([columns[0], columns[-1]], [top + _GAP / 2] * 2)
                before = [top + _GAP / 2] * across
                top += _GAP
            else:
                top += _GAP
            for x, start, box in zip(columns, before, boxes, strict=True):
                sheet.arrow((x, start), (x, top))
                sheet.box(x - own / 2, top, own, box)
            before = [top + box.height for box in boxes]
            sheet.down = max(before)
            joined = True
    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(sheet.down + 0.1, 0)
    figure.set_size_inches(width, sheet.down + 0.1)
    return figure
