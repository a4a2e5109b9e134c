"""Complete rows of a formula as a design matrix; and results as frames and printed text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from openlupus.errors import FormulaError, StatisticsError
from openlupus.modelling.formula import Formula
from openlupus.modelling.frames import Levels, Table, factor
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.mmrm.design import Covariate, Design, Factor, design


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows that have every value that a model needs.

    Attributes:
        complete: Which rows of the frame they are.
        numbers: Numeric columns asked for, by name.
        factors: Factors asked for, by name; levels without rows are left out.
        design: Of the terms, without rows that are incomplete.
        notes: Rows left out.
    """

    complete: Bools
    numbers: Mapping[str, Floats]
    factors: Mapping[str, Factor]
    design: Design | None
    notes: tuple[str, ...]


def generator_of(seed: int | np.random.Generator) -> np.random.Generator:
    """A generator: the one given, or one that starts from a seed."""
    return seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)


def numbers(source: Table, column: str) -> Floats:
    """A column as numbers; missing is NaN, true is 1.

    Raises:
        FormulaError: the column does not hold numbers.
    """
    series = source.columns[column]
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean or series.dtype == pl.Null):
        raise FormulaError(f"the column {column!r} holds {series.dtype}; numbers are needed")
    return series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


def rows_of(
    source: Table,
    *,
    formula: Formula | None = None,
    numeric: Sequence[str] = (),
    factors: Sequence[str] = (),
    levels: Levels | None = None,
) -> Rows:
    """Code the columns that a model needs and leave incomplete rows out.

    Args:
        source: The columns.
        formula: Whose terms make the design; its response is not among them.
        numeric: Further columns of numbers.
        factors: Further columns of levels.
        levels: Order of the levels of a column, the reference first.

    Raises:
        FormulaError: a column of a wrong kind.
        StatisticsError: no complete row.
    """
    order = levels or {}
    values = {name: numbers(source, name) for name in numeric}
    groups = {name: factor(source, name, order) for name in factors}
    terms: dict[str, Factor | Covariate] = {}
    used: Mapping[str, str] = formula.columns if formula else {}
    for name, column in used.items():
        plain = source.columns[column].dtype.is_numeric() and column not in order
        coded = plain and name not in (formula.forced if formula else ())
        terms[name] = Covariate(numbers(source, column)) if coded else factor(source, column, order)
    complete = np.ones(source.columns.height, np.bool_)
    for each in values.values():
        complete &= ~np.isnan(each)
    for each in (*groups.values(), *terms.values()):
        complete &= each.codes >= 0 if isinstance(each, Factor) else ~np.isnan(each.values)
    if not complete.any():
        raise StatisticsError("no row has all the values that the model needs")
    left_out = int((~complete).sum())
    kept = {name: _kept(each, complete) for name, each in terms.items()}
    made = None
    if formula is not None:
        size = int(complete.sum())
        made = design(formula.terms, kept, rows=size, intercept=formula.intercept)
    return Rows(
        complete,
        {name: each[complete] for name, each in values.items()},
        {
            name: f
            for name, each in groups.items()
            if isinstance(f := _kept(each, complete), Factor)
        },
        made,
        (f"{left_out} of {complete.size} rows left out: a value is missing",) if left_out else (),
    )


def _kept(variable: Factor | Covariate, complete: Bools) -> Factor | Covariate:
    if isinstance(variable, Covariate):
        return Covariate(variable.values[complete])
    codes = variable.codes[complete]
    seen = np.bincount(codes, minlength=len(variable.levels)) > 0
    levels = tuple(level for level, here in zip(variable.levels, seen, strict=True) if here)
    return Factor(levels, (np.cumsum(seen) - 1)[codes])


def printed(title: str, facts: Mapping[str, object], columns: Mapping[str, Sequence[Any]]) -> str:
    """A title, facts a line, and a table whose numbers have four significant digits."""
    width = max((len(name) for name in facts), default=0)
    cells = [[name, *(_cell(value) for value in column)] for name, column in columns.items()]
    widths = [max(len(cell) for cell in column) for column in cells]
    lines = [
        "  ".join(
            cell.ljust(size) if _texts(column) else cell.rjust(size)
            for cell, size, column in zip(row, widths, columns.values(), strict=True)
        ).rstrip()
        for row in zip(*cells, strict=True)
    ]
    told = [f"  {name.ljust(width)}  {value}" for name, value in facts.items() if value != ""]
    return "\n".join([title, *told, "", *(f"  {line}" for line in lines)])


def _texts(column: Sequence[Any]) -> bool:
    return len(column) > 0 and isinstance(column[0], str)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str | bool | int):
        return str(value)
    return f"{float(value):#.4g}".rstrip(".")
