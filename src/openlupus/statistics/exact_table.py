"""Fisher's exact test of a table of any size (Freeman and Halton).

Mathematics: docs/methods/contingency.md, eq. freeman-halton.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from openlupus.errors import CountsError
from openlupus.statistics.interval import Floats

Codes = NDArray[np.int64]
_MOST_TABLES = 50_000_000
# Tables this close to the observed one in probability count as equal to it, as in R.
_SAME = 1e-7


@dataclass(frozen=True, slots=True)
class ExactTable:
    """Exact test of independence: P of all tables with these margins that are no more probable.

    Attributes:
        p: NaN where there is nothing to test, or the tables are too many.
        warnings: What the reader must know.
    """

    p: float
    warnings: tuple[str, ...] = ()


def exact_table(counts: ArrayLike) -> ExactTable:
    """Fisher's exact test of an r x c table of counts (eq. freeman-halton).

    Args:
        counts: Whole numbers, shape (rows, columns). Rows and columns without subjects are left
            out.

    Raises:
        CountsError: counts that are negative or not whole, or no table.

    Source:
        Freeman & Halton, Biometrika 1951;38:141.
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise CountsError(f"the table has shape {table.shape}; it must be (rows, columns)")
    if (~np.isfinite(table) | (table < 0) | (table != np.floor(table))).any():
        raise CountsError("a count of the table is not a whole number of subjects, 0 or more")
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(np.int64)
    if min(table.shape, default=0) < 2:
        why = "fewer than two rows or columns have subjects, so there is nothing to test"
        return ExactTable(float("nan"), (why,))
    # Few rows make few ways to spread a column over them; large columns come last.
    table = table.T if table.shape[0] > table.shape[1] else table
    table = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    if _work(len(rows), columns) > _MOST_TABLES:
        why = "too many tables have these margins for an exact test; consider a chi-square test"
        return ExactTable(float("nan"), (why,))
    logs = gammaln(np.arange(int(rows.sum()) + 1) + 1.0)
    whole = float(logs[columns].sum() + logs[rows].sum() - logs[rows.sum()])
    bound = float(logs[table].sum()) - _SAME
    lefts, spent = _paths(rows, columns[:-2], logs)
    nodes, place = np.unique(lefts, axis=0, return_inverse=True)
    p = 0.0
    for k, left in enumerate(nodes):
        before = spent[place.ravel() == k]
        after = np.sort(_last_two(left, int(columns[-2]), logs))
        # The tables with this past that are no more probable: all from some future on.
        first = np.searchsorted(after, bound - before, side="left")
        tails = np.append(np.cumsum(np.exp(whole - after)[::-1])[::-1], 0.0)
        p += float(np.exp(-before) @ tails[first])
    return ExactTable(min(p, 1.0))


def _work(rows: int, columns: Codes) -> float:
    """Ways to spread the columns but the last two, or what they leave times ways of the next."""

    def ways(total: float) -> float:
        return float(np.exp(gammaln(total + rows) - gammaln(total + 1) - gammaln(rows)))

    paths = float(np.prod([ways(float(column)) for column in columns[:-2]]))
    nodes = min(paths, ways(float(columns[:-2].sum())))
    return max(paths, nodes * ways(float(columns[-2])))


def _paths(rows: Codes, columns: Codes, logs: Floats) -> tuple[Codes, Floats]:
    """Every way to spread the columns: what it leaves of the rows, and its log factorials."""
    lefts, spent = rows[None], np.zeros(1)
    for column in columns:
        nodes, place = np.unique(lefts, axis=0, return_inverse=True)
        place, more = place.ravel(), list[tuple[Codes, Floats]]()
        for k, left in enumerate(nodes):
            cells, before = _spread(left, int(column)), spent[place == k]
            costs = logs[cells].sum(axis=1)
            ends = np.repeat(left - cells, before.size, axis=0)
            more.append((ends, (costs[:, None] + before).ravel()))
        lefts = np.concatenate([ends for ends, _ in more])
        spent = np.concatenate([costs for _, costs in more])
    return lefts, spent


def _last_two(left: Codes, column: int, logs: Floats) -> Floats:
    """Log factorials of the cells of the last two columns, for each way to spread the first."""
    cells = _spread(left, column)
    return (logs[cells] + logs[left - cells]).sum(axis=1)


def _spread(limits: Codes, total: int) -> Codes:
    """Every way to spread a total over rows, none above its limit; shape (ways, rows)."""
    ways = np.zeros((1, 0), dtype=np.int64)
    for limit, after in zip(limits, np.cumsum(limits[::-1])[::-1] - limits, strict=True):
        left = total - ways.sum(axis=1)
        low, high = np.maximum(left - after, 0), np.minimum(left, limit)
        sizes = np.maximum(high - low + 1, 0)
        start = np.repeat(low, sizes)
        step = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        ways = np.column_stack([np.repeat(ways, sizes, axis=0), start + step])
    return ways
