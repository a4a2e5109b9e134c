"""CDISC Dataset-JSON 1.1, as one document (`.json`) or as lines (`.ndjson`).

Source: CDISC, Dataset-JSON specification, version 1.1.0.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import polars as pl

from openlupus.errors import FileFormatError
from openlupus.exchange.content import Content, fault

VERSION = "1.1.0"
_NUMBERS = frozenset({"integer", "float", "double", "decimal"})
_NEEDED = ("datasetJSONVersion", "name", "records", "columns")
_AGAIN = "ask the sender for the file again, or write it again as Dataset-JSON 1.1"


def read_dataset_json(path: Path) -> Content:
    """The rows of a Dataset-JSON file.

    Numbers of any kind become `Float64`; dates with the target type `integer` become dates, others
    stay ISO text.

    Raises:
        FileFormatError: no Dataset-JSON of version 1.1, a number of rows other than it states, or
            a row of another number of values than it has columns.
    """

    def refuse(where: str, why: str, do: str = _AGAIN) -> FileFormatError:
        return FileFormatError(fault(path.name, where=where, why=why, do=do))

    try:
        head, rows = _parse(path)
    except UnicodeDecodeError as error:
        raise refuse(f"byte {error.start}", "it is not UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise refuse(where, f"it is no JSON: {error.msg}") from error
    if absent := [key for key in _NEEDED if key not in head]:
        raise refuse("the head", f"it has no {', '.join(absent)}, which Dataset-JSON 1.1 must have")
    if not str(head["datasetJSONVersion"]).startswith("1.1"):
        raise refuse("datasetJSONVersion", f"it is {head['datasetJSONVersion']}, and 1.1 is read")
    if head["records"] != len(rows):
        raise refuse("rows", f"it states {head['records']} rows, and has {len(rows)}")
    columns: list[dict[str, Any]] = head["columns"]
    ragged = [i + 1 for i, row in enumerate(rows) if len(row) != len(columns)]
    if ragged:
        raise refuse(f"row {ragged[0]}", f"{len(ragged)} rows have not {len(columns)} values")
    try:
        return Content(_frame(columns, rows).lazy(), len(rows))
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise refuse("values", f"a value is not of its column's type: {error}") from error


def _parse(path: Path) -> tuple[dict[str, Any], list[list[Any]]]:
    text = path.read_bytes().decode("utf-8")
    if path.suffix != ".ndjson":
        document = _head(json.loads(text))
        return document, document.get("rows") or []
    first, *lines = text.split("\n")
    return _head(json.loads(first)), [json.loads(line) for line in lines if line]


def _head(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _frame(columns: Sequence[Mapping[str, Any]], rows: list[list[Any]]) -> pl.DataFrame:
    by_column = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pl.DataFrame(
        [_series(column, list(v)) for column, v in zip(columns, by_column, strict=True)]
    )


def _series(column: Mapping[str, Any], values: list[Any]) -> pl.Series:
    name, kind = str(column["name"]), column.get("dataType", "string")
    if kind in _NUMBERS:
        numbers = [None if v is None or v == "" else float(v) for v in values]
        return pl.Series(name, numbers, pl.Float64)
    text = pl.Series(name, [None if v is None or v == "" else v for v in values], pl.String)
    if column.get("targetDataType") != "integer":
        return text
    if kind == "date":
        return text.str.to_date("%Y-%m-%d")
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S") if kind == "datetime" else text


def dataset_json(
    frame: pl.DataFrame,
    *,
    name: str,
    label: str,
    labels: Mapping[str, str],
    keys: Sequence[str],
    created: datetime,
    synthetic: bool,
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Head and rows of a Dataset-JSON document; the head ends where `rows` would stand."""
    study = str(frame["STUDYID"][0]) if "STUDYID" in frame.columns and frame.height else ""
    head = {
        "datasetJSONCreationDateTime": created.strftime("%Y-%m-%dT%H:%M:%S"),
        "datasetJSONVersion": VERSION,
        "originator": "OpenLupus, SYNTHETIC data" if synthetic else "OpenLupus",
        "studyOID": study,
        "itemGroupOID": f"IG.{name}",
        "records": frame.height,
        "name": name,
        "label": label,
        "columns": [
            _column(name, column, dtype, labels.get(column, column), keys)
            for column, dtype in frame.schema.items()
        ],
    }
    plain = [
        pl.col(column).dt.to_string("iso:strict" if dtype == pl.Date else "%Y-%m-%dT%H:%M:%S")
        for column, dtype in frame.schema.items()
        if dtype.is_temporal()
    ]
    return head, frame.with_columns(plain).rows()


def _column(
    domain: str, name: str, dtype: pl.DataType, label: str, keys: Sequence[str]
) -> dict[str, Any]:
    kinds = {pl.Float64: "double", pl.Date: "date", pl.Datetime: "datetime"}
    kind = next((text for type_, text in kinds.items() if dtype == type_), "string")
    column: dict[str, Any] = {
        "itemOID": f"IT.{domain}.{name}",
        "name": name,
        "label": label,
        "dataType": "integer" if dtype.is_integer() else kind,
    }
    if dtype.is_temporal():
        column["targetDataType"] = "integer"
    if name in keys:
        column["keySequence"] = keys.index(name) + 1
    return column
