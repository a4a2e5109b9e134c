"""The faces of multiple imputation: a frame in, completed frames of the same library out."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import openlupus
from openlupus.errors import DisplayError, FormulaError, ImputationError, OutputExistsError
from openlupus.statistics.imputation.pool import rubin

COLUMNS = {"age": "numeric", "arm": "binary", "grade": "ordinal", "flare": "binary",
           "region": "nominal", "score": "pmm"}  # fmt: skip


def data(n: int = 90, seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 10, n).round(1)
    score = age / 10 + rng.normal(size=n)

    def holes(values):
        return [None if rng.random() < 0.15 else v for v in values.tolist()]

    return pl.DataFrame(
        {
            "id": [f"S{i:03d}" for i in range(n)],
            "age": age,
            "arm": np.where(np.arange(n) % 2, "active", "placebo"),
            "grade": holes(rng.integers(1, 4, n)),
            "flare": holes(score > 4),
            "region": holes(rng.choice(["A", "B", "C"], n)),
            "score": holes(score),
        }
    )  # fmt: skip


@pytest.mark.parametrize("library", [pl.DataFrame, pd.DataFrame, pa.Table])
def test_completed_frames_are_of_the_same_library(library):
    frame = data()
    given = {pd.DataFrame: frame.to_pandas, pa.Table: frame.to_arrow}.get(library, lambda: frame)()
    got = openlupus.impute(given, COLUMNS, m=3, sweeps=3)
    whole = got.completed(2)
    assert isinstance(whole, library)
    back = pl.DataFrame(whole) if library is not pd.DataFrame else pl.from_pandas(whole)
    assert back.columns == frame.columns
    assert back.select(list(COLUMNS)).null_count().sum_horizontal().item() == 0
    assert set(back["region"]) == {"A", "B", "C"}
    assert set(back["grade"]) <= {1.0, 2.0, 3.0}
    assert back["flare"].dtype == pl.Boolean
    seen = frame["score"].is_not_null()
    assert back["score"].filter(seen).to_list() == frame["score"].filter(seen).to_list()
    assert "chained equations" in str(got)
    assert "score" in str(got)


def test_stacked_frames_count_from_one():
    got = openlupus.impute(data(), COLUMNS, m=4, sweeps=2)
    stacked = got.stacked()
    assert stacked["imputation"].unique().sort().to_list() == [1, 2, 3, 4]
    assert stacked.filter(pl.col("imputation") == 3).drop("imputation").equals(got.completed(3))
    with pytest.raises(ImputationError, match="no number 5"):
        got.completed(5)


def test_a_seed_repeats_and_a_generator_moves_on():
    rng = np.random.default_rng(1)
    same = [openlupus.impute(data(), ["age", "score"], m=2, seed=s) for s in (1, rng, rng)]
    values = [each.imputations.values for each in same]
    assert np.array_equal(values[0], values[1])
    assert not np.array_equal(values[1], values[2])


def test_pooling_what_was_analysed_in_each_frame():
    got = openlupus.impute(data(), ["age", "arm", "score"], m=5, sweeps=3)

    def analysis(frame: pl.DataFrame) -> dict[str, tuple[float, float]]:
        return {
            "mean": (float(frame["score"].mean()), float(frame["score"].std()) / len(frame) ** 0.5),
            "age": (float(frame["age"].mean()), 1.0),
        }

    each = got.analyse(analysis)
    pooled = openlupus.pool(each, df=89)
    own = each.filter(pl.col("parameter") == "mean")
    want = rubin(own["estimate"], own["standard_error"].to_numpy() ** 2, df_complete=89)
    row = pooled.estimates().row(0, named=True)
    assert row["parameter"] == "mean"
    assert [row["estimate"], row["df"], row["upper"], row["p"]] == pytest.approx(
        [want.estimate, want.df, want.upper, want.p]
    )
    assert "5 imputations" in str(pooled)
    with pytest.raises(ImputationError, match="each needs one"):
        openlupus.pool(each.head(9))


def test_a_composite_is_recomputed_in_every_frame():
    got = openlupus.impute(data(), ["age", "score"], m=3, sweeps=2)
    found = got.recompute(lambda frame: (frame["score"] > 4).to_list())
    assert found.shape == (3, 90)
    assert set(np.unique(found)) <= {0.0, 1.0}
    with pytest.raises(ImputationError, match="one number a row"):
        got.recompute(lambda frame: [1.0])


def test_methods_by_name():
    numeric = data().with_columns(second=pl.col("score") * 2 + pl.col("age"))
    augmented = openlupus.impute(numeric, ["age", "score"], method="augment", m=3)
    assert "data augmentation" in augmented.imputations.method
    monotone = openlupus.impute(
        numeric, ["age", "arm", "score", "second"], method="monotone", m=3, by="arm"
    )
    assert "monotone" in monotone.imputations.method
    by_arm = openlupus.impute(numeric, ["age", "score"], m=3, by="arm", sweeps=2)
    assert "each of 2 groups" in by_arm.imputations.method


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": ["age", "nothing"]}, "no column 'nothing'"),
        ({"columns": ["age", "region"], "method": "augment"}, "numeric columns"),
        ({"columns": ["age"], "method": "guess"}, "not one of"),
        ({"columns": ["score", "age"], "method": "monotone"}, "not monotone"),
        ({"columns": ["age", "score"], "m": 1}, "at least 2"),
        ({"columns": ["age", "score"], "by": "region"}, "missing values"),
    ],
)
def test_refusals(options, words):
    with pytest.raises((ImputationError, FormulaError), match=words):
        openlupus.impute(data(), options.pop("columns"), **options)


def test_chains_that_have_settled(tmp_path):
    frame = data(200).with_columns(second=pl.col("score") + np.sin(np.arange(200)))
    got = openlupus.settling(frame, ["age", "score", "second"], steps=200, lags=20)
    table = got.summary()
    assert table["parameter"].to_list() == [
        "worst linear function",
        "mean of score",
        "mean of second",
    ]
    assert table["scale_reduction"].max() < 1.2
    assert 0 < got.fraction < 1
    assert "largest fraction" in str(got)
    got.figure(tmp_path / "chains.png")
    got.figure(tmp_path / "chains.svg")
    assert (tmp_path / "chains.png").stat().st_size > 10_000
    first = (tmp_path / "chains.svg").read_text("utf-8")
    got.figure(tmp_path / "chains.svg", force=True)
    assert (tmp_path / "chains.svg").read_text("utf-8") == first
    with pytest.raises(OutputExistsError, match="there already"):
        got.figure(tmp_path / "chains.png")
    with pytest.raises(DisplayError, match="ends neither"):
        got.figure(tmp_path / "chains.gif")


def test_observed_beside_imputed_as_numbers_and_picture(tmp_path):
    got = openlupus.impute(data(), COLUMNS, m=3, sweeps=2)
    table = got.compare()
    assert table["variable"].unique(maintain_order=True).to_list() == [
        "grade", "flare", "region", "score",
    ]  # fmt: skip
    assert table["values"].to_list() == ["observed", "imputed"] * 4
    got.figure(tmp_path / "imputed.png")
    assert (tmp_path / "imputed.png").stat().st_size > 5_000
