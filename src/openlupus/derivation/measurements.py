"""ADVS, and what ADLB and ADEG have in common with it: measured values as BDS rows."""

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from openlupus.derivation.tally import Tally
from openlupus.derivation.windows import windowed, with_baseline
from openlupus.protocol.model import Schedule
from openlupus.records import Records
from openlupus.records import dates as iso

_ONE = ("USUBJID", "PARAMCD", "ADT", "VISITNUM")
LOWEST, HIGHEST = "ANL02FL", "ANL03FL"
"""Flags of the lowest and the highest value on treatment, one record a subject and parameter."""
NO_BASELINE = "baseline is in another unit: kept without baseline and change"
CONVERTED = "baseline is in another unit: converted to that of the record"
_NONE: Mapping[str, Mapping[str, float]] = MappingProxyType({})


def measured(
    records: Records,
    reference: pl.DataFrame,
    adsl: pl.DataFrame,
    schedule: Schedule,
    tally: Tally,
    *,
    domain: str,
    to_unit: Mapping[str, Mapping[str, float]] = _NONE,
) -> pl.DataFrame:
    """BDS rows of a findings domain, one a subject, test, day and visit.

    PARAMCD is the code of the test, PARAM its name and unit. ABLFL and ANL01FL go by parameter;
    BASE, CHG and PCHG (per cent; none where the baseline is 0) are in the unit of the record; there
    are none where the baseline is in another unit that cannot be converted. ONTRTFL is `Y` after
    the day of the first dose, to the end of the treatment-emergent period (ADSL.TAEEDT).

    Args:
        records: The records; LB, VS, EG or PC is read.
        reference: USUBJID and REFDT (day 1) of those who may have analysis data.
        adsl: With TRTSDT and TAEEDT.
        schedule: Windows.
        tally: Receives what is left out.
        domain: Which domain.
        to_unit: Code of a test to its units, each with the factor to one unit of the test.
    """
    found = _results(records, reference, tally, domain)
    parts = [
        windowed(part.with_columns(USABLE=pl.col("AVAL").is_not_null()), schedule)
        for part in found.partition_by("PARAMCD", maintain_order=True)
    ]
    if not parts:
        parts = [windowed(found.with_columns(USABLE=pl.lit(True)), schedule)]
    rows = with_baseline(pl.concat(parts)).drop("USABLE")
    rows = _in_own_unit(rows, to_unit, tally, domain)
    treated = adsl.select("USUBJID", "TRTSDT", "TAEEDT")
    rows = rows.join(treated, on="USUBJID", how="left", maintain_order="left")
    on = (pl.col("ADT") > pl.col("TRTSDT")) & (pl.col("ADT") <= pl.col("TAEEDT"))
    return rows.with_columns(
        PCHG=pl.when(pl.col("BASE") != 0).then(100 * pl.col("CHG") / pl.col("BASE")),
        ONTRTFL=pl.when(on.fill_null(False)).then(pl.lit("Y")),
    ).drop("TRTSDT", "TAEEDT", "REFDT")


def _in_own_unit(
    rows: pl.DataFrame, to_unit: Mapping[str, Mapping[str, float]], tally: Tally, domain: str
) -> pl.DataFrame:
    """Rows with the baseline in the unit of the record, and without one where it is not known."""
    place = {"dataset": f"AD{domain}", "domain": domain}
    base = rows.filter(pl.col("ABLFL") == "Y").select("USUBJID", "PARAMCD", _BASEU="AVALU")
    base = base.unique(["USUBJID", "PARAMCD"], keep="last", maintain_order=True)
    rows = rows.join(base, on=["USUBJID", "PARAMCD"], how="left", maintain_order="left")
    own, other = (pl.col(c).fill_null("") for c in ("AVALU", "_BASEU"))
    differs = pl.col("BASE").is_not_null() & (own != other)
    times = in_one_unit(to_unit, "_BASEU") / in_one_unit(to_unit, "AVALU")
    rows = rows.with_columns(_TIMES=pl.when(differs).then(times).otherwise(1.0))
    tally.count(rows.filter(pl.col("_TIMES").is_null()), NO_BASELINE, **place)
    tally.count(rows.filter(differs & pl.col("_TIMES").is_not_null()), CONVERTED, **place)
    here = pl.col("BASE") * pl.col("_TIMES")
    after = pl.col("CHG").is_not_null()
    return rows.with_columns(
        BASE=pl.when(differs).then(here).otherwise("BASE"),
        CHG=pl.when(differs & after).then(pl.col("AVAL") - here).otherwise("CHG"),
    ).drop("_BASEU", "_TIMES")


