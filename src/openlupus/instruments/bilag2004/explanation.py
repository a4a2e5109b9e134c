"""Which rule and which items made each grade of one assessment, for a clinician to check."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays
from openlupus.instruments.arrays import Floats
from openlupus.instruments.bilag2004.criteria import LETTERS, C, FirstVisit, Form
from openlupus.instruments.bilag2004.grading import form, grade, met_by, split
from openlupus.instruments.bilag2004.items import INDEX, ITEMS, KEYS, NUMERIC, SYSTEMS


@dataclass(frozen=True, slots=True)
class Finding:
    """An item that a rule read: its value (nan not done or not due to lupus), the one before."""

    key: str
    label: str
    value: float
    previous: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one system has its grade: the rules met at that grade, and what they read."""

    system: str
    grade: str
    complete: bool
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]


def explain(
    items: ArrayLike | arrays.Form,
    *,
    previous: ArrayLike | arrays.Form | None = None,
    previous_involvement: ArrayLike | arrays.Form | None = None,
    attributed: ArrayLike | None = None,
    first_visit: FirstVisit = "strict",
) -> tuple[Reason, ...]:
    """The nine grades of one assessment with their reasons, in the order of `SYSTEMS`.

    Args:
        items: Shape (97,), or one patient's dict or row of a frame, as `form` takes it; the other
            arrays likewise one row of what `grade` takes. Without `previous` it is a first
            assessment, without `previous_involvement` nothing was involved before, without
            `attributed` everything is due to lupus.
    """
    row = _one(items)
    before = np.full(row.shape, np.nan) if previous is None else _one(previous)
    due = np.ones(row.shape, np.bool_) if attributed is None else np.asarray(attributed, np.bool_)
    involved = previous_involvement
    if involved is not None and not arrays.is_form(involved):
        involved = np.asarray(involved, np.bool_)[None]
    grades = grade(
        row[None],
        previous=before[None],
        previous_involvement=involved,
        attributed=due[None],
        first_visit=first_visit,
    )
    earlier = {key: before[i : i + 1] for i, key in enumerate(KEYS) if NUMERIC[i]}
    scored = np.where(due | ~NUMERIC, row, np.nan)
    assessment = _Assessment(
        split(row[None], earlier, due[None], row=0).form, scored, before, first_visit
    )
    return tuple(
        _reason(system, assessment, int(grades.code[0, i]), bool(grades.complete[0, i]))
        for i, system in enumerate(SYSTEMS)
    )


def _one(values: ArrayLike | arrays.Form) -> Floats:
    """Items of one assessment, shape (97,)."""
    if arrays.is_form(values):
        rows = form(values)
        if len(rows) != 1:
            raise InstrumentError(f"explain takes one assessment, not {len(rows)}")
        return rows[0]
    row = np.asarray(values, np.float64)
    if row.shape != (len(ITEMS),):
        raise InstrumentError(f"explain takes one assessment of shape (97,), not {row.shape}")
    return row


@dataclass(frozen=True, slots=True)
class _Assessment:
    """One form for the criteria, and its items as they were given, shape (97,)."""

    form: Form
    items: Floats
    previous: Floats
    first_visit: FirstVisit


def _reason(system: str, assessment: _Assessment, code: int, complete: bool) -> Reason:
    if code < C:
        why = "no criterion met; " + ("involved before" if code else "never involved before")
        return Reason(system, LETTERS[code], complete, (why,), ())
    every = [c for c in met_by(system, assessment.form, assessment.first_visit) if c.met[0]]
    met = [c for c in every if c.grade == code]
    if any(c.rule.startswith("at least two of criteria 1-6") for c in met):
        met += [c for c in every if c.rule[0].isdigit()]
    keys = dict.fromkeys(key for c in met for key in c.items if _seen(assessment, key))
    findings = tuple(_finding(assessment, key) for key in keys)
    return Reason(system, LETTERS[code], complete, tuple(c.rule for c in met), findings)


def _seen(assessment: _Assessment, key: str) -> bool:
    value = assessment.items[INDEX[key]]
    return not np.isnan(value) and (value > 0 or bool(NUMERIC[INDEX[key]]))


def _finding(assessment: _Assessment, key: str) -> Finding:
    i = INDEX[key]
    before = float(assessment.previous[i]) if NUMERIC[i] else np.nan
    return Finding(key, ITEMS[i].label, float(assessment.items[i]), before)
