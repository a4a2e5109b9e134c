"""Logistic, Poisson and negative binomial regression; marginal effects."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from openlupus.errors import (
    CountsError,
    RankDeficiencyError,
    SeparationError,
    StatisticsError,
)
from openlupus.statistics.count_regression import (
    deviance,
    negative_binomial_regression,
    poisson_regression,
)
from openlupus.statistics.generalised_linear import GlmFit
from openlupus.statistics.logistic import logistic_regression
from openlupus.statistics.marginal import marginal_means

SEEDS = st.integers(0, 10_000)


def trial(seed, n=120):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 2))
    eta = -0.3 + 0.6 * group + x @ [0.5, -0.2]
    return rng, group, x, eta, np.column_stack([np.ones(n), group, x])


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_logistic_regression_agrees_with_statsmodels(seed):
    rng, _, _, eta, design = trial(seed)
    y = (rng.random(eta.size) < 1 / (1 + np.exp(-eta))).astype(float)
    got = logistic_regression(y, design)
    other = sm.GLM(y, design, family=sm.families.Binomial()).fit(tol=1e-14)
    assert got.coefficients == pytest.approx(other.params, abs=1e-9)
    assert got.gradient < 1e-9
    assert got.log_likelihood == pytest.approx(other.llf)
    robust = sm.GLM(y, design, family=sm.families.Binomial()).fit(tol=1e-14, cov_type="HC0")
    assert got.covariance("HC0") == pytest.approx(np.asarray(robust.cov_params()), rel=1e-7)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_poisson_regression_agrees_with_statsmodels(seed):
    rng, _, _, eta, design = trial(seed)
    time = rng.uniform(0.1, 3, eta.size)
    y = rng.poisson(time * np.exp(eta)).astype(float)
    got = poisson_regression(y, design, exposure=time)
    model = sm.GLM(y, design, family=sm.families.Poisson(), offset=np.log(time))
    other = model.fit(tol=1e-14)
    assert got.coefficients == pytest.approx(other.params, abs=1e-9)
    assert np.sqrt(np.diag(got.covariance())) == pytest.approx(other.bse, rel=1e-6)
    assert deviance(got) == pytest.approx(other.deviance)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_negative_binomial_is_at_a_maximum(seed):
    rng, _, _, eta, design = trial(seed, 300)
    y = rng.poisson(np.exp(eta) * rng.gamma(1.0, 1.0, eta.size)).astype(float)
    got = negative_binomial_regression(y, design)
    assert got.fit.gradient < 1e-9

    def log_likelihood(theta, beta):
        mu = np.exp(design @ beta)
        model = sm.families.NegativeBinomial(alpha=1 / theta)
        return float(model.loglike(y, mu))

    best = log_likelihood(got.theta, got.fit.coefficients)
    assert best == pytest.approx(got.fit.log_likelihood, rel=1e-10)
    for factor in (0.999, 1.001):
        assert log_likelihood(got.theta * factor, got.fit.coefficients) < best


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_a_unit_of_exposure_moves_the_intercept_alone(seed):
    rng, _, _, eta, design = trial(seed)
    time = rng.uniform(0.1, 3, eta.size)
    y = rng.poisson(time * np.exp(eta)).astype(float)
    years, days = (poisson_regression(y, design, exposure=unit * time) for unit in (1, 365.25))
    moved = years.coefficients - [np.log(365.25), 0, 0, 0]
    assert days.coefficients == pytest.approx(moved, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=3, max_size=8),
    st.lists(st.integers(0, 12), min_size=3, max_size=8),
)
def test_any_small_counts_have_numbers_or_a_reason(a, b):
    y = np.array([*a, *b], float)
    design = np.column_stack([np.ones(y.size), np.repeat([0, 1], [len(a), len(b)])])
    for fit in (poisson_regression, negative_binomial_regression):
        try:
            got = fit(y, design)
        except StatisticsError:
            continue
        coefficients = getattr(got, "fit", got).coefficients
        assert np.isfinite(coefficients).all()


# -- marginal effects -----------------------------------------------------------------------


def binary_trial(seed, n=150):
    rng, group, x, eta, _ = trial(seed, n)
    return (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float), group, x


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from(["ge", "ye"]))
def test_swapping_the_groups_turns_the_sign(seed, variance):
    y, group, x = binary_trial(seed)
    one = marginal_means(y, group, covariates=x, variance=variance).effect(1).interval
    other = marginal_means(y, group, covariates=x, variance=variance, control=1)
    other = other.effect(0).interval
    assert other.value == pytest.approx(-one.value)
    assert (other.lower, other.upper) == pytest.approx((-one.upper, -one.lower))


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_without_covariates_it_is_the_difference_of_the_rates(seed):
    y, group, _ = binary_trial(seed)
    got = marginal_means(y, group)
    rates = np.array([y[group == 0].mean(), y[group == 1].mean()])
    assert got.means == pytest.approx(rates)
    wald = np.sqrt(sum(p * (1 - p) / (group == k).sum() for k, p in enumerate(rates)))
    assert got.effect(1).interval.standard_error == pytest.approx(wald)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_scale_of_a_covariate_does_not_matter(seed):
    y, group, x = binary_trial(seed)
    for interactions in (False, True):
        one, other = (
            marginal_means(y, group, covariates=each, interactions=interactions).effect(1)
            for each in (x, 1000 * x - 7)
        )
        assert other.interval.value == pytest.approx(one.interval.value, abs=1e-9)
        assert other.interval.standard_error == pytest.approx(one.interval.standard_error, rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_trial_done_twice_has_its_model_error_over_the_root_of_2(seed):
    y, group, x = binary_trial(seed)
    once = marginal_means(y, group, covariates=x)
    twice = marginal_means(np.tile(y, 2), np.tile(group, 2), covariates=np.tile(x, (2, 1)))
    assert twice.means == pytest.approx(once.means)
    assert twice.covariance == pytest.approx(once.covariance / 2)


def test_the_contrasts_are_those_of_the_means():
    y, group, x = binary_trial(5)
    got = marginal_means(y, group, covariates=x)
    p0, p1 = got.means
    odds = p1 / (1 - p1) / (p0 / (1 - p0))
    wanted = {"difference": p1 - p0, "ratio": p1 / p0, "odds-ratio": odds,
              "log-ratio": np.log(p1 / p0), "log-odds-ratio": np.log(odds)}  # fmt: skip
    for contrast, value in wanted.items():
        assert got.effect(1, contrast=contrast).interval.value == pytest.approx(value)


def test_three_groups_and_missing_values():
    y, group, x = binary_trial(8, 240)
    group = group + (np.arange(240) % 3 == 0)
    y[3], x[5, 1] = np.nan, np.nan
    got = marginal_means(y, group, covariates=x)
    assert got.groups == (0, 1, 2)
    assert got.warnings == ("2 of 240 subjects left out: a value is missing",)
    assert got.effect(2).control == 0


# -- refusals -------------------------------------------------------------------------------


def test_complete_separation_is_found_and_named():
    age = np.array([1.0, 2, 3, 4, 10, 11, 12, 13])
    y = (age > 5).astype(float)
    with pytest.raises(SeparationError, match=r"complete separation: a combination of .*age"):
        logistic_regression(y, np.column_stack([np.ones(8), age]), names=["intercept", "age"])


def test_quasi_complete_separation_is_found_and_named():
    group = np.repeat([0, 1], 20)
    y = np.r_[np.tile([0.0, 1], 10), np.ones(20)]
    with pytest.raises(SeparationError, match=r"quasi-complete .*group = 1.* 20 of 40 subjects"):
        marginal_means(y, group)


def test_a_rare_but_possible_outcome_is_no_separation():
    y = np.r_[np.zeros(4999), 1.0, 1.0, np.zeros(4999)]
    x = np.column_stack([np.ones(10_000), np.repeat([0, 1], 5000)])
    assert isinstance(logistic_regression(y, x), GlmFit)


def test_dependent_columns_are_named():
    y, group, x = binary_trial(1)
    with pytest.raises(RankDeficiencyError, match=r"'twice' of the design depends on .*age"):
        marginal_means(y, group, covariates=np.column_stack([x[:, 0], 2 * x[:, 0]]),
                       covariate_names=["age", "twice"])  # fmt: skip


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: logistic_regression([0, 2, 1, 1], np.ones(4)), "0 or 1"),
        (lambda: logistic_regression([0.0], np.ones(1)), "too few"),
        (lambda: logistic_regression([0, 1, 1], np.ones((2, 1))), "one row of"),
        (lambda: logistic_regression([0, 1, np.inf], np.ones(3)), "infinite"),
        (lambda: poisson_regression([1, 2, 3], np.ones(3)).coefficient("x"), "no coefficient 'x'"),
        (lambda: poisson_regression([1, 2, 3], np.ones(3)).covariance("HC9"), "HC9"),
        (lambda: marginal_means([0, 1, 1, 0], [1, 1, 1, 1]), "control group 0 has no subject"),
        (lambda: marginal_means([0, 1, 1, 0], [0, 0, 0, 0]), "no comparison"),
        (lambda: marginal_means([0, 1], [0, 1], variance="x"), "variance='x'"),
        (lambda: marginal_means([0, 1, 1, 0, 1], [0, 1, 0, 1, 1]).effect(3), "no group 3"),
        (
            lambda: marginal_means([0, 1, 1, 0, 1], [0, 1, 0, 1, 1]).effect(1, contrast="x"),
            "contrast='x'",
        ),
        (lambda: negative_binomial_regression([2, 2, 2, 2], np.ones(4)), "dispersion is 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(call, words):
    with pytest.raises(StatisticsError, match=words):
        call()


@pytest.mark.parametrize(
    ("y", "exposure", "words"),
    [
        ([1, -1, 2], None, "-1 events"),
        ([1, 0.5, 2], None, "0.5 events"),
        ([1, 0, 2], [1, 0, 1], "exposure of subject 2 is 0"),
        ([0, 0, 0], None, "no subject has an event"),
    ],
)
def test_counts_that_cannot_be_are_refused(y, exposure, words):
    with pytest.raises(CountsError, match=words):
        poisson_regression(y, np.ones(3), exposure=exposure)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)), min_size=6, max_size=25
    )
)
def test_any_small_trial_has_numbers_or_a_reason(rows):
    y, group, x = (np.array(each, float) for each in zip(*rows, strict=True))
    try:
        got = marginal_means(y, group, covariates=x).effect(1).interval
    except StatisticsError:
        return
    assert np.isfinite([got.value, got.lower, got.upper]).all()
