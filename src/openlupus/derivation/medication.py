"""Medication as intervals of days, and the daily glucocorticoid dose (ADGC)."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from openlupus.derivation.tally import Tally
from openlupus.derivation.windows import with_baseline
from openlupus.instruments import glucocorticoids as gc
from openlupus.protocol.model import Schedule
from openlupus.records import Records
from openlupus.records import dates as iso

ROUTES: Mapping[str, str] = {
    "intra-articular": "intraarticular",
    "periarticular": "soft_tissue",
    "intrabursal": "soft_tissue",
    "respiratory (inhalation)": "inhaled",
    "nasal": "intranasal",
    "conjunctival": "ophthalmic",
    "auricular (otic)": "otic",
    "cutaneous": "topical",
    "transdermal": "topical",
    "dental": "topical",
    "epidural": "soft_tissue",
    "intravitreal": "ophthalmic",
    "intraocular": "ophthalmic",
}
"""CDISC terms of CMROUTE, in lower case, that the instrument calls otherwise."""

IN_MG: Mapping[str, float] = {"mg": 1.0, "g": 1000.0, "ug": 0.001, "mcg": 0.001}
"""Units of CMDOSU that are masses."""

LONG_AGO = -50_000
"""Day since day 1 before which nobody took anything."""

PER_DAY: Mapping[str, float] = {often: float(times) for often, times in gc.PER_DAY.items()}


def intervals(records: Records, reference: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    """Records of CM with FROM and TO in days since day 1 (day 1 is 0); TO is null while ongoing.

    A partial start counts from its first possible day, a partial end to its last. FROM is null
    where the start is not known; of a record that ends before it starts neither day is. Both are
    counted. DRUG and ROUTE are in lower case; DOSE is that of one intake in UNIT, in mg where it
    was given as a mass.
    """
    start = iso.parse(pl.col("CMSTDTC"), impute="first")
    end = iso.parse(pl.col("CMENDTC"), impute="last")
    rows = (
        records.domain("CM")
        .select(
            "USUBJID", "CMSEQ", "CMTRT", "CMDECOD", "CMCLAS", "CMDOSE", "CMDOSU", "CMDOSFRQ",
            "CMROUTE", start.alias("ASTDT"), end.alias("AENDT"),
        )
        .collect()
        .join(reference, on="USUBJID", how="left")
    )  # fmt: skip
    place = {"dataset": "ADICE", "domain": "CM"}
    rows = tally.keep(rows, pl.col("REFDT").is_not_null(), "subject was not randomized", **place)
    undated, crossed = pl.col("ASTDT").is_null(), pl.col("AENDT") < pl.col("ASTDT")
    tally.count(rows.filter(undated), "start date is missing", **place)
    tally.count(rows.filter(crossed), "ends before it starts", **place)
    believed = pl.when(~crossed.fill_null(False))
    rows = rows.with_columns(believed.then("ASTDT"), believed.then("AENDT"))
    mass = (
        pl.col("CMDOSU")
        .str.to_lowercase()
        .replace_strict(IN_MG, default=None, return_dtype=pl.Float64)
    )
    return rows.with_columns(
        FROM=(pl.col("ASTDT") - pl.col("REFDT")).dt.total_days(),
        TO=(pl.col("AENDT") - pl.col("REFDT")).dt.total_days(),
        DRUG=pl.coalesce("CMDECOD", "CMTRT").str.to_lowercase(),
        ROUTE=pl.col("CMROUTE").str.to_lowercase().replace(ROUTES),
        DOSE=pl.col("CMDOSE") * mass.fill_null(1.0),
        UNIT=pl.when(mass.is_not_null()).then(pl.lit("mg")).otherwise("CMDOSU"),
    ).sort("USUBJID", "CMSEQ")


def glucocorticoid_courses(
    taken: pl.DataFrame, classes: Sequence[str], tally: Tally
) -> pl.DataFrame:
    """The intervals of glucocorticoids that are, or may be, systemic.

    Of a drug's name the first word tells (`methylprednisolone sodium succinate`). A record that
    cannot be read is counted, and stays with a DOSE of null: on the days that it may cover the
    dose is not known. It may be oral where its route is not known, and reach back to any day where
    its start is not.
    """
    rows = taken.filter(pl.col("CMCLAS").is_in(list(classes))).with_columns(
        pl.col("DRUG").str.extract(r"^(\w+)")
    )
    routed = pl.col("ROUTE").is_in(gc.ROUTES).fill_null(False)
    rows = rows.filter(~routed | pl.col("ROUTE").is_in([gc.ORAL, *gc.PARENTERAL]))
    named = pl.col("DRUG").is_in(list(gc.EQUAL_TO_5_MG)).fill_null(False)
    often = pl.col("CMDOSFRQ").is_in(list(gc.PER_DAY)).fill_null(False)
    dated = pl.col("FROM").is_not_null()
    fault = (
        pl.when(~routed)
        .then(pl.lit("route is not known"))
        .when(~named)
        .then(pl.lit("drug has no prednisone equivalent"))
        .when(~often)
        .then(pl.lit("frequency is not known"))
        .when(~(pl.col("DOSE") >= 0).fill_null(False))
        .then(pl.lit("dose is missing or negative"))
        .when(pl.col("UNIT").ne_missing("mg"))
        .then(pl.lit("unit of the dose is not a mass"))
    )
    rows = rows.with_columns(FAULT=fault)
    for (why,), faulty in rows.drop_nulls("FAULT").group_by("FAULT"):
        tally.count(faulty, str(why), dataset="ADGC", domain="CM")
    # What is taken once is taken on its start: without one, on any day.
    kept = often & (dated | (pl.col("CMDOSFRQ") == "PRN"))
    return rows.with_columns(
        DOSE=pl.when(pl.col("FAULT").is_null() & dated).then("DOSE"),
        ROUTE=pl.when(routed).then("ROUTE").otherwise(pl.lit(gc.ORAL)),
        DRUG=pl.when(named).then("DRUG").otherwise(pl.lit("prednisone")),
        CMDOSFRQ=pl.when(kept).then("CMDOSFRQ").otherwise(pl.lit("QD")),
        FROM=pl.coalesce("FROM", pl.min_horizontal(pl.lit(LONG_AGO), "TO")),
    ).drop("FAULT")


def doses(courses: pl.DataFrame, windows: pl.DataFrame) -> gc.Dose:
    """Doses in windows: columns USUBJID, FIRST, LAST (days since day 1)."""
    ids = pl.concat([courses["USUBJID"], windows["USUBJID"]]).unique().sort()
    number = {subject: i for i, subject in enumerate(ids)}

    def numbered(frame: pl.DataFrame) -> pl.Series:
        return frame["USUBJID"].replace_strict(number, return_dtype=pl.Int64)

    taken = gc.Courses(
        subject=numbered(courses).to_numpy(),
        drug=courses["DRUG"].to_numpy().astype(np.str_),
        dose_mg=courses["DOSE"].to_numpy(),
        frequency=courses["CMDOSFRQ"].to_numpy().astype(np.str_),
        route=courses["ROUTE"].to_numpy().astype(np.str_),
        start_day=courses["FROM"].to_numpy(),
        end_day=courses["TO"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
    )
    return gc.dose(
        taken,
        subject=numbered(windows).to_numpy(),
        first_day=windows["FIRST"].to_numpy(),
        last_day=windows["LAST"].to_numpy(),
    )


def average(courses: pl.DataFrame, windows: pl.DataFrame) -> pl.Series:
    """Mean oral dose a day in each window, mg; null where that of one of its days is not known.

    To the nanogram, so that 10 is not 10.000000000002: a dose at the limit of a stratum, or equal
    to the baseline dose, must be seen as such.
    """
    found = doses(courses, windows).average_mg_day
    return pl.Series("DOSE", found, pl.Float64).round(6).fill_nan(None)


def daily_dose(
    courses: pl.DataFrame,
    adsl: pl.DataFrame,
    reference: pl.DataFrame,
    schedule: Schedule,
    baseline: tuple[int, int],
) -> pl.DataFrame:
    """ADGC: oral prednisone-equivalent dose, mg per day.

    At baseline the mean of the days `baseline`; at a later visit that of the 7 days before its
    target day or, where treatment ended earlier but within the visit's window, of its last 7.
    """
    first, last = baseline
    visits = pl.DataFrame(
        [
            (v.label, v.number, first, last, first, "Y")
            if v.role == "baseline"
            else (v.label, v.number, v.day - 8, v.day - 2, v.window[0] - 1, None)
            for v in schedule.visits
            if v.role in ("baseline", "treatment")
        ],
        schema={
            "AVISIT": pl.String, "AVISITN": pl.Float64, "FIRST": pl.Int64, "LAST": pl.Int64,
            "OPENS": pl.Int64, "ABLFL": pl.String,
        },
        orient="row",
    )  # fmt: skip
    ends = adsl.select("USUBJID", pl.coalesce("EOTDT", "TRTEDT").alias("END"))
    windows = (
        reference.join(ends, on="USUBJID", how="left")
        .join(visits, how="cross")
        .with_columns(
            ENDS=pl.min_horizontal((pl.col("END") - pl.col("REFDT")).dt.total_days(), "LAST"),
            BASE=(pl.col("ABLFL") == "Y").fill_null(False),
        )
        .filter(pl.col("BASE") | (pl.col("ENDS") >= pl.col("OPENS")).fill_null(False))
        .with_columns(EARLY=pl.when(~pl.col("BASE")).then(pl.col("LAST") - pl.col("ENDS")))
        .with_columns(pl.col("FIRST", "LAST") - pl.col("EARLY").fill_null(0))
        .with_columns(ADT=pl.col("REFDT") + pl.duration(days=pl.col("LAST") + 1))
    )
    rows = windows.select(
        "USUBJID", "ADT",
        iso.study_day(pl.col("ADT"), pl.col("REFDT")).alias("ADY"),
        "AVISIT", "AVISITN", "ABLFL",
        pl.lit("Y").alias("ANL01FL"),
        pl.lit("GCDOSE").alias("PARAMCD"),
        pl.lit("Oral prednisone-equivalent dose (mg/day)").alias("PARAM"),
        average(courses, windows).alias("AVAL"),
    )  # fmt: skip
    return with_baseline(rows)
