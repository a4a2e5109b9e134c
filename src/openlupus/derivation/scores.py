"""Instruments scored at every assessment: ADSLEDAI, ADBILAG, ADQS."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.derivation.assessments import Assessments, gather, item_rows
from openlupus.derivation.courses import Course, course_of
from openlupus.derivation.tally import Tally
from openlupus.derivation.windows import windowed, with_baseline
from openlupus.instruments import (
    bilag2004,
    clasi,
    facit_fatigue,
    flare,
    joints,
    pga,
    s2k_ri50,
    selena_sledai,
    sle_das,
    sledai2k,
)
from openlupus.instruments.bilag2004.items import SCALES
from openlupus.instruments.scale import Scale
from openlupus.instruments.verdicts import MET, NOT_COMPUTABLE, any_met
from openlupus.protocol.model import Protocol, Scoring
from openlupus.records import Records

Values = NDArray[np.float64]

YES_NO = Scale(0, 1)
_IMPROVED = "sledai_improved"


@dataclass(frozen=True)
class Parameter:
    """A score of each assessment; `text` is AVALC where it is more than the number."""

    label: str
    value: Values
    text: NDArray[np.str_] | None = None


@dataclass(frozen=True)
class Scored:
    """What an instrument, or one score of it, says of each assessment.

    `parameters` become BDS rows; `measures` are the arrays that composites take, shape (n,) or
    (n, systems); `usable` says of which assessments a verdict can be had.
    """

    parameters: Mapping[str, Parameter]
    measures: Mapping[str, NDArray[Any]]
    usable: NDArray[np.bool_]


@dataclass(frozen=True)
class Instrument:
    """Where an instrument's items are in the records, and how they are scored."""

    dataset: str
    domain: str
    category: str
    """Value of --CAT; empty where the codes alone tell."""
    items: Mapping[str, Scale]
    score: Callable[[Assessments, Scoring], tuple[Scored, ...]]
    """Those of several have a baseline and counting assessments each."""
    optional: bool = False
    """Whether it is left out, and what rests on it refused, where no record is of its category."""
    contradictory: Callable[[Values], NDArray[np.bool_]] | None = None
    """Which items, shape as they, cannot be true beside the others; they are taken as missing."""


_WITHOUT: Mapping[str, str] = {
    "excl_serology": "without serology",
    "excl_blood": "without blood items",
    "excl_all_lab": "without laboratory items",
}


def _sledai(taken: Assessments, scoring: Scoring) -> tuple[Scored, ...]:
    present = np.where(np.isnan(taken.items), -1, taken.items).astype(np.int8)
    total = sledai2k.score(present).total
    clinical = sledai2k.score(present, convention=scoring.clinical_sledai).total
    whole = Scored(
        {"SLEDTOT": Parameter("SLEDAI-2K, total score", total)},
        {"sledai": total, "sledai_items": present},
        ~np.isnan(total),
    )
    without = f"SLEDAI-2K {_WITHOUT[scoring.clinical_sledai]}"
    return whole, *_single("SLEDCLIN", without, "sledai_clinical", clinical)


_BILAG_ITEMS = [item.code for item in bilag2004.ITEMS]
_BILAG_FLAGS = {i: item.attribution_code for i, item in enumerate(bilag2004.ITEMS)}
_BILAG_HISTORY = [bilag2004.PREVIOUS_INVOLVEMENT_CODES[system] for system in bilag2004.SYSTEMS]


def _bilag(taken: Assessments, scoring: Scoring) -> tuple[Scored, ...]:
    items = taken.columns(_BILAG_ITEMS)
    attributed = np.ones(items.shape, np.bool_)
    for i, code in _BILAG_FLAGS.items():
        if code is not None:
            attributed[:, i] = taken.column(code) != 0
    history = taken.columns(_BILAG_HISTORY) == 1
    subject = taken.index["subject"].to_numpy()
    grades = bilag2004.grade_course(
        items,
        subject,
        history=history,
        attributed=attributed,
        first_visit=scoring.bilag_first_visit,
    )
    known = grades.known
    complete = np.logical_and.reduce(known >= 0, axis=1)
    a, b = (known == 4).sum(axis=1), (known == 3).sum(axis=1)
    active = np.where(complete | (a >= 1) | (b >= 2), (a >= 1) | (b >= 2), np.nan)
    parameters = {
        f"BIL{number:02d}": Parameter(
            f"BILAG-2004 grade, {system}",
            np.where(known[:, number - 1] < 0, np.nan, known[:, number - 1]),
            np.where(known[:, number - 1] < 0, "", grades.letters[:, number - 1]),
        )
        for number, system in enumerate(bilag2004.SYSTEMS, 1)
    }
    numeric = np.where(complete, bilag2004.numeric(grades), np.nan)
    parameters["BILNUM"] = Parameter("BILAG-2004 numerical score", numeric)
    parameters["BILACT"] = Parameter(
        "BILAG-2004, an A grade or more than one B grade", active, _yes_no(active)
    )
    measures = {"bilag": known, **_organs(items)}
    return (Scored(parameters, measures, complete),)


