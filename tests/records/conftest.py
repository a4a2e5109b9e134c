"""A small two-arm lupus trial without a fault; each test puts in the one that it is about."""

from collections.abc import Iterator

import polars as pl
import pytest

from openlupus.records import CheckContext, VisitWindow

SUBJECTS = {"X-01": "ACT", "X-02": "PBO", "X-03": "ACT"}
DATES = {1.0: "2020-01-01", 2.0: "2020-01-15", 3.0: "2020-02-12"}
VISITS = {1.0: "SCREENING", 2.0: "BASELINE", 3.0: "WEEK 4"}
BILAG_YES_NO = {68, 80, 85, 88, 89, 96, 97}


def _sledai() -> Iterator[tuple[str, str, float | None]]:
    for number in range(1, 25):
        yield f"SLED{number:02d}", "N" if number % 5 else "Y", None


def _rs() -> Iterator[dict[str, object]]:
    for subject in SUBJECTS:
        items = [("SLEDAI-2K", *item) for item in _sledai()] + [("PGA", "PGA01", "1.5", 1.5)]
        rows = [(visit, item) for visit in DATES for item in items]
        for sequence, (visit, (category, code, text, number)) in enumerate(rows, start=1):
            yield {
                "STUDYID": "X",
                "DOMAIN": "RS",
                "USUBJID": subject,
                "RSSEQ": sequence,
                "RSCAT": category,
                "RSTESTCD": code,
                "RSORRES": text,
                "RSSTRESC": text,
                "RSSTRESN": number,
                "RSSTAT": None,
                "VISITNUM": visit,
                "VISIT": VISITS[visit],
                "RSDTC": DATES[visit],
            }


def _each(name: str, **columns: object) -> pl.DataFrame:
    """One row a subject, with the same values for all."""
    rows = [{"STUDYID": "X", "DOMAIN": name, "USUBJID": s} | columns for s in SUBJECTS]
    return pl.DataFrame(rows, infer_schema_length=None)


@pytest.fixture
def trial() -> dict[str, pl.DataFrame]:
    """Frames of the trial by domain; nothing in them breaks a rule."""
    arm = pl.Series("ARMCD", list(SUBJECTS.values()))
    visits = [
        {"STUDYID": "X", "DOMAIN": "SV", "USUBJID": s, "VISITNUM": v, "VISIT": VISITS[v],
         "SVSTDTC": DATES[v], "SVENDTC": DATES[v]}
        for s in SUBJECTS for v in DATES
    ]  # fmt: skip
    return {
        "DM": _each(
            "DM", RFSTDTC="2020-01-15", RFENDTC="2020-03-01", RFICDTC="2020-01-01", BRTHDTC="1980",
            DTHDTC=None, DTHFL=None, AGE=39.0, AGEU="YEARS", SEX="F",
        ).with_columns(arm, ACTARMCD=arm, ARMNRS=pl.lit(None, pl.String)),
        "EX": _each(
            "EX", EXSEQ=1.0, EXTRT="DRUG", EXDOSE=1.0, EXDOSU="mg", EXDOSFRQ="QD",
            EXSTDTC="2020-01-15", EXENDTC="2020-03-01",
        ),
        "DS": pl.concat([
            _each("DS", DSSEQ=1.0, DSCAT="PROTOCOL MILESTONE", DSDECOD="RANDOMIZED",
                  DSTERM="RANDOMIZED", EPOCH="SCREENING", DSSTDTC="2020-01-15"),
            _each("DS", DSSEQ=2.0, DSCAT="DISPOSITION EVENT", DSDECOD="COMPLETED",
                  DSTERM="COMPLETED", EPOCH="TREATMENT", DSSTDTC="2020-03-01"),
        ]),
        "AE": _each(
            "AE", AESEQ=1.0, AETERM="HEADACHE", AESEV="MILD", AESER="N", AEREL="RELATED",
            AEACN="DOSE NOT CHANGED", AEOUT="RECOVERED/RESOLVED", AESDTH="N",
            AESTDTC="2020-01-20", AEENDTC="2020-01",
        ),
        "LB": _each(
            "LB", LBSEQ=1.0, LBTESTCD="HGB", LBSTRESC="130", LBSTRESN=130.0, LBSTRESU="g/L",
            LBSTAT=None, VISITNUM=2.0, VISIT="BASELINE", LBDTC="2020-01-15T09:30",
        ),
        "SUPPDM": pl.DataFrame([
            {"STUDYID": "X", "RDOMAIN": "DM", "USUBJID": s, "IDVAR": None, "IDVARVAL": None,
             "QNAM": "GCDOSE", "QVAL": "HIGH"} for s in SUBJECTS
        ]),
        "SUPPAE": pl.DataFrame([
            {"STUDYID": "X", "RDOMAIN": "AE", "USUBJID": s, "IDVAR": "AESEQ", "IDVARVAL": "1",
             "QNAM": "AETRTEM", "QVAL": "Y"} for s in SUBJECTS
        ]),
        "SV": pl.DataFrame(visits),
        "RS": pl.DataFrame(list(_rs()), infer_schema_length=None),
    }  # fmt: skip


@pytest.fixture
def context() -> CheckContext:
    return CheckContext(
        arms={"ACT": "Active", "PBO": "Placebo"},
        visits=(
            VisitWindow("SCREENING", 1.0, -14, -28, -1),
            VisitWindow("BASELINE", 2.0, 1, 1, 1),
            VisitWindow("WEEK 4", 3.0, 29, 22, 35),
        ),
        forms=("SLEDAI-2K", "PGA"),
    )
