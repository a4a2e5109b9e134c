"""Choosing candidates so that every target holds: classes by integer programming, then a search.

Two designs were measured (docs/decisions): integer programming over single candidates is quick
where all conditions count, and stalls on means and standard deviations; a search by exchanges is
quick on those, and stalls on many counts at once. So the counts that hang together most, the
courses and responses by stratum, are fixed first, as numbers of patients of each class; then
patients are exchanged within their class until the rest holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, milp  # pyright: ignore[reportUnknownVariableType]

from openlupus.twin.pool import Bools, Floats, Ints
from openlupus.twin.targets import Target

_IN, _PAIRED = 30, 40
"""Candidates that are tried for each of the chosen at each step; the best of these exchanges are
also tried two at a time."""
_REST, _LEARNT, _SIDEWAYS = 6, 0.1, 0.5
"""Steps for which who was put out stays out; what a target that is missed gains in weight; how
often an exchange is made that makes nothing better."""
_ANY, _NONE = 1.0, 1e-7
"""What a target costs that is missed at all, however little; less than `_NONE` is not missed."""
_AVAILABLE = 0.7
"""Share of a class that may be chosen: the rest leaves room for exchanges."""
_VARIED, _SMALL, _MISSED = 0.3, 0.3, 1e3
"""How much the price of leaving a class's expected number is varied by chance; what is added to
small expected numbers; price of missing a target by one patient."""
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
    missed = np.maximum(np.maximum(problem.low - sums, sums - problem.high), 0)
    return np.where(missed > _NONE, missed / _scale(problem), 0)


def _scale(problem: Problem) -> Floats:
    whole = np.array([t.whole for t in problem.targets], dtype=np.bool_)
    width = np.maximum((problem.high - problem.low) / 2, 1e-9)
    return np.where(whole, 1.0, width)


def choose(
    problem: Problem,
    rng: np.random.Generator,
    *,
    steps: int = 0,
    starts: int = 1,
    tick: Callable[[], None] = lambda: None,
) -> Bools:
    """Who is chosen; targets may be missed (`off`)."""
    best: tuple[float, Bools] | None = None
    for _ in range(starts):
        tick()
        start, classes = _begin(problem, rng)
        found = _Search(problem, classes, rng).run(start, steps) if steps else start
        missed = float(off(problem, found).sum())
        if best is None or missed < best[0]:
            best = missed, found
        if missed == 0:
            break
    return best[1] if best else np.zeros(len(problem.arm), np.bool_)


def unmet_classes(problem: Problem, rng: np.random.Generator) -> float:
    """How much the fixed targets are missed by the best numbers of each class."""
    start, _ = _begin(problem, rng)
    return float(off(problem, start)[problem.fixed].sum())


def _begin(problem: Problem, rng: np.random.Generator) -> tuple[Bools, Ints]:
    """A draw in which the structural targets hold, as far as they can, and everyone's class."""
    fixed = problem.weights[problem.fixed]
    arms = list(problem.sizes)
    signature = np.vstack([[arms.index(a) if a in arms else -1 for a in problem.arm], fixed])
    signature = signature[:, problem.open]
    kinds, kind, there = np.unique(signature, axis=1, return_inverse=True, return_counts=True)
    numbers = _class_sizes(problem, kinds, there, rng)
    classes = np.full(len(problem.arm), -1)
    classes[problem.open] = kind.ravel()
    chosen = np.zeros(len(problem.arm), np.bool_)
    for i, number in enumerate(numbers):
        members = np.flatnonzero(classes == i)
        chosen[rng.permutation(members)[:number]] = True
    return chosen, classes


def _class_sizes(problem: Problem, kinds: Floats, there: Ints, rng: np.random.Generator) -> Ints:
    """How many of each class, near their share of the pool: a mixed-integer programme."""
    arm, fixed = kinds[0], kinds[1:]
    low, high = problem.low[problem.fixed], problem.high[problem.fixed]
    sizes = np.array(list(problem.sizes.values()), dtype=float)
    among = np.array([there[arm == i].sum() for i in range(len(sizes))])
    expected = there * (sizes / np.maximum(among, 1))[arm.astype(int)]
    k, m = len(there), len(fixed)
    # The parts of sparse are not typed in full.
    sp: Any = sparse
    own = np.array([arm == i for i in range(len(sizes))], dtype=float)
    # Columns: numbers; what each is above and below what is expected; misses of the targets.
    one, none = sp.identity(k), sp.csr_array((k, 2 * m))
    slack = sp.hstack([sp.identity(m), -sp.identity(m)])
    matrix = sp.vstack([
        sp.hstack([one, one, -one, none]),
        sp.hstack([sp.csr_array(fixed), sp.csr_array((m, 2 * k)), slack]),
        sp.hstack([sp.csr_array(own), sp.csr_array((len(sizes), 2 * k + 2 * m))]),
    ])  # fmt: skip
    price = (1 + _VARIED * rng.random(2 * k)) / np.sqrt(np.tile(expected, 2) + _SMALL)
    cost = np.concatenate([np.zeros(k), price, np.full(2 * m, _MISSED)])
    most = np.maximum(np.floor(_AVAILABLE * there), np.minimum(there, 1))
    # The declared types of Bounds know no arrays.
    upper: Any = np.concatenate([most, np.full(2 * k + 2 * m, np.inf)])
    found: Any = milp(
        cost,
        constraints=(
            matrix,
            np.concatenate([expected, low, sizes]),
            np.concatenate([expected, high, sizes]),
        ),
        integrality=np.concatenate([np.ones(k), np.zeros(2 * k + 2 * m)]),
        bounds=Bounds(0, upper),
        options={"mip_rel_gap": _GAP, "node_limit": _NODES},
    )
    if found.x is None:
        return np.minimum(np.rint(expected), there).astype(np.int64)
    return np.rint(found.x[:k]).astype(np.int64)


