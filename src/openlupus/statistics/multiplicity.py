"""P values adjusted for several hypotheses. Mathematics: docs/methods/multiplicity.md."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Bools, Floats

Method = Literal["bonferroni", "holm", "hochberg", "hommel", "bh", "by", "none"]


def adjust(p: ArrayLike, *, method: Method = "hochberg") -> Floats:
    """Adjusted P values, in the order given; a hypothesis is rejected where its value is <= alpha.

    Args:
        p: One P value a hypothesis, shape (hypotheses,). NaN stays NaN, and does not count as a
            hypothesis.
        method: `bonferroni`, `holm`, `hochberg`, `hommel` control the family-wise error (the last
            two under non-negative dependence); `bh` (Benjamini-Hochberg) and `by`
            (Benjamini-Yekutieli) the false discovery rate; `none` gives P back.

    Raises:
        StatisticsError: a value outside 0 to 1, or not a vector.

    Source:
        Wright, Biometrics 1992;48:1005 (adjusted values); Hochberg, Biometrika 1988;75:800;
        Hommel, Biometrika 1988;75:383; Benjamini & Hochberg, JRSS B 1995;57:289.
    """
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or np.any((values < 0) | (values > 1)):
        raise StatisticsError(
            f"p is {values!r}; it must be a vector of P values between 0 and 1, one a hypothesis"
        )
    if method not in _METHODS:
        raise StatisticsError(f"method={method!r} is not one of {tuple(_METHODS)}")
    adjusted = values.copy()
    known = ~np.isnan(values)
    if known.any():
        adjusted[known] = np.minimum(_METHODS[method](values[known]), 1.0)
    return adjusted


def rejected(p: ArrayLike, alpha: float, method: Method = "hochberg") -> Bools:
    """Which hypotheses are rejected at level `alpha`, in the order given; NaN never is."""
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha={alpha!r} must lie strictly between 0 and 1, as in 0.05")
    return adjust(p, method=method) <= alpha


def _none(p: Floats) -> Floats:
    return p


def _bonferroni(p: Floats) -> Floats:
    return p.size * p


def _holm(p: Floats) -> Floats:
    order = np.argsort(p, kind="stable")
    steps = np.arange(p.size, 0, -1) * p[order]
    return _back(np.maximum.accumulate(steps), order)


def _hochberg(p: Floats) -> Floats:
    return _step_up(p, np.arange(1.0, p.size + 1))


def _benjamini_hochberg(p: Floats) -> Floats:
    return _step_up(p, p.size / np.arange(p.size, 0, -1))


def _benjamini_yekutieli(p: Floats) -> Floats:
    harmonic = np.sum(1 / np.arange(1, p.size + 1))
    return _step_up(p, harmonic * p.size / np.arange(p.size, 0, -1))


def _step_up(p: Floats, factors: Floats) -> Floats:
    """Running minimum of factor times P, from the largest P down."""
    order = np.argsort(-p, kind="stable")
    return _back(np.minimum.accumulate(factors * p[order]), order)


def _hommel(p: Floats) -> Floats:
    """Closed test with Simes' test of every intersection (eq. hommel)."""
    order = np.argsort(p, kind="stable")
    ascending, m = p[order], p.size
    adjusted = np.full(m, np.min(m * ascending / np.arange(1, m + 1)))
    bound = adjusted.copy()
    for size in range(m - 1, 1, -1):
        smaller, larger = ascending[: m - size + 1], ascending[m - size + 1 :]
        simes = np.min(size * larger / np.arange(2, size + 1))
        bound[: m - size + 1] = np.minimum(size * smaller, simes)
        bound[m - size + 1 :] = bound[m - size]
        adjusted = np.maximum(adjusted, bound)
    return _back(np.maximum(adjusted, ascending), order)


def _back(values: Floats, order: np.ndarray) -> Floats:
    result = np.empty_like(values)
    result[order] = values
    return result


_METHODS: dict[str, Callable[[Floats], Floats]] = {
    "none": _none,
    "bonferroni": _bonferroni,
    "holm": _holm,
    "hochberg": _hochberg,
    "hommel": _hommel,
    "bh": _benjamini_hochberg,
    "by": _benjamini_yekutieli,
}