def in_one_unit(to_unit: Mapping[str, Mapping[str, float]], unit: str) -> pl.Expr:
    """Factor from the unit in a column to the one unit of the record's test; null if unknown."""
    known = {f"{test}|{name}": x for test, units in to_unit.items() for name, x in units.items()}
    key = pl.col("PARAMCD") + "|" + pl.col(unit)
    return key.replace_strict(known, default=None, return_dtype=pl.Float64)


def vital_signs(
    records: Records,
    reference: pl.DataFrame,
    adsl: pl.DataFrame,
    schedule: Schedule,
    tally: Tally,
) -> pl.DataFrame:
    """ADVS, with the flags of the lowest and the highest value on treatment."""
    rows = measured(records, reference, adsl, schedule, tally, domain="VS")
    return extremes(rows, low=["AVAL"], high=[-pl.col("AVAL")])


def extremes(
    rows: pl.DataFrame, *, low: list[str | pl.Expr], high: list[str | pl.Expr]
) -> pl.DataFrame:
    """Rows with ANL02FL and ANL03FL: of the values on treatment the first in these orders."""
    numbered = rows.with_row_index("_row")
    usable = numbered.filter((pl.col("ONTRTFL") == "Y") & pl.col("AVAL").is_not_null())
    for flag, order in ((LOWEST, low), (HIGHEST, high)):
        first = usable.sort("USUBJID", "PARAMCD", *order, "ADT", "_row").unique(
            ["USUBJID", "PARAMCD"], keep="first", maintain_order=True
        )
        chosen = pl.col("_row").is_in(first["_row"].implode())
        numbered = numbered.with_columns(pl.when(chosen).then(pl.lit("Y")).alias(flag))
    return numbered.drop("_row")


def _results(records: Records, reference: pl.DataFrame, tally: Tally, domain: str) -> pl.DataFrame:
    """The results that count, with the columns of ADaM; others are counted."""
    place = {"dataset": f"AD{domain}", "domain": domain}
    table = records.domain(domain)
    has = table.collect_schema()

    def column(name: str, kind: type[pl.DataType] = pl.String) -> pl.Expr:
        full = f"{domain}{name}"
        return pl.col(full) if full in has else pl.lit(None, kind).alias(full)

    unit = column("STRESU")
    name = pl.when(unit.is_null() | (unit == "")).then(column("TEST"))
    rows = table.select(
        "USUBJID",
        column("TESTCD").alias("PARAMCD"),
        name.otherwise(column("TEST") + " (" + unit + ")").alias("PARAM"),
        column("CAT").alias("PARCAT1"),
        column("STRESN", pl.Float64).cast(pl.Float64).alias("AVAL"),
        column("STRESC").alias("AVALC"),
        unit.alias("AVALU"),
        column("STNRLO", pl.Float64).cast(pl.Float64).alias("ANRLO"),
        column("STNRHI", pl.Float64).cast(pl.Float64).alias("ANRHI"),
        column("NRIND").alias("ANRIND"),
        column("STAT").alias("_STAT"),
        column("SEQ", pl.Float64).alias(f"{domain}SEQ"),
        "VISITNUM",
        "VISIT",
        iso.parse(column("DTC"), impute="none").alias("ADT"),
    )
    found = rows.collect().join(reference, on="USUBJID", how="left", maintain_order="left")
    given = pl.col("AVAL").is_not_null() | pl.col("AVALC").is_not_null()
    found = tally.keep(found, pl.col("REFDT").is_not_null(), "subject was not randomized", **place)
    found = tally.keep(found, given, "there is no result", **place)
    found = tally.keep(found, pl.col("ADT").is_not_null(), "date is missing or partial", **place)
    found = found.sort(*_ONE, f"{domain}SEQ", maintain_order=True)
    last = pl.struct(*_ONE).is_last_distinct()
    found = tally.keep(found, last, "superseded by a later record of the same test", **place)
    return found.drop("_STAT")
