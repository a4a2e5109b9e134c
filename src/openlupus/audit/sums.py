"""Totals are the sums of their arms; the rows of a partition are everybody."""

from collections.abc import Iterator, Mapping

from openlupus.audit.finding import Finding, about
from openlupus.audit.model import Cell, Published
from openlupus.audit.percentages import fits_percentage
from openlupus.audit.printed import Count

# A heading is taken for a partition where its rows add up to the header in more than this share of
# the columns.
_MOST = 0.5


def headers(published: Published) -> Iterator[Finding]:
    """Patients in the header of a column of several arms (eq. audit-sum)."""
    for key, column in published.columns.items():
        sizes = [published.columns[member].n for member in column.members]
        if not sizes or column.n is None or any(n is None for n in sizes):
            continue
        total = sum(n for n in sizes if n is not None)
        same = total == column.n
        yield Finding(
            check="total", table="columns", row="n", column=key, printed=str(column.n),
            recomputed=str(total), verdict="ok" if same else "inconsistent",
            why="sum of the arms" if same else f"the arms sum to {total}",
        )  # fmt: skip


def totals(published: Published) -> Iterator[Finding]:
    """Counts and denominators of columns that sum up others (eq. audit-sum)."""
    for cells in published.rows.values():
        for key, column in published.columns.items():
            total = cells.get(key)
            members = [cells[member] for member in column.members if member in cells]
            if total is None or not members or len(members) < len(column.members):
                continue
            counts = [(cell, published.count(cell)) for cell in (total, *members)]
            known = [(cell, count) for cell, count in counts if count is not None]
            if len(known) == len(counts):
                yield _total(published, known)
                yield from _denominators(known)


def _denominators(known: list[tuple[Cell, Count]]) -> Iterator[Finding]:
    (cell, total), *members = known
    of = [count.of for _, count in members if count.of is not None]
    if total.of is None or len(of) < len(members):
        return
    same = sum(of) == total.of
    why = "denominators of the arms" if same else f"the arms' denominators sum to {sum(of)}"
    yield about("denominator", cell, str(sum(of)), "ok" if same else "inconsistent", why)


def _total(published: Published, known: list[tuple[Cell, Count]]) -> Finding:
    (total_cell, total), *members = known
    summed = sum(count.n for _, count in members)
    if summed == total.n:
        return about("total", total_cell, str(summed), "ok", "sum of the arms")
    off = summed - total.n
    for cell, count in known:
        mended = count.n + off if cell is total_cell else count.n - off
        if _percentage_prefers(published, cell, count, mended):
            why = (
                f"the arms sum to {summed} and the total is {total.n}; {mended} here would mend"
                " the sum and agrees with the percentage printed in this cell"
            )
            return about("total", cell, str(mended), "misprint", why)
    return about(
        "total", total_cell, str(summed), "inconsistent",
        f"the arms sum to {summed}; no percentage says which number is wrong",
    )  # fmt: skip


def _percentage_prefers(published: Published, cell: Cell, count: Count, mended: int) -> bool:
    """Whether the cell's own percentage is that of another count, and not of the printed one."""
    of = published.patients(cell)
    if count.percent is None or of is None or not 0 <= mended <= of:
        return False
    fits = (fits_percentage(count.percent, n, of) for n in (count.n, mended))
    return tuple(fits) == (False, True)


def partitions(published: Published) -> Iterator[Finding]:
    """Rows under one heading that add up to all patients of each column (eq. audit-partition).

    The audit finds out by itself which headings are partitions: those that add up in most
    columns.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Cell]]] = {}
    for (table, row), cells in published.rows.items():
        heading, bar, _ = row.rpartition("|")
        if bar:
            groups.setdefault((table, heading), []).append(cells)
    for (table, heading), rows in groups.items():
        sums = dict(_column_sums(published, rows))
        whole = [key for key, (summed, n) in sums.items() if summed == n]
        if len(rows) < 2 or len(whole) < 2 or len(whole) <= _MOST * len(sums):
            continue
        for key, (summed, n) in sums.items():
            same = summed == n
            yield Finding(
                check="partition", table=table, row=heading, column=key, printed=str(n),
                recomputed=str(summed), verdict="ok" if same else "inconsistent",
                why="the rows add up to all patients" if same else
                f"the rows add up to {summed} of {n} patients, in other columns to all",
            )  # fmt: skip


def _column_sums(
    published: Published, rows: list[Mapping[str, Cell]]
) -> Iterator[tuple[str, tuple[int, int]]]:
    for key, column in published.columns.items():
        counts = [published.count(cells.get(key)) for cells in rows]
        known = [count for count in counts if count is not None]
        whole = len(known) == len(rows) and all(count.of is None for count in known)
        if whole and column.n is not None:
            yield key, (sum(count.n for count in known), column.n)
