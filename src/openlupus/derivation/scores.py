"""Instruments scored at every assessment: ADSLEDAI, ADBILAG, ADQS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.derivation.assessments import Assessments, gather, item_rows
from openlupus.derivation.tally import Tally
from openlupus.derivation.windows import windowed, with_baseline
from openlupus.instruments import bilag2004, clasi, facit_fatigue, joints, pga, sledai2k
from openlupus.instruments.bilag2004.items import SCALES
from openlupus.instruments.scale import Scale
from openlupus.instruments.verdicts import NOT_COMPUTABLE, any_met
from openlupus.protocol.model import Protocol, Scoring
from openlupus.records import Records

Values = NDArray[np.float64]

YES_NO = Scale(0, 1)


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


@dataclass(frozen=True)
class Course:
    """An instrument over the whole trial: assessments with their visits, and the measures.

    Or one score of it, of which other assessments may count.
    """

    index: pl.DataFrame
    measures: Mapping[str, NDArray[Any]]


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
)  # fmt: skip


def scored(
    records: Records, reference: pl.DataFrame, protocol: Protocol, tally: Tally
) -> tuple[dict[str, pl.DataFrame], list[Course]]:
    """Every instrument: BDS frames by data set, and the courses that composites take."""
    frames: dict[str, list[pl.DataFrame]] = {"ADSLEDAI": [], "ADBILAG": [], "ADQS": []}
    courses: list[Course] = []
    for domain in dict.fromkeys(instrument.domain for instrument in INSTRUMENTS):
        rows = item_rows(records, domain)
        for instrument in (each for each in INSTRUMENTS if each.domain == domain):
            of_it = pl.col("CATEGORY").eq(instrument.category).fill_null(False)
            taken = gather(
                rows.filter(of_it) if instrument.category else rows, reference, tally,
                items=instrument.items, dataset=instrument.dataset, domain=domain,
            )  # fmt: skip
            for scores in instrument.score(taken, protocol.scoring):
                index = windowed(
                    taken.index.with_columns(USABLE=pl.Series(scores.usable)), protocol.schedule
                )
                courses.append(Course(index, scores.measures))
                frames[instrument.dataset].append(_bds(index, scores))
        categories = [each.category for each in INSTRUMENTS if each.domain == domain]
        if "" not in categories:
            known = pl.col("CATEGORY").is_in(categories)
            why = "category is of no instrument that is scored"
            tally.keep(rows, known, why, dataset="ADQS", domain=domain)
    return {name: pl.concat(parts) for name, parts in frames.items()}, courses


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
