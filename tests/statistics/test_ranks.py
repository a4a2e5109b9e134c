"""Rank tests: invariances, small cases by full enumeration, and what is refused."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from openlupus.errors import StatisticsError
from openlupus.statistics.ranks import (
    hodges_lehmann,
    kruskal_wallis,
    midranks,
    stratified_wilcoxon,
    van_elteren,
    wilcoxon,
)

values = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=9)
TRIALS = st.lists(
    st.tuples(st.integers(0, 4).map(float), st.integers(0, 1), st.integers(1, 3)),
    min_size=4, max_size=30,
)  # fmt: skip


@given(values, values)
def test_exact_p_is_the_share_of_all_allocations_as_far_from_the_middle(x, y):
    pooled, n1 = np.array(x + y), len(x)
    ranks = stats.rankdata(pooled)
    middle = n1 * (pooled.size + 1) / 2
    distance = abs(ranks[:n1].sum() - middle)
    sums = [ranks[list(chosen)].sum() for chosen in combinations(range(pooled.size), n1)]
    expected = np.mean([abs(each - middle) >= distance - 1e-9 for each in sums])
    assert wilcoxon(x, y, exact=True).p == pytest.approx(expected, rel=1e-9)


@given(values, values, st.booleans(), st.booleans())
def test_swapping_the_groups_mirrors_test_and_shift(x, y, exact, correct):
    one, other = (wilcoxon(*pair, exact=exact, correct=correct) for pair in ((x, y), (y, x)))
    assert one.probability == pytest.approx(1 - other.probability)
    assert one.p == pytest.approx(other.p, nan_ok=True)
    assert one.shift.value == pytest.approx(-other.shift.value)
    assert (one.shift.lower, one.shift.upper) == (-other.shift.upper, -other.shift.lower)


@given(values, values, st.integers(1, 9), st.integers(-9, 9))
def test_a_change_of_scale_changes_the_shift_alone(x, y, factor, add):
    one = wilcoxon(x, y)
    other = wilcoxon(factor * np.array(x) + add, factor * np.array(y) + add)
    assert other.p == pytest.approx(one.p, nan_ok=True)
    assert other.shift.value == pytest.approx(factor * one.shift.value)


@given(values, values)
def test_agrees_with_scipy(x, y):
    if len(set(x + y)) == 1:
        assert np.isnan(wilcoxon(x, y).p)
        return
    for correct in (True, False):
        got = wilcoxon(x, y, correct=correct)
        other = stats.mannwhitneyu(x, y, method="asymptotic", use_continuity=correct)
        assert got.statistic == other.statistic
        assert got.p == pytest.approx(other.pvalue, rel=1e-10)


@given(st.lists(values, min_size=2, max_size=4))
def test_kruskal_wallis_agrees_with_scipy(groups):
    got = kruskal_wallis(groups)
    if len({value for group in groups for value in group}) == 1:
        assert np.isnan(got.p)
        assert got.warnings
        return
    other = stats.kruskal(*groups)
    assert (got.statistic, got.p) == pytest.approx((other.statistic, other.pvalue), abs=1e-12)


@given(values, values)
def test_two_groups_of_kruskal_wallis_are_wilcoxon_without_correction(x, y):
    z, h = wilcoxon(x, y, correct=False).z, kruskal_wallis([x, y]).statistic
    assert h == pytest.approx(z**2, nan_ok=True, abs=1e-12)


@given(values, values)
def test_one_stratum_is_the_plain_test(x, y):
    everything = np.array(x + y)
    group = np.repeat([1, 0], [len(x), len(y)])
    plain = wilcoxon(x, y, correct=False)
    for scores in ("van-elteren", "within", "pooled"):
        got = stratified_wilcoxon(everything, group, np.ones(everything.size), scores=scores)
        assert got.z == pytest.approx(plain.z, nan_ok=True)


@settings(max_examples=60)
@given(TRIALS, st.randoms(use_true_random=False))
def test_names_and_order_of_strata_do_not_matter(trial, random):
    y, group, stratum = (np.array(each) for each in zip(*trial, strict=True))
    if len(set(group)) < 2:
        return
    one = van_elteren(y, group, stratum)
    order = list(range(y.size))
    random.shuffle(order)
    other = van_elteren(y[order], group[order], -stratum[order])
    assert other.z == pytest.approx(one.z, nan_ok=True, abs=1e-12)
    mirrored = van_elteren(y, group, stratum, control=1)
    assert mirrored.z == pytest.approx(-one.z, nan_ok=True, abs=1e-12)
    if np.isnan(one.p):
        assert one.warnings


def test_a_stratum_with_an_empty_group_is_left_out_and_named():
    got = van_elteren([1, 2, 3, 4, 9], [0, 1, 0, 1, 1], [1, 1, 1, 1, 2])
    assert got.warnings == ("stratum 2 is left out: no subject in the control group",)
    assert got.z == van_elteren([1, 2, 3, 4], [0, 1, 0, 1], [1, 1, 1, 1]).z


def test_limits_that_cannot_hold_the_level_are_infinite_and_said_so():
    for exact in (True, False):
        got = wilcoxon([1.0, 2.0], [0.0, 0.5], exact=exact)
        assert (got.shift.lower, got.shift.upper) == (-np.inf, np.inf)
        assert "too small" in got.warnings[-1]


def test_missing_values_are_left_out_and_counted():
    got = wilcoxon([1, np.nan, 4.0], [0.0, 2.0, np.nan])
    assert got.statistic == wilcoxon([1.0, 4.0], [0.0, 2.0]).statistic
    assert got.warnings[0] == "2 missing values left out"


def test_hodges_lehmann_is_the_median_difference():
    assert hodges_lehmann([1.0, 5.0], [0.0, 1.0]) == 2.5
    assert midranks(np.array([3.0, 1.0, 3.0])).tolist() == [2.5, 1.0, 2.5]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: wilcoxon([], [1.0]), "the test group has no values"),
        (lambda: wilcoxon([1.0], [np.nan]), "the control group has no values"),
        (lambda: wilcoxon([np.inf], [1.0]), "holds an infinite value"),
        (lambda: wilcoxon([[1.0]], [1.0]), "must be a vector"),
        (lambda: wilcoxon([1.0], [2.0], level=95), "between 0 and 1"),
        (lambda: wilcoxon(np.arange(900.0), np.arange(900.0), exact=True), "too large"),
        (lambda: van_elteren([1, 2], [0, 0], [1, 1]), "there must be two"),
        (lambda: van_elteren([1, 2], ["a", "b"], [1, 1]), "the control 0 one"),
        (lambda: van_elteren([1, 2], [0, 1], [1]), "one value a subject"),
        (lambda: stratified_wilcoxon([1, 2], [0, 1], [1, 1], scores="best"), "scores='best'"),
        (lambda: kruskal_wallis([[1.0], []]), "1 of 2 groups have values"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, words):
    with pytest.raises(StatisticsError, match=words):
        call()
