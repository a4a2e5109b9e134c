"""BILAG-2004 over visits: previous values, and the memory that tells D from E."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays
from openlupus.instruments.arrays import Bools, Codes, Floats, Ints
from openlupus.instruments.bilag2004.criteria import C, FirstVisit
from openlupus.instruments.bilag2004.grading import Grades, graded, with_memory
from openlupus.instruments.bilag2004.items import CATEGORY, INDEX, ITEMS, NUMERIC_KEYS, SYSTEMS


@dataclass(frozen=True, slots=True)
class Carried:
    """What each assessment inherits from the subject's earlier ones: `grade` takes it as it is."""

    previous: Floats
    previous_involvement: Bools


def carry(
    items: ArrayLike,
    subject: ArrayLike,
    *,
    history: ArrayLike | None = None,
    attributed: ArrayLike | None = None,
    first_visit: FirstVisit = "strict",
) -> Carried:
    """Previous values and involvement of every assessment.

    Args:
        items: Shape (n, 97), as for `grade`; rows sorted by subject, then in order of visit.
        subject: Shape (n,), whole number of the subject of each row; each subject in one run.
        history: Shape (n, 9); system involved before by history as recorded at that row. It
            holds from that row on; usually only a subject's first row says anything.
        attributed: As for `grade`.
        first_visit: As for `grade`.

    Returns:
        `previous`, shape (n, 97), nan for graded and yes/no items and where there is no earlier
        value (a value not due to lupus is an earlier value); `previous_involvement`, (n, 9).
    """
    course = _follow(items, subject, history, attributed, first_visit)
    previous = np.full((len(course.involved), len(ITEMS)), np.nan)
    for key, column in course.previous.items():
        previous[:, INDEX[key]] = column
    return Carried(previous, course.involved)


def grade_course(
    items: ArrayLike,
    subject: ArrayLike,
    *,
    history: ArrayLike | None = None,
    attributed: ArrayLike | None = None,
    first_visit: FirstVisit = "strict",
) -> Grades:
    """`carry` and `grade` in one, at the cost of one grading. Arguments as for `carry`."""
    course = _follow(items, subject, history, attributed, first_visit)
    return Grades(with_memory(course.active, course.involved), course.complete)


@dataclass(frozen=True, slots=True)
class _Course:
    """`previous`: the 13 numeric items alone, shape (n,) each."""

    previous: Mapping[str, Floats]
    involved: Bools
    active: Codes
    complete: Bools


def _follow(
    items: ArrayLike,
    subject: ArrayLike,
    history: ArrayLike | None,
    attributed: ArrayLike | None,
    first_visit: FirstVisit,
) -> _Course:
    array = arrays.matrix(items, len(ITEMS), name=f"{CATEGORY} items")
    start = _first_rows(subject, len(array))
    shape = (len(array), len(SYSTEMS))
    told = np.zeros(shape, np.bool_) if history is None else history
    scored = (
        None if attributed is None else arrays.flags(attributed, array.shape, name="attributed")
    )
    previous = {key: _last_earlier(array[:, INDEX[key]], start) for key in NUMERIC_KEYS}
    active, complete = graded(array, previous, scored, first_visit)
    by_history = _ever(arrays.flags(told, shape, name="history"), start)
    return _Course(previous, by_history | _ever_before(active >= C, start), active, complete)


def _first_rows(subject: ArrayLike, n: int) -> Ints:
    """For each row, the row where its subject begins."""
    ids = np.asarray(subject)
    if ids.shape != (n,):
        raise InstrumentError(f"subject needs shape ({n},), not {ids.shape}")
    first = np.ones(n, np.bool_)
    first[1:] = ids[1:] != ids[:-1]
    if len(np.unique(ids)) != int(first.sum()):
        raise InstrumentError("rows must be sorted: a subject appears in more than one run of rows")
    return np.maximum.accumulate(np.where(first, np.arange(n), 0))


def _last_earlier(values: Floats, start: Ints) -> Floats:
    """The last value before each row within its subject, nan where there is none."""
    n = len(values)
    latest = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(n)))
    row = np.concatenate([[-1], latest[:-1]]) if n else latest
    return np.where(row >= start, values[row], np.nan)


def _ever_before(flag: Bools, start: Ints) -> Bools:
    """Whether the flag was up in an earlier row of the subject; shape (n, systems)."""
    count = np.zeros((len(flag) + 1, flag.shape[1]), np.int64)
    np.cumsum(flag, axis=0, out=count[1:])
    return count[:-1] > count[start]


def _ever(flag: Bools, start: Ints) -> Bools:
    """Whether the flag was up in this or an earlier row of the subject."""
    return _ever_before(flag, start) | flag
