"""Robust regression: second opinions, definitions, properties, the normality rule, refusals."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm
from statsmodels.stats.diagnostic import normal_ad

from openlupus.errors import ConvergenceError, RankDeficiencyError, StatisticsError
from openlupus.statistics.robust.least_squares import least_squares, r_squared, read_model
from openlupus.statistics.robust.m import m_estimate, m_estimates
from openlupus.statistics.robust.mm import (
    M_BISQUARE,
    M_LQQ,
    S_BISQUARE,
    S_LQQ,
    mm_estimate,
    smdm_estimate,
)
from openlupus.statistics.robust.normality import (
    NormalityRule,
    largest_outlier_p,
    normality,
    residuals_of,
)
from openlupus.statistics.robust.psi import Bisquare, Hampel, Huber, Lqq
from openlupus.statistics.robust.s import s_estimate

seeds = st.integers(0, 100_000)
EVERY = [Huber(), Bisquare(), Hampel(), Lqq()]


def data(seed, n=40, outliers=4):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.integers(0, 2, n), rng.normal(size=n)])
    y = x @ [1.0, -0.5, 0.8] + rng.normal(size=n)
    y[:outliers] += 15
    return x, y


def rng():
    return np.random.default_rng(1)


@pytest.mark.independent
@pytest.mark.parametrize("errors", ["classical", "HC0", "HC1", "HC2", "HC3"])
def test_least_squares_agrees_with_statsmodels(errors):
    x, y = data(3)
    kind = "nonrobust" if errors == "classical" else errors
    theirs = sm.OLS(y, x).fit(cov_type=kind)
    ours = least_squares(x, y, errors=errors)
    assert ours.coefficients == pytest.approx(theirs.params, rel=1e-10)
    assert ours.standard_errors == pytest.approx(theirs.bse, rel=1e-10)
    assert r_squared(ours, y) == pytest.approx(theirs.rsquared, rel=1e-10)


@pytest.mark.independent
@pytest.mark.parametrize("errors", ["H1", "H2", "H3"])
def test_m_estimates_agree_with_statsmodels(errors):
    """statsmodels centres no residuals here and divides by the same normal quantile."""
    x, y = data(8)
    theirs = sm.RLM(y, x, M=sm.robust.norms.HuberT(1.345)).fit(
        tol=1e-13, maxiter=500, cov=errors, scale_est=sm.robust.scale.HuberScale()
    )
    fixed = m_estimate(x, y, psi=Huber(1.345), scale="median", errors=errors)
    # Another scale gives another estimate; at theirs our covariance formula must give theirs.
    from openlupus.statistics.robust.m import m_covariance

    u = theirs.resid / theirs.scale
    got = m_covariance(read_model(x, y), u, theirs.scale, Huber(1.345), errors)
    assert np.sqrt(np.diag(got)) == pytest.approx(theirs.bse, rel=1e-6)
    assert fixed.converged


@pytest.mark.parametrize("psi", EVERY)
def test_slope_is_the_derivative_and_weight_the_ratio(psi):
    u = np.linspace(-12, 12, 401) + 1e-4
    h = 1e-6
    numeric = (psi.psi(u + h) - psi.psi(u - h)) / (2 * h)
    assert psi.slope(u) == pytest.approx(numeric, abs=1e-6)
    assert psi.weight(u) * u == pytest.approx(psi.psi(u), abs=1e-12)
    assert psi.weight(np.zeros(1)) == pytest.approx(1)


@pytest.mark.parametrize("psi", [Bisquare(2.0), Lqq()])
def test_rho_is_the_scaled_integral_of_psi(psi):
    for u in (0.3, 1.0, 1.7, 3.0, 9.0, 40.0):
        area = quad(lambda v: float(psi.psi(np.array([v]))[0]), 0, u, limit=200)[0]
        assert psi.rho(np.array([u]))[0] == pytest.approx(area / psi.largest, rel=1e-7)


@pytest.mark.independent
@pytest.mark.parametrize(("scale_rho", "psi"), [(S_BISQUARE, M_BISQUARE), (S_LQQ, M_LQQ)])
def test_constants_have_their_breakdown_and_efficiency(scale_rho, psi):
    """Breakdown 50 % and efficiency 95 % at the normal, as closely as robustbase rounds them."""

    def mean(function):
        inside = [quad(lambda v: function(np.array([v]))[0] * norm.pdf(v), a, a + 1)[0]
                  for a in range(-12, 12)]  # fmt: skip
        return sum(inside)

    assert mean(scale_rho.rho) == pytest.approx(0.5, abs=1e-4)
    efficiency = mean(psi.slope) ** 2 / mean(lambda v: psi.psi(v) ** 2)
    assert efficiency == pytest.approx(0.95, abs=1e-4)


@settings(deadline=None, max_examples=15)
@given(seed=seeds, shift=st.floats(-5, 5), factor=st.floats(0.1, 10))
def test_equivariance(seed, shift, factor):
    """y -> factor y + x shift moves the coefficients alike."""
    x, y = data(seed)
    moved = factor * y + x @ np.array([shift, shift, -shift])
    for estimate in (
        lambda y_: m_estimate(x, y_),
        lambda y_: mm_estimate(x, y_, rng=rng()),
        lambda y_: smdm_estimate(x, y_, rng=rng()),
    ):
        one, other = estimate(y), estimate(moved)
        expected = factor * one.coefficients + [shift, shift, -shift]
        assert other.coefficients == pytest.approx(expected, rel=1e-5, abs=1e-5)
        assert other.standard_errors == pytest.approx(factor * one.standard_errors, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_mm_is_not_pulled_by_a_third_of_outliers(seed):
    x, y = data(seed, n=60, outliers=0)
    clean = least_squares(x, y)
    y[:18] += 50
    spoiled = mm_estimate(x, y, rng=rng())
    assert np.abs(spoiled.coefficients - clean.coefficients).max() < 0.6
    assert spoiled.weights[:18].max() == 0
    assert np.abs(least_squares(x, y).coefficients - clean.coefficients).max() > 3


@pytest.mark.parametrize("seed", range(3))
def test_the_scale_solves_its_equation_and_fits_theirs(seed):
    x, y = data(seed)
    model = read_model(x, y)
    s = s_estimate(model, S_BISQUARE, rng())
    mean = S_BISQUARE.rho(s.residuals / s.scale).sum() / (model.n - model.p)
    assert mean == pytest.approx(0.5, rel=1e-12)
    for fit in (
        m_estimate(x, y), m_estimate(x, y, psi=Bisquare(), scale="median"),
        mm_estimate(x, y, rng=rng()), smdm_estimate(x, y, rng=rng()),
    ):  # fmt: skip
        assert fit.gradient < 1e-8
        assert fit.converged


def test_the_same_generator_gives_the_same_answer():
    x, y = data(1, n=300)
    one, other = (mm_estimate(x, y, rng=np.random.default_rng(5)) for _ in range(2))
    assert (one.coefficients == other.coefficients).all()
    another = mm_estimate(x, y, rng=np.random.default_rng(6))
    assert another.coefficients == pytest.approx(one.coefficients, rel=1e-7)


def test_intervals_of_clean_data_cover():
    """100 normal samples: M and MM intervals of a contrast cover 95 % within 4 standard errors."""
    covered = np.zeros(2)
    for seed in range(100):
        x, y = data(seed, outliers=0)
        for i, fit in enumerate((m_estimate(x, y), mm_estimate(x, y, rng=rng(), errors="H1"))):
            got = fit.contrast([0, 1, 0])
            covered[i] += got.lower <= -0.5 <= got.upper
    assert covered / 100 == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 100))


def test_steps_that_do_not_suffice_are_told():
    x, y = data(2)
    fit = m_estimate(x, y, steps=2)
    assert not fit.converged
    assert "not converged after 2 steps" in fit.warnings[0]


def stack(seed, sets=12, n=60):
    """Data sets of which some have no outliers and others many."""
    parts = [data(seed + i, n=n, outliers=i) for i in range(sets)]
    return tuple(np.stack(each) for each in zip(*parts, strict=True))


@pytest.mark.parametrize(
    "options",
    [
        {}, {"psi": Bisquare(), "scale": "median"}, {"psi": Hampel(), "errors": "H1"},
        {"scale": "proposal-2", "errors": "H2", "convergence": "coefficients"},
        {"psi": Lqq(), "errors": "H3", "tolerance": 1e-9}, {"steps": 14},
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_many_data_sets_side_by_side_are_each_what_they_are_alone(seed, options):
    x, y = stack(100 * seed)
    together = m_estimates(x, y, **options)
    alone = [m_estimate(*each, **options) for each in zip(x, y, strict=True)]
    assert len({fit.iterations for fit in alone}) > 1
    for fit, other in zip(together, alone, strict=True):
        for name in ("coefficients", "scale", "covariance", "residuals", "weights", "leverage"):
            assert getattr(fit, name) == pytest.approx(getattr(other, name), rel=1e-12, abs=1e-14)
        for name in ("names", "iterations", "converged", "warnings", "method", "df"):
            assert getattr(fit, name) == getattr(other, name)
    if "steps" in options:
        assert {fit.converged for fit in together} == {True, False}


def test_more_data_sets_than_are_worked_on_together_keep_their_order():
    x, y = stack(7, sets=3, n=3_000)
    many = m_estimates(np.tile(x, (20, 1, 1)), np.tile(y, (20, 1)))
    for i, fit in enumerate(many):
        assert np.array_equal(fit.coefficients, many[i % 3].coefficients)
    assert len(many) == 60


@pytest.mark.parametrize("psi", [Huber(), Bisquare()])
def test_a_step_is_weighted_least_squares(psi):
    """Every step in the plain way, on badly scaled and correlated columns."""
    x, y = data(12, n=80, outliers=9)
    x = x @ np.array([[1, 0, 50.0], [0, 1, 3], [0, 0, 1e-3]])
    r = y - x @ np.linalg.lstsq(x, y)[0]
    for _ in range(60):
        root = np.sqrt(psi.weight(r / (np.median(np.abs(r)) / 0.6745)))
        b = np.linalg.lstsq(x * root[:, None], y * root)[0]
        r = y - x @ b
    assert m_estimate(x, y, psi=psi).coefficients == pytest.approx(b, rel=1e-9)


def lonely(apart):
    """Two observations have a column of their own, and lie that far apart."""
    x, y = data(4, outliers=0)
    own = np.zeros(len(y))
    own[:2] = 1
    y[:2] = apart / 2, -apart / 2
    return np.column_stack([x, own]), y


def test_a_group_without_weight_is_refused_also_among_others():
    x, y = (np.stack(each) for each in zip(lonely(1), lonely(200), strict=True))
    assert m_estimates(x[:1], y[:1], psi=Bisquare())[0].converged
    for call in (m_estimates, lambda x, y, **o: m_estimate(x[1], y[1], **o)):
        with pytest.raises(RankDeficiencyError, match="outliers alone"):
            call(x, y, psi=Bisquare())


def test_a_group_with_hardly_any_weight_is_still_solved():
    """Weights of 4e-8 and 4e-12 in the first step: products alone would lose its coefficient."""
    for share in (1e-4, 1e-6):
        x, y = lonely(1)
        first = 1.0
        for _ in range(60):
            y[:2] = first / 2, -first / 2
            r = y - x @ np.linalg.lstsq(x, y)[0]
            first *= 4.685 * (1 - share) * (np.median(np.abs(r)) / 0.6745) / np.abs(r[0])
        r = y - x @ np.linalg.lstsq(x, y)[0]
        root = np.sqrt(Bisquare().weight(r / (np.median(np.abs(r)) / 0.6745)))
        assert 0 < root[0] ** 2 < 1e-6
        fit = m_estimate(x, y, psi=Bisquare(), steps=1)
        assert fit.weights[0] == pytest.approx(root[0] ** 2, rel=1e-6)
        b = np.linalg.lstsq(x * root[:, None], y * root, rcond=1e-15)[0]
        assert fit.coefficients == pytest.approx(b, rel=1e-7, abs=1e-9)


def test_a_scale_of_0_in_one_of_many_is_told():
    x, y = stack(0, sets=3)
    y[1, :40] = x[1, :40, 2]
    with pytest.raises(ConvergenceError, match="fitted exactly"):
        m_estimates(x, y)


@pytest.mark.independent
@settings(deadline=None)
@given(seeds)
def test_anderson_darling_agrees_with_statsmodels(seed):
    values = np.random.default_rng(seed).standard_t(3, 30)
    got = normality(values, NormalityRule(statistic="anderson-darling"))
    assert (got.statistic, got.p) == pytest.approx(normal_ad(values), rel=1e-8, abs=1e-12)


@pytest.mark.independent
def test_residuals_agree_with_statsmodels():
    x, y = data(4)
    fit, influence = least_squares(x, y), sm.OLS(y, x).fit().get_influence()
    assert residuals_of(fit, "standardized") == pytest.approx(influence.resid_studentized_internal)
    assert residuals_of(fit) == pytest.approx(influence.resid_studentized_external)
    assert (residuals_of(fit, "raw") == fit.residuals).all()


def test_a_rule_says_what_it_saw():
    x, clean = data(6, n=80, outliers=0)
    _, spoiled = data(6, n=80, outliers=8)
    for rule in (
        NormalityRule(), NormalityRule("anderson-darling"),
        NormalityRule("shapiro-wilk", on="statistic", cutoff=0.9),
        NormalityRule("skewness", on="statistic", cutoff=1.5),
        NormalityRule("kurtosis", on="statistic", cutoff=3.0),
    ):  # fmt: skip
        seen = [normality(residuals_of(least_squares(x, y), rule.residuals), rule)
                for y in (clean, spoiled)]  # fmt: skip
        assert [each.severe for each in seen] == [False, True]
        assert seen[0].rule == rule
        assert seen[0].n == 80
    assert largest_outlier_p(least_squares(x, clean)) > 0.05


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x, y: m_estimate(x, y[:-1]), StatisticsError, "shape"),
        (lambda x, y: m_estimate(x[:3], y[:3]), StatisticsError, "3 observations"),
        (lambda x, y: m_estimates(x, y), StatisticsError, "models, observations"),
        (lambda x, y: m_estimates(x[None], np.where(np.arange(40) == 5, np.nan, y)[None]),
         StatisticsError, "observation 6"),
        (lambda x, y: m_estimate(x, np.where(np.arange(40) == 5, np.nan, y)), StatisticsError,
         "observation 6"),
        (lambda x, y: m_estimate(np.column_stack([x, x[:, 1] * 2]), y, names=list("abcd")),
         RankDeficiencyError, "d follows"),
        (lambda x, y: m_estimate(x, np.where(np.arange(40) < 30, x[:, 2], y)), ConvergenceError,
         "fitted exactly"),
        (lambda x, y: mm_estimate(x, np.where(np.arange(40) < 30, x[:, 2], y), rng=rng()),
         ConvergenceError, "fitted exactly"),
        (lambda x, y: m_estimate(x, y, scale="iqr"), StatisticsError, "mad"),
        (lambda x, y: m_estimate(x, y, errors="HC3"), StatisticsError, "H1"),
        (lambda x, y: m_estimate(x, y, convergence="weights"), StatisticsError, "coefficients"),
        (lambda x, y: least_squares(x, y, errors="H1"), StatisticsError, "HC0"),
        (lambda x, y: least_squares(x, y, names=["a"]), StatisticsError, "names"),
        (lambda *_: Huber(-1), StatisticsError, "above 0"),
        (lambda *_: Hampel(2, 1, 8), StatisticsError, "rise"),
        (lambda *_: Lqq(s=0.5), StatisticsError, "exceed 1"),
        (lambda *_: NormalityRule("skewness"), StatisticsError, "judged by its value"),
        (lambda *_: NormalityRule(cutoff=2), StatisticsError, "between 0 and 1"),
        (lambda *_: normality(np.ones(20)), StatisticsError, "not all equal"),
    ],
)  # fmt: skip
def test_refuses(call, error, words):
    x, y = data(0)
    with pytest.raises(error, match=words):
        call(x, y)
