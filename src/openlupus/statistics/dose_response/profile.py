"""Least squares of one family to many sets of estimates at once, with one covariance.

For given nonlinear parameters the best linear ones follow, so only the former are searched: on a
grid, then by Gauss-Newton steps within the bounds. Mathematics: docs/methods/dose-response.md, eq.
dose-profile.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openlupus.errors import StatisticsError
from openlupus.statistics.dose_response.families import Bounds, Family
from openlupus.statistics.interval import Bools, Floats

_GRID = {1: 101, 2: 41}
_STEPS = 400
_TINY = 1e-300
# Trials are taken in portions, so that the grid's table stays in memory.
_PORTION = 4_000


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The best curve of each set of estimates.

    Attributes:
        linear: Linear coefficients, shape (sets, linear).
        nonlinear: Shape (sets, nonlinear); at a bound where the criterion falls towards it.
        criterion: Generalised sum of squares about the curve, shape (sets,).
        slope: Largest absolute slope of the criterion by the logarithm of a nonlinear parameter
            that is not at a bound, shape (sets,).
    """

    linear: Floats
    nonlinear: Floats
    criterion: Floats
    slope: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Whitened:
    """A problem whose estimates are independent with variance 1.

    Attributes:
        dose: Shape (doses,).
        root: Inverse Cholesky factor of the covariance, shape (doses, doses).
        constant: The column of ones, whitened and of length 1, shape (doses,).
    """

    dose: Floats
    root: Floats
    constant: Floats

    def part(self, columns: Floats) -> Floats:
        """Whiten the last axis, and take the constant out."""
        whitened = columns @ self.root.T
        return whitened - (whitened @ self.constant)[..., None] * self.constant


def whiten(dose: Floats, covariance: Floats) -> Whitened:
    """Prepare a covariance, shape (doses, doses), for `profile`."""
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise StatisticsError("the covariance of the doses is not positive definite") from None
    root: Floats = np.linalg.inv(factor).astype(np.float64)
    ones = root.sum(axis=1)
    return Whitened(dose, root, ones / np.sqrt(ones @ ones))


def profile(
    problem: Whitened,
    estimates: Floats,
    family: Family,
    bounds: Bounds | None = None,
    *,
    starts: int = 1,
    tolerance: float = 1e-11,
) -> Profile:
    """Fit `family` to each row of `estimates`, shape (sets, doses).

    Args:
        problem: From `whiten`.
        estimates: One set a row.
        family: What is fitted.
        bounds: Of each nonlinear parameter, lowest and highest, above 0; the family's by default.
        starts: Grid points that steps start from; more of them guard against several minima.
        tolerance: On the step in the logarithm of the nonlinear parameters.
    """
    needed = len(family.linear) + len(family.nonlinear)
    if problem.dose.size < needed:
        raise StatisticsError(
            f"{problem.dose.size} doses cannot determine the {needed} parameters of {family.name}"
        )
    z = estimates @ problem.root.T
    centred = z - (z @ problem.constant)[:, None] * problem.constant
    if not family.nonlinear:
        return _linear(problem, z, family)
    box = _box(family, bounds, float(problem.dose.max()))
    parts: list[tuple[Floats, Floats]] = [
        _search(problem, centred[i : i + _PORTION], family, box, starts, tolerance)
        for i in range(0, centred.shape[0], _PORTION)
    ]
    theta: Floats = np.concatenate([part[0] for part in parts])
    slope: Floats = np.concatenate([part[1] for part in parts])
    v = _curve(problem, family, theta)
    beta = np.einsum("sd,sd->s", v, centred) / _length(v)
    criterion = np.sum((centred - beta[:, None] * v) ** 2, axis=1)
    linear = np.column_stack([_intercept(problem, z, family, theta, beta), beta])
    return Profile(linear, theta, criterion, slope)


def _linear(problem: Whitened, z: Floats, family: Family) -> Profile:
    columns = np.column_stack([f(problem.dose, ()) for f in family.basis])
    x = problem.root @ np.column_stack([np.ones(problem.dose.size), columns])
    beta = np.linalg.lstsq(x, z.T, rcond=None)[0].T.astype(np.float64)
    residual = z - beta @ x.T
    none = np.empty((z.shape[0], 0))
    return Profile(beta, none, np.sum(residual**2, axis=1), np.zeros_like(beta[:, 0]))


def _search(
    problem: Whitened, centred: Floats, family: Family, box: Floats, starts: int, tolerance: float
) -> tuple[Floats, Floats]:
    """Best nonlinear parameters, and the slope there."""
    sets = len(centred)
    grid = _grid(box)
    v = _curve(problem, family, grid)
    explained: Floats = (centred @ (v / np.sqrt(_length(v))[:, None]).T) ** 2
    first = np.argpartition(-explained, min(starts, grid.shape[0] - 1), axis=1)[:, :starts]
    chosen: NDArray[np.intp] = first.ravel()
    y: Floats = np.repeat(centred, starts, axis=0)
    theta, slope, criterion = _gauss_newton(
        problem, y, family, np.log(grid[chosen]), np.log(box), tolerance
    )
    best: NDArray[np.intp] = criterion.reshape(sets, starts).argmin(axis=1)
    best = best + np.arange(sets) * starts
    at = np.clip(np.exp(theta[best]), box[:, 0], box[:, 1])
    return at, slope[best]


