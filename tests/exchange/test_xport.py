"""Transport files: every byte is accounted for, and no row is lost in silence."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openlupus.errors import FileFormatError
from openlupus.exchange import write_folder
from openlupus.exchange.xport import layout, read_xport
from reference import need_reference

WORDS = {
    "STUDYID": ["X"] * 9,
    "USUBJID": [f"X-{i:02d}" for i in range(9)],
    "TEXT": ["word " * 3] * 9,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xpt")
    frame = pl.DataFrame(WORDS | {"AGE": [i / 7 for i in range(1, 10)]})
    return write_folder({"DM": frame}, folder, format="xpt")[0]


def told(data: bytes, whole_rows: int) -> bool:
    """Whether a cut file is refused, or has whole rows and says that its end is not sure."""
    try:
        found = layout(data, "dm.xpt")
    except FileFormatError as error:
        return "dm.xpt: " in str(error) and "why" in str(error)
    return len(data) % 80 == 0 and (not found.padded or found.rows == whole_rows)


def test_cut_at_any_byte(whole: Path) -> None:
    data = whole.read_bytes()
    rows = layout(data, "dm.xpt").rows
    assert rows == 9
    for cut in range(len(data)):
        assert told(data[:cut], rows), cut


def test_cut_where_rows_are_whole_is_remarked(tmp_path: Path) -> None:
    # 4 text columns of 20 bytes: each row fills one record, so that a cut leaves whole rows.
    frame = pl.DataFrame({name: ["x" * 20] * 5 for name in ("A", "B", "C", "D")})
    path = write_folder({"TS": frame}, tmp_path, format="xpt")[0]
    path.write_bytes(path.read_bytes()[:-160])
    content = read_xport(path)
    assert content.rows == content.frame.collect().height == 3
    assert "XPT holds no number of rows: compare the 3 rows read" in content.remark


def test_real_files_cut_at_many_bytes() -> None:
    folder = need_reference() / "cdisc_pilot"
    for path in sorted(folder.glob("*/*.xpt"), key=lambda p: p.stat().st_size)[:6]:
        data = path.read_bytes()
        rows = layout(data, path.name).rows
        for cut in {*range(0, len(data), 80), *range(0, len(data), 97), *range(700)}:
            assert told(data[: min(cut, len(data) - 1)], rows), (path.name, cut)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_changed_bytes_never_end_in_another_error(whole: Path, data) -> None:
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    changed = whole.with_name("changed.xpt")
    changed.write_bytes(bytes(content))
    try:
        read = read_xport(changed)
    except FileFormatError:
        return
    assert read.rows == read.frame.collect().height


CASES = {
    "empty": (lambda data: b"", "it is empty"),
    "other": (lambda data: b"PK\x03\x04" + data, "does not begin as a SAS transport file"),
    "short": (lambda data: data[:-1], "no multiple of 80"),
    "version 8": (lambda data: data.replace(b"LIBRARY HEADER", b"LIBV8   HEADER", 1), "version 8"),
    "header": (lambda data: data[:240] + b" " * 80 + data[320:], "is not the header MEMBER"),
    "count": (lambda data: data[:614] + b"xxxx" + data[618:], "is no number"),
    "columns": (lambda data: data[:614] + b"0900" + data[618:], "descriptions of 900 columns"),
    "row": (lambda data: data[:-80], "lacks its last"),
    "filling": (lambda data: data + b" " * 160, "more than fill a record"),
    "two": (lambda data: data + data[240:], "a second data set begins here"),
}


@pytest.mark.parametrize(("change", "words"), CASES.values(), ids=CASES)
def test_refusals_say_why(whole: Path, change, words) -> None:
    with pytest.raises(FileFormatError, match=words):
        layout(change(whole.read_bytes()), "dm.xpt")


def test_text_that_is_not_utf8_is_read_and_remarked(whole: Path) -> None:
    path = whole.with_name("latin.xpt")
    path.write_bytes(whole.read_bytes().replace(b"word word word", b"w\xf6rd word word"))
    content = read_xport(path)
    assert content.frame.collect()["TEXT"][0] == "wörd word word"
    assert "not UTF-8" in content.remark


def test_no_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame(schema={"A": pl.String, "B": pl.Float64, "C": pl.Date})
    path = write_folder({"TS": frame}, tmp_path, format="xpt")[0]
    content = read_xport(path)
    assert content.frame.collect().schema == frame.schema
    assert "compare the 0 rows read" in content.remark


@pytest.mark.independent
def test_values_are_those_that_pandas_reads(whole: Path) -> None:
    ours = read_xport(whole).frame.collect()
    theirs = pd.read_sas(whole, format="xport", encoding="utf-8")
    assert ours.to_dict(as_series=False) == theirs.to_dict(orient="list")
