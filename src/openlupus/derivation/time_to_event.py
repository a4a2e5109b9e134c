"""ADTTE: time from the first dose to a response, a sustained response, or a failure."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from openlupus.protocol import Protocol
from openlupus.protocol.model import TimeToEvent

SCHEMA: Mapping[str, Any] = {
    "USUBJID": pl.String, "PARAMCD": pl.String, "PARAM": pl.String, "STARTDT": pl.Date,
    "ADT": pl.Date, "AVAL": pl.Float64, "CNSR": pl.Float64, "EVNTDESC": pl.String,
    "AVISIT": pl.String, "AVISITN": pl.Float64,
}  # fmt: skip


def times(
    protocol: Protocol, adsl: pl.DataFrame, adresp: pl.DataFrame, adice: pl.DataFrame
) -> pl.DataFrame:
    """One row a subject and declared time to event; AVAL in days, that of the first dose is 1.

    CNSR is 0 where the event was seen, and 1 where the subject was censored.
    """
    start = adsl.select("USUBJID", STARTDT=pl.coalesce("TRTSDT", "RANDDT"))
    parts = [_one(protocol, declared, start, adresp, adice) for declared in protocol.times.values()]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *parts])


def _one(
    protocol: Protocol,
    declared: TimeToEvent,
    start: pl.DataFrame,
    adresp: pl.DataFrame,
    adice: pl.DataFrame,
) -> pl.DataFrame:
    endpoint = protocol.endpoints[declared.endpoint]
    visits = [v for v in protocol.schedule.visits if v.role == "treatment"]
    last = protocol.visit(declared.until) if declared.until else visits[-1]
    targets = {v.number: v.day - 1 for v in visits}
    planned = declared.days == "target"
    verdicts = (
        adresp.filter(
            (pl.col("PARAMCD") == endpoint.parameter) & (pl.col("AVISITN") <= last.number)
        )
        .join(start, on="USUBJID", how="inner", maintain_order="left")
        .with_columns(TARGET=pl.col("AVISITN").replace_strict(targets, return_dtype=pl.Int64))
        .with_columns(TARGET=pl.col("STARTDT") + pl.duration(days="TARGET"))
        .with_columns(SEEN=pl.coalesce("ADT", "TARGET"))
        .with_columns(ADT=pl.when(pl.col("ADT").is_not_null()).then("TARGET") if planned else "ADT")
        .with_columns(ON=pl.coalesce("ADT", "TARGET"))
        .sort("USUBJID", "AVISITN")
    )
    seen = verdicts.filter(pl.col("OBSFL") == "Y").group_by("USUBJID").agg(LAST=pl.col("ADT").max())
    stopped = (
        adice.filter(pl.col("ICECAT").is_in(declared.censored_by))
        .group_by("USUBJID")
        .agg(STOP=pl.col("ASTDT").min())
    )
    events = (
        verdicts.filter(_event(declared))
        .unique("USUBJID", keep="first", maintain_order=True)
        .select("USUBJID", "ON", "SEEN", "AVISIT", "AVISITN")
    )
    people = verdicts.select("USUBJID", "STARTDT").unique("USUBJID", maintain_order=True)
    for more in (events, seen, stopped):
        people = people.join(more, on="USUBJID", how="left", maintain_order="left")
    end = pl.col("STARTDT") + pl.duration(days=last.day - 1)
    watched = end if declared.censor == "end" else pl.coalesce("LAST", "STARTDT")
    came = pl.col("SEEN").is_not_null() & ~(pl.col("STOP") < pl.col("SEEN")).fill_null(False)
    censored = pl.min_horizontal(watched, "STOP")
    return (
        people.with_columns(CAME=came)
        .with_columns(ADT=pl.when("CAME").then("ON").otherwise(censored))
        .select(
            "USUBJID",
            PARAMCD=pl.lit(declared.parameter),
            PARAM=pl.lit(declared.label),
            STARTDT="STARTDT",
            ADT="ADT",
            AVAL=((pl.col("ADT") - pl.col("STARTDT")).dt.total_days() + 1).cast(pl.Float64),
            CNSR=pl.when("CAME").then(0.0).otherwise(1.0),
            EVNTDESC=pl.when("CAME").then(pl.lit(declared.label)).otherwise(pl.lit("censored")),
            AVISIT=pl.when("CAME").then("AVISIT"),
            AVISITN=pl.when("CAME").then("AVISITN"),
        )
    )


def _event(declared: TimeToEvent) -> pl.Expr:
    """At which verdicts, sorted by subject and visit, the event is seen."""
    response = (pl.col("AVAL") == 1).fill_null(False)
    match declared.event:
        case "first_response":
            return response
        case "first_sustained_response":
            # Counted from the last visit back, a response holds as long as nothing else came.
            return response.cast(pl.Int8).reverse().cum_min().reverse().over("USUBJID") == 1
        case "first_failure":
            return (pl.col("AVAL") == 0).fill_null(False) & (pl.col("OBSFL") == "Y")
