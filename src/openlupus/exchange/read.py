"""A folder of files as `Records` (SDTM) or as analysis frames (ADaM), in any mixture of formats."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openlupus.errors import FileFormatError, RecordsError
from openlupus.exchange.adam import typed_by_name, with_dates
from openlupus.exchange.content import Content, fault
from openlupus.exchange.dataset_json import read_dataset_json
from openlupus.exchange.delimited import read_csv
from openlupus.exchange.fingerprint import sha256, sha256_of_all
from openlupus.exchange.parquet import parts_of, read_parquet
from openlupus.exchange.xport import read_xport
from openlupus.records import DOMAINS, Records, Source, domain, require
from openlupus.records.conform import conform
from openlupus.records.schema import is_numeric_name

READERS: dict[str, tuple[str, Callable[[Path], Content]]] = {
    ".xpt": ("XPT", read_xport),
    ".parquet": ("Parquet", read_parquet),
    ".csv": ("CSV", read_csv),
    ".csv.gz": ("CSV", read_csv),
    ".json": ("Dataset-JSON", read_dataset_json),
    ".ndjson": ("Dataset-JSON", read_dataset_json),
}
"""Suffix to the name of the format and its reader."""

NOT_READ = frozenset({".sas7bdat", ".sas7bcat", ".xls", ".xlsx", ".sav", ".dta", ".zip", ".rds"})
"""Suffixes of files that hold data which would be missed if they were passed over."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    stem: str
    suffix: str

    @property
    def content(self) -> Content:
        return READERS[self.suffix][1](self.path)


def read_folder(path: Path | str) -> Records:
    """The records in a folder: one file, or one folder of Parquet parts, a domain.

    The domain is the file's name; files that split one (`lbch`, `lbhe`, `lbur`) are put together by
    their column DOMAIN, or by the first two letters of their name. Files of other kinds (a read-me,
    a Define-XML, names that begin with `.` or `_`) are passed over.

    Args:
        path: Folder with XPT (version 5), Parquet, CSV, .csv.gz and Dataset-JSON 1.1 files.

    Raises:
        FileFormatError: the folder is absent or has no data, or files cannot be read as what their
            names say; every such file is named.
        RecordsError: DM or needed columns are missing, columns are of a wrong type, or a domain is
            given twice; every fault is named.
    """
    files = _files(Path(path))
    parts, sources = dict[str, list[pl.LazyFrame]](), dict[str, Source]()
    faults = list[str]()
    for file, content in _contents(files):
        name = _domain_of(file, content, faults)
        frame = content.frame if content.typed else _numbers(content.frame, name)
        parts.setdefault(name, []).append(frame)
        sources[file.path.name] = _source(file, content, name)
    faults += _given_twice(sources)
    if faults:
        raise RecordsError("\n  ".join([f"{path}: the files contradict each other", *faults]))
    records = Records({name: _together(name, frames) for name, frames in parts.items()}, sources)
    require(records, {"DM": domain("DM").required})
    return records


def read_adam(path: Path | str) -> dict[str, pl.DataFrame]:
    """The analysis data sets in a folder, in memory, by name in upper case (`ADSL`).

    Numbers and dates in CSV are told by the naming rules of ADaM and by their values; a number in a
    column that ADaM names a date counts days from 1960-01-01, as in SAS.

    Raises:
        FileFormatError: as `read_folder`; also when a data set is given in two formats.
    """
    files = _files(Path(path))
    stems = [file.stem for file in files]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        why = f"{', '.join(twice)} are given in two formats"
        do = "leave one file for each data set"
        raise FileFormatError(fault(str(path), where="names", why=why, do=do))
    frames = dict[str, pl.DataFrame]()
    for file, content in _contents(files):
        frame = content.frame.collect()
        frames[file.stem] = with_dates(frame if content.typed else typed_by_name(frame))
    return frames


