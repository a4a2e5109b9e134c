"""Every check of a published set of tables, and what came of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite

from openlupus.audit import (
    estimates,
    granularity,
    percentages,
    pooled,
    power_statement,
    relations,
    sums,
)
from openlupus.audit.finding import VERDICTS, Finding, Verdict, about
from openlupus.audit.interval_methods import (
    SINGLE,
    Trial,
    admitted,
    comparisons_of,
    evidence,
    searched,
    tried,
)
from openlupus.audit.model import Cell, Published
from openlupus.audit.p_values import p_values
from openlupus.audit.shared_strata import SharedStrata, shared_strata

CHECKS: tuple[Callable[[Published], Iterator[Finding]], ...] = (
    sums.headers,
    sums.totals,
    sums.partitions,
    percentages.percentages,
    percentages.shares,
    granularity.granularity,
    granularity.scales,
    pooled.means,
    pooled.medians,
    relations.relations,
    relations.sizes,
    estimates.limits,
    estimates.differences,
    estimates.p_against_limits,
    estimates.spreads,
    power_statement.power,
)
"""Checks that need nothing but what is printed."""

# Limits off by more than this share of their width are not a question of strata; less, where a
# method prints so many other comparisons of the table.
_FAR, _FAR_FROM_METHOD, _ESTABLISHED = 0.1, 0.02, 3
_MANY_TABLES = 1000
_FAR_CRUDE = 6.0
# Decades of evidence by which a method must lead to be called the method.
_CLEAR = 3.0


@dataclass(frozen=True)
class Audit:
    """What the audit found.

    Attributes:
        findings: In the order of the checks.
        cells: How many cells were printed, and how many of them some check looked at.
        rule: The rule of rounding of percentages, how many cells follow it, and of how many.
        methods: Title of a table to decades of evidence for each method that is not out, the best
            at 0.
        shared: Title of a table to strata that print all its comparisons at once, where found.
    """

    published: Published
    findings: tuple[Finding, ...]
    cells: tuple[int, int]
    rule: tuple[str, int, int]
    methods: Mapping[str, Mapping[str, float]]
    shared: Mapping[str, SharedStrata]

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """Findings by verdict, worst first."""
        counted = Counter(finding.verdict for finding in self.findings)
        return {verdict: counted[verdict] for verdict in VERDICTS}

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What contradicts itself."""
        return tuple(f for f in self.findings if f.verdict in ("misprint", "inconsistent"))


