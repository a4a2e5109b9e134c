"""ACR criteria for SLE, 1982 revision with the 1997 update: at least 4 of 11, at any time.

Sources: Tan et al., Arthritis Rheum 1982;25:1271; Hochberg, Arthritis Rheum 1997;40:1725. Page:
docs/instruments/acr1997.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments import arrays, verdicts
from openlupus.instruments.arrays import Codes, Floats, Form, Ints
from openlupus.instruments.scale import Scale, refuse_outside

CATEGORY = "ACR 1997"
NEEDED = 4


@dataclass(frozen=True, slots=True)
class Item:
    """One criterion."""

    number: int
    key: str
    label: str

    @property
    def code(self) -> str:
        """SDTM test code of the criterion."""
        return f"ACR{self.number:02d}"


ITEMS = (
    Item(1, "malar_rash", "Malar rash"),
    Item(2, "discoid_rash", "Discoid rash"),
    Item(3, "photosensitivity", "Photosensitivity"),
    Item(4, "oral_ulcers", "Oral ulcers"),
    Item(5, "arthritis", "Arthritis"),
    Item(6, "serositis", "Serositis"),
    Item(7, "renal", "Renal disorder"),
    Item(8, "neurologic", "Neurologic disorder"),
    Item(9, "haematologic", "Haematologic disorder"),
    Item(10, "immunologic", "Immunologic disorder"),
    Item(11, "ana", "Antinuclear antibody"),
)
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)


@dataclass(frozen=True, slots=True)
class Classification:
    """`count` of criteria known to be met, shape (n,); `met`: 1, 0, or -1 where it is open."""

    count: Ints
    met: Codes


def form(values: Form) -> Floats:
    """Criteria by key or code as an array of shape (n, 11)."""
    return arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)


def classify(criteria: ArrayLike | Form) -> Classification:
    """Whether each subject meets at least 4 of the 11 criteria, serially or together.

    Args:
        criteria: Shape (n, 11) in the order of `ITEMS`: 1 ever met, 0 not, nan not known;
            or what `form` takes.

    Returns:
        `met` is -1 where fewer than 4 are known to be met but the unknown ones could make 4.
    """
    array = arrays.matrix(arrays.given(criteria, form), len(ITEMS), name=CATEGORY)
    refuse_outside(array.T, KEYS, [Scale(0, 1)] * len(ITEMS), instrument=CATEGORY)
    count: Ints = np.sum(array == 1, axis=1)
    possible = count + np.sum(np.isnan(array), axis=1)
    met = count >= NEEDED
    return Classification(count, verdicts.verdict(met, met | (possible < NEEDED)))
