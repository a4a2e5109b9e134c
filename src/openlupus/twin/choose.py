"""Choosing candidates so that every target holds: classes by integer programming, then a search.

Two designs were measured (docs/decisions): integer programming over single candidates is quick
where all conditions count, and stalls on means and standard deviations; a search by exchanges is
quick on those, and stalls on many counts at once. So the counts that hang together most, the
courses and responses by stratum, are fixed first, as numbers of patients of each class; then
patients are exchanged within their class until the rest holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openlupus.twin.classes import NONE, Problem, begin, off
from openlupus.twin.pool import Bools, Floats, Ints

_IN, _PAIRED = 30, 40
"""Candidates that are tried for each of the chosen at each step; the best of these exchanges are
also tried two at a time."""
_REST, _LEARNT, _SIDEWAYS = 6, 0.1, 0.5
"""Steps for which who was put out stays out; what a target that is missed gains in weight; how
often an exchange is made that makes nothing better."""
_ANY, _SAME = 1.0, 1e-5
"""What a target costs that is missed at all, however little; a price less by a smaller share than
`_SAME` is the same."""

Singles = NDArray[np.float32]


def choose(
    problem: Problem,
    rng: np.random.Generator,
    *,
    steps: int = 0,
    starts: int = 1,
    tick: Callable[[], None] = lambda: None,
) -> Bools:
    """Who is chosen; targets may be missed (`off`).

    Each start begins with other numbers of each class, in arms that miss something.
    """
    best: tuple[float, Bools] | None = None
    for _ in range(starts):
        tick()
        kept, before = (_kept(problem, best[1]), best[1]) if best else ((), None)
        start, classes = begin(problem, rng, kept, before)
        found = _Search(problem, classes, rng).run(start, steps) if steps else start
        missed = float(off(problem, found).sum())
        if best is None or missed < best[0]:
            best = missed, found
        if missed == 0:
            break
    return best[1] if best else np.zeros(len(problem.arm), np.bool_)


def _kept(problem: Problem, chosen: Bools) -> Sequence[str]:
    """The arms that miss nothing of their own; none where no arm does."""
    missed = {t.group for t, o in zip(problem.targets, off(problem, chosen), strict=True) if o}
    held = [arm for arm in problem.sizes if arm not in missed]
    return held if len(held) < len(problem.sizes) else ()


class _Search:
    """Exchanges of a chosen candidate for another of the same class, the best of many each time.

    Targets that stay missed gain weight, so that the search leaves where it would stop.
    """

    def __init__(self, problem: Problem, classes: Ints, rng: np.random.Generator) -> None:
        self.rng, self.size, scale = rng, len(problem.arm), problem.scale
        # What is fixed is the same for all of a class: no exchange moves it.
        asked = np.flatnonzero(~problem.fixed & ~_idle(problem))
        self.weights = (problem.weights[asked] / scale[asked, None]).astype(np.float64)
        self.middle = ((problem.low + problem.high) / 2 / scale)[asked]
        self.half = ((problem.high - problem.low) / 2 / scale)[asked]
        self.arms = [
            _Arm.of(self.weights, self.half, classes, np.flatnonzero(problem.arm == arm))
            for arm in problem.sizes
        ]

    def run(self, start: Bools, steps: int) -> Bools:
        chosen, rested = start.copy(), np.full(self.size, -1)
        best, least = chosen.copy(), np.inf
        sums, weight = self._sums(chosen), np.ones(len(self.half))
        for step in range(steps):
            missed = self._missed(sums)
            if (total := missed.sum()) < least:
                best, least = chosen.copy(), total
            trouble = np.array([missed[arm.rows].sum() for arm in self.arms])
            if trouble.sum() == 0:
                break
            arm = self.arms[int(self.rng.choice(len(self.arms), p=trouble / trouble.sum()))]
            for out, into in self._step(arm, step, chosen, rested, sums, missed, weight):
                chosen[out], chosen[into] = False, True
                rested[out] = step + _REST
                sums += self.weights[:, into] - self.weights[:, out]
            if step % 100 == 99:
                sums = self._sums(chosen)
                weight /= weight.mean()
        return best

    def _sums(self, chosen: Bools) -> Floats:
        return self.weights[:, chosen].sum(axis=1)

    def _missed(self, sums: Floats) -> Floats:
        off = np.abs(sums - self.middle) - self.half
        return np.where(off > NONE, off + _ANY, 0.0)

    def _step(
        self,
        arm: "_Arm",
        step: int,
        chosen: Bools,
        rested: Ints,
        sums: Floats,
        missed: Floats,
        weight: Floats,
    ) -> list[tuple[int, int]]:
        """Who is exchanged for whom; nobody where that makes nothing better and chance says so."""
        away = (sums - self.middle)[arm.rows].astype(np.float32)
        prices_of = weight[arm.rows].astype(np.float32)
        out = np.flatnonzero(chosen[arm.members])
        into = arm.alike(out, self.rng)
        i, j = np.nonzero(~chosen[arm.members[into]] & (rested[arm.members[into]] < step))
        if not len(i):
            return []
        out, into = out[i], into[i, j]
        moved = arm.weights[into] - arm.weights[out]
        price = arm.price((moved + away).astype(np.float32, copy=False), prices_of)
        best = int(np.argmin(price))
        few = min(_PAIRED, len(price))
        first = np.argpartition(price, few - 1)[:few]
        both = (moved[first] + away)[:, None, :] + moved[first][None, :, :]
        prices = arm.price(
            both.reshape(few * few, -1).astype(np.float32, copy=False), prices_of
        ).reshape(few, few)
        clash = (out[first][:, None] == out[first]) | (into[first][:, None] == into[first])
        prices[clash] = np.inf
        a, b = np.unravel_index(int(np.argmin(prices)), prices.shape)
        taken = [int(first[a]), int(first[b])] if prices[a, b] < price[best] else [best]
        now = float(missed[arm.rows] @ weight[arm.rows])
        if min(prices[a, b], price[best]) >= (1 - _SAME) * now:
            weight[arm.rows[missed[arm.rows] > 0]] += _LEARNT * weight.mean()
            if self.rng.random() < _SIDEWAYS:
                return []
        return [(int(arm.members[out[k]]), int(arm.members[into[k]])) for k in taken]


def _idle(problem: Problem) -> Bools:
    """Targets that ask nothing: any choice holds them, or it does where the arms' own hold."""
    low, high, weights = problem.low, problem.high, problem.weights
    most = weights[:, problem.open].sum(axis=1)
    idle: Bools = (weights >= 0).all(axis=1) & (low <= 0) & (high >= most)
    parts: dict[tuple[str, str, str], list[int]] = {}
    for i, target in enumerate(problem.targets):
        if target.group in problem.sizes:
            parts.setdefault((*target.place[:2], target.part), []).append(i)
    for i, target in enumerate(problem.targets):
        own = parts.get((*target.place[:2], target.part), [])
        if target.group not in problem.sizes and own:
            whole = np.array_equal(weights[own].sum(axis=0), weights[i])
            idle[i] |= whole and low[own].sum() >= low[i] and high[own].sum() <= high[i]
    return idle


