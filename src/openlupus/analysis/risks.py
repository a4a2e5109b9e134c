"""Risks of events against time at risk, and against a control."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import polars as pl

from openlupus.analysis.select import SUBJECT, Scope
from openlupus.errors import AnalysisError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Where
from openlupus.protocol.methods import Incidence
from openlupus.results import ResultRow
from openlupus.statistics.interval import Interval
from openlupus.statistics.newcombe import newcombe
from openlupus.statistics.rates import rate
from openlupus.statistics.score import miettinen_nurminen

DAYS_IN_YEAR = 365.25
_INTERVALS = {"miettinen_nurminen": miettinen_nurminen, "newcombe": newcombe}
_NAMES = {
    "miettinen_nurminen": "Miettinen and Nurminen's score method",
    "newcombe": "Newcombe's hybrid score method without continuity correction",
}


def rate_rows(
    seen: Scope,
    method: Incidence,
    parameter: str,
    where: Where,
    group: str,
    events: pl.DataFrame,
    people: pl.DataFrame,
) -> list[ResultRow]:
    """Patient-years at risk, and the rate with exact limits, of one node in one group.

    Args:
        seen: The analysis and its data.
        method: Its options.
        parameter: Of the node.
        where: The node's condition.
        group: Arm or group.
        events: Records of the node in the group.
        people: The group's subjects at risk, as `at_risk` gives them.
    """
    days = int(people["_days"].sum())
    count = events.height
    if method.rate == "first_event":
        first = events.group_by(SUBJECT).agg(pl.col(method.onset).min().alias("_first"))
        start, _ = method.at_risk
        until = (pl.col("_first") - pl.col(start)).dt.total_days() + 1
        # An event of unknown day, or before the first, takes one day of risk.
        until = until.fill_null(1).clip(1, pl.col("_days"))
        had = people.join(first, on=SUBJECT, how="inner").select(pl.col("_days") - until)
        days -= int(had.to_series().sum())
        count = first.height
    years = days / DAYS_IN_YEAR
    shared: dict[str, Any] = {
        "parameter": parameter, "group": group, "n": people.height, "method": "rate",
        "source": seen.source([group], where),
    }  # fmt: skip
    exposed = seen.row("exposure", years, unit="patient-years", **shared)
    unit = f"per {method.per_years:g} patient-years"
    if not years:
        said = ("the group has no time at risk, so there is no rate",)
        return [exposed, *seen.rows(dict.fromkeys(("rate", "lower", "upper")), unit=unit,
                                    warnings=said, **shared)]  # fmt: skip
    found = rate(count, years, per=method.per_years, level=method.level)
    values = {"rate": found.value, "lower": found.lower, "upper": found.upper}
    numbers = {name: float(value) for name, value in values.items()}
    return [exposed, *seen.rows(numbers, unit=unit, warnings=found.warnings, **shared)]


def at_risk(seen: Scope, method: Incidence, group: str) -> pl.DataFrame:
    """Subjects of a group who are at risk: USUBJID, the first day, and the number of days.

    Raises:
        AnalysisError: ADSL lacks a date of time at risk.
    """
    start, end = method.at_risk
    if absent := [c for c in method.at_risk if c not in seen.subjects.columns]:
        raise AnalysisError(
            f"analysis {seen.name}: ADSL lacks {', '.join(absent)}, which `at_risk` names for the"
            " time at risk"
        )
    days = (pl.col(end) - pl.col(start)).dt.total_days() + 1
    people = seen.of(seen.subjects, group).with_columns(_days=days.fill_null(0).clip(0))
    return people.filter(pl.col("_days") > 0).select(SUBJECT, start, "_days")


def difference_rows(
    seen: Scope,
    method: Incidence,
    parameter: str,
    where: Where,
    counts: Mapping[str, int],
    among: Mapping[str, int],
) -> list[ResultRow]:
    """Difference of proportions with limits, test minus control, of each comparison.

    `counts` holds the subjects with an event by group, `among` all subjects.
    """
    if method.difference == "none":
        return []
    rows: list[ResultRow] = []
    for test, control in seen.analysis.compare.all:
        sizes = [among[test], among[control]]
        shared: dict[str, Any] = {
            "parameter": parameter, "group": test, "comparator": control, "n": sum(sizes),
            "method": method.difference, "source": seen.source([test, control], where),
        }  # fmt: skip
        if not all(sizes):
            said = ("one of the groups has no subject, so there is no difference",)
            empty: dict[str, float | None] = dict.fromkeys(("difference", "lower", "upper"))
            rows += seen.rows(empty, warnings=said, **shared)
            continue
        pair = (counts.get(test, 0), counts.get(control, 0))
        found = _interval(method.difference, pair, (sizes[0], sizes[1]), method.level)
        values = {"difference": found.value, "lower": found.lower, "upper": found.upper}
        numbers = {name: float(value) for name, value in values.items()}
        rows += seen.rows(numbers, warnings=found.warnings, **shared)
    return rows


@lru_cache(maxsize=10_000)
def _interval(name: str, counts: tuple[int, int], sizes: tuple[int, int], level: float) -> Interval:
    # Rare terms have the same few counts again and again.
    return _INTERVALS[name]([[n] for n in counts], [[n] for n in sizes], level=level)


def risk_told(analysis: Analysis, method: Incidence) -> list[str]:
    """Sentences of the note about rates and differences."""
    said: list[str] = []
    level = f"{100 * method.level:g}%"
    if method.rate != "none":
        start, end = method.at_risk
        counted = {
            "first_event": "Rate: subjects with an event per"
            f" {method.per_years:g} patient-years at risk, which end at a subject's first event",
            "events": f"Rate: events per {method.per_years:g} patient-years at risk",
        }[method.rate]
        said.append(
            f"{counted}; time at risk is from {start} to {end}, both days included, a year is"
            f" {DAYS_IN_YEAR:g} days; exact Poisson limits of Garwood, two-sided {level}."
        )
    if method.difference != "none" and analysis.compare.all:
        said.append(
            f"Differences of proportions, test minus control, with two-sided {level} limits by"
            f" {_NAMES[method.difference]}, not adjusted for strata or multiplicity."
        )
    return said
