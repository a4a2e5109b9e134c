"""Every instrument on a sheet, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from openlupus.instruments import (
    acr1997,
    eular_acr2019,
    selena_sledai,
    sledai2k,
    slicc2012,
)
from openlupus.instruments.composites import COMPOSITES, Option
from openlupus.scoring import activity, bilag, classification, composite, laboratory
from openlupus.scoring.form import SheetForm

_ALL = (
    SheetForm("sledai2k", "SLEDAI-2K", activity.answers(sledai2k), activity.score_sledai),
    SheetForm(
        "selena_sledai", "SELENA-SLEDAI", activity.answers(selena_sledai), activity.score_sledai
    ),
    SheetForm(
        "s2k_ri50", "S2K RI-50 against baseline", activity.ri50_fields(), activity.score_ri50
    ),
    SheetForm(
        "bilag2004",
        "BILAG-2004",
        bilag.fields(),
        bilag.grades,
        {"legacy_first_visit": Option(0, 0, 1, "1: the first-visit rule of the old program")},
        explain=bilag.reasons,
        note=(
            "BILAG-2004: the thresholds of the haematological system were not checked against the "
            "original scoring sheet; compare them (docs/instruments/bilag2004.md) before its "
            "grades are relied on."
        ),
    ),
    SheetForm("pga", "Physician global assessment", activity.PGA_FIELDS, activity.score_pga),
    SheetForm("clasi", "CLASI", activity.CLASI_FIELDS, activity.score_clasi),
    SheetForm("facit_fatigue", "FACIT-Fatigue", activity.FACIT_FIELDS, activity.score_facit),
    SheetForm(
        "joints",
        "Joint counts, 28 and 66/68",
        activity.joint_fields(),
        activity.score_joints,
        {"prorate": Option(0, 0, 1, "1: count x joints / assessed, if half were assessed")},
    ),
    SheetForm("sle_das", "SLE-DAS", activity.sle_das_fields(), activity.score_sle_das),
    SheetForm("acr1997", "ACR criteria, 1997", activity.answers(acr1997), classification.acr),
    SheetForm(
        "slicc2012", "SLICC criteria, 2012", activity.answers(slicc2012), classification.slicc
    ),
    SheetForm(
        "eular_acr2019",
        "EULAR/ACR criteria, 2019",
        activity.answers(eular_acr2019),
        classification.eular,
    ),
    SheetForm(
        "ctcae", "CTCAE v5.0 laboratory grades", laboratory.CTCAE_FIELDS, laboratory.score_ctcae
    ),
    SheetForm("egfr", "eGFR, three equations", laboratory.EGFR_FIELDS, laboratory.score_egfr),
    SheetForm(
        "gene_signature",
        "Gene signatures from cycle thresholds",
        laboratory.gene_fields(),
        laboratory.score_genes,
        {"counts": Option(0, 0, 1, "1: the values are counts, not cycle thresholds")},
    ),
    SheetForm(
        "glucocorticoids",
        "Prednisone equivalents of medication records, per subject",
        laboratory.GLUCOCORTICOID_FIELDS,
        laboratory.score_glucocorticoids,
        {
            "first_day": Option(1, -100_000, 100_000, "first study day of the window"),
            "last_day": Option(7, -100_000, 100_000, "last study day of the window"),
        },
        row_by_row=False,
    ),
    *(composite.composite_form(name) for name in COMPOSITES),
)
FORMS: Mapping[str, SheetForm] = MappingProxyType({form.name: form for form in _ALL})
"""Every instrument and composite by name."""
