"""A twin: invented patients from whom the whole pipeline regenerates what a paper printed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from openlupus import pipeline
from openlupus.audit import Published
from openlupus.audit.against import Compared, against, regenerated
from openlupus.derivation import Arms
from openlupus.display.printed_cells import printed_cells
from openlupus.errors import TwinError
from openlupus.exchange.study import Study
from openlupus.records import from_frames
from openlupus.simulation import Model
from openlupus.twin.assemble import Composed, assemble
from openlupus.twin.choose import choose
from openlupus.twin.classes import Problem, barred, settled
from openlupus.twin.compose import Given, first_values, give
from openlupus.twin.pool import SUBJECT, Bools, Ints, Pool, make_pool
from openlupus.twin.possible import Conflict, possible
from openlupus.twin.steer import steer
from openlupus.twin.stratify import Choice, stratified
from openlupus.twin.targets import BUNDLES, RARER, Bundle, Target, targets

PATIENTS = 6000
"""Candidates, of all arms together, from whom a twin is chosen."""
_STEPS, _STARTS = 8000, 4
"""Steps of a search for patients, and searches."""
_TABLES, _GOOD, _SEEDS = 12, 4, 1000
"""Searches for stratum tables, beside one for each further twin; tables that are enough for one
twin; seeds of searches that belong to a seed of twins."""

Tick = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and of how much."""


def unheard(stage: str, done: int, total: int) -> None:
    """Tells nobody of the progress."""


@dataclass(frozen=True)
class Twin:
    """A synthetic trial.

    Attributes:
        frames: Item-level records by domain.
        compared: Each printed cell beside that of the twin.
        conflicts: What of the print cannot hold together, and what was given up.
        candidates: From how many it was chosen.
    """

    frames: Mapping[str, pl.DataFrame]
    compared: tuple[Compared, ...]
    conflicts: tuple[Conflict, ...]
    candidates: int

    @property
    def others(self) -> list[Compared]:
        """The cells that are not regenerated."""
        return [each for each in self.compared if each.outcome != "equal"]

    @property
    def line(self) -> str:
        """How many cells are regenerated."""
        return regenerated(self.compared)


def twin(
    study: Study,
    model: Model,
    published: Published,
    *,
    seed: int,
    patients: int = PATIENTS,
    tick: Tick = unheard,
) -> Twin:
    """A trial whose tables print as the published ones: the first of `ensemble`."""
    return next(ensemble(study, model, published, n=1, seed=seed, patients=patients, tick=tick))


def ensemble(
    study: Study,
    model: Model,
    published: Published,
    *,
    n: int,
    seed: int,
    patients: int = PATIENTS,
    tick: Tick = unheard,
) -> Iterator[Twin]:
    """Trials whose tables print as the published ones, with different patients.

    Args:
        study: The declaration; its own data are not looked at.
        model: How patients of the trial are simulated.
        published: What is printed.
        n: How many; they are chosen from the same candidates.
        seed: The same seed gives the same trials, another one others.
        patients: Candidates to choose from.
        tick: Progress.

    Raises:
        TwinError: nothing of the print can be asked of patients, or a column has no number of
            patients.
        SimulationError: the model does not fit the declaration.
    """
    sizes = _sizes(study, published)
    pool = make_pool(
        study, model, published, seed=seed, patients=patients,
        tick=lambda done, total: tick("Candidates", done, total),
    )  # fmt: skip
    asked = targets(pool, published, sizes)
    numbers = _randomised(pool, asked, sizes)
    tick("Contradictions", 0, 1)
    held = possible(pool, published, asked, numbers)
    tables = _tables(pool, published, held.targets, sizes, numbers, seed, tick, at_least=n)
    for number in range(n):
        rng = np.random.default_rng([seed, number, 0x7717])
        every = tables[number % len(tables)]
        frames = _chosen(pool, model, every, numbers, rng, tick)
        shaped = replace(
            study, records=from_frames(frames), arms=Arms.unblinded("synthetic patients")
        )
        steered = steer(
            shaped, published, seed=seed + number,
            progress=lambda d, t: tick("Continuous end points", d, t),
        )  # fmt: skip
        tick("Comparing", 0, 1)
        yield Twin(
            steered.frames, compare(shaped, steered.frames, published), held.conflicts, patients
        )


def compare(
    study: Study, frames: Mapping[str, pl.DataFrame], published: Published
) -> tuple[Compared, ...]:
    """Each printed cell beside that of the whole pipeline, run on these records."""
    run = replace(study, records=from_frames(frames))
    data = pipeline.derive(run)
    used = pipeline.needed(study.protocol, _displays(study, published))
    named = {facts.result["analysis"] for facts in published.facts.values() if facts.result}
    results = pipeline.analyse(run, data, only=sorted({*used, *named}))
    return against(published, printed_cells(study.protocol, published, results))


def _displays(study: Study, published: Published) -> list[str]:
    tables = {cell.table for cell in published.cells}
    return [
        name for name, display in study.protocol.displays.items()
        if getattr(display, "published", "") in tables
    ]  # fmt: skip


def _sizes(study: Study, published: Published) -> dict[str, int]:
    protocol = study.protocol
    asked = [key for key in published.columns if key in {*protocol.arms, *protocol.groups}]
    sizes = {key: n for key in asked if (n := published.columns[key].n) is not None}
    without = [key for key in (*protocol.arms, *asked) if key not in sizes]
    if without:
        raise TwinError(
            f"[columns] of the published file has no number of patients for {', '.join(without)}: "
            "give each arm of the declaration a column with n"
        )
    return sizes


