"""The patients' charts: everything that is assessed, one row a visit."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from openlupus.instruments import sledai2k
from openlupus.instruments.arrays import Bools, Codes, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.simulation import bilag, effect, forms, laboratory
from openlupus.simulation.activity import Activity, sledai_items
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.base import Instrument
from openlupus.simulation.people import People, Texts
from openlupus.simulation.streams import Streams
from openlupus.simulation.visits import Occasions, Stops

UNSCHEDULED = "UNSCHEDULED"


@dataclass(frozen=True, slots=True)
class Chart:
    """Rows sorted by patient, then time; the first axis of every field but `involved` is rows.

    `form` says at which rows a form is filled; `involved`, shape (patients, 9), which systems
    were involved before the trial.
    """

    patient: Ints
    offset: Ints
    number: Floats
    visit: Texts
    first: Bools
    form: Mapping[Instrument, Bools]
    sledai: Codes
    pga: Floats
    bilag: Floats
    clasi: Floats
    tender: Bools
    swollen: Bools
    fatigue: Floats
    values: Mapping[str, Floats]
    involved: Bools


def fill(
    protocol: Protocol,
    model: Model,
    people: People,
    arm: Ints,
    stops: Stops,
    occasions: Occasions,
    activity: Activity,
    tendency: Floats,
    streams: Streams,
) -> Chart:
    """Everything that is assessed at the visits that were held."""
    patient, occasion = np.nonzero(occasions.held)
    severity, shared = activity.severity[patient, occasion], activity.shared[patient, occasion]
    number = occasions.number[patient, occasion]
    first = np.diff(patient, prepend=-1) > 0
    n = len(people)

    offset = occasions.offset[patient, occasion]
    # Counts recover once treatment has ended.
    on_treatment = offset <= np.nan_to_num(stops.last, nan=-1.0)[patient] + 1
    there = effect.onset(model, offset) * on_treatment
    ratio = {
        lab.code: effect.ratio(protocol, lab, arm, patient, there, streams)
        for lab in model.laboratory.tests
        if lab.full
    }
    values = laboratory.measure(model, severity, patient, people, ratio, streams)
    severity = laboratory.proved(model, severity, values)
    items = sledai_items(model, severity)
    total = sledai2k.score(items).total
    bilag_items = bilag.items(model, severity, first, values, streams.rng("bilag"))
    tender, swollen = forms.joint_counts(model, severity, there, patient, n, streams.rng("joints"))
    return Chart(
        patient=patient,
        offset=offset,
        number=number,
        visit=_names(protocol, number),
        first=first,
        form=_filled(protocol, model, number, people.randomised[patient]),
        sledai=items,
        pga=forms.global_assessment(model, total, shared, patient, streams.rng("global")),
        bilag=bilag_items,
        clasi=forms.skin(model, severity, patient, n, streams.rng("skin")),
        tender=tender,
        swollen=swollen,
        fatigue=forms.fatigue(model, total, shared, patient, streams.rng("fatigue")),
        values=values,
        involved=bilag.history(model, tendency, bilag_items[first]),
    )


def _names(protocol: Protocol, number: Floats) -> Texts:
    """VISIT of each VISITNUM."""
    label = {visit.number: visit.label.upper() for visit in protocol.schedule.visits}
    distinct, at = np.unique(number, return_inverse=True)
    names = [label.get(float(value), f"{UNSCHEDULED} {value:.1f}") for value in distinct]
    return np.array(names, np.str_)[at]


def _filled(
    protocol: Protocol, model: Model, number: Floats, randomised: Bools
) -> dict[Instrument, Bools]:
    numbers = {visit.id: visit.number for visit in protocol.schedule.visits}
    unscheduled = ~np.isin(number, list(numbers.values()))
    filled: dict[Instrument, Bools] = {}
    for form, visits in model.forms.items():
        at = np.isin(number, [numbers[visit] for visit in visits if visit in numbers])
        at |= unscheduled & (UNSCHEDULED in visits)
        filled[form] = at & (randomised | (form in model.screening.forms))
    return filled
