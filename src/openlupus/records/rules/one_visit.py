"""What all forms and measurements of one visit say: one row a subject and visit, side by side."""

from collections.abc import Mapping
from types import MappingProxyType
from weakref import ref

import polars as pl

from openlupus.instruments import bilag2004, clasi, facit_fatigue, joints, pga, sledai2k
from openlupus.records.model import Records

AT = ("USUBJID", "VISITNUM")

FORM_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        sledai2k.CATEGORY: {i.code: f"sledai_{i.key}" for i in sledai2k.ITEMS},
        bilag2004.CATEGORY: {i.code: f"bilag_{i.key}" for i in bilag2004.ITEMS},
        clasi.CATEGORY: {i.code: f"clasi_{i.key}" for i in clasi.ITEMS},
        pga.CATEGORY: {pga.CODE: "pga"},
    }
)
"""Columns of the items of each form that RS holds, by code: `sledai_rash`, `bilag_pyrexia`, ..."""

FACIT_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        **{item.code: f"facit_{item.number}" for item in facit_fatigue.ITEMS},
        facit_fatigue.TOTAL_CODE: "facit_total",
    }
)

# Laboratory test: its column, its standard unit, and which of several results at a visit is meant.
LABORATORY: Mapping[str, tuple[str, tuple[str, ...], str]] = MappingProxyType(
    {
        "PLAT": ("lab_platelets", ("10^9/L", "GI/L"), "min"),
        "WBC": ("lab_wbc", ("10^9/L", "GI/L"), "min"),
        "NEUT": ("lab_neutrophils", ("10^9/L", "GI/L"), "min"),
        "LYM": ("lab_lymphocytes", ("10^9/L", "GI/L"), "min"),
        "HGB": ("lab_haemoglobin", ("g/L",), "min"),
        "CREAT": ("lab_creatinine", ("umol/L",), "max"),
        "PROTCRT": ("lab_urine_pcr", ("mg/mmol",), "max"),
        "URBC": ("lab_urine_rbc", ("/HPF", "/hpf"), "max"),
        "UWBC": ("lab_urine_wbc", ("/HPF", "/hpf"), "max"),
    }
)
# Tests that are judged by the laboratory's own limits: how many times the limit the value is.
BY_LIMIT: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "C3": ("lab_c3", "LBSTNRLO", "min"),
        "C4": ("lab_c4", "LBSTNRLO", "min"),
        "CH50": ("lab_ch50", "LBSTNRLO", "min"),
        "DSDNA": ("lab_dsdna", "LBSTNRHI", "max"),
    }
)
VITAL_SIGNS: Mapping[str, str] = MappingProxyType(
    {"TEMP": "temperature", "SYSBP": "systolic", "DIABP": "diastolic"}
)
COUNTS = ("joints_tender", "joints_swollen", "joints_active", "joints_affected")


_latest: list[tuple[ref[Records], pl.DataFrame]] = []


def one_visit(records: Records) -> pl.LazyFrame:
    """Everything by subject and visit; null where not done, not given, or not a number.

    Yes is 1 and no is 0. `lab_c3` and its like are multiples of the limit of normal. The joints
    are counts over those examined.
    """
    # Many rules ask about the same records one after the other: the frame is made once for them.
    if not _latest or _latest[0][0]() is not records:
        _latest[:] = [(ref(records), _side_by_side(records))]
    return _latest[0][1].lazy()


def _side_by_side(records: Records) -> pl.DataFrame:
    lazy = [
        *(_form(records, category, columns) for category, columns in FORM_COLUMNS.items()),
        _questionnaire(records),
        _vital_signs(records),
        *_laboratory(records),
        _joints(records),
    ]
    parts = pl.collect_all(lazy)
    spread = [*FORM_COLUMNS.values(), FACIT_COLUMNS, VITAL_SIGNS]
    for i, columns in enumerate(spread):
        parts[i] = _spread(parts[i], columns)
    visits = pl.concat([part.select(AT) for part in parts]).unique()
    for part in parts:
        visits = visits.join(part, on=AT, how="left", nulls_equal=True)
    return visits.with_columns(sledai_total=_sledai_total(), clasi_activity=_clasi_activity())


