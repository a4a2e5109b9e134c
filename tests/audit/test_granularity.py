"""GRIM and GRIMMER, against every data set that there is."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.audit.granularity import possible_sd, possible_sums
from openlupus.audit.percentages import counts_of
from openlupus.audit.printed import Number


def printed(x: float, places: int, rounding: str = ROUND_HALF_UP) -> Number:
    return Number(Decimal(x).quantize(Decimal(1).scaleb(-places), rounding=rounding))


@pytest.mark.independent
def test_the_example_of_grim():
    # Brown & Heathers, Soc Psychol Personal Sci 2017;8:363: 28 whole numbers have no mean of 5.19
    assert not possible_sums(Number(Decimal("5.19")), 28)
    assert possible_sums(Number(Decimal("5.18")), 28)
    assert possible_sums(Number(Decimal("5.21")), 28)


@given(
    st.lists(st.integers(0, 12), min_size=2, max_size=60), st.integers(0, 3),
    st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN]),
)  # fmt: skip
def test_what_patients_have_is_possible(values: list[int], places: int, rounding: str):
    mean = printed(float(np.mean(values)), places, rounding)
    sd = printed(float(np.std(values, ddof=1)), places, rounding)
    assert sum(values) in possible_sums(mean, len(values))
    assert possible_sd(mean, sd, len(values))


@given(st.lists(st.integers(0, 20), min_size=2, max_size=20))
def test_steps_other_than_one(halves: list[int]):
    values = np.array(halves) / 2
    mean, sd = printed(float(values.mean()), 2), printed(float(values.std(ddof=1)), 2)
    assert possible_sd(mean, sd, len(values), step=0.5)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_what_is_refused_no_data_have(n: int):
    there_are = set()
    for values in combinations_with_replacement(range(-4, 9), n):
        mean, sd = printed(float(np.mean(values)), 2), printed(float(np.std(values, ddof=1)), 2)
        there_are.add((mean.value, sd.value))
    means = sorted({mean for mean, _ in there_are if 1 <= mean <= 3})
    refused = passed = 0
    for mean in means:
        for hundredths in range(150):
            sd = Decimal(hundredths) / 100
            if possible_sd(Number(mean), Number(sd.quantize(Decimal("0.01"))), n):
                passed += (mean, sd) not in there_are
            else:
                refused += 1
                assert (mean, sd) not in there_are
    assert refused > 300
    assert passed <= 0.02 * refused


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 2))
def test_a_percentage_stands_for_its_count(of: int, n: int, places: int):
    n = min(n, of)
    assert n in counts_of(printed(100 * n / of, places), of)
