"""Columns of different kinds, checked once, and the designs that chains make of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.incomplete import Indices, refuse_unobserved
from openlupus.statistics.imputation.regressions import (
    SeparationPrior,
    draw_matched,
    draw_nominal,
    draw_normal,
    draw_ordinal,
)
from openlupus.statistics.interval import Bools, Floats

Kind = Literal["numeric", "binary", "ordinal", "nominal"]
Model = Literal["normal", "pmm", "logistic", "ordinal", "nominal"]

_ALLOWED: dict[Kind, tuple[Model, ...]] = {
    "numeric": ("normal", "pmm"),
    "binary": ("logistic", "normal", "pmm"),
    "ordinal": ("ordinal", "nominal", "pmm"),
    "nominal": ("nominal",),
}


@dataclass(frozen=True, slots=True)
class Column:
    """What a column is, and how it is imputed.

    Attributes:
        name: For messages and results.
        kind: `numeric`, `binary`, `ordinal` or `nominal`.
        model: `normal`, `pmm`, `logistic`, `ordinal` or `nominal`; unless given, the usual one of
            the kind (normal, logistic, ordinal, nominal).
        donors: Of predictive mean matching.
    """

    name: str
    kind: Kind = "numeric"
    model: Model | None = None
    donors: int = 5

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or self.used not in _ALLOWED[self.kind]:
            raise ImputationError(
                f"{self.name}: a {self.kind} column cannot be imputed by {self.model!r}; models "
                f"by kind: { {kind: list(models) for kind, models in _ALLOWED.items()} }"
            )

    @property
    def used(self) -> Model:
        """The model that is used."""
        return self.model or _ALLOWED[self.kind][0]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Checked columns; categories as codes 0, 1, ... in the order of their values.

    Attributes:
        columns: What they are.
        codes: Shape (rows, columns), NaN where missing.
        missing: Where.
        levels: Values of the categories, one array a column; empty for a numeric one.
        centre: Mean of a numeric column where observed, else 0.
        scale: Its standard deviation, else 1.
        places: Where the features of each column stand in the design.
    """

    columns: tuple[Column, ...]
    codes: Floats
    missing: Bools
    levels: tuple[Floats, ...]
    centre: Floats
    scale: Floats
    places: tuple[Indices, ...] = field(default=())

    def features(self, column: int, codes: Floats) -> Floats:
        """Columns of the design: a standardised number, or an indicator of each further level."""
        if not self.levels[column].size:
            return ((codes - self.centre[column]) / self.scale[column])[..., None]
        # A single level has a feature too, of zeros: `places` keeps one for it.
        further = np.arange(1, max(self.levels[column].size, 2))
        return (codes[..., None] == further).astype(np.float64)

    def values(self, column: int, codes: Floats) -> Floats:
        """Codes back to the values of the data."""
        if not self.levels[column].size:
            return codes
        return self.levels[column][codes.astype(np.intp)]

    def draw(
        self,
        column: int,
        x: Floats,
        x_missing: Floats,
        generator: np.random.Generator,
        prior: SeparationPrior,
    ) -> Floats:
        """Draws of a column's missing codes, shape (chains, missing rows)."""
        spec, y = self.columns[column], self.codes[~self.missing[:, column], column]
        try:
            if spec.used == "normal":
                return draw_normal(x, y, x_missing, generator)
            if spec.used == "pmm":
                return draw_matched(x, y, x_missing, generator, donors=spec.donors)
            drawn = draw_ordinal if spec.used == "ordinal" else draw_nominal
            return drawn(
                x, y, x_missing, generator, categories=self.levels[column].size, prior=prior
            )
        except ImputationError as error:
            raise ImputationError(f"{spec.name}: {error}") from error


def read_table(data: ArrayLike, columns: Sequence[Column | str]) -> Table:
    """Check a table whose columns are of different kinds.

    Args:
        data: Shape (rows, columns); NaN is missing; categories as any numbers.
        columns: One each; a name alone is a numeric column.

    Raises:
        ImputationError: shapes that do not fit, an infinite value, a column without observations,
            or whose observed values are all the same while some are missing, a binary one with
            more than two values.
    """
    values = np.array(data, dtype=np.float64)
    specs = tuple(Column(each) if isinstance(each, str) else each for each in columns)
    if values.ndim != 2 or 0 in values.shape or values.shape[1] != len(specs):
        raise ImputationError(
            f"data has shape {values.shape} and {len(specs)} columns are described"
        )
    if np.isinf(values).any():
        raise ImputationError("the data hold an infinite value")
    missing = np.isnan(values)
    refuse_unobserved(missing, [spec.name for spec in specs])
    codes, levels = values.copy(), list[Floats]()
    centre, scale = np.zeros(len(specs)), np.ones(len(specs))
    for j, spec in enumerate(specs):
        seen = values[~missing[:, j], j]
        found = np.unique(seen)
        _refuse_values(spec, found, bool(missing[:, j].any()))
        if spec.kind in ("ordinal", "nominal") or spec.used == "logistic":
            levels.append(found)
            codes[~missing[:, j], j] = np.searchsorted(found, seen)
        else:
            levels.append(np.empty(0))
            centre[j], scale[j] = seen.mean(), float(seen.std()) or 1.0
    widths = [max(own.size - 1, 1) if own.size else 1 for own in levels]
    starts = 1 + np.cumsum([0, *widths])
    places = tuple(
        np.arange(first, first + width, dtype=np.intp)
        for first, width in zip(starts.tolist(), widths, strict=False)
    )
    return Table(specs, codes, missing, tuple(levels), centre, scale, places)


def unseen(table: Table, uses: Bools) -> tuple[str, ...]:
    """Levels of a predictor at which a column was never observed: nothing tells their effect.

    Args:
        table: The table.
        uses: Which columns predict which, shape (columns, columns), row the predicted one.

    Returns:
        One sentence each. The effect is drawn about none, with the error of a single observation.
    """
    found: list[str] = []
    incomplete = np.asarray(table.missing.any(axis=0), np.bool_)
    for j, k in np.argwhere(uses & incomplete[:, None]).tolist():
        seen = np.unique(table.codes[~table.missing[:, j] & ~table.missing[:, k], k])
        found += [
            f"{table.columns[j].name} is observed in no row with {table.columns[k].name} = "
            f"{table.levels[k][code]:g}: its effect is drawn about 0 with the error of one row"
            for code in np.setdiff1d(np.arange(table.levels[k].size), seen).astype(int).tolist()
        ]
    return tuple(found)


def _refuse_values(spec: Column, found: Floats, incomplete: bool) -> None:
    if spec.kind == "binary" and found.size > 2:
        raise ImputationError(
            f"{spec.name} is called binary and has {found.size} values: {found[:5].tolist()}"
        )
    if found.size == 1 and incomplete:
        raise ImputationError(
            f"{spec.name} has the one value {found[0]:g} wherever it is observed: no other "
            "category was seen, so no model can draw one; fill it in, or leave it out"
        )
