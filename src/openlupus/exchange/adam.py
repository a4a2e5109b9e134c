"""Types of analysis data (ADaM) that came as text, or with SAS dates as bare numbers.

Source: CDISC ADaM Implementation Guide 1.3, section 3.1 (naming conventions).
"""

import re
from collections.abc import Sequence
from datetime import date

import polars as pl

SAS_EPOCH = date(1960, 1, 1)

_TEXT_NAME = re.compile(
    r"(STUDYID|DOMAIN|USUBJID|\w*ID|\w*FL|\w*CD|\w*GR\d*|AVALC|BASEC|\w*C|\w*TERM|ARM|ACTARM|\w*DTC"
    r"|TRT\d*[PA]|TRTSEQ[PA]|PARAM|PARCAT\d|AVISIT|VISIT|\w*IND)"
)
"""Names of text, also when every value looks like a number (site 701, grade 3)."""

_NUMBER_NAME = re.compile(r"AVAL|BASE|P?CHG|\w*(LO|HI)|\w*(DY|SEQ)|AGE|CNSR")
"""Names of numbers, where there is no value to tell."""

_DATE_NAME = re.compile(r"[A-Z0-9]*DT")
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}$"


def typed_by_name(frame: pl.DataFrame) -> pl.DataFrame:
    """Text turned to numbers and dates, where the name allows it and every value is one."""
    return frame.with_columns([_typed(frame[name], frame.columns) for name in frame.columns])


def _typed(text: pl.Series, names: Sequence[str]) -> pl.Series:
    name = text.name
    if _TEXT_NAME.fullmatch(name):
        return text
    if text.null_count() == len(text):
        # TRTPN is the number of TRTP; AEACN, without an AEAC beside it, is none.
        twin = name.endswith("N") and name[:-1] in names
        return text.cast(pl.Float64) if twin or _NUMBER_NAME.fullmatch(name) else text
    if _DATE_NAME.fullmatch(text.name) and text.str.contains(_ISO_DATE).all():
        return text.str.to_date("%Y-%m-%d")
    number = text.cast(pl.Float64, strict=False)
    return number if number.null_count() == text.null_count() else text


def with_dates(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers in columns named as dates (`ADT`, `TRTSDT`) turned from SAS days to dates."""
    named = [n for n in frame.columns if _DATE_NAME.fullmatch(n) and frame[n].dtype.is_numeric()]
    return frame.with_columns(
        (pl.lit(SAS_EPOCH) + pl.duration(days=pl.col(name).cast(pl.Int64))).alias(name)
        for name in named
    )
