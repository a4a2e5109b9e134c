"""Two end points in the same subjects: who responds by one alone, and what kept the other."""

from collections.abc import Mapping

import polars as pl

from openlupus.analysis.notes.endpoint import (
    MISSING,
    composite_in_words,
    events_in_words,
    when_in_words,
)
from openlupus.analysis.select import SUBJECT, at_visit, one_record_each, scope
from openlupus.analysis.verdicts import DATASET, Verdicts, read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test
from openlupus.protocol.methods import Discordance
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow

BOTH, NEITHER = "both", "neither"
_OTHER, _WHY, _OTHER_WHY = "_other", "_why", "_other_why"
_FAILED = ("not met", "cannot be computed")
"""How ADRESP.REASON begins where components decide; an event decides otherwise."""


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
    first, frame = _both(name, protocol, data, subjects, method)
    one, two = first.endpoint.parameter, protocol.endpoints[method.other].parameter
    mine, other = pl.col("AVAL") == 1, pl.col(_OTHER) == 1
    kinds: dict[str, pl.Expr] = {
        BOTH: mine & other, f"{one} only": mine & ~other, f"{two} only": ~mine & other,
        NEITHER: ~mine & ~other,
    }  # fmt: skip
    for label, why in ((f"{one} only", _OTHER_WHY), (f"{two} only", _WHY)):
        of_it = frame.filter(kinds[label])
        for part in sorted({p for text in of_it[why].fill_null("") for p in decided(text)}):
            told = pl.col(why).map_elements(
                lambda text, p=part: p in decided(text), return_dtype=pl.Boolean
            )
            kinds[f"{label}|{part}"] = kinds[label] & told.fill_null(False)
    return [
        row
        for parameter, where in kinds.items()
        for group in first.scope.groups
        for row in _counted(first, frame, parameter, where, group)
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
) -> tuple[Verdicts, pl.DataFrame]:
    """The verdicts of the first end point, with those of the second beside them."""
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
    return first, mine.join(second.drop_nulls(_OTHER), on=SUBJECT, maintain_order="left")


def _counted(
    first: Verdicts, frame: pl.DataFrame, parameter: str, where: pl.Expr, group: str
) -> list[ResultRow]:
    seen = first.scope
    inside = seen.of(frame, group)
    among, n = inside.height, inside.filter(where).height
    said = () if among else ("no subject of the group has both verdicts",)
    values = {"N": float(among), "n": float(n), "proportion": n / among if among else None}
    return seen.rows(
        values, method="discordance", parameter=parameter, group=group, n=among,
        source=seen.source([group]), warnings=said,
    )  # fmt: skip


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
