"""Incidence of events: subjects with at least one, and events, by a hierarchy of terms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import polars as pl

from openlupus.analysis.counts import fisher_p
from openlupus.analysis.notes.words import in_words, listed, records_in_words
from openlupus.analysis.pointers import conjunction
from openlupus.analysis.risks import at_risk, difference_rows, rate_rows, risk_told
from openlupus.analysis.select import ARM, SUBJECT, Scope, cautious, levels_of, not_known, scope
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import Incidence
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow

LEVELS = "|"
"""Joins the levels of a parameter."""
UNCODED = "UNCODED"
"""The term of a record that has none."""
_ROW = "_group"
"""Column with the id of the declared group of events that a record is in."""

TwoGroups = Callable[[tuple[int, ...], tuple[int, ...]], tuple[float | None, tuple[str, ...]]]
"""Subjects with the event and subjects, of two groups, to P and warnings."""

Node = tuple[str, ...]
"""A term with those above it, from broad to narrow; () is any event."""


@dataclass(frozen=True)
class Tally:
    """Subjects with an event, and events, of every node in one group of `size` subjects."""

    size: int
    subjects: Mapping[Node, int]
    events: Mapping[Node, int]

    def share(self, node: Node) -> float:
        """Proportion of subjects with an event."""
        return self.subjects.get(node, 0) / self.size if self.size else 0.0


def incidence_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """N, n, proportion and events of each node (parameter) in each group, and what is asked of it.

    A node is shown with its parents where it reaches the threshold itself. Subjects by their worst
    level have the subgroup `COLUMN=LEVEL`; rates and differences are those of `analysis.risks`.

    Events that lack what is compared or what a level goes by are told on every row.

    Raises:
        AnalysisError: a column is absent, or `order` does not fit the hierarchy.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Incidence)
    seen = scope(name, protocol, data, subjects, columns=method.asked)
    seen = cautious(seen, data)
    seen = replace(seen, cautions=(*seen.cautions, *_unlisted(seen.records, method)))
    listed_levels = levels_of(seen)
    of_row = {
        row.id: replace(
            seen,
            cautions=(*seen.cautions, *not_known(seen.records, row.where, listed_levels)),
        )
        for row in method.rows
    }
    missing = [pl.col(c).cast(pl.String).replace("", None).fill_null(UNCODED) for c in method.by]
    events = _in_groups(seen.records.with_columns(missing), method)
    levels = (_ROW, *method.by) if method.rows else method.by
    named = (*seen.groups, *method.at_least_in, *method.order_group)
    tallies = {group: _tally(seen, events, levels, group) for group in dict.fromkeys(named)}
    highest = _highest(method, events, levels)
    fisher: TwoGroups = cache(fisher_p)
    rows: list[ResultRow] = []
    sizes = {group: tally.size for group, tally in tallies.items()}
    risk = {group: at_risk(seen, method, group) for group in seen.groups if method.rate != "none"}
    for node in _nodes(seen, method, tallies):
        where, parameter = _where(method, node), _parameter(method, node)
        own = of_row.get(node[0], seen) if node else seen
        under = _under(events, levels, node) if risk else events
        for group in seen.groups:
            rows += _described(own, method, node, group, tallies[group])
            rows += _by_worst(own, method, node, group, sizes[group], highest)
            if risk:
                events_of = seen.of(under, group)
                rows += rate_rows(own, method, parameter, where, group, events_of, risk[group])
        counts = {group: tally.subjects.get(node, 0) for group, tally in tallies.items()}
        rows += difference_rows(own, method, parameter, where, counts, sizes)
        if method.test == "fisher":
            rows += [
                _tested(own, method, node, pair, tallies, fisher)
                for pair in seen.analysis.compare.all
            ]
    return rows


def _unlisted(records: pl.DataFrame, method: Incidence) -> tuple[str, ...]:
    """Warnings: events that count at no level."""
    if not method.worst:
        return ()
    text = records[method.worst].cast(pl.String).replace("", None)
    others = text.filter(text.is_not_null() & ~text.is_in(method.worst_levels))
    missing = text.null_count()
    said = [f"{missing} event(s) without {method.worst} count at no level"] if missing else []
    if len(others):
        names = ", ".join(others.unique().sort())
        said.append(f"{len(others)} event(s) with {method.worst} {names} count at no level")
    return tuple(said)


