"""Laboratory grades of the CTCAE, version 5.0, from the value alone.

"A to B" contains B and excludes A. Grade 5 and grades that a clinician gives (transfusion,
life-threatening) are outside. Source: NCI, Common Terminology Criteria for Adverse Events v5.0,
27 Nov 2017. Page: docs/instruments/ctcae.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments.arrays import Bools, Codes, Floats, Ints
from openlupus.instruments.decimals import UNIT, exact
from openlupus.instruments.scale import Scale, refuse_outside
from openlupus.instruments.verdicts import verdict

NOT_GRADABLE = -1


@dataclass(frozen=True, slots=True)
class Low:
    """Grade 1 below LLN down to the first bound; each further grade below the bound before."""

    analyte: str
    unit: str
    bounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class High:
    """Absolute upper limits: the grade above each; no grade 1."""

    analyte: str
    unit: str
    above: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Multiple:
    """Multiples of ULN, or of baseline where that was above ULN; grades 1 to 4 above each.

    With an abnormal baseline grade 1 begins *at* its multiple, if `from_first`, else above it.
    `abnormal` None: always of ULN.
    """

    analyte: str
    unit: str
    normal: tuple[float, float, float, float]
    abnormal: tuple[float, float, float, float] | None
    from_first: bool = True


@dataclass(frozen=True, slots=True)
class Creatinine:
    """The higher of the grade by multiples of ULN and (from grade 2) by multiples of baseline."""

    analyte: str
    unit: str
    normal: tuple[float, float, float, float]
    baseline: tuple[tuple[int, float], ...]


Rule = Low | High | Multiple | Creatinine

TERMS: Mapping[str, Rule] = MappingProxyType(
    {
        "neutrophil_count_decreased": Low("neutrophils", "10^9/L", (1.5, 1.0, 0.5)),
        "white_blood_cell_decreased": Low("wbc", "10^9/L", (3.0, 2.0, 1.0)),
        "lymphocyte_count_decreased": Low("lymphocytes", "10^9/L", (0.8, 0.5, 0.2)),
        "platelet_count_decreased": Low("platelets", "10^9/L", (75.0, 50.0, 25.0)),
        "anemia": Low("haemoglobin", "g/dL", (10.0, 8.0)),
        "hypoalbuminemia": Low("albumin", "g/L", (30.0, 20.0)),
        "lymphocyte_count_increased": High("lymphocytes", "10^9/L", ((2, 4.0), (3, 20.0))),
        "alt_increased": Multiple("alt", "U/L", (1.0, 3.0, 5.0, 20.0), (1.5, 3.0, 5.0, 20.0)),
        "ast_increased": Multiple("ast", "U/L", (1.0, 3.0, 5.0, 20.0), (1.5, 3.0, 5.0, 20.0)),
        "ggt_increased": Multiple("ggt", "U/L", (1.0, 2.5, 5.0, 20.0), (2.0, 2.5, 5.0, 20.0)),
        "alkaline_phosphatase_increased": Multiple(
            "alp", "U/L", (1.0, 2.5, 5.0, 20.0), (2.0, 2.5, 5.0, 20.0)
        ),
        "blood_bilirubin_increased": Multiple(
            "bilirubin", "umol/L", (1.0, 1.5, 3.0, 10.0), (1.0, 1.5, 3.0, 10.0), from_first=False
        ),
        "cpk_increased": Multiple("cpk", "U/L", (1.0, 2.5, 5.0, 10.0), None),
        "creatinine_increased": Creatinine(
            "creatinine", "umol/L", (1.0, 1.5, 3.0, 6.0), ((2, 1.5), (3, 3.0))
        ),
    }
)


@dataclass(frozen=True, slots=True)
class _Values:
    """Values and limits in exact millionths, nan where missing."""

    value: Floats
    lln: Floats
    uln: Floats
    baseline: Floats


def grade(
    term: str,
    value: ArrayLike,
    *,
    lln: ArrayLike = np.nan,
    uln: ArrayLike = np.nan,
    baseline: ArrayLike = np.nan,
) -> Codes:
    """Grade of each value under one term.

    Args:
        term: A key of `TERMS`.
        value: Shape (n,), in the unit of the term, nan where missing.
        lln: Lower limit of normal of the laboratory, same unit, nan where not known.
        uln: Upper limit of normal, likewise.
        baseline: Last value before the first dose, likewise. Where it is not known, the grade
            goes by the limits of normal alone.

    Returns:
        0 to 4, int8; -1 where the value is missing, or where the limit that would tell its grade
        is (below LLN or not: grade 1 or 0).
    """
    if term not in TERMS:
        raise InstrumentError(f"CTCAE has no laboratory term {term!r} here; known: {list(TERMS)}")
    shape = np.asarray(value, np.float64).shape
    columns = (value, lln, uln, baseline)
    data = _Values(*(_column(column, shape) for column in columns))
    rule = TERMS[term]
    made = _ENGINES[type(rule)](rule, data)
    return np.where(np.isnan(data.value), NOT_GRADABLE, made).astype(np.int8)


HIGHEST_GRADE = 4


@dataclass(frozen=True, slots=True)
class Shift:
    """From baseline to the worst grade later, of n subjects, shape (n,), -1 not gradable.

    `worsened`: a higher grade than at baseline, 1, 0, -1. `table`, shape (6, 6): subjects by grade
    at baseline (rows 0 to 4, then not gradable) and worst later (columns likewise).
    """

    baseline: Codes
    worst: Codes
    worsened: Codes
    table: Ints


def worst(grades: ArrayLike, subject: ArrayLike, subjects: int) -> Codes:
    """The highest grade of each subject, shape (subjects,); -1 where none could be graded.

    Args:
        grades: Grades of any number of measurements, 0 to 4 or -1.
        subject: Whole number of the subject of each, from 0 to `subjects` - 1.
        subjects: How many subjects there are.
    """
    codes, who = _checked_grades(grades), np.asarray(subject, np.int64)
    top = np.full(subjects, NOT_GRADABLE, np.int8)
    np.maximum.at(top, who, codes)
    return top


def shift(baseline: ArrayLike, worst_later: ArrayLike) -> Shift:
    """Shift of each subject under one term, and the shift table.

    Args:
        baseline: Grade at baseline, shape (n,), 0 to 4 or -1 not gradable.
        worst_later: Highest grade after baseline (`worst`), likewise. Terms of both directions
            (a count too low, too high) are shifted each on its own.
    """
    before, after = _checked_grades(baseline), _checked_grades(worst_later)
    if before.shape != after.shape:
        raise InstrumentError(f"baseline {before.shape} and worst {after.shape} differ in shape")
    known = (before != NOT_GRADABLE) & (after != NOT_GRADABLE)
    size = HIGHEST_GRADE + 2
    # -1 is the last row and column.
    cell = (before % size).astype(np.int64) * size + after % size
    table = np.bincount(cell, minlength=size * size).reshape(size, size)
    return Shift(before, after, verdict(after > before, known), table)


def _checked_grades(grades: ArrayLike) -> Codes:
    codes = np.asarray(grades)
    allowed = [Scale(NOT_GRADABLE, HIGHEST_GRADE)]
    if codes.ndim != 1:
        raise InstrumentError(f"CTCAE grades need shape (n,), not {codes.shape}")
    refuse_outside(codes[None].astype(np.float64), ["grade"], allowed, instrument="CTCAE")
    return codes.astype(np.int8)


def _column(values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    column = np.broadcast_to(np.asarray(values, np.float64), shape)
    if (column < 0).any() or np.isinf(column).any():
        rows = np.flatnonzero((column < 0) | np.isinf(column)).tolist()
        raise InstrumentError(f"laboratory values are finite and not negative; rows {rows} are not")
    return exact(column)


def _highest(marks: list[tuple[int, Bools]], shape: tuple[int, ...]) -> Codes:
    """The highest grade whose mark is met, 0 where none is."""
    made = np.zeros(shape, np.int8)
    for level, met in marks:
        np.maximum(made, met * np.int8(level), out=made)
    return made


def _low(rule: Low, data: _Values) -> Codes:
    marks = [(1, data.value < data.lln)]
    marks += [
        (level, data.value < bound * UNIT) for level, bound in enumerate(rule.bounds, start=2)
    ]
    made = _highest(marks, data.value.shape)
    return np.where((made == 0) & np.isnan(data.lln), NOT_GRADABLE, made).astype(np.int8)


def _high(rule: High, data: _Values) -> Codes:
    marks = [(level, data.value > limit * UNIT) for level, limit in rule.above]
    return _highest(marks, data.value.shape)


def _times(value: Floats, multiple: float, reference: Floats) -> Floats:
    """value - multiple x reference, exact for multiples with one decimal; nan where missing."""
    return 10 * value - round(10 * multiple) * reference


def _multiples(value: Floats, multiples: tuple[float, ...], reference: Floats) -> Codes:
    marks = [
        (level, _times(value, multiple, reference) > 0)
        for level, multiple in enumerate(multiples, start=1)
    ]
    return _highest(marks, value.shape)


def _multiple(rule: Multiple, data: _Values) -> Codes:
    made = _multiples(data.value, rule.normal, data.uln)
    if rule.abnormal is not None:
        by_baseline = _multiples(data.value, rule.abnormal, data.baseline)
        if rule.from_first:
            first = _times(data.value, rule.abnormal[0], data.baseline) >= 0
            by_baseline = np.maximum(by_baseline, first.astype(np.int8))
        made = np.where(data.baseline > data.uln, by_baseline, made)
    return np.where(np.isnan(data.uln), NOT_GRADABLE, made).astype(np.int8)


def _creatinine(rule: Creatinine, data: _Values) -> Codes:
    made = _multiples(data.value, rule.normal, data.uln)
    marks = [
        (level, _times(data.value, multiple, data.baseline) > 0)
        for level, multiple in rule.baseline
    ]
    made = np.maximum(made, _highest(marks, data.value.shape))
    return np.where((made == 0) & np.isnan(data.uln), NOT_GRADABLE, made).astype(np.int8)


_ENGINES: Mapping[type[Rule], Callable[..., Codes]] = MappingProxyType(
    {Low: _low, High: _high, Multiple: _multiple, Creatinine: _creatinine}
)
