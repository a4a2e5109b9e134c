"""CTCAE v5.0: monotone grades, missing limits, boundaries, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError, ScaleError
from openlupus.instruments import ctcae
from openlupus.instruments.ctcae import TERMS, Low, grade

LOW = [term for term, rule in TERMS.items() if isinstance(rule, Low)]
HIGH = [term for term in TERMS if term not in LOW]


@given(st.sampled_from(LOW), st.floats(0.01, 300))
def test_a_lower_count_is_never_a_milder_grade(term: str, lln: float) -> None:
    values = np.sort(np.random.default_rng(0).uniform(0, 400, 60))
    assert (np.diff(grade(term, values, lln=lln)) <= 0).all()


@given(st.sampled_from(HIGH), st.integers(1, 100), st.integers(1, 300))
def test_a_higher_value_is_never_a_milder_grade(term: str, uln: int, baseline: int) -> None:
    values = np.sort(np.random.default_rng(0).uniform(0, 5000, 80))
    assert (np.diff(grade(term, values, uln=uln, baseline=baseline)) >= 0).all()


@pytest.mark.parametrize("term", LOW)
def test_bounds_belong_to_the_milder_grade(term: str) -> None:
    rule = TERMS[term]
    assert isinstance(rule, Low)
    bounds = np.array(rule.bounds)
    assert grade(term, bounds, lln=1000).tolist() == list(range(1, len(bounds) + 1))
    assert grade(term, bounds - 0.01, lln=1000).tolist() == list(range(2, len(bounds) + 2))


def test_multiples_are_exact_decimals() -> None:
    """3 x 0.7 is 2.1 and 1.5 x 0.7 is 1.05, whatever the binary doubles say."""
    assert grade("alt_increased", [2.1], uln=[0.7], baseline=[0.5])[0] == 1
    assert grade("blood_bilirubin_increased", [1.05], uln=[0.7], baseline=[0.5])[0] == 1
    assert grade("alt_increased", [1.05], uln=[0.6], baseline=[0.7])[0] == 1


def test_a_missing_limit_leaves_grades_0_and_1_open() -> None:
    got = grade("neutrophil_count_decreased", [3.0, 1.5, 1.4, 0.4, np.nan])
    assert got.tolist() == [-1, -1, 2, 4, -1]
    assert grade("alt_increased", [500.0], baseline=[30.0])[0] == -1
    assert grade("creatinine_increased", [190.0], baseline=[60.0])[0] == 3
    assert grade("creatinine_increased", [80.0], baseline=[60.0])[0] == -1


def test_a_low_limit_below_the_bound_leaves_the_bound_in_force() -> None:
    assert grade("neutrophil_count_decreased", [1.45], lln=[1.4])[0] == 2


def test_high_lymphocytes_have_grades_2_and_3_alone() -> None:
    got = grade("lymphocyte_count_increased", [4.0, 4.1, 20.0, 20.1])
    assert got.tolist() == [0, 2, 2, 3]


def test_refusals() -> None:
    with pytest.raises(InstrumentError, match="anemia"):
        grade("anaemia", [10.0])
    with pytest.raises(InstrumentError, match=r"rows \[1\]"):
        ctcae.grade("anemia", [10.0, -1.0])


# -- shifts ----------------------------------------------------------------------------------------


def test_worst_grades_and_the_shift_table() -> None:
    after = ctcae.worst([1, 3, -1, -1, 0], [0, 0, 1, 2, 2], 4)
    assert after.tolist() == [3, -1, 0, -1]
    got = ctcae.shift([0, 2, 1, -1], after)
    assert got.worsened.tolist() == [1, -1, 0, -1]
    assert got.table.shape == (6, 6)
    assert got.table.sum() == 4
    assert [tuple(cell) for cell in np.argwhere(got.table)] == [(0, 3), (1, 0), (2, 5), (5, 5)]


def test_shifts_refuse_what_is_no_grade() -> None:
    with pytest.raises(ScaleError, match="row 1, grade: 5"):
        ctcae.shift([0, 5], [0, 0])
    with pytest.raises(InstrumentError, match="differ in shape"):
        ctcae.shift([0, 1], [0])
    with pytest.raises(InstrumentError, match=r"need shape \(n,\)"):
        ctcae.worst([[0]], [[0]], 1)
