"""The form of BILAG-2004: 97 items in nine systems, in form order (revision of 1 Sep 2009)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from openlupus.instruments.scale import Scale

CATEGORY = "BILAG-2004"

SYSTEMS = (
    "constitutional",
    "mucocutaneous",
    "neuropsychiatric",
    "musculoskeletal",
    "cardiorespiratory",
    "gastrointestinal",
    "ophthalmic",
    "renal",
    "haematological",
)

# SDTM codes of the question "was this system ever involved before?", one a system.
PREVIOUS_INVOLVEMENT_CODES: Mapping[str, str] = MappingProxyType(
    {system: f"BILH{number:02d}" for number, system in enumerate(SYSTEMS, start=1)}
)

HISTORY_CODES = tuple(PREVIOUS_INVOLVEMENT_CODES.values())

Kind = Literal["graded", "yesno", "numeric"]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the form.

    `type` graded: 0 absent, 1 improving, 2 same, 3 worse, 4 new; yesno: 0, 1; numeric: a value in
    `unit`. `tier` (A, B, C) ranks the graded items of the six tiered systems; "special" items
    belong to a rule of their own system.
    """

    number: int
    key: str
    system: str
    type: Kind
    tier: str | None
    unit: str | None
    label: str

    @property
    def code(self) -> str:
        """SDTM RSTESTCD of the item."""
        return f"BIL{self.number:03d}"

    @property
    def attribution_code(self) -> str | None:
        """Code of the flag "due to active lupus?" of a numeric item; None for other items."""
        return f"{self.code}A" if self.type == "numeric" else None


