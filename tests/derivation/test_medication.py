"""The daily glucocorticoid dose (ADGC), and what of the medication log cannot be used."""

from typing import Any

import polars as pl
import pytest

from derivation.small_trial import (
    DECLARATION,
    LOCKED,
    STEADY,
    Subject,
    day,
    declared,
    derived,
    drug,
    excluded,
    frames,
    row_of,
    together,
)
from openlupus.derivation import derive
from openlupus.protocol import parse
from openlupus.records import from_frames

DOSE_STRATUM = declared(
    "",
    """
[variable.GCBL]
kind = "parameter"
dataset = "ADGC"
parameter = "GCDOSE"

[stratum.dose]
label = "Prednisone-equivalent dose"
randomised = "GC"
observed = "GCBL"
levels = [
  { id = "GE10", label = "10 mg or more", at_least = 10 },
  { id = "LT10", label = "less than 10 mg", below = 10 },
]
""",
)


def dose(*cm: dict[str, Any], visit: str = "Day 1") -> float:
    data = derived(Subject("A", STEADY, cm=cm))
    value: float = row_of(data, "ADGC", AVISIT=visit)["AVAL"]
    return value


def steroid(name: str = "PREDNISONE", start: int = -100, end: int | None = None, **more: Any):
    return drug(name, day(start), None if end is None else day(end), kind="GLUCOCORTICOID", **more)


BASELINES: list[tuple[list[dict[str, Any]], float]] = [
    ([], 0),
    ([steroid()], 10),
    ([steroid(often="BID", dose=5)], 10),
    ([steroid(often="QOD", dose=20)], 10),
    ([steroid("METHYLPREDNISOLONE", dose=8)], 10),
    ([steroid("methylprednisolone sodium succinate", dose=8)], 10),
    ([steroid("HYDROCORTISONE", dose=40)], 10),
    ([steroid("DEXAMETHASONE", dose=1.5)], 10),
    ([steroid("BETAMETHASONE", dose=1.2)], 10),
    ([steroid("DEFLAZACORT", dose=4), steroid(dose=6.66666667)], 10.000000),
    ([steroid(dose=0.01, unit="g")], 10),
    ([steroid(start=-7, end=-1)], 10),
    ([steroid(start=-100, end=-8)], 0),
    ([steroid(start=1)], 0),
    ([steroid(start=-7, end=-4, dose=7), steroid(start=-3, end=-1, dose=14)], 10),
    ([steroid(route="INTRAVENOUS", often="ONCE", dose=500, start=-3)], 0),
    ([steroid(route="RESPIRATORY (INHALATION)")], 0),
    ([steroid(often="PRN")], 0),
]


def test_the_baseline_dose_is_the_mean_of_the_week_before():
    subjects = {f"{i:02d}": Subject("", cm=cm) for i, (cm, _) in enumerate(BASELINES)}
    rows = together(subjects).frame("ADGC").filter(pl.col("AVISIT") == "Day 1")
    assert rows["AVAL"].to_list() == pytest.approx([mg for _, mg in BASELINES], abs=5e-7)


def test_a_later_dose_is_the_mean_of_the_week_before_the_visit():
    cm = [steroid(start=-100, end=53, dose=10), steroid(start=54, dose=17)]
    # Week 8 is day 57: days 50 to 56, of which 54 to 56 at 17 mg.
    assert dose(*cm, visit="Week 8") == 13
    data = derived(Subject("A", STEADY, cm=cm))
    found = row_of(data, "ADGC", AVISIT="Week 8")
    assert (found["ADY"], found["BASE"], found["CHG"]) == (57, 10, 3)


def test_after_the_end_of_treatment_there_is_no_dose():
    data = derived(Subject("A", STEADY, ended=("ADVERSE EVENT", 60), doses=((1, 60),)))
    assert data.frame("ADGC")["AVISIT"].to_list() == ["Day 1", "Week 8"]


CUT: list[tuple[list[dict[str, Any]], str]] = [
    ([steroid()], "GE10"),
    ([steroid(dose=9.999)], "LT10"),
    ([steroid(dose=3.3), steroid(dose=6.7)], "GE10"),
    ([steroid("DEXAMETHASONE", dose=0.5, often="TID")], "GE10"),
    ([steroid("BETAMETHASONE", dose=0.3, often="QID")], "GE10"),
    ([steroid(dose=70, often="QW")], "GE10"),
    ([], "LT10"),
]


