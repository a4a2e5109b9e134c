"""Times with their event flags, read once and refused where they cannot be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class AtRisk:
    """Counts at the distinct times of one sample, shapes (times,).

    Attributes:
        time: Distinct times, rising; times of censoring too.
        n_risk: Subjects whose time is this or later.
        n_event: Events at this time.
    """

    time: Floats
    n_risk: Floats
    n_event: Floats


def read_times(time: ArrayLike, event: ArrayLike) -> tuple[Floats, Codes]:
    """Times >= 0, and events as whole numbers >= 0 (0 is censored); vectors of one length."""
    t = np.asarray(time, dtype=np.float64)
    e = np.asarray(event, dtype=np.float64)
    if t.ndim != 1 or t.shape != e.shape:
        raise StatisticsError(
            f"times have shape {t.shape}, events {e.shape}; both are vectors of one length"
        )
    if t.size == 0:
        raise StatisticsError("there are no subjects")
    if np.any(bad := ~(np.isfinite(t) & (t >= 0))):
        row = int(np.argmax(bad))
        raise StatisticsError(f"time of subject {row + 1} is {t[row]:g}; it is finite, 0 or more")
    if np.any(bad := ~np.isfinite(e) | (e < 0) | (e != np.floor(e))):
        row = int(np.argmax(bad))
        raise StatisticsError(
            f"event of subject {row + 1} is {e[row]:g}; it is 0 when censored, else a whole number"
        )
    return t, e.astype(np.int64)


def read_codes(values: ArrayLike | None, size: int, name: str) -> Codes:
    """Groups or strata as 0, 1, ... in sorted order of their values; all 0 for None."""
    if values is None:
        return np.zeros(size, dtype=np.int64)
    given = np.asarray(values)
    if given.shape != (size,):
        raise StatisticsError(f"{name} has shape {given.shape}; there must be one a subject")
    if given.dtype.kind == "f" and np.isnan(given).any():
        raise StatisticsError(f"{name} holds missing values; leave those subjects out first")
    return np.unique(given, return_inverse=True)[1].astype(np.int64)


def at_risk(time: Floats, event: Codes) -> AtRisk:
    """Counts at each distinct time; any event code above 0 is an event."""
    distinct, place = np.unique(time, return_inverse=True)
    left = np.bincount(place, minlength=distinct.size)
    events = np.bincount(place, weights=event > 0, minlength=distinct.size)
    n_risk = left[::-1].cumsum()[::-1]
    return AtRisk(distinct, n_risk.astype(np.float64), events.astype(np.float64))
