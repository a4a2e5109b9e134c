"""How many candidates of each class are chosen: a mixed-integer programme.

Candidates of an arm are of one class where no target that is fixed first tells them apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, milp  # pyright: ignore[reportUnknownVariableType]

from openlupus.twin.pool import Bools, Floats, Ints
from openlupus.twin.targets import Either, Target

NONE = 1e-3
"""What is missed by less is not missed: `targets.EDGE` leaves more than that."""

_AVAILABLE = 0.7
"""Share of a class that may be chosen: the rest leaves room for exchanges."""
_VARIED, _SMALL, _MISSED = 0.3, 0.3, 1e3
"""How much prices, and of ways the choice, are varied by chance; what is added to small expected
numbers; price of missing a target by one patient."""
_GAP, _NODES = 0.1, 2000


@dataclass(frozen=True, eq=False)
class Problem:
    """Who may be chosen, and what must hold.

    Attributes:
        targets: Weights over all candidates.
        arm: Arm of each candidate.
        open: Who may be chosen.
        sizes: Arm to how many are chosen.
        structural: Which targets are fixed first; all of them when None.
    """

    targets: Sequence[Target]
    arm: NDArray[np.str_]
    open: Bools
    sizes: Mapping[str, int]
    structural: Bools | None = None

    @cached_property
    def fixed(self) -> Bools:
        every = np.ones(len(self.targets), np.bool_)
        return every if self.structural is None else self.structural

    @cached_property
    def weights(self) -> Floats:
        """Shape (targets, candidates)."""
        return np.array([t.weight for t in self.targets]).reshape(-1, len(self.arm))

    @cached_property
    def low(self) -> Floats:
        return np.array([t.low for t in self.targets], dtype=np.float64)

    @cached_property
    def high(self) -> Floats:
        return np.array([t.high for t in self.targets], dtype=np.float64)

    @cached_property
    def scale(self) -> Floats:
        """The unit of each target: a patient, or half the width of what is printed."""
        whole = np.array([t.whole for t in self.targets], dtype=np.bool_)
        return np.where(whole, 1.0, np.maximum((self.high - self.low) / 2, 1e-9))


def barred(targets: Sequence[Target], candidates: int) -> Bools:
    """Whom some target wants nobody like: no such patients at all."""
    closed = np.zeros(candidates, np.bool_)
    for target in targets:
        if target.whole and target.high <= 0:
            closed |= target.weight > 0
    return closed


def off(problem: Problem, chosen: Bools) -> Floats:
    """How far each target is missed, in patients, or in half widths of what is printed."""
    sums = problem.weights[:, chosen].sum(axis=1)
    missed = np.maximum(problem.low - sums, sums - problem.high) / problem.scale
    return np.where(missed > NONE, missed, 0)


def begin(
    problem: Problem,
    rng: np.random.Generator,
    kept: Sequence[str] = (),
    before: Bools | None = None,
) -> tuple[Bools, Ints]:
    """A draw in which the targets that are fixed first hold, as far as they can; everyone's class,
    -1 for who may not be chosen.

    Args:
        kept: Arms of which those stay who were chosen `before`.
    """
    kinds = _Kinds.of(problem)
    known = np.full(len(kinds.there), -1)
    if before is not None:
        own = np.isin(kinds.arm, [i for i, arm in enumerate(problem.sizes) if arm in kept])
        known[own] = np.bincount(kinds.of_each[before], minlength=len(known))[own]
    found, _ = _solved(kinds, problem, (), rng, known)
    if found is None:
        found = np.minimum(np.rint(kinds.expected), kinds.there).astype(np.int64)
    chosen = np.zeros(len(problem.arm), np.bool_)
    for i, number in enumerate(found):
        members = np.flatnonzero(kinds.of_each == i)
        chosen[rng.permutation(members)[:number]] = True
    if before is not None:
        own = np.isin(problem.arm, list(kept))
        chosen[own] = before[own]
    return chosen, kinds.of_each


def settled(
    problem: Problem, either: Sequence[Either], rng: np.random.Generator
) -> tuple[list[Target], float, float]:
    """The targets of each `either` with the counts that the candidates can have best; by how many
    patients the targets that are fixed first are then missed; how far the numbers of each class
    are from those expected, at their price."""
    kinds = _Kinds.of(problem)
    found, ways = _solved(kinds, problem, either, rng)
    now = {
        id(target): replace(target, low=float(n), high=float(n))
        for each, way in zip(either, ways, strict=True)
        for target, n in zip(each.targets, each.counts[way], strict=True)
    }
    if found is None:
        return list(now.values()), np.inf, np.inf
    fixed = [now.get(id(t), t) for t, f in zip(problem.targets, problem.fixed, strict=True) if f]
    low, high = (np.array([getattr(t, side) for t in fixed]) for side in ("low", "high"))
    sums = kinds.weights @ found
    missed = float(np.maximum(np.maximum(low - sums, sums - high), 0).sum())
    far = float((np.abs(found - kinds.expected) / np.sqrt(kinds.expected + _SMALL)).sum())
    return list(now.values()), missed, far


@dataclass(frozen=True, eq=False)
class _Kinds:
    """Classes of the candidates who may be chosen.

    Attributes:
        arm: Place of each class's arm among the sizes.
        weights: Of the targets that are fixed first, shape (targets, classes).
        there: How many candidates each class has.
        expected: How many of each, were its share that of the candidates of its arm.
        of_each: Class of each candidate, -1 for who may not be chosen.
    """

    arm: Ints
    weights: Floats
    there: Ints
    expected: Floats
    of_each: Ints

    @classmethod
    def of(cls, problem: Problem) -> "_Kinds":
        arms = list(problem.sizes)
        place = np.array([arms.index(a) if a in arms else -1 for a in problem.arm.tolist()])
        open_ = problem.open & (place >= 0)
        signature = np.vstack([place, problem.weights[problem.fixed]])[:, open_]
        kinds, kind, there = np.unique(signature, axis=1, return_inverse=True, return_counts=True)
        of_each = np.full(len(problem.arm), -1)
        of_each[open_] = kind.ravel()
        arm = kinds[0].astype(np.int64)
        among = np.bincount(arm, there, minlength=len(arms))
        sizes = np.array(list(problem.sizes.values()), dtype=np.float64)
        expected = there * (sizes / np.maximum(among, 1))[arm]
        return cls(arm, kinds[1:], there, expected, of_each)


def _solved(
    kinds: _Kinds,
    problem: Problem,
    either: Sequence[Either],
    rng: np.random.Generator,
    known: Ints | None = None,
) -> tuple[Ints | None, list[int]]:
    """How many of each class, near what is expected, and which way of each `either`; `known` are
    numbers that stand, -1 elsewhere."""
    fixed = [t for t, f in zip(problem.targets, problem.fixed, strict=True) if f]
    low, high = problem.low[problem.fixed], problem.high[problem.fixed]
    row = {id(t): i for i, t in enumerate(fixed)}
    k, m = len(kinds.there), len(fixed)
    number = [len(each.counts) for each in either]
    own, counts = np.zeros((len(either), sum(number))), np.zeros((m, sum(number)))
    for i, (each, start) in enumerate(zip(either, np.cumsum([0, *number]), strict=False)):
        own[i, start : start + len(each.counts)] = 1
        for target, n in zip(each.targets, each.counts.T, strict=True):
            if id(target) in row:
                counts[row[id(target)], start : start + len(n)] = n
                low[row[id(target)]] = high[row[id(target)]] = 0
    sizes = np.array(list(problem.sizes.values()), dtype=np.float64)
    of_arm = np.arange(len(sizes))[:, None] == kinds.arm
    # The parts of sparse are not typed in full.
    sp: Any = sparse
    # Columns: numbers; what each is above and below what is expected; misses of the targets; ways.
    one, slack = sp.identity(k), sp.hstack([sp.identity(m), -sp.identity(m)])
    matrix = sp.block_array([
        [one, sp.hstack([one, -one]), None, None],
        [sp.csr_array(kinds.weights), None, slack, -sp.csr_array(counts)],
        [sp.csr_array(of_arm.astype(np.float64)), None, None, None],
        [None, None, None, sp.csr_array(own)],
    ])  # fmt: skip
    price = (1 + _VARIED * rng.random(2 * k)) / np.sqrt(np.tile(kinds.expected, 2) + _SMALL)
    cost = [np.zeros(k), price, np.full(2 * m, _MISSED), _VARIED * rng.random(sum(number))]
    most = np.maximum(np.floor(_AVAILABLE * kinds.there), np.minimum(kinds.there, 1))
    # The declared types of Bounds know no arrays.
    upper: Any = np.concatenate([most, np.full(2 * k + 2 * m, np.inf), np.ones(sum(number))])
    lower: Any = np.zeros(len(upper))
    if known is not None:
        stands = np.flatnonzero(known >= 0)
        lower[stands] = upper[stands] = known[stands]
    ones = np.ones(len(either))
    found: Any = milp(
        np.concatenate(cost),
        constraints=(
            matrix,
            np.concatenate([kinds.expected, low, sizes, ones]),
            np.concatenate([kinds.expected, high, sizes, ones]),
        ),
        integrality=np.repeat([1, 0, 1], [k, 2 * k + 2 * m, sum(number)]),
        bounds=Bounds(lower, upper),
        options={"mip_rel_gap": _GAP, "node_limit": _NODES},
    )
    if found.x is None:
        return None, [0 for _ in either]
    parts = np.split(np.asarray(found.x[3 * k + 2 * m :]), np.cumsum(number)[:-1]) if number else []
    return np.rint(found.x[:k]).astype(np.int64), [int(part.argmax()) for part in parts]
