"""Core matrices of covariance structures with their derivatives, and the ranges of parameters.

Each core is computed from unbounded parameters and from what it is built on: lags of visits, or
distances. Mathematics: docs/methods/mmrm.md, eq. mmrm-structures.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from openlupus.statistics.interval import Bools, Floats

Codes = NDArray[np.int64]
# A value with its first and second derivatives.
Jet = tuple[Floats, Floats, Floats]
# Unbounded parameters, lags or distances -> the core matrix.
Core = Callable[[Floats, Floats], Jet]


def correlation(x: Floats) -> Jet:
    """A correlation from an unbounded number, x / sqrt(1 + x^2), and its two derivatives."""
    root = np.sqrt(1 + x**2)
    return x / root, root**-3, -3 * x * root**-5


def common_correlation(x: Floats, visits: int) -> Jet:
    """A correlation common to all pairs, between its lowest possible value and 1."""
    lowest = -1 / max(visits - 1, 1)
    chance = 1 / (1 + np.exp(-x))
    slope = (1 - lowest) * chance * (1 - chance)
    return lowest + (1 - lowest) * chance, slope, slope * (1 - 2 * chance)


def unstructured(x: Floats, lags: Floats) -> Jet:
    """L L' with L unit lower triangular, filled by rows."""
    m = lags.shape[-1]
    rows, columns, second = _triangle(m)
    lower = np.eye(m)
    lower[rows, columns] = x
    first = np.zeros((x.size, m, m))
    first[np.arange(x.size), rows] = lower[:, columns].T
    first += np.swapaxes(first, 1, 2)
    return (lower @ lower.T)[None], first[:, None], second


@cache
def _triangle(m: int) -> tuple[Codes, Codes, Floats]:
    rows, columns = np.tril_indices(m, -1)
    number = rows.size
    second = np.zeros((number, number, 1, m, m))
    a, b = np.nonzero(columns[:, None] == columns)
    second[a, b, 0, rows[a], rows[b]] += 1.0
    second[a, b, 0, rows[b], rows[a]] += 1.0
    return rows, columns, second


def by_lag(x: Floats, lags: Floats) -> Jet:
    """Toeplitz: one correlation a lag."""
    same_lag = lags == np.arange(1, x.size + 1)[:, None, None, None]
    return _linear_core(correlation(x), same_lag, lags)


def exchangeable(x: Floats, lags: Floats) -> Jet:
    """Compound symmetry: one correlation for all pairs."""
    return _linear_core(common_correlation(x, lags.shape[-1]), (lags > 0)[None][: x.size], lags)


def _linear_core(rho_and_slopes: Jet, basis: Bools, lags: Floats) -> Jet:
    rho, slope, curve = rho_and_slopes
    value = (lags == 0) + np.tensordot(rho, basis.astype(np.float64), 1)
    second = np.zeros((rho.size, *basis.shape))
    second[np.arange(rho.size), np.arange(rho.size)] = curve[:, None, None, None] * basis
    return value, slope[:, None, None, None] * basis, second


def autoregressive(x: Floats, lags: Floats) -> Jet:
    """Correlation to the power of the lag."""
    rho, slope, curve = correlation(x)
    value = rho[0] ** lags if x.size else np.ones_like(lags)
    if not x.size:
        return value, np.zeros((0, *lags.shape)), np.zeros((0, 0, *lags.shape))
    once = lags * rho[0] ** np.maximum(lags - 1, 0)
    twice = lags * (lags - 1) * rho[0] ** np.maximum(lags - 2, 0)
    return value, (slope[0] * once)[None], (slope[0] ** 2 * twice + curve[0] * once)[None, None]


def antedependent(x: Floats, lags: Floats) -> Jet:
    """Product of the correlations of neighbours between two visits."""
    rho, slope, curve = correlation(x)
    number, m = x.size, lags.shape[-1]
    visit, link = np.arange(m, dtype=np.int64), np.arange(number)[:, None, None, None]
    first_visit = np.minimum(visit[:, None], visit)[None]
    last_visit = np.maximum(visit[:, None], visit)[None]
    used = (link >= first_visit) & (link < last_visit)
    factor = np.where(used, rho[:, None, None, None], 1.0)
    value = np.prod(factor, axis=0)
    first, second = np.zeros((number, 1, m, m)), np.zeros((number, number, 1, m, m))
    for k in range(number):
        others = np.delete(factor, k, axis=0)
        once = used[k] * np.prod(others, axis=0)
        first[k], second[k, k] = slope[k] * once, curve[k] * once
        for j in range(k):
            rest = used[k] * used[j] * np.prod(np.delete(others, j, axis=0), axis=0)
            second[k, j] = second[j, k] = slope[k] * slope[j] * rest
    return value, first, second


def decay(power: int, x: Floats, distances: Floats) -> Jet:
    """exp(rate x distance^power), rate = log(logistic(x)): the correlation at distance 1."""
    apart = distances**power
    rate, slope, curve = _rate(x[0])
    value = np.exp(rate * apart)
    first = slope * apart * value
    return value, first[None], (curve * apart * value + slope * apart * first)[None, None]


def _rate(x: float) -> tuple[float, float, float]:
    """log(logistic(x)) and its two derivatives."""
    chance = 1 / (1 + np.exp(-x))
    return -float(np.logaddexp(0, -x)), 1 - chance, -chance * (1 - chance)


def range_of(x: Floats, name: str) -> Jet:
    """SAS's range: exp(-d / range), or exp(-(d / range)^2); with its two derivatives."""
    power = 1.0 if name == "sp_exp" else 0.5
    rate, slope, curve = _rate(x[0])
    value = (-1 / rate) ** power
    first = -power * value / rate
    second = power * (power + 1) * value / rate**2
    return (
        np.array([value]),
        np.array([first * slope]),
        np.array([second * slope**2 + first * curve]),
    )
