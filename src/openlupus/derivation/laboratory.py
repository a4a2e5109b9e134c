"""ADLB: laboratory values with ranges, CTCAE grades in both directions, and the worst of each."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import polars as pl

from openlupus.derivation.measurements import extremes, in_one_unit, measured
from openlupus.derivation.tally import Tally
from openlupus.instruments import ctcae
from openlupus.protocol.model import Schedule
from openlupus.records import Records

_CELLS: Mapping[str, float] = {
    "10^9/L": 1.0, "GI/L": 1.0, "10^3/uL": 1.0, "10^6/L": 0.001, "/uL": 0.001,
}  # fmt: skip
_ENZYMES: Mapping[str, float] = {"U/L": 1.0, "IU/L": 1.0}

GRADED: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType({
    "NEUT": ("cells", ("neutrophil_count_decreased",)),
    "WBC": ("cells", ("white_blood_cell_decreased",)),
    "LYM": ("cells", ("lymphocyte_count_decreased", "lymphocyte_count_increased")),
    "PLAT": ("cells", ("platelet_count_decreased",)),
    "HGB": ("haemoglobin", ("anemia",)),
    "ALB": ("albumin", ("hypoalbuminemia",)),
    "ALT": ("enzymes", ("alt_increased",)),
    "AST": ("enzymes", ("ast_increased",)),
    "GGT": ("enzymes", ("ggt_increased",)),
    "ALP": ("enzymes", ("alkaline_phosphatase_increased",)),
    "CK": ("enzymes", ("cpk_increased",)),
    "BILI": ("bilirubin", ("blood_bilirubin_increased",)),
    "CREAT": ("creatinine", ("creatinine_increased",)),
})  # fmt: skip
"""CDISC code of a test to the kind of its unit and its CTCAE terms."""

TO_UNIT: Mapping[str, Mapping[str, float]] = MappingProxyType({
    "cells": _CELLS,
    "haemoglobin": {"g/dL": 1.0, "g/L": 0.1, "mmol/L": 1.61134},
    "albumin": {"g/L": 1.0, "g/dL": 10.0},
    "enzymes": _ENZYMES,
    "bilirubin": {"umol/L": 1.0, "mg/dL": 17.104},
    "creatinine": {"umol/L": 1.0, "mg/dL": 88.42},
})  # fmt: skip
"""Factor from a unit of records to that of the CTCAE term."""
_LOST = "_lost"
"""Whether there is a baseline, in a unit that cannot be converted to that of the record."""
_UNITS = {test: TO_UNIT[kind] for test, (kind, _) in GRADED.items()}


def laboratory(
    records: Records,
    reference: pl.DataFrame,
    adsl: pl.DataFrame,
    schedule: Schedule,
    tally: Tally,
) -> pl.DataFrame:
    """BDS rows of LB with what makes laboratory tables.

    Besides the columns of `measured`: ANRIND and BNRIND (LOW, NORMAL, HIGH; from the range where
    the laboratory did not say), SHIFT1, R2ANRHI (ratio to the upper limit), ATOXGRL and ATOXGRH
    (CTCAE 5.0 grade of a value too low, too high, `0` to `4`; the number in ATOXGRLN, ATOXGRHN),
    BTOXGRL and BTOXGRH. ANL02FL and ANL03FL flag the worst value on treatment in each direction:
    the highest grade, then the most extreme value, then the earliest. A record whose baseline is in
    a unit that cannot be converted has no grade of a term that looks at the baseline.
    """
    rows = measured(records, reference, adsl, schedule, tally, domain="LB", to_unit=_UNITS)
    low = pl.col("AVAL") < pl.col("ANRLO")
    high = pl.col("AVAL") > pl.col("ANRHI")
    ranged = pl.col("ANRLO").is_not_null() | pl.col("ANRHI").is_not_null()
    side = (
        pl.when(low)
        .then(pl.lit("LOW"))
        .when(high)
        .then(pl.lit("HIGH"))
        .when(ranged & pl.col("AVAL").is_not_null())
        .then(pl.lit("NORMAL"))
    )
    rows = rows.with_columns(
        ANRIND=pl.coalesce(pl.col("ANRIND").replace("", None), side),
        R2ANRHI=pl.when(pl.col("ANRHI") > 0).then(pl.col("AVAL") / pl.col("ANRHI")),
    )
    has_baseline = ((pl.col("ABLFL") == "Y") & pl.col("AVAL").is_not_null()).any()
    lost = pl.col("BASE").is_null() & has_baseline.over("USUBJID", "PARAMCD")
    rows = _graded(rows.with_columns(lost.fill_null(False).alias(_LOST)), tally).drop(_LOST)
    rows = _at_baseline(rows, {"ANRIND": "BNRIND", "ATOXGRL": "BTOXGRL", "ATOXGRH": "BTOXGRH"})
    shift = pl.col("BNRIND") + " to " + pl.col("ANRIND")
    rows = rows.with_columns(SHIFT1=pl.when(pl.col("ADY") > 1).then(shift))
    worst_low = -pl.col("ATOXGRLN").fill_null(-1)
    worst_high = -pl.col("ATOXGRHN").fill_null(-1)
    value = pl.col("AVAL") * in_one_unit(_UNITS, "AVALU").fill_null(1.0)
    return extremes(rows, low=[worst_low, value], high=[worst_high, -value])


def _graded(rows: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    grades = {"ATOXGRLN": np.full(rows.height, np.nan), "ATOXGRHN": np.full(rows.height, np.nan)}
    code = rows["PARAMCD"]
    for test, (kind, terms) in GRADED.items():
        at = np.flatnonzero((code == test).to_numpy())
        if not len(at):
            continue
        mine = rows[at]
        factor = mine["AVALU"].replace_strict(TO_UNIT[kind], default=None, return_dtype=pl.Float64)
        known = factor.is_not_null() & mine["AVAL"].is_not_null() & (mine["AVAL"] >= 0)
        tally.count(
            mine.filter(factor.is_null()),
            "unit is not known to the CTCAE term: kept without a grade",
            dataset="ADLB",
            domain="LB",
        )
        mine, at = mine.filter(known), at[known.to_numpy()]
        times = factor.filter(known).to_numpy()
        for term in terms:
            side = "ATOXGRLN" if isinstance(ctcae.TERMS[term], ctcae.Low) else "ATOXGRHN"
            grades[side][at] = _grades(term, mine, times)
    number = {name: pl.Series(name, values).fill_nan(None) for name, values in grades.items()}
    text = [
        pl.col(name).cast(pl.Int64).cast(pl.String).alias(name.removesuffix("N")) for name in grades
    ]
    return rows.with_columns(**number).with_columns(text)


def _grades(term: str, rows: pl.DataFrame, times: np.ndarray) -> np.ndarray:
    """Grades as numbers, nan where not gradable; before the first dose no baseline is looked at."""

    def in_unit(column: str) -> np.ndarray:
        return rows[column].cast(pl.Float64).fill_null(np.nan).to_numpy() * times

    later = (rows["ADY"] > 1).to_numpy()
    base = np.where(later, in_unit("BASE"), np.nan)
    base = np.where(base >= 0, base, np.nan)
    found = ctcae.grade(
        term, in_unit("AVAL"), lln=in_unit("ANRLO"), uln=in_unit("ANRHI"), baseline=base
    )
    open_ = found == ctcae.NOT_GRADABLE
    if isinstance(ctcae.TERMS[term], ctcae.Multiple | ctcae.Creatinine):
        open_ |= later & rows[_LOST].to_numpy()
    return np.where(open_, np.nan, found)


def _at_baseline(rows: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    """The values of columns at the baseline record, under other names, beside every record."""
    base = rows.filter(pl.col("ABLFL") == "Y").select(
        "USUBJID", "PARAMCD", *[pl.col(old).alias(new) for old, new in columns.items()]
    )
    base = base.unique(["USUBJID", "PARAMCD"], keep="last", maintain_order=True)
    return rows.join(base, on=["USUBJID", "PARAMCD"], how="left", maintain_order="left")
