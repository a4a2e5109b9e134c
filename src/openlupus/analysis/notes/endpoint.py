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
from openlupus.instruments import lldas, sledai2k
from openlupus.instruments.composites import COMPOSITES, FLARES, Composite
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
_MAJOR = [item.label for item in sledai2k.ITEMS if item.key in lldas.MAJOR_ORGAN]
COMPONENTS: Mapping[str, str] = {
    "sledai_fall": "score lower than SLEDAI-2K at baseline by at least the fall needed",
    "sledai_no_worsening": "SLEDAI-2K not higher than at baseline",
    "bilag_improved": "every BILAG-2004 A at baseline now B or lower, every B now C or lower,"
    " cannot be computed without an A or a B at baseline",
    "bilag_no_worsening": "no new BILAG-2004 A (A now, lower before) and at most one new B (B now,"
    " lower before) against baseline",
    "pga_no_worsening": "PGA higher than at baseline by less than the rise that is worsening",
    "clinical_sledai_fall": "SLEDAI-2K without the items that the declaration leaves out lower than"
    " at baseline by at least the fall needed",
    "clasi_fall": "CLASI activity lower than at baseline by at least the per cent needed, cannot be"
    " computed below the baseline score needed",
    "swollen_fall": "swollen joints fewer by at least the per cent needed",
    "tender_fall": "tender joints fewer by at least the per cent needed",
    "active_joint_fall": "joints both swollen and tender fewer by at least the per cent needed",
    "dose_low": "every daily dose of glucocorticoid within the limit, cannot be computed in those"
    " below the dose needed at baseline",
    "flare_free": "no flare at any visit of the period",
    "no_new_a": "no more new BILAG-2004 A (A now, lower before) than allowed",
    "few_new_b": "no more new BILAG-2004 B (B now, lower before) than allowed",
    "sledai_low": "SLEDAI-2K, with its laboratory items, at most the limit",
    "no_major_organ_activity": f"none of the items {', '.join(_MAJOR).lower()} of SLEDAI-2K, no"
    " active haemolysis and no gastrointestinal item of BILAG-2004, be it improving",
    "no_new_feature": "no item of SLEDAI-2K present that was absent at the assessment before",
    "pga_low": "PGA within the limit",
    "prednisone_low": "dose of oral glucocorticoid at the visit, as prednisone, at most the limit",
    "standard_treatment": "no declared change of treatment",
    "clinical_sledai_zero": "no item of SLEDAI-2K present, low complement and increased DNA binding"
    " left out",
    "stable_treatment": "no declared change of treatment",
    "sle_das_low": "SLE-DAS at most the limit",
    "no_mild_or_moderate": "no mild or moderate flare by the SELENA-SLEDAI flare index",
    "no_severe": "no severe flare by it",
}
_OF_COMPOSITE: Mapping[tuple[str, str], str] = {
    ("sri_taper", "dose_low"): "every daily dose of glucocorticoid below the limit and not above"
    " the dose at baseline",
    ("sri50", "sledai_fall"): "score, with items improved by half at half their weight, lower than"
    " SLEDAI-2K at baseline by at least the fall needed",
}
"""Components that mean something else in one composite."""


_LOOKED_FOR: Mapping[str, str] = {
    "every_assessment": "Flares are looked for at every assessment after day 1, each against the"
    " one before it (the baseline before the first). One that counts for no treatment visit needs a"
    " score, and bears on the next such visit (after the last, within its window): it can add a"
    " flare, and without one the visit itself decides. A flare is dated by the day on which it was"
    " first seen.",
    "visits": "Flares are looked for at the assessment that counts for each treatment visit,"
    " against the last that counts at an earlier one, or the baseline; one that counts for no such"
    " visit is not looked at.",
}
_OTHER: Mapping[str, str] = {
    "every_assessment": ", and at each other assessment from the first of these visits (from its"
    " target day, if that is earlier) on",
    "visits": "",
}


_WEIGHT = "Body weight: the last one measured by the day of the assessment (VS, in kg)."
_DOSE_AND_WEIGHT: Mapping[str, str] = {
    "every_assessment": "The dose at an assessment that counts for no visit is the mean of the 7"
    f" days before it. {_WEIGHT}",
    "visits": _WEIGHT,
}
_IMPROVED = (
    "Which items have improved by half is said by the S2K RI-50 form of the day of the SLEDAI-2K;"
    " an answer is needed where an item is present at baseline and at the visit."
)


def composite_in_words(protocol: Protocol, endpoint: m.Endpoint) -> list[str]:
    """The index with every option, what response needs, and to whom it applies."""
    composite = COMPOSITES[endpoint.composite]
    options = _options(composite, endpoint.options)
    needed = [endpoint.component] if endpoint.component else composite.components
    parts = [_component(composite, part) for part in needed]
    how = "this component alone" if endpoint.component else "all of these components"
    applies = in_words(endpoint.eligible) if endpoint.eligible else ""
    return [
        f"Definition: {'; '.join([composite.label, *options])}.",
        f"Response needs {how}: {listed(parts)}; missing if one cannot be computed.",
        *([f"The end point applies where {applies}."] if applies else []),
        *_feeds(protocol, endpoint, composite.inputs),
    ]


def _options(composite: Composite, declared: Mapping[str, str | float]) -> list[str]:
    return [
        f"{option.label}: {value_in_words(declared.get(name, option.default))}"
        f" ({'declared' if name in declared else 'default'})"
        for name, option in composite.options.items()
    ]


def _component(composite: Composite, part: str) -> str:
    means = _OF_COMPOSITE.get((composite.name, part), COMPONENTS[part])
    return f"{part.replace('_', ' ')} ({means})"