def _randomised(pool: Pool, asked: Sequence[Target], sizes: Mapping[str, int]) -> dict[str, int]:
    """How many are randomised to each arm: as printed, else those of its column."""
    numbers = {arm: sizes[arm] for arm in pool.protocol.arms}
    for target in asked:
        if target.group in numbers and (target.weight >= pool.within(target.group)).all():
            numbers[target.group] = int(target.low)
    return numbers


def _tables(
    pool: Pool,
    published: Published,
    asked: Sequence[Target],
    sizes: Mapping[str, int],
    numbers: Mapping[str, int],
    seed: int,
    tick: Tick,
    *,
    at_least: int,
) -> list[list[Target]]:
    """All targets, with those of tables of strata for which there are candidates of every class,
    the nearest to the candidates first; where there are too few such tables, of the best alone."""
    rng = np.random.default_rng([seed, 0x57A7])
    found: list[tuple[tuple[float, float], list[Target]]] = []
    good: list[list[Target]] = []
    for attempt in range(_TABLES + at_least):
        tick("Stratum tables", attempt, _TABLES + at_least)
        strata = stratified(pool, published, asked, sizes, seed=_SEEDS * seed + attempt)
        for choice in strata.choices:
            known = [*asked, *choice.targets]
            loose = [target for each in choice.either for target in each.targets]
            problem = _course(pool, [*known, *loose], numbers)
            settled_, missed, far = settled(problem, choice.either, rng)
            found.append(((missed + len(strata.missed), far), [*known, *settled_]))
        if len(good) + sum(not missed for (missed, _), _ in found) >= _GOOD:
            # A larger ensemble begins with the twins of a smaller one.
            good, found = [*good, *_met(found)], []
        if len(good) >= at_least or strata.choices == (Choice(),):
            break
    good += _met(found)
    return good or [min(found, key=lambda each: each[0])[1]]


def _met(found: Sequence[tuple[tuple[float, float], list[Target]]]) -> list[list[Target]]:
    """Those of which nothing is missed, the nearest first."""
    return [every for (missed, _), every in sorted(found, key=lambda each: each[0]) if not missed]


def _chosen(
    pool: Pool,
    model: Model,
    asked: Sequence[Target],
    numbers: Mapping[str, int],
    rng: np.random.Generator,
    tick: Tick,
) -> dict[str, pl.DataFrame]:
    """Records of those chosen: candidates who set the course, and what they take of others."""
    done = iter(range(_STARTS))
    base = np.flatnonzero(
        choose(
            _course(pool, asked, numbers), rng, steps=_STEPS, starts=_STARTS,
            tick=lambda: tick("Patients", next(done), _STARTS),
        )
    )  # fmt: skip
    given = {
        bundle: give(pool, model, bundle, base, asked, rng)
        for bundle in BUNDLES
        if bundle != "base"
    }
    return _put_together(pool, model, base, given, _failures(pool, model, asked, numbers, rng))


def _course(pool: Pool, asked: Sequence[Target], sizes: Mapping[str, int]) -> Problem:
    """Candidates, for their own records: what the course of a patient is asked."""
    own = [t for t in asked if t.bundles == frozenset[Bundle]({"base"}) and t.group]
    completes = (pool.people["EOTSTT"] == "COMPLETED").fill_null(value=False).to_numpy()
    events = [t for t in asked if t.bundles == frozenset[Bundle]({"events"}) and t.part != RARER]
    own += [_kept(t, completes) for t in events]
    closed = barred(own, len(pool))
    kept = [t for t in own if not (t.whole and t.high == 0) and t.weight.any()]
    return Problem(kept, pool.arm, ~closed, sizes, np.array([t.course for t in kept]))


def _kept(target: Target, completes: Bools) -> Target:
    """What a count of events asks of those who keep their own: no more than all."""
    of_completers = (target.weight * completes).any()
    weight = np.where(completes, 0.0, target.weight)
    low = 0 if of_completers else target.low
    return replace(target, weight=weight, low=low, course=not of_completers)


def _failures(
    pool: Pool, model: Model, asked: Sequence[Target], numbers: Mapping[str, int],
    rng: np.random.Generator,
) -> list[str]:  # fmt: skip
    """USUBJID of the screening failures: as many as are printed, else as in the model."""
    screened = model.recruitment.screened
    for target in asked:
        if not target.group and (target.weight > 0).all():
            screened = int(target.low)
    everyone = pool.data.frame("ADSL").filter(pl.col("RANDFL") != "Y").sort(SUBJECT)
    failed = everyone[SUBJECT].to_list()
    n = min(max(screened - sum(numbers.values()), 0), len(failed))
    return [failed[i] for i in sorted(rng.permutation(len(failed))[:n].tolist())]


def _put_together(
    pool: Pool, model: Model, base: Ints, given: Mapping[str, Given], failures: Sequence[str]
) -> dict[str, pl.DataFrame]:
    subjects = pool.people[SUBJECT].to_list()
    composed = Composed(
        base=[subjects[i] for i in base],
        **{name: [subjects[i] for i in each.donor] for name, each in given.items()},
    )
    seen = first_values(pool.frames, model.events.terms)
    return assemble(pool.protocol, pool.frames, composed, failures, seen)
