"""Log-rank and Peto-Peto tests of two or more groups, over strata. Mathematics: survival.md."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.survival.times import Codes, at_risk, read_codes, read_times


@dataclass(frozen=True, slots=True, eq=False)
class LogRank:
    """A weighted log-rank test.

    Attributes:
        statistic: Chi-square on `df` degrees of freedom; NaN when there is nothing to compare.
        df: Groups at risk minus 1.
        p: Two-sided.
        observed: Weighted events by group, in sorted order of the groups, shape (groups,).
        expected: If all groups were alike.
        covariance: Of observed minus expected, shape (groups, groups).
        warnings: What the reader must know.
    """

    statistic: float
    df: int
    p: float
    observed: Floats
    expected: Floats
    covariance: Floats
    warnings: tuple[str, ...] = ()


def logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    rho: float = 0.0,
) -> LogRank:
    """Test that the groups have the same survival, eq. logrank.

    Args:
        time: Time to event or censoring, shape (subjects,).
        event: 1 where the event was seen, else 0.
        group: Group of each subject, any values that can be sorted.
        strata: Stratum of each subject; the sums run over strata.
        rho: Weight S(t-)^rho by the pooled curve of the stratum: 0 log-rank, 1 Peto-Peto.

    Raises:
        StatisticsError: fewer than two groups.

    Source:
        Harrington & Fleming, Biometrika 1982;69:553.
    """
    t, e = read_times(time, event)
    groups = read_codes(group, t.size, "group")
    stratum = read_codes(strata, t.size, "strata")
    count = int(groups.max()) + 1
    if count < 2:
        raise StatisticsError("all subjects are in one group; a log-rank test compares two or more")
    observed, expected = np.zeros(count), np.zeros(count)
    covariance = np.zeros((count, count))
    for each in range(int(stratum.max()) + 1):
        inside = stratum == each
        o, x, v = _one_stratum(t[inside], e[inside], groups[inside], count, rho)
        observed, expected, covariance = observed + o, expected + x, covariance + v
    return _test(observed, expected, covariance)


def _test(observed: Floats, expected: Floats, covariance: Floats) -> LogRank:
    compared = np.flatnonzero(expected > 0)
    df = compared.size - 1
    inner = covariance[np.ix_(compared[1:], compared[1:])]
    if df < 1 or np.linalg.matrix_rank(inner) < df:
        nan, why = float("nan"), "no event while two groups were at risk: nothing to compare"
        return LogRank(nan, max(df, 0), nan, observed, expected, covariance, (why,))
    notes = ("a group is never at risk when an event happens, and is left out",)
    excess = (observed - expected)[compared[1:]]
    statistic = float(excess @ np.linalg.solve(inner, excess))
    notes = notes if compared.size < observed.size else ()
    return LogRank(
        statistic, df, float(chdtrc(df, statistic)), observed, expected, covariance, notes
    )


def _one_stratum(
    t: Floats, e: Codes, group: Codes, count: int, rho: float
) -> tuple[Floats, Floats, Floats]:
    pooled = at_risk(t, e)
    when = pooled.n_event > 0
    times, n, d = pooled.time[when], pooled.n_risk[when], pooled.n_event[when]
    members = group[:, None] == np.arange(count)
    order = np.argsort(t, kind="stable")
    later = np.vstack([members[order][::-1].cumsum(axis=0)[::-1], np.zeros(count)])
    share = later[np.searchsorted(t[order], times, side="left")] / n[:, None]
    events = np.zeros((times.size, count))
    np.add.at(events, (np.searchsorted(times, t[e > 0]), group[e > 0]), 1.0)
    weight = np.append(1.0, np.cumprod(1 - d / n))[:-1] ** rho
    # The hypergeometric variance; a single subject at risk has none.
    spread = weight**2 * d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return weight @ events, (weight * d) @ share, covariance
