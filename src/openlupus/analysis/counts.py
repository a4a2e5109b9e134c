"""Counts of subjects: by level of a variable, or by named conditions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from openlupus.analysis.association import cmh_test, cross, exact_test, stratum_of
from openlupus.analysis.notes.words import in_words, listed, records_in_words
from openlupus.analysis.select import ARM, SUBJECT, Scope, cautious, one_record_each, scope
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import Counts
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.contingency import fisher_exact, pearson_chisquare


@dataclass(frozen=True)
class Level:
    """A row of the table of counts: who meets the condition.

    Attributes:
        parameter: Its id, or the level's value.
        counted: Group to subjects who meet it.
        among: Group to subjects of the denominator.
    """

    parameter: str
    where: Where
    counted: Mapping[str, int]
    among: Mapping[str, int]


def count_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """N, n and proportion of each level or row (parameter: its id) in each group, and tests.

    Counts of a variable, and of rows that exclude each other, also have N and n over all levels
    (parameter "").

    Raises:
        AnalysisError: a column is absent, a level is found that is not listed, or a subject meets
            two rows that exclude each other.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Counts)
    seen = cautious(scope(name, protocol, data, subjects, columns=method.asked), data)
    columns = [method.variable] if method.variable else [c for r in method.rows for c in r.where]
    conditions = _conditions(seen, method)
    together = bool(method.variable) or method.exclusive
    levels = [_level(seen, method, parameter, where) for parameter, where in conditions.items()]
    rows: list[ResultRow] = []
    unplaced: dict[str, tuple[str, ...]] = {}
    if together:
        _refuse_two_levels(seen, method, conditions)
        whole = _level(seen, method, "", {column: Test() for column in columns})
        unplaced = {group: _unplaced(seen, method, group, whole, levels) for group in seen.groups}
        rows += _whole(seen, method, whole, levels, unplaced)
    shown = [level for level in levels if method.empty_levels == "shown" or _anybody(seen, level)]
    rows += [row for level in shown for row in _counted(seen, method, level, unplaced)]
    return rows + _tested(seen, method, levels, conditions, together=together)


def _anybody(seen: Scope, level: Level) -> bool:
    return any(level.counted[group] for group in seen.groups)


def _tested(
    seen: Scope,
    method: Counts,
    levels: Sequence[Level],
    conditions: Mapping[str, Where],
    *,
    together: bool,
) -> list[ResultRow]:
    """The test of all levels together, or of each row by itself."""
    if method.test == "none":
        return []
    if method.test == "fisher" and seen.analysis.compare.all:
        return [row for level in levels for row in _fisher(seen, level)]
    if method.test == "cmh":
        parts = {"": conditions} if together else {row: {row: w} for row, w in conditions.items()}
        return [
            row for parameter, part in parts.items() for row in _cmh(seen, method, parameter, part)
        ]
    tables = (
        {"": [[level.counted[arm] for level in levels] for arm in seen.arms]}
        if together
        else {level.parameter: [_met(level, arm) for arm in seen.arms] for level in levels}
    )
    one = _chi_square if method.test == "chi_square" else _exact
    return [row for parameter, table in tables.items() for row in one(seen, parameter, table)]


def _conditions(seen: Scope, method: Counts) -> dict[str, Where]:
    if not method.variable:
        return {row.id: row.where for row in method.rows}
    found = _values(seen.records[method.variable])
    if method.levels and (more := [level for level in found if level not in method.levels]):
        raise AnalysisError(
            f"analysis {seen.name}: {method.variable} takes the value {', '.join(more)}, which is"
            f" not among its levels {', '.join(method.levels)}"
        )
    return {level: {method.variable: Test(equals=level)} for level in method.levels or found}


def _values(column: pl.Series) -> list[str]:
    """Values that occur, in order, as a condition writes them."""
    values = column.drop_nulls().unique().sort().to_list()
    return [f"{v:g}" if isinstance(v, float) else str(v) for v in values if v != ""]


def _level(seen: Scope, method: Counts, parameter: str, where: Where) -> Level:
    """Subjects with a record that meets the condition, and subjects of the denominator."""
    schema = seen.records.schema
    met = seen.records.filter(expression(where, schema))
    match method.denominator:
        case "population":
            base = seen.subjects if method.counted == "subjects" else seen.records
        case "eligible":
            base = seen.records
        case "not_missing":
            asked = {column: Test(is_missing=False) for column in where}
            base = seen.records.filter(expression(asked, schema))
    groups = tuple(dict.fromkeys([*seen.groups, *seen.arms]))
    return Level(
        parameter,
        where,
        {group: _size(method, seen.of(met, group)) for group in groups},
        {group: _size(method, seen.of(base, group)) for group in groups},
    )


def _size(method: Counts, frame: pl.DataFrame) -> int:
    return frame.height if method.counted == "records" else frame[SUBJECT].n_unique()


