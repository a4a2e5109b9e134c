"""The sheet of BILAG-2004: grades over the visits of each subject, and their reasons."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.instruments import bilag2004
from openlupus.instruments.arrays import Bools, Floats
from openlupus.instruments.bilag2004.items import HISTORY_CODES, SCALES
from openlupus.scoring.form import NO_WORDS, Options, Reasons, Scores, names_where, whole
from openlupus.scoring.sheet import YES_NO, Field, Sheet


def fields() -> tuple[Field, ...]:
    fields: list[Field] = []
    for item, scale in zip(bilag2004.ITEMS, SCALES, strict=True):
        words = YES_NO if item.type == "yesno" else NO_WORDS
        fields.append(Field(item.key, item.label, scale, item.code, words, item.unit))
        if item.attribution_code:
            due = f"{item.label}: due to active lupus?"
            fields.append(Field(f"{item.key}_attributed", due, code=item.attribution_code))
    for system, code in zip(bilag2004.SYSTEMS, HISTORY_CODES, strict=True):
        fields.append(Field(f"{system}_before", f"{system} ever involved before?", code=code))
    return tuple(fields)


@dataclass(frozen=True, slots=True)
class _Assessments:
    """The arrays of a BILAG sheet, subject by subject."""

    order: NDArray[np.int64]
    items: Floats
    subject: NDArray[np.int64]
    attributed: Bools
    history: Bools


def _assessments(sheet: Sheet) -> _Assessments:
    items = sheet.items(bilag2004.KEYS)
    attributed = np.ones(items.shape, np.bool_)
    for i, item in enumerate(bilag2004.ITEMS):
        if item.attribution_code and sheet.has(f"{item.key}_attributed"):
            attributed[:, i] = sheet.numbers(f"{item.key}_attributed") != 0
    history = sheet.items(f"{system}_before" for system in bilag2004.SYSTEMS) == 1
    subject = sheet.subjects()
    # Without a subject each row is a first assessment.
    who = np.arange(sheet.rows) if subject is None else subject
    order = np.argsort(who, kind="stable")
    return _Assessments(order, items[order], who[order], attributed[order], history[order])


def grades(sheet: Sheet, options: Options) -> Scores:
    rows = _assessments(sheet)
    graded = bilag2004.grade_course(
        rows.items,
        rows.subject,
        history=rows.history,
        attributed=rows.attributed,
        first_visit=_first_visit(options),
    )
    back = np.argsort(rows.order)
    code, complete = graded.code[back], graded.complete[back]
    letters = np.array(["", *bilag2004.LETTERS])
    known = np.where(complete, code, -1)
    scores: Scores = {
        system: letters[known[:, i] + 1] for i, system in enumerate(bilag2004.SYSTEMS)
    }
    scores["numeric_score"] = whole(bilag2004.numeric(known))
    scores["incomplete"] = names_where(~complete, bilag2004.SYSTEMS)
    least = np.where(complete | (code < 2), "", letters[code + 1])
    scores["at_least"] = _at_least(least)
    return scores


def _first_visit(options: Options) -> bilag2004.FirstVisit:
    return "legacy" if options["legacy_first_visit"] else "strict"


def _at_least(least: NDArray[np.str_]) -> pl.Series:
    """What incomplete systems have at least: `renal:B ophthalmic:C`."""
    flags = least != ""
    rows = np.flatnonzero(flags.any(axis=1))
    texts = pl.Series(np.full(len(least), ""), dtype=pl.String)
    listed = [
        " ".join(f"{bilag2004.SYSTEMS[i]}:{least[row, i]}" for i in np.flatnonzero(flags[row]))
        for row in rows
    ]
    return texts.scatter(rows, listed) if len(rows) else texts


def reasons(sheet: Sheet, options: Options) -> Reasons:
    rows = _assessments(sheet)
    # Faults are told before anything is explained.
    sheet.refuse("BILAG-2004")
    rule = _first_visit(options)
    carried = bilag2004.carry(
        rows.items,
        rows.subject,
        history=rows.history,
        attributed=rows.attributed,
        first_visit=rule,
    )
    reasons: Reasons = []
    for i in np.argsort(rows.order):
        told = bilag2004.explain(
            rows.items[i],
            previous=carried.previous[i],
            previous_involvement=carried.previous_involvement[i],
            attributed=rows.attributed[i],
            first_visit=rule,
        )
        for r in told:
            findings = "; ".join(_finding(f) for f in r.findings)
            row = int(rows.order[i])
            reasons.append((row, r.system, r.grade, r.complete, "; ".join(r.rules), findings))
    return reasons


def _finding(found: bilag2004.Finding) -> str:
    before = "" if np.isnan(found.previous) else f" (before {found.previous:g})"
    return f"{found.key} {found.value:g}{before}"
