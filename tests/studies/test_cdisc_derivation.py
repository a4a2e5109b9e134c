"""The CDISC pilot: ADSL and ADAE derived from its SDTM files beside the ADaM files it was given.

Every value that both have is compared. Where they differ, one of the reasons below must hold for
that very row: each is a condition on what the SDTM files say.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from openlupus.derivation import Arms, derive
from openlupus.exchange import read_adam, read_folder
from openlupus.protocol import parse
from openlupus.records import Records
from reference import need_reference

DECLARATION = """
[study]
id = "CDISCPILOT01"
title = "Xanomeline in Alzheimer's disease"

[arm.placebo]
label = "Placebo"
code = "Pbo"
role = "control"

[arm.low]
label = "Xanomeline Low Dose"
code = "Xan_Lo"
role = "test"

[arm.high]
label = "Xanomeline High Dose"
code = "Xan_Hi"
role = "test"

[[schedule.visit]]
id = "BL"
label = "Baseline"
number = 3
day = 1
window = [-14, 1]
role = "baseline"

[population.itt]
label = "Randomised"
where = { RANDFL = "Y" }
flag = "ITTFL"

[population.safety]
label = "Treated"
where = { TRTFL = "Y" }
flag = "SAFFL"

[variable.EFFFL]
kind = "any"
domain = "SUPPDM"
where = { QNAM = "EFFICACY", QVAL = "Y" }

[variable.COMP8FL]
kind = "any"
domain = "SUPPDM"
where = { QNAM = "COMPLT8", QVAL = "Y" }

[variable.COMP16FL]
kind = "any"
domain = "SUPPDM"
where = { QNAM = "COMPLT16", QVAL = "Y" }

[variable.COMP24FL]
kind = "any"
domain = "SUPPDM"
where = { QNAM = "COMPLT24", QVAL = "Y" }

[variable.DISCONFL]
kind = "flag"
where = { EOTSTT = "DISCONTINUED" }

[variable.DSRAEFL]
kind = "any"
domain = "DS"
where = { DSCAT = "DISPOSITION EVENT", DSDECOD = "ADVERSE EVENT" }

[variable.HEIGHTBL]
kind = "record"
domain = "VS"
where = { VSTESTCD = "HEIGHT", VISITNUM = 1 }
column = "VSSTRESN"

[variable.WEIGHTBL]
kind = "record"
domain = "VS"
where = { VSTESTCD = "WEIGHT", VISITNUM = 3 }
column = "VSSTRESN"

[variable.EDUCLVL]
kind = "record"
domain = "SC"
where = { SCTESTCD = "EDULEVEL" }
column = "SCSTRESN"

