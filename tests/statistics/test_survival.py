"""Times to an event: hand-worked and published values, second opinions, limits, refusals."""

import numpy as np
import pytest
from counts import close
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import survdiff

from openlupus.errors import ConvergenceError, RankDeficiencyError, StatisticsError
from openlupus.statistics.survival.competing_risks import cumulative_incidence, gray_test
from openlupus.statistics.survival.cox import cox, proportionality
from openlupus.statistics.survival.kaplan_meier import kaplan_meier
from openlupus.statistics.survival.logrank import logrank

# Freireich et al. 1963, weeks of remission under 6-mercaptopurine and placebo, in every textbook.
MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
MP_EVENT = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TIME, EVENT = np.array(MP + PLACEBO, float), np.array(MP_EVENT + [1] * 21)
TREATED = np.array([1] * 21 + [0] * 21)


def sample(seed, n=120, ties=True):
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)])
    t = rng.exponential(np.exp(-x @ [0.7, -0.3])) * 10
    c = rng.uniform(2, 20, n)
    time = np.minimum(t, c)
    return np.ceil(time * 2) / 2 if ties else time, (t <= c).astype(int), x


@pytest.mark.independent
def test_the_remission_data_as_printed():
    """Kalbfleisch & Prentice 2002, ch. 1; Cox 1972, sec. 5: log hazard ratio 1.65 (exact ties)."""
    treated = kaplan_meier(MP, MP_EVENT)
    at = treated.at([6, 7, 10, 13, 16, 22, 23])
    assert at.survival == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    assert at.standard_error[:2] == pytest.approx([0.0764, 0.0869], abs=5e-5)
    assert treated.quantile().value == 23
    assert kaplan_meier(PLACEBO, [1] * 21).quantile().value == 8
    test = logrank(TIME, EVENT, TREATED)
    assert test.statistic == pytest.approx(16.79, abs=5e-3)
    assert (test.observed[1], test.expected[1]) == (9, pytest.approx(19.25, abs=5e-3))
    fits = {ties: cox(TIME, EVENT, TREATED, ties=ties) for ties in ("breslow", "efron", "exact")}
    betas = [float(fit.coefficients[0]) for fit in fits.values()]
    assert betas == pytest.approx([-1.509, -1.572, -1.628], abs=1e-3)
    # The score test of the exact likelihood is the log-rank test.
    assert fits["exact"].score == pytest.approx(test.statistic, rel=1e-10)


