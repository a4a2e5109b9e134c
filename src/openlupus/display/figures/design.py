"""The design of a trial as a picture: who is screened, how they are randomised, what happens when.

Drawn from `DesignPicture` alone. Only black, white and greys carry meaning, so that it survives a
photocopier; text stays text in the SVG.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from openlupus.display.figures.svg import svg_of
from openlupus.display.model import FigureModel
from openlupus.display.rounding import number as rounded_number
from openlupus.errors import DisplayError


@dataclass(frozen=True, kw_only=True)
class DesignArm:
    """An arm: its label, its share of the randomisation, and subjects if there are numbers."""

    label: str
    ratio: int
    n: int | None = None
    control: bool = False


@dataclass(frozen=True, kw_only=True)
class DesignPeriod:
    """A stretch of the trial, in weeks from randomisation; screening lies before week 0."""

    label: str
    start: float
    end: float
    kind: Literal["screening", "treatment", "follow-up"]


@dataclass(frozen=True, kw_only=True)
class DesignPicture:
    """Everything that the picture of a design shows.

    Attributes:
        arms: In the order of the lanes, top first.
        periods: In order of time.
        visits: Weeks of the visits, from randomisation.
        strata: Factors of the stratified randomisation, each with its levels in words.
        primary: Label of the primary end point and its week; None when the picture has none.
        blinding: For example `Double-blind`.
        counted: What the arms' n count, for example `planned`.
        screened: Subjects screened, if there are numbers.
    """

    arms: tuple[DesignArm, ...]
    periods: tuple[DesignPeriod, ...]
    visits: tuple[float, ...] = ()
    strata: tuple[str, ...] = ()
    primary: tuple[str, float] | None = None
    blinding: str = ""
    counted: str = ""
    screened: int | None = None

    def __post_init__(self) -> None:
        if not self.arms or not any(p.kind == "treatment" for p in self.periods):
            raise DisplayError("a picture of a design needs an arm and a treatment period")
        if any(period.end <= period.start for period in self.periods):
            raise DisplayError("a period of a design must end after it starts")

    @property
    def ratio(self) -> str:
        return ":".join(str(arm.ratio) for arm in self.arms)


def design_figure(
    picture: DesignPicture,
    *,
    id: str,  # noqa: A002 - the name that every model of a display has
    number: str,
    title: str,
    footnotes: tuple[str, ...] = (),
    synthetic: bool = False,
    dummy_arms: bool = False,
) -> FigureModel:
    """The picture of a design as a finished figure; the same picture gives the same bytes.

    Args:
        picture: What is shown.
        id, number, title, footnotes: Of the display.
        synthetic: Whether the picture shows numbers of simulated patients.
        dummy_arms: Whether it shows numbers by dummy arms.
    """
    words = described(picture)
    return FigureModel(
        id=id,
        number=number,
        title=title,
        svg=_drawn(picture, figure_id=id, title=title, words=words),
        description=words,
        footnotes=footnotes,
        synthetic=synthetic,
        dummy_arms=dummy_arms,
    )


def described(picture: DesignPicture) -> str:
    """The picture in words, for those who do not see it."""
    said: list[str] = []
    for period in picture.periods:
        said.append(f"{period.label}: {_span(period)}.")
    if picture.screened is not None:
        said.append(f"{picture.screened} patients were screened.")
    arms = "; ".join(_arm_words(picture, arm) for arm in picture.arms)
    how = f", stratified by {' and by '.join(picture.strata)}" if picture.strata else ""
    ratio = f" in a ratio of {picture.ratio}" if len(picture.arms) > 1 else ""
    said.append(f"Randomisation at week 0{ratio}{how}, to: {arms}.")
    if picture.visits:
        said.append(f"Visits at weeks {', '.join(f'{_weeks(week)}' for week in picture.visits)}.")
    if picture.primary:
        said.append(
            f"Primary end point: {picture.primary[0]}, at week {_weeks(picture.primary[1])}."
        )
    return " ".join(said)


def _span(period: DesignPeriod) -> str:
    if period.end <= 0:
        return f"{_weeks(period.end - period.start)} weeks"
    return f"week {_weeks(period.start)} to week {_weeks(period.end)}"


def _weeks(weeks: float) -> str:
    return rounded_number(weeks, digits=1).removesuffix(".0")


def _arm_words(picture: DesignPicture, arm: DesignArm) -> str:
    counted = f" {picture.counted}" if picture.counted else ""
    return arm.label if arm.n is None else f"{arm.label} (n={arm.n}{counted})"


# -- drawing: the sheet is 100 wide, a unit is a tenth of an inch, y = 0 is the lowest lane --

_WIDTH = 100.0
_LEFT, _NODE, _LANES, _RIGHT = 1.0, 25.0, 33.0, 98.0
_BOX, _RADIUS = 17.0, 2.6
_LANE, _PITCH = 5.0, 7.0
_AXIS = -_LANE / 2 - 2.0
_INK, _GREY, _PALE, _WHITE = "#000000", "#555555", "#e4e4e4", "#ffffff"
_POINTS = 9
_LINE = 1.6
"""Height of a line of text."""


@dataclass(frozen=True)
class _Sheet:
    """Where things stand on the sheet, and the strokes that put them there.

    `ax` is a matplotlib `Axes`, whose keywords have no types.
    """

    ax: Any
    picture: DesignPicture

    @property
    def after(self) -> list[DesignPeriod]:
        return [period for period in self.picture.periods if period.end > 0]

    @property
    def middle(self) -> float:
        return (len(self.picture.arms) - 1) * _PITCH / 2

    @property
    def top(self) -> float:
        return (len(self.picture.arms) - 1) * _PITCH + _LANE / 2

    def lane(self, i: int) -> float:
        return (len(self.picture.arms) - 1 - i) * _PITCH

    def x(self, week: float) -> float:
        first = min(period.start for period in self.after)
        last = max(period.end for period in self.after)
        return _LANES + (_RIGHT - _LANES) * (week - first) / (last - first)

    def text(self, x: float, y: float, lines: Sequence[str], **style: object) -> None:
        given = {"ha": "center", "va": "center", "fontsize": _POINTS, "color": _INK} | style
        words = "\n".join(lines)
        self.ax.text(x, y, words, **given)

    def line(self, xs: Sequence[float], ys: Sequence[float], **style: object) -> None:
        given = {"color": _INK, "linewidth": 1.0, "solid_capstyle": "butt"} | style
        self.ax.plot(xs, ys, **given)

    def box(self, x: float, y: float, width: float, height: float, **style: object) -> None:
        from matplotlib.patches import Rectangle

        given: dict[str, Any] = {"facecolor": _WHITE, "edgecolor": _INK, "linewidth": 1.0} | style
        self.ax.add_patch(Rectangle((x, y), width, height, **given))

    def arrow(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        style = {"arrowstyle": "-|>", "color": _INK, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
        self.ax.annotate("", end, start, arrowprops=style)


def _drawn(picture: DesignPicture, *, figure_id: str, title: str, words: str) -> str:
    from matplotlib.figure import Figure

    figure = Figure()
    ax: Any = figure.add_axes((0, 0, 1, 1))  # pyright: ignore[reportUnknownMemberType]
    sheet = _Sheet(ax, picture)
    lowest = min(_screening(sheet), _time(sheet))
    _randomisation(sheet)
    _lanes(sheet)
    highest = _periods(sheet)
    ax.set_axis_off()
    ax.set_xlim(0, _WIDTH)
    ax.set_ylim(lowest - 1.0, highest + 1.0)
    figure.set_size_inches(_WIDTH / 10, (highest - lowest + 2.0) / 10)
    return svg_of(figure, figure_id=figure_id, title=title, description=words)


def _screening(sheet: _Sheet) -> float:
    """The box of those who are screened, the strata beneath it; returns the lowest point."""
    lines: list[str] = []
    for period in sheet.picture.periods:
        if period.end <= 0:
            lines += [*_wrapped(period.label, 20), _span(period)]
    if sheet.picture.screened is not None:
        lines.append(f"{sheet.picture.screened} screened")
    half = (len(lines) + 1) * _LINE / 2
    if lines:
        sheet.box(_LEFT, sheet.middle - half, _BOX, 2 * half, facecolor=_PALE)
        sheet.text(_LEFT + _BOX / 2, sheet.middle, lines)
        sheet.arrow((_LEFT + _BOX, sheet.middle), (_NODE - _RADIUS, sheet.middle))
    low = sheet.middle - half
    if sheet.picture.strata:
        strata = [line for factor in sheet.picture.strata for line in _bullet(factor)]
        sheet.text(_LEFT, low - 1.5, ["Stratified by", *strata], ha="left", va="top")
        low -= 1.5 + (1 + len(strata)) * _LINE
    return low


def _wrapped(words: str, width: int) -> list[str]:
    return textwrap.wrap(words, width, break_on_hyphens=False)


def _bullet(words: str) -> list[str]:
    # SVG folds plain spaces, so the lines under a bullet are indented by no-break spaces.
    first, *others = _wrapped(words, 25)
    return [f"• {first}", *(f"\u00a0\u00a0\u00a0{line}" for line in others)]


def _randomisation(sheet: _Sheet) -> None:
    """The node from which the arms branch, with the ratio."""
    from matplotlib.patches import Ellipse

    for i in range(len(sheet.picture.arms)):
        y = sheet.lane(i)
        sheet.line([_NODE, _LANES - 3.4, _LANES - 1.8], [sheet.middle, y, y])
        sheet.arrow((_LANES - 1.8, y), (_LANES, y))
    node = Ellipse((_NODE, sheet.middle), 2 * _RADIUS, 2 * _RADIUS, facecolor=_INK)
    sheet.ax.add_patch(node)
    sheet.text(_NODE, sheet.middle, ["R"], color=_WHITE, fontweight="bold", fontsize=_POINTS + 3)
    words = ["Randomisation"]
    if len(sheet.picture.arms) > 1:
        words.append(sheet.picture.ratio)
    sheet.text(_NODE - 1.0, sheet.top + 1.0, words, va="bottom", fontweight="bold")


def _lanes(sheet: _Sheet) -> None:
    """One lane an arm: solid while treated, dashed in follow-up; a control's lane is white."""
    for i, arm in enumerate(sheet.picture.arms):
        low = sheet.lane(i) - _LANE / 2
        for period in sheet.after:
            x, width = sheet.x(period.start), sheet.x(period.end) - sheet.x(period.start)
            if period.kind == "treatment":
                sheet.box(x, low, width, _LANE, facecolor=_WHITE if arm.control else _PALE)
            else:
                sheet.box(x, low, width, _LANE, linestyle=(0, (3, 2)), edgecolor=_GREY)
        start = min(period.start for period in sheet.after if period.kind == "treatment")
        words = [_arm_words(sheet.picture, arm)]
        sheet.text(sheet.x(start) + 1.2, sheet.lane(i), words, ha="left", fontweight="bold")


