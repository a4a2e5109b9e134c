"""Probabilities that a sequence of correlated normal statistics leaves its boundaries.

The density of the statistic on the region where the trial goes on is carried from analysis to
analysis at Gauss-Legendre points (eq. gs-recursion of docs/methods/group-sequential.md).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from openlupus.statistics.interval import Floats
from openlupus.statistics.root import bracketed_root

# Beyond this many standard deviations a normal density is below 1e-22.
_REACH = 10.0
_RULE: tuple[Floats, Floats] = np.polynomial.legendre.leggauss(16)
_POINTS, _WEIGHTS = _RULE
# Panels are at most this share of the standard deviation of the next increment.
_PANEL = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """Probability of leaving above and below at each analysis, shapes (analyses,)."""

    upper: Floats
    lower: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Going:
    """The density of the score S = Z sqrt(t) on the continuation region, at its points."""

    t: float
    score: Floats
    mass: Floats

    def beyond(self, t: float, bound: float, drift: float, sign: float) -> float:
        """Probability that the next score is above (sign 1) or below (-1) Z = bound."""
        step = t - self.t
        return float(
            self.mass
            @ ndtr(sign * (self.score + drift * step - bound * np.sqrt(t)) / np.sqrt(step))
        )


def crossing(t: Floats, upper: Floats, lower: Floats, drift: float) -> Crossing:
    """Probabilities of Z_k >= upper_k, and of Z_k <= lower_k, at the first exit.

    Args:
        t: Information at each analysis, rising, shape (analyses,).
        upper: Upper boundary on the Z scale, same shape; +infinity where there is none.
        lower: Lower boundary; -infinity where there is none.
        drift: Z_k has mean drift x sqrt(t_k).
    """
    above, below = np.zeros(t.size), np.zeros(t.size)
    going = _start()
    for k in range(t.size):
        above[k] = going.beyond(t[k], upper[k], drift, 1.0)
        below[k] = going.beyond(t[k], lower[k], drift, -1.0)
        if k < t.size - 1:
            going = _onward(going, t[k], t[k + 1], upper[k], lower[k], drift)
    return Crossing(above, below)


def tail(t: Floats, upper: Floats, lower: Floats, drift: float, z: float) -> float:
    """Probability of reaching the last analysis of `t` and of Z >= z there.

    `upper` and `lower` hold the boundaries of the analyses before it, shape (analyses - 1,).
    """
    return _until(t, upper, lower, drift).beyond(float(t[-1]), z, drift, 1.0)


def last_bound(t: Floats, upper: Floats, lower: Floats, spend: float) -> float:
    """The Z at the last analysis of `t` that is reached or passed with probability `spend`.

    Under drift 0; boundaries before it as in `tail`. Infinity where nothing is to be spent.
    """
    going = _until(t, upper, lower, 0.0)
    if spend <= 0:
        return float("inf")
    if t.size == 1:
        return float(-ndtri(spend))

    def excess(z: Floats) -> Floats:
        reached = going.beyond(float(t[-1]), float(z[0]), 0.0, 1.0)
        return np.array([np.log(max(reached, 1e-300) / spend)])

    bracket = np.array([-_REACH]), np.array([_REACH])
    return float(bracketed_root(lambda _: excess, *bracket)[0])


def _start() -> _Going:
    return _Going(0.0, np.zeros(1), np.ones(1))


def _until(t: Floats, upper: Floats, lower: Floats, drift: float) -> _Going:
    going = _start()
    for k in range(t.size - 1):
        going = _onward(going, t[k], t[k + 1], upper[k], lower[k], drift)
    return going


def _onward(
    going: _Going, t: float, following: float, upper: float, lower: float, drift: float
) -> _Going:
    """The density at analysis `t` between the boundaries, ready for the `following` one."""
    root = np.sqrt(t)
    low = max(lower * root, drift * t - _REACH * root)
    high = min(upper * root, drift * t + _REACH * root)
    if high <= low:
        return _Going(t, np.zeros(1), np.zeros(1))
    # Smooth at the scale of both the increment that made it and the one that follows.
    scale = _PANEL * np.sqrt(min(t - going.t, following - t))
    panels = int(np.clip(np.ceil((high - low) / scale), 1, 400))
    half = (high - low) / panels / 2
    centres: Floats = low + half * (2 * np.arange(panels) + 1)
    score: Floats = (centres[:, None] + half * _POINTS).ravel()
    step = t - going.t
    residual: Floats = (score[:, None] - going.score - drift * step) / np.sqrt(step)
    density = np.exp(-0.5 * residual**2) @ going.mass / np.sqrt(2 * np.pi * step)
    return _Going(t, score, density * np.tile(half * _WEIGHTS, panels))