@pytest.mark.independent
@pytest.mark.parametrize("seed", range(4))
def test_cox_and_logrank_agree_with_statsmodels(seed):
    time, event, x = sample(seed)
    strata = np.arange(time.size) % 3
    for ties in ("breslow", "efron"):
        ours = cox(time, event, x, strata=strata, ties=ties)
        theirs = PHReg(time, x, status=event, strata=strata, ties=ties).fit(disp=0)
        assert ours.coefficients == pytest.approx(theirs.params, rel=1e-5)
        assert ours.standard_errors == pytest.approx(theirs.bse, rel=1e-4)
        assert ours.gradient < 1e-9
    statistic, p = survdiff(time, event, x[:, 0], strata=strata)
    got = logrank(time, event, x[:, 0], strata=strata)
    assert (got.statistic, got.p) == pytest.approx((statistic, p), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_without_ties_the_three_likelihoods_are_one(seed):
    time, event, x = sample(seed, ties=False)
    efron, breslow, exact = (
        cox(time, event, x, ties=ties) for ties in ("efron", "breslow", "exact")
    )
    assert close(efron.coefficients, breslow.coefficients)
    assert exact.coefficients == pytest.approx(efron.coefficients, rel=1e-8)
    assert exact.loglikelihood == pytest.approx(efron.loglikelihood, rel=1e-10)


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_derivatives_are_those_of_the_likelihood(ties):
    """Central differences of the log-likelihood at the fit."""
    from openlupus.statistics.survival.partial_likelihood import contributions, risk_sets

    time, event, x = sample(5)
    sets = risk_sets(time, event, x, np.zeros(time.size, int))
    at, h = np.array([0.4, -0.2]), 1e-5
    got = contributions(sets, at, ties)
    for i, step in enumerate(np.eye(2) * h):
        up, down = contributions(sets, at + step, ties), contributions(sets, at - step, ties)
        assert (up.loglikelihood - down.loglikelihood) / (2 * h) == pytest.approx(
            got.score[i], abs=1e-5
        )
        assert -(up.score - down.score) / (2 * h) == pytest.approx(got.information[i], rel=1e-5)


def test_zph_is_the_score_test_of_a_time_dependent_term():
    """Against the full likelihood with x and x g(t) written out at every event time."""
    time, event, x = sample(11, ties=False)
    fit = cox(time, event, x)
    check = proportionality(fit, time, event, transform="log")
    deaths = np.flatnonzero(event)
    g = np.log(time[deaths]) - np.log(time[deaths]).mean()
    score, information = np.zeros(4), np.zeros((4, 4))
    for death, weight in zip(deaths, g, strict=True):
        at_risk = time >= time[death]
        wide = np.column_stack([x[at_risk], weight * x[at_risk]])
        risk = np.exp(x[at_risk] @ fit.coefficients)
        mean = risk @ wide / risk.sum()
        score += np.append(x[death], weight * x[death]) - mean
        information += (wide.T * risk) @ wide / risk.sum() - np.outer(mean, mean)
    assert check.overall[0] == pytest.approx(score @ np.linalg.solve(information, score), rel=1e-8)
    for transform in ("km", "identity", "rank"):
        assert (proportionality(fit, time, event, transform=transform).statistic >= 0).all()


def test_zph_finds_a_hazard_that_changes():
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, 800)
    time = np.where(x == 1, rng.weibull(2.5, 800), rng.weibull(0.7, 800))
    event = np.ones(800, int)
    found = proportionality(cox(time, event, x), time, event)
    assert found.p[0] < 1e-6
    assert found.overall[0] == pytest.approx(found.statistic[0])


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_one_cause_alone_is_kaplan_meier_and_logrank(seed):
    """Cumulative incidence is 1 - S with Greenwood's variance; Gray's score is the log-rank's."""
    rng = np.random.default_rng(seed)
    time, event, group = rng.integers(1, 15, 50), rng.integers(0, 2, 50), rng.integers(0, 3, 50)
    event[0], group[:3] = 1, [0, 1, 2]
    cif, curve = cumulative_incidence(time, event), kaplan_meier(time, event)
    assert close(cif.incidence, 1 - curve.survival)
    assert cif.standard_error**2 == pytest.approx(curve.standard_error**2, abs=1e-12)
    gray, test = gray_test(time, event, group), logrank(time, event, group)
    assert gray.score == pytest.approx(test.observed - test.expected, abs=1e-9)
    assert gray.covariance.sum(axis=0) == pytest.approx(0, abs=1e-9)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_incidences_and_survival_add_to_one(seed):
    rng = np.random.default_rng(seed)
    time, event = rng.integers(1, 12, 40), rng.integers(0, 4, 40)
    total = sum(cumulative_incidence(time, event, cause=c).incidence for c in (1, 2, 3))
    assert close(total + kaplan_meier(time, event > 0).survival, 1)


def test_grays_test_keeps_its_level():
    """800 trials without a difference, two causes, ties: 5 % within 4 standard errors."""
    rng = np.random.default_rng(9)
    rejected = 0
    for _ in range(800):
        t, c = rng.exponential(5, 150), rng.uniform(2, 15, 150)
        event = np.where(t <= c, rng.integers(1, 3, 150), 0)
        time = np.ceil(np.minimum(t, c) * 4) / 4
        rejected += gray_test(time, event, rng.integers(0, 2, 150)).p < 0.05
    assert rejected / 800 == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 800))


