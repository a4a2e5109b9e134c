"""Numbers of each class: several ways to count, and which of them the candidates can have."""

from dataclasses import replace

import numpy as np

from openlupus.twin.choose import choose
from openlupus.twin.classes import Problem, off, settled
from openlupus.twin.targets import Either, Target

ARM = np.array(["a"] * 100)
EVERYONE = np.ones(100, np.bool_)


def counted(there: range, low: float, high: float) -> Target:
    weight = np.zeros(100)
    weight[there] = 1
    return Target(("t", "r", "a"), str(there), "a", weight, low, high, course=True)


def problem(*asked: Target) -> Problem:
    return Problem(asked, ARM, EVERYONE, {"a": 30})


def test_the_way_that_the_candidates_have_is_taken():
    first, second = counted(range(5), 0, 20), counted(range(50, 100), 0, 20)
    either = Either((first, second), np.array([[20, 10], [3, 16], [0, 40]]))
    found, missed, _ = settled(problem(first, second), [either], np.random.default_rng(1))
    assert missed == 0
    assert [(t.low, t.high) for t in found] == [(3, 3), (16, 16)]
    assert [t.part for t in found] == [first.part, second.part]


def test_what_the_best_way_misses_is_told():
    first = counted(range(5), 0, 20)
    either = Either((first,), np.array([[20], [9]]))
    found, missed, _ = settled(problem(first), [either], np.random.default_rng(1))
    # Some of a class are left for exchanges: 3 of these 5 may be chosen.
    assert (found[0].low, missed) == (9, 6)


def test_ways_of_several_go_with_a_count_that_stands():
    left, right = counted(range(40), 0, 30), counted(range(60, 100), 0, 30)
    both = replace(left, weight=left.weight + right.weight, low=25, high=25)
    either = [Either((t,), np.array([[5], [10], [20]])) for t in (left, right)]
    found, missed, _ = settled(problem(left, right, both), either, np.random.default_rng(1))
    assert missed == 0
    assert sorted(t.low for t in found) == [5, 20]
    asked = problem(*found, both)
    assert off(asked, choose(asked, np.random.default_rng(1))).sum() == 0


def test_without_ways_all_is_as_it_stands():
    assert settled(problem(counted(range(50), 10, 10)), [], np.random.default_rng(1))[:2] == (
        [],
        0.0,
    )


def test_a_total_that_its_arms_hold_is_not_asked_for_twice():
    rng = np.random.default_rng(3)
    arm = np.array(["a"] * 60 + ["b"] * 60)
    values = rng.normal(40, 10, 120)
    asked: list[Target] = []
    for group in ("a", "b", "both"):
        inside = np.ones(120) if group == "both" else (arm == group) * 1.0
        few = inside * (np.arange(120) % 3 == 0)
        n = 20.0 if group == "both" else 10.0
        about = 1.0 if group != "both" else 0.3
        middle = 40 * 15 * inside.sum() / 60
        asked.append(Target(("t", "few", group), "n", group, few, n, n))
        window = (middle - about, middle + about)
        asked.append(Target(("t", "mean", group), "mean", group, values * inside, *window, False))
    either = Problem(
        asked, arm, np.ones(120, np.bool_), {"a": 15, "b": 15},
        np.array([t.whole and t.group != "both" for t in asked]),
    )  # fmt: skip
    chosen = choose(either, rng, steps=3000, starts=3)
    # The total of counts is that of the arms; the total of means is narrower, and is held too.
    assert off(either, chosen).sum() == 0
