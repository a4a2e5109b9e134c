"""Adverse events: what happens to whom, how bad it is, and what is done."""

from dataclasses import dataclass

import numpy as np

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.simulation.chances import draw_events
from openlupus.simulation.chart import Chart
from openlupus.simulation.model import Model
from openlupus.simulation.people import People
from openlupus.simulation.proofs import find
from openlupus.simulation.streams import Streams
from openlupus.simulation.visits import EVENT, Stops


@dataclass(frozen=True, slots=True)
class Events:
    """Events sorted by patient and start, shape (events,) each.

    `start` and `end` are offsets, `end` nan while it goes on; `term` a position in the model's
    list.
    """

    patient: Ints
    term: Ints
    start: Floats
    end: Floats
    severe: Bools
    moderate: Bools
    related: Bools
    withdrawn: Bools
    interrupted: Bools
    fatal: Bools


def happen(
    protocol: Protocol,
    model: Model,
    people: People,
    arm: Ints,
    stops: Stops,
    screening: Ints,
    chart: Chart,
    streams: Streams,
) -> Events:
    """All adverse events of a chunk's patients.

    `screening` is the offset of each patient's screening visit: events before treatment are later.
    """
    rng, part = streams.rng("events"), model.events
    proofs = find(model, chart, stops)
    drawn = draw_events(protocol, model, people, arm, stops, proofs, rng)
    patient, term = drawn.patient, drawn.term
    serious = np.array([t.serious for t in part.terms])[term]
    fatal = np.array([t.fatal for t in part.terms])[term]
    every = np.ones(len(patient), np.bool_)
    reason = np.where(serious, 2.0, drawn.blamed)
    withdrawn = _one_of(patient, stops.cause == EVENT, reason, every, rng)
    start, end = _when(model, patient, stops, screening, serious, withdrawn, fatal, rng)
    for position, proof in proofs.items():
        mine = np.flatnonzero(term == position)
        start[mine], end[mine] = proof.dated(patient[mine], withdrawn[mine], start[mine], end[mine])

    def some(field: str, weight: Floats, among: Bools) -> Bools:
        arms = [model.arms[name] for name in protocol.arms]
        share = np.array([getattr(a, field) / a.any_event for a in arms])
        who = rng.random(len(arm)) < share[arm]
        return _one_of(patient, who, weight, among & (start >= 0), rng)

    # Where there is a choice, an event of a count is not the severe one.
    weight = np.select([serious, np.isin(term, list(proofs))], [1.0, -1.0])
    severe = some("severe", weight, every) | fatal
    related = some("related", withdrawn.astype(np.float64), ~fatal)
    with_related = np.isin(patient, patient[related])
    others = with_related & (rng.random(len(patient)) < part.related_events)
    interrupted = some("interrupted", severe.astype(np.float64), ~(withdrawn | fatal))
    moderate = (rng.random(len(patient)) < part.moderate) | serious | withdrawn
    order = np.lexsort((start, patient))
    return Events(
        patient=patient[order],
        term=term[order],
        start=start[order],
        end=end[order],
        severe=severe[order],
        moderate=moderate[order],
        related=(related | (others & (start >= 0) & ~fatal))[order],
        withdrawn=withdrawn[order],
        interrupted=interrupted[order],
        fatal=fatal[order],
    )


def _when(
    model: Model,
    patient: Ints,
    stops: Stops,
    screening: Ints,
    serious: Bools,
    withdrawn: Bools,
    fatal: Bools,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Start and end of each event; what ends treatment begins on the day of the last dose."""
    part, n = model.events, len(patient)
    last = np.nan_to_num(stops.last)[patient]
    start = np.floor(rng.random(n) * (last + 1))
    early = (rng.random(n) < part.before_treatment) & ~serious
    start = np.where(early, -np.ceil(rng.random(n) * -screening[patient]), start)
    start = np.where(withdrawn | fatal, last - fatal * part.days_to_death, start)
    days = np.ceil(part.days_median * np.exp(rng.normal(0, part.days_sd, n)))
    end = np.where(rng.random(n) < part.ongoing, np.nan, start + days)
    return start, np.where(fatal, last + 1, end)


def _one_of(
    patient: Ints, who: Bools, weight: Floats, among: Bools, rng: np.random.Generator
) -> Bools:
    """Choose one event of each patient in `who`, of the heaviest if any, out of `among`."""
    chosen = np.zeros(len(patient), np.bool_)
    candidates = np.flatnonzero(who[patient] & among)
    rank = weight[candidates] + rng.random(len(candidates)) * 0.5
    best = candidates[np.lexsort((-rank, patient[candidates]))]
    chosen[best[np.diff(patient[best], prepend=-1) != 0]] = True
    return chosen
