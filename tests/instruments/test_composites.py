"""SRI, BICLA, LLDAS, DORIS: components, missing parts, the registry, refusals."""

import dataclasses
import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError, ScaleError
from openlupus.instruments import composites, doris, lldas, sledai2k, sri, verdicts
from openlupus.instruments.composites import COMPOSITES

verdict_arrays = st.lists(st.sampled_from([-1, 0, 1]), min_size=3, max_size=3)


def pair(**changes: Any) -> dict[str, Any]:
    """One visit that meets every component of SRI-4 and BICLA, with changes."""
    base = {
        "sledai_baseline": [10.0],
        "sledai_visit": [4.0],
        "bilag_baseline": [[0, 3, 0, 4, 0, 0, 0, 0, 0]],
        "bilag_visit": [[0, 2, 0, 2, 0, 0, 0, 0, 0]],
        "pga_baseline": [1.5],
        "pga_visit": [1.0],
    }
    return {**base, **changes}


@pytest.mark.parametrize("name", COMPOSITES)
def test_the_registry_tells_the_truth(name: str) -> None:
    """Options and inputs are the arguments of the function, components fields of its result."""
    entry = COMPOSITES[name]
    arguments = inspect.signature(entry.score).parameters
    assert set(arguments) == {*entry.options, *entry.inputs}
    for option, declared in entry.options.items():
        assert arguments[option].default == declared.default
        assert declared.allows(declared.default)
    result = inspect.signature(entry.score).return_annotation
    fields = {field.name for field in dataclasses.fields(result)}
    assert {"responder", *entry.components} <= fields


def test_options_refuse_what_makes_no_sense() -> None:
    fall = COMPOSITES["sri"].options["sledai_fall"]
    assert fall.allows(5)
    assert not any(fall.allows(value) for value in (0, -4, 106, True, "4", None))
    with pytest.raises(InstrumentError, match=r"no composite 'sri4'; known are .*'sri'"):
        composites.composite("sri4")


@given(verdict_arrays)
def test_one_component_that_is_missing_makes_the_verdict_open(parts: list[int]) -> None:
    got = verdicts.all_met(*[np.array([part], np.int8) for part in parts])[0]
    assert got == (-1 if -1 in parts else int(all(parts)))


@pytest.mark.parametrize(
    ("changes", "component"),
    [
        ({"sledai_visit": [np.nan]}, "sledai_fall"),
        ({"bilag_visit": [[-1, 2, 0, 2, 0, 0, 0, 0, 0]]}, "bilag_no_worsening"),
        ({"pga_baseline": [np.nan]}, "pga_no_worsening"),
    ],
)
def test_sri_reports_the_component_that_is_missing(changes: Any, component: str) -> None:
    got = sri.sri(4, **pair(**changes))
    assert got.responder[0] == -1
    for name in sri.COMPONENTS:
        assert getattr(got, name)[0] == (-1 if name == component else 1)


@given(
    st.integers(0, 105),
    st.integers(0, 105),
    st.integers(1, 8),
)
def test_a_stricter_sri_never_has_more_responders(before: int, now: int, k: int) -> None:
    data = pair(sledai_baseline=[before], sledai_visit=[now])
    strict, loose = sri.sri(k + 1, **data), sri.sri(k, **data)
    assert strict.responder[0] <= loose.responder[0]
    assert loose.sledai_fall[0] == (before - now >= k)


def test_sri_refuses_what_no_form_can_say() -> None:
    with pytest.raises(InstrumentError, match="positive"):
        sri.sri(0, **pair())
    with pytest.raises(ScaleError, match="row 0, total: 106"):
        sri.sri(4, **pair(sledai_visit=[106]))
    with pytest.raises(ScaleError, match=r"row 0, PGA01: 3\.5"):
        sri.sri(4, **pair(pga_visit=[3.5]))


def test_bicla_without_a_or_b_at_baseline_is_not_evaluable() -> None:
    none = [[2, 1, 0, 0, 0, 0, 0, 0, 0]]
    got = COMPOSITES["bicla"].score(**pair(bilag_baseline=none, bilag_visit=none))
    assert (got.responder[0], got.bilag_improved[0], got.evaluable[0]) == (-1, -1, False)
    assert got.bilag_no_worsening[0] == 1


def quiet(**changes: Any) -> dict[str, Any]:
    items = np.zeros((1, 24), np.int8)
    base = {
        "sledai_items_visit": items,
        "sledai_items_previous": items,
        "pga_visit": [0.2],
        "prednisone_visit": [5.0],
        "haemolytic_anaemia": [0],
        "gi_activity": [0],
        "standard_treatment": [1],
    }
    return {**base, **changes}


def with_item(key: str, code: int) -> np.ndarray:
    items = np.zeros((1, 24), np.int8)
    items[0, sledai2k.KEYS.index(key)] = code
    return items


def test_lldas_components() -> None:
    assert lldas.lldas(**quiet()).responder[0] == 1
    rash = with_item("rash", 1)
    assert lldas.lldas(**quiet(sledai_items_visit=rash)).no_new_feature[0] == 0
    old = lldas.lldas(**quiet(sledai_items_visit=rash, sledai_items_previous=rash))
    assert old.responder[0] == 1
    open_before = with_item("rash", -1)
    open_ = lldas.lldas(**quiet(sledai_items_visit=rash, sledai_items_previous=open_before))
    assert (open_.no_new_feature[0], open_.responder[0]) == (-1, -1)
    fever = lldas.lldas(**quiet(sledai_items_visit=with_item("fever", -1), gi_activity=[1]))
    assert (fever.no_major_organ_activity[0], fever.sledai_low[0]) == (0, -1)
    assert lldas.lldas(**quiet(prednisone_visit=[7.5])).prednisone_low[0] == 1
    assert lldas.lldas(**quiet(prednisone_visit=[7.51])).prednisone_low[0] == 0
    with pytest.raises(ScaleError, match="row 0: 2"):
        lldas.lldas(**quiet(standard_treatment=[2]))


