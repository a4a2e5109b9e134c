"""The scoring rules of BILAG-2004: which finding makes which grade.

Every rule is a list of criteria; a system has the highest grade of the criteria that it meets.
Sources: Isenberg et al., Rheumatology 2005;44:902 and its scoring sheet (revision 2009); Yee et
al., Arthritis Rheum 2007;56:4113. The haematological thresholds were not checked against the
original sheet. Page: docs/instruments/bilag2004.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from openlupus.instruments.arrays import Bools, Codes, Floats
from openlupus.instruments.decimals import UNIT

A, B, C, D, E = 4, 3, 2, 1, 0
LETTERS = "EDCBA"  # position = code
IMPROVING, SAME = 1, 2  # of a graded item; 3 is worse, 4 new
YES = 1

FirstVisit = Literal["strict", "legacy"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One sentence of a rule, the grade that it makes, the items it reads, and where it is met."""

    grade: int
    rule: str
    items: tuple[str, ...]
    met: Bools


@dataclass(frozen=True, slots=True)
class Form:
    """Items of n assessments, each of shape (n,).

    `ticks` holds graded and yes/no items by key, -1 where not done. `values` holds the numeric
    items in exact millionths of their unit, nan where not done or not due to lupus; `previous`
    their last earlier values, nan where there is none.
    """

    ticks: Mapping[str, Codes]
    values: Mapping[str, Floats]
    previous: Mapping[str, Floats]

    def yes(self, key: str) -> Bools:
        """Where a yes/no item is ticked."""
        return self.ticks[key] == YES

    def active(self, key: str) -> Bools:
        """Where a graded item is same, worse or new (2, 3, 4)."""
        return self.ticks[key] >= SAME

    def improving(self, key: str) -> Bools:
        """Where a graded item is 1."""
        return self.ticks[key] == IMPROVING

    def present(self, key: str) -> Bools:
        """Where a graded item is 1 to 4."""
        return self.ticks[key] >= IMPROVING

    def value(self, key: str) -> Floats:
        """A numeric item in millionths."""
        return self.values[key]

    def before(self, key: str) -> Floats:
        """Its last earlier value in millionths."""
        return self.previous[key]


# -- tiered systems: the grade that the worst code (0 to 4) of a tier makes -------------------

TIER_GRADES: Mapping[str, tuple[int, int, int, int, int]] = MappingProxyType(
    {
        "A": (E, B, A, A, A),
        "B": (E, C, B, B, B),
        "C": (E, C, C, C, C),
    }
)

# -- constitutional ---------------------------------------------------------------------------

_OTHERS = ("weight_loss", "lymphadenopathy_splenomegaly", "anorexia")


def constitutional(form: Form) -> list[Criterion]:
    """Pyrexia and how many of the three other items are active."""
    fever, others = form.active("pyrexia"), [form.active(key) for key in _OTHERS]
    two = np.sum(others, axis=0) >= 2
    some = np.any([form.present(key) for key in _OTHERS], axis=0)
    both = ("pyrexia", *_OTHERS)
    return [
        Criterion(
            A, "pyrexia active with at least two of the other three active", both, fever & two
        ),
        Criterion(B, "pyrexia active", ("pyrexia",), fever),
        Criterion(B, "at least two of the other three active", _OTHERS, two),
        Criterion(C, "pyrexia improving", ("pyrexia",), form.improving("pyrexia")),
        Criterion(C, "any of the other three present", _OTHERS, some),
    ]


# -- renal ------------------------------------------------------------------------------------

# Urine protein by 24-hour collection (g), protein and albumin ratio (mg/mmol).
PROTEIN_SEVERE_ABOVE = MappingProxyType(
    {"urine_protein_24h": 1.0, "urine_pcr": 100.0, "urine_acr": 100.0}
)
PROTEIN_MODERATE_FROM = MappingProxyType(
    {"urine_protein_24h": 0.5, "urine_pcr": 50.0, "urine_acr": 50.0}
)
PROTEIN_MILD_ABOVE = MappingProxyType(
    {"urine_protein_24h": 0.25, "urine_pcr": 25.0, "urine_acr": 25.0}
)
IMPROVED_FALL_PERCENT = 25
DIPSTICK_SEVERE_RISE, DIPSTICK_MODERATE_RISE = 2, 1
DIPSTICK_MODERATE_FROM, DIPSTICK_MILD_FROM = 2, 1
CREATININE_ABOVE = 130.0  # umol/L
CREATININE_SEVERE_PERCENT_ABOVE, CREATININE_MODERATE_PERCENT_FROM = 130, 115
GFR_BELOW, GFR_FALL_PERCENT_BELOW, GFR_CROSSING = 80.0, 67, 50.0  # mL/min/1.73 m2
SYSTOLIC_ABOVE, SYSTOLIC_RISE_FROM = 140.0, 30.0  # mmHg
DIASTOLIC_ABOVE, DIASTOLIC_RISE_FROM = 90.0, 15.0  # mmHg

