"""M estimation by iteratively reweighted least squares. Mathematics: docs/methods/robust.md."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from openlupus.errors import ConvergenceError, StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.robust.least_squares import Model, Regression, read_model
from openlupus.statistics.robust.psi import Huber, Psi

Scale = Literal["mad", "median", "proposal-2"]
Errors = Literal["rlm", "H1", "H2", "H3"]
Convergence = Literal["residuals", "coefficients"]

# Divisors of the median absolute residual: rounded as MASS has it, and the normal quantile.
_DIVISOR = {"mad": 0.6745, "median": float(ndtri(0.75))}
_PROPOSAL = 1.345


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
    model, function = read_model(x, y, names), psi or Huber()
    if convergence not in ("residuals", "coefficients"):
        raise StatisticsError(f"convergence={convergence!r} is not residuals or coefficients")
    if scale not in ("mad", "median", "proposal-2"):
        raise StatisticsError(f"scale={scale!r} is not one of mad, median, proposal-2")
    beta = model.weighted(np.ones(model.n))
    residuals = model.y - model.x @ beta
    spread = 1.4826 * float(np.median(np.abs(residuals)))
    weights, change, taken = np.ones(model.n), np.inf, 0
    while change > tolerance and taken < steps:
        taken += 1
        spread = next_scale(residuals, spread, scale, model.p)
        weights = function.weight(residuals / spread)
        last, before = beta, residuals
        beta = model.weighted(weights)
        residuals = model.y - model.x @ beta
        if convergence == "residuals":
            moved = float(np.linalg.norm(residuals - before))
            change = moved / max(float(np.linalg.norm(before)), 1e-10)
        else:
            change = float(np.abs(beta - last).sum()) / max(float(np.abs(last).sum()), 1e-10)
    method = f"M estimate, {function}, scale {scale}, standard errors {errors}"
    return m_regression(
        model, beta, spread, weights, function, errors, taken, change <= tolerance, method
    )


def m_regression(
    model: Model, beta: Floats, scale: float, weights: Floats, psi: Psi, errors: Errors,
    iterations: int, converged: bool, method: str,
) -> Regression:  # fmt: skip
    """The regression of a solved M estimating equation, with its covariance."""
    residuals = model.y - model.x @ beta
    notes = () if converged else (f"not converged after {iterations} steps",)
    u = residuals / scale
    gradient = np.abs(model.x.T @ psi.psi(u)) / np.sqrt(np.sum(model.x**2, axis=0))
    return Regression(
        model.names, beta, m_covariance(model, u, scale, psi, errors), scale, float("inf"),
        residuals, weights, model.leverage, iterations, converged, float(gradient.max()), method,
        notes,
    )  # fmt: skip


def m_covariance(model: Model, u: Floats, scale: float, psi: Psi, errors: Errors) -> Floats:
    """Covariance of an M estimate from its scaled residuals, eq. robust-rlm and robust-h."""
    n, p = model.n, model.p
    slope = psi.slope(u)
    mean = float(slope.mean())
    if mean <= 0:
        raise ConvergenceError("the mean slope of psi is not positive: no standard errors")
    ddof = 1 if errors == "rlm" else 0
    k = 1 + p / n * float(slope.var(ddof=ddof)) / mean**2
    variance = scale**2 * float(np.sum(psi.psi(u) ** 2)) / (n - p)
    if errors in ("rlm", "H1"):
        return k**2 * variance / mean**2 * model.inverse()
    if errors not in ("H2", "H3"):
        raise StatisticsError(f"errors={errors!r} is not one of rlm, H1, H2, H3")
    weighted = (model.x.T * slope) @ model.x
    inverse: Floats = np.linalg.inv(weighted).astype(np.float64)
    if errors == "H2":
        return k * variance / mean * inverse
    return variance / k * inverse @ model.x.T @ model.x @ inverse


def next_scale(residuals: Floats, scale: float, kind: Scale, p: int) -> float:
    """The scale for the next step; `scale` is the present one."""
    if kind == "proposal-2":
        k = _PROPOSAL
        inside = 2 * float(ndtr(k)) - 1
        density = float(np.exp(-(k**2) / 2) / np.sqrt(2 * np.pi))
        gamma = inside + k**2 * (1 - inside) - 2 * k * density
        capped = np.minimum(residuals**2, (k * scale) ** 2)
        value = float(np.sqrt(capped.sum() / ((residuals.size - p) * gamma)))
    else:
        value = float(np.median(np.abs(residuals))) / _DIVISOR[kind]
    if not value > 1e-10 * max(float(np.abs(residuals).max()), 1e-300):
        raise ConvergenceError(
            "the scale is 0: more than half of the observations are fitted exactly, so the others"
            " cannot be weighed"
        )
    return value
