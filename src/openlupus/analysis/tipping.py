"""Tipping point: how far imputed values must be shifted for a conclusion to change."""

import numpy as np
import polars as pl

from openlupus.analysis.imputation import NUMBERS, Completed, complete
from openlupus.analysis.imputed import (
    Groups,
    difference,
    groups_of,
    imputing_told,
    pooled_cmh,
)
from openlupus.analysis.notes.endpoint import strata_in_words
from openlupus.analysis.verdicts import read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.methods import Tipping
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow


def tipping_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Difference and P of each comparison over the grid; the parameter is `test|control` shift.

    Raises:
        AnalysisError: the composite has no such measure, or no model of imputation.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Tipping)
    verdicts = read_verdicts(name, protocol, data, subjects)
    groups = groups_of(protocol, verdicts, method)
    try:
        completed = complete(protocol, data, verdicts, method)
    except StatisticsError as error:
        return [
            row
            for pair in verdicts.scope.analysis.compare.all
            for a in method.test_shifts
            for b in method.control_shifts
            for row in _cell(groups, method, pair, f"{a:g}|{b:g}", None, (str(error),))
        ]
    if method.measure not in completed.numbers:
        known = ", ".join(completed.numbers)
        raise AnalysisError(
            f"analysis {name}: {method.measure} is no number of the end point; it has {known}"
        )
    return [
        row
        for pair in verdicts.scope.analysis.compare.all
        for row in _grid(groups, method, completed, pair)
    ]


def _grid(
    groups: Groups, method: Tipping, completed: Completed, pair: tuple[str, str]
) -> list[ResultRow]:
    """Each group's verdicts depend on its own shift alone, so each is passed once a shift."""
    test, control = (
        [groups.counts(group, completed.responders({method.measure: shift})) for shift in shifts]
        for group, shifts in zip(pair, (method.test_shifts, method.control_shifts), strict=True)
    )
    rows: list[ResultRow] = []
    for a, of_test in zip(method.test_shifts, test, strict=True):
        for b, of_control in zip(method.control_shifts, control, strict=True):
            counts = np.stack([of_test, of_control], axis=1)
            rows += _cell(groups, method, pair, f"{a:g}|{b:g}", counts, completed.said)
    return rows


def _cell(
    groups: Groups,
    method: Tipping,
    pair: tuple[str, str],
    parameter: str,
    counts: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None,
    said: tuple[str, ...],
) -> list[ResultRow]:
    seen = groups.verdicts.scope
    n = np.stack([groups.sizes(group) for group in pair])
    value, more = difference(counts, n, "stratified_newcombe", method.level)
    test, others = pooled_cmh(counts, n)
    return seen.rows(
        {"difference": value["difference"], "p": test["p"]},
        method="tipping_point", parameter=parameter, group=pair[0], comparator=pair[1],
        n=int(n.sum()), source=seen.source(pair), warnings=(*said, *more, *others),
    )  # fmt: skip


def tipping_told(protocol: Protocol, analysis: Analysis, method: Tipping) -> list[str]:
    number = NUMBERS.get(method.measure)
    named = f"{method.measure} ({number.parameter})" if number else method.measure

    def shifts(values: tuple[float, ...]) -> str:
        return ", ".join(f"{value:g}" for value in values)

    return [
        *imputing_told(protocol, analysis, method),
        strata_in_words(protocol, method),
        (
            f"To every imputed value of {named} at the visit is added one of"
            f" {shifts(method.test_shifts)} in the test arm and one of"
            f" {shifts(method.control_shifts)} in the comparator, before it is limited to its"
            " scale; the verdicts are passed again."
        ),
        (
            "Difference: mean over the imputations with Cochran-Mantel-Haenszel weights. P:"
            " Cochran-Mantel-Haenszel statistics pooled after Wilson and Hilferty."
        ),
    ]
