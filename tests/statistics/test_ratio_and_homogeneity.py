"""Ratios over strata and tests of their homogeneity: second opinions and symmetry."""

import numpy as np
import pytest
from counts import close, tables
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable

from openlupus.statistics import ratio
from openlupus.statistics.homogeneity import breslow_day, woolf

RATIOS = [ratio.mantel_haenszel_ratio, ratio.logit_ratio, ratio.logit_odds_ratio]


@pytest.mark.independent
@pytest.mark.parametrize("tarone", [False, True])
@settings(deadline=None, max_examples=50)
@given(table=tables(smallest=4, strata=st.integers(2, 5), inner=True))
def test_breslow_day_agrees_with_statsmodels(tarone, table):
    x, n = table
    theirs = StratifiedTable(np.stack([x, n - x], axis=1).astype(float))
    # Theirs divides by 1 - odds ratio.
    assume(abs(theirs.oddsratio_pooled - 1) > 1e-3)
    theirs = theirs.test_equal_odds(adjust=tarone)
    got = breslow_day(x, n, tarone=tarone)
    assert got.df == x.shape[1] - 1
    assert close([got.statistic, got.p], [theirs.statistic, theirs.pvalue], relative=1e-6)


@pytest.mark.parametrize("function", RATIOS)
@settings(deadline=None)
@given(table=tables())
def test_swapping_the_groups_inverts_the_ratio(function, table):
    x, n = table
    one, other = function(x, n), function(x[::-1], n[::-1])
    with np.errstate(divide="ignore"):
        inverse = 1 / np.array([other.value, other.upper, other.lower])
    assert close([one.value, one.lower, one.upper], inverse)


@pytest.mark.parametrize("function", RATIOS)
@given(table=tables(strata=st.just(1), smallest=2))
def test_one_stratum_gives_the_ordinary_ratio_and_its_delta_limits(function, table):
    (x1, x0), (n1, n0) = (counts[:, 0] for counts in table)
    assume(0 < x1 < n1)
    assume(0 < x0 < n0)
    got = function(*table)
    if function is ratio.logit_odds_ratio:
        value, variance = x1 * (n0 - x0) / (x0 * (n1 - x1)), sum(
            1 / c for c in (x1, x0, n1 - x1, n0 - x0)
        )  # fmt: skip
    else:
        value, variance = x1 / n1 / (x0 / n0), 1 / x1 - 1 / n1 + 1 / x0 - 1 / n0
    assert close([got.value, got.standard_error], [value, np.sqrt(variance)])


@pytest.mark.parametrize("function", [breslow_day, woolf])
@settings(deadline=None)
@given(table=tables(strata=st.just(1), smallest=2))
def test_the_same_stratum_twice_is_homogeneous(function, table):
    x, n = table
    assume(np.all((x > 0) & (x < n)))
    got = function(np.hstack([x, x]), np.hstack([n, n]))
    assert got.df == 1
    assert got.statistic == pytest.approx(0, abs=1e-9)


def test_what_is_not_defined_says_why():
    assert "100 % responders in both groups" in ratio.logit_ratio([9, 9], [9, 9]).warnings[-1]
    assert "no stratum has a responder" in ratio.mantel_haenszel_ratio([0, 0], [9, 9]).warnings[-1]
    assert "no limits" in ratio.mantel_haenszel_ratio([3, 0], [9, 9]).warnings[-1]
    assert "fewer than two strata" in woolf([3, 2], [9, 9]).warnings[-1]
    assert "nothing to test" in breslow_day([[9, 9], [3, 2]], [[9, 9], [9, 9]]).warnings[-1]