_GASTROINTESTINAL = [item.system == "gastrointestinal" for item in bilag2004.ITEMS]
_HAEMOLYSIS = [item.key == "active_haemolysis" for item in bilag2004.ITEMS].index(True)


def _organs(items: Values) -> dict[str, NDArray[np.int8]]:
    """Activity that the SLEDAI-2K does not ask for: 1, 0, -1 not known.

    Gastrointestinal: any item of the system is present, be it improving.
    """
    gut = np.where(np.isnan(items), NOT_COMPUTABLE, items > 0)[:, _GASTROINTESTINAL]
    blood = items[:, _HAEMOLYSIS]
    haemolysis = np.where(np.isnan(blood), NOT_COMPUTABLE, blood == 1).astype(np.int8)
    return {"gi_activity": any_met(*gut.T), "haemolytic_anaemia": haemolysis}


def _yes_no(values: Values) -> NDArray[np.str_]:
    return np.where(np.isnan(values), "", np.where(values == 1, "Y", "N"))


def _single(code: str, label: str, name: str, values: Values) -> tuple[Scored, ...]:
    return (Scored({code: Parameter(label, values)}, {name: values}, ~np.isnan(values)),)


def _pga(taken: Assessments, _scoring: Scoring) -> tuple[Scored, ...]:
    return _single("PGA", "Physician's Global Assessment (0-3)", "pga", taken.column(pga.CODE))


def _clasi(taken: Assessments, _scoring: Scoring) -> tuple[Scored, ...]:
    scores = clasi.score(taken.items)
    parameters = {
        "CLASIA": Parameter("CLASI activity", scores.activity),
        "CLASID": Parameter("CLASI damage", scores.damage),
    }
    usable = ~np.isnan(scores.activity)
    return (Scored(parameters, {"clasi_activity": scores.activity}, usable),)


def _facit(taken: Assessments, _scoring: Scoring) -> tuple[Scored, ...]:
    total = facit_fatigue.score(taken.items).total
    return _single("FACIT", "FACIT-Fatigue score (0-52)", "facit", total)


_TENDER = [f"TENDER {joint.key}" for joint in joints.JOINTS]
_SWOLLEN = [f"SWOLLEN {joint.key}" for joint in joints.JOINTS]
_IN_SET = {
    name: np.isin([joint.key for joint in joints.JOINTS], joints.keys(name)) for name in joints.SETS
}


def _joints(taken: Assessments, scoring: Scoring) -> tuple[Scored, ...]:
    name = scoring.joint_set
    tender, swollen = (taken.columns(asked)[:, _IN_SET[name]] for asked in (_TENDER, _SWOLLEN))
    counts = joints.count(tender, swollen, joint_set=name)
    told = {"tender": name.rpartition("/")[2], "swollen": name.partition("/")[0]}
    parameters = {
        "TENDER": Parameter(f"Tender joints ({told['tender']})", counts.tender),
        "SWOLLEN": Parameter(f"Swollen joints ({told['swollen']})", counts.swollen),
        "ACTJOINT": Parameter(f"Joints both tender and swollen ({told['swollen']})", counts.active),
    }
    measures = {
        "joints_active": counts.active, "tender": counts.tender, "swollen": counts.swollen
    }  # fmt: skip
    return (Scored(parameters, measures, ~np.isnan(counts.active)),)


def _answers(items: Values) -> NDArray[np.int8]:
    return np.where(np.isnan(items), NOT_COMPUTABLE, items).astype(np.int8)


