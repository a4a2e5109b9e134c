"""Multiple imputation of a frame: draws in, completed frames of the same library out; pooling."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import narwhals as nw
import numpy as np
import polars as pl

from openlupus.display.figures.diagnostics import (
    ComparisonPicture,
    comparison_figure,
    write_figure,
)
from openlupus.errors import FormulaError, ImputationError
from openlupus.modelling.frames import Levels, Table, factor, table
from openlupus.modelling.tidy import generator_of, numbers, printed
from openlupus.statistics.imputation.augmentation import Chains, augment
from openlupus.statistics.imputation.conditional import impute_chained
from openlupus.statistics.imputation.diagnostics import compare
from openlupus.statistics.imputation.imputations import Imputations
from openlupus.statistics.imputation.mixed import Column, Kind, Model
from openlupus.statistics.imputation.monotone import impute_monotone
from openlupus.statistics.imputation.normal import Prior
from openlupus.statistics.imputation.pool import rubin
from openlupus.statistics.interval import Floats

Method = Literal["augment", "chained", "monotone"]
Estimates = Mapping[str, tuple[float, float]]
_MODELS: dict[str, Kind] = {"pmm": "numeric", "normal": "numeric", "logistic": "binary"}


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A column of the frame: how it is imputed, and its levels where it is of categories."""

    column: Column
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """A frame and the draws of its missing values; `print` it to see how they were drawn.

    Attributes:
        imputations: The draws, as numbers.
        variables: Columns that took part, in the order of the matrix.
        source: Every column of the frame, and its library.
    """

    imputations: Imputations
    variables: tuple[Variable, ...]
    source: Table

    def __len__(self) -> int:
        return len(self.imputations)

    def __iter__(self) -> Iterator[Any]:
        """Each completed frame in turn."""
        return (self.completed(number) for number in range(1, len(self) + 1))

    def completed(self, number: int) -> Any:
        """The frame with the draws of one imputation, from 1."""
        if not 1 <= number <= len(self):
            raise ImputationError(f"there are {len(self)} imputations, and no number {number}")
        return self._native(self._filled(self.imputations.completed(number - 1)))

    def stacked(self) -> Any:
        """All completed frames, one below the other, with a column `imputation` from 1."""
        parts = [
            self._filled(whole).select(pl.lit(number).alias("imputation"), pl.all())
            for number, whole in enumerate(self.imputations, start=1)
        ]
        return self._native(pl.concat(parts))

    def recompute(self, rule: Callable[[Any], Sequence[Any]]) -> Floats:
        """A composite from its components: the rule's answer a row in each completed frame.

        Args:
            rule: Takes a completed frame, gives one number or truth value a row.

        Returns:
            Shape (m, rows).
        """
        found = [np.asarray(rule(frame), np.float64) for frame in self]
        wrong = [each.shape for each in found if each.shape != (self.source.columns.height,)]
        if wrong:
            raise ImputationError(f"the rule gives shape {wrong[0]}; it must give one number a row")
        return np.array(found)

    def analyse(self, analysis: Callable[[Any], Estimates]) -> Any:
        """Analyse every completed frame; what `pool` takes.

        Args:
            analysis: Takes a completed frame, gives estimate and standard error by parameter.

        Returns:
            A frame with imputation, parameter, estimate, standard_error.
        """
        rows = [
            (number, name, estimate, error)
            for number, frame in enumerate(self, start=1)
            for name, (estimate, error) in analysis(frame).items()
        ]
        names = ("imputation", "parameter", "estimate", "standard_error")
        return self.source.frame(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))

    def compare(self) -> Any:
        """Observed against imputed values, two rows a variable."""
        return self.source.frame(self._compared())

    def figure(self, out: str | Path | None = None, *, force: bool = False) -> Any:
        """Observed beside imputed values as a picture; written where `out` (PNG, SVG, PDF) says."""
        pictures = [
            ComparisonPicture(
                label=each.name,
                observed=each.quantiles[0, 1:-1].tolist(),
                imputed=each.quantiles[1, 1:-1].tolist(),
                observed_mean=float(each.mean[0]),
                imputed_mean=float(each.mean[1]),
                counts=(each.observed, each.imputed),
            )
            for each in compare(self.imputations)
        ]
        made = comparison_figure(pictures, title=f"Observed and imputed, m = {len(self)}")
        if out is not None:
            write_figure(made, Path(out), force=force)
        return made

    def __str__(self) -> str:
        facts = {
            "method": self.imputations.method,
            "imputations": len(self),
            "rows": self.source.columns.height,
            "note": "; ".join(self.imputations.warnings),
        }
        return printed("Multiple imputation", facts, self._compared())

    def _compared(self) -> dict[str, list[Any]]:
        found = compare(self.imputations)
        shown: dict[str, list[Any]] = {
            name: [] for name in ("variable", "values", "n", "mean", "sd", "p5", "median", "p95")
        }
        for each in found:
            for k, what in enumerate(("observed", "imputed")):
                q = each.quantiles[k]
                values = (each.name, what, (each.observed, each.imputed)[k], float(each.mean[k]))
                values += (float(each.standard_deviation[k]), *(float(q[i]) for i in (1, 3, 5)))
                for name, value in zip(shown, values, strict=True):
                    shown[name].append(value)
        return shown

    def _filled(self, whole: Floats) -> pl.DataFrame:
        made: list[pl.Series] = []
        for j, variable in enumerate(self.variables):
            gone = self.imputations.imputed[:, j]
            name, own = variable.column.name, whole[:, j]
            if not gone.any():
                continue
            dtype = self.source.columns[name].dtype
            if variable.levels:
                blank = np.isnan(own)
                codes: list[int] = np.where(blank, 0, own).astype(int).tolist()
                texts: list[str | None] = [
                    None if b else variable.levels[c] for c, b in zip(codes, blank, strict=True)
                ]
                drawn = pl.Series(name, texts, pl.String)
                made.append(drawn == "TRUE" if dtype == pl.Boolean else drawn.cast(dtype))
            else:
                keep = dtype if dtype.is_float() else pl.Float64
                made.append(pl.Series(name, own).fill_nan(None).cast(keep))
        return self.source.columns.with_columns(made)

    def _native(self, frame: pl.DataFrame) -> Any:
        arrow: Any = frame.to_arrow()  # pyright: ignore[reportUnknownVariableType]
        made: Any = nw.from_arrow(arrow, backend=self.source.backend)  # pyright: ignore[reportUnknownMemberType]
        return made.to_native()


