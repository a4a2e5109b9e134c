"""Donors of adverse events, expression and origin, so that what is printed of these holds too.

A bundle of records goes from a donor to a patient of the same arm. What a printed cell asks of the
donor's bundle together with the patient's own records (responders among those with a high
signature) holds because both are alike in these records: the classes of donors and patients agree.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment  # pyright: ignore[reportUnknownVariableType]

from openlupus.results import ResultRow
from openlupus.simulation import Model
from openlupus.simulation.parameters.treatment import Term
from openlupus.twin.choose import choose
from openlupus.twin.classes import Problem, barred, off
from openlupus.twin.pool import SUBJECT, Bools, Floats, Ints, Pool
from openlupus.twin.targets import ARMS, OF_ANY_ARM, RARER, Bundle, Target, bundles_of

_NEVER, _UNSEEN = 1e6, 1.0
"""Price of an event that a patient cannot have, and of one without the value it is named after."""


@dataclass(frozen=True, eq=False)
class Given:
    """A bundle's donors: `donor` holds, for each chosen patient, the place of the candidate whose
    bundle it takes (shape (chosen,)); `missed` the targets that no donors meet."""

    donor: Ints
    missed: tuple[Target, ...]


def give(
    pool: Pool,
    model: Model,
    bundle: Bundle,
    chosen: Ints,
    targets: Sequence[Target],
    rng: np.random.Generator,
) -> Given:
    """Donors of a bundle for the chosen.

    Only who completed treatment gives or takes adverse events: the others keep the ones that
    ended it. Who was never treated gives and takes nothing.

    Args:
        chosen: Places of the candidates whose own records set the course.
    """
    asked = [t for t in targets if bundle in t.bundles]
    giving = _exchanging(pool, bundle)
    taking = np.zeros(len(pool), np.bool_)
    taking[chosen] = True
    taking &= giving
    staying = np.setdiff1d(chosen, np.flatnonzero(taking))
    classes = _classes(pool, bundle, asked)
    wanted = [_left(t, staying) for t in asked]
    wanted += [t for c in classes for t in _alike(pool, c, taking)]
    sizes = {arm: int((taking & (pool.arm == arm)).sum()) for arm in pool.protocol.arms}
    offered, donors, missed = _found(pool, bundle, wanted, giving, sizes, rng)
    of = {place: place for place in chosen.tolist()}
    key = np.stack([pool.arm_number, *classes])
    for kind in np.unique(key[:, taking], axis=1).T:
        arm = list(pool.protocol.arms)[int(kind[0])]
        to = np.flatnonzero(taking & (key == kind[:, None]).all(axis=0))
        by = offered.who[donors & (offered.problem.arm == arm)]
        by = rng.permutation(by[(key[1:, by] == kind[1:, None]).all(axis=0)])
        i, j = _assigned(_prices(pool, model, bundle, to, by))
        of |= dict(zip(to[i].tolist(), by[j].tolist(), strict=True))
    return Given(np.array([of[place] for place in chosen.tolist()]), missed)


@dataclass(frozen=True, eq=False)
class _Offer:
    """Donors to choose from: `who` is the candidate of each column of the problem."""

    problem: Problem
    who: Ints


def _offered(
    pool: Pool,
    bundle: Bundle,
    wanted: Sequence[Target],
    giving: Bools,
    sizes: Mapping[str, int],
) -> _Offer:
    """Candidates of the patient's arm; for what was before the arms, everyone, once for each."""
    if bundle not in OF_ANY_ARM:
        closed = barred(wanted, len(pool))
        kept = [t for t in wanted if not (t.whole and t.high <= 0)]
        return _Offer(Problem(kept, pool.arm, giving & ~closed, sizes), np.arange(len(pool)))
    arms = list(sizes)
    arm = np.repeat(np.array(arms), len(pool))
    spread = [replace(t, weight=_spread(pool, t, arms)) for t in wanted]
    closed = barred(spread, len(arm))
    kept = [t for t in spread if not (t.whole and t.high <= 0)]
    open_ = np.tile(giving, len(arms)) & ~closed
    return _Offer(Problem(kept, arm, open_, sizes), np.tile(np.arange(len(pool)), len(arms)))


def _spread(pool: Pool, target: Target, arms: Sequence[str]) -> Floats:
    """A target's weights for every candidate in the place of a patient of each arm."""
    groups = pool.protocol.groups
    inside = groups[target.group].arms if target.group in groups else (target.group,)
    weight = target.weight if target.anywhere is None else target.anywhere
    return np.concatenate([weight * (arm in inside) for arm in arms])


def _found(
    pool: Pool,
    bundle: Bundle,
    wanted: Sequence[Target],
    giving: Bools,
    sizes: Mapping[str, int],
    rng: np.random.Generator,
) -> tuple[_Offer, Bools, tuple[Target, ...]]:
    """Donors, and the targets that they miss.

    That a term is rare is asked only where a choice without it was not so.
    """
    asked = [t for t in wanted if t.part != RARER]
    rare = [t for t in wanted if t.part == RARER]
    while True:
        offered = _offered(pool, bundle, asked, giving, sizes)
        donors = choose(offered.problem, rng)
        many = [t for t in rare if t.weight[offered.who[donors]].sum() > max(t.high, 0)]
        if not many:
            break
        asked += many
        rare = [t for t in rare if not any(t is each for each in many)]
    missed = off(offered.problem, donors)
    lacking = zip(offered.problem.targets, missed, strict=True)
    return offered, donors, tuple(t for t, o in lacking if o)


