"""Stratum tables that print an adjusted difference: drawn at random, under a declared law.

A paper prints counts over all strata. Which tables of patients and responders by stratum may stand
behind them? Mathematics, with the law of the draws: docs/methods/audit.md (eq. audit-strata).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from openlupus.audit.printed import Estimate, Number

Floats = NDArray[np.float64]

UNKNOWN = (2, 3, 4, 6)
"""Numbers of strata that are tried where the paper does not say how many there are."""

_HETEROGENEITY, _INTERPLAY = 0.8, 0.4
"""SDs of the strata's log odds of response: common to both groups, and of each by itself."""
_CONCENTRATION = 2.0
_ENOUGH = 8000
_LEAST_SETS, _MOST_SETS = 30, 400
_DRAWS, _PER_SET = 300, 250


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two printed proportions and their printed difference, in percentage points.

    Attributes:
        responders, n: Test group, control group.
        p: The printed P value, where there is one.
    """

    responders: tuple[int, int]
    n: tuple[int, int]
    difference: Estimate
    p: Number | None = None

    @property
    def crude(self) -> float:
        """The difference without strata, percentage points."""
        return 100 * (self.responders[0] / self.n[0] - self.responders[1] / self.n[1])


@dataclass(frozen=True, slots=True)
class Drawn:
    """Tables whose adjusted difference prints as the paper's.

    Attributes:
        responders, n: Shape (tables, 2, strata); with fewer strata the last are empty.
        spread: SD of the adjusted difference over all tables drawn, percentage points.
    """

    responders: Floats
    n: Floats
    spread: float


def draw_tables(
    comparison: Comparison,
    rng: np.random.Generator,
    *,
    strata: Sequence[int] = UNKNOWN,
    within: float = 0.0,
) -> Drawn:
    """Tables of the printed counts that print the difference, by Mantel-Haenszel weights.

    Draws sets of strata sizes, and within each set responders by stratum, until there are enough
    tables or the budget of sets is spent.

    Args:
        comparison: What is printed.
        rng: Of the draws.
        strata: Numbers of strata, tried in turn.
        within: How far from the print the difference may be, percentage points.
    """
    widest = max(strata)
    found_x: list[Floats] = []
    found_n: list[Floats] = []
    differences: list[Floats] = []
    found = 0
    for i in range(_MOST_SETS):
        if i >= _LEAST_SETS and found >= _ENOUGH:
            break
        sizes = draw_sizes(comparison.n, strata[i % len(strata)], rng)
        weight = mantel_haenszel(sizes)
        if weight is None:
            continue
        splits = draw_splits(comparison, sizes, rng)
        test, control = (
            (each / np.maximum(size, 1)) @ weight for each, size in zip(splits, sizes, strict=True)
        )
        differences.append(100 * (test[: len(control)] - control[: len(test)]))
        a, b = np.nonzero(
            _printed(comparison.difference.value, test[:, None] - control[None, :], within)
        )
        if len(a) > _PER_SET:
            kept = rng.permutation(len(a))[:_PER_SET]
            a, b = a[kept], b[kept]
        x = np.zeros((len(a), 2, widest))
        x[:, 0, : sizes.shape[1]], x[:, 1, : sizes.shape[1]] = splits[0][a], splits[1][b]
        n = np.zeros_like(x)
        n[:, :, : sizes.shape[1]] = sizes
        found += len(a)
        found_x.append(x)
        found_n.append(n)
    empty = np.zeros((0, 2, widest))
    spread = float(np.concatenate(differences).std()) if differences else 0.0
    return Drawn(np.concatenate([empty, *found_x]), np.concatenate([empty, *found_n]), spread)


def draw_sizes(n: Sequence[int], strata: int, rng: np.random.Generator) -> Floats:
    """Patients of each group by stratum, shape (groups, strata), by shares common to the groups."""
    shares = rng.dirichlet(np.full(strata, _CONCENTRATION))
    return np.stack([rng.multinomial(size, shares) for size in n]).astype(np.float64)


def mantel_haenszel(sizes: Floats) -> Floats | None:
    """Weights n1 n0 / (n1 + n0), in sum 1; None where no stratum has patients of both groups."""
    product, total = sizes[0] * sizes[1], sizes.sum(axis=0)
    weight = np.divide(product, total, out=np.zeros_like(total), where=total > 0)
    return weight / weight.sum() if weight.sum() > 0 else None


def draw_splits(
    comparison: Comparison, sizes: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Different splits of each group's responders over the strata, shape (splits, strata)."""
    common: Floats = rng.standard_normal(sizes.shape[1:]) * _HETEROGENEITY
    own: Floats = rng.standard_normal(sizes.shape) * _INTERPLAY
    first, second = (
        splits(x, size, common + shift, rng)
        for x, size, shift in zip(comparison.responders, sizes, own, strict=True)
    )
    return first, second


def splits(
    x: int, sizes: Floats, log_odds: Floats, rng: np.random.Generator, *, draws: int = _DRAWS
) -> Floats:
    """Splits of x responders over strata, none twice, by the law of independent binomials given
    their sum (eq. audit-split): one stratum after another, given what is left.
    """
    weights = [_weights(int(n), float(shift)) for n, shift in zip(sizes, log_odds, strict=True)]
    tails = [np.ones(1)]
    for weight in reversed(weights[1:]):
        tail = np.convolve(weight, tails[0])[: x + 1]
        tails.insert(0, tail / tail.max())
    left = np.full(draws, x)
    drawn: list[NDArray[np.intp]] = []
    for weight, tail in zip(weights, tails, strict=True):
        rest = np.arange(x + 1)[:, None] - np.arange(len(weight))
        within = (rest >= 0) & (rest < len(tail))
        chance = np.where(within, tail[np.where(within, rest, 0)] * weight, 0.0).cumsum(axis=1)
        reached = chance[left]
        level = rng.random(draws) * reached[:, -1]
        drawn.append((reached <= level[:, None]).sum(axis=1))
        left = left - drawn[-1]
    radix = np.concatenate([[1], np.cumprod(sizes[:-1] + 1)]).astype(np.int64)
    _, first = np.unique(np.stack(drawn, axis=1) @ radix, return_index=True)
    return np.stack(drawn, axis=1)[first].astype(np.float64)


def _weights(n: int, log_odds: float) -> Floats:
    """C(n, j) times the odds to the power j, for each j; the largest is 1."""
    j = np.arange(n + 1)
    logarithm = gammaln(n + 1) - gammaln(j + 1) - gammaln(n - j + 1) + j * log_odds
    return np.exp(logarithm - logarithm.max())


def _printed(number: Number, proportions: Floats, within: float) -> NDArray[np.bool_]:
    return np.abs(100 * proportions - float(number)) <= number.half + within + 1e-9
