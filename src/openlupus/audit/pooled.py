"""Means, SDs, medians and ranges of several arms together, against those of the arms.

Mathematics: docs/methods/audit.md.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil, sqrt

from openlupus.audit.finding import Finding, about
from openlupus.audit.model import Cell, Published
from openlupus.audit.printed import Mean, Median, Number

# Share of an arm's patients that have a value at least, where the paper does not say how many.
_LEFT = 0.8
_NOT_EXPLAINED = "neither rounding nor missing values of a fifth of the patients explain it"
# What binary rounding may add.
_SLACK = 1e-9


def pooled_mean(means: Sequence[float], n: Sequence[int]) -> float:
    """Mean of all patients (eq. audit-pooled-mean)."""
    return sum(m * k for m, k in zip(means, n, strict=True)) / sum(n)


def pooled_sd(means: Sequence[float], sds: Sequence[float], n: Sequence[int]) -> float:
    """SD of all patients about their common mean (eq. audit-pooled-sd)."""
    centre = pooled_mean(means, n)
    within = sum((k - 1) * s * s for s, k in zip(sds, n, strict=True))
    between = sum(k * (m - centre) ** 2 for m, k in zip(means, n, strict=True))
    return sqrt((within + between) / (sum(n) - 1))


def means(published: Published) -> Iterator[Finding]:
    """Means and SDs of columns that sum up others."""
    for total, members in _rows_with_total(published, Mean):
        n = [published.patients(cell) for cell in members]
        sizes = [k for k in n if k is not None and k > 1]
        content = total.content
        if len(sizes) < len(members) or not isinstance(content, Mean):
            continue
        parts = [cell.content for cell in members if isinstance(cell.content, Mean)]
        stated = published.fact(total.table, total.row).n
        corners = [sizes] if all(cell.column in stated for cell in members) else _fewer(sizes)
        yield _mean(total, content.mean, [part.mean for part in parts], sizes, corners)
        yield _spread(published, total, content, parts, sizes, corners)


def _fewer(sizes: Sequence[int]) -> list[list[int]]:
    """The patients of each arm, and every way in which arms may have lost the most."""
    return [list(each) for each in product(*((n, max(2, ceil(_LEFT * n))) for n in sizes))]


def _mean(
    total: Cell,
    printed: Number,
    parts: Sequence[Number],
    sizes: Sequence[int],
    corners: Sequence[Sequence[int]],
) -> Finding:
    values, halves = [float(part) for part in parts], [part.half for part in parts]
    centre, shown = pooled_mean(values, sizes), printed.like(pooled_mean(values, sizes))

    def fits(n: Sequence[int]) -> tuple[float, float]:
        reach = pooled_mean(halves, n) + printed.half + _SLACK
        return pooled_mean(values, n) - reach, pooled_mean(values, n) + reach

    low, high = fits(sizes)
    if low <= float(printed) <= high:
        return about("pooled mean", total, shown, "ok", f"the arms give {centre:.3f}")
    ranges = [fits(n) for n in corners]
    if min(low for low, _ in ranges) <= float(printed) <= max(high for _, high in ranges):
        why = f"the arms give {centre:.3f} if nobody's value is missing"
        return about("pooled mean", total, shown, "cannot tell", why)
    why = f"the arms give {centre:.3f}; {_NOT_EXPLAINED}"
    return about("pooled mean", total, shown, "inconsistent", why)


def _spread(
    published: Published,
    total: Cell,
    content: Mean,
    parts: Sequence[Mean],
    sizes: Sequence[int],
    corners: Sequence[Sequence[int]],
) -> Finding:
    """The number after the plus-minus sign, read as SD and as SE."""
    called, target = published.fact(total.table, total.row).plus_minus, content.spread

    def fits(low: float, high: float) -> bool:
        return low <= target.high + _SLACK and target.low <= high + _SLACK

    as_sd, as_se = (_pooled_range(parts, sizes, se=se) for se in (False, True))
    for name, other, bounds in (("SD", "SE", as_sd), ("SE", "SD", as_se)):
        if fits(*bounds) and called != other:
            shown = target.like(sum(bounds) / 2)
            return about("pooled SD", total, shown, "ok", f"the arms give it, read as {name}")
    for name, bounds in (("SD", as_sd), ("SE", as_se)):
        if fits(*bounds):
            shown = target.like(sum(bounds) / 2)
            why = f"called {called}; only if the arms' numbers are {name}s do they give the total's"
            return about("standard error or deviation", total, shown, "inconsistent", why)
    shown = target.like(sum(as_sd) / 2)
    ranges = [
        _pooled_range(parts, n, se=se) for n in corners for se in (False, True)
        if called != ("SD" if se else "SE")
    ]  # fmt: skip
    if any(fits(*bounds) for bounds in ranges):
        why = f"the arms give {as_sd[0]:.2f} to {as_sd[1]:.2f} if nobody's value is missing"
        return about("pooled SD", total, shown, "cannot tell", why)
    why = f"the arms give {as_sd[0]:.2f} to {as_sd[1]:.2f}; {_NOT_EXPLAINED}"
    return about("pooled SD", total, shown, "inconsistent", why)


def _pooled_range(parts: Sequence[Mean], n: Sequence[int], *, se: bool) -> tuple[float, float]:
    """Least and largest spread of all patients that the arms' rounding allows."""
    factors = [sqrt(k) if se else 1.0 for k in n]
    overall = sqrt(sum(n)) if se else 1.0
    centre = pooled_mean([float(p.mean) for p in parts], n)
    ends: list[float] = []
    for sign in (-1, 1):
        shifted = [
            float(p.mean) + sign * (p.mean.half if float(p.mean) >= centre else -p.mean.half)
            for p in parts
        ]
        sds = [
            max(float(p.spread) + sign * p.spread.half, 0.0) * f
            for p, f in zip(parts, factors, strict=True)
        ]
        ends.append(pooled_sd(shifted, sds, n) / overall)
    return min(ends), max(ends)


