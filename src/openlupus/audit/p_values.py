"""P values against the counts that they compare (eq. audit-p)."""

from collections.abc import Iterator

import numpy as np

from openlupus.audit.finding import Finding, about
from openlupus.audit.interval_methods import Trial
from openlupus.audit.model import P_VALUE, Cell, Published
from openlupus.audit.printed import Number, Plain
from openlupus.statistics.contingency import fisher_exact, pearson_chisquare

# A P value this much smaller or larger, in decades, than any test gives is not one of them.
_DECADES = 0.5


def test_p_values(responders: tuple[int, int], n: tuple[int, int]) -> dict[str, float]:
    """Two-sided P values of the usual tests of two proportions without strata."""
    table = [[x, size - x] for x, size in zip(responders, n, strict=True)]
    return {
        "chi-square": pearson_chisquare(table).p,
        "chi-square, corrected": pearson_chisquare(table, correct=True).p,
        "Fisher": fisher_exact(table).p,
    }


def p_values(published: Published, trials: dict[Cell, Trial]) -> Iterator[Finding]:
    """P values of comparisons of printed counts."""
    for cell, _, _, p_cell in published.comparisons():
        trial = trials.get(cell)
        if trial is not None and p_cell is not None and isinstance(p_cell.content, Plain):
            yield _against_counts(trial, p_cell, p_cell.content.value)
    yield from _without_difference(published)


def _without_difference(published: Published) -> Iterator[Finding]:
    """P values of rows that print counts and P, and no difference."""
    for cell in published.cells:
        if not cell.column.endswith(P_VALUE) or not isinstance(cell.content, Plain):
            continue
        arm = cell.column.removesuffix(P_VALUE)
        if arm not in published.columns or published.cell(
            cell.table, cell.row, f"{arm}_difference"
        ):
            continue
        pair = [published.cell(cell.table, cell.row, key) for key in (arm, published.control)]
        counts = [published.count(other) for other in pair]
        sizes = [None if other is None else published.patients(other) for other in pair]
        (x1, x0), (n1, n0) = counts, sizes
        if x1 is not None and x0 is not None and n1 and n0:
            tests = test_p_values((x1.n, x0.n), (n1, n0))
            yield _verdict(cell, cell.content.value, tests, stratified=False)


def _against_counts(trial: Trial, p_cell: Cell, p: Number) -> Finding:
    tests = test_p_values(trial.comparison.responders, trial.comparison.n)
    return _verdict(p_cell, p, tests, stratified=bool(sum(trial.hits.values())))


def _verdict(cell: Cell, p: Number, tests: dict[str, float], *, stratified: bool) -> Finding:
    known = {name: value for name, value in tests.items() if np.isfinite(value)}
    shown = ", ".join(f"{name} {value:.2g}" for name, value in known.items())
    fits = [name for name, value in known.items() if p.prints(value)]
    if fits:
        return about("P value", cell, shown, "ok", f"given by {', '.join(fits)}")
    if stratified:
        why = "given over strata, by tables that print difference and limits too"
        return about("P value", cell, shown, "ok", why)
    values = [np.log10(max(value, 1e-300)) for value in known.values()]
    high, low = np.log10(max(p.high, 1e-300)), np.log10(max(p.low, 1e-300))
    far = bool(values) and (low > max(values) + _DECADES or high < min(values) - _DECADES)
    why = "no test of the counts gives it" + (", nor comes near" if far else ", others come near")
    return about("P value", cell, shown, "inconsistent" if far else "cannot tell", why)
