"""Glucocorticoids: doses in windows against a day-by-day count, rules, refusals."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError
from openlupus.instruments import decimals, glucocorticoids
from openlupus.instruments.glucocorticoids import EQUAL_TO_5_MG, Courses, Dose, dose

FREQUENCY = {"QD": Fraction(1), "BID": Fraction(2), "QOD": Fraction(1, 2), "QW": Fraction(1, 7)}

record = st.tuples(
    st.integers(0, 2),
    st.sampled_from(sorted(EQUAL_TO_5_MG)),
    st.integers(1, 40),
    st.sampled_from([*FREQUENCY, "ONCE"]),
    st.sampled_from(["oral", "intravenous", "topical", "intraarticular"]),
    st.integers(-10, 30),
    st.one_of(st.none(), st.integers(0, 20)),
)


def courses(records: list[Any]) -> Courses:
    subject, drug, mg, frequency, route, start, length = zip(*records, strict=True)
    end = [np.nan if n is None else s + n for s, n in zip(start, length, strict=True)]
    return Courses(
        subject=subject,
        drug=drug,
        dose_mg=[float(m) for m in mg],
        frequency=frequency,
        route=route,
        start_day=start,
        end_day=end,
    )


def on_day(records: list[Any], who: int, day: int, route: str) -> Fraction:
    """The dose of one day by the rules, counted by hand."""
    total = Fraction(0)
    for subject, drug, mg, frequency, way, start, length in records:
        if subject != who or way != route:
            continue
        last = start if frequency == "ONCE" else None if length is None else start + length
        changed = route == "oral" and frequency != "ONCE" and last is not None and last > start
        if changed and any(
            (r[0], r[1], r[4], r[5]) == (who, drug, "oral", last) and r[3] != "ONCE"
            for r in records
        ):
            last -= 1
        if start <= day and (last is None or day <= last):
            equal = Fraction(str(EQUAL_TO_5_MG[drug]))
            total += FREQUENCY.get(frequency, Fraction(1)) * mg * 5 / equal
    return total


@given(st.lists(record, min_size=1, max_size=8), st.integers(-5, 10), st.integers(0, 20))
def test_windows_equal_a_day_by_day_count(records: list[Any], first: int, length: int) -> None:
    days = range(first, first + length + 1)
    got = dose(
        courses(records),
        subject=[0, 1, 2, 3],
        first_day=[first] * 4,
        last_day=[first + length] * 4,
    )
    for who in range(4):
        oral = [on_day(records, who, day, "oral") for day in days]
        shot = sum(on_day(records, who, day, "intravenous") for day in days)
        assert got.average_mg_day[who] == pytest.approx(float(sum(oral) / len(days)), rel=1e-12)
        assert got.highest_mg_day[who] == pytest.approx(float(max(oral)), abs=1e-5)
        assert got.parenteral_mg[who] == pytest.approx(float(shot), rel=1e-12)


def one(*records: Any, window: tuple[int, int] = (1, 7)) -> Dose:
    return dose(courses(list(records)), subject=[0], first_day=[window[0]], last_day=[window[1]])


def test_a_new_dose_holds_from_its_first_day() -> None:
    old = (0, "prednisone", 20, "QD", "oral", 1, 7)  # days 1 to 8
    new = (0, "prednisone", 10, "QD", "oral", 8, None)
    got = one(old, new, window=(1, 14))
    assert got.average_mg_day[0] == 15
    assert got.highest_mg_day[0] == 20
    another_drug = (0, "prednisolone", 10, "QD", "oral", 8, None)
    assert one(old, another_drug, window=(8, 8)).average_mg_day[0] == 30


def test_equivalents_meet_their_thresholds_exactly() -> None:
    got = one((0, "methylprednisolone", 6, "QD", "oral", -20, None))
    assert decimals.at_most(got.average_mg_day, 7.5).all()
    assert decimals.at_most(got.highest_mg_day, 7.5).all()
    weekly = one((0, "prednisone", 35, "QW", "oral", -20, None))
    assert decimals.at_most(weekly.average_mg_day, 5).all()


def test_an_unknown_dose_is_never_none() -> None:
    got = dose(
        Courses(
            subject=[0, 1],
            drug=["prednisone", "prednisone"],
            dose_mg=[np.nan, 10],
            frequency=["QD", "QD"],
            route=["oral", "oral"],
            start_day=[1, 1],
            end_day=[5, 5],
        ),
        subject=[0, 0, 1],
        first_day=[1, 6, 1],
        last_day=[7, 9, 5],
    )
    assert np.isnan(got.average_mg_day).tolist() == [True, False, False]
    assert np.isnan(got.highest_mg_day).tolist() == [True, False, False]
    assert got.average_mg_day[2] == 10


def test_as_needed_counts_nothing_and_is_told() -> None:
    got = one((0, "prednisone", 10, "PRN", "oral", 1, None))
    assert (got.average_mg_day[0], got.as_needed[0]) == (0, True)


def test_no_records_are_no_dose() -> None:
    empty = Courses(
        subject=[], drug=[], dose_mg=[], frequency=[], route=[], start_day=[], end_day=[]
    )
    got = dose(empty, subject=[1], first_day=[1], last_day=[7])
    assert (got.average_mg_day[0], got.highest_mg_day[0], got.parenteral_mg[0]) == (0, 0, 0)


def test_refusals_name_their_rows() -> None:
    good = (0, "prednisone", 10, "QD", "oral", 1, None)
    with pytest.raises(InstrumentError, match=r"unknown drug \(row 1: budesonide\)"):
        one(good, (0, "budesonide", 9, "QD", "oral", 1, None))
    with pytest.raises(InstrumentError, match="unknown frequency"):
        one((0, "prednisone", 9, "Q3D", "oral", 1, None))
    with pytest.raises(InstrumentError, match="unknown route"):
        one((0, "prednisone", 9, "QD", "by mouth", 1, None))
    with pytest.raises(InstrumentError, match=r"ends before it starts; rows \[1\]"):
        one(good, (0, "prednisone", 9, "QD", "oral", 5, -1))
    with pytest.raises(InstrumentError, match=r"last day .* rows \[0\]"):
        one(good, window=(7, 1))
    assert glucocorticoids.prednisone_equivalent(["dexamethasone"], [0.75])[0] == 5
