"""Frames written as Parquet, CSV, Dataset-JSON 1.1 or XPT version 5; the same bytes each time."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import polars as pl

from openlupus.errors import FileFormatError, OutputExistsError
from openlupus.exchange.content import fault
from openlupus.exchange.dataset_json import dataset_json
from openlupus.exchange.parquet import SYNTHETIC_KEY
from openlupus.exchange.xport_write import write_xport
from openlupus.records import domain
from openlupus.records.model import SYNTHETIC

Format = Literal["parquet", "csv", "csv.gz", "json", "ndjson", "xpt"]

CREATED = datetime(1960, 1, 1)  # noqa: DTZ001
"""The time of making that a file states when none is given: the origin of time in SAS."""

_ISO = "%Y-%m-%dT%H:%M:%S"

ROWS_IN_GROUP = 250_000
"""Rows in a row group of Parquet: what a batch of subjects reads at least."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A frame to be written, with what a file says of it besides its rows.

    `labels` goes by column; a column without one is labelled by its name.
    """

    name: str
    frame: pl.LazyFrame
    label: str
    labels: Mapping[str, str]
    keys: tuple[str, ...]
    synthetic: bool
    created: datetime

    def collect(self) -> pl.DataFrame:
        return self.frame.collect()


def write_folder(
    frames: Mapping[str, pl.DataFrame | pl.LazyFrame],
    folder: Path | str,
    *,
    format: Format = "parquet",  # noqa: A002
    force: bool = False,
    labels: Mapping[str, str] | None = None,
    created: datetime = CREATED,
) -> tuple[Path, ...]:
    """Write each frame to a file of its own, `<name in lower case>.<format>`.

    The bytes depend on the arguments only. A frame whose `STUDYID` says SYNTHETIC says so in the
    file too, where the format has a place for it (CSV has none but its rows). A file is written
    beside its place and then moved there, so that none is ever half written.

    Args:
        frames: By name of the domain or data set; lazy ones go to Parquet without being collected.
        folder: Made when absent.
        format: Suffix of the files.
        force: Overwrite files that are there.
        labels: Labels of columns, for the formats that have them; SDTM domains have their own.
        created: The time of making that XPT and Dataset-JSON state.

    Returns:
        The files, in the order of the frames.

    Raises:
        OutputExistsError: files are there already; all are named.
        FileFormatError: a frame cannot be held by the format.
    """
    folder = Path(folder)
    paths = [folder / f"{name.lower()}.{format}" for name in frames]
    _refuse_existing(paths, force=force)
    folder.mkdir(parents=True, exist_ok=True)
    write = _WRITERS[format]
    for (name, frame), path in zip(frames.items(), paths, strict=True):
        data = _dataset(name.upper(), frame.lazy(), labels or {}, created)
        _write_beside(path, lambda to, data=data: write(data, to))
    return tuple(paths)


def write_parts(
    frames: Iterable[pl.DataFrame], folder: Path | str, *, force: bool = False
) -> tuple[Path, ...]:
    """Write one data set as a folder of Parquet parts, one a frame, as they come.

    For batches of `Records.batches` to be fast, the parts and their rows are sorted by USUBJID.

    Raises:
        OutputExistsError: the folder has files already; with `force` its parts are removed first.
    """
    folder = Path(folder)
    present = sorted(folder.glob("*.parquet"))
    _refuse_existing(present, force=force)
    for path in present:
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    paths = list[Path]()
    for number, frame in enumerate(frames):
        data = _dataset(folder.name.upper(), frame.lazy(), {}, CREATED)
        paths.append(folder / f"part-{number:05d}.parquet")
        _write_beside(paths[-1], lambda to, data=data: _parquet(data, to))
    return tuple(paths)


def _dataset(
    name: str, frame: pl.LazyFrame, labels: Mapping[str, str], created: datetime
) -> Dataset:
    table = domain(name)
    schema = frame.collect_schema()
    frame = frame.with_columns(
        pl.col(column).cast(pl.String) for column, dtype in schema.items() if dtype == pl.Null
    )
    synthetic = False
    if "STUDYID" in schema:
        said = pl.col("STUDYID").str.contains(SYNTHETIC, literal=True).any()
        synthetic = bool(frame.select(said).collect().item())
    label = f"{SYNTHETIC} {table.label}"[:40] if synthetic else table.label[:40]
    all_labels = {**table.labels, **labels}
    return Dataset(name, frame, label, all_labels, table.keys, synthetic, created)


def _refuse_existing(paths: Iterable[Path], *, force: bool) -> None:
    if there := [path for path in paths if path.exists() and not force]:
        names = ", ".join(path.name for path in there)
        do = "choose another folder, or ask for overwriting (`force`)"
        message = fault(str(there[0].parent), where=names, why="there already", do=do)
        raise OutputExistsError(message)


def _write_beside(path: Path, write: Callable[[Path], None]) -> None:
    beside = path.with_name(f".{path.name}.writing")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _parquet(data: Dataset, path: Path) -> None:
    said = {SYNTHETIC_KEY: "true" if data.synthetic else "false"}
    data.frame.sink_parquet(path, row_group_size=ROWS_IN_GROUP, metadata=said)


def _csv(data: Dataset, path: Path) -> None:
    data.frame.sink_csv(path, datetime_format=_ISO, check_extension=False)


def _csv_gz(data: Dataset, path: Path) -> None:
    data.frame.sink_csv(path, datetime_format=_ISO, compression="gzip", check_extension=False)


def _json(data: Dataset, path: Path) -> None:
    head, rows = _document(data)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}"))
        file.write(',\n "rows": [\n')
        file.write(",\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
        file.write("\n]}\n")


def _ndjson(data: Dataset, path: Path) -> None:
    head, rows = _document(data)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in (head, *rows):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _document(data: Dataset) -> tuple[dict[str, object], list[tuple[object, ...]]]:
    frame = data.collect()
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    if numbers and not frame.select(pl.all_horizontal(pl.col(numbers).is_finite().all())).item():
        why, do = "a number is infinite or no number", "leave it missing instead"
        raise FileFormatError(fault(data.name, where="values", why=why, do=do))
    return dataset_json(
        frame,
        name=data.name,
        label=data.label,
        labels=data.labels,
        keys=data.keys,
        created=data.created,
        synthetic=data.synthetic,
    )


def _xpt(data: Dataset, path: Path) -> None:
    write_xport(
        data.collect(),
        path,
        name=data.name,
        label=data.label,
        labels=data.labels,
        created=data.created,
    )


_WRITERS: Mapping[Format, Callable[[Dataset, Path], None]] = {
    "parquet": _parquet,
    "csv": _csv,
    "csv.gz": _csv_gz,
    "json": _json,
    "ndjson": _ndjson,
    "xpt": _xpt,
}
