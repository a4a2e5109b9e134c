"""Order statistics as limits of a median: coverage by enumeration, and hand cases."""

from math import comb

import numpy as np
import pytest

from openlupus.errors import StatisticsError
from openlupus.statistics.median import median_interval


def covers(n: int, k: int) -> float:
    """Chance that the k-th from either end lie on both sides of the median."""
    return 1 - 2 * sum(comb(n, i) for i in range(k)) / 2**n


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [6, 7, 10, 15, 20, 41, 82])
def test_the_limits_are_the_narrowest_pair_that_covers(n: int, level: float):
    found = median_interval(np.arange(1, n + 1), level=level)
    if np.isnan(found.lower):
        assert covers(n, 1) < level
        return
    k = int(found.lower)
    assert found.upper == n + 1 - k
    assert covers(n, k) >= level
    assert covers(n, k + 1) < level or k == n // 2


def test_a_textbook_case():
    # n = 10 at 95%: the 2nd and the 9th (coverage 0.9785).
    found = median_interval([5, 1, 9, 3, 7, 2, 8, 4, 6, 10])
    assert (found.value, found.lower, found.upper) == (5.5, 2, 9)


def test_missing_values_are_left_out_and_few_values_have_no_limits():
    found = median_interval([3, np.nan, 1, 2])
    assert found.value == 2
    assert np.isnan(found.lower)
    assert "too few" in found.warnings[0]
    assert np.isnan(median_interval([]).value)


@pytest.mark.parametrize("x", [[[1, 2]], [1, np.inf]])
def test_what_is_no_vector_of_finite_values_is_refused(x: list[float]):
    with pytest.raises(StatisticsError):
        median_interval(x)
    with pytest.raises(StatisticsError):
        median_interval([1.0], level=1.0)
