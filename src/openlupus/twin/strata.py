"""Stratum tables that print every adjusted difference, limit and P value of a paper at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from types import MappingProxyType

import numpy as np

from openlupus.twin.stratum_counts import (
    ArmSizes,
    Floats,
    Ints,
    Key,
    Margin,
    Row,
    StratumTables,
    arm_sizes,
    log_binomial,
    log_multinomial,
    whole,
)
from openlupus.twin.stratum_prints import (
    Method,
    Printer,
    Tables,
    Test,
    all_tables,
    printer,
    strata_of,
)
from openlupus.twin.stratum_search import Comparison, Search

__all__ = ["Drawn", "Margin", "Row", "StratumTables", "stratum_tables"]

_STARTS = 12
"""Starts of the search, of which the first that finds tables ends it."""


@dataclass(frozen=True)
class Drawn:
    """Tables by stratum.

    Attributes:
        tables: Each prints every comparison but those left out, the most probable first; none
            where there are `arms`.
        left_out: (row, test arm) whose printed estimates no table was found for.
        arms: Arms whose printed counts no table can hold together.
    """

    tables: tuple[StratumTables, ...]
    left_out: tuple[Comparison, ...] = ()
    arms: tuple[str, ...] = ()


def stratum_tables(
    rows: Sequence[Row],
    *,
    control: str,
    sizes: Mapping[str, int],
    shares: Mapping[str, Floats],
    interval: Method,
    p: Test,
    seed: int,
    margins: Sequence[Margin] = (),
    conjunction: Mapping[Key, Sequence[Key]] = MappingProxyType({}),
    silent: Mapping[str, int] = MappingProxyType({}),
) -> Drawn:
    """Tables of patients and responders by stratum that print every comparison.

    Args:
        rows: All with the same strata.
        sizes: Arm, and the control, to its patients.
        shares: Arm to the expected shares of its patients by stratum, in sum 1.
        interval: Of responders and patients, shape (tables, 2, strata), first the arm, then the
            control: their difference with its limits, proportions.
        p: Of the same: the P value.
        seed: The same seed gives the same tables, another one others.
        margins: Held exactly.
        conjunction: Row to the rows that its responders meet all at once, of the same patients.
        silent: Arm to how many of its patients respond in no row, as those who stopped.
    """
    rng, by = np.random.default_rng(seed), printer(interval, p, len(shares[control]))

    def of_arms(fixed: Mapping[Key, Tables]) -> dict[str, ArmSizes]:
        return {
            arm: arm_sizes(
                arm,
                size,
                shares[arm],
                rows,
                [*margins, *_exact(rows, fixed)],
                _least(fixed, arm, shares[arm]),
                silent.get(arm, 0),
            )
            for arm, size in sizes.items()
        }

    counts = of_arms({})
    if broken := tuple(arm for arm, each in counts.items() if not each.possible):
        return Drawn((), arms=broken)
    fixed: dict[Key, Tables] = {}
    for row in rows:
        for tables in _small_row(row, by, counts, control, rng):
            trial = of_arms({**fixed, row.key: tables})
            if all(each.possible for each in trial.values()):
                counts, fixed[row.key] = trial, tables
                break
    # Of a row that is not printed for every arm the patients are known, and no more.
    fixed = {key: tables for key, tables in fixed.items() if {*tables} == {*sizes}}
    others = [row for row in rows if row.key not in fixed]
    left_out: tuple[Comparison, ...] = ()
    while True:
        search = Search(_without(others, left_out), control, counts, by, conjunction, rng)
        found, blamed = _found(search)
        if found:
            return Drawn(tuple(_with(tables, fixed) for tables in found), left_out)
        printed = [each for each in blamed if each[1] in search.printed(each[0])]
        if not printed:
            return Drawn((), left_out, arms=tuple({arm: None for _, arm in blamed}))
        left_out = (*left_out, printed[0])


def _found(search: Search) -> tuple[list[StratumTables], list[Comparison]]:
    """Tables, the most probable first; the comparisons that starts failed at, most often first."""
    blamed: Counter[Comparison] = Counter()
    for _ in range(_STARTS):
        found, failed = search.run()
        if found:
            found.sort(key=lambda each: -each.log_prior)
            return [each.tables for each in found], []
        blamed.update(failed)
    return [], [comparison for comparison, _ in blamed.most_common()]


def _least(fixed: Mapping[Key, Tables], arm: str, shares: Floats) -> Floats:
    """The patients of each stratum that the known tables of an arm ask for."""
    asked = [tables[arm][1].astype(np.float64) for tables in fixed.values() if arm in tables]
    return np.max([np.zeros(len(shares)), *asked], axis=0)


def _small_row(
    row: Row, by: Printer, counts: Mapping[str, ArmSizes], control: str, rng: np.random.Generator
) -> Iterator[Tables]:
    """Tables that print a small subgroup, in an order drawn by their probability."""
    strata = len(row.eligible[control])
    choices = [
        {arm: _placed(table, order, strata) for arm, table in tables.items()}
        for tables in all_tables(row, by, list(counts), control)
        for order in permutations(strata_of(row, control))
    ]
    log_prior = [
        sum(_log_prior(row, arm, table, counts[arm].shares) for arm, table in each.items())
        for each in choices
    ]
    # The largest of these sums is a draw by the probabilities.
    for at in np.argsort(-(np.array(log_prior) + rng.gumbel(size=len(choices)))):
        yield choices[at]


def _placed(table: Ints, order: Sequence[int], strata: int) -> Ints:
    """The table over all strata, its columns in this order; nobody is in the others."""
    whole = np.zeros((len(table), strata), np.int64)
    whole[:, list(order)] = table
    return whole


def _exact(rows: Sequence[Row], fixed: Mapping[Key, Tables]) -> list[Margin]:
    """The patients of strata that a known table counts all of."""
    return [
        Margin(arm, (i,), int(table[1, i]))
        for row in rows
        for arm, table in fixed.get(row.key, {}).items()
        for i in np.flatnonzero(row.eligible[arm] == 1).tolist()
    ]


def _log_prior(row: Row, arm: str, table: Ints, shares: Floats) -> float:
    """Of responders and patients by stratum of a subgroup, up to a constant."""
    (x, n), among = table.astype(np.float64), shares * row.eligible[arm]
    return float(log_multinomial(n, among / among.sum()) + log_binomial(x, n, row.rate[arm]))


def _without(rows: Sequence[Row], left_out: Sequence[Comparison]) -> list[Row]:
    return [
        replace(
            row,
            printed={a: said for a, said in row.printed.items() if (row.key, a) not in left_out},
        )
        for row in rows
    ]


def _with(found: StratumTables, fixed: Mapping[Key, Tables]) -> StratumTables:
    x, n = (
        {key: {arm: whole(table[i]) for arm, table in each.items()} for key, each in fixed.items()}
        for i in (0, 1)
    )
    return StratumTables(found.patients, {**found.of, **n}, {**found.responders, **x}, found.ways)
