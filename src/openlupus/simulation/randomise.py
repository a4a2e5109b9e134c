"""Stratification factors as known at screening, and the arm of each patient."""

import numpy as np

from openlupus.allocation import stratified_blocks
from openlupus.instruments import sledai2k
from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.protocol.model import Level
from openlupus.simulation.activity import Beginning, at_start, sledai_items
from openlupus.simulation.medication import Background
from openlupus.simulation.model import Model
from openlupus.simulation.people import People, Texts
from openlupus.simulation.streams import Streams


def levels(
    protocol: Protocol,
    model: Model,
    people: People,
    start: Beginning,
    base: Background,
    streams: Streams,
) -> dict[str, Texts]:
    """Level id of each stratification factor as known at screening, here and there a wrong one."""
    rng = streams.rng("strata")
    screening = sledai_items(model, at_start(model, start)[:, 0])
    known: dict[str, Floats | Texts] = {
        "glucocorticoid": base.prednisone,
        "sledai": sledai2k.score(screening).total,
        "region": people.region,
        "sex": np.where(people.female, "F", "M"),
    }
    found: dict[str, Texts] = {}
    for name, factor in protocol.strata.items():
        position = _level(known[model.strata[name]], factor.levels)
        wrong = rng.random(len(people)) < model.faults.wrong_stratum
        other = (position + 1) % len(factor.levels)
        ids = np.array([level.id for level in factor.levels])
        found[name] = ids[np.where(wrong, other, position)]
    return found


def _level(values: Floats | Texts, levels: tuple[Level, ...]) -> Ints:
    """Position of the level that each value belongs to, the first where it belongs to none."""
    position = np.zeros(len(values), np.int64)
    for i, level in enumerate(levels):
        position[_belongs(values, level)] = i
    return position


def _belongs(values: Floats | Texts, level: Level) -> Bools:
    if level.equals is not None:
        return np.asarray(values == level.equals, np.bool_)
    number = np.asarray(values, np.float64)
    low = -np.inf if level.at_least is None else level.at_least
    high = np.inf if level.below is None else level.below
    return (number >= low) & (number < high)


def allocate(
    protocol: Protocol, model: Model, people: People, level: dict[str, Texts], streams: Streams
) -> Ints:
    """Position of each patient's arm, -1 in those not randomised."""
    who = np.flatnonzero(people.randomised)
    stratum = np.zeros(len(who), np.int64)
    for ids in level.values():
        distinct, code = np.unique(ids[who], return_inverse=True)
        stratum = stratum * len(distinct) + code
    arm = np.full(len(people), -1)
    arm[who] = stratified_blocks(
        stratum,
        [a.ratio for a in protocol.arms.values()],
        streams.rng("allocation"),
        multiples=model.recruitment.block_multiples,
    )
    return arm
