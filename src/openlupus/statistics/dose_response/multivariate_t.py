"""Largest of several correlated t statistics: tail probability and critical value.

With t = A u R, u uniform on a sphere and R^2 / d an F variate, the tail of the largest component
is the mean over u of one-dimensional tails (eq. dose-tail of docs/methods/dose-response.md). The
correlation may be singular, and there may be more statistics than dimensions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, chdtrc, fdtrc

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.root import bracketed_root

# Directions, and as many opposite ones; the tail is then good to about 1e-5 of itself.
_DIRECTIONS = 1 << 17
# Directions of nearly the same reach are taken together, at their mean.
_BINS = 1 << 13
_MOST_DIMENSIONS = 16
_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class LargestT:
    """Distribution of max t (or max |t|) of statistics with a given correlation.

    Attributes:
        reach: Largest a'u of the statistics in a direction u, by groups of directions; negative
            where none is positive.
        weight: Share of the directions in each group.
        dimension: Rank of the correlation.
        df: Degrees of freedom; infinity for the normal.
    """

    reach: Floats
    weight: Floats
    dimension: int
    df: float

    def tail(self, c: ArrayLike) -> Floats:
        """P(max >= c), shape of `c`."""
        at = np.atleast_1d(np.asarray(c, dtype=np.float64))
        return np.array([self._tail(float(each)) for each in at]).reshape(np.shape(c))

    def critical(self, alpha: float) -> float:
        """The c with P(max >= c) = alpha."""
        if not 0 < alpha < 1:
            raise StatisticsError(f"alpha={alpha!r} must lie strictly between 0 and 1")

        def excess(c: Floats) -> Floats:
            return np.array([np.log(max(self._tail(float(c[0])), 1e-300) / alpha)])

        bracket = np.array([-20.0]), np.array([60.0])
        return float(bracketed_root(lambda _: excess, *bracket)[0])

    def _tail(self, c: float) -> float:
        up = self.reach > 0
        if c > 0:
            return float(self.weight[up] @ self._radial((c / self.reach[up]) ** 2))
        # Below 0 every direction that reaches up counts, and of the others the short radii.
        down = self.reach < 0
        long = float(self.weight[down] @ self._radial((c / self.reach[down]) ** 2))
        return float(self.weight.sum()) - long

    def _radial(self, squared: Floats) -> Floats:
        """P(R^2 >= squared)."""
        if np.isinf(self.df):
            return chdtrc(self.dimension, squared)
        return fdtrc(self.dimension, self.df, squared / self.dimension)


def largest_t(correlation: ArrayLike, df: float, *, two_sided: bool = False) -> LargestT:
    """The distribution of the largest of several t statistics with one common scale estimate.

    Args:
        correlation: Shape (statistics, statistics).
        df: Degrees of freedom, above 0; infinity for the normal.
        two_sided: Largest absolute value instead.

    Raises:
        StatisticsError: not a correlation matrix, or more than 16 dimensions.
    """
    matrix = np.asarray(correlation, dtype=np.float64)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not square or not np.allclose(np.diag(matrix), 1) or not np.allclose(matrix, matrix.T):
        raise StatisticsError(f"a correlation matrix is symmetric with ones; got {matrix!r}")
    if not df > 0:
        raise StatisticsError(f"df={df!r} must be above 0")
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < -_SINGULAR:
        raise StatisticsError(f"the correlation has a negative eigenvalue, {values.min():.3g}")
    kept = values > _SINGULAR
    dimension = int(kept.sum())
    if dimension > _MOST_DIMENSIONS:
        raise StatisticsError(f"{dimension} dimensions; at most {_MOST_DIMENSIONS} are computed")
    loadings = vectors[:, kept] * np.sqrt(values[kept])
    along = _directions(dimension) @ loadings.T
    if two_sided:
        reach = np.abs(along).max(axis=1)
    else:
        reach = np.concatenate([along.max(axis=1), (-along).max(axis=1)])
    return LargestT(*_grouped(reach), dimension, float(df))


def _grouped(reach: Floats) -> tuple[Floats, Floats]:
    """Means and shares of the reaches in narrow bins, none of which straddles 0."""
    width = max(float(np.abs(reach).max()), 1e-300) / _BINS
    bins = np.floor(reach / width).astype(np.int64)
    bins -= bins.min()
    count = np.bincount(bins)
    total = np.bincount(bins, reach)
    seen = count > 0
    return total[seen] / count[seen], count[seen] / reach.size


def _directions(dimension: int) -> Floats:
    """Evenly spread on the sphere, shape (directions, dimension), eq. dose-sphere."""
    if dimension == 1:
        return np.ones((1, 1))
    return _on_sphere(_lattice(dimension - 1), dimension)


def _lattice(size: int) -> Floats:
    """Roberts' sequence: multiples of powers of the root of x^(size + 1) = x + 1."""
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (size + 1))
    steps = root ** -np.arange(1.0, size + 1)
    return (np.arange(1.0, _DIRECTIONS + 1)[:, None] * steps + 0.5) % 1.0


def _on_sphere(uniform: Floats, dimension: int) -> Floats:
    """Uniform points of the cube, shape (points, dimension - 1), to the sphere.

    Coordinates come in pairs, a squared length (broken off what is left) and an angle; an odd
    dimension has one coordinate alone.
    """
    points = np.empty((uniform.shape[0], dimension))
    left, used, column = np.ones(uniform.shape[0]), 0, 0
    if dimension % 2:
        side = 2 * uniform[:, 0] - 1
        squared = betaincinv(0.5, (dimension - 1) / 2, np.abs(side))
        points[:, 0] = np.sign(side) * np.sqrt(squared)
        left, used, column = 1 - squared, 1, 1
    for pairs in range((dimension - column) // 2, 0, -1):
        share = np.ones_like(left)
        if pairs > 1:
            share = 1 - uniform[:, used] ** (1 / (pairs - 1))
            used += 1
        radius, angle = np.sqrt(left * share), 2 * np.pi * uniform[:, used]
        points[:, column], points[:, column + 1] = radius * np.cos(angle), radius * np.sin(angle)
        left, used, column = left * (1 - share), used + 1, column + 2
    return points
