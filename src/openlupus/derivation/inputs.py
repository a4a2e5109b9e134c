"""What composites take: each input as an array over the randomised subjects, visit by visit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.derivation import flares, medication
from openlupus.derivation.courses import (
    DOSE,
    WITHOUT_FORM,
    Course,
    at,
    course_of,
    parts,
    treatment,
)
from openlupus.instruments.composites import COMPOSITES, FLARES
from openlupus.instruments.verdicts import MET, NOT_COMPUTABLE, NOT_MET
from openlupus.protocol.model import Endpoint, Schedule, Visit

_UNCHANGED = ("standard_treatment", "stable_treatment")
_HIGHEST, _FLARE = "prednisone_highest_visit", "flare_free_visit"


@dataclass(frozen=True, eq=False)
class Feed:
    """All that the inputs of composites are made of.

    Attributes:
        everyone: ADSL of the randomised, by subject: USUBJID, TRTSDT, RANDDT, TRTEDT, EOTDT.
        courses: Instruments over the trial.
        doses: Oral and parenteral glucocorticoid intervals; None where the records have no CM.
        events: ADICE.
        possible: Events of which the records do not tell whether they came.
    """

    everyone: pl.DataFrame
    courses: Sequence[Course]
    doses: pl.DataFrame | None
    events: pl.DataFrame
    possible: pl.DataFrame
    schedule: Schedule
    _made: dict[tuple[Any, ...], NDArray[Any]] = field(default_factory=dict[Any, Any])
    _searches: dict[tuple[Any, ...], flares.Search] = field(default_factory=dict[Any, Any])

    def lacks(self, endpoint: Endpoint) -> list[str]:
        """The inputs of an end point that these records do not give."""
        return [need for need in needed(endpoint) if not self._derived(need)]

    def array(self, need: str, endpoint: Endpoint, visit: Visit) -> NDArray[Any]:
        """An input by its name, such as `pga_baseline`, at a visit; one row a subject."""
        more = {
            _HIGHEST: (endpoint.maintained_from,),
            _FLARE: (endpoint.maintained_from, endpoint.flare, endpoint.flares_at),
        }.get(need, tuple(sorted(endpoint.changes)) if need in _UNCHANGED else ())
        key = (need, "" if need.endswith("_baseline") else visit.id, *more)
        if key not in self._made:
            self._made[key] = self._make(need, endpoint, visit)
        return self._made[key]

    def assessed(self, endpoint: Endpoint, visit: Visit) -> pl.Series:
        """Latest day of the assessments at the visit that an end point rests on; null: none."""
        days = self.everyone.select("USUBJID")
        for measure in sorted(_assessed(COMPOSITES[endpoint.composite].inputs, endpoint)):
            course = course_of(self.courses, measure)
            chosen = course.index.filter(at(visit))
            day = chosen.select("USUBJID", pl.col("ADT").alias(measure))
            days = days.join(day, on="USUBJID", how="left", maintain_order="left")
        return days.select(ADT=pl.max_horizontal(pl.lit(None, pl.Date), pl.exclude("USUBJID")))[
            "ADT"
        ]

    def searched(self, endpoint: Endpoint) -> flares.Search:
        """Where flares were looked for: those that an end point is, or that it asks for."""
        itself = endpoint.composite in FLARES
        name = endpoint.composite if itself else endpoint.flare
        options = endpoint.options if itself else {}
        every = endpoint.flares_at == "every_assessment"
        key = (name, every, tuple(sorted(options.items())))
        if key not in self._searches:
            people = self.everyone.select("USUBJID", START=pl.coalesce("TRTSDT", "RANDDT"))
            grounds = flares.Grounds(people, self.courses, self.doses, self.schedule)
            self._searches[key] = flares.search(grounds, name, options, every=every)
        return self._searches[key]

    def _derived(self, need: str) -> bool:
        if need in _UNCHANGED:
            return True
        if need == _HIGHEST:
            return self.doses is not None
        measure, when = parts(need)
        known = any(measure in course.measures for course in self.courses)
        return known and when in ("baseline", "visit", "previous")

    def _make(self, need: str, endpoint: Endpoint, visit: Visit) -> NDArray[Any]:
        if need in _UNCHANGED:
            return self._unchanged(endpoint, visit)
        if need == _HIGHEST:
            return self._highest(endpoint, visit)
        if need == _FLARE:
            return self._flare_free(endpoint, visit)
        measure, when = parts(need)
        course = course_of(self.courses, measure)
        return course.values(measure, self._rows(course, visit, when))

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
                chosen = at(visit)
        rows = course.index.with_row_index("_row").filter(chosen.fill_null(False))
        rows = rows.select("USUBJID", "_row").unique("USUBJID", keep="last", maintain_order=True)
        found = self.everyone.select("USUBJID").join(
            rows, on="USUBJID", how="left", maintain_order="left"
        )
        return found["_row"].cast(pl.Int64).fill_null(-1).to_numpy()

    def _unchanged(self, endpoint: Endpoint, visit: Visit) -> NDArray[np.int8]:
        """1 unless one of the declared changes of treatment came by the day of the visit.

        -1 where none did, but one may have.
        """
        due = self.everyone.select("USUBJID", DUE=self.due(self.assessed(endpoint, visit), visit))

        def came(events: pl.DataFrame) -> NDArray[np.bool_]:
            mine = events.filter(pl.col("ICECAT").is_in(endpoint.changes))
            first = mine.group_by("USUBJID").agg(pl.col("ASTDT").min())
            joined = due.join(first, on="USUBJID", how="left", maintain_order="left")
            by_then = (pl.col("ASTDT") <= pl.col("DUE")).fill_null(False)
            return joined.select(by_then).to_series().to_numpy()

        known = np.where(came(self.possible), NOT_COMPUTABLE, MET)
        return np.where(came(self.events), NOT_MET, known).astype(np.int8)

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
        """1 no flare from the maintained visit on, 0 a flare, -1 not known."""
        first = next(v for v in self.schedule.visits if v.id == endpoint.maintained_from)
        return self.searched(endpoint).free(first, visit)


def needed(endpoint: Endpoint) -> list[str]:
    """The inputs of an end point, those of the flares that it asks for among them."""
    needs = COMPOSITES[endpoint.composite].inputs
    if _FLARE not in needs:
        return list(needs)
    return [*(n for n in needs if n != _FLARE), *COMPOSITES[endpoint.flare].inputs]


def dose_course(adgc: pl.DataFrame) -> Course:
    """The daily dose as a course, like that of an instrument."""
    columns = ["USUBJID", "ADT", "AVISITN", "ABLFL", "ANL01FL"]
    # Its day is the target day of the visit: no assessment was made on it.
    index = adgc.select(*columns, USABLE=pl.lit(False))
    return Course(index, {DOSE: adgc["AVAL"].fill_null(np.nan).to_numpy()})


def _assessed(needs: Iterable[str], endpoint: Endpoint) -> set[str]:
    """The measures whose assessment at the visit a verdict rests on; doses have no such day."""
    found: set[str] = set()
    for need in needs:
        if need == _FLARE:
            found |= _assessed(COMPOSITES[endpoint.flare].inputs, endpoint)
        elif need != _HIGHEST and need not in _UNCHANGED:
            measure, when = parts(need)
            if when == "visit" and measure not in WITHOUT_FORM:
                found.add(measure)
    return found
