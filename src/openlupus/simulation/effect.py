"""What treatment does: the latent fall of activity, and of gene signatures."""

from collections.abc import Mapping

import numpy as np

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.disease import Measurement
from openlupus.simulation.streams import Streams


def fall(
    protocol: Protocol,
    model: Model,
    arm: Ints,
    high: Mapping[str, Bools],
    offset: Ints,
    streams: Streams,
) -> Floats:
    """Latent fall of each patient at each occasion.

    Args:
        protocol: The declared trial.
        model: The parameters.
        arm: Position of the patient's arm, negative where none, shape (n,).
        high: By signature, the patients in whom it is high.
        offset: Of each occasion, shape (n, occasions).
        streams: Source of randomness.

    Returns:
        Standard deviations of latent activity, shape (n, occasions).
    """
    disease, rng = model.disease, streams.rng("fall")
    effect = np.array([model.arms[name].effect for name in protocol.arms])[arm]
    for signature, factor in disease.modifiers.items():
        effect = effect * np.where(high[signature], 1 + factor, 1 / (1 + factor))
    full = disease.trend + effect + rng.normal(0, disease.variation, len(arm))
    return np.where(arm >= 0, full, 0)[:, None] * onset(model, offset)


def signature_fall(
    protocol: Protocol,
    model: Model,
    arm: Ints,
    high: Mapping[str, Bools],
    patient: Ints,
    offset: Ints,
) -> dict[str, Floats]:
    """Fall (log2) of each signature at each row, in the patients in whom it is high.

    `patient` is the position of the patient of each row, `offset` the row's day.
    """
    there = onset(model, offset)
    fallen: dict[str, Floats] = {}
    for signature, mine in high.items():
        full = np.array([model.arms[a].signature_fall.get(signature, 0) for a in protocol.arms])
        fallen[signature] = np.where(mine & (arm >= 0), full[arm], 0)[patient] * there
    return fallen


def onset(model: Model, offset: Ints) -> Floats:
    """How much of an effect is there after so many days, 0 to 1."""
    return 1 - np.exp2(-np.maximum(offset, 0) / model.disease.onset_half_life)


def ratio(
    protocol: Protocol,
    test: Measurement,
    arm: Ints,
    patient: Ints,
    there: Floats,
    streams: Streams,
) -> Floats:
    """Of the treated to the untreated value of a test at each row, 1 in arms that do not change it.

    `patient` is the patient of each row, `there` how much of an effect there is on its day.
    """
    rng, (between, within) = streams.rng(f"response {test.code}"), test.response
    full = np.log([test.full.get(name, 1.0) for name in protocol.arms] + [1.0])[arm][patient]
    varied = full + rng.normal(0, between, len(arm))[patient] + rng.normal(0, within, len(patient))
    return np.exp(np.where(full == 0, 0, there * varied))
