"""One declared analysis made several times: at each visit, and within levels of subgroups."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import polars as pl

from openlupus.analysis.pointers import conjunction
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test
from openlupus.protocol.conditions import expression
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow

Rows = Callable[[str, Protocol, AnalysisData, pl.DataFrame], list[ResultRow]]
"""Analysis id, declaration, data, subjects of its population, to its rows."""
Interaction = Callable[[str, Protocol, AnalysisData, pl.DataFrame, str], list[ResultRow]]
"""The same with a column of ADSL, to the tests that an effect is the same in all its levels."""


def amended(protocol: Protocol, name: str, **changes: Any) -> Protocol:
    """The declaration with one analysis changed."""
    analysis = protocol.analyses[name].model_copy(update=changes)
    return protocol.model_copy(update={"analyses": {**protocol.analyses, name: analysis}})


def each_visit(protocol: Protocol, name: str) -> Iterator[Protocol]:
    """The declaration with the analysis at each of its visits; itself where it lists none."""
    analysis = protocol.analyses[name]
    if not analysis.visits:
        yield protocol
    for visit in analysis.visits:
        yield amended(protocol, name, visit=visit, visits=())


def subgroup_rows(
    name: str,
    protocol: Protocol,
    data: AnalysisData,
    subjects: pl.DataFrame,
    rows: Rows,
    interaction: Interaction | None,
) -> list[ResultRow]:
    """The rows of an analysis within each level of its subgroups, then the tests of interaction.

    `subgroup` is `COLUMN=level` in the rows, and `COLUMN` in the tests. Subjects without a value
    of the column are in none of its levels, which a warning says.

    Raises:
        AnalysisError: ADSL lacks a column.
    """
    analysis = protocol.analyses[name]
    if absent := [column for column in analysis.subgroups if column not in subjects.columns]:
        raise AnalysisError(f"analysis {name}: ADSL lacks the column {', '.join(absent)}")
    made: list[ResultRow] = []
    for column in analysis.subgroups:
        values = subjects[column].cast(pl.String).replace("", None)
        for level in _levels(protocol, data, column):
            inside = {column: Test(equals=level)}
            some = subjects.filter(expression(inside, subjects.schema))
            within = _within(protocol, analysis, inside)
            made += [
                replace(row, subgroup=f"{column}={level}") for row in rows(name, within, data, some)
            ]
        if interaction is not None:
            said = (
                f"{missing} subject(s) have no {column}" if (missing := values.null_count()) else ""
            )
            made += [
                replace(
                    row, subgroup=column, warnings="; ".join(filter(None, (row.warnings, said)))
                )
                for row in interaction(name, protocol, data, subjects, column)
            ]
    return made


def _levels(protocol: Protocol, data: AnalysisData, column: str) -> pl.Series:
    """Levels among all subjects in an arm: one that a population lacks still has its rows."""
    adsl, arms = data.frame("ADSL"), [arm.code for arm in protocol.arms.values()]
    if protocol.data.planned in adsl.columns:
        adsl = adsl.filter(pl.col(protocol.data.planned).cast(pl.String).is_in(arms))
    return adsl[column].cast(pl.String).replace("", None).drop_nulls().unique().sort()


def _within(protocol: Protocol, analysis: Analysis, inside: dict[str, Test]) -> Protocol:
    """The declaration with the population cut down to a level, so that pointers say so."""
    population = protocol.populations[analysis.population]
    narrowed = population.model_copy(update={"where": conjunction(population.where, inside)})
    populations = {**protocol.populations, analysis.population: narrowed}
    return protocol.model_copy(update={"populations": populations})


def repeats_told(protocol: Protocol, analysis: Analysis) -> list[str]:
    """Over which visits and within which subgroups the analysis is repeated."""
    said: list[str] = []
    if analysis.visits:
        labels = [protocol.visit(visit).label for visit in analysis.visits]
        said.append(f"Repeated at {', '.join(labels)}, each by itself.")
    if analysis.subgroups:
        named = ", ".join(analysis.subgroups)
        said.append(f"Repeated within each level of {named}, not adjusted for multiplicity.")
    return said
