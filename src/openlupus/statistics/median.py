"""Limits of a median that need no model: two order statistics.

Source: Conover, Practical Nonparametric Statistics, 3rd ed. (1999), section 3.2.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Interval


def median_interval(x: ArrayLike, *, level: float = 0.95) -> Interval:
    """The median with the narrowest symmetric pair of order statistics that covers at `level`.

    Values k and n + 1 - k in order cover the median with probability 1 - 2 P(Binomial(n, 1/2) < k),
    whatever the distribution; k is the largest for which this is at least the level.

    Args:
        x: One value a subject; NaN is left out.
        level: Two-sided coverage, in (0, 1).

    Returns:
        The median; limits are NaN, with a warning, where there are too few values.
    """
    if not 0 < level < 1:
        raise StatisticsError(f"level={level!r} must lie strictly between 0 and 1")
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1 or np.isinf(values).any():
        raise StatisticsError(f"x has shape {values.shape}; it must be one finite value a subject")
    values = np.sort(values[~np.isnan(values)])
    n = values.size
    if n == 0:
        nan = float("nan")
        return Interval(nan, nan, nan, level, warnings=("there is no value",))
    middle = float(np.median(values))
    k = np.arange(1, n // 2 + 1)
    covers = 1 - 2 * bdtr(k - 1, n, 0.5) >= level
    if not covers.any():
        why = f"{n} value(s) are too few for limits at {100 * level:g}%"
        return Interval(middle, float("nan"), float("nan"), level, warnings=(why,))
    best = int(k[covers][-1])
    return Interval(middle, float(values[best - 1]), float(values[n - best]), level)
