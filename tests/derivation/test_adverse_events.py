"""Adverse events: dates, and which of them are treatment-emergent."""

import polars as pl
import pytest

from derivation.small_trial import (
    LOCKED,
    PROTOCOL,
    Subject,
    day,
    declared,
    derived,
    excluded,
    frames,
    row_of,
)
from openlupus.derivation import derive
from openlupus.records import from_frames


def event(start: str | None, end: str | None = None) -> dict[str, str | None]:
    return {"AETERM": "Headache", "AEDECOD": "HEADACHE", "AESTDTC": start, "AEENDTC": end}


# The first dose is on 2020-03-02.
# start, end; and start as derived, what of it was imputed, whether it is emergent.
EVENTS: list[tuple[str | None, str | None, str | None, str | None, str]] = [
    ("2020-03-02", None, "2020-03-02", None, "Y"),
    ("2020-03-02T08:30", None, "2020-03-02", None, "Y"),
    ("2020-03-01", "2020-05-01", "2020-03-01", None, "N"),
    ("2020-03", None, "2020-03-02", "D", "Y"),
    ("2020-04", None, "2020-04-01", "D", "Y"),
    ("2020-02", None, "2020-02-01", "D", "N"),
    ("2020", None, "2020-03-02", "M", "Y"),
    ("2021", None, "2021-01-01", "M", "Y"),
    ("2019", None, "2019-01-01", "M", "N"),
    (None, None, "2020-03-02", "Y", "Y"),
    (None, "2020-06-01", "2020-03-02", "Y", "Y"),
    (None, "2020-02-20", None, None, "N"),
    ("2020", "2020-02", "2020-01-01", "M", "N"),
    ("2020-03", "2020-03-01", "2020-03-01", "D", "N"),
]


def test_an_event_is_emergent_if_it_may_have_started_under_treatment():
    adae = derived(Subject("A", ae=[event(*case[:2]) for case in EVENTS])).frame("ADAE")
    found = adae.select(pl.col("ASTDT").cast(pl.String), "ASTDTF", "TRTEMFL").rows()
    assert found == [case[2:] for case in EVENTS]


def test_days_of_an_event_have_no_day_0():
    data = derived(Subject("A", ae=[event(day(-1), day(1))]))
    found = row_of(data, "ADAE")
    assert (found["ASTDY"], found["AENDY"]) == (-1, 1)


@pytest.mark.parametrize(("on", "emergent"), [(112, "Y"), (140, "Y"), (141, "N")])
def test_events_long_after_the_last_dose_do_not_count_where_a_limit_is_declared(
    on: int, emergent: str
):
    protocol = declared("", "\n[safety]\ndays_after_last_dose = 28\n")
    data = derived(Subject("A", ae=[event(day(on))]), protocol=protocol)
    assert row_of(data, "ADAE")["TRTEMFL"] == emergent
    assert row_of(derived(Subject("A", ae=[event(day(on))])), "ADAE")["TRTEMFL"] == "Y"


def test_events_of_the_untreated_are_kept_and_not_emergent():
    data = derived(
        Subject("A", ae=[event(day(3))], doses=()),
        Subject("B", ae=[event(None)], arm=None, ended=None),
    )
    assert data.frame("ADAE")["TRTEMFL"].to_list() == ["N", "N"]
    assert data.frame("ADAE")["ASTDTF"].to_list() == [None, None]


def test_events_of_a_subject_who_is_not_in_dm_are_counted():
    made = frames(Subject("A", ae=[event(day(3))]))
    stray = made["AE"].with_columns(USUBJID=pl.lit("Z"))
    data = derive(
        PROTOCOL, from_frames({**made, "AE": pl.concat([made["AE"], stray])}), arms=LOCKED
    )
    assert excluded(data, "ADAE", "subject is not in DM") == 1
    assert data.frame("ADAE")["USUBJID"].to_list() == ["A"]
