"""CSV, plain or compressed (`.csv.gz`): UTF-8, a comma, one header line, an empty field is missing.

All is read as text, since "007" may be a site; the reader of the folder knows what is a number.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from openlupus.errors import FileFormatError
from openlupus.exchange.content import Content, fault

SHOWN = 5


def read_csv(path: Path) -> Content:
    """The rows of a CSV file, every column as text.

    Raises:
        FileFormatError: empty, not UTF-8, a broken archive, column names missing or repeated, or
            rows of another number of fields than the header (line numbers given).
    """
    data = file_bytes(path)
    text = _text(data, path.name)
    header, rows = shape_by_commas(data, path.name) or shape(text, path.name)
    frame = pl.read_csv(data, infer_schema=False, null_values="")
    if frame.height != rows or frame.columns != header:
        why = f"{rows} rows are there, and {frame.height} could be read"
        do = "write it again as comma-separated text with quotes around text that has line ends"
        raise FileFormatError(fault(path.name, where="rows", why=why, do=do))
    return Content(frame.lazy(), rows, typed=False)


def file_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix.lower() == ".gz" and data:
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            do = "ask the sender for the file again, and compare its size with theirs"
            message = fault(path.name, where="archive", why=f"{error}", do=do)
            raise FileFormatError(message) from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        why, do = "it is empty", "give at least the line of column names, or remove the file"
        raise FileFormatError(fault(path.name, where="the file", why=why, do=do))
    several_columns = b"," in data.split(b"\n", 1)[0]
    return data.rstrip(b"\r\n") + b"\n" if several_columns else data


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = f"line {line}, byte {error.start} of the file"
        why = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        do = "save the file as UTF-8 (from Windows: `iconv -f WINDOWS-1252 -t UTF-8`)"
        raise FileFormatError(fault(name, where=where, why=why, do=do)) from error


def shape_by_commas(data: bytes, name: str) -> tuple[list[str], int] | None:
    """As `shape`, by counting commas, of a file without quotes; None where that cannot tell.

    Rows of unequal length are left to `shape`, which says what is in them.
    """
    if b'"' in data or data.count(b"\r") != data.count(b"\r\n"):
        return None
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    commas = np.flatnonzero(codes == ord(","))
    in_each = np.diff(np.searchsorted(commas, ends), prepend=0)
    if len(commas) == 0 or (in_each != in_each[0]).any():
        return None
    header = data[: ends[0]].decode("utf-8").removesuffix("\r").split(",")
    _check_names(header, name)
    return header, len(ends) - 1


def shape(text: str, name: str) -> tuple[list[str], int]:
    """Column names and number of rows, once every row is known to have as many fields."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    ragged, rows = list[str](), 0
    try:
        header = next(reader)
        _check_names(header, name)
        for row in reader:
            rows += 1
            # In a file of one column a blank line is a missing value.
            if len(row or [""]) != len(header):
                ragged.append(f"line {reader.line_num} has {len(row)} fields")
    except csv.Error as error:
        do = "write it again as comma-separated text, with quotes doubled inside quoted text"
        where = f"line {reader.line_num}"
        raise FileFormatError(fault(name, where=where, why=str(error), do=do)) from error
    if ragged:
        more = f", and {len(ragged) - SHOWN} more lines" if len(ragged) > SHOWN else ""
        why = f"the header has {len(header)} fields; {'; '.join(ragged[:SHOWN])}{more}"
        do = "put quotes around text that has commas, and write a comma for each empty field"
        raise FileFormatError(fault(name, where=f"{len(ragged)} lines", why=why, do=do))
    return header, rows


def _check_names(header: Sequence[str], name: str) -> None:
    blank = [str(i + 1) for i, column in enumerate(header or [""]) if not column.strip()]
    twice = sorted({column for column in header if header.count(column) > 1})
    if blank or twice:
        why = f"columns {', '.join(blank)} have no name" if blank else f"{twice} are there twice"
        do = "give every column one name of its own"
        raise FileFormatError(fault(name, where="line 1", why=why, do=do))
