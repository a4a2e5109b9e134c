"""Every kind of figure by its name in a declaration."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from openlupus.display.figures.bars import bars
from openlupus.display.figures.declared import design_picture
from openlupus.display.figures.design import design_figure
from openlupus.display.figures.dose_response import dose_response
from openlupus.display.figures.dot_plot import dot_plot
from openlupus.display.figures.drawing import Drawing, finished, refused
from openlupus.display.figures.flow import flow
from openlupus.display.figures.forest import forest
from openlupus.display.figures.heat_map import heat_map
from openlupus.display.figures.kaplan_meier import kaplan_meier
from openlupus.display.figures.lines import lines
from openlupus.display.figures.scatter import scatter
from openlupus.display.figures.source import Source
from openlupus.display.model import FigureModel
from openlupus.protocol.figures import Design, Kind

KINDS: Mapping[str, Callable[..., Drawing]] = MappingProxyType({
    "forest": forest,
    "lines": lines,
    "kaplan_meier": kaplan_meier,
    "heat_map": heat_map,
    "dot_plot": dot_plot,
    "flow": flow,
    "scatter": scatter,
    "bars": bars,
    "dose_response": dose_response,
})  # fmt: skip
"""Kind to what draws it: declared part, source and name of the display to the drawing."""


def build_figure(declared: Kind, source: Source, *, name: str) -> FigureModel:
    """A declared figure, drawn from results; the same results give the same bytes.

    Args:
        declared: What is drawn.
        source: The results, and words for them.
        name: The display's id in the declaration.

    One whose analysis failed says why in its place.

    Raises:
        DisplayError: the declaration does not fit the results.
    """
    if isinstance(declared, Design):
        regulatory = source.style == "regulatory" and declared.filed
        drawn = design_figure(
            design_picture(source.protocol),
            id=name,
            number=declared.filed if regulatory else declared.number,
            title=declared.title,
            footnotes=declared.footnotes,
            synthetic=source.synthetic,
            dummy_arms=source.dummy_arms,
        )
        return replace(drawn, style=source.style)
    asked = [named for kind, named in declared.asked if kind == "analysis"]
    failed = [why for named in asked if (why := source.results.failed.get(named))]
    if failed:
        return refused("; ".join(dict.fromkeys(failed)), declared, source, name=name)
    draw: Any = KINDS[declared.shows]
    return finished(draw(declared, source, name=name), declared, source, name=name)
