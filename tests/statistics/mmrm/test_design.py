"""Columns as R codes them, least-squares means, type II and III hypotheses."""

import numpy as np
import pytest

from openlupus.errors import RankDeficiencyError, StatisticsError
from openlupus.statistics.mmrm.clda import constrained_columns
from openlupus.statistics.mmrm.design import Covariate, Design, Factor, design
from openlupus.statistics.mmrm.hypotheses import type_three, type_two
from openlupus.statistics.mmrm.lsmeans import lsmeans

ROWS = 60
RNG = np.random.default_rng(1)
ARM = Factor(("A", "B"), RNG.integers(0, 2, ROWS))
SEX = Factor(("F", "M"), RNG.integers(0, 2, ROWS))
VISIT = Factor(("V1", "V2", "V3"), RNG.integers(0, 3, ROWS))
AGE = Covariate(RNG.normal(50, 10, ROWS))
VARIABLES = {"arm": ARM, "sex": SEX, "visit": VISIT, "age": AGE}


def built(*terms: tuple[str, ...], intercept: bool = True) -> Design:
    own = {name: VARIABLES[name] for term in terms for name in term}
    return design(terms, own, rows=ROWS, intercept=intercept)


def test_treatment_coding_with_the_first_level_as_reference() -> None:
    got = built(("arm",), ("visit",), ("arm", "visit"))
    assert got.names == (
        "(Intercept)", "armB", "visitV2", "visitV3", "armB:visitV2", "armB:visitV3",
    )  # fmt: skip
    np.testing.assert_array_equal(got.x[:, 4], (ARM.codes == 1) & (VISIT.codes == 1))


def test_the_first_variable_of_an_interaction_runs_fastest() -> None:
    got = built(("visit",), ("arm",), ("visit", "arm"))
    assert got.names[-2:] == ("visitV2:armB", "visitV3:armB")


@pytest.mark.parametrize(
    ("terms", "intercept", "names"),
    [
        # As model.matrix() of R 4.2 names them.
        ([("arm", "visit")], False, ["armA:visitV1", "armB:visitV1", "armA:visitV2",
                                     "armB:visitV2", "armA:visitV3", "armB:visitV3"]),
        ([("arm",)], False, ["armA", "armB"]),
        ([("visit",), ("arm", "visit")], True,
         ["(Intercept)", "visitV2", "visitV3", "armB:visitV1", "armB:visitV2", "armB:visitV3"]),
        ([("arm",), ("arm", "age")], True, ["(Intercept)", "armB", "armA:age", "armB:age"]),
        ([("age",), ("arm", "age")], True, ["(Intercept)", "age", "armB:age"]),
    ],
)  # fmt: skip
def test_a_factor_whose_margin_is_absent_has_every_level(terms, intercept, names) -> None:
    assert list(built(*terms, intercept=intercept).names) == names


def test_refuses_a_factor_with_one_level() -> None:
    one = {"arm": Factor(("A",), np.zeros(ROWS, np.int64))}
    with pytest.raises(RankDeficiencyError, match=r"'arm' has one level, \['A'\]"):
        design([("arm",)], one, rows=ROWS)
    with pytest.raises(StatisticsError, match="no term and no intercept"):
        design([], {}, rows=ROWS, intercept=False)


def grid_average(got: Design, arm: int, weights: np.ndarray, age: float) -> np.ndarray:
    """The mean row over sex, from rows of a design with the factors set by hand."""
    rows = []
    for sex in (0, 1):
        fixed = {
            "arm": Factor(ARM.levels, np.array([arm])), "sex": Factor(SEX.levels, np.array([sex])),
            "age": Covariate(np.array([age])),
        }  # fmt: skip
        rows.append(design(got.terms[1:], fixed, rows=1).x[0])
    return weights @ np.array(rows)


def test_lsmeans_are_averages_over_a_grid() -> None:
    got = built(("arm",), ("sex",), ("age",), ("arm", "sex"), ("arm", "age"))
    shares = np.bincount(SEX.codes) / ROWS
    for weights, expected in [
        ("equal", np.array([0.5, 0.5])), ("proportional", shares), ("outer", shares),
        ({"sex": [1, 3]}, np.array([0.25, 0.75])),
    ]:  # fmt: skip
        means = lsmeans(got, ["arm"], weights=weights)
        assert means.levels == (("A",), ("B",))
        for arm in (0, 1):
            average = grid_average(got, arm, expected, float(AGE.values.mean()))
            np.testing.assert_allclose(means.rows[arm], average)
    at = lsmeans(got, ["arm"], at={"age": 40.0}).rows[1]
    np.testing.assert_allclose(at, grid_average(got, 1, np.array([0.5, 0.5]), 40.0))