def audit(
    published: Published,
    *,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Check everything that is printed; no patient's data are needed.

    Args:
        published: What the paper prints.
        seed: Of the stratum tables that are drawn; the same seed gives the same findings.
        progress: Called with (steps done, steps in all).
    """
    pairs = list(comparisons_of(published))
    tick = progress or _silent
    steps = len(pairs) + 2
    findings = [finding for check in CHECKS for finding in check(published)]
    tick(1, steps)
    trials: dict[Cell, Trial] = {}
    for i, (cell, comparison) in enumerate(pairs, 2):
        trials[cell] = tried(published, cell, comparison, seed=seed)
        tick(i, steps)
    findings += p_values(published, trials)
    methods: dict[str, Mapping[str, float]] = {}
    shared: dict[str, SharedStrata] = {}
    for title, members in _by_title(published, trials).items():
        decades = evidence(members)
        methods[title] = {name: value for name, value in decades.items() if isfinite(value)}
        names = admitted(members)
        if names and names[0] not in SINGLE:
            members = [searched(published, trial, names[0], seed=seed) for trial in members]
            found = shared_strata(published, members, names[0], seed=seed)
            shared |= {title: found} if found else {}
        findings += _method_findings(title, members, names, decades, shared.get(title))
    tick(steps, steps)
    seen = {(f.table, f.row, f.column) for f in findings} | set(_parts(published, findings))
    looked = sum((cell.table, cell.row, cell.column) in seen for cell in published.cells)
    rule = percentages.rounding_rule(published)
    about_cells = (len(published.cells), looked)
    return Audit(published, tuple(findings), about_cells, rule, methods, shared)


def _parts(published: Published, findings: Sequence[Finding]) -> Iterator[tuple[str, str, str]]:
    """The arms that a finding about their total rests on."""
    for finding in findings:
        column = published.columns.get(finding.column)
        for member in column.members if column else ():
            yield finding.table, finding.row, member


def _silent(done: int, total: int) -> None:
    """Progress that nobody sees."""


def _by_title(published: Published, trials: Mapping[Cell, Trial]) -> dict[str, list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for cell, trial in trials.items():
        found.setdefault(published.title(cell.table), []).append(trial)
    return found


def _method_findings(
    title: str,
    trials: Sequence[Trial],
    names: Sequence[str],
    decades: Mapping[str, float],
    shared: SharedStrata | None,
) -> Iterator[Finding]:
    """The method of a table, then each of its comparisons."""
    counted = sum(any(trial.hits.values()) for trial in trials)
    if counted:
        yield _method(title, trials, counted, names, decades, shared)
    best = names[0] if names else ""
    others = sum(best in trial.witness for trial in trials)
    for trial in trials:
        yield _comparison(trial, best, far=_FAR_FROM_METHOD if others >= _ESTABLISHED else _FAR)


def _method(
    title: str,
    trials: Sequence[Trial],
    counted: int,
    names: Sequence[str],
    decades: Mapping[str, float],
    shared: SharedStrata | None,
) -> Finding:
    near = [name for name in names if decades[name] > -_CLEAR]
    others = [name for name in decades if name not in near and decades[name] > -inf]
    others = sorted(others, key=lambda name: -decades[name])
    listed = "; ".join(f"{name} {decades[name]:.0f}" for name in others[:3])
    if not near:
        why = f"no method prints all {counted} comparisons; evidence in decades: {listed}"
        return Finding(check="interval method", table=title, printed=f"{len(trials)} intervals",
                       recomputed="", verdict="cannot tell", why=why)  # fmt: skip
    printed = sum(near[0] in trial.witness for trial in trials)
    why = f"a table was found from which it prints {printed} of the {len(trials)} comparisons"
    if shared is not None:
        together = sum(len(arms) - 1 for arms in shared.responders.values())
        why += f", {together} of them with one and the same table of patients by stratum"
    if listed:
        why += f"; the next, in decades of evidence: {listed}"
    return Finding(
        check="interval method", table=title, printed=f"{len(trials)} intervals",
        recomputed=" or ".join(near), verdict="ok", why=why, remark=True,
    )  # fmt: skip


def _comparison(trial: Trial, best: str, *, far: float) -> Finding:
    printed_by = [name for name in trial.hits if name in trial.witness]
    first = best if best in trial.witness else next(iter(printed_by), "")
    shown = ", ".join(printed_by)
    if first in SINGLE:
        why = f"{first}, from the printed counts; strata are not needed"
        return about("interval", trial.cell, shown, "ok", why)
    if first and (first == best or not best):
        share = f"{trial.hits[first]} of {trial.tables} drawn stratum tables"
        why = f"{first}: {share} with this difference print the rest"
        if not trial.hits[first]:
            why = f"{first}: a stratum table that prints it all was found by search"
        return about("interval", trial.cell, shown, "ok", why)
    if first:
        why = f"{best}, the table's method, was not found to print it; {first} does"
        return about("interval", trial.cell, shown, "cannot tell", why)
    crude = trial.comparison.crude
    off = abs(crude - float(trial.comparison.difference.value))
    if not trial.tables:
        why = f"the counts differ by {crude:.1f} points; no stratum table was drawn that prints it"
        wrong = off > _FAR_CRUDE * max(trial.spread, 0.5)
    else:
        why = (
            f"none of {trial.tables} stratum tables with this difference prints the limits;"
            f" the nearest is {trial.nearest:.1f} units of the last digit off"
        )
        wrong = trial.tables >= _MANY_TABLES and trial.off > far
    verdict = "inconsistent" if wrong else "cannot tell"
    return about("interval", trial.cell, "", verdict, why)