def _gauss_newton(
    problem: Whitened, y: Floats, family: Family, log_theta: Floats, box: Floats, tolerance: float
) -> tuple[Floats, Floats, Floats]:
    """Damped steps in the logarithms; those at a bound and pulled outwards stay there."""
    theta = log_theta.copy()
    damping = np.full_like(y[:, 0], 1e-3)
    criterion = _criterion(problem, y, family, theta)
    slope = np.zeros_like(y[:, 0])
    at_work: NDArray[np.intp] = np.arange(len(y))
    for _ in range(_STEPS):
        here = theta[at_work]
        residual, jacobian = _linearised(problem, y[at_work], family, here)
        pull: Floats = np.einsum("sdk,sd->sk", jacobian, residual)
        held = ((here <= box[:, 0]) & (pull < 0)) | ((here >= box[:, 1]) & (pull > 0))
        pull = np.where(held, 0.0, pull)
        slope[at_work] = 2 * np.abs(pull).max(axis=1)
        free = np.where(held[:, None, :], 0.0, jacobian)
        normal: Floats = np.einsum("sdk,sdl->skl", free, free)
        diagonal = np.einsum("skk->sk", normal)
        extra = np.where(held, 1.0, damping[at_work, None] * np.maximum(diagonal, _TINY) + _TINY)
        normal = normal + extra[:, :, None] * np.eye(pull.shape[1])
        solved = np.linalg.solve(normal, pull[:, :, None])[:, :, 0].astype(np.float64)
        there = np.clip(here + np.clip(solved, -1.0, 1.0), box[:, 0], box[:, 1])
        value = _criterion(problem, y[at_work], family, there)
        better = value <= criterion[at_work]
        moved = np.abs(there - here).max(axis=1)
        theta[at_work[better]], criterion[at_work[better]] = there[better], value[better]
        damping[at_work] = np.clip(damping[at_work] * np.where(better, 0.2, 8.0), 1e-12, 1e12)
        going: Bools = (moved > tolerance) & (damping[at_work] < 1e11)
        at_work = at_work[going]
        if at_work.size == 0:
            break
    return theta, slope, criterion


def _linearised(
    problem: Whitened, y: Floats, family: Family, log_theta: Floats
) -> tuple[Floats, Floats]:
    """Residuals, shape (sets, doses), and their slopes once the linear part has adapted."""
    theta = np.exp(log_theta)
    v = _curve(problem, family, theta)
    length = _length(v)
    beta = np.einsum("sd,sd->s", v, y) / length
    residual = y - beta[:, None] * v
    columns = [theta[:, i, None] for i in range(theta.shape[1])]
    slopes = family.slopes(problem.dose, tuple(columns))
    parts: list[Floats] = []
    for i, each in enumerate(slopes):
        along = problem.part(np.broadcast_to(each, y.shape)) * columns[i]
        along = along - (np.einsum("sd,sd->s", along, v) / length)[:, None] * v
        parts.append(beta[:, None] * along)
    return residual, np.stack(parts, axis=2)


def _criterion(problem: Whitened, y: Floats, family: Family, log_theta: Floats) -> Floats:
    v = _curve(problem, family, np.exp(log_theta))
    explained = np.einsum("sd,sd->s", v, y) ** 2 / _length(v)
    return np.sum(y**2, axis=1) - explained


def _curve(problem: Whitened, family: Family, theta: Floats) -> Floats:
    """f at each row of `theta`, whitened, without its constant part; shape (rows, doses)."""
    columns = tuple(theta[:, i, None] for i in range(theta.shape[1]))
    return problem.part(family.basis[0](problem.dose, columns))


def _intercept(problem: Whitened, z: Floats, family: Family, theta: Floats, beta: Floats) -> Floats:
    columns = tuple(theta[:, i, None] for i in range(theta.shape[1]))
    f = family.basis[0](problem.dose, columns) @ problem.root.T
    ones = problem.root.sum(axis=1)
    return (z - beta[:, None] * f) @ problem.constant / (ones @ problem.constant)


def _length(v: Floats) -> Floats:
    return np.maximum(np.sum(v**2, axis=1), _TINY)


def _grid(box: Floats) -> Floats:
    points = _GRID[box.shape[0]]
    # Even in the logarithm and even in the parameter, half of the points each.
    axes: list[Floats] = []
    for low, high in box.tolist():
        both: list[Floats] = [
            np.geomspace(low, high, points // 2 + 1),
            np.linspace(low, high, points // 2),
        ]
        axes.append(np.unique(np.concatenate(both)))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, box.shape[0])


def _box(family: Family, bounds: Bounds | None, largest: float) -> Floats:
    box = np.array(bounds if bounds is not None else family.bounds(largest), dtype=np.float64)
    wanted = (len(family.nonlinear), 2)
    if box.shape != wanted or not np.isfinite(box).all() or np.any(box[:, 0] <= 0):
        raise StatisticsError(
            f"bounds {box.tolist()} of {family.name}; there must be {wanted[0]} pairs above 0, for"
            f" {', '.join(family.nonlinear)}"
        )
    if np.any(box[:, 0] >= box[:, 1]):
        raise StatisticsError(f"bounds {box.tolist()} of {family.name}: the lower must be lower")
    return box
