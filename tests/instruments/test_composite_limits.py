"""Every limit of a composite, at the decimal: on the limit, and the next value beyond it."""

from typing import Any

import pytest

from openlupus.errors import InstrumentError
from openlupus.instruments import bilag2004, composites, flare, sledai2k
from openlupus.instruments.composites import COMPOSITES

QUIET = dict.fromkeys(bilag2004.SYSTEMS, 0)


def graded(when: str, **grades: int) -> dict[str, int]:
    return {f"bilag_{when}_{system}": code for system, code in (QUIET | grades).items()}


def items(when: str, *present: str, measure: str = "sledai_items") -> dict[str, int]:
    return {f"{measure}_{when}_{key}": int(key in present) for key in sledai2k.KEYS}


AGAINST_BASELINE: dict[str, Any] = {
    **graded("baseline", renal=4, mucocutaneous=3),
    **graded("visit", renal=2, mucocutaneous=2),
    "sledai_baseline": 10,
    "sledai_visit": 4,
    "pga_baseline": 1.1,
    "pga_visit": 1.1,
}
DOSES = {"prednisone_baseline": 10, "prednisone_highest_visit": 7.5}
SEROLOGY = ("low_complement", "increased_dna_binding")  # 4 points that are no major organ
LLDAS = {
    **items("visit", *SEROLOGY),
    **items("previous", *SEROLOGY),
    "pga_visit": 1,
    "prednisone_visit": 7.5,
    "standard_treatment": 1,
    "haemolytic_anaemia": 0,
    "gi_activity": 0,
}
DORIS = {**items("visit"), "pga_visit": 0.49, "prednisone_visit": 5, "stable_treatment": 1}
HALF = {
    **items("baseline", "seizure"),
    **items("visit", "seizure"),
    **items("visit", "seizure", measure="sledai_improved"),
}
FLARE = {
    **{f"sfi_items_visit_{key}": 0 for key in flare.KEYS},
    "selena_sledai_previous": 4,
    "selena_sledai_visit": 4,
    "weight_visit": 60,
    "pga_previous": 1,
    "pga_visit": 1,
    "prednisone_previous": 5,
    "prednisone_visit": 5,
}
MET: dict[str, dict[str, Any]] = {
    "sri": AGAINST_BASELINE,
    "sri50": {**{k: v for k, v in AGAINST_BASELINE.items() if "sledai" not in k}, **HALF},
    "clinical_sledai_fall": {"sledai_clinical_baseline": 8, "sledai_clinical_visit": 4},
    "sri_taper": {**AGAINST_BASELINE, **DOSES},
    "bicla": AGAINST_BASELINE,
    "lldas": LLDAS,
    "doris": DORIS,
    "sle_das_low": {"sle_das_visit": 2.08},
    "bilag_worsening_free": {**graded("baseline"), **graded("visit", renal=3)},
    "bilag_flare_free": {**graded("previous"), **graded("visit", renal=3)},
    "selena_flare_free": FLARE,
    "skin_response": {"clasi_activity_baseline": 10, "clasi_activity_visit": 5},
    "joint_response": {
        "swollen_baseline": 6,
        "swollen_visit": 3,
        "tender_baseline": 6,
        "tender_visit": 3,
    },
    "active_joint_response": {"joints_active_baseline": 4, "joints_active_visit": 2},
    "taper": {**DOSES, "flare_free_visit": 1},
    "taper_below": {**DOSES, "prednisone_highest_visit": 9.999, "flare_free_visit": 1},
}

