"""Regression of counts: Poisson and negative binomial, log link, with exposure.

Mathematics, with the named equations: docs/methods/generalised-linear.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, psi, xlogy
from scipy.special import zeta as hurwitz_zeta  # pyright: ignore[reportUnknownVariableType]

from openlupus.errors import ConvergenceError, CountsError, StatisticsError
from openlupus.statistics.generalised_linear import Data, Family, GlmFit, fit_glm, read_data
from openlupus.statistics.interval import Floats

_MOST_ROUNDS = 200
_FARTHEST = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class NegativeBinomialFit:
    """A negative binomial regression: variance mu + mu^2 / theta.

    Attributes:
        fit: The regression at the estimated theta.
        theta: Shape; SAS's dispersion is its inverse.
        theta_standard_error: From the observed information about theta.
        warnings: What the reader must know.
    """

    fit: GlmFit
    theta: float
    theta_standard_error: float
    warnings: tuple[str, ...] = ()

    @property
    def dispersion(self) -> float:
        """1 / theta: 0 is Poisson."""
        return 1 / self.theta


def poisson_regression(
    y: ArrayLike,
    design: ArrayLike,
    *,
    exposure: ArrayLike | None = None,
    names: Sequence[str] = (),
    level: float = 0.95,
) -> GlmFit:
    """Poisson regression of counts on the log scale.

    Args:
        y: Events of each subject, whole numbers, shape (subjects,).
        design: Columns of the model, the intercept among them, shape (subjects, coefficients).
        exposure: Time at risk of each subject, above 0; its logarithm is the offset.
        names: One name a column; `column 1`, ... where empty.
        level: Two-sided coverage of the intervals, in (0, 1).

    Raises:
        CountsError: counts that are negative or not whole, or an exposure that is not above 0.
        ConvergenceError: a column whose subjects have no event, so that its rate is 0.
    """
    return fit_glm(_read(y, design, exposure, names), POISSON, level=level)


def deviance(fit: GlmFit) -> float:
    """Twice the log likelihood that a Poisson fit leaves to the saturated model."""
    y, mean = fit.y, fit.mean
    return float(2 * np.sum(xlogy(y, y / mean) - (y - mean)))


def negative_binomial_regression(
    y: ArrayLike,
    design: ArrayLike,
    *,
    exposure: ArrayLike | None = None,
    names: Sequence[str] = (),
    level: float = 0.95,
) -> NegativeBinomialFit:
    """Negative binomial regression (NB2) of counts on the log scale, by maximum likelihood.

    Args:
        y: Events of each subject, whole numbers, shape (subjects,).
        design: Columns of the model, the intercept among them, shape (subjects, coefficients).
        exposure: Time at risk of each subject, above 0; its logarithm is the offset.
        names: One name a column; `column 1`, ... where empty.
        level: Two-sided coverage of the intervals, in (0, 1).

    Returns:
        Coefficients and theta maximise the likelihood together (eq. negative-binomial); the
        covariance of the coefficients is the expected one, as in R's glm.nb.

    Raises:
        StatisticsError: the counts vary no more than Poisson counts do, so theta is infinite; use
            `poisson_regression`.
        CountsError: counts that are negative or not whole, or an exposure that is not above 0.
    """
    data = _read(y, design, exposure, names)
    fit = fit_glm(data, POISSON, level=level)
    excess = float(np.sum((fit.y - fit.mean) ** 2 - fit.y))
    if excess <= 0:
        raise StatisticsError(
            "the counts vary no more than Poisson counts with these means, so the dispersion is 0;"
            " use poisson_regression"
        )
    before = theta = float(np.sum(fit.mean**2)) / excess
    for _ in range(_MOST_ROUNDS):
        before = theta
        theta = _theta(fit.y, fit.mean, theta)
        fit = fit_glm(data, negative_binomial(theta), level=level, start=fit.coefficients)
        if abs(theta - before) <= 1e-13 * theta:
            break
    else:
        raise ConvergenceError(f"theta does not settle: {before:.6g}, then {theta:.6g}")
    information = _theta_information(fit.y, fit.mean, theta)
    return NegativeBinomialFit(fit, theta, float(1 / np.sqrt(information)), fit.warnings)


def negative_binomial(theta: float) -> Family:
    """The negative binomial law with a known theta, log link."""

    def weight(eta: Floats) -> Floats:
        mu = _mean(eta)
        return mu / (1 + mu / theta)

    def slope(y: Floats, eta: Floats) -> Floats:
        mu = _mean(eta)
        return (y - mu) / (1 + mu / theta)

    def log_likelihood(y: Floats, eta: Floats) -> Floats:
        mu = _mean(eta)
        ways = gammaln(y + theta) - gammaln(theta) - gammaln(y + 1)
        return ways + y * eta - y * np.log(mu + theta) - theta * np.log1p(mu / theta)

    return Family(_mean, weight, slope, log_likelihood, _start)


def _theta(y: Floats, mu: Floats, theta: float) -> float:
    """Root of the score of theta, on its log scale, by Newton's steps with a bound."""
    for _ in range(_MOST_ROUNDS):
        score = theta * _theta_score(y, mu, theta)
        curvature = theta**2 * _theta_information(y, mu, theta) - score
        step = score / curvature if curvature > 0 else np.sign(score)
        theta *= float(np.exp(np.clip(step, -1, 1)))
        if theta > 1e9:
            raise StatisticsError(
                "the likelihood grows with theta without end: the counts are Poisson; use"
                " poisson_regression"
            )
        if abs(step) < 1e-14:
            return theta
        if abs(score) < 1e-13 * y.size:
            return theta
    raise ConvergenceError(f"theta does not settle near {theta:.6g}")


