"""The declared rule between cLDA and imputation with robust regression, and both ways."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import shapiro, t

from analysis.efficacy import CODES, SIZES, declared, results, table, trial
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, ProtocolError

ARMS = ("high", "low", "placebo")


def analysis(name: str, method: str, **more: str) -> str:
    lines = {
        "dataset": '"ADQS"', "where": '{ PARAMCD = "X" }', "visit": '"W12"', "population": '"all"',
        "compare": '{ test = ["high", "low"], control = "placebo" }', "method": f"{{ {method} }}",
    } | more  # fmt: skip
    return f"\n[analysis.{name}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items() if v)


LONG = 'name = "longitudinal", seed = 4, imputations = 20, factors = ["STRAT1R"]'


def data(*, skewed: bool, missing: bool) -> AnalysisData:
    rng = np.random.default_rng(8)
    n = sum(SIZES.values())
    arm = np.repeat(CODES, [SIZES[c] for c in CODES])
    base = rng.normal(10, 2, n)
    shift = np.select([arm == "H", arm == "L"], [-2.0, -1.0], 0.0)
    rows: list[pl.DataFrame] = []
    gone = np.zeros(n, np.bool_)
    for visit in (0.0, 4.0, 12.0):
        noise = rng.exponential(3, n) ** 1.5 if skewed else rng.normal(0, 2, n)
        value = base if visit == 0 else 0.5 * base + 4 + shift * visit / 12 + noise
        if missing and visit:
            gone = gone | (rng.random(n) < 0.15)
        frame = pl.DataFrame({
            "USUBJID": [f"S{i:03d}" for i in range(n)], "PARAMCD": ["X"] * n,
            "AVISITN": [visit] * n, "ABLFL": ["Y" if visit == 0 else None] * n,
            "ANL01FL": ["Y"] * n, "AVAL": np.where(gone, np.nan, value),
        }, schema_overrides={"ABLFL": pl.String})  # fmt: skip
        rows.append(frame.with_columns(pl.col("AVAL").fill_nan(None)))
    whole = trial()
    return AnalysisData({**whole.frames, "ADQS": pl.concat(rows)}, whole.arms, whole.synthetic)


def wide(given: AnalysisData) -> pl.DataFrame:
    frame = given.frames["ADQS"]
    base = frame.filter(pl.col("AVISITN") == 0).select("USUBJID", BASE="AVAL")
    end = frame.filter(pl.col("AVISITN") == 12).select("USUBJID", "AVAL")
    return base.join(end, on="USUBJID").join(given.frames["ADSL"], on="USUBJID")


def design(frame: pl.DataFrame) -> np.ndarray:
    arm = frame["ARMCD"].to_numpy()
    return np.column_stack([
        *[(arm == c) for c in CODES], frame["BASE"].to_numpy(),
        (frame["STRAT1R"] == "B").to_numpy(),
    ]).astype(float)  # fmt: skip


def studentized(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(x.T @ x)
    residual = y - x @ inverse @ x.T @ y
    left = 1 - np.einsum("ij,jk,ik->i", x, inverse, x)
    df = len(y) - x.shape[1]
    without = (residual @ residual - residual**2 / left) / (df - 1)
    return residual / np.sqrt(without * left)


@pytest.mark.parametrize("skewed", [False, True])
def test_the_rule_looks_at_the_observed_changes(skewed: bool):
    given = data(skewed=skewed, missing=True)
    found = table(results(analysis("x", LONG), given), "x")
    frame = wide(given).drop_nulls(["AVAL", "BASE"])
    w, p = shapiro(studentized(design(frame), (frame["AVAL"] - frame["BASE"]).to_numpy()))
    key = ("shapiro-wilk", "AVAL", "", "", "")
    assert found[*key, "statistic"] == pytest.approx(w, abs=1e-9)
    assert found[*key, "p"] == pytest.approx(p, rel=1e-6)
    assert found[*key, "rejected"] == float(skewed)
    chosen = "robust" if skewed else "clda"
    assert found[chosen, "AVAL", "high", "placebo", "", "difference"] is not None


def test_near_normal_it_is_the_constrained_model():
    given = data(skewed=False, missing=True)
    mmrm = (
        'name = "mmrm", variable = "AVAL", baseline_as_response = true, visits = ["W4", "W12"],'
        ' factors = ["STRAT1R"], covariance = ["us", "toeph", "ar1h", "cs"]'
    )
    parts = analysis("x", LONG) + analysis("y", mmrm, visit="")
    found = results(parts, given)
    long, plain = (
        found.rows.filter(
            (pl.col("analysis") == name) & (pl.col("visit") == "W12") & (pl.col("method") == method)
        ).select("group", "comparator", "statistic", "value", "n")
        for name, method in (("x", "clda"), ("y", "mmrm"))
    )
    assert long.equals(plain)
    assert long.height > 20


def huber(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients and scale of Huber's M estimate with the rescaled median residual."""
    b = np.linalg.lstsq(x, y, rcond=None)[0]
    for _ in range(500):
        r = y - x @ b
        scale = np.median(np.abs(r)) / 0.6745
        u = np.maximum(np.abs(r / scale), 1e-300)
        root = np.sqrt(np.minimum(1, 1.345 / u))
        b = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
    return b, scale


