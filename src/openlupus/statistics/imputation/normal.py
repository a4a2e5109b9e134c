"""Maximum likelihood of an incomplete multivariate normal, by EM.

Mathematics, with the named equations: docs/methods/imputation.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ConvergenceError, ImputationError
from openlupus.statistics.imputation.incomplete import Incomplete, Pattern, read_incomplete
from openlupus.statistics.interval import Floats

PriorName = Literal["uniform", "jeffreys", "ridge"]

# A variable whose variance given the others is below this share of its own depends on them.
_DEPENDENT = 1e-10
# Steps of EM below this size are rounding; the direction of slowest convergence is read above it.
_DIRECTION = 1e-7


@dataclass(frozen=True, slots=True)
class Prior:
    """Prior of the covariance; that of the mean is flat (eq. mi-prior).

    Attributes:
        name: `jeffreys`, |Sigma|^-(k+1)/2; `uniform`, flat; or `ridge`, inverse Wishart with
            `df` degrees of freedom about the diagonal of the observed variances.
        df: Of the ridge prior: as many imaginary observations; below 1, that share of the rows.
    """

    name: PriorName = "jeffreys"
    df: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in get_args(PriorName):
            raise ImputationError(f"prior {self.name!r} is not one of {get_args(PriorName)}")
        if (self.name == "ridge") != (self.df > 0):
            raise ImputationError("a ridge prior, and no other, has degrees of freedom above 0")

    def strength(self, rows: int, variables: int) -> float:
        """Degrees of freedom that the prior adds."""
        if self.name == "ridge":
            return self.df if self.df >= 1 else self.df * rows
        return -(variables + 1.0) if self.name == "uniform" else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class NormalFit:
    """Mean and covariance at the maximum.

    Attributes:
        mean: Shape (variables,).
        covariance: Shape (variables, variables).
        log_likelihood: Of the observed values.
        iterations: Of EM.
        gradient: Largest absolute derivative of the objective by the means and covariances, in
            units of the variables' own spread, divided by the number of rows.
        worst_mean: Direction in which EM converges most slowly, of the means.
        worst_covariance: The same, of the covariances; symmetric.
        rate: Ratio of EM's last steps: the largest fraction of missing information.
        data: The matrix.
        prior: Of the covariance; `uniform` for maximum likelihood.
    """

    mean: Floats
    covariance: Floats
    log_likelihood: float
    iterations: int
    gradient: float
    worst_mean: Floats
    worst_covariance: Floats
    rate: float
    data: Incomplete
    prior: Prior


def em(
    data: ArrayLike,
    *,
    prior: Prior | None = None,
    criterion: float = 1e-12,
    most_iterations: int = 20_000,
    names: Sequence[str] = (),
) -> NormalFit:
    """Mean and covariance of an incomplete multivariate normal (eq. mi-em).

    Args:
        data: Shape (rows, variables); NaN is missing, at random.
        prior: The mode of the posterior under it is found; without one the maximum of the
            likelihood.
        criterion: EM ends when no mean or covariance moves by more than this share of itself.
        most_iterations: Then it is given up.
        names: One a variable, for messages.

    Raises:
        ImputationError: a variable without observations or spread, or variables that depend on
            each other, by name.
        ConvergenceError: not at the maximum after `most_iterations`.

    Source:
        Dempster, Laird & Rubin, JRSS B 1977;39:1; Schafer, Analysis of Incomplete Multivariate
        Data, 1997, section 5.3.
    """
    given = prior or Prior("uniform")
    checked = read_incomplete(data, names)
    centre = np.nanmean(checked.values, axis=0)
    scale = np.nanstd(checked.values, axis=0)
    sums = [_sums((checked.values - centre) / scale, p) for p in checked.patterns]
    rows, k = sum(int(s[0, 0]) for s in sums), centre.size
    strength = given.strength(rows, k)
    ridge = strength * np.eye(k) if given.name == "ridge" else np.zeros((k, k))

    mean, covariance, worst = np.zeros(k), np.eye(k), np.zeros((k + 1, k))
    total = _expected(sums, checked.patterns, mean, covariance)
    iterations, size, step, rate, settled = 0, np.inf, np.inf, 0.0, False
    while not settled:
        if iterations == most_iterations:
            raise ConvergenceError(
                f"EM still moves by {size:.2g} after {iterations} iterations; the largest "
                f"fraction of missing information is about {rate:.4f}: use a ridge prior"
            )
        iterations += 1
        before = np.vstack([mean, covariance])
        mean = total[0, 1:] / rows
        centred = total[1:, 1:] - rows * np.outer(mean, mean) + ridge
        covariance = centred / (rows + strength + k + 1)
        _refuse_dependent(covariance, checked.names)
        moved = np.vstack([mean, covariance]) - before
        total = _expected(sums, checked.patterns, mean, covariance)
        size = float(np.abs(moved).max())
        if size > _DIRECTION:
            rate = size / step if np.isfinite(step) else 0.0
            worst, step = moved, size
        settled = _settled(before, mean, covariance, centre, scale, criterion)
    spread = np.outer(scale, scale)
    return NormalFit(
        mean=centre + scale * mean,
        covariance=covariance * spread,
        log_likelihood=_log_likelihood(sums, checked.patterns, mean, covariance, scale),
        iterations=iterations,
        gradient=_gradient(total, mean, covariance, rows, strength, ridge),
        worst_mean=worst[0] * scale,
        worst_covariance=worst[1:] * spread,
        rate=rate,
        data=checked,
        prior=given,
    )


def _sums(z: Floats, pattern: Pattern) -> Floats:
    """Products of (1, observed) over the rows of a pattern."""
    block = z[pattern.rows[:, None], pattern.observed]
    rows = np.column_stack([np.ones(len(block)), block])
    return rows.T @ rows


def _expected(
    sums: Sequence[Floats], patterns: Sequence[Pattern], mean: Floats, covariance: Floats
) -> Floats:
    """Expected products of (1, variables) over all rows, given what is observed (eq. mi-em)."""
    total = np.zeros((mean.size + 1,) * 2)
    for own, pattern in zip(sums, patterns, strict=True):
        seen, gone = np.append(0, pattern.observed + 1), pattern.missing + 1
        total[seen[:, None], seen] += own
        if not gone.size:
            continue
        slope, rest = conditional(covariance, pattern.observed, pattern.missing)
        intercept = mean[pattern.missing] - slope @ mean[pattern.observed]
        regression = np.column_stack([intercept, slope])
        cross = regression @ own
        total[gone[:, None], seen] += cross
        total[seen[:, None], gone] += cross.T
        total[gone[:, None], gone] += cross @ regression.T + own[0, 0] * rest
    return total


def conditional(
    covariance: Floats, observed: ArrayLike, missing: ArrayLike
) -> tuple[Floats, Floats]:
    """Regression of the missing variables on the observed: slopes and residual covariance."""
    observed, missing = np.asarray(observed, np.intp), np.asarray(missing, np.intp)
    across = covariance[missing[:, None], observed]
    slope = np.linalg.solve(covariance[observed[:, None], observed], across.T).T
    rest = covariance[missing[:, None], missing] - slope @ across.T
    return slope.astype(np.float64), rest


def _settled(
    before: Floats,
    mean: Floats,
    covariance: Floats,
    centre: Floats,
    scale: Floats,
    criterion: float,
) -> bool:
    """No parameter, in the units of the data, moved by more than a share of itself."""
    spread = np.outer(scale, scale)
    old = np.append(centre + scale * before[0], before[1:] * spread)
    new = np.append(centre + scale * mean, covariance * spread)
    return bool(np.all(np.abs(new - old) <= criterion * np.abs(old)))


def _log_likelihood(
    sums: Sequence[Floats], patterns: Sequence[Pattern], mean: Floats, covariance: Floats,
    scale: Floats,
) -> float:  # fmt: skip
    value = 0.0
    for own, pattern in zip(sums, patterns, strict=True):
        seen = pattern.observed
        block = covariance[seen[:, None], seen]
        centred = np.column_stack([-mean[seen], np.eye(seen.size)])
        inside = np.trace(np.linalg.solve(block, centred @ own @ centred.T))
        logs = np.linalg.slogdet(block)[1] + 2 * np.log(scale[seen]).sum()
        value -= (own[0, 0] * (seen.size * np.log(2 * np.pi) + logs) + inside) / 2
    return float(value)


def _gradient(
    total: Floats, mean: Floats, covariance: Floats, rows: int, strength: float, ridge: Floats
) -> float:
    precision = np.linalg.inv(covariance)
    away = total[0, 1:] - rows * mean
    centred = total[1:, 1:] - np.outer(total[0, 1:], mean) - np.outer(mean, total[0, 1:])
    centred += rows * np.outer(mean, mean) + ridge
    excess = centred - (rows + strength + mean.size + 1) * covariance
    by_covariance = precision @ excess @ precision / 2
    return float(max(np.abs(precision @ away).max(), np.abs(by_covariance).max()) / rows)


def _refuse_dependent(covariance: Floats, names: Sequence[str]) -> None:
    """Name the variables that depend on those before them."""
    work = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    for i in range(len(work)):
        if work[i, i] < _DEPENDENT:
            others = [names[j] for j in range(i) if abs(covariance[i, j]) > 0]
            raise ImputationError(
                f"{names[i]} is determined by {', '.join(others)}: the covariance is singular; "
                "leave it out and recompute it afterwards, or use a ridge prior"
            )
        work[i + 1 :, i + 1 :] -= np.outer(work[i + 1 :, i], work[i, i + 1 :]) / work[i, i]