def _theta_score(y: Floats, mu: Floats, theta: float) -> float:
    terms = psi(y + theta) - psi(theta) - np.log1p(mu / theta) - (y - mu) / (mu + theta)
    return float(terms.sum())


def _theta_information(y: Floats, mu: Floats, theta: float) -> float:
    # The trigamma function is Hurwitz' zeta of 2.
    terms: Floats = np.asarray(hurwitz_zeta(2, theta) - hurwitz_zeta(2, y + theta))
    terms = terms - 1 / theta + 2 / (mu + theta) - (y + theta) / (mu + theta) ** 2
    return float(terms.sum())


def _read(
    y: ArrayLike, design: ArrayLike, exposure: ArrayLike | None, names: Sequence[str]
) -> Data:
    offset = None
    if exposure is not None:
        time = np.asarray(exposure, dtype=np.float64)
        if np.any(time <= 0):
            at = int(np.flatnonzero(time <= 0)[0])
            raise CountsError(f"the exposure of subject {at + 1} is {time[at]:g}; it is above 0")
        offset = np.log(time)
    data = read_data(y, design, names, offset)
    if np.any(bad := (data.y < 0) | (data.y % 1 != 0)):
        raise CountsError(f"{data.y[bad][0]:g} events; counts are whole numbers, 0 or more")
    if not data.y.any():
        raise CountsError("no subject has an event, so every rate is 0; there is no logarithm")
    return data


def _mean(eta: Floats) -> Floats:
    # A step too long on the way to the maximum must not overflow; it is halved.
    return np.exp(np.clip(eta, -_FARTHEST, _FARTHEST))


def _poisson_slope(y: Floats, eta: Floats) -> Floats:
    return y - _mean(eta)


def _poisson_log_likelihood(y: Floats, eta: Floats) -> Floats:
    return y * eta - _mean(eta) - gammaln(y + 1)


def _start(y: Floats) -> Floats:
    return np.log(y + 0.5)


POISSON = Family(_mean, _mean, _poisson_slope, _poisson_log_likelihood, _start)
