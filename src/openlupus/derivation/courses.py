"""Courses: an instrument over the whole trial, and its values at the assessments asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.instruments.verdicts import NOT_COMPUTABLE
from openlupus.protocol.model import Schedule, Visit

DOSE, WEIGHT = "prednisone", "weight"
"""Measures without a form, whose day is nobody's assessment: derived from drugs and vital signs."""
WITHOUT_FORM = (DOSE, WEIGHT)

_AT_VISIT = ("haemolytic_anaemia", "gi_activity")
"""Measures of the visit whose inputs have no ending."""
_MISSING: Mapping[np.dtype[Any], float] = {np.dtype(np.int8): NOT_COMPUTABLE}


@dataclass(frozen=True)
class Course:
    """An instrument over the whole trial: assessments with their visits, and the measures.

    Or one score of it, of which other assessments may count.
    """

    index: pl.DataFrame
    measures: Mapping[str, NDArray[Any]]

    def values(self, measure: str, rows: NDArray[np.int64]) -> NDArray[Any]:
        """A measure at these rows of the index; missing (nan or -1) at row -1."""
        held = self.measures[measure]
        missing = _MISSING.get(held.dtype, np.nan)
        # A row of missing values at the end, which -1 takes.
        none = np.full((1, *held.shape[1:]), missing, held.dtype)
        return np.concatenate([held, none])[rows]


def course_of(courses: Iterable[Course], measure: str) -> Course:
    """The course that has this measure."""
    return next(course for course in courses if measure in course.measures)


def parts(need: str) -> tuple[str, str]:
    """Measure and occasion of an input: `pga_baseline` is (`pga`, `baseline`)."""
    if need in _AT_VISIT:
        return need, "visit"
    measure, _, when = need.rpartition("_")
    return measure, when


def treatment(schedule: Schedule) -> list[Visit]:
    """The visits at which verdicts are passed."""
    return [visit for visit in schedule.visits if visit.role == "treatment"]


def at(visit: Visit) -> pl.Expr:
    """The assessments that count for a visit."""
    return (pl.col("ANL01FL") == "Y") & (pl.col("AVISITN") == visit.number)
