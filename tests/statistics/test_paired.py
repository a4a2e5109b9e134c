"""McNemar's test against statsmodels, and its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as reference

from openlupus.errors import CountsError
from openlupus.statistics.paired import mcnemar

COUNTS = st.integers(0, 40)
TABLES = st.tuples(COUNTS, COUNTS, COUNTS, COUNTS).map(lambda c: np.array(c).reshape(2, 2))


@given(TABLES, st.booleans())
def test_agrees_with_statsmodels(table, correct):
    got = mcnemar(table, correct=correct)
    if table[0, 1] + table[1, 0] == 0:
        assert np.isnan(got.p)
        assert got.warnings
        assert got.p_exact == 1
        return
    asymptotic = reference(table, exact=False, correction=correct)
    if not (correct and table[0, 1] == table[1, 0]):
        assert got.statistic == pytest.approx(asymptotic.statistic)
        assert got.p == pytest.approx(asymptotic.pvalue)
    assert got.p_exact == pytest.approx(reference(table, exact=True).pvalue)


@given(TABLES)
def test_exchanging_the_two_proportions_mirrors_the_difference(table):
    one, other = mcnemar(table), mcnemar(table.T)
    assert one.statistic == pytest.approx(other.statistic, nan_ok=True)
    mirrored = (-other.difference.upper, -other.difference.lower)
    assert (one.difference.lower, one.difference.upper) == pytest.approx(mirrored, nan_ok=True)


@given(TABLES)
def test_limits_of_the_difference_hold_it_and_are_possible(table):
    got = mcnemar(table).difference
    if table.sum() == 0:
        assert got.warnings
        return
    assert -1 - 1e-12 <= got.lower <= got.value + 1e-12
    assert got.value - 1e-12 <= got.upper <= 1 + 1e-12


@pytest.mark.parametrize(
    "table", [[[1, 2]], [[1, -2], [3, 4]], [[1, 2.5], [3, 4]], [[1, np.nan]] * 2]
)
def test_counts_that_cannot_be_are_refused(table):
    with pytest.raises(CountsError):
        mcnemar(table)
