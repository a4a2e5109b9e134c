"""A rule, declared beforehand, that says whether residuals depart severely from the normal.

The rule only reports what it saw; choosing another method is left to who declared it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtr

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.robust.least_squares import Regression

Statistic = Literal["shapiro-wilk", "anderson-darling", "skewness", "kurtosis"]
Residuals = Literal["raw", "standardized", "studentized"]
On = Literal["p", "statistic"]


@dataclass(frozen=True, slots=True)
class NormalityRule:
    """What is looked at, and from where on the departure is severe.

    Attributes:
        statistic: `shapiro-wilk` W and `anderson-darling` A2 have P values; `skewness` and
            `kurtosis` (in excess) have not, and are judged by their absolute value.
        on: Whether the cut-off is on the P value or on the statistic.
        cutoff: Severe when P or W is below it, or when A2, |skewness| or |kurtosis| is above it.
        residuals: `raw`, divided by their own standard error (`standardized`), or by the one
            estimated without the observation (`studentized`).
    """

    statistic: Statistic = "shapiro-wilk"
    on: On = "p"
    cutoff: float = 0.01
    residuals: Residuals = "studentized"

    def __post_init__(self) -> None:
        if self.on == "p" and self.statistic in ("skewness", "kurtosis"):
            raise StatisticsError(f"{self.statistic} is judged by its value; say on='statistic'")
        if self.on == "p" and not 0 < self.cutoff < 1:
            raise StatisticsError(f"cutoff={self.cutoff!r}; a P value lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class Normality:
    """What a rule saw.

    Attributes:
        rule: The rule.
        statistic: Its statistic.
        p: P value; NaN where the statistic has none.
        n: Residuals looked at.
        severe: Whether the departure is severe by the rule.
    """

    rule: NormalityRule
    statistic: float
    p: float
    n: int
    severe: bool


def normality(residuals: ArrayLike, rule: NormalityRule | None = None) -> Normality:
    """Judge residuals by a rule; they come as the rule names them, see `residuals_of`.

    Args:
        residuals: A vector; NaN is left out.
        rule: The declared rule; Shapiro-Wilk on studentized residuals below 0.01 by default.

    Raises:
        StatisticsError: fewer than 8 residuals, or all of them equal.
    """
    declared = rule or NormalityRule()
    values = np.asarray(residuals, dtype=np.float64).ravel()
    values = values[~np.isnan(values)]
    if values.size < 8 or np.ptp(values) == 0:
        raise StatisticsError(
            f"{values.size} residuals, spread {np.ptp(values) if values.size else 0:g}; a test of"
            " normality needs at least 8 that are not all equal"
        )
    statistic, p = _statistic(values, declared.statistic)
    if declared.on == "p":
        severe = p < declared.cutoff
    elif declared.statistic == "shapiro-wilk":
        severe = statistic < declared.cutoff
    else:
        severe = abs(statistic) > declared.cutoff
    return Normality(declared, statistic, p, int(values.size), bool(severe))


def residuals_of(fit: Regression, kind: Residuals = "studentized") -> Floats:
    """Residuals of a least-squares fit as a rule names them, shape (observations,).

    NaN for an observation that alone determines a coefficient.
    """
    if kind == "raw":
        return fit.residuals
    left = 1 - fit.leverage
    left = np.where(left > 1e-10, left, np.nan)
    if kind == "standardized":
        return fit.residuals / (fit.scale * np.sqrt(left))
    if kind != "studentized":
        raise StatisticsError(f"kind={kind!r} is not one of raw, standardized, studentized")
    df = fit.residuals.size - fit.coefficients.size
    without = (df * fit.scale**2 - fit.residuals**2 / left) / (df - 1)
    return fit.residuals / np.sqrt(np.maximum(without, 1e-300) * left)


def largest_outlier_p(fit: Regression) -> float:
    """Bonferroni P value of the largest studentized residual."""
    studentized = residuals_of(fit)
    df = fit.residuals.size - fit.coefficients.size - 1
    worst = float(np.nanmax(np.abs(studentized)))
    return min(1.0, 2 * float(stdtr(df, -worst)) * int(np.isfinite(studentized).sum()))


def _statistic(values: Floats, name: Statistic) -> tuple[float, float]:
    match name:
        case "shapiro-wilk":
            # scipy.stats is slow to load, and only this rule needs it.
            from scipy.stats import shapiro  # pyright: ignore[reportUnknownVariableType]

            pair: tuple[float, float] = tuple(shapiro(values))  # pyright: ignore
            return float(pair[0]), float(pair[1])
        case "anderson-darling":
            return _anderson_darling(values)
        case "skewness" | "kurtosis":
            centred: Floats = values - values.mean()
            spread = float(np.mean(centred**2))
            power = 3 if name == "skewness" else 4
            moment = float(np.mean(centred**power)) / spread ** (power / 2)
            return moment - (3.0 if power == 4 else 0.0), float("nan")
    raise StatisticsError(f"statistic {name!r} is not known")


def _anderson_darling(values: Floats) -> tuple[float, float]:
    """A2 with mean and variance estimated; P by Stephens' fit (D'Agostino & Stephens, 1986)."""
    n = values.size
    z: Floats = (np.sort(values) - values.mean()) / values.std(ddof=1)
    i = np.arange(1, n + 1)
    # The upper tail by symmetry, so that it is not lost in 1 - cdf.
    logs: Floats = np.log(ndtr(z)) + np.log(ndtr(-z[::-1]))
    a2 = -n - float(np.mean((2 * i - 1) * logs))
    a = a2 * (1 + 0.75 / n + 2.25 / n**2)
    if a < 0.2:
        p = 1 - np.exp(-13.436 + 101.14 * a - 223.73 * a**2)
    elif a < 0.34:
        p = 1 - np.exp(-8.318 + 42.796 * a - 59.938 * a**2)
    elif a < 0.6:
        p = np.exp(0.9177 - 4.279 * a - 1.38 * a**2)
    else:
        p = np.exp(1.2937 - 5.709 * min(a, 10.0) + 0.0186 * min(a, 10.0) ** 2)
    return a2, float(p)
