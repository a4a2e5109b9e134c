"""Maximise a likelihood by Newton's method with its exact Hessian, to the end."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from openlupus.errors import ConvergenceError
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.likelihood import Evaluation

_MOST_STEPS = 200
# Distance to the maximum, in standard errors of the parameters, at which Newton's method ends.
_CLOSE = 1e-10
# Below this squared distance the value no longer tells a better point, but the gradient does.
_QUADRATIC = 1e-8
# Distances that differ by rounding alone once Newton's method has arrived.
_NOISE = 1e-12
# An eigenvalue of the correlations that says why a fit did not end.
_SINGULAR = 1e-4
_FLAT = 1e-10


@dataclass(frozen=True, slots=True)
class Convergence:
    """Why the fit is a maximum.

    Attributes:
        gradient: Largest absolute derivative of the log-likelihood at the end.
        relative_gradient: The same over the larger of 1 and the absolute log-likelihood.
        distance: To the maximum of the quadratic approximation, in standard errors.
        smallest_eigenvalue: Of the Hessian scaled to a unit diagonal; positive at a maximum.
    """

    gradient: float
    relative_gradient: float
    distance: float
    smallest_eigenvalue: float

    @staticmethod
    def of(at: Evaluation) -> "Convergence":
        largest = float(np.abs(at.gradient).max())
        size = np.sqrt(np.abs(np.diag(at.hessian)))
        eigenvalues = np.linalg.eigvalsh(at.hessian / np.outer(size, size))
        squared = float(at.gradient @ np.linalg.solve(at.hessian, at.gradient))
        return Convergence(
            gradient=largest,
            relative_gradient=largest / max(1.0, abs(float(at.value))),
            distance=max(squared, 0.0) ** 0.5,
            smallest_eigenvalue=float(eigenvalues[0]),
        )


def maximise(
    likelihood: Callable[[Floats], Evaluation],
    start: Floats,
    names: Callable[[Floats], tuple[str, ...]],
) -> Floats:
    """Parameters at the maximum.

    Args:
        likelihood: Minus the log-likelihood with its derivatives; raises LinAlgError where the
            covariance is not positive definite.
        start: Where to begin; must be possible.
        names: Names of the parameters at a vector, for messages.

    Raises:
        ConvergenceError: the likelihood has no maximum that can be found, and why.
    """
    with np.errstate(all="ignore"):
        at = _try(likelihood, start)
        if at is None:
            raise ConvergenceError("the covariance at the starting values is not positive definite")
        best = None
        for _ in range(_MOST_STEPS):
            step, squared, proper = _newton_step(at)
            if best is not None and squared >= best[0] and best[0] <= _NOISE:
                return best[1].theta
            if proper and squared <= _CLOSE**2:
                return at.theta
            if proper and squared <= _QUADRATIC:
                best = (squared, at)
                moved = _try(likelihood, at.theta + step)
            else:
                best, moved = None, _descend(likelihood, at, step)
            if moved is None:
                break
            at = moved
    raise ConvergenceError(_reason(at, names))


def _newton_step(at: Evaluation) -> tuple[Floats, float, bool]:
    size = np.sqrt(np.abs(np.diag(at.hessian)))
    size = np.where(size > 0, size, 1.0)
    values, axes = np.linalg.eigh(at.hessian / np.outer(size, size))
    proper = bool(values[0] > _FLAT)
    # Where the likelihood is not concave the step follows the size of the curvature.
    curvature = values if proper else np.maximum(np.abs(values), 1e-3)
    along = axes.T @ (at.gradient / size)
    step = -(axes @ (along / curvature)) / size
    longest = float(np.abs(step).max())
    return (
        step * min(1.0, 2.0 / longest) if longest > 0 else step,
        float(along**2 @ (1 / curvature)),
        proper,
    )


def _descend(
    likelihood: Callable[[Floats], Evaluation], at: Evaluation, step: Floats
) -> Evaluation | None:
    slope = float(at.gradient @ step)
    share = 1.0
    while share > 1e-10:
        moved = _try(likelihood, at.theta + share * step)
        if moved is not None and moved.value <= at.value + 1e-4 * share * slope:
            return moved
        share /= 2
    return None


def _try(likelihood: Callable[[Floats], Evaluation], theta: Floats) -> Evaluation | None:
    try:
        at = likelihood(theta)
    except np.linalg.LinAlgError:
        return None
    finite = np.isfinite(at.value) and np.isfinite(at.gradient).all()
    return at if finite and np.isfinite(at.hessian).all() else None


def _reason(at: Evaluation, names: Callable[[Floats], tuple[str, ...]]) -> str:
    for part in at.parts:
        for covariance in part.covariance:
            size = np.sqrt(np.diag(covariance))
            smallest = float(np.linalg.eigvalsh(covariance / np.outer(size, size))[0])
            if smallest < _SINGULAR:
                return (
                    f"the covariance tends to a singular one (smallest eigenvalue {smallest:.1e} of"
                    " the correlations): some visits determine others, or there are too few"
                    " subjects for its parameters"
                )
    size = np.sqrt(np.abs(np.diag(at.hessian)))
    called = names(at.theta)
    if not (size > 0).all():
        return f"the data say nothing of {[n for n, s in zip(called, size, strict=True) if s == 0]}"
    values, axes = np.linalg.eigh(at.hessian / np.outer(size, size))
    _, squared, proper = _newton_step(at)
    worst = called[int(np.abs(axes[:, 0]).argmax())]
    if not proper:
        return (
            f"the Hessian is not positive definite (smallest eigenvalue {values[0]:.1e}, along"
            f" {worst}); gradient {np.abs(at.gradient).max():.1e}"
        )
    return (
        f"no maximum within {_MOST_STEPS} steps: {squared**0.5:.1e} standard errors away, gradient"
        f" {np.abs(at.gradient).max():.1e}, flattest along {worst}"
    )
