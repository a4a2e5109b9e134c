"""Parquet: one file, or a folder of parts (`rs/*.parquet`), read lazily."""

from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from openlupus.errors import FileFormatError
from openlupus.exchange.content import Content, fault

SYNTHETIC_KEY = "openlupus.synthetic"

Footer = Any
"""`pyarrow.parquet.FileMetaData`; pyarrow has no types."""


def parts_of(path: Path) -> list[Path]:
    """The files of a Parquet data set: the file itself, or the parts in its folder by name."""
    return sorted(path.rglob("*.parquet")) if path.is_dir() else [path]


def read_parquet(path: Path) -> Content:
    """The rows of a Parquet file or folder; nothing but the footers is read yet.

    Raises:
        FileFormatError: a part is empty, cut or no Parquet, or its columns differ from the first's.
    """
    parts = parts_of(path)
    footers = [_footer(part, path) for part in parts]
    first = _columns(footers[0])
    for part, footer in zip(parts, footers, strict=True):
        if _columns(footer) != first:
            other = sorted({f"{n} {t}" for n, t in set(_columns(footer)) ^ set(first)})
            why = f"its columns are not those of {parts[0].name}: {', '.join(other)}"
            do = "write all parts with the same columns and types, in the same order"
            raise FileFormatError(fault(_name(part, path), where="columns", why=why, do=do))
    frame = pl.scan_parquet(parts, glob=False)
    return Content(_without_blanks(frame, footers), sum(footer.num_rows for footer in footers))


def _footer(part: Path, path: Path) -> Footer:
    arrow: Any = import_module("pyarrow.parquet")
    try:
        return arrow.read_metadata(part)
    except (OSError, ValueError) as error:
        why = "it is empty (0 bytes)" if part.stat().st_size == 0 else str(error)
        do = "ask the sender for the file again, and compare its size with theirs"
        raise FileFormatError(fault(_name(part, path), where="footer", why=why, do=do)) from error


def _name(part: Path, path: Path) -> str:
    return part.name if part == path else f"{path.name}/{part.relative_to(path).as_posix()}"


def _columns(footer: Footer) -> list[tuple[str, str]]:
    schema = footer.schema.to_arrow_schema()
    return [(field.name, str(field.type)) for field in schema]


def _without_blanks(frame: pl.LazyFrame, footers: list[Footer]) -> pl.LazyFrame:
    """Empty text as null, only where the statistics cannot rule it out.

    A column that is not touched keeps its statistics, by which a batch of subjects finds its rows.
    """
    text = [n for n, dtype in frame.collect_schema().items() if dtype == pl.String]
    blank = [name for name in text if any(_may_be_blank(footer, name) for footer in footers)]
    return frame.with_columns(pl.when(pl.col(blank) != "").then(pl.col(blank))) if blank else frame


def _may_be_blank(footer: Footer, name: str) -> bool:
    index = footer.schema.names.index(name)
    for group in range(footer.num_row_groups):
        found = footer.row_group(group).column(index).statistics
        if found is None or not found.has_min_max:
            if found is None or found.null_count != footer.row_group(group).num_rows:
                return True
        elif found.min == "":
            return True
    return False
