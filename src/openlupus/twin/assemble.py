"""Records of the chosen: bundles of several candidates put together, numbered as one trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from openlupus.protocol import Protocol
from openlupus.protocol.conditions import expression
from openlupus.protocol.model import FromDate
from openlupus.twin.pool import SUBJECT
from openlupus.twin.targets import PLACE

_VISIT = ("VISITNUM", "VISIT")
_SHOWN = 10
"""Length of a whole date as it is written."""


@dataclass(frozen=True)
class Composed:
    """Who each patient of the twin is made of.

    Attributes:
        base: USUBJID in the pool of the records that set the course.
        place, history, genes, events: USUBJID of those whose site and origin, medical history,
            expression, and adverse events are taken.
    """

    base: Sequence[str]
    place: Sequence[str]
    history: Sequence[str]
    genes: Sequence[str]
    events: Sequence[str]


def assemble(
    protocol: Protocol,
    frames: Mapping[str, pl.DataFrame],
    composed: Composed,
    failures: Sequence[str],
    seen: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    """Records of a trial by domain, its subjects numbered in the order of consent.

    Dates of adverse events move with the first dose; expression is that of the same visit, at the
    date of the patient's own.

    Args:
        frames: Records of the pool.
        failures: USUBJID of the screening failures.
        seen: Day of the first value that an event is named after (`compose.first_values`): such
            an event begins on it.
    """
    kept = pl.DataFrame({SUBJECT: [*composed.base, *failures]})
    own = {name: frame.join(kept, on=SUBJECT, how="semi") for name, frame in frames.items()}
    dm = frames["DM"]
    own["DM"] = _placed(own["DM"], dm, _pairs(composed.base, composed.place))
    if "MH" in own:
        pairs = _pairs(composed.base, composed.history)
        own["MH"] = _remembered(protocol, own["MH"], frames["MH"], dm, pairs)
        if "CM" in own:
            own["CM"] = _since_diagnosis(protocol, own["CM"], own["MH"], pairs)
    if "GF" in own:
        own["GF"] = _expressed(own["GF"], frames["GF"], _pairs(composed.base, composed.genes))
    if "AE" in own:
        pairs = _pairs(composed.base, composed.events)
        own["AE"] = _moved(own["AE"], frames["AE"], dm, pairs, seen)
        own["EX"] = _paused(own["EX"], frames["EX"], dm, pairs)
    return _numbered(protocol, own)


def _pairs(base: Sequence[str], donor: Sequence[str]) -> pl.DataFrame:
    """Patients who take something of somebody else: `USUBJID`, `donor`."""
    return pl.DataFrame(
        {SUBJECT: list(base), "donor": list(donor)}, schema={SUBJECT: pl.String, "donor": pl.String}
    ).filter(pl.col(SUBJECT) != pl.col("donor"))


def _given(pool: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Rows of the donors, as those of who takes them."""
    given = pool.rename({SUBJECT: "donor"}).join(pairs, on="donor", how="inner")
    return given.select(pool.columns)


