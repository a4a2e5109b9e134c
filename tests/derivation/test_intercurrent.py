"""Which events are intercurrent, when, and on which record each rests."""

from functools import cache
from typing import Any

import polars as pl
import pytest

from derivation.small_trial import (
    LOCKED,
    STEADY,
    Subject,
    Visit,
    day,
    declared,
    derived,
    drug,
    excluded,
    frames,
    row_of,
    together,
    verdict,
)
from openlupus.derivation import AnalysisData, derive
from openlupus.errors import DerivationError
from openlupus.protocol import Protocol
from openlupus.records import from_frames

INCREASE = """
[intercurrent.steroid]
kind = "medication"
label = "Glucocorticoid dose above baseline"
classes = ["GLUCOCORTICOID"]
total_dose = "prednisone"
change = "increase"

[intercurrent.raised]
kind = "medication"
label = "Antimalarial started or raised"
classes = ["ANTIMALARIAL"]

[intercurrent.flare]
kind = "record"
label = "Flare"
domain = "AE"
where = { AEDECOD = "LUPUS FLARE" }
date = "AESTDTC"
"""
MORE = declared("", INCREASE)


def ices(subject: Subject, *, protocol: Protocol = MORE) -> list[tuple[str, int, int]]:
    """Name, study day and sequence number of the record, of each event of a subject."""
    return told(derived(subject, protocol=protocol).frame("ADICE"))


def told(rows: pl.DataFrame) -> list[tuple[str, int, int]]:
    each = zip(rows["ICECAT"], rows["ASTDY"], rows["SRCSEQ"], strict=True)
    return [(name, int(on), int(sequence)) for name, on, sequence in each]


def taking(*cm: dict[str, Any]) -> Subject:
    return Subject("A", STEADY, cm=cm)


def steroid(start: int, end: int | None = None, **more: Any) -> dict[str, Any]:
    more = {"kind": "GLUCOCORTICOID"} | more
    return drug("PREDNISONE", day(start), None if end is None else day(end), **more)


def immunosuppressant(start: int, end: int | None = None, **more: Any) -> dict[str, Any]:
    more = {"kind": "IMMUNOSUPPRESSANT"} | more
    return drug("AZATHIOPRINE", day(start), None if end is None else day(end), **more)


def antimalarial(start: int, end: int | None = None, **more: Any) -> dict[str, Any]:
    more = {"kind": "ANTIMALARIAL", "dose": 200} | more
    return drug("HYDROXYCHLOROQUINE", day(start), None if end is None else day(end), **more)


def test_the_end_of_treatment_before_completion_is_an_event():
    subject = Subject("A", STEADY, ended=("ADVERSE EVENT", 40))
    assert ices(subject) == [("stopped", 40, 2)]
    found = row_of(derived(subject), "ADICE")
    assert (found["ICETERM"], found["ICEDESC"]) == ("Treatment stopped", "ADVERSE EVENT")
    assert (found["SRCDOM"], found["ICESEQ"]) == ("DS", 1)


@pytest.mark.parametrize("ended", [("COMPLETED", 112), None])
def test_completion_and_ongoing_treatment_are_none(ended: tuple[str, int] | None):
    assert ices(Subject("A", STEADY, ended=ended)) == []


def test_one_who_was_randomised_and_never_treated_may_have_stopped():
    subject = Subject("A", ended=("WITHDRAWAL BY SUBJECT", 3), doses=())
    assert ices(subject) == [("stopped", 3, 2)]


def test_a_screen_failure_has_none():
    assert ices(Subject("A", arm=None, ended=("SCREEN FAILURE", -20))) == []


