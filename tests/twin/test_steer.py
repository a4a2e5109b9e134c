"""Continuous end points steered to printed cells: met where they can be, told where they cannot."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from openlupus import pipeline
from openlupus.audit.printed import read_cell
from openlupus.errors import AnalysisError
from openlupus.exchange.published import read_published
from openlupus.protocol.methods import Longitudinal
from openlupus.records import from_frames
from openlupus.twin.course import Course, evenly
from openlupus.twin.models import Target, refused
from openlupus.twin.search import search
from openlupus.twin.steer import steer

FATIGUE = "Secondary end points|Adjusted mean change from baseline (95% CI) in FACIT-Fatigue score"
IMPOSSIBLE = "9.0 (5.4 to 12.6)"


def quick(protocol):
    """The declaration with few imputations: the way is the same."""
    fewer = {
        name: analysis.model_copy(
            update={"method": analysis.method.model_copy(update={"imputations": 5, "burn_in": 20})}
        )
        for name, analysis in protocol.analyses.items()
        if isinstance(analysis.method, Longitudinal)
    }
    return protocol.model_copy(update={"analyses": {**protocol.analyses, **fewer}})


@pytest.fixture(scope="module")
def study():
    loaded = pipeline.load("nct03161483")
    return replace(loaded, protocol=quick(loaded.protocol), records=loaded.records.collect())


@pytest.fixture(scope="module")
def published(study):
    """The paper's row on fatigue."""
    whole = read_published(study.folder / "published.toml")
    return replace(whole, cells=tuple(c for c in whole.cells if c.row == FATIGUE))


@pytest.fixture(scope="module")
def steered(study, published):
    return steer(study, published, seed=1)


def test_every_cell_of_the_row_is_printed(study, published, steered):
    assert len(published.cells) == 7
    assert steered.missed == ()
    after = replace(study, records=from_frames(steered.frames))
    data = pipeline.derive(after)
    results = pipeline.analyse(after, data, only=["facit_change"])
    for cell in published.cells:
        arm, _, kind = cell.column.partition("_")
        place = {"analysis": "facit_change", "parameter": "AVAL", "visit": "W24", "group": arm}
        place["comparator"] = "placebo" if kind else ""
        value = "difference" if kind else "lsmean"
        for statistic, number in (
            (value, cell.content.value),
            ("lower", cell.content.lower),
            ("upper", cell.content.upper),
        ):
            assert number.prints(results.find(statistic=statistic, **place)[0].value)


def test_nothing_else_changes(study, steered):
    before = {name: frame.collect() for name, frame in study.records.domains.items()}
    assert steered.frames.keys() == before.keys()
    for name, frame in before.items():
        if name != "QS":
            assert steered.frames[name].equals(frame), name
    after = steered.frames["QS"]
    results = ["QSSTRESC", "QSSTRESN"]
    assert after.drop(results).equals(before["QS"].drop(results))
    early = pl.col("VISITNUM") <= 2
    assert after.filter(early).equals(before["QS"].filter(early))
    assert after["QSSTRESC"].null_count() == before["QS"]["QSSTRESC"].null_count()
    answers = after["QSSTRESN"].drop_nulls()
    assert set(answers.unique()) == {0.0, 1.0, 2.0, 3.0, 4.0}


def test_the_seed_makes_the_records(study, published, steered):
    again = steer(study, published, seed=1)
    assert again.frames["QS"].equals(steered.frames["QS"])


def test_a_cell_that_contradicts_its_row_is_told(study, published):
    wrong = tuple(
        replace(c, text=IMPOSSIBLE, content=read_cell(IMPOSSIBLE))
        if c.column == "ibe015_difference"
        else c
        for c in published.cells
    )
    missed = steer(study, replace(published, cells=wrong), seed=1).missed
    told = {each.place[2]: each for each in missed}
    assert told
    assert told.keys() <= {"ibe015", "ibe015_difference"}
    assert all(each.ours and each.ours != each.printed and each.why for each in missed)


def test_what_other_end_points_rest_on_is_left_alone(study):
    frames = {name: frame.collect() for name, frame in study.records.domains.items()}

    def why(parameter, *earlier, analysis="facit_change"):
        return refused(study.protocol, Target(analysis, parameter, ()), earlier, frames)

    assert why("PGA") == "end point sri4 rests on PGA"
    assert why("CLASIA") == "CLASIA has no writer of its items"
    assert why("FACIT", Target("facit_change", "FACIT", ())) == "FACIT was set for another model"
    assert why("FACIT") == ""
    assert refused(study.protocol, Target("facit_change", "FACIT", ()), (), {}) == (
        "there is no domain QS"
    )


