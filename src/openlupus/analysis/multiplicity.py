"""Adjusted P values of the declared families of hypotheses."""

from collections.abc import Sequence
from dataclasses import replace

from openlupus.protocol.analyses import Analysis, Multiplicity
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.multiplicity import adjust


def family_rows(protocol: Protocol, name: str, rows: Sequence[ResultRow]) -> list[ResultRow]:
    """`p_adjusted` and `rejected` (1 or 0) of every member of the families of an analysis.

    A member whose P could not be computed counts as P = 1, so that it makes no other hypothesis
    easier to reject. An analysis of several parameters has a family for each of them.

    Args:
        protocol: The declaration.
        name: Id of the analysis.
        rows: Its rows.
    """
    made: list[ResultRow] = []
    for family in protocol.multiplicity.values():
        if family.analysis != name:
            continue
        p = [row for row in rows if row.statistic == "p" and row.group]
        for parameter in dict.fromkeys(row.parameter for row in p):
            held = {(r.group, r.comparator): r for r in p if r.parameter == parameter}
            members = [held[pair] for pair in _pairs(protocol.analyses[name], family)]
            made += _adjusted(family, members)
    return made


def _pairs(analysis: Analysis, family: Multiplicity) -> list[tuple[str, str]]:
    """The first comparison of each member."""
    return [next(pair for pair in analysis.compare.all if pair[0] == t) for t in family.tests]


def _adjusted(family: Multiplicity, members: Sequence[ResultRow]) -> list[ResultRow]:
    unknown = [row.group for row in members if row.value is None]
    adjusted = adjust(
        [1.0 if row.value is None else row.value for row in members], method=family.procedure
    )
    made: list[ResultRow] = []
    for row, p in zip(members, adjusted, strict=True):
        said = row.warnings
        if unknown:
            counted = f"no P of {', '.join(unknown)}: it counts as 1 in the family"
            said = f"{said}; {counted}" if said else counted
        shared = replace(row, method=family.procedure, warnings=said)
        known = row.value is not None
        rejected = float(p <= family.alpha) if known else None
        made.append(replace(shared, statistic="p_adjusted", value=float(p) if known else None))
        made.append(replace(shared, statistic="rejected", value=rejected))
    return made