def test_a_declared_epoch_is_looked_for():
    protocol = declared('kind = "discontinuation"', 'kind = "discontinuation"\nepoch = "FOLLOW-UP"')
    made = frames(Subject("A", STEADY))
    lost = made["DS"].tail(1).with_columns(
        DSSEQ=pl.lit(3.0), DSDECOD=pl.lit("LOST TO FOLLOW-UP"), EPOCH=pl.lit("FOLLOW-UP"),
        DSSTDTC=pl.lit(day(130)),
    )  # fmt: skip
    records = from_frames({**made, "DS": pl.concat([made["DS"], lost])})
    for declaration, events in ((MORE, 0), (protocol, 1)):
        assert derive(declaration, records, arms=LOCKED).frame("ADICE").height == events


def test_a_discontinuation_without_a_date_is_counted():
    made = frames(Subject("A", STEADY, ended=("ADVERSE EVENT", 40)))
    ds = made["DS"].with_columns(
        DSSTDTC=pl.when(pl.col("DSDECOD") != "ADVERSE EVENT").then("DSSTDTC")
    )
    data = derive(MORE, from_frames({**made, "DS": ds}), arms=LOCKED)
    assert excluded(data, "ADICE", "date of discontinuation is missing") == 1


# What was taken, and the events: name, study day, sequence number of the record.
DRUGS: dict[str, tuple[list[dict[str, Any]], list[tuple[str, int, int]]]] = {
    "started later": ([immunosuppressant(30)], [("added", 30, 1)]),
    "started on day 1": ([immunosuppressant(1)], []),
    "started on day 2": ([immunosuppressant(2)], [("added", 2, 1)]),
    "started before": ([immunosuppressant(-100)], []),
    "goes on at another dose": ([immunosuppressant(-100, 1), immunosuppressant(30, dose=500)], []),
    "comes back": ([immunosuppressant(-100, -1), immunosuppressant(30)], [("added", 30, 2)]),
    "another class": ([immunosuppressant(30, kind="NSAID")], []),
    "raised": ([antimalarial(-100, 40), antimalarial(41, dose=400)], [("raised", 41, 2)]),
    "same": ([antimalarial(-100, 40), antimalarial(41)], []),
    "less": ([antimalarial(-100, 40), antimalarial(41, dose=100)], []),
    "same by twice half": (
        [antimalarial(-100, 40), antimalarial(41, dose=100, often="BID")], []),
    "second record on top": ([antimalarial(-100), antimalarial(41)], [("raised", 41, 2)]),
    "handed over": ([antimalarial(-100, 41), antimalarial(41)], []),
    "handed over on day 1": (
        [antimalarial(-100, 1), antimalarial(1), antimalarial(41, dose=300)], [("raised", 41, 3)]),
    "same in grams": ([antimalarial(-100, 40), antimalarial(41, dose=0.2, unit="g")], []),
    "more in grams": (
        [antimalarial(-100, 40), antimalarial(41, dose=0.3, unit="g")], [("raised", 41, 2)]),
    "started, where a rise counts too": ([antimalarial(50)], [("raised", 50, 1)]),
    "steroid raised": ([steroid(-100, 40), steroid(41, dose=12.5)], [("steroid", 41, 2)]),
    "steroid same": ([steroid(-100, 40), steroid(41)], []),
    "steroid less": ([steroid(-100, 40), steroid(41, dose=5)], []),
    "steroid on top": ([steroid(-100), steroid(41, dose=2.5)], [("steroid", 41, 2)]),
    "steroid started": ([steroid(50)], [("steroid", 50, 1)]),
    "steroid on day 1": ([steroid(1)], [("steroid", 2, 1)]),
    "steroid from the day before": ([steroid(-1)], [("steroid", 2, 1)]),
    "steroid ended by day 1": ([steroid(-1, 1)], []),
    "steroid cream": ([steroid(50, route="TOPICAL")], []),
    "steroid into a joint": ([steroid(50, route="INTRA-ARTICULAR")], []),
    "steroid pulse": (
        [steroid(-100), steroid(50, 50, route="INTRAVENOUS", often="ONCE")], [("steroid", 50, 2)]),
    "steroid injected, dose not known": (
        [steroid(50, route="INTRAMUSCULAR", dose=None, often=None)], [("steroid", 50, 1)]),
    "steroid beside one of unknown dose": ([steroid(-100, dose=None), steroid(41)], []),
    "steroid raised after one of unknown dose": ([steroid(-100, 40, dose=None), steroid(41)], []),
    "steroid raised to an unknown dose": ([steroid(-100, 40), steroid(41, dose=None)], []),
    "steroid raised before an unknown dose": (
        [steroid(-100, 40), steroid(41, 60, dose=20), steroid(61, dose=None)],
        [("steroid", 41, 2)]),
    "steroid without a start beside": (
        [drug("PREDNISONE", None, day(-30), kind="GLUCOCORTICOID"), steroid(-29), steroid(41)],
        [("steroid", 41, 3)]),
    "another steroid of the same strength": (
        [steroid(-100, 40), drug("METHYLPREDNISOLONE", day(41), kind="GLUCOCORTICOID", dose=8)],
        []),
}  # fmt: skip


