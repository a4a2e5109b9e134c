"""Power and sample size by normal approximation: proportions, means, events.

Powers by exact enumeration are in `exact_power.py`. Mathematics: docs/methods/power.md.
"""

from typing import Literal

import numpy as np
from scipy.special import gammaln, ndtr, ndtri, stdtrit

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.root import bracketed_root

Variance = Literal["pooled", "unpooled", "arcsine"]
_MOST_SUBJECTS = 1e9
_RULE: tuple[Floats, Floats] = np.polynomial.legendre.leggauss(16)
_POINTS, _WEIGHTS = _RULE
_PANELS = 80


def proportions_power(
    p_test: float,
    p_control: float,
    n_test: float,
    n_control: float,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    variance: Variance = "pooled",
    both_tails: bool = False,
) -> float:
    """Power of the normal test that two proportions are equal.

    Args:
        p_test: True proportion of the test group, in (0, 1).
        p_control: Of the control group.
        n_test: Subjects of the test group; need not be whole.
        n_control: Of the control group.
        alpha: Level of the test, over both tails when `sides` is 2.
        sides: 1 or 2. A one-sided test looks in the direction of the true difference.
        variance: Under the hypothesis: `pooled` (eq. power-pooled), `unpooled`
            (eq. power-unpooled), or the `arcsine` scale (eq. power-arcsine).
        both_tails: Also count rejections in the wrong direction (two-sided tests alone).

    Source:
        Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions, 3rd ed., ch. 4.
    """
    _check_proportions(p_test, p_control)
    _check_sizes(n_test, n_control)
    z = _critical(alpha, sides)
    shift, null_error, error = _proportions_scale(p_test, p_control, n_test, n_control, variance)
    power = ndtr((shift - z * null_error) / error)
    if both_tails and sides == 2:
        power += ndtr((-shift - z * null_error) / error)
    return float(power)


def proportions_size(
    p_test: float,
    p_control: float,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    sides: int = 2,
    variance: Variance = "pooled",
    ratio: float = 1.0,
) -> float:
    """Subjects of the control group, not rounded; the test group has `ratio` times as many.

    Inverts `proportions_power` with one tail (eq. power-size); same arguments.

    Raises:
        StatisticsError: equal proportions, which no size can tell apart.
    """
    _check_proportions(p_test, p_control)
    _check_sizes(ratio, ratio)
    if p_test == p_control:
        raise StatisticsError(
            f"both proportions are {p_test:g}; no number of subjects shows a difference of 0"
        )
    z_alpha, z_beta = _critical(alpha, sides), _beta_quantile(power, alpha, sides)
    shift, null_error, error = _proportions_scale(p_test, p_control, ratio, 1.0, variance)
    return float(((z_alpha * null_error + z_beta * error) / shift) ** 2)


def means_power(
    difference: float, sd: float, n_test: float, n_control: float, *, alpha: float = 0.05,
    sides: int = 2, both_tails: bool = True,
) -> float:  # fmt: skip
    """Power of the two-sample t test with a common standard deviation (eq. power-t).

    Args:
        difference: True difference of the means.
        sd: Common standard deviation, > 0.
        n_test: Subjects of the test group; the sum of both groups exceeds 2.
        n_control: Of the control group.
        alpha: Level, over both tails when `sides` is 2.
        sides: 1 or 2.
        both_tails: Also count rejections in the wrong direction (two-sided tests alone).
    """
    _check_sizes(n_test, n_control)
    _check_alpha(alpha, sides)
    df = n_test + n_control - 2
    if not sd > 0 or df <= 0:
        raise StatisticsError(
            f"sd={sd:g} with {n_test:g} + {n_control:g} subjects; the t test needs a standard"
            " deviation above 0 and more than 2 subjects"
        )
    noncentral = abs(difference) / sd / np.sqrt(1 / n_test + 1 / n_control)
    t = -float(stdtrit(df, alpha / sides))
    power = _beyond(t, df, noncentral)
    if both_tails and sides == 2:
        power += _beyond(t, df, -noncentral)
    return power


def means_size(
    difference: float, sd: float, *, power: float = 0.8, alpha: float = 0.05, sides: int = 2,
    ratio: float = 1.0, both_tails: bool = False,
) -> float:  # fmt: skip
    """Subjects of the control group for the t test, not rounded; inverts `means_power`.

    At least as many as make 3 subjects in all, which may give more power than asked for.
    """
    if difference == 0:
        raise StatisticsError("the difference is 0; no number of subjects shows it")
    _check_sizes(ratio, ratio)
    _beta_quantile(power, alpha, sides)

    def shortfall(log_n: Floats) -> Floats:
        n = float(np.exp(log_n[0]))
        got = means_power(
            difference, sd, ratio * n, n, alpha=alpha, sides=sides, both_tails=both_tails
        )
        return np.array([got - power])

    low = np.array([np.log(3 / (1 + ratio))])
    if shortfall(low)[0] >= 0:
        return float(np.exp(low[0]))
    normal = _normal_means_size(difference / sd, power, alpha, sides, ratio)
    high = np.log(np.array([10 * normal + 100 / (1 + ratio)]))
    return float(np.exp(bracketed_root(lambda _: shortfall, low, high)[0]))


