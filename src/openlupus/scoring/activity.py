"""Sheets of the activity indices but BILAG-2004."""

from typing import Any

import numpy as np

from openlupus.instruments import (
    clasi,
    facit_fatigue,
    joints,
    pga,
    s2k_ri50,
    sle_das,
    sledai2k,
)
from openlupus.instruments.arrays import Codes
from openlupus.instruments.scale import Scale
from openlupus.scoring.form import NO_WORDS, Options, Scores, names_where, whole
from openlupus.scoring.sheet import YES_NO, Field, Sheet


def answers(module: Any) -> tuple[Field, ...]:
    return tuple(Field(item.key, item.label, code=item.code) for item in module.ITEMS)


def score_sledai(sheet: Sheet, _: Options) -> Scores:
    codes = sheet.answers(sledai2k.KEYS)
    scores: Scores = {
        name: whole(sledai2k.score(codes, convention=name).total) for name in sledai2k.CONVENTIONS
    }
    return {**scores, "missing": names_where(codes == -1, sledai2k.KEYS)}


def score_ri50(sheet: Sheet, _: Options) -> Scores:
    def block(suffix: str) -> Codes:
        return sheet.answers(f"{key}{suffix}" for key in sledai2k.KEYS)

    baseline = block("_baseline")
    got = s2k_ri50.score(baseline, block("_visit"), block("_improved"))
    start = sledai2k.score(baseline).total
    return {
        "sledai2k_baseline": whole(start),
        "s2k_ri50": got.total,
        "fall": start - got.total,
        "missing": names_where(got.missing, sledai2k.KEYS),
    }


def ri50_fields() -> tuple[Field, ...]:
    words = (("_baseline", "at baseline"), ("_visit", "at the visit"), ("_improved", "improved"))
    return tuple(
        Field(f"{item.key}{suffix}", f"{item.label}, {what}")
        for suffix, what in words
        for item in sledai2k.ITEMS
    )


PGA_FIELDS = (
    Field("pga", "PGA, 0 to 3", Scale(0, 3, whole=False), pga.CODE, NO_WORDS),
    Field("pga_mm", "PGA, mm on a line of 100 mm", Scale(0, 100, whole=False), words=NO_WORDS),
    Field("pga_0_10", "PGA, 0 to 10", Scale(0, 10, whole=False), words=NO_WORDS),
)
FACIT_FIELDS = tuple(
    Field(i.key, f"Statement {i.number}", Scale(0, facit_fatigue.HIGHEST), i.code, NO_WORDS)
    for i in facit_fatigue.ITEMS
)
CLASI_FIELDS = tuple(
    Field(
        i.key, i.key.replace("_", " "), i.scale, i.code, YES_NO if i.scale.high == 1 else NO_WORDS
    )
    for i in clasi.ITEMS
)


def score_clasi(sheet: Sheet, _: Options) -> Scores:
    boxes = sheet.items(clasi.KEYS)
    got, places = clasi.score(boxes), clasi.by_location(boxes)
    scores: Scores = {
        "activity": whole(got.activity),
        "damage": whole(got.damage),
        "band": clasi.band(got.activity),
        "missing": names_where(got.missing, clasi.KEYS),
    }
    for i, place in enumerate(clasi.LOCATIONS):
        scores[f"activity_{place}"] = whole(places.activity[:, i])
        scores[f"damage_{place}"] = whole(places.damage[:, i])
    return scores


def score_facit(sheet: Sheet, _: Options) -> Scores:
    got = facit_fatigue.score(sheet.items(facit_fatigue.KEYS))
    missing = names_where(got.missing, facit_fatigue.KEYS)
    return {"total": got.total, "answered": got.answered, "missing": missing}


def score_pga(sheet: Sheet, _: Options) -> Scores:
    given = sheet.items(("pga", "pga_mm", "pga_0_10"))
    sheet.only_one(given, ("pga", "pga_mm", "pga_0_10"))
    scales = (pga.checked(given[:, 0]), pga.from_mm(given[:, 1]), pga.from_ten(given[:, 2]))
    return {"pga": np.fmax(np.fmax(scales[0], scales[1]), scales[2])}


def joint_fields() -> tuple[Field, ...]:
    tender = [Field(f"tender_{j.key}", "Tender?", code=j.tender_code) for j in joints.JOINTS]
    swollen = [
        Field(f"swollen_{j.key}", "Swollen?", code=j.swollen_code)
        for j in joints.JOINTS
        if j.swollen_code
    ]
    return (*tender, *swollen)


def score_joints(sheet: Sheet, options: Options) -> Scores:
    filled = {f.key: sheet.numbers(f.key) for f in sheet.fields if sheet.has(f.key)}
    scores: Scores = {}
    for name in joints.SETS:
        chosen = {f"{sign}_{j.key}" for j in joints.SETS[name] for sign in ("tender", "swollen")}
        answers = {key: values for key, values in filled.items() if key in chosen}
        tender, swollen = joints.form(
            answers or {"tender_L_knee": np.full(sheet.rows, np.nan)}, name
        )
        got = joints.count(tender, swollen, joint_set=name, prorate=bool(options["prorate"]))
        suffix = name.replace("/", "_")
        scores |= {
            f"tender_{suffix}": got.tender,
            f"swollen_{suffix}": got.swollen,
            f"active_{suffix}": got.active,
        }
    return scores


def score_sle_das(sheet: Sheet, _: Options) -> Scores:
    got = sle_das.score(sheet.items(sle_das.KEYS))
    return {
        "score": got.total,
        "category": sle_das.category(got.total),
        "missing": names_where(got.missing, sle_das.KEYS),
    }


def sle_das_fields() -> tuple[Field, ...]:
    return tuple(
        Field(
            i.key,
            i.label,
            i.scale,
            i.code,
            YES_NO if i.type == "yesno" else NO_WORDS,
            i.unit if i.unit != "joints" else None,
        )
        for i in sle_das.ITEMS
    )