_PROTEIN = (*PROTEIN_SEVERE_ABOVE, "urine_dipstick_protein")
_FUNCTION = ("creatinine", "gfr")
_PRESSURE = ("systolic_bp", "diastolic_bp")


def renal(form: Form, first_visit: FirstVisit) -> list[Criterion]:
    """Six severe criteria, of which two make an A if one of them is 1, 4 or 5; lesser ones."""
    severe = [
        Criterion(
            B, "1 severe deteriorating proteinuria", _PROTEIN, _severe_protein(form, first_visit)
        ),
        _yes(form, "2 accelerated hypertension", "accelerated_hypertension"),
        Criterion(
            B,
            "3 severe deteriorating renal function",
            _FUNCTION,
            _severe_function(form, first_visit),
        ),
        _yes(form, "4 active urinary sediment", "active_urinary_sediment"),
        _yes(form, "5 active nephritis on biopsy", "active_nephritis"),
        _yes(form, "6 nephrotic syndrome", "nephrotic_syndrome"),
    ]
    leading = severe[0].met | severe[3].met | severe[4].met
    two = np.sum([criterion.met for criterion in severe], axis=0) >= 2
    items = tuple(key for criterion in severe for key in criterion.items)
    return [
        Criterion(A, "at least two of criteria 1-6, one of them 1, 4 or 5", items, leading & two),
        *severe,
        Criterion(B, "moderate proteinuria, not improved", _PROTEIN, _moderate_protein(form)),
        Criterion(
            B,
            "creatinine above 130 umol/L, risen to 115-130 % of previous",
            ("creatinine",),
            _moderate_creatinine(form),
        ),
        Criterion(C, "mild or improving proteinuria", _PROTEIN, _mild_protein(form)),
        Criterion(C, "rising blood pressure", _PRESSURE, _rising_pressure(form)),
    ]


def _yes(form: Form, rule: str, key: str) -> Criterion:
    return Criterion(B, rule, (key,), form.yes(key))


def _dipstick_only(form: Form) -> Bools:
    """Where the dipstick counts: no quantitative protein measurement is there."""
    return np.all([np.isnan(form.value(key)) for key in PROTEIN_SEVERE_ABOVE], axis=0)


def _not_improved(form: Form, key: str) -> Bools:
    """Fall of less than 25 % from the previous value, or no previous value."""
    now, before = form.value(key), form.before(key)
    return np.isnan(before) | (100 * now > (100 - IMPROVED_FALL_PERCENT) * before)


def _severe_protein(form: Form, first_visit: FirstVisit) -> Bools:
    measured = np.any(
        [
            (form.value(key) > limit * UNIT) & _not_improved(form, key)
            for key, limit in PROTEIN_SEVERE_ABOVE.items()
        ],
        axis=0,
    )
    now, before = form.value("urine_dipstick_protein"), form.before("urine_dipstick_protein")
    rise = now - before >= DIPSTICK_SEVERE_RISE * UNIT
    if first_visit == "legacy":
        rise |= np.isnan(before) & (now >= DIPSTICK_SEVERE_RISE * UNIT)
    return measured | (_dipstick_only(form) & rise)


def _moderate_protein(form: Form) -> Bools:
    measured = np.any(
        [
            (form.value(key) >= limit * UNIT) & _not_improved(form, key)
            for key, limit in PROTEIN_MODERATE_FROM.items()
        ],
        axis=0,
    )
    now, before = form.value("urine_dipstick_protein"), form.before("urine_dipstick_protein")
    rise = now - before >= DIPSTICK_MODERATE_RISE * UNIT
    return measured | (_dipstick_only(form) & rise & (now >= DIPSTICK_MODERATE_FROM * UNIT))


def _mild_protein(form: Form) -> Bools:
    measured = np.any(
        [form.value(key) > limit * UNIT for key, limit in PROTEIN_MILD_ABOVE.items()], axis=0
    )
    dipstick = form.value("urine_dipstick_protein") >= DIPSTICK_MILD_FROM * UNIT
    return measured | (_dipstick_only(form) & dipstick)


