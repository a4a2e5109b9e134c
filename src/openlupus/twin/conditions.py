"""Conditions on who is chosen, and what a linear programme says about them.

So many candidates of each arm are chosen, each at most once. A condition bounds the sum of its
weights over those chosen. Conditions of one printed cell form a group, kept or dropped together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import ConflictError

Floats = NDArray[np.float64]
Groups = tuple[int, ...]

ROUNDING = 1e-6
"""Violations below this, in candidates, are the solver's rounding."""

# What the solver calls its outcomes; a limit on branches has no status of its own there.
_SOLVED, _INFEASIBLE, _UNDECIDED = 0, 2, (1, 4)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions in units of their widest difference; candidates with the same weights are one.

    Attributes:
        weights: Shape (conditions, kinds of candidates), in [0, 1].
        low, high: Bounds of the sums, shape (conditions,).
        alike: Candidates of each kind.
        arms: Whether each kind is of an arm, shape (arms, kinds).
        sizes: How many of each arm are chosen.
        groups: Group of each condition.
        cells: The groups, in order.
    """

    weights: Floats
    low: Floats
    high: Floats
    alike: Floats
    arms: Floats
    sizes: Floats
    groups: NDArray[np.int64]
    cells: Groups


def read_conditions(
    rows: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    size: int | Sequence[int],
    *,
    groups: Sequence[int] | None = None,
    arm: Sequence[int] | None = None,
) -> Conditions:
    """Conditions as they are asked; arguments as in `smallest_conflict`.

    Raises:
        ConflictError: shapes differ, a number is missing, or so many cannot be chosen.
    """
    weights = np.asarray(rows, np.float64)
    lower, upper = np.asarray(low, np.float64), np.asarray(high, np.float64)
    of = np.arange(len(lower)) if groups is None else np.asarray(groups, np.int64)
    if weights.ndim != 2 or not len(weights) == len(lower) == len(upper) == len(of):
        raise ConflictError(
            f"weights of shape {weights.shape} do not go with {len(lower)} least sums,"
            f" {len(upper)} largest sums and {len(of)} groups; give one of each for a condition"
        )
    if not np.isfinite(weights).all() or np.isnan(lower).any() or np.isnan(upper).any():
        raise ConflictError("a weight or a bound is missing; leave out what has no value")
    sizes = np.atleast_1d(np.asarray(size, np.float64))
    member = np.zeros(weights.shape[1]) if arm is None else np.asarray(arm)
    arms = (member == np.arange(len(sizes))[:, None]).astype(np.float64)
    if member.shape != weights.shape[1:] or not arms.any(axis=0).all():
        raise ConflictError(f"each candidate needs an arm from 0 to {len(sizes) - 1}")
    for chosen, there in zip(sizes, arms.sum(axis=1), strict=True):
        if not 1 <= chosen <= there:
            raise ConflictError(f"{chosen:g} of {there:g} candidates cannot be chosen")
    least: Floats = weights.min(axis=1)
    spread: Floats = weights.max(axis=1) - least
    unit: Floats = np.where(spread > 0, spread, np.maximum(np.abs(least), 1))
    scaled = np.vstack([(weights - least[:, None]) / unit[:, None], arms])
    kinds, alike = np.unique(scaled, axis=1, return_counts=True)
    lower, upper = (lower - sizes.sum() * least) / unit, (upper - sizes.sum() * least) / unit
    return Conditions(
        weights=kinds[: len(of)], low=lower, high=upper, alike=alike.astype(np.float64),
        arms=kinds[len(of) :], sizes=sizes, groups=of, cells=tuple(dict.fromkeys(of.tolist())),
    )  # fmt: skip


def least_violation(conditions: Conditions, groups: Groups) -> tuple[dict[int, float], Groups]:
    """Violation of each group where it is least in total, and the groups that make it so."""
    a, b, of = _inequalities(conditions, groups)
    found = _divided(conditions, a, b, np.full(len(b), np.inf))
    if found.status != _SOLVED:
        raise _undecided(groups)
    prices = np.abs(np.asarray(found.ineqlin.marginals, np.float64))
    priced = set(of[prices > ROUNDING].tolist())
    violated = _by_group(groups, of, _violations(conditions, found))
    return violated, tuple(group for group in groups if group in priced)


def violated_beside(conditions: Conditions, groups: Groups, held: Groups) -> Groups | None:
    """Groups that are violated where those held are not; None where these cannot be held."""
    a, b, of = _inequalities(conditions, groups)
    found = _divided(conditions, a, b, np.where(np.isin(of, held), 0, np.inf))
    if found.status == _INFEASIBLE:
        return None
    if found.status != _SOLVED:
        raise _undecided(groups)
    violated = _by_group(groups, of, _violations(conditions, found))
    return tuple(group for group in groups if violated[group] > ROUNDING and group not in held)


def possible(conditions: Conditions, groups: Groups, nodes: int) -> bool:
    """Whether whole candidates can be chosen, as far as so many branches tell."""
    if not nodes:
        return True
    a, b, _ = _inequalities(conditions, groups)
    found = _whole(np.zeros(len(conditions.alike)), a, b, conditions, conditions.alike, nodes)
    if found.status not in (_SOLVED, _INFEASIBLE, *_UNDECIDED):
        raise _undecided(groups)
    return found.status != _INFEASIBLE


def least_violation_whole(conditions: Conditions, groups: Groups, nodes: int) -> dict[int, float]:
    """Violation of each group for the best choice of whole candidates that was found."""
    a, b, of = _inequalities(conditions, groups)
    cost, left, most = _elastic(conditions, a, np.full(len(b), np.inf))
    found = _whole(cost, left, b, conditions, most, nodes)
    if found.status not in (_SOLVED, *_UNDECIDED):
        raise _undecided(groups)
    if found.x is None:
        return dict.fromkeys(groups, 0.0)
    return _by_group(groups, of, _violations(conditions, found))


def smallest_hitting(sets: Sequence[Groups]) -> Groups:
    """A smallest set that has a member in common with each of these."""
    from scipy.optimize import Bounds, milp  # pyright: ignore[reportUnknownVariableType]

    members = tuple(sorted({group for each in sets for group in each}))
    if not members:
        return ()
    hits = np.array([np.isin(members, each) for each in sets], np.float64)
    ones = np.ones(len(members))
    found: Any = milp(ones, integrality=ones, bounds=Bounds(0, 1), constraints=(hits, 1, np.inf))
    if found.status != _SOLVED:
        raise _undecided(members)
    return tuple(member for member, x in zip(members, found.x, strict=True) if x > 0.5)


# -- the programmes --------------------------------------------------------------------------


def _inequalities(
    conditions: Conditions, groups: Groups
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """(a, b, group): a @ x <= b says that the groups hold."""
    asked = np.isin(conditions.groups, groups)
    above = np.flatnonzero(asked & np.isfinite(conditions.high))
    below = np.flatnonzero(asked & np.isfinite(conditions.low))
    a = np.vstack([conditions.weights[above], -conditions.weights[below]])
    b = np.concatenate([conditions.high[above], -conditions.low[below]])
    return a, b, conditions.groups[np.concatenate([above, below])]


def _elastic(conditions: Conditions, a: Floats, allowed: Floats) -> tuple[Floats, Floats, Floats]:
    """Costs, left-hand sides and upper bounds with a violation, up to what is allowed, of each."""
    kinds, many = len(conditions.alike), len(a)
    cost = np.repeat([0.0, 1.0], [kinds, many])
    return cost, np.hstack([a, -np.eye(many)]), np.append(conditions.alike, allowed)


def _divided(conditions: Conditions, a: Floats, b: Floats, allowed: Floats) -> Any:
    """The solver's answer with fractions of candidates, least violation in total."""
    from scipy.optimize import linprog  # pyright: ignore[reportUnknownVariableType]

    cost, left, most = _elastic(conditions, a, allowed)
    bounds = np.column_stack([np.zeros(len(most)), most])
    arms = _with_violations(conditions.arms, len(cost))
    return linprog(cost, A_ub=left, b_ub=b, A_eq=arms, b_eq=conditions.sizes, bounds=bounds)


