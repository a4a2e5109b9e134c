"""MCP-Mod as a whole: many trials of one design at once, model averaging, bootstrap intervals.

Mathematics: docs/methods/dose-response.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import StatisticsError
from openlupus.statistics.dose_response.contrasts import (
    Candidate,
    contrast_correlation,
    optimal_contrasts,
)
from openlupus.statistics.dose_response.families import Family
from openlupus.statistics.dose_response.fit import DoseMeans, largest_effects, target_doses
from openlupus.statistics.dose_response.multivariate_t import largest_t
from openlupus.statistics.dose_response.profile import profile, whiten
from openlupus.statistics.interval import Floats, Interval

How = Literal["best", "average"]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What does not change from trial to trial of one design.

    Attributes:
        dose: Distinct doses, rising, shape (doses,).
        n: Subjects of each, same shape.
        candidates: The shapes.
        contrasts: Their optimal contrasts, shape (doses, candidates).
        critical: What the largest t must reach.
        df: Degrees of freedom of the residual variance.
        alpha: Level over all candidates, one-sided.
    """

    dose: Floats
    n: Floats
    candidates: tuple[Candidate, ...]
    contrasts: Floats
    critical: float
    df: float
    alpha: float


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """MCP-Mod of many trials.

    Attributes:
        t: Statistics of the candidates, shape (trials, candidates).
        significant: Whether any reaches the critical value, shape (trials,).
        family: Number of the family with the smallest AIC among those of significant candidates;
            -1 where none is significant.
        target_dose: Smallest dose with the difference asked for by that family; NaN where there is
            none up to the largest dose.
    """

    t: Floats
    significant: NDArray[np.bool_]
    family: NDArray[np.int64]
    target_dose: Floats


