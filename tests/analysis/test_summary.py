"""Summaries against numpy's own estimators and scipy's F test."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

ANALYSIS = """
[analysis.age]
population = "all"
groups = ["high", "low", "placebo", "active"]
method = { name = "summary", variable = "AGE", test = "anova" }
"""
SIZES = {"H": 9, "L": 7, "P": 8}
AGES = [
    23.0,
    71,
    44,
    35,
    35,
    60,
    18,
    52,
    41,
    33,
    29,
    64,
    70,
    47,
    38,
    55,
    26,
    49,
    31,
    62,
    58,
    40,
    36,
    67,
]


def test_moments_of_an_arm_and_of_a_group(analysed, adsl, value):
    results = analysed(ANALYSIS, ADSL=adsl(SIZES, AGE=AGES))
    for group, values in (("high", AGES[:9]), ("active", AGES[:16])):
        got = [value(results, "age", s, parameter="AGE", group=group) for s in ("n", "mean", "sd")]
        assert got == pytest.approx([len(values), np.mean(values), np.std(values, ddof=1)])


def test_quartiles_are_by_sas_definition_5(analysed, adsl, value):
    # 16 values: n p is whole for all quartiles, so each is the mean of two neighbours.
    ordered = sorted(AGES[:16])
    results = analysed(ANALYSIS, ADSL=adsl(SIZES, AGE=AGES))
    got = [
        value(results, "age", s, parameter="AGE", group="active") for s in ("q1", "median", "q3")
    ]
    assert got == [sum(ordered[k - 1 : k + 1]) / 2 for k in (4, 8, 12)]


@pytest.mark.independent
def test_analysis_of_variance_is_that_of_scipy_over_the_arms(analysed, adsl, value):
    results = analysed(ANALYSIS, ADSL=adsl(SIZES, AGE=AGES))
    expected = stats.f_oneway(AGES[:9], AGES[9:16], AGES[16:])
    assert value(results, "age", "statistic", parameter="AGE") == pytest.approx(expected.statistic)
    assert value(results, "age", "p", parameter="AGE") == pytest.approx(expected.pvalue)


def test_missing_values_are_left_out_and_told(analysed, adsl, row):
    results = analysed(ANALYSIS, ADSL=adsl(SIZES, AGE=[None, *AGES[1:]]))
    found = row(results, "age", "n", parameter="AGE", group="high")
    assert (found.value, found.warnings) == (8, "1 subject(s) have no AGE")


def test_an_empty_arm_has_null_moments_and_no_crash(analysed, adsl, row):
    results = analysed(ANALYSIS, ADSL=adsl({"H": 9, "L": 7, "P": 0}, AGE=AGES[:16]))
    assert row(results, "age", "n", parameter="AGE", group="placebo").value == 0
    found = row(results, "age", "mean", parameter="AGE", group="placebo")
    assert (found.value, found.warnings) == (None, "no subject has a value of AGE")
    assert row(results, "age", "p", parameter="AGE").value is not None


def test_one_value_has_no_standard_deviation(analysed, adsl, row):
    results = analysed(ANALYSIS, ADSL=adsl({"H": 1, "L": 7, "P": 8}, AGE=AGES[:16]))
    found = row(results, "age", "sd", parameter="AGE", group="high")
    assert (found.value, found.warnings) == (None, "one value has no standard deviation")


def test_a_record_of_a_visit_is_found_by_its_number(analysed, adsl, value):
    subjects = adsl({"H": 2, "L": 1, "P": 1})
    scores = pl.DataFrame({
        "USUBJID": [u for u in subjects["USUBJID"] for _ in range(2)],
        "PARAMCD": ["X", "Y"] * 4,
        "AVISITN": [12.0] * 6 + [24.0] * 2,
        "AVAL": [1.0, 9, 2, 9, 3, 9, 4, 9],
    })  # fmt: skip
    results = analysed(
        '[analysis.x]\ndataset = "ADQS"\nwhere = { PARAMCD = "X" }\nvisit = "W12"\n'
        'population = "all"\nmethod = { name = "summary", variable = "AVAL" }',
        ADSL=subjects, ADQS=scores,
    )  # fmt: skip
    key = {"parameter": "AVAL", "visit": "W12"}
    assert value(results, "x", "mean", group="high", **key) == 1.5
    assert value(results, "x", "n", group="placebo", **key) == 0


def test_text_is_refused(analysed, adsl):
    with pytest.raises(Exception, match="column AGE of ADSL holds String"):
        analysed(ANALYSIS, ADSL=adsl(SIZES, AGE=["old"] * 24))
