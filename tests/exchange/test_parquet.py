"""Parquet: read lazily, in batches, and refused when its parts differ."""

from pathlib import Path

import polars as pl
import pytest

from openlupus.errors import FileFormatError
from openlupus.exchange import read_folder, write_folder, write_parts
from openlupus.exchange.parquet import read_parquet


def test_cut_at_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "ae.parquet"
    pl.DataFrame({"A": ["x", "y"]}).write_parquet(path)
    data = path.read_bytes()
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        with pytest.raises(FileFormatError, match=r"ae\.parquet: footer"):
            read_parquet(path)


def test_parts_with_other_columns(tmp_path: Path) -> None:
    folder = tmp_path / "ae"
    folder.mkdir()
    pl.DataFrame({"A": [1.0], "B": ["x"]}).write_parquet(folder / "1.parquet")
    pl.DataFrame({"A": ["1"], "B": ["x"]}).write_parquet(folder / "2.parquet")
    with pytest.raises(FileFormatError, match=r"ae/2\.parquet: columns"):
        read_parquet(folder)


@pytest.mark.parametrize("blank", [True, False])
def test_blank_text_becomes_missing_where_there_is_any(tmp_path: Path, blank) -> None:
    path = tmp_path / "ae.parquet"
    texts = ["x", "" if blank else None, None]
    pl.DataFrame({"A": texts, "N": [1, 2, 3], "Z": [None] * 3}).write_parquet(path)
    frame = read_parquet(path).frame
    assert frame.collect()["A"].to_list() == ["x", None, None]
    assert ("WITH_COLUMNS" in frame.explain(optimized=False)) is blank


def test_a_batch_is_asked_of_the_file_by_subject(tmp_path: Path) -> None:
    subjects = [f"X-{i:03d}" for i in range(100)]
    keys = pl.DataFrame({"USUBJID": subjects}).with_columns(STUDYID=pl.lit("X"))
    write_folder({"DM": keys.with_columns(ARMCD=pl.lit("A"))}, tmp_path)
    items = keys.with_columns(RSSEQ=pl.lit(1.0), RSTESTCD=pl.lit("PGA01"), RSSTRESN=pl.lit(1.0))
    write_parts([items[:50], items[50:]], tmp_path / "rs")
    batch = list(read_folder(tmp_path).batches(10))[3]
    assert batch.domain("RS").collect()["USUBJID"].to_list() == subjects[30:40]
    # The condition stands at the scan, so that row groups of other subjects are skipped.
    scan = batch.domain("RS").explain()
    assert "FILTER" not in scan
    assert "X-030" in scan
