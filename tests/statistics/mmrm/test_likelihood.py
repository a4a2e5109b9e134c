"""The likelihood against the multivariate normal density, its derivatives against differences."""

import numpy as np
import pytest
from mmrm_trials import Trial, trial
from scipy.stats import multivariate_normal

from openlupus.statistics.mmrm.covariance import STRUCTURES, spatial_structure, structure
from openlupus.statistics.mmrm.likelihood import Evaluation, evaluate
from openlupus.statistics.mmrm.sufficient import Observations, panels


def data(of: Trial, *, groups: bool = False, spatial: bool = False, seed: int = 0) -> Observations:
    rng = np.random.default_rng(seed)
    subjects = np.unique(of.subject, return_inverse=True)[1]
    group = np.zeros(subjects.max() + 1, np.int64)
    if groups:
        group[subjects] = of.arm
    places = np.column_stack([of.visit, rng.normal(size=of.visit.size)]) if spatial else None
    weights = rng.uniform(0.5, 2, of.y.size)
    return Observations(
        of.y, of.x, of.visit, subjects, group, weights, places,
        int(of.visit.max()) + 1, subjects.max() + 1, 2 if groups else 1,
    )  # fmt: skip


def at(
    of: Observations, name: str, theta: np.ndarray, *, reml: bool, compress: bool = True
) -> Evaluation:
    own = panels(of, compress=compress)
    structures = [
        structure(name, of.visits) if p.distances is None else spatial_structure(name, p.distances)
        for p in own
    ]
    logs = float(np.log(of.weights).sum())
    return evaluate(own, structures, theta, reml=reml, log_weights=logs)


def density(
    of: Observations, covariances: list[np.ndarray], beta: np.ndarray, *, reml: bool
) -> float:
    """Minus the log-likelihood, subject by subject, from the definition."""
    total, information = 0.0, np.zeros((of.x.shape[1], of.x.shape[1]))
    for subject in range(of.subjects):
        own = of.subject == subject
        visits, heavy = of.visit[own], np.sqrt(of.weights[own])
        whole = covariances[of.group[subject]]
        covariance = whole[np.ix_(visits, visits)] / np.outer(heavy, heavy)
        total -= multivariate_normal(of.x[own] @ beta, covariance).logpdf(of.y[own])
        information += of.x[own].T @ np.linalg.solve(covariance, of.x[own])
    if reml:
        total += np.linalg.slogdet(information)[1] / 2 - len(beta) * np.log(2 * np.pi) / 2
    return total


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("groups", [True, False])
def test_is_the_multivariate_normal_density(groups: bool, reml: bool) -> None:
    of = data(trial(), groups=groups)
    own = structure("us", of.visits)
    theta = np.random.default_rng(2).normal(0, 0.3, own.n_parameters * of.groups)
    found = at(of, "us", theta, reml=reml)
    covariances = [own.evaluate(part).value[0] for part in np.split(theta, of.groups)]
    assert found.value == pytest.approx(density(of, covariances, found.beta, reml=reml), rel=1e-12)
    assert found.value <= density(of, covariances, found.beta + 0.01, reml=reml)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", STRUCTURES)
def test_gradient_and_hessian_are_its_derivatives(name: str, reml: bool) -> None:
    of = data(trial(), groups=name in ("us", "ar1h"), spatial=name.startswith("sp_"))
    number = at_size(of, name)
    theta = np.random.default_rng(3).normal(0.2, 0.2, number)
    found = at(of, name, theta, reml=reml)
    steps = 1e-5 * np.eye(number)
    above = [at(of, name, theta + s, reml=reml) for s in steps]
    below = [at(of, name, theta - s, reml=reml) for s in steps]
    values = [(a.value - b.value) / 2e-5 for a, b in zip(above, below, strict=True)]
    slopes = [(a.gradient - b.gradient) / 2e-5 for a, b in zip(above, below, strict=True)]
    np.testing.assert_allclose(found.gradient, values, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.hessian, slopes, rtol=1e-6, atol=1e-6)
    inverse = [
        (np.linalg.inv(a.covariance) - np.linalg.inv(b.covariance)) / 2e-5
        for a, b in zip(above, below, strict=True)
    ]
    np.testing.assert_allclose(found.slopes, inverse, rtol=1e-6, atol=1e-6)


def at_size(of: Observations, name: str) -> int:
    return 2 if name.startswith("sp_") else structure(name, of.visits).n_parameters * of.groups


def test_compressed_rows_say_the_same() -> None:
    """More subjects a pattern than cross-products: rows are no longer subjects."""
    of = data(trial(subjects=400, missing=0.05))
    theta = np.random.default_rng(4).normal(0, 0.2, 6)
    short, long = (at(of, "us", theta, reml=True, compress=c) for c in (True, False))
    assert len(short.parts[0].panel.rows) < len(long.parts[0].panel.rows) == of.subjects
    assert short.value == pytest.approx(long.value, rel=1e-12)
    np.testing.assert_allclose(short.gradient, long.gradient, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(short.hessian, long.hessian, rtol=1e-10, atol=1e-9)
