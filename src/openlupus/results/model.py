"""Result rows: one number a row, at full precision, with all that says which number it is."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType

import polars as pl

from openlupus.errors import ResultsError

SCHEMA: Mapping[str, pl.DataType] = MappingProxyType({
    "analysis": pl.String(),
    "method": pl.String(),
    "population": pl.String(),
    "visit": pl.String(),
    "parameter": pl.String(),
    "group": pl.String(),
    "comparator": pl.String(),
    "subgroup": pl.String(),
    "statistic": pl.String(),
    "value": pl.Float64(),
    "unit": pl.String(),
    "n": pl.Int64(),
    "warnings": pl.String(),
    "source": pl.String(),
})  # fmt: skip
COLUMNS = tuple(SCHEMA)
KEY = COLUMNS[: COLUMNS.index("value")]
"""The columns that together identify a row; no two rows of a set of results share them."""

STATISTICS = (
    "N", "n", "events", "mean", "sd", "median", "q1", "q3", "minimum", "maximum",
    "proportion", "difference", "se", "lower", "upper", "p", "p_adjusted", "rejected",
    "lsmean", "statistic", "df", "slope", "ratio", "rmse", "survival", "at_risk", "censored",
    "rate", "exposure", "reference", "x", "y", "aic", "dose",
)  # fmt: skip
"""The common names of statistics; a method with a quantity of its own may add a name."""

_TEXT = tuple(name for name, kind in SCHEMA.items() if kind == pl.String())


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One number and what it is; the fields are the columns of `Results.rows`, in order.

    Attributes:
        group, comparator: Ids of arms or groups; `""` is over all, or no comparison.
        parameter: What is described; levels of a hierarchy are joined by `|`.
        value: Full precision; proportions lie in 0-1; None where it cannot be computed, and
            then `warnings` says why.
        n: Subjects that the number rests on.
        source: JSON pointer to the records, as `pointer` makes it.
    """

    analysis: str
    method: str = ""
    population: str = ""
    visit: str = ""
    parameter: str = ""
    group: str = ""
    comparator: str = ""
    subgroup: str = ""
    statistic: str
    value: float | None
    unit: str = ""
    n: int | None = None
    warnings: str = ""
    source: str = ""


def pointer(
    dataset: str, where: Mapping[str, object], *, more: Mapping[str, object] | None = None
) -> str:
    """Pointer to the records that a row rests on: rows of `dataset` where every column holds, and
    what `more` says of them."""
    told = {"dataset": dataset, "where": dict(where), **(more or {})}
    return json.dumps(told, ensure_ascii=False)


def rows_frame(rows: Iterable[ResultRow]) -> pl.DataFrame:
    """Result rows as a frame with the columns of `SCHEMA`; a NaN becomes a null."""
    kept = list(rows)
    columns = {f.name: [getattr(row, f.name) for row in kept] for f in fields(ResultRow)}
    frame = pl.DataFrame(columns, schema=dict(SCHEMA))
    return frame.with_columns(pl.col("value").fill_nan(None))


