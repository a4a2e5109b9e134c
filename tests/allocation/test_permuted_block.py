"""Randomisation lists keep their ratio, block by block and stratum by stratum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.allocation import permuted_blocks, stratified_blocks
from openlupus.errors import AllocationError

ratios = st.lists(st.integers(1, 4), min_size=1, max_size=5)
seeds = st.integers(0, 2**32)


def counts(arms, ratio):
    return np.bincount(arms, minlength=len(ratio))


@given(ratios, st.integers(0, 20), seeds)
def test_every_complete_block_has_the_ratio(ratio, blocks, seed):
    size = sum(ratio)
    arms = permuted_blocks(blocks * size, ratio, np.random.default_rng(seed))
    for block in arms.reshape(blocks, size):
        assert counts(block, ratio).tolist() == ratio


@given(ratios, st.integers(0, 200), seeds)
def test_at_no_time_is_an_arm_ahead_by_more_than_its_share_of_a_block(ratio, places, seed):
    arms = permuted_blocks(places, ratio, np.random.default_rng(seed))
    taken = np.cumsum(arms[:, None] == np.arange(len(ratio)), axis=0)
    fair = np.arange(1, places + 1)[:, None] * np.array(ratio) / sum(ratio)
    assert (np.abs(taken - fair) <= np.array(ratio)).all()


@given(st.lists(st.integers(0, 3), max_size=150), ratios, seeds)
def test_each_stratum_has_a_list_of_its_own(strata, ratio, seed):
    arms = stratified_blocks(np.array(strata, int), ratio, np.random.default_rng(seed))
    for level in set(strata):
        mine = arms[np.array(strata) == level]
        whole = mine[: len(mine) // sum(ratio) * sum(ratio)]
        assert counts(whole, ratio).tolist() == [r * (len(mine) // sum(ratio)) for r in ratio]


@given(st.integers(0, 60), seeds)
def test_block_sizes_are_multiples_of_the_smallest(places, seed):
    arms = permuted_blocks(places, (2, 1), np.random.default_rng(seed), multiples=(2, 3))
    excess = np.abs(np.cumsum(np.where(arms == 0, 1, -2)))
    assert (excess <= 6).all()


def test_the_same_generator_gives_the_same_list():
    lists = [permuted_blocks(100, (2, 2, 1, 2), np.random.default_rng(7)) for _ in range(2)]
    assert np.array_equal(*lists)


def test_each_order_of_a_block_is_as_likely_as_any_other():
    arms = permuted_blocks(60_000, (2, 1), np.random.default_rng(1)).reshape(-1, 3)
    place_of_single = np.bincount(np.argmax(arms == 1, axis=1), minlength=3)
    # 20,000 blocks: the standard error of a third is 0.0033.
    assert place_of_single / len(arms) == pytest.approx(np.full(3, 1 / 3), abs=0.0133)


@pytest.mark.parametrize(
    ("ratio", "multiples", "message"),
    [
        ((), (1,), "ratio must be whole numbers of at least 1, not []"),
        ((2, 0), (1,), "ratio must be whole numbers of at least 1, not [2, 0]"),
        ((2, 1.5), (1,), "ratio must be whole numbers of at least 1, not [2, 1.5]"),
        ((2, 1), (), "multiples must be whole numbers of at least 1, not []"),
        ((2, 1), (0,), "multiples must be whole numbers of at least 1, not [0]"),
    ],
)
def test_refuses_what_is_no_ratio(ratio, multiples, message):
    with pytest.raises(AllocationError) as refusal:
        permuted_blocks(10, ratio, np.random.default_rng(1), multiples=multiples)
    assert str(refusal.value) == message


def test_refuses_a_negative_number_of_places():
    with pytest.raises(AllocationError, match="a list cannot have -1 places"):
        permuted_blocks(-1, (1, 1), np.random.default_rng(1))


def test_refuses_strata_that_are_no_numbers():
    with pytest.raises(AllocationError, match="one whole number a patient"):
        stratified_blocks([0.5, 1.5], (1, 1), np.random.default_rng(1))
