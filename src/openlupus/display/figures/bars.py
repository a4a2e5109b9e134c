"""A statistic of each parameter by group, as bars with a hatch of their own."""

from collections.abc import Sequence
from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import (
    INK,
    NEUTRAL,
    POINTS,
    legend,
    looks,
    sheet,
    tick_words,
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
from openlupus.protocol.figures import Bars

_HATCHES = ("", "//", "--", "", "\\\\", "||")
_FILLS = ("#0072B2", "#efc3a4", "#a9d9c7", "#ffffff", "#cdb6cc", "#9a958a")


def bars(declared: Bars, source: Source, *, name: str) -> Drawing:
    """Bars side by side (a cluster a parameter) or stacked (a bar a group)."""
    rows = narrowed(source, declared.read, declared.number, free=("parameter",))
    if declared.read.parameter:
        prefix = f"{declared.read.parameter}|"
        rows = [row for row in rows if row.parameter.startswith(prefix)]
    else:
        rows = [row for row in rows if "|" not in row.parameter]
    rows = [row for row in rows if row.parameter and not row.comparator]
    found = keyed(rows, "parameter", "group")
    drawn = [row for row in rows if row.statistic == declared.statistic]
    parameters = in_order(drawn, "parameter")
    if declared.labels:
        order = list(declared.labels)
        parameters = tuple(
            sorted(parameters, key=lambda p: order.index(p) if p in order else len(order))
        )
    groups = declared.groups or in_order(drawn, "group")
    table = numbers(
        source,
        declared,
        id=name,
        stub=("",),
        columns=[source.label(group) for group in groups],
        rows=[
            (
                (declared.labels.get(parameter, parameter),),
                [
                    estimate(
                        found.get((parameter, group, declared.statistic)),
                        scale=declared.scale,
                        digits=declared.digits,
                    )
                    for group in groups
                ],
            )
            for parameter in parameters
        ],
    )
    words = (
        f"{declared.axis or declared.statistic} of"
        f" {', '.join(declared.labels.get(p, p) for p in parameters)}, a"
        f" {'part of a bar' if declared.stacked else 'bar'} for each, in"
        f" {', '.join(map(source.label, groups))}."
    )
    if not any(row.value is not None for row in drawn):
        return Drawing(None, words, table)
    draw = _stacked if declared.stacked else _beside
    return Drawing(draw(declared, source, found, parameters, groups), words, table)


def _value(found: Table, declared: Bars, parameter: str, group: str) -> float:
    row = found.get((parameter, group, declared.statistic))
    return 0.0 if row is None or row.value is None else row.value


def _stacked(
    declared: Bars, source: Source, found: Table, parameters: Sequence[str], groups: Sequence[str]
) -> Any:
    from matplotlib.patches import Patch

    figure, (ax,) = sheet(7.5, 1.3 + 0.42 * len(groups))
    entries: list[Any] = []
    left = [0.0] * len(groups)
    for i, parameter in enumerate(parameters):
        style: dict[str, Any] = {
            "facecolor": _FILLS[i % 6], "hatch": _HATCHES[i % 6], "edgecolor": INK,
            "linewidth": 0.6,
        }  # fmt: skip
        values = [_value(found, declared, parameter, group) for group in groups]
        ax.barh(range(len(groups)), values, left=left, height=0.66, **style)
        left = [a + b for a, b in zip(left, values, strict=True)]
        entries.append(Patch(label=declared.labels.get(parameter, parameter), **style))
    ax.set_yticks(range(len(groups)), [source.label(group) for group in groups])
    ax.invert_yaxis()
    ax.set_xlabel(declared.axis, fontsize=POINTS)
    tick_words(ax.xaxis, declared.scale)
    legend(figure, entries)
    return figure


def _beside(
    declared: Bars, source: Source, found: Table, parameters: Sequence[str], groups: Sequence[str]
) -> Any:
    from matplotlib.patches import Patch

    held = looks(source.protocol)
    figure, (ax,) = sheet(7.5, 1.2 + len(parameters) * (0.16 + 0.17 * len(groups)))
    step = 0.8 / len(groups)
    entries: list[Any] = []
    for i, group in enumerate(groups):
        look = held.get(group, NEUTRAL)
        style: dict[str, Any] = {
            "facecolor": "#ffffff" if look.hollow else look.colour,
            "hatch": _HATCHES[i % 6], "edgecolor": GREYED if look.hollow else "#ffffff",
            "linewidth": 0.7,
        }  # fmt: skip
        places = [line + step * (i - (len(groups) - 1) / 2) for line in range(len(parameters))]
        values = [_value(found, declared, parameter, group) for parameter in parameters]
        ax.barh(places, values, height=step * 0.9, **style)
        entries.append(Patch(label=source.label(group), **style))
    ax.set_yticks(range(len(parameters)), [declared.labels.get(p, p) for p in parameters])
    ax.invert_yaxis()
    ax.set_xlabel(declared.axis, fontsize=POINTS)
    tick_words(ax.xaxis, declared.scale)
    legend(figure, entries)
    return figure


GREYED = "#55524c"
