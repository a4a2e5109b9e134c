"""Graphical procedures: the known procedures that they contain, and refusals."""

import numpy as np
import pytest
from counts import close
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import StatisticsError
from openlupus.statistics.graphical import graphical_test
from openlupus.statistics.multiplicity import adjust

p_values = st.lists(st.floats(0, 1), min_size=2, max_size=5)


def holm(m):
    return np.full(m, 1 / m), (1 - np.eye(m)) / (m - 1)


def fixed_sequence(m):
    return np.eye(m)[0], np.eye(m, k=1)


@given(p=p_values)
def test_the_graph_of_holm_is_holm(p):
    got = graphical_test(p, *holm(len(p)), alpha=0.05)
    assert close(got.adjusted, adjust(p, method="holm"))


@given(p=p_values)
def test_the_graph_of_holm_with_simes_is_hommel(p):
    got = graphical_test(p, *holm(len(p)), alpha=0.05, test="simes")
    assert close(got.adjusted, adjust(p, method="hommel"))


@given(p=p_values)
def test_a_fixed_sequence_is_the_running_maximum(p):
    got = graphical_test(p, *fixed_sequence(len(p)), alpha=0.05)
    assert close(got.adjusted, np.maximum.accumulate(p))


@given(p=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_simes_rejects_what_bonferroni_rejects(p):
    graph = ([0.5, 0.5, 0, 0], [[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5], [0, 1, 0, 0], [1, 0, 0, 0]])
    bonferroni, simes = (
        graphical_test(p, *graph, alpha=0.05, test=test) for test in ("bonferroni", "simes")
    )
    assert (simes.adjusted <= bonferroni.adjusted + 1e-12).all()
    assert (simes.rejected | ~bonferroni.rejected).all()
    assert bonferroni.weights.sum() <= 1 + 1e-9
    assert (bonferroni.weights[bonferroni.rejected] == 0).all()


@pytest.mark.parametrize(
    ("p", "weights", "transitions", "alpha", "words"),
    [
        ([0.1, 2], [0.5, 0.5], np.zeros((2, 2)), 0.05, "vector of values from 0 to 1"),
        ([0.1, 0.2], [0.9, 0.5], np.zeros((2, 2)), 0.05, "in sum at most 1"),
        ([0.1, 0.2], [0.5, 0.5], np.zeros((3, 3)), 0.05, "there are 2 hypotheses"),
        ([0.1, 0.2], [0.5, 0.5], [[0, 1], [0.5, 0.5]], 0.05, "row 2 of the transitions"),
        ([0.1, 0.2], [0.5, 0.5], np.zeros((2, 2)), 5, "alpha=5"),
    ],
)
def test_graphs_that_cannot_be_are_refused(p, weights, transitions, alpha, words):
    with pytest.raises(StatisticsError, match=words):
        graphical_test(p, weights, transitions, alpha=alpha)


def test_all_faults_are_said_at_once():
    with pytest.raises(StatisticsError) as caught:
        graphical_test([0.1, 2], [2, 0.5], np.zeros((3, 3)), alpha=5)
    words = ("p must be", "weights must be", "transitions have", "alpha=5")
    assert all(each in str(caught.value) for each in words)
