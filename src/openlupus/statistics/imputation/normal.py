"""Maximum likelihood of an incomplete multivariate normal, by EM.

Mathematics, with the named equations: docs/methods/imputation.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ConvergenceError, ImputationError
from openlupus.statistics.imputation.incomplete import Incomplete, read_incomplete
from openlupus.statistics.interval import Floats

PriorName = Literal["uniform", "jeffreys", "ridge"]

# A variable whose variance given the others is below this share of its own depends on them.
_DEPENDENT = 1e-10
# Steps of EM below this size are rounding; the direction of slowest convergence is read above it.
_DIRECTION = 1e-7
# Numbers of the patterns' products that are worked on together.
_ROOM = 2_000_000


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
    sums = _sums(checked, centre, scale)
    rows, k = sum(pattern.rows.size for pattern in checked.patterns), centre.size
    strength = given.strength(rows, k)
    ridge = strength * np.eye(k) if given.name == "ridge" else np.zeros((k, k))

    mean, covariance, worst = np.zeros(k), np.eye(k), np.zeros((k + 1, k))
    total = _expected(sums, mean, covariance)
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
        total = _expected(sums, mean, covariance)
        size = float(np.abs(moved).max())
        if size > _DIRECTION:
            rate = size / step if np.isfinite(step) else 0.0
            worst, step = moved, size
        settled = _settled(before, mean, covariance, centre, scale, criterion)
    spread = np.outer(scale, scale)
    return NormalFit(
        mean=centre + scale * mean,
        covariance=covariance * spread,
        log_likelihood=_log_likelihood(sums, mean, covariance),
        iterations=iterations,
        gradient=_gradient(total, mean, covariance, rows, strength, ridge),
        worst_mean=worst[0] * scale,
        worst_covariance=worst[1:] * spread,
        rate=rate,
        data=checked,
        prior=given,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Patterns side by side.

    Attributes:
        products: Of (1, observed) over the rows of each, 0 where missing; shape (patterns,
            variables + 1, variables + 1).
        seen: 1 where a variable is observed, shape (patterns, variables).
        scale: Of the variables, shape (variables,).
    """

    products: Floats
    seen: Floats
    scale: Floats

    @property
    def rows(self) -> Floats:
        return self.products[:, 0, 0]

    def inside(self, covariance: Floats) -> Floats:
        """Of the observed variables of each pattern; the others have variance 1 and no other."""
        seen = self.seen
        gone = np.eye(seen.shape[1]) * (1 - seen)[:, None]
        return covariance * (seen[:, :, None] * seen[:, None]) + gone


def _sums(checked: Incomplete, centre: Floats, scale: Floats) -> list[_Sums]:
    """Of all patterns, as many together as have room."""
    z = np.nan_to_num((checked.values - centre) / scale)
    rows = np.column_stack([np.ones(len(z)), z])
    seen = (~checked.missing).astype(np.float64)
    patterns = checked.patterns
    block = max(1, _ROOM // rows.shape[1] ** 2)
    found: list[_Sums] = []
    for first in range(0, len(patterns), block):
        own = patterns[first : first + block]
        products = np.stack([rows[p.rows].T @ rows[p.rows] for p in own])
        found.append(_Sums(products, np.stack([seen[p.rows[0]] for p in own]), scale))
    return found


def _expected(sums: Sequence[_Sums], mean: Floats, covariance: Floats) -> Floats:
    """Expected products of (1, variables) over all rows, given what is observed (eq. mi-em)."""
    return np.sum([_of_patterns(own, mean, covariance) for own in sums], axis=0)


def _of_patterns(sums: _Sums, mean: Floats, covariance: Floats) -> Floats:
    seen, gone = sums.seen, 1 - sums.seen
    across = covariance * (seen[:, :, None] * gone[:, None])
    slope = np.linalg.solve(sums.inside(covariance), across).astype(np.float64)
    # (1, observed, 0 where missing) times this has the missing ones at their expectation.
    complete = np.zeros_like(sums.products)
    complete[:, 0, 0] = 1
    complete[:, 0, 1:] = mean * gone - ((mean * seen)[:, None] @ slope)[:, 0]
    complete[:, 1:, 1:] = slope + np.eye(mean.size) * seen[:, None]
    total = (complete.swapaxes(1, 2) @ sums.products @ complete).sum(axis=0)
    weight = sums.rows[:, None] * gone
    rest = covariance * (weight.T @ gone)
    total[1:, 1:] += rest - (sums.rows[:, None, None] * (across.swapaxes(1, 2) @ slope)).sum(axis=0)
    return total


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


def _log_likelihood(sums: Sequence[_Sums], mean: Floats, covariance: Floats) -> float:
    value = 0.0
    for own in sums:
        block, seen = own.inside(covariance), own.seen
        centred = np.concatenate(
            [-(mean * seen)[:, :, None], np.eye(mean.size) * seen[:, None]], axis=2
        )
        scatter = centred @ own.products @ centred.swapaxes(1, 2)
        away = np.trace(np.linalg.solve(block, scatter), axis1=1, axis2=2)
        spread = np.linalg.slogdet(block)[1] + seen @ (np.log(2 * np.pi) + 2 * np.log(own.scale))
        value -= float((own.rows * spread + away).sum()) / 2
    return value


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
    spread = np.sqrt(np.diag(covariance))
    work = covariance / (spread[:, None] * spread)
    if _is_regular(work):
        return
    for i in range(len(work)):
        if work[i, i] < _DEPENDENT:
            others = [names[j] for j in range(i) if abs(covariance[i, j]) > 0]
            raise ImputationError(
                f"{names[i]} is determined by {', '.join(others)}: the covariance is singular; "
                "leave it out and recompute it afterwards, or use a ridge prior"
            )
        work[i + 1 :, i + 1 :] -= np.outer(work[i + 1 :, i], work[i, i + 1 :]) / work[i, i]


def _is_regular(correlation: Floats) -> bool:
    try:
        factor = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        return False
    return bool(np.all(np.diag(factor) ** 2 >= _DEPENDENT))
