"""Bootstrap, then impute: errors that hold when the imputation knows more than the analysis.

Rubin's variance takes the imputation model and the analysis for one model. Where components are
imputed and a responder is counted they are two, and it is too large. Mathematics, with the named
equations: docs/methods/pooling.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.interval import Numbers, normal_quantile, plain

# Rows of a resample and its random numbers: to the estimates of each of its imputations.
Resample = Callable[[Indices, np.random.Generator], ArrayLike]
# Below it a t interval has no use; Bartlett & Hughes take the same.
_FEWEST_DF = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class BootstrapPooled:
    """Estimates of imputed resamples; each number a float, or an array of one per estimate.

    Attributes:
        estimate: Mean over all of them.
        standard_error: Of that mean.
        df: Satterthwaite's, at least 3.
        lower: Limit of the two-sided t interval.
        upper: The same, above.
        statistic: Estimate minus null, over its standard error.
        p: Two-sided.
        between: Variance between resamples, without what comes from imputing.
        within: Variance between imputations of one resample.
        samples: Number of resamples.
        imputations: Of each resample.
        level: Two-sided coverage.
        warnings: What the reader must know.
    """

    estimate: Numbers
    standard_error: Numbers
    df: Numbers
    lower: Numbers
    upper: Numbers
    statistic: Numbers
    p: Numbers
    between: Numbers
    within: Numbers
    samples: int
    imputations: int
    level: float
    warnings: tuple[str, ...] = ()


def bootstrap_imputed(
    resample: Resample,
    *,
    strata: ArrayLike,
    generator: np.random.Generator,
    samples: int = 200,
    level: float = 0.95,
    null: float = 0.0,
) -> BootstrapPooled:
    """Draw rows within strata, impute each resample a few times, analyse, pool.

    Args:
        resample: Takes positions of rows (with repeats) and a generator; imputes those rows two
            or more times and gives the estimates, shape (imputations,) or (imputations, k).
        strata: Of each row, usually the arm: resampled within it.
        generator: Source of the random numbers.
        samples: Resamples, at least 2; two imputations of each of 200 are Bartlett and Hughes's
            advice.
        level: Two-sided coverage, in (0, 1).
        null: Value of the estimate under the null hypothesis.

    Raises:
        ImputationError: see `pool_bootstrap`.

    Source:
        von Hippel & Bartlett, Stat Sci 2021;36:400; Bartlett & Hughes, Stat Methods Med Res
        2020;29:3533.
    """
    stratum = np.asarray(strata)
    groups = [np.flatnonzero(stratum == each) for each in np.unique(stratum)]
    estimates = [
        np.asarray(
            resample(np.concatenate([own.choice(each, each.size) for each in groups]), own),
            np.float64,
        )
        for own in generator.spawn(samples)
    ]
    return pool_bootstrap(np.array(estimates), level=level, null=null)


def pool_bootstrap(
    estimates: ArrayLike, *, level: float = 0.95, null: float = 0.0
) -> BootstrapPooled:
    """Pool the estimates of imputed resamples by their two variances (eq. pool-bootstrap).

    Args:
        estimates: Shape (samples, imputations) or (samples, imputations, k).
        level: Two-sided coverage, in (0, 1).
        null: Value of the estimate under the null hypothesis.

    Raises:
        ImputationError: fewer than 2 resamples or imputations of one, or a number that is not
            finite.

    Source:
        von Hippel & Bartlett, Stat Sci 2021;36:400, section 4.
    """
    normal_quantile(level)
    q = np.asarray(estimates, np.float64)
    if q.ndim not in (2, 3) or min(q.shape[:2]) < 2 or not np.isfinite(q).all():
        raise ImputationError(
            f"estimates have shape {q.shape}; they must be finite, (samples, imputations) or "
            "(samples, imputations, k), with at least 2 of each"
        )
    b, d = q.shape[:2]
    each, mean = q.mean(axis=1), np.asarray(q.mean(axis=(0, 1)), np.float64)
    within = np.asarray(((q - each[:, None]) ** 2).sum(axis=(0, 1)) / (b * (d - 1)), np.float64)
    whole = np.asarray(d * ((each - mean) ** 2).sum(axis=0) / (b - 1), np.float64)
    between, share = (whole - within) / d, (b + 1) / (b * d)
    low = np.asarray(between <= 0, np.bool_)
    variance = np.asarray(np.where(low, whole / (b * d), share * whole - within / d), np.float64)
    parts = (share * whole) ** 2 / (b - 1) + (within / d) ** 2 / (b * (d - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        satterthwaite = np.maximum(variance**2 / parts, _FEWEST_DF)
        df = np.asarray(np.where(low, b * d - 1.0, satterthwaite), np.float64)
        error = np.sqrt(variance)
        statistic = (mean - null) / error
    half = np.asarray(stdtrit(df, (1 + level) / 2), np.float64) * error
    p = np.asarray(2 * stdtr(df, -np.abs(statistic)), np.float64)
    notes: tuple[str, ...] = ()
    if low.any():
        notes = ("the resamples differ by no more than their imputations: take more of both",)
    fields = (mean, error, df, mean - half, mean + half, statistic, p)
    numbers = [plain(x) for x in (*fields, np.where(low, 0.0, between), within)]
    return BootstrapPooled(*numbers, samples=b, imputations=d, level=level, warnings=notes)