def _assigned(prices: Floats) -> tuple[Ints, Ints]:
    """Patients and donors, each once, at the least price in all."""
    to, by = cast("tuple[Ints, Ints]", linear_sum_assignment(prices))
    return to, by


def _exchanging(pool: Pool, bundle: Bundle) -> Bools:
    treated = (pool.people["TRTFL"] == "Y").to_numpy()
    if bundle == "events":
        return treated & (pool.people["EOTSTT"] == "COMPLETED").fill_null(value=False).to_numpy()
    return treated


def _classes(pool: Pool, bundle: Bundle, asked: Sequence[Target]) -> list[Floats]:
    """What donor and patient have to be alike in, each shape (candidates,)."""
    found: dict[bytes, Floats] = {}
    if bundle == "events":
        sex = (pool.people["SEX"] == "F").to_numpy() * 1.0
        found[sex.tobytes()] = sex
    for target in asked:
        for row in pool.rests_on.get(target.place, ()):
            if len(bundles_of(pool.protocol, row)) > 1:
                rest = pool.members(_without(pool, bundle, row))
                found.setdefault(rest.tobytes(), rest)
    return list(found.values())


def _without(pool: Pool, bundle: Bundle, row: ResultRow) -> ResultRow:
    """The result's pointer without its conditions on a bundle, over all arms."""
    pointer = cast("dict[str, Any]", json.loads(row.source))
    kept: dict[str, object] = {}
    for column, test in pointer["where"].items():
        one = {"dataset": "ADSL", "where": {column.removeprefix("ADSL."): test}}
        own = bundles_of(pool.protocol, replace(row, source=json.dumps(one)))
        is_arm = column.removeprefix("ADSL.") in ARMS
        if not (column.startswith("ADSL.") and bundle in own) and not is_arm:
            kept[column] = test
    return replace(row, source=json.dumps(pointer | {"where": kept}), group="")


def _left(target: Target, staying: Ints) -> Target:
    """What is left to the donors, beside those who keep their own bundle."""
    done = float(target.weight[staying].sum())
    return replace(target, low=target.low - done, high=target.high - done)


def _alike(pool: Pool, kind: Floats, taking: Bools) -> list[Target]:
    """As many donors of a class as there are patients, in each arm."""
    found: list[Target] = []
    for arm in pool.protocol.arms:
        inside = pool.within(arm)
        n = float((kind * inside)[taking].sum())
        alike = Target(("", "", arm), "alike", arm, kind * inside, n, n, anywhere=kind)
        found.append(alike)
    return found


def _prices(pool: Pool, model: Model, bundle: Bundle, to: Ints, by: Ints) -> Floats:
    """What it costs a patient to take a donor's bundle, shape (patients, donors)."""
    if bundle == "history":
        ages = pool.people["AGE"].to_numpy()
        return np.abs(ages[to][:, None] - ages[by][None, :])
    if bundle == "events":
        return _of_events(pool, model, to, by)
    return np.zeros((len(to), len(by)))


def _of_events(pool: Pool, model: Model, to: Ints, by: Ints) -> Floats:
    """Events that a patient cannot have, or that are named after a value that is not there."""
    terms = {term.term: term for term in model.events.terms}
    subjects = pool.people[SUBJECT].to_list()
    had = pool.frames["AE"].group_by(SUBJECT).agg(pl.col("AEDECOD").unique())
    of_donor: Mapping[str, list[str]] = dict(had.iter_rows())
    ages = pool.people["AGE"].to_numpy()[to]
    seen = {name: _seen(pool, term, to) for name, term in terms.items() if term.follows}
    prices = np.zeros((len(to), len(by)))
    for j, place in enumerate(by.tolist()):
        for name in of_donor.get(subjects[place], []):
            prices[:, j] += np.where(ages > terms[name].oldest, _NEVER, 0)
            if name in seen:
                prices[:, j] += np.where(seen[name], 0, _UNSEEN)
    return prices


def _seen(pool: Pool, term: Term, to: Ints) -> Bools:
    """Who has the value that an event is named after, on treatment."""
    first = first_values(pool.frames, [term])
    having = set(first[SUBJECT].to_list())
    subjects = pool.people[SUBJECT].to_list()
    return np.array([subjects[place] in having for place in to.tolist()], dtype=np.bool_)


def first_values(frames: Mapping[str, pl.DataFrame], terms: Sequence[Term]) -> pl.DataFrame:
    """Day of the first value that each event is named after, on treatment.

    Returns:
        USUBJID, AEDECOD, `on`: one row a subject and term, where there is such a value.
    """
    treated = frames["DM"].select(SUBJECT, "RFXSTDTC", "RFXENDTC")
    found = [pl.DataFrame(schema={SUBJECT: pl.String, "AEDECOD": pl.String, "on": pl.String})]
    for term in terms:
        if term.follows is None:
            continue
        follows, value = term.follows, pl.col("LBSTRESN")
        there = value < follows.limit if follows.side == "below" else value > follows.limit
        values = frames["LB"].filter((pl.col("LBTESTCD") == follows.test) & there)
        values = values.join(treated, on=SUBJECT).filter(
            (pl.col("LBDTC") > pl.col("RFXSTDTC")) & (pl.col("LBDTC") <= pl.col("RFXENDTC"))
        )
        first = values.group_by(SUBJECT, maintain_order=True).agg(pl.col("LBDTC").min().alias("on"))
        found.append(first.select(SUBJECT, pl.lit(term.term).alias("AEDECOD"), "on"))
    return pl.concat(found)
