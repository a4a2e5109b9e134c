"""The course of one patient by day: scores, organ grades, doses, events and verdicts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from openlupus.display.figures.look import GREY, INK, POINTS, plain
from openlupus.display.figures.svg import svg_of

_BLUE, _RED, _GREEN = "#0072B2", "#D55E00", "#009E73"
_GRADES = {"A": "#7a0403", "B": "#d55e00", "C": "#f2c879", "D": "#e4e4e4", "E": "#ffffff"}
_ON_DARK = {"A", "B"}
_SEVERITY = {"MILD": "#f2c879", "MODERATE": "#d98b3a", "SEVERE": "#8a1c00"}


@dataclass(frozen=True)
class Track:
    """A number over time: points of day and value; `steps` holds the value until the next."""

    label: str
    points: tuple[tuple[float, float], ...]
    steps: bool = False


@dataclass(frozen=True)
class Bar:
    """Something that lasts; an open end goes on beyond the picture."""

    label: str
    start: float | None
    end: float | None
    kind: str = ""


@dataclass(frozen=True)
class Mark:
    """A letter or verdict at a day."""

    day: float
    text: str


@dataclass(frozen=True)
class Course:
    """What is drawn of a patient, by day of the study (day 1 is the first dose).

    Attributes:
        scores: Panels of one or two tracks each.
        grades: Organ system to its grades.
        bars: Panel title to bars, for example adverse events by term.
        verdicts: End point to its verdicts, `Y` or `N`.
    """

    scores: tuple[tuple[Track, ...], ...] = ()
    grades: tuple[tuple[str, tuple[Mark, ...]], ...] = ()
    bars: tuple[tuple[str, tuple[Bar, ...]], ...] = ()
    verdicts: tuple[tuple[str, tuple[Mark, ...]], ...] = ()
    visits: tuple[tuple[float, str], ...] = field(default=())


def drawn(course: Course, *, title: str, words: str) -> str:
    """The picture as SVG; panels without anything are left out."""
    from matplotlib.figure import Figure

    panels = _panels(course)
    if not panels:
        return ""
    heights = [height for height, _ in panels]
    total = sum(heights) + 0.18 * len(panels) + 0.6
    figure: Any = Figure(figsize=(9.5, total), layout="constrained")
    axes: Any = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[
        :, 0
    ]
    low, high = _span(course)
    for ax, (_, draw) in zip(axes, panels, strict=True):
        plain(ax)
        ax.set_xlim(low, high)
        for day, _ in course.visits:
            ax.axvline(day, color="#d9d5cc", linewidth=0.6, zorder=0)
        draw(ax)
    shown = [(day, name) for day, name in course.visits if low <= day <= high]
    axes[-1].set_xticks([day for day, _ in shown], [name for _, name in shown])
    axes[-1].tick_params(axis="x", labelrotation=30)
    for ax in axes[:-1]:
        ax.tick_params(axis="x", length=0)
    return svg_of(figure, figure_id="course", title=title, description=words)


def _span(course: Course) -> tuple[float, float]:
    days = [day for day, _ in course.visits]
    days += [day for panel in course.scores for track in panel for day, _ in track.points]
    days += [mark.day for _, marks in (*course.grades, *course.verdicts) for mark in marks]
    days += [d for _, bars in course.bars for bar in bars for d in (bar.start, bar.end)
             if d is not None and not course.visits]  # fmt: skip
    low, high = min(days, default=0.0), max(days, default=1.0)
    return low - 6, high + 6


def _panels(course: Course) -> list[tuple[float, Callable[[Any], None]]]:
    """Height in inches and what draws it, of every panel that has something."""
    made: list[tuple[float, Callable[[Any], None]]] = []
    for tracks in course.scores:
        if any(track.points for track in tracks):
            made.append((0.95, partial(_score, tracks=tracks)))
    if course.grades:
        made.append((0.2 * len(course.grades), partial(_grid, grades=course.grades)))
    for title, bars in course.bars:
        if bars:
            lines = list(dict.fromkeys(bar.label for bar in bars))
            height = 0.19 * len(lines) + 0.1
            made.append((height, partial(_bars, title=title, bars=bars, lines=lines)))
    if course.verdicts:
        made.append((0.2 * len(course.verdicts), partial(_verdicts, verdicts=course.verdicts)))
    return made


def _score(ax: Any, tracks: Sequence[Track]) -> None:
    looks = ((_BLUE, "o", "-"), (_RED, "s", (0, (5, 2))))
    for track, (colour, mark, stroke) in zip(tracks, looks, strict=False):
        xs, ys = [x for x, _ in track.points], [y for _, y in track.points]
        if not xs:
            continue
        style: dict[str, Any] = {"color": colour, "linestyle": stroke, "label": track.label}
        if track.steps:
            ax.step(xs, ys, where="post", linewidth=1.5, **style)
        else:
            ax.plot(xs, ys, marker=mark, markersize=4, linewidth=1.3, **style)
    highest = max((y for track in tracks for _, y in track.points), default=0.0)
    ax.set_ylim(0, max(1.0, 1.15 * highest))
    ax.locator_params(axis="y", nbins=4)
    if len(tracks) > 1:
        ax.legend(loc="upper right", fontsize=POINTS - 1, frameon=False, ncols=2)
    label = tracks[0].label.replace(", ", "\n", 1)
    ax.set_ylabel(label, fontsize=POINTS - 1, rotation=0, ha="right", va="center")


def _grid(ax: Any, grades: Sequence[tuple[str, Sequence[Mark]]]) -> None:
    for line, (_, marks) in enumerate(grades):
        for mark in marks:
            ax.text(
                mark.day, line, mark.text, ha="center", va="center", fontsize=POINTS - 1,
                color="#ffffff" if mark.text in _ON_DARK else INK,
                bbox={"boxstyle": "square,pad=0.25", "linewidth": 0.5, "edgecolor": GREY,
                      "facecolor": _GRADES.get(mark.text, "#ffffff")},
            )  # fmt: skip
    _lines(ax, [name for name, _ in grades])


def _verdicts(ax: Any, verdicts: Sequence[tuple[str, Sequence[Mark]]]) -> None:
    for line, (_, marks) in enumerate(verdicts):
        for mark in marks:
            given = mark.text == "Y"
            ax.plot(
                [mark.day], [line], "o" if given else "x", color=_GREEN if given else GREY,
                markersize=6, markeredgewidth=1.4,
            )  # fmt: skip
    _lines(ax, [name for name, _ in verdicts])


def _bars(ax: Any, title: str, bars: Sequence[Bar], lines: Sequence[str]) -> None:
    low, high = ax.get_xlim()
    for bar in bars:
        start = low if bar.start is None else bar.start
        end = high if bar.end is None else bar.end
        line = lines.index(bar.label)
        ax.barh(
            line, max(end - start, 1.0), left=start, height=0.62, edgecolor=INK, linewidth=0.5,
            color=_SEVERITY.get(bar.kind, "#9db7cc"), clip_on=True,
            hatch="//" if bar.kind == "SEVERE" else "",
        )  # fmt: skip
    _lines(ax, [f"{title}: {name}" if not i else name for i, name in enumerate(lines)])


def _lines(ax: Any, names: Sequence[str]) -> None:
    short = [name if len(name) <= 44 else f"{name[:43]}…" for name in names]
    ax.set_yticks(range(len(names)), short, fontsize=POINTS - 1)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
