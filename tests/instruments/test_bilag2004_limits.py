"""BILAG-2004 at every limit of its numeric rules, and one decimal beyond.

Limits: the scoring sheet of 2009 as the reference folder has it; those of the blood were not
checked against the original.
"""

import pytest

from openlupus.instruments.bilag2004 import ITEMS, SYSTEMS, grade

ABSENT = {item.key: 0 for item in ITEMS if item.type != "numeric"}


def renal(before: dict[str, float] | None = None, **items: float) -> str:
    """The renal grade of a form on which all else is absent."""
    got = grade({**ABSENT, **items}, previous=before or None, previous_involvement=None)
    return str(got.letters[0, SYSTEMS.index("renal")])


@pytest.mark.independent
@pytest.mark.parametrize(
    ("before", "now", "alone", "with_hypertension"),
    [
        (1, 3, "B", "A"),  # up by two levels: severe, and with a second criterion A
        (0, 2, "B", "A"),
        (1, 2, "B", "B"),  # up by one to ++: moderate, which makes no A
        (2, 3, "B", "B"),
        (0, 1, "C", "B"),  # up by one, but to + only
        (2, 2, "C", "B"),
    ],
)
def test_the_dipstick_by_its_levels(
    before: int, now: int, alone: str, with_hypertension: str
) -> None:
    """Scoring sheet of 2009: severe is a rise by two levels, moderate by one to at least ++."""
    earlier = {"urine_dipstick_protein": before}
    assert renal(earlier, urine_dipstick_protein=now) == alone
    got = renal(earlier, urine_dipstick_protein=now, accelerated_hypertension=1)
    assert got == with_hypertension


SEDIMENT = {"active_urinary_sediment": 1}  # a second criterion: what is severe then makes an A

# Each limit of the sheet and the next decimal: earlier values, values now, grade.
RENAL_LIMITS: dict[str, tuple[dict[str, float], dict[str, float], str]] = {
    "PCR of 100 is not severe": ({}, {"urine_pcr": 100, **SEDIMENT}, "B"),
    "PCR above 100": ({}, {"urine_pcr": 100.1, **SEDIMENT}, "A"),
    "ACR of 100 is not severe": ({}, {"urine_acr": 100, **SEDIMENT}, "B"),
    "ACR above 100": ({}, {"urine_acr": 100.1, **SEDIMENT}, "A"),
    "1 g is not severe": ({}, {"urine_protein_24h": 1.0, **SEDIMENT}, "B"),
    "above 1 g": ({}, {"urine_protein_24h": 1.001, **SEDIMENT}, "A"),
    "PCR of 50": ({}, {"urine_pcr": 50}, "B"),
    "PCR below 50": ({}, {"urine_pcr": 49.9}, "C"),
    "ACR of 50": ({}, {"urine_acr": 50}, "B"),
    "ACR below 50": ({}, {"urine_acr": 49.9}, "C"),
    "0.5 g": ({}, {"urine_protein_24h": 0.5}, "B"),
    "below 0.5 g": ({}, {"urine_protein_24h": 0.499}, "C"),
    "PCR of 25 is nothing": ({}, {"urine_pcr": 25}, "E"),
    "PCR above 25": ({}, {"urine_pcr": 25.1}, "C"),
    "0.25 g is nothing": ({}, {"urine_protein_24h": 0.25}, "E"),
    "above 0.25 g": ({}, {"urine_protein_24h": 0.251}, "C"),
    "no dipstick": ({}, {"urine_dipstick_protein": 0}, "E"),
    "dipstick +": ({}, {"urine_dipstick_protein": 1}, "C"),
    "fallen by 25 %": ({"urine_pcr": 200}, {"urine_pcr": 150}, "C"),
    "fallen by less": ({"urine_pcr": 200}, {"urine_pcr": 150.1}, "B"),
    "creatinine of 130": ({"creatinine": 90}, {"creatinine": 130}, "E"),
    "creatinine above 130": ({"creatinine": 110}, {"creatinine": 130.1}, "B"),
    "130 % is moderate": ({"creatinine": 110}, {"creatinine": 143, **SEDIMENT}, "B"),
    "130 % alone": ({"creatinine": 110}, {"creatinine": 143}, "B"),
    "above 130 % is severe": ({"creatinine": 110}, {"creatinine": 143.1, **SEDIMENT}, "A"),
    "115 %": ({"creatinine": 120}, {"creatinine": 138}, "B"),
    "below 115 %": ({"creatinine": 120}, {"creatinine": 137.9}, "E"),
    "severe, but creatinine of 130": ({"creatinine": 90}, {"creatinine": 130, **SEDIMENT}, "B"),
    "GFR of 80": ({"gfr": 120}, {"gfr": 80, **SEDIMENT}, "B"),
    "GFR below 80": ({"gfr": 120}, {"gfr": 79.9, **SEDIMENT}, "A"),
    "GFR 67 %": ({"gfr": 100}, {"gfr": 67, **SEDIMENT}, "B"),
    "GFR below 67 %": ({"gfr": 100}, {"gfr": 66.9, **SEDIMENT}, "A"),
    "GFR below 50 from 50": ({"gfr": 50}, {"gfr": 49.9, **SEDIMENT}, "B"),
    "GFR below 50 from above": ({"gfr": 50.1}, {"gfr": 49.9, **SEDIMENT}, "A"),
    "GFR of 50 from above": ({"gfr": 60}, {"gfr": 50, **SEDIMENT}, "B"),
    "GFR below 50, none before": ({}, {"gfr": 49.9, **SEDIMENT}, "A"),
    "pressure risen": (
        {"systolic_bp": 111, "diastolic_bp": 76},
        {"systolic_bp": 141, "diastolic_bp": 91},
        "C",
    ),
    "systolic of 140": (
        {"systolic_bp": 100, "diastolic_bp": 70},
        {"systolic_bp": 140, "diastolic_bp": 95},
        "E",
    ),
    "diastolic of 90": (
        {"systolic_bp": 100, "diastolic_bp": 70},
        {"systolic_bp": 150, "diastolic_bp": 90},
        "E",
    ),
    "systolic up by 29": (
        {"systolic_bp": 112, "diastolic_bp": 70},
        {"systolic_bp": 141, "diastolic_bp": 95},
        "E",
    ),
    "diastolic up by 14": (
        {"systolic_bp": 100, "diastolic_bp": 77},
        {"systolic_bp": 150, "diastolic_bp": 91},
        "E",
    ),
}


