"""Pool the results of completed data sets: one estimate, several, or a test statistic.

Mathematics, with the named equations: docs/methods/pooling.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc, ndtr, stdtr, stdtrit

from openlupus.errors import ImputationError
from openlupus.statistics.interval import Floats, Numbers, normal_quantile, plain


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Estimates pooled over imputations; each attribute a float, or an array of one per estimate.

    Attributes:
        estimate: Mean over the imputations.
        standard_error: Root of the total variance.
        df: Degrees of freedom, Barnard-Rubin; infinite for a normal reference distribution.
        lower: Limit of the two-sided interval.
        upper: The same, above.
        statistic: Estimate minus null, over its standard error.
        p: Two-sided.
        within: Mean of the variances.
        between: Variance of the estimates over the imputations.
        total: within + (1 + 1/m) between.
        relative_increase: Of the variance by the missing values, (1 + 1/m) between / within.
        share_between: (1 + 1/m) between / total; called lambda.
        missing_information: Fraction of missing information, with the correction for df.
        df_large_sample: Rubin's 1987 degrees of freedom, for infinite complete data.
        imputations: m.
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
    within: Numbers
    between: Numbers
    total: Numbers
    relative_increase: Numbers
    share_between: Numbers
    missing_information: Numbers
    df_large_sample: Numbers
    imputations: int
    level: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PooledTest:
    """An F test pooled over imputations.

    Attributes:
        statistic: F.
        df: Numerator degrees of freedom.
        df_denominator: Infinite where the imputations agree entirely.
        p: Upper tail.
        relative_increase: Average relative increase of variance by the missing values.
    """

    statistic: float
    df: int
    df_denominator: float
    p: float
    relative_increase: float


@dataclass(frozen=True, slots=True, eq=False)
class PooledStatistic:
    """A chi-square statistic made normal by a cube root, then pooled by Rubin's rules.

    Attributes:
        statistic: Pooled, over the root of its total variance; t under no association.
        df: Rubin's degrees of freedom.
        p: Upper tail: a large chi-square is evidence, a small one is not.
        between: Variance of the transformed statistics over imputations.
    """

    statistic: float
    df: float
    p: float
    between: float


def rubin(
    estimates: ArrayLike,
    variances: ArrayLike,
    *,
    df_complete: ArrayLike = np.inf,
    level: float = 0.95,
    null: float = 0.0,
    least_share: float = 0.0,
) -> Pooled:
    """Pool estimates and their variances by Rubin's rules (eq. pool-rubin).

    Args:
        estimates: Shape (m,) or (m, estimates).
        variances: Squared standard errors, same shape.
        df_complete: Degrees of freedom of the complete-data analysis; infinite for a normal one.
            With a finite value the degrees of freedom are those of Barnard and Rubin.
        level: Two-sided coverage, in (0, 1).
        null: Value of the estimate under the null hypothesis.
        least_share: In the degrees of freedom lambda is taken to be at least this; R's mice
            takes 0.0001, which matters only where the imputations hardly differ.

    Raises:
        ImputationError: fewer than 2 imputations, or numbers that are not finite.

    Source:
        Rubin, Multiple Imputation for Nonresponse in Surveys, 1987, ch. 3; Barnard & Rubin,
        Biometrika 1999;86:948.
    """
    normal_quantile(level)
    q, u = _read(estimates, "estimates"), _read(variances, "variances")
    m = _imputations(q)
    if q.shape != u.shape or np.any(u < 0):
        raise ImputationError(
            f"variances have shape {u.shape} and must have that of the estimates, {q.shape}, with "
            "no negative number; standard errors must be squared"
        )
    complete = np.broadcast_to(np.asarray(df_complete, np.float64), q.shape[1:])
    if not np.all(complete > 0):
        raise ImputationError(f"df_complete is {df_complete!r}; it must be positive")
    mean, within, between = q.mean(axis=0), u.mean(axis=0), q.var(axis=0, ddof=1)
    inflated = (1 + 1 / m) * between
    total = within + inflated
    share = np.divide(inflated, total, out=np.zeros_like(total), where=total > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        increase = np.where(inflated > 0, inflated / within, 0.0)
        large = np.where(share > 0, (m - 1) / share**2, np.inf)
        statistic = (mean - null) / np.sqrt(total)
    df = _degrees_of_freedom(m, complete, np.maximum(share, least_share))
    half = stdtrit(df, (1 + level) / 2) * np.sqrt(total)
    finite = np.where(np.isinf(increase), 0.0, increase)
    information = np.where(np.isinf(increase), 1.0, (finite + 2 / (df + 3)) / (finite + 1))
    fields = (mean, np.sqrt(total), df, mean - half, mean + half, statistic)
    fields += (2 * stdtr(df, -np.abs(statistic)), within, between, total, increase, share)
    numbers = [plain(np.asarray(each)) for each in (*fields, information, large)]
    notes = () if np.all(total > 0) else ("the total variance is 0: there is no test",)
    return Pooled(*numbers, imputations=m, level=level, warnings=notes)


def wald_test(estimates: ArrayLike, covariances: ArrayLike, *, null: ArrayLike = 0.0) -> PooledTest:
    """Test several parameters at once from pooled estimates: D1 (eq. pool-d1).

    Args:
        estimates: Shape (m, k).
        covariances: Complete-data covariance of each imputation, shape (m, k, k).
        null: Values under the null hypothesis, shape (k,).

    Raises:
        ImputationError: fewer than 2 imputations, shapes that do not fit, or a mean covariance
            that is not positive definite.

    Source:
        Li, Raghunathan & Rubin, JASA 1991;86:1065.
    """
    q, u = _read(estimates, "estimates"), _read(covariances, "covariances")
    m = _imputations(q)
    if q.ndim != 2 or u.shape != (m, q.shape[1], q.shape[1]):
        raise ImputationError(
            f"estimates have shape {q.shape} and covariances {u.shape}; they must be (m, k) and "
            "(m, k, k)"
        )
    k, centred = q.shape[1], q - q.mean(axis=0)
    within = np.asarray(u.mean(axis=0), np.float64)
    between = centred.T @ centred / (m - 1)
    try:
        np.linalg.cholesky(within)
    except np.linalg.LinAlgError as error:
        raise ImputationError("the mean covariance is not positive definite") from error
    ratio = np.asarray(np.linalg.solve(within, between), np.float64)
    increase = (1 + 1 / m) * float(np.diag(ratio).sum()) / k
    away = np.asarray(q.mean(axis=0) - np.asarray(null), np.float64)
    scaled = np.asarray(np.linalg.solve(within, away), np.float64)
    statistic = float(np.dot(away, scaled)) / (k * (1 + increase))
    return _f_test(statistic, k, _wald_df(k, m, increase), increase)


def chisquare_test(statistics: ArrayLike, df: int) -> PooledTest:
    """Pool chi-square statistics when nothing else is known: D2 (eq. pool-d2).

    Args:
        statistics: One an imputation, shape (m,).
        df: Degrees of freedom of each.

    Raises:
        ImputationError: fewer than 2 statistics, a negative one, or df below 1.

    Source:
        Li, Meng, Raghunathan & Rubin, Statistica Sinica 1991;1:65.
    """
    d = _chisquares(statistics, df)
    m = d.size
    increase = (1 + 1 / m) * float(np.sqrt(d).var(ddof=1))
    statistic = (float(d.mean()) / df - (m + 1) / (m - 1) * increase) / (1 + increase)
    df_denominator = np.inf
    if increase > 0:
        df_denominator = df ** (-3 / m) * (m - 1) * (1 + 1 / increase) ** 2
    return _f_test(statistic, df, df_denominator, increase)


def cmh_test(statistics: ArrayLike, df: int = 1) -> PooledStatistic:
    """Pool Cochran-Mantel-Haenszel statistics after Wilson and Hilferty (eq. pool-cmh).

    The cube root makes a chi-square nearly normal; standardised, it has variance 1 in each
    imputation and is pooled by Rubin's rules.

    Args:
        statistics: One an imputation, shape (m,).
        df: Degrees of freedom of each.

    Raises:
        ImputationError: fewer than 2 statistics, a negative one, or df below 1.

    Source:
        Wilson & Hilferty, PNAS 1931;17:684; Ratitch, Lipkovich & O'Kelly, PharmaSUG 2013, SP03.
    """
    x = _chisquares(statistics, df)
    spread = 2 / (9 * df)
    z = (np.cbrt(x / df) - (1 - spread)) / np.sqrt(spread)
    pooled = rubin(z, np.ones_like(z))
    statistic, freedom = float(pooled.statistic), float(pooled.df)
    upper = ndtr(-statistic) if np.isinf(freedom) else stdtr(freedom, -statistic)
    return PooledStatistic(statistic, freedom, float(upper), float(pooled.between))


def _degrees_of_freedom(m: int, complete: Floats, share: Floats) -> Floats:
    """Barnard-Rubin; with infinite complete data Rubin's own (eq. pool-df)."""
    finite = np.where(np.isinf(complete), 1.0, complete)
    observed = (finite + 1) / (finite + 3) * finite * (1 - share)
    with np.errstate(divide="ignore"):
        large = np.where(share > 0, (m - 1) / share**2, np.inf)
        both = 1 / (1 / large + 1 / observed)
    return np.where(np.isinf(complete), large, both)


