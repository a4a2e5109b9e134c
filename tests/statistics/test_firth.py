"""Firth's penalised likelihood: what brglm2 gives, what must hold, what falls back on it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openlupus.errors import RankDeficiencyError, SeparationError, StatisticsError
from openlupus.statistics.logistic import firth_regression, logistic_regression
from openlupus.statistics.marginal import marginal_means

GROUP = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1.0])
SCORE = np.array([0.5, 1.2, -0.3, 2.2, 0.1, 1.9, 0.4, -1.1, 0.9, 1.4, 0.2, -0.6])
NOBODY = np.array([0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0.0])
DESIGN = np.column_stack([np.ones(12), GROUP, SCORE])


@pytest.mark.independent
def test_agrees_with_r_where_a_group_has_no_responder():
    # R 4.2.2, brglm2 0.9: glm(y ~ g + s, binomial, method = "brglmFit", type = "AS_mean",
    # epsilon = 1e-12), coefficients and summary()'s standard errors.
    got = firth_regression(NOBODY, DESIGN)
    expected = (-1.85964349754587, -2.16396507397415, 2.02563796383782)
    assert got.coefficients == pytest.approx(expected, rel=1e-9)
    errors = np.sqrt(np.diag(got.model_covariance))
    assert errors == pytest.approx((1.62691709002530, 2.05318258329773, 1.36124696799674), rel=1e-9)
    assert got.gradient < 1e-10


@settings(max_examples=40)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=4))
def test_a_2_x_2_table_is_that_with_half_a_subject_more_in_each_cell(cells):
    a, b, c, d = cells
    assume(a + b > 0 and c + d > 0)
    y = np.repeat([1, 0, 1, 0], cells)
    group = np.repeat([1, 1, 0, 0], cells)
    assume(y.size > 2)
    got = firth_regression(y, np.column_stack([np.ones(y.size), group]))
    half = np.array(cells) + 0.5
    log_odds_ratio = np.log(half[0] * half[3] / (half[1] * half[2]))
    assert got.coefficients[1] == pytest.approx(log_odds_ratio, abs=1e-7)
    assert got.coefficients[0] == pytest.approx(np.log(half[2] / half[3]), abs=1e-7)


def test_separation_is_refused_or_mended_as_declared():
    y = (SCORE > 0.3).astype(float)
    with pytest.raises(SeparationError, match="complete separation"):
        logistic_regression(y, DESIGN, names=("intercept", "arm", "score"))
    got = logistic_regression(y, DESIGN, names=("intercept", "arm", "score"), separation="firth")
    assert np.isfinite(got.coefficients).all()
    (warning,) = got.warnings
    assert warning.startswith("Firth's penalised likelihood: complete separation")
    assert "score" in warning


def test_without_separation_the_fallback_is_not_used():
    y = np.array([0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0, 0.0])
    plain, declared = (
        logistic_regression(y, DESIGN, separation=way) for way in ("refuse", "firth")
    )
    assert (plain.coefficients == declared.coefficients).all()
    assert declared.warnings == ()


def test_marginal_means_fall_back_and_say_so():
    got = marginal_means(NOBODY, GROUP.astype(int), covariates=SCORE, separation="firth")
    assert 0 < got.means[1] < got.means[0] < 1
    assert got.warnings[0].startswith("Firth's")
    with pytest.raises(SeparationError):
        marginal_means(NOBODY, GROUP.astype(int), covariates=SCORE)


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(RankDeficiencyError):
        firth_regression(NOBODY, np.column_stack([DESIGN, GROUP]))
    with pytest.raises(StatisticsError, match="0 or 1"):
        firth_regression(NOBODY * 2, DESIGN)
    with pytest.raises(StatisticsError, match="separation='hide'"):
        logistic_regression(NOBODY, DESIGN, separation="hide")
