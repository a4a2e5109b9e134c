"""The quick look at a file without quotes sees what the thorough one sees."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import FileFormatError
from openlupus.exchange import delimited

FIELDS = st.text(st.sampled_from("ab 1;ä"), max_size=3)
ROWS = st.lists(st.lists(FIELDS, min_size=1, max_size=4), max_size=5)


@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]), name=st.sampled_from(["x,y", "x,y,z"]))
def test_both_ways_agree(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str, name: str
) -> None:
    path: Path = tmp_path_factory.mktemp("csv") / "items.csv"
    path.write_bytes(end.join([name, *(",".join(row) for row in rows)]).encode() + end.encode())
    data = delimited.file_bytes(path)
    quick = delimited.shape_by_commas(data, path.name)
    try:
        thorough = delimited.shape(data.decode(), path.name)
    except FileFormatError:
        assert quick is None
    else:
        assert quick == thorough


@pytest.mark.parametrize("text", ['x,y\n"1",2\n', "x\n1\n", "x,y\n1\n", "x,y\n1,2\r3,4\n"])
def test_what_commas_cannot_tell_is_looked_at_thoroughly(tmp_path: Path, text: str) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(text.encode())
    assert delimited.shape_by_commas(delimited.file_bytes(path), path.name) is None
