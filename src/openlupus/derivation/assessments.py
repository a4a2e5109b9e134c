"""Item rows gathered into assessments: one row a subject, date and visit, one column an item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.derivation.tally import Tally
from openlupus.instruments.scale import Scale, outside
from openlupus.records import Records
from openlupus.records import dates as iso

YES, NO = 1.0, 0.0

_ONE_ASSESSMENT = ("USUBJID", "ADT", "VISITNUM")


@dataclass(frozen=True)
class Assessments:
    """Assessments of one instrument.

    `index` has USUBJID, ADT, VISITNUM, REFDT and the number of the subject (`subject`), sorted by
    subject and date; `items` has shape (assessments, codes), nan where an item has no value.
    """

    index: pl.DataFrame
    items: NDArray[np.float64]
    codes: Sequence[str]

    def column(self, code: str) -> NDArray[np.float64]:
        """The values of one item."""
        return self.items[:, self.codes.index(code)]

    def columns(self, codes: Sequence[str]) -> NDArray[np.float64]:
        """The values of several items, in this order."""
        return self.items[:, [self.codes.index(code) for code in codes]]


def item_rows(records: Records, domain: str) -> pl.DataFrame:
    """Item rows of a findings domain: USUBJID, CATEGORY, CODE, SEQ, NUMBER, TEXT, VISITNUM, ADT.

    In MK the code is the test and the joint (`SWOLLEN L_knee`).
    """
    code = pl.col(f"{domain}TESTCD")
    located = code + " " + pl.col("MKLOC") if domain == "MK" else code
    rows = records.domain(domain).select(
        "USUBJID",
        pl.col(f"{domain}CAT").alias("CATEGORY"),
        located.alias("CODE"),
        pl.col(f"{domain}SEQ").alias("SEQ"),
        pl.col(f"{domain}STRESN").alias("NUMBER"),
        pl.col(f"{domain}STRESC").alias("TEXT"),
        "VISITNUM",
        iso.parse(pl.col(f"{domain}DTC"), impute="none").alias("ADT"),
    )
    return rows.collect()


def gather(
    rows: pl.DataFrame,
    reference: pl.DataFrame,
    tally: Tally,
    *,
    items: Mapping[str, Scale],
    dataset: str,
    domain: str,
) -> Assessments:
    """The assessments of one instrument.

    Args:
        rows: Its rows, as `item_rows` gives them.
        reference: USUBJID and REFDT (day 1) of the subjects that may have analysis data.
        tally: Receives what is left out: subjects without a day 1, rows without a whole date,
            codes that the instrument does not have, values outside the scale of their item, and
            repeats of an item within an assessment, of which the last in sequence stands.
        items: Item code to scale, in the order of the columns of the result.
        dataset: For which analysis data set (in the tally).
        domain: From which domain (in the tally).
    """
    place: dict[str, str] = {"dataset": dataset, "domain": domain}
    column = {code: i for i, code in enumerate(items)}
    rows = rows.join(reference, on="USUBJID", how="left").with_columns(
        COL=pl.col("CODE").replace_strict(column, default=None, return_dtype=pl.Int32)
    )
    rows = tally.keep(rows, pl.col("REFDT").is_not_null(), "subject was not randomized", **place)
    rows = tally.keep(rows, pl.col("ADT").is_not_null(), "date is missing or partial", **place)
    rows = tally.keep(rows, pl.col("COL").is_not_null(), "item is not of this instrument", **place)
    rows = rows.sort(*_ONE_ASSESSMENT, "COL", "SEQ", maintain_order=True)
    last = _changes(rows, (*_ONE_ASSESSMENT, "COL"), step=-1)
    rows = tally.keep(rows, last, "superseded by a later record of the same item", **place)
    gathered, wrong = _matrix(rows, items)
    tally.count(wrong, "value is not on the scale of its item", **place)
    return gathered


def _changes(rows: pl.DataFrame, keys: Sequence[str], *, step: int) -> pl.Expr:
    """Where sorted rows differ in a key from the row before (`step` 1) or after (-1) them."""
    differs = pl.any_horizontal([pl.col(k).ne_missing(pl.col(k).shift(step)) for k in keys])
    edge = 0 if step > 0 else rows.height - 1
    return differs | (pl.int_range(pl.len()) == edge)


def _matrix(rows: pl.DataFrame, scales: Mapping[str, Scale]) -> tuple[Assessments, pl.DataFrame]:
    """The assessments, and the rows whose value no item of its kind can have (taken as missing)."""
    begins = rows.select(_changes(rows, _ONE_ASSESSMENT, step=1)).to_series()
    index = rows.filter(begins).select(*_ONE_ASSESSMENT, "REFDT")
    row, column = np.cumsum(begins.to_numpy()) - 1, rows["COL"].to_numpy()
    answer: Mapping[str, float] = {"Y": YES, "N": NO}
    told = pl.col("TEXT").replace_strict(answer, default=None, return_dtype=pl.Float64)
    value = rows.select(pl.coalesce("NUMBER", told)).to_series()
    items = np.full((index.height, len(scales)), np.nan)
    items[row, column] = value.fill_null(np.nan).to_numpy()
    bad = outside(items.T, list(scales.values())).T
    items[bad] = np.nan
    # Text that is no answer of the item leaves no number either.
    unread = value.is_null() & rows["TEXT"].is_not_null()
    subject = index.select(pl.col("USUBJID").rle_id().alias("subject"))
    wrong = rows.filter(pl.Series(bad[row, column], dtype=pl.Boolean) | unread)
    return Assessments(index.hstack(subject), items, list(scales)), wrong
