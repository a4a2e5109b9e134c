"""`Records`: item-level data of a trial as collected, by SDTM domain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import narwhals as nw
import polars as pl

from openlupus.errors import RecordsError
from openlupus.records.conform import conform
from openlupus.records.schema import domain as table_of

SYNTHETIC = "SYNTHETIC"
"""The word in `STUDYID` by which synthetic data say so in every row."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a domain, or a part of one, came from.

    `path` is the name inside the folder that was read; `remark` says what a reader of the data
    should know about the file, and is empty for most.
    """

    path: str
    domain: str
    sha256: str
    rows: int
    format: str
    remark: str = ""


@dataclass(frozen=True)
class Records:
    """Domains by name (`DM`, `AE`, `SUPPDM`), lazily, and the files that they came from.

    `origin` goes by file name, as a domain may come in several files (`lbch`, `lbhe` -> LB).

    Raises:
        RecordsError: columns are missing or of a wrong type; every fault of every domain is named.
    """

    domains: Mapping[str, pl.LazyFrame]
    origin: Mapping[str, Source] = field(default_factory=dict[str, Source])

    def __post_init__(self) -> None:
        conformed = {
            name.upper(): conform(frame, table_of(name.upper()))
            for name, frame in self.domains.items()
        }
        faults = {name: faults for name, (_, faults) in conformed.items() if faults}
        if faults:
            raise RecordsError(_report(faults, self.origin))
        frames = {name: frame for name, (frame, _) in conformed.items()}
        object.__setattr__(self, "domains", MappingProxyType(frames))
        object.__setattr__(self, "origin", MappingProxyType(dict(self.origin)))

    def has(self, name: str) -> bool:
        """Whether the domain was given, be it without rows."""
        return name in self.domains

    def domain(self, name: str) -> pl.LazyFrame:
        """A domain with all its declared columns; those not collected are null.

        A domain that was not given is an empty frame of the declared types.
        """
        declared = table_of(name).schema
        if name not in self.domains:
            return pl.LazyFrame(schema=declared)
        frame = self.domains[name]
        present = frame.collect_schema()
        absent = [
            pl.lit(None, dtype).alias(column)
            for column, dtype in declared.items()
            if column not in present
        ]
        return frame.with_columns(absent) if absent else frame

    @cached_property
    def synthetic(self) -> bool:
        """Whether any row says that it was invented: its `STUDYID` has the word SYNTHETIC."""
        said = pl.col("STUDYID").str.contains(SYNTHETIC, literal=True).any()
        return any(
            frame.select(said).collect().item()
            for frame in self.domains.values()
            if "STUDYID" in frame.collect_schema()
        )

    def subjects(self) -> pl.Series:
        """Every USUBJID of DM, sorted, once; of all domains when there is no DM."""
        names = ["DM"] if self.has("DM") else sorted(self._of_subjects())
        if not names:
            return pl.Series("USUBJID", [], pl.String)
        found = pl.concat([self.domains[name].select("USUBJID") for name in names])
        return found.unique().drop_nulls().sort("USUBJID").collect().to_series()

    def batches(self, size: int) -> Iterator["Records"]:
        """The records, about `size` subjects at a time, in the order of USUBJID.

        Each row of a domain with subjects is in exactly one batch, also if its subject is not in
        DM; domains without subjects (trial design) are in every batch. A domain that lies in
        Parquet and is sorted by USUBJID is read only where the batch is, so that memory is bounded
        by the batch.
        """
        if size < 1:
            raise RecordsError(f"a batch needs at least one subject, not {size}")
        starts = self.subjects().gather_every(size).to_list()[1:]
        if not starts:
            yield self
            return
        for first, end in zip([None, *starts], [*starts, None], strict=True):
            yield self._between(first, end)

    def collect(self) -> "Records":
        """The same records with every domain in memory."""
        names = list(self.domains)
        frames = pl.collect_all([self.domains[name] for name in names])
        return Records(
            {name: frame.lazy() for name, frame in zip(names, frames, strict=True)}, self.origin
        )

    def _between(self, first: str | None, end: str | None) -> "Records":
        subject = pl.col("USUBJID")
        if first is None:
            chosen = (subject < end) | subject.is_null()
        else:
            chosen = subject >= first if end is None else (subject >= first) & (subject < end)
        mine = self._of_subjects()
        return Records(
            {n: f.filter(chosen) if n in mine else f for n, f in self.domains.items()}, self.origin
        )

    def _of_subjects(self) -> set[str]:
        return {n for n, f in self.domains.items() if "USUBJID" in f.collect_schema()}


def from_frames(frames: Mapping[str, Any]) -> Records:
    """Records of frames in memory: polars (eager or lazy), pandas or pyarrow, by domain name.

    Blank text is taken as missing. An index of a pandas frame is not read.

    Raises:
        RecordsError: something is not a frame, or a domain does not conform; all faults are named.
    """
    polars, faults = dict[str, pl.LazyFrame](), dict[str, list[str]]()
    for name, frame in frames.items():
        try:
            polars[name.upper()] = blank_to_null(to_polars(frame))
        except TypeError:
            faults[name] = [f"{type(frame).__name__} is not a polars, pandas or pyarrow frame"]
    if faults:
        raise RecordsError(_report(faults, {}))
    return Records(polars)


def to_polars(frame: Any) -> pl.LazyFrame:
    native = nw.from_native(frame)
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    return pl.DataFrame(native.to_polars()).lazy()


def blank_to_null(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Text without the blanks at its end; text that is empty then becomes null."""
    names = [name for name, dtype in frame.collect_schema().items() if dtype == pl.String]
    text = pl.col(names).str.strip_chars_end(" ")
    return frame.with_columns(pl.when(text != "").then(text)) if names else frame


def require(records: Records, needs: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse records that lack a domain, or a column of it, that the caller cannot do without.

    Raises:
        RecordsError: names every domain and column that is absent.
    """
    faults: dict[str, list[str]] = {}
    for name, columns in needs.items():
        if not records.has(name):
            faults[name] = [f"the domain is missing; needed are its columns {', '.join(columns)}"]
            continue
        present = records.domains[name].collect_schema()
        if absent := [column for column in columns if column not in present]:
            faults[name] = [f"column {column} is missing" for column in absent]
    if faults:
        raise RecordsError(_report(faults, records.origin))


def _report(faults: Mapping[str, list[str]], origin: Mapping[str, Source]) -> str:
    number = sum(map(len, faults.values()))
    lines = [f"the records have {number} fault{'s' if number > 1 else ''}"]
    for name, found in faults.items():
        files = ", ".join(source.path for source in origin.values() if source.domain == name)
        lines += [f"  {name}{f' ({files})' if files else ''}: {fault}" for fault in found]
    return "\n".join(lines)
