"""FACIT-Fatigue, version 4: 13 statements, 0 to 52; higher is LESS fatigue.

The wording is licensed and not shipped; keys, direction and scoring are. Sources: Yellen et al.,
J Pain Symptom Manage 1997;13:63; in lupus Lai et al., J Rheumatol 2011;38:672. Page:
docs/instruments/facit_fatigue.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments import arrays
from openlupus.instruments.arrays import Bools, Floats, Form, Ints
from openlupus.instruments.scale import Scale, refuse_outside

CATEGORY = "FACIT-FATIGUE"
TOTAL_CODE = "FAC07014"
MINIMUM_ANSWERED = 7  # more than half of 13
HIGHEST = 4


@dataclass(frozen=True, slots=True)
class Item:
    """One statement by the key of the questionnaire; `reverse`: agreeing means more fatigue."""

    number: int
    key: str
    reverse: bool

    @property
    def code(self) -> str:
        """SDTM QSTESTCD of the item."""
        return f"FAC070{self.number:02d}"


ITEMS = (
    Item(1, "HI7", True),
    Item(2, "HI12", True),
    Item(3, "An1", True),
    Item(4, "An2", True),
    Item(5, "An3", True),
    Item(6, "An4", True),
    Item(7, "An5", False),
    Item(8, "An7", False),
    Item(9, "An8", True),
    Item(10, "An12", True),
    Item(11, "An14", True),
    Item(12, "An15", True),
    Item(13, "An16", True),
)
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)
_REVERSE = np.array([item.reverse for item in ITEMS])


@dataclass(frozen=True, slots=True)
class Score:
    """Totals of n questionnaires, 0-52, nan where fewer than 7 statements were answered."""

    total: Floats
    answered: Ints
    missing: Bools


def form(values: Form) -> Floats:
    """Responses by key or SDTM code as an array of shape (n, 13)."""
    return arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)


def score(responses: ArrayLike | Form) -> Score:
    """Total of each questionnaire, prorated over the statements answered.

    Args:
        responses: Shape (n, 13) in the order of `ITEMS`, 0 not at all to 4 very much as ticked
            (not yet reversed), nan where not answered; or what `form` takes.

    Raises:
        ScaleError: responses other than 0-4, all with row and item.
    """
    array = arrays.matrix(arrays.given(responses, form), len(ITEMS), name=CATEGORY)
    refuse_outside(array.T, KEYS, [Scale(0, HIGHEST)] * len(ITEMS), instrument=CATEGORY)
    missing = np.isnan(array)
    points = np.where(_REVERSE, HIGHEST - array, array)
    answered = len(ITEMS) - missing.sum(axis=1)
    enough = answered >= MINIMUM_ANSWERED
    total = np.nansum(points, axis=1) * len(ITEMS) / np.where(enough, answered, 1)
    return Score(np.where(enough, total, np.nan), answered, missing)
