"""A frame as it came, with the types that its domain declares, or the reasons why it cannot."""

from collections.abc import Iterator

import polars as pl

from openlupus.records.schema import Column, Domain

ISO_MOMENT = "%Y-%m-%dT%H:%M:%S"


def conform(frame: pl.LazyFrame, domain: Domain) -> tuple[pl.LazyFrame, list[str]]:
    """The frame with the declared types, and its faults (empty when it conforms).

    Numbers become `Float64`; text stored as categories, and dates stored as dates, become text.
    Text that must be a number is converted only if every value is one.
    """
    schema = frame.collect_schema()
    faults = [
        f"column {name} is missing; {domain.label} needs {', '.join(domain.required)}"
        for name in domain.required
        if name not in schema
    ]
    changes: list[pl.Expr] = []
    for name, dtype in schema.items():
        column = domain.column(name)
        if column is None:
            changes.extend(_plain(name, dtype))
        elif column.type == "number":
            faults.extend(_number_faults(frame, column, dtype))
            changes.extend(_as_number(name, dtype))
        else:
            faults.extend(_text_faults(frame, column, dtype))
            changes.extend(_plain(name, dtype))
            if dtype == pl.Null or dtype.is_numeric():
                changes.append(pl.lit(None, pl.String).alias(name))
    return (frame.with_columns(changes) if changes and not faults else frame), faults


def _plain(name: str, dtype: pl.DataType) -> Iterator[pl.Expr]:
    """How an undeclared column, or one of text, is kept."""
    if isinstance(dtype, (pl.Categorical, pl.Enum)):
        yield pl.col(name).cast(pl.String)
    elif name.endswith("DTC") and dtype == pl.Date:
        yield pl.col(name).dt.to_string("%Y-%m-%d")
    elif name.endswith("DTC") and isinstance(dtype, pl.Datetime):
        yield pl.col(name).dt.to_string(ISO_MOMENT)


def _as_number(name: str, dtype: pl.DataType) -> Iterator[pl.Expr]:
    if dtype == pl.Float32:
        # 0.7 stored in 32 bits must be 0.7 again, not 0.699999988.
        yield pl.col(name).cast(pl.Float64).round_sig_figs(7)
    elif dtype == pl.String:
        yield pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)
    elif dtype != pl.Float64:
        yield pl.col(name).cast(pl.Float64)


def _number_faults(frame: pl.LazyFrame, column: Column, dtype: pl.DataType) -> Iterator[str]:
    if dtype.is_numeric() or dtype == pl.Null:
        return
    if dtype != pl.String:
        yield f"column {column.name} holds {dtype}, and must hold numbers"
        return
    text = pl.col(column.name).str.strip_chars()
    bad = text.filter(text.cast(pl.Float64, strict=False).is_null() & text.is_not_null())
    count, first = frame.select(n=bad.len(), first=bad.first()).collect().row(0)
    if count:
        yield (
            f"column {column.name} must hold numbers, and {count} of its values are none"
            f" (first {first!r}); correct them, or leave them empty if there is no result"
        )


def _text_faults(frame: pl.LazyFrame, column: Column, dtype: pl.DataType) -> Iterator[str]:
    if dtype == pl.String or dtype == pl.Null or isinstance(dtype, (pl.Categorical, pl.Enum)):
        return
    if column.type != "text" and isinstance(dtype, (pl.Date, pl.Datetime)):
        return
    if not frame.select(pl.col(column.name).count()).collect().item():
        return
    do = "write ISO 8601 text" if column.type != "text" else "write it as text, leading zeros kept"
    yield f"column {column.name} holds {dtype}, and must hold text; {do}"