def test_far_from_normal_without_missing_values_it_is_one_robust_regression():
    given = data(skewed=True, missing=False)
    found = table(results(analysis("x", LONG), given), "x")
    frame = wide(given)
    x, y = design(frame), (frame["AVAL"] - frame["BASE"]).to_numpy()
    b, scale = huber(x, y)
    mean = x[:, 3:].mean(axis=0) @ b[3:]
    for place, arm in enumerate(ARMS):
        value = found["robust", "AVAL", arm, "", "", "lsmean"]
        assert value == pytest.approx(b[place] + mean, abs=1e-6)
    u = (y - x @ b) / scale
    psi, slope = np.clip(u, -1.345, 1.345), np.abs(u) <= 1.345
    n, k = x.shape
    factor = 1 + k / n * slope.var(ddof=1) / slope.mean() ** 2
    spread = factor**2 * scale**2 * (psi @ psi) / (n - k) / slope.mean() ** 2
    c = np.array([1.0, 0, -1, 0, 0])
    error = np.sqrt(spread * c @ np.linalg.inv(x.T @ x) @ c)
    key = ("robust", "AVAL", "high", "placebo", "")
    assert found[*key, "difference"] == pytest.approx(b[0] - b[2], abs=1e-6)
    assert found[*key, "se"] == pytest.approx(error, rel=1e-3)
    df, value = found[*key, "df"], found[*key, "statistic"]
    assert df is not None
    assert value is not None
    # Nothing is missing, so that Barnard and Rubin's df are (nu + 1) / (nu + 3) nu.
    nu = n - k
    assert df == pytest.approx((nu + 1) / (nu + 3) * nu)
    assert found[*key, "p"] == pytest.approx(2 * t.sf(abs(value), df))


def test_imputation_widens_the_limits_and_is_repeatable():
    given = data(skewed=True, missing=True)
    one = table(results(analysis("x", LONG), given), "x")
    again = table(results(analysis("x", LONG), given), "x")
    assert one == again
    other = table(results(analysis("x", LONG.replace("seed = 4", "seed = 5")), given), "x")
    key = ("robust", "AVAL", "high", "placebo", "", "difference")
    assert one[key] != other[key]
    assert one[key] == pytest.approx(other[key], abs=0.5)
    full = table(results(analysis("x", LONG), data(skewed=True, missing=False)), "x")
    df = ("robust", "AVAL", "high", "placebo", "", "df")
    assert one[df] < full[df]  # pyright: ignore


def test_the_note_says_what_the_rule_saw():
    note = results(analysis("x", LONG), data(skewed=True, missing=True)).notes["x"]
    assert "In these data (W12): Shapiro and Wilk's W" in note
    assert "so multiple imputation with robust regression was used" in note
    for words in ("20 imputations", "seed 4", "Huber", "STRAT1R", "below 0.01", "unstructured"):
        assert words in note


@pytest.mark.parametrize("rule", ['{ statistic = "skewness", on = "statistic", cutoff = 99 }'])
def test_another_rule_decides_otherwise(rule: str):
    given = data(skewed=True, missing=True)
    found = table(results(analysis("x", f"{LONG}, rule = {rule}"), given), "x")
    assert found["skewness", "AVAL", "", "", "", "rejected"] == 0
    assert ("clda", "AVAL", "high", "", "", "lsmean") in found


def test_too_few_subjects_print_why_in_their_place():
    given = data(skewed=False, missing=False)
    few = given.frames["ADQS"].filter(pl.col("USUBJID").is_in(["S000", "S001"]))
    found = results(
        analysis("x", LONG), AnalysisData({**given.frames, "ADQS": few}, given.arms, True)
    )
    rows = found.rows.filter((pl.col("analysis") == "x") & (pl.col("statistic") == "difference"))
    assert rows["value"].null_count() == rows.height
    assert (rows["warnings"] != "").all()
    assert "the rule cannot be applied" in found.notes["x"]


def test_two_records_at_a_visit_are_refused():
    given = data(skewed=False, missing=False)
    frame = given.frames["ADQS"]
    twice = pl.concat([frame, frame.filter(pl.col("USUBJID") == "S003")])
    with pytest.raises(AnalysisError, match="S003"):
        results(
            analysis("x", LONG), AnalysisData({**given.frames, "ADQS": twice}, given.arms, True)
        )


@pytest.mark.parametrize(
    ("method", "more", "said"),
    [
        (LONG, {"visit": ""}, "needs the visit of its change"),
        (LONG + ', visits = ["W9"]', {}, 'visit "W9"'),
        (LONG + ', robust = "lasso"', {}, "robust"),
        (LONG + ', rule = { statistic = "runs" }', {}, "statistic"),
    ],
)
def test_bad_declarations_are_refused(method: str, more: dict[str, str], said: str):
    with pytest.raises(ProtocolError, match=said):
        declared(analysis("x", method, **more))
