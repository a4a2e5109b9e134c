"""Global assessment, fatigue, skin and joints, from severities and the SLEDAI-2K total."""

import numpy as np
from scipy.special import expit, logit

from openlupus.instruments import clasi, facit_fatigue, joints, pga
from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.disease import Global


def global_assessment(
    model: Model, sledai: Floats, shared: Floats, patient: Ints, rng: np.random.Generator
) -> Floats:
    """PGA of each row, 0 to 3 in tenths."""
    value = _follows(model.global_assessment, sledai, shared, patient, rng)
    return np.round(np.clip(value, pga.LOW, pga.HIGH), 1)


def fatigue(
    model: Model, sledai: Floats, shared: Floats, patient: Ints, rng: np.random.Generator
) -> Floats:
    """FACIT-Fatigue responses of each row, shape (rows, 13), 0 to 4 as ticked."""
    total = _follows(model.fatigue, sledai, shared, patient, rng)
    highest, number = facit_fatigue.HIGHEST, len(facit_fatigue.ITEMS)
    mean = np.clip(total / number, 0, highest)[:, None]
    good = np.clip(np.rint(mean + rng.normal(0, 0.7, (len(total), number))), 0, highest)
    reverse = np.array([item.reverse for item in facit_fatigue.ITEMS])
    return np.where(reverse, highest - good, good)


def skin(
    model: Model, severity: Floats, patient: Ints, patients: int, rng: np.random.Generator
) -> Floats:
    """CLASI boxes of each row, shape (rows, 56); a patient's damage is the same at all visits."""
    part, boxes = model.skin, np.zeros((len(severity), len(clasi.ITEMS)))
    rash, ulcers, hair = (
        severity[:, model.keys.index(key)]
        for key in (part.manifestation, part.ulcers, part.alopecia)
    )
    places = len(clasi.LOCATIONS)
    reach = rng.normal(0, part.spread_sd, (patients, 1))
    reach = reach + rng.normal(0, part.location_sd, (patients, places))
    local = np.where(rash[:, None] > 0, part.slope * rash[:, None] + reach[patient], -np.inf)
    boxes[:, :places] = np.searchsorted(part.erythema, local)
    boxes[:, places : 2 * places] = np.searchsorted(part.scale, local)
    # Active skin disease shows somewhere: at the location that the patient is most prone to.
    boxes[np.arange(len(boxes)), np.argmax(reach, axis=1)[patient]] += (rash > 0) & (
        boxes[:, :places].sum(axis=1) == 0
    )
    column = clasi.KEYS.index
    boxes[:, column("mucous_membrane")] = ulcers > 0
    boxes[:, column("recent_hair_loss")] = hair > 0
    grade = 1 + np.searchsorted(part.alopecia_grades, hair)
    boxes[:, column("nonscarring_alopecia")] = np.where(hair > 0, grade, 0)
    boxes[:, 2 * places + 3 :] = _damage(model, patients, rng)[patient]
    return boxes


def joint_counts(
    model: Model,
    severity: Floats,
    there: Floats,
    patient: Ints,
    patients: int,
    rng: np.random.Generator,
) -> tuple[Bools, Bools]:
    """Tender and swollen joints of each row, shape (rows, 28) each.

    While the arthritis is active at least two joints are both; otherwise none is. `there` is how
    much of a fall there is on the day of each row.
    """
    part, number = model.joints, len(joints.keys("28"))
    arthritis = severity[:, model.keys.index(part.manifestation)]
    active = (arthritis > 0)[:, None]
    prone = rng.logistic(0, 1, (patients, number))[patient]
    prone = prone + rng.normal(0, part.spread_sd, (patients, 1))[patient]
    level = (part.tender[0] + part.tender[1] * arthritis - part.trend * there)[:, None]
    tender = active & (prone + level > 0)
    share = expit(logit(part.swollen_of_tender) + rng.normal(0, part.swollen_sd, (patients, 1)))
    swollen = tender & (rng.random((patients, number)) < share)[patient]
    rank = np.argsort(np.argsort(-prone, axis=1), axis=1)
    least = active & (rank < 2)
    stray = ~active & (rng.random(tender.shape) < part.tender_only)
    return tender | least | stray, swollen | least


def _follows(
    part: Global, sledai: Floats, shared: Floats, patient: Ints, rng: np.random.Generator
) -> Floats:
    own = rng.normal(0, part.between, int(patient.max(initial=-1)) + 1)[patient]
    value = part.intercept + part.slope * np.sqrt(sledai) + part.shared * shared + own
    return value + rng.normal(0, part.within, len(sledai))


def _damage(model: Model, patients: int, rng: np.random.Generator) -> Floats:
    """Boxes of damage by patient, shape (patients, 27)."""
    part = model.skin
    damaged = rng.random((patients, 1)) < part.damage
    spots = damaged & (rng.random((patients, 13)) < part.damage_locations)
    scars = damaged & (rng.random((patients, 12)) < part.damage_locations / 2)
    scalp = np.where(damaged & (rng.random((patients, 1)) < part.damage_locations / 2), 3, 0)
    long = spots.any(axis=1, keepdims=True) & (rng.random((patients, 1)) < part.long_standing)
    return np.concatenate([spots, scars, scalp, long], axis=1).astype(np.float64)
