"""Which method prints these limits of a difference of two proportions?

Each method is asked of the printed counts, and of stratum tables that print the difference. A
method admits a comparison where some table prints limits and P value at once; how many tables do is
evidence between methods. Mathematics: docs/methods/audit.md (eq. audit-method).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf, log10
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from openlupus.audit.model import Cell, Published
from openlupus.audit.printed import Estimate, Plain
from openlupus.audit.stratum_search import search_table
from openlupus.audit.stratum_tables import UNKNOWN, Comparison, Drawn, Floats, draw_tables
from openlupus.statistics.cmh import cmh
from openlupus.statistics.interval import Interval, normal_quantile
from openlupus.statistics.risk_difference import (
    agresti_caffo,
    common_risk_difference,
    mee,
    miettinen_nurminen,
    newcombe,
    stratified_newcombe,
    wald,
)
from openlupus.statistics.score import score_test

Method = Callable[..., Interval]

SINGLE: Mapping[str, Method] = {
    "Wald": wald,
    "Wald, continuity correction": partial(wald, continuity=True),
    "Agresti-Caffo": agresti_caffo,
    "Newcombe": newcombe,
    "Newcombe, continuity correction": partial(newcombe, continuity=True),
    "Miettinen-Nurminen": miettinen_nurminen,
    "Mee": mee,
}
"""Methods without strata."""

STRATIFIED: Mapping[str, Method] = {
    "stratified Newcombe": stratified_newcombe,
    "stratified Newcombe, squared distances": partial(stratified_newcombe, combine="squares"),
    "stratified Newcombe, plain quantile": partial(stratified_newcombe, quantile="normal"),
    "Mantel-Haenszel, Greenland-Robins": common_risk_difference,
    "Mantel-Haenszel, Sato": partial(common_risk_difference, variance="sato"),
}
"""Methods over strata with limits in closed form; with the score limits, `METHODS`."""

SCORE = "stratified Miettinen-Nurminen"
METHODS = (*SINGLE, *STRATIFIED, SCORE)

# Percentage points of the difference from which a search may begin.
_NEAR = 5.0
_ATTEMPTS = 6
# Tables of the best method from which on none of another's is no accident.
_TELLING = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """What the methods print for one comparison.

    Attributes:
        tables: Stratum tables that print the difference.
        hits: Method to how many tables print limits and P value too; a method without strata
            knows one table, that of the printed counts.
        nearest: Largest distance of a limit from its print for the nearest table of any method,
            in units of the last digit.
        spread: SD of the adjusted difference over the draws, percentage points.
        witness: Method to a table (responders, patients; each 2 x strata) that prints everything.
    """

    cell: Cell
    comparison: Comparison
    tables: int
    hits: Mapping[str, int]
    nearest: float
    spread: float
    witness: Mapping[str, tuple[Floats, Floats]]

    @property
    def off(self) -> float:
        """The same distance, as a share of the width of the interval."""
        lower, upper = self.comparison.difference.lower, self.comparison.difference.upper
        return self.nearest * 2 * lower.half / max(float(upper) - float(lower), lower.half)


def comparisons_of(published: Published) -> Iterator[tuple[Cell, Comparison]]:
    """Every printed difference of two printed proportions."""
    for cell, arm, control, p_cell in published.comparisons():
        counts = [published.count(other) for other in (arm, control)]
        sizes = [None if other is None else published.patients(other) for other in (arm, control)]
        if not isinstance(cell.content, Estimate):
            continue
        (x1, x0), (n1, n0) = counts, sizes
        if x1 is None or x0 is None or not n1 or not n0:
            continue
        p = p_cell.content.value if p_cell and isinstance(p_cell.content, Plain) else None
        yield cell, Comparison((x1.n, x0.n), (n1, n0), cell.content, p)


def tried(published: Published, cell: Cell, comparison: Comparison, *, seed: int) -> Trial:
    """Every method on one comparison; its tables depend on the seed and its place alone."""
    drawn = drawn_for(published, cell, comparison, seed=[seed])
    hits: dict[str, int] = {}
    witness: dict[str, tuple[Floats, Floats]] = {}
    nearest = np.inf
    x, n = (np.asarray(each, float)[:, None] for each in (comparison.responders, comparison.n))
    for method, of in SINGLE.items():
        got = of(x, n, level=published.level)
        off = misfit(comparison, got)
        nearest = min(nearest, float(off.min()))
        hits[method] = int(off.max() <= 0 and comparison.difference.value.prints(comparison.crude))
        if hits[method]:
            witness[method] = (x, n)
    if drawn is not None and len(drawn.n):
        prints_p = printed_p(comparison, drawn)
        for method, of in STRATIFIED.items():
            off = misfit(comparison, of(drawn.responders, drawn.n, level=published.level))
            nearest = min(nearest, float(off.min()))
            _note(method, (off <= 0) & prints_p, drawn, hits, witness)
        _note(SCORE, score_prints(comparison, drawn, published.level) & prints_p, drawn, hits,
              witness)  # fmt: skip
    else:
        hits |= dict.fromkeys((*STRATIFIED, SCORE), 0)
    tables, spread = (len(drawn.n), drawn.spread) if drawn is not None else (0, 0.0)
    return Trial(cell, comparison, tables, hits, nearest, spread, witness)


def drawn_for(
    published: Published,
    cell: Cell,
    comparison: Comparison,
    *,
    seed: Sequence[int],
    near: float = 0.0,
) -> Drawn | None:
    """The tables drawn for a comparison; None where the paper says that there are no strata."""
    name = f"{cell.table}|{cell.row}|{cell.column}"
    rng = np.random.default_rng([*seed, crc32(name.encode())])
    among = UNKNOWN if published.strata is None else tuple(range(2, published.strata + 1))
    return draw_tables(comparison, rng, strata=among, within=near) if among else None


def searched(published: Published, trial: Trial, method: str, *, seed: int) -> Trial:
    """The trial, with a table of one method that draws have missed and a search may find."""
    if method in SINGLE or trial.hits[method]:
        return trial
    of = STRATIFIED.get(method, miettinen_nurminen)
    for attempt in range(_ATTEMPTS):
        drawn = drawn_for(published, trial.cell, trial.comparison, seed=[seed, attempt], near=_NEAR)
        if drawn is None:
            return trial
        found = search_table(trial.comparison, of, drawn, level=published.level)
        if found is not None:
            return replace(trial, witness={**trial.witness, method: found})
    return trial


def _note(
    method: str,
    which: NDArray[np.bool_],
    drawn: Drawn,
    hits: dict[str, int],
    witness: dict[str, tuple[Floats, Floats]],
) -> None:
    hits[method] = int(which.sum())
    if which.any():
        first = int(np.argmax(which))
        witness[method] = (drawn.responders[first], drawn.n[first])


def misfit(comparison: Comparison, got: Interval) -> Floats:
    """Distance of the worse limit from what may be printed so, in units of the last digit."""
    lower, upper = comparison.difference.lower, comparison.difference.upper
    off = [
        (np.abs(100 * np.atleast_1d(limit) - float(printed)) - printed.half - 1e-9)
        / (2 * printed.half)
        for limit, printed in ((got.lower, lower), (got.upper, upper))
    ]
    worst = np.maximum(*off)
    return np.where(np.isnan(worst), np.inf, np.maximum(worst, 0.0))


def printed_p(comparison: Comparison, drawn: Drawn) -> NDArray[np.bool_]:
    """Tables that print the Cochran-Mantel-Haenszel P value; all where none is printed."""
    if comparison.p is None:
        return np.ones(len(drawn.n), dtype=np.bool_)
    p = np.asarray(cmh(drawn.responders, drawn.n).p)
    return (comparison.p.low - 1e-9 <= p) & (p <= comparison.p.high + 1e-9)


def score_prints(comparison: Comparison, drawn: Drawn, level: float) -> NDArray[np.bool_]:
    """Tables whose score limits are printed: the test at the bounds of the print says it.

    A limit lies between two values where the score test accepts one and rejects the other.
    """
    z = normal_quantile(level)
    alive = np.arange(len(drawn.n))
    lower, upper = comparison.difference.lower, comparison.difference.upper
    for bound, critical, above in (
        (lower.low, z, True), (lower.high, z, False), (upper.low, -z, True), (upper.high, -z, False)
    ):  # fmt: skip
        if not len(alive) or not -100 < bound < 100:
            return np.zeros(len(drawn.n), dtype=np.bool_)
        score = np.asarray(score_test(drawn.responders[alive], drawn.n[alive], null=bound / 100).z)
        alive = alive[score >= critical] if above else alive[score <= critical]
    printed = np.zeros(len(drawn.n), dtype=np.bool_)
    printed[alive] = True
    return printed


def evidence(trials: Sequence[Trial]) -> Mapping[str, float]:
    """Decades of evidence for each method, less those of the best (eq. audit-evidence).

    Only comparisons count that some method prints. A method without strata that misses one of them
    is out, whatever else it prints: minus infinity.
    """
    decades = dict.fromkeys(METHODS, 0.0)
    for trial in trials:
        if not any(trial.hits.values()):
            continue
        for method in METHODS:
            if method in SINGLE:
                decades[method] += 0.0 if trial.hits[method] else -inf
                continue
            share = trial.hits[method] / trial.tables if trial.tables else 0.0
            decades[method] += log10(max(share, 0.5 / (trial.tables + 1)))
    best = max(decades.values())
    return {method: value - best for method, value in decades.items()}


def admitted(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Methods that print every comparison that can tell methods apart, best first.

    A method without strata has one table, and must print it wherever another method prints one. For
    the others no table among those drawn speaks against a method only where the best has many.
    """
    counted = [trial for trial in trials if any(trial.hits.values())]
    telling = [trial for trial in counted if max(trial.hits.values()) >= _TELLING]
    order = evidence(trials)

    def prints_all(method: str) -> bool:
        among = counted if method in SINGLE else telling
        return bool(counted) and all(trial.hits[method] for trial in among)

    return tuple(sorted(filter(prints_all, METHODS), key=lambda method: -order[method]))
