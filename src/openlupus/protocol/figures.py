"""Figures as declared: what is drawn from which analysis; `shows` names the kind."""

from typing import Annotated, Literal

from pydantic import Field

from openlupus.protocol.base import Part
from openlupus.protocol.layout import Laid

Scale = Literal["number", "percent", "points"]
"""A number as it is; a proportion in per cent; a difference of proportions in percentage points."""


class FigurePart(Part):
    """What every figure declares."""

    kind: Literal["figure"]
    number: str
    filed: str = ""
    """Number in the regulatory style, for example `Figure 14.2.1`."""
    title: str
    footnotes: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """What the figure names of the declaration: pairs of kind and name."""
        return ()


class Read(Part):
    """Which results of which analyses are drawn; a part left empty means the only one there is."""

    analysis: str | tuple[str, ...]
    """One analysis, or several that are drawn as one (a visit each)."""
    parameter: str = ""
    visit: str = ""
    subgroup: str = ""

    @property
    def analyses(self) -> tuple[str, ...]:
        return (self.analysis,) if isinstance(self.analysis, str) else self.analysis


class Panel(Read):
    """One of several drawings side by side."""

    title: str


class Drawn(FigurePart):
    """A figure of results by group."""

    groups: tuple[str, ...] = ()
    """Arms and groups in this order; those of the results when empty."""
    labels: dict[str, str] = {}
    """Parameter, subgroup or visit to its printed words."""
    digits: int = Field(1, ge=0, le=6)
    """Decimals in the table of the numbers."""

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        return tuple(("arm or group", group) for group in self.groups)


class Design(FigurePart):
    """The picture of the trial's design, from its declaration alone."""

    shows: Literal["design"]


class Forest(FigurePart, Laid):
    """Rows of differences (or ratios) with their intervals, the numbers beside."""

    shows: Literal["forest"]
    plot: tuple[str, ...] = Field(min_length=1)
    """Keys of the columns whose difference and limits are drawn."""
    beside: tuple[str, ...] = ()
    """Keys of the columns whose cells stand in the picture; all when empty."""
    statistic: str = "difference"
    scale: Scale = "number"
    logarithmic: bool = False
    reference: float | None = None
    """The line of no difference: 0, or 1 of a logarithmic axis, when not given."""
    axis: str = ""
    favours: tuple[str, str] | None = None
    """Words under the left and the right of the axis."""


class Lines(Drawn):
    """A statistic over the visits in each group."""

    shows: Literal["lines"]
    panels: tuple[Panel, ...] = Field(min_length=1)
    statistic: str
    interval: Literal["limits", "se", "none"] = "limits"
    comparator: str = ""
    visits: tuple[str, ...] = ()
    scale: Scale = "number"
    axis: str = ""
    reference: float | None = None

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        visits = [("visit", visit) for visit in self.visits]
        return (*super().asked, *_read(*self.panels), *visits)


class Note(Part):
    """A line of words in a figure, with numbers of the same analysis."""

    text: str
    parameter: str = ""
    group: str = ""
    comparator: str = ""


class KaplanMeier(Drawn):
    """Steps of the proportion without (or with) the event, with the numbers at risk."""

    shows: Literal["kaplan_meier"]
    read: Read
    curve: Literal["without_event", "with_event"] = "without_event"
    unit: Literal["days", "weeks", "months"] = "weeks"
    every: float = Field(4, gt=0)
    """Units between two marks of the time axis."""
    origin: float = 0
    """Time, in days, that stands at 0 of the axis: 1 where times count the first day as day 1."""
    interval: bool = False
    axis: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        return (*super().asked, *_read(self.read))


class HeatMap(FigurePart):
    """A statistic over two axes, with a contour; the parameter is `y|x` as numbers."""

    shows: Literal["heat_map"]
    read: Read
    group: str
    comparator: str
    statistic: str = "p"
    contour: float = 0.05
    x_axis: str
    y_axis: str
    scale: Scale = "number"
    """Of the numbers on the axes."""
    digits: int = Field(3, ge=0, le=6)

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        return (*_read(self.read), ("arm or group", self.group), ("arm or group", self.comparator))


class DotPlot(Drawn):
    """A proportion of each parameter by group, beside the difference of two of them."""

    shows: Literal["dot_plot"]
    read: Read
    test: str
    control: str
    order: Literal["results", "difference"] = "difference"
    most: int = Field(30, gt=0)
    """Parameters drawn at most, those that come first."""
    axis: str = ""

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        members = [("arm or group", self.test), ("arm or group", self.control)]
        return (*super().asked, *_read(self.read), *members)


class Step(Part):
    """A box of a flow: its label and count, and the parameters of an analysis as its reasons."""

    label: str
    analysis: str
    parameter: str = ""
    where: Literal["down", "aside", "each"] = "down"
    """In the middle; beside the arrow that goes on; or one for each group."""
    reasons: str = ""
    """Analysis whose parameters, with their counts, are listed in the box."""


class Flow(Drawn):
    """Who was screened, randomised, treated and analysed, from top to bottom."""

    shows: Literal["flow"]
    steps: tuple[Step, ...] = Field(min_length=1)

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        named = [step.analysis for step in self.steps]
        named += [step.reasons for step in self.steps if step.reasons]
        return (*super().asked, *(("analysis", name) for name in named))


class Scatter(Drawn):
    """One point a subject (statistics `x` and `y`), with lines that cut the field in quadrants."""

    shows: Literal["scatter"]
    read: Read
    x_axis: str
    y_axis: str
    logarithmic: bool = False
    x_line: float | None = None
    y_line: float | None = None
    quadrants: tuple[str, str, str, str] | None = None
    """Words: upper left, upper right, lower left, lower right."""

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        return (*super().asked, *_read(self.read))


class Bars(Drawn):
    """A statistic of each parameter by group, as bars side by side or stacked."""

    shows: Literal["bars"]
    read: Read
    statistic: str = "proportion"
    stacked: bool = False
    scale: Scale = "percent"
    axis: str = ""

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        return (*super().asked, *_read(self.read))


class DoseResponse(Drawn):
    """Fitted curves over the dose or exposure (parameter `MODEL|x`), and what was observed."""

    shows: Literal["dose_response"]
    read: Read
    statistic: str = "lsmean"
    points: str = "observed"
    """What was observed: parameters `observed|x`; where these have a mean, it stands for x."""
    points_statistic: str = "lsmean"
    scale: Scale = "number"
    x_axis: str = ""
    y_axis: str = ""

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        return (*super().asked, *_read(self.read))


def _read(*reads: Read) -> tuple[tuple[str, str], ...]:
    analyses = [("analysis", name) for read in reads for name in read.analyses]
    return (*analyses, *(("visit", read.visit) for read in reads if read.visit))


Kind = (
    Design | Forest | Lines | KaplanMeier | HeatMap | DotPlot | Flow | Scatter | Bars | DoseResponse
)
Figure = Annotated[Kind, Field(discriminator="shows")]
