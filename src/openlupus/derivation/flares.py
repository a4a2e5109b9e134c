"""Flares: looked for at every assessment after baseline, each against the assessment before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.derivation import medication
from openlupus.derivation.courses import (
    DOSE,
    WEIGHT,
    WITHOUT_FORM,
    Course,
    course_of,
    parts,
    treatment,
)
from openlupus.instruments.composites import COMPOSITES
from openlupus.instruments.verdicts import NOT_COMPUTABLE, NOT_MET
from openlupus.protocol.model import Schedule, Visit

RESPONDER = "responder"
"""The verdict of the whole composite: no flare."""
DAYS_OF_DOSE = 7


@dataclass(frozen=True, eq=False)
class Grounds:
    """What flares are looked for in.

    Attributes:
        people: USUBJID and START (day 1) of the randomised, by subject.
        courses: Instruments over the trial, the dose among them where it is known.
        doses: Glucocorticoid intervals; None where the records have no CM.
        schedule: Visits.
    """

    people: pl.DataFrame
    courses: Sequence[Course]
    doses: pl.DataFrame | None
    schedule: Schedule


@dataclass(frozen=True, eq=False)
class Search:
    """Every assessment at which a flare was looked for, sorted by subject and day.

    `found` has USUBJID, ON (its day; of a missed visit, the target day), NUMBER (of its treatment
    visit; null where it does not count for one), VISIT (number of the treatment visit whose verdict
    it bears on: the next one held or missed; after the last visit, the last within its window),
    HELD, and of the composite and each component the verdict: 1 no flare, 0 a flare, -1 not known.
    """

    found: pl.DataFrame

    def verdicts(self, visit: Visit) -> tuple[dict[str, NDArray[np.int8]], dict[str, pl.Series]]:
        """Of each subject what is said at a visit, and the day on which that rests, part by part.

        A flare is one whenever it was seen since the visit before, and has its first day. Without
        one the visit itself decides; of a missed visit there is no day.
        """
        mine = self.found.filter(pl.col("VISIT") == visit.number)
        own = pl.col("NUMBER").is_not_null()
        held = pl.col("ON").filter(own & pl.col("HELD")).first()
        codes: dict[str, NDArray[np.int8]] = {}
        days: dict[str, pl.Series] = {}
        for part in self._parts:
            flare = pl.col(part) == NOT_MET
            told = mine.group_by("USUBJID", maintain_order=True).agg(
                pl.when(flare.any()).then(NOT_MET).otherwise(pl.col(part).filter(own).first())
                .cast(pl.Int8).alias("CODE"),
                pl.coalesce(pl.col("ON").filter(flare).min(), held).alias("DAY"),
            )  # fmt: skip
            codes[part], days[part] = told["CODE"].to_numpy(), told["DAY"]
        return codes, days

    def free(self, first: Visit, last: Visit) -> NDArray[np.int8]:
        """Of each subject 1 no flare from one visit to another, 0 a flare, -1 not known.

        Before the first of them was held, other assessments count from its target day on. Without
        a flare it is not known where one of the visits was missed, or cannot be judged.
        """
        target = pl.col("START") + pl.duration(days=first.day - 1)
        own = pl.col("NUMBER").is_not_null()
        counts = own | (pl.col("VISIT") > first.number) | (pl.col("ON") >= target)
        asked = pl.col("VISIT").is_between(first.number, last.number)
        free = pl.col(RESPONDER)
        told = (
            self.found.filter(asked)
            .group_by("USUBJID", maintain_order=True)
            .agg(
                pl.when(((free == NOT_MET) & counts).any()).then(NOT_MET)
                .when(((free == NOT_COMPUTABLE) & own).any()).then(NOT_COMPUTABLE)
                .otherwise(1).cast(pl.Int8).alias("CODE")
            )
        )  # fmt: skip
        return told["CODE"].to_numpy()

    def between(self, part: str) -> pl.DataFrame:
        """Assessments that count for no visit and have a verdict: USUBJID, AVISITN, ADT."""
        judged = pl.col("NUMBER").is_null() & (pl.col(part) != NOT_COMPUTABLE)
        return self.found.filter(judged).select("USUBJID", AVISITN="VISIT", ADT="ON")

    @property
    def _parts(self) -> list[str]:
        held = ("USUBJID", "START", "ON", "NUMBER", "VISIT", "HELD")
        return [column for column in self.found.columns if column not in held]


def search(grounds: Grounds, composite: str, options: Mapping[str, Any], *, every: bool) -> Search:
    """Look for flares.

    Args:
        grounds: Where to look.
        composite: What a flare is: one of `composites.FLARES`.
        options: Its options.
        every: Whether at every assessment, or at those alone that count for treatment visits.
    """
    index = COMPOSITES[composite]
    asked = {parts(need)[0] for need in index.inputs}
    courses = {measure: course_of(grounds.courses, measure) for measure in asked}
    forms = [courses[measure] for measure in sorted(asked - {*WITHOUT_FORM})]
    when = _occasions(grounds, forms, every=every)
    if DOSE in courses:
        courses[DOSE] = _with_doses(courses[DOSE], when, grounds)
    rows = {
        measure: _latest(course, when) if measure == WEIGHT else _rows(course, when)
        for measure, course in courses.items()
    }
    later = ~when["FIRST"].to_numpy()
    inputs = {
        need: courses[measure].values(measure, rows[measure][which].to_numpy()[later])
        for need in index.inputs
        for measure, which in (parts(need),)
    }
    verdict: Any = index.score(**options, **inputs)
    told = {part: getattr(verdict, part) for part in (RESPONDER, *index.components)}
    found = when.filter(~pl.col("FIRST")).with_columns(
        pl.Series(part, codes, pl.Int8) for part, codes in told.items()
    )
    return Search(found.filter(pl.col("VISIT").is_not_null()).drop("FIRST"))


def _occasions(grounds: Grounds, forms: Sequence[Course], *, every: bool) -> pl.DataFrame:
    """Of each subject the baseline (FIRST), then what `Search.found` has, verdicts apart."""
    visits = treatment(grounds.schedule)
    plan = pl.DataFrame({"NUMBER": [v.number for v in visits], "DAY": [v.day - 1 for v in visits]})
    counting = [course.index.filter(_counts(grounds.schedule)) for course in forms]
    held = (
        pl.concat([rows.select("USUBJID", "ADT", NUMBER="AVISITN") for rows in counting])
        .group_by("USUBJID", "NUMBER")
        .agg(pl.col("ADT").max())
    )
    planned = (
        grounds.people.join(plan, how="cross")
        .join(held, on=["USUBJID", "NUMBER"], how="left", maintain_order="left")
        .select(
            "USUBJID", "START", "NUMBER",
            ON=pl.coalesce("ADT", pl.col("START") + pl.duration(days="DAY")),
            HELD=pl.col("ADT").is_not_null(),
        )
    )  # fmt: skip
    other = _other(grounds, forms) if every else planned.head(0)
    base = grounds.people.with_columns(FIRST=pl.lit(True))
    together = pl.concat([base, planned, other], how="diagonal_relaxed")
    ordered = together.with_columns(pl.col("FIRST").fill_null(False)).sort(
        "USUBJID", ~pl.col("FIRST"), "ON", "NUMBER", nulls_last=[False, False, False, True]
    )
    last = visits[-1]
    closes = pl.col("START") + pl.duration(days=last.window[1] - 1)
    following = pl.col("NUMBER").backward_fill().over("USUBJID")
    after = pl.when(pl.col("ON") <= closes).then(pl.lit(last.number))
    return ordered.with_columns(VISIT=pl.when(~pl.col("FIRST")).then(pl.coalesce(following, after)))


def _counts(schedule: Schedule) -> pl.Expr:
    """Which assessments count for a treatment visit."""
    numbers = [visit.number for visit in treatment(schedule)]
    return ((pl.col("ANL01FL") == "Y") & pl.col("AVISITN").is_in(numbers)).fill_null(False)


def _other(grounds: Grounds, forms: Sequence[Course]) -> pl.DataFrame:
    """Usable assessments after day 1 that count for no treatment visit: USUBJID, START, ON, HELD.

    Two of one form on a day are one, and that which counts stands for both.
    """
    counts = _counts(grounds.schedule)
    days: list[pl.DataFrame] = []
    for course in forms:
        more = course.index.filter(~counts & pl.col("USABLE") & (pl.col("ADY") > 1))
        same = course.index.filter(counts).select("USUBJID", "ADT")
        days.append(more.select("USUBJID", "ADT").join(same, on=["USUBJID", "ADT"], how="anti"))
    return (
        pl.concat(days).unique().rename({"ADT": "ON"})
        .join(grounds.people, on="USUBJID", how="inner")
        .with_columns(HELD=pl.lit(True))
    )  # fmt: skip


def _with_doses(course: Course, when: pl.DataFrame, grounds: Grounds) -> Course:
    """The doses with those of assessments of no visit: the means of the 7 days before them."""
    other = when.filter(~pl.col("FIRST") & pl.col("NUMBER").is_null())
    assert grounds.doses is not None
    on = (pl.col("ON") - pl.col("START")).dt.total_days()
    windows = other.select("USUBJID", FIRST=on - DAYS_OF_DOSE, LAST=on - 1)
    dose = medication.average(grounds.doses, windows).fill_null(np.nan).to_numpy()
    rows = other.select("USUBJID", ADT="ON", USABLE=pl.lit(True))
    index = pl.concat([course.index, rows], how="diagonal_relaxed")
    return Course(index, {DOSE: np.concatenate([course.measures[DOSE], dose])})


def _latest(course: Course, when: pl.DataFrame) -> pl.DataFrame:
    """Row of the last value on or before the day of each occasion (`visit`); -1: none."""
    index = course.index.with_row_index("ROW").filter("USABLE").sort("USUBJID", "ADT")
    days = index.select("USUBJID", "ROW", ON="ADT")
    placed = when.select("USUBJID", "ON").with_row_index("PLACE").sort("USUBJID", "ON")
    found = placed.join_asof(days, on="ON", by="USUBJID", check_sortedness=False).sort("PLACE")
    return found.select(visit=pl.col("ROW").cast(pl.Int64).fill_null(-1))


def _rows(course: Course, when: pl.DataFrame) -> pl.DataFrame:
    """Row of a course at each occasion (`visit`) and at the one before it (`previous`); -1: none.

    The one before is the last at which the course has a row at all, be it the baseline.
    """
    index = course.index.with_row_index("ROW").with_columns(pl.col("ROW").cast(pl.Int64))
    counts = (pl.col("ANL01FL") == "Y").fill_null(False)
    base = index.filter(pl.col("ABLFL") == "Y").select("USUBJID", BASE="ROW")
    own = index.filter(counts).select("USUBJID", NUMBER="AVISITN", OWN="ROW")
    day = index.sort("USUBJID", "ADT", pl.col("USABLE"), counts, maintain_order=True)
    day = day.select("USUBJID", ON="ADT", DAY="ROW")
    placed = when.select("USUBJID", "ON", "NUMBER", "FIRST")
    for rows, keys in ((base, ["USUBJID"]), (own, ["USUBJID", "NUMBER"]), (day, ["USUBJID", "ON"])):
        once = rows.unique(keys, keep="last", maintain_order=True)
        placed = placed.join(once, on=keys, how="left", maintain_order="left")
    here = (
        pl.when("FIRST").then("BASE")
        .when(pl.col("NUMBER").is_not_null()).then("OWN")
        .otherwise("DAY")
    )  # fmt: skip
    return placed.with_columns(visit=here).select(
        pl.col("visit").fill_null(-1),
        previous=pl.col("visit").forward_fill().shift(1).over("USUBJID").fill_null(-1),
    )
