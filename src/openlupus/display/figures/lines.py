"""A statistic over the visits, a line for each group, its interval as a bar."""

from collections.abc import Mapping, Sequence
from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import (
    GREY,
    NEUTRAL,
    POINTS,
    Look,
    handle,
    legend,
    looks,
    sheet,
    tick_words,
    title,
)
from openlupus.display.figures.source import (
    Source,
    Table,
    estimate,
    in_order,
    keyed,
    narrowed,
    numbers,
)
from openlupus.protocol.figures import Lines


def lines(declared: Lines, source: Source, *, name: str) -> Drawing:
    """Panels of lines; the table of the numbers has a row for each panel and visit."""
    panels: list[Table] = []
    for panel in declared.panels:
        rows = narrowed(source, panel, declared.number, free=("visit",))
        rows = [row for row in rows if row.visit and row.comparator == declared.comparator]
        panels.append(keyed(rows, "group", "visit"))
    drawn = [row for table in panels for row in table.values()]
    drawn = [row for row in drawn if row.statistic == declared.statistic]
    groups = declared.groups or in_order(drawn, "group")
    visits = declared.visits or in_order(drawn, "visit")
    visits = tuple(sorted(visits, key=source.week))
    table = numbers(
        source,
        declared,
        id=name,
        stub=("", "Visit") if len(panels) > 1 else ("Visit",),
        columns=[source.label(group) for group in groups],
        rows=[
            (
                (*((panel.title,) if len(panels) > 1 else ()), source.protocol.visit(visit).label),
                [_cell(held, declared, group, visit) for group in groups],
            )
            for panel, held in zip(declared.panels, panels, strict=True)
            for visit in visits
        ],
    )
    what = declared.axis or declared.statistic
    words = (
        f"{what} by visit, one line for each of {', '.join(map(source.label, groups))}"
        f"{_interval(declared)}. " + " ".join(_told(declared, source, panels, groups, visits))
    )
    if not any(row.value is not None for row in drawn):
        return Drawing(None, words, table)
    return Drawing(_drawn(declared, source, panels, groups, visits), words, table)


def _cell(held: Table, declared: Lines, group: str, visit: str) -> Any:
    names = {"limits": ("lower", "upper"), "se": ("se",), "none": ()}[declared.interval]
    rows = [held.get((group, visit, name)) for name in (declared.statistic, *names)]
    return estimate(*rows, scale=declared.scale, digits=declared.digits)


def _interval(declared: Lines) -> str:
    return {
        "limits": ", with intervals",
        "se": ", with one standard error up and down",
        "none": "",
    }[declared.interval]


def _told(
    declared: Lines,
    source: Source,
    panels: Sequence[Table],
    groups: Sequence[str],
    visits: Sequence[str],
) -> list[str]:
    """The last value of each line, which is what a line mostly says."""
    said: list[str] = []
    for panel, held in zip(declared.panels, panels, strict=True):
        for visit in visits[-1:]:
            at = source.protocol.visit(visit).label
            texts = [f"{source.label(g)} {_cell(held, declared, g, visit).text}" for g in groups]
            said.append(f"{panel.title}, {at}: {'; '.join(texts)}.")
    return said


def _drawn(
    declared: Lines,
    source: Source,
    panels: Sequence[Table],
    groups: Sequence[str],
    visits: Sequence[str],
) -> Any:
    held = looks(source.protocol)
    across = len(panels)
    figure, axes = sheet(
        min(11.0, 6.8 if across == 1 else 1.0 + 3.1 * across), 3.9, panels=across, sharey=False
    )
    for panel, ax, table in zip(declared.panels, axes, panels, strict=True):
        for i, group in enumerate(groups):
            shift = 0.18 * (i - (len(groups) - 1) / 2)
            _line(ax, declared, source, table, group, visits, held.get(group, NEUTRAL), shift)
        if declared.reference is not None:
            ax.axhline(declared.reference, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
        weeks = [source.week(visit) for visit in visits]
        ax.set_xticks(weeks, [f"{week:.0f}" for week in weeks])
        ax.set_xlabel("Week", fontsize=POINTS)
        tick_words(ax.yaxis, declared.scale)
        if across > 1:
            title(ax, panel.title)
    axes[0].set_ylabel(declared.axis, fontsize=POINTS)
    legend(figure, [handle(held.get(g, NEUTRAL), source.label(g)) for g in groups])
    return figure


def _line(
    ax: Any,
    declared: Lines,
    source: Source,
    table: Table,
    group: str,
    visits: Sequence[str],
    look: Look,
    shift: float,
) -> None:
    xs: list[float] = []
    ys: list[float] = []
    for visit in visits:
        row = table.get((group, visit, declared.statistic))
        if row is None or row.value is None:
            continue
        xs.append(source.week(visit) + shift)
        ys.append(row.value)
        limits = _limits(table, declared, group, visit, row.value)
        if limits:
            ax.plot([xs[-1]] * 2, limits, color=look.colour, linewidth=1.0)
            ax.plot([xs[-1]] * 2, limits, "_", color=look.colour, markersize=4)
    ax.plot(
        xs, ys, color=look.colour, linestyle=look.stroke, marker=look.mark, linewidth=1.5,
        markerfacecolor=look.inside, markersize=5,
    )  # fmt: skip


def _limits(
    table: Table, declared: Lines, group: str, visit: str, value: float
) -> list[float] | None:
    names: Mapping[str, tuple[str, ...]] = {"limits": ("lower", "upper"), "se": ("se",), "none": ()}
    rows = [table.get((group, visit, name)) for name in names[declared.interval]]
    given = [row.value for row in rows if row is not None and row.value is not None]
    if not given or len(given) < len(rows):
        return None
    return [value - given[0], value + given[0]] if declared.interval == "se" else given
