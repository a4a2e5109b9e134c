"""Cochran-Mantel-Haenszel: second opinions, and what must hold for any counts."""

import numpy as np
import pytest
from counts import close, tables
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from statsmodels.stats.contingency_tables import StratifiedTable

from openlupus.errors import CountsError
from openlupus.statistics.cmh import cmh, generalised_cmh, mantel_fleiss
from openlupus.statistics.score import score_test


def cells(x, n):
    """Counts (group, responder and not, stratum)."""
    return np.stack([x, n - x], axis=1).astype(float)


@pytest.mark.independent
@settings(deadline=None)
@given(table=tables(smallest=1))
def test_agrees_with_statsmodels(table):
    x, n = table
    responders = x.sum(axis=0)
    assume(np.any((responders > 0) & (responders < n.sum(axis=0))))
    theirs = StratifiedTable(cells(x, n)).test_null_odds(correction=False)
    got = cmh(x, n)
    assert close([got.statistic, got.p], [theirs.statistic, theirs.pvalue])


@pytest.mark.independent
@settings(deadline=None)
@given(table=tables(smallest=1))
def test_common_odds_ratio_agrees_with_statsmodels(table):
    x, n = table
    got = cmh(x, n)
    assume(0 < got.common_odds_ratio < np.inf)
    theirs = StratifiedTable(cells(x, n))
    assert close(got.common_odds_ratio, theirs.oddsratio_pooled)
    assert close([got.lower, got.upper], theirs.oddsratio_pooled_confint(0.05), relative=1e-7)


@settings(deadline=None)
@given(table=tables())
def test_squared_score_test_of_no_difference_is_the_chi_square(table):
    got, score = cmh(*table), score_test(*table)
    assume(not np.isnan(got.statistic))
    assert close(got.statistic, score.z**2, 1e-9)


@settings(deadline=None)
@given(table=tables(smallest=1))
def test_the_three_general_forms_agree_on_2_x_2(table):
    x, n = table
    simple = cmh(x, n)
    assume(not np.isnan(simple.statistic))
    for kind in ("general", "row-means", "correlation"):
        got = generalised_cmh(cells(x, n), kind=kind)
        assert got.df == 1
        assert close([got.statistic, got.p], [simple.statistic, simple.p], 1e-7)


@settings(deadline=None)
@given(table=tables())
def test_swapping_the_groups_inverts_the_odds_ratio(table):
    x, n = table
    one, other = cmh(x, n), cmh(x[::-1], n[::-1])
    assert close(one.statistic, other.statistic)
    assume(0 < one.common_odds_ratio < np.inf)
    assert close(
        [one.common_odds_ratio, one.lower, one.upper],
        [1 / other.common_odds_ratio, 1 / other.upper, 1 / other.lower],
    )


@settings(deadline=None)
@given(
    counts=hnp.arrays(np.int64, (3, 3, 2), elements=st.integers(0, 9)),
    rows=st.permutations([0, 1, 2]),
    columns=st.permutations([0, 1, 2]),
)
def test_general_association_does_not_know_an_order(counts, rows, columns):
    assume((counts.sum(axis=(0, 1)) > 1).any())
    one = generalised_cmh(counts)
    other = generalised_cmh(counts[rows][:, columns])
    assert one.df == other.df
    assert close([one.statistic, one.p], [other.statistic, other.p], 1e-7)


@settings(deadline=None)
@given(counts=hnp.arrays(np.int64, (3, 4, 2), elements=st.integers(0, 9)))
def test_correlation_does_not_know_the_origin_or_unit_of_scores(counts):
    one = generalised_cmh(counts, kind="correlation")
    other = generalised_cmh(counts, kind="correlation", row_scores=[5, 7, 9],
                            column_scores=[0, -3, -6, -9])  # fmt: skip
    assert one.df == other.df
    assert close([one.statistic, one.p], [other.statistic, other.p], 1e-7)


@pytest.mark.independent
@pytest.mark.independent
@pytest.mark.parametrize(
    ("kind", "plain", "scored", "df"),
    [
        ("correlation", 1.63658099222953, 0.958992110269124, 1),
        ("row-means", 2.4577444412295, 1.05740252155899, 2),
        ("general", 5.71779508699765, 5.71779508699765, 4),
    ],
)
def test_agrees_with_the_three_forms_of_r(kind, plain, scored, df):
    # R 4.2.2, vcdExtra 0.8-2: CMHtest(table, overall = TRUE), and with rscores = c(0, 1, 4),
    # cscores = c(1, 2, 5).
    first = [[4, 3, 2], [2, 5, 7], [6, 1, 3]]
    second = [[1, 5, 6], [4, 5, 3], [4, 2, 3]]
    counts = np.stack([first, second], axis=-1)
    got = generalised_cmh(counts, kind=kind)
    assert (got.statistic, got.df) == (pytest.approx(plain, rel=1e-12), df)
    got = generalised_cmh(counts, kind=kind, row_scores=[0, 1, 4], column_scores=[1, 2, 5])
    assert (got.statistic, got.df) == (pytest.approx(scored, rel=1e-12), df)


def test_correlation_of_one_table_is_n_minus_1_times_squared_pearson_correlation():
    counts = np.array([[12, 5, 3], [6, 9, 8], [1, 4, 11]])
    i, j = np.indices(counts.shape)
    r = np.corrcoef(np.repeat(i, counts.ravel()), np.repeat(j, counts.ravel()))[0, 1]
    got = generalised_cmh(counts, kind="correlation")
    assert got.statistic == pytest.approx((counts.sum() - 1) * r**2, rel=1e-12)


@pytest.mark.independent
def test_continuity_correction_is_left_off_below_one_half():
    # Observed 2 against expected 1.8: R takes no correction off a deviation below 1/2.
    corrected, plain = (cmh([[2], [1]], [[3], [2]], correct=c) for c in (True, False))
    assert corrected.statistic == plain.statistic


def test_mantel_fleiss_number_of_one_table_is_the_smallest_expected_cell():
    # Margins 10 and 10, 6 responders: expected 3, possible 0 to 6.
    assert mantel_fleiss([4, 2], [10, 10]) == 3


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([[1, 2], [3, -4]], "row 2, column 2, stratum 1: -4 is not a whole number"),
        ([1, 2], "must be (rows, columns, strata)"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts, words):
    with pytest.raises(CountsError) as caught:
        generalised_cmh(counts)
    assert words in str(caught.value)


def test_scores_that_do_not_fit_are_refused():
    with pytest.raises(CountsError, match=r"row scores have shape \(3,\); there are 2 rows"):
        generalised_cmh([[1, 2], [3, 4]], kind="correlation", row_scores=[1, 2, 3])
