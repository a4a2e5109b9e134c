"""Estimates with limits: order, symmetry, agreement with the arms and with the P value.

Mathematics: docs/methods/audit.md.
"""

from collections.abc import Iterator
from math import sqrt

from scipy.special import ndtr, ndtri

from openlupus.audit.finding import Finding, about
from openlupus.audit.model import Cell, Published
from openlupus.audit.printed import Estimate, Mean, Number, Plain

# Of the width: what a t interval of an adjusted mean may be off centre without being printed so.
_LOPSIDED = 0.03
# Of z: normal tests and score limits of the same data differ by this much.
_Z_TOLERANCE = 0.25
_SLACK = 1e-9


def asymmetry(estimate: Estimate) -> tuple[float, float]:
    """How far the middle of the limits is from the estimate, and how far rounding may move it."""
    middle = (float(estimate.lower) + float(estimate.upper)) / 2
    reach = estimate.value.half + (estimate.lower.half + estimate.upper.half) / 2
    return middle - float(estimate.value), reach


def normal_interval(published: Published, cell: Cell) -> bool:
    """Whether the paper's own methods give this cell a normal or t interval, symmetric.

    Estimates of means have one, and so has what is pooled over imputations (Rubin's rules).
    """
    if published.fact(cell.table, cell.row).pooled:
        return True
    arms = [other.content for other in published.rows[cell.table, cell.row].values()
            if other.column in published.columns]  # fmt: skip
    return bool(arms) and all(isinstance(content, Mean | Estimate) for content in arms)


def limits(published: Published) -> Iterator[Finding]:
    """Estimates lie within their limits, in the middle where the limits are normal."""
    for cell in published.cells:
        if not isinstance(cell.content, Estimate):
            continue
        estimate = cell.content
        lower, value, upper = (float(x) for x in (estimate.lower, estimate.value, estimate.upper))
        if not lower <= value <= upper:
            yield about("limits", cell, "", "inconsistent", "the estimate is outside its limits")
            continue
        yield about("limits", cell, "", "ok", "the estimate lies within its limits")
        if normal_interval(published, cell):
            yield _symmetry(published, cell, estimate)


def _symmetry(published: Published, cell: Cell, estimate: Estimate) -> Finding:
    lower, value, upper = (float(x) for x in (estimate.lower, estimate.value, estimate.upper))
    off, reach = asymmetry(estimate)
    half = (upper - lower) / 2
    shown = f"{estimate.lower.like(value - half)} to {estimate.upper.like(value + half)}"
    pooled = published.fact(cell.table, cell.row).pooled
    if abs(off) <= reach + _SLACK:
        return about("symmetry", cell, shown, "ok", "the limits are as far on either side")
    why = (
        f"{value - lower:.4g} below and {upper - value:.4g} above the estimate;"
        f" rounding explains {2 * reach:.2g} of difference"
    )
    if lower > 0 and _log_symmetric(estimate):
        return about("symmetry", cell, "", "ok", "symmetric on the logarithmic scale")
    if pooled:
        why += "; no normal or t interval pooled over imputations is so lopsided"
        return about("symmetry", cell, shown, "inconsistent", why)
    if abs(off) > reach + _LOPSIDED * (upper - lower):
        why += "; no normal or t interval of a mean is so lopsided"
        return about("symmetry", cell, shown, "inconsistent", why)
    return about("symmetry", cell, shown, "cannot tell", why)


def _log_symmetric(estimate: Estimate) -> bool:
    low, high = (
        sqrt(max(a, 0.0) * b) for a, b in (
            (estimate.lower.low, estimate.upper.low), (estimate.lower.high, estimate.upper.high))
    )  # fmt: skip
    return low <= estimate.value.high and estimate.value.low <= high


def differences(published: Published) -> Iterator[Finding]:
    """Differences of means are those of the arms' means (eq. audit-difference)."""
    for cell, arm, control, _ in published.comparisons():
        if not isinstance(cell.content, Estimate) or arm is None or control is None:
            continue
        pair = [_mean(other) for other in (arm, control)]
        test, other = pair
        if test is None or other is None:
            continue
        difference, gap = float(test) - float(other), test.half + other.half
        shown = cell.content.value.like(difference)
        off = abs(difference - float(cell.content.value))
        if off <= gap + cell.content.value.half + _SLACK:
            yield about("difference", cell, shown, "ok", "test less control")
        elif isinstance(arm.content, Estimate) or off > _half_width(cell.content):
            why = f"the arms differ by {shown}, and rounding moves that by {gap:.2g} at most"
            yield about("difference", cell, shown, "inconsistent", why)
        else:
            why = f"the arms differ by {shown}; an adjusted difference may be another"
            yield about("difference", cell, shown, "cannot tell", why)


