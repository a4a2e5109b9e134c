"""Gene expression by PCR: signatures of patients, and threshold cycles of genes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.simulation.model import Model
from openlupus.simulation.streams import Streams


@dataclass(frozen=True, slots=True)
class Expression:
    """Signatures of patients, shape (patients,) each: who is high, and the log2 score."""

    high: Mapping[str, Bools]
    score: Mapping[str, Floats]


def express(model: Model, patients: int, streams: Streams) -> Expression:
    """Signatures at baseline."""
    rng = streams.rng("signatures")
    high: dict[str, Bools] = {}
    score: dict[str, Floats] = {}
    for name, part in model.genes.signatures.items():
        high[name] = rng.random(patients) < part.share_high
        mean, sd = (np.where(high[name], *pair) for pair in zip(part.high, part.low, strict=True))
        score[name] = rng.normal(mean, sd)
    return Expression(high, score)


def cycles(
    model: Model,
    expression: Expression,
    patient: Ints,
    fallen: Mapping[str, Floats],
    streams: Streams,
) -> Mapping[str, Floats]:
    """Threshold cycles by gene at each row, shape (rows,).

    Args:
        model: The parameters.
        expression: Signatures of patients.
        patient: Position of the patient of each row.
        fallen: By signature, how much lower (log2) it is at each row than at baseline.
        streams: Source of randomness.
    """
    rng, part = streams.rng("cycles"), model.genes
    loading = rng.normal(0, part.loading, len(patient))
    found: dict[str, Floats] = {}
    for gene in part.genes:
        level = np.zeros(len(patient))
        if gene.signature:
            level = expression.score[gene.signature][patient] - fallen[gene.signature]
        noise = rng.normal(0, part.within, len(patient))
        # One cycle less is twice the expression.
        found[gene.symbol] = np.clip(gene.cycles + loading - level + noise, 0, 40)
    return found
