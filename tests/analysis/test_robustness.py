"""Re-randomisation and covariate adjustment of responders, against plain recomputation."""

import itertools

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from analysis.efficacy import analysis, declared, results, table, trial
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, ProtocolError

STRATA = 'strata = ["severity"]'


def small() -> AnalysisData:
    """Ten subjects in blocks of five (2:1:2), one stratum after the other."""
    arms = ["H", "P", "L", "P", "H", "P", "H", "L", "H", "P"]
    respond = [1, 0, 1, 0, 1, 1, 1, 0, 1, 0]
    adsl = pl.DataFrame({
        "USUBJID": [f"S{i}" for i in range(10)], "ARMCD": arms, "ACTARMCD": arms,
        "STRAT1R": ["A"] * 5 + ["B"] * 5, "RANDDT": [3, 1, 2, 5, 4, 9, 8, 6, 7, 10],
    })  # fmt: skip
    adresp = adsl.select(
        "USUBJID", PARAMCD=pl.lit("SRI4"), AVISITN=pl.lit(12.0),
        AVAL=pl.Series([float(r) for r in respond]),
    )  # fmt: skip
    data = trial()
    return AnalysisData({"ADSL": adsl, "ADRESP": adresp}, data.arms, data.synthetic)


def test_the_p_value_is_that_of_all_allocations():
    method = f'name = "rerandomised", seed = 3, draws = 20000, block = 5, {STRATA}'
    found = table(results(analysis("re", method), small()), "re")
    data = small()
    both = data.frames["ADSL"].join(data.frames["ADRESP"], on="USUBJID")
    both = both.filter(pl.col("ARMCD").is_in(["H", "P"]))
    blocks = [both.filter(pl.col("STRAT1R") == level) for level in ("A", "B")]
    sums = [0.0]
    for block in blocks:
        y = block["AVAL"].to_numpy()
        y = y - y.mean()
        own = [y[list(some)].sum() for some in itertools.combinations(range(4), 2)]
        sums = [a + b for a in sums for b in own]
    seen = sum(
        float((b["AVAL"] - b["AVAL"].mean()).filter(b["ARMCD"] == "H").sum()) for b in blocks
    )
    exact = np.mean(np.abs(sums) >= abs(seen) - 1e-9)
    assert found["rerandomisation", "SRI4", "high", "placebo", "", "statistic"] == pytest.approx(
        seen
    )
    p = found["rerandomisation", "SRI4", "high", "placebo", "", "p"]
    assert p == pytest.approx(exact, abs=5 * np.sqrt(exact * (1 - exact) / 20000))


def test_blocks_that_the_records_do_not_fit_are_told():
    method = f'name = "rerandomised", seed = 3, draws = 200, block = 5, {STRATA}'
    fits = results(analysis("re", method), small()).rows.filter(pl.col("analysis") == "re")
    assert set(fits["warnings"]) == {""}
    other = method.replace("block = 5", 'block = 5, order = "SHUFFLED"')
    data = small()
    adsl = data.frames["ADSL"].with_columns(STRAT1R=pl.lit("A"), SHUFFLED=pl.Series(
        [1, 6, 2, 7, 3, 8, 4, 9, 5, 10]
    ))  # fmt: skip
    moved = AnalysisData({**data.frames, "ADSL": adsl}, data.arms, data.synthetic)
    rows = results(analysis("re", other), moved).rows.filter(pl.col("analysis") == "re")
    assert rows["warnings"].str.contains("2 full block").all()


def test_the_order_of_randomisation_must_be_there():
    method = f'name = "rerandomised", seed = 3, block = 5, order = "NOSUCH", {STRATA}'
    with pytest.raises(AnalysisError, match="NOSUCH"):
        results(analysis("re", method))


