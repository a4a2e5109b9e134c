"""Dose and exposure against response, and medians, against plain recomputation."""

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2, norm

from analysis.efficacy import analysis, declared, results, table, trial
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, ProtocolError

SHAPES = (
    '[{ id = "line", family = "linear" }, { id = "early", family = "emax", guess = [0.2] },'
    ' { id = "late", family = "emax", guess = [4] }]'
)
MCPMOD = f'name = "mcpmod", candidates = {SHAPES}, difference = 0.1, points = 5'


def counts() -> tuple[np.ndarray, np.ndarray]:
    """Responders and subjects at doses 0, 1, 2."""
    data = trial()
    frame = data.frames["ADRESP"].filter(
        (pl.col("PARAMCD") == "SRI4") & (pl.col("AVISITN") == 12) & pl.col("AVAL").is_not_null()
    )
    frame = frame.join(data.frames["ADSL"], on="USUBJID")
    by = [frame.filter(pl.col("ARMCD") == arm)["AVAL"] for arm in ("P", "L", "H")]
    return np.array([p.sum() for p in by], float), np.array([p.len() for p in by], float)


def contrast(shape: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Optimal contrast for independent estimates with these weights."""
    c = weight * (shape - weight @ shape / weight.sum())
    return c / np.sqrt(c @ c)


def test_the_contrast_tests_of_log_odds():
    found = table(results(analysis("d", MCPMOD, compare="{}")), "d")
    x, n = counts()
    logit, variance = np.log(x / (n - x)), 1 / x + 1 / (n - x)
    dose = np.array([0.0, 1, 2])
    shapes = {"line": dose, "early": dose / (0.2 + dose), "late": dose / (4 + dose)}
    every = np.column_stack([contrast(s, 1 / variance) for s in shapes.values()])
    t = every.T @ logit / np.sqrt((every**2 * variance[:, None]).sum(axis=0))
    between = every.T @ np.diag(variance) @ every
    correlation = between / np.sqrt(np.outer(np.diag(between), np.diag(between)))
    rng = np.random.default_rng(1)
    draws = rng.multivariate_normal(np.zeros(3), correlation, 400_000, method="eigh")
    highest = draws.max(axis=1)
    for i, name in enumerate(shapes):
        key = ("mcpmod", name, "", "", "")
        assert found[*key, "statistic"] == pytest.approx(t[i], abs=1e-8)
        assert found[*key, "p_adjusted"] == pytest.approx((highest >= t[i]).mean(), abs=4e-3)


def test_the_fitted_line_its_limits_and_its_dose():
    found = table(results(analysis("d", MCPMOD, compare="{}")), "d")
    x, n = counts()
    logit, weight = np.log(x / (n - x)), x * (n - x) / n
    z = np.column_stack([np.ones(3), [0.0, 1, 2]])
    covariance = np.linalg.inv(z.T @ (weight[:, None] * z))
    b = covariance @ z.T @ (weight * logit)
    for dose in (0.0, 0.5, 2.0):
        row = np.array([1, dose])
        value, half = row @ b, norm.ppf(0.975) * np.sqrt(row @ covariance @ row)
        key = ("mcpmod", f"line|{dose:g}", "", "", "")
        for statistic, at in (("lsmean", value), ("lower", value - half), ("upper", value + half)):
            assert found[*key, statistic] == pytest.approx(1 / (1 + np.exp(-at)), abs=1e-6)
    rate = 1 / (1 + np.exp(-(b[0] + b[1] * np.linspace(0, 2, 1001))))
    first = np.linspace(0, 2, 1001)[np.argmax(rate - rate[0] >= 0.1)]
    assert found["mcpmod", "line", "", "", "", "dose"] == pytest.approx(first)


def test_a_family_is_fitted_once_and_the_average_lies_between():
    found = table(results(analysis("d", MCPMOD, compare="{}")), "d")
    assert ("mcpmod", "early|2", "", "", "", "lsmean") in found
    assert ("mcpmod", "late|2", "", "", "", "lsmean") not in found
    for dose in ("0", "1", "2"):
        own = [found["mcpmod", f"{m}|{dose}", "", "", "", "lsmean"] for m in ("line", "early")]
        mean = found["mcpmod", f"average|{dose}", "", "", "", "lsmean"]
        assert min(own) - 1e-9 <= mean <= max(own) + 1e-9  # pyright: ignore


def test_doses_without_variance_say_why():
    data = trial()
    verdicts = data.frames["ADRESP"].join(
        data.frames["ADSL"].select("USUBJID", "ARMCD"), on="USUBJID"
    )
    none = verdicts.with_columns(
        AVAL=pl.when(pl.col("ARMCD") == "P").then(0.0).otherwise("AVAL")
    ).drop("ARMCD")
    frames = {**data.frames, "ADRESP": none}
    found = results(analysis("d", MCPMOD, compare="{}"), AnalysisData(frames, data.arms, True))
    rows = found.rows.filter(pl.col("analysis") == "d")
    assert rows["value"].null_count() == rows.height == 9
    assert rows["warnings"].str.contains("separation").all()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (MCPMOD.replace('"linear"', '"cubic"'), "family"),
        ('name = "mcpmod", candidates = []', "candidates"),
        (MCPMOD + ", alpha = 2", "alpha"),
    ],
)
def test_bad_candidates_are_refused(method: str, said: str):
    with pytest.raises(ProtocolError, match=said):
        declared(analysis("d", method))


def test_a_guess_that_a_family_cannot_have_is_said_in_its_place():
    bad = MCPMOD.replace("guess = [0.2]", "guess = [-1]")
    rows = results(analysis("d", bad, compare="{}")).rows.filter(pl.col("analysis") == "d")
    assert rows.filter(pl.col("statistic") == "p_adjusted")["value"].null_count() == 3
    assert rows["warnings"].str.contains("must be above 0").any()


EXPOSURE = 'name = "exposure_response", covariates = ["SLEDBL"], parts = 3, points = 4'


def exposed() -> AnalysisData:
    data = trial()
    rng = np.random.default_rng(2)
    treated = data.frames["ADSL"].filter(pl.col("ARMCD") != "P")["USUBJID"]
    rows = pl.concat([
        pl.DataFrame({"USUBJID": treated, "AVAL": rng.lognormal(0, 0.5, treated.len())})
        for _ in range(3)
    ])  # fmt: skip
    return AnalysisData({**data.frames, "ADPC": rows}, data.arms, data.synthetic)


def test_the_odds_ratio_of_the_exposure():
    found = table(results(analysis("e", EXPOSURE, compare="{}"), exposed()), "e")
    data = exposed()
    mean = data.frames["ADPC"].group_by("USUBJID").agg(pl.col("AVAL").mean().alias("C"))
    frame = data.frames["ADRESP"].filter(
        (pl.col("PARAMCD") == "SRI4") & (pl.col("AVISITN") == 12) & pl.col("AVAL").is_not_null()
    )
    frame = frame.join(mean, on="USUBJID").join(data.frames["ADSL"], on="USUBJID")
    y = frame["AVAL"].to_numpy()
    x = np.column_stack([np.ones(y.size), np.log(frame["C"]), frame["SLEDBL"].to_numpy()])
    b = minimize(
        lambda b: np.logaddexp(0, x @ b).sum() - y @ (x @ b), np.zeros(3), method="BFGS",
        options={"gtol": 1e-9},
    ).x  # fmt: skip
    p = 1 / (1 + np.exp(-x @ b))
    error = np.sqrt(np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x)[1, 1])
    key = ("exposure_response", "AVAL", "", "", "")
    assert found[*key, "ratio"] == pytest.approx(np.exp(b[1]), rel=1e-5)
    assert found[*key, "upper"] == pytest.approx(np.exp(b[1] + 1.959963985 * error), rel=1e-5)
    assert found[*key, "p"] == pytest.approx(chi2.sf((b[1] / error) ** 2, 1), rel=1e-4)
    order = np.argsort(frame["C"].to_numpy())
    third = y[order[: -(-y.size // 3)]]
    assert found["exposure_response", "part|1", "", "", "", "n"] == third.sum()
    assert found["exposure_response", "part|1", "", "", "", "N"] == third.size


def test_without_concentrations_the_rows_say_so():
    found = results(analysis("e", EXPOSURE, compare="{}"))
    rows = found.rows.filter(pl.col("analysis") == "e")
    assert rows["value"].null_count() == rows.height == 4
    assert set(rows["warnings"]) == {"there is no data set ADPC, so no exposure is known"}


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(AnalysisError, match="ADPC lacks the column TROUGH"):
        results(analysis("e", EXPOSURE + ', exposure = "TROUGH"', compare="{}"), exposed())


def median(method: str) -> str:
    return (
        '\n[analysis.m]\ndataset = "ADQS"\nwhere = { PARAMCD = "PGA" }\nvisit = "W12"\n'
        f'population = "all"\nmethod = {{ name = "median_change", {method} }}\n'
    )


@pytest.mark.parametrize("of", ["percent", "change", "value"])
def test_medians_of_changes(of: str):
    found = table(results(median(f'of = "{of}"')), "m")
    frame = trial().frames["ADQS"].filter(pl.col("AVISITN") == 12)
    frame = frame.join(trial().frames["ADSL"], on="USUBJID").filter(pl.col("ARMCD") == "H")
    now, before = frame["AVAL"], frame["BASE"]
    value = {"percent": (now - before) / before, "change": now - before, "value": now}[of]
    key = ("median", "AVAL", "high", "", "")
    assert found[*key, "median"] == pytest.approx(value.median())
    assert found[*key, "n"] == value.drop_nulls().len()
    ordered = value.drop_nulls().sort()
    assert found[*key, "lower"] in ordered
    assert found[*key, "lower"] <= value.median() <= found[*key, "upper"]  # pyright: ignore


def test_a_baseline_of_0_has_no_per_cent_change():
    data = trial()
    zero = data.frames["ADQS"].with_columns(
        BASE=pl.when(pl.col("USUBJID") == "S000").then(0.0).otherwise("BASE")
    )
    frames = {**data.frames, "ADQS": zero}
    found = results(median('of = "percent"'), AnalysisData(frames, data.arms, True))
    (row,) = found.find(
        analysis="m", statistic="median", parameter="AVAL", visit="W12", group="high"
    )
    assert "baseline of 0" in row.warnings


def test_without_subjects_every_candidate_says_why():
    data = trial()
    frames = {**data.frames, "ADRESP": data.frames["ADRESP"].clear()}
    found = results(analysis("d", MCPMOD, compare="{}"), AnalysisData(frames, data.arms, True))
    rows = found.rows.filter(pl.col("analysis") == "d")
    assert rows["value"].null_count() == rows.height == 9
    assert rows["warnings"].str.contains("fewer than two doses").all()
