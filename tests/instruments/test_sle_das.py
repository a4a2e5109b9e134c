"""SLE-DAS: every coefficient, every limit, the cut-offs."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError, ScaleError
from openlupus.instruments import composites, sle_das

HEALTHY: dict[str, Any] = {
    **{item.key: 0 for item in sle_das.ITEMS if item.type == "yesno"},
    "swollen_joints_28": 0,
    "urine_protein": 80,
    "platelets": 250,
    "leukocytes": 6,
}
# Public transcription of Jesus et al., Ann Rheum Dis 2019;78:365, figure 1.
COEFFICIENTS = {
    "neuropsychiatric": 18,
    "systemic_vasculitis": 18,
    "mucocutaneous_vasculitis": 4.408,
    "cardiac_pulmonary": 18,
    "serositis": 6,
    "arthritis": 3.132,
    "myositis": 9,
    "localised_rash": 3.138,
    "generalised_rash": 3.887,
    "alopecia": 0.973,
    "mucosal_ulcers": 2.769,
    "haemolytic_anaemia": 9,
    "low_complement": 0.754,
    "increased_anti_dsdna": 0.956,
}


def test_what_contradicts_is_pointed_at_and_nothing_else():
    rows = [
        HEALTHY,
        HEALTHY | {"localised_rash": 1},
        HEALTHY | {"localised_rash": 1, "generalised_rash": 1},
        HEALTHY | {"platelets": 0, "leukocytes": 0},
    ]
    items = np.concatenate([sle_das.form(row) for row in rows])
    wrong = [[sle_das.KEYS[i] for i in np.flatnonzero(row)] for row in sle_das.contradictory(items)]
    assert wrong == [[], [], ["localised_rash"], ["platelets", "leukocytes"]]


def total(**changes: Any) -> float:
    return float(sle_das.score({**HEALTHY, **changes}).total[0])


@pytest.mark.independent
@pytest.mark.parametrize("key", COEFFICIENTS)
def test_every_item_has_its_points(key: str) -> None:
    assert total(**{key: 1}) == pytest.approx(0.366 + COEFFICIENTS[key], rel=1e-12)
    yes_no = {item.key for item in sle_das.ITEMS if item.type == "yesno"}
    assert yes_no == set(COEFFICIENTS)


@pytest.mark.independent
@pytest.mark.parametrize(
    ("key", "value", "points"),
    [
        ("urine_protein", 500, 0),
        ("urine_protein", 500.1, -17.584 + 3.811 * math.log(500.1)),
        ("urine_protein", 3000, -17.584 + 3.811 * math.log(3000)),
        ("platelets", 100, 0),
        ("platelets", 99.9, 26.105 - 5.577 * math.log(99.9)),
        ("platelets", 20, 26.105 - 5.577 * math.log(20)),
        ("leukocytes", 3, 0),
        ("leukocytes", 2.9, 6.118 - 5.058 * math.log(2.9)),
        ("leukocytes", 1, 6.118),
    ],
)
def test_laboratory_values_count_beyond_their_limits(key: str, value: float, points: float) -> None:
    assert total(**{key: value}) == pytest.approx(0.366 + points, rel=1e-12)


@pytest.mark.independent
def test_measurements_have_their_units_and_sides() -> None:
    measured = {i.key: i.unit for i in sle_das.ITEMS if i.type == "numeric"}
    assert measured == {
        "urine_protein": "mg/24h",
        "swollen_joints_28": "joints",
        "platelets": "10^9/L",
        "leukocytes": "10^9/L",
    }
    assert {i.type for i in sle_das.ITEMS} == {"yesno", "numeric"}
    sides = {key: curve.counts for key, curve in sle_das.CURVES.items()}
    assert sides == {"urine_protein": "above", "platelets": "below", "leukocytes": "below"}


def test_swollen_joints_count_with_arthritis_only() -> None:
    assert total(arthritis=1, swollen_joints_28=4) == pytest.approx(0.366 + 3.132 + 4 * 0.454)
    assert total(arthritis=0, swollen_joints_28=4) == 0.366
    assert total(arthritis=0, swollen_joints_28=None) == 0.366
    assert math.isnan(total(arthritis=1, swollen_joints_28=None))


@pytest.mark.independent
def test_cut_offs_are_exact() -> None:
    scores = np.array([0.366, 2.08, 2.081, 7.64, 7.641, np.nan])
    names = ["remission", "remission", "mild", "mild", "moderate or severe", ""]
    assert sle_das.category(scores).tolist() == names
    low = composites.COMPOSITES["sle_das_low"].score(sle_das_visit=scores)
    assert low.responder.tolist() == [1, 1, 0, 0, 0, -1]
    assert low.reason[2] == "not met: sle das low"


@given(st.sampled_from(sorted(HEALTHY)))
def test_a_missing_item_is_never_absent(key: str) -> None:
    got = sle_das.score({**HEALTHY, "arthritis": 1, key: None})
    assert np.isnan(got.total[0])
    assert got.missing[0, sle_das.KEYS.index(key)]


def test_contradictions_are_all_listed() -> None:
    data = {key: [value] * 3 for key, value in HEALTHY.items()}
    data |= {"localised_rash": [1, 0, 0], "generalised_rash": [1, 1, 0], "platelets": [0, 5, 5]}
    with pytest.raises(ScaleError) as caught:
        sle_das.score(data)
    found = [(fault.row, fault.field) for fault in caught.value.faults]
    assert found == [(0, "localised_rash"), (0, "platelets")]
    with pytest.raises(ScaleError, match="swollen_joints_28: 29"):
        total(swollen_joints_28=29)
    with pytest.raises(InstrumentError, match="no negative value"):
        sle_das.category([-1])