def test_the_cut_at_exactly_10_mg():
    subjects = {f"{i:02d}": Subject("", cm=cm) for i, (cm, _) in enumerate(CUT)}
    adsl = together(subjects, protocol=DOSE_STRATUM).frame("ADSL")
    assert adsl["STRAT3V"].to_list() == [level for _, level in CUT]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (steroid(route=None), "route is not known"),
        (steroid(route="TRANSPLACENTAL"), "route is not known"),
        (steroid("BUDESONIDE"), "drug has no prednisone equivalent"),
        (steroid(often="Q2W"), "frequency is not known"),
        (steroid(dose=None), "dose is missing or negative"),
        (steroid(dose=-5), "dose is missing or negative"),
        (steroid(unit="TABLET"), "unit of the dose is not a mass"),
    ],
)
def test_what_cannot_be_converted_is_counted(record: dict[str, Any], reason: str):
    data = derived(Subject("A", cm=[record]))
    assert excluded(data, "ADGC", reason) == 1
    assert data.frame("ADGC")["AVAL"].to_list() == [None, None, None]


def undated(end: int, **more: Any) -> dict[str, Any]:
    return drug("PREDNISONE", None, day(end), kind="GLUCOCORTICOID", **more)


# Days -7 to -1, 50 to 56, 106 to 112.
UNREADABLE: dict[str, tuple[list[dict[str, Any]], list[float | None]]] = {
    "to its end": ([steroid(start=-100, end=40, dose=None), steroid(start=41)], [None, 10, 10]),
    "from its start": ([steroid(end=49), steroid(start=50, dose=None)], [10, None, None]),
    "after a window": ([steroid(end=56), steroid(start=57, dose=None)], [10, 10, None]),
    "on one of seven days": ([steroid(), steroid(start=56, end=56, unit="TAB")], [10, None, 10]),
    "once": ([steroid(), steroid(start=56, often="ONCE", dose=None)], [10, None, 10]),
    "beside another": ([steroid(), steroid("DEXAMETHASONE", 60, often=None)], [10, 10, None]),
    "renewed on its last day": ([steroid(end=50, dose=None), steroid(start=50)], [None, 10, 10]),
    "without a start": ([undated(52)], [None, None, 0]),
    "without a start, over before": ([undated(-8), steroid(start=-7)], [10, 10, 10]),
    "without a start, once": ([undated(52, often="ONCE")], [None, None, 0]),
    "over before it starts": ([steroid(start=30, end=20)], [None, None, None]),
    "as needed": ([steroid(), steroid(often="PRN", dose=None)], [10, 10, 10]),
    "as needed, without a start": ([steroid(), undated(52, often="PRN")], [10, 10, 10]),
    "infused": ([steroid(), steroid(route="INTRAVENOUS", dose=None)], [10, 10, 10]),
    "cream": ([steroid(), steroid(route="TOPICAL", dose=None)], [10, 10, 10]),
    "into the spine": ([steroid(), steroid(route="EPIDURAL", dose=None)], [10, 10, 10]),
    "of another class": ([steroid(), drug("X", day(-9), kind="NSAID", dose=None)], [10, 10, 10]),
}


def test_a_record_that_cannot_be_read_is_no_dose_of_0():
    subjects = {case: Subject("", STEADY, cm=cm) for case, (cm, _) in UNREADABLE.items()}
    rows = together(subjects).frame("ADGC")
    found = {case: rows.filter(USUBJID=case)["AVAL"].to_list() for case in UNREADABLE}
    assert found == {case: mg for case, (_, mg) in UNREADABLE.items()}


def test_a_stratum_by_a_dose_that_is_not_known_is_missing():
    data = derived(Subject("A", STEADY, cm=[steroid(dose=None)]), protocol=DOSE_STRATUM)
    assert row_of(data, "ADSL", USUBJID="A")["STRAT3V"] is None
    assert row_of(data, "ADGC", AVISIT="Week 8")["BASE"] is None


def test_a_partial_start_counts_from_its_first_day_and_a_partial_end_to_its_last():
    whole = drug("PREDNISONE", "2020-02", "2020-03", kind="GLUCOCORTICOID")
    assert dose(whole) == 10
    year = drug("PREDNISONE", "2019", "2020", kind="GLUCOCORTICOID")
    assert dose(year, visit="Week 16") == 10


def test_without_a_medication_log_no_dose_is_said_to_be_zero():
    made = frames(Subject("A", STEADY))
    del made["CM"]
    without = DECLARATION.replace("[intercurrent.added]", "[intercurrent.other]").replace(
        'added = "composite"', 'other = "treatment_policy"'
    )
    stops = without.replace('kind = "medication"', 'kind = "discontinuation"')
    stops = stops.replace('classes = ["IMMUNOSUPPRESSANT"]\nchange = "start"\n', "")
    data = derive(parse(stops), from_frames(made), arms=LOCKED)
    assert "ADGC" not in data.frames
