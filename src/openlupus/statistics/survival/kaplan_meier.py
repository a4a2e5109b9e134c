"""The Kaplan-Meier estimate: limits, quantiles, landmarks, restricted mean.

Mathematics: docs/methods/survival.md.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats, Interval, normal_quantile
from openlupus.statistics.survival.times import at_risk, read_times

Scale = Literal["plain", "log", "log-log"]
# Two probabilities that agree to this are equal, as in R.
_SAME = float(np.sqrt(np.finfo(np.float64).eps))


@dataclass(frozen=True, slots=True, eq=False)
class Landmark:
    """The curve at chosen times, shapes (times,); as in `Curve`."""

    time: Floats
    n_risk: Floats
    survival: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A survival curve; it keeps its value from one distinct time until the next.

    Attributes:
        time: Distinct times of events and of censoring, rising; shape (times,), as all below.
        n_risk: Subjects at risk just before.
        n_event: Events then.
        survival: Probability of no event up to and with this time.
        standard_error: Of the survival, by Greenwood (eq. km-greenwood).
        lower: Pointwise lower limit; NaN where the scale has none.
        upper: Upper limit.
        scale: Scale on which the interval is symmetric.
        level: Two-sided coverage.
    """

    time: Floats
    n_risk: Floats
    n_event: Floats
    survival: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    scale: Scale
    level: float

    def at(self, times: ArrayLike) -> Landmark:
        """The curve at `times`, shape (times,); NaN after the last time of follow-up."""
        asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
        place = np.searchsorted(self.time, asked, side="right")
        after = np.searchsorted(self.time, asked, side="left")
        beyond = asked > self.time[-1]
        start_limit = np.nan if self.scale == "log-log" else 1.0

        def value(column: Floats, start: float) -> Floats:
            return np.where(beyond, np.nan, np.append(start, column)[place])

        lower, upper = value(self.lower, start_limit), value(self.upper, start_limit)
        notes: tuple[str, ...] = ()
        if beyond.any():
            notes += (f"no follow-up beyond {self.time[-1]:g}: no estimate after it",)
        if np.isnan(lower[~beyond]).any():
            notes += (f"no {self.scale} limits where the estimate is 0 or 1",)
        return Landmark(
            asked,
            np.append(self.n_risk, 0.0)[after],
            value(self.survival, 1.0),
            value(self.standard_error, 0.0),
            lower,
            upper,
            notes,
        )

    def quantile(self, p: float = 0.5) -> Interval:
        """Time by which a share `p` has had the event, eq. km-quantile; the median by default.

        The limits are the times at which the limits of the curve reach 1 - p. NaN, with a warning,
        where a curve does not come down so far.
        """
        if not 0 < p < 1:
            raise StatisticsError(f"p={p!r}; a quantile lies strictly between 0 and 1")
        value, lower, upper = (
            self._reaches(p, curve) for curve in (self.survival, self.lower, self.upper)
        )
        names = ("estimate", "lower limit", "upper limit")
        absent = [n for n, v in zip(names, (value, lower, upper), strict=True) if np.isnan(v)]
        notes = (f"{', '.join(absent)} not reached",) if absent else ()
        return Interval(value, lower, upper, self.level, warnings=notes)

    def restricted_mean(self, tau: float) -> Interval:
        """Mean time without event up to `tau`, eq. km-rmst; plain normal limits."""
        if not 0 < tau <= self.time[-1]:
            raise StatisticsError(
                f"tau={tau:g}; it lies above 0 and not beyond the follow-up of {self.time[-1]:g}"
            )
        before = self.time < tau
        corners = np.concatenate(([0.0], self.time[before], [tau]))
        areas = np.diff(corners) * np.append(1.0, self.survival[before])
        left = areas[1:][::-1].cumsum()[::-1]
        n, d = self.n_risk[before], self.n_event[before]
        # Where all that are left have the event there is no area after it.
        term = np.divide(d, n * (n - d), out=np.zeros_like(d), where=n > d)
        error = float(np.sqrt(np.sum(left**2 * term)))
        mean, half = float(areas.sum()), normal_quantile(self.level) * error
        return Interval(mean, mean - half, mean + half, self.level, error)

    def _reaches(self, p: float, curve: Floats) -> float:
        gone = np.where(np.isnan(curve), np.where(self.survival > 0.5, 0.0, -1.0), 1 - curve)
        known = gone >= 0
        time, gone = self.time[known], gone[known]
        first = np.flatnonzero(gone >= p - _SAME)
        if first.size == 0:
            return float("nan")
        start = first[0]
        if abs(gone[start] - p) >= _SAME:
            return float(time[start])
        # The curve runs level at p: the middle of that stretch.
        falls = np.flatnonzero(gone > gone[start] + _SAME)
        end = time[falls[0]] if falls.size else self.time[-1]
        return float((time[start] + end) / 2)


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, scale: Scale = "log-log", level: float = 0.95
) -> Curve:
    """The Kaplan-Meier curve of one group, eq. km.

    Args:
        time: Time to event or censoring, 0 or more, shape (subjects,).
        event: 1 where the event was seen, 0 where censored, same shape.
        scale: Of the pointwise limits: `plain` and `log` are clipped to 0 and 1, as R does;
            `log-log` needs no clipping.
        level: Two-sided coverage.

    Source:
        Kaplan & Meier, JASA 1958;53:457. Kalbfleisch & Prentice, 2nd ed., 2002, ch. 1.
    """
    t, e = read_times(time, event)
    counts = at_risk(t, e)
    n, d = counts.n_risk, counts.n_event
    survival: Floats = np.cumprod(1 - d / n, dtype=np.float64)
    step = np.divide(d, n * (n - d), out=np.zeros_like(d), where=n > d)
    # On the scale of log S; S = 0 has no such scale, and no spread of its own.
    spread: Floats = np.sqrt(np.cumsum(step, dtype=np.float64))
    lower, upper = _limits(survival, spread, scale, normal_quantile(level))
    error = survival * spread
    return Curve(counts.time, n, d, survival, error, lower, upper, scale, level)


def _limits(s: Floats, spread: Floats, scale: Scale, z: float) -> tuple[Floats, Floats]:
    if scale == "plain":
        half = z * s * spread
        return np.maximum(s - half, 0), np.minimum(s + half, 1)
    if scale == "log":
        inside = s > 0
        factor = np.exp(z * spread)
        return (
            np.where(inside, s / factor, np.nan),
            np.where(inside, np.minimum(s * factor, 1), np.nan),
        )
    if scale != "log-log":
        raise StatisticsError(f"scale={scale!r} is not one of plain, log, log-log")
    inside = (s > 0) & (s < 1)
    log = np.log(np.where(inside, s, 0.5))
    half = np.exp(np.minimum(-z * spread / log, 700.0))
    return np.where(inside, np.exp(log * half), np.nan), np.where(
        inside, np.exp(log / half), np.nan
    )
