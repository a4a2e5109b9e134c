"""Newcombe's hybrid score intervals of a difference, and the Wilson limits that they combine.

Mathematics, with the named equations: docs/methods/newcombe.md.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.blocks import in_blocks
from openlupus.statistics.interval import (
    Bools,
    Floats,
    Interval,
    Numbers,
    normal_quantile,
    plain,
)
from openlupus.statistics.proportion import corrected_wilson_limits, wilson_limits
from openlupus.statistics.tables import (
    Tables,
    difference_interval,
    flag,
    nothing_to_compare,
    read_tables,
    single,
)
from openlupus.statistics.weights import Weights, binomial_variance, undefined_weights, weights_of


@in_blocks
def newcombe(
    responders: ArrayLike, n: ArrayLike, *, level: float = 0.95, continuity: bool = False
) -> Interval:
    """Newcombe's hybrid score interval: method 10, or 11 with continuity correction.

    Combines the two Wilson intervals by squares (eq. rd-newcombe).

    Args:
        responders: Counts (test, control), shape (2,), (2, 1) or (..., 2, 1).
        n: Subjects, same shape.
        level: Two-sided coverage, in (0, 1).
        continuity: Use Wilson limits with continuity correction (method 11).

    Source:
        Newcombe, Stat Med 1998;17:873, methods 10 and 11.
    """
    tables, z = single(read_tables(responders, n)), normal_quantile(level)
    limits = corrected_wilson_limits if continuity else wilson_limits
    low, high = limits(tables.rates, tables.n, z)
    value = tables.differences[..., 0]
    p, low, high = (each[..., 0] for each in (tables.rates, low, high))
    below = np.hypot(p[..., 0] - low[..., 0], high[..., 1] - p[..., 1])
    above = np.hypot(high[..., 0] - p[..., 0], p[..., 1] - low[..., 1])
    return difference_interval(tables, value, value - below, value + above, level)


@dataclass(frozen=True, slots=True)
class StratifiedWilson:
    """Weighted Wilson limits of one group.

    Attributes:
        lower: Weighted mean of the stratum limits, proportions.
        upper: The same, above.
        quantile: The z of every stratum's Wilson interval.
        degenerate: Every stratum has 0 % or 100 % responders, so the ordinary z was used.
        warnings: What the reader must know.
    """

    lower: Numbers
    upper: Numbers
    quantile: Numbers
    degenerate: bool | Bools
    warnings: tuple[str, ...] = ()


@in_blocks
def stratified_newcombe(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    level: float = 0.95,
    weights: Weights = "cmh",
    quantile: Literal["common", "normal"] = "common",
    combine: Literal["variances", "squares"] = "variances",
) -> Interval:
    """Confidence interval of a common risk difference by Newcombe's hybrid score method.

    Args:
        responders: Counts, shape (2, strata) or (..., 2, strata); row 0 test, row 1 control.
        n: Subjects, same shape. A stratum with an empty group is left out, with a warning.
        level: Two-sided coverage, in (0, 1).
        weights: See `stratum_weights`.
        quantile: `common` gives the strata of a group one smaller quantile, so that the weighted
            limits keep the level (Yan & Su, and SAS); `normal` gives each the plain z.
        combine: `variances` puts the weighted limits into the variance of the difference (Yan & Su,
            and SAS's COMMONRISKDIFF(CL=NEWCOMBE), which prints the same); `squares` takes the
            squared distances of the weighted limits, as method 10 does.

    Returns:
        The weighted difference, test minus control, and its limits (eq. rd-yan-su, or eq.
        rd-weighted-squares), proportions.
        Where every stratum of a group has 0 % or 100 % responders the common quantile is 0 / 0;
        the plain z takes its place, with a warning.

    Source:
        Yan & Su, Stat Biopharm Res 2010;2:329.
    """
    tables, z = read_tables(responders, n), normal_quantile(level)
    weight = weights_of(tables, weights)
    value = np.sum(weight * tables.differences, axis=-1)
    low, high, _, degenerate = _stratified_wilson(tables, weight, z, quantile)
    spread = np.sum(weight[..., None, :] ** 2 / tables.n, axis=-1)

    if combine == "variances":
        # A weighted limit of 1 may be above it by rounding.
        inside = (np.clip(limit, 0.0, 1.0) for limit in (low, high))
        to_low, to_high = (z**2 * spread * limit * (1 - limit) for limit in inside)
    elif combine == "squares":
        rates = np.sum(weight[..., None, :] * tables.rates, axis=-1)
        to_low, to_high = (rates - low) ** 2, (high - rates) ** 2
    else:
        raise StatisticsError(f"combine={combine!r} is not 'variances' or 'squares'")
    below = np.sqrt(to_low[..., 0] + to_high[..., 1])
    above = np.sqrt(to_high[..., 0] + to_low[..., 1])
    notes = _degenerate_notes(degenerate & tables.comparable[..., None])
    notes += undefined_weights(tables, weight)
    return difference_interval(tables, value, value - below, value + above, level, None, notes)


@in_blocks
def stratified_wilson(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    level: float = 0.95,
    weights: Weights = "cmh",
    quantile: Literal["common", "normal"] = "common",
) -> tuple[StratifiedWilson, StratifiedWilson]:
    """The weighted Wilson limits (test, control) that `stratified_newcombe` rests on."""
    tables, z = read_tables(responders, n), normal_quantile(level)
    weight = weights_of(tables, weights)
    notes = tables.warnings + nothing_to_compare(tables) + undefined_weights(tables, weight)
    low, high, used, degenerate = _stratified_wilson(tables, weight, z, quantile)
    test, control = (
        StratifiedWilson(
            plain(low[..., group]),
            plain(high[..., group]),
            plain(used[..., group]),
            bool(which) if which.ndim == 0 else which,
            notes,
        )
        for group, which in enumerate(np.moveaxis(degenerate, -1, 0))
    )
    return test, control


def _stratified_wilson(
    tables: Tables, weight: Floats, z: float, quantile: str
) -> tuple[Floats, Floats, Floats, Bools]:
    weight = weight[..., None, :]
    error = weight * np.sqrt(binomial_variance(tables))
    total = error.sum(axis=-1)
    degenerate = total == 0
    ratio = np.ones_like(total)
    if quantile == "common":
        np.divide(np.sqrt((error**2).sum(axis=-1)), total, out=ratio, where=~degenerate)
    elif quantile != "normal":
        raise StatisticsError(f"quantile={quantile!r} is not 'common' or 'normal'")
    low, high = wilson_limits(tables.rates, tables.n, (z * ratio)[..., None])
    mean = (np.sum(weight * limit, axis=-1) for limit in (low, high))
    return *mean, z * ratio, degenerate


def _degenerate_notes(degenerate: Bools) -> tuple[str, ...]:
    return tuple(
        note
        for group, name in enumerate(("test", "control"))
        for note in flag(
            np.take(degenerate, group, axis=-1),
            f"every stratum of the {name} group has 0 % or 100 % responders, so its common"
            " quantile is not defined; the ordinary normal quantile was used",
        )
    )
