"""Frames of pandas, polars or pyarrow in, coded variables out; and tidy frames back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from openlupus.errors import FormulaError, StatisticsError
from openlupus.modelling.formula import CovarianceTerm, Formula
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.mmrm.design import Covariate, Factor
from openlupus.statistics.mmrm.sufficient import Codes

Levels = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns as polars series, the order of levels that the frame declares, its library."""

    columns: pl.DataFrame
    declared: Mapping[str, tuple[str, ...]]
    backend: Any

    def frame(self, columns: Mapping[str, Any]) -> Any:
        """A tidy frame of the same library as the data."""
        return nw.from_dict(dict(columns), backend=self.backend).to_native()


@dataclass(frozen=True, slots=True, eq=False)
class ModelData:
    """Complete rows of a model, coded.

    Attributes:
        y: Responses.
        variables: Of the terms, by name.
        visit: Number of each row's visit; 0 where there are none.
        subject: Number of each row's subject.
        visit_names: One a visit.
        group: Number of each row's covariance group, or None.
        group_names: One a group.
        coordinates: Of a spatial structure, or None.
        weights: Or None.
        notes: Rows left out, levels that no row has.
    """

    y: Floats
    variables: Mapping[str, Factor | Covariate]
    visit: Codes
    subject: Codes
    visit_names: tuple[str, ...]
    group: Codes | None
    group_names: tuple[str, ...]
    coordinates: Floats | None
    weights: Floats | None
    notes: tuple[str, ...]


def table(data: Any, names: Sequence[str]) -> Table:
    """The named columns of a frame.

    Args:
        data: A frame of pandas, polars (lazy too) or pyarrow.
        names: Columns that are needed.

    Raises:
        FormulaError: columns that the frame does not have.
    """
    frame = nw.from_native(data)
    whole = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    if missing := [name for name in names if name not in whole.columns]:
        raise FormulaError(f"the data have no column {missing}; they have {whole.columns}")
    chosen = whole.select(list(dict.fromkeys(names)))
    declared = {name: found for name in chosen.columns if (found := _declared(chosen[name]))}
    return Table(chosen.to_polars(), declared, whole.implementation)


def model_data(
    formula: Formula,
    covariance: CovarianceTerm | None,
    source: Table,
    *,
    weights: str | None,
    levels: Levels,
) -> ModelData:
    """Code the variables of a formula and leave incomplete rows out.

    Args:
        formula: The formula.
        covariance: Its covariance term; None where each row is a subject.
        source: The columns.
        weights: Column of the weights.
        levels: Order of the levels of a column, the reference first; else the order that the frame
            declares, else sorted.

    Raises:
        FormulaError: columns of a wrong kind.
        StatisticsError: a missing subject, or a level that is not declared.
    """
    y = _numbers(source, formula.response)
    spatial = covariance is not None and covariance.structure.startswith("sp_")
    where = covariance.visits if covariance is not None and spatial else ()
    places = [_numbers(source, name) for name in where]
    heavy = None if weights is None else _numbers(source, weights)
    subject = np.arange(1, y.size + 1) if covariance is None else _subject(source, covariance)
    raw = {
        name: _variable(source, column, name in formula.forced, levels)
        for name, column in formula.columns.items()
    }
    named = None if covariance is None or spatial else covariance.visits[0]
    visit = None if named is None else _factor(source, named, levels)
    by = None if covariance is None else covariance.group
    group = None if by is None else _factor(source, by, levels)
    others = [v for v in (visit, group) if v is not None]
    numbers = [y, *places, *([heavy] if heavy is not None else [])]
    complete = _complete([*raw.values(), *others], numbers)
    notes = _left_out(complete, subject)
    if not complete.any():
        raise StatisticsError("no row has all the numbers that the formula needs")
    variables, dropped = _used(raw, complete)
    return ModelData(
        y=y[complete],
        variables=variables,
        visit=np.zeros(int(complete.sum()), np.int64) if visit is None else visit.codes[complete],
        subject=subject[complete],
        visit_names=() if visit is None else visit.levels,
        group=None if group is None else group.codes[complete],
        group_names=() if group is None else group.levels,
        coordinates=np.column_stack(places)[complete] if places else None,
        weights=None if heavy is None else heavy[complete],
        notes=notes + dropped,
    )


