"""Conditions of a declaration as expressions on a frame."""

from collections.abc import Mapping

import polars as pl

from openlupus.errors import DerivationError
from openlupus.protocol.base import Test


def expression(where: Mapping[str, Test], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """True where every test of the condition holds; never null.

    Raises:
        DerivationError: a column does not exist, or a bound is asked of text.
    """
    absent = [column for column in where if column not in schema]
    if absent:
        raise DerivationError(
            f"no column {', '.join(absent)} for a condition; there are {', '.join(sorted(schema))}"
        )
    holds = [
        _holds(pl.col(column), test, column, numeric=schema[column].is_numeric())
        for column, test in where.items()
    ]
    return pl.all_horizontal(holds) if holds else pl.lit(True)


def _holds(column: pl.Expr, test: Test, name: str, *, numeric: bool) -> pl.Expr:
    bounds = {
        "at_least": test.at_least,
        "above": test.above,
        "at_most": test.at_most,
        "below": test.below,
    }
    if not numeric and any(bound is not None for bound in bounds.values()):
        raise DerivationError(
            f"column {name} holds text; at_least, above, at_most, below need a number"
        )

    def value(raw: str | float) -> pl.Expr:
        return pl.lit(float(raw)) if numeric else pl.lit(_text(raw))

    def values(raw: tuple[str | float, ...]) -> list[float] | list[str]:
        return [float(r) for r in raw] if numeric else [_text(r) for r in raw]

    parts: list[pl.Expr] = []
    text = column if numeric else column.cast(pl.String)
    # An empty text is a missing value: SAS files know no other.
    missing = column.is_null() if numeric else text.is_null() | (text == "")
    if test.equals is not None:
        parts.append(text.eq(value(test.equals)))
    if test.not_equals is not None:
        parts.append(text.ne(value(test.not_equals)) & ~missing)
    if test.one_of is not None:
        parts.append(text.is_in(values(test.one_of)))
    if test.none_of is not None:
        parts.append(~text.is_in(values(test.none_of)) & ~missing)
    if test.at_least is not None:
        parts.append(column >= test.at_least)
    if test.above is not None:
        parts.append(column > test.above)
    if test.at_most is not None:
        parts.append(column <= test.at_most)
    if test.below is not None:
        parts.append(column < test.below)
    if test.is_missing is not None:
        parts.append(missing if test.is_missing else ~missing)
    return pl.all_horizontal([part.fill_null(False) for part in parts]) if parts else pl.lit(True)


def _text(raw: str | float) -> str:
    return f"{raw:g}" if isinstance(raw, (int, float)) else raw