# Number, key, type, tier of a graded item or unit of a numeric one, label.
_Line = tuple[int, str, Kind, str | None, str]
_FORM: dict[str, tuple[_Line, ...]] = {
    "constitutional": (
        (1, "pyrexia", "graded", "special", "Pyrexia, documented >37.5 C"),
        (2, "weight_loss", "graded", "special", "Unintentional weight loss >5%"),
        (3, "lymphadenopathy_splenomegaly", "graded", "special", "Lymphadenopathy / splenomegaly"),
        (4, "anorexia", "graded", "special", "Anorexia"),
    ),
    "mucocutaneous": (
        (5, "skin_eruption_severe", "graded", "A", "Skin eruption, severe"),
        (6, "skin_eruption_mild", "graded", "B", "Skin eruption, mild"),
        (7, "angioedema_severe", "graded", "A", "Angio-oedema, severe"),
        (8, "angioedema_mild", "graded", "C", "Angio-oedema, mild"),
        (9, "mucosal_ulceration_severe", "graded", "A", "Mucosal ulceration, severe"),
        (10, "mucosal_ulceration_mild", "graded", "C", "Mucosal ulceration, mild"),
        (11, "panniculitis_bullous_severe", "graded", "A", "Panniculitis / bullous lupus, severe"),
        (12, "panniculitis_bullous_mild", "graded", "B", "Panniculitis / bullous lupus, mild"),
        (
            13,
            "major_cutaneous_vasculitis",
            "graded",
            "A",
            "Major cutaneous vasculitis / thrombosis",
        ),
        (
            14,
            "digital_infarcts_nodular_vasculitis",
            "graded",
            "B",
            "Digital infarcts or nodular vasculitis",
        ),
        (15, "alopecia_severe", "graded", "B", "Alopecia, severe"),
        (16, "alopecia_mild", "graded", "C", "Alopecia, mild"),
        (17, "periungual_erythema_chilblains", "graded", "C", "Peri-ungual erythema / chilblains"),
        (18, "splinter_haemorrhages", "graded", "C", "Splinter haemorrhages"),
    ),
    "neuropsychiatric": (
        (19, "aseptic_meningitis", "graded", "A", "Aseptic meningitis"),
        (20, "cerebral_vasculitis", "graded", "A", "Cerebral vasculitis"),
        (21, "demyelinating_syndrome", "graded", "A", "Demyelinating syndrome"),
        (22, "myelopathy", "graded", "A", "Myelopathy"),
        (23, "acute_confusional_state", "graded", "A", "Acute confusional state"),
        (24, "psychosis", "graded", "A", "Psychosis"),
        (25, "aidp", "graded", "A", "Acute inflammatory demyelinating polyradiculoneuropathy"),
        (26, "mononeuropathy", "graded", "A", "Mononeuropathy, single or multiplex"),
        (27, "cranial_neuropathy", "graded", "A", "Cranial neuropathy"),
        (28, "plexopathy", "graded", "A", "Plexopathy"),
        (29, "polyneuropathy", "graded", "A", "Polyneuropathy"),
        (30, "seizure_disorder", "graded", "B", "Seizure disorder"),
        (31, "status_epilepticus", "graded", "A", "Status epilepticus"),
        (
            32,
            "cerebrovascular_disease",
            "graded",
            "B",
            "Cerebrovascular disease not due to vasculitis",
        ),
        (33, "cognitive_dysfunction", "graded", "B", "Cognitive dysfunction"),
        (34, "movement_disorder", "graded", "B", "Movement disorder"),
        (35, "autonomic_disorder", "graded", "B", "Autonomic disorder"),
        (36, "cerebellar_ataxia", "graded", "A", "Cerebellar ataxia, isolated"),
        (37, "lupus_headache", "graded", "B", "Lupus headache, severe unremitting"),
        (38, "ic_hypertension_headache", "graded", "B", "Headache from intracranial hypertension"),
    ),
    "musculoskeletal": (
        (39, "myositis_severe", "graded", "A", "Myositis, severe"),
        (40, "myositis_mild", "graded", "B", "Myositis, mild"),
        (41, "arthritis_severe", "graded", "A", "Arthritis, severe"),
        (
            42,
            "arthritis_moderate",
            "graded",
            "B",
            "Arthritis, moderate / tendonitis / tenosynovitis",
        ),
        (43, "arthritis_mild", "graded", "C", "Arthritis, mild / arthralgia / myalgia"),
    ),
    "cardiorespiratory": (
        (44, "myocarditis_mild", "graded", "B", "Myocarditis, mild"),
        (
            45,
            "myocarditis_cardiac_failure",
            "graded",
            "A",
            "Myocarditis / endocarditis with cardiac failure",
        ),
        (46, "arrhythmia", "graded", "A", "Arrhythmia"),
        (47, "new_valvular_dysfunction", "graded", "A", "New valvular dysfunction"),
        (48, "pleurisy_pericarditis", "graded", "B", "Pleurisy / pericarditis"),
        (49, "cardiac_tamponade", "graded", "A", "Cardiac tamponade"),
        (50, "pleural_effusion_dyspnoea", "graded", "A", "Pleural effusion with dyspnoea"),
        (
            51,
            "pulmonary_haemorrhage_vasculitis",
            "graded",
            "A",
            "Pulmonary haemorrhage / vasculitis",
        ),
        (52, "interstitial_alveolitis", "graded", "A", "Interstitial alveolitis / pneumonitis"),
        (53, "shrinking_lung", "graded", "A", "Shrinking lung syndrome"),
        (54, "aortitis", "graded", "A", "Aortitis"),
        (55, "coronary_vasculitis", "graded", "A", "Coronary vasculitis"),
    ),
    "gastrointestinal": (
        (56, "lupus_peritonitis", "graded", "A", "Lupus peritonitis"),
        (57, "abdominal_serositis_ascites", "graded", "B", "Abdominal serositis or ascites"),
        (58, "lupus_enteritis_colitis", "graded", "A", "Lupus enteritis / colitis"),
        (59, "malabsorption", "graded", "B", "Malabsorption"),
        (60, "protein_losing_enteropathy", "graded", "B", "Protein-losing enteropathy"),
        (61, "intestinal_pseudo_obstruction", "graded", "A", "Intestinal pseudo-obstruction"),
        (62, "lupus_hepatitis", "graded", "B", "Lupus hepatitis"),
        (63, "acute_cholecystitis", "graded", "A", "Acute lupus cholecystitis"),
        (64, "acute_pancreatitis", "graded", "A", "Acute lupus pancreatitis"),
    ),
    "ophthalmic": (
        (65, "orbital_inflammation", "graded", "A", "Orbital inflammation / myositis / proptosis"),
        (66, "keratitis_severe", "graded", "A", "Keratitis, severe"),
        (67, "keratitis_mild", "graded", "B", "Keratitis, mild"),
        (68, "anterior_uveitis", "graded", "B", "Anterior uveitis"),
        (
            69,
            "posterior_uveitis_severe",
            "graded",
            "A",
            "Posterior uveitis / retinal vasculitis, severe",
        ),
        (
            70,
            "posterior_uveitis_mild",
            "graded",
            "B",
            "Posterior uveitis / retinal vasculitis, mild",
        ),
        (71, "episcleritis", "graded", "C", "Episcleritis"),
        (72, "scleritis_severe", "graded", "A", "Scleritis, severe"),
        (73, "scleritis_mild", "graded", "B", "Scleritis, mild"),
        (74, "retinal_vaso_occlusive", "graded", "A", "Retinal / choroidal vaso-occlusive disease"),
        (75, "cotton_wool_spots", "graded", "C", "Isolated cotton-wool spots (cytoid bodies)"),
        (76, "optic_neuritis", "graded", "A", "Optic neuritis"),
        (
            77,
            "anterior_ischaemic_optic_neuropathy",
            "graded",
            "A",
            "Anterior ischaemic optic neuropathy",
        ),
    ),
    "renal": (
        (78, "systolic_bp", "numeric", "mmHg", "Systolic blood pressure"),
        (79, "diastolic_bp", "numeric", "mmHg", "Diastolic blood pressure"),
        (80, "accelerated_hypertension", "yesno", None, "Accelerated hypertension"),
        (
            81,
            "urine_dipstick_protein",
            "numeric",
            "plus",
            "Urine dipstick protein (0; 1 = +, 2 = ++, 3 = +++)",
        ),
        (82, "urine_acr", "numeric", "mg/mmol", "Urine albumin:creatinine ratio"),
        (83, "urine_pcr", "numeric", "mg/mmol", "Urine protein:creatinine ratio"),
        (84, "urine_protein_24h", "numeric", "g", "24-hour urine protein"),
        (85, "nephrotic_syndrome", "yesno", None, "Nephrotic syndrome"),
        (86, "creatinine", "numeric", "umol/L", "Plasma or serum creatinine"),
        (87, "gfr", "numeric", "mL/min/1.73m2", "Calculated GFR"),
        (88, "active_urinary_sediment", "yesno", None, "Active urinary sediment"),
        (89, "active_nephritis", "yesno", None, "Histologically active nephritis within 3 months"),
    ),
    "haematological": (
        (90, "haemoglobin", "numeric", "g/dL", "Haemoglobin"),
        (91, "wbc", "numeric", "10^9/L", "Total white cell count"),
        (92, "neutrophils", "numeric", "10^9/L", "Neutrophils"),
        (93, "lymphocytes", "numeric", "10^9/L", "Lymphocytes"),
        (94, "platelets", "numeric", "10^9/L", "Platelets"),
        (95, "ttp", "graded", "special", "Thrombotic thrombocytopenic purpura"),
        (96, "active_haemolysis", "yesno", None, "Evidence of active haemolysis"),
        (97, "coombs_isolated", "yesno", None, "Coombs test positive, isolated"),
    ),
}