def test_records_are_needed(study, published):
    with pytest.raises(AnalysisError, match="no item-level records"):
        steer(replace(study, records=None), published, seed=1)


# -- the search, with a model that can be written down ---------------------------------------------


def course(seed=0, size=60):
    rng = np.random.default_rng(seed)
    arm = np.repeat([0, 1], size)
    person = np.tile(np.arange(2 * size), 2)
    own = rng.normal(0, 4, 2 * size)
    value = np.rint(np.concatenate([20 + own, 22 + own + rng.normal(0, 3, 2 * size)]))
    last = np.repeat([False, True], 2 * size)
    arms = np.tile(arm, 2)
    return Course(
        value=value, low=np.zeros(4 * size), high=np.full(4 * size, 52.0), arm=arms,
        visit=last.astype(float), baseline=np.tile(own, 2), part=np.where(last, 1.0, 0.5),
        person=person, last=last, step=1.0, chance=evenly(arms, last.astype(float), rng),
    )  # fmt: skip


def means_and_errors(course, values):
    """Of the two arms at the last visit, with the variance of each arm by itself."""
    ends = [values[course.last & (course.arm == arm)] for arm in (0, 1)]
    return np.array([f(v) for v in ends for f in (np.mean, lambda v: v.std(ddof=1) / v.size**0.5)])


def test_knobs_of_nothing_change_nothing():
    made = course()
    np.testing.assert_array_equal(made.moved(np.zeros(5)), made.value)
    np.testing.assert_array_equal(made.tied(made.value, np.zeros(2)), made.value)


def test_a_shift_moves_the_mean_by_less_than_a_step():
    made = course()
    moved = made.moved(np.array([0.25, 0, 0, 0, 0]))
    change = means_and_errors(made, moved) - means_and_errors(made, made.value)
    assert change[0] == pytest.approx(0.25, abs=1 / 60)
    assert change[2] == 0


def test_values_are_found_that_print_means_and_errors():
    made = course()
    printed, half = np.array([23.4, 0.5, 21.1, 0.8]), 0.05

    def distances(values):
        return (means_and_errors(made, values) - printed) / half

    expected = np.zeros((4, 6))
    expected[[0, 2], [0, 1]] = 1 / half
    expected[[1, 3], [2, 3]] = printed[[1, 3]] / half
    found = search(made, distances, made.moved(np.zeros(5)), expected, most=60)
    assert found.unmet == 0
    np.testing.assert_allclose(means_and_errors(made, found.values), printed, atol=half)
    assert found.values.min() >= 0
    assert set(found.values % 1) == {0.0}


def test_a_tie_moves_earlier_visits_of_its_arm_alone():
    made = course()
    change = made.tied(made.value, np.array([0.9, 0.0])) != made.value
    assert change[(made.arm == 0) & ~made.last].any()
    assert not change[(made.arm == 1) | made.last].any()


def test_a_fresh_rounding_has_the_same_values_and_stays_even():
    made = course()
    fresh = made.rounded_anew(np.random.default_rng(9))
    np.testing.assert_array_equal(fresh.value, made.value)
    assert (fresh.chance != made.chance).any()
    first = (made.arm == 0) & made.last
    np.testing.assert_array_equal(np.sort(fresh.chance[first]), np.sort(made.chance[first]))


def test_steps_of_single_patients_reach_what_the_summary_does_not():
    """A number that no summary tells: how many values of an arm are above 25."""
    made = course()
    ends = made.last & (made.arm == 0)
    start = np.array([means_and_errors(made, made.value)[0], np.sum(made.value[ends] > 25)])

    def distances(values):
        number = np.sum(values[ends] > 25)
        # One more is two halves of a digit too far; the mean is to stay.
        return np.array(
            [(means_and_errors(made, values)[0] - start[0]) / 0.05, number - start[1] + 2]
        )

    expected = np.zeros((2, 6))
    expected[0, 0], expected[1, 2] = 20, 10
    without = search(made, distances, made.value, expected, most=6)
    after = search(made, distances, made.value, expected, most=6, singles=40)
    assert without.loss > after.loss
    assert after.unmet == 0
    last = made.last
    np.testing.assert_array_equal(after.values[~last], without.values[~last])


def test_numbers_that_contradict_each_other_are_not_met():
    made = course()

    def distances(values):
        mean = means_and_errors(made, values)[0]
        return np.array([(mean - 20) / 0.05, (mean - 24) / 0.05])

    expected = np.zeros((2, 6))
    expected[:, 0] = 20
    found = search(made, distances, made.value, expected, most=30)
    assert found.unmet >= 1
