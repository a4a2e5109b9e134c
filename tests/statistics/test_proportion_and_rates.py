"""One proportion and exact rates: second opinions, definitions and refusals."""

import numpy as np
import pytest
from counts import close
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.proportion import binomial_test, proportion
from openlupus.statistics.rates import rate, rate_difference, rate_ratio

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
METHODS = ["wilson", "wilson-corrected", "clopper-pearson", "jeffreys", "agresti-coull", "wald"]
THEIRS = {"wilson": "wilson", "clopper-pearson": "beta", "agresti-coull": "agresti_coull",
          "wald": "normal"}  # fmt: skip


@pytest.mark.independent
@pytest.mark.parametrize("method", THEIRS)
@settings(deadline=None)
@given(xn=counts, level=st.sampled_from([0.8, 0.95, 0.99]))
def test_agrees_with_statsmodels(method, xn, level):
    got = proportion(*xn, method=method, level=level)
    theirs = proportion_confint(*xn, alpha=1 - level, method=THEIRS[method])
    assert close(np.clip([got.lower, got.upper], 0, 1), theirs)


@pytest.mark.independent
@settings(deadline=None)
@given(xn=counts, null=st.sampled_from([0.1, 0.5, 0.77]))
def test_exact_test_agrees_with_scipy(xn, null):
    assert close(binomial_test(*xn, null=null), stats.binomtest(*xn, null).pvalue)


@pytest.mark.parametrize("method", METHODS)
@given(xn=counts)
def test_counting_non_responders_mirrors_the_interval(method, xn):
    x, n = xn
    one, other = proportion(x, n, method=method), proportion(n - x, n, method=method)
    assert close([one.value, one.lower, one.upper],
                 [1 - other.value, 1 - other.upper, 1 - other.lower])  # fmt: skip


@given(xn=counts)
def test_clopper_pearson_leaves_half_of_the_error_in_each_tail(xn):
    x, n = xn
    got = proportion(x, n, method="clopper-pearson")
    if x > 0:
        assert stats.binom.sf(x - 1, n, got.lower) == pytest.approx(0.025, rel=1e-8)
    if x < n:
        assert stats.binom.cdf(x, n, got.upper) == pytest.approx(0.025, rel=1e-8)


def test_arrays_give_arrays_and_no_subjects_a_warning():
    got = proportion([3, 0], [9, 0])
    assert close(got.value, [1 / 3, np.nan])
    assert got.warnings == ("1 of 2 tables: no subjects, so there is no proportion",)


@given(events=st.integers(0, 40), exposure=st.floats(0.1, 1000))
def test_rate_leaves_half_of_the_error_in_each_tail(events, exposure):
    got = rate(events, exposure)
    if events:
        chance = stats.poisson.sf(events - 1, got.lower * exposure)
        assert chance == pytest.approx(0.025, rel=1e-8)
    assert stats.poisson.cdf(events, got.upper * exposure) == pytest.approx(0.025, rel=1e-8)


@given(a=st.integers(0, 20), b=st.integers(0, 20), t=st.floats(0.5, 50))
def test_swapping_the_groups_inverts_the_rate_ratio(a, b, t):
    one, other = rate_ratio((a, b), (t, 2.0)), rate_ratio((b, a), (2.0, t))
    assert close(one.p, other.p)
    with np.errstate(divide="ignore"):
        inverse = 1 / np.array([getattr(other.interval, k) for k in ("value", "upper", "lower")])
    assert close([one.interval.value, one.interval.lower, one.interval.upper], inverse)


def test_no_event_at_all_has_no_ratio_and_says_so():
    got = rate_ratio((0, 0), (3, 4))
    assert np.isnan(got.interval.value)
    assert "neither group has an event" in got.interval.warnings[0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: proportion(5, 4), CountsError, "5 responders among 4 subjects"),
        (lambda: proportion([1, 2], [3]), CountsError, "n has shape"),
        (lambda: proportion(1, 4, method="exact"), StatisticsError, "method='exact' is not one"),
        (lambda: binomial_test(1, 4, null=2), StatisticsError, "null=2 is not a proportion"),
        (lambda: rate(-1, 4), CountsError, "-1 events in an exposure of 4"),
        (lambda: rate(1, 0), CountsError, "exposure is above 0"),
    ],
)
def test_what_cannot_be_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("per", [1.0, 100.0])
@pytest.mark.parametrize(
    ("events", "exposure"),
    [((11, 23), (800.0, 3000.0)), ((0, 5), (10.0, 10.0)), ((0, 0), (10.0, 12.0))],
)
def test_a_rate_difference_mirrors_holds_its_estimate_and_scales(events, exposure, per):
    got = rate_difference(events, exposure, per=per)
    assert got.lower < got.value < got.upper
    other = rate_difference(events[::-1], exposure[::-1], per=per)
    assert (other.lower, other.upper) == pytest.approx((-got.upper, -got.lower))
    one = rate_difference(events, exposure)
    assert (per * one.lower, per * one.upper) == pytest.approx((got.lower, got.upper))


def test_no_events_have_the_score_limits_in_closed_form():
    # With no event z^2 / t solves the equation in one group, and 0 in the other.
    got, z = rate_difference((0, 0), (10.0, 12.0)), 1.959963984540054
    assert (got.lower, got.upper) == pytest.approx((-(z**2) / 12, z**2 / 10), rel=1e-9)


def test_a_rate_per_100_years():
    one, hundred = rate(4, 101.3), rate(4, 101.3, per=100)
    assert (hundred.value, hundred.upper) == pytest.approx((100 * one.value, 100 * one.upper))
