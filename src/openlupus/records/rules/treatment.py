"""Rules on treatment: after randomisation, until discontinuation, and what it can have caused."""

from collections.abc import Iterator

import polars as pl

from openlupus.records import dates
from openlupus.records.model import Records
from openlupus.records.rules.base import found, given, keys_of, rule, with_dm

_RANDOMISED = ("RANDOMIZED", "RANDOMISED")


def _first(column: str) -> pl.Expr:
    return dates.parse(pl.col(column), impute="first")


def _last(column: str) -> pl.Expr:
    return dates.parse(pl.col(column), impute="last")


@rule("error", "treatment begins on or after the day of randomisation")
def treatment_before_randomisation(records: Records) -> Iterator[pl.LazyFrame]:
    assigned = (
        records.domain("DS")
        .filter(pl.col("DSDECOD").str.to_uppercase().is_in(_RANDOMISED))
        .group_by("USUBJID")
        .agg(randomised=pl.col("DSSTDTC").min())
    )
    for _, frame in given(records, "EX"):
        yield found(
            frame.join(assigned, on="USUBJID"),
            _last("EXSTDTC") < _first("randomised"),
            domain="EX",
            keys=keys_of(records, "EX"),
            field="EXSTDTC",
            message="the subject was randomised on {}",
            about=[pl.col("randomised")],
        )


@rule("error", "no dose follows the discontinuation of treatment")
def dose_after_discontinuation(records: Records) -> Iterator[pl.LazyFrame]:
    stopped = (
        records.domain("DS")
        .filter(
            pl.col("DSCAT") == "DISPOSITION EVENT",
            pl.col("EPOCH").str.to_uppercase() == "TREATMENT",
            pl.col("DSDECOD").str.to_uppercase() != "COMPLETED",
        )
        .group_by("USUBJID")
        .agg(pl.col("DSDECOD", "DSSTDTC").sort_by("DSSTDTC").last())
    )
    for _, frame in given(records, "EX"):
        yield found(
            frame.join(stopped, on="USUBJID"),
            _first("EXSTDTC") > _last("DSSTDTC"),
            domain="EX",
            keys=keys_of(records, "EX"),
            field="EXSTDTC",
            message="treatment was discontinued on {} ({})",
            about=[pl.col("DSSTDTC"), pl.col("DSDECOD")],
        )


@rule("warning", "an event before the first dose is not related to treatment")
def related_before_treatment(records: Records) -> Iterator[pl.LazyFrame]:
    for _, frame in given(records, "AE"):
        yield found(
            with_dm(records, frame, pl.col("RFSTDTC")),
            (pl.col("AEREL") == "RELATED") & (_last("AESTDTC") < _first("RFSTDTC")),
            domain="AE",
            keys=keys_of(records, "AE"),
            field="AEREL",
            message="the event began on {}, and the first dose was on {}",
            about=[pl.col("AESTDTC"), pl.col("RFSTDTC")],
        )


@rule("warning", "an adverse event says how severe, serious and related it is, and when it began")
def event_incomplete(records: Records) -> Iterator[pl.LazyFrame]:
    for _, frame in given(records, "AE"):
        for column in ("AESEV", "AESER", "AEREL", "AESTDTC"):
            empty = pl.col(column).fill_null("") == ""
            if column == "AESEV":
                empty &= pl.col("AETOXGR").fill_null("") == ""
            yield found(
                frame,
                empty,
                domain="AE",
                keys=keys_of(records, "AE"),
                field=column,
                message="{} has no value",
                about=[pl.lit(column)],
            )
