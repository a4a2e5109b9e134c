"""Analysis of covariance of a number between arms, and over the dose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.select import ARM, Scope, one_record_each, scope
from openlupus.analysis.summary import as_numbers
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.methods import Ancova
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.ancova import Ancova as Fitted
from openlupus.statistics.ancova import Estimate, ancova, slope
from openlupus.statistics.interval import Floats, normal_quantile

DOSE = "dose"
"""Parameter of the slope over the dose."""


@dataclass(frozen=True, eq=False)
class Model:
    """Numbers of the subjects who have them all; every array has one entry or row a subject.

    Attributes:
        arm: Place of the arm among the arms of the analysis.
        y: The measurement.
        covariates: Shape (subjects, covariates).
        factors: Number of the level, one array a factor.
        dose: The dose; empty when none is declared.
        known: The condition that their records meet.
        said: Warning on the subjects who are left out.
    """

    arm: NDArray[np.int64]
    y: Floats
    covariates: Floats
    factors: tuple[NDArray[np.int64], ...]
    dose: Floats
    known: Where
    said: tuple[str, ...]


def ancova_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Adjusted means of the arms, their differences, and the slope over the dose.

    The model has arm, factors and covariates as main effects, and is fitted once to all arms of
    the analysis. The parameter is the measured column; that of the slope is `dose`, without a
    group.

    Raises:
        AnalysisError: a column is absent or holds text, a subject has several records, or groups
            of several arms are compared.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Ancova)
    numbers = [method.variable, *method.covariates, *filter(None, [method.dose])]
    seen = scope(name, protocol, data, subjects, columns=[*numbers, *method.factors])
    one_record_each(seen)
    if pooled := [group for group in seen.groups if group not in protocol.arms]:
        raise AnalysisError(
            f"analysis {name}: an analysis of covariance is of arms, and {', '.join(pooled)} is a"
            " group of several; list arms alone"
        )
    model = read_model(seen, method, numbers)
    rows = _arms(seen, method, model)
    return rows + _slope(seen, method, model) if method.dose else rows


def read_model(seen: Scope, method: Ancova, numbers: Sequence[str]) -> Model:
    """The subjects who have all numbers; `numbers` are measurement, covariates, dose."""
    places = {seen.protocol.arms[arm].code: place for place, arm in enumerate(seen.arms)}
    records = seen.records.filter(pl.col(ARM).is_in(list(places)))
    values = np.array([as_numbers(seen, records[name]) for name in numbers])
    levels = [records[name].cast(pl.String).replace("", None) for name in method.factors]
    present = [~np.isnan(values).any(axis=0), *(level.is_not_null().to_numpy() for level in levels)]
    whole = np.all(present, axis=0)
    kept = pl.Series(values=whole)
    missing = records.height - int(whole.sum())
    known: Where = {name: Test(is_missing=False) for name in (*numbers, *method.factors)}
    last = len(method.covariates) + 1
    return Model(
        records[ARM].filter(kept).replace_strict(places, return_dtype=pl.Int64).to_numpy(),
        values[0, whole],
        values[1:last, whole].T,
        tuple(level.filter(kept).rank("dense").cast(pl.Int64).to_numpy() for level in levels),
        values[last:, whole].ravel(),
        known,
        (f"{missing} subject(s) with a missing value are left out",) if missing else (),
    )


def _arms(seen: Scope, method: Ancova, model: Model) -> list[ResultRow]:
    fitted, why = _fit(method, model)
    everybody = seen.source(seen.arms, model.known)
    shared: dict[str, Any] = {"method": "ancova", "parameter": method.variable}
    rows: list[ResultRow] = []
    for place, arm in enumerate(seen.arms):
        n = int((model.arm == place).sum())
        here, said = _known(fitted, why, (place,), (arm,))
        values = _of_arm(fitted.lsmean(place) if fitted and here else None)
        own: dict[str, Any] = {"group": arm, "n": n, "warnings": (*model.said, *said), **shared}
        rows.append(seen.row("n", float(n), source=seen.source([arm], model.known), **own))
        rows += seen.rows(values, source=everybody, **own)
    rows.append(_rmse(seen, method, model, fitted, why))
    for pair in seen.analysis.compare.all:
        test, control = (seen.arms.index(arm) for arm in pair)
        here, said = _known(fitted, why, (test, control), pair)
        found = fitted.difference(test, control) if fitted and here else None
        values = _of_pair("difference", found)
        if found is not None and method.limits_of_differences == "normal":
            half = normal_quantile(method.level) * found.standard_error
            values = {**values, "lower": found.value - half, "upper": found.value + half}
        rows += seen.rows(
            values, group=pair[0], comparator=pair[1], n=model.y.size,
            source=everybody, warnings=(*model.said, *said), **shared,
        )  # fmt: skip
    return rows


def _rmse(
    seen: Scope, method: Ancova, model: Model, fitted: Fitted | None, why: tuple[str, ...]
) -> ResultRow:
    value = None
    if fitted is not None:
        fit = fitted.fit
        share = fit.df_error / fit.n if method.rmse == "per_subject" else 1.0
        value = float(np.sqrt(fit.residual_variance * share))
    return seen.row(
        "rmse", value, method="ancova", parameter=method.variable, n=model.y.size,
        source=seen.source(seen.arms, model.known), warnings=(*model.said, *why),
    )  # fmt: skip


def _fit(method: Ancova, model: Model) -> tuple[Fitted | None, tuple[str, ...]]:
    """The fitted model, or why there is none; and the warnings of the fit."""
    if len(present := set(model.arm.tolist())) < 2:
        return None, ("fewer than two arms have subjects, so there is nothing to compare",)
    try:
        fitted = ancova(
            model.y, model.arm, covariates=model.covariates, factors=model.factors,
            control=min(present), weights=method.weights, level=method.level,
            covariate_names=method.covariates, factor_names=method.factors,
        )  # fmt: skip
    except StatisticsError as error:
        return None, (str(error),)
    return fitted, fitted.warnings


def _known(
    fitted: Fitted | None, why: tuple[str, ...], places: Sequence[int], arms: Sequence[str]
) -> tuple[bool, tuple[str, ...]]:
    """Whether the model has all of these arms, and the warnings."""
    absent = [
        arm
        for place, arm in zip(places, arms, strict=True)
        if fitted and place not in fitted.groups
    ]
    return not absent, (*why, *(f"{arm} has no subject in the model" for arm in absent))


def _slope(seen: Scope, method: Ancova, model: Model) -> list[ResultRow]:
    said = model.said
    try:
        found = slope(
            model.y, model.dose, covariates=model.covariates, factors=model.factors,
            level=method.level, covariate_names=method.covariates, factor_names=method.factors,
        )  # fmt: skip
    except StatisticsError as error:
        found, said = None, (*said, str(error))
    return seen.rows(
        _of_pair("slope", found), method="ancova", parameter=DOSE, n=model.y.size,
        source=seen.source(seen.arms, model.known), warnings=said,
    )  # fmt: skip


def _of_arm(found: Estimate | None) -> Mapping[str, float | None]:
    if found is None:
        return dict.fromkeys(("lsmean", "se", "lower", "upper", "df"))
    return {
        "lsmean": found.value, "se": found.standard_error,
        "lower": found.lower, "upper": found.upper, "df": float(found.df),
    }  # fmt: skip


def _of_pair(name: str, found: Estimate | None) -> Mapping[str, float | None]:
    if found is None:
        return dict.fromkeys((name, "se", "lower", "upper", "statistic", "df", "p"))
    return {
        name: found.value, "se": found.standard_error, "lower": found.lower,
        "upper": found.upper, "statistic": found.t, "df": float(found.df), "p": found.p,
    }  # fmt: skip


_WEIGHTS: Mapping[str, str] = {
    "observed": "as often as they occur among the subjects used (observed margins)",
    "equal": "equally",
}


_RMSE: Mapping[str, str] = {
    "mean_square": "Root mean squared error: of the residual mean square.",
    "per_subject": "Root mean squared error: residual sum of squares over the number of subjects.",
}


def ancova_told(protocol: Protocol, analysis: Analysis, method: Ancova) -> list[str]:
    of = records_in_words(protocol, analysis)
    factors = listed(["arm", *method.factors])
    covariates = f" and {listed(method.covariates)} as covariates" if method.covariates else ""
    said = [
        f"Analysis of covariance of {method.variable} ({of}) by ordinary least squares.",
        f"Main effects alone: {factors} as factors{covariates}; fitted to all arms together.",
        "Subjects with a missing value are left out.",
        f"Adjusted means weight the levels of the other factors {_WEIGHTS[method.weights]};",
        "covariates stand at their mean.",
        f"{100 * method.level:.6g}% limits and two-sided P are by the t distribution on the",
        "residual degrees of freedom, and are not adjusted for multiplicity.",
        _RMSE[method.rmse],
    ]
    if analysis.subgroups:
        said.append(
            "Interaction with a subgroup: F test of the arm by subgroup terms, added to the model"
            " with the subgroup as a factor; of all arms together."
        )
    if method.limits_of_differences == "normal":
        said.append("Limits of the differences alone are by the normal distribution.")
    if method.dose:
        said.append(
            f"Dose response: the same model with the number {method.dose} in place of the arm; P"
            " of its coefficient."
        )
    return said
