"""Flares by hand: seen at any assessment, each against the one before it, on its own day."""

from functools import cache
from itertools import pairwise
from random import Random
from typing import Any

import polars as pl
import pytest

from derivation.small_trial import (
    DECLARATION,
    LOCKED,
    Subject,
    Visit,
    day,
    derived,
    drug,
    frames,
    together,
    verdict,
)
from openlupus.derivation import AnalysisData, derive
from openlupus.errors import ProtocolError
from openlupus.protocol import Protocol, parse
from openlupus.records import from_frames

FLARES = """
[endpoint.flare]
label = "No flare"
parameter = "NOFLARE"
composite = "bilag_flare_free"
missing = "missing"

[endpoint.taper]
label = "At most 7.5 mg from week 8, without flare"
parameter = "TAPER"
composite = "taper"
maintained_from = "W8"

[time_to_event.flare]
label = "Flare"
parameter = "TTFLARE"
endpoint = "flare"
event = "first_failure"
censored_by = ["stopped"]
"""
AT_VISITS = FLARES.replace("\nlabel", '\nflares_at = "visits"\nlabel', 2)
ON_TARGET_DAYS = FLARES.replace("event = ", 'days = "target"\nevent = ')
SEVERE = {5: 4}
"""A severe eruption, new: skin A."""
FIRST = (Visit(-28), Visit(1))


@cache
def protocol(added: str = FLARES, choose: str = "last") -> Protocol:
    return parse(DECLARATION.replace('choose = "last"', f'choose = "{choose}"') + added)


def found(*visits: Visit, declared: Protocol | None = None, **more: Any) -> AnalysisData:
    subject = Subject("A", (*FIRST, *visits), **more)
    return derived(subject, protocol=declared or protocol())


def time(data: AnalysisData) -> tuple[float, float]:
    row = data.frame("ADTTE").filter(pl.col("PARAMCD") == "TTFLARE").row(0, named=True)
    return row["AVAL"], row["CNSR"]


def told(data: AnalysisData, visit: str, parameter: str = "NOFLARE") -> tuple[Any, Any, Any]:
    row = verdict(data, "A", parameter, visit)
    return row["AVALC"], row["REASON"], row["ADY"]


STOPPED: dict[str, Any] = {"doses": ((1, 50),), "ended": ("ADVERSE EVENT", 50)}


@pytest.mark.parametrize(
    ("on", "declared", "expected"),
    [
        pytest.param(40, FLARES, (40, 0), id="in a window, another counts"),
        pytest.param(20, FLARES, (20, 0), id="outside all windows"),
        pytest.param(40, AT_VISITS, (113, 1), id="visits alone"),
        pytest.param(40, ON_TARGET_DAYS, (57, 0), id="target day of its visit"),
        pytest.param(20, ON_TARGET_DAYS, (20, 0), id="no visit, no target day"),
    ],
)
def test_a_flare_between_visits_is_a_flare_of_its_own_day(
    on: int, declared: str, expected: tuple[float, float]
):
    data = found(Visit(on, bilag=SEVERE), Visit(57), Visit(113), declared=protocol(declared))
    assert time(data) == expected


def test_the_next_visit_says_so_and_the_one_after_does_not():
    data = found(Visit(40, bilag=SEVERE), Visit(57), Visit(113))
    assert told(data, "Week 8") == ("N", "not met: no new a", 40)
    assert told(data, "Week 16") == ("Y", None, 113)


def test_a_flare_that_lasts_begins_when_it_was_first_seen():
    data = found(Visit(40, bilag=SEVERE), Visit(57, bilag=SEVERE), Visit(113, bilag=SEVERE))
    assert time(data) == (40, 0)
    assert told(data, "Week 16")[0] == "Y"


def test_each_assessment_is_compared_with_the_one_before_it():
    # Severe at baseline, gone on day 40: at week 8 it is new again.
    ill = (Visit(-28), Visit(1, bilag=SEVERE))
    again = Subject("A", (*ill, Visit(40), Visit(57, bilag=SEVERE), Visit(113)))
    assert time(derived(again, protocol=protocol())) == (57, 0)
    assert time(derived(again, protocol=protocol(AT_VISITS))) == (113, 1)


def test_a_form_that_is_not_complete_neither_adds_a_flare_nor_opens_a_verdict():
    partial = Visit(40, bilag=SEVERE, not_done=("BIL062",))
    data = found(partial, Visit(57), Visit(113))
    assert told(data, "Week 8") == ("Y", None, 57)
    assert time(data) == (113, 1)


def test_a_flare_is_seen_though_the_visit_was_missed():
    data = found(Visit(20, bilag=SEVERE), Visit(113))
    reason = "not met: no new a; cannot be computed: few new b"
    assert told(data, "Week 8") == ("N", reason, 20)
    assert verdict(data, "A", "NOFLARE", "Week 8")["OBSFL"] == "Y"


def test_without_a_flare_a_missed_visit_stays_open_and_time_at_risk_goes_on():
    data = found(Visit(20))
    assert told(data, "Week 8") == (None, "cannot be computed: no new a and few new b", None)
    assert time(data) == (20, 1)
    assert time(found(Visit(20), declared=protocol(AT_VISITS))) == (1, 1)


def test_after_the_last_visit_its_window_is_the_limit():
    first = protocol(choose="first")
    assert time(found(Visit(57), Visit(113), Visit(130, bilag=SEVERE), declared=first)) == (130, 0)
    assert time(found(Visit(57), Visit(113), Visit(150, bilag=SEVERE))) == (113, 1)