def _selena(taken: Assessments, _scoring: Scoring) -> tuple[Scored, ...]:
    total = selena_sledai.score(_answers(taken.items)).total
    return _single("SELSLED", "SELENA-SLEDAI, total score", "selena_sledai", total)


def _flare_index(taken: Assessments, _scoring: Scoring) -> tuple[Scored, ...]:
    answers = _answers(taken.items)
    told = (answers == MET).any(axis=1) | (answers != NOT_COMPUTABLE).all(axis=1)
    return (Scored({}, {"sfi_items": answers}, told),)


def _ri50(taken: Assessments, _scoring: Scoring) -> tuple[Scored, ...]:
    answers = _answers(taken.items)
    return (Scored({}, {_IMPROVED: answers}, (answers != NOT_COMPUTABLE).any(axis=1)),)


def _sle_das(taken: Assessments, _scoring: Scoring) -> tuple[Scored, ...]:
    total = sle_das.score(taken.items).total
    return _single("SLEDAS", "SLE-DAS", "sle_das", total)


def _yes_no_items(*codes: str) -> dict[str, Scale]:
    return dict.fromkeys(codes, YES_NO)


INSTRUMENTS = (
    Instrument(
        "ADSLEDAI", "RS", sledai2k.CATEGORY,
        _yes_no_items(*(item.code for item in sledai2k.ITEMS)), _sledai,
    ),
    Instrument(
        "ADBILAG", "RS", bilag2004.CATEGORY,
        {
            **dict(zip(_BILAG_ITEMS, SCALES, strict=True)),
            **_yes_no_items(*(code for code in _BILAG_FLAGS.values() if code)),
            **_yes_no_items(*_BILAG_HISTORY),
        },
        _bilag,
    ),
    Instrument("ADQS", "RS", pga.CATEGORY, {pga.CODE: Scale(0, 3, whole=False)}, _pga),
    Instrument(
        "ADQS", "RS", clasi.CATEGORY, {item.code: item.scale for item in clasi.ITEMS}, _clasi
    ),
    Instrument(
        "ADQS", "QS", facit_fatigue.CATEGORY,
        {item.code: Scale(0, facit_fatigue.HIGHEST) for item in facit_fatigue.ITEMS}, _facit,
    ),
    Instrument("ADQS", "MK", "", _yes_no_items(*_TENDER, *_SWOLLEN), _joints),
    Instrument(
        "ADSLEDAI", "RS", selena_sledai.CATEGORY, _yes_no_items(*selena_sledai.CODES), _selena,
        optional=True,
    ),
    Instrument(
        "ADSLEDAI", "RS", s2k_ri50.CATEGORY, _yes_no_items(*s2k_ri50.CODES), _ri50, optional=True
    ),
    Instrument(
        "ADQS", "RS", flare.CATEGORY, _yes_no_items(*flare.CODES), _flare_index, optional=True
    ),
    Instrument(
        "ADQS", "RS", sle_das.CATEGORY, {item.code: item.scale for item in sle_das.ITEMS},
        _sle_das, optional=True, contradictory=sle_das.contradictory,
    ),
)  # fmt: skip


def forms_of(records: Records) -> frozenset[str]:
    """Categories of the optional instruments that the records of the whole study have."""
    found: set[str] = set()
    for domain in {instrument.domain for instrument in INSTRUMENTS if instrument.optional}:
        category = pl.col(f"{domain}CAT")
        found |= set(records.domain(domain).select(category.unique()).collect().to_series())
    asked = {instrument.category for instrument in INSTRUMENTS if instrument.optional}
    return frozenset(found & asked)


