"""A linear model read once, and ordinary least squares with robust standard errors.

Mathematics: docs/methods/robust.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from openlupus.errors import RankDeficiencyError, StatisticsError
from openlupus.statistics.interval import Floats, Interval

Errors = Literal["classical", "HC0", "HC1", "HC2", "HC3"]
# A column whose part beyond the others is smaller than this share of its length depends on them.
_DEPENDENT = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A fitted linear model, whatever the estimator.

    Attributes:
        names: One a coefficient.
        coefficients: Shape (coefficients,).
        covariance: Shape (coefficients, coefficients).
        scale: Standard deviation of the error, or its robust counterpart.
        df: Degrees of freedom of t; infinite where the reference is the normal.
        residuals: Shape (observations,).
        weights: Robustness weight of each observation, between 0 and 1; same shape.
        leverage: Diagonal of the hat matrix of ordinary least squares, same shape.
        iterations: Steps taken; 0 for a closed form.
        converged: Whether the last step was small enough.
        gradient: Largest absolute value of the estimating equation at the fit, per unit of scale
            and of each column's length.
        method: In words, with its constants.
        warnings: What the reader must know.
    """

    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    scale: float
    df: float
    residuals: Floats
    weights: Floats
    leverage: Floats
    iterations: int
    converged: bool
    gradient: float
    method: str
    warnings: tuple[str, ...] = ()

    @property
    def standard_errors(self) -> Floats:
        return np.sqrt(np.diag(self.covariance))

    @property
    def t(self) -> Floats:
        return self.coefficients / self.standard_errors

    @property
    def p(self) -> Floats:
        """Two-sided."""
        return 2 * stdtr(self.df, -np.abs(self.t))

    def contrast(self, row: ArrayLike, *, level: float = 0.95) -> Interval:
        """A linear combination of the coefficients with its limits; shape (coefficients,)."""
        if not 0 < level < 1:
            raise StatisticsError(f"level={level!r} must lie strictly between 0 and 1")
        each = np.asarray(row, dtype=np.float64)
        value = float(each @ self.coefficients)
        error = float(np.sqrt(each @ self.covariance @ each))
        half = float(stdtrit(self.df, (1 + level) / 2)) * error
        return Interval(value, value - half, value + half, level, error, self.warnings)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Response and design, checked; `leverage` of ordinary least squares.

    A stack of models has one more axis before those of `x`, `y`, `q` and `r`.

    Attributes:
        x: Design with its intercept, shape (observations, coefficients).
        y: Response, shape (observations,).
        names: One a coefficient.
        q: Orthonormal columns, x = q r; the shape of x.
        r: Upper triangle, shape (coefficients, coefficients).
    """

    x: Floats
    y: Floats
    names: tuple[str, ...]
    q: Floats
    r: Floats

    @property
    def n(self) -> int:
        return self.x.shape[-2]

    @property
    def p(self) -> int:
        return self.x.shape[-1]

    @property
    def leverage(self) -> Floats:
        return np.minimum(np.sum(self.q**2, axis=-1), 1.0)

    def at(self, place: int | slice | None) -> "Model":
        """One model of a stack, or some; of a single model with None, the stack of it alone."""
        return Model(self.x[place], self.y[place], self.names, self.q[place], self.r[place])

    def weighted(self, weights: Floats) -> Floats:
        """Coefficients of weighted least squares of a single model."""
        root = np.sqrt(weights)
        q, r = np.linalg.qr(root[:, None] * self.x)
        if np.abs(np.diag(r)).min() <= _DEPENDENT * np.abs(np.diag(r)).max():
            raise RankDeficiencyError(
                "the observations that keep a weight no longer determine all coefficients; a group"
                " of the design is made of outliers alone"
            )
        return np.linalg.solve(r, q.T @ (root * self.y)).astype(np.float64)

    def inverse(self, weights: Floats | None = None) -> Floats:
        """(X' W X)^-1; with weights, of a single model."""
        r = self.r
        if weights is not None:
            r = np.linalg.qr(np.sqrt(weights)[:, None] * self.x, mode="r")
        r_inverse: Floats = np.linalg.inv(r).astype(np.float64)
        return r_inverse @ r_inverse.swapaxes(-1, -2)


def read_model(x: ArrayLike, y: ArrayLike, names: Sequence[str] | None = None) -> Model:
    """Check a design (with its column of ones, if any) and its response.

    Raises:
        StatisticsError: shapes that do not fit, missing values, or fewer observations than
            coefficients and one.
        RankDeficiencyError: columns that depend on each other; the message names them.
    """
    design, response = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if design.ndim != 2 or response.shape != design.shape[:1]:
        raise StatisticsError(
            f"the design has shape {design.shape}, the response {response.shape}; they must be"
            " (observations, coefficients) and (observations,)"
        )
    return _checked(design, response, names)


def read_models(x: ArrayLike, y: ArrayLike, names: Sequence[str] | None = None) -> Model:
    """A stack of models with the same names, checked as one is by `read_model`.

    Args:
        x: Shape (models, observations, coefficients).
        y: Shape (models, observations).
        names: One a coefficient.
    """
    design, response = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if design.ndim != 3 or response.shape != design.shape[:2]:
        raise StatisticsError(
            f"the designs have shape {design.shape}, the responses {response.shape}; they must be"
            " (models, observations, coefficients) and (models, observations)"
        )
    return _checked(design, response, names)


def _checked(design: Floats, response: Floats, names: Sequence[str] | None) -> Model:
    n, p = design.shape[-2:]
    labels = tuple(names) if names else tuple(f"column {i + 1}" for i in range(p))
    if len(labels) != p:
        raise StatisticsError(f"{len(labels)} names for {p} columns")
    bad = ~(np.isfinite(design).all(axis=-1) & np.isfinite(response))
    if bad.any():
        first = int(np.argwhere(bad)[0, -1]) + 1
        raise StatisticsError(
            f"observation {first} is missing or infinite; leave it out or impute it first"
        )
    if n <= p:
        raise StatisticsError(f"{n} observations cannot determine {p} coefficients and a scale")
    q, r = np.linalg.qr(design)
    length = np.sqrt(np.sum(design**2, axis=-2))
    within = np.abs(np.diagonal(r, axis1=-2, axis2=-1)) <= _DEPENDENT * length
    some = within.reshape(-1, p).any(axis=0)
    if dependent := [label for label, each in zip(labels, some, strict=True) if each]:
        raise RankDeficiencyError(
            f"{', '.join(dependent)} follows from the columns before it; leave it out"
        )
    return Model(design, response, labels, q.astype(np.float64), r.astype(np.float64))


def least_squares(
    x: ArrayLike, y: ArrayLike, *, errors: Errors = "classical", names: Sequence[str] | None = None
) -> Regression:
    """Ordinary least squares.

    Args:
        x: Design with its intercept, shape (observations, coefficients).
        y: Response, shape (observations,).
        errors: `classical`, or consistent when the variance differs: `HC0` to `HC3` (eq. hc).
        names: One a coefficient.

    Source:
        MacKinnon & White, J Econometrics 1985;29:305.
    """
    model = read_model(x, y, names)
    ones = np.ones(model.n)
    coefficients, leverage = model.weighted(ones), model.leverage
    residuals = model.y - model.x @ coefficients
    df = model.n - model.p
    variance = float(residuals @ residuals) / df
    bread, notes = model.inverse(), ()
    if errors == "classical":
        covariance = variance * bread
    else:
        squares, notes = _hc(residuals, leverage, errors, model.p)
        covariance = bread @ (model.x.T * squares) @ model.x @ bread
    return Regression(
        model.names, coefficients, covariance, float(np.sqrt(variance)), df, residuals, ones,
        leverage, 0, True, float(np.abs(model.x.T @ residuals).max()),
        f"ordinary least squares, {errors} standard errors", notes,
    )  # fmt: skip


def r_squared(fit: Regression, y: ArrayLike) -> float:
    """Share of the variance about the mean that the fit explains."""
    response = np.asarray(y, dtype=np.float64)
    total = float(np.sum((response - response.mean()) ** 2))
    return 1 - float(fit.residuals @ fit.residuals) / total if total > 0 else float("nan")


def _hc(
    residuals: Floats, leverage: Floats, errors: Errors, p: int
) -> tuple[Floats, tuple[str, ...]]:
    squares, left = residuals**2, 1 - leverage
    sole = left < _DEPENDENT
    match errors:
        case "HC0":
            return squares, ()
        case "HC1":
            return squares * residuals.size / (residuals.size - p), ()
        case "HC2" | "HC3":
            power = 1 if errors == "HC2" else 2
            value = np.where(sole, 0.0, squares / np.where(sole, 1.0, left) ** power)
            why = f"{int(sole.sum())} observations alone determine a coefficient; they count 0"
            return value, (why,) if sole.any() else ()
        case _:
            raise StatisticsError(f"errors={errors!r} is not one of classical, HC0 to HC3")
