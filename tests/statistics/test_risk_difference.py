"""Differences of proportions: published values, and what must hold for any counts."""

import numpy as np
import pytest
from counts import close, tables
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openlupus.errors import StatisticsError
from openlupus.statistics import risk_difference as rd
from openlupus.statistics.score import gart_nam

COMMON = {
    "greenland-robins": rd.common_risk_difference,
    "sato": lambda x, n: rd.common_risk_difference(x, n, variance="sato"),
    "minimum risk": lambda x, n: rd.common_risk_difference(x, n, weights="minimum-risk"),
    "inverse variance": rd.inverse_variance,
    "stratified newcombe": rd.stratified_newcombe,
    "miettinen-nurminen": rd.miettinen_nurminen,
    "mee": rd.mee,
    "inverse-variance score": lambda x, n: rd.miettinen_nurminen(x, n, weights="inverse-variance"),
    "gart-nam": gart_nam,
    "score, their weights": lambda x, n: rd.miettinen_nurminen(x, n, weights="miettinen-nurminen"),
}
SINGLE = {
    "wald": rd.wald,
    "agresti-caffo": rd.agresti_caffo,
    "newcombe": rd.newcombe,
    "newcombe corrected": lambda x, n: rd.newcombe(x, n, continuity=True),
}


@pytest.mark.independent
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        # Newcombe, Stat Med 1998;17:873, Table II, 56/70 against 48/80.
        pytest.param(rd.wald, (0.0575, 0.3425), id="method 1"),
        pytest.param(lambda x, n: rd.wald(x, n, continuity=True), (0.0441, 0.3559), id="method 2"),
        pytest.param(rd.mee, (0.0533, 0.3377), id="method 5"),
        pytest.param(rd.miettinen_nurminen, (0.0528, 0.3382), id="method 6"),
        pytest.param(rd.newcombe, (0.0524, 0.3339), id="method 10"),
        pytest.param(SINGLE["newcombe corrected"], (0.0428, 0.3422), id="method 11"),
    ],
)
def test_agrees_with_the_table_of_newcombe(function, expected):
    got = function([56, 48], [70, 80])
    assert (got.lower, got.upper) == pytest.approx(expected, abs=5e-5)


@pytest.mark.independent
def test_agrees_with_the_stratified_newcombe_interval_of_tern():
    # R package tern, the six strata of its tests of stratified Newcombe; printed to 4 decimals.
    got = rd.stratified_newcombe(
        [[8, 4, 2, 5, 6, 5], [3, 6, 2, 3, 3, 3]], [[9, 4, 5, 7, 7, 8], [6, 12, 5, 4, 8, 5]]
    )
    assert (got.value, got.lower, got.upper) == pytest.approx((0.2539, 0.0347, 0.4454), abs=5e-5)


def test_a_score_interval_that_fails_in_a_widely_used_routine():
    got = rd.miettinen_nurminen([70, 65], [81, 83])
    assert -1 < got.lower < got.value < got.upper < 1
    assert got.warnings == ()


@pytest.mark.parametrize("name", COMMON)
@settings(max_examples=50, deadline=None)
@given(table=tables())
def test_swapping_the_groups_mirrors_the_interval(name, table):
    x, n = table
    one, other = COMMON[name](x, n), COMMON[name](x[::-1], n[::-1])
    assert close([one.value, one.lower, one.upper], [-other.value, -other.upper, -other.lower])


@pytest.mark.parametrize("name", SINGLE)
@settings(max_examples=50, deadline=None)
@given(table=tables(strata=st.just(1)))
def test_swapping_the_groups_mirrors_the_interval_of_one_table(name, table):
    x, n = table
    one, other = SINGLE[name](x, n), SINGLE[name](x[::-1], n[::-1])
    assert close([one.value, one.lower, one.upper], [-other.value, -other.upper, -other.lower])


@pytest.mark.parametrize("name", COMMON)
@settings(max_examples=50, deadline=None)
@given(table=tables())
def test_counting_non_responders_mirrors_the_interval(name, table):
    x, n = table
    one, other = COMMON[name](x, n), COMMON[name](n - x, n)
    assert close([one.value, one.lower, one.upper], [-other.value, -other.upper, -other.lower])


@pytest.mark.parametrize("name", COMMON)
@settings(max_examples=50, deadline=None)
@given(table=tables(), seed=st.randoms(use_true_random=False))
def test_the_order_of_the_strata_does_not_matter(name, table, seed):
    x, n = table
    order = list(range(x.shape[1]))
    seed.shuffle(order)
    one, other = COMMON[name](x, n), COMMON[name](x[:, order], n[:, order])
    assert close([one.value, one.lower, one.upper], [other.value, other.lower, other.upper])


@pytest.mark.parametrize("name", ["greenland-robins", "sato", "inverse variance"])
@settings(max_examples=50, deadline=None)
@given(table=tables(smallest=1))
def test_a_study_done_twice_has_its_standard_error_over_the_root_of_2(name, table):
    x, n = table
    once, twice = COMMON[name](x, n), COMMON[name](np.hstack([x, x]), np.hstack([n, n]))
    assert close(once.value, twice.value)
    assert close(once.standard_error, twice.standard_error * np.sqrt(2))


