"""Systemic glucocorticoids as oral prednisone equivalents: average and highest daily dose.

The conversion is the usual table of anti-inflammatory potency against 5 mg of prednisone (Meikle
& Tyler, Am J Med 1977;63:200). Page: docs/instruments/glucocorticoids.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import InstrumentError
from openlupus.instruments.arrays import Bools, Floats, Ints

# mg that equal 5 mg of prednisone. Locally acting drugs (budesonide) have no agreed equivalent.
EQUAL_TO_5_MG: Mapping[str, float] = MappingProxyType(
    {
        "prednisone": 5,
        "prednisolone": 5,
        "methylprednisolone": 4,
        "triamcinolone": 4,
        "hydrocortisone": 20,
        "cortisone": 25,
        "dexamethasone": 0.75,
        "betamethasone": 0.6,
        "deflazacort": 6,
        "meprednisone": 4,
    }
)

ORAL = "oral"
PARENTERAL = ("intravenous", "intramuscular")  # converted, and kept apart from the daily dose
LOCAL_INJECTION = ("intraarticular", "intralesional", "soft_tissue")  # not converted
NEVER_COUNTED = ("topical", "inhaled", "intranasal", "ophthalmic", "otic", "rectal")
ROUTES = (ORAL, *PARENTERAL, *LOCAL_INJECTION, *NEVER_COUNTED)

# Doses per day. ONCE is one dose on its own day; PRN without recorded days counts nothing.
PER_DAY: Mapping[str, float] = MappingProxyType(
    {"QD": 1, "BID": 2, "TID": 3, "QID": 4, "QOD": 1 / 2, "QW": 1 / 7, "ONCE": 1, "PRN": 0}
)

NANOGRAMS = 1e6  # in a mg


@dataclass(frozen=True, slots=True, kw_only=True)
class Courses:
    """Medication records, each field of shape (n,), in any order.

    `subject` a whole number; `drug`, `route`, `frequency` keys of the tables above; `dose_mg` of
    one intake, nan where not known; `start_day` and `end_day` study days, both inclusive;
    `end_day` nan where ongoing.
    """

    subject: ArrayLike
    drug: Sequence[str] | NDArray[np.str_]
    dose_mg: ArrayLike
    frequency: Sequence[str] | NDArray[np.str_]
    route: Sequence[str] | NDArray[np.str_]
    start_day: ArrayLike
    end_day: ArrayLike


@dataclass(frozen=True, slots=True)
class Dose:
    """Doses in n windows, shape (n,) each, mg of prednisone equivalent.

    `average_mg_day` and `highest_mg_day`: oral, per day; nan where a dose in the window is not
    known. `parenteral_mg`: intravenous and intramuscular, in all. `as_needed`: a record in the
    window is PRN, whose intakes are not counted.
    """

    average_mg_day: Floats
    highest_mg_day: Floats
    parenteral_mg: Floats
    as_needed: Bools


@dataclass(frozen=True, slots=True)
class _Records:
    """Records sorted by subject: per-day amounts and their days."""

    subject: Ints
    mg_day: Floats
    start: Floats
    end: Floats
    oral: Bools
    parenteral: Bools
    as_needed: Bools


def prednisone_equivalent(drug: Sequence[str] | NDArray[np.str_], dose_mg: ArrayLike) -> Floats:
    """Doses in mg of prednisone, shape (n,); refuses drugs without an agreed equivalent."""
    equal, position = _looked_up("drug", drug, list(EQUAL_TO_5_MG))
    table = np.array([EQUAL_TO_5_MG[name] for name in equal])
    return np.asarray(dose_mg, np.float64) * 5 / table[position]


def dose(
    courses: Courses, *, subject: ArrayLike, first_day: ArrayLike, last_day: ArrayLike
) -> Dose:
    """Doses in windows of days.

    Days without a record count 0: the medication log is taken to be complete. Oral drugs taken on
    the same day add up; but where one record of a drug ends on the day on which another of that
    drug begins, the new dose holds on that day.

    Args:
        courses: The medication records.
        subject: Whole number of the subject of each window, shape (n,).
        first_day: First study day of each window.
        last_day: Its last study day, inclusive.

    Raises:
        InstrumentError: an unknown drug, route or frequency, a negative dose, an end before its
            start, an empty window; each with all rows at fault.
    """
    who = np.asarray(subject, np.int64)
    first, last = np.asarray(first_day, np.float64), np.asarray(last_day, np.float64)
    _refuse("window: the last day must not be before the first day", ~(last >= first))
    records = _sorted(courses)
    window, record = _pairs(who, records.subject)
    begin = np.maximum(records.start[record], first[window])
    end = np.minimum(records.end[record], last[window])
    inside = end >= begin
    window, record, begin, end = window[inside], record[inside], begin[inside], end[inside]

    days, n = end - begin + 1, len(who)
    amount = records.mg_day[record] * days
    oral = records.oral[record]
    return Dose(
        average_mg_day=_summed(window[oral], amount[oral], n) / (last - first + 1),
        highest_mg_day=_highest(
            window[oral], begin[oral], end[oral], records.mg_day[record][oral], n
        ),
        parenteral_mg=_summed(window, np.where(records.parenteral[record], amount, 0), n),
        as_needed=np.bincount(window, records.as_needed[record], n) > 0,
    )


def _looked_up(
    field: str, values: Sequence[str] | NDArray[np.str_], known: Sequence[str]
) -> tuple[Sequence[str], Ints]:
    """The known names, and the position of each value among them."""
    names = np.asarray(values, np.str_)
    order = np.sort(np.array(known))
    position = np.clip(np.searchsorted(order, names), 0, len(order) - 1)
    if (unknown := order[position] != names).any():
        rows = [f"row {row}: {names[row]}" for row in np.flatnonzero(unknown)]
        raise InstrumentError(f"unknown {field} ({'; '.join(rows)}); known are {sorted(known)}")
    return [str(name) for name in order], position.astype(np.int64)


def _refuse(why: str, bad: Bools) -> None:
    if bad.any():
        raise InstrumentError(f"{why}; rows {np.flatnonzero(bad).tolist()}")


def _sorted(courses: Courses) -> _Records:
    subject = np.asarray(courses.subject, np.int64)
    route = np.asarray(courses.route, np.str_)
    _looked_up("route", route, ROUTES)
    names, position = _looked_up("frequency", courses.frequency, list(PER_DAY))
    frequency = np.array(names)[position]
    start, given = (
        np.asarray(courses.start_day, np.float64),
        np.asarray(courses.dose_mg, np.float64),
    )
    end = np.asarray(courses.end_day, np.float64)
    end = np.where(frequency == "ONCE", start, np.where(np.isnan(end), np.inf, end))
    _refuse("a record has no start day", np.isnan(start))
    _refuse("a record ends before it starts", end < start)
    _refuse("a dose is negative", given < 0)

    oral, parenteral = route == ORAL, np.isin(route, PARENTERAL)
    drug = np.where(oral | parenteral, np.asarray(courses.drug, np.str_), "prednisone")
    per_day = np.array([PER_DAY[name] for name in names])[position]
    as_needed = (oral | parenteral) & (frequency == "PRN")
    mg_day = np.where(as_needed, 0, prednisone_equivalent(drug, given) * per_day)
    changing = oral & ~np.isin(frequency, ("ONCE", "PRN"))
    end = _cut_at_change(subject, drug, start, end, changing)
    order = np.argsort(subject, kind="stable")
    return _Records(
        subject[order],
        mg_day[order],
        start[order],
        end[order],
        oral[order],
        parenteral[order],
        as_needed[order],
    )


def _cut_at_change(
    subject: Ints, drug: NDArray[np.str_], start: Floats, end: Floats, changing: Bools
) -> Floats:
    """End days, a day earlier where another record of the subject's drug starts on that day."""
    if not changing.any():
        return end
    _, person = np.unique(subject, return_inverse=True)
    _, kind = np.unique(drug, return_inverse=True)
    series = person * (int(kind.max()) + 1) + kind
    finite = changing & np.isfinite(end)
    low = float(start[changing].min())
    span = float(max(start[changing].max(), end[finite].max(initial=low))) - low + 1
    begins = series[changing] * span + (start[changing] - low)
    touched = np.isin(series * span + (end - low), begins)
    return np.where(finite & touched & (end > start), end - 1, end)