def _between(parts: Sequence[Number], value: Number) -> bool:
    least, most = min(part.low for part in parts), max(part.high for part in parts)
    return least <= value.high and value.low <= most


def medians(published: Published) -> Iterator[Finding]:
    """Medians lie in their ranges; the range of a total is that of its arms (eq. audit-range)."""
    for cell in published.cells:
        if isinstance(cell.content, Median):
            low, middle, high = (
                float(x) for x in (cell.content.low, cell.content.median, cell.content.high)
            )
            inside = low <= middle <= high
            why = "the median lies in its range" if inside else "the median is outside its range"
            yield about("range", cell, "", "ok" if inside else "inconsistent", why)
    for total, members in _rows_with_total(published, Median):
        content = total.content
        parts = [cell.content for cell in members if isinstance(cell.content, Median)]
        if not isinstance(content, Median):
            continue
        low = min(float(part.low) for part in parts)
        high = max(float(part.high) for part in parts)
        same = (float(content.low), float(content.high)) == (low, high)
        shown = f"{content.low.like(low)} to {content.high.like(high)}"
        why = "least and largest of the arms" if same else f"the arms reach from {low} to {high}"
        yield about("range", total, shown, "ok" if same else "inconsistent", why)
        inside = _between([part.median for part in parts], content.median)
        why = "a median of all lies between the arms' medians"
        yield about("pooled median", total, "", "ok" if inside else "inconsistent", why)


def _rows_with_total(
    published: Published, kind: type[Mean] | type[Median]
) -> Iterator[tuple[Cell, list[Cell]]]:
    for cells in published.rows.values():
        for key, column in published.columns.items():
            members = [cells[member] for member in column.members if member in cells]
            if not members or len(members) < len(column.members) or key not in cells:
                continue
            if all(isinstance(cell.content, kind) for cell in (cells[key], *members)):
                yield cells[key], members
