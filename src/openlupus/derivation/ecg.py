"""ADEG: electrocardiograms, with QTcF in the categories of ICH E14."""

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

import polars as pl

from openlupus.derivation.measurements import extremes, measured
from openlupus.derivation.tally import Tally
from openlupus.protocol.model import Schedule
from openlupus.records import Records

NAMED: Mapping[str, str] = MappingProxyType({
    "QTCFAG": "QTCF", "QTCFLC": "QTCF", "QTAG": "QT", "PRAG": "PR", "QRSAG": "QRS",
    "RRAG": "RR", "EGHRMN": "HR", "HRMEAN": "HR",
})  # fmt: skip
"""Codes of aggregate and lead-wise intervals to the parameter that they are here."""

QTCF = "QTCF"
CATEGORIES = (450.0, 480.0, 500.0)
RISES = (30.0, 60.0)


def ecg(
    records: Records,
    reference: pl.DataFrame,
    adsl: pl.DataFrame,
    schedule: Schedule,
    tally: Tally,
) -> pl.DataFrame:
    """BDS rows of EG; intervals in ms, heart rate in beats a minute.

    QTcF (PARAMCD `QTCF`) is that recorded; where a tracing has QT and heart rate or RR alone it is
    QT / cube root of RR in seconds (DTYPE `DERIVED`). AVALCAT1 (of QTcF): `<=450`, `>450 to 480`,
    `>480 to 500`, `>500`; CHGCAT1: `<=30`, `>30 to 60`, `>60`. ANL03FL flags the highest value on
    treatment, ANL02FL the lowest.
    """
    named = pl.col("EGTESTCD").replace(NAMED)
    held = records.domain("EG").with_columns(EGTESTCD=named)
    eg = held.collect()
    added = _fridericia(eg)
    whole = pl.concat([eg.with_columns(_DERIVED=pl.lit(None, pl.String)), added], how="diagonal")
    given = Records({**records.domains, "EG": whole.drop("_DERIVED").lazy()}, records.origin)
    rows = measured(given, reference, adsl, schedule, tally, domain="EG")
    made = added.select("USUBJID", PARAMCD=pl.lit(QTCF), EGSEQ="EGSEQ", DTYPE=pl.lit("DERIVED"))
    rows = rows.join(made, on=["USUBJID", "PARAMCD", "EGSEQ"], how="left", maintain_order="left")
    qtcf = pl.col("PARAMCD") == QTCF
    rows = rows.with_columns(
        AVALCAT1=pl.when(qtcf).then(_category("AVAL", CATEGORIES)),
        CHGCAT1=pl.when(qtcf).then(_category("CHG", RISES)),
    )
    return extremes(rows, low=["AVAL"], high=[-pl.col("AVAL")])


def _fridericia(eg: pl.DataFrame) -> pl.DataFrame:
    """A row of QTcF for each tracing that has none, but has QT and RR or heart rate."""
    tracing = ["USUBJID", "VISITNUM", "VISIT", "EGDTC"]

    def of(code: str) -> pl.Expr:
        return pl.col("EGSTRESN").filter(pl.col("EGTESTCD") == code).last()

    wide = eg.group_by(tracing, maintain_order=True).agg(
        QT=of("QT"), HR=of("HR"), RR=of("RR"), KNOWN=of(QTCF), EGSEQ=pl.col("EGSEQ").max()
    )
    # QT is in ms; RR in ms, else from the rate.
    seconds = pl.coalesce(pl.col("RR") / 1000, 60 / pl.col("HR"))
    value = pl.col("QT") / seconds.cbrt()
    made = wide.with_columns(EGSTRESN=value).filter(
        pl.col("KNOWN").is_null() & pl.col("EGSTRESN").is_finite()
    )
    return made.select(
        *tracing, "EGSEQ", "EGSTRESN",
        EGTESTCD=pl.lit(QTCF), EGTEST=pl.lit("QTcF Interval"), EGSTRESU=pl.lit("msec"),
        _DERIVED=pl.lit("DERIVED"),
    )  # fmt: skip


def _category(column: str, bounds: tuple[float, ...]) -> pl.Expr:
    value = pl.col(column)
    text = pl.when(value <= bounds[0]).then(pl.lit(f"<={bounds[0]:g}"))
    for below, above in pairwise(bounds):
        text = text.when(value <= above).then(pl.lit(f">{below:g} to {above:g}"))
    return text.when(value > bounds[-1]).then(pl.lit(f">{bounds[-1]:g}"))
