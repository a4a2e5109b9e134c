"""Monotone imputation."""

import numpy as np
import pytest

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.augmentation import Chains
from openlupus.statistics.imputation.mixed import Column
from openlupus.statistics.imputation.monotone import impute_monotone
from openlupus.statistics.imputation.normal import em


def visits(n: int = 120) -> np.ndarray:
    rng = np.random.default_rng(8)
    y = rng.multivariate_normal([0, 1, 2], 0.6 + 0.4 * np.eye(3), n)
    y[80:, 1:] = np.nan
    y[60:80, 2] = np.nan
    return y


def draw(data, columns=("a", "b", "c"), m=40, **options):
    return impute_monotone(data, columns, m=m, generator=np.random.default_rng(2), **options)


def test_the_means_are_those_of_maximum_likelihood() -> None:
    y = visits()
    means = draw(y, m=200).stacked().mean(axis=(0, 1))
    assert means == pytest.approx(em(y).mean, abs=0.05)


def test_responders_are_drawn_by_logistic_regression() -> None:
    y = visits()
    y[:, 2] = np.where(np.isnan(y[:, 2]), np.nan, y[:, 2] > 2)
    got = draw(y, (Column("a"), Column("b"), Column("response", "binary")))
    assert set(np.unique(got.drawn(2))) == {0.0, 1.0}
    later, earlier = got.stacked()[:, 80:, 2], got.stacked()[:, 80:, 0]
    assert np.corrcoef(later.ravel(), earlier.ravel())[0, 1] > 0.1


def test_groups_are_imputed_apart() -> None:
    y = visits()
    arm = np.arange(len(y)) % 2
    y[arm == 1] += 100
    got = draw(y, by=arm).stacked()
    assert np.all(got[:, arm == 1] > 50)
    assert np.all(got[:, arm == 0] < 50)


def broken() -> np.ndarray:
    y = visits()
    y[3, 1] = y[9, 1] = y[10, 0] = np.nan
    return y


def test_a_pattern_that_is_not_monotone_is_refused() -> None:
    with pytest.raises(ImputationError, match=r"3 rows have a value after a missing one, .* row 4"):
        draw(broken())


@pytest.mark.parametrize("otherwise", ["augment", "chained"])
def test_or_made_monotone_first_and_the_result_says_so(otherwise) -> None:
    got = draw(broken(), m=5, otherwise=otherwise, completion=Chains(burn_in=10))
    assert "3 values were drawn first" in got.warnings[0]
    assert not np.isnan(got.stacked()).any()
    assert got.stacked()[:, ~np.isnan(broken())] == pytest.approx(
        np.repeat(broken()[~np.isnan(broken())][None], 5, 0)
    )


def test_augmentation_is_for_numbers_alone() -> None:
    columns = (Column("a"), Column("b", model="pmm"), Column("c", "binary"))
    y = broken()
    y[:, 2] = np.where(np.isnan(y[:, 2]), np.nan, y[:, 2] > 2)
    with pytest.raises(ImputationError, match="numeric columns"):
        draw(y, columns, otherwise="augment")


def test_fewer_than_two_imputations_are_refused() -> None:
    with pytest.raises(ImputationError, match="m is 1"):
        draw(visits(), m=1)
