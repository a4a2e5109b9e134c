"""GRIM and GRIMMER: means and SDs that no whole-numbered values can have.

Mathematics: docs/methods/audit.md.
"""

from collections.abc import Iterator
from math import ceil, floor, sqrt

from openlupus.audit.finding import Finding, about
from openlupus.audit.model import Published
from openlupus.audit.printed import Mean, Number

# A bound that is a whole number may be missed by rounding in binary.
_SLACK = 1e-9


def possible_sums(mean: Number, n: int, *, step: float = 1.0) -> range:
    """Sums, in steps, that a printed mean of n values can stand for (eq. audit-grim)."""
    low, high = (bound * n / step for bound in (mean.low, mean.high))
    return range(ceil(low - _SLACK), floor(high + _SLACK) + 1)


def possible_sd(mean: Number, sd: Number, n: int, *, step: float = 1.0) -> bool:
    """Whether n values on a grid can have this mean and SD (eq. audit-grimmer).

    For each sum that the mean allows, some sum of squares must give the SD, have the parity of the
    sum, and be at least that of values as equal as the grid allows. What fails cannot be; what
    passes nearly always can.
    """
    if n < 2:
        return False
    low, high = ((bound / step) ** 2 * (n - 1) for bound in (max(sd.low, 0.0), sd.high))
    for total in possible_sums(mean, n, step=step):
        base = total * total / n
        whole, rest = divmod(total, n)
        least = n * whole * whole + rest * (2 * whole + 1)
        first = max(least, ceil(low + base - _SLACK))
        first += (first - total) % 2
        if first <= high + base + _SLACK:
            return True
    return False


def granularity(published: Published) -> Iterator[Finding]:
    """Means and SDs of rows whose granularity is declared."""
    for cell in published.cells:
        facts, n = published.fact(cell.table, cell.row), published.patients(cell)
        if not isinstance(cell.content, Mean) or facts.granularity is None or n is None:
            continue
        mean, sd, step = cell.content.mean, cell.content.spread, facts.granularity
        if not possible_sums(mean, n, step=step):
            near = round(float(mean) * n / step) * step / n
            why = f"no {n} values in steps of {step:g} have the mean {mean}"
            yield about("GRIM", cell, f"{near:.4g}", "inconsistent", why)
            continue
        yield about("GRIM", cell, str(mean), "ok", f"{n} values in steps of {step:g} can have it")
        if facts.plus_minus != "SD":
            continue
        fits = possible_sd(mean, sd, n, step=step)
        why = f"{n} values in steps of {step:g} {'can' if fits else 'cannot'} have mean and SD"
        verdict = "ok" if fits else "inconsistent"
        yield about("GRIMMER", cell, str(sd) if fits else "", verdict, why)


def scales(published: Published) -> Iterator[Finding]:
    """Means lie on their scale, and SDs are not larger than it allows (eq. audit-scale)."""
    for cell in published.cells:
        facts, n = published.fact(cell.table, cell.row), published.patients(cell)
        if not isinstance(cell.content, Mean) or facts.scale is None:
            continue
        mean, (low, high) = cell.content.mean, facts.scale
        if mean.high < low or mean.low > high:
            why = f"outside the scale, {low:g} to {high:g}"
            yield about("scale", cell, "", "inconsistent", why)
            continue
        if facts.plus_minus != "SD" or n is None or n < 2:
            continue
        within = min(max(float(mean), low), high)
        largest = sqrt((high - within) * (within - low) * n / (n - 1))
        fits = cell.content.spread.low <= largest
        why = f"with this mean the largest SD on {low:g} to {high:g} is {largest:.2f}"
        yield about("scale", cell, f"<={largest:.2f}", "ok" if fits else "inconsistent", why)
