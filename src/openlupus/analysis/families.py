"""Every method of analysis: what computes it, and what says how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import polars as pl

from openlupus.analysis.ancova import ancova_rows, ancova_told
from openlupus.analysis.counts import count_rows, counts_told
from openlupus.analysis.notes.definitions import definitions
from openlupus.analysis.notes.words import in_words, listed
from openlupus.analysis.responder import responder_rows, responder_told
from openlupus.analysis.safety import incidence_rows, incidence_told
from openlupus.analysis.summary import summary_rows, summary_told
from openlupus.derivation.model import AnalysisData
from openlupus.protocol.analyses import Analysis, Multiplicity
from openlupus.protocol.methods import OfEndpoint
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow

_PROCEDURES: Mapping[str, str] = {
    "hochberg": "Hochberg's step-up procedure", "holm": "Holm's step-down procedure",
    "hommel": "Hommel's procedure", "bonferroni": "the Bonferroni procedure",
}  # fmt: skip


@dataclass(frozen=True)
class Family:
    """A method of analysis.

    Attributes:
        rows: Analysis id, declaration, data, subjects of its population, to its rows.
        told: Declaration, analysis, its method, to the sentences of its note.
    """

    rows: Callable[[str, Protocol, AnalysisData, pl.DataFrame], list[ResultRow]]
    told: Callable[[Protocol, Analysis, Any], list[str]]


FAMILIES: Mapping[str, Family] = MappingProxyType({
    "summary": Family(summary_rows, summary_told),
    "counts": Family(count_rows, counts_told),
    "incidence": Family(incidence_rows, incidence_told),
    "responder": Family(responder_rows, responder_told),
    "ancova": Family(ancova_rows, ancova_told),
})  # fmt: skip
"""Name of a declared method to the method."""


def note(protocol: Protocol, name: str) -> str:
    """The method note of a declared analysis, in whole sentences."""
    analysis = protocol.analyses[name]
    method = analysis.method
    said = FAMILIES[method.name].told(protocol, analysis, method)
    asked = [*method.asked, *analysis.where]
    if isinstance(method, OfEndpoint):
        asked = [*protocol.endpoints[analysis.endpoint].eligible, *asked]
    families = [
        _family(protocol, family)
        for family in protocol.multiplicity.values()
        if family.analysis == name
    ]
    whom = protocol.populations[analysis.population]
    about = f"Population: {whom.label}, by {whom.arm} arm."
    told = [about, *said, *definitions(protocol, asked), *families]
    return " ".join(dict.fromkeys(told))


def population_note(protocol: Protocol) -> str:
    """The method note of the built-in analysis `population`."""
    sets = "; ".join(
        f"{p.label} (by {p.arm} arm): {in_words(p.where) or 'all subjects of ADSL'}"
        for p in protocol.populations.values()
    )
    columns = [column for p in protocol.populations.values() for column in p.where]
    said = [f"Number of subjects in each population, arm and group. {sets}."]
    return " ".join([*said, *definitions(protocol, columns)])


def _family(protocol: Protocol, family: Multiplicity) -> str:
    tests = listed([protocol.label(test) for test in family.tests])
    return (
        f"Family of {tests}: {_PROCEDURES[family.procedure]} at a two-sided familywise level of"
        f" {family.alpha:g}; a P that could not be computed counts as 1."
    )
