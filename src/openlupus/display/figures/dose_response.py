"""Fitted curves over the dose or the exposure, and what was observed there."""

from collections.abc import Iterable, Mapping
from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import (
    GREY,
    INK,
    POINTS,
    legend,
    sheet,
    tick_words,
)
from openlupus.display.figures.source import Source, estimate, narrowed, numbers, printed
from openlupus.display.model import Cell
from openlupus.protocol.figures import DoseResponse
from openlupus.results import ResultRow

_STROKES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (1, 1.2)), (0, (9, 3)))
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#8B3A87", "#8A6D00", "#332288")
LIMITS = ("lower", "upper")

Rows = Mapping[str, ResultRow]
"""Statistic to its row."""
Curves = Mapping[str, Mapping[float, Rows]]
"""Model to dose to the rows there, doses ascending."""


def dose_response(declared: DoseResponse, source: Source, *, name: str) -> Drawing:
    """Curves from rows with the parameter `MODEL|dose`; points with limits where observed."""
    rows = narrowed(source, declared.read, declared.number, free=("parameter",))
    every = _by_model(rows)
    points = {
        (mean.value if (mean := held.get("mean")) is not None else None) or at: held
        for at, held in every.get(declared.points, {}).items()
    }
    curves = {model: held for model, held in every.items() if model != declared.points}
    doses = sorted({dose for held in curves.values() for dose in held})
    shown = sorted({*points, *doses[:: max(1, len(doses) // 8)], *doses[-1:]})
    table = numbers(
        source,
        declared,
        id=name,
        stub=(declared.x_axis or "Dose",),
        columns=["Observed", *(declared.labels.get(m, m) for m in curves)],
        rows=[
            (
                (printed(dose, "number", 3).rstrip("0").rstrip("."),),
                [
                    _cell(declared, points.get(dose, {}), declared.points_statistic),
                    *(
                        _cell(declared, held.get(dose, {}), declared.statistic)
                        for held in curves.values()
                    ),
                ],
            )
            for dose in shown
        ],
    )
    words = (
        f"{declared.y_axis or declared.statistic} over {declared.x_axis or 'dose'}: curves of"
        f" {', '.join(declared.labels.get(m, m) for m in curves) or 'no model'}, and points with"
        " their intervals for what was observed."
    )
    if not any(row.value is not None for row in rows if row.statistic == declared.statistic):
        return Drawing(None, words, table)
    return Drawing(_drawn(declared, curves, points), words, table)


def _by_model(rows: Iterable[ResultRow]) -> Curves:
    found: dict[str, dict[float, dict[str, ResultRow]]] = {}
    for row in rows:
        model, _, dose = row.parameter.rpartition("|")
        if model and _is_number(dose) and not row.comparator:
            found.setdefault(model, {}).setdefault(float(dose), {})[row.statistic] = row
    return {model: dict(sorted(held.items())) for model, held in found.items()}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cell(declared: DoseResponse, held: Rows, statistic: str) -> Cell:
    rows = [held.get(name) for name in (statistic, *LIMITS)]
    return estimate(*rows, scale=declared.scale, digits=declared.digits)


def _drawn(declared: DoseResponse, curves: Curves, points: Mapping[float, Rows]) -> Any:
    from matplotlib.lines import Line2D

    figure, (ax,) = sheet(6.8, 4.2)
    entries: list[Any] = []
    for i, (model, held) in enumerate(curves.items()):
        known = _known(held, declared.statistic)
        style: dict[str, Any] = {"color": _COLOURS[i % 6], "linestyle": _STROKES[i % 5]}
        ax.plot([x for x, *_ in known], [y for _, y, *_ in known], linewidth=1.5, **style)
        entries.append(Line2D([], [], label=declared.labels.get(model, model), **style))
        band = [(x, low, high) for x, _, low, high in known if low is not None and high is not None]
        if len(curves) == 1 and band:
            xs, low, high = zip(*band, strict=True)
            ax.fill_between(xs, low, high, color=GREY, alpha=0.15, linewidth=0)
    seen = _known(points, declared.points_statistic)
    for x, y, low, high in seen:
        if low is not None and high is not None:
            ax.plot([x, x], [low, high], color=INK, linewidth=1.0, marker="_", markersize=6)
        ax.plot([x], [y], "o", color=INK, markersize=5.5)
    if seen:
        ax.set_xticks([x for x, *_ in seen], [f"{x:.3g}" for x, *_ in seen])
        dot = Line2D([], [], color=INK, marker="o", linestyle="none", label="Observed")
        entries.append(dot)
    tick_words(ax.yaxis, declared.scale)
    ax.set_xlabel(declared.x_axis, fontsize=POINTS)
    ax.set_ylabel(declared.y_axis, fontsize=POINTS)
    legend(figure, entries)
    return figure


def _known(
    held: Mapping[float, Rows], statistic: str
) -> list[tuple[float, float, float | None, float | None]]:
    """x, y and limits of what has a value."""
    found: list[tuple[float, float, float | None, float | None]] = []
    for x, rows in sorted(held.items()):
        low, high = (row.value if (row := rows.get(name)) else None for name in LIMITS)
        row = rows.get(statistic)
        if row is not None and row.value is not None:
            found.append((x, row.value, low, high))
    return found
