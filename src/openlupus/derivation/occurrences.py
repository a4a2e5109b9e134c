"""ADCM, ADMH, ADDV: what was taken, what was before, what departed from the protocol."""

import polars as pl

from openlupus.derivation.tally import Tally
from openlupus.records import Records
from openlupus.records import dates as iso


def medications(records: Records, adsl: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    """ADCM: one row a record of CM, with ASTDT, AENDT, PREFL and CONFL.

    A medication is prior (PREFL `Y`) when it began before the first dose, and concomitant (CONFL
    `Y`) when it may have been taken between the first and the last dose. Partial dates are read as
    may be: a start as the first day, an end as the last day that they allow; a medication without
    an end goes on, one without a start began before.
    """
    cm = _dated(records, adsl, tally, dataset="ADCM", domain="CM")
    begun = (pl.col("ASTDT") <= pl.col("TRTEDT")) | pl.col("ASTDT").is_null()
    lasted = (pl.col("AENDT") >= pl.col("TRTSDT")) | pl.col("AENDT").is_null()
    treated = pl.col("TRTSDT").is_not_null()
    before = (pl.col("ASTDT") < pl.col("TRTSDT")) | pl.col("ASTDT").is_null()
    return cm.with_columns(PREFL=_yes(before & treated), CONFL=_yes(begun & lasted & treated))


def history(records: Records, adsl: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    """ADMH: one row a record of MH, with ASTDT and AENDT."""
    return _dated(records, adsl, tally, dataset="ADMH", domain="MH")


def deviations(records: Records, adsl: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    """ADDV: one row a record of DV, with ASTDT, ASTDY."""
    return _dated(records, adsl, tally, dataset="ADDV", domain="DV")


def _dated(
    records: Records, adsl: pl.DataFrame, tally: Tally, *, dataset: str, domain: str
) -> pl.DataFrame:
    """The records of subjects in DM, with days of start and end counted from the first dose."""
    rows = records.domain(domain)
    has = rows.collect_schema()
    start, end = f"{domain}STDTC", f"{domain}ENDTC"
    rows = rows.with_columns(
        ASTDT=iso.parse(pl.col(start), impute="first") if start in has else pl.lit(None, pl.Date),
        AENDT=iso.parse(pl.col(end), impute="last") if end in has else pl.lit(None, pl.Date),
    ).collect()
    known = adsl.select("USUBJID", "TRTSDT", "TRTEDT", _KNOWN=pl.lit(True))
    rows = rows.join(known, on="USUBJID", how="left", maintain_order="left")
    there = pl.col("_KNOWN").fill_null(False)
    rows = tally.keep(rows, there, "subject is not in DM", dataset=dataset, domain=domain)
    return rows.with_columns(
        ASTDY=iso.study_day(pl.col("ASTDT"), pl.col("TRTSDT")),
        AENDY=iso.study_day(pl.col("AENDT"), pl.col("TRTSDT")),
    ).drop("_KNOWN")


def _yes(condition: pl.Expr) -> pl.Expr:
    return pl.when(condition.fill_null(False)).then(pl.lit("Y")).otherwise(pl.lit("N"))
