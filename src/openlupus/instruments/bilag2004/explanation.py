"""Which rule and which items made each grade of one assessment, for a clinician to check."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments.bilag2004.criteria import LETTERS, C, FirstVisit
from openlupus.instruments.bilag2004.grading import Form, grade, met_by
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
    items: ArrayLike,
    *,
    previous: ArrayLike | None = None,
    previous_involvement: ArrayLike | None = None,
    attributed: ArrayLike | None = None,
    first_visit: FirstVisit = "strict",
) -> tuple[Reason, ...]:
    """The nine grades of one assessment with their reasons, in the order of `SYSTEMS`.

    Args:
        items: Shape (97,); the other arrays likewise one row of what `grade` takes. Without
            `previous` it is a first assessment, without `previous_involvement` nothing was
            involved before, without `attributed` everything is due to lupus.
    """
    row = np.asarray(items, np.float64)
    if row.shape != (len(ITEMS),):
        raise InstrumentError(f"explain takes one assessment of shape (97,), not {row.shape}")
    before = np.full(row.shape, np.nan) if previous is None else np.asarray(previous, np.float64)
    none = np.zeros(len(SYSTEMS), np.bool_)
    involved = none if previous_involvement is None else np.asarray(previous_involvement, np.bool_)
    due = np.ones(row.shape, np.bool_) if attributed is None else np.asarray(attributed, np.bool_)
    grades = grade(
        row[None],
        previous=before[None],
        previous_involvement=involved[None],
        attributed=due[None],
        first_visit=first_visit,
    )
    scored = np.where(due | ~NUMERIC, row, np.nan)
    form = Form(
        {key: scored[i : i + 1] for i, key in enumerate(KEYS)},
        {key: before[i : i + 1] for i, key in enumerate(KEYS) if NUMERIC[i]},
    )
    return tuple(
        _reason(system, form, int(grades.code[0, i]), bool(grades.complete[0, i]), first_visit)
        for i, system in enumerate(SYSTEMS)
    )


def _reason(system: str, form: Form, code: int, complete: bool, first_visit: FirstVisit) -> Reason:
    if code < C:
        why = "no criterion met; " + ("involved before" if code else "never involved before")
        return Reason(system, LETTERS[code], complete, (why,), ())
    met = [c for c in met_by(system, form, first_visit) if c.met[0] and c.grade == code]
    if any(c.rule.startswith("at least two of criteria 1-6") for c in met):
        met += [c for c in met_by(system, form, first_visit) if c.met[0] and c.rule[0].isdigit()]
    keys = dict.fromkeys(key for c in met for key in c.items if _seen(form, key))
    findings = tuple(_finding(form, key) for key in keys)
    return Reason(system, LETTERS[code], complete, tuple(c.rule for c in met), findings)


def _seen(form: Form, key: str) -> bool:
    value = form.items[key][0]
    return not np.isnan(value) and (value > 0 or bool(NUMERIC[INDEX[key]]))


def _finding(form: Form, key: str) -> Finding:
    earlier = form.previous.get(key)
    before = np.nan if earlier is None else float(earlier[0])
    return Finding(key, ITEMS[INDEX[key]].label, float(form.items[key][0]), before)