@pytest.mark.parametrize("name", ["newcombe", "newcombe corrected"])
@given(table=tables(strata=st.just(1), smallest=1))
def test_newcombe_limits_are_possible_differences(name, table):
    got = SINGLE[name](*table)
    assert -1 - 1e-12 <= got.lower <= got.value + 1e-12
    assert got.value - 1e-12 <= got.upper <= 1 + 1e-12


@settings(deadline=None)
@given(table=tables(smallest=1))
def test_score_limits_are_possible_differences(table):
    got = rd.miettinen_nurminen(*table)
    assert -1 <= got.lower <= got.value + 1e-12
    assert got.value - 1e-12 <= got.upper <= 1


@given(table=tables(strata=st.just(1), smallest=1))
def test_one_stratum_gives_the_single_interval(table):
    x, n = table
    assume(np.all((x > 0) & (x < n)))
    one, stratified = rd.newcombe(x, n), rd.stratified_newcombe(x, n)
    # Yan and Su's variance is not the squared distance of method 10, but the Wilson limits agree.
    test, control = rd.stratified_wilson(x, n)
    assert one.value == stratified.value
    assert close(test.quantile, 1.959963984540054)
    assert close(one.lower, one.value - np.hypot(one.value + x[1] / n[1] - test.lower,
                                                 control.upper - x[1] / n[1]))  # fmt: skip


@given(table=tables(strata=st.just(1), smallest=1))
def test_one_stratum_combined_by_squares_is_method_10(table):
    one, stratified = rd.newcombe(*table), rd.stratified_newcombe(*table, combine="squares")
    assert close([one.lower, one.upper], [stratified.lower, stratified.upper])


@given(table=tables())
def test_weights_sum_to_1_and_leave_out_what_cannot_be_compared(table):
    x, n = table
    comparable = (n > 0).all(axis=0)
    assume(comparable.any())
    for weights in ("cmh", "equal", "minimum-risk", "inverse-variance"):
        got = rd.stratum_weights(x, n, weights=weights)
        if not np.isnan(got).any():
            assert close(got.sum(), 1)
            assert (got[~comparable] == 0).all()


@settings(max_examples=50)
@given(table=tables(smallest=2), seed=st.integers(0, 1000))
def test_minimum_risk_weights_have_the_least_mean_squared_error(table, seed):
    """Variance plus squared distance from the size-weighted difference: no weights do better."""
    x, n = table
    p = x / n
    variance, d = (p * (1 - p) / n).sum(axis=0), p[0] - p[1]
    best = rd.stratum_weights(x, n, weights="minimum-risk")
    assume(not np.isnan(best).any())
    target = n.sum(axis=0) / n.sum() @ d

    def risk(w):
        return w**2 @ variance + (w @ d - target) ** 2

    other = np.random.default_rng(seed).dirichlet(np.ones(x.shape[1]))
    nearby = 0.99 * best + 0.01 * other
    assert risk(best) <= min(risk(other), risk(nearby)) + 1e-12


@given(table=tables(smallest=1))
def test_adjusted_rates_differ_by_the_common_difference(table):
    rates = rd.adjusted_rates(*table)
    assert close(rates.test - rates.control, rd.common_risk_difference(*table).value)


@pytest.mark.parametrize("strata", range(2, 40))
def test_weights_that_sum_to_1_and_a_little_more_give_limits(strata):
    n = np.stack([np.arange(1, strata + 1), np.full(strata, 3)])
    got = rd.stratified_newcombe(n, n)
    assert np.isfinite([got.lower, got.upper]).all()


def test_all_responders_everywhere_uses_the_ordinary_quantile_and_says_so():
    got = rd.stratified_newcombe([[4, 6], [5, 5]], [[4, 6], [5, 5]])
    assert got.value == 0
    assert got.lower == pytest.approx(-got.upper, rel=0.2)
    assert len([text for text in got.warnings if "ordinary normal quantile" in text]) == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, n: rd.stratum_weights(x, n, weights="size"), "weights='size' is not one of"),
        (lambda x, n: rd.stratified_newcombe(x, n, quantile="t"), "quantile='t' is not"),
        (lambda x, n: rd.stratified_newcombe(x, n, combine="t"), "combine='t' is not"),
        (
            lambda x, n: rd.common_risk_difference(x, n, weights="equal", variance="sato"),
            "Sato's variance is for weights='cmh'",
        ),
        (lambda x, n: rd.miettinen_nurminen(x, n, contrast="rr"), "contrast='rr' is not one of"),
        (lambda x, n: rd.miettinen_nurminen(x, n, weights="x"), "weights='x' is not one of"),
    ],
)
def test_unknown_options_are_refused_with_what_there_is(call, words):
    with pytest.raises(StatisticsError, match=words):
        call([[1, 2], [3, 4]], [[9, 9], [9, 9]])
