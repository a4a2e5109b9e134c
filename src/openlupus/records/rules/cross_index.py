"""Rules on indices against each other, against laboratory values, and from visit to visit.

Each says why it should hold. A finding is a question to the site, not an error of the site: an
investigator may have a reason (attribution, another day, another sample). Page:
docs/instruments/consistency.md.
"""

import polars as pl

from openlupus.instruments import bilag2004, facit_fatigue
from openlupus.records.rules.base import Rule
from openlupus.records.rules.question import (
    BILAG_GLOSSARY,
    SAME_FINDING,
    SLEDAI_DEFINITION,
    Course,
    Question,
    active,
    also_in_bilag,
    bilag,
    bilag_code,
    differs,
    severe_items,
    ticked,
    unticked,
)

# -- the rules ------------------------------------------------------------------------------------

SPOT_RATIO_OF_HALF_A_GRAM = 56.6  # mg/mmol: 0.5 mg/mg x 113.1
_TENDER, _SWOLLEN, _AFFECTED = (
    pl.col("joints_tender"),
    pl.col("joints_swollen"),
    pl.col("joints_affected"),
)
_NO_JOINT = (_TENDER == 0) & (_SWOLLEN == 0)
_JOINTS = ("arthritis_severe", "arthritis_moderate", "arthritis_mild")
_SKIN = (
    *("skin_eruption_severe", "skin_eruption_mild"),
    *("panniculitis_bullous_severe", "panniculitis_bullous_mild"),
    *("major_cutaneous_vasculitis", "digital_infarcts_nodular_vasculitis"),
    "periungual_erythema_chilblains",
)
_SEROSA = ("pleurisy_pericarditis", "cardiac_tamponade", "pleural_effusion_dyspnoea")

