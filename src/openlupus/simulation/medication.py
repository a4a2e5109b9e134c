"""Medicines beside the trial's: what was taken before, and what changed during the trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.instruments.glucocorticoids import EQUAL_TO_5_MG
from openlupus.protocol import Protocol
from openlupus.simulation.chart import Chart
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.treatment import Drug
from openlupus.simulation.people import NONE, Dates, People, Texts, draw
from openlupus.simulation.streams import Streams
from openlupus.simulation.visits import Stops

GLUCOCORTICOID = "GLUCOCORTICOID"
NOT_YET = np.datetime64("NaT", "D")


@dataclass(frozen=True, slots=True)
class Background:
    """What patients take at screening, shape (patients,) each.

    `prednisone` is the equivalent dose of the glucocorticoid by mouth, mg a day, 0 in those who
    take none, and `steroid` the position of the drug; `drug` the position of the drug of each
    class, NONE in those who take none.
    """

    prednisone: Floats
    steroid: Ints
    drug: Mapping[str, Ints]


@dataclass(frozen=True, slots=True)
class Changes:
    """Rescues, shape (patients,) each: offset of the day, nan where none.

    `increase` raises the glucocorticoid, `taper` reduces it; `prohibited` starts or raises a
    medicine of the class at position `group` of the model's rescue classes.
    """

    increase: Floats
    taper: Floats
    prohibited: Floats
    group: Ints


def background(model: Model, patients: int, streams: Streams) -> Background:
    """Medicines at screening."""
    rng, part = streams.rng("background"), model.medication.glucocorticoids
    doses = np.array([dose for dose, _ in part.doses])
    prednisone = doses[draw([share for _, share in part.doses], patients, rng)]
    steroid = draw([drug.share for drug in part.drugs], patients, rng)
    drug: dict[str, Ints] = {}
    for name, group in model.medication.classes.items():
        chosen = draw([d.share for d in group.drugs], patients, rng)
        drug[name] = np.where(rng.random(patients) < group.probability, chosen, NONE)
    return Background(prednisone, steroid, drug)


def rescue(
    protocol: Protocol,
    model: Model,
    arm: Ints,
    stops: Stops,
    chart: Chart,
    base: Background,
    streams: Streams,
) -> Changes:
    """When medicines are changed: likelier at visits with a worse global assessment."""
    rng, patients = streams.rng("rescue"), len(arm)
    arms = [model.arms[name] for name in protocol.arms]
    visits = sum(v.role == "treatment" for v in protocol.schedule.visits)
    rise = _rise(chart, patients)
    treated = (chart.offset > 0) & (
        chart.offset <= np.nan_to_num(stops.last, nan=-1)[chart.patient]
    )
    weight = np.where(treated, np.exp(model.medication.rescue.by_global * rise), 0.0) / visits
    days: list[Floats] = []
    for rate in (
        [a.glucocorticoid_increase for a in arms],
        [a.prohibited for a in arms],
        [model.medication.glucocorticoids.taper for _ in arms],
    ):
        probability = np.array(rate)[arm][chart.patient]
        hazard = -np.log1p(-np.minimum(probability, 0.99)) * weight
        happens = rng.random(len(hazard)) < -np.expm1(-hazard)
        days.append(_earliest(chart, happens, patients))
    taper = np.where((base.prednisone > 0) & ~(days[2] >= days[0]), days[2], np.nan)
    group = draw(list(model.medication.rescue.classes.values()), patients, rng)
    return Changes(days[0], taper, days[1], group)


def courses(
    model: Model,
    people: People,
    base: Background,
    changes: Changes,
    first_dose: Dates,
    streams: Streams,
) -> pl.DataFrame:
    """Courses of those randomised: `patient`, the columns of CM, and dates `start`, `end`."""
    rng = streams.rng("courses")
    begun = _before(people, first_dose, rng)
    frames = _steroids(model, people, base, changes, first_dose, begun, rng)
    for name, group in model.medication.classes.items():
        begun = _before(people, first_dose, rng)
        takers = people.randomised & (base.drug[name] != NONE)
        raised = np.full(len(people), np.nan)
        if name in model.medication.rescue.classes:
            mine = changes.group == list(model.medication.rescue.classes).index(name)
            raised = np.where(mine, changes.prohibited, np.nan)
        frames += _with_rescue(
            name, group.drugs, base.drug[name], takers, begun, raised, first_dose
        )
    return pl.concat(frames)


def _steroids(
    model: Model,
    people: People,
    base: Background,
    changes: Changes,
    first_dose: Dates,
    begun: Dates,
    rng: np.random.Generator,
) -> list[pl.DataFrame]:
    """Glucocorticoids: a reduction or a rise ends one course and begins the next."""
    part, n = model.medication.glucocorticoids, len(people)
    steps = np.array(part.increase)[rng.integers(0, len(part.increase), n)]
    lowered = np.floor(base.prednisone * part.taper_to / part.tablet) * part.tablet
    tapered = ~np.isnan(changes.taper)
    raised = np.where(tapered, lowered, base.prednisone) + steps
    frames: list[pl.DataFrame] = []
    dose, start = base.prednisone, begun
    for day, then in ((changes.taper, lowered), (changes.increase, raised)):
        changed = people.randomised & ~np.isnan(day)
        date = _on(first_dose, day)
        end = np.where(changed, date - 1, NOT_YET)
        frames.append(_doses(model, base, dose, start, end, changed & (dose > 0)))
        dose, start = np.where(changed, then, dose), np.where(changed, date, start)
    last = people.randomised & (dose > 0)
    frames.append(_doses(model, base, dose, start, np.full(n, NOT_YET), last))
    return frames


def _doses(
    model: Model, base: Background, prednisone: Floats, start: Dates, end: Dates, who: Bools
) -> pl.DataFrame:
    """Courses of each patient's glucocorticoid at a prednisone-equivalent dose."""
    names = [drug.name for drug in model.medication.glucocorticoids.drugs]
    equal = np.array([EQUAL_TO_5_MG[name] for name in names])[base.steroid]
    drug = Drug(name="", dose=1)
    return _frame(
        GLUCOCORTICOID,
        who,
        name=np.array(names)[base.steroid],
        dose=prednisone * equal / 5,
        unit=drug.unit,
        frequency=drug.frequency,
        route=drug.route,
        start=start,
        end=end,
    )


