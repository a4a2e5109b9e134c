"""Exact decimals: 0.4 to 0.7 is a rise of 0.3, and a fall from 80 to 60 is 25 %.

A measured value is a decimal number, its binary double is not: 0.7 - 0.4 is below 0.3 in doubles.
Before a difference or a ratio meets a threshold, the values become whole numbers of millionths.
Whole numbers up to 2**53 are exact in a double, so sums, and products with small whole numbers,
are exact for values up to 10 million; nan stays nan, and a comparison with nan is False.
"""

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments.arrays import Bools, Floats

UNIT = 1_000_000


def exact(values: ArrayLike) -> Floats:
    """Values as whole numbers of millionths; digits beyond the sixth decimal are rounded away."""
    return np.rint(np.asarray(values, np.float64) * UNIT)


def below(values: ArrayLike, limit: ArrayLike) -> Bools:
    """value < limit as decimals; False where either is missing."""
    return exact(values) < exact(limit)


def at_most(values: ArrayLike, limit: ArrayLike) -> Bools:
    """value <= limit as decimals; False where either is missing."""
    return exact(values) <= exact(limit)


def above(values: ArrayLike, limit: ArrayLike) -> Bools:
    """value > limit as decimals; False where either is missing."""
    return exact(values) > exact(limit)


def at_least(values: ArrayLike, limit: ArrayLike) -> Bools:
    """value >= limit as decimals; False where either is missing."""
    return exact(values) >= exact(limit)
