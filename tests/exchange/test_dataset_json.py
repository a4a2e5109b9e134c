"""Dataset-JSON 1.1: what it must have, and what it states, holds."""

import json
from pathlib import Path

import polars as pl
import pytest

from openlupus.errors import FileFormatError
from openlupus.exchange.dataset_json import read_dataset_json

HEAD = {
    "datasetJSONCreationDateTime": "2024-01-01T00:00:00",
    "datasetJSONVersion": "1.1.0",
    "itemGroupOID": "IG.VS",
    "records": 2,
    "name": "VS",
    "label": "Vital Signs",
    "columns": [
        {"itemOID": "IT.A", "name": "A", "label": "a", "dataType": "string"},
        {"itemOID": "IT.B", "name": "B", "label": "b", "dataType": "integer"},
        {"itemOID": "IT.C", "name": "C", "label": "c", "dataType": "decimal"},
        {"name": "D", "label": "d", "dataType": "date", "targetDataType": "integer"},
        {"itemOID": "IT.E", "name": "E", "label": "e", "dataType": "date"},
    ],
}  # fmt: skip
ROWS = [["x", 1, "0.1", "2024-02-29", "2024-02"], ["", None, None, None, None]]


def write(folder: Path, head: dict[str, object], rows: list[list[object]], lines: bool) -> Path:
    path = folder / ("vs.ndjson" if lines else "vs.json")
    text = json.dumps(head | {"rows": rows})
    if lines:
        text = "\n".join(json.dumps(line) for line in (head, *rows)) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("lines", [True, False])
def test_types_are_those_stated(tmp_path: Path, lines) -> None:
    frame = read_dataset_json(write(tmp_path, HEAD, ROWS, lines)).frame.collect()
    assert frame.dtypes == [pl.String, pl.Float64, pl.Float64, pl.Date, pl.String]
    assert frame.row(0)[:3] == ("x", 1.0, 0.1)
    assert frame.row(0)[4] == "2024-02"
    assert frame.row(1) == (None,) * 5


@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize(
    ("head", "rows", "words"),
    [
        ({"records": 3}, ROWS, "it states 3 rows, and has 2"),
        ({"datasetJSONVersion": "1.0.0"}, ROWS, "it is 1.0.0, and 1.1 is read"),
        ({}, [["x"], ROWS[1]], "1 rows have not 5 values"),
        ({}, [["x", "one", None, None, None], ROWS[1]], "not of its column's type"),
    ],
)
def test_refusals_say_why(tmp_path: Path, head, rows, words, lines) -> None:
    with pytest.raises(FileFormatError, match=words):
        read_dataset_json(write(tmp_path, HEAD | head, rows, lines))


@pytest.mark.parametrize("key", ["datasetJSONVersion", "name", "records", "columns"])
def test_what_it_must_have(tmp_path: Path, key) -> None:
    head = {name: value for name, value in HEAD.items() if name != key}
    with pytest.raises(FileFormatError, match=f"it has no {key}"):
        read_dataset_json(write(tmp_path, head, ROWS, lines=False))


@pytest.mark.parametrize("lines", [True, False])
def test_cut_at_any_byte(tmp_path: Path, lines) -> None:
    path = write(tmp_path, HEAD, ROWS, lines)
    data = path.read_bytes()
    for cut in range(len(data.rstrip())):
        path.write_bytes(data[:cut])
        with pytest.raises(FileFormatError, match=path.name):
            read_dataset_json(path)


@pytest.mark.parametrize("data", [b"[]", b"3", b'{"a": "\xe9"}', b"null"])
def test_other_json(tmp_path: Path, data) -> None:
    path = tmp_path / "vs.json"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=r"vs\.json"):
        read_dataset_json(path)
