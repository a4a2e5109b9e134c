"""Dose response: definitions, second opinions by brute force, properties, refusals."""

import numpy as np
import pytest
from counts import close
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares, minimize
from scipy.stats import f as f_law
from scipy.stats import norm
from scipy.stats import t as t_law

from openlupus.errors import RankDeficiencyError, StatisticsError
from openlupus.statistics.dose_response import families as fam
from openlupus.statistics.dose_response.contrasts import (
    Candidate,
    contrast_test,
    exponential_guess,
    guess_from_share,
    optimal_contrasts,
)
from openlupus.statistics.dose_response.fit import dose_means, fit_curve, given_estimates
from openlupus.statistics.dose_response.mcpmod import (
    akaike_weights,
    analyse_trials,
    dose_interval,
    plan,
    trial_means,
)
from openlupus.statistics.dose_response.multivariate_t import largest_t
from openlupus.statistics.dose_response.profile import profile, whiten

DOSES = np.array([0.0, 0.05, 0.2, 0.6, 1.0])
FAMILIES = [
    fam.linear(), fam.linear_log(0.05), fam.quadratic(), fam.emax(), fam.sigmoid_emax(),
    fam.exponential(), fam.logistic(), fam.beta(1.2),
]  # fmt: skip
NONLINEAR = [family for family in FAMILIES if family.nonlinear]


def by_name(family):
    return family.name


def subjects(seed, n=20, sd=0.7):
    rng = np.random.default_rng(seed)
    dose = np.repeat(DOSES, n)
    sex = rng.integers(0, 2, dose.size).astype(float)
    y = 0.3 + 0.75 * dose / (0.15 + dose) + 0.4 * sex + rng.normal(0, sd, dose.size)
    return dose, y, sex