def test_a_flare_after_the_stop_is_not_at_risk_and_one_before_it_is():
    assert time(found(Visit(55, bilag=SEVERE), Visit(57), **STOPPED)) == (50, 1)
    assert time(found(Visit(45, bilag=SEVERE), Visit(57), **STOPPED)) == (45, 0)


@pytest.mark.parametrize(
    ("on", "expected"),
    [(45, ("N", "not met: no new a", 45)), (55, (None, "Treatment stopped", 55))],
)
def test_an_event_bears_on_a_flare_that_was_seen_after_it(on: int, expected: tuple[Any, ...]):
    stops = FLARES.replace(
        'missing = "missing"',
        'missing = "missing"\nintercurrent = { stopped = "hypothetical" }',
    )
    data = found(Visit(on, bilag=SEVERE), Visit(57), declared=protocol(stops), **STOPPED)
    assert told(data, "Week 8") == expected


def test_two_forms_of_one_day_are_one_assessment_and_the_counting_one_stands():
    twice = (Visit(57, number=2), Visit(57, bilag=SEVERE, number=9))
    assert told(found(*twice, Visit(113)), "Week 8") == ("N", "not met: no new a", 57)
    assert told(found(*reversed(twice), Visit(113)), "Week 16") == ("Y", None, 113)


def test_a_taper_is_ended_by_a_flare_between_visits_from_its_first_visit_on():
    dose = [
        drug("PREDNISONE", day(a), None if b is None else day(b), dose=mg, kind="GLUCOCORTICOID")
        for a, b, mg in ((-60, 40, 15), (41, None, 5))
    ]
    quiet = (Visit(57), Visit(113))
    later = found(quiet[0], Visit(90, bilag=SEVERE), quiet[1], cm=dose)
    assert told(later, "Week 16", "TAPER")[:2] == ("N", "not met: flare free")
    before = found(Visit(20, bilag=SEVERE), *quiet, cm=dose)
    assert told(before, "Week 16", "TAPER")[:2] == ("Y", None)
    alone = found(
        quiet[0], Visit(90, bilag=SEVERE), quiet[1], cm=dose, declared=protocol(AT_VISITS)
    )
    assert told(alone, "Week 16", "TAPER")[:2] == ("Y", None)


SYSTEMS = [f"BIL{number:02d}" for number in range(1, 10)]
ITEMS = (5, 6, 22, 40, 57, 58, 62)
"""Items with grades of their own, in several systems."""


def drawn(seed: int) -> Subject:
    """A subject with whole forms on random days."""
    draw = Random(seed)
    days = sorted(draw.sample(range(2, 141), draw.randint(0, 7)))
    forms = [
        Visit(on, bilag={i: draw.choice((0, 0, 2, 3, 4)) for i in draw.sample(ITEMS, 3)})
        for on in days
    ]
    return Subject("A", (*FIRST, *forms))


def test_the_first_flare_is_found_as_a_reader_of_all_grades_would_find_it():
    """Recomputed form by form: a new A, or two new B, against the form before."""
    data = together({f"{seed:03d}": drawn(seed) for seed in range(60)}, protocol=protocol())
    grades = data.frame("ADBILAG").filter(pl.col("PARAMCD").is_in(SYSTEMS) & (pl.col("ADY") > -28))
    times = data.frame("ADTTE").filter(pl.col("PARAMCD") == "TTFLARE")
    events = 0
    for subject, aval, cnsr in times.select("USUBJID", "AVAL", "CNSR").iter_rows():
        mine = grades.filter(pl.col("USUBJID") == subject)
        forms = {
            on: dict(zip(of["PARAMCD"], of["AVALC"], strict=True))
            for (on,), of in mine.sort("ADY").group_by("ADY", maintain_order=True)
        }
        days = list(forms)
        flares = [now for before, now in pairwise(days)
                  if _flare(forms[before], forms[now])]  # fmt: skip
        assert (aval, cnsr) == ((flares[0], 0) if flares else (days[-1], 1)), subject
        events += bool(flares)
    assert 10 < events < 50


def _flare(before: dict[str, str], now: dict[str, str]) -> bool:
    new_a = sum(now[s] == "A" and before[s] != "A" for s in SYSTEMS)
    new_b = sum(now[s] == "B" and before[s] in "CDE" for s in SYSTEMS)
    return new_a >= 1 or new_b >= 2


def test_where_flares_are_looked_for_is_one_of_two():
    with pytest.raises(ProtocolError, match="flares_at"):
        parse(DECLARATION + AT_VISITS.replace('"visits"', '"sometimes"', 1))


def test_one_who_was_randomised_on_no_known_day_has_a_row_and_no_verdict():
    lost = Subject("B", FIRST, doses=(), ended=None)
    made = frames(Subject("A", (*FIRST, Visit(57))), lost)
    undated = pl.when(pl.col("USUBJID") != "B").then("DSSTDTC")
    ds = made["DS"].with_columns(DSSTDTC=undated)
    data = derive(protocol(), from_frames({**made, "DS": ds}), arms=LOCKED)
    assert verdict(data, "A", "NOFLARE", "Week 8")["AVALC"] == "Y"
    assert verdict(data, "B", "NOFLARE", "Week 8")["AVALC"] is None
