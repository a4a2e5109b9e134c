"""Pooling: properties and refusals. Numbers of R's mice are golden records."""

import numpy as np
import pytest
from scipy.stats import chi2, norm

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.pool import chisquare_test, cmh_test, rubin, wald_test


def test_imputations_that_agree_leave_the_complete_data_result() -> None:
    got = rubin([2.0] * 4, [0.25] * 4)
    assert got.standard_error == 0.5
    assert np.isinf(got.df)
    assert (got.lower, got.upper) == pytest.approx(tuple(norm.interval(0.95, 2.0, 0.5)), rel=1e-12)


def test_several_estimates_are_pooled_each_by_itself() -> None:
    q = np.array([[1.0, 5.0], [2.0, 5.5], [1.5, 6.5]])
    u = np.array([[0.1, 0.3], [0.2, 0.2], [0.1, 0.4]])
    both, first = rubin(q, u, df_complete=30), rubin(q[:, 0], u[:, 0], df_complete=30)
    for name in ("estimate", "total", "df", "p", "lower", "missing_information"):
        assert np.asarray(getattr(both, name))[0] == pytest.approx(getattr(first, name), rel=1e-14)


def test_finite_complete_data_never_add_degrees_of_freedom() -> None:
    q, u = [1.0, 1.4, 0.9, 1.2], [0.2, 0.2, 0.3, 0.25]
    df = [float(rubin(q, u, df_complete=nu).df) for nu in (5, 50, 500, np.inf)]
    assert df == sorted(df)
    assert df[0] < 5


def test_d1_of_one_parameter_is_the_square_of_rubins_t() -> None:
    q, u = np.array([1.0, 1.6, 0.7, 1.1, 1.3]), np.array([0.2, 0.25, 0.3, 0.2, 0.2])
    one, many = rubin(q, u), wald_test(q[:, None], u[:, None, None])
    assert many.statistic == pytest.approx(float(one.statistic) ** 2, rel=1e-12)
    assert many.relative_increase == pytest.approx(float(one.relative_increase), rel=1e-12)


@pytest.mark.independent
def test_d1_does_not_depend_on_the_units_of_the_parameters() -> None:
    rng = np.random.default_rng(3)
    q = rng.standard_normal((8, 3))
    root = rng.standard_normal((8, 3, 3))
    u = root @ root.swapaxes(1, 2) + np.eye(3)
    turn = rng.standard_normal((3, 3))
    plain, turned = wald_test(q, u), wald_test(q @ turn.T, turn @ u @ turn.T)
    assert turned.statistic == pytest.approx(plain.statistic, rel=1e-9)
    assert turned.p == pytest.approx(plain.p, rel=1e-9)


def test_equal_chi_squares_keep_their_p_value() -> None:
    got = chisquare_test([7.5] * 5, 3)
    assert got.statistic == pytest.approx(2.5)
    assert np.isinf(got.df_denominator)
    assert got.p == pytest.approx(float(chi2.sf(7.5, 3)), rel=1e-6)


def test_chi_squares_that_differ_are_weaker_evidence() -> None:
    assert chisquare_test([4.0, 6.0, 8.0, 12.0], 2).p > chisquare_test([7.5] * 4, 2).p


def test_equal_cmh_statistics_are_nearly_their_chi_square() -> None:
    for statistic, df in ((1.0, 1), (6.0, 1), (9.0, 3)):
        got = cmh_test([statistic] * 6, df)
        # Wilson and Hilferty's cube root is good to about 0.01 for one degree of freedom.
        assert got.p == pytest.approx(float(chi2.sf(statistic, df)), abs=0.015)
        assert got.between == pytest.approx(0, abs=1e-25)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rubin([1.0], [0.1]), "at least 2"),
        (lambda: rubin([], []), "0 imputation"),
        (lambda: rubin([1.0, np.nan], [0.1, 0.1]), "estimates at"),
        (lambda: rubin([1.0, 2.0], [0.1, -0.1]), "negative"),
        (lambda: rubin([1.0, 2.0], [0.1, 0.1], df_complete=0), "df_complete"),
        (lambda: wald_test([[1.0], [2.0]], [[[0.0]], [[0.0]]]), "positive definite"),
        (lambda: wald_test([1.0, 2.0], [1.0, 2.0]), "must be"),
        (lambda: chisquare_test([1.0, -2.0], 1), "0 or more"),
        (lambda: cmh_test([3.0]), "at least 2"),
    ],
)
def test_refusals(call, words) -> None:
    with pytest.raises(ImputationError, match=words):
        call()
