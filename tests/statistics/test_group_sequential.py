"""Group-sequential designs: published constants, simulation, inference, refusals."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from openlupus.errors import ConvergenceError, StatisticsError
from openlupus.statistics.group_sequential import (
    OBRIEN_FLEMING,
    POCOCK,
    HaybittlePeto,
    Spending,
    WangTsiatis,
    adjusted_estimate,
    adjusted_p,
    design,
    operating,
    repeated_interval,
)

OF_LIKE = Spending("obrien-fleming")


@pytest.mark.independent
@pytest.mark.parametrize(
    ("looks", "pocock", "obrien_fleming", "strict"),
    # Jennison & Turnbull 2000, Tables 2.1 and 2.3, two-sided 0.05; Pocock at 0.01.
    [
        (2, 2.178, 1.977, 2.772), (3, 2.289, 2.004, 2.873), (4, 2.361, 2.024, 2.939),
        (5, 2.413, 2.040, 2.986),
    ],
)  # fmt: skip
def test_constants_of_the_textbook(looks, pocock, obrien_fleming, strict):
    t = np.arange(1, looks + 1) / looks
    for rule, alpha, constant in (
        (POCOCK, 0.05, pocock), (OBRIEN_FLEMING, 0.05, obrien_fleming), (POCOCK, 0.01, strict),
    ):  # fmt: skip
        assert design(t, rule, alpha=alpha, sides=2).critical[-1] == pytest.approx(
            constant, abs=6e-4
        )


@pytest.mark.independent
def test_lan_demets_of_the_literature():
    """O'Brien-Fleming type spending at equal fifths, two-sided 0.05: Lan & DeMets' example."""
    got = design([0.2, 0.4, 0.6, 0.8, 1.0], OF_LIKE, alpha=0.05, sides=2)
    # Each tail spends 0.025 by its own function.
    assert got.critical == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=1e-3)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize(
    "rule",
    [OBRIEN_FLEMING, POCOCK, WangTsiatis(0.25), HaybittlePeto(), OF_LIKE, Spending("pocock"),
     Spending("hwang-shih-decani", -4.0), Spending("kim-demets", 2.0)],
)  # fmt: skip
def test_the_level_is_kept_exactly(rule, sides):
    """Against scipy's multivariate normal: no crossing means all below (and above) at once."""
    t = np.array([0.35, 0.7, 1.0])
    got = design(t, rule, alpha=0.05, sides=sides)
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    lower = -got.critical if sides == 2 else None
    stay = multivariate_normal(cov=covariance, abseps=1e-7, releps=1e-7, maxpts=400_000).cdf(
        got.critical, lower_limit=lower, rng=np.random.default_rng(1)
    )
    assert 1 - stay == pytest.approx(0.05, abs=1e-5)
    assert got.spent[-1] * sides == pytest.approx(0.05, abs=2e-4 if sides == 2 else 1e-12)


def test_one_analysis_is_the_fixed_test():
    got = design([1.0], POCOCK, alpha=0.025)
    assert got.critical == pytest.approx([norm.isf(0.025)], rel=1e-12)
    assert operating(got).inflation == pytest.approx(1, rel=1e-12)
    assert adjusted_p(got, 1, 2.2) == pytest.approx(norm.sf(2.2), rel=1e-12)


def test_power_agrees_with_simulation():
    """200,000 trials; Monte-Carlo standard error below 0.0012."""
    t = np.array([0.3, 0.6, 1.0])
    plan = design(t, OF_LIKE, futility=Spending("hwang-shih-decani", -2.0), beta=0.1)
    step = np.sqrt(np.diff(t, prepend=0))
    noise = np.random.default_rng(7).standard_normal((200_000, 3)) * step
    z = (noise + plan.drift * step**2).cumsum(axis=1) / np.sqrt(t)
    going, got = np.ones(len(z), bool), plan.crossing(plan.drift)
    for k in range(3):
        up, down = going & (z[:, k] >= plan.critical[k]), going & (z[:, k] <= plan.futility[k])
        assert up.mean() == pytest.approx(got.upper[k], abs=0.004)
        assert down.mean() == pytest.approx(got.lower[k], abs=0.004)
        going &= ~up & ~down
    assert got.upper.sum() == pytest.approx(0.9, abs=1e-9)


