"""Which visit an assessment belongs to, which of several counts, and which is the baseline."""

import polars as pl

from openlupus.protocol.model import Schedule
from openlupus.records import dates as iso


def windowed(assessments: pl.DataFrame, schedule: Schedule) -> pl.DataFrame:
    """Assessments with their visit and the flags of those that count.

    Args:
        assessments: Columns USUBJID, ADT (date), REFDT (day 1), USABLE (whether a score came out);
            one row an assessment.
        schedule: Windows, and the declared rules of choice.

    Returns:
        The rows, sorted by subject and date, with ADY, AVISIT, AVISITN (null outside all windows),
        ABLFL (`Y`: the last usable one on or before day 1) and ANL01FL (`Y`: the one of its visit
        that counts; usable ones before others).
    """
    frame = assessments.with_columns(ADY=iso.study_day(pl.col("ADT"), pl.col("REFDT")))
    frame = frame.with_columns(_visit(schedule))
    frame = frame.sort("USUBJID", "ADT", maintain_order=True).with_row_index("_row")
    chosen = pl.col("_row").is_in(_counting(frame, schedule).implode())
    before = pl.col("USABLE") & (pl.col("ADY") <= 1)
    baseline = before & (pl.col("_row") == pl.col("_row").filter(before).max().over("USUBJID"))
    return frame.with_columns(
        ABLFL=pl.when(baseline).then(pl.lit("Y")),
        ANL01FL=pl.when(chosen).then(pl.lit("Y")),
    ).drop("_row")


def _counting(frame: pl.DataFrame, schedule: Schedule) -> pl.Series:
    """Numbers of the rows that count, one a subject and visit."""
    target = pl.col("AVISITN").replace_strict(
        [v.number for v in schedule.visits],
        [v.day for v in schedule.visits],
        default=None,
        return_dtype=pl.Float64,
    )
    row = pl.col("_row").cast(pl.Int64)
    distance = (_without_gap(pl.col("ADY")) - _without_gap(target)).abs()
    key = {"nearest": distance, "first": row, "last": -row}[schedule.choose]
    tie = -row if schedule.ties == "later" else row
    return (
        frame.filter(pl.col("AVISITN").is_not_null())
        .sort("USUBJID", "AVISITN", ~pl.col("USABLE"), key, tie)
        .unique(["USUBJID", "AVISITN"], keep="first", maintain_order=True)["_row"]
    )


def _without_gap(day: pl.Expr) -> pl.Expr:
    """Study day with a day 0: day -1 is next to day 1."""
    return pl.when(day > 0).then(day - 1).otherwise(day)


def _visit(schedule: Schedule) -> list[pl.Expr]:
    label, number = pl.lit(None, pl.String), pl.lit(None, pl.Float64)
    for visit in schedule.visits:
        inside = pl.col("ADY").is_between(*visit.window)
        label = pl.when(inside).then(pl.lit(visit.label)).otherwise(label)
        number = pl.when(inside).then(pl.lit(visit.number)).otherwise(number)
    return [label.alias("AVISIT"), number.alias("AVISITN")]


def with_baseline(bds: pl.DataFrame) -> pl.DataFrame:
    """BDS rows with BASE, the parameter's value at the baseline assessment, and CHG after it."""
    base = (
        bds.filter(pl.col("ABLFL") == "Y")
        .select("USUBJID", "PARAMCD", pl.col("AVAL").alias("BASE"))
        .unique(["USUBJID", "PARAMCD"], keep="last", maintain_order=True)
    )
    joined = bds.join(base, on=["USUBJID", "PARAMCD"], how="left", maintain_order="left")
    return joined.with_columns(CHG=pl.when(pl.col("ADY") > 1).then(pl.col("AVAL") - pl.col("BASE")))