@cache
def with_drugs() -> AnalysisData:
    return together({name: taking(*cm) for name, (cm, _) in DRUGS.items()}, protocol=MORE)


@pytest.mark.parametrize(("case", "events"), [(k, events) for k, (_, events) in DRUGS.items()])
def test_a_drug_started_or_raised_after_the_first_dose(
    case: str, events: list[tuple[str, int, int]]
):
    assert told(with_drugs().frame("ADICE").filter(pl.col("USUBJID") == case)) == events


@pytest.mark.parametrize("unknown", [{"dose": None}, {"often": "OTHER"}, {"unit": "TABLET"}])
def test_a_dose_that_cannot_be_compared_is_counted_and_no_event(unknown: dict[str, Any]):
    cm = [antimalarial(-100, 40, **unknown), antimalarial(41, dose=400)]
    data = derived(taking(*cm), protocol=MORE)
    assert data.frame("ADICE").is_empty()
    assert excluded(data, "ADICE", "dose cannot be compared with baseline") == 1


def test_a_tolerance_is_allowed():
    protocol = declared("", INCREASE.replace('change = "increase"', "tolerance = 2.5"))
    cm = [steroid(-100, 40), steroid(41, 60, dose=12.5), steroid(61, dose=12.6)]
    assert ices(taking(*cm), protocol=protocol) == [("steroid", 61, 3)]


def flare(on: str) -> Subject:
    return Subject("A", STEADY, ae=[{"AETERM": "flare", "AEDECOD": "LUPUS FLARE", "AESTDTC": on}])


def test_any_record_may_be_an_event():
    assert ices(flare(day(30))) == [("flare", 30, 1)]


def test_a_record_before_the_first_dose_or_without_date_is_counted():
    assert ices(flare(day(-3))) == []
    data = derived(flare(day(-3)), protocol=MORE)
    assert excluded(data, "ADICE", "event is before the first dose") == 1
    data = derived(flare(""), protocol=MORE)
    assert excluded(data, "ADICE", "date is missing") == 1


def test_events_are_in_order_and_numbered():
    subject = Subject(
        "A", STEADY, ended=("ADVERSE EVENT", 60), cm=[steroid(50), immunosuppressant(40)]
    )
    rows = derived(subject, protocol=MORE).frame("ADICE")
    assert rows["ICECAT"].to_list() == ["added", "steroid", "stopped"]
    assert rows["ICESEQ"].to_list() == [1, 2, 3]


def test_records_of_drugs_that_cannot_be_placed_are_counted():
    cm = [
        drug("AZATHIOPRINE", None, kind="IMMUNOSUPPRESSANT"),
        drug("AZATHIOPRINE", day(30), day(20), kind="IMMUNOSUPPRESSANT"),
    ]
    data = derived(taking(*cm))
    assert excluded(data, "ADICE", "start date is missing") == 1
    assert excluded(data, "ADICE", "ends before it starts") == 1
    assert data.frame("ADICE").is_empty()