@dataclass(frozen=True, eq=False)
class _Arm:
    """Candidates of an arm in order of their class, and what exchanges of them move.

    Prices are found in single precision: it is twice as fast, and `NONE` is far above its rounding.

    Attributes:
        rows: Targets that an exchange in the arm can move.
        members: Who may be chosen, shape (members,), in order of class.
        weights: Of these targets, shape (members, rows).
        half: Of what is printed, half the width, shape (rows,).
        first, number: Of the class of each member: its first place, and how many it has.
    """

    rows: Ints
    members: Ints
    weights: Singles
    half: Singles
    first: Ints
    number: Ints

    @classmethod
    def of(cls, weights: Floats, half: Floats, classes: Ints, inside: Ints) -> "_Arm":
        inside = inside[classes[inside] >= 0]
        members = inside[np.argsort(classes[inside], kind="stable")]
        own = weights[:, members]
        rows = np.flatnonzero(own.max(axis=1, initial=-np.inf) > own.min(axis=1, initial=np.inf))
        _, start, back, many = np.unique(
            classes[members], return_index=True, return_inverse=True, return_counts=True
        )
        return cls(
            rows,
            members,
            np.ascontiguousarray(own[rows].T, dtype=np.float32),
            half[rows].astype(np.float32),
            start[back],
            many[back],
        )

    def alike(self, out: Ints, rng: np.random.Generator) -> Ints:
        """Some of the class of each member, shape (out, `_IN`)."""
        at = rng.random((len(out), _IN)) * self.number[out][:, None]
        return self.first[out][:, None] + at.astype(np.int64)

    def price(self, away: Singles, weight: Singles) -> Singles:
        """What it costs to be so far from the middle of each target, shape (exchanges, rows)."""
        np.abs(away, out=away)
        away -= self.half
        np.maximum(away, 0, out=away)
        return np.asarray(
            away @ weight + (away > NONE).astype(np.float32) @ (_ANY * weight), np.float32
        )
