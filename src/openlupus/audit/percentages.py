"""Percentages follow from their counts, under the rule of rounding that most cells follow."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import ceil, floor
from types import MappingProxyType

from openlupus.audit.finding import Finding, about
from openlupus.audit.model import Cell, Published
from openlupus.audit.printed import Number, Share

_HALF = Fraction(1, 2)

RULES: Mapping[str, Callable[[Fraction], int]] = MappingProxyType({
    "half up": lambda x: floor(x + _HALF),
    "half to even": round,
    "half down": lambda x: ceil(x - _HALF),
    "truncation": floor,
    "rounding up": ceil,
})  # fmt: skip
"""Rules of rounding of what is not negative, in the order in which equals are preferred."""


_HALVES = ("half up", "half to even", "half down")
# Cells by which a rule that does not round to the nearest must lead: one misprint makes none.
_CLEAR = 3


def rounded(rule: str, n: int, of: int, decimals: int) -> Fraction:
    """Per cent of n in `of`, under a rule (eq. audit-percentage)."""
    scale = 10**decimals
    return Fraction(RULES[rule](Fraction(100 * n * scale, of)), scale)


def fits_percentage(percent: Number, n: int, of: int, rules: tuple[str, ...] = ()) -> bool:
    """Whether n of `of` may be printed so, by any of some rules (by any half rule, if not said)."""
    if percent.below:
        return 0 < 100 * n < of * percent.value
    among = rules or _HALVES
    return any(rounded(rule, n, of, percent.decimals) == Fraction(percent.value) for rule in among)


def counts_of(percent: Number, of: int) -> list[int]:
    """Counts that a percentage of `of` patients can stand for, by any half rule (GRIM)."""
    return [n for n in range(of + 1) if fits_percentage(percent, n, of)]


def rounding_rule(published: Published) -> tuple[str, int, int]:
    """The rule that most cells follow, how many do, and of how many."""
    cells = [(p, n, of) for _, p, n, of in _with_percentages(published) if not p.below]
    fits = {
        rule: sum(rounded(rule, n, of, p.decimals) == Fraction(p.value) for p, n, of in cells)
        for rule in RULES
    }
    best = max(_HALVES, key=lambda rule: fits[rule])
    other = max(RULES, key=lambda rule: fits[rule])
    if fits[other] >= fits[best] + _CLEAR:
        best = other
    return best, fits[best], len(cells)


def percentages(published: Published) -> Iterator[Finding]:
    """Every printed percentage against its count and denominator."""
    rule, _, _ = rounding_rule(published)
    for cell, percent, n, of in _with_percentages(published):
        exact = 100 * n / of
        shown = percent.like(float(rounded(rule, n, of, percent.decimals)))
        if fits_percentage(percent, n, of, (rule,)):
            yield about("percentage", cell, shown, "ok", f"{n}/{of} = {exact:.2f}%, {rule}")
        elif fits_percentage(percent, n, of):
            why = f"{n}/{of} = {exact:.2f}% lies on the half; most cells are rounded {rule}"
            yield about("percentage", cell, shown, "ok", why)
        else:
            yield _misfit(published, cell, percent, n, of, shown)


def _misfit(
    published: Published, cell: Cell, percent: Number, n: int, of: int, shown: str
) -> Finding:
    possible = counts_of(percent, of)
    why = f"{n}/{of} = {100 * n / of:.2f}%, printed {percent}"
    if not possible:
        why += f"; no count of {of} gives {percent}%, so the percentage itself is wrong"
        return about("percentage", cell, shown, "misprint", why)
    if _confirmed(published, cell):
        why += f"; the count {n} is confirmed by the total of its row"
        return about("percentage", cell, shown, "misprint", why)
    why += f"; {percent}% would be {' or '.join(str(k) for k in possible[:3])} of {of}"
    return about("percentage", cell, shown, "inconsistent", why)


def _confirmed(published: Published, cell: Cell) -> bool:
    """Whether a total that this count is part of, or is, adds up."""
    cells = published.rows[cell.table, cell.row]
    for key, column in published.columns.items():
        if cell.column not in (key, *column.members) or not column.members:
            continue
        counts = [published.count(cells.get(k)) for k in (key, *column.members)]
        known = [count.n for count in counts if count is not None]
        if len(known) == len(counts) and known[0] == sum(known[1:]):
            return True
    return False


def shares(published: Published) -> Iterator[Finding]:
    """Percentages without counts: some count must give them (eq. audit-grim-percentage)."""
    for cell in published.cells:
        of = published.patients(cell)
        if not isinstance(cell.content, Share) or of is None:
            continue
        percent, possible = cell.content.percent, counts_of(cell.content.percent, of)
        if possible:
            named = ", ".join(str(n) for n in possible[:3]) + (" ..." if len(possible) > 3 else "")
            yield about("GRIM", cell, str(percent), "ok", f"{named} of {of}")
        else:
            near = min(max(round(float(percent) * of / 100), 0), of)
            why = f"no count of {of} gives {percent}%; {near}/{of} = {100 * near / of:.2f}%"
            yield about("GRIM", cell, percent.like(100 * near / of), "inconsistent", why)


def _with_percentages(published: Published) -> Iterator[tuple[Cell, Number, int, int]]:
    for cell in published.cells:
        count, of = published.count(cell), published.patients(cell)
        if count is not None and count.percent is not None and of:
            yield cell, count.percent, count.n, of