def _refuse_two_levels(seen: Scope, method: Counts, conditions: Mapping[str, Where]) -> None:
    if method.counted == "subjects":
        one_record_each(seen)
    schema = seen.records.schema
    met = pl.sum_horizontal(
        pl.lit(0), *[expression(where, schema).cast(pl.Int64) for where in conditions.values()]
    )
    several = seen.records.filter(met > 1)
    if several.height:
        raise AnalysisError(
            f"analysis {seen.name}: {several.height} subject(s) meet two of the rows, which should"
            f" exclude each other, for example {several[SUBJECT][0]}"
        )


def _unplaced(
    seen: Scope, method: Counts, group: str, whole: Level, levels: Sequence[Level]
) -> tuple[str, ...]:
    """What to tell of those in no level: a denominator without them must not hide them."""
    among = whole.among[group]
    if method.denominator == "not_missing":
        among = _size(method, seen.of(seen.records, group))
    rest = among - sum(level.counted[group] for level in levels)
    return (f"{rest} {method.counted.removesuffix('s')}(s) are in no level",) if rest else ()


def _whole(
    seen: Scope,
    method: Counts,
    whole: Level,
    levels: Sequence[Level],
    unplaced: Mapping[str, tuple[str, ...]],
) -> list[ResultRow]:
    """N, and n who are in any level."""
    known: Where = {method.variable: Test(is_missing=False)} if method.variable else {}
    rows: list[ResultRow] = []
    for group in seen.groups:
        n, among = sum(level.counted[group] for level in levels), whole.among[group]
        shared: dict[str, Any] = {
            "method": "counts",
            "group": group,
            "n": among,
            "warnings": unplaced[group],
        }
        whom = _among_source(seen, method, group, whole.where)
        rows.append(seen.row("N", float(among), source=whom, **shared))
        rows.append(seen.row("n", float(n), source=seen.source([group], known), **shared))
    return rows


def _among_source(seen: Scope, method: Counts, group: str, asked: Where) -> str:
    """Pointer to the subjects of the denominator of a level that asks for these columns."""
    if method.denominator == "population" and method.counted == "subjects":
        return seen.subject_source([group])
    known = asked if method.denominator == "not_missing" else {}
    return seen.source([group], {column: Test(is_missing=False) for column in known})


def _counted(
    seen: Scope, method: Counts, level: Level, unplaced: Mapping[str, tuple[str, ...]]
) -> list[ResultRow]:
    rows: list[ResultRow] = []
    # Of the whole population, those in no level are in the proportion as declared.
    nothing: Mapping[str, tuple[str, ...]] = {}
    told = nothing if method.denominator == "population" else unplaced
    for group in seen.groups:
        n, among = level.counted[group], level.among[group]
        empty = () if among else ("no subject of the group is counted, so there is no proportion",)
        shared: dict[str, Any] = {
            "method": "counts",
            "parameter": level.parameter,
            "group": group,
            "n": among,
            "warnings": (*told.get(group, ()), *empty),
        }
        # Nobody who has a record has a value: how many have the level is not known to be none.
        unknown = (
            not among
            and method.denominator == "not_missing"
            and seen.of(seen.records, group).height > 0
        )
        whom = _among_source(seen, method, group, level.where)
        values = {
            "n": None if unknown else float(n), "proportion": n / among if among else None
        }  # fmt: skip
        rows.append(seen.row("N", float(among), source=whom, **shared))
        rows += seen.rows(values, source=seen.source([group], level.where), **shared)
    return rows


def _met(level: Level, group: str) -> list[int]:
    return [level.counted[group], level.among[group] - level.counted[group]]


def _chi_square(seen: Scope, parameter: str, table: list[list[int]]) -> list[ResultRow]:
    total = sum(map(sum, table))
    found: dict[str, float | None] = {"statistic": None, "df": None, "p": None}
    said: tuple[str, ...] = ("no subject is counted, so there is nothing to test",)
    if total:
        test = pearson_chisquare(table)
        said = test.warnings
        found = {"statistic": test.statistic, "df": float(test.df), "p": test.p}
    return seen.rows(
        found,
        method="chi_square",
        parameter=parameter,
        n=total,
        source=seen.source(seen.arms),
        warnings=said,
    )


def _exact(seen: Scope, parameter: str, table: list[list[int]]) -> list[ResultRow]:
    values, said = exact_test(table)
    return seen.rows(
        values, method="fisher", parameter=parameter, n=sum(map(sum, table)),
        source=seen.source(seen.arms), warnings=said,
    )  # fmt: skip


