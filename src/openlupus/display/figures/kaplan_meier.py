"""Kaplan-Meier steps with censored times marked, and the numbers at risk beneath."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openlupus.display.figures.drawing import Drawing
from openlupus.display.figures.look import (
    INK,
    NEUTRAL,
    POINTS,
    Look,
    handle,
    looks,
    plain,
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
    whole,
)
from openlupus.display.model import Cell
from openlupus.errors import DisplayError
from openlupus.protocol.figures import KaplanMeier, Note
from openlupus.protocol.templates import fields, substitute
from openlupus.results import ResultRow

DAYS: Mapping[str, float] = {"days": 1.0, "weeks": 7.0, "months": 30.4375}


@dataclass(frozen=True)
class _Step:
    """A time of the curve: its rows by statistic."""

    day: float
    rows: Mapping[str, ResultRow]

    def value(self, statistic: str) -> float | None:
        row = self.rows.get(statistic)
        return None if row is None else row.value


Curves = Mapping[str, Sequence[_Step]]


def kaplan_meier(declared: KaplanMeier, source: Source, *, name: str) -> Drawing:
    """Curves by group; the table of the numbers has a row for each mark of the time axis."""
    rows = narrowed(source, declared.read, declared.number, free=("parameter",))
    found = keyed(rows, "group", "comparator", "parameter")
    groups = declared.groups or in_order(
        (row for row in rows if row.statistic == "survival" and not row.comparator), "group"
    )
    curves = {group: _curve(rows, group, declared.origin) for group in groups}
    ticks = _ticks(declared, curves)
    table = numbers(
        source,
        declared,
        id=name,
        stub=(declared.unit.capitalize(),),
        columns=[
            f"{source.label(g)}\n{what}" for g in groups for what in ("(interval)", "at risk")
        ],
        rows=[
            ((f"{tick:g}",), [c for g in groups for c in _cells(declared, curves[g], tick)])
            for tick in ticks
        ],
    )
    notes = [_note(note, found, source, declared) for note in declared.notes]
    medians = [
        f"{source.label(g)}: median {_median(found, g)}"
        for g in groups
        if (g, "", "median", "median") in found
    ]
    words = (
        f"{declared.axis or 'Proportion'} over time in {declared.unit}, a stepped line for each of"
        f" {', '.join(map(source.label, groups))}. {'; '.join([*medians, *notes])}"
    )
    if not any(curves.values()):
        return Drawing(None, words, table)
    return Drawing(_drawn(declared, source, curves, ticks, notes), words, table)


def _curve(rows: Sequence[ResultRow], group: str, origin: float) -> list[_Step]:
    """Times in order, from the origin of the axis."""
    times: dict[float, dict[str, ResultRow]] = {}
    for row in rows:
        day = _number(row.parameter) if row.group == group and not row.comparator else None
        if day is not None:
            times.setdefault(max(day - origin, 0.0), {})[row.statistic] = row
    return [_Step(day, held) for day, held in sorted(times.items()) if "survival" in held]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ticks(declared: KaplanMeier, curves: Curves) -> list[float]:
    last = max((steps[-1].day for steps in curves.values() if steps), default=0.0)
    count = int(last / DAYS[declared.unit] / declared.every + 1e-9)
    return [declared.every * i for i in range(count + 1)]


def _at(steps: Sequence[_Step], day: float) -> _Step | None:
    """The last step on or before a day."""
    before = [step for step in steps if step.day <= day]
    return before[-1] if before else None


def _risk(steps: Sequence[_Step], day: float) -> ResultRow | None:
    """Who is at risk just before a day: what the first step on or after it counts."""
    return next((step.rows.get("at_risk") for step in steps if step.day >= day), None)


def _cells(declared: KaplanMeier, steps: Sequence[_Step], tick: float) -> tuple[Cell, Cell]:
    day = tick * DAYS[declared.unit]
    step = _at(steps, day)
    risk = whole(_risk(steps, day))
    if step is None:
        return Cell(), risk
    names = ("survival", "lower", "upper") if "lower" in step.rows else ("survival",)
    rows = [step.rows.get(name) for name in names]
    cell = estimate(*rows, scale="percent", digits=declared.digits)
    return (cell if declared.curve == "without_event" else _turned(cell, declared.digits)), risk


def _turned(cell: Cell, digits: int) -> Cell:
    """The proportion with the event, for a picture that climbs; it rests on the same rows."""
    from openlupus.display.figures.source import printed

    values = [None if row.value is None else 1 - row.value for row in cell.rests_on]
    if not values or values[0] is None:
        return cell
    texts = ["NE" if value is None else printed(value, "percent", digits) for value in values]
    limits = f" ({texts[2]} to {texts[1]})" if len(texts) == 3 else ""
    return Cell(texts[0] + limits, cell.kind, cell.rests_on, cell.warnings)


def _median(found: Table, group: str) -> str:
    rows = [found.get((group, "", "median", name)) for name in ("median", "lower", "upper")]
    return estimate(*rows, scale="number", digits=0).text + " days"


def _note(note: Note, found: Table, source: Source, declared: KaplanMeier) -> str:
    texts: dict[tuple[str, str], str] = {}
    for statistic, form in fields(note.text):
        row = found.get((note.group, note.comparator, note.parameter, statistic))
        if row is None:
            raise DisplayError(
                f"{declared.number}, note {note.text!r}: the results have no {statistic} of"
                f" parameter {note.parameter!r}, {note.group!r} against {note.comparator!r}"
            )
        texts[statistic, form] = "NE" if row.value is None else source.formats[form](row.value)
    return substitute(note.text, texts)


# -- drawing -------------------------------------------------------------------------------


def _drawn(
    declared: KaplanMeier,
    source: Source,
    curves: Curves,
    ticks: Sequence[float],
    notes: Sequence[str],
) -> Any:
    from matplotlib.figure import Figure

    held = looks(source.protocol)
    below = 0.62 + 0.195 * (len(curves) + 1)
    height = 3.6 + below
    figure: Any = Figure(figsize=(7.5, height))
    ax: Any = figure.add_axes((0.22, below / height, 0.75, 3.4 / height))
    plain(ax)
    last = max(steps[-1].day for steps in curves.values() if steps) / DAYS[declared.unit]
    for group, steps in curves.items():
        _steps(ax, declared, steps, held.get(group, NEUTRAL))
    ax.set_xlim(0, max(last, ticks[-1]) * 1.01 or 1)
    ax.set_ylim(0, 1.02)
    ax.set_xticks(list(ticks), [f"{tick:g}" for tick in ticks])
    tick_words(ax.yaxis, "percent")
    ax.set_xlabel(declared.unit.capitalize(), fontsize=POINTS)
    ax.set_ylabel(declared.axis, fontsize=POINTS)
    entries = [handle(held.get(g, NEUTRAL), source.label(g)) for g in curves]
    for entry in entries:
        entry.set_marker("")
    corner = "lower left" if declared.curve == "without_event" else "upper left"
    ax.legend(handles=entries, loc=corner, fontsize=POINTS, frameon=False, handlelength=3.2)
    ax.text(
        0.99, 0.02, "\n".join(notes), transform=ax.transAxes, ha="right", va="bottom",
        fontsize=POINTS, color=INK,
    )  # fmt: skip
    _at_risk(ax, declared, source, curves, ticks)
    return figure


def _steps(ax: Any, declared: KaplanMeier, steps: Sequence[_Step], look: Look) -> None:
    if not steps:
        return
    unit = DAYS[declared.unit]

    def shown(value: float | None) -> float:
        known = float("nan") if value is None else value
        return known if declared.curve == "without_event" else 1 - known

    xs = [step.day / unit for step in steps]
    ys = [shown(step.value("survival")) for step in steps]
    if xs[0] > 0:
        xs, ys = [0.0, *xs], [shown(1.0), *ys]
    ax.step(xs, ys, where="post", color=look.colour, linestyle=look.stroke, linewidth=1.5)
    if declared.interval:
        low = [shown(step.value("lower")) for step in steps]
        high = [shown(step.value("upper")) for step in steps]
        ax.fill_between(
            xs[-len(low) :], low, high, step="post", color=look.colour, alpha=0.12, linewidth=0
        )
    lost = [0.0, *(step.value("censored") or 0.0 for step in steps)]
    censored = [
        (x, y)
        for i, (x, y) in enumerate(zip(xs[-len(steps) :], ys[-len(steps) :], strict=True))
        if lost[i + 1] > lost[i]
    ]
    if censored:
        ax.plot(
            [x for x, _ in censored], [y for _, y in censored], "|", color=look.colour,
            markersize=6, markeredgewidth=1.0,
        )  # fmt: skip


def _at_risk(
    ax: Any, declared: KaplanMeier, source: Source, curves: Curves, ticks: Sequence[float]
) -> None:
    down = -40.0
    step = 14.0
    write: dict[str, Any] = {
        "textcoords": "offset points", "fontsize": POINTS - 0.5, "va": "center", "color": INK,
    }  # fmt: skip
    ax.annotate(
        "No. at risk", (0, 0), (-16, down), xycoords="axes fraction", ha="right",
        **{**write, "fontweight": "bold"},
    )  # fmt: skip
    for line, (group, steps) in enumerate(curves.items(), 1):
        y = down - step * line
        ax.annotate(
            source.label(group), (0, 0), (-16, y), xycoords="axes fraction", ha="right", **write
        )
        for tick in ticks:
            text = whole(_risk(steps, tick * DAYS[declared.unit])).text or "0"
            ax.annotate(
                text, (tick, 0), (0, y), xycoords=("data", "axes fraction"), ha="center", **write
            )
