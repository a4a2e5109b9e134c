"""Adapters of stats/marginal: g-computation after logistic regression."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from typing import Any

import numpy as np

from openlupus.statistics.marginal import MarginalMeans, marginal_means
from openlupus.validation.golden import Adapter, Record, floats, formula, require

CONTRAST: dict[str, Any] = {
    "diff": "difference",
    "rr": "ratio",
    "or": "odds-ratio",
    "logrr": "log-ratio",
    "logor": "log-odds-ratio",
}


def means_of(record: Record, **options: Any) -> tuple[MarginalMeans, str, list[str]]:
    """`y ~ treatment + covariate + ...`; levels of the treatment ascending, the first is control.

    Covariates that are not numbers become 0/1 columns of their levels but the first.
    """
    outcome, terms = formula(record)
    treatment, *terms = terms
    require(bool(all(re.fullmatch(r"\w+", term) for term in (treatment, *terms))), str(terms))
    rows = record.rows()
    arms = np.array([row[treatment] for row in rows])
    columns, names = [], []
    for term in terms:
        try:
            columns.append(floats(rows, term))
            names.append(term)
        except ValueError:
            levels = sorted({row[term] for row in rows})
            for text in levels[1:]:
                columns.append(np.array([float(row[term] == text) for row in rows]))
                names.append(term + text)
    got = marginal_means(
        floats(rows, outcome), arms, covariates=np.column_stack(columns) if columns else None,
        control=record.options.get("reference", min(set(arms))), covariate_names=names, **options,
    )  # fmt: skip
    return got, treatment, names


def g_computation(record: Record) -> dict[str, Any]:
    o = record.options
    kind = o["variance_type"]
    got, treatment, names = means_of(
        record, variance=o["variance_method"].lower(), level=o.get("conf_level", 0.95),
        robust={"model-based": "model", "none": "model"}.get(kind, kind),
    )  # fmt: skip
    effects = [got.effect(arm, contrast=CONTRAST[o["contrast"]]) for arm in got.groups[1:]]
    arms = [f"{treatment}{code}" for code in got.groups[1:]]
    labels = ["(Intercept)", *arms, *names]
    return {
        "n": got.fit.n,
        "estimate": _one_or_all([each.interval.value for each in effects]),
        "se": _one_or_all([each.interval.standard_error for each in effects]),
        "lower": _one_or_all([each.interval.lower for each in effects]),
        "upper": _one_or_all([each.interval.upper for each in effects]),
        "arm_means": got.means, "robust_vcov_of_arm_means": {"values": got.covariance},
        "logit_coefficients": dict(zip(labels, got.fit.coefficients, strict=True)),
    }  # fmt: skip


def ancova_type(record: Record) -> dict[str, Any]:
    require(bool(record.options["vcov"] == "vcovG"), str(record.options))
    got, *_ = means_of(record, variance="ye")
    effects = [got.effect(arm) for arm in got.groups[1:]]
    return {
        "n": got.fit.n, "estimate": [each.interval.value for each in effects],
        "se": [each.interval.standard_error for each in effects], "arm_means": got.means,
        "arm_vcov": {"values": got.covariance},
    }  # fmt: skip


def sas_margins(record: Record) -> dict[str, Any]:
    got, *_ = means_of(record, robust="model")
    effect = got.effect(got.groups[1])
    return {
        "Estimate": [effect.interval.value], "StdErr": [effect.interval.standard_error],
        "Lower": [effect.interval.lower], "Upper": [effect.interval.upper],
        "ChiSq": [effect.z**2], "Pr": [effect.p], "df": [1], "Row": [1],
        "Alpha": [1 - got.level], "Contrast": ["2 - 1"], "label": ["2 - 1"],
    }  # fmt: skip


def sas_ge(record: Record) -> dict[str, Any]:
    got, *_ = means_of(record, robust="model")
    effect = got.effect(got.groups[1]).interval
    return {
        "diff": [effect.value], "se": [effect.standard_error], "pt": [got.means[1]],
        "pC": [got.means[0]], "lower": [effect.lower], "upper": [effect.upper],
    }  # fmt: skip


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _as_r_stops(_: Record, where: str, want: float) -> float:
    # Estimates are at the end of R's search; its covariance has the weights of the step before.
    estimates = ("estimate", "arm_means", "logit_coefficients", "n")
    return max((1e-8 if where.startswith(estimates) else 1e-6) * abs(want), 1e-12)


R_STOPS = "R's glm takes the weights of the step before the last for its covariance"
SAS_STOPS = "SAS's fit stops at GCONV = 1e-8: a thousandth of a standard error from the maximum"

ADAPTERS = [
    Adapter("marginal treatment effect by g-computation*", g_computation,
            limit=_as_r_stops, why=R_STOPS),
    Adapter("ancova-type robust g-computation*", ancova_type),
    Adapter("sas %margins macro*", sas_margins, relative=1e-4, why=SAS_STOPS),
    Adapter("sas macro of ge et al.*", sas_ge, relative=1e-4, why=SAS_STOPS),
]  # fmt: skip
