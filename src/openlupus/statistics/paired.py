"""Two proportions of the same subjects. Mathematics: docs/methods/paired.md."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from openlupus.errors import CountsError
from openlupus.statistics.interval import Floats, Interval, normal_quantile
from openlupus.statistics.proportion import binomial_test, proportion, wilson_limits


@dataclass(frozen=True, slots=True)
class Mcnemar:
    """McNemar's test of two proportions of the same subjects.

    Attributes:
        statistic: Chi-square with 1 degree of freedom (eq. mcnemar).
        p: Of the chi-square distribution.
        p_exact: Exact binomial, two-sided.
        odds_ratio: Discordant pairs of one kind over the other, with exact limits.
        difference: First proportion minus the second, with hybrid Wilson limits (eq. paired).
        warnings: What the reader must know.
    """

    statistic: float
    p: float
    p_exact: float
    odds_ratio: Interval
    difference: Interval
    warnings: tuple[str, ...] = ()


def mcnemar(table: ArrayLike, *, correct: bool = True, level: float = 0.95) -> Mcnemar:
    """McNemar's test of a 2 x 2 table of pairs.

    Args:
        table: Counts of pairs ((both, first only), (second only, neither)), shape (2, 2).
        correct: Take 1 from the absolute difference of the discordant counts (R's default; SAS
            takes nothing).
        level: Two-sided coverage of the limits, in (0, 1).

    Source:
        McNemar, Psychometrika 1947;12:153. Newcombe, Stat Med 1998;17:2635 (hybrid of
        Wilson limits with the correlation as observed).
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.shape != (2, 2):
        raise CountsError(f"the table has shape {counts.shape}; McNemar's test is of 2 x 2 pairs")
    if np.any(~np.isfinite(counts) | (counts < 0) | (counts % 1 != 0)):
        raise CountsError(f"the table holds {counts.tolist()}; counts are whole numbers of pairs")
    normal_quantile(level)  # refuses a level outside (0, 1)
    first, second = int(counts[0, 1]), int(counts[1, 0])
    notes: tuple[str, ...] = ()
    if first + second == 0:
        statistic = p = float("nan")
        notes = ("no pair is discordant: there is nothing to test",)
    else:
        statistic = max(abs(first - second) - float(correct), 0.0) ** 2 / (first + second)
        p = float(chdtrc(1, statistic))
    return Mcnemar(
        statistic, p, binomial_test(first, first + second),
        _odds_ratio(first, second, level), _difference(counts, level), notes,
    )  # fmt: skip


def _odds_ratio(first: int, second: int, level: float) -> Interval:
    if first + second == 0:
        note = ("no pair is discordant: the odds ratio is not defined",)
        return Interval(float("nan"), 0.0, float("inf"), level, None, note)
    share = proportion(first, first + second, method="clopper-pearson", level=level)
    value = first / second if second else float("inf")
    lower, upper = (
        float(s / (1 - s)) if s < 1 else float("inf") for s in (share.lower, share.upper)
    )
    return Interval(value, lower, upper, level)


def _difference(counts: Floats, level: float) -> Interval:
    """Newcombe's hybrid of two Wilson intervals with the correlation of the pairs (eq. paired)."""
    n, z = float(counts.sum()), normal_quantile(level)
    if n == 0:
        nan = float("nan")
        return Interval(nan, nan, nan, level, None, ("no pairs, so there is no difference",))
    p = np.array([counts[0].sum(), counts[:, 0].sum()]) / n
    low, high = wilson_limits(p, np.full(2, n), z)
    margins = float(counts.sum(axis=0).prod() * counts.sum(axis=1).prod())
    phi = 0.0 if margins == 0 else float(np.linalg.det(counts)) / margins**0.5
    value = float(p[0] - p[1])

    def reach(one: float, other: float) -> float:
        return float(np.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0)))

    below = reach(float(p[0] - low[0]), float(high[1] - p[1]))
    above = reach(float(high[0] - p[0]), float(p[1] - low[1]))
    return Interval(value, value - below, value + above, level)
