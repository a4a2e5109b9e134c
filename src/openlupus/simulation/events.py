"""Adverse events: what happens to whom, how bad it is, and what is done."""

from dataclasses import dataclass

import numpy as np

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.simulation.model import Model
from openlupus.simulation.people import draw
from openlupus.simulation.streams import Streams
from openlupus.simulation.visits import DEATH, EVENT, Stops


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
    protocol: Protocol, model: Model, arm: Ints, stops: Stops, screening: Ints, streams: Streams
) -> Events:
    """All adverse events of a chunk's patients.

    `screening` is the offset of each patient's screening visit: events before treatment are later.
    """
    rng, part = streams.rng("events"), model.events
    patient, term = _drawn(protocol, model, arm, stops, rng)
    serious = np.array([t.serious for t in part.terms])[term]
    fatal = np.array([t.fatal for t in part.terms])[term]
    every = np.ones(len(patient), np.bool_)
    withdrawn = _one_of(patient, stops.cause == EVENT, serious.astype(float), every, rng)
    start, end = _when(model, patient, stops, screening, serious, withdrawn, fatal, rng)

    def some(field: str, weight: Bools, among: Bools) -> Bools:
        arms = [model.arms[name] for name in protocol.arms]
        share = np.array([getattr(a, field) / a.any_event for a in arms])
        who = rng.random(len(arm)) < share[arm]
        return _one_of(patient, who, weight.astype(float), among & (start >= 0), rng)

    severe = some("severe", serious, every) | fatal
    related = some("related", withdrawn, ~fatal)
    with_related = np.isin(patient, patient[related])
    others = with_related & (rng.random(len(patient)) < part.related_events)
    interrupted = some("interrupted", severe, ~(withdrawn | fatal))
    moderate = rng.random(len(patient)) < part.moderate
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


def _drawn(
    protocol: Protocol, model: Model, arm: Ints, stops: Stops, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Patient and term of each event: at most one of a term, and one at least in those who stop.

    Who dies has the first fatal term, nobody else has any.
    """
    terms = model.events.terms
    fatal, serious = np.array([t.fatal for t in terms]), np.array([t.serious for t in terms])
    usual = _chances(protocol, model)
    happens = rng.random((len(arm), len(terms))) < usual[arm]
    happens |= _serious(protocol, model, arm, rng)
    happens &= stops.treated[:, None]
    stopped = np.flatnonzero((stops.cause == EVENT) & ~happens.any(axis=1))
    happens[stopped, draw(usual.mean(axis=0), len(stopped), rng)] = True
    if fatal.any():
        happens[stops.cause == DEATH, np.argmax(fatal)] = True
    # Nobody has an event as a serious one and as another one.
    names = np.array([t.term for t in terms])
    for i in np.flatnonzero(serious):
        same = (names == names[i]) & ~serious
        happens[:, same] &= ~happens[:, [i]]
    patient, term = np.nonzero(happens)
    return patient, term


def _by_arm(protocol: Protocol, model: Model) -> Floats:
    """Probability of each term as given, shape (arms, terms)."""
    terms = model.events.terms
    return np.array([[t.by_arm.get(name, t.probability) for t in terms] for name in protocol.arms])


def _chances(protocol: Protocol, model: Model) -> Floats:
    """Probability of each term that is not serious in each arm, shape (arms, terms).

    Terms with a weight are made as much likelier, or less, as is needed for the arm's
    probability of any event at all.
    """
    chance, terms = _by_arm(protocol, model), model.events.terms
    chance[:, [t.serious or t.fatal for t in terms]] = 0
    fitted = np.array([not (t.by_arm or t.serious or t.fatal) for t in terms])
    spared = np.log1p(-chance)
    for i, name in enumerate(protocol.arms):
        part = model.arms[name]
        # None at all: none that is serious, none with a rate of its own, none of the others.
        wanted = np.log1p(-part.any_event) - np.log1p(-part.serious) - spared[i, ~fitted].sum()
        times = max(wanted / min(spared[i, fitted].sum(), -1e-12), 0.0)
        chance[i, fitted] = -np.expm1(times * spared[i, fitted])
    return chance


def _serious(protocol: Protocol, model: Model, arm: Ints, rng: np.random.Generator) -> Bools:
    """Serious events, shape (patients, terms): in the arm's proportion of patients, at least one.

    How many more a patient has, follows from how much the terms' probabilities add up to.
    """
    terms = model.events.terms
    rate = _by_arm(protocol, model) * [t.serious and not t.fatal for t in terms]
    share = np.array([model.arms[name].serious for name in protocol.arms])
    more: Floats = np.maximum(rate.sum(axis=1) / np.maximum(share, 1e-12) - 1, 0)
    several = 1 + rng.poisson(more[arm])
    number = np.where(rng.random(len(arm)) < share[arm], several, 0)
    with np.errstate(divide="ignore"):
        race = np.log(rate)[arm] + rng.gumbel(size=(len(arm), len(terms)))
    place = np.argsort(np.argsort(-race, axis=1), axis=1)
    return (place < number[:, None]) & (rate[arm] > 0)


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
