"""An estimate with its limits, and the two-sided normal quantile that most of them need."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from openlupus.errors import StatisticsError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
# One table gives a float; a batch of tables gives an array of the leading shape.
Numbers = float | Floats


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its two-sided confidence limits, on the scale of the estimate.

    Attributes:
        value: The estimate; a difference is test minus control, a ratio test over control.
        lower: Lower limit; never clipped unless the method itself is bounded.
        upper: Upper limit.
        level: Two-sided coverage aimed at, in (0, 1).
        standard_error: Of the estimate, where the method has one (of its logarithm for a ratio).
        warnings: What the reader of the numbers must know; empty when nothing was out of order.
    """

    value: Numbers
    lower: Numbers
    upper: Numbers
    level: float
    standard_error: Numbers | None = None
    warnings: tuple[str, ...] = ()


def normal_quantile(level: float) -> float:
    """The z of a two-sided normal interval, 1.96 for 0.95."""
    if not 0 < level < 1:
        raise StatisticsError(
            f"confidence level is {level!r}; it must lie strictly between 0 and 1, as in 0.95"
        )
    return float(ndtri((1 + level) / 2))


def two_sided_p(z: Numbers) -> Numbers:
    """P value of a standard normal statistic, both tails."""
    return plain(np.asarray(2 * ndtr(-np.abs(z))))


def plain(numbers: Floats) -> Numbers:
    """A float where there is one number, the array itself where there are several."""
    return float(numbers) if numbers.ndim == 0 else numbers
