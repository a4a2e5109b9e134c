"""Skin, joint and taper responses, S2K RI-50 and SRI-50, SELENA wording: thresholds, reasons."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError, ScaleError
from openlupus.instruments import (
    bilag2004,
    composites,
    glucocorticoids,
    s2k_ri50,
    selena_sledai,
    sledai2k,
    sri,
    verdicts,
)

SCORE = {name: entry.score for name, entry in composites.COMPOSITES.items()}


def skin(before: float, now: float, **options: float) -> int:
    inputs = {"clasi_activity_baseline": [before], "clasi_activity_visit": [now]}
    return int(SCORE["skin_response"](**inputs, **options).responder[0])


def test_skin_response_at_its_thresholds() -> None:
    assert (skin(10, 5), skin(10, 6), skin(9, 0), skin(70, 35)) == (1, 0, -1, 1)
    assert skin(8, 4, baseline_at_least=8) == 1
    assert (skin(10, 3, percent=70), skin(10, 4, percent=70)) == (1, 0)
    assert skin(10, np.nan) == -1


def joints(before: tuple[float, float], now: tuple[float, float], **options: float) -> Any:
    return SCORE["joint_response"](
        swollen_baseline=[before[0]],
        tender_baseline=[before[1]],
        swollen_visit=[now[0]],
        tender_visit=[now[1]],
        **options,
    )


def test_joint_response_needs_both_counts() -> None:
    assert joints((6, 6), (3, 3)).responder[0] == 1
    one = joints((6, 8), (4, 4))
    assert (one.responder[0], one.swollen_fall[0], one.tender_fall[0]) == (0, 0, 1)
    assert one.reason[0] == "not met: swollen fall"
    few = joints((5, 6), (0, 0))
    assert (few.responder[0], few.reason[0]) == (-1, "cannot be computed: swollen fall")
    assert joints((6, 5), (0, 0)).reason[0] == "cannot be computed: tender fall"
    assert joints((5, 5), (2, 2), swollen_at_least=5, tender_at_least=5).responder[0] == 1
    assert joints((6, 6), (2, 2), percent=70).responder[0] == 0
    with pytest.raises(ScaleError, match="swollen joints: 69"):
        joints((69, 6), (0, 0))


def test_active_joint_response() -> None:
    def active(before: float, now: float, **options: float) -> int:
        inputs = {"joints_active_baseline": [before], "joints_active_visit": [now]}
        return int(SCORE["active_joint_response"](**inputs, **options).responder[0])

    assert (active(4, 2), active(4, 3), active(3, 0), active(4, np.nan)) == (1, 0, -1, -1)
    assert active(6, 3, baseline_at_least=6) == 1
    with pytest.raises(InstrumentError, match="percent must be"):
        active(6, 3, percent=0)


# -- tapers ---------------------------------------------------------------------------------------


def taper(name: str, start: float, highest: float, free: int = 1, **options: float) -> Any:
    return SCORE[name](
        prednisone_baseline=[start],
        prednisone_highest_visit=[highest],
        flare_free_visit=[free],
        **options,
    )


@pytest.mark.independent
@pytest.mark.parametrize(
    ("name", "start", "highest", "free", "expected"),
    [
        # Merrill et al., N Engl J Med 2022;386:1034: of those on 10 mg/day or more.
        ("taper", 10, 7.5, 1, 1),
        ("taper", 10, 7.51, 1, 0),
        ("taper", 10, 6 * 5 / 4, 1, 1),  # methylprednisolone 6 mg is 7.5 mg exactly
        ("taper", 10, 5, 0, 0),
        ("taper", 10, 5, -1, -1),
        ("taper", 9.99, 5, 1, -1),
        ("taper", 10, np.nan, 1, -1),
        ("taper_below", 10, 10, 1, 0),
        ("taper_below", 10, 9.99, 1, 1),
        ("taper_below", 9.9, 5, 1, -1),
    ],
)
def test_tapers(name: str, start: float, highest: float, free: int, expected: int) -> None:
    assert taper(name, start, highest, free).responder[0] == expected


def test_tapers_say_why_and_take_options() -> None:
    assert taper("taper", 20, 15, 0).reason[0] == "not met: dose low and flare free"
    assert not taper("taper", 5, 5).evaluable[0]
    assert taper("taper", 7.5, 5, baseline_at_least=7.5, dose_at_most=5).responder[0] == 1
    assert taper("taper_below", 10, 7.5, dose_below=7.5).responder[0] == 0
    with pytest.raises(InstrumentError, match="prednisone_baseline needs one finite dose"):
        taper("taper", -1, 5)


def test_a_taper_from_medication_records() -> None:
    """10 mg until day 99, then 7.5: from day 100 to 168 the highest dose is 7.5."""
    courses = glucocorticoids.Courses(
        subject=[0, 0],
        drug=["prednisone", "methylprednisolone"],
        dose_mg=[10, 6],
        frequency=["QD", "QD"],
        route=["oral", "oral"],
        start_day=[-30, 100],
        end_day=[99, np.nan],
    )
    for first, expected in ((100, 1), (99, 0)):
        dose = glucocorticoids.dose(courses, subject=[0], first_day=[first], last_day=[168])
        assert taper("taper", 10, dose.highest_mg_day[0]).responder[0] == expected


def improved(**changes: Any) -> dict[str, Any]:
    grades = np.zeros((1, 9), np.int8)
    base: dict[str, Any] = {
        "sledai_baseline": [10],
        "sledai_visit": [6],
        "bilag_baseline": grades,
        "bilag_visit": grades,
        "pga_baseline": [1.0],
        "pga_visit": [1.0],
        "prednisone_baseline": [20],
        "prednisone_highest_visit": [9.9],
    }
    return {**base, **changes}


def test_sri_with_taper() -> None:
    def response(**changes: Any) -> Any:
        return SCORE["sri_taper"](**improved(**changes))

    assert response().responder[0] == 1
    assert response(prednisone_highest_visit=[10]).reason[0] == "not met: dose low"
    assert response(prednisone_baseline=[5], prednisone_highest_visit=[6]).dose_low[0] == 0
    assert response(prednisone_baseline=[0], prednisone_highest_visit=[0]).responder[0] == 1
    assert response(sledai_visit=[7]).reason[0] == "not met: sledai fall"
    assert response(sledai_visit=[7], sledai_fall=3).responder[0] == 1
    assert response(pga_visit=[1.2], pga_rise=0.2).pga_no_worsening[0] == 0
    assert response(dose_below=7.5).dose_low[0] == 0
    assert response(prednisone_highest_visit=[np.nan]).responder[0] == -1


# -- S2K RI-50, SRI-50 ----------------------------------------------------------------------------


def codes(**found: int) -> np.ndarray:
    return np.array([[found.get(key, 0) for key in sledai2k.KEYS]], np.int8)


@pytest.mark.independent
@pytest.mark.parametrize("item", sledai2k.ITEMS, ids=lambda item: item.key)
def test_each_descriptor_improved_by_half_keeps_half_its_weight(item: sledai2k.Item) -> None:
    """Touma et al., J Rheumatol 2011;38:275: the weights of SLEDAI-2K divided by 2."""
    here = codes(**{item.key: 1})
    both = s2k_ri50.score(here, here, here).total[0]
    assert both == item.weight / 2
    assert s2k_ri50.score(here, here, codes()).total[0] == item.weight
    assert s2k_ri50.score(here, codes(), here).total[0] == 0
    # What is new counts in full; no improvement is asked for.
    assert s2k_ri50.score(codes(), here, here).total[0] == item.weight
    assert s2k_ri50.score(codes(), here, codes(**{item.key: -1})).total[0] == item.weight


def test_improvement_is_needed_where_both_are_present() -> None:
    here, unknown = codes(rash=1), codes(rash=-1)
    got = s2k_ri50.score(here, here, unknown)
    assert np.isnan(got.total[0])
    assert got.missing[0, sledai2k.KEYS.index("rash")]
    assert np.isnan(s2k_ri50.score(unknown, here, here).total[0])
    assert s2k_ri50.score(unknown, codes(), unknown).total[0] == 0
    assert np.isnan(s2k_ri50.score(here, unknown, here).total[0])
    by_name = s2k_ri50.score({"rash": 1}, {"rash": 1}, {"rash_improved": 1}).missing
    assert not by_name[0, sledai2k.KEYS.index("rash")]
    with pytest.raises(InstrumentError, match="lengths"):
        s2k_ri50.score(np.zeros((2, 24), np.int8), here, here)


def test_sri50_counts_half_improvements() -> None:
    """Arthritis and hematuria half better: 8 to 4 by S2K RI-50, 8 to 8 by SLEDAI-2K."""
    both = codes(arthritis=1, hematuria=1)
    grades = np.zeros((1, 9), np.int8)
    data: dict[str, Any] = {
        "sledai_items_baseline": both,
        "sledai_items_visit": both,
        "sledai_improved_visit": both,
        "bilag_baseline": grades,
        "bilag_visit": grades,
        "pga_baseline": [1.0],
        "pga_visit": [1.29],
    }
    assert sri.sri50(**data).responder[0] == 1
    assert sri.sri50(5, **data).reason[0] == "not met: sledai fall"
    data["sledai_improved_visit"] = codes(arthritis=1)
    assert sri.sri50(**data).sledai_fall[0] == 0
    data["pga_visit"] = [1.3]
    assert sri.sri50(**data).reason[0] == "not met: sledai fall and pga no worsening"
    with pytest.raises(InstrumentError, match="positive limits"):
        sri.sri50(0, **data)


# -- SELENA-SLEDAI --------------------------------------------------------------------------------


def item(key: str, present: np.ndarray) -> list[int]:
    return present[:, sledai2k.KEYS.index(key)].tolist()


@pytest.mark.independent
def test_selena_arthritis_needs_more_than_two_joints() -> None:
    start = np.tile(codes(arthritis=1), (4, 1))
    got = selena_sledai.from_measures(start, inflamed_joints=[2, 3, 0, np.nan])
    assert item("arthritis", got) == [0, 1, 0, 1]


@pytest.mark.independent
def test_selena_proteinuria_is_new_or_rising() -> None:
    rows = [
        # now, before, present by what was measured; -1: stays as it was
        (0.6, 0.5, 1),  # new
        (0.5, 0.1, 0),  # not above 0.5 g
        (1.2, 0.7, 0),  # a rise of exactly 0.5 g
        (1.21, 0.7, 1),
        (2.0, 2.0, 0),  # persistent: the difference to SLEDAI-2K
        (0.6, np.nan, -1),
        (0.4, np.nan, 0),
        (np.nan, 0.7, -1),
    ]
    now, before, expected = zip(*rows, strict=True)
    start = np.full((len(rows), 24), -1, np.int8)
    got = selena_sledai.from_measures(
        start, urine_protein_g_24h=now, previous_urine_protein_g_24h=before
    )
    assert item("proteinuria", got) == list(expected)


def test_selena_scores_and_refuses_as_sledai2k() -> None:
    everything = np.ones((1, 24), np.int8)
    assert selena_sledai.score(everything).total[0] == 105
    assert {i.key for i in selena_sledai.ITEMS} == set(sledai2k.KEYS)
    differing = {
        mine.key
        for mine, theirs in zip(selena_sledai.ITEMS, sledai2k.ITEMS, strict=True)
        if mine.label != theirs.label
    }
    assert differing == set(selena_sledai.WORDING)
    with pytest.raises(InstrumentError, match=r"inflamed_joints needs shape \(1,\)"):
        selena_sledai.from_measures(everything, inflamed_joints=[1, 2])
    with pytest.raises(InstrumentError, match=r"negative or infinite in rows \[0\]"):
        selena_sledai.from_measures(everything, urine_protein_g_24h=[-1])


# -- reasons --------------------------------------------------------------------------------------


@given(st.lists(st.tuples(*[st.sampled_from([-1, 0, 1])] * 3), min_size=1, max_size=20))
def test_reasons_name_every_component_that_fails(rows: list[tuple[int, int, int]]) -> None:
    parts = dict(zip(("first_part", "b", "c"), np.array(rows, np.int8).T, strict=True))
    for row, text in zip(rows, verdicts.reasons(parts).tolist(), strict=True):
        said = dict(part.split(": ") for part in text.split("; ") if part)
        for word, code in (("not met", 0), ("cannot be computed", -1)):
            names = [n for n, c in zip(("first part", "b", "c"), row, strict=True) if c == code]
            assert said.get(word, "") == " and ".join(names)


@pytest.mark.parametrize("name", composites.COMPOSITES)
def test_a_reason_is_empty_exactly_where_all_components_are_met(name: str) -> None:
    entry = composites.COMPOSITES[name]
    rng = np.random.default_rng(5)
    values: dict[str, Any] = {}
    for group in composites.columns_of(name).values():
        for column in group:
            values[column] = rng.integers(0, 2, 40).astype(float)
            values[column][rng.random(40) < 0.02] = np.nan
    got = composites.evaluate(name, values)
    parts = np.array([getattr(got, component) for component in entry.components])
    assert ((got.reason == "") == (parts == 1).all(axis=0)).all()
    assert set(np.unique(got.responder)) <= {-1, 0, 1}
    assert (got.responder[(parts == 1).all(axis=0)] == 1).all()
    assert (got.responder[(parts == 0).any(axis=0)] != 1).all()


def test_wide_inputs_have_a_column_each() -> None:
    columns = composites.columns_of("sri50")
    assert columns["bilag_visit"][0] == "bilag_visit_constitutional"
    assert len(columns["bilag_visit"]) == len(bilag2004.SYSTEMS)
    assert columns["pga_visit"] == ("pga_visit",)


def test_answers_on_improvement_have_codes_in_the_order_of_the_index():
    assert s2k_ri50.CODES[0] == "RI5001"
    assert s2k_ri50.CODES[23] == "RI5024"
    by_code = s2k_ri50.form({"RI5009": [True, False], "RI5015": [None, True]})
    by_key = s2k_ri50.form({"arthritis_improved": [True, False], "rash_improved": [None, True]})
    assert by_code.tolist() == by_key.tolist()
    assert by_code[:, 8].tolist() == [1, 0]
