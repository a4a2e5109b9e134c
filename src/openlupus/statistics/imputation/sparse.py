"""A sparse matrix that is only ever multiplied with a dense one."""

from typing import Any, final

import numpy as np
from scipy.sparse import csr_array  # pyright: ignore[reportUnknownVariableType]

from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.interval import Floats


@final
class Sparse:
    """A matrix kept by its numbers that are not 0."""

    def __init__(
        self, numbers: Floats, rows: Indices, columns: Indices, shape: tuple[int, int]
    ) -> None:
        self.columns = shape[1]
        kept = numbers != 0
        where = (rows[kept], columns[kept])
        self._matrix: Any = csr_array((numbers[kept], where), shape=shape)
        self._transposed: Any = csr_array((numbers[kept], where[::-1]), shape=shape[::-1])

    def times(self, dense: Floats) -> Floats:
        """The product, shape (rows, stack)."""
        return np.asarray(self._matrix @ dense, np.float64)

    def transposed_times(self, dense: Floats) -> Floats:
        """The product of the transpose, shape (columns, stack)."""
        return np.asarray(self._transposed @ dense, np.float64)