def _in_groups(events: pl.DataFrame, method: Incidence) -> pl.DataFrame:
    """The events, once for each declared group that they are in."""
    if not method.rows:
        return events
    parts = [
        events.filter(expression(row.where, events.schema)).with_columns(pl.lit(row.id).alias(_ROW))
        for row in method.rows
    ]
    return pl.concat(parts)


def _under(events: pl.DataFrame, levels: Sequence[str], node: Node) -> pl.DataFrame:
    """The events of a node."""
    return events.filter(
        *(pl.col(column) == term for column, term in zip(levels, node, strict=False))
    )


def _tally(seen: Scope, events: pl.DataFrame, by: Sequence[str], group: str) -> Tally:
    own = seen.of(events, group)
    subjects: dict[Node, int] = {(): own[SUBJECT].n_unique()}
    count: dict[Node, int] = {(): own.height}
    for depth in range(1, len(by) + 1):
        of_terms = own.group_by(by[:depth]).agg(pl.col(SUBJECT).n_unique(), pl.len())
        for *terms, people, records in of_terms.iter_rows():
            subjects[tuple(terms)], count[tuple(terms)] = people, records
    return Tally(seen.size(group), subjects, count)


def _nodes(seen: Scope, method: Incidence, tallies: Mapping[str, Tally]) -> list[Node]:
    """The nodes to show, in order: any event first where it has a name, then term by term."""
    within = [tallies[group] for group in method.at_least_in or seen.groups]
    # A proportion such as 4/80 must reach 0.05 whatever the last bits of the division say.
    least = method.at_least * (1 - 1e-12)
    found = {node for tally in tallies.values() for node in tally.subjects if node}
    reached = {node for node in found if any(tally.share(node) >= least for tally in within)}
    shown = {node[:depth] for node in reached for depth in range(1, len(node) + 1)}
    shown |= {(row.id,) for row in method.rows}
    first = [()] if method.overall or not (method.by or method.rows) else []
    ranks = [tallies[group] for group in method.order_group or seen.groups]
    orders = _orders(seen, method)
    declared = [row.id for row in method.rows]

    def place(node: Node) -> tuple[Any, ...]:
        keys: list[Any] = []
        for depth in range(1, len(node) + 1):
            if depth == 1 and declared:
                keys.append(declared.index(node[0]))
                continue
            if orders[depth - 1 - bool(declared)] == "frequency":
                keys += [-tally.share(node[:depth]) for tally in ranks]
            keys.append(node[depth - 1])
        return tuple(keys)

    # Parents come before their children: a tuple that begins another one sorts before it.
    return [*first, *sorted(shown, key=place)]


def _orders(seen: Scope, method: Incidence) -> tuple[str, ...]:
    if isinstance(method.order, str):
        return (method.order,) * len(method.by)
    if len(method.order) != len(method.by):
        raise AnalysisError(
            f"analysis {seen.name}: order has {len(method.order)} entries for {len(method.by)}"
            " levels; give one for all, or one a level"
        )
    return method.order


def _parameter(method: Incidence, node: Node) -> str:
    return LEVELS.join(node) if node else method.overall


def _where(method: Incidence, node: Node) -> Where:
    groups = {row.id: row.where for row in method.rows}
    terms = node[1:] if groups else node
    under: Where = {
        column: Test(is_missing=True) if term == UNCODED else Test(equals=term)
        for column, term in zip(method.by, terms, strict=False)
    }
    return conjunction(groups[node[0]], under) if groups and node else under


def _described(
    seen: Scope, method: Incidence, node: Node, group: str, tally: Tally
) -> list[ResultRow]:
    n = tally.subjects.get(node, 0)
    empty = () if tally.size else ("the group has no subject, so there is no proportion",)
    shared: dict[str, Any] = {
        "method": "incidence",
        "parameter": _parameter(method, node),
        "group": group,
        "n": tally.size,
        "warnings": empty,
    }
    values = {
        "n": float(n),
        "proportion": tally.share(node) if tally.size else None,
        "events": float(tally.events.get(node, 0)),
    }
    return [
        seen.row("N", float(tally.size), source=seen.subject_source([group]), **shared),
        *seen.rows(values, source=seen.source([group], _where(method, node)), **shared),
    ]


