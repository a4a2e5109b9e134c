"""EULAR/ACR classification criteria for SLE, 2019: ANA, then weighted items in ten domains.

Source: Aringer et al., Arthritis Rheumatol 2019;71:1400 and Ann Rheum Dis 2019;78:1151. Page:
docs/instruments/eular_acr2019.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments import arrays, verdicts
from openlupus.instruments.arrays import Bools, Codes, Floats, Form, Ints
from openlupus.instruments.scale import Scale, refuse_outside

CATEGORY = "EULAR/ACR 2019"
NEEDED = 10
ENTRY = "ana"


@dataclass(frozen=True, slots=True)
class Item:
    """One criterion: its domain, whether the domain is clinical, its weight."""

    number: int
    key: str
    domain: str
    clinical: bool
    weight: int
    label: str

    @property
    def code(self) -> str:
        """SDTM test code of the criterion."""
        return f"EUAC{self.number:02d}"


ITEMS = (
    Item(1, "ana", "entry", False, 0, "ANA of 1:80 or more, ever"),
    Item(2, "fever", "constitutional", True, 2, "Fever above 38.3 C"),
    Item(3, "leukopenia", "haematological", True, 3, "Leukocytes < 4.0 10^9/L"),
    Item(4, "thrombocytopenia", "haematological", True, 4, "Platelets < 100 10^9/L"),
    Item(5, "autoimmune_haemolysis", "haematological", True, 4, "Autoimmune haemolysis"),
    Item(6, "delirium", "neuropsychiatric", True, 2, "Delirium"),
    Item(7, "psychosis", "neuropsychiatric", True, 3, "Psychosis"),
    Item(8, "seizure", "neuropsychiatric", True, 5, "Seizure"),
    Item(9, "nonscarring_alopecia", "mucocutaneous", True, 2, "Non-scarring alopecia"),
    Item(10, "oral_ulcers", "mucocutaneous", True, 2, "Oral ulcers"),
    Item(
        11, "subacute_or_discoid", "mucocutaneous", True, 4, "Subacute cutaneous or discoid lupus"
    ),
    Item(12, "acute_cutaneous", "mucocutaneous", True, 6, "Acute cutaneous lupus"),
    Item(13, "effusion", "serosal", True, 5, "Pleural or pericardial effusion"),
    Item(14, "acute_pericarditis", "serosal", True, 6, "Acute pericarditis"),
    Item(15, "joint_involvement", "musculoskeletal", True, 6, "Joint involvement"),
    Item(16, "proteinuria", "renal", True, 4, "Protein > 0.5 g/24 h"),
    Item(17, "nephritis_ii_v", "renal", True, 8, "Biopsy: nephritis of class II or V"),
    Item(18, "nephritis_iii_iv", "renal", True, 10, "Biopsy: nephritis of class III or IV"),
    Item(19, "antiphospholipid", "antiphospholipid", False, 2, "Antiphospholipid antibodies"),
    Item(20, "low_c3_or_c4", "complement", False, 3, "Low C3 or low C4"),
    Item(21, "low_c3_and_c4", "complement", False, 4, "Low C3 and low C4"),
    Item(22, "anti_dsdna_or_sm", "specific_antibodies", False, 6, "Anti-dsDNA or anti-Sm"),
)
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)
DOMAINS = tuple(dict.fromkeys(item.domain for item in ITEMS if item.key != ENTRY))
_WEIGHT = np.array([item.weight for item in ITEMS])
_OF_DOMAIN = {d: np.array([item.domain == d for item in ITEMS]) for d in DOMAINS}
_CLINICAL = np.array([item.clinical for item in ITEMS])


@dataclass(frozen=True, slots=True)
class Classification:
    """Of n subjects: points of what is known, shape (n,), by domain (n, 10), and the answer.

    `met`: 1, 0, or -1 where what is not known could change it.
    """

    points: Ints
    by_domain: Ints
    met: Codes


def form(values: Form) -> Floats:
    """Criteria by key or code as an array of shape (n, 22)."""
    return arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)


def classify(criteria: ArrayLike | Form) -> Classification:
    """Whether each subject meets the criteria, which need not be there at once.

    ANA of at least 1:80 is needed; then at least 10 points, one criterion clinical. Of each
    domain only the heaviest criterion counts.

    Args:
        criteria: Shape (n, 22) in the order of `ITEMS`: 1 ever met and lupus its likeliest cause,
            0 not, nan not known; or what `form` takes.
    """
    array = arrays.matrix(arrays.given(criteria, form), len(ITEMS), name=CATEGORY)
    refuse_outside(array.T, KEYS, [Scale(0, 1)] * len(ITEMS), instrument=CATEGORY)
    points = _by_domain(array == 1)
    surely, possibly = _meets(array == 1), _meets(array != 0)
    met = verdicts.verdict(surely, surely | ~possibly)
    return Classification(points.sum(axis=1), points, met)


def _by_domain(found: Bools) -> Ints:
    weighted = found * _WEIGHT
    return np.column_stack([weighted[:, of].max(axis=1) for of in _OF_DOMAIN.values()])


def _meets(found: Bools) -> Bools:
    entered: Bools = found[:, KEYS.index(ENTRY)]
    clinical = found[:, _CLINICAL].any(axis=1)
    return entered & clinical & (_by_domain(found).sum(axis=1) >= NEEDED)
