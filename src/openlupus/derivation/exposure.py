"""ADEX: how long and how much of the trial's treatment each subject took."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

import polars as pl

from openlupus.derivation.tally import Tally
from openlupus.instruments.glucocorticoids import PER_DAY
from openlupus.protocol import Protocol
from openlupus.records import Records
from openlupus.records import dates as iso

DAYS_IN_YEAR = 365.25

PARAMETERS: Mapping[str, str] = MappingProxyType({
    "DURD": "Duration of treatment (days)",
    "DOSED": "Days with treatment",
    "INTD": "Days of interruption",
    "NINT": "Number of interruptions",
    "CUMDOSE": "Cumulative dose",
    "AVDDOSE": "Average daily dose over the duration",
    "RDI": "Relative dose intensity (%)",
    "PTYRS": "Patient-years at risk of treatment-emergent events",
})  # fmt: skip


def treatment_emergent_end(days_after: int | None, cut: date | None = None) -> pl.Expr:
    """The last day on which an event is treatment-emergent, ADSL.TAEEDT; null if never treated.

    `days_after` the last dose, or the end of the study where there is no limit; not after death or
    a data cut.
    """
    if days_after is None:
        last = pl.max_horizontal("TRTEDT", "EOSDT")
    else:
        last = pl.col("TRTEDT") + pl.duration(days=days_after)
    end = pl.min_horizontal(last, "DTHDT", pl.lit(cut, pl.Date))
    return pl.when(pl.col("TRTSDT").is_not_null()).then(end)


def exposure(
    protocol: Protocol, records: Records, adsl: pl.DataFrame, tally: Tally
) -> pl.DataFrame:
    """One row a treated subject and parameter of `PARAMETERS`.

    Days with treatment are the days that an interval of EX covers, each once; an interval without
    an end goes to ADSL.TRTEDT. Relative dose intensity compares the cumulative dose with the dose
    of the actual arm, once daily over the duration; in an arm without a dose, the days. A subject
    of whom a parameter is not known has no row of it.
    """
    taken = _intervals(records, adsl, tally)
    days = _covered(taken)
    doses = taken.group_by("USUBJID").agg(
        pl.when(pl.col("DAILY").is_null().any()).then(None).otherwise(
            (pl.col("DAILY") * pl.col("DAYS")).sum()
        ).alias("CUMDOSE"),
        pl.col("UNIT").drop_nulls().first().fill_null(""),
    )  # fmt: skip
    planned = {arm.code: float(arm.dose) for arm in protocol.arms.values()}
    people = adsl.filter(pl.col("TRTSDT").is_not_null()).select(
        "USUBJID",
        pl.col("TRTDURD").alias("DURD"),
        pl.col("ACTARMCD")
        .replace_strict(planned, default=None, return_dtype=pl.Float64)
        .alias("DOSE"),
        PTYRS=((pl.col("TAEEDT") - pl.col("TRTSDT")).dt.total_days() + 1) / DAYS_IN_YEAR,
    )
    wide = people.join(days, on="USUBJID", how="left").join(doses, on="USUBJID", how="left")
    full = pl.when(pl.col("DOSE") > 0).then(pl.col("CUMDOSE") / pl.col("DOSE")).otherwise("DOSED")
    wide = wide.with_columns(
        INTD=pl.col("DURD") - pl.col("DOSED"),
        AVDDOSE=pl.col("CUMDOSE") / pl.col("DURD"),
        RDI=100 * full / pl.col("DURD"),
    )
    long = wide.unpivot(
        list(PARAMETERS), index=["USUBJID", "UNIT"], variable_name="PARAMCD", value_name="AVAL"
    )
    unit = pl.when(pl.col("UNIT") != "").then(" (" + pl.col("UNIT") + ")").otherwise(pl.lit(""))
    name = pl.col("PARAMCD").replace_strict(dict(PARAMETERS), return_dtype=pl.String)
    by_unit = pl.col("PARAMCD").is_in(["CUMDOSE", "AVDDOSE"])
    long = long.with_columns(PARAM=pl.when(by_unit).then(name + unit).otherwise(name))
    unknown = long.filter(pl.col("AVAL").is_null())
    tally.count(unknown, "dose or day is not known: no such parameter", dataset="ADEX", domain="EX")
    long = long.filter(pl.col("AVAL").is_not_null())
    order = {code: i for i, code in enumerate(PARAMETERS, 1)}
    number = pl.col("PARAMCD").replace_strict(order, return_dtype=pl.Int64)
    return long.select("USUBJID", "PARAMCD", "PARAM", "AVAL", PARAMN=number)


def _intervals(records: Records, adsl: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    """Intervals of EX of treated subjects: FROM, TO, DAYS, DAILY dose, UNIT."""
    place = {"dataset": "ADEX", "domain": "EX"}
    rows = records.domain("EX").collect().join(
        adsl.select("USUBJID", "TRTSDT", "TRTEDT"), on="USUBJID", how="left", maintain_order="left"
    )  # fmt: skip
    start = iso.parse(pl.col("EXSTDTC"), impute="first")
    end = iso.parse(pl.col("EXENDTC"), impute="last")
    often = pl.col("EXDOSFRQ").replace_strict(
        {name: float(times) for name, times in PER_DAY.items()},
        default=None,
        return_dtype=pl.Float64,
    )
    rows = rows.with_columns(FROM=start, TO=pl.coalesce(end, pl.max_horizontal("TRTEDT", start)))
    rows = tally.keep(rows, pl.col("FROM").is_not_null(), "start date is missing", **place)
    rows = tally.keep(rows, pl.col("TO") >= pl.col("FROM"), "ends before it starts", **place)
    return rows.with_columns(
        DAYS=(pl.col("TO") - pl.col("FROM")).dt.total_days() + 1,
        DAILY=pl.col("EXDOSE") * often.fill_null(1.0),
        UNIT=pl.col("EXDOSU"),
    ).sort("USUBJID", "FROM", "EXSEQ")


def _covered(taken: pl.DataFrame) -> pl.DataFrame:
    """Days that any interval covers, and gaps between them (NINT), by subject."""
    before = pl.col("TO").cum_max().shift(1).over("USUBJID")
    first = pl.max_horizontal("FROM", before + pl.duration(days=1))
    new = ((pl.col("TO") - first).dt.total_days() + 1).clip(lower_bound=0)
    gap = (pl.col("FROM") > before + pl.duration(days=1)).fill_null(False)
    return (
        taken.with_columns(NEW=new, GAP=gap)
        .group_by("USUBJID")
        .agg(
            pl.col("NEW").sum().cast(pl.Float64).alias("DOSED"),
            pl.col("GAP").sum().cast(pl.Float64).alias("NINT"),
        )
    )
