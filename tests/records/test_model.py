"""Records: types as declared, every fault at once, batches that lose nothing."""

from datetime import date, datetime

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import RecordsError
from openlupus.records import Records, domain, from_frames, require

DM = {"STUDYID": ["X"] * 3, "USUBJID": ["X-2", "X-1", "X-3"], "ARMCD": ["A", "", None]}
AE = {"STUDYID": ["X"], "USUBJID": ["X-1"], "AESEQ": [1], "AETERM": ["RASH"]}


@pytest.mark.parametrize("make", [pl.DataFrame, pl.LazyFrame, pd.DataFrame, pa.table])
def test_frames_of_any_library(make) -> None:
    records = from_frames({"dm": make(DM), "AE": make(AE)})
    assert records.domain("DM").collect()["ARMCD"].to_list() == ["A", None, None]
    assert records.domain("AE").collect()["AESEQ"].to_list() == [1.0]
    assert records.subjects().to_list() == ["X-1", "X-2", "X-3"]


def test_absent_domain_is_empty_and_typed() -> None:
    records = from_frames({"DM": pl.DataFrame(DM)})
    assert not records.has("RS")
    assert records.domain("RS").collect().schema == domain("RS").schema
    assert records.domain("SUPPDM").collect().is_empty()


def test_domain_has_all_declared_columns_and_keeps_others() -> None:
    records = from_frames({"DM": pl.DataFrame(DM | {"MYOWN": [1, 2, 3]})})
    frame = records.domain("DM").collect()
    assert set(domain("DM").schema) | {"MYOWN"} == set(frame.columns)
    assert frame["MYOWN"].to_list() == [1, 2, 3]


def test_types_that_mean_the_same_are_converted() -> None:
    frame = pl.DataFrame(
        {
            "STUDYID": pl.Series(["X"], dtype=pl.Categorical),
            "USUBJID": ["X-1"],
            "RSSEQ": pl.Series([1], dtype=pl.Int16),
            "RSTESTCD": ["PGA01"],
            "RSSTRESN": pl.Series([0.7], dtype=pl.Float32),
            "VISITNUM": ["2.0"],
            "RSDTC": [datetime.fromisoformat("2020-01-02T03:04:05")],
            "RSSTAT": pl.Series([None], dtype=pl.Float64),
            "RSENDTC": [date(2020, 1, 2)],
        }
    )
    row = from_frames({"RS": frame}).domain("RS").collect().row(0, named=True)
    assert (row["RSSTRESN"], row["VISITNUM"], row["RSSTAT"]) == (0.7, 2.0, None)
    assert (row["RSDTC"], row["RSENDTC"]) == ("2020-01-02T03:04:05", "2020-01-02")


def test_every_fault_of_every_domain_is_told() -> None:
    with pytest.raises(RecordsError) as error:
        from_frames(
            {
                "DM": pl.DataFrame({"USUBJID": [1], "AGE": ["old"], "SEX": [True]}),
                "AE": pl.DataFrame({"STUDYID": ["X"], "USUBJID": ["X-1"]}),
            }
        )
    text = str(error.value)
    assert text.startswith("the records have 7 faults")
    for part in ("DM: column STUDYID is missing", "column ARMCD", "column AESEQ", "column AETERM"):
        assert part in text
    assert "column USUBJID holds Int64, and must hold text; write it as text" in text
    assert "AGE must hold numbers, and 1 of its values are none (first 'old')" in text
    assert "column SEX holds Boolean" in text


def test_what_is_no_frame_is_named() -> None:
    with pytest.raises(RecordsError, match="DM: dict is not a polars, pandas or pyarrow frame"):
        from_frames({"DM": DM})


def test_require_names_all_that_is_absent() -> None:
    records = from_frames({"DM": pl.DataFrame(DM)})
    with pytest.raises(RecordsError) as error:
        require(records, {"DM": ("AGE", "USUBJID"), "LB": ("LBTESTCD",)})
    assert "DM: column AGE is missing" in str(error.value)
    assert "LB: the domain is missing" in str(error.value)
    require(records, {"DM": ("ARMCD",)})


@pytest.mark.parametrize(("study", "synthetic"), [("X", False), ("X SYNTHETIC", True)])
def test_synthetic_data_say_so(study, synthetic) -> None:
    assert (
        from_frames({"DM": pl.DataFrame(DM).with_columns(STUDYID=pl.lit(study))}).synthetic
        is synthetic
    )


subjects = st.lists(st.text("AB1-", min_size=1, max_size=3), min_size=1, max_size=12)


@given(dm=subjects, ae=st.lists(st.none() | st.text("AB1-", min_size=1, max_size=3), max_size=20),
       size=st.integers(1, 6))  # fmt: skip
def test_each_row_is_in_exactly_one_batch(dm, ae, size) -> None:
    people = pl.DataFrame({"USUBJID": dm}).with_columns(STUDYID=pl.lit("X"), ARMCD=pl.lit("A"))
    events = pl.DataFrame({"USUBJID": ae}, schema={"USUBJID": pl.String}).with_columns(
        STUDYID=pl.lit("X"), AETERM=pl.lit("T"), AESEQ=pl.int_range(pl.len()).cast(pl.Float64)
    )
    design = pl.DataFrame({"STUDYID": ["X"]})
    records = from_frames({"DM": people, "AE": events, "TA": design})
    batches = list(records.batches(size))
    rows = pl.concat([batch.domain("AE").collect() for batch in batches]).sort("AESEQ")
    assert rows.equals(records.domain("AE").collect())
    sizes = [len(batch.subjects()) for batch in batches]
    assert sum(sizes) == len(set(dm))
    assert all(n == size for n in sizes[:-1])
    assert 1 <= sizes[-1] <= size
    assert all(batch.domains["TA"].collect().height == 1 for batch in batches)


def test_records_cannot_be_changed() -> None:
    records = Records({"DM": pl.LazyFrame(DM)})
    with pytest.raises(TypeError):
        records.domains["AE"] = pl.LazyFrame(AE)  # type: ignore[index]
    with pytest.raises(AttributeError):
        records.origin = {}  # type: ignore[misc]
