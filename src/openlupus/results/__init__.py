"""Results: the shape of a result row, its key, and how two sets of results compare.

Nothing is computed here.
"""

from openlupus.results.compare import differences, equal
from openlupus.results.model import (
    COLUMNS,
    KEY,
    SCHEMA,
    STATISTICS,
    ResultRow,
    Results,
    concat,
    pointer,
    rows_frame,
)

__all__ = [
    "COLUMNS",
    "KEY",
    "SCHEMA",
    "STATISTICS",
    "ResultRow",
    "Results",
    "concat",
    "differences",
    "equal",
    "pointer",
    "rows_frame",
]
