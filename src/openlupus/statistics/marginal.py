"""Covariate-adjusted marginal effects of a binary outcome, by g-computation.

A logistic regression predicts every subject's chance under each group; the means of the
predictions are compared. Mathematics, with the named equations: docs/methods/marginal.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from openlupus.errors import StatisticsError
from openlupus.statistics.generalised_linear import Covariance, GlmFit
from openlupus.statistics.interval import Floats, Interval, normal_quantile, two_sided_p
from openlupus.statistics.logistic import Separation, logistic_regression

Contrast = Literal["difference", "ratio", "odds-ratio", "log-ratio", "log-odds-ratio"]
Variance = Literal["ge", "ye"]


@dataclass(frozen=True, slots=True)
class MarginalEffect:
    """One group against the control: the contrast of two marginal means.

    `p` is two-sided, of no effect: a difference or logarithm of 0, a ratio of 1.
    """

    group: object
    control: object
    interval: Interval
    z: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class MarginalMeans:
    """Marginal response rates of the groups, and what they rest on.

    Attributes:
        groups: Codes of the groups; the control is first.
        means: Mean predicted chance with everybody in one group, shape (groups,).
        covariance: Of the means, shape (groups, groups).
        fit: The logistic regression beneath.
        level: Two-sided coverage of the intervals.
        warnings: What the reader must know.
    """

    groups: tuple[object, ...]
    means: Floats
    covariance: Floats
    fit: GlmFit
    level: float
    warnings: tuple[str, ...] = ()

    def effect(self, group: object, *, contrast: Contrast = "difference") -> MarginalEffect:
        """A group against the control, by the delta method (eq. marginal-delta).

        The limits of `ratio` and `odds-ratio` are symmetric about the estimate, as in the R
        package beeca; exponentiate those of the logarithms for limits that cannot be negative.
        """
        if contrast not in _CONTRASTS:
            raise StatisticsError(f"contrast={contrast!r} is not one of {get_args(Contrast)}")
        if group not in self.groups[1:]:
            raise StatisticsError(f"no group {group!r}; the groups are {self.groups[1:]}")
        pair = [self.groups.index(group), 0]
        p1, p0 = (float(each) for each in self.means[pair])
        value, gradient, null = _CONTRASTS[contrast](p1, p0)
        slope = np.array(gradient)
        error = float(np.sqrt(slope @ self.covariance[np.ix_(pair, pair)] @ slope))
        half = normal_quantile(self.level) * error
        z = (value - null) / error
        interval = Interval(value, value - half, value + half, self.level, error, self.warnings)
        return MarginalEffect(group, self.groups[0], interval, z, float(two_sided_p(z)))


def marginal_means(
    y: ArrayLike,
    group: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    control: object = 0,
    variance: Variance = "ge",
    robust: Covariance = "HC0",
    interactions: bool = False,
    separation: Separation = "refuse",
    level: float = 0.95,
    covariate_names: Sequence[str] = (),
) -> MarginalMeans:
    """Marginal response rates by standardisation of a logistic regression (eq. marginal-mean).

    Args:
        y: 0 or 1 for each subject, shape (subjects,); NaN is left out, with a warning.
        group: Code of each subject's group, shape (subjects,).
        covariates: Numbers, shape (subjects, covariates) or (subjects,); a factor comes as its 0/1
            columns.
        control: Code of the group that the others are compared with.
        variance: `ge`, the delta method on the coefficients, with the covariates as they are;
            `ye`, robust against a wrong model and with the covariates as a sample.
        robust: Covariance of the coefficients in `ge`: `model`, `HC0` ... `HC3`. Ye has its own.
        interactions: Let every covariate act differently in each group.
        separation: `refuse`, or `firth`; as in `logistic_regression`.
        level: Two-sided coverage of the intervals, in (0, 1).
        covariate_names: For messages; `covariate 1`, ... where empty.

    Raises:
        SeparationError: the columns that tell responders from non-responders without fault.
        RankDeficiencyError: columns that depend on each other, by name.

    Source:
        Ge et al., Drug Inf J 2011;45:481. Ye, Bannick, Yi & Shao, Stat Theory Relat Fields
        2023;7:159. FDA, Adjusting for Covariates (2023).
    """
    if variance not in get_args(Variance):
        raise StatisticsError(f"variance={variance!r} is not one of {get_args(Variance)}")
    outcome, arms = np.asarray(y, dtype=np.float64), np.asarray(group)
    matrix, labels = _covariates(covariates, outcome.size, covariate_names)
    if arms.shape != outcome.shape or matrix.shape[:1] != outcome.shape:
        raise StatisticsError(
            f"y, group and covariates have shapes {outcome.shape}, {arms.shape}, {matrix.shape};"
            " one row of each a subject"
        )
    complete = ~(np.isnan(outcome) | np.isnan(matrix).any(axis=1))
    notes = (f"{int((~complete).sum())} of {complete.size} subjects left out: a value is missing",)
    outcome, arms, matrix = outcome[complete], arms[complete], matrix[complete]
    codes = _groups(arms, control)
    designs = [_design(np.full(arms.shape, at), matrix, len(codes), interactions)
               for at in range(len(codes))]  # fmt: skip
    at = np.array([codes.index(code) for code in arms.tolist()])
    names = _names(codes, labels, interactions)
    design = _design(at, matrix, len(codes), interactions)
    fit = logistic_regression(outcome, design, names=names, separation=separation, level=level)
    predicted = np.stack([expit(each @ fit.coefficients) for each in designs])
    if variance == "ge":
        slopes = np.stack([(p * (1 - p)) @ each / p.size
                           for p, each in zip(predicted, designs, strict=True)])  # fmt: skip
        covariance = slopes @ fit.covariance(robust) @ slopes.T
    else:
        covariance = _ye(outcome, at, predicted)
    return MarginalMeans(
        codes,
        predicted.mean(axis=1),
        covariance,
        fit,
        level,
        notes * (not complete.all()) + fit.warnings,
    )


def _ye(y: Floats, at: np.ndarray, predicted: Floats) -> Floats:
    """Variance that holds under any model, simple randomisation (eq. marginal-ye)."""
    groups, n = predicted.shape
    spread = np.cov(predicted)
    result = np.empty((groups, groups))
    # Covariance of outcome and prediction among those who got the group, by group of prediction.
    joint = np.stack([_covariances(predicted[:, at == t], y[at == t]) for t in range(groups)])
    for t in range(groups):
        for s in range(groups):
            result[t, s] = joint[t, s] + joint[s, t] - spread[t, s]
        own = y[at == t]
        residual = own.var(ddof=1) - 2 * joint[t, t] + spread[t, t]
        result[t, t] += residual * n / own.size
    return result / n


def _covariances(predicted: Floats, y: Floats) -> Floats:
    if y.size < 2:
        raise StatisticsError("a group has fewer than 2 subjects; Ye's variance takes more")
    return (predicted - predicted.mean(axis=1, keepdims=True)) @ (y - y.mean()) / (y.size - 1)


def _difference(p1: float, p0: float) -> tuple[float, tuple[float, float], float]:
    return p1 - p0, (1.0, -1.0), 0.0


def _ratio(p1: float, p0: float) -> tuple[float, tuple[float, float], float]:
    return p1 / p0, (1 / p0, -p1 / p0**2), 1.0


def _odds_ratio(p1: float, p0: float) -> tuple[float, tuple[float, float], float]:
    value = p1 / (1 - p1) * (1 - p0) / p0
    return value, (value / (p1 * (1 - p1)), -value / (p0 * (1 - p0))), 1.0


def _log_ratio(p1: float, p0: float) -> tuple[float, tuple[float, float], float]:
    return float(np.log(p1 / p0)), (1 / p1, -1 / p0), 0.0


def _log_odds_ratio(p1: float, p0: float) -> tuple[float, tuple[float, float], float]:
    value = float(np.log(p1) - np.log1p(-p1) - np.log(p0) + np.log1p(-p0))
    return value, (1 / (p1 * (1 - p1)), -1 / (p0 * (1 - p0))), 0.0


# Value, gradient by the two means, and the value that means no effect.
_CONTRASTS: dict[str, Callable[[float, float], tuple[float, tuple[float, float], float]]] = {
    "difference": _difference,
    "ratio": _ratio,
    "odds-ratio": _odds_ratio,
    "log-ratio": _log_ratio,
    "log-odds-ratio": _log_odds_ratio,
}


def _groups(arms: np.ndarray, control: object) -> tuple[object, ...]:
    found = sorted(set(arms.tolist()), key=lambda code: (code != control, str(code)))
    if not found or found[0] != control:
        raise StatisticsError(f"the control group {control!r} has no subject; groups are {found}")
    if len(found) < 2:
        raise StatisticsError(f"all subjects are in group {control!r}; there is no comparison")
    return tuple(found)


def _design(at: np.ndarray, covariates: Floats, groups: int, interactions: bool) -> Floats:
    indicators = (at[:, None] == np.arange(1, groups)).astype(np.float64)
    parts = [np.ones((at.size, 1)), indicators, covariates]
    if interactions:
        parts += [indicators[:, [t]] * covariates for t in range(groups - 1)]
    return np.concatenate(parts, axis=1)


def _names(codes: tuple[object, ...], labels: list[str], interactions: bool) -> list[str]:
    arms = [f"group = {code}" for code in codes[1:]]
    crossed = [f"{arm} : {label}" for arm in arms for label in labels] if interactions else []
    return ["intercept", *arms, *labels, *crossed]


def _covariates(
    covariates: ArrayLike | None, subjects: int, names: Sequence[str]
) -> tuple[Floats, list[str]]:
    if covariates is None:
        return np.empty((subjects, 0)), []
    matrix = np.asarray(covariates, dtype=np.float64)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    count = matrix.shape[1]
    return matrix, list(names) or [f"covariate {j + 1}" for j in range(count)]
