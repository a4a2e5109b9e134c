"""Time to an event: curves, numbers at risk, quantiles, log-rank tests, hazard ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from openlupus.analysis.association import stratum_of
from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.select import Scope, one_record_each, scope
from openlupus.analysis.summary import as_numbers
from openlupus.derivation.model import AnalysisData
from openlupus.errors import StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.methods import Survival
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.interval import Floats, normal_quantile, two_sided_p
from openlupus.statistics.survival.cox import cox
from openlupus.statistics.survival.kaplan_meier import Curve, kaplan_meier
from openlupus.statistics.survival.logrank import logrank

LOGRANK, COX = "logrank", "cox"
"""Parameters of the tests and of the hazard ratios."""
_STRATUM = "_stratum"


@dataclass(frozen=True, eq=False)
class Sample:
    """Times of the subjects of one group or several; every array has one entry a subject."""

    time: Floats
    event: Floats
    stratum: Floats
    covariates: Floats


def survival_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Curve of each group, tests and hazard ratios.

    Parameters: "" (n, events, censored), the quantile (`median`), a time as text (survival with
    limits, at_risk, events up to it), `logrank`, `cox`.

    Raises:
        AnalysisError: a column is absent or holds text, or a subject has several records.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Survival)
    seen = scope(name, protocol, data, subjects, columns=method.asked)
    one_record_each(seen)
    stratum = stratum_of(seen.records, method.strata).alias(_STRATUM)
    seen = replace(seen, records=seen.records.with_columns(stratum))
    rows = [row for group in seen.groups for row in _group(seen, method, group)]
    if method.logrank:
        rows += _logrank(seen, method, seen.arms, {})
    for test, control in seen.analysis.compare.all:
        between = {"group": test, "comparator": control}
        if method.logrank:
            rows += _logrank(seen, method, (test, control), between)
        if method.cox:
            rows += _cox(seen, method, (test, control), between)
        rows += _landmarks(seen, method, (test, control), between)
    return rows


def _sample(seen: Scope, method: Survival, group: str) -> tuple[Sample, tuple[str, ...]]:
    """The group's subjects with a time, and a warning on those without."""
    own = seen.of(seen.records, group)
    columns = (method.time, method.censored, _STRATUM, *method.covariates)
    numbers = np.array([as_numbers(seen, own[column]) for column in columns])
    known = ~np.isnan(numbers).any(axis=0)
    missing = int((~known).sum())
    said = (f"{missing} subject(s) with a missing value are left out",) if missing else ()
    time, censored, stratum = numbers[:3, known]
    event = (censored == 0).astype(np.float64)
    return Sample(time, event, stratum, numbers[3:, known].T), said


def _together(samples: Sequence[Sample]) -> tuple[Sample, Floats]:
    """Several samples as one, and the number of the sample of each subject."""
    number = np.repeat(np.arange(len(samples), dtype=np.float64), [s.time.size for s in samples])
    fields = ("time", "event", "stratum", "covariates")
    return Sample(*(np.concatenate([getattr(s, f) for s in samples]) for f in fields)), number


def _group(seen: Scope, method: Survival, group: str) -> list[ResultRow]:
    sample, said = _sample(seen, method, group)
    n, events = sample.time.size, sample.event.sum()
    known: Where = {method.time: Test(is_missing=False)}
    shared: dict[str, Any] = {"method": "kaplan_meier", "group": group, "n": n, "warnings": said}
    happened: Where = {method.censored: Test(equals=0)}
    not_yet: Where = {method.censored: Test(above=0)}
    rows = [
        seen.row("n", float(n), source=seen.source([group], known), **shared),
        seen.row("events", float(events), source=seen.source([group], happened), **shared),
        seen.row("censored", float(n - events), source=seen.source([group], not_yet), **shared),
    ]
    if not n:
        none = "no subject of the group has a time"
        empty = {**shared, "warnings": (*said, none), "parameter": _quantile_name(method)}
        values = dict.fromkeys((_quantile_name(method), "lower", "upper"))
        return [*rows, *seen.rows(values, source=seen.source([group]), **empty)]
    curve = kaplan_meier(sample.time, sample.event, scale=method.limits, level=method.level)
    return [*rows, *_quantile(seen, method, curve, shared), *_points(seen, method, curve, shared)]