def test_gray_with_strata_adds_scores():
    rng = np.random.default_rng(4)
    time, event, group = rng.exponential(5, 90), rng.integers(0, 3, 90), rng.integers(0, 2, 90)
    strata = np.arange(90) % 2
    parts = [gray_test(time[strata == s], event[strata == s], group[strata == s]) for s in (0, 1)]
    got = gray_test(time, event, group, strata=strata)
    assert close(got.score, sum(part.score for part in parts))
    assert close(got.covariance, sum(part.covariance for part in parts))


def test_medians_where_the_curve_is_level_or_never_falls():
    assert kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1]).quantile().value == 2.5
    never = kaplan_meier([1, 2, 3, 4], [1, 0, 0, 0]).quantile()
    assert np.isnan(never.value)
    assert "not reached" in never.warnings[0]
    beyond = kaplan_meier([1, 2], [1, 1]).at([0, 1.5, 9])
    assert beyond.survival[:2] == pytest.approx([1, 0.5])
    assert np.isnan(beyond.survival[2])
    assert any("beyond 2" in note for note in beyond.warnings)


def test_restricted_mean_is_the_area():
    curve = kaplan_meier([1, 2, 4], [1, 1, 1])
    assert curve.restricted_mean(3).value == pytest.approx(1 + 2 / 3 + 1 / 3)
    assert curve.restricted_mean(4).value == pytest.approx((1 + 2 + 4) / 3)


def test_a_group_never_at_risk_is_named():
    got = logrank([1, 5, 6, 7], [0, 1, 1, 0], ["late", "a", "b", "b"])
    assert got.df == 1
    assert "never at risk" in got.warnings[0]
    nothing = logrank([1, 2], [0, 0], [0, 1])
    assert np.isnan(nothing.statistic)
    assert "nothing to compare" in nothing.warnings[0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kaplan_meier([], []), StatisticsError, "no subjects"),
        (lambda: kaplan_meier([1, -2], [1, 0]), StatisticsError, "subject 2 is -2"),
        (lambda: kaplan_meier([1, np.nan], [1, 0]), StatisticsError, "subject 2"),
        (lambda: kaplan_meier([1, 2], [1, 0.5]), StatisticsError, "event of subject 2"),
        (lambda: kaplan_meier([1, 2], [1]), StatisticsError, "one length"),
        (lambda: kaplan_meier([1, 2], [1, 1], scale="probit"), StatisticsError, "log-log"),
        (lambda: kaplan_meier([1, 2], [1, 1], level=1), StatisticsError, "level"),
        (lambda: kaplan_meier([1, 2], [1, 1]).quantile(1), StatisticsError, "quantile"),
        (lambda: kaplan_meier([1, 2], [1, 1]).restricted_mean(3), StatisticsError, "follow-up"),
        (lambda: logrank([1, 2], [1, 1], [0, 0]), StatisticsError, "one group"),
        (lambda: logrank([1, 2], [1, 1], [0, np.nan]), StatisticsError, "missing"),
        (lambda: cox([1, 2], [0, 0], [1, 2]), StatisticsError, "at least one"),
        (lambda: cox([1, 2, 3], [1, 1, 1], [1, np.nan, 2]), StatisticsError, "subject 2"),
        (lambda: cox([1, 2, 3], [1, 1, 1], [1, 1, 1]), RankDeficiencyError, "does not vary"),
        (lambda: cox(TIME, EVENT, np.column_stack([TREATED, 2 * TREATED]), names=["a", "b"]),
         RankDeficiencyError, "b does not vary|b .*follows"),
        (lambda: cox([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], names=["x"]),
         ConvergenceError, "x runs to"),
        (lambda: cox(TIME, EVENT, TREATED, ties="other"), StatisticsError, "efron"),
        (lambda: gray_test([1, 2], [2, 2], [0, 1]), StatisticsError, "0 events of cause 1"),
    ],
)  # fmt: skip
def test_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()
