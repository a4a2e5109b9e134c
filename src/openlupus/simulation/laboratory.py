"""Laboratory and vital signs, in step with the manifestations that they prove."""

from collections.abc import Mapping

import numpy as np

from openlupus.instruments import egfr
from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.simulation.activity import thresholds
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.disease import Lab, Measurement
from openlupus.simulation.people import People
from openlupus.simulation.streams import Streams


def measure(
    model: Model,
    severity: Floats,
    patient: Ints,
    people: People,
    ratio: Mapping[str, Floats],
    streams: Streams,
) -> Mapping[str, Floats]:
    """Values by test code, shape (rows,) each, rounded as reported.

    Args:
        model: The parameters.
        severity: Of the manifestations at each row, shape (rows, m).
        patient: Position of the patient of each row.
        people: The patients.
        ratio: Of the treated to the untreated value at each row, by code of the tests that
            treatment changes.
        streams: Source of randomness.
    """
    rng, patients = streams.rng("laboratory"), len(people)
    values: dict[str, Floats] = {}
    lag = {
        key: rng.standard_normal(patients)
        for key in dict.fromkeys(lab.of for lab in model.laboratory.tests if lab.of)
    }
    seen: dict[str, int] = {}
    tests = {lab.code: lab for lab in model.laboratory.tests}
    for lab in model.laboratory.tests:
        deviation = rng.normal(0, lab.between, patients)[patient]
        deviation += rng.normal(0, lab.within, len(patient))
        if lab.of:
            side = -1 if seen.setdefault(lab.of, 0) % 2 else 1
            seen[lab.of] += 1
            behind = lab.spare * np.maximum(side * lag[lab.of], 0)[patient]
            own = severity[:, model.keys.index(lab.of)] - behind
            values[lab.code] = _following(lab, model, own)
        elif lab.filtration_of:
            creatinine = values[lab.filtration_of]
            age, female = people.age[patient], people.female[patient]
            rate = egfr.egfr(creatinine, age, female, equation="ckd_epi_2021")
            values[lab.code] = reported(lab, rate)
        elif lab.titre:
            steps = np.rint(deviation / np.log(2))
            values[lab.code] = reported(lab, lab.typical * np.exp2(steps))
        else:
            sexed = np.where(people.female, 1.0, lab.male)[patient]
            value = lab.typical * sexed * np.exp(deviation)
            if lab.part_of:
                whole = values[lab.part_of] - (values[lab.less] if lab.less else 0.0)
                value = whole * lab.typical / (lab.typical + (1 - lab.typical) * np.exp(-deviation))
            values[lab.code] = reported(lab, value * ratio.get(lab.code, 1.0))
            if lab.code in ratio and lab.part_of:
                changed = values[lab.part_of] - reported(lab, value) + values[lab.code]
                values[lab.part_of] = reported(tests[lab.part_of], changed)
    return values


def proved(model: Model, severity: Floats, values: Mapping[str, Floats]) -> Floats:
    """Severities, shape (rows, m), above 0 exactly where a test of the manifestation proves it.

    They are so already but where treatment changed a test.
    """
    shown = severity.copy()
    for key in dict.fromkeys(lab.of for lab in model.laboratory.tests if lab.of):
        active = np.zeros(len(shown), np.bool_)
        for lab in (lab for lab in model.laboratory.tests if lab.of == key):
            falls, value = lab.typical > lab.limit, values[lab.code]
            active |= value < lab.limit if falls else value > lab.limit
        mine = shown[:, model.keys.index(key)]
        mine[:] = np.where(active, np.maximum(mine, np.finfo(np.float64).tiny), np.minimum(mine, 0))
    return shown


def _following(lab: Lab, model: Model, severity: Floats) -> Floats:
    """The typical value at the usual severity, the limit at 0, and beyond it exactly when active.

    The logarithm is linear in the severity, whose usual value is that of latent activity 0, or one
    standard deviation below the limit where that is nearer; half as steep on the healthy side of
    the typical value.
    """
    usual = max(thresholds(model)[model.keys.index(lab.of)], 1.0)
    distance = -severity / usual
    distance -= np.maximum(distance - 1, 0) / 2
    value = lab.limit * (lab.typical / lab.limit) ** distance
    value, active, unit = reported(lab, value), severity > 0, float(10.0**-lab.decimals)
    if lab.typical < lab.limit:
        above, not_above = lab.limit + unit, lab.limit
        value = np.where(active, np.maximum(value, above), np.minimum(value, not_above))
    else:
        below, not_below = lab.limit - unit, lab.limit
        value = np.where(active, np.minimum(value, below), np.maximum(value, not_below))
    return reported(lab, value)


def reported(lab: Measurement, value: Floats) -> Floats:
    """Values within what the device can report, rounded as it reports them."""
    return np.round(np.clip(value, lab.minimum, lab.maximum), lab.decimals)


def beyond(lab: Measurement, value: Floats) -> tuple[Bools, Bools]:
    """Below and above the range of the laboratory; a test without a limit is never beyond it."""
    low = np.zeros(len(value), np.bool_) if lab.low is None else value < lab.low
    high = np.zeros(len(value), np.bool_) if lab.high is None else value > lab.high
    return low, high
