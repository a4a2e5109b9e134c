"""The shape of an instrument on a sheet, and how its scores are written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from openlupus.instruments.arrays import Bools, Codes, Floats
from openlupus.instruments.composites import Option
from openlupus.instruments.scale import Scale
from openlupus.scoring.sheet import Field, Sheet, Words

Options = Mapping[str, float]
Scores = dict[str, Any]
Reasons = list[tuple[int, str, str, bool, str, str]]

NOT_NEGATIVE = Scale(0, 1e9, whole=False)
NO_WORDS: Words = ()


@dataclass(frozen=True, slots=True)
class SheetForm:
    """An instrument on a sheet.

    `score` takes the sheet and options and returns columns of scores by name. `row_by_row`: one
    score a row of the sheet (else the scores name their rows themselves). `explain`: rows of
    reasons, where an instrument has them. `note`: what a reader of the scores must be told.
    """

    name: str
    label: str
    fields: tuple[Field, ...]
    score: Callable[[Sheet, Options], Scores]
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    row_by_row: bool = True
    explain: Callable[[Sheet, Options], Reasons] | None = None
    note: str = ""


# -- how scores are written -------------------------------------------------------------------


def verdict(codes: Codes) -> pl.Series:
    """1, 0, empty for -1."""
    column = pl.Series(codes.astype(np.int8))
    return column.set(column < 0, None)


def names_where(flags: Bools, names: tuple[str, ...]) -> pl.Series:
    """Of each row, the names whose flag is up, with a blank between."""
    rows = np.flatnonzero(flags.any(axis=1))
    texts = pl.zeros(len(flags), pl.Int8, eager=True).replace_strict(
        {0: ""}, return_dtype=pl.String
    )
    if not len(rows):
        return texts
    listed = [" ".join(names[i] for i in np.flatnonzero(flags[row])) for row in rows]
    return texts.scatter(rows, listed)


def whole(values: Floats) -> pl.Series:
    """Whole numbers without a decimal point, empty for nan."""
    return pl.Series(values).fill_nan(None).cast(pl.Int64)
