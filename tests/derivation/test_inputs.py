"""States and doses by hand: what was seen before, what is taken, whether treatment changed."""

from functools import cache
from typing import Any

import polars as pl
import pytest

from derivation.small_trial import Subject, Visit, day, declared, derived, drug, row_of, verdict
from openlupus.derivation import AnalysisData
from openlupus.errors import ProtocolError
from openlupus.protocol import Protocol

STATES = """
[endpoint.low]
label = "Low disease activity"
parameter = "LLDAS"
composite = "lldas"
changes = ["added"]
intercurrent = { stopped = "treatment_policy" }

[endpoint.remission]
label = "Remission"
parameter = "DORIS"
composite = "doris"
changes = ["added"]

[endpoint.taper]
label = "At most 7.5 mg from week 8, without flare"
parameter = "TAPER"
composite = "taper"
maintained_from = "W8"
eligible = { GCBASE = { at_least = 10 } }

[endpoint.steady]
label = "SRI-4 at a low dose"
parameter = "SRI4GC"
composite = "sri_taper"
maintained_from = "W8"

[endpoint.clinical]
label = "Clinical fall"
parameter = "CLIN4"
composite = "clinical_sledai_fall"

[variable.GCBASE]
kind = "parameter"
dataset = "ADGC"
parameter = "GCDOSE"
"""

PREDNISONE: dict[str, Any] = {"kind": "GLUCOCORTICOID"}


@cache
def protocol() -> Protocol:
    return declared("", STATES)


def data(*visits: Visit, cm: tuple[dict[str, Any], ...] = (), **more: Any) -> AnalysisData:
    return derived(Subject("A", (Visit(-28), *visits), cm=cm, **more), protocol=protocol())


def told(found: AnalysisData, parameter: str, visit: str) -> tuple[str | None, str | None]:
    row = verdict(found, "A", parameter, visit)
    return row["AVALC"], row["REASON"]


QUIET = Visit(57, sledai=(15,), pga=0.3)
"""Rash alone: 2 points, in no major organ."""


def test_low_disease_activity_needs_what_was_seen_at_the_visit_before():
    seen_before = data(Visit(1, sledai=(9, 15)), QUIET)
    assert told(seen_before, "LLDAS", "Week 8") == ("Y", None)
    new = data(Visit(1, sledai=(9,)), QUIET)
    assert told(new, "LLDAS", "Week 8") == ("N", "not met: no new feature")


def test_the_visit_before_is_the_last_one_that_was_held():
    # Rash is new at week 8, not at week 16; with week 8 missed it is new at week 16.
    held = data(Visit(1, sledai=(9,)), QUIET, Visit(113, sledai=(15,), pga=0.3))
    assert told(held, "LLDAS", "Week 16") == ("Y", None)
    missed = data(Visit(1, sledai=(9,)), Visit(113, sledai=(15,), pga=0.3))
    assert told(missed, "LLDAS", "Week 16") == ("N", "not met: no new feature")


@pytest.mark.parametrize(
    ("visit", "reason"),
    [
        (Visit(57, sledai=(9, 15), pga=0.3), "not met: sledai low"),
        (Visit(57, sledai=(13,), pga=0.3), "not met: no major organ activity and no new feature"),
        (Visit(57, pga=0.3, bilag={62: 1}), "not met: no major organ activity"),
        (Visit(57, pga=0.3, bilag={96: 1}), "not met: no major organ activity"),
        (Visit(57, pga=1.1), "not met: pga low"),
    ],
)
def test_what_ends_low_disease_activity(visit: Visit, reason: str):
    assert told(data(Visit(1, sledai=(9, 15)), visit), "LLDAS", "Week 8") == ("N", reason)


def test_the_dose_before_the_visit_counts():
    start = Visit(1, sledai=(9, 15))
    low = drug("PREDNISONE", day(-60), None, dose=7.5, **PREDNISONE)
    assert told(data(start, QUIET, cm=(low,)), "LLDAS", "Week 8") == ("Y", None)
    high = drug("PREDNISONE", day(-60), None, dose=8, **PREDNISONE)
    assert told(data(start, QUIET, cm=(high,)), "LLDAS", "Week 8") == (
        "N", "not met: prednisone low",
    )  # fmt: skip
    assert told(data(start, QUIET, cm=(high,)), "DORIS", "Week 8")[0] == "N"


