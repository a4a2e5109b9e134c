"""The faces of the mixed models: frames of three libraries in, the same out."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from openlupus.errors import (
    ConvergenceError,
    FormulaError,
    OpenLupusError,
    RankDeficiencyError,
    StatisticsError,
)
from openlupus.modelling import Mmrm, clda, mmrm

FORMULA = "change ~ base + arm*visit + us(visit | id)"


def data(seed: int = 1, subjects: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    visits = ["W4", "W8", "W12"]
    rows = []
    for subject in range(subjects):
        own, base = rng.normal(), round(float(rng.normal(30, 5)), 2)
        for k, visit in enumerate(visits):
            value = own + rng.normal() + k + (subject % 2)
            gone = subject > 5 and rng.random() < 0.2
            rows.append(
                {
                    "id": f"S{subject:03d}", "visit": visit, "week": 4 * (k + 1), "base": base,
                    "arm": "active" if subject % 2 else "placebo",
                    "sex": "F" if subject % 3 else "M",
                    "change": None if gone else value, "weight": 1.0 + (k == 1),
                }
            )  # fmt: skip
    return pl.DataFrame(rows)


ORDER = {"visit": ["W4", "W8", "W12"], "arm": ["placebo", "active"]}


def fitted(**options) -> Mmrm:
    return mmrm(FORMULA, data(), levels=ORDER, **options)


def test_the_same_numbers_from_every_library() -> None:
    frame = data()
    expected = mmrm(FORMULA, frame, levels=ORDER)
    for other, kind in [
        (frame.to_pandas(), pd.DataFrame),
        (frame.to_arrow(), pa.Table),
        (frame.lazy(), pl.DataFrame),
    ]:  # fmt: skip
        got = mmrm(FORMULA, other, levels=ORDER)
        for ours, theirs in [
            (got.coefficients(), expected.coefficients()),
            (got.lsmeans("arm", "visit"), expected.lsmeans("arm", "visit")),
            (got.differences("arm", by="visit"), expected.differences("arm", by="visit")),
            (got.tests(), expected.tests()),
            (got.covariance_parameters(), expected.covariance_parameters()),
        ]:
            assert isinstance(ours, kind)
            same = pl.from_arrow(ours) if kind is pa.Table else pl.DataFrame(ours)
            assert same.equals(theirs)


def test_order_of_levels() -> None:
    names = mmrm(FORMULA, data()).coefficients()["term"].to_list()
    assert "armplacebo" in names
    assert "visitW4" in names
    assert fitted().coefficients()["term"].to_list()[2:5] == ["armactive", "visitW8", "visitW12"]
    categories = (
        data()
        .to_pandas()
        .assign(
            visit=lambda d: pd.Categorical(d["visit"], ORDER["visit"]),
            arm=lambda d: pd.Categorical(d["arm"], ORDER["arm"]),
        )
    )
    got = mmrm(FORMULA, categories).coefficients()
    assert got["estimate"].tolist() == fitted().coefficients()["estimate"].to_list()
    enums = data().with_columns(pl.col("visit").cast(pl.Enum(ORDER["visit"])))
    assert "visitW8" in mmrm(FORMULA, enums).coefficients()["term"].to_list()


def test_numbers_are_covariates_unless_they_are_told_otherwise() -> None:
    numeric = "change ~ arm + week + us(visit | id)"
    forced = "change ~ arm + factor(week) + us(visit | id)"
    assert mmrm(numeric, data()).design.names[-1] == "week"
    assert mmrm(forced, data()).design.names[-2:] == ("factor(week)8", "factor(week)12")
    # A numeric visit is a factor in its numeric order.
    by_week = mmrm("change ~ arm + us(week | id)", data())
    assert by_week.inference.fit.labels.visits == ("4", "8", "12")


def test_differences_are_those_of_the_means() -> None:
    got = fitted()
    means, differences = got.lsmeans("arm", "visit"), got.differences("arm", by="visit")
    pairs = means["estimate"].to_numpy().reshape(3, 2)
    np.testing.assert_allclose(differences["estimate"].to_numpy(), pairs[:, 1] - pairs[:, 0])
    assert differences["contrast"].to_list() == ["active - placebo"] * 3
    other = got.differences("arm", by="visit", control="active")
    np.testing.assert_allclose(other["estimate"].to_numpy(), -differences["estimate"].to_numpy())
    row = got.contrasts({"W4": {"armactive": 1.0}})
    assert row["estimate"][0] == pytest.approx(differences["estimate"][0])
    with pytest.raises(StatisticsError, match="no level 'sham'"):
        got.differences("arm", control="sham")
    with pytest.raises(StatisticsError, match="no coefficients"):
        got.contrasts({"x": {"nothing": 1.0}})


def test_summary_says_what_a_statistician_looks_for() -> None:
    text = str(fitted())
    for words in [
        "fitted by REML", FORMULA.replace("*", "*"), "unstructured, 6 parameters", "kenward-roger",
        "rows left out", "-2 log likelihood", "AIC", "armactive", "Pr(>|t|)", "W12",
        "Converged: largest derivative",
    ]:  # fmt: skip
        assert words in text
    grouped = str(
        mmrm("change ~ base + cs(visit | arm / id)", data(), df="satterthwaite", reml=False)
    )
    assert "by ML" in grouped
    assert "2 groups" in grouped
    assert "group placebo" in grouped


def test_weights_groups_and_robust_errors_reach_the_fit() -> None:
    plain = fitted(df="satterthwaite")
    for options in (
        {"df": "satterthwaite", "weights": "weight"}, {"df": "satterthwaite", "vcov": "empirical"},
        {"df": "between-within"}, {"df": "kenward-roger", "vcov": "kenward-roger-sas"},
    ):  # fmt: skip
        other = fitted(**options).coefficients()
        assert not other.equals(plain.coefficients())


def test_fallback_is_noted() -> None:
    apart = data().filter(
        ~((pl.col("visit") == "W12") & (pl.col("sex") == "F"))
        & ~((pl.col("visit") == "W4") & (pl.col("sex") == "M"))
    )
    with pytest.raises(ConvergenceError, match="no subject has both visits"):
        mmrm(FORMULA, apart, levels=ORDER)
    got = mmrm(FORMULA, apart, levels=ORDER, fallback=["toeph", "ar1h", "cs"])
    assert got.inference.fit.structure != "us"
    assert "'us' given up" in str(got)


def test_clda_is_the_model_with_columns_made_by_hand() -> None:
    frame = data()
    base = frame.filter(pl.col("visit") == "W4").with_columns(
        visit=pl.lit("BL"), change=pl.col("base") - 30
    )
    whole = pl.concat([base, frame])
    got = clda(
        "change ~ sex + us(visit | id)", whole, arm="arm", baseline="BL", control="placebo",
        levels={"visit": ["W4", "W8", "W12", "BL"]},
    )  # fmt: skip
    columns = [
        ((pl.col("arm") == "active") & (pl.col("visit") == v)).cast(pl.Float64).alias(f"t{v}")
        for v in ("W4", "W8", "W12")
    ]
    by_hand = mmrm(
        "change ~ visit + tW4 + tW8 + tW12 + sex + us(visit | id)", whole.with_columns(columns),
        levels={"visit": ["BL", "W4", "W8", "W12"]},
    )  # fmt: skip
    ours, theirs = got.coefficients(), by_hand.coefficients()
    assert ours["term"].to_list()[4:7] == [f"armactive:visit{v}" for v in ("W4", "W8", "W12")]
    assert ours.drop("term").equals(theirs.drop("term"))
    for options, words in [
        ({"baseline": "SCR"}, "no visit 'SCR'"), ({"control": "sham"}, "no arm 'sham'"),
    ]:  # fmt: skip
        with pytest.raises(StatisticsError, match=words):
            clda("change ~ us(visit | id)", whole, **{"arm": "arm", "baseline": "BL", **options})
    with pytest.raises(FormulaError, match="clda adds them itself"):
        clda("change ~ arm + us(visit | id)", whole, arm="arm", baseline="BL")


@pytest.mark.parametrize(
    ("formula", "change", "error", "words"),
    [
        ("change ~ arm", {}, FormulaError, "no covariance term"),
        ("change ~ nothing + us(visit | id)", {}, FormulaError, "no column.*'nothing'"),
        ("arm ~ visit + us(visit | id)", {}, FormulaError, "'arm' holds.*numbers are needed"),
        (FORMULA, {"arm": pl.lit("active")}, RankDeficiencyError, "'arm' has one level"),
        (FORMULA, {"visit": pl.lit("W4")}, OpenLupusError, "'visit' has one level"),
        (FORMULA, {"change": pl.lit(None, pl.Float64)}, StatisticsError, "no row has all"),
        (FORMULA, {"id": pl.lit(None, pl.String)}, StatisticsError, "have no subject"),
        (FORMULA, {"base": pl.lit(float("inf"))}, StatisticsError, "infinite"),
        (FORMULA, {"base": pl.lit(1.0)}, RankDeficiencyError, "'base' depends on"),
    ],
)
def test_refusals(formula: str, change: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        mmrm(formula, data().with_columns(**change))


def test_refuses_duplicates_visits_without_response_and_unknown_levels() -> None:
    twice = pl.concat([data(), data().head(1)])
    with pytest.raises(StatisticsError, match=r"more than one row.*'W4'"):
        mmrm(FORMULA, twice)
    empty = data().with_columns(
        change=pl.when(pl.col("visit") == "W8").then(None).otherwise(pl.col("change"))
    )
    with pytest.raises(StatisticsError, match=r"no observation at the visits \['W8'\]"):
        mmrm("change ~ arm + us(visit | id)", empty)
    with pytest.raises(StatisticsError, match=r"holds \['active'\], not among"):
        mmrm(FORMULA, data(), levels={"arm": ["placebo"]})
