"""The chance of a set of tables of two groups, at the rate that makes it largest."""

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from openlupus.statistics.interval import Floats

# Looked for on a grid, and then beside its best point.
_RATES, _REFINEMENTS = 201, 5


def largest_chance(
    chance: Callable[[Floats], Floats], low: float, high: float, rates: int | None = None
) -> float:
    """The largest chance over rates from `low` to `high` (eq. unconditional-p).

    Args:
        chance: Chances at some rates.
        low: Smallest rate.
        high: Largest rate.
        rates: Look at so many equally spaced rates only; None looks for the worst itself.
    """
    looked = np.linspace(low, high, rates or _RATES)
    found = chance(looked)
    for _ in range(0 if rates else _REFINEMENTS):
        at = int(np.argmax(found))
        beside = looked[max(at - 1, 0)], looked[min(at + 1, looked.size - 1)]
        looked = np.linspace(float(beside[0]), float(beside[1]), 21)
        found = chance(looked)
    return float(min(1.0, found.max()))


def binomial_chances(n: int, rates: Floats) -> Floats:
    """Chance of 0 ... n responders at each rate, shape (rates, n + 1)."""
    k, p = np.arange(n + 1.0), rates[:, None]
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.exp(ways + xlogy(k, p) + xlog1py(n - k, -p))
