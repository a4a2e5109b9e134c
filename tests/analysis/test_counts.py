"""Counts of levels and of conditions; chi-square and Fisher against scipy."""

import pytest
from scipy import stats

LEVELS = """
[analysis.sex]
population = "all"
groups = ["high", "low", "placebo", "active"]
method = {{ name = "counts", variable = "SEX", levels = ["F", "M"]{more} }}
"""
ROWS = """
[analysis.rows]
population = "all"
{compare}
[analysis.rows.method]
name = "counts"
{more}
rows = [
  {{ id = "young", where = {{ AGE = {{ below = 40 }} }} }},
  {{ id = "old", where = {{ AGE = {{ at_least = {old} }} }} }},
]
"""
SIZES = {"H": 6, "L": 5, "P": 7}
SEX = list("FFFFMMFFMMMFMMMMMF")
AGE = [20, 30, 50, 60, 70, 80, 25, 35, 45, 55, 65, 22, 32, 42, 52, 62, 72, 82]


def rows(old=40, compare="", more=""):
    return ROWS.format(old=old, compare=compare, more=more)


def test_levels_in_their_order_with_proportions_of_the_population(analysed, adsl, value):
    results = analysed(LEVELS.format(more=""), ADSL=adsl(SIZES, SEX=SEX))
    assert results.values("sex", "parameter") == ("", "F", "M")
    got = [
        value(results, "sex", s, parameter="F", group="active") for s in ("N", "n", "proportion")
    ]
    assert got == [11, 6, 6 / 11]
    assert value(results, "sex", "n", group="placebo") == 7


@pytest.mark.independent
def test_chi_square_of_a_variable_is_that_of_scipy_over_the_arms(analysed, adsl, value):
    results = analysed(LEVELS.format(more=', test = "chi_square"'), ADSL=adsl(SIZES, SEX=SEX))
    expected = stats.chi2_contingency([[4, 2], [2, 3], [2, 5]], correction=False)
    assert value(results, "sex", "p") == pytest.approx(expected.pvalue)
    assert value(results, "sex", "df") == expected.dof


@pytest.mark.independent
def test_rows_are_tested_each_or_together(analysed, adsl, value):
    alone = analysed(rows(more='test = "chi_square"'), ADSL=adsl(SIZES, AGE=AGE))
    together = analysed(
        rows(more='test = "chi_square"\nexclusive = true'), ADSL=adsl(SIZES, AGE=AGE)
    )
    expected = stats.chi2_contingency([[2, 4], [2, 3], [2, 5]], correction=False).pvalue
    assert value(alone, "rows", "p", parameter="old") == pytest.approx(expected)
    assert value(together, "rows", "p") == pytest.approx(expected)


@pytest.mark.independent
def test_fisher_is_that_of_scipy(analysed, adsl, value):
    compare = 'compare = { test = ["high"], control = "placebo" }'
    results = analysed(rows(compare=compare, more='test = "fisher"'), ADSL=adsl(SIZES, AGE=AGE))
    got = value(results, "rows", "p", parameter="young", group="high", comparator="placebo")
    assert got == pytest.approx(stats.fisher_exact([[2, 4], [2, 5]]).pvalue)


@pytest.mark.parametrize(
    ("denominator", "among"), [("population", 7), ("not_missing", 6), ("eligible", 5)]
)
def test_denominators(analysed, adsl, value, denominator, among):
    parts = LEVELS.format(more=f', denominator = "{denominator}"')
    parts = parts.replace(
        'population = "all"', 'population = "all"\nwhere = { AGE = { above = 40 } }'
    )
    parts = parts if denominator == "eligible" else parts.replace("above = 40", "above = 0")
    ages, sexes = [*AGE[:11], 22, 32, 42, 52, 62, 72, 82], [*SEX[:17], None]
    results = analysed(parts, ADSL=adsl(SIZES, SEX=sexes, AGE=ages))
    assert value(results, "sex", "N", parameter="F", group="placebo") == among


def test_a_subject_without_a_level_is_told(analysed, adsl, row):
    results = analysed(LEVELS.format(more=""), ADSL=adsl(SIZES, SEX=[*SEX[:17], None]))
    found = row(results, "sex", "n", group="placebo")
    assert (found.value, found.warnings) == (6, "1 subject(s) are in no level")


def test_of_those_with_a_value_the_others_are_told_on_every_cell(analysed, adsl, row):
    parts = LEVELS.format(more=', denominator = "not_missing"')
    results = analysed(parts, ADSL=adsl(SIZES, SEX=[*SEX[:17], None]))
    found = row(results, "sex", "proportion", parameter="F", group="placebo")
    assert (found.value, found.n) == (1 / 6, 6)
    assert found.warnings == "1 subject(s) are in no level"


def test_where_nobody_has_a_value_the_count_is_not_none(analysed, adsl, row):
    parts = LEVELS.format(more=', denominator = "not_missing"')
    results = analysed(parts, ADSL=adsl(SIZES, SEX=[*SEX[:11], *[None] * 7]))
    assert row(results, "sex", "N", parameter="F", group="placebo").value == 0
    for statistic in ("n", "proportion"):
        found = row(results, "sex", statistic, parameter="F", group="placebo")
        assert found.value is None
        assert "7 subject(s) are in no level" in found.warnings
    assert row(results, "sex", "n", parameter="F", group="high").value == 4


def test_levels_of_a_number(analysed, adsl, value):
    parts = LEVELS.format(more="").replace('levels = ["F", "M"]', 'levels = ["1", "2"]')
    sexes = [1.0 if sex == "F" else 2.0 for sex in SEX]
    results = analysed(parts, ADSL=adsl(SIZES, SEX=sexes))
    assert value(results, "sex", "n", parameter="1", group="active") == 6


def test_a_variable_that_nobody_has(analysed, adsl, row):
    parts = LEVELS.format(more="").replace(', levels = ["F", "M"]', "")
    results = analysed(parts, ADSL=adsl(SIZES, SEX=[None] * 18))
    assert results.values("sex", "parameter") == ("",)
    assert row(results, "sex", "N", group="placebo").value == 7
    assert row(results, "sex", "n", group="placebo").value == 0


def test_an_empty_arm_has_no_proportion_and_says_why(analysed, adsl, row):
    sizes = {"H": 6, "L": 5, "P": 0}
    results = analysed(LEVELS.format(more=', test = "chi_square"'), ADSL=adsl(sizes, SEX=SEX[:11]))
    found = row(results, "sex", "proportion", parameter="F", group="placebo")
    assert found.value is None
    assert "no proportion" in found.warnings


def test_an_undeclared_level_is_refused(analysed, adsl):
    with pytest.raises(
        Exception, match="SEX takes the value U, which is not among its levels F, M"
    ):
        analysed(LEVELS.format(more=""), ADSL=adsl(SIZES, SEX=["U", *SEX[1:]]))


def test_rows_that_should_exclude_each_other_and_do_not_are_refused(analysed, adsl):
    with pytest.raises(Exception, match=r"3 subject\(s\) meet two of the rows"):
        analysed(rows(old=35, more="exclusive = true"), ADSL=adsl(SIZES, AGE=[*AGE[:16], 36, 37]))
