"""Models whose cells a paper prints: which results each shows, and whether they may be steered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from openlupus import pipeline
from openlupus.audit.model import Published
from openlupus.audit.printed import Content, Number
from openlupus.derivation import AnalysisData
from openlupus.display.model import Cell, TableModel
from openlupus.exchange.study import Study
from openlupus.instruments.composites import COMPOSITES
from openlupus.protocol import Protocol
from openlupus.protocol.displays import Row, Table
from openlupus.protocol.model import FromParameter
from openlupus.results import Results
from openlupus.twin.forms import WRITERS, Frames

Place = tuple[str, str, str]
"""Table, row, column of the paper."""
Statistic = tuple[str, str, str]
"""Statistic, group, comparator of a result."""

_STEERED = frozenset({"lsmean", "se", "lower", "upper", "difference"})
_MODELS = frozenset({"lsmean", "difference"})


@dataclass(frozen=True)
class Goal:
    """A printed cell of a model; each of its numbers that can be steered, with its result."""

    place: Place
    printed: str
    numbers: tuple[tuple[Statistic, Number], ...]


@dataclass(frozen=True)
class Target:
    """A declared model of a parameter of ADQS, and what a paper prints of it."""

    analysis: str
    parameter: str
    goals: tuple[Goal, ...]


def models_alone(protocol: Protocol, published: Published) -> Protocol:
    """The declaration with the analyses of ADQS that printed tables show: less to derive."""
    titles = {cell.table for cell in published.cells}
    wanted = {
        name
        for name, analysis in protocol.analyses.items()
        if analysis.dataset == "ADQS" and "PARAMCD" in analysis.where
    }
    displays = {
        name: display.model_copy(
            update={"rows": tuple(r for r in display.rows if r.heading or _rests(r) & wanted)}
        )
        for name, display in protocol.displays.items()
        if isinstance(display, Table) and display.published in titles
    }
    shown = {n for table in displays.values() for row in table.rows for n in _rests(row)}
    read = {v.parameter for v in protocol.variables.values() if isinstance(v, FromParameter)}
    endpoints = {n: e for n, e in protocol.endpoints.items() if e.parameter in read}
    analyses = {n: a for n, a in protocol.analyses.items() if n in shown & wanted}
    kept = {"displays": displays, "endpoints": endpoints, "analyses": analyses}
    return protocol.model_copy(update={**kept, "times": {}, "multiplicity": {}})


def _rests(row: Row) -> set[str]:
    return {row.analysis, *(name for inner in row.rows for name in _rests(inner))} - {""}


def targets_of(study: Study, published: Published, data: AnalysisData) -> tuple[Target, ...]:
    """Models with printed cells, parameters in the order in which their forms are written."""
    analyses = study.protocol.analyses
    goals: dict[str, list[Goal]] = {}
    for place, cell in cells_of(study, data, pipeline.analyse(study, data)):
        statistics = {row.statistic for row in cell.rests_on}
        printed = published.cell(*place)
        if printed is not None and statistics & _MODELS and statistics <= _STEERED:
            name = cell.rests_on[0].analysis
            numbers = _shown(cell, printed.content, analyses[name].visit)
            goals.setdefault(name, []).append(Goal(place, printed.text, numbers))
    order = {parameter: i for i, parameter in enumerate(WRITERS)}
    found = [
        Target(name, str(analyses[name].where["PARAMCD"].equals or ""), tuple(own))
        for name, own in goals.items()
    ]
    return tuple(sorted(found, key=lambda target: order.get(target.parameter, len(order))))


def _shown(cell: Cell, content: Content, visit: str) -> tuple[tuple[Statistic, Number], ...]:
    """Results and the numbers that print them; none where the cell is not of the model's visit."""
    values = [getattr(content, field.name) for field in fields(content)]
    numbers = [value for value in values if isinstance(value, Number)]
    whole = all(row.visit == visit and not row.subgroup for row in cell.rests_on)
    if not whole or len(numbers) != len(cell.rests_on):
        return ()
    keys = [(row.statistic, row.group, row.comparator) for row in cell.rests_on]
    return tuple(zip(keys, numbers, strict=True))


def cells_of(study: Study, data: AnalysisData, results: Results) -> Iterator[tuple[Place, Cell]]:
    for table in pipeline.displays(study, data, results):
        declared = study.protocol.displays[table.id]
        if not isinstance(table, TableModel) or not isinstance(declared, Table):
            continue
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                yield (declared.published, row.key, column.key), cell


def refused(protocol: Protocol, target: Target, earlier: Iterable[Target], frames: Frames) -> str:
    """Why a parameter is left alone; empty where it may be changed."""
    analysis = protocol.analyses[target.analysis]
    if not analysis.visit or not target.parameter:
        return f"analysis {target.analysis} is not of one parameter at one visit"
    writer = WRITERS.get(target.parameter)
    if writer is None:
        return f"{target.parameter} has no writer of its items"
    if writer.domain not in frames:
        return f"there is no domain {writer.domain}"
    if any(target.parameter == other.parameter for other in earlier):
        return f"{target.parameter} was set for another model"
    for name, variable in protocol.variables.items():
        if (
            isinstance(variable, FromParameter)
            and variable.parameter == target.parameter
            and variable.visit != "baseline"
        ):
            return f"variable {name} rests on {target.parameter}"
    for name, endpoint in protocol.endpoints.items():
        names = [endpoint.composite, *([endpoint.flare] if endpoint.flare else [])]
        inputs = {need for composite in names for need in COMPOSITES[composite].inputs}
        if any(need.startswith(f"{m}_") for need in inputs for m in writer.measures):
            return f"end point {name} rests on {target.parameter}"
    return ""
