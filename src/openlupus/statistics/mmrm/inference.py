"""Estimates, intervals and tests of contrasts of the coefficients of a fitted model."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr, stdtrit

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats, normal_quantile
from openlupus.statistics.mmrm import degrees_of_freedom as freedom
from openlupus.statistics.mmrm.fit import Fit
from openlupus.statistics.mmrm.kenward_roger import Parametrisation, adjusted_covariance
from openlupus.statistics.mmrm.sandwich import Correction, Sandwich, sandwich

Df = Literal["kenward-roger", "satterthwaite", "between-within", "residual", "normal"]
Vcov = Literal[
    "asymptotic",
    "kenward-roger",
    "kenward-roger-linear",
    "kenward-roger-sas",
    "empirical",
    "empirical-bias-reduced",
    "empirical-jackknife",
]
_PARAMETRISATION: dict[str, Parametrisation] = {
    "kenward-roger": "unbounded",
    "kenward-roger-linear": "none",
    "kenward-roger-sas": "sas",
}
_CORRECTION: dict[str, Correction] = {
    "empirical": "none",
    "empirical-bias-reduced": "bias-reduced",
    "empirical-jackknife": "jackknife",
}


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Single contrasts with their t intervals and tests of 0; every array has shape (contrasts,).

    Attributes:
        value: Estimates.
        standard_error: Their standard errors.
        df: Degrees of freedom; infinite for the normal distribution.
        lower: Lower confidence limits.
        upper: Upper confidence limits.
        t: Estimates over standard errors.
        p: Two-sided P values.
    """

    value: Floats
    standard_error: Floats
    df: Floats
    lower: Floats
    upper: Floats
    t: Floats
    p: Floats


@dataclass(frozen=True, slots=True)
class JointTest:
    """F test that several contrasts are all 0."""

    numerator_df: int
    df: float
    statistic: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """A fit with the chosen covariance of the coefficients and degrees of freedom.

    Attributes:
        fit: The fit.
        df: Name of the degrees of freedom.
        vcov: Name of the covariance of the coefficients.
        covariance: That covariance, shape (columns, columns).
        level: Two-sided coverage of the intervals.
        sandwich: The empirical covariance, where one was asked for.
    """

    fit: Fit
    df: Df
    vcov: Vcov
    covariance: Floats
    level: float
    sandwich: Sandwich | None

    def estimate(self, rows: ArrayLike) -> Estimates:
        """Single contrasts of the coefficients.

        Args:
            rows: Shape (contrasts, columns), or (columns,) for one.
        """
        contrasts = self._contrasts(rows)
        value = contrasts @ self.fit.beta
        error = np.sqrt(np.einsum("ip,pq,iq->i", contrasts, self.covariance, contrasts))
        df = self._df(contrasts)
        if not (df > 0).all():
            raise StatisticsError(
                f"df={self.df!r} leaves {df.min():g} degrees of freedom; take terms out of the"
                " model"
            )
        t = value / error
        quantile = np.where(np.isinf(df), ndtri((1 + self.level) / 2), _t_quantile(df, self.level))
        p = np.where(np.isinf(df), 2 * ndtr(-np.abs(t)), 2 * _t_tail(df, -np.abs(t)))
        half = quantile * error
        return Estimates(value, error, df, value - half, value + half, t, p)

    def joint(self, rows: ArrayLike) -> JointTest:
        """F test that contrasts of the coefficients are all 0 (eq. mmrm-f).

        Satterthwaite's degrees of freedom of a joint test depend on the basis in which the
        contrasts are written, in SAS and R too; the others do not.

        Args:
            rows: Shape (contrasts, columns); contrasts that others imply are left out.

        Raises:
            StatisticsError: there is no contrast, or too few subjects to test them together.
        """
        contrasts = _independent(self._contrasts(rows))
        number, beta = contrasts.shape[0], contrasts @ self.fit.beta
        covariance = contrasts @ self.covariance @ contrasts.T
        if not np.linalg.eigvalsh(covariance)[0] > 0:
            raise StatisticsError(
                f"vcov={self.vcov!r} gives {number} contrasts a covariance that is not positive"
                " definite: there are too few subjects to test them together"
            )
        statistic = float(beta @ np.linalg.solve(covariance, beta)) / number
        if number == 1:
            df = float(self._df(contrasts)[0])
        elif self.df == "kenward-roger":
            scaled = freedom.kenward_roger_joint(self.fit, contrasts)
            df, statistic = scaled.df, statistic * scaled.factor
        elif self.df == "satterthwaite":
            df = freedom.satterthwaite_joint(self.fit, contrasts, self.covariance, self.sandwich)
        else:
            df = float(self._df(contrasts).min())
        return JointTest(number, df, statistic, _f_tail(number, df, statistic))

    def _df(self, contrasts: Floats) -> Floats:
        if self.df == "normal":
            return np.zeros(contrasts.shape[0]) + np.inf
        if self.df == "between-within":
            return freedom.between_within(self.fit, contrasts)
        if self.df == "residual":
            return freedom.residual(self.fit, contrasts)
        # Kenward and Roger's degrees of freedom of a single contrast are Satterthwaite's.
        return freedom.satterthwaite(self.fit, contrasts, self.sandwich)

    def _contrasts(self, rows: ArrayLike) -> Floats:
        contrasts = np.atleast_2d(np.asarray(rows, dtype=np.float64))
        if contrasts.ndim != 2 or contrasts.shape[1] != self.fit.beta.size:
            raise StatisticsError(
                f"contrasts have shape {contrasts.shape}; each needs {self.fit.beta.size} numbers,"
                f" for {list(self.fit.labels.columns)}"
            )
        if not np.isfinite(contrasts).all():
            raise StatisticsError("contrasts hold numbers that are not finite")
        if not contrasts.any(axis=1).all():
            raise StatisticsError("a contrast has only zeros: there is nothing to estimate")
        return contrasts


