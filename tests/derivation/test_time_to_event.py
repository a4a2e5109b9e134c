"""Times to a response, a sustained response and a failure, by hand."""

from functools import cache
from typing import Any

import polars as pl
import pytest

from derivation.small_trial import DECLARATION, Subject, Visit, declared, derived
from openlupus.derivation import AnalysisData
from openlupus.errors import ProtocolError
from openlupus.protocol import parse

TIMES = """
[endpoint.sri4]
label = "SRI-4"
parameter = "SRI4"
composite = "sri"
intercurrent = { stopped = "composite" }

[endpoint.flare]
label = "No flare"
parameter = "NOFLARE"
composite = "bilag_flare_free"
missing = "missing"

[time_to_event.first]
label = "First response"
parameter = "TTFIRST"
endpoint = "sri4"
event = "first_response"

[time_to_event.kept]
label = "Sustained response"
parameter = "TTKEPT"
endpoint = "sri4"
event = "first_sustained_response"
censor = "end"

[time_to_event.flare]
label = "Flare"
parameter = "TTFLARE"
endpoint = "flare"
event = "first_failure"
censored_by = ["stopped"]
"""
START = Visit(1, sledai=(9, 15))
BETTER, SAME = (), (9, 15)


@cache
def protocol(times: str) -> Any:
    return declared("", times)


def found(*visits: Visit, times: str = TIMES, **more: Any) -> AnalysisData:
    return derived(Subject("A", (Visit(-28), START, *visits), **more), protocol=protocol(times))


def time(data: AnalysisData, parameter: str) -> tuple[float, float]:
    row = data.frame("ADTTE").filter(pl.col("PARAMCD") == parameter).row(0, named=True)
    return row["AVAL"], row["CNSR"]


def test_the_first_response_is_dated_by_the_day_of_its_assessment():
    data = found(Visit(59, sledai=BETTER), Visit(113, sledai=SAME))
    assert time(data, "TTFIRST") == (59, 0)
    assert time(data, "TTKEPT") == (113, 1)  # lost again: censored at the end, day 113


def test_a_sustained_response_holds_at_every_later_visit():
    assert time(found(Visit(59), Visit(110)), "TTKEPT") == (59, 0)
    assert time(found(Visit(59, sledai=SAME), Visit(110)), "TTKEPT") == (110, 0)


def test_visits_may_count_on_their_target_day():
    """Event and censoring of one visit come on one day, events first."""
    planned = TIMES.replace("event = ", 'days = "target"\nevent = ')
    data = found(Visit(59), Visit(110), times=planned)
    assert time(data, "TTKEPT") == (57, 0)
    lost = found(Visit(60, sledai=SAME), Visit(110, sledai=SAME), times=planned)
    assert time(lost, "TTFIRST") == (113, 1)
    flare, stopped = (
        Visit(110, bilag={5: 4}),
        {"doses": ((1, 111),), "ended": ("ADVERSE EVENT", 111)},
    )
    assert time(found(Visit(57), flare, times=planned, **stopped), "TTFLARE") == (113, 0)


def test_without_the_event_the_last_assessment_censors():
    data = found(Visit(60, sledai=SAME), Visit(112, sledai=SAME))
    assert time(data, "TTFIRST") == (112, 1)
    assert time(found(Visit(60, sledai=SAME)), "TTFIRST") == (60, 1)
    assert time(found(), "TTFIRST") == (1, 1)


def test_non_response_by_imputation_is_no_observed_failure():
    stopped = {"doses": ((1, 70),), "ended": ("ADVERSE EVENT", 70)}
    data = found(Visit(57, sledai=BETTER), **stopped)
    assert time(data, "TTKEPT")[1] == 1  # the response of week 8 is not kept: treatment failed
    assert time(data, "TTFLARE") == (57, 1)


def test_a_flare_after_the_stop_is_not_at_risk():
    flare = Visit(113, bilag={5: 4})
    assert time(found(Visit(57), flare), "TTFLARE") == (113, 0)
    stopped = {"doses": ((1, 70),), "ended": ("ADVERSE EVENT", 70)}
    assert time(found(Visit(57), flare, **stopped), "TTFLARE") == (70, 1)


def test_studies_that_declare_no_time_have_no_such_data_set():
    start, end = DECLARATION.index("[time_to_event.sri6]"), DECLARATION.index("[analysis.bicla]")
    without = parse(DECLARATION[:start] + DECLARATION[end:])
    assert "ADTTE" in derived(Subject("A", (START,))).frames
    assert "ADTTE" not in derived(Subject("A", (START,)), protocol=without).frames


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('endpoint = "flare"', 'endpoint = "flares"', 'end point "flares" is not declared'),
        ('censored_by = ["stopped"]', 'censored_by = ["stop"]', 'event "stop" is not declared'),
        ('parameter = "TTKEPT"', 'parameter = "TTFIRST"', "is used by first and kept"),
        ('censor = "end"', 'until = "W99"', 'visit "W99" is not declared'),
    ],
)
def test_what_a_time_names_must_be_declared(old: str, new: str, said: str):
    with pytest.raises(ProtocolError, match=said):
        declared("", TIMES.replace(old, new))