def plan(
    dose: ArrayLike, n: ArrayLike, candidates: Sequence[Candidate], *, alpha: float = 0.025
) -> Plan:
    """Contrasts and critical value of a design with equal variances, computed once.

    Args:
        dose: Distinct doses, rising, shape (doses,).
        n: Subjects of each dose, at least 1 and together more than the doses, same shape.
        candidates: The shapes.
        alpha: One-sided level over all of them.
    """
    d, size = np.asarray(dose, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if d.shape != size.shape or np.any(size < 1) or size.sum() <= d.size:
        raise StatisticsError(f"{size.tolist()} subjects at doses {d.tolist()}; see `plan`")
    covariance = np.diag(1 / size)
    contrasts = optimal_contrasts(candidates, d, covariance)
    df = float(size.sum() - d.size)
    law = largest_t(contrast_correlation(contrasts, covariance), df)
    return Plan(d, size, tuple(candidates), contrasts, law.critical(alpha), df, alpha)


def trial_means(dose: ArrayLike, responses: ArrayLike) -> tuple[Floats, Floats]:
    """Means by dose and the pooled variance of each trial.

    Args:
        dose: Dose of each subject, the same in all trials, shape (subjects,).
        responses: Shape (trials, subjects).

    Returns:
        Shapes (trials, doses) and (trials,).
    """
    distinct, place = np.unique(np.asarray(dose, dtype=np.float64), return_inverse=True)
    y = np.asarray(responses, dtype=np.float64)
    indicator = (place[:, None] == np.arange(distinct.size)).astype(np.float64)
    n = indicator.sum(axis=0)
    means = y @ (indicator / n)
    residual = y - means[:, place]
    return means, np.sum(residual**2, axis=1) / (y.shape[1] - distinct.size)


def analyse_trials(
    design: Plan, means: ArrayLike, variance: ArrayLike, *, difference: float
) -> Trials:
    """Test, choice of model by AIC, and target dose of many trials (eq. dose-mcpmod).

    Args:
        design: From `plan`.
        means: Shape (trials, doses), as from `trial_means`.
        variance: Pooled residual variance of each trial, shape (trials,).
        difference: Effect over dose 0 whose dose is sought; its sign is the direction.
    """
    mean, s2 = np.asarray(means, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    if mean.ndim != 2 or mean.shape[1] != design.dose.size or s2.shape != mean.shape[:1]:
        raise StatisticsError(
            f"means have shape {mean.shape}, variances {s2.shape}; the design has"
            f" {design.dose.size} doses"
        )
    spread = np.sqrt(np.sum(design.contrasts**2 / design.n[:, None], axis=0))
    t = mean @ design.contrasts / spread / np.sqrt(s2)[:, None]
    reached = t >= design.critical
    significant = reached.any(axis=1)
    families = _families(design.candidates)
    chosen = np.full(mean.shape[0], -1, dtype=np.int64)
    dose = np.full(mean.shape[0], np.nan)
    least = np.full(mean.shape[0], np.inf)
    problem = whiten(design.dose, np.diag(1 / design.n))
    total = float(design.n.sum())
    for number, family in enumerate(families):
        of_family = [c.family.name == family.name for c in design.candidates]
        rows = np.flatnonzero(reached[:, of_family].any(axis=1))
        if rows.size == 0:
            continue
        got = profile(problem, mean[rows], family, tolerance=1e-7)
        rss = design.df * s2[rows] + got.criterion
        aic = total * np.log(rss) + 2 * (len(family.linear) + len(family.nonlinear))
        better = aic < least[rows]
        best = rows[better]
        least[best], chosen[best] = aic[better], number
        dose[best] = target_doses(
            family, got.linear[better], got.nonlinear[better],
            np.full(best.size, difference), float(design.dose.max()),
        )  # fmt: skip
    return Trials(t, significant, chosen, dose)


def akaike_weights(aic: ArrayLike) -> Floats:
    """Weights proportional to exp(-AIC / 2) that sum to 1 along the last axis; NaN counts 0."""
    values = np.asarray(aic, dtype=np.float64)
    weight = np.exp(-(values - np.nanmin(values, axis=-1, keepdims=True)) / 2)
    weight = np.where(np.isnan(weight), 0.0, weight)
    return weight / weight.sum(axis=-1, keepdims=True)


def dose_interval(
    means: DoseMeans,
    families: Sequence[Family],
    *,
    rng: Generator,
    difference: float | None = None,
    share: float | None = None,
    how: How = "average",
    draws: int = 1_000,
    level: float = 0.95,
) -> Interval:
    """Target or effective dose with a parametric bootstrap interval (eq. dose-bootstrap).

    Estimates are drawn from the normal with their covariance, all families fitted to each draw,
    and the dose taken from the best by AIC or from their average. Draws in which no dose up to the
    largest has the effect count as beyond it, and a warning says how many they are.

    Args:
        means: From `dose_means` or `given_estimates`.
        families: What is fitted.
        rng: Draws the estimates.
        difference: Effect over dose 0 (target dose); or
        share: of the largest effect (effective dose). One of the two.
        how: `best` by AIC, or AIC-weighted `average` of the doses that the families give.
        draws: At least 100.
        level: Two-sided coverage.

    Source:
        Buckland, Burnham & Augustin, Biometrics 1997;53:603. Schorning et al., Stat Med
        2016;35:4021.
    """
    if (difference is None) == (share is None) or draws < 100 or not 0 < level < 1:
        raise StatisticsError(
            f"difference={difference}, share={share}, draws={draws}, level={level}: give one of"
            " the first two, at least 100 draws, and a level between 0 and 1"
        )
    if share is not None and not 0 < share < 1:
        raise StatisticsError(f"share={share!r} must lie strictly between 0 and 1")
    factor = np.linalg.cholesky(means.covariance)
    noise = rng.standard_normal((draws, means.dose.size)) @ factor.T
    estimates = np.vstack([means.estimate, means.estimate + noise])
    doses = _averaged(means, estimates, families, difference, share, how)
    absent = np.isnan(doses)
    tails = (1 - level) / 2
    ordered = np.sort(np.where(absent[1:], np.inf, doses[1:]))
    lower, upper = (_quantile(ordered, p) for p in (tails, 1 - tails))
    notes: tuple[str, ...] = ()
    if absent.any():
        notes = (
            f"no dose up to {means.dose.max():g} has the effect in {int(absent[1:].sum())} of"
            f" {draws} draws" + (", nor in the data" if absent[0] else ""),
        )
    return Interval(float(doses[0]), lower, upper, level, warnings=notes)


def _averaged(
    means: DoseMeans, estimates: Floats, families: Sequence[Family], difference: float | None,
    share: float | None, how: How,
) -> Floats:  # fmt: skip
    if how not in ("best", "average"):
        raise StatisticsError(f"how={how!r} is not best or average")
    problem, top = whiten(means.dose, means.covariance), float(means.dose.max())
    aic, doses = np.empty((2, estimates.shape[0], len(families)))
    for number, family in enumerate(families):
        got = profile(problem, estimates, family, starts=3, tolerance=1e-8)
        aic[:, number] = got.criterion + 2 * (len(family.linear) + len(family.nonlinear))
        if share is not None:
            effect = share * largest_effects(family, got.linear, got.nonlinear, top)
        else:
            effect = np.full(estimates.shape[0], float(difference or 0.0))
        doses[:, number] = target_doses(family, got.linear, got.nonlinear, effect, top)
    if how == "best":
        return np.take_along_axis(doses, aic.argmin(axis=1)[:, None], axis=1)[:, 0]
    # Families that reach the effect nowhere have no dose to average; with most weight, none has.
    weight = akaike_weights(aic)
    known = ~np.isnan(doses)
    held = np.sum(weight * known, axis=1)
    mean = np.sum(np.where(known, weight * doses, 0.0), axis=1) / np.where(held > 0, held, 1.0)
    return np.where(held >= 0.5, mean, np.nan)


def _quantile(ordered: Floats, p: float) -> float:
    """Order statistic without interpolation, which infinite doses would not allow."""
    place = min(max(int(np.ceil(p * ordered.size)) - 1, 0), ordered.size - 1)
    return float(ordered[place])


def _families(candidates: Sequence[Candidate]) -> list[Family]:
    """One of each name, in the order of the candidates."""
    found: dict[str, Family] = {}
    for candidate in candidates:
        found.setdefault(candidate.family.name, candidate.family)
    return list(found.values())
