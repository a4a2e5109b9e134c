"""Responders of an end point at a visit: counts, differences with limits, tests."""

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from openlupus.analysis.counts import fisher_p
from openlupus.analysis.interaction import TOLD
from openlupus.analysis.notes.endpoint import (
    MISSING,
    composite_in_words,
    events_in_words,
    strata_in_words,
    when_in_words,
)
from openlupus.analysis.notes.words import records_in_words
from openlupus.analysis.select import SUBJECT, Scope
from openlupus.analysis.strata import combinations
from openlupus.analysis.verdicts import RESPONDING, WITH_VERDICT, Tables, read_verdicts
from openlupus.analysis.verdicts import tables as count_tables
from openlupus.derivation.model import AnalysisData
from openlupus.errors import StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import Responder
from openlupus.protocol.model import Endpoint, Protocol
from openlupus.results import ResultRow
from openlupus.statistics.cmh import cmh, mantel_fleiss
from openlupus.statistics.contingency import pearson_chisquare
from openlupus.statistics.interval import Floats
from openlupus.statistics.risk_difference import (
    Interval,
    common_risk_difference,
    newcombe,
    stratified_newcombe,
)

_TRUSTED = 5
"""Mantel and Fleiss: above this number the chi-square approximation of the CMH test holds."""

Found = tuple[Mapping[str, float | None], tuple[str, ...]]
"""Statistics by name, and warnings."""


def responder_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """N, n and proportion in each group; difference, limits and test of each comparison.

    N counts the subjects of the population with a verdict (AVAL 1 or 0), n those with 1. The
    parameter is the end point's.

    Raises:
        AnalysisError: a column is absent, a subject has two verdicts at the visit, or AVAL is
            something else than 1, 0 and missing.
    """
    analysis = protocol.analyses[name]
    method = analysis.method
    assert isinstance(method, Responder)
    read = read_verdicts(name, protocol, data, subjects)
    seen, endpoint, verdicts = read.scope, read.endpoint, read.known
    rows = [row for group in seen.groups for row in _counted(seen, endpoint, group, verdicts)]
    for pair in analysis.compare.all:
        rows += _compared(seen, method, endpoint, pair, verdicts)
    return rows


def _counted(
    seen: Scope, endpoint: Endpoint, group: str, verdicts: pl.DataFrame
) -> list[ResultRow]:
    own = seen.of(verdicts, group)
    among, n = own.height, int(own["AVAL"].sum())
    eligible = seen.of(seen.subjects, group)
    eligible = eligible.filter(expression(endpoint.eligible, eligible.schema))
    without = eligible.join(own, on=SUBJECT, how="anti").height
    said = [f"{without} subject(s) have no verdict and are not counted"] if without else []
    if not among:
        said.append("no subject of the group has a verdict, so there is no proportion")
    values = {"N": float(among), "n": float(n), "proportion": n / among if among else None}
    where = {"N": WITH_VERDICT, "n": RESPONDING, "proportion": WITH_VERDICT}
    return [
        seen.row(
            statistic,
            value,
            method="count",
            parameter=endpoint.parameter,
            group=group,
            n=among,
            source=seen.source([group], where[statistic]),
            warnings=said,
        )
        for statistic, value in values.items()
    ]


def _compared(
    seen: Scope,
    method: Responder,
    endpoint: Endpoint,
    pair: tuple[str, str],
    verdicts: pl.DataFrame,
) -> list[ResultRow]:
    strata = combinations(seen.protocol, method)
    tables = count_tables(*(seen.of(verdicts, group) for group in pair), strata=strata)
    estimate = "difference" if method.interval == "none" else method.interval
    rows: list[ResultRow] = []
    for name, crude, (values, said) in (
        (estimate, method.interval == "newcombe", _interval(method, tables)),
        (method.test, method.test != "cmh", _test(method, tables)),
    ):
        rows += seen.rows(
            values,
            method=name,
            parameter=endpoint.parameter,
            group=pair[0],
            comparator=pair[1],
            n=int((tables.crude_n if crude else tables.n).sum()),
            source=seen.source(pair, WITH_VERDICT),
            warnings=said if crude else (*tables.said, *said),
        )
    return rows


def _interval(method: Responder, tables: Tables) -> Found:
    try:
        found = _estimate(method, tables)
    except StatisticsError as error:
        return {"difference": None, "lower": None, "upper": None}, (str(error),)
    values: dict[str, float | None] = {"difference": float(found.value)}
    if method.interval != "none":
        if found.standard_error is not None:
            values["se"] = float(found.standard_error)
        values |= {"lower": float(found.lower), "upper": float(found.upper)}
    return values, found.warnings


def _estimate(method: Responder, tables: Tables) -> Interval:
    if method.interval == "newcombe":
        return interval_of(method, tables.crude, tables.crude_n)
    return interval_of(method, tables.responders, tables.n)


