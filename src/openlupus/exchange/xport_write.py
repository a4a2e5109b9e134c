"""SAS transport files, version 5, written: what the format cannot hold is refused, not bent."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from openlupus.errors import FileFormatError
from openlupus.exchange.content import fault
from openlupus.exchange.xport import RECORD

LONGEST_TEXT = 200
LONGEST_LABEL = 40
LARGEST, SMALLEST = 7.2e75, 5.4e-79
"""Bounds of the magnitude of an IBM floating-point number."""

_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")
_FORMATS = {pl.Date: "DATE9", pl.Datetime: "DATETIME20"}
# Where the headers hold times: made and changed, of the library and of its one data set.
_TIMES = (RECORD + 64, 2 * RECORD, 5 * RECORD + 64, 6 * RECORD)


def write_xport(
    frame: pl.DataFrame,
    path: Path,
    *,
    name: str,
    label: str,
    labels: Mapping[str, str],
    created: datetime,
) -> None:
    """Write one data set as a transport file; missing text is blank, dates have SAS formats.

    Raises:
        FileFormatError: names, texts or values that version 5 cannot hold; all are named.
    """
    import pyreadstat  # takes 0.6 s, and only transport files need it

    if faults := list(_faults(frame, name)):
        do = "shorten or leave them out, or write Parquet or Dataset-JSON, which hold them"
        where = f"{len(faults)} faults" if len(faults) > 1 else "1 fault"
        raise FileFormatError(fault(name, where=where, why="; ".join(faults), do=do))
    whole = [pl.col(n).cast(pl.Float64) for n, t in frame.schema.items() if t.is_integer()]
    data: Any = frame.with_columns(whole)
    pyreadstat.write_xport(
        data,
        path,
        file_label=label,
        column_labels=[labels.get(column, column)[:LONGEST_LABEL] for column in frame.columns],
        table_name=name,
        file_format_version=5,
        variable_format={
            column: text
            for column, dtype in frame.schema.items()
            for type_, text in _FORMATS.items()
            if dtype == type_
        },
    )
    _set_times(path, created)


def _set_times(path: Path, created: datetime) -> None:
    """Put the given time where the writer put the clock's: the same bytes each time."""
    stamp = created.strftime("%d%b%y:%H:%M:%S").upper().encode("ascii")
    with path.open("r+b") as file:
        for place in _TIMES:
            file.seek(place)
            file.write(stamp)


def _faults(frame: pl.DataFrame, name: str) -> Iterator[str]:
    if not frame.width:
        yield "there are no columns"
    for text in (name, *frame.columns):
        if not _NAME.fullmatch(text):
            yield f"the name {text!r} is not up to 8 capital letters, digits and underscores"
    for column in frame.columns:
        yield from _faults_of(frame[column])
    if frame.height and all(v is None or v == "" for v in frame.row(-1)) and _all_text(frame):
        yield "the last row is blank, and cannot be told from the filling of the last record"


def _all_text(frame: pl.DataFrame) -> bool:
    return all(dtype == pl.String for dtype in frame.dtypes)


def _faults_of(values: pl.Series) -> Iterator[str]:
    dtype = values.dtype
    if dtype == pl.String:
        longest = values.str.len_bytes().max()
        if isinstance(longest, int) and longest > LONGEST_TEXT:
            yield f"{values.name} has text of {longest} bytes, and {LONGEST_TEXT} fit"
    elif dtype.is_numeric():
        size = values.cast(pl.Float64).abs()
        held = (size == 0) | ((size >= SMALLEST) & (size <= LARGEST))
        if not held.drop_nulls().all():
            yield f"{values.name} has numbers that are infinite, too large or too small"
    elif dtype != pl.Date and not isinstance(dtype, pl.Datetime):
        yield f"{values.name} holds {dtype}, and only text, numbers, dates and times fit"
