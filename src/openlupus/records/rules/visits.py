"""Rules on visits: scheduled, named alike everywhere, in their windows and in their order."""

from collections.abc import Iterator

import polars as pl

from openlupus.records import dates
from openlupus.records.context import CheckContext
from openlupus.records.model import Records
from openlupus.records.rules.base import (
    FINDINGS_DOMAINS,
    found,
    given,
    of_subjects,
    rule,
    rule_of_trial,
    with_dm,
)

_UNSCHEDULED = pl.col("VISIT").str.to_uppercase().str.contains("UNSCHEDULED")


def _with_visits(records: Records) -> Iterator[tuple[str, pl.LazyFrame]]:
    """Subject, visit and date of each domain with visits, each once."""
    for name, frame in given(records, "SV", *FINDINGS_DOMAINS):
        date = "SVSTDTC" if name == "SV" else f"{name}DTC"
        if "VISIT" in frame.collect_schema():
            yield name, frame.select("USUBJID", "VISITNUM", "VISIT", date).unique()


@rule_of_trial("warning", "a visit is one of the schedule, or is called unscheduled")
def visit_unknown(records: Records, context: CheckContext) -> Iterator[pl.LazyFrame]:
    if not context.visits:
        return
    numbers = [visit.number for visit in context.visits]
    names = [visit.name.upper() for visit in context.visits]
    for name, frame in of_subjects(records):
        if not {"VISIT", "VISITNUM"} <= set(frame.collect_schema()):
            continue
        named = pl.coalesce(pl.col("VISIT"), pl.col("VISITNUM").cast(pl.String))
        known = pl.col("VISITNUM").is_in(numbers) | pl.col("VISIT").str.to_uppercase().is_in(names)
        yield found(
            frame.select("USUBJID", "VISITNUM", "VISIT").unique(),
            named.is_not_null() & ~known.fill_null(False) & ~_UNSCHEDULED.fill_null(False),
            domain=name,
            keys=["USUBJID", "VISITNUM"],
            field="VISIT",
            value=named,
            message="the schedule has no such visit",
        )


@rule_of_trial("warning", "a visit is on a day of its window")
def visit_outside_window(records: Records, context: CheckContext) -> Iterator[pl.LazyFrame]:
    windows = pl.LazyFrame(
        [(v.number, v.name, float(v.first), float(v.last)) for v in context.visits],
        schema={
            "VISITNUM": pl.Float64,
            "scheduled": pl.String,
            "from": pl.Float64,
            "to": pl.Float64,
        },
        orient="row",
    )
    first_dose = dates.parse(pl.col("RFSTDTC"), impute="none").alias("first_dose")
    for name, frame in _with_visits(records):
        date = "SVSTDTC" if name == "SV" else f"{name}DTC"
        visits = with_dm(records, frame.join(windows, on="VISITNUM"), first_dose)
        day = dates.study_day(dates.parse(pl.col(date), impute="none"), pl.col("first_dose"))
        yield found(
            visits.with_columns(day=day),
            (pl.col("day") < pl.col("from")) | (pl.col("day") > pl.col("to")),
            domain=name,
            keys=["USUBJID", "VISITNUM"],
            field=date,
            message="{} was on day {}, and its window is day {} to {}",
            about=[pl.col(column) for column in ("scheduled", "day", "from", "to")],
        )


@rule("warning", "a visit number has one name in the whole study", of_study=True)
def visit_name_not_one(records: Records) -> Iterator[pl.LazyFrame]:
    names = [
        frame.select("VISITNUM", "VISIT").unique().with_columns(domain=pl.lit(name))
        for name, frame in of_subjects(records)
        if {"VISIT", "VISITNUM"} <= set(frame.collect_schema())
    ]
    if not names:
        return
    several = (
        pl.concat(names)
        .drop_nulls()
        .group_by("VISITNUM")
        .agg(pl.col("VISIT").unique().sort(), pl.col("domain").unique().sort())
        .filter(pl.col("VISIT").list.len() > 1)
    )
    yield several.select(
        domain=pl.col("domain").list.join(", "),
        key=pl.col("VISITNUM").cast(pl.String).str.strip_suffix(".0"),
        field=pl.lit("VISIT"),
        value=pl.col("VISIT").list.join(", "),
        message=pl.lit("one visit number has several names"),
    )


@rule_of_trial("warning", "a later visit is on a later day")
def visits_out_of_order(records: Records, context: CheckContext) -> Iterator[pl.LazyFrame]:
    for _, frame in given(records, "SV"):
        scheduled = frame.filter(pl.col("VISITNUM").is_in([v.number for v in context.visits]))
        day = dates.parse(pl.col("SVSTDTC"), impute="none")
        before = pl.col("day", "VISIT").shift(1).over("USUBJID", order_by="VISITNUM")
        yield found(
            scheduled.with_columns(day=day).with_columns(before.name.prefix("before_")),
            pl.col("day") < pl.col("before_day"),
            domain="SV",
            keys=["USUBJID", "VISITNUM"],
            field="SVSTDTC",
            message="the visit before it, {}, was on {}",
            about=[pl.col("before_VISIT"), pl.col("before_day")],
        )
