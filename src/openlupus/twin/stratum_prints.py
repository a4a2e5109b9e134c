"""Which stratum tables print a comparison with the control."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import factorial

import numpy as np
from numpy.typing import NDArray

from openlupus.audit.printed import Number
from openlupus.statistics.interval import Interval, Numbers
from openlupus.twin.stratum_counts import (
    Floats,
    Ints,
    Printed,
    Row,
    Splits,
    how_many_parts,
    parts,
)

Method = Callable[[Floats, Floats], Interval]
Test = Callable[[Floats, Floats], Numbers]
Bools = NDArray[np.bool_]
Tables = dict[str, Ints]

_SLACK = 1e-9
"""A number that was computed in binary may miss its decimal half by rounding."""
_FAR = 9.0
"""How far a table is said to be whose difference is another, percentage points."""
_MOST_TABLES = 6_000_000
"""Pairs of an arm's and the control's tables that are all looked at."""
_PER_CONTROL = 8
"""Splits of an arm for each of the control, where nothing is printed."""


@dataclass(frozen=True)
class Printer:
    """The declared methods that must print a paper's numbers.

    Attributes:
        weighted: The difference is that of the strata by Mantel-Haenszel weights.
    """

    interval: Method
    p: Test
    weighted: bool

    def prints(self, printed: Printed, x: Floats, n: Floats) -> Bools:
        """Whether tables, shape (tables, 2, strata), print difference, limits and P value."""
        difference, p = printed
        held = np.ones(len(x), dtype=np.bool_)
        if difference is not None and self.weighted:
            value = _difference(x[:, 0], n[:, 0], x[:, 1], n[:, 1])
            held &= _missed(difference.value, 100 * value) == 0
        if difference is not None and held.any():
            got = self.interval(x[held], n[held])
            values = (got.value, got.lower, got.upper)
            numbers = (difference.value, difference.lower, difference.upper)
            off = [_missed(a, 100 * np.asarray(b)) for a, b in zip(numbers, values, strict=True)]
            held[held] = np.sum(off, axis=0) == 0
        if p is not None and held.any():
            held[held] = _missed(p, np.asarray(self.p(x[held], n[held]))) == 0
        return held

    def pairs(
        self, printed: Printed, test: Splits, control: Splits, rng: np.random.Generator
    ) -> tuple[Ints, Ints, float]:
        """Pairs of an arm's and the control's splits that print a comparison; and how far the
        nearest limit is where none does."""
        k, m = len(test.x), len(control.x)
        if printed == (None, None):
            i = rng.integers(k, size=_PER_CONTROL * m)
            return i, np.tile(np.arange(m), _PER_CONTROL), 0.0
        i, j = np.divmod(np.arange(k * m), m)
        if (difference := printed[0]) is not None and self.weighted:
            value = _difference(
                test.x[:, None], test.n[:, None], control.x[None], control.n[None]
            ).ravel()
            off = _missed(difference.value, 100 * value)
            i, j = i[off == 0], j[off == 0]
            if not len(i):
                return i, j, _FAR + float(off.min(initial=_FAR))
        x = np.stack([test.x[i], control.x[j]], axis=1)
        n = np.stack([test.of(i), control.of(j)], axis=1)
        held = self.prints(printed, x, n)
        return i[held], j[held], 0.0 if held.any() else self._nearest(printed, x, n)

    def _nearest(self, printed: Printed, x: Floats, n: Floats) -> float:
        """Percentage points by which the nearest table misses a limit."""
        if printed[0] is None or not len(x):
            return _FAR
        got = self.interval(x, n)
        off = [
            _missed(number, 100 * np.asarray(value))
            for number, value in ((printed[0].lower, got.lower), (printed[0].upper, got.upper))
        ]
        return float(np.max(off, axis=0).min())


def printer(interval: Method, p: Test, strata: int) -> Printer:
    """The methods, probed: whether the difference is the weighted one."""
    rng = np.random.default_rng(0)
    n = rng.integers(5, 40, size=(20, 2, strata)).astype(np.float64)
    x = rng.binomial(n.astype(np.int64), 0.4).astype(np.float64)
    weighted = _difference(x[:, 0], n[:, 0], x[:, 1], n[:, 1])
    return Printer(interval, p, np.allclose(np.asarray(interval(x, n).value), weighted))


def all_tables(row: Row, by: Printer, arms: Sequence[str], control: str) -> list[Tables]:
    """All tables that print a row by itself, by arm, up to the order of its strata.

    For a small subgroup: few tables print it. It is all patients of some strata, or some patients
    of all; the latter must be printed for all arms. Empty for any other row, and where there are
    too many tables.

    Returns:
        The control and each arm that has a print, to responders and patients, shape (2, strata of
        the row).
    """
    strata = len(strata_of(row, control))
    size = {
        arm: how_many_parts(row.responders[arm], strata)
        * how_many_parts(row.of[arm] - row.responders[arm], strata)
        for arm in row.of
    }
    order = sorted((arm for arm in row.printed if arm in size), key=lambda arm: size[arm])
    every_arm = {*order, control} == set(arms) == set(row.of)
    whole = all(((share == 0) | (share == 1)).all() for share in row.eligible.values())
    everyone = strata == len(row.eligible[control])
    if strata < 2 or not order or everyone == whole or not (whole or every_arm):
        return []
    if any(strata_of(row, arm) != strata_of(row, control) for arm in row.of):
        return []
    if size[control] * size[order[0]] > _MOST_TABLES * factorial(strata):
        return []
    every = {arm: _every(row.responders[arm], row.of[arm], strata) for arm in (*order, control)}
    found: list[Tables] = []
    for own in _in_order(every[control]):
        printed: list[Ints] = []
        for arm in order:
            table = every[arm]
            both = np.stack([table, np.broadcast_to(own, table.shape)], axis=2).astype(np.float64)
            printed.append(table[by.prints(row.printed[arm], both[:, 0], both[:, 1])])
            if not len(printed[-1]):
                break
        else:
            found += [
                dict(zip((*order, control), (*chosen, own), strict=True))
                for chosen in product(*printed)
            ]
    return found


def strata_of(row: Row, arm: str) -> tuple[int, ...]:
    """The strata of which the row counts patients."""
    return tuple(int(i) for i in np.flatnonzero(row.eligible[arm] > 0))


def _difference(x: Floats, n: Floats, x0: Floats, n0: Floats) -> Floats:
    """The difference by Mantel-Haenszel weights of the strata, which are the last axis."""
    both = n + n0
    weight = np.divide(n * n0, both, out=np.zeros_like(both), where=both > 0)
    total = weight.sum(axis=-1, keepdims=True)
    weight = np.divide(weight, total, out=np.full_like(weight, np.nan), where=total > 0)
    own, other = (
        np.divide(a, b, out=np.zeros(a.shape), where=b > 0) for a, b in ((x, n), (x0, n0))
    )
    return (weight * own).sum(axis=-1) - (weight * other).sum(axis=-1)


def _missed(number: Number, values: Floats) -> Floats:
    """By how much values miss what prints the number; 0 is printed, and no number misses all."""
    off = np.maximum(number.low - values, values - number.high)
    return np.where(np.isnan(off), np.inf, np.where(off <= _SLACK, 0.0, off))


def _every(x: int, n: int, strata: int) -> Ints:
    """All tables of x responders among n patients, shape (tables, 2, strata)."""
    yes, no = parts(x, strata), parts(n - x, strata)
    responders = np.repeat(yes, len(no), axis=0)
    return np.stack([responders, responders + np.tile(no, (len(yes), 1))], axis=1)


def _in_order(tables: Ints) -> Ints:
    """One of each set of tables that differ in the order of the strata alone."""
    code = tables[:, 1] * (tables.max() + 1) + tables[:, 0]
    _, first = np.unique(np.sort(code, axis=1), axis=0, return_index=True)
    return tables[first]