def _item(system: str, line: _Line) -> Item:
    number, key, kind, detail, label = line
    unit = detail if kind == "numeric" else None
    return Item(number, key, system, kind, None if unit else detail, unit, label)


ITEMS = tuple(_item(system, line) for system, lines in _FORM.items() for line in lines)
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)
INDEX: Mapping[str, int] = MappingProxyType({item.key: i for i, item in enumerate(ITEMS)})
NUMERIC_KEYS = tuple(item.key for item in ITEMS if item.type == "numeric")
NUMERIC = np.array([item.type == "numeric" for item in ITEMS])

# A value above these is no measurement in the unit of the form (haemoglobin in g/L, say).
# The form knows a dipstick of 0 to +++; strips that read ++++ are taken as they are.
HIGHEST: Mapping[str, float] = MappingProxyType(
    {
        "systolic_bp": 350,
        "diastolic_bp": 250,
        "urine_dipstick_protein": 4,
        "urine_acr": 10_000,
        "urine_pcr": 10_000,
        "urine_protein_24h": 100,
        "creatinine": 5_000,
        "gfr": 300,
        "haemoglobin": 30,
        "wbc": 1_000,
        "neutrophils": 1_000,
        "lymphocytes": 1_000,
        "platelets": 5_000,
    }
)


def _scale(item: Item) -> Scale:
    if item.type == "graded":
        return Scale(0, 4)
    if item.type == "yesno":
        return Scale(0, 1)
    return Scale(0, HIGHEST[item.key], whole=item.unit == "plus")


SCALES = tuple(_scale(item) for item in ITEMS)
