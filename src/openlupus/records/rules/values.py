"""Rules on values: terms, ranges, units, and results that say two things."""

from collections.abc import Iterator

import polars as pl

from openlupus.instruments import glucocorticoids as gc
from openlupus.records.forms import categories_of, items_table
from openlupus.records.model import Records
from openlupus.records.rules.base import FINDINGS_DOMAINS, found, given, keys_of, of_subjects, rule
from openlupus.records.schema import YES_NO
from openlupus.records.schema import domain as table_of
from openlupus.records.units import UNITS

_FORM_DOMAINS = ("RS", "QS")


@rule("error", "a column with controlled terms holds one of them")
def controlled_term_unknown(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in of_subjects(records):
        for column in [column for column in table_of(name).columns if column.terms]:
            yield found(
                frame,
                ~pl.col(column.name).is_in(column.terms),
                domain=name,
                keys=keys_of(records, name),
                field=column.name,
                message=f"it is none of {', '.join(column.terms)}",
            )


@rule("error", "a number lies in the range of its column, an item on the scale of its form")
def value_out_of_range(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in of_subjects(records):
        for column in table_of(name).columns:
            low, high = column.low, column.high
            if low is None:
                continue
            value = pl.col(column.name)
            yield found(
                frame,
                (value < low) | (value > high if high is not None else pl.lit(False)),
                domain=name,
                keys=keys_of(records, name),
                field=column.name,
                message=f"it must be {low:g}" + (" or more" if high is None else f" to {high:g}"),
            )
    for name, frame in given(records, *_FORM_DOMAINS):
        yield _items_off_scale(name, frame, keys_of(records, name))


def _items_off_scale(name: str, frame: pl.LazyFrame, keys: tuple[str, ...]) -> pl.LazyFrame:
    items = items_table()
    on = [f"{name}CAT", f"{name}TESTCD"]
    text, value = pl.col(f"{name}STRESC"), _numeric_result(name)
    # Most rows are good: they are told apart by what they hold, before any is joined to its scale.
    odd = (
        frame.join(items, left_on=on, right_on=["category", "code"], how="inner")
        .with_columns(number=value)
        .filter(
            pl.when("yes_no")
            .then(~text.is_in(YES_NO))
            .otherwise(
                (pl.col("number") < pl.col("low"))
                | (pl.col("number") > pl.col("high"))
                | (pl.col("whole") & (pl.col("number") != pl.col("number").round()))
                | pl.col("number").is_in(pl.col("gaps"))
                | (pl.col("number").is_null() & text.is_not_null())
            )
        )
    )
    return found(
        odd,
        pl.lit(True),
        domain=name,
        keys=keys,
        field=f"{name}STRESC",
        value=pl.coalesce(text, pl.col(f"{name}STRESN").cast(pl.String)),
        message="{} of {} must be {}",
        about=[pl.col(f"{name}TESTCD"), pl.col(f"{name}CAT"), pl.col("allowed")],
    )


def _numeric_result(name: str) -> pl.Expr:
    text = pl.col(f"{name}STRESC").cast(pl.Float64, strict=False)
    return pl.coalesce(pl.col(f"{name}STRESN"), text)


@rule("error", "an item is one of its form")
def item_unknown(records: Records) -> Iterator[pl.LazyFrame]:
    items = items_table()
    for name, frame in given(records, *_FORM_DOMAINS):
        on = [f"{name}CAT", f"{name}TESTCD"]
        of_forms = frame.filter(pl.col(on[0]).is_in(categories_of(name)))
        yield found(
            of_forms.join(items, left_on=on, right_on=["category", "code"], how="anti"),
            pl.lit(True),
            domain=name,
            keys=keys_of(records, name),
            field=on[1],
            message="{} has no such item",
            about=[pl.col(on[0])],
        )


@rule("error", "what was not done has no result")
def result_although_not_done(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in given(records, *FINDINGS_DOMAINS):
        result = pl.coalesce(f"{name}STRESC", f"{name}ORRES")
        yield found(
            frame,
            (pl.col(f"{name}STAT") == "NOT DONE") & result.is_not_null(),
            domain=name,
            keys=keys_of(records, name),
            field=f"{name}STAT",
            value=result,
            message="the row says NOT DONE, and has this result",
        )


@rule("error", "the result as a number and as text are the same")
def result_disagrees(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in given(records, *FINDINGS_DOMAINS):
        number = pl.col(f"{name}STRESN")
        text = pl.col(f"{name}STRESC").cast(pl.Float64, strict=False)
        # Text is often written with fewer digits than the number has.
        apart = (text - number).abs() > 0.01 * number.abs().clip(lower_bound=1e-9)
        yield found(
            frame,
            apart,
            domain=name,
            keys=keys_of(records, name),
            field=f"{name}STRESN",
            message="the same result is {} as text",
            about=[pl.col(f"{name}STRESC")],
        )


@rule("warning", "a unit is a known one")
def unit_unknown(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in of_subjects(records):
        present = frame.collect_schema()
        for column in (f"{name}ORRESU", f"{name}STRESU", f"{name}DOSU"):
            if column in present:
                yield found(
                    frame,
                    ~pl.col(column).is_in(list(UNITS)),
                    domain=name,
                    keys=keys_of(records, name),
                    field=column,
                    message="it is no unit that is known here; case counts",
                )


@rule("error", "a test has one standard unit in the whole study", of_study=True)
def unit_not_one(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in given(records, "LB", "VS", "EG", "PC"):
        test, unit = f"{name}TESTCD", f"{name}STRESU"
        by = [test, f"{name}CAT", f"{name}SPEC"] if name == "LB" else [test]
        units = frame.group_by(by).agg(pl.col(unit).drop_nulls().unique().sort())
        yield found(
            units.with_columns(pl.col(unit).list.join(", "), n=pl.col(unit).list.len()),
            pl.col("n") > 1,
            domain=name,
            keys=[test],
            field=unit,
            message="{} is given in {} standard units",
            about=[pl.col(test), pl.col("n")],
        )


@rule("warning", "a systemic glucocorticoid has its start, route, dose, unit and frequency")
def glucocorticoid_unreadable(records: Records) -> Iterator[pl.LazyFrame]:
    route = pl.col("CMROUTE").str.to_lowercase()
    systemic = route.is_null() | route.is_in([gc.ORAL, *gc.PARENTERAL])
    for name, frame in given(records, "CM"):
        for column in ("CMSTDTC", "CMROUTE", "CMDOSE", "CMDOSU", "CMDOSFRQ"):
            yield found(
                frame,
                (pl.col("CMCLAS") == "GLUCOCORTICOID") & systemic & pl.col(column).is_null(),
                domain=name,
                keys=keys_of(records, name),
                field=column,
                message="{} without it: the daily dose is not known on the days of the record",
                about=[pl.coalesce("CMDECOD", "CMTRT")],
            )