@pytest.mark.independent
@pytest.mark.parametrize("name", RENAL_LIMITS)
def test_renal_limits_by_the_decimal(name: str) -> None:
    before, now, expected = RENAL_LIMITS[name]
    assert renal(before, **now) == expected


# Limit, grade at it, grade a tenth below.
BLOOD_LIMITS = [
    *(("platelets", 25, "B", "A"), ("platelets", 50, "C", "B"), ("platelets", 150, "E", "C")),
    *(("wbc", 1.0, "C", "B"), ("wbc", 4.0, "E", "C")),
    *(("neutrophils", 0.5, "C", "B"), ("neutrophils", 2.0, "E", "C")),
    *(("lymphocytes", 1.0, "E", "C"),),
    *(("haemoglobin", 8.0, "C", "B"), ("haemoglobin", 11.0, "E", "C")),
]
HAEMOLYSIS_LIMITS = [(8.0, "B", "A"), (10.0, "C", "B"), (14.0, "C", "C")]


def blood(**items: float) -> str:
    got = grade({**ABSENT, **items}, previous=None, previous_involvement=None)
    return str(got.letters[0, SYSTEMS.index("haematological")])


@pytest.mark.independent
@pytest.mark.parametrize(("key", "limit", "at", "below"), BLOOD_LIMITS)
def test_blood_limits_by_the_decimal(key: str, limit: float, at: str, below: str) -> None:
    assert blood(**{key: limit}) == at
    assert blood(**{key: limit - 0.1}) == below


@pytest.mark.independent
@pytest.mark.parametrize(("limit", "at", "below"), HAEMOLYSIS_LIMITS)
def test_haemolysis_limits_by_the_decimal(limit: float, at: str, below: str) -> None:
    assert blood(active_haemolysis=1, haemoglobin=limit) == at
    assert blood(active_haemolysis=1, haemoglobin=limit - 0.1) == below


@pytest.mark.parametrize(
    ("key", "at", "beyond", "limit"),
    [("creatinine", "E", "B", (130, 130.1)), ("gfr", "E", "B", (80, 79.9))],
)
def test_legacy_limits_by_the_decimal(
    key: str, at: str, beyond: str, limit: tuple[float, float]
) -> None:
    for value, expected in zip(limit, (at, beyond), strict=True):
        got = grade(
            {**ABSENT, key: value}, previous=None, previous_involvement=None, first_visit="legacy"
        )
        assert got.letters[0, SYSTEMS.index("renal")] == expected
