"""Response rates adjusted for covariates, and their differences, by standardisation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from openlupus.analysis.notes.endpoint import (
    MISSING,
    composite_in_words,
    events_in_words,
    when_in_words,
)
from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.select import ARM, Scope
from openlupus.analysis.strata import strata_columns
from openlupus.analysis.summary import as_numbers
from openlupus.analysis.verdicts import WITH_VERDICT, Verdicts, read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.methods import Marginal
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.interval import Floats, normal_quantile
from openlupus.statistics.marginal import MarginalMeans, marginal_means


def marginal_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Marginal rate of each arm and difference of each comparison.

    Raises:
        AnalysisError: a column is absent or holds text, or groups of several arms are compared.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Marginal)
    factors = (*strata_columns(protocol, method), *method.factors)
    read = read_verdicts(
        name, protocol, data, subjects, columns=[*method.covariates, *method.factors]
    )
    if pooled := [group for group in read.scope.groups if group not in protocol.arms]:
        raise AnalysisError(
            f"analysis {name}: marginal rates are of arms, and {', '.join(pooled)} is a group of"
            " several; list arms alone"
        )
    codes = {protocol.arms[arm].code: arm for arm in read.scope.arms}
    frame = read.known.filter(pl.col(ARM).is_in(list(codes)))
    arms = frame[ARM].replace_strict(codes, return_dtype=pl.String).to_numpy()
    matrix, names = _design(read.scope, method, factors, frame)
    controls = dict.fromkeys(control for _, control in read.scope.analysis.compare.all)
    fitted = {
        control: _fit(method, frame["AVAL"].to_numpy(), arms, matrix, names, control)
        for control in controls or [read.scope.arms[-1]]
    }
    first, why = next(iter(fitted.values()))
    rows = [
        row for arm in read.scope.arms for row in _rate(read, method, first, why, arm, frame.height)
    ]
    for test, control in read.scope.analysis.compare.all:
        rows += _difference(read, *fitted[control], (test, control), frame.height)
    return rows


def _design(
    seen: Scope, method: Marginal, factors: Sequence[str], frame: pl.DataFrame
) -> tuple[Floats, list[str]]:
    """Columns of the covariates, and of the levels of factors but the first; NaN where missing."""
    columns = [as_numbers(seen, frame[name]) for name in method.covariates]
    names = list(method.covariates)
    for factor in factors:
        values = frame[factor].cast(pl.String).replace("", None)
        known = values.is_not_null().to_numpy()
        for level in values.drop_nulls().unique().sort()[1:]:
            here = (values == level).fill_null(False).to_numpy().astype(np.float64)
            columns.append(np.where(known, here, np.nan))
            names.append(f"{factor} {level}")
    return np.column_stack([np.empty((frame.height, 0)), *columns]), names


def _fit(
    method: Marginal, y: Floats, arms: Any, matrix: Floats, names: list[str], control: str
) -> tuple[MarginalMeans | None, tuple[str, ...]]:
    try:
        found = marginal_means(
            y, arms, covariates=matrix, control=control, variance=method.variance,
            robust=method.robust, interactions=method.interactions, level=method.level,
            covariate_names=names,
        )  # fmt: skip
    except StatisticsError as error:
        return None, (str(error),)
    return found, found.warnings


def _rate(
    read: Verdicts,
    method: Marginal,
    found: MarginalMeans | None,
    said: tuple[str, ...],
    arm: str,
    n: int,
) -> list[ResultRow]:
    values: dict[str, float | None] = dict.fromkeys(("proportion", "se", "lower", "upper"))
    if found is not None and arm in found.groups:
        at = found.groups.index(arm)
        mean, error = float(found.means[at]), float(np.sqrt(found.covariance[at, at]))
        half = normal_quantile(method.level) * error
        values = {"proportion": mean, "se": error, "lower": mean - half, "upper": mean + half}
    elif found is not None:
        said = (*said, f"{arm} has no subject in the model")
    return read.scope.rows(
        values, method="g_computation", parameter=read.endpoint.parameter, group=arm, n=n,
        source=read.scope.source([arm], WITH_VERDICT), warnings=said,
    )  # fmt: skip


def _difference(
    read: Verdicts,
    found: MarginalMeans | None,
    said: tuple[str, ...],
    pair: tuple[str, str],
    n: int,
) -> list[ResultRow]:
    names = ("difference", "se", "lower", "upper", "statistic", "p")
    values: dict[str, float | None] = dict.fromkeys(names)
    if found is not None and pair[0] in found.groups:
        effect = found.effect(pair[0])
        held = effect.interval
        numbers = (held.value, held.standard_error, held.lower, held.upper, effect.z, effect.p)
        values = {k: None if v is None else float(v) for k, v in zip(names, numbers, strict=True)}
    elif found is not None:
        said = (*said, f"{pair[0]} has no subject in the model")
    return read.scope.rows(
        values, method="g_computation", parameter=read.endpoint.parameter, group=pair[0],
        comparator=pair[1], n=n, source=read.scope.source(pair, WITH_VERDICT), warnings=said,
    )  # fmt: skip


def marginal_told(protocol: Protocol, analysis: Analysis, method: Marginal) -> list[str]:
    endpoint = protocol.endpoints[analysis.endpoint]
    of = records_in_words(protocol, analysis, "ADRESP")
    strata = [protocol.strata[s].label for s in method.strata]
    terms = ["arm", *(f"{label} (as {method.strata_as})" for label in strata)]
    terms += [*method.factors, *method.covariates]
    products = ", each with its product with the arm" if method.interactions else ""
    errors = (
        f"by the delta method of Ge et al. (2011), {method.robust} covariance of the coefficients"
        if method.variance == "ge"
        else "by Ye et al. (2023), which holds under a wrong model too"
    )
    return [
        f"Responders of {endpoint.label} (PARAMCD {endpoint.parameter}, {of}).",
        *composite_in_words(protocol, endpoint),
        *when_in_words(protocol, analysis),
        *events_in_words(protocol, endpoint),
        f"Verdicts: {MISSING[endpoint.missing]}.",
        (
            f"Logistic regression of all arms together on {listed(terms)}{products}; subjects"
            " with a missing value are left out."
        ),
        (
            "Rates: mean predicted chance of all subjects, as if each had been in the arm"
            f" (g-computation). Standard errors {errors}; {100 * method.level:.6g}% normal limits"
            " and two-sided P of the difference."
        ),
    ]
