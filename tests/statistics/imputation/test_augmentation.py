"""Data augmentation. Its law against R's norm2 is a golden record."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.augmentation import (
    Chains,
    augment,
    augment_each,
    augment_stream,
    trace,
)
from openlupus.statistics.imputation.incomplete import is_monotone
from openlupus.statistics.imputation.normal import Prior, em

SHORT = Chains(burn_in=20)


def incomplete(n: int = 80, k: int = 4, share: float = 0.2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = rng.multivariate_normal(np.arange(k), 0.5 + 0.5 * np.eye(k), n)
    y[rng.random(y.shape) < share] = np.nan
    return y


def draw(data, seed=7, **options):
    options = {"m": 12, "chains": SHORT} | options
    return augment(data, generator=np.random.default_rng(seed), **options)


def test_the_draws_do_not_depend_on_who_runs_the_blocks() -> None:
    y = incomplete()
    many = {"m": 600, "chains": Chains(burn_in=3)}
    alone = draw(y, **many)
    with ThreadPoolExecutor(2) as executor:
        shared = draw(y, executor=executor, **many)
    assert np.array_equal(alone.values, shared.values)
    generator = np.random.default_rng(7)
    streamed = list(augment_stream(y, generator=generator, **many))
    assert len(streamed) > 1
    assert np.array_equal(np.concatenate([b.values for b in streamed]), alone.values)


@pytest.mark.parametrize("prior", [Prior(), Prior("uniform"), Prior("ridge", 3.0)])
@pytest.mark.parametrize("chains", [SHORT, Chains(chains=5, burn_in=10, thin=4)])
def test_data_sets_side_by_side_are_each_imputed_as_alone(prior, chains) -> None:
    # Few rows; rows without observations; many rows, compressed; so many that they stand alone.
    silent = np.vstack([incomplete(40, 3, 0.1, 2), np.full((3, 3), np.nan)])
    many = incomplete(500, 3, 0.0, 3)
    many[:150, 1:] = np.nan
    parts = [incomplete(30, 3, 0.2, 1), silent, many, incomplete(900, 3, 0.3, 4)]
    sources = [np.random.default_rng(9).spawn(len(parts)) for _ in range(2)]
    options = {"m": 12, "prior": prior, "chains": chains, "names": ["a", "b", "c"]}
    found = augment_each(parts, generators=sources[0], **options)
    for part, got, source in zip(parts, found, sources[1], strict=True):
        alone = augment(part, generator=source, **options)
        assert got.values == pytest.approx(alone.values, rel=1e-9, abs=1e-9)
        assert np.array_equal(got.imputed, alone.imputed)
        assert (got.names, got.method, got.warnings) == (alone.names, alone.method, alone.warnings)
    assert augment_each([], m=2, generators=[]) == []


def test_observed_values_stay_and_missing_ones_are_filled() -> None:
    y = incomplete()
    got = draw(y)
    for completed in got:
        assert np.array_equal(completed[~np.isnan(y)], y[~np.isnan(y)])
        assert not np.isnan(completed).any()
    assert got.stacked() == pytest.approx(np.stack(list(got)))
    assert np.array_equal(got.column(2), got.stacked()[:, :, 2])
    assert "jeffreys" in got.method


def test_a_single_chain_gives_as_many_imputations() -> None:
    got = draw(incomplete(), m=7, chains=Chains(chains=1, burn_in=10, thin=5))
    assert len(got) == 7
    assert len(np.unique(got.values[:, 0])) == 7
    assert len(draw(incomplete(), m=7, chains=Chains(chains=3, burn_in=5, thin=2))) == 7


def test_monotone_completion_leaves_a_monotone_pattern() -> None:
    y = incomplete()
    got = draw(y, only_monotone=True)
    completed = got.completed(0)
    assert np.isnan(completed).any()
    assert is_monotone(np.isnan(completed))
    assert not is_monotone(np.isnan(y))


@pytest.mark.independent
def test_posterior_of_a_complete_variable_is_known() -> None:
    # The inverse Wishart of order 2 with n - 1 degrees of freedom leaves n - 2 to one variable: the
    # posterior of its mean is t about the sample mean, variance s^2 / n x (n - 1) / (n - 4).
    rng = np.random.default_rng(2)
    y = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 30)
    y[20:, 1] = np.nan
    means = trace(y, steps=40, chains=400, generator=rng).mean[:, 10:, 0].ravel()
    variance = y[:, 0].var(ddof=1) / 30 * 29 / 26
    assert means.mean() == pytest.approx(y[:, 0].mean(), abs=5 * np.sqrt(variance / means.size))
    assert means.var() == pytest.approx(variance, rel=0.04)


def test_many_rows_of_a_pattern_are_compressed_without_changing_the_law() -> None:
    # 3,000 rows in few patterns: the chain works on a handful, and centres on the EM estimate.
    y = incomplete(3000, 3, 0.0)
    y[1000:, 2] = np.nan
    y[:500, 1] = np.nan
    fit = em(y)
    kept = trace(y, steps=60, chains=50, generator=np.random.default_rng(3), start=fit)
    mean = kept.mean[:, 20:].mean(axis=(0, 1))
    error = kept.mean[:, 20:].std(axis=(0, 1))
    assert np.all(np.abs(mean - fit.mean) < 0.5 * error)
    assert error[0] == pytest.approx(np.sqrt(fit.covariance[0, 0] / 3000), rel=0.1)
    assert error[2] > np.sqrt(fit.covariance[2, 2] / 3000) * 1.2


def test_rows_without_observations_are_drawn_from_the_whole_distribution() -> None:
    y = np.vstack([incomplete(200, 3, 0.1), np.full((50, 3), np.nan)])
    got = draw(y, m=40)
    drawn = got.stacked()[:, 200:]
    assert drawn.mean(axis=(0, 1)) == pytest.approx(em(y).mean, abs=0.15)
    silent = int(np.isnan(y).all(axis=1).sum())
    assert f"{silent} of 250 rows" in got.warnings[0]


def test_a_ridge_prior_carries_dependent_variables() -> None:
    y = incomplete(40, 2, 0.1)
    twin = np.column_stack([y, y[:, 0] * 2])
    with pytest.raises(ImputationError, match="singular"):
        draw(twin)
    assert np.isfinite(draw(twin, prior=Prior("ridge", 5.0)).values).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"m": 1}, "m is 1"),
        ({"m": 0}, "m is 0"),
        ({"start": em(incomplete(seed=9))}, "other data"),
    ],
)
def test_refusals(options, words) -> None:
    with pytest.raises(ImputationError, match=words):
        draw(incomplete(), **options)


@pytest.mark.parametrize(("variables", "sources"), [((3, 4), 2), ((3, 3), 1)])
def test_data_sets_that_do_not_go_together_are_refused(variables, sources) -> None:
    parts = [incomplete(30, k) for k in variables]
    with pytest.raises(ImputationError, match="each a generator"):
        augment_each(parts, m=2, generators=np.random.default_rng(1).spawn(sources))


def test_too_few_rows_are_refused_and_a_ridge_is_named() -> None:
    y = np.random.default_rng(0).standard_normal((5, 3))
    y[0, 0] = np.nan
    with pytest.raises(ImputationError, match="ridge prior"):
        draw(y, prior=Prior("uniform"))


def test_chains_without_steps_are_refused() -> None:
    with pytest.raises(ImputationError, match="at least 1"):
        Chains(burn_in=0)