class _Search:
    """Exchanges of a chosen candidate for another of the same class, the best of many each time.

    Targets that stay missed gain weight, so that the search leaves where it would stop.
    """

    def __init__(self, problem: Problem, classes: Ints, rng: np.random.Generator) -> None:
        self.problem, self.classes, self.rng = problem, classes, rng
        scale = _scale(problem)
        self.low, self.high = problem.low / scale, problem.high / scale
        self.weights = problem.weights / scale[:, None]
        self.arms = {
            arm: _Arm.of(self.weights, ~problem.fixed, classes, np.flatnonzero(problem.arm == arm))
            for arm in problem.sizes
        }

    def run(self, start: Bools, steps: int) -> Bools:
        chosen = start.copy()
        sums = self.weights[:, chosen].sum(axis=1)
        weight, rested = np.ones(len(sums)), np.full(len(chosen), -1)
        best, least = chosen.copy(), np.inf
        names = list(self.arms)
        for step in range(steps):
            missed = self._missed(sums, slice(None))
            if (total := missed.sum()) < least:
                best, least = chosen.copy(), total
            trouble = np.array([missed[self.arms[name].rows].sum() for name in names])
            if total < _NONE or trouble.sum() == 0:
                break
            arm = names[int(self.rng.choice(len(names), p=trouble / trouble.sum()))]
            self._step(self.arms[arm], step, chosen, sums, weight, rested)
            if step % 100 == 99:
                sums = self.weights[:, chosen].sum(axis=1)
                weight /= weight.mean()
        return best

    def _missed(self, sums: Floats, rows: Ints | slice) -> Floats:
        off = np.maximum(np.maximum(self.low[rows] - sums, sums - self.high[rows]), 0)
        return off + _ANY * (off > _NONE).astype(np.float64)

    def _step(
        self, arm: "_Arm", step: int, chosen: Bools, sums: Floats, weight: Floats, rested: Ints
    ) -> None:
        rows, now = arm.rows, self._missed(sums[arm.rows], arm.rows)
        out = arm.members[chosen[arm.members]]
        into = arm.alike(out, self.rng)
        i, j = np.nonzero(~chosen[into] & (rested[into] < step))
        if len(i) == 0:
            return
        out, into = out[i], into[i, j]
        moved = self.own(arm, into) - self.own(arm, out)
        price = self._missed(sums[rows] + moved, rows) @ weight[rows]
        best = int(np.argmin(price))
        taken = [best]
        first = np.argsort(price)[:_PAIRED]
        both = moved[first][:, None, :] + moved[first][None, :, :]
        prices = self._missed(sums[rows] + both, rows) @ weight[rows]
        clash = (out[first][:, None] == out[first]) | (into[first][:, None] == into[first])
        prices[clash] = np.inf
        a, b = np.unravel_index(int(np.argmin(prices)), prices.shape)
        if prices[a, b] < price[best] - 1e-12:
            taken = [int(first[a]), int(first[b])]
        if min(prices[a, b], price[best]) >= now @ weight[rows] - 1e-12:
            weight[rows[now > _NONE]] += _LEARNT * weight.mean()
            if self.rng.random() < _SIDEWAYS:
                return
        for k in taken:
            chosen[out[k]], chosen[into[k]] = False, True
            rested[out[k]] = step + _REST
            sums[rows] += moved[k]

    def own(self, arm: "_Arm", who: Ints) -> Floats:
        return arm.weights[arm.place[who]]


@dataclass(frozen=True, eq=False)
class _Arm:
    """Candidates of an arm in order of their class.

    Attributes:
        rows: Targets that an exchange in the arm can move.
        members: Who may be chosen, shape (members,), in order of class.
        weights: Of these targets, shape (members, rows).
        place: Place in `members` of each candidate of all arms.
        first, number: Of the class of each candidate: its first place, and how many it has.
    """

    rows: Ints
    members: Ints
    weights: Floats
    place: Ints
    first: Ints
    number: Ints

    @classmethod
    def of(cls, weights: Floats, free: Bools, classes: Ints, inside: Ints) -> "_Arm":
        # What is fixed is the same for all of a class: no exchange moves it.
        inside = inside[classes[inside] >= 0]
        members = inside[np.argsort(classes[inside], kind="stable")]
        rows = np.flatnonzero(free & (weights[:, members] != 0).any(axis=1))
        place, first, number = (np.zeros(weights.shape[1], np.int64) for _ in range(3))
        place[members] = np.arange(len(members))
        _, start, back, many = np.unique(
            classes[members], return_index=True, return_inverse=True, return_counts=True
        )
        first[members], number[members] = start[back], many[back]
        own = np.ascontiguousarray(weights[np.ix_(rows, members)].T)
        return cls(rows, members, own, place, first, number)

    def alike(self, out: Ints, rng: np.random.Generator) -> Ints:
        """Some of the class of each, shape (out, `_IN`)."""
        at = rng.random((len(out), _IN)) * self.number[out][:, None]
        return self.members[self.first[out][:, None] + at.astype(np.int64)]
