"""Rules on dates: that they are dates, and in an order that can be.

A partial date breaks a rule only if every day that it could be does.
"""

from collections.abc import Iterator

import polars as pl

from openlupus.records import dates
from openlupus.records.model import Records
from openlupus.records.rules.base import (
    FINDINGS_DOMAINS,
    found,
    given,
    keys_of,
    of_subjects,
    rule,
    with_dm,
)

_WITHIN_TRIAL = (*FINDINGS_DOMAINS, "EX", "SV", "AE")
"""Domains whose rows happen while the subject is in the trial."""


def _dates(frame: pl.LazyFrame) -> list[str]:
    return [column for column in frame.collect_schema() if column.endswith("DTC")]


def _first(column: str) -> pl.Expr:
    return dates.parse(pl.col(column), impute="first")


def _last(column: str) -> pl.Expr:
    return dates.parse(pl.col(column), impute="last")


def _rows_with(frame: pl.LazyFrame, wrong: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """The rows of the frame whose subject and date are among the few that are wrong.

    A form of a hundred items has one date: each is judged once, whatever the number of rows.
    """
    return frame.join(wrong, on=["USUBJID", column], how="inner")


@rule("error", "a date is ISO 8601, whole or cut at its right, and exists")
def date_not_iso(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in of_subjects(records):
        for column in _dates(frame):
            text = pl.col(column)
            wrong = frame.select(column).unique().filter(text.is_not_null(), ~dates.is_iso(text))
            yield found(
                frame.join(wrong, on=column, how="inner"),
                pl.lit(True),
                domain=name,
                keys=keys_of(records, name),
                field=column,
                message="it is no ISO 8601 date such as 2019-03-04, 2019-03 or 2019",
            )


@rule("error", "nothing is dated before the subject's birth")
def date_before_birth(records: Records) -> Iterator[pl.LazyFrame]:
    birth = pl.col("BRTHDTC").alias("birth")
    for name, frame in of_subjects(records):
        for column in [column for column in _dates(frame) if column != "BRTHDTC"]:
            when = with_dm(records, frame.select("USUBJID", column).unique(), birth)
            wrong = when.filter(_last(column) < _first("birth"))
            yield found(
                _rows_with(frame, wrong, column),
                pl.lit(True),
                domain=name,
                keys=keys_of(records, name),
                field=column,
                message="the subject was born on {}",
                about=[pl.col("birth")],
            )


@rule("warning", "nothing is done in the trial before consent")
def date_before_consent(records: Records) -> Iterator[pl.LazyFrame]:
    consent = pl.col("RFICDTC").alias("consent")
    for name, frame in given(records, *_WITHIN_TRIAL):
        column = _began(name)
        when = with_dm(records, frame.select("USUBJID", column).unique(), consent)
        wrong = when.filter(_last(column) < _first("consent"))
        yield found(
            _rows_with(frame, wrong, column),
            pl.lit(True),
            domain=name,
            keys=keys_of(records, name),
            field=column,
            message="consent was given on {}",
            about=[pl.col("consent")],
        )


@rule("error", "nothing begins after the subject's death")
def date_after_death(records: Records) -> Iterator[pl.LazyFrame]:
    death = pl.col("DTHDTC").alias("death")
    for name, frame in given(records, *_WITHIN_TRIAL, "CM"):
        column = _began(name)
        when = with_dm(records, frame.select("USUBJID", column).unique(), death)
        wrong = when.filter(_first(column) > _last("death"))
        yield found(
            _rows_with(frame, wrong, column),
            pl.lit(True),
            domain=name,
            keys=keys_of(records, name),
            field=column,
            message="the subject died on {}",
            about=[pl.col("death")],
        )


def _began(name: str) -> str:
    return f"{name}DTC" if name in FINDINGS_DOMAINS else f"{name}STDTC"


@rule("error", "nothing ends before it began")
def end_before_start(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in of_subjects(records):
        present = frame.collect_schema()
        pairs = [(f"{name}STDTC", f"{name}ENDTC"), ("RFSTDTC", "RFENDTC")]
        for start, end in pairs:
            if start in present and end in present:
                yield found(
                    frame,
                    _last(end) < _first(start),
                    domain=name,
                    keys=keys_of(records, name),
                    field=end,
                    message=f"{start} is {{}}",
                    about=[pl.col(start)],
                )


@rule("warning", "AGE is the age at consent, or at the start of treatment")
def age_disagrees_with_birth(records: Records) -> Iterator[pl.LazyFrame]:
    for _, frame in given(records, "DM"):
        when = pl.coalesce(_first("RFICDTC"), _first("RFSTDTC"))
        years = (when - _first("BRTHDTC")).dt.total_days() / 365.25
        # A year of birth alone leaves a year open, and studies differ in the day that they take.
        slack = pl.when(pl.col("BRTHDTC").str.len_chars() < 10).then(1.1).otherwise(0.1)
        wrong = (pl.col("AGE") > years + slack) | (pl.col("AGE") < years - 1 - slack)
        yield found(
            frame,
            (pl.col("AGEU").fill_null("YEARS") == "YEARS") & wrong,
            domain="DM",
            keys=["USUBJID"],
            field="AGE",
            message="from the birth on {} it would be {}",
            about=[pl.col("BRTHDTC"), years.round(1)],
        )


@rule("error", "a death that AE or DS tells is in DM")
def death_not_in_dm(records: Records) -> Iterator[pl.LazyFrame]:
    alive = pl.col("in_dm") & (pl.col("DTHFL").fill_null("N") != "Y")
    told = {
        "AE": ("AEOUT", (pl.col("AEOUT") == "FATAL") | (pl.col("AESDTH") == "Y")),
        "DS": ("DSDECOD", pl.col("DSDECOD") == "DEATH"),
    }
    for name, frame in given(records, *told):
        column, dead = told[name]
        people = with_dm(records, frame, pl.col("DTHFL"), pl.lit(True).alias("in_dm"))
        yield found(
            people,
            dead & alive,
            domain=name,
            keys=keys_of(records, name),
            field=column,
            message="DM does not say that the subject died (DTHFL)",
        )


@rule("error", "a date of death and the flag of death go together")
def death_flag_disagrees(records: Records) -> Iterator[pl.LazyFrame]:
    for _, frame in given(records, "DM"):
        yield found(
            frame,
            (pl.col("DTHDTC").is_not_null()) & (pl.col("DTHFL").fill_null("N") != "Y"),
            domain="DM",
            keys=["USUBJID"],
            field="DTHFL",
            message="there is a date of death, {}, and no flag",
            about=[pl.col("DTHDTC")],
        )
