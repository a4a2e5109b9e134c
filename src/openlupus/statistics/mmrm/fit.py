"""Fit a mixed model for repeated measures, and prove that the fit has converged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ConvergenceError, StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.covariance import (
    SPATIAL,
    STRUCTURES,
    Structure,
    spatial_structure,
    structure,
)
from openlupus.statistics.mmrm.likelihood import Evaluation, evaluate, inverse
from openlupus.statistics.mmrm.observations import Labels, observations
from openlupus.statistics.mmrm.optimise import Convergence, maximise
from openlupus.statistics.mmrm.sufficient import Observations, Panel, moments, panels, products


@dataclass(frozen=True, slots=True)
class Attempt:
    """A covariance structure that was tried and given up, and why."""

    structure: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted mixed model for repeated measures.

    Attributes:
        labels: Names of columns, visits and covariance groups.
        beta: Coefficients, shape (columns,).
        covariance: Of the coefficients, the covariance parameters taken as known (asymptotic);
            shape (columns, columns).
        structure: Name of the covariance structure.
        structures: One a covariance group.
        theta: Covariance parameters on their unbounded scale, groups after each other.
        theta_covariance: Inverse of the observed information of `theta`.
        slopes: d inverse(covariance) / d theta, shape (parameters, columns, columns).
        reml: Restricted maximum likelihood, else maximum likelihood.
        log_likelihood: At the maximum.
        n_observations: Rows used.
        n_subjects: Subjects with at least one observation.
        convergence: The proof.
        attempts: Structures of the fallback chain that failed before.
        notes: What the reader must know: rows left out, structures given up.
        data: The observations used.
        evaluation: The likelihood at the maximum.
    """

    labels: Labels
    beta: Floats
    covariance: Floats
    structure: str
    structures: tuple[Structure, ...]
    theta: Floats
    theta_covariance: Floats
    slopes: Floats
    reml: bool
    log_likelihood: float
    n_observations: int
    n_subjects: int
    convergence: Convergence
    attempts: tuple[Attempt, ...]
    notes: tuple[str, ...]
    data: Observations
    evaluation: Evaluation

    @property
    def visit_covariance(self) -> tuple[Floats, ...]:
        """Covariance of the visits, one matrix a covariance group.

        For a spatial structure it is the covariance of two observations at distance 1.
        """
        each = np.split(self.theta, len(self.structures))
        pairs = zip(self.structures, each, strict=True)
        return tuple(
            (spatial_structure(s.name, 1.0 - np.eye(2)[None]) if s.spatial else s)
            .evaluate(own)
            .value[0]
            for s, own in pairs
        )


@dataclass(frozen=True, slots=True)
class Information:
    """Information criteria, smaller is better: -2 log L plus the penalty."""

    aic: float
    aicc: float
    bic: float


def fit(
    y: ArrayLike,
    x: ArrayLike,
    visit: ArrayLike,
    subject: ArrayLike,
    *,
    covariance: str | Sequence[str] = "us",
    reml: bool = True,
    group: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    coordinates: ArrayLike | None = None,
    names: Sequence[str] = (),
    visit_names: Sequence[str] = (),
    group_names: Sequence[str] = (),
) -> Fit:
    """Fit y = x beta + error, with correlated errors within subjects (eq. mmrm-model).

    Args:
        y: Responses, shape (rows,); NaN is missing.
        x: Design, shape (rows, columns), with the intercept among its columns.
        visit: Whole number of each row's visit, from 0.
        subject: Whole number of each row's subject.
        covariance: A structure of `STRUCTURES`, or several: the next is tried when one fails.
        reml: Restricted maximum likelihood, else maximum likelihood.
        group: Whole number of each row's covariance group: each has parameters of its own.
        weights: Positive; the variance of a row is divided by it.
        coordinates: Where a spatial structure measures distance, shape (rows, dimensions).
        names: One a column of `x`, for messages and results.
        visit_names: One a visit.
        group_names: One a covariance group.

    Returns:
        The fit, with its proof of convergence.

    Raises:
        RankDeficiencyError: columns of `x` that depend on each other, by name.
        ConvergenceError: no structure could be fitted; the message gives the reason of each.
        StatisticsError: numbers that cannot be, duplicate subject-visits, visits never observed.
    """
    chain = (covariance,) if isinstance(covariance, str) else tuple(covariance)
    _refuse_chain(chain, coordinates is not None)
    data, labels, notes = observations(
        y, x, visit, subject, group=group, weights=weights,
        coordinates=coordinates if chain[0] in SPATIAL else None,
        names=names, visit_names=visit_names, group_names=group_names,
    )  # fmt: skip
    ready = _prepare(data)
    attempts: tuple[Attempt, ...] = ()
    for name in chain:
        try:
            return _fit_one(name, data, labels, ready, reml, attempts, notes)
        except ConvergenceError as error:
            attempts += (Attempt(name, str(error)),)
    reasons = "; ".join(f"{each.structure}: {each.reason}" for each in attempts)
    raise ConvergenceError(f"no covariance structure could be fitted: {reasons}")


