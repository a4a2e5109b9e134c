"""Chi-square, Fisher and one-way analysis of variance against scipy."""

import numpy as np
import pytest
from counts import close
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.contingency import anova_oneway, fisher_exact, pearson_chisquare

r_by_c = hnp.arrays(np.int64, st.tuples(st.integers(2, 4), st.integers(2, 4)),
                    elements=st.integers(0, 20))  # fmt: skip


@pytest.mark.independent
@settings(deadline=None)
@given(table=r_by_c, correct=st.booleans())
def test_chi_square_agrees_with_scipy(table, correct):
    assume(table.sum(axis=0).all())
    assume(table.sum(axis=1).all())
    theirs = stats.chi2_contingency(table, correction=correct)
    got = pearson_chisquare(table, correct=correct)
    assert got.df == theirs.dof
    assert close([got.statistic, got.p], [theirs.statistic, theirs.pvalue])


@given(table=r_by_c)
def test_an_empty_row_changes_nothing_but_the_warnings(table):
    assume((table.sum(axis=0) > 0).sum() > 1)
    assume((table.sum(axis=1) > 0).sum() > 1)
    one = pearson_chisquare(table)
    other = pearson_chisquare(np.vstack([table, np.zeros((1, table.shape[1]))]))
    assert close([one.statistic, one.p, one.df], [other.statistic, other.p, other.df])
    assert "left out" in other.warnings[0]


@given(table=r_by_c)
def test_no_nan_without_a_warning(table):
    got = pearson_chisquare(table)
    assert not np.isnan(got.p) or got.warnings


@pytest.mark.independent
@settings(deadline=None)
@given(groups=st.lists(st.lists(st.floats(-9, 9), min_size=2, max_size=6), min_size=2, max_size=4))
def test_anova_agrees_with_scipy(groups):
    assume(all(np.std(group) > 1e-3 for group in groups))
    theirs = stats.f_oneway(*groups)
    assume(theirs.statistic > 0)  # scipy lets rounding take it below 0
    got = anova_oneway(groups)
    assert close([got.statistic, got.p], [theirs.statistic, theirs.pvalue], relative=1e-6)


def test_anova_leaves_out_what_is_missing_and_groups_without_values():
    got = anova_oneway([[1, 2, np.nan], [4, 5], [np.nan]])
    without = anova_oneway([[1, 2], [4, 5]])
    assert (got.statistic, got.df_error) == (without.statistic, without.df_error)
    assert got.warnings == ("groups without values are left out",)


def test_no_variation_within_groups_is_said():
    got = anova_oneway([[1, 1], [2, 2]])
    assert np.isnan(got.p)
    assert "no variation within groups" in got.warnings[0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pearson_chisquare([[1, 2], [3, 0.5]]), CountsError, r"row 2, column 2 .* 0\.5"),
        (lambda: pearson_chisquare([1, 2]), CountsError, r"must be \(rows, columns\)"),
        (lambda: fisher_exact([[1, -2], [3, 4]]), CountsError, "row 1, column 2 .* holds -2"),
        (lambda: anova_oneway([[1, 2], []]), StatisticsError, "1 of 2 groups have values"),
    ],
)
def test_what_cannot_be_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
