"""When patients are seen: scheduled visits in their windows, missed and unscheduled ones.

Days are offsets from the first dose (the day of randomisation in those never treated): 0 is study
day 1, -1 is study day -1.
"""

from dataclasses import dataclass, replace

import numpy as np

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.protocol.model import Visit
from openlupus.simulation.model import Model
from openlupus.simulation.streams import Streams


@dataclass(frozen=True, slots=True)
class Stops:
    """End of treatment, shape (n,) each: `cause` is one of the names below, `last` the last dose.

    `last` is the offset of the last dose, nan in those who never had one.
    """

    treated: Bools
    cause: Ints
    last: Floats


COMPLETED, NOT_TREATED, EVENT, OTHER, DEATH = range(5)


@dataclass(frozen=True, slots=True)
class Occasions:
    """Assessments of n patients in order of time, shape (n, k) each.

    The first two are screening and baseline. `number` is VISITNUM; a whole one is scheduled.
    """

    offset: Ints
    number: Floats
    held: Bools


def offset_of(day: int) -> int:
    """Offset of a study day: there is no day 0."""
    return day - 1 if day > 0 else day


def ordered(protocol: Protocol) -> list[Visit]:
    """Screening, baseline, and the other visits in order of time."""
    roles = {"screening": 0, "baseline": 1}
    return sorted(protocol.schedule.visits, key=lambda v: (roles.get(v.role, 2), v.day))


def last_treatment(protocol: Protocol) -> Visit:
    """The visit that ends treatment."""
    return max(
        (v for v in protocol.schedule.visits if v.role in ("baseline", "treatment")),
        key=lambda v: v.day,
    )


def screening_offsets(protocol: Protocol, model: Model, n: int, streams: Streams) -> Ints:
    """Offsets of the screening and the baseline visit, shape (n, 2)."""
    rng = streams.rng("screening")
    screening, baseline = ordered(protocol)[:2]
    before = _jittered(screening, model, n, rng)
    # Most are assessed and randomised on the day of the first dose, some shortly before it.
    early = rng.geometric(0.5, n) * (rng.random(n) < model.conduct.early_baseline)
    low, high = (offset_of(day) for day in baseline.window)
    at = np.clip(offset_of(baseline.day) - early, low, min(high, 0))
    return np.stack([np.minimum(before, at - 1), at], axis=1)


def stop(protocol: Protocol, model: Model, arm: Ints, streams: Streams) -> Stops:
    """Who stops, why, and when; `arm` is the position of the arm, negative where none."""
    rng, n = streams.rng("stops"), len(arm)
    arms = [model.arms[name] for name in protocol.arms]
    causes = np.array(
        [[a.not_treated, a.withdrawn_for_event, a.withdrawn, a.death] for a in arms]
    ).cumsum(axis=1)
    drawn = (rng.random(n)[:, None] >= causes[arm]).sum(axis=1)
    cause = np.array([NOT_TREATED, EVENT, OTHER, DEATH, COMPLETED])[drawn]
    cause[arm < 0] = NOT_TREATED
    end = offset_of(last_treatment(protocol).day) - 1
    last = np.where(cause == COMPLETED, end, rng.integers(3, max(end - 7, 4), n)).astype(float)
    last[cause == NOT_TREATED] = np.nan
    return Stops(cause != NOT_TREATED, cause, last)


def attend(
    protocol: Protocol, model: Model, early: Ints, randomised: Bools, stops: Stops, streams: Streams
) -> Occasions:
    """Every assessment of every patient; `early` are the offsets of screening and baseline."""
    rng, n = streams.rng("visits"), len(early)
    visits, conduct = ordered(protocol), model.conduct
    later = visits[2:]
    offset = np.empty((n, len(visits) + 1), np.int64)
    held = np.zeros(offset.shape, np.bool_)
    number = np.tile(np.array([*(v.number for v in visits), np.nan]), (n, 1))
    offset[:, :2], held[:, 0], held[:, 1] = early, True, randomised
    for j, visit in enumerate(later, start=2):
        offset[:, j] = _jittered(visit, model, n, rng)
        late = rng.random(n) < model.faults.outside_window
        if visit.role != "follow_up":
            beyond = offset_of(visit.window[1]) + rng.integers(1, 5, n)
            offset[:, j] = np.where(late, beyond, offset[:, j])
            came = (stops.cause == COMPLETED) | (offset[:, j] <= stops.last + 1)
            held[:, j] = stops.treated & came & (rng.random(n) >= conduct.missed)
        else:
            held[:, j] = (stops.cause == COMPLETED) & (rng.random(n) < conduct.follow_up)
    _unscheduled(offset, number, held, model, stops, rng)
    return _in_order(offset, number, held)


def complete(protocol: Protocol, stops: Stops, occasions: Occasions) -> Stops:
    """The same ends of treatment, completers' on the day before the visit that ends it."""
    at = occasions.number == last_treatment(protocol).number
    final = np.where(at, occasions.offset, 0).sum(axis=1) - 1
    return replace(stops, last=np.where(stops.cause == COMPLETED, final, stops.last))


def _unscheduled(
    offset: Ints, number: Floats, held: Bools, model: Model, stops: Stops, rng: np.random.Generator
) -> None:
    """Fill the last column: the visit of those who stop early, or one between visits."""
    n = len(offset)
    stopped = (stops.cause == EVENT) | (stops.cause == OTHER)
    between = rng.integers(8, np.maximum(np.nan_to_num(stops.last, nan=10), 9) + 1)
    offset[:, -1] = np.where(stopped, np.nan_to_num(stops.last) + 1, between)
    share = np.where(stopped, model.conduct.early_termination, model.conduct.unscheduled)
    taken = ((offset[:, :-1] == offset[:, -1:]) & held[:, :-1]).any(axis=1)
    held[:, -1] = stops.treated & (stops.cause != DEATH) & (rng.random(n) < share) & ~taken
    passed = np.where(held[:, :-1] & (offset[:, :-1] < offset[:, -1:]), number[:, :-1], -np.inf)
    number[:, -1] = np.where(held[:, -1], passed.max(axis=1) + 0.1, np.nan)


def _in_order(offset: Ints, number: Floats, held: Bools) -> Occasions:
    order = np.argsort(offset, axis=1, kind="stable")
    return Occasions(
        offset=np.take_along_axis(offset, order, axis=1),
        number=np.take_along_axis(number, order, axis=1),
        held=np.take_along_axis(held, order, axis=1),
    )


def _jittered(visit: Visit, model: Model, n: int, rng: np.random.Generator) -> Ints:
    low, high = (offset_of(day) for day in visit.window)
    off = offset_of(visit.day) + np.rint(rng.normal(0, model.conduct.jitter_sd, n))
    return np.clip(off, low, high).astype(np.int64)
