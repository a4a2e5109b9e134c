"""An analysis repeated in each level of some columns, such as each parameter and visit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import polars as pl

from openlupus.analysis.notes.words import listed
from openlupus.analysis.pointers import conjunction
from openlupus.analysis.select import scope
from openlupus.analysis.subgroups import amended
from openlupus.derivation.model import AnalysisData
from openlupus.protocol.analyses import Analysis, By
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow

LEVELS = "|"
"""Joins the levels of a parameter."""

Levels = tuple[str, ...]


def each_level(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> Iterator[tuple[Levels, Protocol, AnalysisData]]:
    """The levels of `by`, the declaration narrowed to them, and the data that they need.

    An analysis without `by` is given as it is.

    Raises:
        AnalysisError: a column is in neither the data set nor ADSL.
    """
    analysis = protocol.analyses[name]
    if not analysis.by:
        yield (), protocol, data
        return
    columns = [by.column for by in analysis.by]
    numbers = [_number(column) for column in columns]
    frame = data.frame(analysis.dataset)
    there = [c for c in numbers if c in frame.columns or c in subjects.columns]
    every = amended(protocol, name, take=None)
    seen = scope(name, every, data, subjects, columns=[*columns, *there])
    for levels, under in _combinations(seen.records, analysis.by):
        where: Where = {c: Test(equals=v) for c, v in zip(columns, levels, strict=True)}
        part = data
        if analysis.dataset != "ADSL":
            # The other records are out of sight, so that each repetition is quick.
            here = under.select(frame.columns)
            part = replace(data, frames={**data.frames, analysis.dataset: here})
        narrowed = amended(protocol, name, where=conjunction(analysis.where, where), by=())
        yield levels, narrowed, part


def _number(column: str) -> str:
    """The column with the numbers of a text's levels: AVISITN of AVISIT, PARAMN of PARAMCD."""
    return f"{column.removesuffix('CD')}N"


def _combinations(
    records: pl.DataFrame, bys: Sequence[By]
) -> Iterator[tuple[Levels, pl.DataFrame]]:
    """Every combination of levels, with its records."""
    if not bys:
        yield (), records
        return
    first, *rest = bys
    for level in first.levels or _found(records, first):
        where: Where = {first.column: Test(equals=level)}
        under = records.filter(expression(where, records.schema))
        for more, inside in _combinations(under, rest):
            yield (level, *more), inside


def _found(records: pl.DataFrame, by: By) -> list[str]:
    """Levels that occur, in the order that is declared."""
    column, number = by.column, _number(by.column)
    numbered = by.order == "number" and number in records.columns
    rank = pl.col(number).min() if numbered else pl.lit(0)
    known = records.filter(pl.col(column).is_not_null())
    if known.schema[column] == pl.String:
        known = known.filter(pl.col(column) != "")
    order = known.group_by(column).agg(rank.alias("_rank")).sort("_rank", column)
    return [f"{v:g}" if isinstance(v, float) else str(v) for v in order[column]]


def in_front(
    levels: Levels, rows: Sequence[ResultRow], protocol: Protocol, name: str
) -> list[ResultRow]:
    """Rows with the levels in front of their parameter; the name of the one thing that is analysed
    gives way to them."""
    if not levels:
        return list(rows)
    one = _sole(protocol, protocol.analyses[name])
    made: list[ResultRow] = []
    for row in rows:
        own = () if row.parameter in ("", one) else (row.parameter,)
        made.append(replace(row, parameter=LEVELS.join([*levels, *own])))
    return made


def _sole(protocol: Protocol, analysis: Analysis) -> str:
    if analysis.endpoint:
        return protocol.endpoints[analysis.endpoint].parameter
    variable: object = getattr(analysis.method, "variable", "")
    return variable if isinstance(variable, str) else ""


def by_told(analysis: Analysis) -> list[str]:
    """`by` in words."""
    if not analysis.by:
        return []
    columns = listed([by.column for by in analysis.by])
    given: Mapping[str, Levels] = {by.column: by.levels for by in analysis.by if by.levels}
    said = [f"{column}: {', '.join(levels)}" for column, levels in given.items()]
    which = f" ({'; '.join(said)})" if said else ""
    return [f"Done within each level of {columns}{which}, whose records alone it sees."]
