"""Dates as collected: ISO 8601 text that may stop at the year, the month or the day.

Everything here takes a polars expression of text and gives an expression, so that a column of
millions of dates is parsed in one pass. Source: SDTM Implementation Guide 3.4, section 4.4.
"""

from typing import Literal

import polars as pl

Impute = Literal["first", "last", "none"]

PRECISIONS = ("year", "month", "day", "hour", "minute", "second")

_CLOCK = r"(?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?"
_ZONE = r"(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?"
_ISO = rf"^\d{{4}}(?:-\d{{2}}(?:-\d{{2}}(?:T{_CLOCK}{_ZONE})?)?|---\d{{2}})?$"
_LENGTH = {4: "year", 7: "month", 9: "year", 10: "day", 13: "hour", 16: "minute"}


def is_iso(text: pl.Expr) -> pl.Expr:
    """Whether the text is a date that exists, whole or cut at its right; null stays null.

    `2019`, `2019-03`, `2019-03-04`, `2019-03-04T10:30`, and `2019---04` (month unknown) are;
    `2019-02-30`, `04MAR2019` and `2019-3-4` are not.
    """
    exists = text.str.contains(_ISO) & _first(text).is_not_null()
    return pl.when(text.is_not_null()).then(exists)


def precision(text: pl.Expr) -> pl.Expr:
    """The smallest unit that is known, one of `PRECISIONS`; null where the text is no date."""
    known = _without_zone(text).str.len_chars().replace_strict(_LENGTH, default="second")
    return pl.when(is_iso(text)).then(known).cast(pl.Enum(PRECISIONS))


def parse(text: pl.Expr, *, impute: Impute) -> pl.Expr:
    """The calendar day, a `Date`; null where the text is no date.

    Args:
        text: Partial ISO 8601 dates. A time of day is not looked at.
        impute: What stands for a missing month or day: the `first` or `last` that it could be, or
            `none`: a partial date is then null.
    """
    first = pl.when(is_iso(text)).then(_first(text))
    if impute == "first":
        return first
    length = text.str.len_chars()
    if impute == "none":
        return pl.when(length >= 10).then(first)
    year_end = first.dt.offset_by("11mo").dt.month_end()
    return (
        pl.when((length == 4) | (length == 9))
        .then(year_end)
        .when(length == 7)
        .then(first.dt.month_end())
        .otherwise(first)
    )


def study_day(day: pl.Expr, reference: pl.Expr) -> pl.Expr:
    """Day number of a `Date`: the reference is day 1, the day before -1; there is no day 0."""
    days = (day - reference).dt.total_days()
    return (days + (days >= 0).cast(pl.Int64)).cast(pl.Float64)


def _first(text: pl.Expr) -> pl.Expr:
    """The first day that the text allows; null where its first ten characters are no date."""
    length = text.str.len_chars()
    day = (
        pl.when((length == 4) | (length == 9))
        .then(text.str.slice(0, 4) + "-01-01")
        .when(length == 7)
        .then(text + "-01")
        .otherwise(text.str.slice(0, 10))
    )
    return day.str.to_date("%Y-%m-%d", strict=False)


def _without_zone(text: pl.Expr) -> pl.Expr:
    return text.str.replace(r"(T.*?)(?:Z|[+-]\d\d:?\d\d)$", "${1}")