def test_remission_has_no_clinical_item_and_keeps_serology():
    start = Visit(1, sledai=(9, 15))
    serology = Visit(57, sledai=(20, 21), pga=0.3)
    assert told(data(start, serology), "DORIS", "Week 8") == ("Y", None)
    assert told(data(start, QUIET), "DORIS", "Week 8") == ("N", "not met: clinical sledai zero")


def test_a_declared_change_of_treatment_ends_the_state_from_its_day():
    added = drug("AZATHIOPRINE", day(60), None, kind="IMMUNOSUPPRESSANT")
    held = data(Visit(1, sledai=(9, 15)), QUIET, Visit(113, sledai=(15,), pga=0.3), cm=(added,))
    assert told(held, "LLDAS", "Week 8") == ("Y", None)
    assert told(held, "LLDAS", "Week 16") == ("N", "not met: standard treatment")


def taken(*doses: tuple[int, int | None, float]) -> tuple[dict[str, Any], ...]:
    """Prednisone from and to these days."""
    return tuple(
        drug("PREDNISONE", day(a), None if b is None else day(b), dose=mg, **PREDNISONE)
        for a, b, mg in doses
    )


STEADY_VISITS = (Visit(1), Visit(57), Visit(113))


def test_a_reduced_dose_must_be_kept_from_the_declared_visit_on():
    kept = data(*STEADY_VISITS, cm=taken((-60, 40, 15), (41, None, 5)))
    assert told(kept, "TAPER", "Week 16") == ("Y", None)
    late = data(*STEADY_VISITS, cm=taken((-60, 57, 15), (58, None, 5)))
    assert told(late, "TAPER", "Week 16") == ("N", "not met: dose low")
    for_a_day = data(
        *STEADY_VISITS, cm=taken((-60, 40, 15), (41, 79, 5), (80, 80, 8), (81, None, 5))
    )
    assert told(for_a_day, "TAPER", "Week 16") == ("N", "not met: dose low")


def test_the_end_point_applies_to_those_on_enough_and_begins_at_the_declared_visit():
    rows = data(*STEADY_VISITS, cm=taken((-60, None, 5))).frame("ADRESP")
    assert rows.filter(pl.col("PARAMCD") == "TAPER").is_empty()
    kept = data(*STEADY_VISITS, cm=taken((-60, None, 15))).frame("ADRESP")
    of_it = kept.filter(pl.col("PARAMCD") == "TAPER")
    assert of_it["AVISIT"].to_list() == ["Week 8", "Week 16"]


def test_a_flare_ends_it_and_a_missed_visit_leaves_it_open():
    dose = taken((-60, 40, 15), (41, None, 5))
    flare = data(Visit(1), Visit(57), Visit(113, bilag={5: 4}), cm=dose)
    assert told(flare, "TAPER", "Week 16") == ("N", "not met: flare free")
    before = data(Visit(1), Visit(57, bilag={5: 4}), Visit(113, bilag={5: 4}), cm=dose)
    assert told(before, "TAPER", "Week 16") == ("N", "not met: flare free")
    missed = data(Visit(1), Visit(113), cm=dose)
    assert told(missed, "TAPER", "Week 16") == ("N", "cannot be computed: flare free")
    blank = data(Visit(1), Visit(57, bilag=None), Visit(113), cm=dose)
    assert told(blank, "TAPER", "Week 16") == ("N", "cannot be computed: flare free")
    seen = data(Visit(1), Visit(113, bilag={5: 4}), cm=dose)
    assert told(seen, "TAPER", "Week 16") == ("N", "not met: flare free")


def test_sri_with_a_low_dose_asks_for_both():
    start = Visit(1, sledai=(9, 15))
    cm = taken((-60, None, 5))
    assert told(data(start, Visit(57), Visit(113), cm=cm), "SRI4GC", "Week 16") == ("Y", None)
    more = taken((-60, 90, 5), (91, None, 6))
    assert told(data(start, Visit(57), Visit(113), cm=more), "SRI4GC", "Week 16") == (
        "N", "not met: dose low",
    )  # fmt: skip