def test_an_event_of_drugs_without_cm_is_refused():
    made = frames(Subject("A", STEADY))
    del made["CM"]
    with pytest.raises(DerivationError, match='event "added" needs domain CM'):
        derive(MORE, from_frames(made), arms=LOCKED)


def test_an_event_by_a_column_that_is_not_there_is_refused():
    protocol = declared("", INCREASE.replace('date = "AESTDTC"', 'date = "AEXXDTC"'))
    with pytest.raises(DerivationError, match='event "flare" needs AEXXDTC of domain AE'):
        derived(flare(day(3)), protocol=protocol)


# Cases in which it cannot be told whether the dose was raised, and the day and record in doubt.
DOUBTS: dict[str, tuple[list[dict[str, Any]], list[tuple[str, int, int]]]] = {
    "raised to an unknown dose": (
        [steroid(-100, 40), steroid(41, dose=None)], [("steroid", 41, 2)]),
    "raised to a unit that is no mass": (
        [steroid(-100, 40), steroid(41, unit="TABLET")], [("steroid", 41, 2)]),
    "a new record beside one of unknown dose": (
        [steroid(-100, dose=None), steroid(41)], [("steroid", 41, 2)]),
    "after one of unknown dose": (
        [steroid(-100, 40, dose=None), steroid(41)], [("steroid", 41, 2)]),
    "first raised, then unknown": (
        [steroid(-100, 40), steroid(41, 60, dose=20), steroid(61, dose=None)],
        [("steroid", 61, 3)]),
    "unknown and unchanged": ([steroid(-100, dose=None)], []),
    "start not known": ([drug("PREDNISONE", None, None, kind="GLUCOCORTICOID")], []),
    "known and raised": ([steroid(-100, 40), steroid(41, dose=20)], []),
    "injected, dose not known": (
        [steroid(50, route="INTRAMUSCULAR", dose=None, often=None)], []),
    "a cream": ([steroid(-100), steroid(50, route="TOPICAL", dose=None)], []),
    "another drug, before unknown": (
        [antimalarial(-100, 40, dose=None), antimalarial(41, dose=400)], [("raised", 41, 2)]),
    "another drug, started": ([antimalarial(41, dose=None)], []),
}  # fmt: skip
WHEN_IN_DOUBT = """
[endpoint.steady]
label = "PGA not worse"
parameter = "PGASTEAD"
composite = "sri"
component = "pga_no_worsening"
missing = "missing"
intercurrent = { steroid = "composite" }

[endpoint.set_aside]
label = "PGA not worse, set aside after the event"
parameter = "PGAASIDE"
composite = "sri"
component = "pga_no_worsening"
missing = "missing"
intercurrent = { steroid = "hypothetical" }

[endpoint.ignored]
label = "PGA not worse, whatever the dose"
parameter = "PGAWHAT"
composite = "sri"
component = "pga_no_worsening"
missing = "missing"
intercurrent = { steroid = "treatment_policy" }

[endpoint.remission]
label = "Remission"
parameter = "DORIS"
composite = "doris"
missing = "missing"
changes = ["raised"]

[time_to_event.worse]
label = "PGA worse"
parameter = "TTWORSE"
endpoint = "ignored"
event = "first_failure"
censored_by = ["steroid"]
"""
DOUBTED = "cannot be known: Glucocorticoid dose above baseline"


def declared_as(unreadable: str) -> Protocol:
    how = f'unreadable = "{unreadable}"\nkind = "medication"'
    return declared("", INCREASE.replace('kind = "medication"', how) + WHEN_IN_DOUBT)


@cache
def in_doubt(unreadable: str) -> AnalysisData:
    cases = {name: taking(*cm) for name, (cm, _) in DOUBTS.items()}
    return together(cases, protocol=declared_as(unreadable))


