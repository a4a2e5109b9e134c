"""How every figure looks: colours that the colour-blind tell apart, marks that survive a copier.

The colours are those of Okabe and Ito that are dark enough on white. Each comes with a mark and a
kind of line of its own, and a control is grey with hollow marks, so that nothing is said by colour
alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openlupus.display.rounding import number
from openlupus.protocol import Protocol
from openlupus.protocol.figures import Scale

INK, GREY, PALE = "#1d1d1b", "#55524c", "#d9d5cc"
POINTS = 8.5
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#8B3A87", "#8A6D00", "#332288")
_MARKS = ("o", "s", "^", "D", "v", "P")
_STROKES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (1, 1.2)), "-", "-")


@dataclass(frozen=True)
class Look:
    """Colour, mark and stroke of a group; `hollow` marks are white inside."""

    colour: str
    mark: str
    stroke: Any
    hollow: bool = False

    @property
    def inside(self) -> str:
        return "#ffffff" if self.hollow else self.colour


def looks(protocol: Protocol) -> Mapping[str, Look]:
    """The look of every arm and group: test arms in order, then groups; controls are grey."""
    controls = [name for name, arm in protocol.arms.items() if arm.role == "control"]
    others = [name for name in (*protocol.arms, *protocol.groups) if name not in controls]
    made = {
        name: Look(_COLOURS[i % 6], _MARKS[i % 6], _STROKES[i % 6]) for i, name in enumerate(others)
    }
    hollow = {name: Look(GREY, "o", (0, (3, 2)), hollow=True) for name in controls}
    return made | hollow


NEUTRAL = Look(INK, "s", "-")
"""Of what belongs to no group."""


def sheet(width: float, height: float, *, panels: int = 1, **options: Any) -> tuple[Any, list[Any]]:
    """A figure of this size in inches, and its axes side by side with open frames."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width, height), layout="constrained")
    axes: list[Any] = list(figure.subplots(1, panels, squeeze=False, **options)[0])
    for ax in axes:
        plain(ax)
    return figure, axes


def plain(ax: Any) -> None:
    """Thin axes without a frame, small type."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(color=INK, linewidth=0.8)
    ax.tick_params(colors=INK, labelsize=POINTS, width=0.8, length=3)
    ax.xaxis.label.set(size=POINTS, color=INK)
    ax.yaxis.label.set(size=POINTS, color=INK)


def title(ax: Any, words: str) -> None:
    ax.set_title(words, fontsize=POINTS, fontweight="bold", color=INK, loc="left")


def tick_words(axis: Any, scale: Scale) -> None:
    """Marks of an axis in the scale that is printed: a proportion in per cent."""
    from matplotlib.ticker import FuncFormatter

    if scale != "number":
        axis.set_major_formatter(FuncFormatter(_percent))


def _percent(value: float, _: int) -> str:
    text = number(value, digits=1, shift=2).removesuffix(".0")
    return text.replace("-", "−")


def minus(text: str) -> str:
    """A printed number, its hyphen set as a minus sign; words keep their hyphens."""
    return re.sub(r"(?<![\w.)])-(?=[\d.])", "−", text)


def legend(figure: Any, handles: Sequence[Any], *, columns: int = 4) -> None:
    """One legend under the figure."""
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(columns, max(1, len(handles))),
        fontsize=POINTS, frameon=False, handlelength=3.2, labelcolor=INK,
    )  # fmt: skip


def handle(look: Look, words: str, *, line: bool = True) -> Any:
    """An entry of the legend."""
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], color=look.colour, marker=look.mark, markerfacecolor=look.inside, markersize=5,
        linestyle=look.stroke if line else "none", linewidth=1.4, label=words,
    )  # fmt: skip
