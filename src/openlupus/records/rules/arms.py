"""Rules on arms: who is in which, and who was treated."""

from collections.abc import Iterator

import polars as pl

from openlupus.records.context import CheckContext
from openlupus.records.model import Records
from openlupus.records.rules.base import found, given, rule, rule_of_trial

NO_ARM = ("SCRNFAIL", "NOTASSGN", "NOTTRT", "UNPLAN")
"""Codes of subjects without an arm, as SDTM wrote them before ARMNRS; in any case."""

_IN_ARM = pl.col("ARMCD").is_not_null() & ~pl.col("ARMCD").str.to_uppercase().is_in(NO_ARM)


@rule_of_trial("error", "an arm is one that the trial declares")
def arm_unknown(records: Records, context: CheckContext) -> Iterator[pl.LazyFrame]:
    if not context.arms:
        return
    known = ", ".join(context.arms)
    for _, frame in given(records, "DM"):
        for column in ("ARMCD", "ACTARMCD"):
            strange = ~pl.col(column).is_in(list(context.arms))
            yield found(
                frame,
                strange & ~pl.col(column).str.to_uppercase().is_in(NO_ARM),
                domain="DM",
                keys=["USUBJID"],
                field=column,
                message=f"the trial has no such arm; its arms are {known}",
            )


@rule("error", "a subject is in one arm")
def subject_in_two_arms(records: Records) -> Iterator[pl.LazyFrame]:
    for _, frame in given(records, "DM"):
        arms = frame.group_by("USUBJID").agg(
            pl.col("ARMCD").drop_nulls().unique().sort().str.join(", "),
            n=pl.col("ARMCD").drop_nulls().n_unique(),
        )
        yield found(
            arms,
            pl.col("n") > 1,
            domain="DM",
            keys=["USUBJID"],
            field="ARMCD",
            message="the subject is in {} arms; which one was randomised?",
            about=[pl.col("n")],
        )


@rule("warning", "a subject without an arm says why")
def arm_missing_without_reason(records: Records) -> Iterator[pl.LazyFrame]:
    for _, frame in given(records, "DM"):
        yield found(
            frame,
            pl.col("ARMCD").is_null() & pl.col("ARMNRS").is_null(),
            domain="DM",
            keys=["USUBJID"],
            field="ARMCD",
            message="there is neither an arm nor a reason (ARMNRS) why there is none",
        )


@rule("note", "a subject gets the treatment of the arm that was randomised")
def actual_arm_differs(records: Records) -> Iterator[pl.LazyFrame]:
    for _, frame in given(records, "DM"):
        yield found(
            frame,
            pl.col("ACTARMCD") != pl.col("ARMCD"),
            domain="DM",
            keys=["USUBJID"],
            field="ACTARMCD",
            message="the subject was to be in {}",
            about=[pl.col("ARMCD")],
        )


@rule("error", "a treated subject has an arm")
def dosed_without_arm(records: Records) -> Iterator[pl.LazyFrame]:
    if not records.has("DM"):
        return
    people = records.domain("DM").filter(~_IN_ARM | pl.col("ARMCD").is_null())
    for _, frame in given(records, "EX"):
        doses = frame.group_by("USUBJID").agg(doses=pl.len())
        yield found(
            people.join(doses, on="USUBJID"),
            pl.lit(True),
            domain="DM",
            keys=["USUBJID"],
            field="ARMCD",
            message="the subject has {} rows of exposure, and no arm",
            about=[pl.col("doses")],
        )


@rule("note", "a subject with an arm was treated")
def exposure_missing(records: Records) -> Iterator[pl.LazyFrame]:
    if not records.has("EX"):
        return
    doses = records.domain("EX").select("USUBJID")
    for _, frame in given(records, "DM"):
        yield found(
            frame.join(doses, on="USUBJID", how="anti"),
            _IN_ARM,
            domain="DM",
            keys=["USUBJID"],
            field="ARMCD",
            message="the subject has an arm, and no exposure",
        )
