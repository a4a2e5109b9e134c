"""SAS transport files, version 5 (XPT).

The format holds no number of rows, so that a cut file looks like a whole one to most readers. Its
layout is read here first and every byte accounted for; then `pyreadstat` reads the values.
Source: SAS Institute, TS-140, "The Record Layout of a Data Set in SAS Transport Format".
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import polars as pl

from openlupus.errors import FileFormatError
from openlupus.exchange.content import Content, fault

RECORD = 80
_LIBRARY = b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"
_MEMBER = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
_DESCRIPTOR = b"HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!"
_NAMES = b"HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!"
_ROWS = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"
_VERSION_8 = b"HEADER RECORD*******LIBV8"
_FIXED_HEADERS = ((0, _LIBRARY), (3, _MEMBER), (4, _DESCRIPTOR), (7, _NAMES))
_AGAIN = "ask the sender for the file again, and compare its size with theirs"


class _Refuse(Protocol):
    def __call__(self, where: str, why: str, do: str = _AGAIN) -> FileFormatError: ...


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows of a transport file: how many, how long, whose columns are numbers.

    `padded` is false when the last row ends exactly on a record: a file that was cut there cannot
    be told from a whole one.
    """

    rows: int
    row_bytes: int
    numeric: tuple[str, ...]
    padded: bool


def read_xport(path: Path) -> Content:
    """The one data set of a transport file.

    Text that is not UTF-8 is read as Windows-1252, as SAS on Windows writes it, and the remark says
    so. Numbers with a SAS date format become dates.

    Raises:
        FileFormatError: the file is cut, padded with more than its last record, holds several data
            sets, or is of another version.
    """
    found = layout(path.read_bytes(), path.name)
    frame, remarks = _values(path)
    if frame.height != found.rows:
        why = f"its layout has {found.rows} rows, and {frame.height} could be read"
        raise FileFormatError(fault(path.name, where="rows", why=why, do=_AGAIN))
    if not found.padded:
        remarks.append(
            f"the last row ends exactly on a record, and XPT holds no number of rows: compare the"
            f" {found.rows} rows read with the sender's number"
        )
    return Content(_typed(frame, found).lazy(), frame.height, "; ".join(remarks))


def _typed(frame: pl.DataFrame, found: Layout) -> pl.DataFrame:
    """Columns without any value take the type of their description; empty text is missing."""
    empty = [
        pl.col(name).cast(pl.Float64 if name in found.numeric else pl.String)
        for name, dtype in frame.schema.items()
        if dtype == pl.Null
    ]
    text = pl.col(pl.String)
    return frame.with_columns(empty).with_columns(pl.when(text != "").then(text).name.keep())


def _values(path: Path) -> tuple[pl.DataFrame, list[str]]:
    import pyreadstat  # takes 0.6 s, and only transport files need it

    def read(encoding: str | None) -> pl.DataFrame:
        frame, _ = pyreadstat.read_xport(path, encoding=encoding, output_format="polars")
        return cast(pl.DataFrame, frame)

    try:
        return read(None), []
    except UnicodeDecodeError:
        pass
    except Exception as error:
        raise _unreadable(path, error) from error
    try:
        return read("WINDOWS-1252"), ["its text is not UTF-8, and was read as Windows-1252"]
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> FileFormatError:
    return FileFormatError(fault(path.name, where="values", why=str(error), do=_AGAIN))


def layout(data: bytes, name: str) -> Layout:
    """Headers and rows of a whole transport file, every byte accounted for.

    Raises:
        FileFormatError: see `read_xport`; `name` is the file's, for the message.
    """

    def refuse(where: str, why: str, do: str = _AGAIN) -> FileFormatError:
        return FileFormatError(fault(name, where=where, why=why, do=do))

    if not data:
        raise refuse("the file", "it is empty (0 bytes)")
    if data.startswith(_VERSION_8):
        do = "write it as version 5 (SAS: `libname out xport`), or as Parquet or Dataset-JSON"
        raise refuse("byte 0", "it is a transport file of version 8, and version 5 is read", do)
    if not data.startswith(_LIBRARY[: len(data)]):
        raise refuse("byte 0", "it does not begin as a SAS transport file of version 5 does")
    if len(data) % RECORD:
        why = (
            f"its {len(data)} bytes are no multiple of {RECORD}: it was cut, or changed on its way"
        )
        raise refuse(f"byte {len(data)}", why)
    for record, header in _FIXED_HEADERS:
        if not data.startswith(header, record * RECORD):
            why = f"record {record + 1} is not the header {header[20:28].decode().strip()}"
            raise refuse(f"byte {record * RECORD}", why)
    numeric, row_bytes, start = _columns(data, refuse)
    return _rows(data, start, row_bytes, numeric, refuse)


def _columns(data: bytes, refuse: _Refuse) -> tuple[tuple[str, ...], int, int]:
    """Names of the numeric columns, bytes of a row, and where the rows begin."""
    try:
        size = int(data[3 * RECORD + 74 : 3 * RECORD + 78])
        count = int(data[7 * RECORD + 54 : 7 * RECORD + 58])
    except ValueError:
        why = "the number of columns, or the size of their descriptions, is no number"
        raise refuse("header", why) from None
    first = 8 * RECORD
    start = first + math.ceil(count * size / RECORD) * RECORD
    if size not in (136, 140) or not data.startswith(_ROWS, start):
        why = f"the file ends, or goes on otherwise, before the descriptions of {count} columns do"
        raise refuse(f"byte {min(start, len(data))}", why)
    numeric, row_bytes = list[str](), 0
    for column in range(count):
        kind, _, length, _, name = struct.unpack_from(">hhhh8s", data, first + column * size)
        row_bytes += length
        if kind == 1:
            numeric.append(name.decode("ascii", "replace").strip())
    return tuple(numeric), row_bytes, start + RECORD


def _rows(
    data: bytes, start: int, row_bytes: int, numeric: tuple[str, ...], refuse: _Refuse
) -> Layout:
    body = memoryview(data)[start:]
    if data.find(_MEMBER, start) != -1:
        do = "write each data set to a file of its own"
        raise refuse(f"byte {data.find(_MEMBER, start)}", "a second data set begins here", do)
    filled = len(bytes(body).rstrip(b" "))
    rows = math.ceil(filled / row_bytes) if row_bytes else 0
    if rows * row_bytes > len(body):
        missing = rows * row_bytes - len(body)
        why = f"row {rows} lacks its last {missing} of {row_bytes} bytes: the file was cut"
        raise refuse(f"byte {len(data)}", why)
    spare = len(body) - rows * row_bytes
    if spare >= RECORD:
        why = f"{spare} blank bytes follow the last row, more than fill a record"
        raise refuse(f"byte {len(data) - spare}", why)
    return Layout(rows, row_bytes, numeric, padded=spare > 0)
