"""Diagnostics of multiple imputation as pictures: chains, their autocorrelation, what was drawn.

Colours are Okabe and Ito's, told apart by readers who are colour-blind; line style or shape says
the same a second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openlupus.errors import DisplayError, OutputExistsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_STYLES = ("-", "--", "-.", ":")
_OBSERVED, _IMPUTED = _COLOURS[0], _COLOURS[5]
_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True, kw_only=True)
class TracePicture:
    """One parameter along several chains, and what it is centred on where that is known.

    Attributes:
        label: Of the parameter.
        chains: One line each.
        correlation: At lag 0, 1, ... of each chain; empty when it is not shown.
        centre: Value that the chains should move about, such as the EM estimate.
        note: Such as the potential scale reduction.
    """

    label: str
    chains: Sequence[Sequence[float]]
    correlation: Sequence[Sequence[float]] = ()
    centre: float | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ComparisonPicture:
    """A variable's observed and imputed values at 5, 25, 50, 75 and 95 per cent, and their mean."""

    label: str
    observed: Sequence[float]
    imputed: Sequence[float]
    observed_mean: float
    imputed_mean: float
    counts: tuple[int, int]


def chains_figure(traces: Sequence[TracePicture], *, title: str) -> "Figure":
    """One row a parameter: its chains, and beside them their autocorrelation where it is given."""
    from matplotlib.figure import Figure

    if not traces:
        raise DisplayError("there is no parameter whose chains could be drawn")
    beside = any(trace.correlation for trace in traces)
    figure = Figure(figsize=(10 if beside else 8, 0.7 + 1.7 * len(traces)), layout="constrained")
    panels: Any = figure.subplots(
        len(traces), 2 if beside else 1, squeeze=False, sharex="col",
        width_ratios=[2.2, 1] if beside else [1],
    )  # fmt: skip
    for trace, row in zip(traces, panels, strict=True):
        _draw_chains(row[0], trace)
        if beside:
            _draw_correlation(row[1], trace)
    panels[-1][0].set_xlabel("step")
    if beside:
        panels[-1][1].set_xlabel("lag")
        panels[0][1].set_title("autocorrelation", fontsize=9)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")  # pyright: ignore[reportUnknownMemberType]
    return figure


def comparison_figure(comparisons: Sequence[ComparisonPicture], *, title: str) -> "Figure":
    """Observed beside imputed values, one panel a variable on a scale of its own."""
    from matplotlib.figure import Figure

    if not comparisons:
        raise DisplayError("no variable has imputed values to compare")
    columns = min(4, len(comparisons))
    rows = -(-len(comparisons) // columns)
    figure = Figure(figsize=(2.4 * columns + 0.6, 2.6 * rows + 0.6), layout="constrained")
    panels: Any = figure.subplots(rows, columns, squeeze=False)
    places = [panel for row in panels for panel in row]
    for panel, comparison in zip(places, comparisons, strict=False):
        _draw_comparison(panel, comparison)
    for panel in places[len(comparisons) :]:
        panel.set_visible(False)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")  # pyright: ignore[reportUnknownMemberType]
    return figure


def write_figure(figure: "Figure", out: Path, *, force: bool = False) -> None:
    """Write a figure as PNG, SVG or PDF, by the end of its name; the same figure, the same bytes.

    Raises:
        DisplayError: another ending.
        OutputExistsError: the file is there and `force` is not given.
    """
    from matplotlib import rc_context  # pyright: ignore[reportUnknownVariableType]

    if out.suffix not in _FORMATS:
        raise DisplayError(
            f"{out.name} ends neither in {', '.join(_FORMATS[:-1])} nor {_FORMATS[-1]}"
        )
    if out.exists() and not force:
        raise OutputExistsError(f"{out} is there already; nothing was written")
    out.parent.mkdir(parents=True, exist_ok=True)
    undated: Any = {
        ".svg": {"Date": None, "Creator": None},
        ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        ".png": {"Software": None},
    }[out.suffix]
    with rc_context({"svg.hashsalt": "openlupus", "svg.fonttype": "none"}):
        figure.savefig(out, dpi=130, metadata=undated)  # pyright: ignore[reportUnknownMemberType]


def _draw_chains(panel: Any, trace: TracePicture) -> None:
    for number, chain in enumerate(trace.chains):
        panel.plot(
            range(1, len(chain) + 1), chain, color=_COLOURS[number % len(_COLOURS)],
            linestyle=_STYLES[number % len(_STYLES)], linewidth=0.8,
        )  # fmt: skip
    if trace.centre is not None:
        panel.axhline(trace.centre, color="#333333", linewidth=0.8)
    panel.set_ylabel(trace.label, fontsize=9)
    if trace.note:
        panel.set_title(trace.note, fontsize=8, loc="right", color="#444444")
    _plain(panel)


def _draw_correlation(panel: Any, trace: TracePicture) -> None:
    if not trace.correlation:
        panel.set_visible(False)
        return
    for number, values in enumerate(trace.correlation):
        panel.plot(
            range(len(values)), values, color=_COLOURS[number % len(_COLOURS)],
            linestyle=_STYLES[number % len(_STYLES)], linewidth=1,
        )  # fmt: skip
    # Two standard errors of the correlation of independent steps.
    band = 2 / max(len(trace.chains[0]), 1) ** 0.5
    panel.axhspan(-band, band, color="#dddddd", zorder=0)
    panel.set_ylim(-0.3, 1.05)
    _plain(panel)


def _draw_comparison(panel: Any, comparison: ComparisonPicture) -> None:
    sides = (
        (0, comparison.observed, comparison.observed_mean, _OBSERVED, "o"),
        (1, comparison.imputed, comparison.imputed_mean, _IMPUTED, "D"),
    )
    for place, (p5, q1, median, q3, p95), mean, colour, marker in sides:
        panel.plot([place, place], [p5, p95], color=colour, linewidth=1.2)
        panel.plot([place, place], [q1, q3], color=colour, linewidth=9, solid_capstyle="butt",
                   alpha=0.55)  # fmt: skip
        panel.plot([place - 0.14, place + 0.14], [median] * 2, color="black", linewidth=1.6)
        panel.plot(place, mean, marker=marker, color="white", markeredgecolor="black", markersize=5)
    panel.set_title(comparison.label, fontsize=9)
    seen, drawn = comparison.counts
    panel.set_xticks([0, 1], [f"observed\n{seen}", f"imputed\n{drawn}"], fontsize=8)
    panel.set_xlim(-0.6, 1.6)
    _plain(panel)


def _plain(panel: Any) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)
