"""Responders from frames: the numbers of the functions of arrays, whatever the library."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import openlupus
from openlupus.errors import FormulaError, OpenLupusError, StatisticsError
from openlupus.modelling.responders import Method
from openlupus.statistics import risk_difference as rd
from openlupus.statistics.cmh import cmh

METHODS = Method.__args__
UNSTRATIFIED = ("wald", "agresti-caffo")


def data(seed: int = 1, subjects: int = 120) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.choice(["high", "low", "placebo"], subjects)
    chance = 0.3 + 0.3 * (arm == "high")
    return pl.DataFrame(
        {
            "arm": arm,
            "dose": rng.choice(["<10", ">=10"], subjects),
            "site": rng.integers(1, 3, subjects),
            "sri4": rng.random(subjects) < chance,
        }
    ).with_columns(answer=pl.when("sri4").then(pl.lit("Y")).otherwise(pl.lit("N")))


def of(frame: pl.DataFrame, **options):
    given = {"response": "sri4", "arm": "arm", "control": "placebo", "strata": ["dose", "site"]}
    return openlupus.risk_difference(frame, **(given | options))


@pytest.mark.parametrize("convert", [pl.DataFrame.to_pandas, pl.DataFrame.to_arrow])
def test_the_same_numbers_from_every_library(convert):
    expected = of(data())
    got = of(convert(data()))
    assert got.arms == expected.arms
    for ours, theirs in [
        (got.rates(), expected.rates()),
        (got.differences(), expected.differences()),
        (got.counts(), expected.counts()),
    ]:
        assert type(ours) is type(convert(data()))
        as_polars = pl.from_pandas(ours) if isinstance(ours, pd.DataFrame) else pl.from_arrow(ours)
        assert as_polars.to_dicts() == theirs.to_dicts()


@pytest.mark.parametrize("interval", METHODS)
def test_is_the_function_of_arrays(interval):
    found = of(data(), interval=interval, strata=() if interval in UNSTRATIFIED else ["dose"])
    frame = data()
    strata = ["all"] if interval in UNSTRATIFIED else ["<10", ">=10"]
    counts = np.array(
        [
            [
                (
                    frame.filter((pl.col("arm") == a) & ((pl.col("dose") == s) | (s == "all")))
                    .select(pl.col("sri4").sum(), pl.len())
                    .row(0)
                )
                for s in strata
            ]
            for a in ("high", "placebo")
        ]
    )
    x, n = counts[..., 0], counts[..., 1]
    own = {
        "newcombe": rd.stratified_newcombe, "miettinen-nurminen": rd.miettinen_nurminen,
        "greenland-robins": rd.common_risk_difference, "wald": rd.wald,
    }.get(interval)  # fmt: skip
    row = found.differences().row(0, named=True)
    assert row["contrast"] == "high - placebo"
    assert row["p"] == cmh(x, n).p
    if own is not None:
        expected = own(x, n)
        assert (row["estimate"], row["lower"], row["upper"]) == (
            expected.value, expected.lower, expected.upper,
        )  # fmt: skip


def test_a_text_response_says_which_value_is_a_responder():
    one, other = of(data()), of(data(), response="answer", responder="Y")
    assert (one.x == other.x).all()
    with pytest.raises(FormulaError, match="say which value is a responder"):
        of(data(), response="answer")
    with pytest.raises(StatisticsError, match="has no value 'y'"):
        of(data(), response="answer", responder="y")


def test_missing_responses_are_left_out_or_non_responders():
    frame = data().with_columns(
        sri4=pl.when(pl.int_range(pl.len()) < 5).then(None).otherwise(pl.col("sri4"))
    )
    out, failed = of(frame), of(frame, missing="non-response")
    assert out.n.sum() == 115
    assert failed.n.sum() == 120
    assert out.notes == ("5 of 120 subjects left out: the response is missing",)
    assert "counted as non-responders" in failed.notes[0]


def test_ratios_and_odds_ratios():
    found = of(data())
    ratios, odds = found.ratios(), found.odds_ratios()
    assert (ratios["estimate"] > 0).all()
    assert odds["p_homogeneity"].is_between(0, 1).all()
    assert odds["p"].to_list() == ratios["p"].to_list()


def test_few_expected_responders_are_doubted():
    few = data(subjects=18)
    assert "Mantel-Fleiss" in of(few).differences()["warnings"][0]
    assert "Mantel-Fleiss" in str(of(few))
    assert of(data(), strata=()).differences()["warnings"].to_list() == ["", ""]


def test_the_summary_says_what_a_statistician_looks_for():
    text = str(of(data()))
    for words in ("Responders by arm, 4 strata", "high - placebo", "chi-square", "newcombe", "95%"):
        assert words in text


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"interval": "wlad"}, StatisticsError, "interval='wlad' is not one of"),
        ({"interval": "wald"}, StatisticsError, "knows no strata"),
        ({"missing": "drop"}, StatisticsError, "missing='drop'"),
        ({"control": "sham"}, StatisticsError, "has no arm 'sham'"),
        ({"response": "site"}, FormulaError, "a response is 0 or 1"),
        ({"response": "sri5"}, FormulaError, "have no column"),
    ],
)
def test_refusals(options, error, words):
    with pytest.raises(error, match=words):
        of(data(), **options)


def test_a_missing_arm_or_stratum_is_refused():
    frame = data().with_columns(dose=pl.lit(None, pl.String))
    with pytest.raises(StatisticsError, match="120 subjects have no 'dose'"):
        of(frame)
    with pytest.raises(StatisticsError, match="there is no comparison"):
        of(data().filter(pl.col("arm") == "placebo"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", "z"]),
            st.sampled_from([0, 1, None]),
        ),
        min_size=1, max_size=30,
    ),
    st.sampled_from([m for m in METHODS if m not in UNSTRATIFIED]),
)  # fmt: skip
def test_any_frame_gives_numbers_or_a_reason(rows, interval):
    frame = pl.DataFrame(
        rows, schema={"arm": pl.String, "s": pl.String, "y": pl.Int64}, orient="row"
    )
    try:
        found = openlupus.risk_difference(
            frame, response="y", arm="arm", strata="s", interval=interval
        )
    except OpenLupusError:
        return
    for row in found.differences().to_dicts():
        numbers = [row[name] for name in ("estimate", "lower", "upper", "p")]
        assert row["warnings"] or not np.isnan(numbers).any()
    assert str(found)