def _feeds(protocol: Protocol, endpoint: m.Endpoint, inputs: tuple[str, ...]) -> list[str]:
    """Where inputs come from that are no assessment of baseline or of the visit."""
    if protocol.data.adam == "given":
        return []
    said: list[str] = []
    kept = protocol.visit(endpoint.maintained_from) if endpoint.maintained_from else None
    flare = COMPOSITES[endpoint.flare] if kept and "flare_free_visit" in inputs else None
    inputs = (*inputs, *(flare.inputs if flare else ()))
    if "prednisone_baseline" in inputs:
        first, last = protocol.scoring.glucocorticoid_baseline
        said.append(f"Dose at baseline: the mean of days {first} to {last}.")
    if {"prednisone_visit", "prednisone_previous"} & set(inputs):
        said.append(
            "Dose at the visit: the mean of the 7 days before its target day, or of the last 7 of"
            " treatment where it ended earlier within the window."
        )
    if any(need.startswith("prednisone_") for need in inputs):
        said.append(
            "On a day without a record of glucocorticoid the dose is 0; on the days that a record"
            " may cover of which no dose can be read, it is not known, and neither is what rests on"
            " them."
        )
    if kept is not None and "prednisone_highest_visit" in inputs:
        said.append(
            f"Doses are looked at on every day from day {kept.day} ({kept.label}) to the target day"
            " of the visit or, where treatment ended earlier within its window, to that end;"
            " missing where treatment ended before that window."
        )
    if kept is not None and flare is not None:
        free = listed([_component(flare, part) for part in flare.components])
        said.append(
            f"Flare free is {'; '.join([flare.label, *_options(flare, {})])}; that is {free}, at"
            f" each visit from {kept.label} to the visit{_OTHER[endpoint.flares_at]}; without a"
            " flare it cannot be computed where one of these visits was missed or cannot be judged."
        )
    if flare is not None or endpoint.composite in FLARES:
        said.append(_LOOKED_FOR[endpoint.flares_at])
        if "weight_visit" in inputs:
            said.append(_DOSE_AND_WEIGHT[endpoint.flares_at])
    elif any(need.endswith("_previous") for need in inputs):
        said.append(
            "The assessment before: the last that counts at an earlier treatment visit, or the"
            " baseline."
        )
    if "sledai_improved_visit" in inputs:
        said.append(_IMPROVED)
    if endpoint.changes:
        labels = listed([protocol.intercurrent[event].label for event in endpoint.changes])
        said.append(f"Change of treatment: {labels}, on or before the day of the assessment.")
    return said


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


_EVENT: Mapping[str, str] = {
    "first_response": "the first visit with a response",
    "first_sustained_response": "the first visit with a response that holds at every later visit",
    "first_failure": "the first visit with a verdict, as observed, that is no response",
}
_DAYS: Mapping[str, str] = {
    "assessed": "the day of the assessment (the target day of the visit where there is none)",
    "target": "the target day of its visit",
}
_OWN_DAY = " (its own day outside the window of that visit)"
_CENSORED: Mapping[str, str] = {
    "last_assessment": "at the last visit with a verdict (on day 1 without any)",
    "end": "on the target day of the last visit",
}


def times_in_words(protocol: Protocol, analysis: Analysis) -> list[str]:
    """The times to an event that an analysis rests on: what is the event, who is censored."""
    if analysis.dataset != "ADTTE":
        return []
    asked = analysis.where.get("PARAMCD")
    names = None if asked is None else {asked.equals, *(asked.one_of or ())}
    return [
        _time(protocol, declared)
        for declared in protocol.times.values()
        if names is None or declared.parameter in names
    ]


def _time(protocol: Protocol, declared: m.TimeToEvent) -> str:
    endpoint = protocol.endpoints[declared.endpoint]
    until = f" up to {protocol.visit(declared.until).label}" if declared.until else ""
    ends = listed([protocol.intercurrent[name].label for name in declared.censored_by])
    searched = endpoint.composite in FLARES and endpoint.flares_at == "every_assessment"
    own = _OWN_DAY if searched and declared.days == "target" else ""
    return " ".join([
        f"{declared.label} ({declared.parameter}): the event is {_EVENT[declared.event]} of",
        f"{endpoint.label} ({endpoint.parameter}){until}; its day, counted from the first dose, is",
        f"{_DAYS[declared.days]}{own}. Without the event a subject is censored",
        f"{_CENSORED[declared.censor]}" + (f", and by {ends} before it." if ends else "."),
        *composite_in_words(protocol, endpoint),
        *events_in_words(protocol, endpoint),
    ])  # fmt: skip


def _event(protocol: Protocol, event: m.Intercurrent) -> str:
    match event:
        case m.Discontinuation():
            of = f" of epoch {event.epoch} (where there is none, of any)" if event.epoch else ""
            return f"the last disposition event{of} after screening is not COMPLETED; dated by it"
        case m.RecordEvent():
            record = record_in_words(event)
            return f"{record}, dated by {event.date} on or after the day of the first dose"
        case m.Medication():
            told = _total(protocol, event) if event.total_dose else _medication(event)
            return f"{told}{'' if event.change == 'start' else _UNREADABLE[event.unreadable]}"


_UNREADABLE: Mapping[str, str] = {
    "unknown": "; where a dose cannot be read, so that a record that begins then may or may not be"
    " such a rise, the verdict is not known from its first day on, and time at risk ends",
    "event": "; a record that begins then, and of which this cannot be told because a dose cannot"
    " be read, counts as such a rise",
    "no_event": "; a record of which this cannot be told because a dose cannot be read is none",
}


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