def information_criteria(
    fit: Fit, *, convention: str = "parameters", subjects: int | None = None
) -> Information:
    """Akaike and Bayesian information criteria (eq. mmrm-information).

    Args:
        fit: The fit.
        convention: `parameters` counts the covariance parameters alone, as R's mmrm; `sas` counts
            the coefficients too under maximum likelihood, as PROC MIXED.
        subjects: What the Bayesian criterion takes as sample size; subjects with an observation,
            unless given (SAS counts those without, too).
    """
    if convention not in ("parameters", "sas"):
        raise StatisticsError(f"convention {convention!r} is not 'parameters' or 'sas'")
    columns = fit.beta.size
    number = fit.theta.size + (columns if convention == "sas" and not fit.reml else 0)
    size = max(fit.n_observations - (columns if fit.reml else 0), number + 2)
    deviance = -2 * fit.log_likelihood
    return Information(
        deviance + 2 * number,
        deviance + 2 * number * size / (size - number - 1),
        deviance + number * float(np.log(fit.n_subjects if subjects is None else subjects)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """Observations in units of their own spread, so that no unit of measurement matters."""

    panels: tuple[Panel, ...]
    scale: Floats
    offset: Floats
    log_weights: float


def _prepare(data: Observations) -> _Ready:
    weights = data.weights
    scale: Floats = np.sqrt(np.einsum("ij,ij,i->j", data.x, data.x, weights) / len(data.x))
    x = data.x / scale
    heavy = x if (weights == 1).all() else x * weights[:, None]
    offset = inverse(products(x, heavy)) @ (heavy.T @ data.y)
    residual = data.y - x @ offset
    spread = float(np.sqrt(weights @ residual**2 / len(x)))
    if spread <= 1e-12 * float(np.sqrt(weights @ data.y**2 / len(x))):
        raise StatisticsError("the coefficients fit the responses exactly: there is no variance")
    plain = replace(data, x=x, y=residual / spread)
    return _Ready(
        panels(plain), np.append(scale, spread), offset / scale, float(np.log(weights).sum())
    )


def _fit_one(
    name: str,
    data: Observations,
    labels: Labels,
    ready: _Ready,
    reml: bool,
    attempts: tuple[Attempt, ...],
    notes: tuple[str, ...],
) -> Fit:
    structures = tuple(_structure(name, data, panel) for panel in ready.panels)
    starts = [_start(s, panel) for s, panel in zip(structures, ready.panels, strict=True)]
    _refuse_unobserved_pairs(name, ready.panels, labels)
    theta = maximise(
        lambda theta: evaluate(ready.panels, structures, theta, reml=reml),
        np.concatenate(starts),
        lambda theta: _names(structures, theta, labels),
    )
    # Back to the units of the data: only the scale parameters move.
    shift = np.log(ready.scale[-1]) * (2 if structures[0].spatial else 1)
    for number, each in enumerate(structures):
        first = number * each.n_parameters
        theta[first : first + each.n_scale] += shift
    whole = tuple(replace(p, rows=p.rows * ready.scale) for p in ready.panels)
    found = evaluate(whole, structures, theta, reml=reml, log_weights=ready.log_weights)
    notes += tuple(f"covariance {each.structure!r} given up: {each.reason}" for each in attempts)
    return Fit(
        labels=labels,
        beta=found.beta + ready.offset,
        covariance=found.covariance,
        structure=name,
        structures=structures,
        theta=theta,
        theta_covariance=inverse(found.hessian),
        slopes=found.slopes,
        reml=reml,
        log_likelihood=-found.value,
        n_observations=data.y.size,
        n_subjects=data.subjects,
        convergence=Convergence.of(found),
        attempts=attempts,
        notes=notes,
        data=data,
        evaluation=found,
    )


def _refuse_chain(chain: tuple[str, ...], placed: bool) -> None:
    if not chain or any(name not in STRUCTURES for name in chain):
        raise StatisticsError(
            f"covariance {chain!r} is not known; the structures are {list(STRUCTURES)}"
        )
    spatial = [name for name in chain if name in SPATIAL]
    if spatial and len(spatial) < len(chain):
        raise StatisticsError(
            "spatial structures need coordinates and the others visits: they cannot share a chain"
        )
    if spatial and not placed:
        raise StatisticsError(f"the structure {spatial[0]!r} needs the coordinates of each row")


def _structure(name: str, data: Observations, panel: Panel) -> Structure:
    if panel.distances is None:
        return structure(name, data.visits)
    both = panel.present[:, :, None] & panel.present[:, None]
    if (both & (panel.distances == 0) & ~np.eye(both.shape[1], dtype=np.bool_)).any():
        raise StatisticsError(
            "two observations of a subject have the same coordinates: their correlation would be 1"
        )
    return spatial_structure(name, np.where(both, panel.distances, 0.0))


def _start(structure: Structure, panel: Panel) -> Floats:
    """Parameters from the residuals' products, with too little correlation rather than too much."""
    products, counts = moments(panel)
    covariance = products / np.maximum(counts, 1.0)
    variance = np.diag(covariance)
    variance = np.maximum(variance, 1e-3 * float(variance.max()))
    deviation = np.sqrt(variance)
    correlation = np.clip(covariance / np.outer(deviation, deviation), -0.95, 0.95)
    np.fill_diagonal(correlation, 1.0)
    while np.linalg.eigvalsh(correlation)[0] < 0.02:
        correlation = 0.8 * correlation + 0.2 * np.eye(len(correlation))
    return structure.start(correlation * np.outer(deviation, deviation))


def _refuse_unobserved_pairs(name: str, panels: tuple[Panel, ...], labels: Labels) -> None:
    if name != "us":
        return
    for number, panel in enumerate(panels):
        if (never := np.argwhere(np.tril(moments(panel)[1] == 0))).size:
            pairs = ", ".join(f"{labels.visits[j]} with {labels.visits[i]}" for i, j in never)
            where = f" in group {labels.groups[number]}" if len(panels) > 1 else ""
            raise ConvergenceError(f"no subject has both visits of the pair {pairs}{where}")


def _names(structures: tuple[Structure, ...], theta: Floats, labels: Labels) -> tuple[str, ...]:
    each = np.split(theta, len(structures))
    several = len(structures) > 1
    return tuple(
        f"{name} {group}" if several else name
        for s, own, group in zip(structures, each, labels.groups, strict=True)
        for name in s.natural(own).names
    )