def test_doris_components() -> None:
    def remission(**changes: Any) -> doris.Doris:
        inputs = quiet(stable_treatment=[1], **changes)
        return doris.doris(**{name: inputs[name] for name in COMPOSITES["doris"].inputs})

    assert remission().responder[0] == 1
    assert remission(sledai_items_visit=with_item("increased_dna_binding", -1)).responder[0] == 1
    assert remission(sledai_items_visit=with_item("proteinuria", -1)).responder[0] == -1
    assert remission(pga_visit=[0.5]).pga_low[0] == 0


def test_nonresponse_imputation() -> None:
    responder = np.array([1, 1, 0, -1], np.int8)
    failed = np.array([False, True, False, False])
    assert verdicts.impute_nonresponse(responder, failed).tolist() == [True, False, False, False]


# What a declaration may set: default, lowest, highest.
LIMITS: dict[str, dict[str, tuple[float, float, float]]] = {
    "sri": {"sledai_fall": (4, 1, 105), "pga_rise": (0.3, 0.01, 3)},
    "sri50": {"sledai_fall": (4, 1, 105), "pga_rise": (0.3, 0.01, 3)},
    "clinical_sledai_fall": {"sledai_fall": (4, 1, 105)},
    "sri_taper": {
        "sledai_fall": (4, 1, 105),
        "pga_rise": (0.3, 0.01, 3),
        "dose_below": (10, 0.01, 100),
    },
    "bicla": {"pga_rise": (0.3, 0.01, 3)},
    "lldas": {
        "sledai_at_most": (4, 0, 105),
        "pga_at_most": (1, 0, 3),
        "prednisone_at_most": (7.5, 0, 100),
    },
    "doris": {"pga_below": (0.5, 0.01, 3), "prednisone_at_most": (5, 0, 100)},
    "sle_das_low": {"at_most": (2.08, 0, 200)},
    "bilag_worsening_free": {"new_a_at_most": (0, 0, 9), "new_b_at_most": (1, 0, 9)},
    "bilag_flare_free": {"new_a_at_most": (0, 0, 9), "new_b_at_most": (1, 0, 9)},
    "selena_flare_free": {"sledai_alone": (1, 0, 1)},
    "skin_response": {"percent": (50, 1, 100), "baseline_at_least": (10, 1, 70)},
    "joint_response": {
        "percent": (50, 1, 100),
        "swollen_at_least": (6, 1, 66),
        "tender_at_least": (6, 1, 68),
    },
    "active_joint_response": {"percent": (50, 1, 100), "baseline_at_least": (4, 1, 66)},
    "taper": {"baseline_at_least": (10, 0, 100), "dose_at_most": (7.5, 0, 100)},
    "taper_below": {"baseline_at_least": (10, 0, 100), "dose_below": (10, 0.01, 100)},
}

AGAINST_BASELINE = {
    f"{measure}_{when}" for measure in ("sledai", "bilag", "pga") for when in ("baseline", "visit")
}
TAPER = {"prednisone_baseline", "prednisone_highest_visit"}
NEEDED: dict[str, set[str]] = {
    "sri": AGAINST_BASELINE,
    "sri50": (AGAINST_BASELINE - {"sledai_baseline", "sledai_visit"})
    | {"sledai_items_baseline", "sledai_items_visit", "sledai_improved_visit"},
    "clinical_sledai_fall": {"sledai_clinical_baseline", "sledai_clinical_visit"},
    "sri_taper": AGAINST_BASELINE | TAPER,
    "bicla": AGAINST_BASELINE,
    "sle_das_low": {"sle_das_visit"},
    "bilag_worsening_free": {"bilag_baseline", "bilag_visit"},
    "bilag_flare_free": {"bilag_previous", "bilag_visit"},
    "skin_response": {"clasi_activity_baseline", "clasi_activity_visit"},
    "joint_response": {"swollen_baseline", "swollen_visit", "tender_baseline", "tender_visit"},
    "active_joint_response": {"joints_active_baseline", "joints_active_visit"},
    "taper": TAPER | {"flare_free_visit"},
    "taper_below": TAPER | {"flare_free_visit"},
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_options_have_their_defaults_and_limits(name: str) -> None:
    options = COMPOSITES[name].options
    assert {key: (o.default, o.low, o.high) for key, o in options.items()} == LIMITS[name]
    assert all(option.label for option in options.values())
    assert COMPOSITES[name].name == name
    assert COMPOSITES[name].label


@pytest.mark.parametrize("name", NEEDED)
def test_inputs_have_the_names_that_declarations_rest_on(name: str) -> None:
    assert set(COMPOSITES[name].inputs) == NEEDED[name]


@pytest.mark.parametrize("name", COMPOSITES)
def test_nothing_known_is_nothing_computed(name: str) -> None:
    """Also the answers that are codes: a missing one is -1, never 0."""
    got = composites.evaluate(name, {})
    assert got.responder.tolist() == [-1]
    parts = COMPOSITES[name].components
    assert got.reason[0] == "cannot be computed: " + " and ".join(
        part.replace("_", " ") for part in parts
    )
