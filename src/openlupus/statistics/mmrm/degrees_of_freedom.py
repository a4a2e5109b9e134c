"""Denominator degrees of freedom of contrasts of the coefficients.

Mathematics: docs/methods/mmrm.md, eq. mmrm-satterthwaite, mmrm-kr-df, mmrm-between-within.
"""

from dataclasses import dataclass

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.fit import Fit
from openlupus.statistics.mmrm.sandwich import Sandwich

# Eigenvalues of a contrast's covariance below this share of the largest are no dimension of it.
_NO_DIMENSION = float(np.sqrt(np.finfo(float).eps))
_TOO_FEW = (
    "Kenward-Roger's approximation of a test of {q} contrasts does not exist: there are too few"
    " subjects; test fewer contrasts or choose a structure with fewer parameters"
)


def satterthwaite(fit: Fit, rows: Floats, sandwich: Sandwich | None = None) -> Floats:
    """Degrees of freedom of single contrasts, shape (contrasts,).

    Args:
        fit: The fit.
        rows: Contrasts, shape (contrasts, columns).
        sandwich: The empirical covariance, where the standard errors come from one.
    """
    if sandwich is not None:
        return np.array([sandwich.df(row) for row in rows])
    spread = rows @ fit.covariance
    variance = np.einsum("ip,ip->i", spread, rows)
    gradient = -np.einsum("ip,jpq,iq->ij", spread, fit.slopes, spread, optimize=True)
    return 2 * variance**2 / np.einsum("ij,jk,ik->i", gradient, fit.theta_covariance, gradient)


def satterthwaite_joint(
    fit: Fit, rows: Floats, covariance: Floats, sandwich: Sandwich | None
) -> float:
    """Degrees of freedom of a joint test (Fai & Cornelius 1996), by its independent contrasts.

    Args:
        fit: The fit.
        rows: Contrasts, shape (contrasts, columns).
        covariance: Of the coefficients, for the standard errors.
        sandwich: The empirical covariance, where the standard errors come from one.
    """
    values, axes = np.linalg.eigh(rows @ covariance @ rows.T)
    kept = values > _NO_DIMENSION * values[-1]
    single = satterthwaite(fit, axes[:, kept].T @ rows, sandwich)
    if single.size == 1 or np.ptp(single) < _NO_DIMENSION:
        return float(single.mean())
    if (single <= 2).any():
        return 2.0
    expected = float(np.sum(single / (single - 2)))
    return 2 * expected / (expected - single.size)


@dataclass(frozen=True, slots=True)
class Scaled:
    """Degrees of freedom of a joint test and the factor of its F statistic."""

    df: float
    factor: float


def kenward_roger_joint(fit: Fit, rows: Floats) -> Scaled:
    """Degrees of freedom and scale of a joint test.

    Args:
        fit: The fit.
        rows: Contrasts of full rank, shape (q, columns).

    Raises:
        StatisticsError: too few subjects for the approximation.
    """
    q, phi = rows.shape[0], fit.covariance
    spread = phi @ rows.T
    lower = np.linalg.inv(np.linalg.cholesky(rows @ spread))
    turned = spread @ lower.T
    parts = turned.T @ fit.slopes @ turned
    traces = np.trace(parts, axis1=1, axis2=2)
    weight, flat = fit.theta_covariance, parts.reshape(len(parts), -1)
    a1 = float(traces @ weight @ traces)
    a2 = float(np.sum((weight @ flat) * flat))
    b = (a1 + 6 * a2) / (2 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    below = 3 * q + 2 * (1 - g)
    c1, c2, c3 = g / below, (q - g) / below, (q + 2 - g) / below
    if not a2 < q:
        raise StatisticsError(_TOO_FEW.format(q=q))
    mean = 1 / (1 - a2 / q)
    variance = 2 / q * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
    ratio = variance / (2 * mean**2)
    df = 4 + (q + 2) / (q * ratio - 1)
    if not df > 2:
        raise StatisticsError(_TOO_FEW.format(q=q))
    return Scaled(df, df / (mean * (df - 2)))


def between_within(fit: Fit, rows: Floats) -> Floats:
    """Degrees of freedom by whether the columns of a contrast vary within subjects.

    Args:
        fit: The fit.
        rows: Contrasts, shape (contrasts, columns).
    """
    x, subject = fit.data.x, fit.data.subject
    first = np.zeros((fit.n_subjects, x.shape[1]))
    first[subject] = x
    varies = (x != first[subject]).any(axis=0)
    intercept = np.ptp(x, axis=0) == 0
    columns_between = int((~varies & ~intercept).sum())
    between = fit.n_subjects - columns_between - int(intercept.any())
    within = fit.n_observations - fit.n_subjects - int(varies.sum())
    # The intercept counts as a column within, as in R's mmrm; a contrast has the smallest of the
    # degrees of freedom of its columns.
    own = np.where(varies | intercept, float(within), float(between))
    return np.where(rows != 0, own, np.inf).min(axis=1)


def residual(fit: Fit, rows: Floats) -> Floats:
    """Observations minus coefficients, for every contrast."""
    return np.zeros(rows.shape[0]) + (fit.n_observations - fit.beta.size)
