"""Exact conditional inference about the odds ratio of one or several 2 x 2 tables.

Given the margins of every stratum, the responders in the test group follow a (convolution of)
non-central hypergeometric distribution that knows only the common odds ratio (eq. exact-or).
Mathematics: docs/methods/exact-odds-ratio.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.interval import Floats, normal_quantile
from openlupus.statistics.root import bracketed_root
from openlupus.statistics.tables import Tables, read_tables

# Two tables are equally probable when their probabilities agree to this; R uses the same.
_TIE = 1 + 1e-7


@dataclass(frozen=True, slots=True)
class OddsRatio:
    """An exact test of odds ratio 1, with the conditional estimate and exact limits.

    Attributes:
        p: Two-sided.
        value: Conditional maximum likelihood estimate, test against control; 0 or infinity at the
            ends of the support.
        lower: Exact limit; 0 where the estimate is 0.
        upper: Exact limit; infinity where the estimate is.
        level: Two-sided coverage.
        warnings: What the reader must know.
    """

    p: float
    value: float
    lower: float
    upper: float
    level: float
    warnings: tuple[str, ...] = ()


def exact_odds_ratio(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    level: float = 0.95,
    tails: Literal["minlike", "central"] = "minlike",
    mid_p: bool = False,
) -> OddsRatio:
    """Exact test of a common odds ratio of 1, conditional on the margins of every stratum.

    Args:
        responders: Counts, shape (2, strata) or (2,); row 0 test, row 1 control.
        n: Subjects, same shape. A stratum with an empty group is left out, with a warning.
        level: Two-sided coverage, in (0, 1).
        tails: `minlike` adds all tables that are no more probable (Fisher's test as R and SAS);
            `central` doubles the smaller tail. The limits are central in both.
        mid_p: Count half of the probability of the observed table, in test and limits.

    Source:
        Fisher 1935; Gart, Biometrika 1970;57:471; Mehta, Patel & Gray, JASA 1985;80:969.
    """
    tables = read_tables(responders, n)
    normal_quantile(level)  # refuses a level outside (0, 1)
    if tables.x.ndim > 2:
        raise CountsError("exact inference takes one stratified table, not a batch of tables")
    support, log_weight = _conditional_support(tables)
    observed = float(np.where(tables.used, tables.x[0], 0.0).sum())
    at = int(observed - support[0])
    if support.size == 1:
        nan = float("nan")
        why = "the margins leave one table only: P is 1 and the odds ratio is not defined"
        return OddsRatio(1.0, nan, 0.0, float("inf"), level, (*tables.warnings, why))
    null = _probabilities(log_weight, support, 0.0)
    share = 0.5 if mid_p else 1.0
    tail = (1 - level) / 2
    last = support.size - 1
    return OddsRatio(
        _p_value(null, at, share, tails),
        _conditional_estimate(log_weight, support, observed),
        0.0 if at == 0 else _limit(log_weight, support, at, share, tail, "lower"),
        float("inf") if at == last else _limit(log_weight, support, at, share, tail, "upper"),
        level,
        tables.warnings,
    )


def _conditional_support(tables: Tables) -> tuple[Floats, Floats]:
    """Possible totals of test responders, and the log number of ways to each."""
    first, log_weight = 0.0, np.zeros(1)
    for (x1, x0), (n1, n0), used in zip(tables.x.T, tables.n.T, tables.used, strict=True):
        if not used:
            continue
        events = x1 + x0
        lowest = max(0.0, events - n0)
        k = np.arange(lowest, min(n1, events) + 1)
        ways = _log_choose(n1, k) + _log_choose(n0, events - k)
        log_weight = _log_convolve(log_weight, ways - ways.max())
        first += lowest
    return np.arange(first, first + log_weight.size), log_weight


def _log_convolve(a: Floats, b: Floats) -> Floats:
    """Convolution of two weights given as logarithms; nothing underflows."""
    if min(a.size, b.size) == 1:
        return np.atleast_1d(a + b)
    result = np.full(a.size + b.size - 1, -np.inf)
    short, long = sorted((a, b), key=len)
    for shift, value in enumerate(short):
        window = slice(shift, shift + long.size)
        result[window] = np.logaddexp(result[window], value + long)
    return result


def _log_choose(n: float, k: Floats) -> Floats:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def _probabilities(log_weight: Floats, support: Floats, log_ratio: float) -> Floats:
    exponent = log_weight + (support - support[0]) * log_ratio
    weight = np.exp(exponent - exponent.max())
    return weight / weight.sum()


def _p_value(null: Floats, at: int, share: float, tails: str) -> float:
    if tails == "central":
        below = null[:at].sum() + share * null[at]
        above = null[at + 1 :].sum() + share * null[at]
        return float(min(1.0, 2 * min(below, above)))
    if tails != "minlike":
        raise StatisticsError(f"tails={tails!r} is not 'minlike' or 'central'")
    as_extreme = float(null[null <= null[at] * _TIE].sum())
    return min(1.0, as_extreme - (1 - share) * float(null[at]))


def _conditional_estimate(log_weight: Floats, support: Floats, observed: float) -> float:
    if observed == support[0]:
        return 0.0
    if observed == support[-1]:
        return float("inf")

    def excess(log_ratio: float) -> float:
        return float(_probabilities(log_weight, support, log_ratio) @ support) - observed

    return float(np.exp(_log_root(excess)))


def _limit(
    log_weight: Floats, support: Floats, at: int, share: float, tail: float, side: str
) -> float:
    def excess(log_ratio: float) -> float:
        probability = _probabilities(log_weight, support, log_ratio)
        beyond = probability[at + 1 :] if side == "lower" else probability[:at]
        return float(beyond.sum() + share * probability[at]) - tail

    return float(np.exp(_log_root(excess)))


def _log_root(excess: Callable[[float], float]) -> float:
    reach = 1.0
    while excess(-reach) * excess(reach) > 0:
        reach *= 2
        if reach > 1e4:
            raise StatisticsError("no odds ratio below exp(10000) fits; check the counts")

    def excesses(x: Floats) -> Floats:
        return np.array([excess(float(x[0]))])

    return float(bracketed_root(lambda _: excesses, np.array([-reach]), np.array([reach]))[0])