def _quantile_name(method: Survival) -> str:
    return "median" if method.quantile == 0.5 else "quantile"


def _quantile(
    seen: Scope, method: Survival, curve: Curve, shared: Mapping[str, Any]
) -> list[ResultRow]:
    found, name = curve.quantile(method.quantile), _quantile_name(method)
    values = {name: found.value, "lower": found.lower, "upper": found.upper}
    told = {**shared, "warnings": (*shared["warnings"], *found.warnings), "parameter": name}
    source = seen.source([shared["group"]], {method.time: Test(is_missing=False)})
    return seen.rows(
        {k: None if np.isnan(v) else float(v) for k, v in values.items()}, source=source, **told
    )


def _points(
    seen: Scope, method: Survival, curve: Curve, shared: Mapping[str, Any]
) -> list[ResultRow]:
    times = np.unique([0.0, *method.times, *curve.time])
    found = curve.at(times)
    place = np.searchsorted(curve.time, times, side="right")
    events = np.append(0.0, np.cumsum(curve.n_event))[place]
    remain = np.append(curve.n_risk[1:], 0.0)
    censored = np.append(0.0, np.cumsum(curve.n_risk - curve.n_event - remain))[place]
    group, rows = shared["group"], list[ResultRow]()
    for k, time in enumerate(times):
        own: dict[str, Any] = {**shared, "parameter": f"{time:.12g}"}
        beyond = (f"no follow-up beyond {curve.time[-1]:g}",) if time > curve.time[-1] else ()
        beyond += ("no limits where the estimate is 0 or 1",) * bool(np.isnan(found.lower[k]))
        values = {
            "survival": found.survival[k], "lower": found.lower[k], "upper": found.upper[k]
        }  # fmt: skip
        rows += seen.rows(
            values, source=seen.source([group], {method.time: Test(is_missing=False)}),
            **{**own, "warnings": (*shared["warnings"], *beyond)},
        )  # fmt: skip
        left: Where = {method.time: Test(at_least=float(time))}
        gone: Where = {method.time: Test(at_most=float(time)), method.censored: Test(equals=0)}
        rows.append(seen.row("at_risk", found.n_risk[k], source=seen.source([group], left), **own))
        rows.append(seen.row("events", events[k], source=seen.source([group], gone), **own))
        lost: Where = {method.time: Test(at_most=float(time)), method.censored: Test(above=0)}
        rows.append(seen.row("censored", censored[k], source=seen.source([group], lost), **own))
    return rows


def _logrank(
    seen: Scope, method: Survival, groups: Sequence[str], between: Mapping[str, str]
) -> list[ResultRow]:
    samples = [_sample(seen, method, group)[0] for group in groups]
    every, number = _together(samples)
    values: dict[str, float | None] = dict.fromkeys(("statistic", "df", "p"))
    try:
        found = logrank(every.time, every.event, number, strata=every.stratum)
        values, said = {"statistic": found.statistic, "df": found.df, "p": found.p}, found.warnings
    except StatisticsError as error:
        said = (str(error),)
    return seen.rows(
        values, method="logrank", parameter=LOGRANK, n=every.time.size, warnings=said,
        source=seen.source(groups, {method.time: Test(is_missing=False)}), **between,
    )  # fmt: skip


