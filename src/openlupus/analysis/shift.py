"""Shift tables: where subjects were at baseline, where they went, and a test between the arms."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from openlupus.analysis.association import cmh_test, cross
from openlupus.analysis.counts import ASSOCIATION
from openlupus.analysis.notes.words import in_words, records_in_words
from openlupus.analysis.select import ARM, Scope, one_record_each, scope
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import CountRow, Shift
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow

_START, _END = "_start", "_end"


def shift_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Subjects of each level at baseline, and of each level after it, in each group.

    The level after baseline is the parameter ("" counts them all), the level at baseline the
    subgroup, as `start=LEVEL` ("" for all). Proportions are of the subjects with that level at
    baseline. Subjects who lack either level are left out.

    Raises:
        AnalysisError: a column is absent, a level is found that is not listed, or a subject has
            several records.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Shift)
    seen = scope(name, protocol, data, subjects, columns=method.asked)
    one_record_each(seen)
    start = _levels(seen, method.start, method.start_levels)
    end = _levels(seen, method.end, method.end_levels)
    placed = seen.records.with_columns(
        _place(seen, start).alias(_START), _place(seen, end).alias(_END)
    )
    used = placed.drop_nulls([_START, _END])
    said: tuple[str, ...] = ()
    if missing := placed.height - used.height:
        said = (f"{missing} subject(s) without a level at baseline or after it are left out",)
    shown = {
        level: where
        for place, (level, where) in enumerate(end.items())
        if method.empty_levels == "shown" or (used[_END] == place).any()
    }
    rows = [
        row
        for group in seen.groups
        for row in _counted(seen, method, used, group, start, end, shown, said)
    ]
    return rows + (_cmh(seen, method, used, len(end)) if method.test == "cmh" else [])


def _levels(
    seen: Scope, side: str | tuple[CountRow, ...], listed: tuple[str, ...]
) -> Mapping[str, Where]:
    """Level to the condition that says it."""
    if not isinstance(side, str):
        return {row.id: row.where for row in side}
    column = seen.records[side].drop_nulls().unique().sort()
    found = [f"{v:g}" if isinstance(v, float) else str(v) for v in column if v != ""]
    if listed and (more := [level for level in found if level not in listed]):
        raise AnalysisError(
            f"analysis {seen.name}: {side} takes the value {', '.join(more)}, which is not among"
            f" its levels {', '.join(listed)}"
        )
    return {level: {side: Test(equals=level)} for level in listed or found}


def _place(seen: Scope, levels: Mapping[str, Where]) -> pl.Expr:
    """Number of the first level whose condition a record meets; null for none."""
    place = pl.lit(None, pl.Int64)
    for number, where in reversed(list(enumerate(levels.values()))):
        place = pl.when(expression(where, seen.records.schema)).then(number).otherwise(place)
    return place


def _counted(
    seen: Scope,
    method: Shift,
    used: pl.DataFrame,
    group: str,
    start: Mapping[str, Where],
    end: Mapping[str, Where],
    shown: Mapping[str, Where],
    said: tuple[str, ...],
) -> list[ResultRow]:
    own, rows = seen.of(used, group), list[ResultRow]()
    ends, anywhere = list(end), _anywhere(method.end, end)
    froms: list[tuple[str, Where, pl.DataFrame]] = [("", _anywhere(method.start, start), own)]
    froms += [
        (f"{_name(method)}={level}", where, own.filter(pl.col(_START) == place))
        for place, (level, where) in enumerate(start.items())
    ]
    for subgroup, at_start, frame in froms:
        among = frame.height
        shared: dict[str, Any] = {
            "method": "shift", "group": group, "subgroup": subgroup, "n": among, "warnings": said
        }  # fmt: skip
        source = seen.source([group], {**at_start, **anywhere})
        rows.append(seen.row("n", float(among), source=source, **shared))
        empty = () if among else ("nobody of the group has this level at baseline",)
        for level, where in shown.items():
            n = int((frame[_END] == ends.index(level)).sum())
            values = {"n": float(n), "proportion": n / among if among else None}
            rows += seen.rows(
                values, parameter=level, source=seen.source([group], {**at_start, **where}),
                **{**shared, "warnings": (*said, *empty)},
            )  # fmt: skip
    return rows


def _anywhere(side: str | tuple[CountRow, ...], levels: Mapping[str, Where]) -> Where:
    """The condition that a record has any of the levels of a column."""
    return {side: Test(one_of=tuple(levels))} if isinstance(side, str) else {}


def _name(method: Shift) -> str:
    return method.start if isinstance(method.start, str) else "start"


def _cmh(seen: Scope, method: Shift, used: pl.DataFrame, ends: int) -> list[ResultRow]:
    places = {seen.protocol.arms[arm].code: i for i, arm in enumerate(seen.arms)}
    arm = used[ARM].replace_strict(places, default=None, return_dtype=pl.Int64)
    counts = cross(arm, used[_END], used[_START], (len(places), ends))
    values, said = cmh_test(
        counts, association=method.association, strata_needed=method.strata_needed
    )
    return seen.rows(
        values, method=f"cmh_{method.association}", n=int(counts.sum()),
        source=seen.source(seen.arms), warnings=said,
    )  # fmt: skip


def shift_told(protocol: Protocol, analysis: Analysis, method: Shift) -> list[str]:
    """Every option in words."""
    of = records_in_words(protocol, analysis)
    said = [
        f"Shift from {_side(method.start)} to {_side(method.end)} ({of}).",
        "Subjects who lack either are left out.",
        "Proportions are of the subjects of the group with the same level at the start.",
    ]
    if method.empty_levels == "left_out":
        said.append("Levels at the end that nobody has are not shown.")
    if method.test == "cmh":
        needed = (
            f", computed where at least {method.strata_needed} of these levels hold two subjects"
            " or more"
            if method.strata_needed > 1
            else ""
        )
        said.append(
            f"P: Cochran-Mantel-Haenszel test for {ASSOCIATION[method.association]} at the end,"
            f" controlling for the level at the start{needed}."
        )
    return said


def _side(side: str | tuple[CountRow, ...]) -> str:
    if isinstance(side, str):
        return side
    return ", ".join(f"{row.id} ({in_words(row.where)})" for row in side)