def scored(
    records: Records,
    reference: pl.DataFrame,
    protocol: Protocol,
    tally: Tally,
    forms: Collection[str] = (),
) -> tuple[dict[str, pl.DataFrame], list[Course]]:
    """Every instrument: BDS frames by data set, and the courses that composites take.

    Args:
        records: Of all subjects, or of some.
        reference: USUBJID and REFDT (day 1) of those who may have analysis data.
        protocol: The declaration.
        tally: Receives what is left out.
        forms: Categories of the optional instruments that are scored.
    """
    frames: dict[str, list[pl.DataFrame]] = {"ADSLEDAI": [], "ADBILAG": [], "ADQS": []}
    courses: list[Course] = []
    for domain in dict.fromkeys(instrument.domain for instrument in INSTRUMENTS):
        rows = item_rows(records, domain)
        for instrument in (each for each in INSTRUMENTS if each.domain == domain):
            if instrument.optional and instrument.category not in forms:
                continue
            of_it = pl.col("CATEGORY").eq(instrument.category).fill_null(False)
            taken = gather(
                rows.filter(of_it) if instrument.category else rows, reference, tally,
                items=instrument.items, dataset=instrument.dataset, domain=domain,
            )  # fmt: skip
            _leave_out_contradictions(taken, instrument, tally)
            for scores in instrument.score(taken, protocol.scoring):
                index = windowed(
                    taken.index.with_columns(USABLE=pl.Series(scores.usable)), protocol.schedule
                )
                courses.append(Course(index, scores.measures))
                if scores.parameters:
                    frames[instrument.dataset].append(_bds(index, scores))
        categories = [each.category for each in INSTRUMENTS if each.domain == domain]
        if "" not in categories:
            known = pl.col("CATEGORY").is_in(categories)
            why = "category is of no instrument that is scored"
            tally.keep(rows, known, why, dataset="ADQS", domain=domain)
    if s2k_ri50.CATEGORY in forms:
        improved = _half_credit(courses)
        courses = [each for each in courses if _IMPROVED not in each.measures]
        courses.append(Course(improved[0], improved[1].measures))
        frames["ADSLEDAI"].append(_bds(*improved))
    return {name: pl.concat(parts) for name, parts in frames.items()}, courses


def _leave_out_contradictions(taken: Assessments, instrument: Instrument, tally: Tally) -> None:
    if instrument.contradictory is None:
        return
    wrong = instrument.contradictory(taken.items)
    items = taken.index[np.nonzero(wrong)[0]]
    place = {"dataset": instrument.dataset, "domain": instrument.domain}
    tally.count(items, "item contradicts another, or is a count of 0", **place)
    taken.items[wrong] = np.nan


def _half_credit(courses: Sequence[Course]) -> tuple[pl.DataFrame, Scored]:
    """S2K RI-50 at every SLEDAI-2K assessment: its index, and the scores.

    The answers on improvement are those of the same day. At baseline the score is that of
    SLEDAI-2K; before it there is none.
    """
    whole, answers = course_of(courses, "sledai_items"), course_of(courses, _IMPROVED)
    rows = whole.index.select("USUBJID", "ADT", "ADY", "ABLFL").with_row_index("ROW")
    key = ["USUBJID", "ADT"]
    same = answers.index.with_row_index("SAME").sort(*key, "USABLE", maintain_order=True)
    same = same.unique(key, keep="last", maintain_order=True).select(*key, "SAME")
    base = rows.filter(pl.col("ABLFL") == "Y").select("USUBJID", BASE="ROW")
    rows = rows.join(same, on=key, how="left", maintain_order="left")
    rows = rows.join(base, on="USUBJID", how="left", maintain_order="left")
    row, better, before = (
        rows[name].cast(pl.Int64).fill_null(-1).to_numpy() for name in ("ROW", "SAME", "BASE")
    )
    improved = answers.values(_IMPROVED, better)
    now, then = whole.values("sledai_items", row), whole.values("sledai_items", before)
    later = rows["ADY"].to_numpy() > 1
    total = np.where(later, s2k_ri50.score(then, now, improved).total, np.nan)
    total = np.where(row == before, whole.measures["sledai"], total)
    parameter = Parameter("S2K RI-50, total score", total)
    return whole.index, Scored({"S2KRI50": parameter}, {_IMPROVED: improved}, ~np.isnan(total))


def _bds(index: pl.DataFrame, scores: Scored) -> pl.DataFrame:
    columns = ["USUBJID", "VISITNUM", "ADT", "ADY", "AVISIT", "AVISITN", "ABLFL", "ANL01FL"]
    parts = [
        index.select(
            *columns,
            pl.lit(code).alias("PARAMCD"),
            pl.lit(parameter.label).alias("PARAM"),
            pl.Series("AVAL", parameter.value, pl.Float64).fill_nan(None),
            (
                pl.lit(None, pl.String)
                if parameter.text is None
                else pl.Series(parameter.text).replace("", None)
            ).alias("AVALC"),
        )
        for code, parameter in scores.parameters.items()
    ]
    return with_baseline(pl.concat(parts))