def _highest(
    method: Incidence, events: pl.DataFrame, levels: Sequence[str]
) -> Mapping[tuple[Node, str], Mapping[int, int]]:
    """Of each node and arm's code, the subjects by the place of their highest level."""
    if not method.worst:
        return {}
    rank = {level: i for i, level in enumerate(method.worst_levels)}
    level = pl.col(method.worst).cast(pl.String)
    place = level.replace_strict(rank, default=None, return_dtype=pl.Int64)
    ranked = events.with_columns(_place=place, **{ARM: pl.col(ARM).fill_null("")})
    found: dict[tuple[Node, str], dict[int, int]] = {}
    for depth in range(len(levels) + 1):
        keys = [*levels[:depth], ARM]
        each = ranked.group_by(*keys, SUBJECT).agg(pl.col("_place").max())
        counted = each.drop_nulls("_place").group_by(*keys, "_place").len()
        for *terms, arm, highest, n in counted.iter_rows():
            found.setdefault((tuple(terms), arm), {})[highest] = n
    return found


def _by_worst(
    seen: Scope,
    method: Incidence,
    node: Node,
    group: str,
    size: int,
    highest: Mapping[tuple[Node, str], Mapping[int, int]],
) -> list[ResultRow]:
    """Subjects by the highest level of any of their events of the node."""
    codes = seen.protocol.codes(group) if group else tuple({arm for _, arm in highest})
    rows: list[ResultRow] = []
    for i, level in enumerate(method.worst_levels):
        n = sum(highest.get((node, code), {}).get(i, 0) for code in codes)
        at: Where = conjunction(_where(method, node), {method.worst: Test(equals=level)})
        higher = Test(one_of=method.worst_levels[i + 1 :])
        over = conjunction(seen.about_records, _where(method, node), {method.worst: higher})
        lacking = [over] if higher.one_of else []
        values = {"n": float(n), "proportion": n / size if size else None}
        rows += seen.rows(
            values, method="incidence", parameter=_parameter(method, node), group=group, n=size,
            subgroup=f"{method.worst}={level}", source=seen.source([group], at, lacking=lacking),
        )  # fmt: skip
    return rows


def _tested(
    seen: Scope,
    method: Incidence,
    node: Node,
    pair: tuple[str, str],
    tallies: Mapping[str, Tally],
    fisher: TwoGroups,
) -> ResultRow:
    both = [tallies[group] for group in pair]
    sizes = tuple(tally.size for tally in both)
    p, said = fisher(tuple(tally.subjects.get(node, 0) for tally in both), sizes)
    return seen.row(
        "p",
        p,
        method="fisher",
        parameter=_parameter(method, node),
        group=pair[0],
        comparator=pair[1],
        n=sum(sizes),
        source=seen.source(pair, _where(method, node)),
        warnings=said,
    )


def incidence_told(protocol: Protocol, analysis: Analysis, method: Incidence) -> list[str]:
    of = records_in_words(protocol, analysis)
    by = f" by {listed(method.by)}" if method.by else ""
    groups = [f"{row.id}: {in_words(row.where)}." for row in method.rows]
    said = [
        f"Subjects with at least one record of {of}, and number of records{by}.",
        "Proportions are of all subjects of the group; a subject counts once in each row.",
    ]
    said += groups
    if method.worst:
        said.append(
            f"Subgroups {method.worst}: each subject once in each row, at the highest of"
            f" {', '.join(method.worst_levels)} (from low to high) that any of its records has."
        )
    if method.at_least:
        where = listed([protocol.label(group) for group in method.at_least_in or analysis.groups])
        said.append(
            f"Shown are terms whose proportion is at least {method.at_least:g} in at least one of"
            f" {where or 'the arms'}."
        )
    if method.by:
        said.append(_order(protocol, analysis, method))
    if method.test == "fisher":
        said.append(
            "P: Fisher's exact test, two-sided (the sum over tables that are no more probable), of"
            " each comparison; none where nobody of either group has the event."
        )
    return said + risk_told(analysis, method)


def _order(protocol: Protocol, analysis: Analysis, method: Incidence) -> str:
    orders = method.order if isinstance(method.order, tuple) else (method.order,)
    said = f"Order: {', then '.join(orders)}"
    if "frequency" not in orders:
        return f"{said}."
    groups = listed([protocol.label(group) for group in method.order_group or analysis.groups])
    return f"{said}; the frequency is that in {groups or 'the arms'}, ties by the next, then A-Z."
