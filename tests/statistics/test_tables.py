"""What counts are refused, and in which words."""

import numpy as np
import pytest

from openlupus.errors import CountsError
from openlupus.statistics.risk_difference import stratified_newcombe, wald
from openlupus.statistics.tables import read_tables


@pytest.mark.parametrize(
    ("responders", "n", "words"),
    [
        ([[1, 2], [3, 4]], [[5, 5], [5, 3]], "control group, stratum 2: 4 responders among 3"),
        ([[-1, 2], [3, 4]], [[5, 5], [5, 5]], "responders, test group, stratum 1: -1 is negative"),
        ([[1, 2], [3, 4]], [[5, 5.5], [5, 5]], "n, test group, stratum 2: 5.5 is not whole"),
        ([[1, np.nan], [3, 4]], [[5, 5], [5, 5]], "responders, test group, stratum 2: nan is not"),
        ([[1, 2], [3, 4]], [[5, np.inf], [5, 5]], "n, test group, stratum 2: inf is not finite"),
        ([[1, 2], [3, 4]], [[5], [5]], "both must be (..., 2, strata), test group first"),
        ([1, 2, 3], [5, 5, 5], "must be (2, strata) or (..., 2, strata)"),
        ([[], []], [[], []], "with at least one stratum"),
        (["a", "b"], [5, 5], "responders is not an array of numbers"),
        (np.full((3, 2, 1), -2), np.ones((3, 2, 1)), "responders, table (0,), test group"),
    ],
)
def test_counts_that_cannot_be_are_refused(responders, n, words):
    with pytest.raises(CountsError) as caught:
        read_tables(responders, n)
    assert words in str(caught.value)


def test_a_stratum_with_an_empty_group_is_left_out_and_named():
    got = stratified_newcombe([[3, 2, 5], [1, 0, 4]], [[9, 4, 8], [7, 0, 9]])
    assert got.warnings == ("stratum 2 of 3 is left out: no subject in the control group",)
    without = stratified_newcombe([[3, 5], [1, 4]], [[9, 8], [7, 9]])
    assert (got.value, got.lower, got.upper) == (without.value, without.lower, without.upper)


def test_one_group_empty_in_all_strata_gives_nan_and_says_why():
    got = stratified_newcombe([[3, 2], [0, 0]], [[9, 4], [0, 0]])
    assert np.isnan([got.value, got.lower, got.upper]).all()
    assert got.warnings[-1] == (
        "no stratum has subjects in both groups, so the comparison is not defined"
    )


def test_a_batch_counts_the_tables_that_a_warning_is_about():
    got = stratified_newcombe(
        [[[3, 1], [2, 0]], [[3, 1], [2, 1]]], [[[5, 2], [5, 0]], [[5, 2]] * 2]
    )
    assert got.warnings == ("1 of 2 tables: strata with an empty group are left out",)


def test_strata_are_refused_by_a_method_that_knows_none():
    with pytest.raises(CountsError, match="2 strata and the method knows none; sum the counts"):
        wald([[1, 2], [3, 4]], [[5, 5], [5, 5]])
