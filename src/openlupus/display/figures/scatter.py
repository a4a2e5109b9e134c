"""A point a subject, and the lines that cut the field in quadrants (as for eDISH)."""

from collections.abc import Mapping, Sequence
from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import (
    GREY,
    NEUTRAL,
    POINTS,
    handle,
    legend,
    looks,
    sheet,
)
from openlupus.display.figures.source import Source, estimate, in_order, keyed, narrowed, numbers
from openlupus.protocol.figures import Scatter

Points = Mapping[str, Sequence[tuple[str, float, float]]]
"""Group to its subjects with x and y."""


def scatter(declared: Scatter, source: Source, *, name: str) -> Drawing:
    """Points by group; the table lists the subjects beyond a line (all, without lines)."""
    rows = narrowed(source, declared.read, declared.number, free=("parameter",))
    rows = [row for row in rows if row.parameter and row.statistic in ("x", "y")]
    found = keyed(rows, "parameter", "group")
    groups = declared.groups or in_order(rows, "group")
    points: dict[str, list[tuple[str, float, float]]] = {group: [] for group in groups}
    for subject, group in dict.fromkeys((row.parameter, row.group) for row in rows):
        pair = [found.get((subject, group, name)) for name in ("x", "y")]
        x, y = (None if row is None else row.value for row in pair)
        if group in points and x is not None and y is not None:
            points[group].append((subject, x, y))
    beyond = [
        (group, subject)
        for group in groups
        for subject, x, y in points[group]
        if _beyond(declared, x, y)
    ]
    table = numbers(
        source,
        declared,
        id=name,
        stub=("Subject", "Group"),
        columns=[declared.x_axis, declared.y_axis],
        rows=[
            (
                (subject, source.label(group)),
                [
                    estimate(
                        found.get((subject, group, name)), scale="number", digits=declared.digits
                    )
                    for name in ("x", "y")
                ],
            )
            for group, subject in beyond
        ],
    )
    total = sum(map(len, points.values()))
    words = (
        f"{declared.y_axis} against {declared.x_axis}, one point for each of {total} subjects, a"
        f" mark of its own for each of {', '.join(map(source.label, groups))}."
        f" {len(beyond)} lie beyond a line and are listed."
    )
    if not total:
        return Drawing(None, words, table)
    return Drawing(_drawn(declared, source, points), words, table)


def _beyond(declared: Scatter, x: float, y: float) -> bool:
    if declared.x_line is None and declared.y_line is None:
        return True
    over_x = declared.x_line is not None and x > declared.x_line
    return over_x or (declared.y_line is not None and y > declared.y_line)


def _drawn(declared: Scatter, source: Source, points: Points) -> Any:
    held = looks(source.protocol)
    figure, (ax,) = sheet(6.8, 5.0)
    if declared.logarithmic:
        ax.set_xscale("log")
        ax.set_yscale("log")
    for group, subjects in points.items():
        look = held.get(group, NEUTRAL)
        ax.plot(
            [x for _, x, _ in subjects], [y for _, _, y in subjects], linestyle="none",
            marker=look.mark, color=look.colour, markerfacecolor=look.inside, markersize=4,
            markeredgewidth=0.8,
        )  # fmt: skip
    for line, draw in ((declared.x_line, ax.axvline), (declared.y_line, ax.axhline)):
        if line is not None:
            draw(line, color=GREY, linewidth=1.0, linestyle=(0, (4, 2)))
    _plain_ticks(ax, declared, points)
    ax.set_xlabel(declared.x_axis, fontsize=POINTS)
    ax.set_ylabel(declared.y_axis, fontsize=POINTS)
    if declared.quadrants:
        corners = (
            (0.01, 0.99, "left", "top"), (0.99, 0.99, "right", "top"),
            (0.01, 0.01, "left", "bottom"), (0.99, 0.01, "right", "bottom"),
        )  # fmt: skip
        for words, (x, y, across, up) in zip(declared.quadrants, corners, strict=True):
            ax.text(
                x, y, words, transform=ax.transAxes, ha=across, va=up, fontsize=POINTS, color=GREY
            )
    legend(figure, [handle(held.get(g, NEUTRAL), source.label(g), line=False) for g in points])
    return figure


def _plain_ticks(ax: Any, declared: Scatter, points: Points) -> None:
    """Room for the lines; a logarithmic axis marked 0.1, 1, 10 rather than in powers."""
    every = [point for subjects in points.values() for point in subjects]
    for axis, line, place in (("x", declared.x_line, 1), ("y", declared.y_line, 2)):
        values = [float(point[place]) for point in every] + ([line] if line is not None else [])
        low, high = min(values), max(values)
        if declared.logarithmic:
            from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

            getattr(ax, f"set_{axis}lim")(low / 1.3, high * 2.2)
            getattr(ax, f"{axis}axis").set_major_formatter(FuncFormatter(_plain))
            getattr(ax, f"{axis}axis").set_major_locator(LogLocator(subs=(1, 2, 5)))
            getattr(ax, f"{axis}axis").set_minor_formatter(NullFormatter())
        else:
            room = 0.08 * (high - low or 1.0)
            getattr(ax, f"set_{axis}lim")(low - room, high + 2 * room)


def _plain(value: float, _: int) -> str:
    return f"{value:g}"
