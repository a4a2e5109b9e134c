"""Stratum tables that print the adjusted comparisons, as targets for each arm and stratum."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, cycle

import numpy as np

from openlupus.analysis.responder import interval_of, p_of
from openlupus.analysis.strata import combinations, stratum_number
from openlupus.audit import Published
from openlupus.audit.model import DIFFERENCE, P_VALUE
from openlupus.audit.printed import Count, Estimate, Number, Plain
from openlupus.protocol.methods import Responder
from openlupus.results import ResultRow
from openlupus.twin.pool import Bools, Floats, Pool
from openlupus.twin.strata import Drawn, Margin, Row, StratumTables, stratum_tables
from openlupus.twin.targets import Either, Target, bundles_of

_EXACT = 0.97
"""A share of a stratum at least so near to all or none is meant to be it: what is between are
faults of the stratum that was written down at screening."""
_RARELY = 0.01
"""A share of responders so small is that of faults in the records."""

Key = tuple[str, str]
Place = tuple[str, str, str]


@dataclass(frozen=True)
class Stratified:
    """Stratum tables, and the comparisons that no table prints with the others.

    Attributes:
        choices: Different tables that print the same.
        missed: Cells of differences.
    """

    choices: tuple["Choice", ...]
    missed: tuple[Place, ...]


@dataclass(frozen=True)
class Choice:
    """Targets of a stratum table.

    Attributes:
        targets: Of counts that stand.
        either: Of those that may be one or the other; bounds of its targets hold all ways.
    """

    targets: tuple[Target, ...] = ()
    either: tuple[Either, ...] = ()


@dataclass(frozen=True, eq=False)
class _Asked:
    """A printed row of responders with comparisons: its method, and what the pool says of it."""

    key: Key
    method: Responder
    counts: Mapping[str, Count]
    printed: Mapping[str, tuple[Estimate | None, Number | None]]
    among: Floats
    responding: Floats
    row: ResultRow


def stratified(
    pool: Pool,
    published: Published,
    fixed: Sequence[Target],
    sizes: Mapping[str, int],
    *,
    seed: int,
) -> Stratified:
    """Patients and responders by stratum that print every adjusted difference, limit and P.

    Args:
        fixed: Targets of counts: those of whole strata are margins of the tables.
        sizes: Patients of each column, as its header says.
    """
    asked = [found for key in published.rows if (found := _asked(pool, published, key))]
    choices = [Choice()]
    missed: list[Place] = []
    for method in {row.method.model_dump_json(): row.method for row in asked}.values():
        rows = [row for row in asked if row.method == method]
        arms = [arm for arm in pool.protocol.arms if arm in rows[0].counts]
        level = pool.people.select(stratum_number(pool.protocol, method)).to_series()
        strata = _Strata(pool, level.fill_null(-1).to_numpy(), combinations(pool.protocol, method))
        of = {arm: sizes[arm] for arm in arms}
        found = _searched(strata, rows, method, published.control, fixed, of, seed)
        missed += [(*key, arm + DIFFERENCE) for key, arm in found.left_out]
        missed += [(*row.key, arm + DIFFERENCE) for row in rows for arm in found.arms]
        own = [_choice(strata, rows, arms, tables) for tables in found.tables] or [Choice()]
        # The tables of one method go with any of another.
        pairs = zip(cycle(choices), cycle(own), range(max(len(choices), len(own))))
        choices = [Choice(a.targets + b.targets, a.either + b.either) for a, b, _ in pairs]
    return Stratified(tuple(choices), tuple(missed))


def _searched(
    strata: "_Strata",
    rows: Sequence["_Asked"],
    method: Responder,
    control: str,
    fixed: Sequence[Target],
    sizes: Mapping[str, int],
    seed: int,
) -> Drawn:
    """The tables of one method."""
    conjunction = _conjunctions(rows)
    return stratum_tables(
        [_row(strata, row, sizes, _beyond(strata, row, rows, conjunction, sizes)) for row in rows],
        control=control,
        sizes=sizes,
        shares={arm: strata.shares(arm) for arm in sizes},
        interval=partial(interval_of, method),
        p=partial(p_of, method),
        seed=seed,
        margins=_margins(strata, fixed, sizes),
        conjunction=conjunction,
        silent=_silent(strata.pool, rows, fixed, sizes),
    )


@dataclass(frozen=True, eq=False)
class _Strata:
    """The stratum of each candidate."""

    pool: Pool
    number: Floats
    k: int

    def __iter__(self) -> Iterator[Floats]:
        return ((self.number == i) * 1.0 for i in range(self.k))

    def split(self, weight: Floats) -> Floats:
        """The sum of a weight in each stratum."""
        return np.array([(weight * own).sum() for own in self])

    def shares(self, arm: str) -> Floats:
        found = self.split(self.pool.within(arm))
        return found / max(found.sum(), 1)

    def share(self, part: Floats, whole: Floats) -> Floats:
        """The part of the whole in each stratum, where nobody is, one half."""
        a, b = self.split(part * whole), self.split(whole)
        return np.divide(a, b, out=np.full(self.k, 0.5), where=b > 0)


def _asked(pool: Pool, published: Published, key: Key) -> _Asked | None:
    cells = published.rows[key]
    arms = [arm for arm in pool.protocol.arms if arm in cells]
    counts = {arm: count for arm in arms if (count := published.count(cells[arm]))}
    rows = {r.statistic: r for arm in counts for r in pool.rests_on.get((*key, arm), ())}
    printed: dict[str, tuple[Estimate | None, Number | None]] = {}
    for arm in counts:
        estimate, p = cells.get(arm + DIFFERENCE), cells.get(arm + P_VALUE)
        difference = (
            estimate.content if estimate and (*key, estimate.column) in pool.rests_on else None
        )
        value = p.content if p and (*key, p.column) in pool.rests_on else None
        both = (
            difference if isinstance(difference, Estimate) else None,
            value.value if isinstance(value, Plain) else None,
        )
        if any(both):
            printed[arm] = both
    if not printed or not {"n", "N"} <= rows.keys() or published.control not in counts:
        return None
    method = pool.protocol.analyses[rows["n"].analysis].method
    if not isinstance(method, Responder) or published.fact(*key).pooled:
        return None
    among, responding = np.zeros(len(pool)), np.zeros(len(pool))
    for arm in counts:
        own = {r.statistic: r for r in pool.rests_on[(*key, arm)]}
        among += pool.members(own["N"]) * pool.within(arm)
        responding += pool.members(own["n"]) * pool.within(arm)
    return _Asked(key, method, counts, printed, among, responding, rows["n"])


def _beyond(
    strata: _Strata,
    row: _Asked,
    rows: Sequence[_Asked],
    conjunction: Mapping[Key, Sequence[Key]],
    sizes: Mapping[str, int],
) -> dict[Key, dict[str, Floats]]:
    """In which strata those are who respond in an outer row and not in this one."""
    found: dict[Key, dict[str, Floats]] = {}
    for outer in rows:
        if outer.key in conjunction.get(row.key, ()):
            more = outer.responding - row.responding
            own = {arm: strata.split(more * strata.pool.within(arm)) for arm in sizes}
            found[outer.key] = {
                arm: split / split.sum() for arm, split in own.items() if split.any()
            }
    return found


def _row(
    strata: _Strata,
    asked: _Asked,
    sizes: Mapping[str, int],
    beyond: Mapping[Key, Mapping[str, Floats]],
) -> Row:
    eligible: dict[str, Floats] = {}
    rate: dict[str, Floats] = {}
    for arm in sizes:
        inside = strata.pool.within(arm)
        share = strata.share(asked.among, inside)
        eligible[arm] = np.where(share >= _EXACT, 1.0, np.where(share <= 1 - _EXACT, 0.0, share))
        rate[arm] = strata.share(asked.responding, asked.among * inside)
    return Row(
        key=asked.key,
        responders={arm: count.n for arm, count in asked.counts.items()},
        of={arm: sizes[arm] if c.of is None else c.of for arm, c in asked.counts.items()},
        printed=asked.printed,
        eligible=eligible,
        rate=rate,
        beyond=beyond,
    )


def _margins(strata: _Strata, fixed: Sequence[Target], arms: Mapping[str, int]) -> list[Margin]:
    """Printed counts of the patients of whole strata."""
    found: dict[tuple[str, tuple[int, ...]], Margin] = {}
    for target in fixed:
        if target.group not in arms or not target.whole or target.low != target.high:
            continue
        share = strata.share(target.weight, strata.pool.within(target.group))
        if ((share >= _EXACT) | (share <= 1 - _EXACT)).all() and 0 < (share > 0.5).sum() < strata.k:
            inside = tuple(int(i) for i in np.flatnonzero(share > 0.5))
            margin = Margin(target.group, inside, int(target.low))
            found.setdefault((target.group, inside), margin)
    return list(found.values())


def _silent(
    pool: Pool, rows: Sequence[_Asked], fixed: Sequence[Target], sizes: Mapping[str, int]
) -> dict[str, int]:
    """Printed numbers of patients, by arm, of whom hardly anybody in the pool responds in a row."""
    responding = np.max([row.responding for row in rows], axis=0)
    among = np.max([row.among for row in rows], axis=0)
    found = dict.fromkeys(sizes, 0)
    for target in fixed:
        if target.group not in found or not target.course or target.low != target.high:
            continue
        inside = among * pool.within(target.group)
        size = sizes[target.group]
        for weight, n in ((target.weight, target.low), (inside - target.weight, size - target.low)):
            if (weight >= 0).all() and (weight * responding).sum() <= _RARELY * weight.sum():
                found[target.group] = max(found[target.group], int(n))
    return found


def _conjunctions(rows: Sequence[_Asked]) -> dict[Key, tuple[Key, ...]]:
    """Rows whose responders, in the whole pool, are those of several others at once."""
    found: dict[Key, tuple[Key, ...]] = {}
    for row in rows:
        outer = [
            other
            for other in rows
            if other is not row
            and (other.among == row.among).all()
            and (other.responding >= row.responding).all()
        ]
        if (
            len(outer) > 1
            and (np.prod([o.responding for o in outer], axis=0) == row.responding).all()
        ):
            found[row.key] = tuple(o.key for o in outer)
    return found


def _choice(
    strata: _Strata, rows: Sequence[_Asked], arms: Sequence[str], tables: StratumTables
) -> Choice:
    named = {(t.place[:2], t.group, t.part): t for t in _targets(strata, rows, arms, tables)}
    either: list[Either] = []
    for arm, groups in tables.ways.items():
        for ways in groups:
            at = [
                (key, arm, _part(part, i)) for key in ways[0] for part in "Nn"
                for i in range(strata.k)
            ]  # fmt: skip
            counts = np.array([[n for both in way.values() for n in chain(*both)] for way in ways])
            there = np.array([named[each].weight.any() for each in at])
            had: Bools = ((counts == 0) | there).all(axis=1)
            counts = counts[had] if had.any() else counts[:1]
            bounds = zip(at, counts.min(axis=0), counts.max(axis=0), strict=True)
            loose = [replace(named.pop(each), low=low, high=high) for each, low, high in bounds]
            either.append(Either(tuple(loose), counts))
    return Choice(tuple(named.values()), tuple(either))


def _part(part: str, stratum: int) -> str:
    return f"{part} in stratum {stratum + 1}"


def _targets(
    strata: _Strata, rows: Sequence[_Asked], arms: Sequence[str], tables: StratumTables
) -> Iterator[Target]:
    everyone = max(rows, key=lambda row: row.among.sum())
    bundles = {row.key: bundles_of(strata.pool.protocol, row.row) for row in rows}
    for arm in arms:
        inside = strata.pool.within(arm)
        for i, own in enumerate(strata):
            asked = [(everyone, "patients", everyone.among, tables.patients[arm][i])]
            for row in rows:
                if arm in row.counts:
                    asked.append((row, "N", row.among, tables.of[row.key][arm][i]))
                    asked.append((row, "n", row.responding, tables.responders[row.key][arm][i]))
            for row, part, weight, n in asked:
                place, weight = (*row.key, arm), weight * own * inside
                yield Target(
                    place, _part(part, i), arm, weight, n, n, bundles=bundles[row.key], course=True
                )
