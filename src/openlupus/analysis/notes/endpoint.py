"""An end point in words: index, baseline and visit, intercurrent events, strata."""

from collections.abc import Mapping

from openlupus.analysis.notes.words import (
    BASELINE,
    in_words,
    listed,
    record_in_words,
    value_in_words,
    window_in_words,
)
from openlupus.analysis.strata import strata_columns
from openlupus.instruments.composites import COMPOSITES
from openlupus.protocol import model as m
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.methods import OfEndpoint
from openlupus.protocol.model import Protocol

MISSING: Mapping[str, str] = {
    "non_response": "n respond among all N; a verdict that is missing counts as non-response",
    "missing": "n respond among the N with a verdict; a missing verdict is left out",
}
_STRATEGY: Mapping[str, str] = {
    "composite": "non-response (composite)",
    "treatment_policy": "ignored (treatment policy)",
    "hypothetical": "the verdict is set to missing, and the subject is not among the N"
    " (hypothetical)",
    "while_on_treatment": "the verdict of the last visit before it stands, and is missing without"
    " one (while on treatment)",
}
_COMPONENTS: Mapping[str, str] = {
    "sledai_fall": "score lower than SLEDAI-2K at baseline by at least the fall needed",
    "sledai_no_worsening": "SLEDAI-2K not higher than at baseline",
    "bilag_improved": "every BILAG-2004 A at baseline now B or lower, every B now C or lower,"
    " cannot be computed without an A or a B at baseline",
    "bilag_no_worsening": "no new BILAG-2004 A and at most one new B against baseline",
    "pga_no_worsening": "PGA higher than at baseline by less than the rise that is worsening",
}


def composite_in_words(endpoint: m.Endpoint) -> list[str]:
    """The index with every option, what response needs, and to whom it applies."""
    composite = COMPOSITES[endpoint.composite]
    options = [
        f"{option.label}: {value_in_words(endpoint.options.get(name, option.default))}"
        f" ({'declared' if name in endpoint.options else 'default'})"
        for name, option in composite.options.items()
    ]
    needed = [endpoint.component] if endpoint.component else composite.components
    parts = [f"{p.replace('_', ' ')} ({_COMPONENTS.get(p, p)})" for p in needed]
    how = "this component alone" if endpoint.component else "all of these components"
    applies = in_words(endpoint.eligible)
    return [
        f"Definition: {'; '.join([composite.label, *options])}.",
        f"Response needs {how}: {listed(parts)}; missing if one cannot be computed.",
        *([f"The end point applies where {applies}."] if applies else []),
    ]


def when_in_words(protocol: Protocol, analysis: Analysis) -> list[str]:
    """The baseline and the assessment of the visit, where the verdicts are derived."""
    if protocol.data.adam == "given":
        return ["The verdicts stand in the analysis data as given, not derived here."]
    return [BASELINE, *([window_in_words(protocol, analysis.visit)] if analysis.visit else [])]


def events_in_words(protocol: Protocol, endpoint: m.Endpoint) -> list[str]:
    """Each intercurrent event, defined, with its strategy; then which of them counts when."""
    told = [
        f"{protocol.intercurrent[name].label} ({_event(protocol, protocol.intercurrent[name])}):"
        f" {_STRATEGY[strategy]}."
        for name, strategy in endpoint.intercurrent.items()
    ]
    if protocol.data.adam == "given" or set(endpoint.intercurrent.values()) <= {"treatment_policy"}:
        return told
    counts = (
        "An event counts when it is on or before the day of the assessment (the latest of the"
        " composite's at the visit; the target day of the visit where there is none); the first"
        " that is not ignored decides, of two on one day one that is non-response."
    )
    return [*told, counts]


def _event(protocol: Protocol, event: m.Intercurrent) -> str:
    match event:
        case m.Discontinuation():
            of = f" of epoch {event.epoch} (where there is none, of any)" if event.epoch else ""
            return f"the last disposition event{of} after screening is not COMPLETED; dated by it"
        case m.RecordEvent():
            record = record_in_words(event)
            return f"{record}, dated by {event.date} on or after the day of the first dose"
        case m.Medication():
            return _total(protocol, event) if event.total_dose else _medication(event)


def _total(protocol: Protocol, event: m.Medication) -> str:
    first, last = protocol.scoring.glucocorticoid_baseline
    return (
        f"a record of class {' or '.join(event.classes)}, not ended before day {event.from_day},"
        f" when the oral total, in mg of {event.total_dose} equivalents a day, on its first day"
        f" (on day {event.from_day} where it began before) exceeds the baseline dose, the mean of"
        f" days {first} to {last}, by more than {event.tolerance:g} (tolerance); or an intravenous"
        f" or intramuscular one that begins on day {event.from_day} or later, whatever its dose;"
        " dated by that day"
    )


def _medication(event: m.Medication) -> str:
    started = "its drug was not taken on the day of the first dose"
    raised = (
        "the daily dose of its drug exceeds that on the day of the first dose by more than"
        f" {event.tolerance:g} (tolerance)"
    )
    changes = {"start": started, "increase": raised, "start_or_increase": f"{started}, or {raised}"}
    return (
        f"a record of class {' or '.join(event.classes)} that begins on day {event.from_day} or"
        f" later, when {changes[event.change]}; dated by its first day"
    )


def strata_in_words(protocol: Protocol, method: OfEndpoint) -> str:
    columns = strata_columns(protocol, method)
    factors: list[str] = []
    for name, column in zip(method.strata, columns, strict=True):
        stratum = protocol.strata[name]
        levels = ", ".join(level.label for level in stratum.levels)
        factors.append(f"{stratum.label} ({levels}; {column})")
    return (
        f"Strata as {method.strata_as}: {' by '.join(factors)}, numbered in this order with the"
        " last factor running fastest; a stratum without subjects in one of the groups is left"
        " out, and so are subjects without a stratum."
    )
