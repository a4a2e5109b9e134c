"""Median change or per cent change of a number, with limits that need no model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from openlupus.analysis.notes.words import records_in_words
from openlupus.analysis.select import Scope, one_record_each, scope
from openlupus.analysis.summary import as_numbers
from openlupus.derivation.model import AnalysisData
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test
from openlupus.protocol.methods import MedianChange
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.interval import Floats
from openlupus.statistics.median import median_interval


def median_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """n, median and its limits in each group; a per cent change is a proportion of baseline.

    Raises:
        AnalysisError: a column is absent or holds text, or a subject has several records.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, MedianChange)
    seen = scope(name, protocol, data, subjects, columns=method.asked)
    one_record_each(seen)
    return [row for group in seen.groups for row in _described(seen, method, group)]


def _described(seen: Scope, method: MedianChange, group: str) -> list[ResultRow]:
    records = seen.of(seen.records, group)
    values = _values(seen, method, records)
    known = values[~np.isnan(values)]
    found = median_interval(known, level=method.level)
    said = found.warnings
    if left := int(np.isnan(values).sum()):
        why = "a missing value" + (" or a baseline of 0" if method.of == "percent" else "")
        said = (f"{left} subject(s) with {why} are left out", *said)
    where = {column: Test(is_missing=False) for column in method.asked}
    shared: dict[str, Any] = {
        "parameter": method.variable, "group": group, "n": known.size,
        "source": seen.source([group], where), "method": "median",
    }  # fmt: skip
    numbers = {"median": found.value, "lower": found.lower, "upper": found.upper}
    return [
        seen.row("n", float(known.size), **shared),
        *seen.rows({k: float(v) for k, v in numbers.items()}, warnings=said, **shared),
    ]


def _values(seen: Scope, method: MedianChange, records: pl.DataFrame) -> Floats:
    now = as_numbers(seen, records[method.variable])
    if method.of == "value":
        return now
    before = as_numbers(seen, records[method.baseline])
    if method.of == "change":
        return now - before
    whole = np.where(before == 0, np.nan, before)
    return (now - before) / whole


_OF: Mapping[str, str] = {
    "percent": "change of {variable} from {baseline} as a proportion of {baseline}",
    "change": "change of {variable} from {baseline}",
    "value": "{variable}",
}


def median_told(protocol: Protocol, analysis: Analysis, method: MedianChange) -> list[str]:
    what = _OF[method.of].format(variable=method.variable, baseline=method.baseline)
    left = " or a baseline of 0" if method.of == "percent" else ""
    return [
        (
            f"Median {what} ({records_in_words(protocol, analysis)}); subjects with a missing value"
            f"{left} are left out."
        ),
        (
            "Limits: the narrowest pair of order statistics, equally far from both ends, that"
            f" covers the median with at least {100 * method.level:.6g}% whatever the distribution."
        ),
    ]
