"""Conflicting conditions: against enumeration of all choices, and on cells as papers print them."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from openlupus.errors import ConflictError
from openlupus.twin.conflict import in_words, relaxed, smallest_conflict

Floats = NDArray[np.float64]
SEX = np.repeat([1.0, 0.0], [8, 4])
RACE = np.tile(np.eye(3), 4)


def enumerated(rows: Floats, low: Floats, high: Floats, size: int) -> bool:
    """Whether any choice at all meets the conditions."""
    chosen = [list(some) for some in combinations(range(rows.shape[1]), size)]
    sums = np.array([rows[:, some].sum(axis=1) for some in chosen])
    return bool(((sums >= low - 1e-9) & (sums <= high + 1e-9)).all(axis=1).any())


def invented(seed: int) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Seven conditions of five cells on ten candidates; about half of the sets conflict."""
    rng = np.random.default_rng(seed)
    rows = (rng.random((7, 10)) < 0.5).astype(np.float64)
    rows[5] = rng.integers(20, 70, 10)
    rows[6] *= 2
    wanted = rows[:, rng.choice(10, 4, replace=False)].sum(axis=1)
    wanted[:5] += rng.choice([-1, 0, 0, 0, 1], 5)
    wanted[6] += rng.choice([0, 0, 1])
    slack = np.array([0, 0, 0, 0, 0, 10.0, 0])
    return rows, wanted - slack, wanted + slack, np.array([3, 3, 5, 5, 7, 8, 9])


@pytest.mark.parametrize("seed", range(30))
def test_a_conflict_is_one_and_none_of_its_cells_can_be_spared(seed: int):
    rows, low, high, groups = invented(seed)
    found = smallest_conflict(rows, low, high, 4, groups=groups.tolist())

    def holds(cells: list[int]) -> bool:
        asked = np.isin(groups, cells)
        return enumerated(rows[asked], low[asked], high[asked], 4)

    if found is None:
        assert holds([3, 5, 7, 8, 9])
    else:
        assert not holds(found)
        assert all(holds([cell for cell in found if cell != spared]) for spared in found)


@pytest.mark.parametrize("seed", range(30))
def test_what_is_kept_can_hold(seed: int):
    rows, low, high, groups = invented(seed)
    rest = relaxed(rows, low, high, 4, groups=groups.tolist())
    kept = np.isin(groups, rest.kept)
    assert enumerated(rows[kept], low[kept], high[kept], 4)
    assert sorted([*rest.kept, *(cell for _, cell in rest.dropped)]) == [3, 5, 7, 8, 9]
    assert all(cell in conflict for conflict, cell in rest.dropped)


def test_the_enumerated_cases_are_of_all_kinds():
    kinds = set[tuple[bool, bool]]()
    for rows, low, high, groups in map(invented, range(30)):
        whole, divided = (
            smallest_conflict(rows, low, high, 4, groups=groups.tolist(), nodes=nodes)
            for nodes in (20, 0)
        )
        kinds.add((whole is None, divided is None))
    assert kinds == {(True, True), (False, False), (False, True)}


def test_races_that_add_up_to_more_than_the_arm_conflict_and_others_do_not():
    rows = np.vstack([SEX, RACE])
    wanted = [5, 2, 3, 2]
    assert smallest_conflict(rows, wanted, wanted, 6) == [1, 2, 3]
    rest = relaxed(rows, wanted, wanted, 6)
    assert rest.kept[0] == 0
    assert len(rest.dropped) == 1


def test_the_cell_that_is_furthest_off_is_dropped():
    rows = np.vstack([SEX, SEX, SEX])
    rest = relaxed(rows, [2, 2, 5], [2, 2, 5], 6)
    assert [cell for _, cell in rest.dropped] == [2]
    assert rest.kept == (0, 1)


def test_a_mean_outside_what_candidates_have_conflicts_by_itself():
    ages = np.linspace(20, 60, 12)
    rows = np.vstack([SEX, ages])
    assert smallest_conflict(rows, [3, 6 * 60.5], [3, np.inf], 6) == [1]


