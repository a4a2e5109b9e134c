"""What composites take: each input as an array over the randomised subjects, visit by visit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.derivation import medication
from openlupus.derivation.scores import Course
from openlupus.instruments.composites import COMPOSITES
from openlupus.instruments.verdicts import MET, NOT_COMPUTABLE, NOT_MET
from openlupus.protocol.model import Endpoint, Schedule, Visit

_MISSING: Mapping[np.dtype[Any], float] = {np.dtype(np.int8): NOT_COMPUTABLE}
_AT_VISIT = ("haemolytic_anaemia", "gi_activity")
"""Measures of the visit whose inputs have no ending."""
_UNCHANGED = ("standard_treatment", "stable_treatment")
_HIGHEST, _FLARE = "prednisone_highest_visit", "flare_free_visit"
_DOSE = "prednisone"


@dataclass(frozen=True, eq=False)
class Feed:
    """All that the inputs of composites are made of.

    Attributes:
        everyone: ADSL of the randomised, by subject: USUBJID, TRTSDT, RANDDT, TRTEDT, EOTDT.
        courses: Instruments over the trial.
        doses: Oral and parenteral glucocorticoid intervals; None where the records have no CM.
        events: ADICE.
    """

    everyone: pl.DataFrame
    courses: Sequence[Course]
    doses: pl.DataFrame | None
    events: pl.DataFrame
    schedule: Schedule
    _made: dict[tuple[Any, ...], NDArray[Any]] = field(default_factory=dict[Any, Any])

    def lacks(self, endpoint: Endpoint) -> list[str]:
        """The inputs of an end point that these records do not give."""
        needs = list(COMPOSITES[endpoint.composite].inputs)
        if _FLARE in needs:
            needs = [*(n for n in needs if n != _FLARE), *COMPOSITES[endpoint.flare].inputs]
        return [need for need in needs if not self._derived(need)]

    def array(self, need: str, endpoint: Endpoint, visit: Visit) -> NDArray[Any]:
        """An input by its name, such as `pga_baseline`, at a visit; one row a subject."""
        more = {
            _HIGHEST: (endpoint.maintained_from,),
            _FLARE: (endpoint.maintained_from, endpoint.flare),
        }.get(need, tuple(sorted(endpoint.changes)) if need in _UNCHANGED else ())
        key = (need, "" if need.endswith("_baseline") else visit.id, *more)
        if key not in self._made:
            self._made[key] = self._make(need, endpoint, visit)
        return self._made[key]

    def assessed(self, endpoint: Endpoint, visit: Visit) -> pl.Series:
        """Latest day of the assessments at the visit that an end point rests on; null: none."""
        days = self.everyone.select("USUBJID")
        for measure in sorted(_assessed(COMPOSITES[endpoint.composite].inputs, endpoint)):
            course = self._course(measure)
            chosen = course.index.filter(_at(visit))
            day = chosen.select("USUBJID", pl.col("ADT").alias(measure))
            days = days.join(day, on="USUBJID", how="left", maintain_order="left")
        return days.select(ADT=pl.max_horizontal(pl.lit(None, pl.Date), pl.exclude("USUBJID")))[
            "ADT"
        ]

    def _derived(self, need: str) -> bool:
        if need in _UNCHANGED:
            return True
        if need == _HIGHEST:
            return self.doses is not None
        measure, when = _parts(need)
        known = any(measure in course.measures for course in self.courses)
        return known and when in ("baseline", "visit", "previous")

    def _make(self, need: str, endpoint: Endpoint, visit: Visit) -> NDArray[Any]:
        if need in _UNCHANGED:
            return self._unchanged(endpoint, visit)
        if need == _HIGHEST:
            return self._highest(endpoint, visit)
        if need == _FLARE:
            return self._flare_free(endpoint, visit)
        measure, when = _parts(need)
        course = self._course(measure)
        values = course.measures[measure]
        missing = _MISSING.get(values.dtype, np.nan)
        # A row of missing values at the end, which -1 takes.
        none = np.full((1, *values.shape[1:]), missing, values.dtype)
        return np.concatenate([values, none])[self._rows(course, visit, when)]

    def _course(self, measure: str) -> Course:
        return next(course for course in self.courses if measure in course.measures)

    def _rows(self, course: Course, visit: Visit, when: str) -> NDArray[np.int64]:
        """Of each subject the row of the assessment that counts; -1 where there is none."""
        match when:
            case "baseline":
                chosen = pl.col("ABLFL") == "Y"
            case "previous":
                before = [v.number for v in treatment(self.schedule) if v.number < visit.number]
                counts = (pl.col("ANL01FL") == "Y") & pl.col("AVISITN").is_in(before)
                chosen = counts | (pl.col("ABLFL") == "Y")
            case _:
                chosen = _at(visit)
        rows = course.index.with_row_index("_row").filter(chosen.fill_null(False))
        rows = rows.select("USUBJID", "_row").unique("USUBJID", keep="last", maintain_order=True)
        found = self.everyone.select("USUBJID").join(
            rows, on="USUBJID", how="left", maintain_order="left"
        )
        return found["_row"].cast(pl.Int64).fill_null(-1).to_numpy()

    def _unchanged(self, endpoint: Endpoint, visit: Visit) -> NDArray[np.int8]:
        """1 unless one of the declared changes of treatment came by the day of the visit."""
        due = self.everyone.select("USUBJID", DUE=self.due(self.assessed(endpoint, visit), visit))
        mine = self.events.filter(pl.col("ICECAT").is_in(endpoint.changes))
        first = mine.group_by("USUBJID").agg(pl.col("ASTDT").min())
        joined = due.join(first, on="USUBJID", how="left", maintain_order="left")
        changed = joined.select((pl.col("ASTDT") <= pl.col("DUE")).fill_null(False)).to_series()
        return np.where(changed.to_numpy(), NOT_MET, MET).astype(np.int8)

    def due(self, assessed: pl.Series, visit: Visit) -> pl.Series:
        """The day on which a verdict is passed: of the assessments, else the target day."""
        start = pl.coalesce("TRTSDT", "RANDDT")
        target = start + pl.duration(days=visit.day - 1)
        return self.everyone.select(DUE=pl.coalesce(assessed, target))["DUE"]

    def _highest(self, endpoint: Endpoint, visit: Visit) -> NDArray[np.float64]:
        """Highest daily dose from the maintained visit's target day to that of the visit.

        Where treatment ended earlier, but not before the visit's window, to its end.
        """
        first = next(v for v in self.schedule.visits if v.id == endpoint.maintained_from)
        start = pl.coalesce("TRTSDT", "RANDDT")
        end = (pl.coalesce("EOTDT", "TRTEDT") - start).dt.total_days()
        windows = self.everyone.select(
            "USUBJID",
            FIRST=pl.lit(first.day - 1),
            LAST=pl.min_horizontal(pl.lit(visit.day - 1), end),
            KNOWN=(end >= visit.window[0] - 1).fill_null(False),
        )
        last = pl.max_horizontal("FIRST", "LAST").fill_null(pl.col("FIRST"))
        windows = windows.with_columns(LAST=last)
        assert self.doses is not None
        found = medication.doses(self.doses, windows).highest_mg_day
        return np.where(windows["KNOWN"].to_numpy(), np.round(found, 6), np.nan)

    def _flare_free(self, endpoint: Endpoint, visit: Visit) -> NDArray[np.int8]:
        """1 no flare from the maintained visit on, 0 a flare, -1 not known.

        Without a flare it is not known where one of the visits was missed, or cannot be judged.
        """
        composite = COMPOSITES[endpoint.flare]
        first = next(v for v in self.schedule.visits if v.id == endpoint.maintained_from)
        free = np.full(self.everyone.height, MET, np.int8)
        open_ = np.zeros(self.everyone.height, np.bool_)
        for each in treatment(self.schedule):
            if not first.number <= each.number <= visit.number:
                continue
            inputs = {need: self.array(need, endpoint, each) for need in composite.inputs}
            verdict = composite.score(**inputs).responder
            free[verdict == NOT_MET] = NOT_MET
            open_ |= verdict == NOT_COMPUTABLE
        return np.where((free == MET) & open_, NOT_COMPUTABLE, free).astype(np.int8)


def treatment(schedule: Schedule) -> list[Visit]:
    """The visits at which verdicts are passed."""
    return [visit for visit in schedule.visits if visit.role == "treatment"]


def dose_course(adgc: pl.DataFrame) -> Course:
    """The daily dose as a course, like that of an instrument."""
    columns = ["USUBJID", "ADT", "AVISITN", "ABLFL", "ANL01FL"]
    return Course(adgc.select(columns), {_DOSE: adgc["AVAL"].fill_null(np.nan).to_numpy()})


def _parts(need: str) -> tuple[str, str]:
    if need in _AT_VISIT:
        return need, "visit"
    measure, _, when = need.rpartition("_")
    return measure, when


def _assessed(needs: Iterable[str], endpoint: Endpoint) -> set[str]:
    """The measures whose assessment at the visit a verdict rests on; doses have no such day."""
    found: set[str] = set()
    for need in needs:
        if need == _FLARE:
            found |= _assessed(COMPOSITES[endpoint.flare].inputs, endpoint)
        elif need != _HIGHEST and need not in _UNCHANGED:
            measure, when = _parts(need)
            if when == "visit" and measure != _DOSE:
                found.add(measure)
    return found


def _at(visit: Visit) -> pl.Expr:
    return (pl.col("ANL01FL") == "Y") & (pl.col("AVISITN") == visit.number)