def _files(folder: Path) -> list[_File]:
    """The data files of a folder by name; refuses a folder without any."""
    if not folder.is_dir():
        why = "it is a file" if folder.exists() else "there is no such folder"
        do = "give the folder that holds the data files, one a domain"
        raise FileFormatError(fault(str(folder), where="the folder", why=why, do=do))
    found = [file for path in sorted(folder.iterdir()) if (file := _file(path))]
    missed = [p.name for p in sorted(folder.iterdir()) if p.suffix.lower() in NOT_READ]
    if missed or not found:
        why = f"{', '.join(missed)} cannot be read" if missed else "it has no data file"
        do = f"give data as {', '.join(READERS)}"
        raise FileFormatError(fault(str(folder), where="the folder", why=why, do=do))
    return found


def _file(path: Path) -> _File | None:
    name = path.name.lower()
    if name.startswith((".", "_")):
        return None
    if path.is_dir():
        return _File(path, path.name.upper(), ".parquet") if parts_of(path) else None
    suffix = next((s for s in READERS if name.endswith(s)), None)
    return _File(path, path.name[: -len(suffix)].upper(), suffix) if suffix else None


def _contents(files: list[_File]) -> Iterator[tuple[_File, Content]]:
    """Each file with its content; reads all before it refuses, so that every fault is told."""
    read, faults = list[tuple[_File, Content]](), list[str]()
    for file in files:
        try:
            read.append((file, file.content))
        except FileFormatError as error:
            faults.append(str(error))
    if faults:
        many = f"{len(faults)} files" if len(faults) > 1 else "1 file"
        raise FileFormatError("\n  ".join([f"{many} cannot be read", *faults]))
    yield from read


def _domain_of(file: _File, content: Content, faults: list[str]) -> str:
    """The domain that a file belongs to: what its rows say, and its name must agree."""
    prefix = "SUPP" if file.stem.startswith("SUPP") else ""
    column = "RDOMAIN" if prefix else "DOMAIN"
    stem = file.stem.removeprefix("SUPP")
    # A huge domain in Parquet is not read for a name that needs no more telling.
    asked = len(stem) > 2 or file.suffix != ".parquet"
    said = list[str]()
    if asked and file.stem != "RELREC" and column in content.frame.collect_schema():
        said = sorted(content.frame.select(pl.col(column).drop_nulls().unique()).collect()[column])
    if not said:
        return prefix + (stem[:2] if stem not in DOMAINS and stem[:2] in DOMAINS else stem)
    if len(said) > 1 or not stem.startswith(said[0]):
        faults.append(
            f"{file.path.name}: its column {column} says {', '.join(said)}; rename the file after"
            " the one domain that it holds, or split it"
        )
    return prefix + said[0]


def _numbers(frame: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Text columns that SDTM's naming rules make numbers, where every value is one.

    Declared columns are left to their declaration, which also says what is wrong with them.
    """
    declared = domain(name)
    named = [c for c in frame.collect_schema() if is_numeric_name(c) and not declared.column(c)]
    if not named:
        return frame
    number = pl.col(named).cast(pl.Float64, strict=False)
    whole = frame.select(number.is_not_null() == pl.col(named).is_not_null()).select(pl.all().all())
    good = [c for c, yes in whole.collect().row(0, named=True).items() if yes]
    return frame.with_columns(pl.col(good).cast(pl.Float64)) if good else frame


def _source(file: _File, content: Content, name: str) -> Source:
    path = file.path
    mark = sha256_of_all(parts_of(path)) if path.is_dir() else sha256(path)
    return Source(path.name, name, mark, content.rows, READERS[file.suffix][0], content.remark)


def _given_twice(sources: dict[str, Source]) -> Iterator[str]:
    for name in sorted({source.domain for source in sources.values()}):
        files = [path for path, source in sources.items() if source.domain == name]
        stems = [re.split(r"\.", path)[0].upper() for path in files]
        if len(files) > 1 and (name in stems or len(set(stems)) < len(stems)):
            yield f"{name} is given twice, in {', '.join(files)}; leave one of them"


def _together(name: str, frames: list[pl.LazyFrame]) -> pl.LazyFrame:
    if len(frames) == 1:
        return frames[0]
    # Each part takes its declared types first: a column may be empty, and so typeless, in one part.
    return pl.concat([conform(frame, domain(name))[0] for frame in frames], how="diagonal_relaxed")