@pytest.mark.parametrize("family", NONLINEAR, ids=by_name)
def test_slopes_are_derivatives(family):
    theta = tuple(np.array(v) for v in ((0.3, 1.7) if len(family.nonlinear) == 2 else (0.3,)))
    slopes = family.slopes(DOSES, theta)
    for i, slope in enumerate(slopes):
        h = 1e-6
        up, down = ([t + s * h * (j == i) for j, t in enumerate(theta)] for s in (1, -1))
        numeric = (family.basis[0](DOSES, tuple(up)) - family.basis[0](DOSES, tuple(down))) / (
            2 * h
        )
        assert slope == pytest.approx(numeric, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("family", FAMILIES, ids=by_name)
@pytest.mark.parametrize("seed", range(3))
def test_no_search_from_anywhere_finds_a_smaller_sum_of_squares(family, seed):
    dose, y, sex = subjects(seed)
    fit = fit_curve(dose_means(dose, y, covariates=sex), family)
    box = fit.bounds or ()

    def residual(theta):
        f = [b(dose, tuple(np.asarray(v) for v in theta)) for b in family.basis]
        x = np.column_stack([np.ones(dose.size), *f, sex])
        return y - x @ np.linalg.lstsq(x, y, rcond=None)[0]

    if not box:
        assert fit.criterion == pytest.approx(np.sum(residual(()) ** 2), rel=1e-11)
        return
    rng, best = np.random.default_rng(0), np.inf
    low, high = np.array(box).T
    for _ in range(15):
        start = low + (high - low) * rng.uniform(0.02, 0.98, low.size)
        found = least_squares(residual, start, bounds=(low, high), xtol=1e-14, ftol=1e-14)
        best = min(best, 2 * found.cost)
    assert fit.criterion <= best * (1 + 1e-10)
    assert np.sum(residual(fit.nonlinear) ** 2) == pytest.approx(fit.criterion, rel=1e-10)
    assert fit.slope < 1e-7


@pytest.mark.independent
def test_covariance_is_that_of_nonlinear_least_squares():
    dose, y, sex = subjects(1)
    fit = fit_curve(dose_means(dose, y, covariates=sex, names=["sex"]), fam.emax())
    assert fit.names == ("e0", "eMax", "ed50", "sex")

    def residual(b):
        return y - b[0] - b[1] * dose / (b[2] + dose) - b[3] * sex

    found = least_squares(residual, fit.coefficients, xtol=1e-15)
    assert fit.coefficients == pytest.approx(found.x, rel=1e-5)
    d = dose / (fit.nonlinear[0] + dose)
    j = np.column_stack(
        [np.ones_like(d), d, -fit.linear[1] * dose / (fit.nonlinear[0] + dose) ** 2, sex]
    )
    expected = fit.criterion / fit.df * np.linalg.inv(j.T @ j)
    assert fit.covariance == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("family", FAMILIES, ids=by_name)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_target_dose_has_the_effect_and_none_below_has(family, share):
    dose, y, _ = subjects(5)
    fit = fit_curve(dose_means(dose, y), family)
    td = fit.effective_dose(share)
    assert fit.effect(td) == pytest.approx(share * fit.largest_effect, rel=1e-9)
    below = fit.effect(np.linspace(0, td, 500, endpoint=False)) / fit.largest_effect
    assert (below < share).all()
    grid = np.abs(fit.effect(np.linspace(0, 1, 2001)))
    assert abs(fit.largest_effect) == pytest.approx(grid.max(), rel=1e-5)
    assert np.isnan(fit.target_dose(1.5 * fit.largest_effect))
    assert np.isnan(fit.target_dose(-fit.largest_effect)) or family.name == "quadratic"
    assert fit.predict(0.0) == pytest.approx(fit.predict(td) - fit.effect(td))


@pytest.mark.parametrize("family", NONLINEAR, ids=by_name)
def test_a_batch_gives_what_each_set_alone_gives(family):
    rng = np.random.default_rng(3)
    estimates = DOSES / (0.2 + DOSES) + rng.normal(0, 0.15, (12, 5))
    problem = whiten(DOSES, np.diag([0.02] * 5))
    got = profile(problem, estimates, family, starts=4)
    for i in range(12):
        one = profile(problem, estimates[i : i + 1], family, starts=4)
        assert got.criterion[i] == pytest.approx(one.criterion[0], rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_no_contrast_has_more_power_than_the_optimal_one(seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(5, 5))
    covariance = root @ root.T + 0.2 * np.eye(5)
    shape = Candidate(fam.sigmoid_emax(), (float(rng.uniform(0.1, 1)), 3.0))
    c = optimal_contrasts([shape], DOSES, covariance)[:, 0]
    assert c.sum() == pytest.approx(0, abs=1e-12)
    assert c @ c == pytest.approx(1)

    def noncentrality(w):
        return w @ shape.shape(DOSES) / np.sqrt(w @ covariance @ w)

    others = rng.normal(size=(200, 5))
    others -= others.mean(axis=1, keepdims=True)
    assert all(noncentrality(w) <= noncentrality(c) * (1 + 1e-9) for w in others)


@pytest.mark.independent
def test_largest_t_where_it_is_known():
    """One statistic: Student. Two opposite ones: two-sided Student. Independent normals: a
    power. All directions of the plane by a dense fan: Scheffe's F in two dimensions."""
    one = largest_t([[1.0]], 12)
    assert one.tail([2.1, -0.4, 0.0]) == pytest.approx(t_law.sf([2.1, -0.4, 0.0], 12), rel=1e-9)
    opposite = largest_t([[1.0, -1.0], [-1.0, 1.0]], 9)
    assert opposite.tail(2.3) == pytest.approx(2 * t_law.sf(2.3, 9), rel=1e-9)
    assert largest_t([[1.0]], 9, two_sided=True).critical(0.05) == pytest.approx(
        t_law.isf(0.025, 9)
    )
    for size in (2, 3, 4, 6):
        independent = largest_t(np.eye(size), np.inf)
        for c in (-0.5, 0.5, 2.0, 3.0):
            expected = -np.expm1(size * norm.logcdf(c))
            assert independent.tail(c) == pytest.approx(expected, rel=2e-4)
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    fan = largest_t(np.cos(angle[:, None] - angle), 20)
    assert fan.tail(2.5) == pytest.approx(f_law.sf(2.5**2 / 2, 2, 20), rel=2e-3)


def test_largest_t_agrees_with_simulation():
    """A million draws of correlated t; 4 Monte-Carlo standard errors."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 3))
    root /= np.sqrt(np.sum(root**2, axis=1))[:, None]
    law = largest_t(root @ root.T, 15)
    z = rng.standard_normal((1_000_000, 3)) @ root.T
    largest = z.max(axis=1) / np.sqrt(rng.chisquare(15, 1_000_000) / 15)
    for c in (0.0, 1.0, 2.2):
        p = float(law.tail(c))
        assert np.mean(largest >= c) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 1e6))
    assert law.tail(law.critical(0.03)) == pytest.approx(0.03, rel=1e-9)


def test_generalised_form_equals_the_normal_one():
    dose, y, sex = subjects(2)
    means = dose_means(dose, y, covariates=sex)
    given_ = given_estimates(means.dose, means.estimate, means.covariance)
    normal, general = (fit_curve(m, fam.sigmoid_emax()) for m in (means, given_))
    assert general.coefficients == pytest.approx(normal.coefficients[:4], rel=1e-9)
    variance = means.within / means.df
    assert general.criterion * variance + means.within == pytest.approx(normal.criterion, rel=1e-9)


def test_binary_end_point_by_logits():
    """Generalised MCP-Mod against the likelihood of the binomial model, large groups."""
    n, x = np.full(5, 4000.0), np.array([1200, 1450, 1900, 2250, 2350.0])
    logit, variance = np.log(x / (n - x)), 1 / x + 1 / (n - x)
    fit = fit_curve(given_estimates(DOSES, logit, np.diag(variance)), fam.emax())

    def minus(b):
        eta = b[0] + b[1] * DOSES / (np.exp(b[2]) + DOSES)
        return -np.sum(x * eta - n * np.log1p(np.exp(eta)))

    best = minimize(minus, [-1, 1, -2], method="Nelder-Mead",
                    options={"xatol": 1e-9, "fatol": 1e-9, "maxiter": 4000})  # fmt: skip
    assert fit.linear == pytest.approx(best.x[:2], rel=0.02)
    assert fit.aic == pytest.approx(fit.criterion + 6)
    candidates = [Candidate(fam.linear()), Candidate(fam.emax(), (0.2,))]
    contrasts = optimal_contrasts(candidates, DOSES, np.diag(variance))
    assert all(contrast_test(logit, np.diag(variance), contrasts).significant)


def test_the_contrast_test_keeps_its_level():
    """20,000 trials without effect: 2.5 % within 4 standard errors."""
    rng = np.random.default_rng(8)
    design = plan(DOSES, [10] * 5, [Candidate(fam.linear()), Candidate(fam.emax(), (0.2,)),
                                    Candidate(fam.exponential(), (0.3,))])  # fmt: skip
    means, variance = trial_means(np.repeat(DOSES, 10), rng.normal(size=(20_000, 50)))
    got = analyse_trials(design, means, variance, difference=0.5)
    assert got.significant.mean() == pytest.approx(0.025, abs=4 * np.sqrt(0.025 * 0.975 / 20_000))
    assert ((got.family >= 0) == got.significant).all()


def test_many_trials_are_what_single_trials_are():
    candidates = [Candidate(fam.linear()), Candidate(fam.emax(), (0.2,)),
                  Candidate(fam.sigmoid_emax(), (0.4, 4.0))]  # fmt: skip
    design = plan(DOSES, [20] * 5, candidates)
    trials = [subjects(seed) for seed in range(12)]
    means, variance = trial_means(trials[0][0], np.stack([y for _, y, _ in trials]))
    got = analyse_trials(design, means, variance, difference=0.3)
    for i, (dose, y, _) in enumerate(trials):
        single = dose_means(dose, y)
        test = contrast_test(single.estimate, single.covariance, design.contrasts, df=single.df)
        assert close(got.t[i], test.t)
        fits = [fit_curve(single, c.family) for c, s in
                zip(candidates, test.significant, strict=True) if s]  # fmt: skip
        if fits:
            best = min(fits, key=lambda f: f.aic)
            assert candidates[got.family[i]].family.name == best.family.name
            assert got.target_dose[i] == pytest.approx(best.target_dose(0.3), rel=1e-4, nan_ok=True)


def test_bootstrap_interval_covers_the_dose():
    """60 trials, true emax; 90 % intervals of the ED50 within 4 standard errors."""
    rng, covered = np.random.default_rng(1), 0
    true = 0.5 * 0.15 / (1.15 - 0.5)  # half of the effect at dose 1
    for seed in range(60):
        dose, y, _ = subjects(seed, n=60, sd=0.3)
        got = dose_interval(dose_means(dose, y), [fam.emax()], rng=rng, share=0.5, draws=200,
                            level=0.9)  # fmt: skip
        covered += got.lower <= true <= got.upper
    assert covered / 60 >= 0.9 - 4 * np.sqrt(0.09 / 60)


def test_bootstrap_is_reproducible_and_says_what_it_did_not_reach():
    means = dose_means(*subjects(0)[:2])
    one, other = (
        dose_interval(means, FAMILIES, rng=np.random.default_rng(2), difference=0.6, how=how)
        for how in ("average", "average")
    )
    assert one == other
    never = dose_interval(means, [fam.linear()], rng=np.random.default_rng(2), difference=9.0)
    assert np.isnan(never.value)
    assert never.upper == np.inf
    assert "1000 of 1000 draws, nor in the data" in never.warnings[0]


def test_a_flat_response_says_so():
    for family in FAMILIES:
        fit = fit_curve(given_estimates(DOSES, np.ones(5), np.eye(5)), family)
        assert fit.effect(DOSES) == pytest.approx(0, abs=1e-9)
        assert np.isnan(fit.target_dose(0.5))
        flat = bool(family.nonlinear)
        assert any("flat" in note for note in fit.warnings) == flat


def test_weights_and_guesses():
    assert akaike_weights([10.0, 12.0]) == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.e)])
    assert akaike_weights([1.0, np.nan]) == pytest.approx([1, 0])
    (ed50,) = guess_from_share(fam.emax(), 0.3, 0.6)
    assert 0.3 / (ed50 + 0.3) == pytest.approx(0.6)
    (delta,) = exponential_guess(0.5, 0.2, 1.0)
    assert np.expm1(0.5 / delta) / np.expm1(1 / delta) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: fam.linear_log(0), StatisticsError, "above 0"),
        (lambda: fam.beta(-1), StatisticsError, "exceed"),
        (lambda: Candidate(fam.emax()), StatisticsError, "takes 1 guess"),
        (lambda: Candidate(fam.emax(), (-0.2,)), StatisticsError, "above 0"),
        (lambda: optimal_contrasts([Candidate(fam.linear())], [0, 0, 1], np.eye(3)),
         StatisticsError, "distinct"),
        (lambda: optimal_contrasts([Candidate(fam.linear())], [0, 1], np.zeros((2, 2))),
         StatisticsError, "positive definite"),
        (lambda: largest_t([[1, 0.5], [0.2, 1]], 5), StatisticsError, "symmetric"),
        (lambda: largest_t([[1, 2], [2, 1]], 5), StatisticsError, "negative eigenvalue"),
        (lambda: largest_t(np.eye(2), 0), StatisticsError, "df"),
        (lambda: largest_t(np.eye(2), 5).critical(0), StatisticsError, "alpha"),
        (lambda: dose_means([0, 1], [1.0, 2.0]), StatisticsError, "degrees of freedom"),
        (lambda: dose_means([0, -1, 1], [1.0, 2, 3]), StatisticsError, "0 or more"),
        (lambda: dose_means([0, 1, 1], [1.0, np.nan, 3]), StatisticsError, "finite"),
        (lambda: dose_means([0, 0, 1, 1], [1.0, 2, 3, 4], covariates=[1, 1, 1, 1]),
         RankDeficiencyError, "covariate"),
        (lambda: given_estimates([0, 1], [1, 2], np.eye(3)), StatisticsError, "fit together"),
        (lambda: fit_curve(given_estimates([0, 1], [1, 2], np.eye(2)), fam.emax()),
         StatisticsError, "2 doses cannot"),
        (lambda: fit_curve(given_estimates([0, 1, 2], [1, 2, 3], np.eye(3)), fam.emax(),
                           bounds=((2.0, 1.0),)), StatisticsError, "lower"),
        (lambda: fit_curve(given_estimates([0, 1, 2], [1, 2, 3], -np.eye(3)), fam.emax()),
         StatisticsError, "positive definite"),
        (lambda: dose_interval(given_estimates([0, 1], [1, 2], np.eye(2)), [fam.linear()],
                               rng=np.random.default_rng(1)), StatisticsError, "one of"),
    ],
)  # fmt: skip
def test_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()