@pytest.mark.parametrize("binding", [False, True])
def test_futility_spends_beta_and_keeps_alpha(binding):
    spend = Spending("kim-demets", 2.0)
    plan = design([0.5, 0.75, 1.0], OF_LIKE, futility=spend, beta=0.15, binding=binding)
    at_drift = plan.crossing(plan.drift)
    assert np.cumsum(at_drift.lower) == pytest.approx(spend.spent([0.5, 0.75, 1.0], 0.15), rel=1e-8)
    level = plan.crossing(0.0, futility=binding).upper.sum()
    assert level == pytest.approx(0.025, rel=1e-9)
    # What stopping early costs in power comes back by a lower last bound only if it is binding.
    without = design([0.5, 0.75, 1.0], OF_LIKE).critical[-1]
    assert (plan.critical[-1] < without - 1e-3) == binding


def test_stagewise_p_is_uniform_under_the_hypothesis():
    """20,000 trials under drift 0, stopped by the rule; quantiles within 4 standard errors."""
    t = np.array([0.5, 1.0])
    plan = design(t, POCOCK)
    step = np.sqrt(np.diff(t, prepend=0))
    z = (np.random.default_rng(3).standard_normal((20_000, 2)) * step).cumsum(axis=1) / np.sqrt(t)
    early = z[:, 0] >= plan.critical[0]
    grid = np.linspace(-5, 6, 600)
    first, last = (
        np.interp(z[:, k], grid, [adjusted_p(plan, k + 1, v) for v in grid]) for k in (0, 1)
    )
    p = np.where(early, first, last)
    for q in (0.01, 0.025, 0.1, 0.5, 0.9):
        assert np.mean(p <= q) == pytest.approx(q, abs=4 * np.sqrt(q * (1 - q) / p.size))


def test_adjusted_interval_covers():
    """Endpoints are where the stagewise P value is 0.025 and 0.975; coverage by simulation."""
    t, drift = np.array([0.5, 1.0]), 2.5
    plan = design(t, OF_LIKE)
    step = np.sqrt(np.diff(t, prepend=0))
    noise = np.random.default_rng(5).standard_normal((200, 2)) * step
    z = (noise + drift * step**2).cumsum(axis=1) / np.sqrt(t)
    inside = []
    for first, last in z:
        stage, seen = (1, first) if first >= plan.critical[0] else (2, last)
        got = adjusted_estimate(plan, stage, seen)
        inside.append(got.lower <= drift <= got.upper)
    assert np.mean(inside) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 200))


def test_significance_and_interval_agree():
    plan = design([0.4, 0.8, 1.0], OF_LIKE)
    for stage in (1, 2, 3):
        c = float(plan.critical[stage - 1])
        assert adjusted_p(plan, stage, c) == pytest.approx(plan.spent[stage - 1], rel=1e-9)
        assert repeated_interval(plan, stage, c).lower == pytest.approx(0, abs=1e-12)
    assert adjusted_estimate(plan, 3, float(plan.critical[2])).lower == pytest.approx(0, abs=1e-9)


def test_information_scales_the_estimate():
    plan = design([0.5, 1.0], POCOCK)
    unit, scaled = (adjusted_estimate(plan, 2, 2.4, information=i) for i in (1.0, 25.0))
    assert scaled.value == pytest.approx(unit.value / 5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: design([0.5, 0.5, 1], POCOCK), "rise strictly"),
        (lambda: design([0.5, 0.9], POCOCK), "to 1"),
        (lambda: design([], POCOCK), "rise strictly"),
        (lambda: design([0.5, 1], POCOCK, alpha=0), "alpha"),
        (lambda: design([0.5, 1], POCOCK, futility=OF_LIKE), "spends alpha"),
        (lambda: design([0.5, 1], OF_LIKE, sides=2, futility=OF_LIKE), "one-sided"),
        (lambda: design([0.5, 1], HaybittlePeto(1.0)), "keeps the level"),
        (lambda: Spending("kim-demets"), "parameter"),
        (lambda: Spending("kim-demets", -1.0), "> 0"),
        (lambda: operating(design([1.0], POCOCK), power=0.01), "power"),
        (lambda: adjusted_p(design([0.5, 1], POCOCK), 3, 2.0), "analyses 1 to 2"),
        (lambda: adjusted_estimate(design([1.0], POCOCK), 1, 2.0, level=1.0), "level"),
    ],
)
def test_refuses(call, words):
    with pytest.raises((StatisticsError, ConvergenceError), match=words):
        call()
