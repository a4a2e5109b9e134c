"""ADICE: intercurrent events, when they happened, and the record that each rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from openlupus.derivation import medication
from openlupus.derivation.adsl import last_disposition
from openlupus.derivation.source import matching
from openlupus.derivation.tally import Tally
from openlupus.errors import DerivationError
from openlupus.instruments import glucocorticoids as gc
from openlupus.protocol import Protocol
from openlupus.protocol.model import Discontinuation, Medication, RecordEvent
from openlupus.records import Records
from openlupus.records import dates as iso

_PER_DAY = {frequency: float(doses) for frequency, doses in gc.PER_DAY.items()}

SCHEMA: Mapping[str, Any] = {
    "USUBJID": pl.String, "ICECAT": pl.String, "ICETERM": pl.String, "ICEDESC": pl.String,
    "ASTDT": pl.Date, "SRCDOM": pl.String, "SRCSEQ": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """Intercurrent events, with the columns of ADICE.

    `possible`: those of which the records do not tell whether they came, and whose declaration
    lets that be unknown.
    """

    certain: pl.DataFrame
    possible: pl.DataFrame


def events(
    protocol: Protocol,
    records: Records,
    reference: pl.DataFrame,
    taken: pl.DataFrame,
    tally: Tally,
) -> Found:
    """Every intercurrent event of the declaration, sorted by subject and date, numbered ICESEQ.

    Raises:
        DerivationError: an event needs a domain or a column that the records do not have.
    """
    parts = [pl.DataFrame(schema=SCHEMA)]
    doubts = [pl.DataFrame(schema=SCHEMA)]
    for name, event in protocol.intercurrent.items():
        match event:
            case Discontinuation():
                found = _discontinued(event, records, reference, tally)
            case Medication():
                if not records.has("CM"):
                    raise DerivationError(
                        f'intercurrent event "{name}" needs domain CM, which the records do not '
                        "have; give it, be it without rows"
                    )
                baseline = protocol.scoring.glucocorticoid_baseline
                found, doubtful = _medicated(event, taken, reference, tally, baseline)
                if event.unreadable == "event":
                    found = pl.concat([found, doubtful])
                elif event.unreadable == "unknown":
                    doubts.append(_labelled(doubtful, name, event.label))
            case RecordEvent():
                found = _recorded(name, event, records, reference, tally)
        parts.append(_labelled(found, name, event.label))
    return Found(_numbered(parts, reference), _numbered(doubts, reference))


def _labelled(found: pl.DataFrame, name: str, label: str) -> pl.DataFrame:
    labelled = found.with_columns(ICECAT=pl.lit(name), ICETERM=pl.lit(label))
    return labelled.select(pl.col(c).cast(t) for c, t in SCHEMA.items())


def _numbered(parts: Sequence[pl.DataFrame], reference: pl.DataFrame) -> pl.DataFrame:
    frame = pl.concat(parts).join(reference, on="USUBJID", how="inner")
    return (
        frame.sort("USUBJID", "ASTDT", "ICECAT", "SRCSEQ", maintain_order=True)
        .with_columns(
            ASTDY=iso.study_day(pl.col("ASTDT"), pl.col("REFDT")),
            ICESEQ=pl.int_range(1, pl.len() + 1).over("USUBJID"),
        )
        .drop("REFDT")
    )


def _discontinued(
    event: Discontinuation, records: Records, reference: pl.DataFrame, tally: Tally
) -> pl.DataFrame:
    ended = last_disposition(records.domain("DS").collect(), event.epoch)
    stopped = ended.filter(pl.col("ENDED") != "COMPLETED").join(reference, on="USUBJID")
    dated = tally.keep(
        stopped, pl.col("ENDDT").is_not_null(), "date of discontinuation is missing",
        dataset="ADICE", domain="DS",
    )  # fmt: skip
    return dated.select(
        "USUBJID",
        pl.col("ENDED").alias("ICEDESC"),
        pl.col("ENDDT").alias("ASTDT"),
        pl.lit("DS").alias("SRCDOM"),
        pl.col("DSSEQ").alias("SRCSEQ"),
    )


def _medicated(
    event: Medication,
    taken: pl.DataFrame,
    reference: pl.DataFrame,
    tally: Tally,
    baseline: tuple[int, int],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events, and the records of which it cannot be told whether they are one."""
    mine = taken.filter(pl.col("CMCLAS").is_in(event.classes))
    if event.total_dose == "prednisone":
        rows, doubtful = _raised_total(event, mine, reference, baseline)
    else:
        rows, doubtful = _changed(event, mine)
    tally.count(doubtful, "dose cannot be compared with baseline", dataset="ADICE", domain="CM")
    return _as_events(rows), _as_events(doubtful)


