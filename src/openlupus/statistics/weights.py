"""Weights of strata, which sum to 1. Mathematics: docs/methods/weights.md."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.tables import Tables, flag, read_tables

Weights = Literal["cmh", "inverse-variance", "minimum-risk", "equal"]


def stratum_weights(responders: ArrayLike, n: ArrayLike, *, weights: Weights = "cmh") -> Floats:
    """Weights of the strata, which sum to 1; 0 for a stratum that is left out.

    Args:
        responders: Counts, shape (..., 2, strata).
        n: Subjects, same shape.
        weights: `cmh` n1 n0 / (n1 + n0) (eq. weights-mh); `inverse-variance` (eq. rd-ivw);
            `minimum-risk` of Mehrotra & Railkar (eq. weights-mr); `equal`.

    Returns:
        Shape (..., strata); NaN for a table in which no stratum can be compared, or whose inverse
        variances are not defined.
    """
    return weights_of(read_tables(responders, n), weights)


def weights_of(tables: Tables, weights: Weights) -> Floats:
    """The same, of counts that have been read."""
    match weights:
        case "cmh":
            return mantel_haenszel_weights(tables)
        case "equal":
            return normalised(tables, np.ones(tables.used.shape))
        case "inverse-variance":
            return _inverse_variance_weights(tables, binomial_variance(tables).sum(axis=-2))
        case "minimum-risk":
            return _minimum_risk_weights(tables)
        case _:
            raise StatisticsError(f"weights={weights!r} is not one of {get_args(Weights)}")


def mantel_haenszel_weights(tables: Tables) -> Floats:
    """Weights n1 n0 / (n1 + n0), scaled to sum 1 (eq. weights-mh); shape (..., strata)."""
    return normalised(tables, tables.n[..., 0, :] * tables.n[..., 1, :] / tables.n.sum(axis=-2))


def normalised(tables: Tables, weights: Floats) -> Floats:
    """Weights of the used strata divided by their sum; NaN where no stratum is used."""
    weights = np.where(tables.used, weights, 0.0)
    total = weights.sum(axis=-1, keepdims=True)
    return np.divide(weights, total, out=np.full_like(weights, np.nan), where=total > 0)


def undefined_weights(tables: Tables, weights: Floats) -> tuple[str, ...]:
    """The warning of a result that is NaN because its weights are not defined."""
    return flag(
        np.isnan(weights).any(axis=-1) & tables.comparable,
        "a stratum has 0 % or 100 % responders in both groups, so its inverse variance is not"
        " defined; use weights='cmh'",
    )


def binomial_variance(tables: Tables, unbiased: bool = False) -> Floats:
    """p (1 - p) / n of every group and stratum, or over n - 1; shape (..., 2, strata)."""
    p = tables.rates
    divisor = tables.n - 1 if unbiased else tables.n
    return np.divide(p * (1 - p), divisor, out=np.zeros_like(p), where=divisor > 0)


def _inverse_variance_weights(tables: Tables, variance: Floats) -> Floats:
    informative = np.where(tables.used, variance, 1.0) > 0
    weights = normalised(
        tables, np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0)
    )
    return np.where(informative.all(axis=-1, keepdims=True), weights, np.nan)


def _minimum_risk_weights(tables: Tables) -> Floats:
    """Least variance plus squared distance from the size-weighted difference (eq. weights-mr)."""
    variance, d = binomial_variance(tables).sum(axis=-2), tables.differences
    precise = _inverse_variance_weights(tables, variance)
    precision = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0)
    precision = np.where(tables.used, precision, 0.0)
    target = np.sum(normalised(tables, tables.n.sum(axis=-2)) * d, axis=-1, keepdims=True)
    about = d - np.sum(precise * d, axis=-1, keepdims=True)
    gap = target - np.sum(precise * d, axis=-1, keepdims=True)
    shift = gap / (1 + np.sum(precision * about**2, axis=-1, keepdims=True))
    return precise + shift * precision * about
