"""Intervals of one proportion, and the exact binomial test.

Mathematics, with the named equations: docs/methods/proportion.md.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, gammaln, xlog1py, xlogy

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.interval import Bools, Floats, Interval, normal_quantile, plain
from openlupus.statistics.tables import flag

Method = Literal[
    "wilson", "wilson-corrected", "clopper-pearson", "jeffreys", "agresti-coull", "wald"
]

# Two outcomes are equally probable when their probabilities agree to this; R uses the same.
_TIE = 1 + 1e-7


def proportion(
    x: ArrayLike, n: ArrayLike, *, method: Method = "wilson", level: float = 0.95
) -> Interval:
    """A proportion with its confidence limits.

    Args:
        x: Responders, any shape.
        n: Subjects, same shape.
        method: `wilson` score (eq. wilson), `wilson-corrected` for continuity (eq. wilson-cc),
            `clopper-pearson` exact (eq. clopper-pearson), `jeffreys` (eq. jeffreys),
            `agresti-coull` and `wald`, which are not clipped to 0 and 1.
        level: Two-sided coverage, in (0, 1).

    Returns:
        NaN and a warning where there are no subjects.

    Source:
        Brown, Cai & DasGupta, Stat Sci 2001;16:101. Newcombe, Stat Med 1998;17:857.
    """
    responders, size = _read(x, n)
    z = normal_quantile(level)
    nobody = size == 0
    safe = np.where(nobody, 1.0, size)
    p = responders / safe
    match method:
        case "wilson":
            lower, upper = wilson_limits(p, safe, z)
        case "wilson-corrected":
            lower, upper = corrected_wilson_limits(p, safe, z)
        case "clopper-pearson":
            lower, upper = _beta_limits(responders, safe, level, 0.0)
        case "jeffreys":
            lower, upper = _beta_limits(responders, safe, level, 0.5)
        case "agresti-coull":
            centre = (responders + z**2 / 2) / (safe + z**2)
            half = z * np.sqrt(centre * (1 - centre) / (safe + z**2))
            lower, upper = centre - half, centre + half
        case "wald":
            half = z * np.sqrt(p * (1 - p) / safe)
            lower, upper = p - half, p + half
        case _:
            raise StatisticsError(f"method={method!r} is not one of the intervals of a proportion")
    value, lower, upper = (plain(np.where(nobody, np.nan, each)) for each in (p, lower, upper))
    notes = flag(nobody, "no subjects, so there is no proportion")
    return Interval(value, lower, upper, level, None, notes)


def binomial_test(x: int, n: int, *, null: float = 0.5) -> float:
    """Exact two-sided P value of a proportion `null`: all outcomes that are no more probable."""
    responders, size = _read(x, n)
    if not 0 <= null <= 1:
        raise StatisticsError(f"null={null!r} is not a proportion; it must lie between 0 and 1")
    k = np.arange(float(size) + 1)
    ways = gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1)
    chance = np.exp(ways + xlogy(k, null) + xlog1py(size - k, -null))
    observed = chance[int(responders)]
    return float(min(1.0, chance[chance <= observed * _TIE].sum()))


def wilson_limits(p: Floats, n: Floats, z: float | Floats) -> tuple[Floats, Floats]:
    """Wilson's limits (eq. wilson) of proportions p of n >= 1 subjects."""
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # Exactly 0 and 1 at the ends, where rounding would leave 1e-17.
    return np.where(p == 0, 0.0, centre - half), np.where(p == 1, 1.0, centre + half)


def corrected_wilson_limits(p: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    """Wilson's limits with continuity correction (eq. wilson-cc)."""
    scale, middle = 2 * (n + z**2), 2 * n * p + z**2
    low = z**2 - 2 - 1 / n + 4 * p * (n * (1 - p) + 1)
    high = z**2 + 2 - 1 / n + 4 * p * (n * (1 - p) - 1)
    # The radicand is negative only beside p = 0 (high) or p = 1 (low), where the limit is exact.
    lower = np.maximum(0, (middle - 1 - z * np.sqrt(np.maximum(low, 0))) / scale)
    upper = np.minimum(1, (middle + 1 + z * np.sqrt(np.maximum(high, 0))) / scale)
    return np.where(p == 0, 0.0, lower), np.where(p == 1, 1.0, upper)


def _beta_limits(x: Floats, n: Floats, level: float, prior: float) -> tuple[Floats, Floats]:
    """Quantiles of beta laws: Clopper-Pearson's two for prior 0, Jeffreys's one for prior 1/2."""
    tail = (1 - level) / 2
    none, everybody = x == 0, x == n
    # At the ends one of the laws has a parameter of 0; the limit is the end itself.
    a, b = np.where(none, 1.0, x + prior), n - x + (prior or 1.0)
    lower = np.where(none, 0.0, betaincinv(a, b, tail))
    a, b = x + (prior or 1.0), np.where(everybody, 1.0, n - x + prior)
    return lower, np.where(everybody, 1.0, betaincinv(a, b, 1 - tail))


def _read(x: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    responders, size = np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if responders.shape != size.shape:
        raise CountsError(f"x has shape {responders.shape} and n has shape {size.shape}")
    bad: Bools = ~np.isfinite(responders) | ~np.isfinite(size) | (responders < 0)
    bad = bad | (responders > size) | (responders % 1 != 0) | (size % 1 != 0)
    if np.any(bad):
        at = np.asarray(bad)
        raise CountsError(
            f"{responders[at].flat[0]:g} responders among {size[at].flat[0]:g} subjects; counts"
            " are whole numbers, 0 or more, and responders cannot exceed subjects"
        )
    return responders, size