def p_against_limits(published: Published) -> Iterator[Finding]:
    """P values against the limits of the same difference, on the normal scale (eq. audit-p-limits).

    The limits' two halves give two standard errors; a P value of any usual test lies between what
    they give, or near.
    """
    for cell, *_, p_cell in published.comparisons():
        if p_cell is None or not isinstance(cell.content, Estimate):
            continue
        if not isinstance(p_cell.content, Plain):
            continue
        p = p_cell.content.value
        low, high = _implied_z(cell.content, published.level)
        z_low, z_high = (
            float(-ndtri(bound / 2)) for bound in (min(p.high, 1.0), max(p.low, 1e-300))
        )
        shown = f"{_p_text(high)} to {_p_text(low)}"
        slack = _Z_TOLERANCE + 0.1 * high
        if low - slack <= z_high and z_low <= high + slack:
            why = "as the limits give it, by normal approximation"
            yield about("P against limits", p_cell, shown, "ok", why)
        else:
            why = f"the difference {cell.text} gives {shown}"
            yield about("P against limits", p_cell, shown, "inconsistent", why)


def _implied_z(estimate: Estimate, level: float) -> tuple[float, float]:
    quantile = float(ndtri((1 + level) / 2))
    found: list[float] = []
    for near, far in ((estimate.lower, estimate.value), (estimate.value, estimate.upper)):
        for sign in (-1, 1):
            width = float(far) - float(near) + sign * (far.half + near.half)
            size = abs(float(estimate.value)) - sign * estimate.value.half
            found.append(max(size, 0.0) * quantile / max(width, near.half))
    return min(found), max(found)


def _p_text(z: float) -> str:
    p = float(2 * ndtr(-z))
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def spreads(published: Published) -> Iterator[Finding]:
    """Numbers after a plus-minus sign, read as SDs and as SEs, against the difference's limits.

    The standard error of a difference is that of two independent means (eq. audit-spread).
    """
    quantile = float(ndtri((1 + published.level) / 2))
    read: dict[tuple[str, str, str], list[tuple[bool, bool]]] = {}
    cells: dict[tuple[str, str, str], Cell] = {}
    for cell, arm, control, _ in published.comparisons():
        if arm is None or control is None or not isinstance(cell.content, Estimate):
            continue
        if not isinstance(arm.content, Mean) or not isinstance(control.content, Mean):
            continue
        width = float(cell.content.upper) - float(cell.content.lower)
        reach = cell.content.upper.half + cell.content.lower.half
        se = ((width - reach) / (2 * quantile), (width + reach) / (2 * quantile))
        pair = ((arm, arm.content.spread), (control, control.content.spread))
        fits = tuple(_fits(se, _error_range(published, pair, sd=sd)) for sd in (True, False))
        for other, _ in pair:
            key = (other.table, other.row, other.column)
            cells[key] = other
            read.setdefault(key, []).append((fits[0], fits[1]))
    for key, verdicts in read.items():
        yield _spread_verdict(published, cells[key], verdicts)


def _spread_verdict(published: Published, cell: Cell, verdicts: list[tuple[bool, bool]]) -> Finding:
    called = published.fact(cell.table, cell.row).plus_minus
    sd, se = (all(each[i] for each in verdicts) for i in (0, 1))
    name = "standard error or deviation"
    if sd == se:
        why = "the limits of the differences do not tell which it is"
        return about(name, cell, "", "cannot tell", why)
    true, other = ("SD", "SE") if sd else ("SE", "SD")
    why = f"the limits of the differences follow from it as {true}, not as {other}"
    if not called:
        return about(name, cell, true, "ok", f"{why}; the paper calls it neither", remark=True)
    if called == true:
        return about(name, cell, true, "ok", why)
    return about(name, cell, true, "inconsistent", f"called {called}; {why}")


def _error_range(
    published: Published, pair: tuple[tuple[Cell, Number], ...], *, sd: bool
) -> tuple[float, float] | None:
    """Bounds of the standard error of a difference; None where patients are not known."""
    ends = [0.0, 0.0]
    for cell, spread in pair:
        n = published.patients(cell)
        if sd and n is None:
            return None
        for i, bound in enumerate((max(spread.low, 0.0), spread.high)):
            ends[i] += bound**2 / (n if sd and n is not None else 1)
    return sqrt(ends[0]), sqrt(ends[1])


def _fits(se: tuple[float, float], bounds: tuple[float, float] | None) -> bool:
    """Whether two ranges meet; adjustment moves a standard error by up to a quarter."""
    return bounds is not None and bounds[0] * 0.75 <= se[1] and se[0] <= bounds[1] * 1.25


def _mean(cell: Cell) -> Number | None:
    match cell.content:
        case Mean(mean=mean):
            return mean
        case Estimate(value=value):
            return value
        case _:
            return None


def _half_width(estimate: Estimate) -> float:
    return (float(estimate.upper) - float(estimate.lower)) / 2