def _periods(sheet: _Sheet) -> float:
    """A bracket and a label above each period after randomisation; returns the highest point."""
    y = sheet.top + 1.8
    most = 2
    for period in sheet.after:
        left, right = sheet.x(period.start) + 0.2, sheet.x(period.end) - 0.2
        sheet.line([left, left, right, right], [y - 0.7, y, y, y - 0.7])
        label = period.label
        if period.kind == "treatment" and sheet.picture.blinding:
            label += f", {sheet.picture.blinding.lower()}"
        room = max(12, int(right - left))
        lines = [
            *_wrapped(label, room),
            *_wrapped(f"{_weeks(period.end - period.start)} weeks", room),
        ]
        sheet.text((left + right) / 2, y + 0.8, lines, va="bottom")
        most = max(most, len(lines))
    return y + 0.8 + most * _LINE


def _time(sheet: _Sheet) -> float:
    """The axis of weeks, a mark at every visit, the primary end point; returns the lowest point."""
    first = min(period.start for period in sheet.after)
    visits = [week for week in sheet.picture.visits if week >= first]
    ends = {week for period in sheet.after for week in (period.start, period.end)}
    shown = sorted({*visits, *ends})
    marks = [sheet.x(week) for week in visits]
    sheet.line([sheet.x(shown[0]), sheet.x(shown[-1])], [_AXIS, _AXIS])
    sheet.line(marks, [_AXIS] * len(marks), linestyle="none", marker="v", markersize=6)
    last = float("-inf")
    for week in shown:
        # A label that would run into the one before it is left out; its mark stays.
        if sheet.x(week) - last >= 2.6:
            sheet.text(sheet.x(week), _AXIS - 1.8, [f"{_weeks(week)}"])
            last = sheet.x(week)
    sheet.text(_LANES - 1.8, _AXIS - 1.8, ["Week"], ha="right")
    if visits:
        sheet.text(_LANES - 1.8, _AXIS, ["Visit"], ha="right")
    return _primary(sheet, _AXIS - 3.2)


def _primary(sheet: _Sheet, y: float) -> float:
    """A dashed line through the lanes at the week of the primary end point, words beneath."""
    if sheet.picture.primary is None:
        return y
    label, week = sheet.picture.primary
    x = sheet.x(week)
    sheet.line([x, x], [_AXIS, sheet.top + 1.0], linestyle=(0, (4, 2)), linewidth=1.6)
    lines = [f"Primary end point, week {_weeks(week)}", *_wrapped(label, 44)]
    left, right = x - _LANES < 15, _RIGHT - x < 15
    sheet.text(
        x + 1.5 * (right - left),
        y,
        lines,
        ha="left" if left else "right" if right else "center",
        va="top",
        fontweight="bold",
    )
    return y - len(lines) * _LINE
