"""What tells whether chains have converged and imputations look like the data, as values.

Mathematics, with the named equations: docs/methods/imputation.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.describe import quantiles
from openlupus.statistics.imputation.augmentation import Trace
from openlupus.statistics.imputation.imputations import Imputations
from openlupus.statistics.imputation.normal import NormalFit
from openlupus.statistics.interval import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Observed against imputed values of one variable, all imputations together.

    Attributes:
        name: Of the variable.
        observed: Their number.
        imputed: Their number in each imputation.
        mean: Of the observed and of the imputed values, shape (2,).
        standard_deviation: The same.
        quantiles: At 0, 5, 25, 50, 75, 95 and 100 per cent, shape (2, 7).
        between: Standard deviation over imputations of the imputed values' mean.
    """

    name: str
    observed: int
    imputed: int
    mean: Floats
    standard_deviation: Floats
    quantiles: Floats
    between: float


def autocorrelation(series: ArrayLike, *, lags: int = 20) -> Floats:
    """Autocorrelation of each chain (eq. mi-autocorrelation).

    Args:
        series: One parameter along the chains, shape (steps,) or (chains, steps).
        lags: The largest lag.

    Returns:
        At lag 0 to `lags`, shape (..., lags + 1); NaN for a chain that does not move.

    Raises:
        ImputationError: not more steps than lags.
    """
    values = np.asarray(series, np.float64)
    steps = values.shape[-1] if values.ndim else 0
    if not 0 <= lags < steps:
        raise ImputationError(f"{steps} steps do not tell the correlation at lag {lags}")
    away = values - values.mean(axis=-1, keepdims=True)
    products = [
        (away[..., lag:] * away[..., : steps - lag]).sum(axis=-1) for lag in range(lags + 1)
    ]
    found = np.stack(products, axis=-1)
    whole = found[..., :1]
    return np.divide(found, whole, out=np.full_like(found, np.nan), where=whole > 0)


def scale_reduction(series: ArrayLike) -> float:
    """Gelman and Rubin's potential scale reduction of several chains; near 1 when they agree.

    Args:
        series: Shape (chains, steps), both at least 2.

    Source:
        Gelman & Rubin, Stat Sci 1992;7:457 (eq. mi-scale-reduction).
    """
    values = np.asarray(series, np.float64)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ImputationError(f"series has shape {values.shape}; it needs 2 chains of 2 steps")
    steps = values.shape[1]
    within = float(values.var(axis=1, ddof=1).mean())
    between = float(values.mean(axis=1).var(ddof=1))
    if within == 0:
        return 1.0 if between == 0 else float("inf")
    return float(np.sqrt((steps - 1) / steps + between / within))


def worst_linear_function(trace: Trace, fit: NormalFit) -> Floats:
    """The combination of parameters that converges most slowly, along the chains (eq. mi-wlf).

    Args:
        trace: Of data augmentation.
        fit: The EM fit, which knows the direction of its slowest convergence.

    Returns:
        Shape (chains, steps): the distance from the EM estimate along that direction, means in
        units of their standard deviations and covariances in units of products of them.

    Source:
        Schafer, Analysis of Incomplete Multivariate Data, 1997, section 4.4.3.
    """
    if trace.mean.shape[2] != fit.mean.size:
        raise ImputationError("the trace and the EM fit have different numbers of variables")
    scale = np.sqrt(np.diag(fit.covariance))
    spread, lower = np.outer(scale, scale), np.tril_indices(scale.size)
    direction = np.append(fit.worst_mean / scale, (fit.worst_covariance / spread)[lower])
    length = float(np.linalg.norm(direction))
    if length == 0:
        raise ImputationError("EM converged in its first steps: nothing is missing")
    means = (trace.mean - fit.mean) / scale
    covariances = ((trace.covariance - fit.covariance) / spread)[..., lower[0], lower[1]]
    return np.concatenate([means, covariances], axis=-1) @ (direction / length)


def compare(imputations: Imputations) -> tuple[Comparison, ...]:
    """Observed against imputed values of every variable with imputed ones."""
    found: list[Comparison] = []
    for j, name in enumerate(imputations.names):
        gone = imputations.imputed[:, j]
        if not gone.any():
            continue
        seen = imputations.data[:, j]
        seen, drawn = seen[~np.isnan(seen)], imputations.drawn(j)
        pair = (seen, drawn.ravel())
        levels = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
        found.append(
            Comparison(
                name=name,
                observed=seen.size,
                imputed=int(gone.sum()),
                mean=np.array([float(each.mean()) for each in pair]),
                standard_deviation=np.array([float(each.std(ddof=1)) for each in pair]),
                quantiles=np.stack([quantiles(each, levels) for each in pair]),
                between=float(drawn.mean(axis=1).std(ddof=1)),
            )
        )
    return tuple(found)
