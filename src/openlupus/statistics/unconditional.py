"""Exact unconditional inference about two proportions: no margin but the group sizes is fixed.

Mathematics, with the named equations: docs/methods/unconditional.md.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.constrained import difference_scores
from openlupus.statistics.interval import Floats, Interval, normal_quantile
from openlupus.statistics.tables import Tables, read_tables, single
from openlupus.statistics.worst_rate import binomial_chances, largest_chance

# Scores of two tables that agree to this are the same score; what is below the next is rounding.
_TIE = 1e-9
_ROUNDING = 1e-14
# Control rates of a rough look.
_FEW_RATES = 31
# Limits are looked for on a grid of differences, then in such steps, because the P value jumps
# where tables change places, and then to such a precision.
_DIFFERENCES, _STEP, _PRECISION = 201, 2e-4, 1e-9


@dataclass(frozen=True, slots=True)
class Unconditional:
    """An exact unconditional test of a difference, with limits of the difference.

    Attributes:
        interval: Observed difference, test minus control, with the limits that invert two
            one-sided tests of half the error each.
        p: Twice the smaller one-sided P value, at most 1.
        p_below: One-sided, against a difference below the null.
        p_above: One-sided, against a difference above the null.
        warnings: What the reader must know.
    """

    interval: Interval
    p: float
    p_below: float
    p_above: float
    warnings: tuple[str, ...] = ()


def exact_unconditional(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    null: float = 0.0,
    level: float = 0.95,
    rates: int | None = None,
) -> Unconditional:
    """Exact unconditional test and interval of a difference, tables ordered by their score.

    At each difference the tables are ordered by the score statistic of Farrington and Manning, and
    the chance of a table as extreme as the one observed is made as large as the unknown control
    rate can make it (eq. unconditional-p).

    Args:
        responders: Counts (test, control), shape (2,) or (2, 1).
        n: Subjects, same shape.
        null: The difference tested, in (-1, 1); a non-inferiority margin goes here.
        level: Two-sided coverage, in (0, 1).
        rates: Look at so many equally spaced control rates only, as R's exact2x2 does with 100;
            None looks for the worst rate itself, so that the P value is never too small.

    Returns:
        P values and limits; the limits are the outermost differences that are not rejected, where
        the P value crosses the error more than once.

    Source:
        Chan & Zhang, Biometrics 1999;55:1202. Farrington & Manning, Stat Med 1990;9:1447.
    """
    normal_quantile(level)  # refuses a level outside (0, 1)
    if not -1 < null < 1:
        raise StatisticsError(f"null={null!r} is not a value that a difference can have")
    tables = single(read_tables(responders, n))
    if tables.x.ndim > 2:
        raise CountsError("exact inference takes one table, not a batch of tables")
    if not tables.comparable:
        nan = float("nan")
        notes = (*tables.warnings, "one group has no subjects, so nothing can be compared")
        return Unconditional(Interval(nan, nan, nan, level, None, notes), nan, nan, nan, notes)
    (x1, x0), (n1, n0) = tables.x[:, 0].astype(int).tolist(), tables.n[:, 0].astype(int).tolist()
    forward, backward = _Grid(x1, x0, n1, n0, rates), _Grid(x0, x1, n0, n1, rates)
    above, below = forward.largest_tail(null), backward.largest_tail(-null)
    tail = (1 - level) / 2
    lower, upper = forward.lower_limit(tail), -backward.lower_limit(tail)
    interval = Interval(forward.difference, lower, upper, level)
    return Unconditional(interval, min(1.0, 2 * min(above, below)), below, above)


class _Grid:
    """All tables of two group sizes, and the one that was observed."""

    def __init__(self, x1: int, x0: int, n1: int, n0: int, rates: int | None) -> None:
        self._x1, self._x0, self._n1, self._n0, self._rates = x1, x0, n1, n0, rates
        x = np.stack(np.meshgrid(np.arange(n1 + 1.0), np.arange(n0 + 1.0), indexing="ij"))
        sizes = np.broadcast_to(np.array([n1, n0], dtype=np.float64)[:, None, None], x.shape)
        used = np.ones(x[0].size, dtype=np.bool_)
        # One table with as many strata as there are tables, each scored on its own.
        self._tables = Tables(x.reshape(2, -1), sizes.reshape(2, -1), used, x.reshape(2, -1), ())
        self.difference = x1 / n1 - x0 / n0

    def largest_tail(self, difference: float) -> float:
        """Chance of a score at least as large as observed, at the worst control rate."""
        least = self._least_responders(difference)
        low, high = max(0.0, -difference), min(1.0, 1 - difference)
        return largest_chance(
            lambda rates: self._tails(rates, difference, least), low, high, self._rates
        )

    def lower_limit(self, tail: float) -> float:
        """The smallest difference whose one-sided P value is above `tail`."""
        low = self._last_small(0.8 * tail)
        fine = np.linspace(low, self.difference, int((self.difference - low) / _STEP) + 2)
        steps: list[float] = fine.tolist()
        low, high = next(
            (each for each in pairwise(steps) if self._above(each[1], tail)),
            (steps[-2], steps[-1]),
        )
        while high - low > _PRECISION:
            middle = (low + high) / 2
            low, high = (low, middle) if self._above(middle, tail) else (middle, high)
        return high

    def _above(self, difference: float, tail: float) -> bool:
        """Whether the P value is above `tail`; a rough look decides where it is far from it."""
        if self._rough_tail(difference) < 0.9 * tail:
            return False
        return self.largest_tail(difference) > tail

    def _last_small(self, tail: float) -> float:
        """A difference up to which, at a rough look, the P value stays well below the error."""
        steps: list[float] = np.linspace(-1, self.difference, _DIFFERENCES).tolist()
        for before, after in pairwise(steps):
            if self._rough_tail(after) > tail:
                return before
        return steps[-2]

    def _rough_tail(self, difference: float) -> float:
        least = self._least_responders(difference)
        return float(self._tails(_between(difference, _FEW_RATES), difference, least).max())

    def _least_responders(self, difference: float) -> NDArray[np.intp]:
        """For each control count, the fewest test responders that are as extreme as observed."""
        theta = np.full(self._tables.x.shape[1:], difference)
        at = difference_scores(self._tables, theta, False)
        score = np.where(np.abs(at.score) > _ROUNDING, at.score, 0.0)
        variance = np.where(at.variance > _ROUNDING, at.variance, 0.0)
        certain = np.sign(score) * 1e300
        z = np.divide(score, np.sqrt(variance), out=certain, where=variance > 0)
        z = z.reshape(self._n1 + 1, self._n0 + 1)
        observed = float(z[self._x1, self._x0])
        extreme = z >= observed - _TIE * max(1.0, abs(observed))
        # The score grows with the test responders, so that each column is a tail.
        return np.where(extreme.any(axis=0), extreme.argmax(axis=0), self._n1 + 1)

    def _tails(self, rates: Floats, difference: float, least: NDArray[np.intp]) -> Floats:
        test = binomial_chances(self._n1, np.clip(rates + difference, 0, 1))
        beyond = np.cumsum(test[:, ::-1], axis=1)[:, ::-1]
        beyond = np.column_stack([beyond, np.zeros(rates.size)])
        return np.sum(binomial_chances(self._n0, np.clip(rates, 0, 1)) * beyond[:, least], axis=1)


def _between(difference: float, count: int) -> Floats:
    """Control rates that leave room for the difference."""
    return np.linspace(max(0.0, -difference), min(1.0, 1 - difference), count)
