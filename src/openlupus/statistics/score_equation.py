"""The equation beneath score intervals: weighted score = z standard errors (eq. score).

Only lower limits are solved for; an upper limit is the mirror image of the lower one with the
groups exchanged. Mathematics: docs/methods/score-intervals.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.constrained import SCORES, StratumScores
from openlupus.statistics.difference_limits import quick_lower_limits
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.root import Index, bracketed_root
from openlupus.statistics.tables import Tables, flag, nothing_to_compare, read_tables
from openlupus.statistics.weights import mantel_haenszel_weights

Contrast = Literal["difference", "ratio", "odds-ratio"]
ScoreWeights = Literal["cmh", "inverse-variance", "gart-nam", "miettinen-nurminen"]
_BY_VARIANCE = ("inverse-variance", "gart-nam")

# Limits are looked for no closer to the ends of the scale than this.
_EDGE = 1e-13


@dataclass(frozen=True, slots=True)
class ScoreEquation:
    """Counts, and the inner scale on which their contrast is solved.

    The inner scale of a difference is the difference itself, in [-1, 1]; of a ratio t it is
    u = t / (1 + t), in [0, 1], where both ends are ordinary numbers.

    Attributes:
        tables: The counts; `used` are the strata that hold information about the contrast.
        contrast: What is solved for.
        weights: Of the strata.
        bias_correction: Variances carry N / (N - 1).
        skewness: The third moment is corrected for.
        nothing: No stratum can be compared, shape (...).
        silent: No stratum holds information about the contrast, shape (...).
        warnings: What was left out or added.
    """

    tables: Tables
    contrast: Contrast
    weights: ScoreWeights
    bias_correction: bool
    skewness: bool
    nothing: Bools
    silent: Bools
    warnings: tuple[str, ...]

    @property
    def swapped(self) -> "ScoreEquation":
        """The same question with the roles of the groups exchanged."""
        return replace(self, tables=self.tables.swapped)

    def mirror(self, inner: Floats) -> Floats:
        """The contrast of the swapped groups, on the inner scale."""
        return -inner if self.contrast == "difference" else 1 - inner

    def natural(self, inner: Floats) -> Floats:
        """From the inner scale to the contrast itself; a ratio may be infinite."""
        if self.contrast == "difference":
            return inner
        return np.divide(inner, 1 - inner, out=np.full_like(inner, np.inf), where=inner < 1)

    def inner(self, null: float | None) -> Floats:
        """A value of the contrast on the inner scale, one for each table; None is no effect."""
        if self.contrast == "difference":
            null = 0.0 if null is None else null
            possible, value = -1 < null < 1, null
        else:
            null = 1.0 if null is None else null
            possible, value = 0 < null < np.inf, null / (1 + null)
        if not possible:
            raise StatisticsError(f"null={null!r} is not a value that a {self.contrast} can have")
        return np.full(self.silent.shape, value)

    def scores(self, inner: Floats) -> StratumScores:
        """Score of each stratum at a value of the contrast."""
        return SCORES[self.contrast](self.tables, inner[..., None], self.bias_correction)

    def weighted(self, inner: Floats) -> tuple[Floats, Floats, Floats]:
        """Score, its variance and its third moment, summed over the strata (eq. score)."""
        at = self.scores(inner)
        weight = np.where(self.tables.used, self._weights(at, inner[..., None]), 0.0)
        return (
            np.sum(weight * at.score, axis=-1),
            np.sum(weight**2 * at.variance, axis=-1),
            np.sum(weight**3 * at.third, axis=-1),
        )

    def estimate(self) -> Floats:
        """Where the (corrected) score is 0, on the inner scale; an end of it where it never is."""
        if self.weights == "cmh" and not self.skewness and self.contrast != "odds-ratio":
            return self._weighted_estimate()
        low, high = self._ends
        root = self._root(lambda at: partial(self.of(at)._excess, z=0.0), low, high)
        root = np.where(self._excess(low, 0.0) <= 0, low - _EDGE, root)
        return np.where(self._excess(high, 0.0) >= 0, high + _EDGE, root)

    def lower_limit(self, z: float, estimate: Floats) -> Floats:
        """Where, below the estimate, the score is z standard errors above 0; else the low end."""
        linear = self.contrast == "difference" and self.weights == "cmh" and not self.skewness
        if linear and estimate.ndim:
            return self._quick_lower_limit(z, estimate)
        return self._searched_lower_limit(z, estimate)

    def _quick_lower_limit(self, z: float, estimate: Floats) -> Floats:
        """A few steps for nearly all tables of a batch, a search for the rest."""
        rows = self.of(np.arange(estimate.size))
        start = estimate.reshape(-1)
        weight = mantel_haenszel_weights(rows.tables)
        limit, settled = quick_lower_limits(rows.tables, weight, self.bias_correction, z, start)
        if (rest := np.flatnonzero(~settled)).size:
            limit[rest] = rows.of(rest)._searched_lower_limit(z, start[rest])
        return limit.reshape(estimate.shape)

    def _searched_lower_limit(self, z: float, estimate: Floats) -> Floats:
        low, high = self._ends
        high = np.clip(estimate, low, high)

        def excess_of(at: Index) -> Callable[[Floats], Floats]:
            part, end = self.of(at), high.reshape(-1)[at]
            # The estimate is inside. With 0 % or 100 % responders score and variance are 0 there,
            # and only a value far from 0 keeps the search away from it.
            return lambda inner: np.where(inner >= end, -1.0, part._excess(inner, z))

        root = self._root(excess_of, low, high)
        inside = (self._excess(low, z) <= 0) | (low >= high)
        return np.where(inside, low - _EDGE, root)

    def of(self, at: Index) -> "ScoreEquation":
        """The same question of some of the tables, numbered as if they stood in one row."""
        x, n, given = (
            each.reshape(-1, *each.shape[-2:])[at]
            for each in (self.tables.x, self.tables.n, self.tables.given)
        )
        used = self.tables.used.reshape(-1, self.tables.used.shape[-1])[at]
        nothing, silent = self.nothing.reshape(-1)[at], self.silent.reshape(-1)[at]
        tables = replace(self.tables, x=x, n=n, given=given, used=used)
        return replace(self, tables=tables, nothing=nothing, silent=silent)

    @staticmethod
    def _root(
        function_of: Callable[[Index], Callable[[Floats], Floats]], low: Floats, high: Floats
    ) -> Floats:
        return bracketed_root(function_of, low.reshape(-1), high.reshape(-1)).reshape(low.shape)

    def _weighted_estimate(self) -> Floats:
        """Weighted difference or ratio of the rates: what `estimate` solves for, in closed form."""
        tables = self.tables
        n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
        weight = np.where(tables.used, n1 * n0 / (n1 + n0), 0.0)[..., None, :]
        rates = np.sum(weight * tables.rates, axis=-1)
        test, control, total = rates[..., 0], rates[..., 1], weight.sum(axis=(-2, -1))
        if self.contrast == "difference":
            return np.divide(test - control, total, out=np.zeros_like(total), where=total > 0)
        both = test + control
        return np.divide(test, both, out=np.zeros_like(both), where=both > 0)

    @property
    def _ends(self) -> tuple[Floats, Floats]:
        shape, low = self.silent.shape, -1.0 if self.contrast == "difference" else 0.0
        return np.full(shape, low + _EDGE), np.full(shape, 1 - _EDGE)

    def _excess(self, inner: Floats, z: float) -> Floats:
        score, variance, third = self.weighted(inner)
        if self.skewness:
            skew = np.divide(third, 6 * variance, out=np.zeros_like(third), where=variance > 0)
            score = score - (z**2 - 1) * skew
        return score - z * np.sqrt(variance)

    def _weights(self, at: StratumScores, inner: Floats) -> Floats:
        n1, n0 = self.tables.n[..., 0, :], self.tables.n[..., 1, :]
        if self.weights == "cmh":
            return n1 * n0 / (n1 + n0)
        if self.weights in _BY_VARIANCE:
            weight = _relative_precision(at.variance)
            plain = self.weights == "inverse-variance" or not self.bias_correction
            return weight if plain else weight * (n1 + n0) / (n1 + n0 - 1)
        if self.contrast == "odds-ratio":
            p1, p0 = at.test, at.control
            return n1 * n0 * ((1 - p1) * p0) ** 2 / (n1 * p1 * (1 - p1) + n0 * p0 * (1 - p0))
        return _iterated_weights(self.tables, at, self.contrast, inner)


def score_equation(
    responders: ArrayLike,
    n: ArrayLike,
    contrast: Contrast,
    weights: ScoreWeights,
    bias_correction: bool,
    skewness: bool = False,
) -> ScoreEquation:
    """Read counts, and leave out or mend the strata that the contrast cannot bear."""
    if contrast not in SCORES:
        raise StatisticsError(f"contrast={contrast!r} is not one of {tuple(SCORES)}")
    if weights not in get_args(ScoreWeights):
        raise StatisticsError(f"weights={weights!r} is not one of {get_args(ScoreWeights)}")
    tables = read_tables(responders, n)
    warnings = tables.warnings + nothing_to_compare(tables)
    nothing = ~tables.comparable
    none, everybody = (tables.x == 0).all(axis=-2), (tables.x == tables.n).all(axis=-2)
    informative = tables.used
    if contrast == "ratio":
        informative = tables.used & ~none
    if contrast == "odds-ratio":
        informative = tables.used & ~none & ~everybody
        tables = replace(tables, used=informative)
        warnings += flag(
            (~informative & (none | everybody)).any(axis=-1) & ~nothing,
            "strata with 0 % or 100 % responders in both groups hold no odds ratio: left out",
        )
    if contrast == "difference" and weights in _BY_VARIANCE and tables.x.shape[-1] > 1:
        tables, notes = _mended(tables, (none | everybody) & tables.used)
        warnings += notes
    silent = np.asarray(~informative.any(axis=-1))
    return ScoreEquation(
        tables, contrast, weights, bias_correction, skewness, nothing, silent, warnings
    )


def _mended(tables: Tables, certain: Bools) -> tuple[Tables, tuple[str, ...]]:
    # A stratum of no responders has variance 0 at a difference of 0, and would have all weight.
    add = np.where(certain, 0.5, 0.0)[..., None, :]
    notes = flag(
        certain.any(axis=-1),
        "0.5 responders and 0.5 non-responders were added to both groups of strata with 0 % or"
        " 100 % responders, which would have had all the weight",
    )
    return replace(tables, x=tables.x + add, n=tables.n + 2 * add), notes


def _relative_precision(variance: Floats) -> Floats:
    """Inverse variances over the largest of them, which may be too large for a square."""
    known = variance > 0
    least = np.min(np.where(known, variance, np.inf), axis=-1, keepdims=True)
    least = np.where(np.isfinite(least), least, 1.0)
    return np.divide(
        least, variance, out=np.broadcast_to(least, variance.shape).copy(), where=known
    )


def _iterated_weights(
    tables: Tables, at: StratumScores, contrast: Contrast, inner: Floats
) -> Floats:
    """Miettinen and Nurminen's weights (eq. weights-mn): from the weighted constrained rates."""
    n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
    start = _scaled(np.where(tables.used, n1 * n0 / (n1 + n0), 0.0))
    weight = start
    for _ in range(100):
        r1 = np.sum(weight * at.test, axis=-1, keepdims=True)
        r0 = np.sum(weight * at.control, axis=-1, keepdims=True)
        if contrast == "difference":
            spread = r1 * (1 - r1) / n1 + r0 * (1 - r0) / n0
        else:
            spread = (1 - inner) * (1 - r1) / n1 + inner * (1 - r0) / n0
        new = np.divide(1.0, spread, out=start.copy(), where=spread > 0)
        new = _scaled(np.where(tables.used, new, 0.0))
        if np.max(np.abs(new - weight), initial=0.0) < 1e-14:
            return new
        weight = new
    return weight


def _scaled(weights: Floats) -> Floats:
    total = weights.sum(axis=-1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
