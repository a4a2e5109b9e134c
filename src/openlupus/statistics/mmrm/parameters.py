"""The covariance parameters as a listing prints them, with standard errors and limits.

Mathematics: docs/methods/mmrm.md, eq. mmrm-parameter-limits.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, ndtri

from openlupus.statistics.interval import normal_quantile
from openlupus.statistics.mmrm.fit import Fit


@dataclass(frozen=True, slots=True)
class Parameter:
    """One covariance parameter, named as in SAS PROC MIXED.

    Attributes:
        name: `UN(2,1)`, `Var(3)`, `ARH(1)`, ...
        group: Covariance group.
        value: Estimate.
        standard_error: From the observed information.
        lower: By a chi-square distribution with 2 (value / standard error)^2 degrees of freedom
            where the parameter is positive by definition, else by the normal distribution.
        upper: The same.
    """

    name: str
    group: str
    value: float
    standard_error: float
    lower: float
    upper: float


def covariance_parameters(fit: Fit, *, level: float = 0.95) -> tuple[Parameter, ...]:
    """Natural parameters of the covariance, group after group.

    Args:
        fit: The fit.
        level: Two-sided coverage of the limits, in (0, 1).
    """
    normal_quantile(level)
    size = len(fit.theta) // len(fit.structures)
    found: list[Parameter] = []
    for number, structure in enumerate(fit.structures):
        own = slice(number * size, (number + 1) * size)
        natural = structure.natural(fit.theta[own])
        spread = natural.jacobian @ fit.theta_covariance[own, own] @ natural.jacobian.T
        rows = zip(
            natural.names, natural.values, np.sqrt(np.diag(spread)), natural.positive, strict=True
        )
        for name, value, error, positive in rows:
            lower, upper = _limits(float(value), float(error), bool(positive), level)
            group = fit.labels.groups[number]
            found.append(Parameter(name, group, float(value), float(error), lower, upper))
    return tuple(found)


def _limits(value: float, error: float, positive: bool, level: float) -> tuple[float, float]:
    if not positive:
        half = float(ndtri((1 + level) / 2)) * error
        return value - half, value + half
    df = 2 * (value / error) ** 2
    low, high = float(chdtri(df, (1 - level) / 2)), float(chdtri(df, (1 + level) / 2))
    return df * value / low, df * value / high
