"""Bootstrap, then impute. Its coverage beside Rubin's is a calibration (docs/methods)."""

import numpy as np
import pytest

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.bootstrap import bootstrap_imputed, pool_bootstrap


@pytest.mark.independent
def test_two_variances_by_hand():
    # Within resamples (0.5 + 2 + 0) / 3; between them 2 (1 + 2.25 + 0.25) / 2 = 3.5.
    got = pool_bootstrap([[1, 2], [3, 5], [2, 2]])
    within, between = 2.5 / 3, (3.5 - 2.5 / 3) / 2
    assert got.estimate == pytest.approx(2.5)
    assert (got.within, got.between) == pytest.approx((within, between))
    assert got.standard_error**2 == pytest.approx(4 / 3 * between + within / 6)
    assert got.df == 3  # Satterthwaite gives 1.3


@pytest.mark.independent
def test_degrees_of_freedom_without_imputation_are_those_of_the_resamples():
    estimates = np.repeat(np.random.default_rng(1).normal(size=(40, 1)), 2, axis=1)
    got = pool_bootstrap(estimates)
    assert got.df == pytest.approx(39)
    assert got.standard_error == pytest.approx(estimates[:, 0].std(ddof=1) * (41 / 40) ** 0.5)


def test_several_estimates_are_pooled_each_by_itself():
    estimates = np.random.default_rng(2).normal([0, 5], size=(30, 3, 2))
    both = pool_bootstrap(estimates, null=1.0)
    for k in (0, 1):
        one = pool_bootstrap(estimates[..., k], null=1.0)
        assert (both.estimate[k], both.p[k], both.upper[k]) == pytest.approx(
            (one.estimate, one.p, one.upper)
        )


def test_resamples_that_differ_by_no_more_than_their_imputations_say_so():
    got = pool_bootstrap([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]])
    assert got.between == 0
    assert "take more" in got.warnings[0]


def test_resampling_stays_within_strata_and_repeats_with_its_seed():
    arm = np.repeat([0, 1], [12, 5])
    sizes = []

    def resample(rows, own):
        sizes.append((arm[rows] == 1).sum())
        return own.normal(size=2) + rows.mean()

    runs = [
        bootstrap_imputed(resample, strata=arm, generator=np.random.default_rng(3), samples=20)
        for _ in range(2)
    ]
    assert set(sizes) == {5}
    assert runs[0].estimate == runs[1].estimate
    assert (runs[0].samples, runs[0].imputations) == (20, 2)


def test_the_error_of_a_mean_is_that_of_the_mean():
    y = np.random.default_rng(4).normal(size=200)
    got = bootstrap_imputed(
        lambda rows, own: np.full(2, y[rows].mean()), strata=np.zeros(200),
        generator=np.random.default_rng(5), samples=400,
    )  # fmt: skip
    assert got.standard_error == pytest.approx(y.std() / 200**0.5, rel=0.1)


@pytest.mark.parametrize("estimates", [[[1.0], [2.0]], [[1.0, 2.0]], [[1.0, np.nan], [1.0, 2.0]]])
def test_too_few_or_not_finite(estimates):
    with pytest.raises(ImputationError, match="at least 2 of each"):
        pool_bootstrap(estimates)