def _wald_df(k: int, m: int, increase: float) -> float:
    if increase <= 0:
        return np.inf
    t = k * (m - 1)
    if t > 4:
        return 4 + (t - 4) * (1 + (1 - 2 / t) / increase) ** 2
    return t * (1 + 1 / k) * (1 + 1 / increase) ** 2 / 2


def _f_test(statistic: float, df: int, df_denominator: float, increase: float) -> PooledTest:
    # fdtrc wants finite numbers: beyond 1e10 the F distribution is chi-square over df.
    p = float(fdtrc(df, min(df_denominator, 1e10), max(statistic, 0.0)))
    return PooledTest(statistic, df, float(df_denominator), p, increase)


def _chisquares(statistics: ArrayLike, df: int) -> Floats:
    x = _read(statistics, "statistics")
    _imputations(x)
    if x.ndim != 1 or np.any(x < 0) or df < 1:
        raise ImputationError(
            "chi-square statistics are one number an imputation, 0 or more, with df at least 1"
        )
    return x


def _read(values: ArrayLike, name: str) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(numbers))[0])
        raise ImputationError(
            f"{name} at {at} is {numbers[at]}; the analysis of that imputation failed, so there is "
            "nothing to pool"
        )
    return numbers


def _imputations(values: Floats) -> int:
    if values.ndim == 0 or values.shape[0] < 2:
        raise ImputationError(
            f"{0 if values.ndim == 0 else values.shape[0]} imputation: the variance between "
            "imputations needs at least 2"
        )
    return values.shape[0]