def _severe_function(form: Form, first_visit: FirstVisit) -> Bools:
    creatinine, creatinine_before = form.value("creatinine"), form.before("creatinine")
    gfr, gfr_before = form.value("gfr"), form.before("gfr")
    high, low = creatinine > CREATININE_ABOVE * UNIT, gfr < GFR_BELOW * UNIT
    risen = 100 * creatinine > CREATININE_SEVERE_PERCENT_ABOVE * creatinine_before
    fallen = 100 * gfr < GFR_FALL_PERCENT_BELOW * gfr_before
    if first_visit == "legacy":
        risen |= np.isnan(creatinine_before)
        fallen |= np.isnan(gfr_before)
    came_from_above = np.isnan(gfr_before) | (gfr_before > GFR_CROSSING * UNIT)
    crossed = (gfr < GFR_CROSSING * UNIT) & came_from_above
    return (high & risen) | (low & fallen) | crossed


def _moderate_creatinine(form: Form) -> Bools:
    now, before = form.value("creatinine"), form.before("creatinine")
    risen = (100 * now >= CREATININE_MODERATE_PERCENT_FROM * before) & (
        100 * now <= CREATININE_SEVERE_PERCENT_ABOVE * before
    )
    return (now > CREATININE_ABOVE * UNIT) & risen


def _rising_pressure(form: Form) -> Bools:
    systolic, diastolic = form.value("systolic_bp"), form.value("diastolic_bp")
    return (
        (systolic > SYSTOLIC_ABOVE * UNIT)
        & (diastolic > DIASTOLIC_ABOVE * UNIT)
        & (systolic - form.before("systolic_bp") >= SYSTOLIC_RISE_FROM * UNIT)
        & (diastolic - form.before("diastolic_bp") >= DIASTOLIC_RISE_FROM * UNIT)
    )


# -- haematological: intervals are half-open, the sheet prints one decimal ---------------------

HB_SEVERE_BELOW, HB_HAEMOLYSIS_BELOW, HB_MILD_BELOW = 8.0, 10.0, 11.0  # g/dL
PLATELETS_BELOW = MappingProxyType({A: 25.0, B: 50.0, C: 150.0})  # 10^9/L
WBC_BELOW = MappingProxyType({B: 1.0, C: 4.0})  # 10^9/L
NEUTROPHILS_BELOW = MappingProxyType({B: 0.5, C: 2.0})  # 10^9/L
LYMPHOCYTES_BELOW = MappingProxyType({C: 1.0})  # 10^9/L

_COUNTS = MappingProxyType(
    {
        "platelets": PLATELETS_BELOW,
        "wbc": WBC_BELOW,
        "neutrophils": NEUTROPHILS_BELOW,
        "lymphocytes": LYMPHOCYTES_BELOW,
    }
)


def haematological(form: Form) -> list[Criterion]:
    """Haemoglobin with and without haemolysis, counts, TTP, Coombs test."""
    hb, lysis = form.value("haemoglobin"), form.yes("active_haemolysis")
    anaemia = ("haemoglobin", "active_haemolysis")
    severe, moderate = hb < HB_SEVERE_BELOW * UNIT, hb < HB_HAEMOLYSIS_BELOW * UNIT
    mild = hb < HB_MILD_BELOW * UNIT
    counts = [
        Criterion(grade, f"{key} below {limit:g}", (key,), form.value(key) < limit * UNIT)
        for key, limits in _COUNTS.items()
        for grade, limit in limits.items()
    ]
    return [
        Criterion(A, "thrombotic thrombocytopenic purpura active", ("ttp",), form.active("ttp")),
        Criterion(A, "haemolysis with haemoglobin below 8", anaemia, lysis & severe),
        Criterion(
            B, "thrombotic thrombocytopenic purpura improving", ("ttp",), form.improving("ttp")
        ),
        Criterion(B, "haemolysis with haemoglobin below 10", anaemia, lysis & moderate),
        Criterion(B, "haemoglobin below 8 without haemolysis", anaemia, severe & ~lysis),
        Criterion(
            C,
            "haemolysis with haemoglobin of 10 or more",
            anaemia,
            lysis & ~moderate & ~np.isnan(hb),
        ),
        Criterion(C, "haemoglobin below 11 without haemolysis", anaemia, mild & ~lysis),
        *counts,
        Criterion(
            C, "isolated positive Coombs test", ("coombs_isolated",), form.yes("coombs_isolated")
        ),
    ]