def _instead(own: pl.DataFrame, pairs: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([own.join(pairs, on=SUBJECT, how="anti"), given.select(own.columns)])


def _placed(own: pl.DataFrame, pool: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    columns = [column for column in PLACE if column in own.columns]
    given = _given(pool, pairs).select(SUBJECT, *columns)
    kept = own.join(given, on=SUBJECT, how="semi").drop(columns).join(given, on=SUBJECT)
    return pl.concat([own.join(given, on=SUBJECT, how="anti"), kept.select(own.columns)])


def _remembered(
    protocol: Protocol, own: pl.DataFrame, pool: pl.DataFrame, dm: pl.DataFrame, pairs: pl.DataFrame
) -> pl.DataFrame:
    """Histories of the donors, as long before the first dose.

    A partial date stays one, unless the declaration counts time from it: then it is the day that
    it counted from.
    """
    given = _given(pool, pairs).join(_shifts(dm, pairs), on=SUBJECT)
    date = pl.col("MHSTDTC")
    first = date + pl.lit("-01-01").str.slice(date.str.len_chars().cast(pl.Int64) - 4)
    moved = first.str.to_date("%Y-%m-%d", strict=False) + pl.duration(days=pl.col("shift"))
    whole = moved.dt.to_string("%Y-%m-%d")
    counted = _dates_counted(protocol, given.schema)
    written = pl.when(counted).then(whole).otherwise(whole.str.slice(0, date.str.len_chars()))
    return _instead(own, pairs, given.with_columns(MHSTDTC=written))


def _dates_counted(protocol: Protocol, schema: pl.Schema) -> pl.Expr:
    """Whether the declaration counts time from the date of a row of medical history."""
    rows = (
        expression(variable.where, schema)
        for variable in protocol.variables.values()
        if isinstance(variable, FromDate) and variable.domain == "MH"
    )
    return pl.any_horizontal(pl.lit(value=False), *rows)


def _since_diagnosis(
    protocol: Protocol, own: pl.DataFrame, history: pl.DataFrame, pairs: pl.DataFrame
) -> pl.DataFrame:
    """Medicines of who took another history: none was begun before the diagnosis."""
    counted = history.filter(_dates_counted(protocol, history.schema))
    diagnosis = counted.join(pairs, on=SUBJECT, how="semi").group_by(SUBJECT).agg(
        pl.col("MHSTDTC").min().alias("since")
    )  # fmt: skip
    start = pl.col("CMSTDTC")
    cut = pl.col("since").str.slice(0, start.str.len_chars())
    return own.join(diagnosis, on=SUBJECT, how="left", maintain_order="left").with_columns(
        CMSTDTC=pl.when(start < cut).then(cut).otherwise(start)
    ).select(own.columns)  # fmt: skip


def _expressed(own: pl.DataFrame, pool: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    at = own.select(SUBJECT, *_VISIT, "GFDTC").unique()
    given = _given(pool, pairs).drop("GFDTC", "VISIT").join(at, on=[SUBJECT, "VISITNUM"])
    return _instead(own, pairs, given)


def _shifts(dm: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """`USUBJID`, days from the donor's first dose to the patient's, and the patient's last dose."""
    first = dm.select(SUBJECT, "RFXSTDTC", "RFXENDTC")
    both = pairs.join(first, on=SUBJECT).join(
        first.rename({SUBJECT: "donor"}), on="donor", suffix="_donor"
    )
    days = (_day("RFXSTDTC") - _day("RFXSTDTC_donor")).dt.total_days()
    return both.select(SUBJECT, shift=days, last=_day("RFXENDTC"))


def _day(column: str) -> pl.Expr:
    return pl.col(column).str.to_date("%Y-%m-%d", strict=False)


def _shifted(column: str, *, until: bool = False) -> pl.Expr:
    """A whole date moved; partial ones stay."""
    moved = _day(column) + pl.duration(days=pl.col("shift"))
    if until:
        moved = pl.min_horizontal(moved, pl.col("last"))
    whole = pl.col(column).str.len_chars() == _SHOWN
    return (
        pl.when(whole).then(moved.dt.to_string("%Y-%m-%d")).otherwise(pl.col(column)).alias(column)
    )


def _moved(
    own: pl.DataFrame, pool: pl.DataFrame, dm: pl.DataFrame, pairs: pl.DataFrame, seen: pl.DataFrame
) -> pl.DataFrame:
    """Adverse events of the donors; none begins after the patient's own last dose."""
    given = _given(pool, pairs).join(_shifts(dm, pairs), on=SUBJECT)
    given = given.with_columns(_shifted("AESTDTC", until=True), _shifted("AEENDTC"))
    given = given.join(seen, on=[SUBJECT, "AEDECOD"], how="left", maintain_order="left")
    lasted = _day("AEENDTC") - _day("AESTDTC")
    end = (_day("on") + lasted).dt.to_string("%Y-%m-%d")
    given = given.with_columns(
        AESTDTC=pl.coalesce("on", "AESTDTC"),
        AEENDTC=pl.when(pl.col("on").is_null()).then("AEENDTC").otherwise(end),
    )
    return _instead(own, pairs, given)


def _paused(
    own: pl.DataFrame, pool: pl.DataFrame, dm: pl.DataFrame, pairs: pl.DataFrame
) -> pl.DataFrame:
    """Courses of treatment with the donors' pauses; the last ends with the patient's last dose."""
    given = _given(pool, pairs).join(_shifts(dm, pairs), on=SUBJECT)
    given = given.with_columns(_shifted("EXSTDTC"), _shifted("EXENDTC", until=True))
    given = given.filter(_day("EXSTDTC") <= pl.col("last")).sort(SUBJECT, "EXSTDTC")
    is_last = pl.int_range(pl.len()).over(SUBJECT) == pl.len().over(SUBJECT) - 1
    end = pl.when(is_last).then(pl.col("last").dt.to_string("%Y-%m-%d")).otherwise("EXENDTC")
    return _instead(own, pairs, given.with_columns(EXENDTC=end))


def _numbered(protocol: Protocol, frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Subjects numbered by consent, records by what they were; nothing tells the pool's numbers."""
    order = frames["DM"].sort("RFICDTC", SUBJECT)[SUBJECT]
    names = {s: f"{protocol.study.id}-{i + 1:07d}" for i, s in enumerate(order)}
    numbered: dict[str, pl.DataFrame] = {}
    for domain, frame in frames.items():
        renamed = pl.col(SUBJECT).replace_strict(names, return_dtype=pl.String)
        made = frame.with_columns(renamed)
        if "SUBJID" in frame.columns:
            made = made.with_columns(SUBJID=pl.col(SUBJECT).str.split("-").list.last())
        by = [c for c in (SUBJECT, "AESTDTC", "EXSTDTC") if c in frame.columns]
        made = made.sort(by, maintain_order=True, nulls_last=True)
        sequence = f"{domain}SEQ"
        if sequence in frame.columns:
            count = pl.int_range(1, pl.len() + 1).over(SUBJECT).cast(frame.schema[sequence])
            made = made.with_columns(count.alias(sequence))
        numbered[domain] = made
    return numbered
