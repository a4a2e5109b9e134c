"""Sheets of laboratory grades, filtration rate, genes, and of medication records."""

import numpy as np
import polars as pl

from openlupus.errors import InstrumentError
from openlupus.instruments import ctcae, egfr, gene_signature, glucocorticoids
from openlupus.instruments.scale import Scale
from openlupus.scoring.form import NO_WORDS, NOT_NEGATIVE, Options, Scores, verdict
from openlupus.scoring.sheet import Field, Sheet

CTCAE_FIELDS = (
    Field("term", "Term", terms=tuple(ctcae.TERMS), required=True),
    Field("value", "Laboratory value", NOT_NEGATIVE, words=NO_WORDS, required=True),
    Field("unit", "Unit of value, limits and baseline", required=True),
    Field("lln", "Lower limit of normal", NOT_NEGATIVE, words=NO_WORDS),
    Field("uln", "Upper limit of normal", NOT_NEGATIVE, words=NO_WORDS),
    Field("baseline", "Last value before the first dose", NOT_NEGATIVE, words=NO_WORDS),
)
EGFR_FIELDS = (
    Field(
        "creatinine",
        "Serum creatinine",
        Scale(1, 5000, whole=False),
        words=NO_WORDS,
        unit="umol/L",
        unit_needed=True,
        required=True,
    ),
    Field("age", "Age, years", Scale(0, 120, whole=False), words=NO_WORDS, required=True),
    Field("female", "A woman?", required=True),
    Field("black", "Black? (for MDRD-4 and CKD-EPI 2009)"),
)

_DAY = Scale(-100_000, 100_000)


def _first_word(drug: pl.Series) -> pl.Series:
    """Of a drug's name the first word tells: `METHYLPREDNISOLONE SODIUM SUCCINATE`."""
    return drug.str.to_lowercase().str.extract(r"^(\w+)").fill_null(drug)


def _route(route: pl.Series) -> pl.Series:
    # Only this form needs the derivations, which are slow to load.
    from openlupus.derivation.medication import ROUTES

    return route.str.to_lowercase().replace(ROUTES)


# Codes are the variables of CM, so that its rows are scored as they are.
GLUCOCORTICOID_FIELDS = (
    Field(
        "drug",
        "Drug",
        code="CMDECOD",
        terms=tuple(glucocorticoids.EQUAL_TO_5_MG),
        spelt=_first_word,
        required=True,
    ),
    Field(
        "dose_mg",
        "One dose, mg",
        Scale(0, 10_000, whole=False),
        "CMDOSE",
        NO_WORDS,
        unit="mg",
        unit_code="CMDOSU",
    ),
    Field(
        "frequency",
        "Frequency",
        code="CMDOSFRQ",
        terms=tuple(glucocorticoids.PER_DAY),
        spelt=lambda text: text.str.to_uppercase(),
        required=True,
    ),
    Field(
        "route",
        "Route",
        code="CMROUTE",
        terms=glucocorticoids.ROUTES,
        spelt=_route,
        required=True,
    ),
    Field("start_day", "First study day", _DAY, "CMSTDY", NO_WORDS, required=True),
    Field("end_day", "Last study day, empty where ongoing", _DAY, "CMENDY", NO_WORDS),
)


def score_ctcae(sheet: Sheet, _: Options) -> Scores:
    term, unit = sheet.texts("term"), sheet.texts("unit")
    values = {key: sheet.numbers(key) for key in ("value", "lln", "uln", "baseline")}
    grades = np.full(sheet.rows, ctcae.NOT_GRADABLE, np.int8)
    for name, rule in ctcae.TERMS.items():
        of = term == name
        sheet.one_unit("unit", of & ~np.isnan(values["value"]), unit, rule.unit)
        rest = {key: values[key][of] for key in ("lln", "uln", "baseline")}
        grades[of] = ctcae.grade(name, values["value"][of], **rest)
    return {"grade": verdict(grades)}


def score_egfr(sheet: Sheet, _: Options) -> Scores:
    creatinine, age = sheet.numbers("creatinine"), sheet.numbers("age")
    female, black = sheet.numbers("female"), sheet.numbers("black")
    creatinine[np.isnan(female)] = np.nan
    scores: Scores = {}
    for name in ("mdrd4", "ckd_epi_2009"):
        got = egfr.egfr(creatinine, age, female == 1, equation=name, black=black == 1)
        scores[name] = np.where(np.isnan(black), np.nan, got)
    scores["ckd_epi_2021"] = egfr.egfr(creatinine, age, female == 1, equation="ckd_epi_2021")
    return scores


GENES = tuple(
    dict.fromkeys(
        [g for genes in gene_signature.SIGNATURES.values() for g in genes]
        + list(gene_signature.HOUSEKEEPERS)
    )
)


def gene_fields() -> tuple[Field, ...]:
    return tuple(Field(g, g, Scale(0, 1e12, whole=False), words=NO_WORDS) for g in GENES)


def score_genes(sheet: Sheet, options: Options) -> Scores:
    values = {gene: sheet.numbers(gene) for gene in GENES}
    if options["counts"]:
        for gene, column in values.items():
            sheet.note(gene, column == 0, "is no count: give a positive one, or leave it empty")
            column[column == 0] = np.nan
    score = gene_signature.score_counts if options["counts"] else gene_signature.score_ct
    return {name: score(values, name) for name in gene_signature.SIGNATURES}


def score_glucocorticoids(sheet: Sheet, options: Options) -> Scores:
    subject = sheet.subjects_by("USUBJID")
    start, end = sheet.numbers("start_day"), sheet.numbers("end_day")
    sheet.note(sheet.column("start_day"), np.isnan(start), "is needed")
    sheet.note(sheet.column("end_day"), end < start, "is before the first day")
    courses = glucocorticoids.Courses(
        subject=subject.number,
        drug=sheet.texts("drug"),
        dose_mg=sheet.numbers("dose_mg"),
        frequency=sheet.texts("frequency"),
        route=sheet.texts("route"),
        start_day=start,
        end_day=end,
    )
    if options["last_day"] < options["first_day"]:
        raise InstrumentError("the window ends before it begins: set first_day and last_day")
    sheet.refuse("glucocorticoids")
    n = len(subject.names)
    got = glucocorticoids.dose(
        courses,
        subject=np.arange(n),
        first_day=np.full(n, options["first_day"]),
        last_day=np.full(n, options["last_day"]),
    )
    return {
        "USUBJID": subject.names,
        "average_mg_day": pl.Series(got.average_mg_day).fill_nan(None),
        "highest_mg_day": pl.Series(got.highest_mg_day).fill_nan(None),
        "parenteral_mg": pl.Series(got.parenteral_mg).fill_nan(None),
        "as_needed": got.as_needed,
    }