def logrank_power(
    hazard_ratio: float, events: float, *, alpha: float = 0.05, sides: int = 2, share: float = 0.5
) -> float:
    """Power of the log-rank test under proportional hazards (eq. power-logrank).

    Args:
        hazard_ratio: Test over control, > 0.
        events: Number of events over both groups, > 0.
        alpha: Level, over both tails when `sides` is 2.
        sides: 1 or 2.
        share: Share of the subjects in the test group, in (0, 1).

    Source:
        Schoenfeld, Biometrika 1981;68:316.
    """
    effect = _log_hazard(hazard_ratio, share)
    _check_sizes(events, events)
    return float(ndtr(np.sqrt(events) * effect - _critical(alpha, sides)))


def logrank_events(
    hazard_ratio: float, *, power: float = 0.8, alpha: float = 0.05, sides: int = 2,
    share: float = 0.5,
) -> float:  # fmt: skip
    """Events, not rounded, that give the log-rank test its power; inverts `logrank_power`."""
    effect = _log_hazard(hazard_ratio, share)
    if effect == 0:
        raise StatisticsError("the hazard ratio is 1; no number of events shows it")
    return float(((_critical(alpha, sides) + _beta_quantile(power, alpha, sides)) / effect) ** 2)


def _proportions_scale(
    p1: float, p0: float, n1: float, n0: float, variance: Variance
) -> tuple[float, float, float]:
    """Size of the effect, and its standard error under the hypothesis and as things are."""
    spread = np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    match variance:
        case "pooled":
            p = (n1 * p1 + n0 * p0) / (n1 + n0)
            return abs(p1 - p0), float(np.sqrt(p * (1 - p) * (1 / n1 + 1 / n0))), float(spread)
        case "unpooled":
            return abs(p1 - p0), float(spread), float(spread)
        case "arcsine":
            error = float(np.sqrt(1 / n1 + 1 / n0))
            return abs(2 * float(np.arcsin(np.sqrt(p1)) - np.arcsin(np.sqrt(p0)))), error, error
    raise StatisticsError(f"variance={variance!r} is not one of pooled, unpooled, arcsine")


def _beyond(t: float, df: float, noncentral: float) -> float:
    """P(T >= t) of a noncentral t: the normal tail over the distribution of the estimated scale.

    scipy's own (to 1.17) gives NaN for large noncentralities.
    """
    wide = 9 / np.sqrt(2 * df)
    low, high = -38 / df - wide, wide + 0.5 * np.log1p(80 / df)
    half = (high - low) / _PANELS / 2
    centres: Floats = low + half * (2 * np.arange(_PANELS) + 1)
    log_scale: Floats = (centres[:, None] + half * _POINTS).ravel()
    scale = np.exp(log_scale)
    constant = np.log(2) + df / 2 * np.log(df / 2) - gammaln(df / 2)
    density = np.exp(constant + df * log_scale - df * scale**2 / 2)
    return float(half * np.tile(_WEIGHTS, _PANELS) @ (density * ndtr(noncentral - t * scale)))


def _log_hazard(hazard_ratio: float, share: float) -> float:
    if not (np.isfinite(hazard_ratio) and hazard_ratio > 0 and 0 < share < 1):
        raise StatisticsError(
            f"hazard_ratio={hazard_ratio!r}, share={share!r}: a hazard ratio is above 0, the share"
            " of the test group strictly between 0 and 1"
        )
    return float(abs(np.log(hazard_ratio)) * np.sqrt(share * (1 - share)))


def _normal_means_size(
    effect: float, power: float, alpha: float, sides: int, ratio: float
) -> float:
    """What the normal approximation asks for."""
    z = _critical(alpha, sides) + abs(_beta_quantile(power, alpha, sides))
    return min((z / effect) ** 2 * (1 + 1 / ratio), _MOST_SUBJECTS)


def _critical(alpha: float, sides: int) -> float:
    _check_alpha(alpha, sides)
    return float(-ndtri(alpha / sides))


def _beta_quantile(power: float, alpha: float, sides: int) -> float:
    _check_alpha(alpha, sides)
    if not alpha / sides < power < 1:
        raise StatisticsError(
            f"power={power!r}; it must lie between the level of one tail ({alpha / sides:g}) and 1"
        )
    return float(ndtri(power))


def _check_alpha(alpha: float, sides: int) -> None:
    if not 0 < alpha < 1 or sides not in (1, 2):
        raise StatisticsError(
            f"alpha={alpha!r}, sides={sides!r}: alpha lies strictly between 0 and 1, sides is 1 or"
            " 2"
        )


def _check_proportions(*p: float) -> None:
    if not all(0 < each < 1 for each in p):
        raise StatisticsError(f"proportions {p}: a true proportion lies strictly between 0 and 1")


def _check_sizes(*n: float) -> None:
    if not all(np.isfinite(each) and each > 0 for each in n):
        raise StatisticsError(f"sizes {n}: a number of subjects or events is above 0")
