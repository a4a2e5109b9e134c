"""The Mod step for one trial: fitted curves, their uncertainty, target doses.

Mathematics: docs/methods/dose-response.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import RankDeficiencyError, StatisticsError
from openlupus.statistics.dose_response.families import Bounds, Family
from openlupus.statistics.dose_response.profile import profile, whiten
from openlupus.statistics.interval import Floats

# Grid points from which the search of a single fit starts.
_STARTS = 25


@dataclass(frozen=True, slots=True, eq=False)
class DoseMeans:
    """Responses summed up by dose: all that contrasts and curves need.

    Attributes:
        dose: Distinct doses, rising, shape (doses,).
        estimate: Means at covariates 0, shape (doses,).
        covariance: Of the estimates, shape (doses, doses).
        df: Degrees of freedom of the residual variance; infinity for given estimates.
        n: Subjects; 0 for given estimates.
        within: Residual sum of squares about the means; 0 for given estimates.
        cross: W'W of the dose indicators and covariates, shape (doses + covariates,) twice; empty
            for given estimates.
        covariates: Coefficients of the covariates in the model of means, shape (covariates,).
        names: Names of the covariates.
    """

    dose: Floats
    estimate: Floats
    covariance: Floats
    df: float
    n: int
    within: float
    cross: Floats
    covariates: Floats
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CurveFit:
    """One fitted family.

    Attributes:
        family: The family.
        names: Linear, nonlinear, then covariate coefficients.
        coefficients: Shape (coefficients,).
        covariance: Shape (coefficients, coefficients); infinite entries are NaN.
        criterion: Residual sum of squares, or the generalised one for given estimates.
        df: Degrees of freedom of the residual variance; infinity for given estimates.
        loglikelihood: NaN for given estimates.
        aic: -2 loglikelihood + 2 (coefficients + 1); criterion + 2 coefficients for given
            estimates.
        largest_dose: Of the data.
        bounds: Within which the nonlinear parameters were sought.
        at_bound: Names of those that ended at a bound.
        slope: Slope of the profiled criterion at the fit, see `Profile`.
        warnings: What the reader must know.
    """

    family: Family
    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    criterion: float
    df: float
    loglikelihood: float
    aic: float
    largest_dose: float
    bounds: Bounds
    at_bound: tuple[str, ...]
    slope: float
    warnings: tuple[str, ...] = ()

    @property
    def linear(self) -> Floats:
        return self.coefficients[: len(self.family.linear)]

    @property
    def nonlinear(self) -> Floats:
        first = len(self.family.linear)
        return self.coefficients[first : first + len(self.family.nonlinear)]

    def predict(self, dose: ArrayLike) -> Floats:
        """Mean at covariates 0, shape of `dose`."""
        return float(self.linear[0]) + self.effect(dose) + self._start

    def effect(self, dose: ArrayLike) -> Floats:
        """Difference from dose 0, shape of `dose`."""
        return curve_effect(
            self.family, self.linear[None], self.nonlinear[None],
            np.asarray(dose, dtype=np.float64).ravel(),
        )[0].reshape(np.shape(dose))  # fmt: skip

    @property
    def _start(self) -> float:
        """What the curve is at dose 0 beside e0 (linlog, logistic)."""
        theta = tuple(np.asarray(v) for v in self.nonlinear)
        zero = np.zeros(1)
        values = [float(np.ravel(f(zero, theta))[0]) for f in self.family.basis]
        return float(np.dot(values, self.linear[1:]))

    def target_dose(self, difference: float) -> float:
        """Smallest dose whose effect is `difference` (its sign is the direction), eq. dose-td.

        NaN where no dose up to the largest has it.
        """
        return float(
            target_doses(
                self.family, self.linear[None], self.nonlinear[None], np.array([difference]),
                self.largest_dose,
            )[0]
        )  # fmt: skip

    def effective_dose(self, share: float) -> float:
        """Smallest dose with this share of the largest effect up to the largest dose."""
        if not 0 < share < 1:
            raise StatisticsError(f"share={share!r} must lie strictly between 0 and 1")
        return self.target_dose(share * self.largest_effect)

    @property
    def largest_effect(self) -> float:
        """Effect furthest from 0, up to the largest dose."""
        return float(
            largest_effects(
                self.family, self.linear[None], self.nonlinear[None], self.largest_dose
            )[0]
        )


def dose_means(
    dose: ArrayLike,
    response: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> DoseMeans:
    """Means by dose, adjusted for covariates, from subjects (eq. dose-means).

    Args:
        dose: Shape (subjects,).
        response: Shape (subjects,).
        covariates: Columns beside the doses, shape (subjects, covariates); no column of ones.
        names: One a covariate.
    """
    d, y = np.asarray(dose, dtype=np.float64), np.asarray(response, dtype=np.float64)
    if d.ndim != 1 or d.shape != y.shape or not np.isfinite(d).all() or not np.isfinite(y).all():
        raise StatisticsError(
            f"doses {d.shape} and responses {y.shape} are finite vectors of one length"
        )
    if np.any(d < 0):
        raise StatisticsError(f"a dose is {d.min():g}; doses are 0 or more")
    z = np.empty((d.size, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    z = z[:, None] if z.ndim == 1 else z
    labels = tuple(names) if names else tuple(f"covariate {i + 1}" for i in range(z.shape[1]))
    if z.shape[0] != d.size or not np.isfinite(z).all() or len(labels) != z.shape[1]:
        raise StatisticsError(f"covariates have shape {z.shape}; one complete row a subject")
    distinct = np.unique(d)
    w = np.column_stack([d[:, None] == distinct, z]).astype(np.float64)
    df = d.size - w.shape[1]
    if distinct.size < 2 or df < 1:
        raise StatisticsError(f"{distinct.size} doses, {df} degrees of freedom; need 2 and 1")
    r = np.abs(np.diag(np.linalg.qr(w)[1]))
    if np.any(r <= 1e-10 * np.sqrt(np.sum(w**2, axis=0))):
        raise RankDeficiencyError("a covariate follows from the doses and the other covariates")
    cross = w.T @ w
    inverse = np.linalg.inv(cross)
    beta = inverse @ (w.T @ y)
    within = float(np.sum((y - w @ beta) ** 2))
    count = distinct.size
    return DoseMeans(
        distinct, beta[:count], within / df * inverse[:count, :count], float(df), d.size, within,
        cross, beta[count:], labels,
    )  # fmt: skip


def given_estimates(dose: ArrayLike, estimate: ArrayLike, covariance: ArrayLike) -> DoseMeans:
    """Estimates of any kind at each dose, with their covariance: the generalised form."""
    d, mean = np.asarray(dose, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    s = np.asarray(covariance, dtype=np.float64)
    if d.ndim != 1 or d.shape != mean.shape or s.shape != (d.size, d.size):
        raise StatisticsError(
            f"doses {d.shape}, estimates {mean.shape}, covariance {s.shape} do not fit together"
        )
    if np.any(np.diff(d) <= 0) or np.any(d < 0) or not np.isfinite(mean).all():
        raise StatisticsError(f"doses {d.tolist()} must rise from 0 or more; estimates be finite")
    none = np.empty(0)
    return DoseMeans(d, mean, s, float("inf"), 0, 0.0, np.empty((0, 0)), none, ())


def fit_curve(means: DoseMeans, family: Family, *, bounds: Bounds | None = None) -> CurveFit:
    """Least squares of one family; generalised least squares for given estimates.

    Adjusting the means first loses nothing: the sum of squares about the curve is the one about
    the means plus the generalised one of the means about the curve (eq. dose-two-stage).

    Args:
        means: From `dose_means` or `given_estimates`.
        family: What is fitted.
        bounds: Lowest and highest of each nonlinear parameter; the family's by default.
    """
    # Of subjects the covariance up to the residual variance, which the curve will estimate anew.
    variance = means.within / means.df if means.n else 1.0
    shape = means.covariance / variance if variance > 0 else means.covariance
    got = profile(whiten(means.dose, shape), means.estimate[None], family, bounds, starts=_STARTS)
    linear, theta, about = got.linear[0], got.nonlinear[0], float(got.criterion[0])
    top = float(means.dose.max())
    box = bounds if bounds is not None else family.bounds(top)
    at_bound = tuple(
        name
        for name, value, (low, high) in zip(family.nonlinear, theta, box, strict=True)
        if value <= low * (1 + 1e-12) or value >= high * (1 - 1e-12)
    )
    jacobian = _jacobian(family, means.dose, linear, theta)
    names = (*family.linear, *family.nonlinear, *means.names)
    count = len(names)
    if not means.n:
        covariance = _inverse(jacobian.T @ np.linalg.solve(means.covariance, jacobian))
        return CurveFit(
            family, names, np.concatenate([linear, theta]), covariance, about, float("inf"),
            float("nan"), about + 2 * count, top, box, at_bound, float(got.slope[0]),
            _warnings(at_bound, covariance),
        )  # fmt: skip
    rss, df = means.within + about, means.n - count
    fitted = _at_doses(family, means.dose, linear, theta)
    others = _covariates(means, fitted)
    wide = np.zeros((means.cross.shape[0], count))
    wide[: means.dose.size, : jacobian.shape[1]] = jacobian
    wide[means.dose.size :, jacobian.shape[1] :] = np.eye(means.covariates.size)
    covariance = rss / df * _inverse(wide.T @ means.cross @ wide)
    loglikelihood = -means.n / 2 * (np.log(2 * np.pi * rss / means.n) + 1)
    return CurveFit(
        family, names, np.concatenate([linear, theta, others]), covariance, rss, float(df),
        float(loglikelihood), float(-2 * loglikelihood + 2 * (count + 1)), top, box, at_bound,
        float(got.slope[0]), _warnings(at_bound, covariance),
    )  # fmt: skip


def curve_effect(family: Family, linear: Floats, theta: Floats, dose: Floats) -> Floats:
    """Effects over dose 0 of many curves, shape (curves, doses)."""
    columns = tuple(theta[:, i, None] for i in range(theta.shape[1]))
    zero = np.zeros(1)
    total = np.zeros((linear.shape[0], dose.size))
    for i, f in enumerate(family.basis, start=1):
        total = total + linear[:, i, None] * (f(dose, columns) - f(zero, columns))
    return total


def largest_effects(family: Family, linear: Floats, theta: Floats, top: float) -> Floats:
    """Effect furthest from 0 up to dose `top`, of many curves, shape (curves,)."""
    if family.name == "quadratic":
        b1, b2 = linear[:, 1], linear[:, 2]
        turn = np.where(b2 != 0, -b1 / (2 * np.where(b2 != 0, b2, 1.0)), top)
        turn = np.where((turn > 0) & (turn < top), turn, top)
        inside, end = b1 * turn + b2 * turn**2, b1 * top + b2 * top**2
        return np.where(np.abs(inside) > np.abs(end), inside, end)
    dose = np.broadcast_to(family.peak(top, tuple(theta.T)), linear.shape[:1])
    columns = tuple(theta[:, i] for i in range(theta.shape[1]))
    zero = np.zeros(1)
    return linear[:, 1] * (family.basis[0](dose, columns) - family.basis[0](zero, columns))


def target_doses(
    family: Family, linear: Floats, theta: Floats, difference: Floats, top: float
) -> Floats:
    """Smallest dose up to `top` with each effect, of many curves, shape (curves,); else NaN."""
    if family.name == "quadratic":
        dose = _parabola(linear[:, 1], linear[:, 2], difference)
    else:
        slope = linear[:, 1]
        rise = np.divide(difference, slope, out=np.full(slope.shape, np.nan), where=slope != 0)
        known = ~np.isnan(rise)
        dose = family.inverse(np.where(known, rise, -1.0), tuple(theta.T))
    return np.where(dose <= top * (1 + 1e-9), np.minimum(dose, top), np.nan)


def _parabola(b1: Floats, b2: Floats, difference: Floats) -> Floats:
    square = b1**2 + 4 * b2 * difference
    root = np.sqrt(np.maximum(square, 0.0))
    # The root without cancellation, and the other by the product of both.
    q = -(b1 + np.where(b1 >= 0, root, -root)) / 2
    one = np.divide(q, b2, out=np.full(q.shape, np.nan), where=b2 != 0)
    two = np.divide(-difference, q, out=np.full(q.shape, np.nan), where=q != 0)
    both = np.stack([np.where(one > 0, one, np.inf), np.where(two > 0, two, np.inf)])
    smallest = both.min(axis=0)
    return np.where((square >= 0) & np.isfinite(smallest), smallest, np.nan)


def _warnings(at_bound: tuple[str, ...], covariance: Floats) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if at_bound:
        notes += (f"{', '.join(at_bound)} ended at a bound: the data do not determine it",)
    if np.isnan(covariance).any():
        notes += ("the curve is flat, or its parameters follow from each other: no covariance",)
    return notes


def _at_doses(family: Family, dose: Floats, linear: Floats, theta: Floats) -> Floats:
    values = tuple(np.asarray(t) for t in theta)
    columns = [f(dose, values) for f in family.basis]
    return linear[0] + np.column_stack(columns) @ linear[1:]


def _covariates(means: DoseMeans, fitted: Floats) -> Floats:
    """Covariate coefficients once the doses follow the curve."""
    count = means.dose.size
    inner = means.cross[count:, count:]
    if not means.covariates.size:
        return means.covariates
    pulled = means.cross[count:, :count] @ (means.estimate - fitted)
    return means.covariates + np.linalg.solve(inner, pulled)


def _jacobian(family: Family, dose: Floats, linear: Floats, theta: Floats) -> Floats:
    values = tuple(np.asarray(t) for t in theta)
    columns = [np.ones(dose.size), *(f(dose, values) for f in family.basis)]
    columns += [linear[1] * np.broadcast_to(s, dose.shape) for s in family.slopes(dose, values)]
    return np.column_stack(columns)


def _inverse(information: Floats) -> Floats:
    size = np.sqrt(np.diag(information))
    safe = np.where(size > 0, size, 1.0)
    scaled = information / np.outer(safe, safe)
    if np.any(size == 0) or np.linalg.cond(scaled) > 1e15:
        return np.full(information.shape, np.nan)
    return np.linalg.inv(scaled).astype(np.float64) / np.outer(safe, safe)
