"""From forms, one row a visit, to findings, one row an item: the part that must be fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.instruments.arrays import Bools, Floats, Ints

Cells = NDArray[np.int32]

ABSENT, NO, YES, NOT_DONE = -1, 0, 1, 2
_SPECIAL = ("N", "Y", "")
LARGEST, DECIMALS = 100_000, 3
"""Numbers of up to so many decimals, below `LARGEST` units of the last one, have a cell."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A form at every row of a chart: one column an item, one cell an answer (or ABSENT)."""

    category: str
    codes: Sequence[str]
    labels: Sequence[str]
    cells: Cells


@dataclass(frozen=True, slots=True)
class Long:
    """Findings in the order of rows and items: where each came from, and its answer."""

    row: Ints
    item: Ints
    cell: Cells

    def text(self) -> pl.Series:
        """The answer as text; null where not done."""
        return _texts().gather(pl.Series(self.cell))

    def number(self) -> pl.Series:
        """The answer as a number; null where it is none."""
        return _numbers().gather(pl.Series(self.cell))

    def not_done(self) -> pl.Series:
        """`NOT DONE` where an item was asked but not done."""
        return pl.Series(["NOT DONE", None]).gather(
            pl.Series(self.cell != NOT_DONE, dtype=pl.UInt32)
        )


def numbers(values: Floats, decimals: int = 0) -> Cells:
    """Cells of numbers that have so many decimals; nan is not done."""
    at = len(_SPECIAL) + decimals * LARGEST + np.rint(np.nan_to_num(values) * 10**decimals)
    return np.where(np.isnan(values), NOT_DONE, at).astype(np.int32)


def yes_no(values: NDArray[np.generic]) -> Cells:
    """Cells of Y (true, 1) and N."""
    return values.astype(np.int32)


def lay_out(grids: Sequence[Grid]) -> Long:
    """All cells that are there, row by row, in the order of the grids."""
    cells = np.concatenate([grid.cells for grid in grids], axis=1)
    width = cells.shape[1]
    flat = cells.ravel()
    there = np.flatnonzero(flat != ABSENT)
    row, item = np.divmod(there, width)
    return Long(row, item, flat[there])


def only(cells: Cells, rows: Bools) -> Cells:
    """The cells of a form at the rows where it is filled, ABSENT elsewhere."""
    return np.where(rows[:, None], cells, np.int32(ABSENT))


def sequence(patient: Ints) -> NDArray[np.int32]:
    """1, 2, 3, ... within each run of equal patients."""
    position = np.arange(len(patient))
    starts = np.diff(patient, prepend=-1) != 0
    return (position - np.maximum.accumulate(np.where(starts, position, 0)) + 1).astype(np.int32)


@cache
def _texts() -> pl.Series:
    texts: list[str | None] = ["N", "Y", None]
    for decimals in range(DECIMALS + 1):
        texts += [f"{number / 10**decimals:.{decimals}f}" for number in range(LARGEST)]
    return pl.Series(texts)


@cache
def _numbers() -> pl.Series:
    values: list[float | None] = [None] * len(_SPECIAL)
    for decimals in range(DECIMALS + 1):
        values += [number / 10**decimals for number in range(LARGEST)]
    return pl.Series(values, dtype=pl.Float64)
