"""Diagnostics of chains and of imputed values."""

import numpy as np
import pytest

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.augmentation import Chains, augment, trace
from openlupus.statistics.imputation.diagnostics import (
    autocorrelation,
    compare,
    scale_reduction,
    worst_linear_function,
)
from openlupus.statistics.imputation.normal import em

RNG = np.random.default_rng(6)
Y = RNG.multivariate_normal([0, 0, 0], 0.5 + 0.5 * np.eye(3), 100)
Y[RNG.random(Y.shape) < [0.0, 0.1, 0.6]] = np.nan
FIT = em(Y)


def test_autocorrelation_of_a_known_process() -> None:
    noise = np.random.default_rng(0).standard_normal((4, 20_000))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0]
    for t in range(1, noise.shape[1]):
        series[:, t] = 0.7 * series[:, t - 1] + noise[:, t]
    got = autocorrelation(series, lags=3)
    assert got.shape == (4, 4)
    assert got.mean(axis=0) == pytest.approx([1, 0.7, 0.49, 0.343], abs=0.03)
    assert np.isnan(autocorrelation([1.0] * 10, lags=2)).all()


def test_chains_that_disagree_are_seen() -> None:
    noise = np.random.default_rng(0).standard_normal((3, 500))
    assert scale_reduction(noise) == pytest.approx(1, abs=0.02)
    assert scale_reduction(noise + np.array([[0], [0], [5]])) > 2


def test_the_worst_linear_function_is_the_slowest() -> None:
    kept = trace(Y, steps=400, chains=6, generator=np.random.default_rng(1), start=FIT)
    worst = worst_linear_function(kept, FIT)
    assert worst.shape == (6, 400)
    slow = autocorrelation(worst[:, 100:], lags=1)[:, 1].mean()
    easy = autocorrelation(kept.mean[:, 100:, 0], lags=1)[:, 1].mean()
    assert slow > easy + 0.2
    assert scale_reduction(worst[:, 100:]) < 1.1


def test_imputed_values_are_compared_with_observed_ones() -> None:
    drawn = augment(Y, m=20, generator=np.random.default_rng(2), chains=Chains(burn_in=20))
    second, third = compare(drawn)
    assert (second.name, third.name) == ("variable 2", "variable 3")
    assert second.observed + second.imputed == 100
    assert third.mean == pytest.approx([np.nanmean(Y[:, 2]), drawn.drawn(2).mean()])
    assert np.all(np.diff(third.quantiles, axis=1) >= 0)
    assert third.between > 0


def test_refusals() -> None:
    with pytest.raises(ImputationError, match="5 steps"):
        autocorrelation(np.arange(5.0), lags=5)
    with pytest.raises(ImputationError, match="2 chains"):
        scale_reduction(np.arange(5.0))
    kept = trace(Y[:, :2], steps=2, chains=2, generator=np.random.default_rng(1))
    with pytest.raises(ImputationError, match="different numbers"):
        worst_linear_function(kept, FIT)