[variable.DISONSDT]
kind = "record"
domain = "MH"
where = { MHCAT = "PRIMARY DIAGNOSIS" }
column = "MHSTDTC"
"""


@dataclass(frozen=True)
class Reason:
    """Why a value may differ: `holds` must be true of the row (columns: given, OURS, SDTM's)."""

    column: str
    why: str
    holds: pl.Expr
    more: Callable[[Records], pl.DataFrame] = field(default=lambda _: pl.DataFrame())
    """Facts of the SDTM files that the condition needs, by USUBJID."""


def _arms(records: Records) -> pl.DataFrame:
    dose = records.domain("EX").group_by("USUBJID").agg(pl.col("EXDOSE").max().alias("TOP"))
    return (
        records.domain("DM").join(dose, on="USUBJID").select("USUBJID", "ACTARM", "TOP").collect()
    )


def _dispositions(records: Records) -> pl.DataFrame:
    events = records.domain("DS").filter(pl.col("DSCAT") == "DISPOSITION EVENT")
    return events.select("USUBJID", "DSDECOD", "DSSTDTC", "DSDTC").collect()


ADSL = {
    # column given: column derived
    **{
        name: name
        for name in (
            "STUDYID", "SUBJID", "SITEID", "ARM", "TRT01P", "TRT01A", "TRTSDT", "TRTEDT",
            "TRTDURD", "AGE", "AGEU", "RACE", "SEX", "ETHNIC", "SAFFL", "ITTFL", "EFFFL",
            "COMP8FL", "COMP16FL", "COMP24FL", "DISCONFL", "DSRAEFL", "DTHFL", "EOSSTT",
            "HEIGHTBL", "WEIGHTBL", "EDUCLVL", "DISONSDT",
        )
    },
    "DCDECOD": "DCDECOD",
    "RFENDT": "EOSDT",
}  # fmt: skip
ADSL_DIFFERS = (
    Reason(
        "TRT01A",
        "the given file repeats the planned treatment; DM has ACTARM low dose for those of the "
        "high-dose arm who never received more than 54 mg",
        (pl.col("TRT01A") == pl.col("TRT01P"))
        & (pl.col("OURS") == pl.col("ACTARM"))
        & (pl.col("TOP") == 54),
        _arms,
    ),
    Reason(
        "DCDECOD",
        "the given file has the older term for PROTOCOL DEVIATION",
        (pl.col("DCDECOD") == "PROTOCOL VIOLATION") & (pl.col("DSDECOD") == "PROTOCOL DEVIATION"),
        _dispositions,
    ),
    *(
        Reason(
            column,
            "the given file rounds to one decimal, halves up",
            (pl.col(column) * 10 - (pl.col("OURS") * 10 + 0.5 + 1e-9).floor()).abs() < 1e-9,
        )
        for column in ("HEIGHTBL", "WEIGHTBL")
    ),
    Reason(
        "RFENDT",
        "the given file has the day on which a death was recorded, not that of the death",
        (pl.col("RFENDT").dt.to_string("%Y-%m-%d") == pl.col("DSDTC"))
        & (pl.col("OURS").dt.to_string("%Y-%m-%d") == pl.col("DSSTDTC"))
        & (pl.col("DSDECOD") == "DEATH"),
        _dispositions,
    ),
)

ADAE = {
    name: name
    for name in (
        "STUDYID", "TRTSDT", "TRTEDT", "ASTDT", "ASTDTF", "ASTDY", "AENDT", "AENDY", "AETERM",
        "AEDECOD", "AEBODSYS", "AESEV", "AESER", "AEREL", "AEOUT", "AESDTH", "TRTEMFL",
    )
}  # fmt: skip
_YEAR_ONLY = pl.col("AESTDTC").str.len_chars() == 4
ADAE_DIFFERS = tuple(
    Reason(
        column,
        "of a start of which only the year is known the given file imputes nothing; all of them "
        "are years before the first dose",
        _YEAR_ONLY & pl.col(column).is_null() & (pl.col("TRTEMFL").fill_null("N") == "N"),
    )
    for column in ("ASTDT", "ASTDTF", "ASTDY")
)

SAYS_NO_BY_BLANK = ("DISCONFL", "DSRAEFL", "DTHFL", "TRTEMFL", "COMP8FL", "COMP16FL", "COMP24FL",
                    "EFFFL", "ITTFL", "SAFFL")  # fmt: skip
"""Flags that are `Y` or blank in the given files, `Y` or `N` in ours: blank is read as `N`."""


@cache
def folder() -> Path:
    return need_reference() / "cdisc_pilot"


@cache
def sdtm() -> Records:
    return read_folder(folder() / "sdtm")


@cache
def derived() -> dict[str, pl.DataFrame]:
    data = derive(parse(DECLARATION), sdtm(), arms=Arms.unblinded("a public, finished study"))
    adsl = data.frame("ADSL").with_columns(
        pl.coalesce("DCSREAS", "EOSSTT").alias("DCDECOD"), pl.col("DISONSDT").str.to_date()
    )
    return {"ADSL": adsl, "ADAE": data.frame("ADAE")}


@cache
def given(name: str) -> pl.DataFrame:
    return read_adam(folder() / "adam")[name]


def compared(
    name: str, columns: dict[str, str], reasons: tuple[Reason, ...], keys: list[str]
) -> dict[str, int]:
    """Numbers of values compared, equal, and explained; fails on one without a reason."""
    ours = derived()[name]
    both = given(name).join(ours, on=keys, how="inner", suffix="_OURS")
    count = {"compared": 0, "equal": 0, "explained": 0}
    unexplained = list[pl.DataFrame]()
    for column, name_of_ours in columns.items():
        mine = f"{name_of_ours}_OURS" if f"{name_of_ours}_OURS" in both.columns else name_of_ours
        rows = both.with_columns(OURS=pl.col(mine))
        theirs = pl.col(column).fill_null("N") if column in SAYS_NO_BY_BLANK else pl.col(column)
        differs = rows.filter(theirs.ne_missing(pl.col("OURS")))
        count["compared"] += rows.height
        count["equal"] += rows.height - differs.height
        for reason in reasons:
            if reason.column == column and differs.height:
                facts = reason.more(sdtm())
                told = differs.join(facts, on="USUBJID", how="left") if facts.width else differs
                holds = told.select(reason.holds.fill_null(False)).to_series()
                count["explained"] += int(holds.sum())
                differs = differs.filter(~holds)
        if differs.height:
            unexplained.append(differs.select(*keys, pl.lit(column).alias("column"),
                                              pl.col(column).cast(pl.String).alias("given"),
                                              pl.col("OURS").cast(pl.String)))  # fmt: skip
    assert unexplained == [], [rows.row(0) for rows in unexplained]
    assert count["compared"] == count["equal"] + count["explained"]
    return count


@pytest.mark.cdisc
def test_adsl_is_that_of_the_pilot(record_property: Callable[[str, object], None]):
    assert set(given("ADSL")["USUBJID"]) == set(
        derived()["ADSL"].filter(pl.col("RANDFL") == "Y")["USUBJID"]
    )
    count = compared("ADSL", ADSL, ADSL_DIFFERS, ["USUBJID"])
    record_property("values", str(count))
    print(f"ADSL: {count}")
    assert count["compared"] == given("ADSL").height * len(ADSL)


@pytest.mark.cdisc
def test_adae_is_that_of_the_pilot(record_property: Callable[[str, object], None]):
    keys = ["USUBJID", "AESEQ"]
    count = compared("ADAE", ADAE, ADAE_DIFFERS, keys)
    record_property("values", str(count))
    print(f"ADAE: {count}")
    assert derived()["ADAE"].join(given("ADAE"), on=keys, how="anti").is_empty()


@pytest.mark.cdisc
def test_adverse_events_that_only_the_given_file_has_repeat_another_one():
    """The SDTM files keep one record of a subject and term where ADAE has several."""
    only = given("ADAE").join(derived()["ADAE"], on=["USUBJID", "AESEQ"], how="anti")
    alone = only.join(derived()["ADAE"], on=["USUBJID", "AETERM"], how="anti")
    assert alone.is_empty()


@pytest.mark.cdisc
def test_everybody_who_was_screened_is_in_adsl():
    subjects = sdtm().domain("DM").select("USUBJID").collect().to_series()
    assert set(derived()["ADSL"]["USUBJID"]) == set(subjects)
