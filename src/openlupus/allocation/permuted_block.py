"""Permuted blocks: within each block every arm has its share, in random order.

Source: Zelen, J Chronic Dis 1974;27:365; stratified: Matts & Lachin, Control Clin Trials
1988;9:327.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import AllocationError

Arms = NDArray[np.intp]


def permuted_blocks(
    places: int, ratio: Sequence[int], rng: np.random.Generator, *, multiples: Sequence[int] = (1,)
) -> Arms:
    """The first `places` places of one randomisation list.

    Args:
        places: How many places are needed; the last block may be cut short.
        ratio: Whole number of places of each arm in the smallest block, each at least 1. A ratio
            that can be shortened (4:2) is not shortened.
        rng: Source of all randomness.
        multiples: Sizes that a block may have, in smallest blocks; each block takes one of them
            with equal probability. Several sizes make the last places of a block harder to guess.

    Returns:
        Position of the arm in `ratio`, shape (places,).

    Raises:
        AllocationError: a negative number of places, no arm, or a ratio or multiple below 1.
    """
    _check(ratio, multiples)
    if places < 0:
        raise AllocationError(f"a list cannot have {places} places")
    smallest = np.repeat(np.arange(len(ratio)), ratio)
    blocks: list[Arms] = []
    filled = 0
    while filled < places:
        block = rng.permutation(np.tile(smallest, rng.choice(np.asarray(multiples))))
        blocks.append(block)
        filled += len(block)
    return np.concatenate([np.empty(0, np.intp), *blocks])[:places]


def stratified_blocks(
    stratum: ArrayLike,
    ratio: Sequence[int],
    rng: np.random.Generator,
    *,
    multiples: Sequence[int] = (1,),
) -> Arms:
    """The arm of each patient when every stratum has a list of its own.

    Args:
        stratum: Whole number of the patient's stratum, shape (patients,), in order of arrival.
        ratio: As for `permuted_blocks`.
        rng: As for `permuted_blocks`.
        multiples: As for `permuted_blocks`.

    Returns:
        Position of the arm in `ratio`, shape (patients,): patients of one stratum take the places
        of its list in order of arrival.

    Raises:
        AllocationError: as for `permuted_blocks`, or strata that are no whole numbers.
    """
    _check(ratio, multiples)
    strata = np.asarray(stratum)
    if strata.ndim != 1 or not (strata.size == 0 or np.issubdtype(strata.dtype, np.integer)):
        raise AllocationError("strata must be one whole number a patient")
    arm = np.empty(len(strata), np.intp)
    for level in np.unique(strata):
        members = np.flatnonzero(strata == level)
        arm[members] = permuted_blocks(len(members), ratio, rng, multiples=multiples)
    return arm


def _check(ratio: Sequence[int], multiples: Sequence[int]) -> None:
    for name, numbers in (("ratio", ratio), ("multiples", multiples)):
        if not len(numbers) or any(number < 1 or number != int(number) for number in numbers):
            raise AllocationError(
                f"{name} must be whole numbers of at least 1, not {list(numbers)}"
            )
