"""Jackknife, bootstrap and draws after reference-based imputation."""

import numpy as np
import pytest

from openlupus.errors import ConvergenceError, ImputationError, RankDeficiencyError
from openlupus.statistics.imputation.augmentation import Chains
from openlupus.statistics.imputation.pool import rubin
from openlupus.statistics.imputation.reference import trial
from openlupus.statistics.imputation.reference_bayes import bayes
from openlupus.statistics.imputation.reference_inference import (
    approximate_bayes,
    bootstrap,
    jackknife,
)
from openlupus.statistics.imputation.reference_model import Base, fit_base

N, T = 60, 3
ARM = np.repeat([0, 1], N // 2)


def design(arm: np.ndarray) -> np.ndarray:
    x = np.zeros((len(arm), T, 2 * T))
    for t in range(T):
        x[:, t, t] = 1
        x[:, t, T + t] = arm
    return x


def model(strategy="J2R", covariance="us", by_arm=False) -> Base:
    rng = np.random.default_rng(11)
    y = rng.multivariate_normal(np.zeros(T), 0.6 + 0.4 * np.eye(T), N) + np.outer(ARM, [0, 1, 2])
    event = np.full(N, T)
    event[::6] = 1 + np.arange(len(event[::6])) % 2
    y[np.arange(T) >= event[:, None]] = np.nan
    made = trial(
        y, design(ARM), design(np.zeros(N)), event=event,
        strategy=[strategy if e < T else "MAR" for e in event],
        group=ARM if by_arm else None, reference_group=np.zeros(N, int) if by_arm else None,
    )  # fmt: skip
    return fit_base(made, covariance=covariance)


def effect(y: np.ndarray, who: np.ndarray) -> np.ndarray:
    return y[ARM[who] == 1].mean(axis=0) - y[ARM[who] == 0].mean(axis=0)


def test_bootstrap_and_jackknife_find_about_the_same_errors() -> None:
    base = model()
    one = jackknife(base, effect)
    other = bootstrap(base, effect, samples=150, generator=np.random.default_rng(0), strata=ARM)
    assert np.array_equal(one.estimate, other.estimate)
    assert other.standard_error == pytest.approx(one.standard_error, rel=0.2)
    assert one.replicates.shape == (N, T)
    assert np.all(one.lower < one.estimate)


def test_leaving_a_subject_out_is_refitting_without_it() -> None:
    base = model("MAR")
    keep = np.arange(N) != 7
    data = base.trial
    small = trial(data.y[keep], data.design[keep], data.reference[keep])
    want = fit_base(small).parameters
    got = base.refitted([keep * 1.0])
    assert got.beta == pytest.approx(want.beta, rel=1e-7, abs=1e-8)
    assert got.covariance == pytest.approx(want.covariance, rel=1e-7)


def test_a_subject_taken_twice_counts_twice() -> None:
    base = model("MAR", covariance="ar1")
    twice = np.append(np.arange(N), 5)
    data = base.trial
    more = trial(data.y[twice], data.design[twice], data.reference[twice])
    want = fit_base(more, covariance="ar1").parameters
    got = base.refitted([np.bincount(twice, minlength=N).astype(float)])
    assert got.beta == pytest.approx(want.beta, rel=1e-7, abs=1e-8)


def pooled(drawn):
    y = drawn.stacked()
    arms = [y[:, a == ARM] for a in (1, 0)]
    variance = sum(each.var(axis=1, ddof=1) / each.shape[1] for each in arms)
    return rubin(arms[0].mean(axis=1) - arms[1].mean(axis=1), variance)


@pytest.mark.parametrize("by_arm", [False, True])
def test_bayesian_draws_agree_with_approximate_ones(by_arm) -> None:
    base = model(by_arm=by_arm)
    exact = bayes(base, m=200, generator=np.random.default_rng(1), chains=Chains(burn_in=40))
    nearly = approximate_bayes(base, m=200, generator=np.random.default_rng(2), strata=ARM)
    a, b = pooled(exact), pooled(nearly)
    assert a.estimate == pytest.approx(b.estimate, abs=0.06)
    assert a.standard_error == pytest.approx(b.standard_error, rel=0.1)
    assert "J2R" in exact.method
    assert "Bayesian" in exact.method


def test_jump_to_reference_pulls_the_effect_towards_none() -> None:
    estimates = {s: jackknife(model(s), effect).estimate[-1] for s in ("MAR", "CIR", "J2R")}
    assert estimates["MAR"] > estimates["CIR"] > estimates["J2R"]


def test_the_same_seed_gives_the_same_draws() -> None:
    base = model()
    one, two = (
        approximate_bayes(base, m=3, generator=np.random.default_rng(5), strata=ARM)
        for _ in range(2)
    )
    assert np.array_equal(one.values, two.values)


def test_refusals() -> None:
    base = model()
    rng = np.random.default_rng(0)
    with pytest.raises(ImputationError, match="m is 1"):
        approximate_bayes(base, m=1, generator=rng, strata=ARM)
    with pytest.raises(ImputationError, match="strata has shape"):
        bootstrap(base, effect, samples=5, generator=rng, strata=ARM[:3])
    with pytest.raises(ImputationError, match="unstructured"):
        bayes(model(covariance="ar1"), m=2, generator=rng)
    with pytest.raises(ImputationError, match="spatial"):
        model(covariance="sp_exp")
    with pytest.raises(ImputationError, match="another number of estimates"):
        jackknife(base, lambda y, who: np.zeros(1 + int(who[0] == 0)))


def test_an_arm_that_cannot_be_told_is_refused() -> None:
    y = np.random.default_rng(0).standard_normal((20, T))
    arm = np.zeros(20)
    with pytest.raises(RankDeficiencyError):
        fit_base(trial(y, design(arm), design(arm)))
    pairs = y.copy()
    pairs[:10, 0] = pairs[10:, 2] = np.nan
    arm[::2] = 1
    with pytest.raises(ConvergenceError, match="no subject has both"):
        fit_base(trial(pairs, design(arm), design(arm)))
