"""Partial ISO dates, against the standard library's calendar."""

import calendar
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.records import dates

GOOD = {
    "2019": ("year", date(2019, 1, 1), date(2019, 12, 31)),
    "2019-02": ("month", date(2019, 2, 1), date(2019, 2, 28)),
    "2020-02": ("month", date(2020, 2, 1), date(2020, 2, 29)),
    "2019-03-04": ("day", date(2019, 3, 4), date(2019, 3, 4)),
    "2019---04": ("year", date(2019, 1, 1), date(2019, 12, 31)),
    "2019-03-04T10": ("hour", date(2019, 3, 4), date(2019, 3, 4)),
    "2019-03-04T10:30": ("minute", date(2019, 3, 4), date(2019, 3, 4)),
    "2019-03-04T10:30:59": ("second", date(2019, 3, 4), date(2019, 3, 4)),
    "2019-03-04T10:30:59.5": ("second", date(2019, 3, 4), date(2019, 3, 4)),
    "2019-03-04T10:30Z": ("minute", date(2019, 3, 4), date(2019, 3, 4)),
    "2019-03-04T10:30+02:00": ("minute", date(2019, 3, 4), date(2019, 3, 4)),
}
BAD = ["", "19", "2019-", "2019-13", "2019-00", "2019-02-29", "2019-2-3", "04MAR2019", "2019/03/04",
       "2019-03-04T", "2019-03-04T24:00", "2019-03-04 10:30", " 2019", "2019-03-04T10:3", "UNK",
       "20190304", "2019-03-04T10:30:60"]  # fmt: skip


def one(text: str | None, expression) -> object:
    return pl.DataFrame({"t": [text]}, schema={"t": pl.String}).select(expression).item()


@pytest.mark.parametrize(("text", "expected"), GOOD.items())
def test_good_dates(text, expected) -> None:
    t = pl.col("t")
    found = [dates.precision(t), dates.parse(t, impute="first"), dates.parse(t, impute="last")]
    assert one(text, dates.is_iso(t)) is True
    assert tuple(one(text, expression) for expression in found) == expected
    whole = expected[1] if expected[0] not in ("year", "month") else None
    assert one(text, dates.parse(t, impute="none")) == whole


@pytest.mark.parametrize("text", BAD)
def test_no_dates(text) -> None:
    t = pl.col("t")
    assert one(text, dates.is_iso(t)) is False
    assert one(text, dates.precision(t)) is None
    assert [one(text, dates.parse(t, impute=i)) for i in ("first", "last", "none")] == [None] * 3


def test_missing_stays_missing() -> None:
    t = pl.col("t")
    assert one(None, dates.is_iso(t)) is None
    assert one(None, dates.precision(t)) is None
    assert one(None, dates.parse(t, impute="last")) is None


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.sampled_from([4, 7, 10]))
def test_imputed_days_bound_the_date(day: date, known: int) -> None:
    text, t = day.isoformat()[:known], pl.col("t")
    first = one(text, dates.parse(t, impute="first"))
    last = one(text, dates.parse(t, impute="last"))
    assert first <= day <= last
    month = 12 if known == 4 else day.month
    end = date(day.year, month, calendar.monthrange(day.year, month)[1])
    assert last == (day if known == 10 else end)
    assert first.isoformat()[:known] == last.isoformat()[:known] == text


@given(st.datetimes())
def test_time_of_day_does_not_matter(moment: datetime) -> None:
    text = moment.isoformat(timespec="minutes")
    assert one(text, dates.parse(pl.col("t"), impute="none")) == moment.date()


def test_there_is_no_day_0() -> None:
    frame = pl.DataFrame({"d": [date(2020, 1, d) for d in (9, 10, 11)]})
    day = dates.study_day(pl.col("d"), pl.lit(date(2020, 1, 10)))
    assert frame.select(day).to_series().to_list() == [-1.0, 1.0, 2.0]