def inference(
    fit: Fit,
    *,
    df: Df = "kenward-roger",
    vcov: Vcov | None = None,
    level: float = 0.95,
) -> Inference:
    """Choose degrees of freedom and covariance of the coefficients.

    Args:
        fit: The fit.
        df: Degrees of freedom. `kenward-roger` needs a restricted maximum likelihood fit and one
            of the three Kenward-Roger covariances.
        vcov: Covariance of the coefficients. Unless given: `kenward-roger` with its degrees of
            freedom, else `asymptotic`. `kenward-roger` takes second derivatives in R mmrm's
            parameters, `kenward-roger-sas` in those of PROC MIXED's DDFM=KR,
            `kenward-roger-linear` leaves them out as DDFM=KR(LINEAR) does.
        level: Two-sided coverage of the intervals, in (0, 1).

    Raises:
        StatisticsError: names that do not exist or do not fit together.
    """
    normal_quantile(level)
    chosen: Vcov = vcov or ("kenward-roger" if df == "kenward-roger" else "asymptotic")
    if df not in get_args(Df) or chosen not in get_args(Vcov):
        raise StatisticsError(
            f"df={df!r} and vcov={chosen!r}: df is one of {get_args(Df)}, vcov of {get_args(Vcov)}"
        )
    adjusted = chosen in _PARAMETRISATION
    if (df == "kenward-roger") != adjusted:
        raise StatisticsError(
            f"df={df!r} does not go with vcov={chosen!r}: Kenward-Roger degrees of freedom and"
            " covariances belong together"
        )
    if adjusted and not fit.reml:
        raise StatisticsError(
            "Kenward-Roger is defined for restricted maximum likelihood; fit with reml=True or"
            " choose df='satterthwaite'"
        )
    robust = sandwich(fit, _CORRECTION[chosen]) if chosen in _CORRECTION else None
    covariance = robust.covariance if robust else fit.covariance
    if adjusted:
        covariance = adjusted_covariance(fit, _PARAMETRISATION[chosen])
    if not (np.diag(covariance) > 0).all():
        wrong = [fit.labels.columns[k] for k in np.flatnonzero(np.diag(covariance) <= 0)]
        raise StatisticsError(
            f"vcov={chosen!r} gives a variance that is not positive for {wrong}: there are too few"
            " subjects for it; choose another covariance of the coefficients or structure"
        )
    return Inference(fit, df, chosen, covariance, level, robust)


def _independent(contrasts: Floats) -> Floats:
    """As many contrasts as there are dimensions, spanning the same."""
    _, values, right = np.linalg.svd(contrasts, full_matrices=False)
    rank = int((values > 1e-10 * max(values.max(initial=0.0), 1e-300)).sum())
    if rank == 0:
        raise StatisticsError("no contrast to test: every row is 0")
    return contrasts if rank == contrasts.shape[0] else right[:rank]


def _t_quantile(df: Floats, level: float) -> Floats:
    return np.asarray(stdtrit(np.where(np.isinf(df), 1.0, df), (1 + level) / 2))


def _t_tail(df: Floats, t: Floats) -> Floats:
    return np.asarray(stdtr(np.where(np.isinf(df), 1.0, df), t))


def _f_tail(numerator: int, df: float, statistic: float) -> float:
    if np.isinf(df):
        return float(chdtrc(numerator, numerator * statistic))
    return float(fdtrc(numerator, df, statistic))
