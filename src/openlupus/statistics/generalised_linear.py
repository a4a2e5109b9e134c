"""Generalised linear models by maximum likelihood: the fit that logistic and count models share.

Mathematics, with the named equations: docs/methods/generalised-linear.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ConvergenceError, StatisticsError
from openlupus.statistics.design_rank import refuse_dependent_columns
from openlupus.statistics.interval import Floats, Interval, normal_quantile, two_sided_p

Covariance = Literal["model", "HC0", "HC1", "HC2", "HC3"]

_MOST_STEPS = 100
# Score in units of its own standard errors, squared: 1e-10 of a standard error is the end.
_FLAT = 1e-20


@dataclass(frozen=True, slots=True)
class Family:
    """What a likelihood needs: of the linear predictor, or of outcome and linear predictor.

    Attributes:
        mean: The mean at a linear predictor.
        weight: Expected information of one observation about its linear predictor.
        slope: Derivative of one observation's log likelihood by its linear predictor.
        log_likelihood: One observation's log likelihood, constants included.
        start: Linear predictors to start from, at given outcomes.
    """

    mean: Callable[[Floats], Floats]
    weight: Callable[[Floats], Floats]
    slope: Callable[[Floats, Floats], Floats]
    log_likelihood: Callable[[Floats, Floats], Floats]
    start: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class GlmFit:
    """A fitted generalised linear model.

    Attributes:
        names: One name a coefficient.
        coefficients: On the scale of the linear predictor, shape (coefficients,).
        model_covariance: Inverse of the expected information.
        log_likelihood: At the estimate, constants included.
        gradient: Length of the score in standard errors: how near to the maximum the fit is.
        steps: Scoring steps taken.
        design: The matrix fitted, shape (n, coefficients).
        y: Outcomes used.
        mean: Fitted means.
        weight: Expected information of each observation.
        slope: Score of each observation about its linear predictor.
        level: Two-sided coverage of the intervals.
        warnings: What the reader must know.
    """

    names: tuple[str, ...]
    coefficients: Floats
    model_covariance: Floats
    log_likelihood: float
    gradient: float
    steps: int
    design: Floats = field(repr=False)
    y: Floats = field(repr=False)
    mean: Floats = field(repr=False)
    weight: Floats = field(repr=False)
    slope: Floats = field(repr=False)
    level: float
    warnings: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Observations used."""
        return self.y.size

    def covariance(self, kind: Covariance = "model") -> Floats:
        """Of the coefficients: `model`, or a sandwich that trusts the mean alone (eq. glm-hc)."""
        if kind == "model":
            return self.model_covariance
        if kind not in get_args(Covariance):
            raise StatisticsError(f"covariance {kind!r} is not one of {get_args(Covariance)}")
        n, k = self.design.shape
        leverage = self.weight * np.einsum(
            "ij,jk,ik->i", self.design, self.model_covariance, self.design
        )
        factor = {
            "HC0": np.ones(n),
            "HC1": np.full(n, n / (n - k)),
            "HC2": 1 / (1 - leverage),
            "HC3": 1 / (1 - leverage) ** 2,
        }[kind]
        scored = self.design * self.slope[:, None]
        meat = (scored * factor[:, None]).T @ scored
        return self.model_covariance @ meat @ self.model_covariance

    def coefficient(self, name: str, *, covariance: Covariance = "model") -> Interval:
        """One coefficient with its normal interval."""
        at = self._position(name)
        value = float(self.coefficients[at])
        error = float(np.sqrt(self.covariance(covariance)[at, at]))
        half = normal_quantile(self.level) * error
        return Interval(value, value - half, value + half, self.level, error, self.warnings)

    def ratio(self, name: str, *, covariance: Covariance = "model") -> Interval:
        """exp of one coefficient: an odds ratio or rate ratio; the error is that of its log."""
        log = self.coefficient(name, covariance=covariance)
        value, lower, upper = (float(np.exp(each)) for each in (log.value, log.lower, log.upper))
        return Interval(value, lower, upper, self.level, log.standard_error, self.warnings)

    def p(self, name: str, *, covariance: Covariance = "model") -> float:
        """Two-sided Wald P value of one coefficient."""
        found = self.coefficient(name, covariance=covariance)
        assert found.standard_error is not None
        return float(two_sided_p(found.value / found.standard_error))

    def _position(self, name: str) -> int:
        if name not in self.names:
            raise StatisticsError(f"the model has no coefficient {name!r}; it has {self.names}")
        return self.names.index(name)


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Outcome, design matrix and offset of the complete observations, checked."""

    y: Floats
    x: Floats
    offset: Floats
    names: tuple[str, ...]
    warnings: tuple[str, ...]


def read_data(
    y: ArrayLike, design: ArrayLike, names: Sequence[str], offset: ArrayLike | None = None
) -> Data:
    """Check shapes, leave out observations with a missing number, refuse dependent columns."""
    outcome, matrix = np.asarray(y, dtype=np.float64), np.asarray(design, dtype=np.float64)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    shift = np.zeros(outcome.shape) if offset is None else np.asarray(offset, dtype=np.float64)
    if outcome.ndim != 1 or matrix.shape[:1] != outcome.shape or shift.shape != outcome.shape:
        raise StatisticsError(
            f"y has shape {outcome.shape}, design {matrix.shape}, offset {shift.shape}; one row of"
            " each an observation"
        )
    labels = tuple(names) or tuple(f"column {j + 1}" for j in range(matrix.shape[1]))
    if len(labels) != matrix.shape[1] or len(set(labels)) != len(labels):
        raise StatisticsError(f"names {labels} must be {matrix.shape[1]} different names")
    for name, numbers in (("y", outcome), ("design", matrix), ("offset", shift)):
        if np.isinf(numbers).any():
            raise StatisticsError(f"{name} holds an infinite number")
    complete = ~(np.isnan(outcome) | np.isnan(matrix).any(axis=1) | np.isnan(shift))
    left_out = int((~complete).sum())
    notes = (f"{left_out} of {complete.size} observations left out: a number is missing",)
    outcome, matrix, shift = outcome[complete], matrix[complete], shift[complete]
    if outcome.size <= matrix.shape[1]:
        raise StatisticsError(
            f"{outcome.size} complete observations for {matrix.shape[1]} coefficients are too few"
        )
    scale = np.linalg.norm(matrix, axis=0)
    triangle = np.linalg.qr(matrix / np.where(scale > 0, scale, 1.0)).R
    refuse_dependent_columns(triangle, labels)
    return Data(outcome, matrix, shift, labels, notes * (left_out > 0))


def fit_glm(data: Data, family: Family, *, level: float, start: Floats | None = None) -> GlmFit:
    """Maximise the likelihood by Fisher scoring with halved steps (eq. glm-scoring).

    Raises:
        ConvergenceError: the score does not vanish; the message says how far it came.
    """
    normal_quantile(level)  # refuses a level outside (0, 1)
    if start is None:
        start = _least_squares(data.x, family.start(data.y) - data.offset)
    beta = start
    eta = data.x @ beta + data.offset
    best = float(family.log_likelihood(data.y, eta).sum())
    size, reach = np.inf, np.inf
    for step in range(_MOST_STEPS):
        weight, slope = family.weight(eta), family.slope(data.y, eta)
        covariance = inverse_information(data.x, weight)
        score = data.x.T @ slope
        move = covariance @ score
        size, before = float(score @ move), size
        # Rounding ends the descent of the score before the bound where the data are large.
        if size < _FLAT or (size < 1e-12 and size >= before):
            return GlmFit(
                data.names, beta, covariance, best, float(np.sqrt(max(size, 0.0))), step,
                data.x, data.y, family.mean(eta), weight, slope, level, data.warnings,
            )  # fmt: skip
        for halved in range(30):
            eta = data.x @ (beta + move / 2**halved) + data.offset
            reached = float(family.log_likelihood(data.y, eta).sum())
            if reached >= best - 1e-12 * abs(best):
                break
        else:
            break
        beta, best, reach = beta + move / 2**halved, reached, float(np.abs(move).max())
    raise ConvergenceError(
        f"the likelihood has no maximum that {_MOST_STEPS} scoring steps reach: the score is"
        f" {np.sqrt(abs(size)):.2g} standard errors from 0, the last step {reach:.2g}"
    )


def _least_squares(x: Floats, y: Floats) -> Floats:
    found, *_ = np.linalg.lstsq(x, y, rcond=None)
    return np.asarray(found, dtype=np.float64)


def inverse_information(x: Floats, weight: Floats) -> Floats:
    """Inverse of X'WX; refuses weights that have vanished."""
    root = np.sqrt(weight)[:, None] * x
    scale = np.linalg.norm(root, axis=0)
    if not np.all(np.isfinite(scale)) or np.any(scale < 1e-150):
        raise ConvergenceError("the information about a coefficient vanishes")
    r = np.linalg.qr(root / scale).R
    if np.abs(np.diag(r)).min() < 1e-14:
        raise ConvergenceError("the information about a coefficient vanishes")
    inverse = np.linalg.inv(r) / scale[:, None]
    return inverse @ inverse.T
