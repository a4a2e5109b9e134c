"""Shifts of imputed values, and the shift at which a conclusion changes."""

import numpy as np
import pytest

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.conditional import impute_chained
from openlupus.statistics.imputation.pool import rubin
from openlupus.statistics.imputation.tipping import shift, tipping_grid, tipping_point

RNG = np.random.default_rng(4)
ARM = np.repeat([True, False], 60)
X = RNG.standard_normal(120)
Y = np.where(ARM, 1.0, 0.0) + X + RNG.standard_normal(120)
Y[::4] = np.nan
DRAWN = impute_chained(
    np.column_stack([X, ARM, Y]), ("x", "arm", "y"), m=8, generator=np.random.default_rng(1)
)


def analysis(drawn):
    y = drawn.column(2)
    test, control = y[:, ARM], y[:, ~ARM]
    variance = test.var(axis=1, ddof=1) / 60 + control.var(axis=1, ddof=1) / 60
    return rubin(test.mean(axis=1) - control.mean(axis=1), variance, df_complete=118)


def test_observed_values_are_never_shifted() -> None:
    moved = shift(DRAWN, 5.0, rows=ARM)
    seen = ~np.isnan(Y)
    assert np.array_equal(moved.column(2)[:, seen], DRAWN.column(2)[:, seen])
    gone = np.isnan(Y) & ARM
    assert moved.column(2)[:, gone] == pytest.approx(DRAWN.column(2)[:, gone] + 5)
    other = np.isnan(Y) & ~ARM
    assert np.array_equal(moved.column(2)[:, other], DRAWN.column(2)[:, other])


def test_factors_multiply_the_draws_of_the_named_variables() -> None:
    assert shift(DRAWN, 2.0, mode="multiply").values == pytest.approx(2 * DRAWN.values)
    assert np.array_equal(shift(DRAWN, 2.0, variables=[0, 1]).values, DRAWN.values)


def test_a_shift_of_one_arm_moves_the_difference_by_its_share_of_missing_values() -> None:
    got = tipping_grid(DRAWN, analysis, arm=ARM, test=[0.0, -1.0], control=[0.0, 2.0])
    share = np.isnan(Y)[ARM].mean()
    assert got.estimate[1, 0] - got.estimate[0, 0] == pytest.approx(-share)
    assert got.estimate[0, 1] - got.estimate[0, 0] == pytest.approx(-2 * share)
    assert got.tipped(0.05).shape == (2, 2)
    assert not got.tipped(0.05)[0, 0]


def test_at_the_tipping_point_the_p_value_is_alpha() -> None:
    at = tipping_point(DRAWN, analysis, rows=ARM, bounds=(-4.0, 0.0))
    assert float(analysis(shift(DRAWN, at, rows=ARM)).p) == pytest.approx(0.05, abs=1e-9)
    assert at < 0


def test_no_tipping_point_between_the_bounds_is_nan() -> None:
    # Far beyond the tipping point the difference is significant again, the other way round.
    assert np.isnan(tipping_point(DRAWN, analysis, rows=ARM, bounds=(-40.0, 0.0)))
    assert np.isnan(tipping_point(DRAWN, analysis, rows=ARM, bounds=(0.0, 0.1)))


def test_refusals() -> None:
    with pytest.raises(ImputationError, match="mode"):
        shift(DRAWN, 1.0, mode="power")
    with pytest.raises(ImputationError, match="120 booleans"):
        shift(DRAWN, 1.0, rows=[True])