@pytest.mark.parametrize(("case", "doubts"), [(k, doubts) for k, (_, doubts) in DOUBTS.items()])
def test_a_rise_that_cannot_be_read_is_what_the_declaration_says(
    case: str, doubts: list[tuple[str, int, int]]
):
    def events(unreadable: str) -> list[tuple[str, int, int]]:
        return told(in_doubt(unreadable).frame("ADICE").filter(pl.col("USUBJID") == case))

    assert events("unknown") == events("no_event")
    assert sorted(events("event")) == sorted([*events("no_event"), *doubts])


def judged(case: str, parameter: str, visit: str, unreadable: str = "unknown") -> tuple[Any, Any]:
    row = verdict(in_doubt(unreadable), case, parameter, visit)
    return row["AVALC"], row["REASON"]


def test_from_the_day_of_the_doubt_on_the_verdict_is_not_known():
    case = "raised to an unknown dose"
    assert judged(case, "PGASTEAD", "Week 8") == (None, DOUBTED)
    assert judged(case, "PGASTEAD", "Week 8", "no_event") == ("Y", None)
    assert judged(case, "PGASTEAD", "Week 8", "event") == (
        "N", "Glucocorticoid dose above baseline",
    )  # fmt: skip
    assert judged(case, "PGAASIDE", "Week 8") == (None, DOUBTED)
    assert judged(case, "PGAWHAT", "Week 8") == ("Y", None)


def test_a_rise_that_was_seen_decides_whatever_came_later():
    assert judged("first raised, then unknown", "PGASTEAD", "Week 16") == (
        "N", "Glucocorticoid dose above baseline",
    )  # fmt: skip


def test_before_the_day_of_the_doubt_nothing_is_in_doubt():
    late = taking(steroid(-100, 60), steroid(61, dose=None))
    data = derived(late, protocol=declared_as("unknown"))
    assert verdict(data, "A", "PGASTEAD", "Week 8")["AVALC"] == "Y"
    assert verdict(data, "A", "PGASTEAD", "Week 16")["REASON"] == DOUBTED


def test_a_doubt_undoes_no_non_response_and_missing_decides_the_rest():
    worse = (Visit(-28), Visit(1), Visit(57, pga=1.4), Visit(113))
    cm = (steroid(-100, 40), steroid(41, dose=None))
    data = derived(Subject("A", worse, cm=cm), protocol=declared_as("unknown"))
    row = verdict(data, "A", "PGASTEAD", "Week 8")
    assert (row["AVALC"], row["REASON"]) == ("N", "not met: pga no worsening")
    assert verdict(data, "A", "PGAASIDE", "Week 8")["REASON"] == DOUBTED
    strict = declared(
        "", INCREASE + WHEN_IN_DOUBT.replace('missing = "missing"', 'missing = "non_response"')
    )
    row = verdict(derived(Subject("A", STEADY, cm=cm), protocol=strict), "A", "PGASTEAD", "Week 8")
    assert (row["AVALC"], row["DTYPE"], row["REASON"], row["OBSFL"]) == ("N", "NRI", DOUBTED, "N")


def test_a_state_of_unchanged_treatment_cannot_be_computed_and_time_ends():
    row = verdict(in_doubt("unknown"), "another drug, before unknown", "DORIS", "Week 8")
    assert "cannot be computed: stable treatment" in row["REASON"]
    times = in_doubt("unknown").frame("ADTTE").filter(pl.col("PARAMCD") == "TTWORSE")
    ends = dict(times.select("USUBJID", "AVAL").iter_rows())
    assert ends["raised to an unknown dose"] == 41
    assert ends["unknown and unchanged"] == 113


def test_a_dose_of_the_total_that_cannot_be_compared_is_counted():
    data = derived(taking(steroid(-100, 40), steroid(41, dose=None)), protocol=MORE)
    assert excluded(data, "ADICE", "dose cannot be compared with baseline") == 1
    assert excluded(data, "ADGC", "dose is missing or negative") == 1