# Composite, what is changed, verdict, and the component that says so ("" all).
LIMITS: list[tuple[str, dict[str, Any], int, str]] = [
    ("sri", {"sledai_visit": 6}, 1, "sledai_fall"),
    ("sri", {"sledai_visit": 7}, 0, "sledai_fall"),
    ("sri", {"pga_visit": 1.39}, 1, "pga_no_worsening"),
    ("sri", {"pga_visit": 1.4}, 0, "pga_no_worsening"),
    ("sri", {"pga_baseline": 0.4, "pga_visit": 0.7}, 0, "pga_no_worsening"),
    ("sri", {"bilag_visit_ophthalmic": 3}, 1, "bilag_no_worsening"),
    ("sri", {"bilag_visit_ophthalmic": 3, "bilag_visit_renal": 3}, 1, "bilag_no_worsening"),
    (
        "sri",
        {"bilag_visit_ophthalmic": 3, "bilag_visit_haematological": 3},
        0,
        "bilag_no_worsening",
    ),
    ("sri", {"bilag_visit_mucocutaneous": 4}, 0, "bilag_no_worsening"),
    ("sri", {"bilag_visit_renal": 4}, 1, "bilag_no_worsening"),
    ("sri50", {"sledai_improved_visit_seizure": 0}, 0, "sledai_fall"),
    ("sri50", {"bilag_visit_mucocutaneous": 4}, 0, "bilag_no_worsening"),
    ("sri50", {"pga_visit": 1.4}, 0, "pga_no_worsening"),
    ("sri_taper", {"sledai_visit": 7}, 0, "sledai_fall"),
    ("sri_taper", {"bilag_visit_mucocutaneous": 4}, 0, "bilag_no_worsening"),
    ("sri_taper", {"pga_visit": 1.4}, 0, "pga_no_worsening"),
    ("clinical_sledai_fall", {"sledai_clinical_visit": 5}, 0, "clinical_sledai_fall"),
    ("sri_taper", {"prednisone_highest_visit": 9.99}, 1, "dose_low"),
    ("sri_taper", {"prednisone_highest_visit": 10, "prednisone_baseline": 20}, 0, "dose_low"),
    ("sri_taper", {"prednisone_highest_visit": 7.5, "prednisone_baseline": 7.5}, 1, "dose_low"),
    ("sri_taper", {"prednisone_highest_visit": 7.51, "prednisone_baseline": 7.5}, 0, "dose_low"),
    ("bicla", {"bilag_visit_renal": 3}, 1, "bilag_improved"),
    ("bicla", {"bilag_visit_mucocutaneous": 3}, 0, "bilag_improved"),
    (
        "bicla",
        {"bilag_visit_ophthalmic": 3, "bilag_visit_haematological": 3},
        0,
        "bilag_no_worsening",
    ),
    ("bicla", {"sledai_visit": 10}, 1, "sledai_no_worsening"),
    ("bicla", {"sledai_visit": 11}, 0, "sledai_no_worsening"),
    ("bicla", {"pga_visit": 1.39}, 1, "pga_no_worsening"),
    ("bicla", {"pga_visit": 1.4}, 0, "pga_no_worsening"),
    (
        "lldas",
        {"sledai_items_visit_leukopenia": 1, "sledai_items_previous_leukopenia": 1},
        0,
        "sledai_low",
    ),
    ("lldas", {"haemolytic_anaemia": 1}, 0, "no_major_organ_activity"),
    ("lldas", {"sledai_items_previous_low_complement": 0}, 0, "no_new_feature"),
    ("lldas", {"standard_treatment": 0}, 0, "standard_treatment"),
    ("lldas", {"pga_visit": 1.01}, 0, "pga_low"),
    ("lldas", {"prednisone_visit": 7.51}, 0, "prednisone_low"),
    ("doris", {"pga_visit": 0.5}, 0, "pga_low"),
    ("doris", {"prednisone_visit": 5.01}, 0, "prednisone_low"),
    ("doris", {"stable_treatment": 0}, 0, "stable_treatment"),
    ("doris", {"sledai_items_visit_leukopenia": 1}, 0, "clinical_sledai_zero"),
    ("sle_das_low", {"sle_das_visit": 2.081}, 0, "sle_das_low"),
    ("bilag_worsening_free", {"bilag_visit_ophthalmic": 3}, 0, "few_new_b"),
    ("bilag_worsening_free", {"bilag_visit_ophthalmic": 4}, 0, "no_new_a"),
    ("bilag_flare_free", {"bilag_visit_ophthalmic": 3}, 0, "few_new_b"),
    ("bilag_flare_free", {"bilag_visit_ophthalmic": 4}, 0, "no_new_a"),
    ("selena_flare_free", {"selena_sledai_visit": 6}, 1, ""),
    ("selena_flare_free", {"selena_sledai_visit": 7}, 0, "no_mild_or_moderate"),
    ("selena_flare_free", {"selena_sledai_previous": 11, "selena_sledai_visit": 12}, 1, ""),
    (
        "selena_flare_free",
        {"selena_sledai_previous": 12, "selena_sledai_visit": 13},
        0,
        "no_severe",
    ),
    ("selena_flare_free", {"selena_sledai_previous": 13, "selena_sledai_visit": 13}, 1, ""),
    ("selena_flare_free", {"pga_visit": 1.99}, 1, ""),
    ("selena_flare_free", {"pga_visit": 2.0}, 0, "no_mild_or_moderate"),
    ("selena_flare_free", {"pga_previous": 2.4, "pga_visit": 2.5}, 1, ""),
    ("selena_flare_free", {"pga_previous": 2.4, "pga_visit": 2.51}, 0, "no_severe"),
    ("selena_flare_free", {"pga_previous": 2.6, "pga_visit": 2.6}, 1, ""),
    ("selena_flare_free", {"prednisone_visit": 5.1}, 0, "no_mild_or_moderate"),
    ("selena_flare_free", {"prednisone_visit": 30}, 0, "no_mild_or_moderate"),
    ("selena_flare_free", {"prednisone_visit": 30.1}, 0, "no_severe"),
    (
        "selena_flare_free",
        {"prednisone_previous": 31, "prednisone_visit": 31},
        1,
        "",
    ),
    (
        "selena_flare_free",
        {"sfi_items_visit_vasculitis": 1, "prednisone_visit": 9.9},
        0,
        "no_mild_or_moderate",
    ),
    (
        "selena_flare_free",
        {"sfi_items_visit_vasculitis": 1, "prednisone_visit": 10},
        0,
        "no_severe",
    ),
    ("skin_response", {"clasi_activity_visit": 6}, 0, "clasi_fall"),
    ("skin_response", {"clasi_activity_baseline": 9, "clasi_activity_visit": 0}, -1, "clasi_fall"),
    ("joint_response", {"swollen_visit": 3.01}, 0, "swollen_fall"),
    ("joint_response", {"tender_visit": 3.01}, 0, "tender_fall"),
    ("joint_response", {"swollen_baseline": 5.99, "swollen_visit": 0}, -1, "swollen_fall"),
    ("joint_response", {"tender_baseline": 5.99, "tender_visit": 0}, -1, "tender_fall"),
    ("joint_response", {"swollen_baseline": 6.6, "swollen_visit": 3.3}, 1, "swollen_fall"),
    ("active_joint_response", {"joints_active_visit": 2.01}, 0, "active_joint_fall"),
    ("active_joint_response", {"joints_active_baseline": 3.9}, -1, "active_joint_fall"),
    ("taper", {"prednisone_highest_visit": 7.500001}, 0, "dose_low"),
    ("taper", {"prednisone_baseline": 9.99}, -1, "dose_low"),
    ("taper", {"flare_free_visit": 0}, 0, "flare_free"),
    ("taper_below", {"prednisone_highest_visit": 10}, 0, "dose_low"),
    ("taper_below", {"prednisone_baseline": 9.99}, -1, "dose_low"),
    ("taper_below", {"flare_free_visit": 0}, 0, "flare_free"),
]