def _pairs(window_subject: Ints, record_subject: Ints) -> tuple[Ints, Ints]:
    """Every window with every record of its subject, as two index arrays."""
    low = np.searchsorted(record_subject, window_subject, side="left")
    size = np.searchsorted(record_subject, window_subject, side="right") - low
    window = np.repeat(np.arange(len(window_subject)), size)
    offset = np.arange(len(window)) - np.repeat(np.cumsum(size) - size, size)
    return window, np.repeat(low, size) + offset


def _summed(window: Ints, amount: Floats, n: int) -> Floats:
    return np.bincount(window, amount, n).astype(np.float64)


def _highest(window: Ints, begin: Floats, end: Floats, mg_day: Floats, n: int) -> Floats:
    """Highest daily sum in each window: doses come on their first day, go after their last."""
    event = np.concatenate([window, window])
    day = np.concatenate([begin, end + 1])
    # Whole nanograms add up and cancel without residue.
    whole = np.rint(np.nan_to_num(mg_day) * NANOGRAMS)
    step = np.concatenate([whole, -whole])
    order = np.lexsort((day, event))
    event, day, step = event[order], day[order], step[order]
    # Steps of a window sum to zero, so one running sum serves all windows.
    running = np.cumsum(step)
    settled = np.ones(len(event), np.bool_)
    settled[:-1] = (event[1:] != event[:-1]) | (day[1:] != day[:-1])
    top = np.zeros(n)
    np.maximum.at(top, event[settled], running[settled])
    top[np.unique(window[np.isnan(mg_day)])] = np.nan
    return top / NANOGRAMS
