"""Exact inference: second opinions, and proof that limits and estimate solve their equations."""

import numpy as np
import pytest
from counts import close, tables
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.contingency import fisher_exact
from openlupus.statistics.exact_odds_ratio import exact_odds_ratio

ONE = st.just(1)


def two_by_two(table):
    x, n = table
    return np.column_stack([x, n - x])


@pytest.mark.independent
@settings(deadline=None)
@given(table=tables(strata=ONE, smallest=1))
def test_fisher_agrees_with_scipy(table):
    cells = two_by_two(table)
    assert close(fisher_exact(cells).p, stats.fisher_exact(cells).pvalue)


@pytest.mark.independent
@settings(deadline=None, max_examples=40)
@given(table=tables(strata=ONE, smallest=1, largest=15))
def test_conditional_estimate_and_limits_agree_with_scipy(table):
    got = fisher_exact(two_by_two(table))
    assume(0 < got.value < np.inf)
    theirs = stats.contingency.odds_ratio(two_by_two(table), kind="conditional")
    limits = theirs.confidence_interval(0.95)
    assert close([got.value, got.lower, got.upper], [theirs.statistic, *limits], relative=1e-6)


@settings(deadline=None, max_examples=50)
@given(table=tables(smallest=1, strata=st.integers(1, 3), largest=12))
def test_limits_leave_half_of_the_error_in_each_tail(table):
    """By brute force over all tables with the margins observed."""
    x, n = table
    got = exact_odds_ratio(x, n)
    assume(0 < got.value < np.inf)
    events = x.sum(axis=0)
    support = [
        np.arange(max(0, e - n0), min(n1, e) + 1) for e, n1, n0 in zip(events, *n, strict=True)
    ]
    grid = np.stack(np.meshgrid(*support, indexing="ij"), axis=-1).reshape(-1, len(events))
    total = grid.sum(axis=1)

    def probability(ratio):
        chance = stats.hypergeom.pmf(grid, n.sum(axis=0), events, n[0]).prod(axis=1)
        weight = chance * float(ratio) ** (total - total.min())
        return weight / weight.sum()

    observed = x[0].sum()
    assert probability(got.lower)[total >= observed].sum() == pytest.approx(0.025, rel=1e-8)
    assert probability(got.upper)[total <= observed].sum() == pytest.approx(0.025, rel=1e-8)
    assert probability(got.value) @ total == pytest.approx(observed, rel=1e-8)


@settings(deadline=None, max_examples=50)
@given(table=tables(smallest=1, strata=st.integers(1, 3), largest=12))
def test_swapping_the_groups_inverts_everything(table):
    x, n = table
    one, other = exact_odds_ratio(x, n), exact_odds_ratio(x[::-1], n[::-1])
    with np.errstate(divide="ignore"):
        inverse = 1 / np.array([other.value, other.upper, other.lower])
    assert close([one.value, one.lower, one.upper], inverse)
    assert close(one.p, other.p)


@settings(deadline=None, max_examples=50)
@given(table=tables(smallest=1, strata=ONE))
def test_mid_p_is_smaller_and_its_limits_narrower(table):
    exact = exact_odds_ratio(*table, tails="central")
    mid = exact_odds_ratio(*table, tails="central", mid_p=True)
    assume(not np.isnan(exact.value))
    assert mid.p <= exact.p + 1e-12
    assert mid.lower >= exact.lower
    assert mid.upper <= exact.upper


def test_large_counts_do_not_underflow():
    got = exact_odds_ratio([[557], [1198]], [[1835], [2691]])
    assert 0 < got.p < 1e-15
    assert got.lower < got.value < got.upper


def test_what_it_cannot_do_is_refused():
    with pytest.raises(CountsError, match=r"Fisher's test here is of 2 x 2"):
        fisher_exact(np.ones((2, 3)))
    with pytest.raises(StatisticsError, match="tails='both' is not"):
        exact_odds_ratio([3, 2], [9, 9], tails="both")
