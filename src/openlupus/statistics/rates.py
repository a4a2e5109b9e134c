"""Exact inference about Poisson rates: events over exposure. Mathematics: docs/methods/rates.md."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from openlupus.errors import CountsError
from openlupus.statistics.interval import Floats, Interval, normal_quantile
from openlupus.statistics.proportion import binomial_test, proportion
from openlupus.statistics.root import bracketed_root


@dataclass(frozen=True, slots=True)
class RateRatio:
    """Ratio of two rates, test over control, with its exact limits and two-sided P value."""

    interval: Interval
    p: float


def rate(events: int, exposure: float, *, per: float = 1.0, level: float = 0.95) -> Interval:
    """Events per unit of exposure with exact limits (eq. garwood).

    Args:
        events: Whole number, 0 or more.
        exposure: Time at risk, in the unit that the rate shall have; above 0.
        per: Units of exposure that the rate is of: 100 gives events per 100 patient-years where
            exposure is in years.
        level: Two-sided coverage, in (0, 1).

    Source:
        Garwood, Biometrika 1936;28:437.
    """
    _check(events, exposure)
    normal_quantile(level)  # refuses a level outside (0, 1)
    tail = (1 - level) / 2
    lower = float(gammaincinv(events, tail)) if events else 0.0
    upper = float(gammaincinv(events + 1, 1 - tail))
    value, lower, upper = (per * each / exposure for each in (events, lower, upper))
    return Interval(value, lower, upper, level)


def rate_ratio(
    events: tuple[int, int], exposure: tuple[float, float], *, level: float = 0.95
) -> RateRatio:
    """Ratio of two Poisson rates, exact given the total number of events (eq. rate-ratio).

    Args:
        events: Of the test and of the control group.
        exposure: The same, above 0.
        level: Two-sided coverage, in (0, 1).

    Returns:
        Infinite where the control group has no event; NaN, with a warning, where neither has.

    Source:
        Przyborowski & Wilenski, Biometrika 1940;31:313.
    """
    for each in zip(events, exposure, strict=True):
        _check(*each)
    (x1, x0), (t1, t0) = events, exposure
    if x1 + x0 == 0:
        nan = float("nan")
        notes = ("neither group has an event, so the ratio is not defined",)
        return RateRatio(Interval(nan, 0.0, float("inf"), level, None, notes), 1.0)
    share = proportion(x1, x1 + x0, method="clopper-pearson", level=level)
    lower, upper = (_odds(float(limit)) * t0 / t1 for limit in (share.lower, share.upper))
    value = x1 / t1 / (x0 / t0) if x0 else float("inf")
    p = binomial_test(x1, x1 + x0, null=t1 / (t1 + t0))
    return RateRatio(Interval(value, lower, upper, level), p)


def rate_difference(
    events: tuple[int, int],
    exposure: tuple[float, float],
    *,
    per: float = 1.0,
    level: float = 0.95,
) -> Interval:
    """Difference of two Poisson rates, test minus control, with score limits (eq. rate-score).

    Args:
        events: Of the test and of the control group, whole numbers.
        exposure: Time at risk of the same, above 0.
        per: Units of exposure that the rates are of, as in `rate`.
        level: Two-sided coverage, in (0, 1).

    Source:
        Miettinen & Nurminen, Stat Med 1985;4:213, section on incidence densities.
    """
    for each in zip(events, exposure, strict=True):
        _check(*each)
    z = normal_quantile(level)
    value = events[0] / exposure[0] - events[1] / exposure[1]
    lower = _lower_limit(events, exposure, z)
    # Exchanging the groups mirrors the interval.
    (x1, x0), (t1, t0) = events, exposure
    upper = -_lower_limit((x0, x1), (t0, t1), z)
    return Interval(per * value, per * lower, per * upper, level)


def _lower_limit(events: tuple[int, int], exposure: tuple[float, float], z: float) -> float:
    (x1, x0), (t1, t0) = events, exposure
    value, total = x1 / t1 - x0 / t0, t1 + t0
    # The standard error at a difference d grows as the root of |d|, so this is beyond the limit.
    reach = z * (1 + x1 / t1 + x0 / t0 + z / t1 + z / t0) * (1 + 1 / t1 + 1 / t0)

    def excess(difference: Floats) -> Floats:
        middle = (x1 + x0) / total - difference
        # Rates with this difference that are most likely; the larger root, so that nothing cancels.
        root = np.sqrt(middle**2 + 4 * difference * x0 / total)
        control = np.where(
            middle > 0, (middle + root) / 2, 2 * difference * x0 / total / (root - middle + 1e-300)
        )
        control = np.maximum(control, np.maximum(0.0, -difference))
        error = np.sqrt((control + difference) / t1 + control / t0)
        # Without events score and error are 0 at the estimate itself, which is inside.
        return np.where(difference >= value, -1.0, value - difference - z * error)

    low, high = np.array([value - reach]), np.array([value])
    return float(bracketed_root(lambda _: excess, low, high)[0])


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else float("inf")


def _check(events: int, exposure: float) -> None:
    if events < 0 or events % 1 or not 0 < exposure < float("inf"):
        raise CountsError(
            f"{events} events in an exposure of {exposure}; events are whole numbers, 0 or more,"
            " and exposure is above 0"
        )
