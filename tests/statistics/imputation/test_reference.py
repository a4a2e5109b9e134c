"""Strategies of reference-based imputation. Estimates of R's rbmi are golden records."""

import csv
from pathlib import Path

import numpy as np
import pytest

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.reference import Parameters, complete, trial
from openlupus.validation.adapters.intercurrent import STRATEGIES, base
from openlupus.validation.golden import floats, read_records
from reference import need_reference

MEANS = np.array([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]])
AFTER = {
    "MAR": [1, 2, 3, 4],
    "J2R": [1, 2, 30, 40],
    "CR": [10, 20, 30, 40],
    "CIR": [1, 2, 2 + 30 - 20, 2 + 40 - 20],
    "LMCF": [1, 2, 2, 2],
}


def one(strategy, *, event=2, y=(np.nan,) * 4, group=0, reference_group=0):
    """One subject of an arm with means 1 to 4, whose reference has 10 to 40; a second to fit."""
    design = np.zeros((2, 4, 8))
    design[0, np.arange(4), np.arange(4)] = 1
    design[1, np.arange(4), 4 + np.arange(4)] = 1
    return trial(
        [y, [0.0] * 4], design, design[[1, 1]], strategy=[strategy, "MAR"], event=[event, 4],
        group=np.array([group, reference_group]), reference_group=np.array([reference_group] * 2),
    )  # fmt: skip


def parameters(*covariances):
    return Parameters(MEANS.reshape(1, -1), np.array([covariances]))


@pytest.mark.parametrize("strategy", list(AFTER))
def test_means_follow_the_strategy_from_the_event_on(strategy) -> None:
    got = complete(one(strategy), parameters(np.eye(4)))
    assert got[0, 0] == pytest.approx(AFTER[strategy])


@pytest.mark.parametrize("strategy", list(AFTER))
def test_without_an_event_every_strategy_is_missing_at_random(strategy) -> None:
    assert complete(one(strategy, event=4), parameters(np.eye(4)))[0, 0] == pytest.approx(MEANS[0])


@pytest.mark.parametrize(("strategy", "row"), [("J2R", 1), ("CIR", 1), ("CR", 1), ("LMCF", 0)])
def test_an_event_before_the_first_visit(strategy, row) -> None:
    got = complete(one(strategy, event=0), parameters(np.eye(4)))
    assert got[0, 0] == pytest.approx(MEANS[row])


def test_what_was_observed_carries_on_through_the_covariance() -> None:
    covariance = 0.5 + 0.5 * np.eye(4)
    got = complete(one("J2R", y=(3.0, 2.0, np.nan, np.nan)), parameters(covariance))[0, 0]
    slope = np.linalg.solve(covariance[:2, :2], covariance[:2, 2:]).T
    assert got[2:] == pytest.approx(np.array([30, 40]) + slope @ [2.0, 0.0])
    assert got[:2].tolist() == [3, 2]


def test_jump_to_reference_takes_the_later_regression_from_the_reference_arm() -> None:
    rng = np.random.default_rng(0)
    own, other = (a @ a.T + np.eye(4) for a in rng.standard_normal((2, 4, 4)))
    both = parameters(own, other)
    seen = one("J2R", y=(3.0, 1.0, np.nan, np.nan), reference_group=1)
    slope = np.linalg.solve(other[:2, :2], other[:2, 2:]).T
    rest = other[2:, 2:] - slope @ other[:2, 2:]
    got = complete(seen, both)[0, 0, 2:]
    assert got == pytest.approx(np.array([30, 40]) + slope @ [2.0, -1.0])
    many = Parameters(np.repeat(both.beta, 20_000, 0), np.repeat(both.covariance, 20_000, 0))
    drawn = complete(seen, many, generator=rng)[:, 0, 2:]
    assert np.cov(drawn.T) == pytest.approx(rest, abs=0.05 * np.abs(rest).max())


def test_outcomes_after_an_event_are_kept_but_not_modelled() -> None:
    data = one("J2R", y=(3.0, 2.0, 9.0, np.nan))
    assert np.isnan(data.modelled[0, 2:]).all()
    assert complete(data, parameters(np.eye(4)))[0, 0, 2] == 9
    assert not np.isnan(one("MAR", y=(3.0, 2.0, 9.0, np.nan)).modelled[0, 2])


def test_delta_is_added_to_imputed_values_alone() -> None:
    data = one("MAR", y=(3.0, np.nan, 5.0, np.nan))
    plain, moved = (complete(data, parameters(np.eye(4)), delta=d)[0, 0] for d in (None, 7.0))
    assert moved - plain == pytest.approx([0, 7, 0, 7])


@pytest.mark.golden
@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_first_completed_data_set_is_that_of_rbmi(strategy) -> None:
    folder = need_reference() / "stats" / "mi"
    found = list(folder.glob(f"rbmi_condmean_first_{strategy}_*.csv"))
    assert found, "the reference folder has no completed data set of this strategy"
    for path in found:
        record = next(
            each
            for each in read_records(need_reference() / "stats")
            if "conditional mean + jackknife" in each.method
            and each.options["strategy_for_post_ICE"] == strategy
            and "same covariance" in each.options["method"]
        )
        table, made, model = base(record)
        got = complete(made, model.parameters)[0]
        want = floats(rows_of(path), table.options["outcome"]).reshape(got.shape)
        assert got == pytest.approx(want, rel=1e-6, abs=1e-6)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategy": "BOCF"}, "not known"),
        ({"strategy": "J2R", "event": None}, "needs to know"),
        ({"strategy": ["MAR"]}, "1 strategies for 3"),
        ({"event": [0, 1, 9]}, "0 to 2"),
        ({"event": [0.5, 1, 2]}, "whole numbers"),
        ({"design": np.ones((3, 2))}, "must be"),
        ({"reference": np.full((3, 2, 1), np.nan)}, "complete"),
        ({"y": np.array([[1.0, np.nan]] * 3)}, "visit 2 has no outcome"),
    ],
)
def test_refusals(change, words) -> None:
    given = {
        "y": np.arange(6.0).reshape(3, 2), "design": np.ones((3, 2, 1)),
        "reference": np.ones((3, 2, 1)), "strategy": "MAR", "event": [2, 2, 2],
    } | change  # fmt: skip
    y, design, reference = (given.pop(name) for name in ("y", "design", "reference"))
    with pytest.raises(ImputationError, match=words):
        trial(y, design, reference, **given)
