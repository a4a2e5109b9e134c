"""BILAG-2004 flares and the SELENA-SLEDAI flare index: each criterion alone, at its threshold."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError, ScaleError
from openlupus.instruments import bilag2004, composites, flare

A, B, C, D, E = 4, 3, 2, 1, 0


def grades(**by_system: int) -> np.ndarray:
    return np.array([[by_system.get(system, E) for system in bilag2004.SYSTEMS]], np.int8)


@pytest.mark.independent
@pytest.mark.parametrize(
    ("previous", "visit", "severity"),
    [
        # Isenberg et al., Ann Rheum Dis 2011;70:54; the combinations are those of a published
        # table of flares with both indices (Mathian et al., Ann Rheum Dis 2020;79:339, table 3).
        ({}, {"renal": A}, 3),
        ({"renal": B}, {"renal": A}, 3),
        ({"renal": A}, {"renal": A}, 0),
        ({}, {"renal": B, "musculoskeletal": B}, 2),
        ({}, {"renal": B, "musculoskeletal": B, "mucocutaneous": C}, 2),
        ({}, {"renal": B}, 1),
        ({"renal": C}, {"renal": B, "ophthalmic": C, "mucocutaneous": C}, 1),
        ({"renal": A}, {"renal": B}, 0),
        ({}, {"renal": C, "ophthalmic": C, "mucocutaneous": C}, 1),
        ({"renal": D}, {"renal": C, "ophthalmic": C, "mucocutaneous": C}, 1),
        ({"renal": B}, {"renal": C, "ophthalmic": C, "mucocutaneous": C}, 0),
        ({}, {"renal": C, "ophthalmic": C}, 0),
    ],
)
def test_severity_of_a_bilag_flare(previous: Any, visit: Any, severity: int) -> None:
    got = bilag2004.flare(grades(**previous), grades(**visit))
    assert got.severity.tolist() == [severity]


def test_a_grade_that_is_not_available_leaves_only_severe_flares_certain() -> None:
    open_ = bilag2004.flare(grades(renal=-1), grades(ophthalmic=B))
    sure = bilag2004.flare(grades(renal=-1), grades(ophthalmic=A))
    assert (open_.severity[0], sure.severity[0]) == (-1, 3)


@pytest.mark.parametrize(("when", "name"), [("previous", "flare"), ("baseline", "worsening")])
def test_freedom_from_flare_and_worsening(when: str, name: str) -> None:
    score = composites.COMPOSITES[f"bilag_{name}_free"].score

    def free(before: Any, now: Any, **options: int) -> Any:
        return score(**{f"bilag_{when}": grades(**before), "bilag_visit": grades(**now)}, **options)

    assert free({}, {"renal": B}).responder[0] == 1
    two = free({}, {"renal": B, "ophthalmic": B})
    assert (two.no_new_a[0], two.few_new_b[0], two.responder[0]) == (1, 0, 0)
    assert two.reason[0] == "not met: few new b"
    assert free({}, {"renal": B, "ophthalmic": B}, new_b_at_most=2).responder[0] == 1
    assert free({"renal": B}, {"renal": A}).no_new_a[0] == 0
    assert free({"renal": B}, {"renal": A}, new_a_at_most=1).responder[0] == 1
    assert free({"renal": -1}, {}).responder[0] == -1


# -- SELENA-SLEDAI flare index ------------------------------------------------------------------


def quiet(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "selena_sledai_previous": [4.0],
        "selena_sledai_visit": [4.0],
        "sfi_items_visit": dict.fromkeys(flare.KEYS, 0),
        "prednisone_previous": [10.0],
        "prednisone_visit": [10.0],
        "weight_visit": [60.0],
        "pga_previous": [1.0],
        "pga_visit": [1.0],
    }
    return {**base, **changes}


def index(**changes: Any) -> flare.FlareIndex:
    return flare.selena_flare_index(**quiet(**changes))


def ticked(*keys: str) -> dict[str, int]:
    return {**dict.fromkeys(flare.KEYS, 0), **dict.fromkeys(keys, 1)}


MILD = [
    *({"sfi_items_visit": ticked(i.key)} for i in flare.ITEMS if i.part.startswith("mild")),
    {"selena_sledai_visit": [7.0]},
    {"prednisone_visit": [10.1]},
    {"prednisone_visit": [30.0]},
    {"pga_visit": [2.0]},
    {"selena_sledai_previous": [9.0], "selena_sledai_visit": [12.0]},
    {"pga_previous": [1.5], "pga_visit": [2.5]},
]
SEVERE = [
    {"selena_sledai_previous": [12.0], "selena_sledai_visit": [13.0]},
    {"prednisone_visit": [30.1]},
    {"pga_previous": [2.4], "pga_visit": [2.51]},
    {"sfi_items_visit": ticked("new_immunosuppressant")},
    {"sfi_items_visit": ticked("hospitalisation")},
    *(
        {"sfi_items_visit": ticked(i.key), "prednisone_visit": [20.0]}
        for i in flare.ITEMS
        if i.part == "severe"
    ),
    {"sfi_items_visit": ticked("cns"), "prednisone_previous": [0], "prednisone_visit": [5]},
]
NONE = [
    {},
    {"selena_sledai_visit": [6.0]},
    {"selena_sledai_previous": [13.0], "selena_sledai_visit": [13.0]},
    {"selena_sledai_previous": [16.0], "selena_sledai_visit": [14.0]},
    {"prednisone_previous": [40.0], "prednisone_visit": [35.0]},
    {"pga_visit": [1.99]},
    {"pga_previous": [2.6], "pga_visit": [2.6]},
    *({"sfi_items_visit": ticked(i.key)} for i in flare.ITEMS if i.part == "severe"),
]


@pytest.mark.independent
@pytest.mark.parametrize(
    ("changes", "severity"),
    [*((c, 1) for c in MILD), *((c, 2) for c in SEVERE), *((c, 0) for c in NONE)],
)
def test_each_criterion_alone(changes: Any, severity: int) -> None:
    """Buyon et al., Ann Intern Med 2005;142:953 (with the readings that the page marks)."""
    got = index(**changes)
    assert got.severity.tolist() == [severity]
    assert got.responder.tolist() == [int(severity == 0)]
    assert got.no_severe.tolist() == [int(severity < 2)]
    assert got.no_mild_or_moderate.tolist() == [int(severity != 1)]


def test_the_modified_index_lets_a_score_above_12_alone_pass() -> None:
    changes = {"selena_sledai_previous": [11.0], "selena_sledai_visit": [13.0]}
    assert index(**changes).severity[0] == 2
    assert index(**changes, sledai_alone=0).severity[0] == 0
    changes["selena_sledai_previous"] = [10.0]
    assert index(**changes, sledai_alone=0).severity[0] == 1


def test_what_is_missing_leaves_the_severity_open() -> None:
    open_ = index(pga_visit=[np.nan])
    assert (open_.severity[0], open_.responder[0]) == (-1, -1)
    some = index(pga_visit=[np.nan], selena_sledai_visit=[8.0])
    assert (some.severity[0], some.responder[0], some.no_mild_or_moderate[0]) == (-1, 0, -1)
    severe = index(pga_visit=[np.nan], selena_sledai_visit=[13.0])
    assert (severe.severity[0], severe.responder[0]) == (2, 0)
    # The weight is needed only where the dose was raised.
    assert index(weight_visit=[np.nan]).severity[0] == 0
    assert index(weight_visit=[np.nan], prednisone_visit=[12.0]).severity[0] == -1
    assert index(sfi_items_visit=np.full((1, 15), -1)).severity[0] == -1
    # A manifestation that is absent settles its criterion, whatever the treatment was.
    unknown_dose = index(prednisone_visit=[np.nan])
    assert unknown_dose.severe[0].tolist() == [0, 0, -1, 0, 0]


@given(st.lists(st.sampled_from(flare.KEYS), unique=True), st.sampled_from(flare.KEYS))
def test_one_more_finding_never_lowers_the_severity(found: list[str], more: str) -> None:
    less = index(sfi_items_visit=ticked(*found), prednisone_visit=[25.0])
    now = index(sfi_items_visit=ticked(*found, more), prednisone_visit=[25.0])
    assert now.severity[0] >= less.severity[0]


def test_flare_index_refuses_what_no_form_can_say() -> None:
    with pytest.raises(ScaleError, match="row 0, cns: 2"):
        index(sfi_items_visit={"cns": 2})
    with pytest.raises(ScaleError, match="row 0, fever: 5"):
        index(sfi_items_visit=np.where(np.array(flare.KEYS) == "fever", 5, 0)[None])
    with pytest.raises(InstrumentError, match=r"needs shape \(visits, 15\)"):
        index(sfi_items_visit=np.zeros((1, 4)))
    with pytest.raises(InstrumentError, match="prednisone needs one finite value"):
        index(prednisone_visit=[-1])


# The form of the SELENA trials (Petri et al., N Engl J Med 2005;353:2550-8): what makes a flare.
FORM = {
    "mild": (
        "skin", "nasopharyngeal_ulcers", "pleuritis", "pericarditis", "arthritis", "fever",
    ),
    "mild_treatment": ("nsaid_or_hydroxychloroquine",),
    "severe": (
        "cns", "vasculitis", "nephritis", "myositis", "thrombocytopenia", "haemolytic_anaemia",
    ),
    "severe_treatment": ("new_immunosuppressant", "hospitalisation"),
}  # fmt: skip


@pytest.mark.independent
def test_the_form_has_the_published_descriptors() -> None:
    listed = [(key, kind) for kind, keys in FORM.items() for key in keys]
    assert [(item.key, item.part) for item in flare.ITEMS] == listed