def _cox(
    seen: Scope, method: Survival, pair: tuple[str, str], between: Mapping[str, str]
) -> list[ResultRow]:
    every, number = _together([_sample(seen, method, group)[0] for group in pair])
    x = np.column_stack([1 - number, every.covariates])
    values: dict[str, float | None] = dict.fromkeys(("ratio", "lower", "upper", "statistic", "p"))
    try:
        fit = cox(
            every.time, every.event, x, strata=every.stratum, ties=method.ties,
            level=method.level, names=(f"{pair[0]} against {pair[1]}", *method.covariates),
        )  # fmt: skip
        ratio, said = fit.hazard_ratio(), fit.warnings
        values = {
            "ratio": float(ratio.value), "lower": float(ratio.lower),
            "upper": float(ratio.upper), "statistic": float(fit.z[0]), "p": float(fit.p[0]),
        }  # fmt: skip
    except StatisticsError as error:
        said = (str(error),)
    return seen.rows(
        values, method="cox", parameter=COX, n=every.time.size, warnings=said,
        source=seen.source(pair, {method.time: Test(is_missing=False)}), **between,
    )  # fmt: skip


def _landmarks(
    seen: Scope, method: Survival, pair: tuple[str, str], between: Mapping[str, str]
) -> list[ResultRow]:
    """Difference of the two curves at each declared time."""
    both = [_sample(seen, method, group)[0] for group in pair]
    size, rows = sum(one.time.size for one in both), list[ResultRow]()
    if not method.times or not all(one.time.size for one in both):
        return rows
    first, second = (
        kaplan_meier(one.time, one.event, level=method.level).at(method.times) for one in both
    )
    for k, time in enumerate(method.times):
        difference = first.survival[k] - second.survival[k]
        se = float(np.hypot(first.standard_error[k], second.standard_error[k]))
        half = normal_quantile(method.level) * se
        values = {
            "difference": difference, "se": se, "lower": difference - half,
            "upper": difference + half,
            "p": float(two_sided_p(difference / se)) if se > 0 else None,
        }  # fmt: skip
        said = () if se > 0 else ("no follow-up of both groups, or no event, up to this time",)
        rows += seen.rows(
            values, method="kaplan_meier", parameter=f"{time:.12g}", n=size, warnings=said,
            source=seen.source(pair, {method.time: Test(is_missing=False)}), **between,
        )  # fmt: skip
    return rows


def survival_told(protocol: Protocol, analysis: Analysis, method: Survival) -> list[str]:
    """Every option in words."""
    of = records_in_words(protocol, analysis)
    level = f"{100 * method.level:.6g}%"
    what = "median" if method.quantile == 0.5 else f"quantile {method.quantile:g}"
    said = [
        f"Time to event {method.time} in {method.unit} ({of}).",
        f"The event was seen where {method.censored} is 0, and is censored where it is above 0.",
        f"Kaplan-Meier curves with {level} limits by Greenwood's variance on the {method.limits}",
        f"scale; the limits of the {what} are where those of the curve reach",
        f"{1 - method.quantile:g}. At risk are those whose time is that time or later;",
        "events and censored subjects count up to and with the time.",
        *_differences_told(method, analysis),
    ]
    if not method.logrank and not (method.cox and analysis.compare.all):
        return said
    strata = f", stratified by {listed(method.strata)}" if method.strata else ", not stratified"
    if method.logrank:
        said.append(f"P: log-rank test, of all arms and of each comparison{strata}.")
    if method.cox and analysis.compare.all:
        adjusted = f", adjusted for {listed(method.covariates)}" if method.covariates else ""
        said.append(
            f"Ratio: hazard ratio of the two groups of each comparison alone by Cox's model"
            f"{strata}{adjusted}, ties by the {method.ties} method, {level} Wald limits and P."
        )
    return said


def _differences_told(method: Survival, analysis: Analysis) -> list[str]:
    if not method.times or not analysis.compare.all:
        return []
    times = ", ".join(f"{time:g}" for time in method.times)
    return [
        f"Difference of the curves at {times}: limits and P by the normal distribution,",
        "with Greenwood's variances added.",
    ]