def test_observed_margins_are_joint() -> None:
    got = built(("arm",), ("sex",), ("visit",), ("sex", "visit"))
    (row, _) = lsmeans(got, ["arm"], weights="proportional").rows
    average = got.x.mean(axis=0)
    average[1] = 0.0
    np.testing.assert_allclose(row, average)
    outer = lsmeans(got, ["arm"], weights="outer").rows[0]
    assert np.abs(outer - row).max() > 1e-3


def test_cells_have_the_first_factor_run_fastest() -> None:
    got = built(("arm",), ("visit",), ("arm", "visit"))
    levels = lsmeans(got, ["arm", "visit"]).levels
    assert levels[:3] == (("A", "V1"), ("B", "V1"), ("A", "V2"))


@pytest.mark.parametrize(
    ("factors", "options", "words"),
    [
        (["age"], {}, "factors of the model"),
        ([], {}, "factors of the model"),
        (["arm"], {"at": {"height": 1.0}}, "no covariates of the model"),
        (["arm"], {"weights": "cells"}, "choose one of"),
        (["arm"], {"weights": {"visit": [1, 1]}}, "3 numbers, none negative"),
        (["arm"], {"weights": {"visit": [1, 1, -1]}}, "3 numbers, none negative"),
        (["arm"], {"weights": {"arm": [1, 1]}}, "averaged are"),
    ],
)
def test_refuses_means_that_cannot_be(factors, options, words: str) -> None:
    got = built(("arm",), ("visit",), ("age",))
    with pytest.raises(StatisticsError, match=words):
        lsmeans(got, factors, **options)


def test_type_three_weighs_levels_equally() -> None:
    got = built(("arm",), ("visit",), ("arm", "visit"))
    difference = np.diff(lsmeans(got, ["arm"]).rows, axis=0)
    np.testing.assert_allclose(type_three(got, ("arm",)), difference)
    interaction = type_three(got, ("arm", "visit"))
    np.testing.assert_allclose(interaction, np.eye(6)[4:])


def test_type_three_of_a_slope_averages_over_arms() -> None:
    got = built(("arm",), ("age",), ("arm", "age"))
    np.testing.assert_allclose(type_three(got, ("age",)), [[0, 0, 1, 0.5]])
    # An arm's difference is that at age 0: the slope on age does not contain it.
    np.testing.assert_allclose(type_three(got, ("arm",)), [[0, 1, 0, 0]])


def test_type_three_of_slopes_without_a_common_one_compares_each_with_none() -> None:
    got = built(("arm",), ("arm", "age"))
    np.testing.assert_allclose(type_three(got, ("arm", "age")), np.eye(4)[2:])


def test_type_two_and_three_agree_where_nothing_contains_the_term() -> None:
    got = built(("arm",), ("sex",), ("age",))
    for term in got.terms[1:]:
        two, three = type_two(got, term), type_three(got, term)
        # The same hypothesis: the rows span the same space.
        assert np.linalg.matrix_rank(np.vstack([two / np.abs(two).max(), three]), tol=1e-8) == len(
            three
        )


def test_type_two_leaves_the_terms_that_contain_it_to_the_data() -> None:
    got = built(("arm",), ("visit",), ("arm", "visit"))
    rows = type_two(got, ("arm",))
    np.testing.assert_allclose(rows[:, [0, 2, 3]], 0, atol=1e-9)
    # Weighted differences within visits: weights n1 n2 / (n1 + n2).
    counts = np.array(
        [[np.sum((ARM.codes == a) & (VISIT.codes == v)) for v in range(3)] for a in (0, 1)]
    )
    weights = counts.prod(axis=0) / counts.sum(axis=0)
    np.testing.assert_allclose(rows[0, [1, 4, 5]], [weights.sum(), weights[1], weights[2]])


def test_refuses_a_term_that_is_not_there() -> None:
    got = built(("arm",), ("age",))
    for hypothesis in (type_two, type_three):
        with pytest.raises(StatisticsError, match=r"no term 'sex'; it has \['arm', 'age'\]"):
            hypothesis(got, ("sex",))


def test_constrained_columns_leave_baseline_alone() -> None:
    arm, visit = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
    got = constrained_columns(arm, visit, arms=3, visits=2)
    np.testing.assert_array_equal(got.x, np.eye(6)[:, [3, 5]])
    assert (got.arms, got.visits) == ((1, 2), (1, 1))
    other = constrained_columns(arm, visit, arms=3, visits=2, control=2, baseline=1)
    np.testing.assert_array_equal(other.x, np.eye(6)[:, [0, 2]])
    for wrong in ({"arms": 1, "visits": 2}, {"arms": 3, "visits": 2, "control": 3}):
        with pytest.raises(StatisticsError):
            constrained_columns(arm, visit, **wrong)
