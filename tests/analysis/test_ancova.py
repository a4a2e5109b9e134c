"""Analysis of covariance against statsmodels; and what cannot be fitted."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.formula.api as smf

ANALYSIS = """
[analysis.change]
dataset = "ADQS"
visit = "W12"
population = "all"
compare = {{ test = ["high", "low"], control = "placebo", pairs = [["high", "low"]] }}
method = {{ name = "ancova", variable = "CHG", covariates = ["BASE"], factors = ["SITE"]{more} }}
"""
KEY = {"parameter": "CHG", "visit": "W12"}
SIZES = {"H": 14, "L": 11, "P": 13}


@pytest.fixture
def frames(adsl):
    rng = np.random.default_rng(5)
    n = sum(SIZES.values())
    subjects = adsl(
        SIZES,
        SITE=[str(s) for s in rng.integers(1, 4, n)],
        DOSE=[2.0] * 14 + [1.0] * 11 + [0.0] * 13,
    )
    base = rng.normal(20, 5, n)
    scores = pl.DataFrame({
        "USUBJID": subjects["USUBJID"],
        "AVISITN": [12.0] * n,
        "BASE": base,
        "CHG": 0.3 * base - 2 * subjects["DOSE"].to_numpy() + rng.normal(0, 3, n),
    })  # fmt: skip
    return {"ADSL": subjects, "ADQS": scores}


def long(frames) -> pd.DataFrame:
    """One row a subject, as statsmodels takes them."""
    joined = frames["ADQS"].join(frames["ADSL"], on="USUBJID")
    return pd.DataFrame(joined.to_dict(as_series=False))


def fitted(frames, arm):
    return smf.ols(f"CHG ~ {arm} + C(SITE) + BASE", data=long(frames)).fit()


@pytest.mark.independent
def test_differences_are_those_of_statsmodels(analysed, frames, value):
    results = analysed(ANALYSIS.format(more=""), **frames)
    model = fitted(frames, "C(ARMCD, Treatment('P'))")
    limits = model.conf_int()
    for code, arm in (("H", "high"), ("L", "low")):
        name = f"C(ARMCD, Treatment('P'))[T.{code}]"
        expected = [
            model.params[name], model.bse[name], *limits.loc[name],
            model.tvalues[name], model.df_resid, model.pvalues[name],
        ]  # fmt: skip
        names = ("difference", "se", "lower", "upper", "statistic", "df", "p")
        key = {"group": arm, "comparator": "placebo", **KEY}
        got = [value(results, "change", statistic, **key) for statistic in names]
        assert got == pytest.approx(expected, rel=1e-9)


@pytest.mark.independent
def test_a_further_pair_uses_the_same_model(analysed, frames, value):
    results = analysed(ANALYSIS.format(more=""), **frames)
    model = fitted(frames, "C(ARMCD, Treatment('L'))")
    name = "C(ARMCD, Treatment('L'))[T.H]"
    got = value(results, "change", "p", group="high", comparator="low", **KEY)
    assert got == pytest.approx(model.pvalues[name], rel=1e-9)


@pytest.mark.independent
@pytest.mark.parametrize("weights", ["observed", "equal"])
def test_adjusted_means_are_predictions_at_the_margins(analysed, frames, value, weights):
    results = analysed(ANALYSIS.format(more=f', weights = "{weights}"'), **frames)
    table, model = long(frames), fitted(frames, "C(ARMCD)")
    shares = table.SITE.value_counts(normalize=True)
    if weights == "equal":
        shares[:] = 1 / len(shares)
    at = pd.DataFrame({"ARMCD": "H", "SITE": shares.index, "BASE": table.BASE.mean()})
    expected = float(shares.to_numpy() @ model.predict(at).to_numpy())
    got = value(results, "change", "lsmean", group="high", **KEY)
    assert got == pytest.approx(expected, rel=1e-9)


@pytest.mark.independent
def test_dose_response_is_the_slope_over_the_number(analysed, frames, value):
    results = analysed(ANALYSIS.format(more=', dose = "DOSE"'), **frames)
    model = fitted(frames, "DOSE")
    key = {"parameter": "dose", "visit": "W12"}
    assert value(results, "change", "slope", **key) == pytest.approx(model.params["DOSE"])
    assert value(results, "change", "p", **key) == pytest.approx(model.pvalues["DOSE"])


def test_subjects_with_a_missing_value_are_left_out_and_told(analysed, frames, row):
    frames["ADQS"] = frames["ADQS"].with_columns(
        BASE=pl.when(pl.col("USUBJID") == "S000").then(None).otherwise("BASE")
    )
    found = row(
        analysed(ANALYSIS.format(more=""), **frames), "change", "lsmean", group="high", **KEY
    )
    assert found.n == 13
    assert "1 subject(s) with a missing value are left out" in found.warnings


def test_an_empty_arm_leaves_the_others(analysed, frames, row):
    frames["ADQS"] = frames["ADQS"].filter(pl.col("USUBJID") < "S025")
    results = analysed(ANALYSIS.format(more=""), **frames)
    gone = row(results, "change", "difference", group="high", comparator="placebo", **KEY)
    assert (gone.value, gone.warnings) == (None, "placebo has no subject in the model")
    kept = row(results, "change", "difference", group="high", comparator="low", **KEY)
    assert kept.value is not None


def test_nobody_in_the_analysis(analysed, frames, row):
    frames["ADQS"] = frames["ADQS"].clear()
    results = analysed(ANALYSIS.format(more=', dose = "DOSE"'), **frames)
    found = row(results, "change", "p", group="high", comparator="placebo", **KEY)
    assert found.value is None
    assert "fewer than two arms have subjects" in found.warnings
    assert row(results, "change", "slope", parameter="dose", visit="W12").value is None


def test_collinear_columns_are_named(analysed, frames, row):
    frames["ADSL"] = frames["ADSL"].with_columns(SITE="ARMCD")
    results = analysed(ANALYSIS.format(more=""), **frames)
    found = row(results, "change", "p", group="high", comparator="placebo", **KEY)
    assert found.value is None
    assert "depends on" in found.warnings


def test_a_group_of_arms_is_refused(analysed, frames):
    parts = ANALYSIS.format(more="").replace(
        "[analysis.change]", '[analysis.change]\ngroups = ["active"]'
    )
    with pytest.raises(Exception, match="active is a group of several"):
        analysed(parts, **frames)


def test_limits_by_the_normal_distribution_and_error_over_subjects(analysed, frames, value):
    more = ', limits_of_differences = "normal", rmse = "per_subject"'
    plain, other = (analysed(ANALYSIS.format(more=m), **frames) for m in ("", more))
    key = {"group": "high", "comparator": "placebo", **KEY}
    difference, se = (value(other, "change", s, **key) for s in ("difference", "se"))
    assert value(other, "change", "upper", **key) == pytest.approx(difference + 1.959964 * se)
    assert value(other, "change", "p", **key) == value(plain, "change", "p", **key)
    mean = {"group": "high", **KEY}
    assert value(other, "change", "upper", **mean) == value(plain, "change", "upper", **mean)
    model = fitted(frames, "C(ARMCD)")
    assert value(plain, "change", "rmse", **KEY) == pytest.approx(np.sqrt(model.mse_resid))
    assert value(other, "change", "rmse", **KEY) == pytest.approx(np.sqrt(model.ssr / model.nobs))


def test_interaction_with_a_subgroup_is_the_f_test_of_statsmodels(analysed, frames, value):
    rng = np.random.default_rng(3)
    sex = pl.Series("SEX", rng.choice(["F", "M"], frames["ADSL"].height))
    frames["ADSL"] = frames["ADSL"].with_columns(sex)
    text = ANALYSIS.replace("population", 'subgroups = ["SEX"]\npopulation', 1).format(more="")
    results = analysed(text, **frames)
    terms = "C(SITE) + BASE + C(ARMCD)"
    smaller = smf.ols(f"CHG ~ {terms} + C(SEX)", data=long(frames)).fit()
    larger = smf.ols(f"CHG ~ {terms} * C(SEX)", data=long(frames)).fit()
    statistic, p, df = larger.compare_f_test(smaller)
    got = [value(results, "change", s, subgroup="SEX", **KEY) for s in ("statistic", "p", "df")]
    assert got == pytest.approx([statistic, p, df], rel=1e-8)
    women = frames["ADSL"].filter(SEX="F", ARMCD="H").height
    assert value(results, "change", "n", subgroup="SEX=F", group="high", **KEY) == women
    assert "Interaction with a subgroup" in results.notes["change"]
