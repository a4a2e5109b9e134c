"""Proportions of each event by group as dots, beside the difference of two groups."""

from collections.abc import Sequence
from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import (
    GREY,
    INK,
    NEUTRAL,
    PALE,
    POINTS,
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
from openlupus.protocol.figures import DotPlot


def dot_plot(declared: DotPlot, source: Source, *, name: str) -> Drawing:
    """Dots by parameter; those of the leaves of the hierarchy, or of all where there is none."""
    rows = narrowed(source, declared.read, declared.number, free=("parameter",))
    prefix = f"{declared.read.parameter}|" if declared.read.parameter else ""
    rows = [row for row in rows if row.parameter and row.parameter.startswith(prefix)]
    found = keyed(rows, "parameter", "group", "comparator")
    parents = {p.rsplit("|", 1)[0] for p in in_order(rows, "parameter") if "|" in p}
    leaves = [p for p in in_order(rows, "parameter") if p not in parents]
    groups = declared.groups or in_order((row for row in rows if not row.comparator), "group")
    if declared.order == "difference":
        leaves.sort(key=lambda p: -(_difference(found, declared, p) or float("-inf")))
    shown = leaves[: declared.most]
    pair = f"{source.label(declared.test)} minus {source.label(declared.control)}"
    table = numbers(
        source,
        declared,
        id=name,
        stub=("Event",),
        columns=[*map(source.label, groups), f"Difference, {pair}"],
        rows=[
            (
                (_label(declared, parameter),),
                [
                    *(
                        estimate(
                            found.get((parameter, group, "", "proportion")),
                            scale="percent",
                            digits=declared.digits,
                        )
                        for group in groups
                    ),
                    estimate(*_limits(found, declared, parameter), scale="points", digits=1),
                ],
            )
            for parameter in shown
        ],
    )
    words = (
        f"Percentage of patients with each event in {', '.join(map(source.label, groups))} (left),"
        f" and the difference, {pair}, with its interval (right)."
    )
    if not shown:
        return Drawing(None, words, table)
    return Drawing(_drawn(declared, source, found, shown, groups, pair), words, table)


def _label(declared: DotPlot, parameter: str) -> str:
    last = parameter.rsplit("|", 1)[-1]
    words = last.capitalize() if last.isupper() else last
    return declared.labels.get(parameter, declared.labels.get(last, words))


def _limits(found: Table, declared: DotPlot, parameter: str) -> list[Any]:
    key = (parameter, declared.test, declared.control)
    return [found.get((*key, name)) for name in ("difference", "lower", "upper")]


def _difference(found: Table, declared: DotPlot, parameter: str) -> float | None:
    row = _limits(found, declared, parameter)[0]
    return None if row is None else row.value


def _drawn(
    declared: DotPlot,
    source: Source,
    found: Table,
    shown: Sequence[str],
    groups: Sequence[str],
    pair: str,
) -> Any:
    held = looks(source.protocol)
    figure, (left, right) = sheet(
        8.6, 1.3 + 0.24 * len(shown), panels=2, sharey=True, width_ratios=(1.25, 1)
    )
    for line, parameter in enumerate(shown):
        for ax in (left, right):
            ax.axhline(line, color=PALE, linewidth=0.7, zorder=0)
        for group in groups:
            row = found.get((parameter, group, "", "proportion"))
            if row is not None and row.value is not None:
                look = held.get(group, NEUTRAL)
                left.plot(
                    [row.value], [line], marker=look.mark, color=look.colour, linestyle="none",
                    markerfacecolor=look.inside, markersize=5.5,
                )  # fmt: skip
        values = [None if row is None else row.value for row in _limits(found, declared, parameter)]
        if values[1] is not None and values[2] is not None:
            right.plot(values[1:], [line, line], color=INK, linewidth=1.2)
        if values[0] is not None:
            right.plot([values[0]], [line], "s", color=INK, markersize=4.5)
    right.axvline(0, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    left.set_yticks(range(len(shown)), [_label(declared, p) for p in shown])
    left.set_ylim(len(shown) - 0.5, -0.5)
    left.set_xlim(left=0)
    right.tick_params(axis="y", length=0, labelleft=False)
    title(left, declared.axis or "Patients with the event (%)")
    title(right, "Risk difference, percentage points")
    right.set_xlabel(pair, fontsize=POINTS)
    for ax in (left, right):
        tick_words(ax.xaxis, "percent")
    legend(figure, [handle(held.get(g, NEUTRAL), source.label(g), line=False) for g in groups])
    return figure