QUESTIONS: tuple[Question, ...] = (
    # SLEDAI-2K and the joints
    ticked(
        "arthritis",
        "with swollen or tender joints",
        _NO_JOINT,
        "sledai_arthritis_without_joints",
        SLEDAI_DEFINITION,
    ),
    ticked(
        "arthritis",
        "with two joints or more",
        _AFFECTED == 1,
        "sledai_arthritis_of_one_joint",
        SLEDAI_DEFINITION,
    ),
    unticked(
        "arthritis",
        "with two joints or more that are tender and swollen",
        pl.col("joints_active") >= 2,
        "sledai_arthritis_absent_with_active_joints",
        SLEDAI_DEFINITION,
    ),
    # SLEDAI-2K and BILAG-2004
    also_in_bilag("arthritis", *_JOINTS),
    also_in_bilag("myositis", "myositis_severe", "myositis_mild"),
    also_in_bilag("rash", *_SKIN),
    also_in_bilag("alopecia", "alopecia_severe", "alopecia_mild"),
    also_in_bilag("mucosal_ulcers", "mucosal_ulceration_severe", "mucosal_ulceration_mild"),
    also_in_bilag("pleurisy", *_SEROSA),
    also_in_bilag("pericarditis", *_SEROSA),
    also_in_bilag("fever", "pyrexia"),
    also_in_bilag("seizure", "seizure_disorder", "status_epilepticus"),
    also_in_bilag("psychosis", "psychosis"),
    also_in_bilag("organic_brain_syndrome", "acute_confusional_state", "cognitive_dysfunction"),
    also_in_bilag("cranial_nerve_disorder", "cranial_neuropathy"),
    also_in_bilag("lupus_headache", "lupus_headache", "ic_hypertension_headache"),
    also_in_bilag("cva", "cerebrovascular_disease", "cerebral_vasculitis"),
    unticked(
        "arthritis",
        "with active severe arthritis in BILAG-2004",
        active("arthritis_severe"),
        "bilag_arthritis_severe_without_sledai",
        SAME_FINDING,
    ),
    unticked(
        "rash",
        "with an active severe skin eruption in BILAG-2004",
        active("skin_eruption_severe"),
        "bilag_skin_eruption_severe_without_sledai",
        SAME_FINDING,
    ),
    # SLEDAI-2K and laboratory values of the visit
    ticked(
        "thrombocytopenia",
        "with platelets below 100",
        pl.col("lab_platelets") >= 100,
        "sledai_thrombocytopenia_with_normal_count",
        SLEDAI_DEFINITION,
    ),
    unticked(
        "thrombocytopenia",
        "with platelets below 100",
        pl.col("lab_platelets") < 100,
        "sledai_thrombocytopenia_absent_with_low_count",
        SLEDAI_DEFINITION,
    ),
    ticked(
        "leukopenia",
        "with white cells below 3.0",
        pl.col("lab_wbc") >= 3,
        "sledai_leukopenia_with_normal_count",
        SLEDAI_DEFINITION,
    ),
    unticked(
        "leukopenia",
        "with white cells below 3.0",
        pl.col("lab_wbc") < 3,
        "sledai_leukopenia_absent_with_low_count",
        SLEDAI_DEFINITION,
    ),
    ticked(
        "hematuria",
        "with more than 5 red cells",
        pl.col("lab_urine_rbc") <= 5,
        "sledai_hematuria_without_red_cells",
        SLEDAI_DEFINITION,
    ),
    ticked(
        "pyuria",
        "with more than 5 white cells",
        pl.col("lab_urine_wbc") <= 5,
        "sledai_pyuria_without_white_cells",
        SLEDAI_DEFINITION,
    ),
    ticked(
        "proteinuria",
        "with a ratio above 0.5 mg/mg",
        pl.col("lab_urine_pcr") < SPOT_RATIO_OF_HALF_A_GRAM,
        "sledai_proteinuria_with_low_ratio",
        SLEDAI_DEFINITION,
    ),
    unticked(
        "proteinuria",
        "with a ratio above 0.5 mg/mg",
        pl.col("lab_urine_pcr") > SPOT_RATIO_OF_HALF_A_GRAM,
        "sledai_proteinuria_absent_with_high_ratio",
        SLEDAI_DEFINITION,
    ),
    ticked(
        "low_complement",
        "with C3 or C4 below normal",
        (pl.col("lab_c3") >= 1) & (pl.col("lab_c4") >= 1) & pl.col("lab_ch50").fill_null(1).ge(1),
        "sledai_low_complement_with_normal_values",
        SLEDAI_DEFINITION,
    ),
    unticked(
        "low_complement",
        "with C3, C4 or CH50 below normal",
        pl.any_horizontal(pl.col("lab_c3", "lab_c4", "lab_ch50") < 1),
        "sledai_low_complement_absent_with_low_values",
        SLEDAI_DEFINITION,
    ),
    ticked(
        "increased_dna_binding",
        "with anti-dsDNA above normal",
        pl.col("lab_dsdna") <= 1,
        "sledai_dna_binding_with_normal_value",
        SLEDAI_DEFINITION,
    ),
    unticked(
        "increased_dna_binding",
        "with anti-dsDNA above normal",
        pl.col("lab_dsdna") > 1,
        "sledai_dna_binding_absent_with_high_value",
        SLEDAI_DEFINITION,
    ),
    unticked(
        "fever",
        "with a temperature above 38",
        pl.col("temperature") > 38,
        "sledai_fever_absent_with_high_temperature",
        SLEDAI_DEFINITION,
    ),
    # PGA and the indices
    Question(
        "pga_zero_with_high_sledai",
        "warning",
        "PGA is above 0 with SLEDAI-2K of 10 or more",
        "10 and more is high activity; an investigator who sees it does not mark none",
        "PGA01",
        "pga",
        (pl.col("pga") == 0) & (pl.col("sledai_total") >= 10),
    ),
    Question(
        "pga_high_with_sledai_zero",
        "note",
        "PGA is below 2 with SLEDAI-2K of 0",
        "2 is moderate activity, and no descriptor is there; the index may lack what is meant",
        "PGA01",
        "pga",
        (pl.col("pga") >= 2) & (pl.col("sledai_total") == 0),
    ),
    Question(
        "pga_zero_with_bilag_a",
        "warning",
        "PGA is above 0 with an item that makes a BILAG-2004 A",
        "an A is disease to be treated with high doses (Isenberg et al., Rheumatology 2005;44:902)",
        "PGA01",
        "pga",
        (pl.col("pga") == 0)
        & active(*(key for system in bilag2004.SYSTEMS for key in severe_items(system))),
    ),
    # CLASI and the indices
    Question(
        "bilag_mucocutaneous_a_with_clasi_zero",
        "warning",
        "BILAG-2004 mucocutaneous A comes with CLASI activity above 0",
        SAME_FINDING,
        bilag_code("skin_eruption_severe"),
        "clasi_activity",
        (pl.col("clasi_activity") == 0)
        & active(*(key for key in severe_items("mucocutaneous") if key != "angioedema_severe")),
    ),
    ticked(
        "rash",
        "with CLASI activity above 0",
        pl.col("clasi_activity") == 0,
        "sledai_rash_with_clasi_zero",
        SAME_FINDING,
    ),
    unticked(
        "rash",
        "with CLASI activity of 10 or more",
        pl.col("clasi_activity") >= 10,
        "sledai_rash_absent_with_clasi_moderate",
        SAME_FINDING,
    ),
    unticked(
        "alopecia",
        "with non-scarring alopecia in CLASI",
        pl.col("clasi_nonscarring_alopecia") >= 1,
        "sledai_alopecia_absent_with_clasi_alopecia",
        SAME_FINDING,
    ),
    # BILAG-2004 on its own
    Question(
        "bilag_arthritis_severe_without_swelling",
        "warning",
        "BILAG-2004 severe arthritis comes with a swollen joint",
        BILAG_GLOSSARY,
        bilag_code("arthritis_severe"),
        "bilag_arthritis_severe",
        active("arthritis_severe") & (_SWOLLEN == 0),
    ),
    Question(
        "bilag_coombs_isolated_with_haemolysis",
        "error",
        "an isolated Coombs test comes without haemolysis",
        "isolated means that there is none",
        bilag_code("coombs_isolated"),
        "bilag_coombs_isolated",
        (bilag("coombs_isolated") == 1) & (bilag("active_haemolysis") == 1),
    ),
    Question(
        "bilag_haemolysis_with_normal_haemoglobin",
        "note",
        "active haemolysis comes with haemoglobin below 12 g/dL",
        "haemolysis that is fully made up for is rare",
        bilag_code("active_haemolysis"),
        "bilag_haemoglobin",
        (bilag("active_haemolysis") == 1) & (bilag("haemoglobin") >= 12),
    ),
    Question(
        "bilag_nephrotic_without_protein",
        "warning",
        "the nephrotic syndrome comes with heavy proteinuria",
        BILAG_GLOSSARY,
        bilag_code("nephrotic_syndrome"),
        "bilag_urine_pcr",
        (bilag("nephrotic_syndrome") == 1)
        & (bilag("urine_pcr") < 350)
        & (bilag("urine_protein_24h").fill_null(0) <= 3.5),
    ),
    Question(
        "bilag_accelerated_hypertension_with_normal_pressure",
        "warning",
        "accelerated hypertension comes with a high pressure",
        BILAG_GLOSSARY,
        bilag_code("accelerated_hypertension"),
        "bilag_systolic_bp",
        (bilag("accelerated_hypertension") == 1)
        & (bilag("systolic_bp") < 140)
        & (bilag("diastolic_bp") < 90),
    ),
    Question(
        "bilag_cells_exceed_white_count",
        "error",
        "neutrophils and lymphocytes are no more than the white cells",
        "parts of a whole; 10 % for rounding",
        bilag_code("wbc"),
        "bilag_wbc",
        bilag("neutrophils") + bilag("lymphocytes") > 1.1 * bilag("wbc"),
    ),
    Question(
        "bilag_diastolic_not_below_systolic",
        "error",
        "the diastolic pressure is below the systolic",
        "by definition of the two",
        bilag_code("diastolic_bp"),
        "bilag_diastolic_bp",
        bilag("diastolic_bp") >= bilag("systolic_bp"),
    ),
    # BILAG-2004 and measurements of the visit
    differs("haemoglobin", "lab_haemoglobin", 10, 0.05, "laboratory"),
    differs("platelets", "lab_platelets", 1, 0.05, "laboratory"),
    differs("wbc", "lab_wbc", 1, 0.05, "laboratory"),
    differs("neutrophils", "lab_neutrophils", 1, 0.05, "laboratory"),
    differs("lymphocytes", "lab_lymphocytes", 1, 0.05, "laboratory"),
    differs("creatinine", "lab_creatinine", 1, 0.05, "laboratory"),
    differs("urine_pcr", "lab_urine_pcr", 1, 0.05, "laboratory"),
    differs("systolic_bp", "systolic", 1, 0.05, "vital_signs"),
    differs("diastolic_bp", "diastolic", 1, 0.05, "vital_signs"),
)


