"""Cox's partial likelihood with its first two derivatives. Mathematics: docs/methods/cox.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.survival.times import Codes

Ties = Literal["efron", "breslow", "exact"]


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """Subjects of one stratum in falling order of time, and its events.

    Attributes:
        x: Covariates, shape (subjects, coefficients).
        last: For each event, how many subjects are at risk, shape (events,).
        died: Number of each event's subject in this order, shape (events,).
        tie: For each event, the number of its time among the times of events, from 0.
        share: Efron's share: 0, 1/d, ..., (d - 1)/d among d events at one time.
        time: Time of each event.
    """

    x: Floats
    last: NDArray[np.intp]
    died: NDArray[np.intp]
    tie: NDArray[np.intp]
    share: Floats
    time: Floats


@dataclass(frozen=True, slots=True, eq=False)
class RiskSets:
    """All strata that have events, and the range of each covariate, shape (coefficients,)."""

    strata: tuple[Stratum, ...]
    spread: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """The partial log-likelihood and what each event adds to its derivatives.

    Attributes:
        loglikelihood: The sum.
        score: First derivative, shape (coefficients,).
        information: Minus the second, shape (coefficients, coefficients).
        time: Time of each event, shape (events,).
        residuals: Schoenfeld residuals, shape (events, coefficients); empty for exact ties.
        variances: Of the covariates over each risk set, shape (events, coefficients,
            coefficients); empty for exact ties.
    """

    loglikelihood: float
    score: Floats
    information: Floats
    time: Floats
    residuals: Floats
    variances: Floats


def risk_sets(time: Floats, event: Codes, x: Floats, strata: Codes) -> RiskSets:
    """Who is at risk at each event; computed once for all steps of a fit."""
    found: list[Stratum] = []
    for each in range(int(strata.max()) + 1):
        inside = np.flatnonzero(strata == each)
        order = inside[np.argsort(-time[inside], kind="stable")]
        t, died = time[order], np.flatnonzero(event[order] > 0)
        if died.size == 0:
            continue
        # Falling times: all subjects up to the last one with the same time are at risk.
        last = np.searchsorted(-t, -t[died], side="right")
        _, tie, count = np.unique(-t[died], return_inverse=True, return_counts=True)
        within = np.arange(died.size) - np.searchsorted(tie, np.arange(count.size))[tie]
        found.append(Stratum(x[order], last, died, tie, within / count[tie], t[died]))
    return RiskSets(tuple(found), x.max(axis=0) - x.min(axis=0))


def contributions(sets: RiskSets, beta: Floats, ties: Ties) -> Contributions:
    """The partial likelihood at `beta`, shape (coefficients,)."""
    size = beta.size
    if ties == "exact":
        parts = [_exact(stratum, beta) for stratum in sets.strata]
        total = sum(part[0] for part in parts)
        score = np.sum([part[1] for part in parts], axis=0)
        information = np.sum([part[2] for part in parts], axis=0)
        none = np.empty((0, size))
        time = np.concatenate([stratum.time for stratum in sets.strata])
        return Contributions(total, score, information, time, none, np.empty((0, size, size)))
    pieces = [_each_event(stratum, beta, ties) for stratum in sets.strata]
    logs, residuals, variances = (np.concatenate([piece[i] for piece in pieces]) for i in range(3))
    return Contributions(
        float(logs.sum()),
        residuals.sum(axis=0),
        variances.sum(axis=0),
        np.concatenate([stratum.time for stratum in sets.strata]),
        residuals,
        variances,
    )


def _each_event(s: Stratum, beta: Floats, ties: Ties) -> tuple[Floats, Floats, Floats]:
    """Log-likelihood, Schoenfeld residual and variance of each event, eq. cox-efron."""
    eta = s.x @ beta
    # A factor that cancels keeps the sums from overflowing.
    top = eta.max()
    risk = np.exp(eta - top)
    first = risk[:, None] * s.x
    second = first[:, :, None] * s.x[:, None, :]
    sums = [np.cumsum(each, axis=0)[s.last - 1] for each in (risk, first, second)]
    if ties == "efron":
        for i, each in enumerate((risk, first, second)):
            tied = np.zeros((int(s.tie.max()) + 1, *each.shape[1:]))
            np.add.at(tied, s.tie, each[s.died])
            share = s.share.reshape(-1, *(1,) * (each.ndim - 1))
            sums[i] = sums[i] - share * tied[s.tie]
    mean = sums[1] / sums[0][:, None]
    variance = sums[2] / sums[0][:, None, None] - mean[:, :, None] * mean[:, None, :]
    return eta[s.died] - top - np.log(sums[0]), _tied_mean(s, mean), variance


def _tied_mean(s: Stratum, mean: Floats) -> Floats:
    """Residuals from the mean over Efron's steps, so that tied events are treated alike."""
    count = np.bincount(s.tie)
    total = np.zeros((count.size, mean.shape[1]))
    np.add.at(total, s.tie, mean)
    return s.x[s.died] - (total / count[:, None])[s.tie]


def _exact(s: Stratum, beta: Floats) -> tuple[float, Floats, Floats]:
    """Sums over all subsets of the risk set of the size of the tie, eq. cox-exact.

    The elementary symmetric functions of the risks, with two derivatives, grow by one subject at a
    time: e_k becomes e_k + r e_(k-1).
    """
    eta = s.x @ beta
    top = eta.max()
    risk = np.exp(eta - top)
    most = int(np.bincount(s.tie).max())
    size = beta.size
    e, e1, e2 = np.zeros(most + 1), np.zeros((most + 1, size)), np.zeros((most + 1, size, size))
    e[0] = 1.0
    total, score, information = 0.0, np.zeros(size), np.zeros((size, size))
    done = 0
    for last, deaths in _by_time(s):
        for i in range(done, last):
            x, r = s.x[i], risk[i]
            cross = x[:, None] * e1[:-1, None, :]
            e2[1:] += r * (
                e2[:-1] + cross + cross.transpose(0, 2, 1) + e[:-1, None, None] * np.outer(x, x)
            )
            e1[1:] += r * (e1[:-1] + e[:-1, None] * x)
            e[1:] += r * e[:-1]
        done, d = last, deaths.size
        if not (np.isfinite(e[d]) and e[d] > 0):
            raise StatisticsError(
                f"{d} events at one time among {last} at risk are too many to sum exactly; use"
                " efron"
            )
        mean = e1[d] / e[d]
        total += float(eta[deaths].sum() - d * top - np.log(e[d]))
        score += s.x[deaths].sum(axis=0) - mean
        information += e2[d] / e[d] - np.outer(mean, mean)
    return total, score, information


def _by_time(s: Stratum) -> Iterator[tuple[int, NDArray[np.intp]]]:
    for tie in range(int(s.tie.max()) + 1):
        inside = s.tie == tie
        yield int(s.last[inside][0]), s.died[inside]
