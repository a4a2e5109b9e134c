"""Descriptive summaries of a number: mean, SD, median, quartiles, range."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.select import ARM, Scope, one_record_each, scope
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test
from openlupus.protocol.methods import Summary
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.contingency import anova_oneway
from openlupus.statistics.describe import Description, describe
from openlupus.statistics.interval import Floats

MOMENTS = ("mean", "sd", "median", "q1", "q3", "minimum", "maximum")


def summary_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Summary of numbers in each group (parameter: the column), and a test over the arms.

    N counts the records, n those with a value.

    Raises:
        AnalysisError: the column is absent or holds text, or a subject has several records.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Summary)
    seen = scope(name, protocol, data, subjects, columns=method.variables)
    if not method.several_records:
        one_record_each(seen)
    arm_of = seen.records[ARM].to_list()
    members: dict[str, NDArray[np.bool_]] = {}
    for group in dict.fromkeys([*seen.groups, *seen.arms]):
        codes = seen.protocol.codes(group) if group else set(arm_of)
        members[group] = np.array([arm in codes for arm in arm_of], dtype=np.bool_)
    rows: list[ResultRow] = []
    for variable in method.variables:
        values = as_numbers(seen, seen.records[variable])
        for group in seen.groups:
            rows += _described(seen, method, variable, group, values[members[group]])
        if method.test == "anova":
            rows += _anova(seen, variable, [values[members[arm]] for arm in seen.arms])
    return rows


def as_numbers(seen: Scope, values: pl.Series) -> Floats:
    """A column as floats; NaN where it is missing.

    Raises:
        AnalysisError: the column holds text or dates.
    """
    if not (values.dtype.is_numeric() or values.dtype.is_(pl.Boolean) or values.dtype.is_(pl.Null)):
        raise AnalysisError(
            f"analysis {seen.name}: column {values.name} of {seen.dataset} holds {values.dtype};"
            " it must be a number"
        )
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _described(
    seen: Scope, method: Summary, variable: str, group: str, values: Floats
) -> list[ResultRow]:
    found = describe(values, quantile_rule=method.quantile_rule)
    given: dict[str, float] = asdict(found)
    shared: dict[str, Any] = {"method": "summary", "parameter": variable, "group": group}
    records = seen.row(
        "N", float(values.size), n=values.size, source=seen.source([group]), **shared
    )
    shared["source"] = seen.source([group], {variable: Test(is_missing=False)})
    moments = [
        seen.row(name, given[name], n=found.n, warnings=_said(found, name, variable), **shared)
        for name in ("n", *MOMENTS)
    ]
    return [records, *moments]


def _said(found: Description, statistic: str, variable: str) -> tuple[str, ...]:
    missing = f"{found.n_missing} subject(s) have no {variable}"
    said = (missing,) if found.n_missing else ()
    if statistic == "n":
        return said
    if found.n == 0:
        return (f"no subject has a value of {variable}",)
    if statistic == "sd" and found.n == 1:
        return (*said, "one value has no standard deviation")
    return said


def _anova(seen: Scope, variable: str, by_arm: list[Floats]) -> list[ResultRow]:
    try:
        test = anova_oneway(by_arm)
        found = {"statistic": test.statistic, "df": float(test.df), "p": test.p}
        said = test.warnings
    except StatisticsError as error:
        found, said = {"statistic": None, "df": None, "p": None}, (str(error),)
    return seen.rows(
        found,
        method="anova",
        parameter=variable,
        n=int(sum((~np.isnan(values)).sum() for values in by_arm)),
        source=seen.source(seen.arms, {variable: Test(is_missing=False)}),
        warnings=said,
    )


_QUANTILES: Mapping[str, str] = {
    "sas1": "SAS definition 1 (weighted average aimed at np; R type 4)",
    "sas2": "SAS definition 2 (nearest observation; R type 3)",
    "sas3": "SAS definition 3 (empirical distribution; R type 1)",
    "sas4": "SAS definition 4 (weighted average aimed at (n+1)p; R type 6)",
    "sas5": "SAS definition 5 (empirical distribution with averaging; R type 2)",
    "r7": "R type 7 (linear interpolation)",
}


def summary_told(protocol: Protocol, analysis: Analysis, method: Summary) -> list[str]:
    of = records_in_words(protocol, analysis)
    rule = _QUANTILES[method.quantile_rule]
    said = [
        f"Summary of {listed(method.variables)} ({of}): N records, of which n have a value.",
        f"SD is over n - 1; median and quartiles are by {rule}.",
    ]
    if method.several_records:
        said.append("A subject counts as often as there are records.")
    if method.test == "anova":
        said.append("P: one-way analysis of variance (F test) over the arms.")
    return said
