"""Reweighted least squares of many models together. Mathematics: docs/methods/robust.md."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.robust.least_squares import Model
from openlupus.statistics.robust.psi import Psi

Convergence = Literal["residuals", "coefficients"]
# Residuals (models, observations) and present scales (models,): to the scales of the next step.
Scales = Callable[[Floats, Floats], Floats]

# Weighted products whose determinant, were their mean eigenvalue 1, is below this are not solved.
_REGULAR = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """Where the steps of each model ended.

    Attributes:
        coefficients: Shape (models, coefficients).
        scale: Shape (models,).
        weights: Of the last step, shape (models, observations).
        iterations: Steps taken, shape (models,).
        converged: Shape (models,).
    """

    coefficients: Floats
    scale: Floats
    weights: Floats
    iterations: NDArray[np.intp]
    converged: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Going:
    """The models that still move, at the coefficients g of x = q r: the fit is q g.

    Attributes:
        place: Of each in the stack.
        across: q transposed, shape (models, coefficients, observations).
        y: Shape (models, observations).
        g: Shape (models, coefficients).
        residuals: Shape (models, observations).
        scale: Shape (models,).
    """

    place: NDArray[np.intp]
    across: Floats
    y: Floats
    g: Floats
    residuals: Floats
    scale: Floats

    def only(self, moving: Bools) -> "_Going":
        parts = (self.across, self.y, self.g, self.residuals, self.scale)
        across, y, g, residuals, scale = (each[moving] for each in parts)
        return _Going(self.place[moving], across, y, g, residuals, scale)


def reweighted(
    models: Model,
    psi: Psi,
    scales: Scales,
    *,
    convergence: Convergence,
    tolerance: float,
    steps: int,
) -> Solved:
    """Follow each model of a stack from least squares until it settles (eq. robust-step).

    Args:
        models: A stack of them.
        psi: Gives the weights.
        scales: The scale is estimated anew at every step.
        convergence: What must change no more, the length of the residuals or the sum of the
            absolute coefficients.
        tolerance: On that change in a step, relative to its size.
        steps: At most.

    Raises:
        RankDeficiencyError: the observations of a model that keep a weight no longer determine
            its coefficients.
        StatisticsError: another convergence.
    """
    if convergence not in ("residuals", "coefficients"):
        raise StatisticsError(f"convergence={convergence!r} is not residuals or coefficients")
    count, weights = len(models.y), np.ones_like(models.y)
    going = _begun(models)
    g, scale = going.g.copy(), going.scale.copy()
    taken, converged = np.zeros(count, np.intp), np.zeros(count, np.bool_)
    for number in range(1, steps + 1):
        now, own = _step(models, going, psi, scales)
        change = _change(models, going, now, convergence)
        place = now.place
        g[place], scale[place], weights[place] = now.g, now.scale, own
        taken[place], converged[place] = number, change <= tolerance
        moving = change > tolerance
        if not moving.any():
            break
        going = now if moving.all() else now.only(moving)
    return Solved(_solve(models.r, g), scale, weights, taken, converged)


def _begun(models: Model) -> _Going:
    across = np.ascontiguousarray(models.q.swapaxes(1, 2))
    g = _times(across, models.y)
    residuals = models.y - _times(models.q, g)
    scale = 1.4826 * np.asarray(np.median(np.abs(residuals), axis=1), np.float64)
    return _Going(np.arange(len(g), dtype=np.intp), across, models.y, g, residuals, scale)


def _step(models: Model, going: _Going, psi: Psi, scales: Scales) -> tuple[_Going, Floats]:
    """One step of all, and its weights."""
    scale = scales(going.residuals, going.scale)
    weights = psi.weight(going.residuals / scale[:, None])
    weighted = weights[:, None] * going.across
    back = going.across.swapaxes(1, 2)
    products, size = weighted @ back, going.g.shape[1]
    mean = np.trace(products, axis1=1, axis2=2)[:, None, None] / size
    regular = np.linalg.det(products / np.where(mean > 0, mean, 1.0)) > _REGULAR
    products[~regular] = np.eye(size)
    g = going.g + _solve(products, _times(weighted, going.residuals))
    for i in np.flatnonzero(~regular):
        one = models.at(int(going.place[i]))
        g[i] = one.r @ one.weighted(weights[i])
    residuals = going.y - _times(back, g)
    return _Going(going.place, going.across, going.y, g, residuals, scale), weights


def _change(models: Model, last: _Going, now: _Going, convergence: Convergence) -> Floats:
    """Of each model in a step, relative to its size."""
    if convergence == "residuals":
        moved = np.linalg.norm(now.residuals - last.residuals, axis=1)
        size = np.linalg.norm(last.residuals, axis=1)
    else:
        before, after = (_solve(models.r[now.place], each.g) for each in (last, now))
        moved, size = np.abs(after - before).sum(axis=1), np.abs(before).sum(axis=1)
    return np.asarray(moved / np.maximum(size, 1e-10), np.float64)


def _solve(matrices: Floats, vectors: Floats) -> Floats:
    return np.linalg.solve(matrices, vectors[:, :, None])[:, :, 0].astype(np.float64)


def _times(matrices: Floats, vectors: Floats) -> Floats:
    return (matrices @ vectors[:, :, None])[:, :, 0]
