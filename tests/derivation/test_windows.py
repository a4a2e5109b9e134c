"""Study days, the choice of one assessment for each visit, and the baseline."""

from datetime import date, timedelta

import polars as pl
import pytest

from derivation.small_trial import FIRST_DOSE, STEADY, Subject, Visit, derived, row_of
from openlupus.derivation.windows import windowed, with_baseline
from openlupus.protocol.model import Schedule
from openlupus.protocol.model import Visit as Planned

BASELINE = Planned(id="BL", label="Day 1", number=1, day=1, window=(-14, 1), role="baseline")
WEEK_8 = Planned(id="W8", label="Week 8", number=2, day=57, window=(29, 84))


def counted(days: list[int], *, usable: list[bool] | None = None, **rules: str) -> list[int]:
    """Study days of the assessments of week 8 that count, among these."""
    frame = assessments(days, usable)
    schedule = Schedule.model_validate({"visits": (BASELINE, WEEK_8), **rules})
    rows = windowed(frame, schedule).filter(pl.col("ANL01FL") == "Y", pl.col("AVISITN") == 2)
    return rows["ADY"].cast(pl.Int64).to_list()


def assessments(days: list[int], usable: list[bool] | None = None) -> pl.DataFrame:
    dates = [FIRST_DOSE + timedelta(days=d - 1 if d > 0 else d) for d in days]
    return pl.DataFrame(
        {
            "USUBJID": ["A"] * len(days),
            "ADT": dates,
            "REFDT": [FIRST_DOSE] * len(days),
            "USABLE": usable or [True] * len(days),
        }
    )


def test_there_is_no_day_0():
    day_before, first, second = date(2020, 3, 1), date(2020, 3, 2), date(2020, 3, 3)
    frame = pl.DataFrame(
        {
            "USUBJID": ["A"] * 3,
            "ADT": [day_before, first, second],
            "REFDT": [first] * 3,
            "USABLE": [True] * 3,
        }
    )
    rows = windowed(frame, Schedule(visits=(BASELINE,)))
    assert rows["ADY"].to_list() == [-1, 1, 2]


@pytest.mark.parametrize(
    ("choose", "ties", "days", "chosen"),
    [
        ("nearest", "later", [29, 55, 60, 84], 55),
        ("nearest", "later", [55, 59], 59),
        ("nearest", "earlier", [55, 59], 55),
        ("first", "later", [30, 57, 80], 30),
        ("last", "earlier", [30, 57, 80], 80),
        ("nearest", "later", [28, 85, 84], 84),
    ],
)
def test_one_assessment_in_a_window_counts(choose: str, ties: str, days: list[int], chosen: int):
    assert counted(days, choose=choose, ties=ties) == [chosen]


@pytest.mark.parametrize("choose", ["nearest", "first", "last"])
def test_an_assessment_with_a_score_goes_before_one_without(choose: str):
    assert counted([30, 57, 80], usable=[False, True, False], choose=choose) == [57]


def test_of_two_on_one_day_the_later_in_order_counts_as_ties_say():
    assert counted([57, 57], ties="later") == [57]


def test_days_around_the_first_dose_are_one_apart():
    planned = Planned(id="BL", label="Day 1", number=1, day=1, window=(-14, 14), role="baseline")
    rows = windowed(
        assessments([-2, 3]), Schedule(visits=(planned,), choose="nearest", ties="earlier")
    )
    # Day -2 is two days before day 1, as day 3 is two days after it: the earlier one wins the tie.
    assert rows.filter(pl.col("ANL01FL") == "Y")["ADY"].to_list() == [-2]


def test_the_baseline_is_the_last_usable_assessment_on_or_before_the_first_dose():
    schedule = Schedule(visits=(BASELINE, WEEK_8))
    rows = windowed(assessments([-28, -3, 1, 57], [True, True, False, True]), schedule)
    assert rows.filter(pl.col("ABLFL") == "Y")["ADY"].to_list() == [-3]
    rows = windowed(assessments([-28, 1, 2]), schedule)
    assert rows.filter(pl.col("ABLFL") == "Y")["ADY"].to_list() == [1]
    rows = windowed(assessments([2, 57]), schedule)
    assert rows["ABLFL"].null_count() == 2


def test_outside_all_windows_there_is_no_visit_but_the_row_stays():
    rows = windowed(assessments([15, 57]), Schedule(visits=(BASELINE, WEEK_8)))
    assert rows["AVISIT"].to_list() == [None, "Week 8"]
    assert rows["ANL01FL"].to_list() == [None, "Y"]


def test_change_is_from_baseline_and_only_after_it():
    rows = pl.DataFrame(
        {
            "USUBJID": ["A"] * 3,
            "PARAMCD": ["P"] * 3,
            "ADY": [-28.0, 1.0, 57.0],
            "ABLFL": [None, "Y", None],
            "AVAL": [9.0, 10.0, 4.0],
        }
    )
    rows = with_baseline(rows)
    assert rows["BASE"].to_list() == [10.0, 10.0, 10.0]
    assert rows["CHG"].to_list() == [None, None, -6.0]


def test_a_subject_who_was_never_treated_counts_days_from_randomisation():
    data = derived(Subject("A", STEADY, doses=()))
    assert row_of(data, "ADSLEDAI", PARAMCD="SLEDTOT", ABLFL="Y")["ADY"] == 1
    assert row_of(data, "ADSL")["TRTFL"] == "N"


def test_each_subject_has_an_own_baseline():
    late = (Visit(-10, sledai=(1,)), Visit(57))
    data = derived(Subject("A", STEADY), Subject("B", late))
    assert row_of(data, "ADSLEDAI", USUBJID="A", PARAMCD="SLEDTOT", ABLFL="Y")["AVAL"] == 6
    assert row_of(data, "ADSLEDAI", USUBJID="B", PARAMCD="SLEDTOT", ABLFL="Y")["AVAL"] == 8
