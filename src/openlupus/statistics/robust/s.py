"""S estimation: the coefficients whose residuals have the smallest robust scale.

Mathematics: docs/methods/robust.md.
"""

from dataclasses import dataclass
from itertools import combinations, islice
from math import comb

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from openlupus.errors import ConvergenceError
from openlupus.statistics.interval import Floats
from openlupus.statistics.robust.least_squares import Model
from openlupus.statistics.robust.psi import Bounded

_BREAKDOWN = 0.5
# All subsets are tried where there are no more than these.
_EXHAUSTIVE = 6_000
_DRAWN = 1_000
# All candidates take two steps together, the best of them more, and the best of those are followed
# until they settle: (kept, steps).
_STAGES = (60, 2), (3, 20)
_SCALE_STEPS = 15
_ROUGH = 1e-5
_STEPS = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class SEstimate:
    """Coefficients, their residuals and the scale; `exhaustive` when all subsets were tried."""

    coefficients: Floats
    residuals: Floats
    scale: float
    iterations: int
    exhaustive: bool


def s_estimate(
    model: Model, rho: Bounded, rng: Generator, *, tolerance: float = 1e-13
) -> SEstimate:
    """Smallest scale with sum rho(r / scale) / (n - p) = 1/2 (eq. robust-s).

    Exact fits to subsets of as many observations as coefficients are improved, all at once; the
    best are followed until they settle. The answer depends on the generator only where
    there are too many subsets to try all, and then only if it missed the best one.

    Source:
        Rousseeuw & Yohai 1984. Salibian-Barrera & Yohai, J Comput Graph Stat 2006;15:414.
    """
    subsets, exhaustive = _subsets(model, rng)
    starts = _exact_fits(model, subsets)
    if starts.size == 0:
        raise ConvergenceError("no subset of the observations determines all coefficients")
    residuals = model.y - starts @ model.x.T
    scale = np.median(np.abs(residuals), axis=1) / 0.6745
    _refuse_exact(float(scale.min()), model)
    for kept, steps in _STAGES:
        for _ in range(steps):
            residuals, scale = _improve(model, rho, residuals, scale)
        for _ in range(_SCALE_STEPS):
            scale = _step_of_scale(model, rho, residuals, scale)
        best = np.argsort(scale, kind="stable")[:kept]
        residuals, scale = residuals[best], scale[best]
    _refuse_exact(float(scale[0]), model)
    found = [
        _settle(model, rho, r, float(s), _ROUGH) for r, s in zip(residuals, scale, strict=True)
    ]
    near = min(found, key=lambda each: each.scale)
    end = _settle(model, rho, near.residuals, near.scale, tolerance)
    if not np.isfinite(end.scale):
        raise ConvergenceError("no subset leads to a scale: too few observations keep a weight")
    return SEstimate(end.coefficients, end.residuals, end.scale, end.iterations, exhaustive)


def s_scale(residuals: Floats, rho: Bounded, p: int, start: float) -> float:
    """The scale of residuals: sum rho(r / scale) / (n - p) = 1/2, from a start."""
    scale, df = start, residuals.size - p
    for _ in range(200):
        u = residuals / scale
        excess = float(rho.rho(u).sum()) / df - _BREAKDOWN
        slope = float(np.sum(rho.psi(u) * u)) / rho.largest / df
        newton = 1 + excess / slope if slope > 0 else 0.0
        # Newton's step where it is a small one, else the fixed point, which always gets nearer.
        factor = newton if 0.7 < newton < 1.4 else float(np.sqrt(excess / _BREAKDOWN + 1))
        scale *= factor
        if abs(factor - 1) <= 1e-15:
            break
    return float(scale)


def _subsets(model: Model, rng: Generator) -> tuple[NDArray[np.intp], bool]:
    n, p = model.n, model.p
    if comb(n, p) <= _EXHAUSTIVE:
        every = islice(combinations(range(n), p), _EXHAUSTIVE)
        return np.array(list(every), dtype=np.intp), True
    drawn = rng.random((_DRAWN, n)).argpartition(p, axis=1)[:, :p]
    return drawn.astype(np.intp), False


def _exact_fits(model: Model, subsets: NDArray[np.intp]) -> Floats:
    x, y = model.x[subsets], model.y[subsets]
    # Scaled columns, so that a determinant tells a singular subset.
    unit = x / np.sqrt(np.sum(model.x**2, axis=0) / model.n)
    regular = np.abs(np.linalg.det(unit)) > 1e-9
    return np.linalg.solve(x[regular], y[regular][:, :, None])[:, :, 0].astype(np.float64)


def _improve(model: Model, rho: Bounded, residuals: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """One step of scale and of reweighted least squares for all candidates at once."""
    scale = _step_of_scale(model, rho, residuals, scale)
    weight = rho.weight(residuals / np.maximum(scale, 1e-300)[:, None])
    products: Floats = model.x[:, :, None] * model.x[:, None, :]
    cross: Floats = np.tensordot(weight, products, axes=1)
    right: Floats = (weight * model.y) @ model.x
    size = np.sqrt(np.diagonal(cross, axis1=1, axis2=2))
    safe = np.where(size > 0, size, 1.0)
    regular = np.linalg.det(cross / (safe[:, :, None] * safe[:, None, :])) > 1e-14
    cross[~regular] = np.eye(model.p)
    beta = np.linalg.solve(cross, right[:, :, None])[:, :, 0].astype(np.float64)
    return model.y - beta @ model.x.T, np.where(regular, scale, np.inf)


def _step_of_scale(model: Model, rho: Bounded, residuals: Floats, scale: Floats) -> Floats:
    known = np.isfinite(scale)
    safe = np.where(known, np.maximum(scale, 1e-300), 1.0)
    mean = rho.rho(residuals / safe[:, None]).sum(axis=1) / (model.n - model.p)
    return np.where(known, safe * np.sqrt(mean / _BREAKDOWN), np.inf)


def _settle(
    model: Model, rho: Bounded, residuals: Floats, start: float, tolerance: float
) -> SEstimate:
    beta = np.zeros(model.p)
    if not np.isfinite(start):
        return SEstimate(beta, residuals, np.inf, 0, False)
    scale, taken, change = s_scale(residuals, rho, model.p, start), 0, np.inf
    while change > tolerance and taken < _STEPS:
        taken += 1
        beta = model.weighted(rho.weight(residuals / scale))
        before, residuals = residuals, model.y - model.x @ beta
        scale = s_scale(residuals, rho, model.p, scale)
        _refuse_exact(scale, model)
        change = float(np.abs(residuals - before).max()) / scale
    return SEstimate(beta, residuals, scale, taken, False)


def _refuse_exact(scale: float, model: Model) -> None:
    if not scale > 1e-12 * float(np.abs(model.y).max()):
        raise ConvergenceError(
            "the scale is 0: half of the observations are fitted exactly, so the others cannot be"
            " weighed"
        )