def _whole(
    cost: Floats, left: Floats, right: Floats, conditions: Conditions, most: Floats, nodes: int
) -> Any:
    """The solver's answer with whole candidates; violations stay divisible."""
    from scipy.optimize import Bounds, milp  # pyright: ignore[reportUnknownVariableType]

    arms, sizes = _with_violations(conditions.arms, len(cost)), conditions.sizes
    least = np.append(np.full(len(left), -np.inf), sizes)
    return milp(
        cost,
        integrality=np.arange(len(cost)) < len(conditions.alike),
        bounds=Bounds(0, cast(Any, most)),
        constraints=(np.vstack([left, arms]), least, np.append(right, sizes)),
        options={"node_limit": nodes},
    )


def _with_violations(arms: Floats, columns: int) -> Floats:
    """The arms over candidates and violations, which are of no arm."""
    return np.pad(arms, ((0, 0), (0, columns - arms.shape[1])))


def _violations(conditions: Conditions, found: Any) -> Floats:
    return np.asarray(found.x, np.float64)[len(conditions.alike) :]


def _by_group(groups: Groups, of: NDArray[np.int64], violation: Floats) -> dict[int, float]:
    return {group: float(violation[of == group].sum()) for group in groups}


def _undecided(groups: Groups) -> ConflictError:
    return ConflictError(
        f"whether {len(groups)} conditions can hold together could not be decided; look for"
        " weights or bounds of very different size"
    )
