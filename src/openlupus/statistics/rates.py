"""Exact inference about Poisson rates: events over exposure. Mathematics: docs/methods/rates.md."""

from dataclasses import dataclass

from scipy.special import gammaincinv

from openlupus.errors import CountsError
from openlupus.statistics.interval import Interval, normal_quantile
from openlupus.statistics.proportion import binomial_test, proportion


@dataclass(frozen=True, slots=True)
class RateRatio:
    """Ratio of two rates, test over control, with its exact limits and two-sided P value."""

    interval: Interval
    p: float


def rate(events: int, exposure: float, *, level: float = 0.95) -> Interval:
    """Events per unit of exposure with exact limits (eq. garwood).

    Args:
        events: Whole number, 0 or more.
        exposure: Time at risk, in the unit that the rate shall have; above 0.
        level: Two-sided coverage, in (0, 1).

    Source:
        Garwood, Biometrika 1936;28:437.
    """
    _check(events, exposure)
    normal_quantile(level)  # refuses a level outside (0, 1)
    tail = (1 - level) / 2
    lower = float(gammaincinv(events, tail)) if events else 0.0
    upper = float(gammaincinv(events + 1, 1 - tail))
    return Interval(events / exposure, lower / exposure, upper / exposure, level)


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


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else float("inf")


def _check(events: int, exposure: float) -> None:
    if events < 0 or events % 1 or not 0 < exposure < float("inf"):
        raise CountsError(
            f"{events} events in an exposure of {exposure}; events are whole numbers, 0 or more,"
            " and exposure is above 0"
        )
