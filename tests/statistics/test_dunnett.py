"""Dunnett's law: published critical values, limits, and scipy's P values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from openlupus.errors import StatisticsError
from openlupus.statistics.dunnett import (
    dunnett_critical_value,
    dunnett_intervals,
    dunnett_loadings,
    dunnett_p,
)

HALF = np.sqrt(0.5)


@pytest.mark.independent
@pytest.mark.parametrize(
    ("k", "df", "tails", "expected"),
    [  # Dunnett 1955 (one-sided) and 1964 (two-sided), 5 %, equal groups
        (2, 10, "one-sided", 2.15),
        (3, 20, "one-sided", 2.19),
        (2, 10, "two-sided", 2.57),
        (3, 20, "two-sided", 2.54),
        (4, np.inf, "two-sided", 2.44),
    ],
)
def test_printed_tables(k, df, tails, expected):
    got = dunnett_critical_value(loadings=[HALF] * k, alpha=0.05, df=df, tails=tails)
    assert got == pytest.approx(expected, abs=0.0051)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.001, 0.3), st.floats(2, 300))
def test_one_comparison_is_the_t_test(alpha, df):
    one = dunnett_critical_value(loadings=[HALF], alpha=alpha, df=df, tails="one-sided")
    two = dunnett_critical_value(loadings=[HALF], alpha=alpha, df=df)
    assert one == pytest.approx(stats.t.isf(alpha, df), rel=1e-6, abs=1e-8)
    assert two == pytest.approx(stats.t.isf(alpha / 2, df), rel=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 6), st.floats(0.01, 0.2))
def test_uncorrelated_comparisons_are_sidak(k, alpha):
    got = dunnett_critical_value(loadings=[0.0] * k, alpha=alpha, tails="one-sided")
    assert got == pytest.approx(stats.norm.isf(1 - (1 - alpha) ** (1 / k)), rel=1e-9)


def test_p_values_agree_with_scipy():
    rng = np.random.default_rng(3)
    groups = [rng.normal(mean, 1, size) for mean, size in ((0.4, 18), (0.9, 25), (0.1, 9))]
    control = rng.normal(0, 1, 22)
    other = stats.dunnett(*groups, control=control, rng=np.random.default_rng(1))
    df = sum(len(each) for each in (*groups, control)) - 4
    loadings = dunnett_loadings([len(each) for each in groups], len(control))
    assert dunnett_p(other.statistic, loadings=loadings, df=df) == pytest.approx(
        other.pvalue, abs=2e-3
    )


def test_an_interval_excludes_0_where_p_is_below_its_level():
    loadings, estimates = dunnett_loadings([20, 30], 25), np.array([1.1, 2.4])
    got = dunnett_intervals(estimates, [1.0, 1.0], loadings=loadings, df=40)
    p = dunnett_p(estimates, loadings=loadings, df=40)
    assert [each.lower > 0 for each in got] == [each < 0.05 for each in p]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dunnett_loadings([10, 0], 10), "above 0"),
        (lambda: dunnett_critical_value(loadings=[1.0], alpha=0.05), "below 1"),
        (lambda: dunnett_critical_value(loadings=[HALF], alpha=0), "between 0 and 1"),
        (lambda: dunnett_critical_value(loadings=[HALF], alpha=0.05, df=0), "df=0"),
        (lambda: dunnett_p([1.0], loadings=[HALF, HALF]), "statistics for"),
        (lambda: dunnett_p([1.0], loadings=[HALF], tails="up"), "tails='up'"),
        (lambda: dunnett_intervals([1.0], [1.0], loadings=[HALF, HALF]), "equally many"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(StatisticsError, match=words):
        call()
