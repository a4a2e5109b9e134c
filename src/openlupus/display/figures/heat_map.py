"""A statistic over two shifts, with the contour where the conclusion turns."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import GREY, INK, POINTS, plain, tick_words
from openlupus.display.figures.source import Source, estimate, narrowed, numbers, printed
from openlupus.errors import DisplayError
from openlupus.protocol.figures import HeatMap
from openlupus.results import ResultRow

Point = tuple[float, float]
"""y, x."""


def heat_map(declared: HeatMap, source: Source, *, name: str) -> Drawing:
    """Squares of a grid; the parameter `y|x` says where each stands."""
    rows = narrowed(source, declared.read, declared.number, free=("parameter",))
    pair = (declared.group, declared.comparator)
    grid: dict[Point, ResultRow] = {}
    for row in rows:
        if row.statistic == declared.statistic and (row.group, row.comparator) == pair:
            point = _point(row.parameter)
            if point is not None:
                grid[point] = row
    if not grid:
        raise DisplayError(
            f"{declared.number}: the results have no {declared.statistic} of"
            f" {declared.group!r} against {declared.comparator!r} by pairs of numbers"
        )
    ys = sorted({y for y, _ in grid}, reverse=True)
    xs = sorted({x for _, x in grid})
    table = numbers(
        source,
        declared,
        id=name,
        stub=(f"{declared.y_axis} / {declared.x_axis}",),
        columns=[_tick(x, declared) for x in xs],
        rows=[
            (
                (_tick(y, declared),),
                [estimate(grid.get((y, x)), scale="number", digits=declared.digits) for x in xs],
            )
            for y in ys
        ],
    )
    values = {point: row.value for point, row in grid.items() if row.value is not None}
    words = _words(declared, source, values)
    if not values:
        return Drawing(None, words, table)
    return Drawing(_drawn(declared, values, xs, ys[::-1]), words, table)


def _point(parameter: str) -> Point | None:
    y, _, x = parameter.partition("|")
    try:
        return float(y), float(x)
    except ValueError:
        return None


def _tick(value: float, declared: HeatMap) -> str:
    digits = 1 if declared.scale != "number" else 3
    text = printed(value, declared.scale, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _words(declared: HeatMap, source: Source, values: Mapping[Point, float]) -> str:
    bound = f"{declared.contour:g}"
    below = sum(value < declared.contour for value in values.values())
    return (
        f"{declared.statistic} of {source.label(declared.group)} against"
        f" {source.label(declared.comparator)} over {declared.y_axis} (upwards) and"
        f" {declared.x_axis} (to the right); the line marks {bound}, squares at or above it are"
        f" hatched. It is below {bound} in {below} of {len(values)} squares."
    )


def _drawn(
    declared: HeatMap, values: Mapping[Point, float], xs: list[float], ys: list[float]
) -> Any:
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(7.0, 5.2), layout="constrained")
    ax: Any = figure.subplots()
    plain(ax)
    grid = [[values.get((y, x), float("nan")) for x in xs] for y in ys]
    bounds, colours = _bands(declared)
    drawn = ax.pcolormesh(
        xs, ys, grid, cmap=ListedColormap(colours), norm=BoundaryNorm(bounds, len(colours)),
        shading="nearest", edgecolors="#ffffff", linewidth=0.3,
    )  # fmt: skip
    _hatched(ax, declared, values, xs, ys)
    flat = [value for line in grid for value in line]
    if len(xs) > 1 and len(ys) > 1 and min(flat) < declared.contour < max(flat):
        line = ax.contour(xs, ys, grid, [declared.contour], colors=INK, linewidths=1.8)
        ax.clabel(line, fmt={declared.contour: f"{declared.contour:g}"}, fontsize=POINTS)
    if 0.0 in xs and 0.0 in ys:
        ax.plot([0], [0], "+", color=INK, markersize=9, markeredgewidth=1.6)
    ax.set_xlabel(declared.x_axis, fontsize=POINTS)
    ax.set_ylabel(declared.y_axis, fontsize=POINTS)
    for axis in (ax.xaxis, ax.yaxis):
        tick_words(axis, declared.scale)
    bar = figure.colorbar(drawn, ax=ax, ticks=bounds, spacing="uniform")
    bar.set_ticklabels([f"{bound:g}" for bound in bounds])
    bar.ax.tick_params(labelsize=POINTS)
    bar.set_label(declared.statistic.upper() if declared.statistic == "p" else declared.statistic)
    bar.outline.set_linewidth(0.6)
    return figure


def _hatched(
    ax: Any, declared: HeatMap, values: Mapping[Point, float], xs: list[float], ys: list[float]
) -> None:
    """Lines over the squares at or above the contour: in grey its two sides look alike."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    wide, high = (_step(places) for places in (xs, ys))
    squares = [
        Rectangle((x - wide / 2, y - high / 2), wide, high)
        for (y, x), value in values.items()
        if value >= declared.contour
    ]
    ax.add_collection(
        PatchCollection(squares, facecolor="none", edgecolor=GREY, hatch="//", linewidth=0)
    )


def _step(places: list[float]) -> float:
    return min((b - a for a, b in pairwise(places)), default=1.0)


def _bands(declared: HeatMap) -> tuple[list[float], list[str]]:
    """Bands of P on both sides of the contour: blue below, brown above, lighter towards it."""
    c = declared.contour
    bounds = [0.0, c / 50, c / 5, c, 2 * c, 5 * c, 10 * c]
    bounds = [b for b in bounds if b < 1] + [1.0]
    below = ["#08519c", "#4a90c9", "#b5d4e9"]
    above = ["#f6e3b5", "#e0b35c", "#b67a1e", "#7a4a06"]
    return bounds, (below + above)[: len(bounds) - 1]
