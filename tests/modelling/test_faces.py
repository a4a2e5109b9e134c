"""Formula and frame faces of survival, robust regression and dose response."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import openlupus
from openlupus.errors import FormulaError, StatisticsError
from openlupus.statistics.dose_response.families import emax
from openlupus.statistics.dose_response.fit import dose_means, fit_curve
from openlupus.statistics.robust.least_squares import least_squares
from openlupus.statistics.robust.m import m_estimate
from openlupus.statistics.robust.normality import NormalityRule
from openlupus.statistics.survival.cox import cox
from openlupus.statistics.survival.kaplan_meier import kaplan_meier
from openlupus.statistics.survival.logrank import logrank


def times(n: int = 120, seed: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    arm = np.where(np.arange(n) % 2, "active", "placebo")
    scale = np.where(arm == "active", 20.0, 12.0)
    time, censored = rng.exponential(scale).round(1) + 0.1, rng.uniform(5, 30, n).round(1)
    event = np.where(time <= censored, 1 + (rng.random(n) < 0.3), 0)
    return pl.DataFrame(
        {
            "arm": arm, "site": rng.choice(["x", "y"], n), "age": rng.normal(40, 9, n),
            "time": np.minimum(time, censored), "event": event > 0, "cause": event,
        }
    )  # fmt: skip


@pytest.mark.parametrize("library", [pl.DataFrame, pd.DataFrame, pa.Table])
def test_curves_of_groups(library):
    frame = times()
    given = {pd.DataFrame: frame.to_pandas, pa.Table: frame.to_arrow}.get(library, lambda: frame)()
    got = openlupus.kaplan_meier(given, time="time", event="event", by="arm")
    assert isinstance(got.curve(), library)
    own = frame.filter(arm="active")
    want = kaplan_meier(own["time"], own["event"].cast(float))
    assert got.curves["active"].survival == pytest.approx(want.survival)
    assert str(got).startswith("Kaplan-Meier")
    test = logrank(frame["time"], frame["event"].cast(float), frame["arm"])
    assert got.test().statistic == pytest.approx(test.statistic)
    stratified = logrank(
        frame["time"], frame["event"].cast(float), frame["arm"], strata=frame["site"]
    )
    assert got.test(strata=frame["site"].to_list()).p == pytest.approx(stratified.p)


def test_landmarks_quantiles_and_one_group():
    frame = times()
    got = openlupus.kaplan_meier(frame, time="time", event="event", scale="plain")
    assert got.at([5, 10])["survival"].is_sorted(descending=True)
    assert got.quantiles().columns == ["n", "events", "quantile", "time", "lower", "upper"]
    with pytest.raises(StatisticsError, match="no groups"):
        got.test()


def test_cox_with_strata_and_schoenfeld():
    frame = times()
    got = openlupus.cox("arm + age", frame, time="time", event="event", strata="site",
                        levels={"arm": ["placebo", "active"]})  # fmt: skip
    x = np.column_stack([frame["arm"] == "active", frame["age"]]).astype(float)
    want = cox(frame["time"], frame["event"].cast(float), x, strata=frame["site"])
    table = got.hazard_ratios()
    assert table["term"].to_list() == ["armactive", "age"]
    assert table["hazard_ratio"].to_list() == pytest.approx(np.exp(want.coefficients))
    assert got.proportionality()["term"].to_list() == ["armactive", "age", "all"]
    assert "likelihood ratio" in str(got)
    with pytest.raises(StatisticsError, match="no term"):
        openlupus.cox("1", frame, time="time", event="event")


def test_competing_risks_and_gray():
    got = openlupus.competing_risks(times(), time="time", event="cause", by="arm")
    assert set(got.curve()["group"]) == {"active", "placebo"}
    assert got.test is not None
    assert 0 <= got.test.p <= 1
    assert "Gray" in str(got)


def outliers(n: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    base = rng.normal(10, 2, n)
    arm = np.where(np.arange(n) % 2, "active", "placebo")
    change = -0.4 * base - 2.0 * (arm == "active") + rng.standard_t(2, n)
    return pl.DataFrame({"change": change, "base": base, "arm": arm}).with_columns(
        pl.when(pl.int_range(n) == 7).then(None).otherwise("change").alias("change")
    )


@pytest.mark.parametrize("estimator", ["huber", "bisquare", "mm", "smdm", "least-squares"])
def test_robust_regression_of_a_frame(estimator):
    frame = outliers()
    levels = {"arm": ["placebo", "active"]}
    got = openlupus.rlm("change ~ base + arm", frame, estimator=estimator, levels=levels)
    assert got.coefficients()["term"].to_list() == ["(Intercept)", "base", "armactive"]
    assert "1 of 60 rows left out" in str(got)
    assert 7 not in got.weights()["row"].to_list()
    kept = frame.drop_nulls()
    x = np.column_stack([np.ones(59), kept["base"], kept["arm"] == "active"]).astype(float)
    if estimator == "huber":
        assert got.fit.coefficients == pytest.approx(m_estimate(x, kept["change"]).coefficients)
    if estimator == "least-squares":
        want = least_squares(x, kept["change"], errors="HC3")
        again = openlupus.rlm("change ~ base + arm", frame, estimator=estimator, errors="HC3",
                              levels=levels)  # fmt: skip
        assert again.fit.standard_errors == pytest.approx(want.standard_errors)
        assert got.normality(NormalityRule(cutoff=0.05)).severe
    else:
        with pytest.raises(StatisticsError, match="least-squares"):
            got.normality()


def test_errors_that_an_estimator_does_not_have():
    with pytest.raises(StatisticsError, match="go together"):
        openlupus.rlm("change ~ base", outliers(), estimator="huber", errors="HC3")
    with pytest.raises(FormulaError, match="no column"):
        openlupus.rlm("change ~ weight", outliers())


def doses(seed: int = 4) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    dose = np.repeat([0, 0.05, 0.2, 0.6, 1.0], 20)
    sex = rng.choice(["F", "M"], 100)
    response = 0.3 + 0.8 * dose / (0.2 + dose) + 0.2 * (sex == "M") + rng.normal(0, 0.3, 100)
    return pl.DataFrame({"dose": dose, "sex": sex, "response": response})


MODELS = {"linear": None, "emax": [0.2], "sigEmax": [[0.4, 4], [0.2, 1]]}


def test_dose_response_of_a_frame():
    frame = doses()
    got = openlupus.mcpmod("response ~ dose + sex", frame, models=MODELS)
    assert list(got.candidates) == ["linear", "emax", "sigEmax1", "sigEmax2"]
    male = (frame["sex"] == "M").to_numpy().astype(float)[:, None]
    means = dose_means(frame["dose"], frame["response"], covariates=male, names=["sexM"])
    assert got.means.estimate == pytest.approx(means.estimate)
    assert got.fits["emax"].coefficients == pytest.approx(fit_curve(means, emax()).coefficients)
    assert "emax" in got.significant
    assert got.models(difference=0.3)["weight"].sum() == pytest.approx(1)
    answer = got.dose(difference=0.3, draws=200)
    assert answer["lower"][0] <= answer["dose"][0] <= answer["upper"][0]
    assert got.dose(share=0.5, how="best", draws=200)["dose"][0] > 0
    assert got.predict([0, 0.5]).columns == ["dose", "linear", "emax", "sigEmax"]
    assert got.contrasts().height == 5
    assert "multiple contrast test" in str(got)


def test_estimates_with_their_covariance_are_the_same_test_without_degrees_of_freedom():
    means = dose_means(doses()["dose"], doses()["response"])
    table = pl.DataFrame({"dose": means.dose, "estimate": means.estimate})
    got = openlupus.mcpmod_estimates(table, means.covariance.tolist(), models=MODELS)
    want = openlupus.mcpmod("response ~ dose", doses(), models=MODELS)
    assert got.tests()["t"].to_list() == pytest.approx(want.tests()["t"].to_list())
    assert got.test.critical < want.test.critical
    assert np.isinf(got.test.df)


@pytest.mark.parametrize(
    ("formula", "models", "words"),
    [
        ("response ~ dose", {"hill": [1]}, "no family"),
        ("response ~ dose", {"emax": None}, "takes 1 guesses"),
        ("response ~ 1", MODELS, "names no dose"),
    ],
)
def test_refusals_of_mcpmod(formula, models, words):
    with pytest.raises(StatisticsError, match=words):
        openlupus.mcpmod(formula, doses(), models=models)