def _form(records: Records, category: str, columns: Mapping[str, str]) -> pl.LazyFrame:
    answers = records.domain("RS").filter(
        pl.col("RSCAT") == category, pl.col("RSTESTCD").is_in(list(columns))
    )
    return answers.select(*AT, code="RSTESTCD", value=_result("RS"))


def _questionnaire(records: Records) -> pl.LazyFrame:
    answers = records.domain("QS").filter(pl.col("QSCAT") == facit_fatigue.CATEGORY)
    known = answers.filter(pl.col("QSTESTCD").is_in(list(FACIT_COLUMNS)))
    return known.select(*AT, code="QSTESTCD", value=_result("QS"))


def _laboratory(records: Records) -> list[pl.LazyFrame]:
    tests = records.domain("LB")
    absolute = [
        tests.filter(pl.col("LBTESTCD") == test, pl.col("LBSTRESU").is_in(units))
        .group_by(AT)
        .agg(_worst("LBSTRESN", which).alias(column))
        for test, (column, units, which) in LABORATORY.items()
    ]
    relative = [
        tests.filter(pl.col("LBTESTCD") == test, pl.col(limit) > 0)
        .with_columns(times=pl.col("LBSTRESN") / pl.col(limit))
        .group_by(AT)
        .agg(_worst("times", which).alias(column))
        for test, (column, limit, which) in BY_LIMIT.items()
    ]
    return [*absolute, *relative]


def _worst(column: str, which: str) -> pl.Expr:
    return pl.col(column).min() if which == "min" else pl.col(column).max()


def _vital_signs(records: Records) -> pl.LazyFrame:
    signs = records.domain("VS").filter(pl.col("VSTESTCD").is_in(list(VITAL_SIGNS)))
    return signs.select(*AT, code="VSTESTCD", value=pl.col("VSSTRESN"))


def _joints(records: Records) -> pl.LazyFrame:
    places = [joint.key for joint in joints.JOINTS]
    examined = records.domain("MK").filter(
        pl.col("MKTESTCD").is_in(["TENDER", "SWOLLEN"]),
        pl.col("MKLOC").is_in(places),
        pl.col("MKSTRESC").is_in(["Y", "N"]),
    )
    yes = pl.col("MKSTRESC") == "Y"
    by_joint = examined.group_by(*AT, "MKLOC").agg(
        tender=(yes & (pl.col("MKTESTCD") == "TENDER")).any(),
        swollen=(yes & (pl.col("MKTESTCD") == "SWOLLEN")).any(),
    )
    both, either = pl.col("tender") & pl.col("swollen"), pl.col("tender") | pl.col("swollen")
    sums = (pl.col("tender"), pl.col("swollen"), both, either)
    return by_joint.group_by(AT).agg(
        column.sum().cast(pl.Float64).alias(name) for name, column in zip(COUNTS, sums, strict=True)
    )


def _result(domain: str) -> pl.Expr:
    text = pl.col(f"{domain}STRESC")
    yes_no = pl.when(text == "Y").then(1.0).when(text == "N").then(0.0)
    return pl.coalesce(f"{domain}STRESN", yes_no, text.cast(pl.Float64, strict=False))


def _spread(long: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    """One row a visit from one row an answer; of two answers the first."""
    named = long.with_columns(pl.col("code").replace_strict(columns, default=None))
    wide = named.pivot(on="code", index=AT, values="value", aggregate_function="first")
    absent = [name for name in columns.values() if name not in wide.columns]
    return wide.with_columns(pl.lit(None, pl.Float64).alias(name) for name in absent)


def _sledai_total() -> pl.Expr:
    """Null where an item is missing."""
    return pl.sum_horizontal(
        (pl.col(f"sledai_{item.key}") * item.weight for item in sledai2k.ITEMS), ignore_nulls=False
    )


def _clasi_activity() -> pl.Expr:
    boxes = [f"clasi_{item.key}" for item in clasi.ITEMS if item.part == "activity"]
    return pl.sum_horizontal(boxes, ignore_nulls=False)
