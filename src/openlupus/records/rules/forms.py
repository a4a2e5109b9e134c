"""Rules on forms: complete, once at a visit, and there at baseline."""

from collections.abc import Iterator

import polars as pl

from openlupus.records import dates
from openlupus.records.context import CheckContext
from openlupus.records.forms import categories_of, items_table
from openlupus.records.model import Records
from openlupus.records.rules.base import found, given, rule, rule_of_trial, with_dm

_FORM_DOMAINS = ("RS", "QS")


def _has_result(name: str) -> pl.Expr:
    return pl.any_horizontal(
        pl.col(f"{name}{column}").is_not_null() for column in ("STRESC", "STRESN", "ORRES")
    )


@rule("warning", "a form that was done has all its items, or says which were not done")
def item_missing_where_form_done(records: Records) -> Iterator[pl.LazyFrame]:
    needed = items_table().filter("needed").select("category", "code")
    number = needed.group_by("category").agg(items=pl.len())
    for name, frame in given(records, *_FORM_DOMAINS):
        category, code = f"{name}CAT", f"{name}TESTCD"
        form = ["USUBJID", category, "VISITNUM", "VISIT"]
        done = _has_result(name)
        answered = frame.filter(
            pl.col(category).is_in(categories_of(name)),
            done | (pl.col(f"{name}STAT") == "NOT DONE"),
        ).select(*form, code, done=done)
        forms = (
            answered.join(needed, left_on=[category, code], right_on=["category", "code"])
            .group_by(form)
            .agg(pl.col("done").any(), n=pl.col(code).n_unique())
            .join(number, left_on=category, right_on="category")
            .filter(pl.col("n") < pl.col("items"), "done")
        )
        missing = forms.join(needed, left_on=category, right_on="category").join(
            answered.select(*form, code),
            left_on=[*form, "code"],
            right_on=[*form, code],
            how="anti",
            nulls_equal=True,
        )
        yield found(
            missing,
            pl.lit(True),
            domain=name,
            keys=["USUBJID", category, "VISITNUM"],
            field=code,
            value=pl.col("code"),
            message="{} was done at {} without {}, and the item does not say NOT DONE",
            about=[pl.col(category), pl.coalesce("VISIT", "VISITNUM"), pl.col("code")],
        )


@rule("warning", "an item has one result at a visit and time")
def item_twice_at_visit(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in given(records, *_FORM_DOMAINS):
        by = ["USUBJID", f"{name}CAT", f"{name}TESTCD", "VISITNUM", f"{name}DTC"]
        results = frame.filter(pl.col(f"{name}CAT").is_in(categories_of(name)), _has_result(name))
        # Counted first: to join the texts of millions of single results takes ten times as long.
        several = results.group_by(by).agg(n=pl.len()).filter(pl.col("n") > 1)
        texts = pl.col(f"{name}STRESC").str.join(", ")
        yield found(
            results.join(several, on=by, nulls_equal=True).group_by(*by, "n").agg(texts),
            pl.lit(True),
            domain=name,
            keys=by[:-1],
            field=f"{name}TESTCD",
            value=pl.col(f"{name}STRESC"),
            message="{} has {} results at this visit, all of {}",
            about=[pl.col(f"{name}TESTCD"), pl.col("n"), pl.col(f"{name}DTC")],
        )


@rule_of_trial("warning", "a treated subject has each form on or before the day of the first dose")
def baseline_missing(records: Records, context: CheckContext) -> Iterator[pl.LazyFrame]:
    first_dose = dates.parse(pl.col("RFSTDTC"), impute="first").alias("first_dose")
    people = records.domain("DM").filter(pl.col("RFSTDTC").is_not_null())
    for name, frame in given(records, *_FORM_DOMAINS):
        category = f"{name}CAT"
        done = frame.filter(pl.col(category).is_in(categories_of(name)), _has_result(name))
        when = dates.parse(pl.col(f"{name}DTC"), impute="first")
        distinct = done.select("USUBJID", category, f"{name}DTC").unique()
        before = with_dm(records, distinct, first_dose).filter(when <= pl.col("first_dose"))
        asked = _asked(context, distinct, name)
        yield found(
            people.join(asked, how="cross").join(before, on=["USUBJID", category], how="anti"),
            pl.lit(True),
            domain=name,
            keys=["USUBJID", category],
            field=f"{name}DTC",
            value=pl.lit(None, pl.String),
            message="there is no {} on or before the first dose ({})",
            about=[pl.col(category), pl.col("RFSTDTC")],
        )


def _asked(context: CheckContext, done: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """The forms of this domain that are asked for: those declared, or those that it holds."""
    category = f"{name}CAT"
    if not context.forms:
        return done.select(category).unique()
    declared = [form for form in categories_of(name) if form in context.forms]
    return pl.LazyFrame({category: declared}, schema={category: pl.String})
