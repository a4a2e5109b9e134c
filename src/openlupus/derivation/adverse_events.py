"""ADAE: adverse events with their dates and whether treatment brought them out."""

import polars as pl

from openlupus.derivation.tally import Tally
from openlupus.protocol.model import Safety
from openlupus.records import Records
from openlupus.records import dates as iso


def events(records: Records, adsl: pl.DataFrame, safety: Safety, tally: Tally) -> pl.DataFrame:
    """One row a record of AE, with ASTDT, ASTDTF, ASTDY, AENDT, AENDY and TRTEMFL.

    An event is treatment-emergent when it may have started on or after the first dose: a partial
    or missing start date is moved to the first dose if it allows that day and the event did not
    end before it. Where the declaration limits the days after the last dose, later starts do not
    count.
    """
    text, first_dose = pl.col("AESTDTC"), pl.col("TRTSDT")
    ae = records.domain("AE").with_columns(
        EARLIEST=iso.parse(text, impute="first"),
        LATEST=iso.parse(text, impute="last"),
        AENDT=iso.parse(pl.col("AEENDTC"), impute="last"),
    )
    ae = ae.collect().join(
        adsl.select("USUBJID", "TRTSDT", "TRTEDT", KNOWN=pl.lit(True)), on="USUBJID", how="left"
    )
    ae = tally.keep(ae, pl.col("KNOWN"), "subject is not in DM", dataset="ADAE", domain="AE")
    whole = pl.col("EARLIEST") == pl.col("LATEST")
    could_be = (
        (pl.col("EARLIEST") <= first_dose).fill_null(True)
        & (pl.col("LATEST") >= first_dose).fill_null(True)
        & (pl.col("AENDT") >= first_dose).fill_null(True)
    )
    moved = could_be & ~whole.fill_null(False) & first_dose.is_not_null()
    limit = safety.days_after_last_dose
    last_day = pl.col("TRTEDT") + pl.duration(days=limit or 0)
    in_time = pl.lit(True) if limit is None else (pl.col("ASTDT") <= last_day).fill_null(True)
    emergent = (pl.col("ASTDT") >= first_dose) & in_time
    return (
        ae.with_columns(ASTDT=pl.when(moved).then(first_dose).otherwise("EARLIEST"))
        .with_columns(
            ASTDTF=pl.when(pl.col("ASTDT").is_not_null()).then(_imputed(text)),
            ASTDY=iso.study_day(pl.col("ASTDT"), first_dose),
            AENDY=iso.study_day(pl.col("AENDT"), first_dose),
            TRTEMFL=pl.when(emergent.fill_null(False)).then(pl.lit("Y")).otherwise(pl.lit("N")),
        )
        .drop("EARLIEST", "LATEST", "KNOWN")
        .sort("USUBJID", "AESEQ")
    )


def _imputed(text: pl.Expr) -> pl.Expr:
    """ADaM's flag of the largest unit of the date that was imputed: Y, M, D or null."""
    known = iso.precision(text).cast(pl.String)
    return (
        pl.when(known.is_null())
        .then(pl.lit("Y"))
        .when(known == "year")
        .then(pl.lit("M"))
        .when(known == "month")
        .then(pl.lit("D"))
    )
