"""MM estimation, and SMDM with its design-adaptive scale. Mathematics: docs/methods/robust.md."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from openlupus.errors import ConvergenceError, StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.robust.least_squares import Model, Regression, read_model
from openlupus.statistics.robust.m import m_covariance
from openlupus.statistics.robust.psi import Bisquare, Bounded, Lqq
from openlupus.statistics.robust.s import SEstimate, s_estimate

Errors = Literal["avar1", "rlm", "H1", "H2", "H3"]

# Breakdown 50 % for the scale, efficiency 95 % for the coefficients, as robustbase rounds them.
S_BISQUARE, M_BISQUARE = Bisquare(1.54764), Bisquare(4.685061)
S_LQQ, M_LQQ = Lqq(0.4015457, 0.2676971, 1.5), Lqq(1.4734061, 0.9822707, 1.5)

# robustbase's formula for tau of lqq at 95 %: sqrt(1 - a h)(1 + b h), h the leverage.
_TAU = 0.94736359, -0.08594805
# It takes the expectations in kappa by this many Gauss-Hermite points.
_KAPPA_POINTS = 10
_STEPS = 5_000


def mm_estimate(
    x: ArrayLike,
    y: ArrayLike,
    *,
    rng: Generator,
    scale_rho: Bounded = S_BISQUARE,
    psi: Bounded = M_BISQUARE,
    errors: Errors = "avar1",
    tolerance: float = 1e-12,
    names: Sequence[str] | None = None,
) -> Regression:
    """MM estimate: S estimate for the scale, then M from there with the scale held.

    Args:
        x: Design with its intercept, shape (observations, coefficients).
        y: Response, shape (observations,).
        rng: Draws the subsets of the S estimate where there are too many to try all.
        scale_rho: Of the S estimate; a breakdown point of 50 % unless changed.
        psi: Of the M step; an efficiency of 95 % unless changed.
        errors: `avar1` of robustbase::lmrob, with t on n - p degrees of freedom
            (eq. robust-avar1); `rlm` as summary.rlm, or `H1` to `H3` of PROC ROBUSTREG, with the
            normal.
        tolerance: On the change of the residuals in a step, relative to the scale.
        names: One a coefficient.

    Source:
        Yohai, Ann Stat 1987;15:642. Croux, Dhaene & Hoorelbeke, 2003 (`avar1`).
    """
    model = read_model(x, y, names)
    start = s_estimate(model, scale_rho, rng)
    beta, taken, converged = _m_step(model, psi, start.coefficients, start.scale, tolerance)
    residuals = model.y - model.x @ beta
    u = residuals / start.scale
    df, notes = float("inf"), () if converged else (f"not converged after {taken} steps",)
    if errors == "avar1":
        covariance, more = _avar1(model, start, u, scale_rho, psi)
        df, notes = float(model.n - model.p), notes + more
    else:
        covariance = m_covariance(model, u, start.scale, psi, errors)
    return _regression(
        model, beta, covariance, start.scale, df, psi, taken, converged, start,
        f"MM estimate, scale {scale_rho}, {psi}, standard errors {errors}", notes,
    )  # fmt: skip


def smdm_estimate(
    x: ArrayLike,
    y: ArrayLike,
    *,
    rng: Generator,
    tolerance: float = 1e-12,
    names: Sequence[str] | None = None,
) -> Regression:
    """SMDM estimate: MM with lqq, then a scale that knows the leverages, and M once more.

    The setting `KS2014` of robustbase::lmrob, made for few observations a coefficient; arguments
    as in `mm_estimate`.

    Source:
        Koller & Stahel, Comput Stat Data Anal 2011;55:2504, eq. robust-dscale.
    """
    model, psi = read_model(x, y, names), M_LQQ
    start = s_estimate(model, S_LQQ, rng)
    beta, _, _ = _m_step(model, psi, start.coefficients, start.scale, tolerance)
    residuals = model.y - model.x @ beta
    weights = psi.weight(residuals / start.scale)
    tau = _tau(model, weights)
    scale = _d_scale(residuals, tau, psi, weights)
    beta, taken, converged = _m_step(model, psi, beta, scale, tolerance)
    covariance = _tau_covariance(model, beta, tau, scale, psi)
    notes = () if converged else (f"not converged after {taken} steps",)
    return _regression(
        model, beta, covariance, scale, float(model.n - model.p), psi, taken, converged, start,
        "SMDM estimate with lqq, standard errors with tau", notes,
    )  # fmt: skip


def _regression(
    model: Model, beta: Floats, covariance: Floats, scale: float, df: float, psi: Bounded,
    iterations: int, converged: bool, start: SEstimate, method: str, notes: tuple[str, ...],
) -> Regression:  # fmt: skip
    residuals = model.y - model.x @ beta
    u = residuals / scale
    gradient = np.abs(model.x.T @ psi.psi(u)) / np.sqrt(np.sum(model.x**2, axis=0))
    how = "all subsets" if start.exhaustive else "random subsets"
    return Regression(
        model.names, beta, covariance, scale, df, residuals, psi.weight(u), model.leverage,
        iterations, converged, float(gradient.max()), f"{method}; S start from {how}", notes,
    )  # fmt: skip


def _m_step(
    model: Model, psi: Bounded, beta: Floats, scale: float, tolerance: float
) -> tuple[Floats, int, bool]:
    """Reweighted least squares with the scale held."""
    residuals = model.y - model.x @ beta
    change, taken = np.inf, 0
    while change > tolerance and taken < _STEPS:
        taken += 1
        beta = model.weighted(psi.weight(residuals / scale))
        before, residuals = residuals, model.y - model.x @ beta
        change = float(np.abs(residuals - before).max()) / scale
    return beta, taken, change <= tolerance


def _avar1(
    model: Model, start: SEstimate, u: Floats, rho: Bounded, psi: Bounded
) -> tuple[Floats, tuple[str, ...]]:
    """Covariance that allows for the estimated scale and for asymmetry, eq. robust-avar1."""
    n, x = model.n, model.x
    u0 = start.residuals / start.scale
    chi, chi_slope = rho.rho(u0), rho.psi(u0) / rho.largest
    slope, value = psi.slope(u), psi.psi(u)
    weighted = (x.T * slope) @ x
    if np.linalg.cond(weighted) > 1e12:
        raise ConvergenceError("psi's slopes leave a singular matrix; use errors='H1'")
    a_matrix: Floats = start.scale * np.linalg.inv(weighted).astype(np.float64)
    a = a_matrix @ (x.T @ (slope * u)) / float(np.mean(chi_slope * u0))
    cross = a_matrix @ (x.T @ (value * chi))
    middle = (x.T * value**2) @ x
    covariance = a_matrix @ middle @ a_matrix
    covariance += (
        -np.outer(a, cross) - np.outer(cross, a)
        + float(np.mean(chi**2 - 0.25)) * np.outer(a, a)
    ) / n  # fmt: skip
    return _positive(covariance)


def _positive(covariance: Floats) -> tuple[Floats, tuple[str, ...]]:
    """Negative eigenvalues to 0, then the variances back to what they were."""
    values, vectors = np.linalg.eigh(covariance)
    if values.min() >= 0:
        return covariance, ()
    fixed = (vectors * np.maximum(values, 0.0)) @ vectors.T
    back = np.sqrt(np.maximum(np.diag(covariance), 0.0) / np.diag(fixed))
    return fixed * np.outer(back, back), ("covariance not positive definite; made so",)


def _expectation(function: Callable[[Floats], Floats]) -> float:
    rule: tuple[Floats, Floats] = np.polynomial.hermite.hermgauss(_KAPPA_POINTS)
    points, weights = rule
    density = np.exp(-(points**2) / 2) / np.sqrt(2 * np.pi)
    return float(np.sum(weights * np.exp(points**2) * density * function(points)))


def _tau(model: Model, weights: Floats) -> Floats:
    """How much less a residual varies than its error, by its leverage in the weighted fit."""
    root = np.sqrt(weights)[:, None] * model.x
    leverage = np.minimum(np.sum(np.linalg.qr(root)[0] ** 2, axis=1), 1.0)
    slope, correction = _TAU
    return np.sqrt(1 - slope * leverage) * (1 + correction * leverage)


def _d_scale(residuals: Floats, tau: Floats, psi: Bounded, weights: Floats) -> float:
    """Design-adaptive scale, eq. robust-dscale, by fixed-point steps."""
    kappa = _expectation(lambda r: psi.psi(r) * r) / _expectation(psi.weight)
    scale = float(np.sqrt(np.sum(weights * residuals**2) / kappa / np.sum(tau**2 * weights)))
    for _ in range(_STEPS):
        w = psi.weight(residuals / (tau * scale))
        top, bottom = float(np.sum(w * residuals**2)), float(np.sum(w * tau**2))
        if bottom <= 0 or top <= 0:
            break
        following = float(np.sqrt(top / bottom / kappa))
        if abs(following - scale) <= 1e-14 * scale:
            return following
        scale = following
    raise ConvergenceError("the design-adaptive scale does not settle; use mm_estimate")


def _tau_covariance(model: Model, beta: Floats, tau: Floats, scale: float, psi: Bounded) -> Floats:
    residuals = model.y - model.x @ beta
    weights = psi.weight(residuals / scale)
    u = residuals / scale / tau
    mean = float(psi.slope(u).mean())
    if mean <= 0:
        raise StatisticsError("the mean slope of psi is not positive: no standard errors")
    factor = float(np.mean(tau**2 * psi.psi(u) ** 2)) / mean**2
    small = float(weights.mean()) / float(np.mean(tau**2))
    return scale**2 * factor * small * model.inverse(weights)
