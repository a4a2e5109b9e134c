"""Derivatives of a covariance, contracted with what the data say of each pattern.

Where all patterns share one covariance of the visits, sums over patterns come first and the
number of parameters costs little; where each pattern has its own distances, few parameters are
looped over.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.covariance import Covariance
from openlupus.statistics.mmrm.sufficient import Panel


class Directions(Protocol):
    """D_j and D_jl are the derivatives of the covariance; sums run over patterns or rows."""

    def trace(self, by_pattern: Floats) -> Floats:
        """Sum of tr(D_j G), G of shape (patterns, slots, slots); shape (parameters,)."""
        ...

    def curvature(self, by_pattern: Floats) -> Floats:
        """Sum of tr(D_jl G), shape (parameters, parameters)."""
        ...

    def pairs(self, left: Floats, right: Floats) -> Floats:
        """Sum of tr(D_j L D_l R), shape (parameters, parameters)."""
        ...

    def between(self, rows: Floats) -> Floats:
        """Sum of E' D_j E over the rows E; shape (parameters, columns, columns)."""
        ...

    def weighted_pairs(self, weight: Floats, middle: Floats) -> Floats:
        """Sum of w_jl D_j L D_l over parameters; shape of L, (patterns, slots, slots)."""
        ...

    def weighted_curvature(self, weight: Floats) -> Floats:
        """Sum of w_jl D_jl over parameters; shape (patterns or 1, slots, slots)."""
        ...


def directions(covariance: Covariance, panel: Panel) -> Directions:
    """The derivatives of a covariance, as one panel uses them."""
    if panel.distances is None:
        return _Shared(covariance.first[:, 0], covariance.second[:, :, 0])
    both = panel.present[:, :, None] & panel.present[:, None]
    return _ByPattern(covariance.first * both, covariance.second * both, panel)


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    first: Floats
    second: Floats

    def trace(self, by_pattern: Floats) -> Floats:
        return _flat(self.first) @ by_pattern.sum(axis=0).ravel()

    def curvature(self, by_pattern: Floats) -> Floats:
        return np.asarray(np.tensordot(self.second, by_pattern.sum(axis=0), 2), dtype=np.float64)

    def pairs(self, left: Floats, right: Floats) -> Floats:
        m = left.shape[-1]
        # tr(D L D R): D[a,b] L[b,c] D[c,d] R[d,a]
        sums = _flat(left).T @ _flat(right)
        middle = sums.reshape(m, m, m, m).transpose(3, 0, 1, 2).reshape(m * m, m * m)
        flat = _flat(self.first)
        return flat @ middle @ flat.T

    def between(self, rows: Floats) -> Floats:
        number, m, columns = rows.shape
        flat = rows.reshape(number, m * columns)
        products = (flat.T @ flat).reshape(m, columns, m, columns).transpose(0, 2, 1, 3)
        return (_flat(self.first) @ products.reshape(m * m, -1)).reshape(-1, columns, columns)

    def weighted_pairs(self, weight: Floats, middle: Floats) -> Floats:
        m = middle.shape[-1]
        flat = _flat(self.first)
        # D[a,b] D[c,d] w, to be met by L[b,c]
        outer = (flat.T @ weight @ flat).reshape(m, m, m, m).transpose(0, 3, 1, 2)
        return (_flat(middle) @ outer.reshape(m * m, m * m).T).reshape(middle.shape)

    def weighted_curvature(self, weight: Floats) -> Floats:
        return np.tensordot(weight, self.second, 2)[None]


@dataclass(frozen=True, slots=True, eq=False)
class _ByPattern:
    first: Floats
    second: Floats
    panel: Panel

    def trace(self, by_pattern: Floats) -> Floats:
        return _flat(self.first) @ by_pattern.ravel()

    def curvature(self, by_pattern: Floats) -> Floats:
        return np.tensordot(self.second, by_pattern, 3)

    def pairs(self, left: Floats, right: Floats) -> Floats:
        return _flat(self.first @ left) @ _flat(np.swapaxes(self.first @ right, -1, -2)).T

    def between(self, rows: Floats) -> Floats:
        flat = rows.reshape(-1, rows.shape[-1])
        turned = [(each[self.panel.pattern] @ rows).reshape(flat.shape) for each in self.first]
        return np.stack([flat.T @ each for each in turned])

    def weighted_pairs(self, weight: Floats, middle: Floats) -> Floats:
        mixed = np.tensordot(weight, self.first, 1)
        return np.sum(self.first @ middle @ mixed, axis=0)

    def weighted_curvature(self, weight: Floats) -> Floats:
        return np.tensordot(weight, self.second, 2)


def _flat(many: Floats) -> Floats:
    return many.reshape(many.shape[0], -1)
