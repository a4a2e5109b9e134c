"""Analysis of covariance: a second opinion, invariances, and the words of refusal."""

import numpy as np
import pytest
import statsmodels.api as sm
from counts import close
from hypothesis import given, settings
from hypothesis import strategies as st

from openlupus.errors import RankDeficiencyError, StatisticsError
from openlupus.statistics.ancova import ancova, slope


def trial(seed=1, size=60):
    """Group (0, 1, 2), site (0 to 3), baseline and change of invented subjects."""
    rng = np.random.default_rng(seed)
    group, site = rng.integers(0, 3, size), rng.integers(0, 4, size)
    base = rng.normal(10, 3, size)
    y = 2 - 0.8 * group + 0.3 * site - 0.2 * base + rng.normal(0, 2, size)
    return y, group, site, base


def dummies(codes):
    return np.stack([codes == code for code in np.unique(codes)[1:]], axis=1).astype(float)


@pytest.mark.independent
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000))
def test_agrees_with_least_squares_of_statsmodels(seed):
    y, group, site, base = trial(seed)
    x = np.column_stack([np.ones(y.size), dummies(group), dummies(site), base])
    theirs = sm.OLS(y, x).fit()
    got = ancova(y, group, covariates=base, factors=[site])
    ours = dict(zip(got.fit.names, got.fit.coefficients, strict=True))
    assert close(
        [ours[name] for name in ("intercept", "group = 1", "group = 2", "covariate 1")],
        theirs.params[[0, 1, 2, -1]],
    )
    for difference, row in zip(got.differences, (1, 2), strict=True):
        assert close([difference.value, difference.standard_error, difference.t, difference.p],
                     [each[row] for each in (theirs.params, theirs.bse, theirs.tvalues,
                                             theirs.pvalues)])  # fmt: skip
        assert close([difference.lower, difference.upper], theirs.conf_int()[row])
    joint = theirs.f_test(np.eye(x.shape[1])[1:3])
    test = got.fit.term_test("group")
    assert close([test.statistic, test.p], [float(joint.fvalue), float(joint.pvalue)])


def test_adjusted_means_are_the_prediction_at_the_weights_declared():
    y, group, site, base = trial()
    for weights in ("observed", "equal"):
        got = ancova(y, group, covariates=base, factors=[site], weights=weights)
        beta = dict(zip(got.fit.names, got.fit.coefficients, strict=True))
        share = [np.mean(site == s) if weights == "observed" else 1 / 4 for s in (1, 2, 3)]
        expected = beta["intercept"] + beta["covariate 1"] * base.mean() + beta["group = 2"]
        expected += sum(w * beta[f"factor 1 = {s}"] for w, s in zip(share, (1, 2, 3), strict=True))
        assert got.lsmean(2).value == pytest.approx(expected)


def test_differences_do_not_depend_on_the_reference_or_the_weights():
    y, group, site, base = trial()
    one = ancova(y, group, covariates=base, factors=[site], control=0)
    other = ancova(y, group, covariates=base, factors=[site], control=2, weights="equal")
    a, b = one.difference(2, 1), other.difference(2, 1)
    assert close([a.value, a.standard_error, a.p], [b.value, b.standard_error, b.p])
    assert one.difference(1, 2).value == pytest.approx(-a.value)
    assert [d.value for d in one.differences] == [one.difference(g, 0).value for g in (1, 2)]
    assert [d.value for d in other.differences] == [other.difference(g, 2).value for g in (0, 1)]


@settings(max_examples=25, deadline=None)
@given(shift=st.floats(-100, 100), scale=st.floats(0.01, 100))
def test_the_unit_of_a_covariate_does_not_matter(shift, scale):
    y, group, site, base = trial()
    one = ancova(y, group, covariates=base, factors=[site])
    other = ancova(y, group, covariates=shift + scale * base, factors=[site])
    assert close([m.value for m in one.lsmeans], [m.value for m in other.lsmeans], relative=1e-6)
    assert close(one.differences[0].p, other.differences[0].p, relative=1e-6)


def test_without_covariates_it_is_the_comparison_of_means():
    y, group, *_ = trial()
    got = ancova(y, group)
    assert got.lsmean(1).value == pytest.approx(y[group == 1].mean())
    assert got.fit.df_error == y.size - 3


@pytest.mark.independent
def test_slope_is_the_coefficient_of_dose():
    y, group, site, base = trial()
    dose = np.array([0, 20, 40])[group]
    theirs = sm.OLS(y, np.column_stack([np.ones(y.size), dose, dummies(site), base])).fit()
    got = slope(y, dose, covariates=base, factors=[site])
    assert close([got.value, got.standard_error, got.p],
                 [theirs.params[1], theirs.bse[1], theirs.pvalues[1]])  # fmt: skip


def test_subjects_with_a_missing_number_are_left_out_and_counted():
    y, group, site, base = trial()
    base[3], y[7] = np.nan, np.nan
    keep = ~np.isin(np.arange(y.size), (3, 7))
    got = ancova(y, group, covariates=base, factors=[site])
    without = ancova(y[keep], group[keep], covariates=base[keep], factors=[site[keep]])
    assert got.differences == without.differences
    assert got.warnings == ("2 of 60 subjects left out: a number is missing",)


def test_a_factor_with_one_level_is_left_out_and_named():
    y, group, _, base = trial()
    got = ancova(y, group, covariates=base, factors=[np.ones(y.size, int)], factor_names=["region"])
    assert got.warnings == ("region has one level and is left out",)
    assert got.differences == ancova(y, group, covariates=base).differences


def test_an_exact_fit_has_no_tests_and_says_so():
    group = np.array([0, 0, 1, 1])
    got = ancova(np.array([1.0, 1, 3, 3]), group)
    assert np.isnan(got.differences[0].t)
    assert got.warnings == ("the model fits the data exactly: no tests",)


def test_columns_that_depend_on_each_other_are_named():
    y, group, _, base = trial()
    with pytest.raises(RankDeficiencyError) as caught:
        ancova(y, group, covariates=np.column_stack([base, 2 * base + 1]),
               covariate_names=["BASE", "BASE2"])  # fmt: skip
    assert str(caught.value).startswith(
        "column 'BASE2' of the design depends on intercept, BASE; take one of them out"
    )
    with pytest.raises(RankDeficiencyError, match=r"'group = 1' .* depends on region = 1"):
        ancova(y, (group > 0).astype(int), factors=[(group > 0).astype(int)],
               factor_names=["region"])  # fmt: skip


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda y, g: ancova(y, g, control=9), r"control group 9 has no subject .* \[0, 1, 2\]"),
        (lambda y, g: ancova(y[:3], g[:3]), "leave no degrees of freedom for error"),
        (lambda y, g: ancova(y, g[:5]), r"group has shape \(5,\), and y has shape \(60,\)"),
        (lambda y, g: ancova(y, g.astype(float)), "must be whole-number codes, one a level"),
        (lambda y, g: ancova(y, g, weights="none"), "weights='none' is not"),
        (lambda y, g: ancova(y, g).lsmean(7), r"no group has the code 7; the groups are \(0, 1"),
        (lambda y, g: ancova(y, g).fit.term_test("site"), "no term 'site'; it has"),
        (lambda y, g: ancova([], []), r"y has shape \(0,\)"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    y, group, *_ = trial()
    if "leave no" in words:
        group = np.arange(60) % 3
    with pytest.raises(StatisticsError, match=words):
        call(y, group)