def interval_of(method: Responder, responders: Floats, n: Floats) -> Interval:
    """The declared difference with its limits, of responders and patients (..., 2, strata)."""
    level, weights = method.level, method.weights
    match method.interval:
        case "stratified_newcombe":
            return stratified_newcombe(responders, n, level=level, weights=weights)
        case "newcombe":
            crude = (each.sum(axis=-1, keepdims=True) for each in (responders, n))
            return newcombe(*crude, level=level)
        case "sato":
            return common_risk_difference(
                responders, n, level=level, weights=weights, variance="sato"
            )
        case "greenland_robins" | "none":
            return common_risk_difference(responders, n, level=level, weights=weights)


def p_of(method: Responder, responders: Floats, n: Floats) -> Floats:
    """P of the declared test, of responders and patients (tables, 2, strata); NaN for none."""
    if method.test == "cmh":
        return np.asarray(cmh(responders, n, correct=method.continuity_correction).p)
    tested = (
        _test(
            method,
            Tables(x, size, x.sum(axis=1, keepdims=True), size.sum(axis=1, keepdims=True), ()),
        )
        for x, size in zip(responders, n, strict=True)
    )
    return np.array([values.get("p", np.nan) for values, _ in tested], dtype=np.float64)


def _test(method: Responder, tables: Tables) -> Found:
    crude = np.hstack([tables.crude, tables.crude_n - tables.crude])
    try:
        match method.test:
            case "none":
                return {}, ()
            case "fisher":
                among = [int(size) for size in tables.crude_n[:, 0]]
                p, said = fisher_p([int(x) for x in tables.crude[:, 0]], among)
                return {"p": p}, said
            case "chi_square":
                plain = pearson_chisquare(crude, correct=method.continuity_correction)
                values = {"statistic": plain.statistic, "df": float(plain.df), "p": plain.p}
                return values, plain.warnings
            case "cmh":
                return _cmh(method, tables)
    except StatisticsError as error:
        return {"statistic": None, "df": None, "p": None}, (str(error),)


def _cmh(method: Responder, tables: Tables) -> Found:
    found = cmh(tables.responders, tables.n, correct=method.continuity_correction)
    said = tuple(w for w in found.warnings if "odds ratio" not in w)
    approximation = float(mantel_fleiss(tables.responders, tables.n))
    if not math.isnan(float(found.statistic)) and approximation <= _TRUSTED:
        sparse = f"the Mantel-Fleiss number is {approximation:.3g}, not above {_TRUSTED}"
        said += (f"{sparse}: the chi-square approximation of the test may be poor",)
    values = {"statistic": float(found.statistic), "df": float(found.df), "p": float(found.p)}
    return values, said


_INTERVALS: Mapping[str, str] = {
    "stratified_newcombe": "stratified Newcombe hybrid score limits (Yan and Su 2010)",
    "newcombe": "Newcombe hybrid score limits without continuity correction (Newcombe 1998,"
    " method 10), not stratified",
    "sato": "normal limits with the variance of Sato (1989)",
    "greenland_robins": "normal limits with the variance of Greenland and Robins (1985)",
}


def responder_told(protocol: Protocol, analysis: Analysis, method: Responder) -> list[str]:
    endpoint = protocol.endpoints[analysis.endpoint]
    of = records_in_words(protocol, analysis, "ADRESP")
    said = [
        f"Responders of {endpoint.label} (PARAMCD {endpoint.parameter}, {of}).",
        *composite_in_words(protocol, endpoint),
        *when_in_words(protocol, analysis),
        *events_in_words(protocol, endpoint),
        f"Counts: {MISSING[endpoint.missing]}.",
    ]
    if not analysis.compare.all:
        return said
    strata = [strata_in_words(protocol, method)] if method.strata else []
    return [*said, *strata, _difference(method), _test_of(method), *_interaction(analysis, method)]


def _difference(method: Responder) -> str:
    how = "of the crude proportions"
    if method.strata and method.interval != "newcombe":
        how = "weighted over the strata by Cochran-Mantel-Haenszel weights n1 n0 / (n1 + n0)"
    said = f"Difference, test minus comparator, {how}"
    if method.interval == "none":
        return f"{said}, without limits."
    return f"{said}; {100 * method.level:.6g}% two-sided {_INTERVALS[method.interval]}."


def _interaction(analysis: Analysis, method: Responder) -> list[str]:
    if not analysis.subgroups or method.interaction == "none":
        return []
    return [f"P of interaction, for each comparison: {TOLD[method.interaction]}."]


def _test_of(method: Responder) -> str:
    correction = f"{'with' if method.continuity_correction else 'without'} continuity correction"
    match method.test:
        case "cmh":
            name = "Cochran-Mantel-Haenszel test on 1 degree of freedom"
            return f"P: {name}, {correction}, two-sided."
        case "chi_square":
            return f"P: Pearson's chi-square test, {correction}, not stratified."
        case "fisher":
            return "P: Fisher's exact test, two-sided, not stratified."
        case "none":
            return "No test."
