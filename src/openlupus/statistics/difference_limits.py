"""Score limits of a weighted difference, for many tables at once.

With weights that do not depend on the difference the score is the estimate minus the difference:
a limit solves theta = estimate - z sigma(theta), with sigma nearly constant, and a few secant steps
reach the last digit. Mathematics: docs/methods/score-intervals.md (eq. score-secant).
"""

from collections.abc import Callable

import numpy as np

from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.tables import Tables

_MOST_STEPS = 9
# A secant step of this length leaves an error that is below the last digit.
_LAST_STEP = 1e-10


def quick_lower_limits(
    tables: Tables, weight: Floats, bias_correction: bool, z: float, estimate: Floats
) -> tuple[Floats, Bools]:
    """Lower limits of the weighted difference, and where they have been found.

    Args:
        tables: A batch of tables, shape (tables, 2, strata).
        weight: Weights of the strata, in sum 1 and 0 for those not used, shape (tables, strata).
        bias_correction: Variances carry N / (N - 1).
        z: Two-sided normal quantile.
        estimate: Weighted difference of each table, shape (tables,).

    Returns:
        Limits and whether each has settled; the others need a search that cannot fail.
    """
    sigma = _standard_error_of(tables, weight, bias_correction)
    low, high = np.full(estimate.shape, -1.0), estimate
    before = np.maximum(estimate - z * _rough_error(tables, weight), (low + high) / 2)
    excess_before = estimate - before - z * sigma(before)
    at = np.clip(before + excess_before, low, high)
    settled = np.zeros(estimate.shape, dtype=np.bool_)
    for _ in range(_MOST_STEPS):
        above = excess_before > 0
        low, high = np.where(above, before, low), np.where(above, high, before)
        at = np.where((at > low) & (at < high) | settled, at, (low + high) / 2)
        excess = estimate - at - z * sigma(at)
        change = excess - excess_before
        step = np.divide(excess * (before - at), change, out=np.zeros_like(at), where=change != 0)
        before, excess_before = at, excess
        at = np.where(settled, at, at + step)
        inside = (at > -1) & (at < estimate) & (change != 0)
        settled |= (np.abs(step) <= _LAST_STEP) & inside
        if settled.all():
            break
    return at, settled


def _rough_error(tables: Tables, weight: Floats) -> Floats:
    """Standard error of the weighted difference at rates drawn towards one half."""
    x, n = tables.x + 1, tables.n + 2
    variance = (x * (n - x) / (n * n * tables.n)).sum(axis=-2)
    return np.sqrt((weight * weight * variance).sum(axis=-1))


def _standard_error_of(
    tables: Tables, weight: Floats, bias_correction: bool
) -> Callable[[Floats], Floats]:
    """Standard error as a function of the difference (eq. rd-constrained), shape (tables,)."""
    x0, n1, n0 = (np.ascontiguousarray(each.T) for each in (
        tables.x[:, 1], tables.n[:, 0], tables.n[:, 1]))  # fmt: skip
    events, total = x0 + tables.x[:, 0].T, n1 + n0
    share = weight.T * weight.T
    if bias_correction:
        share = share * total / (total - 1)
    share1, share0, part, triple = share / n1, share / n0, n0 / total, 3 * total
    # Coefficients of the cubic over 3 N, as polynomials in theta.
    slope2, level2 = (1 + part) / 3, (total + events) / triple
    level1, slope1 = events / triple, (total + 2 * x0) / triple
    level0 = x0 / (2 * total)

    def sigma(theta: Floats) -> Floats:
        t = slope2 * theta - level2
        m = (part / 3 * theta - slope1) * theta + level1
        square = t * t
        q = (square - 1.5 * m) * t + level0 * (theta * (1 - theta))
        p = np.copysign(np.sqrt(np.maximum(square - m, 0.0)), q)
        cube = p * p * p
        cosine = np.clip(q / (cube + (cube == 0)), -1.0, 1.0)
        p0 = 2 * p * np.cos((np.pi + np.arccos(cosine)) / 3) - t
        p0 = np.clip(p0, np.maximum(0.0, -theta), np.minimum(1.0, 1 - theta))
        p1 = np.clip(p0 + theta, 0.0, 1.0)
        variance = share1 * (p1 * (1 - p1)) + share0 * (p0 * (1 - p0))
        return np.sqrt(variance.sum(axis=0))

    return sigma