def test_marginal_rates_by_plain_standardisation():
    method = f'name = "marginal", covariates = ["SLEDBL"], factors = ["OLD"], {STRATA}'
    found = table(results(analysis("m", method)), "m")
    data = trial()
    verdicts = data.frames["ADRESP"].filter(
        (pl.col("PARAMCD") == "SRI4") & (pl.col("AVISITN") == 12) & pl.col("AVAL").is_not_null()
    )
    frame = verdicts.join(data.frames["ADSL"], on="USUBJID", how="left", maintain_order="left")
    arm, y = frame["ARMCD"].to_numpy(), frame["AVAL"].to_numpy()

    def design(letters: np.ndarray) -> np.ndarray:
        return np.column_stack([
            np.ones(y.size), letters == "H", letters == "L", frame["SLEDBL"].to_numpy(),
            (frame["STRAT1R"] == "B").to_numpy(), (frame["OLD"] == "Y").to_numpy(),
        ]).astype(float)  # fmt: skip

    x = design(arm)
    loss = minimize(
        lambda b: np.logaddexp(0, x @ b).sum() - y @ (x @ b), np.zeros(6), method="BFGS",
        options={"gtol": 1e-9},
    )  # fmt: skip
    b, p = loss.x, 1 / (1 + np.exp(-x @ loss.x))
    bread = np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x)
    scores = x * (y - p)[:, None]
    covariance = bread @ scores.T @ scores @ bread
    rates, slopes = {}, {}
    for letter in ("H", "L", "P"):
        z = design(np.full(y.size, letter))
        q = 1 / (1 + np.exp(-z @ b))
        rates[letter], slopes[letter] = q.mean(), (q * (1 - q)) @ z / y.size
    for name, letter in (("high", "H"), ("low", "L")):
        key = ("g_computation", "SRI4", name)
        assert found[*key, "", "", "proportion"] == pytest.approx(rates[letter], abs=1e-6)
        value = rates[letter] - rates["P"]
        slope = slopes[letter] - slopes["P"]
        error = np.sqrt(slope @ covariance @ slope)
        assert found[*key, "placebo", "", "difference"] == pytest.approx(value, abs=1e-6)
        assert found[*key, "placebo", "", "se"] == pytest.approx(error, rel=1e-5)
        p_value = 2 * norm.sf(abs(value / error))
        assert found[*key, "placebo", "", "p"] == pytest.approx(p_value, rel=1e-4)


def test_a_model_that_cannot_be_fitted_says_why():
    data = trial()
    told = data.frames["ADRESP"].join(data.frames["ADSL"].select("USUBJID", "OLD"), on="USUBJID")
    same = told.with_columns(AVAL=(pl.col("OLD") == "Y").cast(pl.Float64)).drop("OLD")
    frames = {**data.frames, "ADRESP": same}
    method = 'name = "marginal", factors = ["OLD"]'
    found = results(analysis("m", method), AnalysisData(frames, data.arms, data.synthetic))
    rows = found.rows.filter(pl.col("analysis") == "m")
    assert rows["value"].null_count() == rows.height
    assert rows["warnings"].str.contains("separation").all()


def test_marginal_rates_are_of_arms():
    parts = '\n[group.active]\nlabel = "Active"\narms = ["high", "low"]\n'
    more = {"groups": '["active", "placebo"]', "compare": "{}"}
    with pytest.raises(AnalysisError, match="active is a group of several"):
        results(parts + analysis("m", 'name = "marginal"', **more))


def test_notes_say_every_option():
    parts = analysis("re", f'name = "rerandomised", seed = 3, draws = 500, block = 5, {STRATA}')
    parts += analysis("m", f'name = "marginal", covariates = ["SLEDBL"], variance = "ye", {STRATA}')
    notes = results(parts).notes
    for words in ("500 allocations", "seed 3", "blocks of 5", "RANDDT"):
        assert words in notes["re"]
    for words in ("SLEDBL", "Severity", "Ye et al.", "95% normal limits"):
        assert words in notes["m"]


@pytest.mark.parametrize(
    "method",
    [
        'name = "rerandomised"',
        'name = "rerandomised", seed = 1, draws = 5',
        'name = "marginal", robust = "HC9"',
    ],
)
def test_bad_options_are_refused(method: str):
    with pytest.raises(ProtocolError):
        declared(analysis("x", method))
