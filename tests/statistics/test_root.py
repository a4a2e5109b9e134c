"""The elementwise root finder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.statistics.root import bracketed_root


@given(
    roots=st.lists(st.floats(-0.999, 0.999), min_size=1, max_size=5), power=st.sampled_from([1, 3])
)
def test_finds_each_root_of_a_batch(roots, power):
    wanted = np.array(roots)
    low, high = np.full(wanted.shape, -1.0), np.full(wanted.shape, 1.0)
    got = bracketed_root(lambda at: lambda x: (x - wanted[at]) ** power, low, high)
    assert got == pytest.approx(wanted, abs=1e-12 if power == 1 else 1e-6)


def test_is_exact_to_the_last_digits_and_quick():
    calls = 0

    def cosine(x):
        nonlocal calls
        calls += 1
        return np.cos(x)

    got = bracketed_root(lambda _: cosine, np.zeros(1000), np.full(1000, 3.0))
    assert np.abs(got - np.pi / 2).max() < 4e-16
    assert calls < 20


def test_without_a_change_of_sign_gives_the_nearer_end():
    got = bracketed_root(lambda _: lambda x: x**2 + 1, np.array([-1.0]), np.array([3.0]))
    assert got.tolist() == [-1.0]
