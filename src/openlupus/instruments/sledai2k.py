"""SLEDAI-2K: 24 weighted descriptors of active lupus, summed; 0 to 105, higher is worse.

Sources: Gladman, Ibanez & Urowitz, J Rheumatol 2002;29:288; definitions of the original index in
Bombardier et al., Arthritis Rheum 1992;35:630. Page: docs/instruments/sledai2k.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays, decimals, scale
from openlupus.instruments.arrays import Bools, Codes, Floats, Form

CATEGORY = "SLEDAI-2K"

SourceClass = Literal["none", "urine", "blood", "immunology"]
Convention = Literal["total", "excl_serology", "excl_blood", "excl_all_lab"]


@dataclass(frozen=True, slots=True)
class Item:
    """One descriptor; `source_class` says which laboratory, if any, it rests on."""

    number: int
    key: str
    weight: int
    system: str
    source_class: SourceClass
    label: str

    @property
    def code(self) -> str:
        """SDTM RSTESTCD of the item."""
        return f"SLED{self.number:02d}"


ITEMS = (
    Item(1, "seizure", 8, "neuropsychiatric", "none", "Seizure"),
    Item(2, "psychosis", 8, "neuropsychiatric", "none", "Psychosis"),
    Item(3, "organic_brain_syndrome", 8, "neuropsychiatric", "none", "Organic brain syndrome"),
    Item(4, "visual_disturbance", 8, "neuropsychiatric", "none", "Visual disturbance"),
    Item(5, "cranial_nerve_disorder", 8, "neuropsychiatric", "none", "Cranial nerve disorder"),
    Item(6, "lupus_headache", 8, "neuropsychiatric", "none", "Lupus headache"),
    Item(7, "cva", 8, "neuropsychiatric", "none", "Cerebrovascular accident"),
    Item(8, "vasculitis", 8, "vascular", "none", "Vasculitis"),
    Item(9, "arthritis", 4, "musculoskeletal", "none", "Arthritis"),
    Item(10, "myositis", 4, "musculoskeletal", "none", "Myositis"),
    Item(11, "urinary_casts", 4, "renal", "urine", "Urinary casts"),
    Item(12, "hematuria", 4, "renal", "urine", "Hematuria"),
    Item(13, "proteinuria", 4, "renal", "urine", "Proteinuria"),
    Item(14, "pyuria", 4, "renal", "urine", "Pyuria"),
    Item(15, "rash", 2, "mucocutaneous", "none", "Rash"),
    Item(16, "alopecia", 2, "mucocutaneous", "none", "Alopecia"),
    Item(17, "mucosal_ulcers", 2, "mucocutaneous", "none", "Mucosal ulcers"),
    Item(18, "pleurisy", 2, "serosal", "none", "Pleurisy"),
    Item(19, "pericarditis", 2, "serosal", "none", "Pericarditis"),
    Item(20, "low_complement", 2, "immunological", "immunology", "Low complement"),
    Item(21, "increased_dna_binding", 2, "immunological", "immunology", "Increased DNA binding"),
    Item(22, "fever", 1, "constitutional", "none", "Fever"),
    Item(23, "thrombocytopenia", 1, "haematological", "blood", "Thrombocytopenia"),
    Item(24, "leukopenia", 1, "haematological", "blood", "Leukopenia"),
)
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)
WEIGHT = np.array([item.weight for item in ITEMS], np.int8)
MAXIMUM = sum(item.weight for item in ITEMS)

_SEROLOGY = ("low_complement", "increased_dna_binding")
_BLOOD = (*_SEROLOGY, "thrombocytopenia", "leukopenia")
_URINE = ("urinary_casts", "hematuria", "proteinuria", "pyuria")

# What each "clinical" reading of the index leaves out. DORIS 2021 uses excl_serology;
# excl_all_lab counts nothing that comes from a urine or blood test.
CONVENTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "total": (),
        "excl_serology": _SEROLOGY,
        "excl_blood": _BLOOD,
        "excl_all_lab": (*_URINE, *_BLOOD),
    }
)

# Values that decide an item: measure, side of the limit on which it is present, limit. The limit
# itself is on the other side.
LIMITS: Mapping[str, tuple[str, Literal["below", "above"], float]] = MappingProxyType(
    {
        "thrombocytopenia": ("platelets", "below", 100.0),
        "leukopenia": ("wbc", "below", 3.0),
        "fever": ("temperature_c", "above", 38.0),
        "hematuria": ("urine_rbc_per_hpf", "above", 5.0),
        "pyuria": ("urine_wbc_per_hpf", "above", 5.0),
    }
)
URINE_PROTEIN_ABOVE: Mapping[str, float] = MappingProxyType(
    {"urine_protein_g_24h": 0.5, "urine_protein_creatinine_mg_mg": 0.5}
)
COMPLEMENTS = ("c3", "c4", "ch50")

PRESENT, ABSENT, NOT_ASSESSED = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Score:
    """Totals of n assessments: nan where an item that the convention uses was not assessed."""

    total: Floats
    missing: Bools


def form(values: Form) -> Codes:
    """Items by key or SDTM code (True, False, None) as codes of shape (n, 24).

    `values`: one patient's dict, a dict of arrays, or a frame, as `arrays.form` takes them.
    """
    filled = arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)
    scale.refuse_outside(filled.T, KEYS, [scale.Scale(0, 1)] * len(KEYS), instrument=CATEGORY)
    return np.where(np.isnan(filled), NOT_ASSESSED, filled).astype(np.int8)


def score(present: ArrayLike | Form, *, convention: str = "total") -> Score:
    """Total score of each assessment under one convention.

    Args:
        present: Codes, shape (n, 24) in the order of `ITEMS`: 1 present and due to active lupus,
            0 absent, -1 not assessed; or what `form` takes.
        convention: A key of `CONVENTIONS`.

    Returns:
        `total`, shape (n,), points, nan where an item in use was not assessed; `missing`, shape
        (n, 24), every item that was not assessed, in use or not.

    Raises:
        ScaleError: codes other than 1, 0, -1, all of them with row and item.
        InstrumentError: another shape, or an unknown convention.
    """
    codes = checked_items(present)
    weight = np.where(used(convention), WEIGHT, 0).astype(np.float32)
    total = ((codes == PRESENT).astype(np.float32) @ weight).astype(np.float64)
    missing = codes == NOT_ASSESSED
    if missing.any():
        total[missing[:, used(convention)].any(axis=1)] = np.nan
    return Score(total, missing)


def used(convention: str) -> Bools:
    """Which of the 24 items a convention counts, shape (24,)."""
    if convention not in CONVENTIONS:
        raise InstrumentError(
            f"{CATEGORY} has no convention {convention!r}; it has {list(CONVENTIONS)}"
        )
    excluded = CONVENTIONS[convention]
    return np.array([key not in excluded for key in KEYS])


def checked_items(present: ArrayLike | Form) -> Codes:
    """Codes of shape (n, 24) as int8; refuses codes other than 1, 0, -1, all with row and item."""
    codes = np.asarray(arrays.given(present, form))
    if codes.ndim != 2 or codes.shape[1] != len(ITEMS):
        raise InstrumentError(
            f"{CATEGORY} needs shape (assessments, {len(ITEMS)}), not {codes.shape}"
        )
    if codes.dtype != np.int8 or (codes.size and (codes.min() < -1 or codes.max() > 1)):
        allowed = [scale.Scale(NOT_ASSESSED, PRESENT)] * len(ITEMS)
        as_float = codes.astype(np.float64).T
        scale.refuse_outside(as_float, KEYS, allowed, instrument=CATEGORY)
        if np.isnan(as_float).any():
            raise InstrumentError(f"{CATEGORY}: code a missing item as -1, not as nan")
    return codes.astype(np.int8, copy=False)


def checked_total(totals: ArrayLike) -> Floats:
    """Totals of shape (n,), nan where missing; refuses what no form can sum to."""
    array = np.asarray(totals, np.float64)
    if array.ndim != 1:
        raise InstrumentError(f"{CATEGORY} totals need shape (assessments,), not {array.shape}")
    scale.refuse_outside(array[None], ["total"], [scale.Scale(0, MAXIMUM)], instrument=CATEGORY)
    return array


@dataclass(frozen=True, slots=True, kw_only=True)
class Labs:
    """Laboratory values of n assessments, each of shape (n,); nan where not measured.

    Limits of normal are those of the laboratory that measured the value. Both urine protein
    measures may be given; the 24-hour collection prevails.
    """

    platelets: ArrayLike | None = None  # 10^9/L
    wbc: ArrayLike | None = None  # 10^9/L
    temperature_c: ArrayLike | None = None
    urine_protein_g_24h: ArrayLike | None = None
    urine_protein_creatinine_mg_mg: ArrayLike | None = None
    urine_rbc_per_hpf: ArrayLike | None = None
    urine_wbc_per_hpf: ArrayLike | None = None
    c3: ArrayLike | None = None
    c3_lln: ArrayLike | None = None
    c4: ArrayLike | None = None
    c4_lln: ArrayLike | None = None
    ch50: ArrayLike | None = None
    ch50_lln: ArrayLike | None = None
    anti_dsdna: ArrayLike | None = None
    anti_dsdna_uln: ArrayLike | None = None


def from_labs(
    present: ArrayLike | Form, labs: Labs, *, attributed: ArrayLike | None = None
) -> Codes:
    """Items with those that a laboratory value decides replaced by what the value says.

    A value with a known limit overrides the ticked item in both directions. Where no value was
    measured, or its limit of normal is not known, the item stays as it was. Low complement is
    decided by whichever of C3, C4 and CH50 were measured, and scores once.

    Args:
        present: Codes as for `score`, shape (n, 24).
        labs: Values of the same n assessments.
        attributed: Shape (n, 24); False where the investigator says that the item is not due to
            active lupus (a drug, an infection): it then counts as absent.

    Returns:
        Codes, shape (n, 24).
    """
    codes = checked_items(present).copy()
    n = len(codes)
    lab = {
        field.name: arrays.measured(getattr(labs, field.name), n, name=f"{CATEGORY}: {field.name}")
        for field in fields(labs)
    }
    for key, (found, known) in _decided(lab).items():
        column = codes[:, KEYS.index(key)]
        column[known] = found[known]
    if attributed is not None:
        codes[~arrays.flags(attributed, codes.shape, name="attributed")] = ABSENT
    return codes


def _decided(lab: Mapping[str, Floats]) -> dict[str, tuple[Bools, Bools]]:
    """For each laboratory item: found by its value, and whether a value decides it."""

    beyond = {"below": decimals.below, "above": decimals.above}
    day, spot = (
        (decimals.above(lab[name], limit), ~np.isnan(lab[name]))
        for name, limit in URINE_PROTEIN_ABOVE.items()
    )
    complements = [(lab[name], lab[f"{name}_lln"]) for name in COMPLEMENTS]
    dna, uln = lab["anti_dsdna"], lab["anti_dsdna_uln"]
    return {
        **{
            key: (beyond[side](lab[name], limit), ~np.isnan(lab[name]))
            for key, (name, side, limit) in LIMITS.items()
        },
        "proteinuria": (np.where(day[1], day[0], spot[0]), day[1] | spot[1]),
        "low_complement": (
            np.any([decimals.below(value, lln) for value, lln in complements], axis=0),
            np.any([~np.isnan(value + lln) for value, lln in complements], axis=0),
        ),
        "increased_dna_binding": (decimals.above(dna, uln), ~np.isnan(dna + uln)),
    }
