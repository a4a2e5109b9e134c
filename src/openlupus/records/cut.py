"""The records as they stood on a day: what came later is taken away, what was going on is open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

import polars as pl

from openlupus.records import dates as iso
from openlupus.records.model import Records

NO_ARM: Mapping[str, None] = MappingProxyType(
    dict.fromkeys(("ARMCD", "ARM", "ACTARMCD", "ACTARM", "ARMNRS"))
)
_AFTER = "after the data cut"
_OPEN = "ends after the data cut: kept, and open at the cut"


@dataclass
class _Count:
    rows: list[tuple[str, str, str, int, int]] = field(
        default_factory=list[tuple[str, str, str, int, int]]
    )

    def add(self, domain: str, reason: str, out: pl.DataFrame) -> None:
        if out.height:
            row = ("RECORDS", domain, reason, out.height, out["USUBJID"].n_unique())
            self.rows.append(row)


@dataclass(frozen=True)
class Cut:
    """Records at a data cut.

    `left_out` has the rows of the count of excluded records: data set (`RECORDS`), domain, reason,
    records, subjects; those of records that were kept but opened say so.
    """

    records: Records
    day: date
    left_out: tuple[tuple[str, str, str, int, int], ...]


def cut(records: Records, day: date) -> Cut:
    """Records of everything that began on or before a day.

    A partial date counts as the first day that it allows; a record without a date stays. An
    interval that ends later, or has no end, is open: a course of the trial's treatment then ends
    on the day of the cut, an adverse event is not resolved, a medicine is ongoing. Who consented
    later is not there; who was randomised later has no arm, who died later is alive.

    Args:
        records: DM and, where they exist, DS, EX and the others.
        day: The last day whose records are kept.
    """
    count, held = _Count(), pl.lit(day)
    frames = {name: frame.collect() for name, frame in records.domains.items()}
    ds = frames.get("DS", pl.DataFrame(schema={"USUBJID": pl.String}))
    later = _later(ds, "DSSTDTC", held)
    randomised_later = _who(ds.filter(later & _says(ds, "RANDOMIZED")))
    ended = _who(ds.filter(~later & _treatment_ended(ds)))
    dm = frames["DM"]
    kept = dm.filter(~_later(dm, "RFICDTC", held))
    count.add("DM", f"consent is {_AFTER}", dm.filter(_later(dm, "RFICDTC", held)))
    died = _who(dm.filter(_later(dm, "DTHDTC", held)))
    frames["DM"] = _people(kept, randomised_later, held)
    subjects = kept["USUBJID"].implode()
    for name, frame in frames.items():
        if name == "DM" or "USUBJID" not in frame.columns:
            continue
        mine = frame.filter(pl.col("USUBJID").is_in(subjects))
        count.add(name, f"consent of the subject is {_AFTER}", frame.join(mine, "USUBJID", "anti"))
        start = next((c for c in (f"{name}STDTC", f"{name}DTC") if c in frame.columns), "")
        if start:
            after = _later(mine, start, held)
            count.add(name, _AFTER, mine.filter(after))
            mine = mine.filter(~after)
        if name == "SUPPDM":
            mine = mine.filter(~pl.col("USUBJID").is_in(randomised_later.implode()))
        frames[name] = _opened(name, mine, held, ended, died, count)
    lazy = {name: frame.lazy() for name, frame in frames.items()}
    return Cut(Records(lazy, records.origin), day, tuple(count.rows))


def _later(frame: pl.DataFrame, column: str, day: pl.Expr) -> pl.Expr:
    """Whether a date is after the day, whatever its missing parts."""
    if column not in frame.columns:
        return pl.lit(False)
    return (iso.parse(pl.col(column), impute="first") > day).fill_null(False)


def _says(ds: pl.DataFrame, term: str) -> pl.Expr:
    known = "DSDECOD" in ds.columns
    return (pl.col("DSDECOD").str.to_uppercase() == term) if known else pl.lit(False)


def _treatment_ended(ds: pl.DataFrame) -> pl.Expr:
    if "DSCAT" not in ds.columns:
        return pl.lit(False)
    epoch = pl.col("EPOCH").fill_null("") if "EPOCH" in ds.columns else pl.lit("")
    event = pl.col("DSCAT").str.to_uppercase() == "DISPOSITION EVENT"
    return (event & (epoch.str.to_uppercase() != "SCREENING")).fill_null(False)


def _who(rows: pl.DataFrame) -> pl.Series:
    return rows["USUBJID"].unique()


def _people(dm: pl.DataFrame, randomised_later: pl.Series, day: pl.Expr) -> pl.DataFrame:
    later = pl.col("USUBJID").is_in(randomised_later.implode())
    dm = dm.with_columns(
        pl.when(later).then(None).otherwise(pl.col(c)).alias(c) for c in NO_ARM if c in dm.columns
    )
    if "DTHFL" in dm.columns:
        alive = _later(dm, "DTHDTC", day)
        dm = dm.with_columns(DTHFL=pl.when(alive).then(None).otherwise("DTHFL"))
    dates = ("DTHDTC", "RFSTDTC", "RFENDTC", "RFXSTDTC", "RFXENDTC", "RFPENDTC")
    return dm.with_columns(
        pl.when(_later(dm, c, day)).then(None).otherwise(pl.col(c)).alias(c)
        for c in dates
        if c in dm.columns
    )


def _opened(
    name: str,
    rows: pl.DataFrame,
    day: pl.Expr,
    ended: pl.Series,
    died: pl.Series,
    count: _Count,
) -> pl.DataFrame:
    """Rows whose end came later, with no end yet; an event ends with the death that it caused."""
    end = f"{name}ENDTC"
    if end not in rows.columns:
        return rows
    # The last day that a partial end allows: it may still be going on.
    last = iso.parse(pl.col(end), impute="last")
    beyond = (last > day).fill_null(False)
    if name == "AE":
        fatal = (_of(rows, "AESDTH") == "Y") | (_of(rows, "AEOUT") == "FATAL")
        beyond = beyond | (fatal.fill_null(False) & pl.col("USUBJID").is_in(died.implode()))
    count.add(name, _OPEN, rows.filter(beyond))
    treated = ~pl.col("USUBJID").is_in(ended.implode())
    changes: dict[str, pl.Expr] = {end: pl.when(beyond).then(None).otherwise(end)}
    match name:
        case "EX":
            until = day.cast(pl.String)
            going = beyond | (pl.col(end).is_null() & treated)
            changes[end] = pl.when(going).then(until).otherwise(end)
        case "CM":
            changes["CMENRF"] = (
                pl.when(beyond).then(pl.lit("ONGOING")).otherwise(_of(rows, "CMENRF"))
            )
        case "AE":
            unknown, open_ = pl.lit("UNKNOWN"), pl.lit("NOT RECOVERED/NOT RESOLVED")
            withdrawn = (_of(rows, "AEACN") == "DRUG WITHDRAWN") & treated
            changes["AEOUT"] = pl.when(beyond).then(open_).otherwise(_of(rows, "AEOUT"))
            alive = pl.when(beyond & (_of(rows, "AESDTH") == "Y")).then(pl.lit("N"))
            changes["AESDTH"] = alive.otherwise(_of(rows, "AESDTH"))
            # Treatment went on at the cut, so that it was not yet withdrawn for the event.
            changes["AEACN"] = pl.when(withdrawn).then(unknown).otherwise(_of(rows, "AEACN"))
        case _:
            pass
    return rows.with_columns(**changes)


def _of(rows: pl.DataFrame, column: str) -> pl.Expr:
    return pl.col(column) if column in rows.columns else pl.lit(None, pl.String)
