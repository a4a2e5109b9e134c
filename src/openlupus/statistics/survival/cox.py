"""Cox's proportional hazards regression, and Schoenfeld's check of proportionality.

Mathematics: docs/methods/cox.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr

from openlupus.errors import ConvergenceError, RankDeficiencyError, StatisticsError
from openlupus.statistics.interval import Floats, Interval, normal_quantile
from openlupus.statistics.survival.partial_likelihood import (
    Contributions,
    RiskSets,
    Ties,
    contributions,
    risk_sets,
)
from openlupus.statistics.survival.times import Codes, at_risk, read_codes, read_times

Transform = Literal["km", "identity", "rank", "log"]
_MOST_STEPS = 60
# Hazards that differ by this factor on the log scale mean that a coefficient runs to infinity.
_INFINITE = 25.0
_DEPENDENT = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """A fitted Cox model; coefficients are log hazard ratios for one unit more.

    Attributes:
        names: One a coefficient.
        coefficients: Shape (coefficients,).
        covariance: Inverse of the observed information.
        loglikelihood: Of no coefficient (0), and of the fit: (null, fitted).
        score: Score test of all coefficients, chi-square on their number.
        wald: Wald test of them.
        gradient: Largest absolute slope of the log-likelihood at the fit.
        n: Subjects.
        events: Events.
        level: Two-sided coverage of the hazard ratios' intervals.
        contributions: At each event: what `proportionality` needs.
        warnings: What the reader must know.
    """

    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    loglikelihood: tuple[float, float]
    score: float
    wald: float
    gradient: float
    n: int
    events: int
    level: float
    contributions: Contributions
    warnings: tuple[str, ...] = ()

    @property
    def standard_errors(self) -> Floats:
        return np.sqrt(np.diag(self.covariance))

    @property
    def z(self) -> Floats:
        return self.coefficients / self.standard_errors

    @property
    def p(self) -> Floats:
        return 2 * ndtr(-np.abs(self.z))

    @property
    def likelihood_ratio(self) -> float:
        return 2 * (self.loglikelihood[1] - self.loglikelihood[0])

    def hazard_ratio(self, number: int = 0) -> Interval:
        """Hazard ratio of one coefficient, by its number; limits on the log scale."""
        beta, error = float(self.coefficients[number]), float(self.standard_errors[number])
        half = normal_quantile(self.level) * error
        value, lower, upper = (float(np.exp(beta + h)) for h in (0.0, -half, half))
        return Interval(value, lower, upper, self.level, error)


@dataclass(frozen=True, slots=True, eq=False)
class Proportionality:
    """Score tests that a coefficient changes with time, eq. zph; and all of them together.

    Attributes:
        names: One a coefficient.
        statistic: Chi-square on 1 degree of freedom, shape (coefficients,).
        p: Two-sided, same shape.
        overall: Chi-square of all coefficients, and its P value.
        time: Time of each event, shape (events,).
        scaled: Scaled Schoenfeld residuals plus the coefficient, to be drawn against time; shape
            (events, coefficients).
    """

    names: tuple[str, ...]
    statistic: Floats
    p: Floats
    overall: tuple[float, float]
    time: Floats
    scaled: Floats


def cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ties: Ties = "efron",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> CoxFit:
    """Maximum partial likelihood, by Newton's method with step halving.

    Args:
        time: Time to event or censoring, shape (subjects,).
        event: 1 where the event was seen, else 0.
        covariates: Shape (subjects,) or (subjects, coefficients); groups come as indicators.
        strata: Stratum of each subject; each has a baseline hazard of its own.
        ties: `efron` (eq. cox-efron), `breslow`, or `exact` for times that are truly discrete.
        level: Two-sided coverage.
        names: One a coefficient.

    Raises:
        StatisticsError: no event, or missing covariates.
        RankDeficiencyError: covariates that depend on each other, or do not vary in any risk set.
        ConvergenceError: a coefficient that runs to infinity.

    Source:
        Cox, JRSS B 1972;34:187. Efron, JASA 1977;72:557. Breslow, Biometrics 1974;30:89.
    """
    t, e = read_times(time, event)
    x = _design(covariates, t.size)
    labels = tuple(names) if names else tuple(f"covariate {i + 1}" for i in range(x.shape[1]))
    if len(labels) != x.shape[1]:
        raise StatisticsError(f"{len(labels)} names for {x.shape[1]} covariates")
    if ties not in ("efron", "breslow", "exact"):
        raise StatisticsError(f"ties={ties!r} is not one of efron, breslow, exact")
    if not (e > 0).any():
        raise StatisticsError("no subject has the event; a Cox model needs at least one")
    normal_quantile(level)
    sets = risk_sets(t, e, x - x.mean(axis=0), read_codes(strata, t.size, "strata"))
    start = contributions(sets, np.zeros(len(labels)), ties)
    _refuse_flat(start.information, labels)
    beta, end = _newton(sets, start, ties, labels)
    slope = end.score
    first = start.score
    score = float(first @ np.linalg.solve(start.information, first))
    covariance: Floats = np.linalg.inv(end.information).astype(np.float64)
    return CoxFit(
        labels, beta, covariance, (start.loglikelihood, end.loglikelihood),
        score, float(beta @ end.information @ beta), float(np.abs(slope).max()),
        t.size, int((e > 0).sum()), level, end,
    )  # fmt: skip


def proportionality(
    fit: CoxFit, time: ArrayLike, event: ArrayLike, *, transform: Transform = "km"
) -> Proportionality:
    """Score test of an added term coefficient x g(time), and Schoenfeld residuals.

    Args:
        fit: The fit by `efron` or `breslow`; exact ties have no such residuals here.
        time: The times of the fit.
        event: The events of the fit.
        transform: g: `km` (1 minus the pooled Kaplan-Meier curve just before), `identity`,
            `rank` among all times, or `log`.

    Source:
        Grambsch & Therneau, Biometrika 1994;81:515 (residuals); the score test is exact, without
        their assumption that the variance is constant over time.
    """
    parts = fit.contributions
    if parts.variances.size == 0:
        raise StatisticsError("the fit has exact ties; fit by efron or breslow to check it")
    t, e = read_times(time, event)
    g = _transformed(parts.time, t, e, transform)
    g = g - g.mean()
    tested = g @ parts.residuals
    with_with = np.einsum("e,eij->ij", g**2, parts.variances)
    with_one = np.einsum("e,eij->ij", g, parts.variances)
    size = len(fit.names)
    information = np.block([[np.linalg.inv(fit.covariance), with_one], [with_one, with_with]])
    score = np.concatenate([np.zeros(size), tested])
    each = np.empty(size)
    for i in range(size):
        kept = np.append(np.arange(size), size + i)
        each[i] = score[kept] @ np.linalg.solve(information[np.ix_(kept, kept)], score[kept])
    overall = float(score @ np.linalg.solve(information, score))
    scaled = parts.time.size * parts.residuals @ fit.covariance + fit.coefficients
    return Proportionality(
        fit.names, each, chdtrc(1, each), (overall, float(chdtrc(size, overall))), parts.time,
        scaled,
    )  # fmt: skip


def _newton(
    sets: RiskSets, start: Contributions, ties: Ties, names: tuple[str, ...]
) -> tuple[Floats, Contributions]:
    beta: Floats = np.zeros(start.score.size)
    now = start
    for _ in range(_MOST_STEPS):
        try:
            step = np.linalg.solve(now.information, now.score).astype(np.float64)
        except np.linalg.LinAlgError:
            break
        following = contributions(sets, beta + step, ties)
        for _ in range(30):
            if following.loglikelihood >= now.loglikelihood - 1e-10 * abs(now.loglikelihood):
                break
            step = step / 2
            following = contributions(sets, beta + step, ties)
        done = float(np.abs(now.score @ step)) < 1e-22 * (1 + abs(now.loglikelihood))
        beta, now = beta + step, following
        if done:
            return beta, now
        spread = np.abs(beta) * sets.spread
        if (spread > _INFINITE).any():
            names_ = [n for n, s in zip(names, spread, strict=True) if s > _INFINITE]
            raise ConvergenceError(
                f"the hazard ratio of {', '.join(names_)} runs to 0 or infinity: some group has no"
                " events, or events in perfect order; leave the covariate out or join groups"
            )
    if float(np.abs(now.score @ np.linalg.solve(now.information, now.score))) < 1e-12:
        return beta, now
    raise ConvergenceError(
        f"the partial likelihood has no maximum within {_MOST_STEPS} steps; largest slope"
        f" {np.abs(now.score).max():.3g}"
    )


def _transformed(at: Floats, t: Floats, e: Codes, transform: Transform) -> Floats:
    match transform:
        case "identity":
            return at
        case "log":
            if (at <= 0).any():
                raise StatisticsError("an event at time 0 has no logarithm; use km or rank")
            return np.log(at)
        case "rank":
            # Among all times of follow-up, ties at their mean rank, as R's cox.zph has it.
            ordered = np.sort(t)
            below, up_to = (np.searchsorted(ordered, at, side=side) for side in ("left", "right"))
            return (below + up_to + 1) / 2
        case "km":
            pooled = at_risk(t, e)
            before = np.append(1.0, np.cumprod(1 - pooled.n_event / pooled.n_risk)[:-1])
            return 1 - before[np.searchsorted(pooled.time, at)]
    raise StatisticsError(f"transform={transform!r} is not one of km, identity, rank, log")


def _design(covariates: ArrayLike, size: int) -> Floats:
    x = np.asarray(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != size or x.shape[1] < 1:
        raise StatisticsError(f"covariates have shape {x.shape}; there must be one row a subject")
    if not np.isfinite(x).all():
        row = int(np.argmax(~np.isfinite(x).all(axis=1))) + 1
        raise StatisticsError(
            f"a covariate of subject {row} is missing or infinite; leave it out or impute it first"
        )
    return x


def _refuse_flat(information: Floats, names: tuple[str, ...]) -> None:
    """Covariates that do not vary among those at risk, or depend on each other there."""
    size = np.sqrt(np.diag(information))
    flat = [n for n, s in zip(names, size, strict=True) if not s > 0]
    if not flat:
        r = np.abs(np.diag(np.linalg.qr(information / np.outer(size, size))[1]))
        flat = [n for n, s in zip(names, r, strict=True) if s < _DEPENDENT]
    if flat:
        raise RankDeficiencyError(
            f"{', '.join(flat)} does not vary among those at risk, or follows from the other"
            " covariates; leave it out"
        )
