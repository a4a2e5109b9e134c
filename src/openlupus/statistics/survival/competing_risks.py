"""Competing risks: cumulative incidence by Aalen and Johansen, and Gray's test.

Mathematics: docs/methods/competing-risks.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats, normal_quantile
from openlupus.statistics.survival.times import Codes, read_codes, read_times


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeIncidence:
    """Probability of an event of one cause up to and with each time, shapes (times,).

    Attributes:
        time: Distinct times, rising.
        n_risk: Subjects at risk just before.
        n_event: Events of the cause.
        incidence: Its cumulative incidence, eq. cif.
        standard_error: By the delta method, eq. cif-variance.
        lower: Pointwise limit on the log-log scale; NaN where the incidence is 0 or 1.
        upper: The other.
        level: Two-sided coverage.
    """

    time: Floats
    n_risk: Floats
    n_event: Floats
    incidence: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    level: float

    def at(self, time: float) -> tuple[float, float, float, float]:
        """Incidence, standard error and limits at one time; NaN after the follow-up."""
        nan = float("nan")
        if time > self.time[-1]:
            return nan, nan, nan, nan
        place = int(np.searchsorted(self.time, time, side="right")) - 1
        if place < 0:
            return 0.0, 0.0, nan, nan
        columns = (self.incidence, self.standard_error, self.lower, self.upper)
        value, error, lower, upper = (float(column[place]) for column in columns)
        return value, error, lower, upper


@dataclass(frozen=True, slots=True, eq=False)
class GrayTest:
    """Gray's test that all groups have the same cumulative incidence of one cause.

    Attributes:
        statistic: Chi-square on `df` degrees of freedom; NaN when nothing can be compared.
        df: Groups minus 1.
        p: Two-sided.
        score: By group, in sorted order of the groups, shape (groups,).
        covariance: Of the scores, shape (groups, groups).
        warnings: What the reader must know.
    """

    statistic: float
    df: int
    p: float
    score: Floats
    covariance: Floats
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """Distinct times with an event of any cause: at risk and events by group, (times, groups)."""

    at_risk: Floats
    cause: Floats
    other: Floats

    @property
    def survival(self) -> tuple[Floats, Floats]:
        """Of any event, by group: just before and just after each time."""
        kept = 1 - _ratio(self.cause + self.other, self.at_risk)
        after: Floats = np.cumprod(kept, axis=0, dtype=np.float64)
        return np.vstack([np.ones((1, kept.shape[1])), after[:-1]]), after


def cumulative_incidence(
    time: ArrayLike, event: ArrayLike, *, cause: int = 1, level: float = 0.95
) -> CumulativeIncidence:
    """Cumulative incidence of one cause in one group.

    Args:
        time: Time to the first event of any cause, or to censoring, shape (subjects,).
        event: 0 censored, else the number of the cause.
        cause: The cause asked about.
        level: Two-sided coverage.

    Source:
        Aalen & Johansen, Scand J Stat 1978;5:141. Variance: Marubini & Valsecchi, 1995, ch. 10.
    """
    t, e = read_times(time, event)
    z = normal_quantile(level)
    distinct, place = np.unique(t, return_inverse=True)
    none = np.zeros(t.size, dtype=np.int64)
    counts = _count(place, e, none, 1, distinct.size, cause)
    n, d, every = counts.at_risk[:, 0], counts.cause[:, 0], (counts.cause + counts.other)[:, 0]
    before = counts.survival[0][:, 0]
    incidence: Floats = np.cumsum(before * d / n, dtype=np.float64)
    error = np.sqrt(_delta_variance(n, d, every, before, incidence))
    inside = (incidence > 0) & (incidence < 1)
    safe = np.where(inside, incidence, 0.5)
    half = np.exp(np.minimum(-z * error / (safe * np.log(safe)), 700.0))
    lower = np.where(inside, safe**half, np.nan)
    upper = np.where(inside, safe ** (1 / half), np.nan)
    return CumulativeIncidence(distinct, n, d, incidence, error, lower, upper, level)


def gray_test(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    cause: int = 1,
    strata: ArrayLike | None = None,
    rho: float = 0.0,
) -> GrayTest:
    """Gray's test of the cumulative incidence of one cause, eq. gray.

    Args:
        time: Time to the first event of any cause, or to censoring, shape (subjects,).
        event: 0 censored, else the number of the cause.
        group: Group of each subject.
        cause: The cause compared.
        strata: Stratum of each subject; the sums run over strata.
        rho: Weight (1 - F(t-))^rho by the pooled incidence.

    Raises:
        StatisticsError: fewer than two groups, or no event of the cause.

    Source:
        Gray, Ann Stat 1988;16:1141.
    """
    t, e = read_times(time, event)
    groups, stratum = read_codes(group, t.size, "group"), read_codes(strata, t.size, "strata")
    count = int(groups.max()) + 1
    if count < 2 or not (e == cause).any():
        raise StatisticsError(
            f"{count} groups and {int((e == cause).sum())} events of cause {cause}; Gray's test"
            " compares two groups or more, with at least one event"
        )
    score, covariance = np.zeros(count), np.zeros((count, count))
    for each in range(int(stratum.max()) + 1):
        inside = stratum == each
        times = np.unique(t[inside & (e > 0)])
        if times.size == 0:
            continue
        # Censored between two events means not at risk at the later one.
        place = np.searchsorted(times, t[inside], side="right") - 1
        seen = np.where(e[inside] > 0, e[inside], 0)
        counts = _count(place, seen, groups[inside], count, times.size, cause)
        s, v = _gray_stratum(counts, rho)
        score, covariance = score + s, covariance + v
    inner = covariance[1:, 1:]
    if np.linalg.matrix_rank(inner) < count - 1:
        nan, why = float("nan"), "a group is never at risk when an event happens: no test"
        return GrayTest(nan, count - 1, nan, score, covariance, (why,))
    statistic = float(score[1:] @ np.linalg.solve(inner, score[1:]))
    return GrayTest(statistic, count - 1, float(chdtrc(count - 1, statistic)), score, covariance)


def _gray_stratum(counts: _Counts, rho: float) -> tuple[Floats, Floats]:
    """Scores and their covariance in one stratum; symbols as in docs, eq. gray-variance."""
    n, d1, d2 = counts.at_risk, counts.cause, counts.other
    before, after = counts.survival
    own = np.cumsum(before * _ratio(d1, n), axis=0)
    own_before = np.vstack([np.zeros((1, n.shape[1])), own[:-1]])
    h = _ratio(n, before)
    total, events = h.sum(axis=1), d1.sum(axis=1)
    pooled = np.cumsum(events / total)
    pooled_before = np.append(0.0, pooled[:-1])
    weight = (1 - pooled_before) ** rho
    at_risk = h * (1 - own_before)
    expected = at_risk * (events / at_risk.sum(axis=1))[:, None]
    score = weight @ (d1 - expected)

    groups = np.eye(n.shape[1])
    a = (weight[:, None] * h)[:, :, None] * (groups - (h / total[:, None])[:, None, :])
    grown = np.cumsum(a * (events / (total * (1 - pooled_before)))[:, None, None], axis=0)
    left = grown[-1] - grown
    ratio = _ratio((1 - pooled)[:, None], after)
    factor = np.where(after > 0, 1 - ratio, 1.0)
    at = n > 0
    ties1 = 1 - np.where(events > 1, events - 1, 0)[:, None] * _ratio(
        np.ones_like(n), total[:, None] * before - 1
    )
    mass1 = np.where(at, ties1 * before * _ratio((events / total)[:, None], n), 0.0)
    ties2 = 1 - np.where(d2 > 1, d2 - 1, 0) * _ratio(np.ones_like(n), n - 1)
    mass2 = np.where(after > 0, ties2 * before**2 * _ratio(d2, n**2), 0.0)
    first = a + factor[:, None, :] * left
    second = ratio[:, None, :] * left
    covariance = np.einsum("tik,tjk,tk->ij", first, first, mass1)
    covariance += np.einsum("tik,tjk,tk->ij", second, second, mass2)
    return score, covariance


def _delta_variance(n: Floats, d: Floats, every: Floats, before: Floats, f: Floats) -> Floats:
    """Eq. cif-variance, expanded in powers of F(t) so that it costs one pass."""
    hazard = _ratio(every, n * (n - every))
    mixed = before * _ratio(d, n**2)
    squares = np.cumsum(f**2 * hazard + 2 * f * mixed + before**2 * _ratio((n - d) * d, n**3))
    cross = np.cumsum(f * hazard + mixed)
    return np.maximum(squares - 2 * f * cross + f**2 * np.cumsum(hazard), 0.0)


def _count(
    place: Codes, event: Codes, group: Codes, groups: int, times: int, cause: int
) -> _Counts:
    def table(kept: Floats) -> Floats:
        flat = np.bincount(
            (place * groups + group)[place >= 0], kept[place >= 0], minlength=times * groups
        )
        return flat.reshape(times, groups).astype(np.float64)

    leaving = table(np.ones(place.size))
    at_risk = leaving[::-1].cumsum(axis=0)[::-1]
    return _Counts(
        at_risk,
        table((event == cause).astype(np.float64)),
        table(((event > 0) & (event != cause)).astype(np.float64)),
    )


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """0 where there is nothing to divide by."""
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.divide(top, bottom, out=np.zeros(top.shape), where=bottom != 0)
