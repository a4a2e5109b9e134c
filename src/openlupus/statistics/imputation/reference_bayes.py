"""Bayesian draws of the model beneath reference-based imputation, by Gibbs sampling.

Mathematics, with the named equations: docs/methods/reference-imputation.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.augmentation import Chains
from openlupus.statistics.imputation.imputations import Imputations, check_number
from openlupus.statistics.imputation.incomplete import Indices, Pattern, patterns_of
from openlupus.statistics.imputation.reference import Parameters
from openlupus.statistics.imputation.reference_inference import imputations
from openlupus.statistics.imputation.reference_model import Base
from openlupus.statistics.imputation.stacks import wishart_factor
from openlupus.statistics.interval import Floats


def bayes(
    base: Base,
    *,
    m: int,
    generator: np.random.Generator,
    chains: Chains | None = None,
    delta: ArrayLike | None = None,
) -> Imputations:
    """Impute given draws from the posterior of an unstructured model (eq. ref-bayes).

    The prior is flat for the coefficients and that of Jeffreys for each covariance. The chains
    start from the restricted maximum likelihood estimate.

    Args:
        base: The fitted imputation model, with covariance `us`.
        m: Number of imputations, at least 2.
        generator: Source of the random numbers.
        chains: Number, burn-in and thinning; a chain of 200 steps an imputation unless given.
        delta: Added to imputed values, shape (subjects, visits).

    Raises:
        ImputationError: another covariance structure, or fewer subjects of a covariance group
            than visits.

    Source:
        Carpenter, Roger & Kenward, J Biopharm Stat 2013;23:1352.
    """
    check_number(m)
    if base.fit.structure != "us":
        raise ImputationError(
            f"Bayesian draws need the unstructured covariance, and the fit has "
            f"{base.fit.structure!r}; use approximate_bayes"
        )
    plan = chains or Chains()
    model, number = _model(base), min(plan.chains or m, m)
    start = base.parameters
    beta = np.repeat(start.beta, number, axis=0)
    covariance = np.repeat(start.covariance, number, axis=0)
    betas: list[Floats] = []
    covariances: list[Floats] = []
    for round_ in range(-(-m // number)):
        for _ in range(plan.burn_in if round_ == 0 else plan.thin):
            beta, covariance = _step(model, beta, covariance, generator)
        betas.append(beta)
        covariances.append(covariance)
    drawn = Parameters(np.concatenate(betas)[:m], np.concatenate(covariances)[:m])
    text = f"Bayesian, {number} chains, burn-in {plan.burn_in}, thinning {plan.thin}"
    return imputations(base, drawn, generator, text, delta)


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Subjects of one covariance group with a modelled outcome."""

    y: Floats
    design: Floats
    patterns: tuple[Pattern, ...]
    products: Floats


def _model(base: Base) -> tuple[_Group, ...]:
    y, trial = base.trial.modelled, base.trial
    found: list[_Group] = []
    for number in range(int(trial.group.max()) + 1):
        who: Indices = np.flatnonzero((trial.group == number) & ~np.isnan(y).all(axis=1))
        if who.size < y.shape[1]:
            raise ImputationError(
                f"covariance group {number + 1} has {who.size} subjects with outcomes, fewer than "
                f"the {y.shape[1]} visits: its covariance cannot be drawn"
            )
        design = trial.design[who]
        products = np.einsum("ntp,nuq->tupq", design, design, optimize=True)
        found.append(_Group(y[who], design, patterns_of(np.isnan(y[who])), products))
    return tuple(found)


def _step(
    model: tuple[_Group, ...], beta: Floats, covariance: Floats, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Missing outcomes, then covariances, then coefficients; each given the others."""
    chains, p = beta.shape
    information, score = np.zeros((chains, p, p)), np.zeros((chains, p))
    drawn = np.empty_like(covariance)
    for number, group in enumerate(model):
        mean = np.einsum("ntp,cp->cnt", group.design, beta)
        y = _completed(group, mean, covariance[:, number], generator)
        residual = y - mean
        scatter = residual.swapaxes(1, 2) @ residual
        drawn[:, number] = _inverse_wishart(scatter, len(group.y), generator)
        precision = np.linalg.inv(drawn[:, number])
        information += np.einsum("ctu,tupq->cpq", precision, group.products, optimize=True)
        score += np.einsum("ntp,cnt->cp", group.design, y @ precision, optimize=True)
    factor = np.linalg.cholesky(information)
    centre = np.linalg.solve(information, score[:, :, None])
    noise = generator.standard_normal((chains, p, 1))
    beta = (centre + np.linalg.solve(factor.swapaxes(1, 2), noise))[:, :, 0]
    return beta, drawn


def _completed(
    group: _Group, mean: Floats, covariance: Floats, generator: np.random.Generator
) -> Floats:
    y = np.repeat(group.y[None], len(mean), axis=0)
    for pattern in group.patterns:
        gone, seen, rows = pattern.missing, pattern.observed, pattern.rows[:, None]
        if not gone.size:
            continue
        across = covariance[:, gone[:, None], seen]
        block = covariance[:, seen[:, None], seen]
        slope = np.linalg.solve(block, across.swapaxes(1, 2)).swapaxes(1, 2)
        rest = covariance[:, gone[:, None], gone] - slope @ across.swapaxes(1, 2)
        root = np.linalg.cholesky((rest + rest.swapaxes(1, 2)) / 2)
        away = group.y[rows, seen] - mean[:, rows, seen]
        noise = generator.standard_normal((len(mean), pattern.rows.size, gone.size))
        drawn = mean[:, rows, gone] + away @ slope.swapaxes(1, 2) + noise @ root.swapaxes(1, 2)
        y[:, rows, gone] = drawn
    return y


def _inverse_wishart(scatter: Floats, df: int, generator: np.random.Generator) -> Floats:
    chains, visits, _ = scatter.shape
    bartlett = np.moveaxis(wishart_factor(generator, df, visits, chains), 2, 0)
    half = np.linalg.cholesky(scatter) @ np.linalg.inv(bartlett).swapaxes(1, 2)
    return half @ half.swapaxes(1, 2)
