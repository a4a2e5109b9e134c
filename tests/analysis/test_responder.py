"""Responder analyses against published numbers and statsmodels; and what cannot be computed."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

ANALYSIS = """
[analysis.main]
endpoint = "response"
visit = "W12"
population = "all"
groups = ["high", "placebo"]
compare = {{ test = ["high"], control = "placebo" }}
method = {{ name = "responder", {options} }}
"""
STRATIFIED = ANALYSIS.format(options='strata = ["severity"]')
# Six strata of the R package tern (its example of the stratified Newcombe interval).
TEST = [(8, 9), (4, 4), (2, 5), (5, 7), (6, 7), (5, 8)]
CONTROL = [(3, 6), (6, 12), (2, 5), (3, 4), (3, 8), (3, 5)]
KEY = {"parameter": "RESP", "visit": "W12", "group": "high", "comparator": "placebo"}


def cells(test, control):
    """Arm, level, responders, subjects of every cell."""
    return [
        (arm, f"S{i + 1}", x, n)
        for arm, side in (("H", test), ("P", control))
        for i, (x, n) in enumerate(side)
    ]


def numbers(results, value, *names):
    return [value(results, "main", name, **KEY) for name in names]


@pytest.mark.independent
def test_stratified_difference_and_limits_are_those_of_tern(analysed, adresp, value):
    subjects, verdicts = adresp(*cells(TEST, CONTROL))
    results = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    got = numbers(results, value, "difference", "lower", "upper")
    assert got == pytest.approx([0.2539, 0.0347, 0.4454], abs=5e-5)


@pytest.mark.independent
@pytest.mark.parametrize("correct", [False, True])
def test_cmh_is_that_of_statsmodels(analysed, adresp, value, correct):
    subjects, verdicts = adresp(*cells(TEST, CONTROL))
    options = f'strata = ["severity"], continuity_correction = {str(correct).lower()}'
    results = analysed(ANALYSIS.format(options=options), ADSL=subjects, ADRESP=verdicts)
    tables = [
        np.array([[x1, n1 - x1], [x0, n0 - x0]])
        for (x1, n1), (x0, n0) in zip(TEST, CONTROL, strict=True)
    ]
    expected = StratifiedTable([t.astype(float) for t in tables]).test_null_odds(correct)
    got = numbers(results, value, "statistic", "df", "p")
    assert got == pytest.approx([expected.statistic, 1, expected.pvalue], rel=1e-10)


@pytest.mark.independent
def test_crude_newcombe_is_that_of_his_paper(analysed, adresp, value):
    # Newcombe, Stat Med 1998;17:873, Table II, 56/70 against 48/80, method 10
    subjects, verdicts = adresp(("H", "S1", 56, 70), ("P", "S1", 48, 80))
    options = 'interval = "newcombe", test = "chi_square"'
    results = analysed(ANALYSIS.format(options=options), ADSL=subjects, ADRESP=verdicts)
    got = numbers(results, value, "difference", "lower", "upper")
    assert got == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)


@pytest.mark.independent
@pytest.mark.parametrize("test", ["chi_square", "fisher"])
def test_crude_tests_are_those_of_scipy(analysed, adresp, value, test):
    subjects, verdicts = adresp(*cells(TEST, CONTROL))
    options = f'interval = "newcombe", test = "{test}"'
    results = analysed(ANALYSIS.format(options=options), ADSL=subjects, ADRESP=verdicts)
    x = [sum(x for x, _ in side) for side in (TEST, CONTROL)]
    n = [sum(n for _, n in side) for side in (TEST, CONTROL)]
    table = [[x[0], n[0] - x[0]], [x[1], n[1] - x[1]]]
    expected = {
        "chi_square": stats.chi2_contingency(table, correction=False).pvalue,
        "fisher": stats.fisher_exact(table).pvalue,
    }
    assert value(results, "main", "p", **KEY) == pytest.approx(expected[test], rel=1e-10)


@pytest.mark.parametrize("interval", ["sato", "greenland_robins", "none"])
def test_every_stratified_method_estimates_the_same_difference(analysed, adresp, value, interval):
    subjects, verdicts = adresp(*cells(TEST, CONTROL))
    options = f'strata = ["severity"], interval = "{interval}"'
    results = analysed(ANALYSIS.format(options=options), ADSL=subjects, ADRESP=verdicts)
    weights = np.array([a * b / (a + b) for (_, a), (_, b) in zip(TEST, CONTROL, strict=True)])
    rates = [np.array([x / n for x, n in side]) for side in (TEST, CONTROL)]
    expected = weights @ (rates[0] - rates[1]) / weights.sum()
    assert value(results, "main", "difference", **KEY) == pytest.approx(expected, rel=1e-12)
    if interval == "none":
        assert not results.find(analysis="main", statistic="lower", **KEY)
    else:
        lower, upper, se = numbers(results, value, "lower", "upper", "se")
        half = stats.norm.ppf(0.975) * se
        assert [lower, upper] == pytest.approx([expected - half, expected + half], rel=1e-9)


def test_strata_as_observed_are_another_column(analysed, adresp, value):
    subjects, verdicts = adresp(*cells(TEST, CONTROL))
    observed = subjects.rename({"STRAT1R": "STRAT1V"}).with_columns(STRAT1R=pl.lit("S1"))
    options = 'strata = ["severity"], strata_as = "observed"'
    as_observed = analysed(ANALYSIS.format(options=options), ADSL=observed, ADRESP=verdicts)
    as_randomised = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    names = ("difference", "lower", "upper", "p")
    assert numbers(as_observed, value, *names) == numbers(as_randomised, value, *names)


def test_counts_and_proportions(analysed, adresp, value):
    subjects, verdicts = adresp(("H", "S1", 3, 8), ("P", "S1", 1, 5))
    results = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    key = {"parameter": "RESP", "visit": "W12", "group": "high"}
    assert [value(results, "main", s, **key) for s in ("N", "n", "proportion")] == [8, 3, 0.375]


def test_a_subject_without_verdict_is_not_counted_and_is_told(analysed, adresp, row):
    subjects, verdicts = adresp(("H", "S1", 3, 8), ("P", "S1", 1, 5))
    verdicts = verdicts.filter(pl.col("USUBJID") != "S7")
    results = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    found = row(results, "main", "N", parameter="RESP", visit="W12", group="high")
    assert found.value == 7
    assert found.warnings == "1 subject(s) have no verdict and are not counted"


def test_a_stratum_with_one_arm_is_left_out_and_named(analysed, adresp, row):
    subjects, verdicts = adresp(
        ("H", "S1", 3, 8),
        ("P", "S1", 2, 9),
        ("H", "S2", 4, 4),
        ("H", "S3", 1, 3),
        ("P", "S3", 1, 4),
    )
    results = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    found = row(results, "main", "difference", **KEY)
    weights = np.array([8 * 9 / 17, 3 * 4 / 7])
    expected = weights @ [3 / 8 - 2 / 9, 1 / 3 - 1 / 4] / weights.sum()
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert "stratum 2 of 6 is left out: no subject in the control group" in found.warnings


def test_subjects_without_a_declared_level_are_left_out_and_counted(analysed, adresp, row):
    subjects, verdicts = adresp(
        ("H", "S1", 3, 8), ("P", "S1", 2, 9), ("H", "S9", 1, 1), ("P", None, 1, 1)
    )
    results = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    found = row(results, "main", "difference", **KEY)
    assert found.value == pytest.approx(3 / 8 - 2 / 9)
    assert "2 subject(s) with a missing or undeclared stratum are left out" in found.warnings
    assert row(results, "main", "N", parameter="RESP", visit="W12", group="high").value == 9


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param([("P", "S1", 2, 9)], "no subject in the test group", id="empty arm"),
        pytest.param([], "no subject in either group", id="nobody at all"),
        pytest.param(
            [("H", "S1", 1, 2), ("P", "S2", 1, 2)],
            "no stratum has subjects",
            id="no shared stratum",
        ),
    ],
)
def test_what_cannot_be_compared_is_null_and_says_why(analysed, adresp, row, given, why):
    subjects, verdicts = adresp(*given)
    results = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    for statistic in ("difference", "lower", "upper", "p"):
        found = row(results, "main", statistic, **KEY)
        assert found.value is None
        assert why in found.warnings


@pytest.mark.parametrize("responders", [0, 9])
def test_nobody_or_everybody_responds(analysed, adresp, row, responders):
    subjects, verdicts = adresp(("H", "S1", responders, 9), ("P", "S1", responders, 9))
    results = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    assert row(results, "main", "difference", **KEY).value == 0
    found = row(results, "main", "p", **KEY)
    assert found.value is None
    assert "nothing to test" in found.warnings


def test_a_sparse_table_warns_of_the_approximation(analysed, adresp, row):
    subjects, verdicts = adresp(("H", "S1", 1, 3), ("P", "S1", 2, 3))
    results = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    assert "Mantel-Fleiss" in row(results, "main", "p", **KEY).warnings


def test_two_verdicts_of_a_subject_are_refused(analysed, adresp):
    subjects, verdicts = adresp(("H", "S1", 3, 8), ("P", "S1", 1, 5))
    with pytest.raises(Exception, match=r"main: 1 subject\(s\) have several records in ADRESP"):
        analysed(STRATIFIED, ADSL=subjects, ADRESP=pl.concat([verdicts, verdicts[:1]]))


def test_a_verdict_that_is_neither_yes_nor_no_is_refused(analysed, adresp):
    subjects, verdicts = adresp(("H", "S1", 3, 8), ("P", "S1", 1, 5))
    with pytest.raises(Exception, match="AVAL of ADRESP is 2 in 13 record"):
        analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts.with_columns(AVAL=2.0))


def test_swapping_the_arms_mirrors_the_interval(analysed, adresp, value):
    subjects, verdicts = adresp(*cells(TEST, CONTROL))
    there = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    subjects, verdicts = adresp(*cells(CONTROL, TEST))
    back = analysed(STRATIFIED, ADSL=subjects, ADRESP=verdicts)
    lower, upper = numbers(there, value, "lower", "upper")
    assert numbers(back, value, "upper", "lower") == pytest.approx([-lower, -upper], rel=1e-12)
