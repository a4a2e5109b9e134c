"""Adapters of records of measurements: analysis of covariance."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from typing import Any

import numpy as np

from openlupus.statistics.ancova import ancova
from openlupus.validation.golden import Adapter, Record, floats, formula, require


def analysis_of_covariance(record: Record) -> dict[str, Any]:
    """`y ~ factor(arm) + covariate + factor(stratum)`; the first factor is the group."""
    outcome, terms = formula(record)
    factors = [match[1] for term in terms if (match := re.fullmatch(r"factor\((\w+)\)", term))]
    covariates = [term for term in terms if re.fullmatch(r"\w+", term)]
    require(bool(len(factors) + len(covariates) == len(terms)), str(terms))
    rows = record.rows()
    coded = {}
    for name in factors:
        levels = sorted({row[name] for row in rows})
        coded[name] = (levels, np.array([levels.index(row[name]) for row in rows]))
    group, *others = factors
    equal = "equal" in record.method.lower()
    got = ancova(
        floats(rows, outcome),
        coded[group][1],
        covariates=np.column_stack([floats(rows, name) for name in covariates]),
        factors=[coded[name][1] for name in others],
        weights="equal" if equal else "observed",
        covariate_names=covariates,
        factor_names=others,
    )
    ours = dict(zip(got.fit.names, got.fit.coefficients, strict=True))
    coefficients = {"(Intercept)": ours["intercept"]} | {name: ours[name] for name in covariates}
    for name in factors:
        inner = "group" if name == group else name
        for code, text in enumerate(coded[name][0][1:], start=1):
            coefficients[f"factor({name}){text}"] = ours[f"{inner} = {code}"]
    difference = got.differences[0]
    return {
        "coef": coefficients,
        "lsmean": [mean.value for mean in got.lsmeans],
        "lsmean_se": [mean.standard_error for mean in got.lsmeans],
        "diff": difference.value, "se": difference.standard_error, "df": difference.df,
        "t": difference.t, "p": difference.p, "lower": difference.lower, "upper": difference.upper,
    }  # fmt: skip


ADAPTERS = [Adapter("ancova change ~*", analysis_of_covariance)]
