"""Covariance structures of repeated measurements, with their first and second derivatives.

Every structure is `scale x core x scale`: standard deviations by visit (or one for all) around a
core matrix. Parameters are unbounded: logarithms of standard deviations first, then those of the
core. Mathematics: docs/methods/mmrm.md, eq. mmrm-structures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.mmrm.cores import (
    Core,
    Jet,
    antedependent,
    autoregressive,
    by_lag,
    common_correlation,
    correlation,
    decay,
    exchangeable,
    range_of,
    unstructured,
)


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """A covariance matrix and its derivatives with respect to the parameters.

    Attributes:
        value: Shape (1, visits, visits), or (patterns, slots, slots) for a spatial structure.
        first: Shape (parameters, *value.shape).
        second: Shape (parameters, parameters, *value.shape).
    """

    value: Floats
    first: Floats
    second: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Natural:
    """The parameters as a listing prints them.

    Attributes:
        names: One a parameter, as in SAS PROC MIXED: `UN(2,1)`, `Var(3)`, `ARH(1)`.
        values: Shape (parameters,).
        jacobian: d natural / d parameter, shape (parameters, parameters).
        curvature: d2 natural / d parameter2 where each depends on its own parameter alone; None
            where the covariance is linear in the natural parameters.
        positive: Which are positive by definition: variances and ranges.
    """

    names: tuple[str, ...]
    values: Floats
    jacobian: Floats
    curvature: Floats | None
    positive: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """One covariance structure for a given number of visits, or for given distances.

    Attributes:
        name: As in `STRUCTURES`.
        heterogeneous: One standard deviation a visit, rather than one for all.
        spatial: Correlation by distance; `frame` then holds distances, else the lags of visits.
        n_scale: Parameters of scale, the first of the vector.
        n_core: Parameters of the core.
        core: Computes the core matrix.
        frame: Shape (1, visits, visits): lags; or (patterns, slots, slots): distances.
    """

    name: str
    heterogeneous: bool
    spatial: bool
    n_scale: int
    n_core: int
    core: Core
    frame: Floats

    @property
    def n_parameters(self) -> int:
        return self.n_scale + self.n_core

    @property
    def visits(self) -> int:
        return self.frame.shape[-1]

    def evaluate(self, theta: Floats) -> Covariance:
        """The covariance and its derivatives at a parameter vector (eq. mmrm-derivatives)."""
        core, first, second = self.core(theta[self.n_scale :], self.frame)
        # Derivatives of log(scale x scale): 1 or 2 where a scale parameter touches a cell.
        touch = self._touch()
        scale = np.exp(np.tensordot(theta[: self.n_scale], touch, 1))
        value, first, second = scale * core, scale * first, scale * second
        by_scale, cross = touch * value, touch[:, None] * first[None]
        twice = touch[:, None] * by_scale[None]
        upper = np.concatenate([twice, cross], axis=1)
        lower = np.concatenate([np.swapaxes(cross, 0, 1), second], axis=1)
        return Covariance(
            value, np.concatenate([by_scale, first]), np.concatenate([upper, lower])
        )  # fmt: skip

    def natural(self, theta: Floats) -> Natural:
        """The parameters as a listing prints them, with the derivatives of that map."""
        if self.name in _LINEAR:
            return self._linear(theta)
        scale, core = theta[: self.n_scale], theta[self.n_scale :]
        power = 1.0 if self.spatial else 2.0
        variance = np.exp(power * scale)
        values, slope, curvature = self._core_values(core)
        label = {"ar1": "AR(1)", "ar1h": "ARH(1)", "csh": "CSH"}.get(self.name)
        label = {"sp_exp": "SP(EXP)", "sp_gau": "SP(GAU)"}.get(self.name, label)
        prefix = "TOEPH" if self.name == "toeph" else "Rho"
        names = [label] if label else [f"{prefix}({k})" for k in range(1, self.n_core + 1)]
        scales = ["Variance"] if self.n_scale == 1 else [f"Var({k + 1})" for k in range(scale.size)]
        return Natural(
            (*scales, *names),
            np.concatenate([variance, values]),
            np.diag(np.concatenate([power * variance, slope])),
            np.concatenate([power**2 * variance, curvature]),
            (np.arange(theta.size) < self.n_scale) | self.spatial,
        )

    def start(self, covariance: Floats) -> Floats:
        """Parameters near an empirical covariance of the visits, shape (visits, visits)."""
        if self.spatial:
            apart = self.frame[self.frame > 0]
            middle = float(np.median(apart)) if apart.size else 1.0
            rate = np.log(0.5) / middle
            chance = np.clip(np.exp(rate), 1e-6, 1 - 1e-6)
            return np.array([np.log(np.mean(np.diag(covariance))), np.log(chance / (1 - chance))])
        deviation = np.sqrt(np.diag(covariance))
        correlation = covariance / np.outer(deviation, deviation)
        if self.name == "us":
            lower = np.linalg.cholesky(covariance)
            rows, columns = np.tril_indices(self.visits, -1)
            return np.concatenate(
                [np.log(np.diag(lower)), lower[rows, columns] / np.diag(lower)[rows]]
            )
        scale = (
            np.log(deviation) if self.heterogeneous else np.log([np.sqrt(np.mean(deviation**2))])
        )
        guess = _mean_correlations(self.name, correlation)
        while guess.size:
            x = self._unbounded(guess)
            if np.linalg.eigvalsh(self.core(x, self.frame)[0][0])[0] > 0.02:
                return np.concatenate([scale, x])
            guess = 0.8 * guess
        return scale

    def _core_values(self, x: Floats) -> Jet:
        if self.spatial:
            return range_of(x, self.name)
        common = self.name in ("cs", "csh")
        return common_correlation(x, self.visits) if common else correlation(x)

    def _unbounded(self, correlation: Floats) -> Floats:
        if self.name not in ("cs", "csh"):
            return correlation / np.sqrt(1 - correlation**2)
        lowest = -1 / max(self.visits - 1, 1)
        correlation = np.maximum(correlation, 0.9 * lowest)
        return np.log((correlation - lowest) / (1 - correlation))

    def _touch(self) -> Floats:
        if self.spatial:
            return np.ones((1, 1, 1, 1))
        if not self.heterogeneous:
            return np.full((1, 1, 1, 1), 2.0)
        unit = np.eye(self.visits)
        return (unit[:, :, None] + unit[:, None, :])[:, None]

    def _linear(self, theta: Floats) -> Natural:
        covariance = self.evaluate(theta)
        value, first = covariance.value[0], covariance.first[:, 0]
        if self.name == "us":
            rows, columns = np.tril_indices(self.visits)
            names = tuple(f"UN({i + 1},{j + 1})" for i, j in zip(rows, columns, strict=True))
            return Natural(
                names, value[rows, columns], first[:, rows, columns].T, None, rows == columns
            )
        rows, columns = np.arange(self.n_parameters), np.zeros(self.n_parameters, np.int64)
        values, jacobian = value[rows, columns], first[:, rows, columns].T
        if self.name == "cs":
            values, jacobian = values - [values[-1], 0.0], jacobian - [jacobian[-1], 0 * theta]
            names = ("Residual", "CS")
        else:
            names = ("Variance", *(f"TOEP({k})" for k in range(2, self.n_parameters + 1)))
        return Natural(names[: theta.size], values, jacobian, None, rows == 0)


def structure(name: str, visits: int) -> Structure:
    """A structure for visits that are the same for all subjects.

    Args:
        name: One of `STRUCTURES`; heterogeneous forms end in h.
        visits: Number of visits.

    Raises:
        StatisticsError: an unknown name.
    """
    if name not in _VISIT_STRUCTURES:
        raise StatisticsError(
            f"covariance structure {name!r} is not known; the structures are {list(STRUCTURES)}"
        )
    heterogeneous, core, n_core = _VISIT_STRUCTURES[name]
    steps = np.arange(visits, dtype=np.float64)
    lags = np.abs(steps[:, None] - steps)[None]
    scale = visits if heterogeneous else 1
    return Structure(name, heterogeneous, False, scale, n_core(visits), core, lags)


def spatial_structure(name: str, distances: Floats) -> Structure:
    """A structure whose correlation falls with distance.

    Args:
        name: `sp_exp` (exponential) or `sp_gau` (Gaussian).
        distances: Between the observations of each pattern, shape (patterns, slots, slots).
    """
    power = 1 if name == "sp_exp" else 2
    return Structure(name, False, True, 1, 1, partial(decay, power), distances)


def _mean_correlations(name: str, correlation: Floats) -> Floats:
    m = correlation.shape[0]
    neighbours = np.diagonal(correlation, 1)
    if m == 1:
        return np.zeros(0)
    if name.startswith("toep"):
        means = [np.mean(np.diagonal(correlation, lag)) for lag in range(1, m)]
    elif name.startswith("cs"):
        means = [np.mean(correlation[np.triu_indices(m, 1)])]
    else:
        means = [np.mean(neighbours)] if name.startswith("ar") else neighbours
    return np.clip(np.asarray(means, dtype=np.float64), -0.95, 0.95)


def _gaps(visits: int) -> int:
    return visits - 1


def _one(visits: int) -> int:
    return min(visits - 1, 1)


def _pairs(visits: int) -> int:
    return visits * (visits - 1) // 2


_VISIT_STRUCTURES: dict[str, tuple[bool, Core, Callable[[int], int]]] = {
    "us": (True, unstructured, _pairs),
    "toeph": (True, by_lag, _gaps),
    "toep": (False, by_lag, _gaps),
    "ar1h": (True, autoregressive, _one),
    "ar1": (False, autoregressive, _one),
    "csh": (True, exchangeable, _one),
    "cs": (False, exchangeable, _one),
    "adh": (True, antedependent, _gaps),
    "ad": (False, antedependent, _gaps),
}
_LINEAR = ("us", "toep", "cs")
SPATIAL = ("sp_exp", "sp_gau")
STRUCTURES = (*_VISIT_STRUCTURES, *SPATIAL)
