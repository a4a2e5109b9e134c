"""Logistic regression by Firth's penalised likelihood: finite whatever the data.

Mathematics, with the named equations: docs/methods/generalised-linear.md.
"""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from openlupus.errors import ConvergenceError
from openlupus.statistics.generalised_linear import Data, GlmFit, inverse_information
from openlupus.statistics.interval import Floats, normal_quantile

_MOST_STEPS = 200
# Score in units of its own standard errors, squared.
_FLAT = 1e-20


def firth_fit(data: Data, *, level: float) -> GlmFit:
    """Maximise log L + log|X'WX| / 2 (eq. firth).

    Args:
        data: Outcomes 0 or 1 and the design, checked.
        level: Two-sided coverage of the intervals, in (0, 1).

    Returns:
        The fit; its log-likelihood is the penalised one, its model covariance (X'WX)^-1.

    Raises:
        ConvergenceError: the penalised score does not vanish.

    Source:
        Firth, Biometrika 1993;80:27. Heinze & Schemper, Stat Med 2002;21:2409.
    """
    normal_quantile(level)  # refuses a level outside (0, 1)
    at, size = _at(data, np.zeros(len(data.names)), level), np.inf
    for step in range(_MOST_STEPS):
        leverage = at.weight * np.einsum("ij,jk,ik->i", data.x, at.model_covariance, data.x)
        score = data.x.T @ (at.slope + leverage * (0.5 - at.mean))
        size = float(score @ at.model_covariance @ score)
        if size < _FLAT:
            return replace(at, steps=step, gradient=float(np.sqrt(max(size, 0.0))))
        # The slope of the score, its leverages taken as known.
        move = inverse_information(data.x, at.weight * (1 + leverage)) @ score
        moved = _higher(data, at, move, level)
        if moved is None:
            break
        at = moved
    raise ConvergenceError(
        f"the penalised likelihood has no maximum that {_MOST_STEPS} steps reach: the score is"
        f" {np.sqrt(abs(size)):.2g} standard errors from 0"
    )


def _higher(data: Data, at: GlmFit, move: Floats, level: float) -> GlmFit | None:
    """The first of the halved steps that does not lower the penalised likelihood."""
    for halved in range(30):
        moved = _at(data, at.coefficients + move / 2**halved, level)
        if moved.log_likelihood >= at.log_likelihood - 1e-12 * abs(at.log_likelihood):
            return moved
    return None


def _at(data: Data, beta: Floats, level: float) -> GlmFit:
    eta = data.x @ beta + data.offset
    mean = expit(eta)
    weight = mean * expit(-eta)
    covariance = inverse_information(data.x, weight)
    plain = float((data.y * eta - np.logaddexp(0, eta)).sum())
    return GlmFit(
        names=data.names,
        coefficients=beta,
        model_covariance=covariance,
        log_likelihood=plain - float(np.linalg.slogdet(covariance)[1]) / 2,
        gradient=float("inf"),
        steps=0,
        design=data.x,
        y=data.y,
        mean=mean,
        weight=weight,
        slope=data.y - mean,
        level=level,
        warnings=data.warnings,
    )