@pytest.mark.independent
@pytest.mark.parametrize("name", COMPOSITES)
def test_on_its_limits_a_composite_is_met(name: str) -> None:
    got = composites.evaluate(name, MET[name])
    assert (got.responder.tolist(), got.reason.tolist()) == ([1], [""])


@pytest.mark.independent
@pytest.mark.parametrize(("name", "changes", "expected", "component"), LIMITS)
def test_limits_by_the_decimal(
    name: str, changes: dict[str, Any], expected: int, component: str
) -> None:
    """One component changes the verdict, and the reason names it alone."""
    got = composites.evaluate(name, MET[name] | changes)
    assert got.responder.tolist() == [expected]
    if expected == 1:
        assert got.reason.tolist() == [""]
    elif component:
        said = "not met" if expected == 0 else "cannot be computed"
        assert got.reason.tolist() == [f"{said}: {component.replace('_', ' ')}"]


def test_every_component_of_every_composite_decides_somewhere() -> None:
    decided = {(name, component) for name, _, verdict, component in LIMITS if verdict != 1}
    for name, entry in COMPOSITES.items():
        assert {(name, part) for part in entry.components} <= decided


@pytest.mark.parametrize("k", range(4, 9))
def test_sri_4_to_8(k: int) -> None:
    for visit, expected in ((10 - k, 1), (11 - k, 0)):
        got = composites.evaluate("sri", AGAINST_BASELINE | {"sledai_visit": visit}, sledai_fall=k)
        assert got.responder.tolist() == [expected]


@pytest.mark.parametrize(("percent", "visit"), [(50, 5), (70, 3)])
def test_clasi_50_and_70(percent: float, visit: int) -> None:
    for now, expected in ((visit, 1), (visit + 1, 0)):
        got = composites.evaluate(
            "skin_response",
            {"clasi_activity_baseline": 10, "clasi_activity_visit": now},
            percent=percent,
        )
        assert got.responder.tolist() == [expected]


@pytest.mark.parametrize(
    ("name", "option"),
    [
        *(("sri", "pga_rise"), ("bicla", "pga_rise"), ("sri", "sledai_fall")),
        *(("sri50", "sledai_fall"), ("clinical_sledai_fall", "sledai_fall")),
        *(("skin_response", "percent"), ("skin_response", "baseline_at_least")),
        *(("joint_response", "percent"), ("joint_response", "tender_at_least")),
        ("active_joint_response", "baseline_at_least"),
    ],
)
def test_an_option_of_zero_is_refused(name: str, option: str) -> None:
    with pytest.raises(InstrumentError, match="positive"):
        composites.evaluate(name, MET[name], **{option: 0})


@pytest.mark.parametrize("name", ["skin_response", "joint_response", "active_joint_response"])
def test_per_cent_end_at_100(name: str) -> None:
    composites.evaluate(name, MET[name], percent=100)
    with pytest.raises(InstrumentError, match="percent"):
        composites.evaluate(name, MET[name], percent=100.1)
