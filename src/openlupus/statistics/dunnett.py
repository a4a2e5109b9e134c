"""Many groups against one control: Dunnett's critical values, P values and intervals.

Mathematics, with the named equations: docs/methods/dunnett.md.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv, ndtr, roots_legendre

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats, Interval, normal_quantile
from openlupus.statistics.root import bracketed_root

Tails = Literal["one-sided", "two-sided"]

# The common normal part is integrated by the trapezoid rule, which is exact to rounding for such
# smooth integrands; the scale by Gauss-Legendre over its quantiles.
_NORMAL = np.linspace(-8.5, 8.5, 341)
_NORMAL_WEIGHT = np.exp(-(_NORMAL**2) / 2) / np.sqrt(2 * np.pi) * (_NORMAL[1] - _NORMAL[0])
_SCALES = 96


def dunnett_loadings(n: ArrayLike, n_control: float) -> Floats:
    """Loadings of the comparisons of groups of sizes `n` with one control (eq. dunnett-loading).

    The correlation of two comparisons is the product of their loadings; equal groups have the
    loading sqrt(1/2), and with that the correlation 1/2.
    """
    sizes = np.asarray(n, dtype=np.float64)
    if sizes.ndim != 1 or not sizes.size or np.any(~(sizes > 0)) or not n_control > 0:
        raise StatisticsError(f"group sizes {n} and {n_control} must be above 0, one a group")
    return np.sqrt(sizes / (sizes + n_control))


def dunnett_p(
    t: ArrayLike, *, loadings: ArrayLike, df: float = np.inf, tails: Tails = "two-sided"
) -> Floats:
    """Single-step adjusted P values of comparisons with one control (eq. dunnett).

    Args:
        t: t or z statistics, shape (comparisons,); large is in favour of the test groups.
        loadings: One a comparison; see `dunnett_loadings`.
        df: Degrees of freedom of the common error; infinity for known variances.
        tails: `two-sided`, or `one-sided` towards large statistics.

    Source:
        Dunnett, JASA 1955;50:1096.
    """
    parts, statistics = _loadings(loadings), np.asarray(t, dtype=np.float64)
    if statistics.shape != parts.shape:
        raise StatisticsError(f"{statistics.shape} statistics for {parts.shape} loadings")
    if tails == "two-sided":
        statistics = np.abs(statistics)
    return np.clip(1 - _chance_below(statistics, parts, df, tails), 0.0, 1.0)


def dunnett_critical_value(
    *,
    loadings: ArrayLike,
    alpha: float,
    df: float = np.inf,
    tails: Tails = "two-sided",
) -> float:
    """What the largest of the statistics exceeds with chance `alpha` (eq. dunnett).

    Args:
        loadings: One a comparison; see `dunnett_loadings`.
        alpha: Family-wise error, in (0, 1): of one side in `one-sided`, of both in `two-sided`.
        df: Degrees of freedom of the common error; infinity for known variances.
        tails: `two-sided` or `one-sided`.
    """
    parts = _loadings(loadings)
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha={alpha!r} must lie strictly between 0 and 1, as in 0.05")
    low, high = np.array([-60.0 if tails == "one-sided" else 0.0]), np.array([60.0])
    while _chance_below(high, parts, df, tails)[0] < 1 - alpha:
        high *= 4
        if high[0] > 1e12:
            raise StatisticsError("no critical value below 1e12; check the degrees of freedom")
    return float(
        bracketed_root(
            lambda _: lambda c: 1 - alpha - _chance_below(c, parts, df, tails), low, high
        )[0]
    )


def dunnett_intervals(
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    *,
    loadings: ArrayLike,
    df: float = np.inf,
    level: float = 0.95,
) -> tuple[Interval, ...]:
    """Two-sided simultaneous intervals: all hold at once with the level (eq. dunnett).

    Args:
        estimates: Differences from the control, shape (comparisons,).
        standard_errors: Same shape.
        loadings: One a comparison; see `dunnett_loadings`.
        df: Degrees of freedom of the common error.
        level: Simultaneous two-sided coverage, in (0, 1).
    """
    normal_quantile(level)  # refuses a level outside (0, 1)
    c = dunnett_critical_value(loadings=loadings, alpha=1 - level, df=df)
    values, errors = (np.asarray(each, dtype=np.float64) for each in (estimates, standard_errors))
    if values.shape != errors.shape or values.shape != _loadings(loadings).shape:
        raise StatisticsError("estimates, standard errors and loadings must be equally many")
    return tuple(
        Interval(value, value - c * error, value + c * error, level, error)
        for value, error in zip(values.tolist(), errors.tolist(), strict=True)
    )


def _loadings(loadings: ArrayLike) -> Floats:
    parts = np.asarray(loadings, dtype=np.float64)
    if parts.ndim != 1 or not parts.size or np.any(~((parts >= 0) & (parts < 1))):
        raise StatisticsError(f"loadings {loadings} must be a vector of numbers from 0 to below 1")
    return parts


def _chance_below(c: Floats, loadings: Floats, df: float, tails: str) -> Floats:
    """Chance that no statistic is above each of the values."""
    if tails not in ("one-sided", "two-sided"):
        raise StatisticsError(f"tails={tails!r} is not 'one-sided' or 'two-sided'")
    scale, weight = _scales(df)
    bound = np.multiply.outer(np.asarray(c), scale)[..., None, None]
    shift, spread = loadings * _NORMAL[:, None], np.sqrt(1 - loadings**2)
    inside = ndtr((bound + shift) / spread)
    if tails == "two-sided":
        inside = inside - ndtr((-bound + shift) / spread)
    return inside.prod(axis=-1) @ _NORMAL_WEIGHT @ weight


def _scales(df: float) -> tuple[Floats, Floats]:
    """Standard deviations over their expectation, and their chances."""
    if not df > 0:
        raise StatisticsError(f"df={df!r} must be above 0")
    if np.isinf(df):
        return np.ones(1), np.ones(1)
    # Half angles put more points near both ends of the quantile scale.
    points, weights = roots_legendre(_SCALES)
    angle = (points + 1) * np.pi / 2
    share = (1 - np.cos(angle)) / 2
    return np.sqrt(2 * gammaincinv(df / 2, share) / df), weights * np.sin(angle) * np.pi / 4
