"""Choice from small pools: counts and windows that can hold are held, and others told."""

import numpy as np
import pytest

from openlupus.twin.choose import choose
from openlupus.twin.classes import Problem, barred, off
from openlupus.twin.targets import Target

ARM = np.array(["a"] * 120 + ["b"] * 120)
SIZES = {"a": 20, "b": 24}


def target(weight, low, high, *, whole=True, group="") -> Target:
    inside = np.ones(len(ARM)) if not group else (group == ARM) * 1.0
    return Target(("t", "r", "c"), "n", group, weight * inside, low, high, whole)


def problem(*asked: Target, open_=None, structural=None) -> Problem:
    everyone = np.ones(len(ARM), np.bool_)
    return Problem(asked, ARM, everyone if open_ is None else open_, SIZES, structural)


def counts(seed: int, many: int = 6) -> tuple[list[Target], np.ndarray]:
    """Counts of some choice, by arm, and this choice."""
    rng = np.random.default_rng(seed)
    there = [rng.permutation(np.flatnonzero(arm == ARM))[:n] for arm, n in SIZES.items()]
    chosen = np.isin(np.arange(len(ARM)), np.concatenate(there))
    weights = (rng.random((many, len(ARM))) < 0.4) * 1.0
    made = [
        target(w, (w * (arm == ARM))[chosen].sum(), (w * (arm == ARM))[chosen].sum(), group=arm)
        for w in weights for arm in SIZES
    ]  # fmt: skip
    return made, chosen


def sizes_of(chosen: np.ndarray) -> dict[str, int]:
    return {arm: int(chosen[arm == ARM].sum()) for arm in SIZES}


@pytest.mark.parametrize("seed", range(5))
def test_counts_that_some_choice_has_are_held(seed: int):
    made, _ = counts(seed)
    asked = problem(*made)
    chosen = choose(asked, np.random.default_rng(seed))
    assert sizes_of(chosen) == SIZES
    for each in made:
        assert each.weight[chosen].sum() == each.low
    assert off(asked, chosen).sum() == 0


@pytest.mark.parametrize("seed", range(5))
def test_windows_are_held_by_exchanges_beside_counts(seed: int):
    rng = np.random.default_rng(100 + seed)
    made, own = counts(seed, many=2)
    ages = rng.normal(40, 10, len(ARM))
    for arm in SIZES:
        inside = ages * (arm == ARM)
        for values, about in ((inside, 0.5), (inside**2 / 40, 2.0)):
            total = values[own].sum()
            made.append(target(values, total - about, total + about, whole=False))
    structural = np.array([each.whole for each in made])
    asked = problem(*made, structural=structural)
    chosen = choose(asked, np.random.default_rng(seed), steps=4000, starts=2)
    assert sizes_of(chosen) == SIZES
    for each in made:
        assert each.low - 1e-7 <= each.weight[chosen].sum() <= each.high + 1e-7


def test_the_same_seed_chooses_the_same_and_another_others():
    asked = problem(*counts(1)[0])
    first, again, other = (choose(asked, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_what_cannot_be_held_is_told_by_how_much():
    weight = np.zeros(len(ARM))
    weight[:7] = 1
    asked = problem(target(weight, 9, 9))
    chosen = choose(asked, np.random.default_rng(1), steps=50)
    assert sizes_of(chosen) == SIZES
    assert off(asked, chosen).tolist() == [9 - weight[chosen].sum()]
    assert weight[chosen].sum() <= 7


def test_a_window_is_missed_in_half_widths():
    asked = problem(
        target(np.ones(len(ARM)), 50, 54, whole=False), target(np.ones(len(ARM)), 41, 42)
    )
    chosen = choose(asked, np.random.default_rng(1))
    assert chosen.sum() == 44
    assert off(asked, chosen).tolist() == [(50 - 44) / 2, 44 - 42]


def test_nobody_is_chosen_who_is_like_nobody():
    few = np.zeros(len(ARM))
    few[::3] = 1
    none, some = target(few, 0, 0), target(1 - few, 0, 10)
    closed = barred([none, some], len(ARM))
    assert (closed == (few > 0)).all()
    chosen = choose(problem(open_=~closed), np.random.default_rng(1))
    assert sizes_of(chosen) == SIZES
    assert not (chosen & closed).any()


def test_a_mean_of_nought_bars_nobody():
    assert not barred([target(np.ones(len(ARM)), -1, 0, whole=False)], len(ARM)).any()