@dataclass(frozen=True, eq=False)
class Results:
    """All results of a run, in the order of the analyses and, within one, as produced.

    Attributes:
        rows: One number a row, columns exactly `SCHEMA`.
        notes: Analysis id to its method note, with every option and default in words. An analysis
            that ran and had nothing to count still has its note.
        failed: Analysis that could not be computed at all to the reason.

    Raises:
        ResultsError: The rows have other columns or types, share a key, hold an empty text as null,
            a NaN, or a null value without a warning.
    """

    rows: pl.DataFrame
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    failed: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        faults = _schema_faults(self.rows) or _row_faults(self.rows)
        if faults:
            listed = "\n".join(f"  {fault}" for fault in faults)
            raise ResultsError(f"these rows are not results:\n{listed}")
        object.__setattr__(self, "notes", MappingProxyType(dict(self.notes)))
        object.__setattr__(self, "failed", MappingProxyType(dict(self.failed)))

    @cached_property
    def analyses(self) -> tuple[str, ...]:
        """Every analysis that has rows or a note, or failed, in order."""
        return tuple(dict.fromkeys([*self.rows["analysis"], *self.notes, *self.failed]))

    def find(
        self,
        *,
        analysis: str,
        statistic: str,
        parameter: str = "",
        visit: str = "",
        group: str = "",
        comparator: str = "",
        subgroup: str = "",
    ) -> tuple[ResultRow, ...]:
        """The rows of a statistic: none, one, or one for each method and population."""
        key = (analysis, statistic, parameter, visit, group, comparator, subgroup)
        return self._index.get(key, ())

    def values(self, analysis: str, column: str) -> tuple[str, ...]:
        """Values that an identifying column takes in an analysis, in order of appearance."""
        return self._values.get((analysis, column), ())

    @cached_property
    def _index(self) -> Mapping[tuple[str, ...], tuple[ResultRow, ...]]:
        index: dict[tuple[str, ...], tuple[ResultRow, ...]] = {}
        for named in self.rows.iter_rows(named=True):
            row = ResultRow(**named)
            key = (
                row.analysis, row.statistic, row.parameter, row.visit, row.group,
                row.comparator, row.subgroup,
            )  # fmt: skip
            index[key] = (*index.get(key, ()), row)
        return index

    @cached_property
    def _values(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for column in KEY[1:]:
            pairs = self.rows.select("analysis", column).unique(maintain_order=True)
            for analysis, value in pairs.iter_rows():
                found[analysis, column] = (*found.get((analysis, column), ()), value)
        return found


def concat(parts: Iterable[Results], *, order: Sequence[str] = ()) -> Results:
    """Several results as one.

    Args:
        parts: Results that share no key.
        order: Ids of analyses, as declared; these come first and in this order, others follow in
            the order of their first row.
    """
    given = list(parts)
    notes: dict[str, str] = {}
    for part in given:
        for analysis, note in part.notes.items():
            if notes.setdefault(analysis, note) != note:
                raise ResultsError(f"analysis {analysis!r} comes twice, with two method notes")
    rows = pl.concat([rows_frame(()), *(part.rows for part in given)])
    first = list(dict.fromkeys([*order, *rows["analysis"], *notes]))
    place = {analysis: i for i, analysis in enumerate(first)}
    at = pl.col("analysis").replace_strict(place, return_dtype=pl.Int64)
    rows = rows.sort(at, maintain_order=True) if len(rows) else rows
    failed = {name: why for part in given for name, why in part.failed.items()}
    kept = {analysis: notes[analysis] for analysis in first if analysis in notes}
    return Results(rows, kept, failed)


def _schema_faults(rows: pl.DataFrame) -> list[str]:
    if tuple(rows.columns) != COLUMNS:
        return [f"columns are {', '.join(rows.columns)}; they must be {', '.join(COLUMNS)}"]
    return [
        f"column {name!r} is {rows.schema[name]}; it must be {kind}"
        for name, kind in SCHEMA.items()
        if rows.schema[name] != kind
    ]


def _row_faults(rows: pl.DataFrame) -> list[str]:
    checks: list[tuple[str, pl.Expr]] = [
        (f"column {name!r} is null; empty text is ''", pl.col(name).is_null()) for name in _TEXT
    ]
    checks += [
        ("the value is NaN; what cannot be computed is null", pl.col("value").is_nan()),
        (
            "the value is null and no warning says why",
            pl.col("value").is_null() & (pl.col("warnings") == ""),
        ),
        ("no analysis is named", pl.col("analysis") == ""),
        ("no statistic is named", pl.col("statistic") == ""),
        ("the key is that of another row", pl.struct(KEY).is_duplicated()),
    ]
    faults: list[str] = []
    for words, broken in checks:
        bad = rows.with_row_index("_row").filter(broken)
        if len(bad):
            faults.append(f"{words}: {len(bad)} rows, the first is row {_described(bad)}")
    return faults + _source_faults(rows)


def _source_faults(rows: pl.DataFrame) -> list[str]:
    for text in rows["source"].unique(maintain_order=True):
        try:
            json.loads(text or "{}")
        except ValueError:
            return [f"source {text!r} is not JSON"]
    return []


def _described(bad: pl.DataFrame) -> str:
    row = bad.row(0, named=True)
    return f"{row['_row']} ({', '.join(f'{k}={row[k]}' for k in KEY if row[k])})"
