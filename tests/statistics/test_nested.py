"""The F test of nested models: by statsmodels, and where columns depend on each other."""

import numpy as np
import pytest
import statsmodels.api as sm

from openlupus.errors import StatisticsError
from openlupus.statistics.nested import nested_f_test

RNG = np.random.default_rng(2)
X = np.column_stack([np.ones(30), RNG.normal(size=(30, 2))])
MORE = RNG.normal(size=(30, 2))
Y = X @ [1, 2, 3] + 0.3 * MORE[:, 0] + RNG.normal(size=30)


@pytest.mark.independent
def test_agrees_with_statsmodels():
    large = sm.OLS(Y, np.column_stack([X, MORE])).fit()
    statistic, p, df = large.compare_f_test(sm.OLS(Y, X).fit())
    found = nested_f_test(Y, X, MORE)
    assert (found.statistic, found.p, found.df) == pytest.approx((statistic, p, df), rel=1e-9)
    assert found.df_error == 25


def test_a_column_that_others_imply_counts_once():
    twice = np.column_stack([MORE, MORE[:, 0] + X[:, 1]])
    found, plain = nested_f_test(Y, X, twice), nested_f_test(Y, X, MORE)
    assert (found.df, found.p) == (2, pytest.approx(plain.p, rel=1e-9))


def test_nothing_to_test_is_said():
    found = nested_f_test(Y, X, X[:, 1:])
    assert (found.df, np.isnan(found.p)) == (0, True)
    assert "add nothing" in found.warnings[0]


def test_no_degrees_of_freedom_for_error():
    assert "no test" in nested_f_test(Y[:4], X[:4], MORE[:4]).warnings[0]


@pytest.mark.parametrize(("y", "x"), [(Y[:5], X), (np.append(Y[:-1], np.nan), X)])
def test_refuses_what_does_not_fit(y, x):
    with pytest.raises(StatisticsError):
        nested_f_test(y, x, MORE)