def _cmh(
    seen: Scope, method: Counts, parameter: str, conditions: Mapping[str, Where]
) -> list[ResultRow]:
    """Arms against the levels, or against meeting the one condition or not."""
    if method.counted == "subjects":
        one_record_each(seen)
    records = seen.records
    level = pl.lit(1 if len(conditions) == 1 else None, pl.Int64)
    for place, where in enumerate(conditions.values()):
        level = pl.when(expression(where, records.schema)).then(place).otherwise(level)
    places = {seen.protocol.arms[arm].code: i for i, arm in enumerate(seen.arms)}
    counts = cross(
        records[ARM].replace_strict(places, default=None, return_dtype=pl.Int64),
        records.select(level.alias("_")).to_series(),
        stratum_of(records, method.controlling),
        (len(places), max(2, len(conditions))),
    )
    scores = method.scores or _own_numbers(conditions)
    values, said = cmh_test(
        counts, association=method.association, scores=scores, strata_needed=method.strata_needed
    )
    return seen.rows(
        values, method=f"cmh_{method.association}", parameter=parameter, n=int(counts.sum()),
        source=seen.source(seen.arms), warnings=said,
    )  # fmt: skip


def _own_numbers(levels: Iterable[str]) -> tuple[float, ...]:
    """The levels as numbers, where all are; else none."""
    try:
        return tuple(float(level) for level in levels)
    except ValueError:
        return ()


def _fisher(seen: Scope, level: Level) -> list[ResultRow]:
    rows: list[ResultRow] = []
    for pair in seen.analysis.compare.all:
        p, said = fisher_p([level.counted[g] for g in pair], [level.among[g] for g in pair])
        rows.append(
            seen.row(
                "p",
                p,
                method="fisher",
                parameter=level.parameter,
                group=pair[0],
                comparator=pair[1],
                n=sum(level.among[g] for g in pair),
                source=seen.source(pair, level.where),
                warnings=said,
            )
        )
    return rows


def fisher_p(counted: Sequence[int], among: Sequence[int]) -> tuple[float | None, tuple[str, ...]]:
    """Fisher's exact P of two groups, and warnings; no P where a group is empty or nobody has it.

    Args:
        counted: Subjects with the event, test and comparator.
        among: Subjects, same order.
    """
    if not all(among):
        return None, ("one of the groups has no subject, so there is nothing to test",)
    if not any(counted):
        return None, ("no subject of either group is counted, so there is nothing to test",)
    table = [[n, total - n] for n, total in zip(counted, among, strict=True)]
    try:
        test = fisher_exact(table)
    except StatisticsError as error:
        return None, (str(error),)
    return test.p, test.warnings


_AMONG: Mapping[str, str] = {
    "population": "all subjects of the population in the group",
    "not_missing": "those with a value",
    "eligible": "those with such a record",
}


def counts_told(protocol: Protocol, analysis: Analysis, method: Counts) -> list[str]:
    of = records_in_words(protocol, analysis)
    what = f"by level of {method.variable}" if method.variable else "by condition"
    among = _AMONG[method.denominator]
    if method.counted == "records":
        among = "the records with a value" if "missing" in method.denominator else "all of them"
    said = [f"{method.counted.title()} counted {what} ({of}), as a proportion of {among}."]
    said += [f"{row.id}: {in_words(row.where)}." for row in method.rows]
    if method.empty_levels == "left_out":
        said.append("Levels that nobody has are not shown.")
    together = bool(method.variable) or method.exclusive
    match method.test:
        case "chi_square":
            table = "of all levels" if together else "of each row (met, not met)"
            said.append(
                f"P: Pearson's chi-square test {table} over the arms, without continuity"
                " correction; levels without subjects are left out."
            )
        case "fisher" if analysis.compare.all:
            said.append("P: Fisher's exact test, two-sided, of each level in each comparison.")
        case "fisher":
            table = "of all levels" if together else "of each row (met, not met)"
            said.append(
                f"P: Fisher's exact test (Freeman and Halton) {table} over the arms: the sum over"
                " tables that are no more probable."
            )
        case "cmh":
            said.append(_cmh_told(method))
        case "none":
            pass
    return said


ASSOCIATION: Mapping[str, str] = {
    "general": "general association of arm and level",
    "row_means": "differing mean scores of the arms",
    "correlation": "correlation of the number of the arm (in the order listed) and the score",
}


def _cmh_told(method: Counts) -> str:
    by = f"controlling for {listed(method.controlling)}" if method.controlling else "not stratified"
    scores = ""
    if method.association != "general":
        given = method.scores or _own_numbers(method.levels)
        numbers = ", ".join(f"{score:g}" for score in given)
        scores = f"; scores of the levels: {numbers or 'their numbers, or 1, 2, 3, ...'}"
    needed = (
        f"; computed where at least {method.strata_needed} strata hold two subjects or more"
        if method.strata_needed > 1
        else ""
    )
    return (
        f"P: Cochran-Mantel-Haenszel test for {ASSOCIATION[method.association]}, {by}{scores};"
        f" subjects without a level or stratum are left out{needed}."
    )
