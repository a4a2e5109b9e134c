"""Who has which adverse event: in the arm's proportion, among those in whom it can be."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.simulation.model import Model
from openlupus.simulation.people import People
from openlupus.simulation.proofs import Proofs
from openlupus.simulation.visits import DEATH, EVENT, Stops


@dataclass(frozen=True, slots=True)
class Drawn:
    """Events in order of patient, shape (events,) each: `blamed` ended treatment, unless a serious
    event of the patient did.
    """

    patient: Ints
    term: Ints
    blamed: Bools


def draw_events(
    protocol: Protocol,
    model: Model,
    people: People,
    arm: Ints,
    stops: Stops,
    proofs: Mapping[int, Proofs],
    rng: np.random.Generator,
) -> Drawn:
    """Patient and term of each event: at most one of a term, and one at least in those who stop.

    Who dies has the first fatal term, nobody else has any.
    """
    may = _possible(model, people) & stops.treated[:, None]
    likely = may.copy()
    for term, proof in proofs.items():
        likely[:, term] &= ~np.isnan(proof.first)
    member = (arm[:, None] == np.arange(len(protocol.arms))) & stops.treated[:, None]
    chance = _spread(_chances(protocol, model), member, arm, likely, may)

    blamed = _blamed(model, stops, chance, rng)
    left = _without(chance, blamed, member)
    happens = blamed | (rng.random(chance.shape) < left[arm] * chance)
    happens |= _serious(protocol, model, arm, may, rng)
    terms = model.events.terms
    if fatal := [i for i, t in enumerate(terms) if t.fatal]:
        happens[stops.cause == DEATH, fatal[0]] = True
    # Nobody has an event as a serious one and as another one.
    for i, term in enumerate(terms):
        if term.serious:
            same = [t.term == term.term and not t.serious for t in terms]
            happens[:, same] &= ~happens[:, [i]]
    patient, term = np.nonzero(happens)
    return Drawn(patient, term, blamed[patient, term])


def _possible(model: Model, people: People) -> Bools:
    """Shape (patients, terms): of the right sex, and not too old."""
    terms = model.events.terms
    men, women = (np.array([t.sex != sex for t in terms]) for sex in ("F", "M"))
    oldest = np.array([t.oldest for t in terms])
    return np.where(people.female[:, None], women, men) & (people.age[:, None] <= oldest)


def _spread(chance: Floats, member: Bools, arm: Ints, likely: Bools, may: Bools) -> Floats:
    """Probabilities of patients, shape (patients, terms), which add up to the arms'.

    `chance`, shape (arms, terms), goes to the likely; what they cannot take, to others who may
    have the event. `member`, shape (patients, arms), are the treated patients.
    """
    counted = member.T.astype(np.float64)
    wanted = chance * counted.sum(axis=1)[:, None]
    first, all_ = counted @ likely, counted @ may
    most = np.minimum(wanted / np.maximum(first, 1), 1)
    others = np.clip((wanted - most * first) / np.maximum(all_ - first, 1), 0, 1)
    return np.where(likely, most[arm], np.where(may, others[arm], 0))


def _blamed(model: Model, stops: Stops, chance: Floats, rng: np.random.Generator) -> Bools:
    """The event that ends treatment in those who stop for one, shape (patients, terms)."""
    weight = chance * [term.withdraws for term in model.events.terms]
    with np.errstate(divide="ignore"):
        race = np.log(weight) + rng.gumbel(size=chance.shape)
    blamed, stopped = np.zeros(chance.shape, np.bool_), np.flatnonzero(stops.cause == EVENT)
    blamed[stopped, race[stopped].argmax(axis=1)] = True
    return blamed


def _without(chance: Floats, blamed: Bools, member: Bools) -> Floats:
    """What remains of each probability once those blamed are counted, shape (arms, terms)."""
    counted = member.T.astype(np.float64)
    missing = counted @ chance - counted @ blamed
    free = counted @ (chance * ~blamed)
    return np.clip(missing / np.maximum(free, 1e-12), 0, 1)


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


def _serious(
    protocol: Protocol, model: Model, arm: Ints, may: Bools, rng: np.random.Generator
) -> Bools:
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
        race = np.log(rate[arm] * may) + rng.gumbel(size=(len(arm), len(terms)))
    possible = (rate[arm] > 0) & may
    place = np.argsort(np.argsort(-race, axis=1), axis=1)
    return (place < number[:, None]) & possible
