"""SLICC classification criteria for SLE, 2012: 11 clinical and 6 immunological criteria.

Source: Petri et al., Arthritis Rheum 2012;64:2677. Page: docs/instruments/slicc2012.md.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments import arrays, verdicts
from openlupus.instruments.arrays import Bools, Codes, Floats, Form, Ints
from openlupus.instruments.scale import Scale, refuse_outside

CATEGORY = "SLICC 2012"
NEEDED = 4
Part = Literal["clinical", "immunological", "biopsy"]


@dataclass(frozen=True, slots=True)
class Item:
    """One criterion; `biopsy` is the nephritis that classifies with an antibody alone."""

    number: int
    key: str
    part: Part
    label: str

    @property
    def code(self) -> str:
        """SDTM test code of the criterion."""
        return f"SLIC{self.number:02d}"


ITEMS = (
    Item(1, "acute_cutaneous", "clinical", "Acute or subacute cutaneous lupus"),
    Item(2, "chronic_cutaneous", "clinical", "Chronic cutaneous lupus"),
    Item(3, "oral_ulcers", "clinical", "Oral or nasal ulcers"),
    Item(4, "nonscarring_alopecia", "clinical", "Non-scarring alopecia"),
    Item(5, "synovitis", "clinical", "Synovitis of two or more joints"),
    Item(6, "serositis", "clinical", "Serositis"),
    Item(7, "renal", "clinical", "Renal: protein of 500 mg/24 h or red-cell casts"),
    Item(8, "neurologic", "clinical", "Neurologic"),
    Item(9, "haemolytic_anaemia", "clinical", "Haemolytic anaemia"),
    Item(10, "leukopenia_lymphopenia", "clinical", "Leukocytes < 4.0 or lymphocytes < 1.0 10^9/L"),
    Item(11, "thrombocytopenia", "clinical", "Platelets < 100 10^9/L"),
    Item(12, "ana", "immunological", "Antinuclear antibody"),
    Item(13, "anti_dsdna", "immunological", "Anti-dsDNA"),
    Item(14, "anti_sm", "immunological", "Anti-Sm"),
    Item(15, "antiphospholipid", "immunological", "Antiphospholipid antibody"),
    Item(16, "low_complement", "immunological", "Low C3, C4 or CH50"),
    Item(17, "direct_coombs", "immunological", "Direct Coombs test without haemolytic anaemia"),
    Item(18, "biopsy_nephritis", "biopsy", "Nephritis of lupus proven by biopsy"),
)
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)
_CLINICAL = np.array([item.part == "clinical" for item in ITEMS])
_IMMUNOLOGICAL = np.array([item.part == "immunological" for item in ITEMS])


@dataclass(frozen=True, slots=True)
class Classification:
    """Of n subjects, shape (n,): criteria known to be met, and `met`: 1, 0, -1 where open."""

    clinical: Ints
    immunological: Ints
    met: Codes


def form(values: Form) -> Floats:
    """Criteria by key or code as an array of shape (n, 18)."""
    return arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)


def classify(criteria: ArrayLike | Form) -> Classification:
    """Whether each subject meets the criteria, which need not be there at once.

    At least 4, one of them clinical and one immunological; or nephritis proven by biopsy with
    antinuclear or anti-dsDNA antibodies. A positive Coombs test counts only without haemolytic
    anaemia.

    Args:
        criteria: Shape (n, 18) in the order of `ITEMS`: 1 ever met, 0 not, nan not known; or what
            `form` takes.

    Returns:
        `met` is -1 where what is not known could change the answer.
    """
    array = arrays.matrix(arrays.given(criteria, form), len(ITEMS), name=CATEGORY)
    refuse_outside(array.T, KEYS, [Scale(0, 1)] * len(ITEMS), instrument=CATEGORY)
    clinical, immunological = _counts(array == 1)
    # Haemolysis cuts both ways (it counts, and silences the Coombs test), so it is tried as both.
    told = array[:, KEYS.index("haemolytic_anaemia")]
    tries = [np.where(np.isnan(told), answer, told) for answer in (0, 1)]
    surely, possibly = np.ones(len(array), np.bool_), np.zeros(len(array), np.bool_)
    for haemolysis in tries:
        surely &= _meets(_with(array == 1, haemolysis))
        possibly |= _meets(_with(array != 0, haemolysis))
    return Classification(clinical, immunological, verdicts.verdict(surely, surely | ~possibly))


def _with(found: Bools, haemolysis: Floats) -> Bools:
    out = found.copy()
    out[:, KEYS.index("haemolytic_anaemia")] = haemolysis == 1
    return out


def _counts(found: Bools) -> tuple[Ints, Ints]:
    coombs = found[:, KEYS.index("direct_coombs")] & found[:, KEYS.index("haemolytic_anaemia")]
    clinical: Ints = found[:, _CLINICAL].sum(axis=1)
    return clinical, found[:, _IMMUNOLOGICAL].sum(axis=1) - coombs


def _meets(found: Bools) -> Bools:
    clinical, immunological = _counts(found)
    antibody = found[:, KEYS.index("ana")] | found[:, KEYS.index("anti_dsdna")]
    by_count = (clinical >= 1) & (immunological >= 1) & (clinical + immunological >= NEEDED)
    return by_count | (found[:, KEYS.index("biopsy_nephritis")] & antibody)
