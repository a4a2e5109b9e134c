"""Values of courses at which a model prints given numbers.

A model sees of the courses little more than a summary: mean and spread of each arm at the end, the
slope on the baseline, the skewness. So printed numbers are steered in the space of the summary,
where their effects are smooth; single steps of patients, tried on the model, do the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog  # pyright: ignore[reportUnknownVariableType]

from openlupus.instruments.arrays import Floats
from openlupus.twin.course import Course, edited

_NEAR, _ENOUGH = 0.85, 0.95
"""Shares of half of the last digit: aimed at, and near enough to end."""
_SURE = 0.1
"""Weight of the farthest number among those met, against what is not met."""
_PROBE = (0.04, 0.05, 0.05, 0.1)
"""Steps by which the effect of a mean (in spreads), spread (in shares), slope and skewness is
found."""
_FINE = (0.002, 0.005, 0.002, 0.02)
"""How near to a summary the values are to come, in the same units."""
_TIE, _LOOSEST, _TIGHTEST = 0.2, -0.6, 0.9
"""Step by which the effect of a tie is found, and its bounds."""
_MENDED = 6
"""The most numbers unmet that steps of single patients are tried to mend."""
_TRUST, _LEAST_TRUST = 3.0, 0.04
"""How far a step may go, in probes, at first and at least."""

Distances = Callable[[Floats], Floats]
"""Values to the distance of each printed number from ours, in halves of its last digit."""


@dataclass(frozen=True, eq=False)
class Found:
    """Values, and the distances of the printed numbers from those that the model gives for them.

    `tie` is of each arm, see `Course.tied`.
    """

    values: Floats
    away: Floats
    tie: Floats

    @property
    def unmet(self) -> int:
        return int((np.abs(self.away) > 1).sum())

    @property
    def loss(self) -> float:
        return float(_loss(self.away))

    @property
    def enough(self) -> bool:
        return bool(np.abs(self.away).max() <= _ENOUGH)

    @property
    def order(self) -> tuple[int, float]:
        """The least is the best."""
        return self.unmet, self.loss


def _loss(away: Floats) -> Floats:
    """How far beyond a printed digit in sum; where none is, the farthest distance counts.

    `away` has a row a number; the loss has the shape of the rest.
    """
    far = np.abs(away)
    beyond = np.maximum(far - _NEAR, 0).sum(axis=0)
    return np.asarray(beyond + _SURE * np.minimum(far.max(axis=0), _NEAR), np.float64)


def search(
    course: Course,
    distances: Distances,
    values: Floats,
    effects: Floats,
    *,
    most: int,
    singles: int = 0,
) -> Found:
    """Values at which most printed numbers are met.

    Each step is a linear program: the summary whose predicted distances exceed a printed digit by
    least in sum, within reach of the last; effects are learnt from every step (Broyden). Steps of
    single patients follow.

    Args:
        course: Values that may be moved.
        distances: Of values, from the model.
        values: Where to begin.
        effects: What is expected of the summary on the distances, shape (distances, summary); the
            columns of slope, skewness and ties are found.
        most: Evaluations of the model for the summary.
        singles: Evaluations for single patients.
    """
    course = course.near(values)
    ties, fine = np.zeros(course.arms), course.scale(_FINE)
    probe = np.concatenate([course.scale(_PROBE), ties + _TIE])

    def towards(here: Found, move: Floats) -> Found:
        tie = np.clip(here.tie + move[-ties.size :], _LOOSEST, _TIGHTEST)
        wanted = course.summary(here.values) + move[: -ties.size]
        there = edited(course, course.tied(here.values, tie), wanted, fine)
        return Found(there, distances(there), tie)

    def learnt(effects: Floats, here: Found, there: Found) -> Floats:
        return _learnt(effects, here, there, (_place(course, there) - _place(course, here)) / probe)

    effects = np.pad(effects, ((0, 0), (0, ties.size))) * probe
    best, unknown = Found(values, distances(values), ties), 2 + ties.size
    for move in np.diag(probe)[-unknown:]:
        effects = learnt(effects, best, towards(best, move))
    fewest, trust = best, _TRUST
    for _ in range(most - 1 - unknown):
        if best.enough or trust < _LEAST_TRUST:
            break
        there = towards(best, _step(best.away, effects, trust) * probe)
        effects = learnt(effects, best, there)
        fewest = min(fewest, there, key=lambda each: each.order)
        if there.loss < best.loss:
            best, trust = there, trust * 1.5
        else:
            trust *= 0.5
    if fewest.unmet > _MENDED:
        return fewest
    return _by_singles(course, distances, fewest, effects / probe, probe, singles)


def _place(course: Course, found: Found) -> Floats:
    return np.concatenate([course.summary(found.values), found.tie])


def _learnt(effects: Floats, here: Found, there: Found, move: Floats) -> Floats:
    """Effects that agree with a move from one to the other (Broyden)."""
    wrong = there.away - here.away - effects @ move
    return effects + np.outer(wrong, move) / max(float(move @ move), _LEAST_TRUST**2)


def _step(away: Floats, effects: Floats, reach: float) -> Floats:
    """The move that brings most of the distances within a printed digit."""
    size, free = effects.shape
    # Unknowns: the move, the excess of each distance, and the largest distance among those met.
    cost = np.concatenate([np.zeros(free), np.ones(size), [_SURE]])
    spare = np.hstack([-np.eye(size), -np.ones((size, 1))])
    rules = np.vstack([np.hstack([effects, spare]), np.hstack([-effects, spare])])
    bounds = [*[(-reach, reach)] * free, *[(0, None)] * size, (0, _NEAR)]
    found = linprog(cost, A_ub=rules, b_ub=np.concatenate([-away, away]), bounds=bounds)
    return np.asarray(found.x[:free], np.float64)  # pyright: ignore[reportUnknownMemberType]


# -- steps of single patients --------------------------------------------------------------------


def _by_singles(
    course: Course, distances: Distances, best: Found, effects: Floats, probe: Floats, most: int
) -> Found:
    """Values with a step of one or two patients at a time, while the model gives less to miss."""
    barred: set[tuple[int, int]] = set()
    for _ in range(most):
        if best.enough:
            break
        record, change = course.single_steps(best.values)
        expected = effects[:, : -best.tie.size] @ course.effects(best.values)
        expected = expected[:, np.searchsorted(np.flatnonzero(course.last), record)] * change
        pair = _likeliest(best, expected, barred)
        if pair is None:
            break
        values = best.values.copy()
        # A pair of a step with itself is the one step.
        values[record[[*pair]]] += change[[*pair]]
        there = Found(values, distances(values), best.tie)
        move = (_place(course, there) - _place(course, best)) / probe
        effects = _learnt(effects * probe, best, there, move) / probe
        barred.add(pair)
        if there.loss < best.loss:
            best, barred = there, set()
    return best


def _likeliest(
    found: Found, expected: Floats, barred: set[tuple[int, int]]
) -> tuple[int, int] | None:
    """The step, or the two, from which least to miss is expected; None where all is no gain.

    Args:
        found: The values now.
        expected: What each step does to the distances, shape (distances, steps).
        barred: Pairs that were tried.
    """
    least, best = found.loss, None
    for first in range(expected.shape[1]):
        alone = found.away[:, None] + expected[:, first, None]
        both = alone + expected[:, first:]
        both[:, 0] = alone[:, 0]
        loss = _loss(both)
        loss[[second - first for own, second in barred if own == first]] = np.inf
        second = int(loss.argmin())
        if loss[second] < least:
            least, best = float(loss[second]), (first, first + second)
    return best
