"""A simulated trial: item-level records of its patients, chunk by chunk."""

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

import numpy as np
import polars as pl

from openlupus.errors import SimulationError
from openlupus.instruments import sledai2k
from openlupus.instruments.arrays import Floats, Ints
from openlupus.protocol import Protocol
from openlupus.records.model import SYNTHETIC
from openlupus.simulation import (
    activity,
    effect,
    findings,
    further,
    genes,
    happenings,
    medication,
    randomise,
    subjects,
    visits,
)
from openlupus.simulation.chart import Chart, fill
from openlupus.simulation.check import check
from openlupus.simulation.events import happen
from openlupus.simulation.faults import spoil
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.disease import Lab
from openlupus.simulation.people import Chunk, Dates, People, chunks, recruit
from openlupus.simulation.streams import Streams

Write = Callable[[str, int, pl.DataFrame], None]
"""Takes a domain, the number of a chunk, and its rows."""


def simulate(
    protocol: Protocol,
    model: Model,
    *,
    seed: int,
    patients: int | None = None,
    first_subject: int = 0,
) -> dict[str, pl.DataFrame]:
    """The records of a simulated trial by domain, sorted by subject.

    Args:
        protocol: The declared trial.
        model: How its patients are; must fit the declaration.
        seed: The same seed, patients and versions give the same records.
        patients: How many are randomised; as in the model when not given. Those screened follow
            in proportion.
        first_subject: Number of the first screened subject, counted from 0.

    Returns:
        DM, SUPPDM, EX, CM, DS, AE, MH, LB, RS, QS, MK, GF, VS, DV, IE, SV, and EG and PC where
        the model has them; STUDYID says in every row that the data are synthetic.

    Raises:
        SimulationError: the model does not fit the declaration, and every fault is named; or a
            number of patients or a seed that cannot be.
    """
    parts = [
        _chunk(protocol, model, seed, chunk)
        for chunk in _planned(protocol, model, seed, patients, first_subject)
    ]
    return {domain: pl.concat([part[domain] for part in parts]) for domain in parts[0]}


def simulate_to(
    write: Write,
    protocol: Protocol,
    model: Model,
    *,
    seed: int,
    patients: int | None = None,
    first_subject: int = 0,
    executor: Executor | None = None,
) -> int:
    """Simulate chunk by chunk, and hand each domain of each chunk to `write`.

    The chunks, one after the other, are what `simulate` returns, whatever the number of workers.
    Subjects of a chunk come before those of the next in the order of USUBJID.

    Args:
        write: Called once a domain and chunk. With an executor it is called in the workers, and
            in any order of chunks.
        protocol: As for `simulate`.
        model: As for `simulate`.
        seed: As for `simulate`.
        patients: As for `simulate`.
        first_subject: As for `simulate`.
        executor: Where chunks are simulated; here, one after the other, when not given.

    Returns:
        The number of chunks.
    """
    parts = _planned(protocol, model, seed, patients, first_subject)
    work = partial(_write_chunk, write, protocol, model, seed)
    for _ in map(work, parts) if executor is None else executor.map(work, parts):
        pass
    return len(parts)


def _planned(
    protocol: Protocol, model: Model, seed: int, patients: int | None, first_subject: int
) -> tuple[Chunk, ...]:
    """The chunks, after a look at what was asked for."""
    number = model.recruitment.randomised if patients is None else patients
    for name, value, least in (("patients", number, 1), ("seed", seed, 0)):
        if value < least:
            raise SimulationError(f"{name} must be a whole number of at least {least}, not {value}")
    check(protocol, model)
    return chunks(model, number, first_subject)


def _write_chunk(write: Write, protocol: Protocol, model: Model, seed: int, chunk: Chunk) -> None:
    for domain, frame in _chunk(protocol, model, seed, chunk).items():
        write(domain, chunk.index, frame)


