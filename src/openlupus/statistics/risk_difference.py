"""Differences of two proportions, test minus control: single tables and common over strata.

Mathematics, with the named equations: docs/methods/risk-difference.md. Differences and limits are
proportions, not per cent. The intervals of Newcombe, Miettinen-Nurminen and Mee are offered here
too; they live in `newcombe` and `score`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.blocks import in_blocks
from openlupus.statistics.interval import Floats, Interval, Numbers, normal_quantile, plain
from openlupus.statistics.newcombe import (
    StratifiedWilson,
    newcombe,
    stratified_newcombe,
    stratified_wilson,
)
from openlupus.statistics.score import mee, miettinen_nurminen
from openlupus.statistics.tables import (
    Tables,
    difference_interval,
    flag,
    nothing_to_compare,
    read_tables,
    single,
)
from openlupus.statistics.weights import (
    Weights,
    binomial_variance,
    stratum_weights,
    undefined_weights,
    weights_of,
)

__all__ = [
    "AdjustedRates",
    "Interval",
    "StratifiedWilson",
    "adjusted_rates",
    "agresti_caffo",
    "common_risk_difference",
    "inverse_variance",
    "mee",
    "miettinen_nurminen",
    "newcombe",
    "stratified_newcombe",
    "stratified_wilson",
    "stratum_weights",
    "wald",
]

Variance = Literal["greenland-robins", "sato", "unbiased"]


# -- one table ------------------------------------------------------------------------------


@in_blocks
def wald(
    responders: ArrayLike, n: ArrayLike, *, level: float = 0.95, continuity: bool = False
) -> Interval:
    """Difference of two proportions with normal limits (eq. rd-wald); limits are not clipped.

    Args:
        responders: Counts (test, control), shape (2,), (2, 1) or (..., 2, 1).
        n: Subjects, same shape.
        level: Two-sided coverage, in (0, 1).
        continuity: Widen both limits by (1/n1 + 1/n0) / 2.

    Source:
        Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions, 3rd ed., section 3.6.
    """
    tables, z = single(read_tables(responders, n)), normal_quantile(level)
    error = np.sqrt(binomial_variance(tables).sum(axis=-2)[..., 0])
    half = z * error
    if continuity:
        half = half + (1 / tables.n).sum(axis=-2)[..., 0] / 2
    value = tables.differences[..., 0]
    flat = flag(
        (error == 0) & tables.used[..., 0],
        "both groups have 0 % or 100 % responders, so the Wald standard error is 0",
    )
    return difference_interval(tables, value, value - half, value + half, level, error, flat)


@in_blocks
def agresti_caffo(responders: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Wald limits after one responder and one non-responder more in each group.

    The value is the observed difference; the limits are symmetric about the shrunken difference
    (eq. rd-agresti-caffo), and are not clipped.

    Source:
        Agresti & Caffo, Am Stat 2000;54:280.
    """
    tables, z = single(read_tables(responders, n)), normal_quantile(level)
    rate = (tables.x + 1) / (tables.n + 2)
    error = np.sqrt((rate * (1 - rate) / (tables.n + 2)).sum(axis=-2)[..., 0])
    centre = rate[..., 0, 0] - rate[..., 1, 0]
    value = tables.differences[..., 0]
    return difference_interval(tables, value, centre - z * error, centre + z * error, level, error)


# -- common over strata ---------------------------------------------------------------------


@in_blocks
def common_risk_difference(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    weights: Weights = "cmh",
    variance: Variance = "greenland-robins",
    level: float = 0.95,
) -> Interval:
    """Weighted mean of the stratum differences with normal limits; limits are not clipped.

    Args:
        responders: Counts, shape (2, strata) or (..., 2, strata); row 0 test, row 1 control.
        n: Subjects, same shape. A stratum with an empty group is left out, with a warning.
        weights: See `stratum_weights`; `cmh` is Mantel-Haenszel.
        variance: `greenland-robins` treats groups as independent binomials (eq. rd-gr), `unbiased`
            is the same over n - 1 (eq. rd-gr1), `sato` is consistent for few large strata and for
            many small ones (eq. rd-sato, Mantel-Haenszel weights only).
        level: Two-sided coverage, in (0, 1).

    Source:
        Greenland & Robins, Biometrics 1985;41:55. Sato, Biometrics 1989;45:1323.
    """
    tables, z = read_tables(responders, n), normal_quantile(level)
    weight = weights_of(tables, weights)
    value = np.sum(weight * tables.differences, axis=-1)
    if variance == "sato":
        if weights != "cmh":
            raise StatisticsError(f"Sato's variance is for weights='cmh'; got weights={weights!r}")
        square = _sato_variance(tables, value)
    else:
        square = np.sum(
            weight**2 * binomial_variance(tables, variance == "unbiased").sum(axis=-2), axis=-1
        )
    error = np.sqrt(square)
    flat = flag(error == 0, "the estimated variance is 0, so the limits equal the estimate")
    if variance == "unbiased":
        flat += flag(
            np.any(tables.used & (tables.n == 1).any(axis=-2), axis=-1),
            "a group of one subject has no variance over n - 1; it counts as 0",
        )
    flat += undefined_weights(tables, weight)
    return difference_interval(
        tables, value, value - z * error, value + z * error, level, error, flat
    )


@in_blocks
def inverse_variance(responders: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Common difference with weights 1 / (p1 q1 / n1 + p0 q0 / n0) (eq. rd-ivw), normal limits.

    Not defined when a stratum has 0 % or 100 % responders in both groups: then NaN, and a warning.
    """
    return common_risk_difference(responders, n, weights="inverse-variance", level=level)


@dataclass(frozen=True, slots=True)
class AdjustedRates:
    """Weighted mean proportion of each group; their difference is the common difference."""

    test: Numbers
    control: Numbers
    warnings: tuple[str, ...] = ()


@in_blocks
def adjusted_rates(
    responders: ArrayLike, n: ArrayLike, *, weights: Weights = "cmh"
) -> AdjustedRates:
    """Proportion of responders of each group, adjusted for the strata by their common weights."""
    tables = read_tables(responders, n)
    weight = weights_of(tables, weights)
    rates = np.sum(weight[..., None, :] * tables.rates, axis=-1)
    notes = nothing_to_compare(tables) + undefined_weights(tables, weight)
    return AdjustedRates(plain(rates[..., 0]), plain(rates[..., 1]), tables.warnings + notes)


def _sato_variance(tables: Tables, value: Floats) -> Floats:
    x1, x0 = tables.x[..., 0, :], tables.x[..., 1, :]
    n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
    total = n1 + n0
    p = (n1**2 * x0 - n0**2 * x1 + n1 * n0 * (n0 - n1) / 2) / total**2
    q = (x1 * (n0 - x0) + x0 * (n1 - x1)) / (2 * total)
    weight = np.where(tables.used, n1 * n0 / total, 0.0).sum(axis=-1)
    p, q = (np.where(tables.used, each, 0.0).sum(axis=-1) for each in (p, q))
    square = np.maximum(value * p + q, 0.0)
    return np.divide(square, weight**2, out=np.full_like(value, np.nan), where=weight > 0)
