"""Exact unconditional inference: symmetries, full enumeration, published and scipy's values."""

import numpy as np
import pytest
from counts import tables
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import barnard_exact, binom, boschloo_exact

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.barnard import barnard, boschloo
from openlupus.statistics.score import score_test
from openlupus.statistics.unconditional import exact_unconditional

SMALL = tables(strata=st.just(1), smallest=1, largest=6)


@settings(max_examples=8, deadline=None)
@given(SMALL)
def test_swapping_the_groups_mirrors_the_interval(table):
    x, n = table
    one, other = exact_unconditional(x, n), exact_unconditional(x[::-1], n[::-1])
    assert one.p == pytest.approx(other.p)
    limits = (one.interval.lower, one.interval.upper)
    assert limits == pytest.approx((-other.interval.upper, -other.interval.lower), abs=1e-8)


@settings(max_examples=8, deadline=None)
@given(SMALL)
def test_counting_non_responders_mirrors_the_interval(table):
    x, n = table
    one, other = exact_unconditional(x, n), exact_unconditional(n - x, n)
    limits = (one.interval.lower, one.interval.upper)
    assert limits == pytest.approx((-other.interval.upper, -other.interval.lower), abs=1e-6)


@settings(max_examples=8, deadline=None)
@given(SMALL, st.sampled_from([0.0, 0.15]))
def test_p_is_the_largest_tail_by_full_enumeration(table, null):
    x, n = table
    n1, n0 = int(n[0, 0]), int(n[1, 0])
    all_tables = np.array([(i, j) for i in range(n1 + 1) for j in range(n0 + 1)])
    z = np.array([_z(each, n, null) for each in all_tables])
    extreme = z >= _z(x[:, 0], n, null) - 1e-9
    rates = np.linspace(0, 1 - null, 2001)
    tails = sum(
        binom.pmf(i, n1, np.minimum(rates + null, 1)) * binom.pmf(j, n0, rates)
        for i, j in all_tables[extreme]
    )
    got = exact_unconditional(x, n, null=null).p_above
    assert tails.max() - 1e-10 <= got <= tails.max() + 1e-4


def _z(x, n, null):
    return score_test(x[:, None], n, null=null, bias_correction=False).z


@settings(max_examples=8, deadline=None)
@given(SMALL)
def test_the_limits_are_where_one_sided_p_crosses(table):
    got = exact_unconditional(*table).interval
    assert got.lower <= got.value <= got.upper
    if got.lower > -1 + 1e-6:
        below = exact_unconditional(*table, null=got.lower - 1e-6)
        assert below.p_above <= 0.025 + 1e-9
    if got.upper < 1 - 1e-6:
        above = exact_unconditional(*table, null=got.upper + 1e-6)
        assert above.p_below <= 0.025 + 1e-9


@pytest.mark.independent
def test_barnard_and_boschloo_of_the_vaccine_example():
    # Lydersen, Fagerland & Laake, Stat Med 2009;28:1159 (7 and 12 of 15), and the example of
    # scipy's documentation (74 of 117 and 31 of 63: statistic 0.0483, P 0.0355).
    assert barnard([12, 7], [15, 15], alternative="greater").p == pytest.approx(0.034, abs=5e-4)
    got = boschloo([74, 31], [117, 63], alternative="greater")
    assert (got.statistic, got.p) == pytest.approx((0.0483, 0.0355), abs=1e-4)


@settings(max_examples=30)
@given(SMALL, st.sampled_from(["two-sided", "greater", "less"]))
def test_barnard_and_boschloo_beside_scipy(table, alternative):
    x, n = (counts[:, 0] for counts in table)
    # scipy's search for Barnard's worst rate may stop at a lower one: its P value is never larger.
    theirs = barnard_exact([x, n - x], alternative=alternative).pvalue
    assert barnard(x, n, alternative=alternative).p >= theirs - 1e-9
    theirs = boschloo_exact([x, n - x], alternative=alternative).pvalue
    assert boschloo(x, n, alternative=alternative).p == pytest.approx(theirs, abs=1e-9)


@pytest.mark.independent
def test_barnard_finds_the_worst_rate_that_a_search_may_miss():
    # R 4.2.2, both binomials enumerated, 20,001 rates and optimize(); scipy 1.15 has 0.034077.
    got = barnard([12, 7], [15, 15], alternative="greater")
    assert got.p == pytest.approx(0.03410915, abs=5e-9)


@given(SMALL)
def test_swapping_the_groups_exchanges_the_sides_of_the_exact_tests(table):
    x, n = table
    for test in (barnard, boschloo):
        one, other = test(x, n, alternative="greater"), test(x[::-1], n[::-1], alternative="less")
        assert one.p == pytest.approx(other.p, abs=1e-9)
        assert test(x, n).p == pytest.approx(test(n - x, n).p, abs=1e-9)


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(CountsError, match="not a batch"):
        exact_unconditional(np.ones((3, 2, 1)), np.full((3, 2, 1), 4))
    with pytest.raises(CountsError, match="the method knows none"):
        exact_unconditional([[1, 2], [1, 2]], [[4, 4], [4, 4]])
    with pytest.raises(StatisticsError, match="null=1"):
        exact_unconditional([1, 2], [4, 4], null=1)
    with pytest.raises(StatisticsError, match="alternative='up'"):
        barnard([1, 2], [4, 4], alternative="up")
    with pytest.raises(CountsError, match="both groups"):
        boschloo([1, 0], [4, 0])


def test_an_empty_group_gives_nan_and_a_warning():
    got = exact_unconditional([1, 0], [4, 0])
    assert np.isnan([got.p, got.interval.lower]).all()
    assert "nothing can be compared" in got.warnings[-1]