def test_an_odd_sum_of_even_weights_needs_whole_candidates():
    rows = np.vstack([SEX, 2 * SEX])
    assert smallest_conflict(rows, [0, 5], [6, 5], 6) == [1]
    assert smallest_conflict(rows, [0, 5], [6, 5], 6, nodes=0) is None
    assert relaxed(rows, [0, 5], [6, 5], 6).dropped == (((1,), 1),)


def test_a_large_set_is_reduced():
    rng = np.random.default_rng(4)
    rows = (rng.random((120, 800)) < rng.uniform(0.05, 0.7, (120, 1))).astype(np.float64)
    wanted = rows[:, rng.choice(800, 80, replace=False)].sum(axis=1)
    # Condition 70 counts patients with any of the events 71 to 73, and is below one of them.
    rows[70] = rows[71:74].max(axis=0)
    wanted[70], wanted[71:74] = 20, [21, 15, 18]
    assert smallest_conflict(rows, wanted, wanted, 80, nodes=0) == [70, 71]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (3, 0, 4, 1, 2)])
def test_of_several_conflicts_the_smallest_is_told(order: tuple[int, ...]):
    rows, wanted = np.vstack([RACE, SEX, SEX])[list(order)], np.array([3, 3, 2, 4, 5])
    found = smallest_conflict(rows, wanted[list(order)], wanted[list(order)], 6)
    assert found is not None
    assert sorted(order[i] for i in found) == [3, 4]


def test_one_conflict_after_the_other_is_given_up():
    rows = np.vstack([RACE, SEX, SEX])
    low = high = np.array([2, 3, 2, 4, 5.0])
    rest = relaxed(rows, low, high, 6)
    assert len(rest.dropped) == 2
    assert {conflict for conflict, _ in rest.dropped} == {(0, 1, 2), (3, 4)}


def test_arms_are_of_their_sizes_whatever_is_given_up():
    # The cells of both arms together ask for more women than the second arm leaves room for.
    arm = np.tile([0, 1], 6)
    women = np.append(np.ones(6), np.zeros(6))
    rows = np.vstack([women * (arm == 0), women, RACE[0]])
    assert smallest_conflict(rows, [1, 4, 2], [1, 4, 2], [2, 3], arm=arm.tolist()) is None
    assert smallest_conflict(rows, [1, 5, 2], [1, 5, 2], [2, 3], arm=arm.tolist()) == [0, 1]
    rest = relaxed(rows, [1, 5, 2], [1, 5, 2], [2, 3], arm=arm.tolist())
    assert len(rest.dropped) == 1


def test_a_conflict_is_told_by_its_cells():
    races = [("Table 1", f"Race|{name}", "Placebo", "29 (49)") for name in ("Asian", "White")]
    assert in_words([*races, races[0]]) == (
        "These 2 cells cannot hold together: Table 1, Race, Asian, Placebo: 29 (49);"
        " Table 1, Race, White, Placebo: 29 (49)."
    )
    assert in_words(races[:1]).startswith("This cell cannot hold with the patients to choose from:")


@pytest.mark.parametrize(
    ("rows", "low", "size", "says"),
    [
        ([[1, 0]], [1, 1], 1, "do not go with"),
        ([[1, np.nan]], [1], 1, "is missing"),
        ([[1, 0]], [1], 3, "3 of 2 candidates"),
        ([[1, 0]], [1], 0, "0 of 2 candidates"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    rows: list[list[float]], low: list[float], size: int, says: str
):
    with pytest.raises(ConflictError, match=says):
        smallest_conflict(rows, low, low, size)


@pytest.mark.parametrize(
    ("arm", "says"), [([0, 2], "an arm from 0 to 1"), ([0, 0], "1 of 0 candidates")]
)
def test_arms_that_cannot_be_are_refused(arm: list[int], says: str):
    with pytest.raises(ConflictError, match=says):
        smallest_conflict([[1, 0]], [1], [1], [1, 1], arm=arm)