def impute(
    data: Any,
    columns: Sequence[str] | Mapping[str, str],
    *,
    method: Method = "chained",
    m: int = 20,
    seed: int | np.random.Generator = 1,
    by: str | None = None,
    prior: Prior | None = None,
    chains: Chains | None = None,
    sweeps: int = 10,
    otherwise: Literal["refuse", "augment", "chained"] = "refuse",
    levels: Levels | None = None,
) -> Imputed:
    """Impute the missing values of a frame, at random given the columns named.

    Args:
        data: A frame of pandas, polars or pyarrow, one row a subject.
        columns: Names of the columns that take part, complete ones too; or by name what each is:
            a kind (`numeric`, `binary`, `ordinal`, `nominal`) or a model (`normal`, `pmm`,
            `logistic`). Unless said numbers are numeric, text of two levels is binary, of more
            nominal. For `monotone` in the order of the pattern.
        method: `augment`, data augmentation of the multivariate normal, for numbers; `chained`
            equations; `monotone` regression.
        m: Number of imputations.
        seed: A seed, or a generator.
        by: Column of groups that are imputed from their own rows alone, such as the arm; not for
            `augment`.
        prior: Of the covariance in `augment`.
        chains: How the chains of `augment` run.
        sweeps: Of `chained`.
        otherwise: What `monotone` does with a pattern that is not monotone.
        levels: Order of the levels of a column.

    Raises:
        ImputationError: what cannot be imputed, and why.
    """
    if method not in get_args(Method):
        raise ImputationError(f"method {method!r} is not one of {get_args(Method)}")
    kinds = columns if isinstance(columns, Mapping) else dict.fromkeys(columns, "")
    source = table(data, nw.from_native(data).lazy().collect_schema().names())
    coded = [_coded(source, name, kind, levels or {}) for name, kind in kinds.items()]
    variables = tuple(variable for variable, _ in coded)
    matrix = np.column_stack([values for _, values in coded])
    specs, rng = [each.column for each in variables], generator_of(seed)
    group = None if by is None else factor(source, by, levels or {})
    if group is not None and (group.codes < 0).any():
        raise ImputationError(f"{by!r} has missing values; a row without a group is not imputed")
    parts = None if group is None else np.asarray(group.levels)[group.codes]
    if method == "augment":
        if by is not None or any(spec.kind != "numeric" for spec in specs):
            raise ImputationError(
                "data augmentation is for numeric columns without groups; use method='chained'"
            )
        names = [spec.name for spec in specs]
        drawn = augment(
            matrix, m=m, generator=rng, prior=prior or Prior("jeffreys"), chains=chains, names=names
        )
    elif method == "chained":
        drawn = impute_chained(matrix, specs, m=m, generator=rng, sweeps=sweeps, by=parts)
    else:
        drawn = impute_monotone(
            matrix, specs, m=m, generator=rng, by=parts, otherwise=otherwise, completion=chains
        )
    return Imputed(drawn, variables, source)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Estimates pooled over imputations; `print` it for a summary.

    Attributes:
        columns: One row a parameter: parameter, estimate, standard_error, df, lower, upper, t, p,
            missing_information, relative_increase.
        imputations: m.
        source: The library of the frame.
    """

    columns: Mapping[str, list[Any]]
    imputations: int
    source: Table

    def estimates(self) -> Any:
        """As a frame."""
        return self.source.frame(self.columns)

    def __str__(self) -> str:
        facts = {"rules": "Rubin; degrees of freedom of Barnard and Rubin"}
        return printed(f"Pooled over {self.imputations} imputations", facts, self.columns)


def pool(
    estimates: Any,
    *,
    imputation: str = "imputation",
    parameter: str = "parameter",
    estimate: str = "estimate",
    standard_error: str = "standard_error",
    df: float = float("inf"),
    level: float = 0.95,
    null: float = 0.0,
) -> Pool:
    """Pool estimates by Rubin's rules, as PROC MIANALYZE does.

    Args:
        estimates: A frame with one row an imputation and parameter, such as `Imputed.analyse`
            gives.
        imputation: Column of the imputation.
        parameter: Column of the parameter.
        estimate: Column of the estimate.
        standard_error: Column of its standard error.
        df: Degrees of freedom of the complete-data analysis.
        level: Two-sided coverage.
        null: Value of the estimate under the null hypothesis.

    Raises:
        ImputationError: a parameter that some imputation lacks, or fewer than 2 imputations.
    """
    source = table(estimates, [imputation, parameter, estimate, standard_error])
    names = factor(source, parameter, {})
    which = numbers(source, imputation)
    values, errors = numbers(source, estimate), numbers(source, standard_error)
    every = np.unique(which)
    order = [names.levels[code] for code in dict.fromkeys(map(int, names.codes))]
    found: dict[str, list[Any]] = {"parameter": order}
    for name in order:
        own = names.codes == names.levels.index(name)
        if not np.array_equal(np.sort(which[own]), every):
            raise ImputationError(
                f"{name}: {int(own.sum())} estimates, and there are {every.size} imputations; "
                "each needs one"
            )
        got = rubin(values[own], errors[own] ** 2, df_complete=df, level=level, null=null)
        for label, value in (
            ("estimate", got.estimate), ("standard_error", got.standard_error), ("df", got.df),
            ("lower", got.lower), ("upper", got.upper), ("t", got.statistic), ("p", got.p),
            ("missing_information", got.missing_information),
            ("relative_increase", got.relative_increase),
        ):  # fmt: skip
            found.setdefault(label, []).append(float(value))
    return Pool(found, every.size, source)


def _coded(source: Table, name: str, kind: str, levels: Levels) -> tuple[Variable, Floats]:
    """How a column is imputed, and its numbers or the codes of its levels."""
    if name not in source.columns.columns:
        raise FormulaError(f"the data have no column {name!r}; they have {source.columns.columns}")
    model = kind if kind in get_args(Model) and kind not in get_args(Kind) else None
    stated = _MODELS.get(kind, kind)
    plain = source.columns[name].dtype.is_numeric() and name not in levels
    if plain:
        column = Column(name, stated or "numeric", model)  # pyright: ignore[reportArgumentType]
        return Variable(column, ()), numbers(source, name)
    own = factor(source, name, levels)
    usual: Kind = "binary" if len(own.levels) <= 2 else "nominal"
    column = Column(name, stated or usual, model)  # pyright: ignore[reportArgumentType]
    return Variable(column, own.levels), np.where(own.codes < 0, np.nan, own.codes)
