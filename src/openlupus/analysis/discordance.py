"""Two end points in the same subjects: who responds by one alone, and what kept the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from openlupus.analysis.notes.endpoint import (
    MISSING,
    composite_in_words,
    events_in_words,
    when_in_words,
)
from openlupus.analysis.pointers import conjunction
from openlupus.analysis.select import SUBJECT, at_visit, one_record_each, scope
from openlupus.analysis.verdicts import DATASET, RESPONDING, WITH_VERDICT, Verdicts, read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.methods import Discordance
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow

BOTH, NEITHER = "both", "neither"
_OTHER, _WHY, _OTHER_WHY = "_other", "_why", "_other_why"
_FAILING: Where = {"AVAL": Test(equals=0)}
_FAILED = ("not met", "cannot be computed")
"""How ADRESP.REASON begins where components decide; an event decides otherwise."""


@dataclass(frozen=True, eq=False)
class Kind:
    """Subjects of one kind.

    Attributes:
        met: Who they are, in the verdicts side by side.
        first, second: What their records of the two end points meet.
    """

    met: pl.Expr
    first: Where
    second: Where


def discordance_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """N, n and proportion of those who respond by both, by one alone and by neither.

    The parameters are `both`, `X only`, `Y only` and `neither` (X and Y being PARAMCDs), and
    `X only|component` for what kept those from responding by Y; a subject with several such
    components counts in each. N are the subjects with both verdicts.

    Raises:
        AnalysisError: a subject has two verdicts at the visit.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Discordance)
    first, frame, about_other = _both(name, protocol, data, subjects, method)
    one, two = first.endpoint.parameter, protocol.endpoints[method.other].parameter
    mine, other = pl.col("AVAL") == 1, pl.col(_OTHER) == 1
    kinds: dict[str, Kind] = {
        BOTH: Kind(mine & other, RESPONDING, RESPONDING),
        f"{one} only": Kind(mine & ~other, RESPONDING, _FAILING),
        f"{two} only": Kind(~mine & other, _FAILING, RESPONDING),
        NEITHER: Kind(~mine & ~other, _FAILING, _FAILING),
    }
    for label, why in ((f"{one} only", _OTHER_WHY), (f"{two} only", _WHY)):
        kind = kinds[label]
        texts = frame.filter(kind.met)[why].fill_null("").unique().sort().to_list()
        for part in sorted({p for text in texts for p in decided(text)}):
            named = tuple(text for text in texts if part in decided(text))
            because: Where = {"REASON": Test(one_of=named)}
            kinds[f"{label}|{part}"] = Kind(
                kind.met & pl.col(why).is_in(named),
                kind.first | (because if why == _WHY else {}),
                kind.second | (because if why == _OTHER_WHY else {}),
            )
    return [
        row
        for parameter, kind in kinds.items()
        for group in first.scope.groups
        for row in _counted(first, frame, about_other, parameter, kind, group)
    ]


def decided(reason: str) -> list[str]:
    """The components that a reason names, or the event that it is."""
    parts: list[str] = []
    for clause in filter(None, reason.split("; ")):
        how, _, named = clause.partition(": ")
        parts += named.split(" and ") if how in _FAILED else [clause]
    return parts


def _both(
    name: str,
    protocol: Protocol,
    data: AnalysisData,
    subjects: pl.DataFrame,
    method: Discordance,
) -> tuple[Verdicts, pl.DataFrame, Where]:
    """First verdicts with the second beside them, and what the records of the second are."""
    first = read_verdicts(name, protocol, data, subjects, columns=["REASON"])
    analysis, other = first.scope.analysis, protocol.endpoints[method.other]
    where = at_visit(protocol.visit(analysis.visit), data.frame(DATASET).columns, name)
    own = {**where, "PARAMCD": Test(equals=other.parameter)}
    seen = scope(
        name, protocol, data, subjects, columns=["AVAL", "REASON"], further=own, dataset=DATASET
    )
    one_record_each(seen)
    second = seen.records.select(
        SUBJECT, pl.col("AVAL").alias(_OTHER), pl.col("REASON").alias(_OTHER_WHY)
    )
    mine = first.known.rename({"REASON": _WHY})
    both = mine.join(second.drop_nulls(_OTHER), on=SUBJECT, maintain_order="left")
    return first, both, seen.about_records


def _counted(
    first: Verdicts,
    frame: pl.DataFrame,
    about_other: Where,
    parameter: str,
    kind: Kind,
    group: str,
) -> list[ResultRow]:
    seen = first.scope
    inside = seen.of(frame, group)
    among, n = inside.height, inside.filter(kind.met).height
    shared: dict[str, Any] = {
        "method": "discordance", "parameter": parameter, "group": group, "n": among,
        "warnings": () if among else ("no subject of the group has both verdicts",),
    }  # fmt: skip
    values = {"n": float(n), "proportion": n / among if among else None}

    def whom(mine: Where, other: Where) -> str:
        return seen.source([group], mine, having=[conjunction(about_other, other)])

    return [
        seen.row("N", float(among), source=whom(WITH_VERDICT, WITH_VERDICT), **shared),
        *seen.rows(values, source=whom(kind.first, kind.second), **shared),
    ]


def discordance_told(protocol: Protocol, analysis: Analysis, method: Discordance) -> list[str]:
    ends: Mapping[str, str] = {analysis.endpoint: "First", method.other: "Second"}
    said: list[str] = []
    for end, place in ends.items():
        endpoint = protocol.endpoints[end]
        said += [
            f"{place} end point: {endpoint.label} (PARAMCD {endpoint.parameter}).",
            *composite_in_words(protocol, endpoint),
            *events_in_words(protocol, endpoint),
            f"{MISSING[endpoint.missing]}.",
        ]
    return [
        *said,
        *when_in_words(protocol, analysis),
        (
            "Subjects with a verdict by both are counted: response by both, by one alone, by"
            " neither. Of those who respond by one alone, each component of the other that is not"
            " met or cannot be computed counts, or the event that made it non-response; a subject"
            " may count in several."
        ),
    ]