# -- from visit to visit --------------------------------------------------------------------------

_NOW, _BEFORE = pl.col("now"), pl.col("before")

COURSES: tuple[Course, ...] = (
    Course(
        "bilag_improving_at_first_appearance",
        "warning",
        "a BILAG-2004 item that was absent before is not improving",
        "only a new episode that already improves within four weeks is (glossary of BILAG-2004)",
        (_NOW == 1) & (_BEFORE == 0),
    ),
    Course(
        "bilag_same_or_worse_after_absence",
        "note",
        "a BILAG-2004 item that was absent before is new, not same or worse",
        "same and worse compare with the four weeks before, in which it was absent",
        _NOW.is_in([2.0, 3.0]) & (_BEFORE == 0),
    ),
    Course(
        "bilag_new_although_present_before",
        "note",
        "a BILAG-2004 item that was active before is not new",
        "new means absent in the four weeks before",
        (_NOW == 4) & (_BEFORE >= 2),
    ),
)

# -- a total that somebody computed -------------------------------------------------------------


def _facit_total() -> pl.Expr:
    points = [
        (facit_fatigue.HIGHEST - pl.col(f"facit_{item.number}"))
        if item.reverse
        else pl.col(f"facit_{item.number}")
        for item in facit_fatigue.ITEMS
    ]
    answered = pl.sum_horizontal(point.is_not_null() for point in points)
    enough = answered >= facit_fatigue.MINIMUM_ANSWERED
    return pl.when(enough).then(pl.sum_horizontal(points) * len(points) / answered)


TOTALS = (
    Question(
        "facit_total_differs_from_items",
        "error",
        "the FACIT-Fatigue total is that of its statements",
        "scoring of the questionnaire, version 4: reversal and proration",
        facit_fatigue.TOTAL_CODE,
        "facit_total",
        (pl.col("facit_total") - _facit_total()).abs() > 0.5,
    ),
)

CROSS_INDEX: tuple[Rule, ...] = tuple(entry.rule() for entry in (*QUESTIONS, *COURSES, *TOTALS))
"""All rules of this file."""
