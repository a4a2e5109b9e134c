"""Ordered hypotheses: hand-worked cases, and what must hold for any P values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from openlupus.errors import StatisticsError
from openlupus.statistics.gatekeeping import (
    fallback,
    fixed_sequence,
    gatekeeping,
    graphical_bounds,
)
from openlupus.statistics.graphical import graphical_test
from openlupus.statistics.multiplicity import adjust

P = st.floats(1e-9, 1)
FAMILIES = st.lists(st.lists(P, min_size=1, max_size=4), min_size=1, max_size=3)
METHODS = st.sampled_from(["hochberg", "holm"])


def step_by_step(families, alpha, share, method):
    """The procedure at one error, as its definition says: test, count, pass the rest on."""
    rejected = []
    for number, p in enumerate(families):
        part = 1.0 if number == len(families) - 1 else share
        m, order = len(p), np.argsort(p, kind="stable")
        critical = alpha * (part / np.arange(m, 0, -1) + (1 - part) / m)
        passes = np.asarray(p)[order] <= critical
        if method == "hochberg":
            count = int(np.flatnonzero(passes)[-1]) + 1 if passes.any() else 0
        else:
            count = m if passes.all() else int(np.argmin(passes))
        decision = np.zeros(m, bool)
        decision[order[:count]] = True
        rejected.append(decision)
        kept = m - count
        alpha = alpha - (alpha * (part + (1 - part) * kept / m) if kept else 0.0)
    return rejected


@given(FAMILIES, st.floats(0.001, 0.6), st.floats(0, 0.99), METHODS)
def test_adjusted_values_decide_as_the_definition_does(families, alpha, share, method):
    got = gatekeeping(families, alpha=alpha, truncation=share, method=method)
    near = any(np.any(np.abs(each.adjusted - alpha) < 1e-9) for each in got)
    if near:
        return
    for ours, theirs in zip(got, step_by_step(families, alpha, share, method), strict=True):
        assert ours.rejected.tolist() == theirs.tolist()


@given(st.lists(P, min_size=1, max_size=5), METHODS)
def test_one_family_is_the_ordinary_test(p, method):
    got = gatekeeping([p], alpha=0.05, method=method)[0]
    assert got.adjusted == pytest.approx(adjust(p, method=method))


@given(FAMILIES, st.floats(0, 0.99))
def test_the_more_errors_are_allowed_the_more_is_rejected(families, share):
    few, many = (gatekeeping(families, alpha=a, truncation=share) for a in (0.02, 0.2))
    for one, other in zip(few, many, strict=True):
        assert not np.any(one.rejected & ~other.rejected)


def test_a_hand_worked_gate():
    # Primary P 0.01 and 0.03, alpha 0.05, truncation 0.5: critical values 0.025 (smaller) and
    # (0.25 + 0.25 ... ) 0.0375 (larger), so both are rejected and 0.05 is passed on.
    first, second = gatekeeping([[0.03, 0.01], [0.04, 0.02]], alpha=0.05, truncation=0.5)
    assert first.rejected.all()
    assert second.alpha == 0.05
    assert second.rejected.all()
    # With 0.04 in the place of 0.03 only 0.01 is rejected: 0.05 (1 - 0.5)(1 - 1/2) is passed on.
    first, second = gatekeeping([[0.04, 0.01], [0.04, 0.02]], alpha=0.05, truncation=0.5)
    assert first.rejected.tolist() == [False, True]
    assert second.alpha == pytest.approx(0.0125)
    assert not second.rejected.any()


@given(st.lists(P, min_size=1, max_size=5))
def test_a_fixed_sequence_is_a_graph(p):
    weights = np.r_[1.0, np.zeros(len(p) - 1)]
    graph = graphical_test(p, weights, np.eye(len(p), k=1), alpha=0.05)
    assert fixed_sequence(p) == pytest.approx(graph.adjusted)


@given(st.lists(P, min_size=1, max_size=5))
def test_fallback_with_all_error_on_the_first_is_the_fixed_sequence(p):
    got = fallback(p, np.r_[1.0, np.zeros(len(p) - 1)], alpha=0.05)
    assert got.adjusted == pytest.approx(fixed_sequence(p))


def test_fallback_of_the_published_order():
    # Shares 1/3: P 0.04 is kept at 0.05/3; the second is rejected and passes its share on.
    got = fallback([0.04, 0.01, 0.03], [1 / 3, 1 / 3, 1 / 3], alpha=0.05)
    assert got.rejected.tolist() == [False, True, True]


@given(
    st.lists(st.floats(-3, 6), min_size=3, max_size=3),
    st.sampled_from([0.01, 0.025, 0.1]),
)
def test_bounds_agree_with_the_decisions(z, alpha):
    weights, graph = [0.5, 0.5, 0.0], [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    result = graphical_test(norm.sf(z), weights, graph, alpha=alpha)
    bounds = graphical_bounds(result, z, np.ones(3), weights, alpha=alpha)
    assert np.all(bounds[result.rejected] >= 0)
    assert np.all(bounds[~result.rejected] <= 1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fixed_sequence([0.1, 2]), "between 0 and 1"),
        (lambda: fixed_sequence([]), "between 0 and 1"),
        (lambda: gatekeeping([], alpha=0.05), "no family"),
        (lambda: gatekeeping([[0.1]], alpha=5), "alpha=5"),
        (lambda: gatekeeping([[0.1], [0.1]], alpha=0.05, truncation=1.0), "below 1"),
        (lambda: gatekeeping([[0.1], [0.1]], alpha=0.05, truncation=[0.1, 0.2]), "must be 1 num"),
        (lambda: gatekeeping([[0.1]], alpha=0.05, method="simes"), "method='simes'"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(StatisticsError, match=words):
        call()