def _with_rescue(
    group: str,
    drugs: Sequence[Drug],
    drug: Ints,
    takers: Bools,
    begun: Dates,
    raised: Floats,
    first_dose: Dates,
) -> list[pl.DataFrame]:
    """Courses of one class: as before the trial, and doubled or newly started on rescue."""
    rescued = ~np.isnan(raised)
    date = _on(first_dose, raised)
    chosen = np.where(drug == NONE, 0, drug)

    def of(who: Bools, times: float, start: Dates, end: Dates) -> pl.DataFrame:
        column = {
            field: np.array([getattr(d, field) for d in drugs])[chosen]
            for field in ("name", "dose", "unit", "frequency", "route")
        }
        column["dose"] = column["dose"] * times
        return _frame(group, who, **column, start=start, end=end)

    until = np.where(rescued, date - 1, NOT_YET)
    return [
        of(takers, 1, begun, until),
        of(takers & rescued, 2, date, np.full(len(date), NOT_YET)),
        of(~takers & rescued, 1, date, np.full(len(date), NOT_YET)),
    ]


def _frame(
    group: str,
    who: Bools,
    *,
    name: Texts,
    dose: Floats,
    unit: Texts | str,
    frequency: Texts | str,
    route: Texts | str,
    start: Dates,
    end: Dates,
) -> pl.DataFrame:
    def column(value: Texts | str) -> pl.Series:
        return pl.Series(np.broadcast_to(np.asarray(value), who.shape)[who])

    patient = np.flatnonzero(who)
    return pl.DataFrame(
        {
            "patient": patient,
            "CMTRT": column(name).str.to_uppercase(),
            "CMDECOD": column(name).str.to_uppercase(),
            "CMCLAS": pl.Series([group], dtype=pl.String).new_from_index(0, len(patient)),
            "CMDOSE": dose[who],
            "CMDOSU": column(unit),
            "CMDOSFRQ": column(frequency),
            "CMROUTE": column(route),
            "start": start[who],
            "end": end[who],
        }
    )


def _before(people: People, first_dose: Dates, rng: np.random.Generator) -> Dates:
    """When background medicines began: after the diagnosis, and a month or more before."""
    since = (first_dose - people.diagnosis).astype(int)
    days = np.maximum(since * rng.random(len(people)), 60)
    return first_dose - np.ceil(days).astype("timedelta64[D]")


def _on(first_dose: Dates, offset: Floats) -> Dates:
    """Date of an offset; of nan, the first dose, for rows that are not read."""
    return first_dose + np.nan_to_num(offset).astype("timedelta64[D]")


def _rise(chart: Chart, patients: int) -> Floats:
    """Global assessment minus that at baseline, the patient's last on or before the first dose."""
    before = np.flatnonzero(chart.offset <= 0)
    baseline = np.zeros(patients)
    baseline[chart.patient[before]] = chart.pga[before]  # rows are in order: the last one stays
    return chart.pga - baseline[chart.patient]


def _earliest(chart: Chart, happens: Bools, patients: int) -> Floats:
    day = np.full(patients, np.inf)
    np.minimum.at(day, chart.patient[happens], chart.offset[happens].astype(np.float64))
    return np.where(np.isinf(day), np.nan, day)
