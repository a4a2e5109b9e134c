"""M estimation by iteratively reweighted least squares. Mathematics: docs/methods/robust.md."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from openlupus.errors import ConvergenceError, StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.robust.least_squares import Model, Regression, read_model, read_models
from openlupus.statistics.robust.psi import Huber, Psi
from openlupus.statistics.robust.reweighting import Convergence, Solved, reweighted

Scale = Literal["mad", "median", "proposal-2"]
Errors = Literal["rlm", "H1", "H2", "H3"]

# Divisors of the median absolute residual: rounded as MASS has it, and the normal quantile.
_DIVISOR = {"mad": 0.6745, "median": float(ndtri(0.75))}
_PROPOSAL = 1.345
# Numbers in the designs that are worked on together: enough to pay for the calls, few enough for
# the cache.
_ROOM = 250_000


def m_estimate(
    x: ArrayLike,
    y: ArrayLike,
    *,
    psi: Psi | None = None,
    scale: Scale = "mad",
    errors: Errors = "rlm",
    convergence: Convergence = "residuals",
    tolerance: float = 1e-12,
    steps: int = 500,
    names: Sequence[str] | None = None,
) -> Regression:
    """M estimate from a least-squares start; the scale is estimated anew at every step.

    Args:
        x: Design with its intercept, shape (observations, coefficients).
        y: Response, shape (observations,).
        psi: `Huber()` (the default), `Bisquare()` or `Hampel()`; the last two have several
            solutions, and this one is the nearest to least squares.
        scale: `mad`, median absolute residual / 0.6745 as MASS::rlm; `median`, the same by the
            normal quantile as PROC ROBUSTREG; `proposal-2` of Huber (eq. robust-proposal2).
        errors: `rlm` as summary.rlm (eq. robust-rlm); `H1`, `H2`, `H3` of PROC ROBUSTREG
            (eq. robust-h).
        convergence: What must change no more: the length of the `residuals`, as MASS::rlm, or
            the sum of the absolute `coefficients`.
        tolerance: On that change in a step, relative to its size.
        steps: At most; a fit that needs more says so and has `converged` false.
        names: One a coefficient.

    Raises:
        ConvergenceError: a scale of 0, as when more than half of the observations fit exactly.

    Source:
        Huber & Ronchetti, Robust Statistics, 2nd ed., ch. 7. Venables & Ripley, MASS, 4th ed.
    """
    model = read_model(x, y, names).at(None)
    return _estimates(model, psi or Huber(), scale, errors, convergence, tolerance, steps)[0]


def m_estimates(
    x: ArrayLike,
    y: ArrayLike,
    *,
    psi: Psi | None = None,
    scale: Scale = "mad",
    errors: Errors = "rlm",
    convergence: Convergence = "residuals",
    tolerance: float = 1e-12,
    steps: int = 500,
    names: Sequence[str] | None = None,
) -> tuple[Regression, ...]:
    """The M estimates of many data sets, such as imputations, side by side.

    Each is what `m_estimate` finds: it starts at its own least squares and stops by its own steps.

    Args:
        x: Shape (data sets, observations, coefficients).
        y: Shape (data sets, observations).
        psi: This and the further arguments as in `m_estimate`.
        scale: The same.
        errors: The same.
        convergence: The same.
        tolerance: The same.
        steps: The same.
        names: The same.

    Raises:
        StatisticsError: what `m_estimate` raises, of any of the data sets.
    """
    models = read_models(x, y, names)
    block = max(1, _ROOM // (models.n * models.p))
    return tuple(
        fit
        for first in range(0, len(models.y), block)
        for fit in _estimates(
            models.at(slice(first, first + block)), psi or Huber(), scale, errors, convergence,
            tolerance, steps,
        )
    )  # fmt: skip


def _estimates(
    models: Model, psi: Psi, scale: Scale, errors: Errors, convergence: Convergence,
    tolerance: float, steps: int,
) -> list[Regression]:  # fmt: skip
    if scale not in ("mad", "median", "proposal-2"):
        raise StatisticsError(f"scale={scale!r} is not one of mad, median, proposal-2")
    found = reweighted(
        models, psi, lambda residuals, present: next_scale(residuals, present, scale, models.p),
        convergence=convergence, tolerance=tolerance, steps=steps,
    )  # fmt: skip
    method = f"M estimate, {psi}, scale {scale}, standard errors {errors}"
    return _regressions(models, found, psi, errors, method)


def _regressions(
    models: Model, found: Solved, psi: Psi, errors: Errors, method: str
) -> list[Regression]:
    """The regressions of solved M estimating equations, with their covariances."""
    residuals = models.y - (models.x @ found.coefficients[:, :, None])[:, :, 0]
    u, leverage = residuals / found.scale[:, None], models.leverage
    covariance = m_covariance(models, u, found.scale, psi, errors)
    gradient = np.abs(psi.psi(u)[:, None] @ models.x)[:, 0] / np.sqrt(np.sum(models.x**2, axis=1))
    return [
        Regression(
            models.names, found.coefficients[i], covariance[i], float(found.scale[i]),
            float("inf"), residuals[i], found.weights[i], leverage[i], taken, converged,
            float(gradient[i].max()), method,
            () if converged else (f"not converged after {taken} steps",),
        )
        for i, (taken, converged) in enumerate(
            zip(found.iterations.tolist(), found.converged.tolist(), strict=True)
        )
    ]  # fmt: skip


def m_covariance(model: Model, u: Floats, scale: ArrayLike, psi: Psi, errors: Errors) -> Floats:
    """Covariance of an M estimate from its scaled residuals, eq. robust-rlm and robust-h.

    Args:
        model: One, or a stack.
        u: Shape (observations,), or (models, observations).
        scale: A number, or one a model.
        psi: Of the estimate.
        errors: As in `m_estimate`.
    """
    n, p = model.n, model.p
    slope = psi.slope(u)
    mean = _each(slope.mean(axis=-1))
    if np.any(mean <= 0):
        raise ConvergenceError("the mean slope of psi is not positive: no standard errors")
    ddof = 1 if errors == "rlm" else 0
    k = 1 + p / n * _each(slope.var(axis=-1, ddof=ddof)) / mean**2
    variance = _each(scale) ** 2 * _each(np.sum(psi.psi(u) ** 2, axis=-1)) / (n - p)
    if errors in ("rlm", "H1"):
        return k**2 * variance / mean**2 * model.inverse()
    if errors not in ("H2", "H3"):
        raise StatisticsError(f"errors={errors!r} is not one of rlm, H1, H2, H3")
    across = model.x.swapaxes(-1, -2)
    inverse: Floats = np.linalg.inv((across * slope[..., None, :]) @ model.x).astype(np.float64)
    if errors == "H2":
        return k * variance / mean * inverse
    return variance / k * inverse @ across @ model.x @ inverse


def _each(numbers: ArrayLike) -> Floats:
    """One number a model, to be multiplied with a matrix each."""
    return np.asarray(numbers, np.float64)[..., None, None]


def next_scale(residuals: Floats, scale: Floats, kind: Scale, p: int) -> Floats:
    """The scales for the next step, shape (models,).

    Args:
        residuals: Shape (models, observations).
        scale: The present ones, shape (models,).
        kind: How they are estimated.
        p: Coefficients.

    Raises:
        ConvergenceError: a scale is 0.
    """
    size = np.abs(residuals)
    if kind == "proposal-2":
        k = _PROPOSAL
        inside = 2 * float(ndtr(k)) - 1
        density = float(np.exp(-(k**2) / 2) / np.sqrt(2 * np.pi))
        gamma = inside + k**2 * (1 - inside) - 2 * k * density
        capped = np.minimum(residuals**2, (k * scale[:, None]) ** 2)
        value = np.sqrt(capped.sum(axis=1) / ((residuals.shape[1] - p) * gamma))
    else:
        value = np.asarray(np.median(size, axis=1), np.float64) / _DIVISOR[kind]
    if not np.all(value > 1e-10 * np.maximum(size.max(axis=1), 1e-300)):
        raise ConvergenceError(
            "the scale is 0: more than half of the observations are fitted exactly, so the others"
            " cannot be weighed"
        )
    return value
