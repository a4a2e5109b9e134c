"""Intervals of a common risk difference after imputation."""

import numpy as np
import pytest
from counts import tables
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import CountsError, ImputationError
from openlupus.statistics.imputation.pool_rates import pooled_miettinen_nurminen, pooled_newcombe
from openlupus.statistics.newcombe import stratified_newcombe
from openlupus.statistics.score import miettinen_nurminen

PAIRS = [
    (pooled_newcombe, stratified_newcombe),
    (pooled_miettinen_nurminen, miettinen_nurminen),
]


@pytest.mark.parametrize(("pooled", "single"), PAIRS)
@given(table=tables(smallest=2, inner=True), m=st.integers(2, 5))
def test_imputations_that_agree_give_the_interval_of_one_table(pooled, single, table, m) -> None:
    x, n = table
    got, want = pooled(np.stack([x] * m), n), single(x, n)
    assert (got.value, got.lower, got.upper) == pytest.approx(
        (want.value, want.lower, want.upper), abs=1e-9
    )


@pytest.mark.parametrize(("pooled", "single"), PAIRS)
def test_imputations_that_differ_widen_the_interval(pooled, single) -> None:
    n = np.array([[40, 30], [42, 28]])
    x = np.array([[[20, 15], [12, 9]], [[24, 13], [14, 8]], [[22, 17], [10, 10]]])
    got, mean = pooled(x, n), single(np.round(x.mean(axis=0)), n)
    assert got.upper - got.lower > mean.upper - mean.lower
    assert got.lower < got.value < got.upper


@pytest.mark.parametrize(("pooled", "single"), PAIRS)
def test_swapping_the_groups_mirrors_the_interval(pooled, single) -> None:
    n = np.array([[40, 30], [42, 28]])
    x = np.array([[[20, 15], [12, 9]], [[24, 13], [14, 8]], [[22, 17], [10, 10]]])
    one, other = pooled(x, n), pooled(x[:, ::-1], n[::-1])
    assert (other.value, other.lower, other.upper) == pytest.approx(
        (-one.value, -one.upper, -one.lower), abs=1e-12
    )


@pytest.mark.parametrize(("pooled", "single"), PAIRS)
def test_refusals(pooled, single) -> None:
    n = np.array([[10], [10]])
    with pytest.raises(ImputationError, match="at least 2"):
        pooled(np.array([[[3], [4]]]), n)
    with pytest.raises(CountsError, match="exceed"):
        pooled(np.array([[[3], [4]], [[11], [4]]]), n)
    with pytest.raises(ImputationError, match="both groups"):
        pooled(np.array([[[0], [4]], [[0], [4]]]), np.array([[0], [10]]))
