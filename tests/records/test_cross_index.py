"""Rules across indices: each finds its contradiction, and leaves a sound visit alone."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openlupus.instruments import bilag2004, clasi, facit_fatigue, pga, sledai2k
from openlupus.records import Records
from openlupus.records.check import check
from openlupus.records.context import CheckContext
from openlupus.records.model import from_frames
from openlupus.records.rules import RULES
from openlupus.records.rules.cross_index import COURSES, CROSS_INDEX, QUESTIONS, TOTALS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "instruments" / "consistency.md"
PEOPLE = pl.DataFrame({"STUDYID": ["T"], "USUBJID": ["S-1"], "ARMCD": ["A"]})
COUNT, FIRST_VISIT = "10^9/L", 2.0


def rows_of(
    category: str, items: Any, answers: dict[str, Any], visit: float
) -> list[dict[str, Any]]:
    rows = []
    for item in items:
        if item.key not in answers:
            continue
        value = answers[item.key]
        yes_no = category == sledai2k.CATEGORY or getattr(item, "type", "") == "yesno"
        text = ("Y" if value else "N") if yes_no else f"{value:g}"
        number = None if yes_no else float(value)
        rows.append(("S-1", category, item.code, text, number, visit))
    return rows


def records(
    sledai: dict[str, int] | None = None,
    bilag: dict[str, float] | None = None,
    clasi_boxes: dict[str, int] | None = None,
    pga_value: float | None = None,
    labs: dict[str, tuple[Any, ...]] | None = None,
    joints: dict[str, tuple[str, str]] | None = None,
    signs: dict[str, float] | None = None,
    facit: dict[str, float] | None = None,
    earlier: dict[str, float] | None = None,
) -> Records:
    """One visit of one subject; `earlier` are BILAG items of the visit before."""
    rs = rows_of(sledai2k.CATEGORY, sledai2k.ITEMS, sledai or {}, FIRST_VISIT + 1)
    rs += rows_of(bilag2004.CATEGORY, bilag2004.ITEMS, earlier or {}, FIRST_VISIT)
    rs += rows_of(bilag2004.CATEGORY, bilag2004.ITEMS, bilag or {}, FIRST_VISIT + 1)
    rs += rows_of(clasi.CATEGORY, clasi.ITEMS, clasi_boxes or {}, FIRST_VISIT + 1)
    if pga_value is not None:
        rs.append(("S-1", pga.CATEGORY, pga.CODE, f"{pga_value:g}", pga_value, FIRST_VISIT + 1))
    columns = ["USUBJID", "RSCAT", "RSTESTCD", "RSSTRESC", "RSSTRESN", "VISITNUM"]
    types = dict.fromkeys(columns, pl.String) | {"RSSTRESN": pl.Float64, "VISITNUM": pl.Float64}
    frames: dict[str, pl.DataFrame] = {
        "DM": PEOPLE,
        "RS": pl.DataFrame(rs, schema=types, orient="row")
        .with_row_index("RSSEQ", 1)
        .with_columns(
            STUDYID=pl.lit("T"), RSDTC=pl.format("2020-0{}-01", pl.col("VISITNUM").cast(pl.Int64))
        ),
    }
    frames |= measured(labs or {}, joints or {}, signs or {}, facit or {})
    return from_frames(frames)


def measured(labs: Any, joints: Any, signs: Any, facit: Any) -> dict[str, pl.DataFrame]:
    at = {"STUDYID": "T", "USUBJID": "S-1", "VISITNUM": FIRST_VISIT + 1}
    frames: dict[str, list[dict[str, Any]]] = {"LB": [], "MK": [], "VS": [], "QS": []}
    for test, (value, unit, *limits) in labs.items():
        low, high = limits or (None, None)
        lab = {"LBTESTCD": test, "LBSTRESN": float(value), "LBSTRESU": unit}
        frames["LB"].append({**at, **lab, "LBSTNRLO": low, "LBSTNRHI": high})
    for place, answers in joints.items():
        for test, answer in zip(("TENDER", "SWOLLEN"), answers, strict=True):
            joint = {"MKTESTCD": test, "MKLOC": place, "MKSTRESC": answer}
            frames["MK"].append({**at, **joint})
    for test, value in signs.items():
        frames["VS"].append({**at, "VSTESTCD": test, "VSSTRESN": float(value)})
    for test, value in facit.items():
        answer = {"QSTESTCD": test, "QSSTRESN": float(value)}
        frames["QS"].append({**at, "QSCAT": facit_fatigue.CATEGORY, **answer})
    return {
        name: pl.DataFrame(rows, infer_schema_length=None).with_row_index(f"{name}SEQ", 1)
        for name, rows in frames.items()
        if rows
    }


def broken(given: Records) -> set[str]:
    findings = check(given, CheckContext(), rules=CROSS_INDEX)
    return set(findings.rows["rule"])


def s(**items: int) -> dict[str, int]:
    return {**dict.fromkeys(sledai2k.KEYS, 0), **items}


def b(**items: float) -> dict[str, float]:
    absent: dict[str, float] = {i.key: 0 for i in bilag2004.ITEMS if i.type != "numeric"}
    return {**absent, **items}


def c(**boxes: int) -> dict[str, int]:
    return {**dict.fromkeys(clasi.KEYS, 0), **boxes}


NONE, BOTH = ("N", "N"), ("Y", "Y")
KNEES = ("L_knee", "R_knee")
STATEMENTS = {item.code: 0 for item in facit_fatigue.ITEMS}

# What breaks each rule, and the nearest that does not.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sledai_arthritis_without_joints": (
        {"sledai": {"arthritis": 1}, "joints": {"L_knee": NONE}},
        {"sledai": {"arthritis": 1}, "joints": dict.fromkeys(KNEES, BOTH)},
    ),
    "sledai_arthritis_of_one_joint": (
        {"sledai": {"arthritis": 1}, "joints": {"L_knee": BOTH, "R_knee": NONE}},
        {"sledai": {"arthritis": 1}, "joints": {"L_knee": BOTH, "R_knee": ("Y", "N")}},
    ),
    "sledai_arthritis_absent_with_active_joints": (
        {"sledai": {"arthritis": 0}, "joints": dict.fromkeys(KNEES, BOTH)},
        {"sledai": {"arthritis": 0}, "joints": {"L_knee": BOTH, "R_knee": ("Y", "N")}},
    ),
    **{
        f"sledai_{key}_without_bilag": (
            {"sledai": {key: 1}, "bilag": b()},
            {"sledai": {key: 1}, "bilag": b(**{item: 1})},
        )
        for key, item in {
            "arthritis": "arthritis_mild",
            "myositis": "myositis_mild",
            "rash": "periungual_erythema_chilblains",
            "alopecia": "alopecia_mild",
            "mucosal_ulcers": "mucosal_ulceration_mild",
            "pleurisy": "pleurisy_pericarditis",
            "pericarditis": "cardiac_tamponade",
            "fever": "pyrexia",
            "seizure": "status_epilepticus",
            "psychosis": "psychosis",
            "organic_brain_syndrome": "acute_confusional_state",
            "cranial_nerve_disorder": "cranial_neuropathy",
            "lupus_headache": "lupus_headache",
            "cva": "cerebral_vasculitis",
        }.items()
    },
    "bilag_arthritis_severe_without_sledai": (
        {"sledai": {"arthritis": 0}, "bilag": {"arthritis_severe": 2}},
        {"sledai": {"arthritis": 0}, "bilag": {"arthritis_severe": 1}},
    ),
    "bilag_skin_eruption_severe_without_sledai": (
        {"sledai": {"rash": 0}, "bilag": {"skin_eruption_severe": 4}},
        {"sledai": {"rash": 0}, "bilag": {"skin_eruption_severe": 1}},
    ),
    "sledai_thrombocytopenia_with_normal_count": (
        {"sledai": {"thrombocytopenia": 1}, "labs": {"PLAT": (100, COUNT)}},
        {"sledai": {"thrombocytopenia": 1}, "labs": {"PLAT": (99.9, COUNT)}},
    ),
    "sledai_thrombocytopenia_absent_with_low_count": (
        {"sledai": {"thrombocytopenia": 0}, "labs": {"PLAT": (99.9, COUNT)}},
        {"sledai": {"thrombocytopenia": 0}, "labs": {"PLAT": (100, COUNT)}},
    ),
    "sledai_leukopenia_with_normal_count": (
        {"sledai": {"leukopenia": 1}, "labs": {"WBC": (3, COUNT)}},
        {"sledai": {"leukopenia": 1}, "labs": {"WBC": (2.9, COUNT)}},
    ),
    "sledai_leukopenia_absent_with_low_count": (
        {"sledai": {"leukopenia": 0}, "labs": {"WBC": (2.9, COUNT)}},
        {"sledai": {"leukopenia": 0}, "labs": {"WBC": (3, COUNT)}},
    ),
    "sledai_hematuria_without_red_cells": (
        {"sledai": {"hematuria": 1}, "labs": {"URBC": (5, "/HPF")}},
        {"sledai": {"hematuria": 1}, "labs": {"URBC": (6, "/HPF")}},
    ),
    "sledai_pyuria_without_white_cells": (
        {"sledai": {"pyuria": 1}, "labs": {"UWBC": (5, "/HPF")}},
        {"sledai": {"pyuria": 1}, "labs": {"UWBC": (6, "/HPF")}},
    ),
    "sledai_proteinuria_with_low_ratio": (
        {"sledai": {"proteinuria": 1}, "labs": {"PROTCRT": (56.5, "mg/mmol")}},
        {"sledai": {"proteinuria": 1}, "labs": {"PROTCRT": (56.7, "mg/mmol")}},
    ),
    "sledai_proteinuria_absent_with_high_ratio": (
        {"sledai": {"proteinuria": 0}, "labs": {"PROTCRT": (56.7, "mg/mmol")}},
        {"sledai": {"proteinuria": 0}, "labs": {"PROTCRT": (56.5, "mg/mmol")}},
    ),
    "sledai_low_complement_with_normal_values": (
        {
            "sledai": {"low_complement": 1},
            "labs": {"C3": (0.9, "g/L", 0.9, 1.8), "C4": (0.2, "g/L", 0.1, 0.4)},
        },
        {
            "sledai": {"low_complement": 1},
            "labs": {"C3": (0.89, "g/L", 0.9, 1.8), "C4": (0.2, "g/L", 0.1, 0.4)},
        },
    ),
    "sledai_low_complement_absent_with_low_values": (
        {"sledai": {"low_complement": 0}, "labs": {"C4": (0.09, "g/L", 0.1, 0.4)}},
        {"sledai": {"low_complement": 0}, "labs": {"C4": (0.1, "g/L", 0.1, 0.4)}},
    ),
    "sledai_dna_binding_with_normal_value": (
        {"sledai": {"increased_dna_binding": 1}, "labs": {"DSDNA": (30, "IU/mL", 0, 30)}},
        {"sledai": {"increased_dna_binding": 1}, "labs": {"DSDNA": (31, "IU/mL", 0, 30)}},
    ),
    "sledai_dna_binding_absent_with_high_value": (
        {"sledai": {"increased_dna_binding": 0}, "labs": {"DSDNA": (31, "IU/mL", 0, 30)}},
        {"sledai": {"increased_dna_binding": 0}, "labs": {"DSDNA": (30, "IU/mL", 0, 30)}},
    ),
    "sledai_fever_absent_with_high_temperature": (
        {"sledai": {"fever": 0}, "signs": {"TEMP": 38.1}},
        {"sledai": {"fever": 0}, "signs": {"TEMP": 38.0}},
    ),
    "pga_zero_with_high_sledai": (
        {"pga_value": 0, "sledai": s(seizure=1, rash=1)},
        {"pga_value": 0, "sledai": s(seizure=1, fever=1)},
    ),
    "pga_high_with_sledai_zero": (
        {"pga_value": 2, "sledai": s()},
        {"pga_value": 1.9, "sledai": s()},
    ),
    "pga_zero_with_bilag_a": (
        {"pga_value": 0, "bilag": {"optic_neuritis": 2}},
        {"pga_value": 0, "bilag": {"optic_neuritis": 1}},
    ),
    "bilag_mucocutaneous_a_with_clasi_zero": (
        {"bilag": {"skin_eruption_severe": 2}, "clasi_boxes": c()},
        {"bilag": {"angioedema_severe": 2}, "clasi_boxes": c()},
    ),
    "sledai_rash_with_clasi_zero": (
        {"sledai": {"rash": 1}, "clasi_boxes": c()},
        {"sledai": {"rash": 1}, "clasi_boxes": c(erythema_ears=1)},
    ),
    "sledai_rash_absent_with_clasi_moderate": (
        {"sledai": {"rash": 0}, "clasi_boxes": c(**{f"erythema_{p}": 1 for p in clasi.LOCATIONS})},
        {
            "sledai": {"rash": 0},
            "clasi_boxes": c(**{f"erythema_{p}": 1 for p in clasi.LOCATIONS[:9]}),
        },
    ),
    "sledai_alopecia_absent_with_clasi_alopecia": (
        {"sledai": {"alopecia": 0}, "clasi_boxes": c(nonscarring_alopecia=1)},
        {"sledai": {"alopecia": 1}, "clasi_boxes": c(nonscarring_alopecia=1)},
    ),
    "bilag_arthritis_severe_without_swelling": (
        {"bilag": {"arthritis_severe": 3}, "joints": {"L_knee": ("Y", "N")}},
        {"bilag": {"arthritis_severe": 3}, "joints": {"L_knee": ("N", "Y")}},
    ),
    "bilag_coombs_isolated_with_haemolysis": (
        {"bilag": {"coombs_isolated": 1, "active_haemolysis": 1}},
        {"bilag": {"coombs_isolated": 1, "active_haemolysis": 0}},
    ),
    "bilag_haemolysis_with_normal_haemoglobin": (
        {"bilag": {"active_haemolysis": 1, "haemoglobin": 12}},
        {"bilag": {"active_haemolysis": 1, "haemoglobin": 11.9}},
    ),
    "bilag_nephrotic_without_protein": (
        {"bilag": {"nephrotic_syndrome": 1, "urine_pcr": 349}},
        {"bilag": {"nephrotic_syndrome": 1, "urine_pcr": 349, "urine_protein_24h": 3.6}},
    ),
    "bilag_accelerated_hypertension_with_normal_pressure": (
        {"bilag": {"accelerated_hypertension": 1, "systolic_bp": 139, "diastolic_bp": 89}},
        {"bilag": {"accelerated_hypertension": 1, "systolic_bp": 140, "diastolic_bp": 89}},
    ),
    "bilag_cells_exceed_white_count": (
        {"bilag": {"wbc": 4, "neutrophils": 3, "lymphocytes": 1.5}},
        {"bilag": {"wbc": 4, "neutrophils": 3, "lymphocytes": 1.4}},
    ),
    "bilag_diastolic_not_below_systolic": (
        {"bilag": {"systolic_bp": 80, "diastolic_bp": 80}},
        {"bilag": {"systolic_bp": 81, "diastolic_bp": 80}},
    ),
    "bilag_haemoglobin_differs_from_laboratory": (
        {"bilag": {"haemoglobin": 10}, "labs": {"HGB": (110, "g/L")}},
        {"bilag": {"haemoglobin": 10.5}, "labs": {"HGB": (110, "g/L")}},
    ),
    **{
        f"bilag_{key}_differs_from_laboratory": (
            {"bilag": {key: 94}, "labs": {test: (100, unit)}},
            {"bilag": {key: 96}, "labs": {test: (100, unit)}},
        )
        for key, test, unit in (
            ("platelets", "PLAT", COUNT),
            ("wbc", "WBC", COUNT),
            ("neutrophils", "NEUT", COUNT),
            ("lymphocytes", "LYM", COUNT),
            ("creatinine", "CREAT", "umol/L"),
            ("urine_pcr", "PROTCRT", "mg/mmol"),
        )
    },
    "bilag_systolic_bp_differs_from_vital_signs": (
        {"bilag": {"systolic_bp": 120}, "signs": {"SYSBP": 130}},
        {"bilag": {"systolic_bp": 120}, "signs": {"SYSBP": 125}},
    ),
    "bilag_diastolic_bp_differs_from_vital_signs": (
        {"bilag": {"diastolic_bp": 80}, "signs": {"DIABP": 90}},
        {"bilag": {"diastolic_bp": 80}, "signs": {"DIABP": 82}},
    ),
    "bilag_improving_at_first_appearance": (
        {"earlier": {"alopecia_mild": 0}, "bilag": {"alopecia_mild": 1}},
        {"earlier": {"alopecia_mild": 4}, "bilag": {"alopecia_mild": 1}},
    ),
    "bilag_same_or_worse_after_absence": (
        {"earlier": {"alopecia_mild": 0}, "bilag": {"alopecia_mild": 3}},
        {"earlier": {"alopecia_mild": 0}, "bilag": {"alopecia_mild": 4}},
    ),
    "bilag_new_although_present_before": (
        {"earlier": {"alopecia_mild": 2}, "bilag": {"alopecia_mild": 4}},
        {"earlier": {"alopecia_mild": 1}, "bilag": {"alopecia_mild": 4}},
    ),
    "facit_total_differs_from_items": (
        {"facit": {**STATEMENTS, facit_fatigue.TOTAL_CODE: 45}},
        {"facit": {**STATEMENTS, facit_fatigue.TOTAL_CODE: 44}},
    ),
}


def test_every_rule_has_a_case_and_a_reason() -> None:
    assert set(CASES) == {rule.name for rule in CROSS_INDEX}
    assert len(CROSS_INDEX) >= 25
    assert set(CROSS_INDEX) <= set(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)
    for entry in (*QUESTIONS, *COURSES, *TOTALS):
        assert entry.reason
        assert entry.sentence


def test_every_rule_is_on_its_page_with_its_reason() -> None:
    page = DOCS.read_text(encoding="utf-8")
    for entry in (*QUESTIONS, *COURSES, *TOTALS):
        line = f"| `{entry.name}` | {entry.severity} | {entry.sentence} | {entry.reason} |"
        assert line in page, line


@pytest.mark.parametrize("name", CASES)
def test_a_rule_finds_its_contradiction_and_nothing_near_it(name: str) -> None:
    wrong, right = CASES[name]
    assert name in broken(records(**wrong))
    assert name not in broken(records(**right))


def test_a_finding_says_where_what_and_why() -> None:
    given = records(sledai={"leukopenia": 1}, labs={"WBC": (4.5, COUNT)})
    row = check(given, CheckContext(), rules=CROSS_INDEX).rows.row(0, named=True)
    assert row["key"] == "S-1|3"
    assert (row["domain"], row["field"], row["value"]) == ("RS", "SLED24", "1")
    assert row["message"] == (
        "SLEDAI-2K leukopenia is ticked only with white cells below 3.0; reason: definition of "
        "the item, Gladman et al., J Rheumatol 2002;29:288"
    )
    earlier = records(earlier={"alopecia_mild": 0}, bilag={"alopecia_mild": 1})
    row = check(earlier, CheckContext(), rules=CROSS_INDEX).rows.row(0, named=True)
    assert (row["key"], row["value"]) == ("S-1|3|BIL016", "1")
    assert row["message"].startswith("BIL016 was 0 at the assessment before; reason: only a new")


def test_what_was_not_measured_contradicts_nothing() -> None:
    everything = dict.fromkeys(sledai2k.KEYS, 1)
    assert broken(records(sledai=everything)) == set()
    nothing = records(sledai=dict.fromkeys(sledai2k.KEYS, 0), pga_value=1)
    assert broken(nothing) == set()
    # Another unit is not compared, and the lowest of two counts decides.
    other = records(sledai={"thrombocytopenia": 1}, labs={"PLAT": (250_000, "/uL")})
    assert broken(other) == set()


def test_studies_without_these_domains_are_left_alone() -> None:
    assert broken(from_frames({"DM": PEOPLE})) == set()
