"""Intervals of a common risk difference after imputation of responders.

Mathematics, with the named equations: docs/methods/pooling.md.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from openlupus.errors import ImputationError
from openlupus.statistics.constrained import difference_scores
from openlupus.statistics.interval import Floats, Interval, normal_quantile
from openlupus.statistics.proportion import wilson_limits
from openlupus.statistics.root import bracketed_root
from openlupus.statistics.tables import Tables, read_tables
from openlupus.statistics.weights import weights_of


def pooled_newcombe(responders: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Stratified Newcombe interval after imputation (eq. pool-newcombe).

    The mean rates of a group count as of n / (1 + r) subjects, r being the relative increase of
    the variance of the group's weighted rate by the missing values, and the normal quantile gives
    way to that of Rubin's t distribution. When the imputations agree it is `stratified_newcombe`.

    Args:
        responders: Counts of each imputation, shape (m, 2, strata); row 0 test, row 1 control.
        n: Subjects, shape (2, strata); all of them have a response after imputation.
        level: Two-sided coverage, in (0, 1).

    Returns:
        The mean difference with Mantel-Haenszel weights, test minus control, and its limits.

    Raises:
        ImputationError: fewer than 2 imputations, or a group whose rate is 0 or 1 in every
            imputation, but not the same.
        CountsError: counts that cannot be.

    Source:
        Yan & Su, Stat Biopharm Res 2010;2:329; Lott & Reiter, Am Stat 2020;74:109 (Wilson after
        imputation); Sidi & Harel, Stat Biopharm Res 2021 (Newcombe after imputation).
    """
    z = normal_quantile(level)
    many = _read(responders, n)
    weight, p = many.weight, many.mean.rates
    rates = (weight * many.tables.rates).sum(axis=-1)
    within = (weight**2 * many.tables.rates * (1 - many.tables.rates) / many.mean.n).sum(axis=-1)
    increase, quantile = _increase(rates, within.mean(axis=0), level, z)
    effective = many.mean.n / (1 + increase[:, None])

    error = weight * np.sqrt(p * (1 - p) / effective)
    total = error.sum(axis=-1)
    common = np.sqrt((error**2).sum(axis=-1)) / np.where(total > 0, total, 1.0)
    own = quantile * np.where(total > 0, common, 1.0)
    limits = [wilson_limits(p[i], effective[i], float(own[i])) for i in (0, 1)]
    low, high = (np.array([(weight * pair[side]).sum() for pair in limits]) for side in (0, 1))
    spread = quantile**2 * (weight**2 / effective).sum(axis=-1)
    value = float((weight * many.mean.differences).sum())
    below = np.sqrt(spread[0] * low[0] * (1 - low[0]) + spread[1] * high[1] * (1 - high[1]))
    above = np.sqrt(spread[0] * high[0] * (1 - high[0]) + spread[1] * low[1] * (1 - low[1]))
    return Interval(
        value, value - float(below), value + float(above), level, None, many.mean.warnings
    )


def pooled_miettinen_nurminen(
    responders: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> Interval:
    """Stratified Miettinen-Nurminen interval after imputation (eq. pool-mn).

    The score of the mean rates, whose variance is that of Miettinen and Nurminen at the mean
    rates plus the variance between imputations. When the imputations agree it is
    `miettinen_nurminen` with Mantel-Haenszel weights.

    Args:
        responders: Counts of each imputation, shape (m, 2, strata); row 0 test, row 1 control.
        n: Subjects, shape (2, strata).
        level: Two-sided coverage, in (0, 1).

    Raises:
        ImputationError: fewer than 2 imputations.
        CountsError: counts that cannot be.

    Source:
        The score of Miettinen & Nurminen, Stat Med 1985;4:213, with the total variance and the
        degrees of freedom of Rubin, 1987, ch. 3; the combination is ours, derived in the page.
    """
    z = normal_quantile(level)
    many = _read(responders, n)
    weight = many.weight
    difference = (weight * many.tables.differences).sum(axis=-1)
    rates = many.tables.rates
    within = (weight**2 * (rates * (1 - rates) / many.mean.n).sum(axis=-2)).sum(axis=-1)
    _, quantile = _increase(difference[:, None], within.mean(keepdims=True), level, z)
    value = float(difference.mean())
    between = (1 + 1 / len(difference)) * float(difference.var(ddof=1))

    def limit(side: float) -> float:
        def excess(theta: Floats) -> Floats:
            scores = difference_scores(many.mean, theta[:, None], True)
            variance = (weight**2 * scores.variance).sum(axis=-1) + between
            return side * (value - theta) - float(quantile[0]) * np.sqrt(variance)

        ends = np.array([-side]), np.array([value])
        return float(bracketed_root(lambda _: excess, *ends)[0])

    return Interval(value, limit(1.0), limit(-1.0), level, None, many.mean.warnings)


@dataclass(frozen=True, slots=True, eq=False)
class _Many:
    """Tables of every imputation, their mean, and the weights of the strata."""

    tables: Tables
    mean: Tables
    weight: Floats


def _read(responders: ArrayLike, n: ArrayLike) -> _Many:
    counts = np.asarray(responders, np.float64)
    if counts.ndim != 3 or len(counts) < 2:
        raise ImputationError(
            f"responders has shape {counts.shape}; it must be (m, 2, strata) with m at least 2"
        )
    single = read_tables(counts[0], n)
    if not single.used.any():
        raise ImputationError("no stratum has subjects in both groups: there is no comparison")
    tables = read_tables(counts, np.broadcast_to(np.asarray(n, np.float64), counts.shape))
    mean = replace(single, x=tables.x.mean(axis=0), given=tables.given.mean(axis=0))
    return _Many(tables, mean, weights_of(single, "cmh"))


def _increase(estimates: Floats, within: Floats, level: float, z: float) -> tuple[Floats, Floats]:
    """Relative increase of variance and t quantile of each estimate, shape (estimates,)."""
    m = len(estimates)
    inflated = (1 + 1 / m) * estimates.var(axis=0, ddof=1)
    if np.any((within == 0) & (inflated > 0)):
        raise ImputationError(
            "a group has a rate of 0 or 1 in every imputation, and not the same in all: its "
            "variance is not defined"
        )
    increase = np.divide(inflated, within, out=np.zeros_like(within), where=inflated > 0)
    share = increase / (1 + increase)
    with np.errstate(divide="ignore"):
        df = np.where(share > 0, (m - 1) / share**2, np.inf)
    return increase, np.where(share > 0, stdtrit(np.minimum(df, 1e12), (1 + level) / 2), z)