def _as_events(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "USUBJID",
        pl.col("DRUG").str.to_uppercase().alias("ICEDESC"),
        "ASTDT",
        pl.lit("CM").alias("SRCDOM"),
        pl.col("CMSEQ").alias("SRCSEQ"),
    )


def _raised_total(
    event: Medication, mine: pl.DataFrame, reference: pl.DataFrame, baseline: tuple[int, int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records under which the oral total exceeds baseline, and parenteral ones; and doubtful ones.

    The total is looked at on the first of `from_day` and the record's start, and on each later
    start: it rises nowhere else. A parenteral record that starts by then counts whatever its dose.
    Where baseline or the total is not known no rise is seen, and a record that starts on
    `from_day` or later is doubtful.
    """
    start, columns = event.from_day - 1, ["USUBJID", "DRUG", "ASTDT", "CMSEQ"]
    # What cannot be converted was counted when the daily dose was derived.
    courses = medication.glucocorticoid_courses(mine, event.classes, Tally())
    first, last = baseline
    base = reference.select("USUBJID", FIRST=pl.lit(first), LAST=pl.lit(last))
    base = base.with_columns(medication.average(courses, base).alias("BASE"))
    lasts = pl.col("TO").is_null() | (pl.col("TO") >= start)
    day = pl.max_horizontal("FROM", pl.lit(start))
    after = courses.filter(lasts).with_columns(FIRST=day, LAST=day)
    after = after.with_columns(
        medication.average(courses, after).alias("NOW"),
        ASTDT=pl.col("ASTDT") + pl.duration(days=pl.col("FIRST") - pl.col("FROM")),
    )
    after = after.join(base.select("USUBJID", "BASE"), on="USUBJID", how="left")
    raised = after.filter(_exceeds(pl.col("NOW"), pl.col("BASE"), event.tolerance))
    injected = pl.col("ROUTE").is_in(gc.PARENTERAL) & (pl.col("FROM") >= start)
    both = pl.concat([raised.select(columns), mine.filter(injected).select(columns)])
    events = both.unique(["USUBJID", "CMSEQ"], keep="last", maintain_order=True)
    open_ = (pl.col("NOW").is_null() | pl.col("BASE").is_null()) & (pl.col("FROM") >= start)
    doubtful = after.filter(open_).select(columns)
    return events, doubtful.join(events, on=["USUBJID", "CMSEQ"], how="anti")


def _changed(event: Medication, mine: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records that start a drug not taken on the day of the first dose, or raise its daily dose.

    And those of which that cannot be told, for a dose is not known or in another unit. The dose of
    a drug is the sum of its records that hold on a day.
    """
    often = pl.col("CMDOSFRQ").str.to_uppercase()
    mine = mine.with_columns(
        DAILY=pl.col("DOSE")
        * often.replace_strict(medication.PER_DAY, default=None, return_dtype=pl.Float64),
        UNIT=pl.col("UNIT").fill_null(""),
    )
    drugs = mine.select("USUBJID", "DRUG").unique().with_columns(DAY=pl.lit(0, pl.Int64))
    base = _on_day(mine, drugs).rename({"TOTAL": "BASE", "UNITS": "BASE_UNITS"}).drop("DAY")
    later = mine.filter(pl.col("FROM") >= event.from_day - 1).with_columns(DAY="FROM")
    now = _on_day(mine, later.select("USUBJID", "DRUG", "DAY").unique())
    later = later.join(base, on=["USUBJID", "DRUG"], how="left")
    later = later.join(now, on=["USUBJID", "DRUG", "DAY"], how="left")
    started = pl.col("BASE_UNITS").is_null()
    if event.change == "start":
        return later.filter(started), later.clear()
    comparable = (pl.col("UNITS") == pl.col("BASE_UNITS")) & (
        pl.col("TOTAL").is_not_null() & pl.col("BASE").is_not_null()
    )
    told = later.filter((started | comparable).fill_null(False))
    raised = ~started & _exceeds(pl.col("TOTAL"), pl.col("BASE"), event.tolerance)
    events = told.filter(raised if event.change == "increase" else started | raised)
    return events, later.filter(~(started | comparable).fill_null(False))


def _on_day(rows: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Daily dose of a drug on a day, with the units in which it is given.

    Args:
        rows: Records with USUBJID, DRUG, FROM, TO, DAILY, UNIT.
        days: USUBJID, DRUG, DAY, each once.

    Returns:
        The days on which the drug is taken, with TOTAL (null where a dose is not known) and UNITS.
    """
    key = ["USUBJID", "DRUG", "DAY"]
    pairs = days.join(rows, on=["USUBJID", "DRUG"]).filter(
        (pl.col("FROM") <= pl.col("DAY"))
        & (pl.col("TO").is_null() | (pl.col("TO") >= pl.col("DAY")))
    )
    # Where one record ends on the day on which the next begins, the new dose holds.
    renewed = (pl.col("FROM") == pl.col("DAY")).any().over(key)
    handed_over = renewed & (pl.col("TO") == pl.col("DAY")) & (pl.col("FROM") < pl.col("DAY"))
    known = pl.col("DAILY").is_not_null().all()
    return (
        pairs.filter(~handed_over.fill_null(False))
        .group_by(key)
        .agg(
            pl.when(known).then(pl.col("DAILY").sum()).alias("TOTAL"),
            pl.col("UNIT").unique().sort().str.join("|").alias("UNITS"),
        )
    )


def _exceeds(now: pl.Expr, base: pl.Expr, tolerance: float) -> pl.Expr:
    """In whole nanograms: a dose that equals the baseline must not seem to exceed it."""
    return ((now - base) * 1e6).round() > round(tolerance * 1e6)


def _recorded(
    name: str, event: RecordEvent, records: Records, reference: pl.DataFrame, tally: Tally
) -> pl.DataFrame:
    place = {"dataset": "ADICE", "domain": event.domain}
    asked = f'intercurrent event "{name}"'
    rows = matching(records, event.domain, event.where, (event.date,), asked)
    rows = rows.with_columns(ASTDT=iso.parse(pl.col(event.date), impute="first"))
    rows = rows.join(reference, on="USUBJID", how="left")
    rows = tally.keep(rows, pl.col("REFDT").is_not_null(), "subject was not randomized", **place)
    rows = tally.keep(rows, pl.col("ASTDT").is_not_null(), "date is missing", **place)
    after = pl.col("ASTDT") >= pl.col("REFDT")
    rows = tally.keep(rows, after, "event is before the first dose", **place)
    sequence = f"{event.domain}SEQ"
    source = pl.col(sequence) if sequence in rows.columns else pl.lit(None, pl.Float64)
    return rows.select(
        "USUBJID",
        pl.lit(event.label).alias("ICEDESC"),
        "ASTDT",
        pl.lit(event.domain).alias("SRCDOM"),
        source.alias("SRCSEQ"),
    )
