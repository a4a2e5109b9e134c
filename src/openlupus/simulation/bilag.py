"""The BILAG-2004 form of each assessment, from severities, their change, and the laboratory."""

from collections.abc import Mapping

import numpy as np

from openlupus.instruments import bilag2004
from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.disease import Manifestation
from openlupus.simulation.people import draw

IMPROVING, SAME, WORSE, NEW = 1.0, 2.0, 3.0, 4.0


def items(
    model: Model,
    severity: Floats,
    first: Bools,
    values: Mapping[str, Floats],
    rng: np.random.Generator,
) -> Floats:
    """The 97 items, shape (rows, 97), nan where not collected.

    Args:
        model: The parameters.
        severity: Shape (rows, m); rows sorted by patient, then in order of time.
        first: Whether a row is the patient's first, shape (rows,).
        values: Laboratory and vital signs by test code.
        rng: Source of randomness.
    """
    form = np.zeros((len(severity), len(bilag2004.ITEMS)))
    for i, manifestation in enumerate(model.disease.manifestations):
        if manifestation.bilag:
            _tick(form, model, manifestation, severity[:, i], first, rng)
    # An item that stands for two manifestations is worse, not new, when the second one joins.
    before = np.roll(form, 1, axis=0) * ~first[:, None]
    form[(form == NEW) & (before > 0)] = WORSE
    for lab in model.laboratory.tests:
        if lab.bilag:
            value = np.round(values[lab.code] * lab.bilag_factor, lab.bilag_decimals)
            form[:, bilag2004.INDEX[lab.bilag]] = value
    form[:, [bilag2004.INDEX[key] for key in model.laboratory.not_collected]] = np.nan
    return form


def history(model: Model, tendency: Floats, first_items: Floats) -> Bools:
    """Systems involved before the trial, shape (patients, 9).

    Args:
        model: The parameters.
        tendency: Of each manifestation, shape (patients, m).
        first_items: The patients' forms at their first visit, shape (patients, 97).
    """
    involved = np.zeros((len(tendency), len(bilag2004.SYSTEMS)), np.bool_)
    for i, manifestation in enumerate(model.disease.manifestations):
        for key in manifestation.bilag:
            item = bilag2004.INDEX[key]
            system = bilag2004.SYSTEMS.index(bilag2004.ITEMS[item].system)
            long = (first_items[:, item] > 0) & (first_items[:, item] < NEW)
            involved[:, system] |= long | (tendency[:, i] > model.disease.involved_before)
    return involved


def _tick(
    form: Floats,
    model: Model,
    manifestation: Manifestation,
    severity: Floats,
    first: Bools,
    rng: np.random.Generator,
) -> None:
    """Tick the item of the present severity of one manifestation; lesser items stay absent."""
    names = sorted(manifestation.bilag, key=manifestation.bilag.__getitem__)
    level = np.searchsorted([manifestation.bilag[name] for name in names], severity)
    code = _code(model, level, severity, first, rng)
    for rank, name in enumerate(names, start=1):
        column = bilag2004.INDEX[name]
        graded = bilag2004.ITEMS[column].type == "graded"
        ticked = np.where(level == rank, code if graded else 1.0, 0.0)
        form[:, column] = np.maximum(form[:, column], ticked)


def _code(
    model: Model, level: Ints, severity: Floats, first: Bools, rng: np.random.Generator
) -> Floats:
    """Improving, same, worse or new, against the assessment before."""
    process = model.disease
    before, rise = np.roll(level, 1), severity - np.roll(severity, 1)
    code = np.full(len(level), SAME)
    code[rise > process.worse] = WORSE
    code[rise < -process.improving] = IMPROVING
    code[level > before] = WORSE
    code[level < before] = IMPROVING
    code[before == 0] = NEW
    start = draw(list(process.first_codes), int(first.sum()), rng)
    code[first] = np.array([IMPROVING, SAME, WORSE, NEW])[start]
    return code