def test_a_record_that_loses_its_dose_is_no_taper():
    lost = drug("PREDNISONE", day(41), None, dose=None, **PREDNISONE)
    found = data(*STEADY_VISITS, cm=(*taken((-60, 40, 15)), lost))
    assert told(found, "TAPER", "Week 16") == ("N", "cannot be computed: dose low")
    assert verdict(found, "A", "TAPER", "Week 16")["DTYPE"] == "NRI"
    kept = data(Visit(1, sledai=(9, 15)), *STEADY_VISITS[1:], cm=(lost,))
    assert told(kept, "SRI4GC", "Week 16") == ("N", "cannot be computed: dose low")
    assert told(kept, "LLDAS", "Week 16") == ("N", "cannot be computed: prednisone low")
    before = data(
        *STEADY_VISITS, cm=(lost | {"CMENDTC": day(50)}, *taken((-60, 40, 15), (51, None, 5)))
    )
    assert told(before, "TAPER", "Week 16") == ("Y", None)


def test_one_without_a_known_baseline_dose_is_not_among_those_to_taper():
    lost = drug("PREDNISONE", day(-60), day(40), dose=None, **PREDNISONE)
    rows = data(*STEADY_VISITS, cm=(lost, *taken((41, None, 5)))).frame("ADRESP")
    assert "TAPER" not in rows["PARAMCD"]


def test_the_clinical_score_has_its_own_baseline():
    # Platelets were not counted on day 1: no total there, and yet a clinical score of 4.
    start = (Visit(-28), Visit(1, sledai=(9,), not_done=("SLED23",)))
    found = derived(Subject("A", (*start, Visit(57))), protocol=protocol())
    assert row_of(found, "ADSLEDAI", PARAMCD="SLEDTOT", ABLFL="Y")["ADY"] == -28
    assert row_of(found, "ADSLEDAI", PARAMCD="SLEDCLIN", ABLFL="Y")["AVAL"] == 4
    assert told(found, "CLIN4", "Week 8") == ("Y", None)


def test_the_clinical_fall_leaves_laboratory_items_out():
    # Proteinuria 4 and DNA binding 2 do not count; arthritis 4 does.
    start = Visit(1, sledai=(9, 13, 21))
    assert told(data(start, Visit(57, sledai=(9,))), "CLIN4", "Week 8") == (
        "N", "not met: clinical sledai fall",
    )  # fmt: skip
    assert told(data(start, Visit(57, sledai=(13, 21))), "CLIN4", "Week 8") == ("Y", None)


def test_a_dose_before_an_early_last_visit_is_that_of_the_last_days_of_treatment():
    ended = {"doses": ((1, 100),), "ended": ("COMPLETED", 100)}
    cm = taken((-60, 98, 10), (99, None, 3))
    found = data(Visit(1), Visit(57), Visit(100), cm=cm, **ended)
    row = row_of(found, "ADGC", AVISIT="Week 16")
    # Days 94 to 100: five of 10 mg, two of 3 mg.
    assert row["AVAL"] == pytest.approx((5 * 10 + 2 * 3) / 7, abs=1e-6)
    gone = {"doses": ((1, 80),), "ended": ("ADVERSE EVENT", 80)}
    without = data(Visit(1), Visit(57), cm=cm, **gone).frame("ADGC")
    assert "Week 16" not in without["AVISIT"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('maintained_from = "W8"\neligible', "eligible", "from which it must be maintained"),
        ('changes = ["added"]\nintercurrent', "intercurrent", "that change treatment"),
        ('changes = ["added"]\nintercurrent', 'changes = ["aded"]\nintercurrent', "did you mean"),
        ('maintained_from = "W8"\neligible', 'maintained_from = "W9"\neligible', 'visit "W9"'),
    ],
)
def test_what_a_composite_asks_besides_options_must_be_declared(old: str, new: str, said: str):
    assert old in STATES
    with pytest.raises(ProtocolError, match=said):
        declared("", STATES.replace(old, new))
