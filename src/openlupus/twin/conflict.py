"""Conditions on who is chosen that cannot all hold: the smallest conflicting set, and what gives.

So many candidates of each arm are chosen, each at most once. A condition bounds the sum of its
weights over those chosen. Conditions of one printed cell form a group, kept or dropped together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from openlupus.twin.conditions import (
    ROUNDING,
    Conditions,
    Groups,
    least_violation,
    least_violation_whole,
    possible,
    read_conditions,
    smallest_hitting,
    violated_beside,
)

# Mostly the first branch tells whether whole candidates can be chosen, or none does.
_NODES = 20
# Choices after which a smaller conflict is no longer looked for.
_CHOICES = 60


@dataclass(frozen=True, slots=True)
class Relaxed:
    """Which cells are given up so that the others can hold.

    Attributes:
        kept: Groups that can hold together, in order.
        dropped: Each conflict that was found, and which of its groups was dropped for it.
    """

    kept: Groups
    dropped: tuple[tuple[Groups, int], ...]


def smallest_conflict(
    rows: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    size: int | Sequence[int],
    *,
    groups: Sequence[int] | None = None,
    arm: Sequence[int] | None = None,
    nodes: int = _NODES,
) -> list[int] | None:
    """A set of conditions that cannot hold together, though it could without any one of them.

    Args:
        rows: Weights, shape (conditions, candidates).
        low: Least sum over those chosen, shape (conditions,); -inf for none.
        high: Largest sum, same shape; inf for none.
        size: How many candidates are chosen, of each arm where there are several.
        groups: Group of each condition; None puts each in a group of its own.
        arm: Arm of each candidate, counted from 0; None is one arm.
        nodes: Branches after which a choice that was not refuted is taken to be possible; 0 asks
            of fractions of candidates alone, which is fast and finds most conflicts.

    Returns:
        The groups, in the order of their first conditions; None where all conditions can hold.

    Raises:
        ConflictError: the conditions cannot be asked, or the solver cannot judge them.

    Source:
        Halving: Junker, AAAI 2004;167. Smallest sets: Ignatiev et al., CP 2015;173. Fractions of
        candidates are refuted by the dual prices of the least total violation (Farkas).
    """
    conditions = read_conditions(rows, low, high, size, groups=groups, arm=arm)
    found = _conflict(conditions, conditions.cells, nodes)
    return None if found is None else list(found)


def relaxed(
    rows: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    size: int | Sequence[int],
    *,
    groups: Sequence[int] | None = None,
    arm: Sequence[int] | None = None,
    nodes: int = _NODES,
) -> Relaxed:
    """Drop a group of each conflict until the rest can hold: the one that is violated most.

    Arguments and errors are those of `smallest_conflict`. How much a group is violated is seen in
    the choice with the least total violation of all, each condition in units of its widest
    difference between two candidates, so that counts and sums of measurements compare.
    """
    conditions = read_conditions(rows, low, high, size, groups=groups, arm=arm)
    kept, dropped = conditions.cells, list[tuple[Groups, int]]()
    while (conflict := _conflict(conditions, kept, nodes)) is not None:
        violated, _ = least_violation(conditions, kept)
        if sum(violated[group] for group in conflict) <= ROUNDING:
            violated = least_violation_whole(conditions, conflict, nodes)
        worst = max(conflict, key=violated.__getitem__)
        dropped.append((conflict, worst))
        kept = tuple(group for group in kept if group != worst)
    return Relaxed(kept, tuple(dropped))


def in_words(cells: Sequence[tuple[str, str, str, str]]) -> str:
    """A conflict as a sentence.

    Args:
        cells: Title of the table, row, label of the column, and text of each cell.
    """
    named = dict.fromkeys(
        f"{', '.join([title, *row.split('|'), column])}: {text}"
        for title, row, column, text in cells
    )
    if len(named) == 1:
        return f"This cell cannot hold with the patients to choose from: {next(iter(named))}."
    return f"These {len(named)} cells cannot hold together: {'; '.join(named)}."


# -- the search ------------------------------------------------------------------------------


def _conflict(conditions: Conditions, all_: Groups, nodes: int) -> Groups | None:
    """An irreducible conflict of whole candidates; the smallest, as far as fractions tell."""
    found = all_
    violated, priced = least_violation(conditions, all_)
    if sum(violated.values()) > ROUNDING:
        # Prices near zero may be lost to rounding, and the rest then proves nothing.
        found = all_ if _divisible(conditions, priced) else priced
        found = _irreducible((), found, lambda some: _divisible(conditions, some))
        found = _smaller(conditions, all_, than=found) or found
    elif possible(conditions, all_, nodes):
        return None
    found = _irreducible((), found, lambda some: possible(conditions, some, nodes))
    return tuple(group for group in conditions.cells if group in found)


def _irreducible(
    fixed: Groups, open_: Groups, holds: Callable[[Groups], bool], *, grown: bool = False
) -> Groups:
    """Those of `open_` that conflict with `fixed` and cannot be spared; both together conflict."""
    if grown and not holds(fixed):
        return ()
    if len(open_) == 1:
        return open_
    first, second = open_[: len(open_) // 2], open_[len(open_) // 2 :]
    of_second = _irreducible(fixed + first, second, holds, grown=True)
    of_first = _irreducible(fixed + of_second, first, holds, grown=bool(of_second))
    return of_first + of_second


def _smaller(conditions: Conditions, groups: Groups, *, than: Groups) -> Groups | None:
    """The smallest conflict of fractions where it is smaller; None too where the search is long.

    Every conflict has a member among the groups that some choice violates. A smallest set with a
    member among those of each choice so far either is a conflict, or gives another choice.
    """
    sets = list[Groups]()
    for _ in range(_CHOICES):
        held = smallest_hitting(sets)
        if len(held) >= len(than):
            return None
        beside = violated_beside(conditions, groups, held)
        if beside is None:
            return held
        if not beside:
            # What is violated is so little in each group that it passes for rounding.
            return None
        sets.append(beside)
    return None


def _divisible(conditions: Conditions, groups: Groups) -> bool:
    """Whether the groups can hold if fractions of candidates may be chosen."""
    return sum(least_violation(conditions, groups)[0].values()) <= ROUNDING
