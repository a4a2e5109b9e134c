"""Analysis of covariance, logistic regression and marginal effects from formulas and frames."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import openlupus
from openlupus.errors import (
    FormulaError,
    RankDeficiencyError,
    SeparationError,
    StatisticsError,
)
from openlupus.statistics.ancova import ancova
from openlupus.statistics.logistic import logistic_regression
from openlupus.statistics.marginal import marginal_means

ARMS = {"arm": ["placebo", "low", "high"]}


def data(seed: int = 3, subjects: int = 90) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    base = rng.normal(20, 4, subjects)
    arm = rng.choice(["high", "low", "placebo"], subjects)
    value = 0.6 * base + 2.0 * (arm == "high") + rng.normal(0, 3, subjects)
    return pl.DataFrame(
        {
            "change": value, "base": base, "arm": arm, "sex": rng.choice(["F", "M"], subjects),
            "response": rng.random(subjects) < 1 / (1 + np.exp(4 - 0.2 * base - (arm == "high"))),
        }
    )  # fmt: skip


def codes(frame: pl.DataFrame) -> np.ndarray:
    return np.array([ARMS["arm"].index(name) for name in frame["arm"]])


@pytest.mark.parametrize(("ours", "theirs"), [("equal", "equal"), ("proportional", "observed")])
def test_ancova_is_the_function_of_arrays(ours, theirs):
    frame = data()
    found = openlupus.ancova("change ~ base + sex + arm", frame, levels=ARMS)
    expected = ancova(
        frame["change"], codes(frame), covariates=frame["base"],
        factors=[(frame["sex"] == "M").to_numpy().astype(int)], weights=theirs,
    )  # fmt: skip
    means = found.lsmeans("arm", weights=ours)
    assert means["estimate"].to_list() == pytest.approx([e.value for e in expected.lsmeans])
    differences = found.differences("arm", weights=ours)
    assert differences["contrast"].to_list() == ["low - placebo", "high - placebo"]
    for name, own in [("estimate", "value"), ("standard_error", "standard_error"), ("p", "p"),
                      ("lower", "lower"), ("df", "df")]:  # fmt: skip
        expected_values = [getattr(e, own) for e in expected.differences]
        assert differences[name].to_list() == pytest.approx(expected_values, rel=1e-9)
    test = expected.fit.term_test("group")
    row = found.tests().filter(pl.col("term") == "arm").row(0, named=True)
    assert (row["numerator_df"], row["df"]) == (test.df, test.df_error)
    assert (row["f"], row["p"]) == pytest.approx((test.statistic, test.p))


def test_ancova_has_interactions_robust_errors_and_weights():
    frame = data().with_columns(w=pl.lit(2.0))
    plain = openlupus.ancova("change ~ base*arm", frame, levels=ARMS)
    assert "base:armhigh" in plain.coefficients()["term"].to_list()
    weighted = openlupus.ancova("change ~ base*arm", frame, levels=ARMS, weights="w")
    assert plain.coefficients()["p"].to_list() == pytest.approx(
        weighted.coefficients()["p"].to_list()
    )
    robust = openlupus.ancova("change ~ base*arm", frame, levels=ARMS, vcov="HC3")
    assert robust.coefficients()["estimate"].to_list() == plain.coefficients()["estimate"].to_list()
    assert robust.coefficients()["p"].to_list() != plain.coefficients()["p"].to_list()
    text = str(plain)
    for words in ("Analysis of covariance", "residual standard deviation", "Type III", "base:arm"):
        assert words in text


def test_robust_errors_of_ancova_are_those_of_white():
    frame = data()
    x = np.column_stack([np.ones(90), frame["base"], codes(frame) == 1, codes(frame) == 2])
    residual = frame["change"] - x @ np.linalg.lstsq(x, frame["change"].to_numpy(), rcond=None)[0]
    bread = np.linalg.inv(x.T @ x)
    leverage = np.einsum("ij,jk,ik->i", x, bread, x)
    for kind, power in (("HC0", 0), ("HC2", 1), ("HC3", 2)):
        meat = (x * (residual.to_numpy() ** 2 / (1 - leverage) ** power)[:, None]).T @ x
        got = openlupus.ancova("change ~ base + arm", frame, levels=ARMS, vcov=kind)
        errors = np.sqrt(np.diag(bread @ meat @ bread))
        assert got.coefficients()["standard_error"].to_list() == pytest.approx(errors)


def test_logistic_is_the_function_of_arrays():
    frame = data()
    found = openlupus.logistic("response ~ base + arm", frame, levels=ARMS)
    x = np.column_stack([np.ones(90), frame["base"], codes(frame) == 1, codes(frame) == 2])
    expected = logistic_regression(frame["response"].cast(float), x)
    rows = found.coefficients()
    assert rows["term"].to_list() == ["(Intercept)", "base", "armlow", "armhigh"]
    assert rows["estimate"].to_list() == pytest.approx(expected.coefficients.tolist())
    assert found.odds_ratios()["odds_ratio"].to_list() == pytest.approx(
        np.exp(expected.coefficients[1:]).tolist()
    )
    assert "Odds ratio" in str(found)


@pytest.mark.parametrize("variance", ["ge", "ye"])
def test_marginal_is_the_function_of_arrays(variance):
    frame = data()
    found = openlupus.marginal(
        "response ~ base + arm", frame, arm="arm", variance=variance, levels=ARMS
    )
    expected = marginal_means(
        frame["response"].cast(float), codes(frame), covariates=frame["base"], variance=variance
    )
    assert sorted(found.means()["rate"].to_list()) == pytest.approx(sorted(expected.means))
    effects = {row["contrast"]: row for row in found.effects().to_dicts()}
    for code, name in ((1, "low - placebo"), (2, "high - placebo")):
        own = expected.effect(code)
        got = effects[name]
        assert (got["estimate"], got["lower"], got["p"]) == pytest.approx(
            (own.interval.value, own.interval.lower, own.p)
        )
    assert "g-computation" in str(found)


def test_the_library_of_the_data_comes_back():
    frame = data().to_pandas()
    assert isinstance(openlupus.ancova("change ~ base + arm", frame).tests(), pd.DataFrame)
    assert isinstance(openlupus.logistic("response ~ arm", frame).odds_ratios(), pd.DataFrame)
    got = openlupus.marginal("response ~ arm", frame, arm="arm").effects()
    assert isinstance(got, pd.DataFrame)


def test_separation_is_named_or_mended_as_declared():
    frame = data().with_columns(
        response=pl.when(pl.col("arm") == "low").then(False).otherwise(pl.col("response"))
    )
    with pytest.raises(SeparationError, match="armlow"):
        openlupus.logistic("response ~ base + arm", frame, levels=ARMS)
    got = openlupus.logistic("response ~ base + arm", frame, levels=ARMS, separation="firth")
    assert "Firth" in str(got)
    got = openlupus.marginal("response ~ base + arm", frame, arm="arm", separation="firth")
    assert "Firth" in got.notes[0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda d: openlupus.ancova("change ~ base + us(arm | sex)", d), FormulaError, "for mmrm"),
        (lambda d: openlupus.ancova("change ~ base", d, vcov="HC9"), StatisticsError, "vcov='HC9'"),
        (
            lambda d: openlupus.ancova("change ~ base + b2", d.with_columns(b2=2 * pl.col("base"))),
            RankDeficiencyError,
            "b2",
        ),
        (
            lambda d: openlupus.ancova("change ~ sex", d.filter(pl.col("sex") == "F")),
            RankDeficiencyError,
            "sex",
        ),
        (lambda d: openlupus.logistic("change ~ base", d), StatisticsError, "0 or 1"),
        (
            lambda d: openlupus.marginal("response ~ base*arm", d, arm="arm"),
            FormulaError,
            "interactions=True",
        ),
        (
            lambda d: openlupus.marginal("response ~ base", d, arm="arm"),
            FormulaError,
            "the factor 'arm'",
        ),
        (
            lambda d: openlupus.ancova("change ~ base", d.with_columns(base=pl.lit(np.inf))),
            StatisticsError,
            "infinite|finite",
        ),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call(data())
