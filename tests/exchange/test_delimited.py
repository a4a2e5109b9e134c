"""CSV: text as it is, and every fault with its line."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import FileFormatError
from openlupus.exchange.delimited import read_csv


def read(folder: Path, data: bytes, name: str = "ae.csv") -> list[dict[str, str | None]]:
    path = folder / name
    path.write_bytes(data)
    return read_csv(path).frame.collect().to_dicts()


def refusal(folder: Path, data: bytes) -> str:
    with pytest.raises(FileFormatError) as error:
        read(folder, data)
    return str(error.value)


@pytest.mark.parametrize(
    "data",
    [
        b"A,B\n007,\n1,x\n",
        b"A,B\r\n007,\r\n1,x\r\n",
        b"\xef\xbb\xbfA,B\n007,\n1,x",
        b'"A","B"\n"007",""\n"1","x"\n',
        b"A,B\n007,\n1,x\n\n\n",
    ],
)
def test_all_is_text_and_empty_is_missing(tmp_path: Path, data) -> None:
    expected = [{"A": "007", "B": None}, {"A": "1", "B": "x"}]
    assert read(tmp_path, data) == expected
    assert read(tmp_path, gzip.compress(data), "ae.csv.gz") == expected


def test_quotes_commas_and_line_ends_in_text(tmp_path: Path) -> None:
    rows = read(tmp_path, b'A,B\n"a,""b""","c\nd"\n')
    assert rows == [{"A": 'a,"b"', "B": "c\nd"}]


def test_blank_line_in_one_column_is_a_missing_value(tmp_path: Path) -> None:
    assert read(tmp_path, b"A\n1\n\n2\n") == [{"A": "1"}, {"A": None}, {"A": "2"}]


def test_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, b"A,B\n") == []


def test_not_utf8_says_line_and_byte(tmp_path: Path) -> None:
    text = refusal(tmp_path, b"A,B\n1,2\n3,\xe9\n")
    assert "line 3, byte 10 of the file" in text
    assert "0xe9 is not UTF-8" in text
    assert "save the file as UTF-8" in text


@pytest.mark.parametrize(("row", "fields"), [(b"\n", 0), (b"3\n", 1), (b"3,4,5\n", 3)])
def test_ragged_rows_say_their_lines(tmp_path: Path, row, fields) -> None:
    text = refusal(tmp_path, b'A,B\n"1\n1",2\n' + row + b"6,7\n" + row + b"8,9\n")
    assert "ae.csv: 2 lines" in text
    assert f"line 4 has {fields} fields; line 6 has {fields} fields" in text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"A,,C\n1,2,3\n", "columns 2 have no name"),
        (b"A,B,A\n1,2,3\n", r"\['A'\] are there twice"),
        (b'A,B\n1,"2\n', "unexpected end of data"),
        (b'A,B\n1,"2"x\n', "expected after"),
    ],
)
def test_refusals_say_why(tmp_path: Path, data, words) -> None:
    (tmp_path / "ae.csv").write_bytes(data)
    with pytest.raises(FileFormatError, match=words):
        read_csv(tmp_path / "ae.csv")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        content = read_csv(path)
    except FileFormatError:
        return
    assert content.frame.collect().height == content.rows
