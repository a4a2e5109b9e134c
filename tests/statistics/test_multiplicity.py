"""Adjusted P values: second opinions, closed testing by brute force, and order."""

from itertools import combinations

import numpy as np
import pytest
from counts import close
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from openlupus.errors import StatisticsError
from openlupus.statistics.multiplicity import adjust, rejected

METHODS = ["bonferroni", "holm", "hochberg", "hommel", "bh", "by"]
THEIRS = {
    "bonferroni": "bonferroni", "holm": "holm", "hochberg": "simes-hochberg", "hommel": "hommel",
    "bh": "fdr_bh", "by": "fdr_by",
}  # fmt: skip
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@pytest.mark.independent
@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None)
@given(p=p_values)
def test_agrees_with_statsmodels(method, p):
    assert close(adjust(p, method=method), multipletests(p, method=THEIRS[method])[1])


@given(p=p_values)
def test_hommel_is_the_closed_test_with_simes(p):
    """Adjusted P = largest Simes P of all intersections that contain the hypothesis."""

    def simes(members):
        ordered = np.sort([p[i] for i in members])
        return min(1.0, np.min(len(ordered) * ordered / np.arange(1, len(ordered) + 1)))

    every = [s for k in range(1, len(p) + 1) for s in combinations(range(len(p)), k)]
    expected = [max(simes(s) for s in every if i in s) for i in range(len(p))]
    assert close(adjust(p, method="hommel"), expected)


@given(p=p_values)
def test_more_powerful_procedures_never_adjust_more(p):
    bonferroni, holm, hochberg, hommel = (adjust(p, method=m) for m in METHODS[:4])
    assert (holm <= bonferroni + 1e-15).all()
    assert (hochberg <= holm + 1e-15).all()
    assert (hommel <= hochberg + 1e-15).all()
    assert (hommel >= np.array(p) - 1e-15).all()


@pytest.mark.parametrize("method", METHODS)
@given(p=p_values, seed=st.randoms(use_true_random=False))
def test_the_order_given_is_the_order_returned(method, p, seed):
    order = list(range(len(p)))
    seed.shuffle(order)
    assert close(adjust(p, method=method)[order], adjust(np.array(p)[order], method=method))


def test_a_missing_p_value_is_no_hypothesis():
    got = adjust([0.01, float("nan"), 0.03], method="bonferroni")
    assert close(got, [0.02, np.nan, 0.06])
    assert rejected([0.01, float("nan"), 0.03], 0.05, "bonferroni").tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: adjust([0.2, 1.2]), "P values between 0 and 1"),
        (lambda: adjust([[0.2], [0.1]]), "must be a vector"),
        (lambda: adjust([0.2], method="sidak"), "method='sidak' is not one of"),
        (lambda: rejected([0.2], 5), "alpha=5 must lie strictly between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(StatisticsError, match=words):
        call()
