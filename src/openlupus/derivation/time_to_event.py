"""ADTTE: time from the first dose to a response, a sustained response, or a failure."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from openlupus.derivation.flares import RESPONDER
from openlupus.derivation.inputs import Feed
from openlupus.derivation.response import CARRIED
from openlupus.instruments.composites import FLARES
from openlupus.protocol import Protocol
from openlupus.protocol.model import Endpoint, TimeToEvent, Visit

SCHEMA: Mapping[str, Any] = {
    "USUBJID": pl.String, "PARAMCD": pl.String, "PARAM": pl.String, "STARTDT": pl.Date,
    "ADT": pl.Date, "AVAL": pl.Float64, "CNSR": pl.Float64, "EVNTDESC": pl.String,
    "AVISIT": pl.String, "AVISITN": pl.Float64,
}  # fmt: skip


def times(
    protocol: Protocol,
    adsl: pl.DataFrame,
    adresp: pl.DataFrame,
    adice: pl.DataFrame,
    feed: Feed,
) -> pl.DataFrame:
    """One row a subject and declared time to event; AVAL in days, that of the first dose is 1.

    CNSR is 0 where the event was seen, and 1 where the subject was censored.
    """
    start = adsl.select("USUBJID", STARTDT=pl.coalesce("TRTSDT", "RANDDT"))
    parts = [
        _one(protocol, declared, start, adresp, adice, feed) for declared in protocol.times.values()
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *parts])


def _one(
    protocol: Protocol,
    declared: TimeToEvent,
    start: pl.DataFrame,
    adresp: pl.DataFrame,
    adice: pl.DataFrame,
    feed: Feed,
) -> pl.DataFrame:
    endpoint = protocol.endpoints[declared.endpoint]
    visits = [v for v in protocol.schedule.visits if v.role == "treatment"]
    last = protocol.visit(declared.until) if declared.until else visits[-1]
    of_it = (pl.col("PARAMCD") == endpoint.parameter) & (pl.col("AVISITN") <= last.number)
    rows = adresp.filter(of_it).join(start, on="USUBJID", how="inner", maintain_order="left")
    verdicts = _dated(rows, declared, visits).sort("USUBJID", "AVISITN")
    observed = verdicts.filter(pl.col("OBSFL") == "Y").select("USUBJID", "ADT")
    between = _dated(_between(rows, endpoint, feed), declared, visits).select("USUBJID", "ADT")
    seen = pl.concat([observed, between]).group_by("USUBJID").agg(LAST=pl.col("ADT").max())
    stopped = (
        pl.concat([adice, feed.possible])
        .filter(pl.col("ICECAT").is_in(declared.censored_by))
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


def _dated(rows: pl.DataFrame, declared: TimeToEvent, visits: Sequence[Visit]) -> pl.DataFrame:
    """Verdicts with SEEN (the day of the assessment), and with ADT and ON as they count.

    ADT is null, and the others are the target day, where there was no assessment. An assessment
    outside the window of its visit has no target day: it counts on its own.
    """
    opens = {v.number: v.window[0] - 1 for v in visits}
    closes = {v.number: v.window[1] - 1 for v in visits}
    target = {v.number: v.day - 1 for v in visits}
    rows = rows.with_columns(
        (
            pl.col("STARTDT")
            + pl.duration(days=pl.col("AVISITN").replace_strict(days, return_dtype=pl.Int64))
        ).alias(name)
        for name, days in (("OPENS", opens), ("CLOSES", closes), ("TARGET", target))
    )
    inside = pl.col("ADT").is_between("OPENS", "CLOSES")
    moved = pl.when(inside).then("TARGET").otherwise("ADT")
    return rows.with_columns(
        SEEN=pl.coalesce("ADT", "TARGET"), ADT=moved if declared.days == "target" else "ADT"
    ).with_columns(ON=pl.coalesce("ADT", "TARGET"))


def _between(rows: pl.DataFrame, endpoint: Endpoint, feed: Feed) -> pl.DataFrame:
    """Assessments that count for no visit and were searched for a flare: `rows` of these days.

    Those that bear on a visit whose verdict is carried, for treatment had ended, are left out.
    """
    if endpoint.composite not in FLARES:
        return rows.head(0)
    found = feed.searched(endpoint).between(endpoint.component or RESPONDER)
    stands = rows.filter(pl.col("DTYPE").ne_missing(CARRIED)).drop("ADT")
    return found.join(stands, on=["USUBJID", "AVISITN"], how="inner")


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