def _chunk(protocol: Protocol, model: Model, seed: int, chunk: Chunk) -> dict[str, pl.DataFrame]:
    """All domains of one chunk, in the order in which a trial happens."""
    streams = Streams(seed, chunk.index)
    people = recruit(protocol, model, chunk, streams)
    early = visits.screening_offsets(protocol, model, len(people), streams)

    start = _begin(model, people, early, streams)
    base = medication.background(model, len(people), streams)
    level = randomise.levels(protocol, model, people, start, base, streams)
    arm = randomise.allocate(protocol, model, people, level, streams)

    stops = visits.stop(protocol, model, arm, streams)
    occasions = visits.attend(protocol, model, early, people.randomised, stops, streams)
    stops = visits.complete(protocol, stops, occasions)

    expression = genes.express(model, len(people), streams)
    falls = effect.fall(protocol, model, arm, expression.high, occasions.offset, streams)
    day = occasions.offset.astype(np.float64)
    disease = activity.follow(model, start, day, falls, streams.rng("disease"))
    chart = fill(protocol, model, people, arm, stops, occasions, disease, start.tendency, streams)
    changes = medication.rescue(protocol, model, arm, stops, chart, base, streams)
    trial = subjects.Trial(
        protocol=protocol,
        model=model,
        study=f"{protocol.study.id} {SYNTHETIC}",
        subject=[f"{protocol.study.id}-{number + 1:07d}" for number in people.number.tolist()],
        people=people,
        arm=arm,
        level=level,
        first_dose=_first_dose(model, people, early, streams),
        stops=stops,
        ended=_ended(early, stops, people),
        events=happen(protocol, model, people, arm, stops, early[:, 0], chart, streams),
        streams=streams,
    )
    labels = _labels(trial, chart)
    tables = _tables(trial, chart, labels, base, changes, expression)
    return further.added(spoil(tables, model.faults, streams), trial, chart, labels)


def _tables(
    trial: subjects.Trial,
    chart: Chart,
    labels: findings.Labels,
    base: medication.Background,
    changes: medication.Changes,
    expression: genes.Expression,
) -> dict[str, pl.DataFrame]:
    model, streams, people = trial.model, trial.streams, trial.people
    courses = medication.courses(model, people, base, changes, trial.first_dose, streams)
    skin = np.zeros(len(people), np.bool_)
    rash = sledai2k.KEYS.index("rash")
    skin[chart.patient[chart.first]] = chart.sledai[chart.first, rash] > 0
    fallen = effect.signature_fall(
        trial.protocol, model, trial.arm, expression.high, chart.patient, chart.offset
    )
    cycles = genes.cycles(model, expression, chart.patient, fallen, streams)
    return {
        "DM": subjects.dm(trial),
        "SUPPDM": subjects.suppdm(trial),
        "EX": happenings.ex(trial),
        "CM": happenings.cm(trial, courses),
        "DS": happenings.ds(trial),
        "AE": happenings.ae(trial),
        "MH": subjects.mh(trial, skin),
        "LB": findings.measurements(_tests(model, "LB"), chart.values, labels, "LB"),
        "RS": findings.rs(model, chart, labels, streams),
        "QS": findings.qs(model, chart, labels, streams),
        "MK": findings.mk(chart, labels),
        "GF": findings.gf(cycles, chart, labels),
        "VS": findings.measurements(_tests(model, "VS"), chart.values, labels, "VS"),
        "DV": subjects.dv(trial, changes),
        "IE": subjects.ie(trial),
        "SV": subjects.sv(trial, chart.patient, chart.number, chart.visit, labels.dates),
    }


def _tests(model: Model, domain: str) -> list[Lab]:
    return [lab for lab in model.laboratory.tests if lab.domain == domain]


def _labels(trial: subjects.Trial, chart: Chart) -> findings.Labels:
    dates = trial.first_dose[chart.patient] + chart.offset.astype("timedelta64[D]")
    return findings.Labels(trial.study, trial.subject, chart, dates)


def _first_dose(model: Model, people: People, early: Ints, streams: Streams) -> Dates:
    """The day of the first dose: consent, a few days to screening, and screening to treatment."""
    low, high = model.conduct.screening_days
    wait = streams.rng("consent").integers(low, high + 1, len(people))
    return people.consent + (wait - early[:, 0]).astype("timedelta64[D]")


def _begin(model: Model, people: People, early: Ints, streams: Streams) -> activity.Beginning:
    kinds = np.array([failure.kind for failure in model.screening.failures] + [""])[people.failure]
    gap = (early[:, 1] - early[:, 0]).astype(float)
    rng = streams.rng("beginning")
    return activity.begin(model, gap, kinds == "activity", kinds == "antibodies", rng)


def _ended(early: Ints, stops: visits.Stops, people: People) -> Floats:
    """Offset of the last contact: the end of treatment, or a few days after screening."""
    treatment = np.nan_to_num(stops.last, nan=0.0) + 1
    return np.where(people.randomised, treatment, early[:, 0] + 3)