def factor(source: Table, column: str, levels: Levels) -> Factor:
    """A column as a factor; a missing value has the code -1."""
    return _factor(source, column, levels)


def _declared(series: nw.Series[Any]) -> tuple[str, ...]:
    if isinstance(series.dtype, nw.Enum):
        return tuple(str(level) for level in series.dtype.categories)
    if isinstance(series.dtype, nw.Categorical) and series.implementation.is_pandas_like():
        return tuple(str(level) for level in series.to_native().cat.categories)
    return ()


def _numbers(source: Table, column: str) -> Floats:
    series = source.columns[column]
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean or series.dtype == pl.Null):
        raise FormulaError(f"the column {column!r} holds {series.dtype}; numbers are needed")
    return series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


def _subject(source: Table, covariance: CovarianceTerm) -> Codes:
    series = source.columns[covariance.subject]
    if series.null_count():
        raise StatisticsError(
            f"{series.null_count()} rows have no subject in {covariance.subject!r}"
        )
    return series.rank("dense").to_numpy().astype(np.int64)


def _variable(source: Table, column: str, forced: bool, levels: Levels) -> Factor | Covariate:
    numeric = source.columns[column].dtype.is_numeric()
    if numeric and not forced and column not in levels:
        return Covariate(_numbers(source, column))
    return _factor(source, column, levels)


def _factor(source: Table, column: str, levels: Levels) -> Factor:
    series = source.columns[column]
    if series.dtype.is_numeric():
        series = pl.Series(column, _as_text(series))
    elif series.dtype == pl.Boolean:
        series = series.cast(pl.String).str.to_uppercase()
    else:
        series = series.cast(pl.String)
    found = _in_order(source.columns[column], series)
    order = tuple(levels[column]) if column in levels else source.declared.get(column, found)
    if unknown := sorted(set(found) - set(order)):
        raise StatisticsError(f"the column {column!r} holds {unknown}, not among {list(order)}")
    codes = series.cast(pl.Enum(list(order))).to_physical().cast(pl.Int64).fill_null(-1)
    return Factor(order, codes.to_numpy().astype(np.int64))


def _in_order(original: pl.Series, text: pl.Series) -> tuple[str, ...]:
    if original.dtype.is_numeric():
        return tuple(level for level in _as_text(original.unique().sort()) if level is not None)
    return tuple(text.drop_nulls().unique().sort().to_list())


def _as_text(series: pl.Series) -> list[str | None]:
    numbers = series.cast(pl.Float64).to_list()
    return [None if x is None or np.isnan(x) else f"{x:.15g}" for x in numbers]


def _complete(variables: Sequence[Factor | Covariate], numbers: Sequence[Floats]) -> Bools:
    complete = ~np.isnan(numbers[0])
    for each in numbers[1:]:
        complete &= ~np.isnan(each)
    for variable in variables:
        complete &= (
            variable.codes >= 0 if isinstance(variable, Factor) else ~np.isnan(variable.values)
        )
    return complete


def _left_out(complete: Bools, subject: Codes) -> tuple[str, ...]:
    if complete.all():
        return ()
    seen = np.bincount(subject - 1) > 0
    used = np.bincount(subject[complete] - 1, minlength=seen.size) > 0
    rows, subjects = int((~complete).sum()), int((seen & ~used).sum())
    note = f"{rows} of {complete.size} rows left out: a value is missing"
    return (f"{note} ({subjects} subjects without any observation)",)


def _used(
    raw: Mapping[str, Factor | Covariate], complete: Bools
) -> tuple[dict[str, Factor | Covariate], tuple[str, ...]]:
    """Variables of the complete rows, without the levels that none of these rows has."""
    kept: dict[str, Factor | Covariate] = {}
    notes: list[str] = []
    for name, variable in raw.items():
        if isinstance(variable, Covariate):
            kept[name] = Covariate(variable.values[complete])
            continue
        codes = variable.codes[complete]
        seen = np.bincount(codes, minlength=len(variable.levels)) > 0
        number = np.cumsum(seen) - 1
        kept[name] = Factor(
            tuple(level for level, here in zip(variable.levels, seen, strict=True) if here),
            number[codes],
        )
        if not seen.all():
            gone = [level for level, here in zip(variable.levels, seen, strict=True) if not here]
            notes.append(f"levels of {name} that no row has: {gone}")
    return kept, tuple(notes)
