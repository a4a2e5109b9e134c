"""Covariance structures: their form, and derivatives against differences of themselves."""

import numpy as np
import pytest

from openlupus.errors import StatisticsError
from openlupus.statistics.mmrm.covariance import (
    SPATIAL,
    STRUCTURES,
    Structure,
    spatial_structure,
    structure,
)

DISTANCES = np.abs(np.subtract.outer([0.0, 0.7, 2.0, 3.5], [0.0, 0.7, 2.0, 3.5]))[None]


def build(name: str, visits: int = 4) -> Structure:
    return spatial_structure(name, DISTANCES) if name in SPATIAL else structure(name, visits)


def parameters(of: Structure) -> np.ndarray:
    return np.random.default_rng(of.n_parameters).normal(0, 0.3, of.n_parameters)


def differences(function, at: np.ndarray, step: float = 1e-6) -> np.ndarray:
    shifts = step * np.eye(at.size)
    return np.array([(function(at + s) - function(at - s)) / (2 * step) for s in shifts])


@pytest.mark.parametrize("name", STRUCTURES)
def test_first_derivatives_are_those_of_the_value(name: str) -> None:
    own = build(name)
    theta = parameters(own)
    expected = differences(lambda at: own.evaluate(at).value, theta)
    np.testing.assert_allclose(own.evaluate(theta).first, expected, atol=1e-8)


@pytest.mark.parametrize("name", STRUCTURES)
def test_second_derivatives_are_those_of_the_first(name: str) -> None:
    own = build(name)
    theta = parameters(own)
    expected = differences(lambda at: own.evaluate(at).first, theta)
    np.testing.assert_allclose(own.evaluate(theta).second, expected, atol=1e-8)


@pytest.mark.parametrize("name", STRUCTURES)
def test_natural_parameters_and_their_derivatives(name: str) -> None:
    own = build(name)
    theta = parameters(own)
    natural = own.natural(theta)
    slopes = differences(lambda at: own.natural(at).values, theta).T
    np.testing.assert_allclose(natural.jacobian, slopes, atol=1e-8)
    assert len(natural.names) == len(set(natural.names)) == own.n_parameters
    if natural.curvature is not None:
        bends = differences(lambda at: np.diag(own.natural(at).jacobian), theta)
        np.testing.assert_allclose(np.diag(natural.curvature), bends, atol=1e-7)


@pytest.mark.parametrize("name", ["us", "toep", "cs"])
def test_covariance_is_linear_in_linear_natural_parameters(name: str) -> None:
    own = build(name)
    one, two = parameters(own), -0.5 * parameters(own)
    natural = [own.natural(at).values for at in (one, two)]
    values = [own.evaluate(at).value.ravel() for at in (one, two)]
    assert own.natural(one).curvature is None
    # The same linear map takes natural parameters to the covariance at both points.
    slope = np.linalg.solve(
        own.natural(one).jacobian.T, own.evaluate(one).first.reshape(len(one), -1)
    )
    np.testing.assert_allclose(values[1] - values[0], (natural[1] - natural[0]) @ slope, atol=1e-10)


@pytest.mark.parametrize("visits", [1, 2, 3, 6])
@pytest.mark.parametrize("name", [name for name in STRUCTURES if name not in SPATIAL])
def test_starts_near_a_covariance_of_its_own_form(name: str, visits: int) -> None:
    own = build(name, visits)
    spread = np.arange(1.0, visits + 1)
    lags = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
    start = own.start(0.5**lags * np.outer(spread, spread))
    assert start.shape == (own.n_parameters,)
    assert np.linalg.eigvalsh(own.evaluate(start).value[0]).min() > 0


def test_starts_possible_where_correlations_are_not() -> None:
    """Mean lag correlations of a valid matrix may not form a valid Toeplitz matrix."""
    own = build("toeph")
    covariance = np.eye(4)
    for i, j, rho in [
        (0, 1, 0.9),
        (2, 3, 0.9),
        (0, 2, -0.3),
        (0, 3, -0.3),
        (1, 2, -0.3),
        (1, 3, -0.3),
    ]:
        covariance[i, j] = covariance[j, i] = rho
    assert np.linalg.eigvalsh(own.evaluate(own.start(covariance)).value[0]).min() > 0


def test_forms() -> None:
    theta = np.array([0.1, 0.4])
    lags = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    rho = 0.4 / np.sqrt(1 + 0.4**2)
    np.testing.assert_allclose(
        structure("ar1", 4).evaluate(theta).value[0], np.exp(0.2) * rho**lags
    )
    chance = 1 / (1 + np.exp(-0.4))
    spatial = spatial_structure("sp_exp", DISTANCES).evaluate(theta).value
    np.testing.assert_allclose(spatial, np.exp(0.1) * chance**DISTANCES)
    common = structure("cs", 4).evaluate(np.array([0.0, -40.0])).value[0]
    np.testing.assert_allclose(common[0, 1], -1 / 3, atol=1e-12)


def test_refuses_an_unknown_name() -> None:
    with pytest.raises(StatisticsError, match=r"'compound'.*'csh'"):
        structure("compound", 3)
