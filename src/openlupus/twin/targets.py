"""Printed cells as conditions on who is chosen: sums over patients that lie between bounds."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from openlupus.audit import Published
from openlupus.audit.printed import Content, Count, Mean, Median, Number, Plain, Share
from openlupus.display.printed_cells import Place
from openlupus.protocol import Protocol
from openlupus.protocol import model as m
from openlupus.protocol.methods import Incidence
from openlupus.results import ResultRow
from openlupus.twin.pool import Bools, Floats, Ints, Pool

EDGE = 0.96
"""Share of the width of a printed digit that is aimed at, so that rounding is never a tie."""

RARER = "rarer"
"""Part of a target that a term which is not printed is rare."""

Bundle = Literal["base", "place", "history", "genes", "events"]
"""Records that are taken from one candidate: `events` are adverse events with the pauses of
treatment, `genes` expression, `history` diagnosis and medical history, `place` site, country, race
and ethnic group, `base` all else."""

BUNDLES: tuple[Bundle, ...] = ("base", "place", "history", "genes", "events")

OF_ANY_ARM: frozenset[Bundle] = frozenset({"place", "history"})
"""What a patient had before there were arms: it may be taken from candidates of any arm."""

_DOMAINS: Mapping[str, Bundle] = {"AE": "events", "GF": "genes", "MH": "history"}
_DATASETS: Mapping[str, Bundle] = {"ADAE": "events", "ADGF": "genes", "ADMH": "history"}
PLACE = ("SITEID", "COUNTRY", "RACE", "ETHNIC")
"""Columns of DM in the bundle `place`."""
_DERIVED_PLACE = (*PLACE, "REGION1")
_OF_PERSON = ("AGE", "SEX")
ARMS = ("ARMCD", "ACTARMCD")
_GIVEN = frozenset({"SCRNFL", "RANDFL", "TRTFL", *ARMS})
"""Columns that say who is in the trial and in which arm: they are the same for all bundles."""


@dataclass(frozen=True, eq=False)
class Target:
    """`low <= sum of weight over the chosen <= high`.

    Attributes:
        place: The cell that asks for it.
        part: Which of its numbers.
        group: Arm or group of arms; empty for all.
        weight: Shape (candidates,), 0 outside the group.
        whole: A count of patients: weights are 0 or 1.
        bundles: What it depends on.
        course: Whether it counts responses, or how treatment ended: the numbers of patients that
            hang together most.
        anywhere: The weights were the candidates of all arms in the group; for bundles that may
            come from any arm.
    """

    place: Place
    part: str
    group: str
    weight: Floats
    low: float
    high: float
    whole: bool = True
    bundles: frozenset[Bundle] = frozenset({"base"})
    course: bool = False
    anywhere: Floats | None = None


@dataclass(frozen=True, eq=False)
class Either:
    """Targets whose counts go together, in one of several ways.

    Attributes:
        targets: Of counts.
        counts: Shape (ways, targets).
    """

    targets: tuple[Target, ...]
    counts: Ints


def targets(pool: Pool, published: Published, sizes: Mapping[str, int]) -> list[Target]:
    """Conditions of every printed cell that counts, averages or orders patients.

    Args:
        sizes: Patients of each column, as its header says.
    """
    found: list[Target] = []
    for cell in published.cells:
        place = (cell.table, cell.row, cell.column)
        rows = {row.statistic: _of_all(pool, row) for row in pool.rests_on.get(place, ())}
        if any(row.comparator for row in rows.values()):
            continue
        found += _of_cell(pool, place, cell.content, published.count(cell), rows, sizes)
    return [*found, *_rare(pool, sizes)]


def _of_cell(
    pool: Pool,
    place: Place,
    content: Content,
    count: Count | None,
    rows: Mapping[str, ResultRow],
    sizes: Mapping[str, int],
) -> Iterator[Target]:
    match content:
        case Mean() if "mean" in rows:
            yield from _mean(pool, place, rows["mean"], content, sizes)
        case Median() if "median" in rows:
            yield from _median(pool, place, rows["median"], content, sizes)
        case Plain(value) if "mean" in rows:
            yield from _average(pool, place, rows["mean"], value, sizes)
        case Share(percent) if "proportion" in rows:
            yield from _share(pool, place, rows["proportion"], percent, sizes)
        case _ if count is not None and "n" in rows:
            yield _counted(pool, place, "n", rows["n"], count.n)
            if "N" in rows and count.of is not None:
                yield _counted(pool, place, "N", rows["N"], count.of)
        case _:
            pass


def _of_all(pool: Pool, row: ResultRow) -> ResultRow:
    """A result with a pointer to the patients of all arms, where its bundle may come from any."""
    if not row.source or not bundles_of(pool.protocol, row) <= OF_ANY_ARM:
        return row
    pointer = cast("dict[str, Any]", json.loads(row.source))
    where = {c: t for c, t in pointer["where"].items() if c.removeprefix("ADSL.") not in ARMS}
    return replace(row, source=json.dumps(pointer | {"where": where}))


def _counted(pool: Pool, place: Place, part: str, row: ResultRow, n: int) -> Target:
    return _sum(pool, place, part, row, pool.members(row), n, n)


def _sum(
    pool: Pool,
    place: Place,
    part: str,
    row: ResultRow,
    weight: Floats,
    low: float,
    high: float,
    *,
    whole: bool = True,
) -> Target:
    bundles, course = bundles_of(pool.protocol, row), whole and is_course(pool.protocol, row)
    return Target(
        place, part, row.group, weight * pool.within(row.group), low, high, whole, bundles, course,
        anywhere=weight if bundles <= OF_ANY_ARM else None,
    )  # fmt: skip


def _values(pool: Pool, row: ResultRow) -> Floats:
    """The values that a summary is of; NaN for whom it leaves out."""
    return np.where(pool.members(row) > 0, pool.column(row.parameter), np.nan)


def _known(pool: Pool, place: Place, row: ResultRow, values: Floats, n: int) -> Target:
    return _sum(pool, place, "known", row, ~np.isnan(values) * 1.0, n, n)


def _average(
    pool: Pool, place: Place, row: ResultRow, value: Number, sizes: Mapping[str, int]
) -> Iterator[Target]:
    values, n = _values(pool, row), sizes[row.group]
    off = np.where(np.isnan(values), 0.0, values - float(value))
    about = EDGE * value.half * n
    yield _sum(pool, place, "mean", row, off, -about, about, whole=False)
    yield _known(pool, place, row, values, n)


def _mean(
    pool: Pool, place: Place, row: ResultRow, content: Mean, sizes: Mapping[str, int]
) -> Iterator[Target]:
    values, n = _values(pool, row), sizes[row.group]
    yield from _average(pool, place, row, content.mean, sizes)
    off: Floats = np.where(np.isnan(values), 0.0, values - float(content.mean))
    low, high = _aimed(content.spread)
    # The mean is off its print by less than half a digit, which adds this much at most.
    slack = n * (EDGE * content.mean.half) ** 2
    least, most = (n - 1) * low**2 + slack, (n - 1) * high**2
    if least > most:
        least = most = (least + most) / 2
    squares = np.square(off).astype(np.float64)
    yield _sum(pool, place, "SD", row, squares, least, most, whole=False)


def _aimed(number: Number) -> tuple[float, float]:
    about = EDGE * number.half
    return max(float(number) - about, 0.0), float(number) + about


def _median(
    pool: Pool, place: Place, row: ResultRow, content: Median, sizes: Mapping[str, int]
) -> Iterator[Target]:
    values, n = _values(pool, row), sizes[row.group]
    (least_low, least_high), (most_low, most_high) = _aimed(content.low), _aimed(content.high)

    def counted(part: str, which: Bools, low: float, high: float) -> Target:
        return _sum(pool, place, part, row, which.astype(np.float64), low, high)

    known = ~np.isnan(values)
    outside = known & ((values < least_low) | (values > most_high))
    yield counted("range", outside, 0, 0)
    yield counted("least", known & (values <= least_high), 1, n)
    yield counted("largest", known & (values >= most_low), 1, n)
    low, high = _aimed(content.median)
    # Both middle values lie between the bounds: then so does what is printed.
    yield counted("median", known & (values < low), 0, (n - 1) // 2)
    yield counted("median", known & (values <= high), n // 2 + 1, n)
    yield _known(pool, place, row, values, n)


def _share(
    pool: Pool, place: Place, row: ResultRow, percent: Number, sizes: Mapping[str, int]
) -> Iterator[Target]:
    """A percentage without its count: the counts of all patients that print so."""
    n = sizes[row.group]
    fitting = [k for k in range(n + 1) if percent.prints(100 * k / n)]
    counted = pool.results.find(
        analysis=row.analysis, visit=row.visit, parameter=row.parameter, group=row.group,
        subgroup=row.subgroup, comparator="", statistic="n",
    )  # fmt: skip
    if fitting and counted:
        weight = pool.members(counted[0])
        yield _sum(pool, place, "n", counted[0], weight, min(fitting), max(fitting))


def _rare(pool: Pool, sizes: Mapping[str, int]) -> Iterator[Target]:
    """Terms of printed tables of events that the paper leaves out were rarer than its rule says."""
    printed = {(row.analysis, row.parameter) for rows in pool.rests_on.values() for row in rows}
    shown = {analysis for analysis, _ in printed}
    every = [
        row
        for name in sorted(shown)
        for term in pool.results.values(name, "parameter")
        for group in pool.results.values(name, "group")
        for row in pool.results.find(analysis=name, parameter=term, group=group, statistic="n")
        if _is_rarer(pool, row, sizes) and (name, term) not in printed
    ]
    pool.look_up(sorted({row.source for row in every}))
    for row in every:
        method = pool.declared.analyses[row.analysis].method
        assert isinstance(method, Incidence)
        below = max(math.ceil(method.at_least * sizes[row.group] - 1e-9) - 1, 0)
        place = (row.analysis, row.parameter, row.group)
        yield _sum(pool, place, RARER, row, pool.members(row), 0, below)


def _is_rarer(pool: Pool, row: ResultRow, sizes: Mapping[str, int]) -> bool:
    """Whether a result counts a term in an arm by which the rule for printing it goes."""
    method = pool.declared.analyses[row.analysis].method
    if not isinstance(method, Incidence) or not method.by:
        return False
    return row.group in (method.at_least_in or tuple(sizes))


def bundles_of(protocol: Protocol, row: ResultRow) -> frozenset[Bundle]:
    """The bundles that a result depends on."""
    pointer = cast("dict[str, Any]", json.loads(row.source))
    dataset, where = pointer["dataset"], list(pointer["where"])
    of_subject = [c.removeprefix("ADSL.") for c in where if c.startswith("ADSL.")]
    found: set[Bundle] = set()
    if dataset == "ADSL":
        of_subject += where
    else:
        found.add(_DATASETS.get(dataset, "base"))
    for column in of_subject:
        found |= _bundles_of_column(protocol, column)
    return frozenset(found or {"base"})


def is_course(protocol: Protocol, row: ResultRow) -> bool:
    """Whether a result counts verdicts of an end point, or who ended treatment how."""
    pointer = cast("dict[str, Any]", json.loads(row.source))
    if pointer["dataset"] != "ADSL":
        return pointer["dataset"] == "ADRESP"
    known = {*protocol.variables, *_DERIVED_PLACE, *_OF_PERSON}
    return not known & set(pointer["where"])


def _bundles_of_column(protocol: Protocol, column: str) -> set[Bundle]:
    if column in _DERIVED_PLACE:
        return {"place"}
    match protocol.variables.get(column):
        case m.FromVariable(source=source):
            return _bundles_of_column(protocol, source)
        case m.FromParameter(dataset=dataset):
            return {_DATASETS.get(dataset, "base")}
        case m.FromCut(where=where):
            return {b for each in where for b in _bundles_of_column(protocol, each)}
        case m.FromRecords(domain=domain) | m.FromDate(domain=domain) | m.FromText(domain=domain):
            return {_DOMAINS.get(domain, "base")}
        case _:
            return set() if column in _GIVEN else {"base"}
