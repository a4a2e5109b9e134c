"""Every method of analysis: what computes it, and what says how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import polars as pl

from openlupus.analysis.ancova import ancova_rows, ancova_told
from openlupus.analysis.ancova_interaction import ancova_interaction_rows
from openlupus.analysis.by import by_told
from openlupus.analysis.counts import count_rows, counts_told
from openlupus.analysis.discordance import discordance_rows, discordance_told
from openlupus.analysis.dose_response import mcpmod_rows, mcpmod_told
from openlupus.analysis.exposure_response import exposure_rows, exposure_told
from openlupus.analysis.imputed import imputed_rows, imputed_told
from openlupus.analysis.interaction import interaction_rows
from openlupus.analysis.longitudinal import (
    longitudinal_rows,
    longitudinal_saw,
    longitudinal_told,
)
from openlupus.analysis.marginal import marginal_rows, marginal_told
from openlupus.analysis.median_change import median_rows, median_told
from openlupus.analysis.notes.definitions import definitions
from openlupus.analysis.notes.endpoint import times_in_words
from openlupus.analysis.notes.words import in_words, listed
from openlupus.analysis.repeated import mmrm_rows, mmrm_told
from openlupus.analysis.representation import representation_rows, representation_told
from openlupus.analysis.rerandomised import rerandomised_rows, rerandomised_told
from openlupus.analysis.responder import responder_rows, responder_told
from openlupus.analysis.safety import incidence_rows, incidence_told
from openlupus.analysis.scatter import scatter_rows, scatter_told
from openlupus.analysis.shift import shift_rows, shift_told
from openlupus.analysis.subgroups import Interaction, each_visit, repeats_told
from openlupus.analysis.summary import summary_rows, summary_told
from openlupus.analysis.survival import survival_rows, survival_told
from openlupus.analysis.tipping import tipping_rows, tipping_told
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
        interaction: Tests that an effect is the same in all levels of a subgroup.
        saw: Its rows to sentences on what a rule of the method found in these data.
    """

    rows: Callable[[str, Protocol, AnalysisData, pl.DataFrame], list[ResultRow]]
    told: Callable[[Protocol, Analysis, Any], list[str]]
    interaction: Interaction | None = None
    saw: Callable[[Sequence[ResultRow]], list[str]] = lambda rows: []  # noqa: ARG005


FAMILIES: Mapping[str, Family] = MappingProxyType({
    "summary": Family(summary_rows, summary_told),
    "counts": Family(count_rows, counts_told),
    "incidence": Family(incidence_rows, incidence_told),
    "responder": Family(responder_rows, responder_told, interaction_rows),
    "imputed_responder": Family(imputed_rows, imputed_told),
    "tipping_point": Family(tipping_rows, tipping_told),
    "rerandomised": Family(rerandomised_rows, rerandomised_told),
    "marginal": Family(marginal_rows, marginal_told),
    "median_change": Family(median_rows, median_told),
    "discordance": Family(discordance_rows, discordance_told),
    "mcpmod": Family(mcpmod_rows, mcpmod_told),
    "exposure_response": Family(exposure_rows, exposure_told),
    "longitudinal": Family(longitudinal_rows, longitudinal_told, saw=longitudinal_saw),
    "shift": Family(shift_rows, shift_told),
    "ancova": Family(ancova_rows, ancova_told, ancova_interaction_rows),
    "mmrm": Family(mmrm_rows, mmrm_told),
    "representation": Family(representation_rows, representation_told),
    "scatter": Family(scatter_rows, scatter_told),
    "survival": Family(survival_rows, survival_told),
})  # fmt: skip
"""Name of a declared method to the method."""


def note(protocol: Protocol, name: str, rows: Sequence[ResultRow] = ()) -> str:
    """The method note of a declared analysis, in whole sentences; its rows tell what rules saw."""
    analysis = protocol.analyses[name]
    method = analysis.method
    family = FAMILIES[method.name]
    each = [at.analyses[name] for at in each_visit(protocol, name)]
    said = [words for one in each for words in family.told(protocol, one, method)]
    said += times_in_words(protocol, analysis)
    said += [*by_told(analysis), *repeats_told(protocol, analysis), *family.saw(rows)]
    by = [by.column for by in analysis.by]
    asked = [*method.asked, *analysis.where, *analysis.subgroups, *by]
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
        f"{p.label} (by {p.arm} arm): {in_words(p.where) if p.where else 'all subjects of ADSL'}"
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
