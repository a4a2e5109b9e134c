"""Descriptive summary of one variable. Quantile rules: docs/methods/describe.md."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats

QuantileRule = Literal["sas1", "sas2", "sas3", "sas4", "sas5", "r6", "r7", "r8"]

# R's types, as Hyndman & Fan, Am Stat 1996;50:361 number them; SAS's PCTLDEF 1 to 5 beside.
_NUMPY_RULE: dict[str, str] = {
    "sas1": "interpolated_inverted_cdf",
    "sas2": "closest_observation",
    "sas3": "inverted_cdf",
    "sas4": "weibull",
    "sas5": "averaged_inverted_cdf",
    "r6": "weibull",
    "r7": "linear",
    "r8": "median_unbiased",
}


@dataclass(frozen=True, slots=True)
class Description:
    """Summary of the values that are not missing; NaN where there are too few.

    Attributes:
        n: Values that are not missing.
        n_missing: Values that are.
        mean: Arithmetic mean.
        sd: Sample standard deviation, over n - 1; NaN for one value.
        median: By the quantile rule, as q1 and q3.
        q1: First quartile.
        q3: Third quartile.
        minimum: Smallest value.
        maximum: Largest value.
    """

    n: int
    n_missing: int
    mean: float
    sd: float
    median: float
    q1: float
    q3: float
    minimum: float
    maximum: float


def describe(x: ArrayLike, *, quantile_rule: QuantileRule = "sas5") -> Description:
    """Count, mean, standard deviation, quartiles and range of the values that are not NaN.

    Args:
        x: One variable, shape (subjects,); NaN is a missing value.
        quantile_rule: `sas5` averages at jumps of the empirical distribution (SAS PCTLDEF=5, R
            type 2); `r7` interpolates as R does by default; the others in the method page.

    Raises:
        StatisticsError: an infinite value, or an unknown rule.
    """
    values = _one_variable(x)
    known = values[~np.isnan(values)]
    missing = values.size - known.size
    if not known.size:
        nan = float("nan")
        return Description(0, missing, nan, nan, nan, nan, nan, nan, nan)
    q1, median, q3 = (float(q) for q in quantiles(known, (0.25, 0.5, 0.75), rule=quantile_rule))
    return Description(
        n=known.size,
        n_missing=missing,
        mean=float(np.mean(known)),
        sd=float(np.std(known, ddof=1)) if known.size > 1 else float("nan"),
        median=median,
        q1=q1,
        q3=q3,
        minimum=float(known.min()),
        maximum=float(known.max()),
    )


def quantiles(x: ArrayLike, probabilities: ArrayLike, *, rule: QuantileRule = "sas5") -> Floats:
    """Quantiles of the values that are not NaN, one a probability in [0, 1]; NaN without values."""
    if rule not in _NUMPY_RULE:
        raise StatisticsError(f"quantile rule {rule!r} is not one of {tuple(_NUMPY_RULE)}")
    values, wanted = _one_variable(x), np.asarray(probabilities, dtype=np.float64)
    known = values[~np.isnan(values)]
    if not known.size:
        return np.full(wanted.shape, np.nan)
    return np.asarray(np.quantile(known, wanted, method=_NUMPY_RULE[rule]))  # pyright: ignore


def _one_variable(x: ArrayLike) -> Floats:
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1 or np.isinf(values).any():
        raise StatisticsError(
            f"the variable has shape {values.shape} and"
            f" {int(np.isinf(values).sum())} infinite values; it must be a vector of finite"
            " numbers, with NaN where a value is missing"
        )
    return values
