"""Fits: what must hold for any data, and what is refused."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmrm_trials import trial

from openlupus.errors import ConvergenceError, RankDeficiencyError, StatisticsError
from openlupus.statistics.mmrm import (
    STRUCTURES,
    covariance_parameters,
    fit,
    inference,
    information_criteria,
)

NAMES = [name for name in STRUCTURES if not name.startswith("sp_")]


def fitted(t, **options):
    return fit(t.y, t.x, t.visit, t.subject, **options)


@pytest.mark.parametrize("name", NAMES)
def test_convergence_is_proven(name: str) -> None:
    proof = fitted(trial(), covariance=name).convergence
    assert proof.relative_gradient < 1e-8
    assert proof.distance < 1e-8
    assert proof.smallest_eigenvalue > 0


@pytest.mark.parametrize("name", NAMES)
def test_unit_of_measurement_does_not_matter(name: str) -> None:
    small, large = fitted(trial(), covariance=name), fitted(trial(scale=1e6), covariance=name)
    np.testing.assert_allclose(large.beta, 1e6 * small.beta, rtol=1e-8)
    np.testing.assert_allclose(large.covariance, 1e12 * small.covariance, rtol=1e-8)
    np.testing.assert_allclose(
        large.visit_covariance[0], 1e12 * small.visit_covariance[0], rtol=1e-7
    )
    small_df, large_df = (inference(f).estimate(np.eye(4)).df for f in (small, large))
    np.testing.assert_allclose(large_df, small_df, rtol=1e-7)


def test_a_large_mean_does_not_matter() -> None:
    t = trial()
    near, far = fitted(t), fit(t.y + 1e7, t.x, t.visit, t.subject)
    np.testing.assert_allclose(far.beta[1:], near.beta[1:], rtol=1e-7)
    np.testing.assert_allclose(far.covariance, near.covariance, rtol=1e-7)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_rows_and_numbers_of_subjects_do_not_matter(seed: int) -> None:
    t = trial()
    rng = np.random.default_rng(seed)
    order = rng.permutation(t.y.size)
    numbers = rng.permutation(10**9 + np.arange(t.subject.max() + 1))
    one = fitted(t)
    two = fit(t.y[order], t.x[order], t.visit[order], numbers[t.subject[order]])
    np.testing.assert_allclose(two.beta, one.beta, rtol=1e-9)
    assert two.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_trial_done_twice_has_the_same_estimates_and_half_the_covariance(name: str) -> None:
    t = trial()
    once = fitted(t, covariance=name, reml=False)
    twice = fit(
        np.tile(t.y, 2), np.tile(t.x, (2, 1)), np.tile(t.visit, 2),
        np.concatenate([t.subject, t.subject + 1000]), covariance=name, reml=False,
    )  # fmt: skip
    assert twice.theta == pytest.approx(once.theta, rel=1e-6, abs=1e-8)
    assert twice.beta == pytest.approx(once.beta, rel=1e-8)
    assert twice.covariance == pytest.approx(once.covariance / 2, rel=1e-6)
    assert twice.log_likelihood == pytest.approx(2 * once.log_likelihood)


def test_one_visit_is_least_squares() -> None:
    t = trial()
    first = t.rows(t.visit == 0)
    x = first.x[:, :2]
    found = fit(first.y, x, first.visit, first.subject)
    beta, residual, *_ = np.linalg.lstsq(x, first.y, rcond=None)
    df = first.y.size - 2
    np.testing.assert_allclose(found.beta, beta, rtol=1e-10)
    assert found.visit_covariance[0][0, 0] == pytest.approx(residual[0] / df, rel=1e-9)
    for name in ("kenward-roger", "satterthwaite", "residual"):
        got = inference(found, df=name).estimate(np.eye(2))
        np.testing.assert_allclose(got.df, df, rtol=1e-8)


def test_structures_nest() -> None:
    found = {name: fitted(trial(subjects=80), covariance=name) for name in NAMES}
    order = [("us", "toeph"), ("us", "adh"), ("toeph", "ar1h"), ("toeph", "csh"), ("toeph", "toep"),
             ("ar1h", "ar1"), ("csh", "cs"), ("toep", "ar1"), ("toep", "cs"), ("adh", "ar1h"),
             ("adh", "ad"), ("ad", "ar1")]  # fmt: skip
    for wide, narrow in order:
        assert found[wide].log_likelihood >= found[narrow].log_likelihood - 1e-9
        assert found[wide].theta.size > found[narrow].theta.size


def test_exponential_decay_over_equal_steps_is_autoregressive() -> None:
    t = trial()
    ar1 = fitted(t, covariance="ar1")
    spatial = fitted(t, covariance="sp_exp", coordinates=t.visit.astype(float))
    assert spatial.log_likelihood == pytest.approx(ar1.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(spatial.covariance, ar1.covariance, rtol=1e-8)
    ours, theirs = (
        inference(f, vcov="kenward-roger-linear").covariance for f in (spatial, ar1)
    )  # fmt: skip
    np.testing.assert_allclose(ours, theirs, rtol=1e-7)


def test_groups_without_a_common_coefficient_are_separate_fits() -> None:
    t = trial(subjects=60)
    x = np.column_stack([(t.arm == a) * (t.visit == v) for a in (0, 1) for v in range(3)])
    whole = fit(t.y, x, t.visit, t.subject, group=t.arm)
    halves = []
    for arm in (0, 1):
        own = t.arm == arm
        halves.append(fit(t.y[own], x[own][:, 3 * arm : 3 * arm + 3], t.visit[own], t.subject[own]))
    assert whole.log_likelihood == pytest.approx(sum(h.log_likelihood for h in halves), rel=1e-10)
    for matrix, half in zip(whole.visit_covariance, halves, strict=True):
        np.testing.assert_allclose(matrix, half.visit_covariance[0], rtol=1e-7)


def test_a_weight_is_a_number_of_measurements() -> None:
    """One visit: the mean of k measurements has weight k."""
    t = trial()
    first = t.rows(t.visit == 0)
    weights = 1.0 + first.subject % 3
    found = fit(first.y, first.x[:, :2], first.visit, first.subject, weights=weights)
    root = np.sqrt(weights)
    beta = np.linalg.lstsq(first.x[:, :2] * root[:, None], first.y * root, rcond=None)[0]
    np.testing.assert_allclose(found.beta, beta, rtol=1e-10)


def test_fallback_is_declared_and_recorded() -> None:
    t = trial()
    apart = t.rows(
        ~((t.visit == 2) & (t.subject % 4 < 2)) & ~((t.visit == 0) & (t.subject % 4 > 1))
    )
    with pytest.raises(ConvergenceError, match=r"no subject has both visits.*visit 1 with visit 3"):
        fitted(apart)
    found = fitted(apart, covariance=("us", "toeph", "ar1h"))
    assert found.structure != "us"
    assert found.attempts[0].structure == "us"
    assert "visit 1 with visit 3" in found.attempts[0].reason
    assert any("'us' given up" in note for note in found.notes)


def test_information_criteria() -> None:
    t = trial()
    restricted, full = fitted(t), fitted(t, reml=False)
    n, subjects = t.y.size, np.unique(t.subject).size
    plain, sas = (
        information_criteria(full, convention=c) for c in ("parameters", "sas")
    )  # fmt: skip
    deviance = -2 * full.log_likelihood
    assert plain.aic == pytest.approx(deviance + 2 * 6)
    assert sas.aic == pytest.approx(deviance + 2 * 10)
    assert sas.bic == pytest.approx(deviance + 10 * np.log(subjects))
    assert sas.aicc == pytest.approx(deviance + 2 * 10 * n / (n - 11))
    assert information_criteria(restricted) == information_criteria(restricted, convention="sas")
    with pytest.raises(StatisticsError, match="'parameters' or 'sas'"):
        information_criteria(full, convention="other")


def test_limits_of_covariance_parameters_hold_them() -> None:
    for parameter in covariance_parameters(fitted(trial())):
        assert parameter.lower < parameter.value < parameter.upper
        assert parameter.lower > 0 or parameter.name != "UN(1,1)"


# -- what is refused ---------------------------------------------------------------------------


def test_names_columns_that_depend_on_each_other() -> None:
    t = trial()
    x = np.column_stack([t.x, t.x[:, 0] - t.x[:, 1]])
    with pytest.raises(RankDeficiencyError, match="'other arm' depends on intercept, arm"):
        fit(t.y, x, t.visit, t.subject, names=["intercept", "arm", "v2", "v3", "other arm"])
    x[:, 4] = 0
    with pytest.raises(RankDeficiencyError, match="'empty' depends on nothing: it is 0"):
        fit(t.y, x, t.visit, t.subject, names=["intercept", "arm", "v2", "v3", "empty"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: {"y": np.where(t.visit == 1, np.nan, t.y)}, r"no observation.*'W4'"),
        (lambda t: {"visit": np.where(t.visit == 1, 0, t.visit)}, r"more than one row.*'BL'"),
        (lambda t: {"y": np.where(t.visit == 1, np.inf, t.y)}, "y holds .* infinite"),
        (lambda t: {"x": np.where(t.x == 0, -np.inf, t.x)}, "x holds .* infinite"),
        (lambda t: {"weights": np.where(t.visit == 1, 0.0, 1.0)}, "weights must be positive"),
        (lambda t: {"weights": -np.ones(t.y.size)}, "weights must be positive"),
        (lambda t: {"visit": t.visit.astype(float)}, "visit has type float64"),
        (lambda t: {"visit": t.visit - 1}, "codes start at 0"),
        (lambda t: {"subject": t.subject[:-1]}, "subject has type"),
        (lambda t: {"group": t.visit % 2}, "same at all visits of a subject"),
        (lambda t: {"y": t.x @ [1.0, 2.0, 3.0, 4.0]}, "exactly"),
        (lambda t: {"x": t.x[:-1]}, "it must have"),
        (lambda t: {"y": t.y.astype(str) + "a"}, "cannot be read as numbers"),
        (lambda t: {"covariance": "compound"}, "not known"),
        (lambda t: {"covariance": ()}, "not known"),
        (lambda t: {"covariance": "sp_exp"}, "needs the coordinates"),
        (lambda t: {"covariance": ("us", "sp_exp")}, "cannot share a chain"),
        (
            lambda t: {"covariance": "sp_exp", "coordinates": np.ones(t.y.size)},
            "the same coordinates",
        ),
        (lambda t: {"names": ["one", "two"]}, "2 names"),
    ],
)
def test_refuses_what_cannot_be(change, words: str) -> None:
    t = trial()
    arguments = {
        "y": t.y,
        "x": t.x,
        "visit": t.visit,
        "subject": t.subject,
        "visit_names": ["BL", "W4", "W8"],
    }
    with pytest.raises(StatisticsError, match=words):
        fit(**{**arguments, **change(t)})


def test_refuses_too_few_observations() -> None:
    t = trial()
    with pytest.raises(StatisticsError, match="4 observations for 4 coefficients"):
        fitted(t.rows(np.arange(t.y.size) < 4))


def test_refuses_a_singular_covariance_with_the_reason() -> None:
    t = trial(missing=0.0)
    y = t.y.copy()
    y[t.visit == 2] = y[t.visit == 1]
    with pytest.raises(ConvergenceError, match="singular"):
        fit(y, t.x, t.visit, t.subject)


def test_counts_what_it_leaves_out() -> None:
    t = trial()
    y = np.where(t.subject == 5, np.nan, t.y)
    (note,) = fit(y, t.x, t.visit, t.subject).notes
    gone = int((t.subject == 5).sum())
    assert note.startswith(f"{gone} of {t.y.size} rows left out")
    assert "(1 subjects" in note


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000), subjects=st.integers(4, 14), visits=st.integers(1, 5),
    missing=st.floats(0, 0.6), name=st.sampled_from(NAMES),
    df=st.sampled_from(["kenward-roger", "satterthwaite", "between-within"]),
)  # fmt: skip
def test_small_data_give_numbers_or_a_reason(seed, subjects, visits, missing, name, df) -> None:
    t = trial(seed, subjects, visits, missing)
    try:
        found = inference(fitted(t, covariance=name), df=df)
        got = found.estimate(np.eye(t.x.shape[1]))
        test = found.joint(np.eye(t.x.shape[1])[1:])
    except StatisticsError:  # declared, with its reason; anything else is a crash
        return
    for values in (got.value, got.standard_error, got.df, got.t, got.p, got.lower, got.upper):
        assert np.isfinite(values).all()
    assert np.isfinite([test.df, test.statistic, test.p]).all()
