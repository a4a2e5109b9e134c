"""Adapters of records of R's mmrm and nlme: repeated measures, constrained longitudinal data."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import math
import re
from typing import Any

import numpy as np

from openlupus.modelling import Mmrm
from openlupus.validation.adapters.repeated import (
    cell_rows,
    coefficients,
    columns,
    difference_row,
    fitted,
    frame,
    levels_of,
    model,
    repeated,
)
from openlupus.validation.golden import Adapter, Record, parts, require

_NUMBERS = {"emmean", "estimate", "SE", "se", "df", "lower", "upper", "t", "p", "contrast"}


def repeated_measures(record: Record) -> dict[str, Any]:
    """Coefficients, covariance, criteria, least-squares means and their differences."""
    want = record.results
    found = model(record, want["coefficients"]["term"])
    fit, criteria = found.inference.fit, found.information()
    labels = {k: v for k, v in want["lsmeans"].items() if k not in _NUMBERS}
    by = [k for k in want["contrasts_by_visit"] if k not in _NUMBERS]
    (factor,) = set(labels) - set(by)
    differences = np.array(
        [
            difference_row(found, contrast, factor, dict(zip(by, cell, strict=True)))
            for contrast, *cell in zip(
                *(want["contrasts_by_visit"][k] for k in ("contrast", *by)), strict=True
            )
        ]
    )
    overall = want["contrast_overall_equal_visit_weights"]["contrast"]
    average = np.array([difference_row(found, contrast, factor, {}) for contrast in overall])
    return {
        "n_obs": fit.n_observations,
        "n_subjects": fit.n_subjects,
        "n_theta": fit.theta.size,
        "log_likelihood": fit.log_likelihood,
        "deviance": -2 * fit.log_likelihood,
        "AIC": criteria.aic,
        "BIC": criteria.bic,
        "coefficients": coefficients(found, want["coefficients"]["term"]),
        # Whatever its name says, the field holds the covariance of the record's option `vcov`.
        "beta_vcov_asymptotic": {"values": found.inference.covariance.tolist()},
        "covariance": _covariance(found, want["covariance"]),
        "lsmeans": {**labels, **columns(found, cell_rows(found, labels))},
        "contrasts_by_visit": {**want["contrasts_by_visit"], **columns(found, differences)},
        "contrast_overall_equal_visit_weights": {"contrast": overall, **columns(found, average)},
        "theta": fit.theta.tolist(),
        "max_abs_gradient": _gradient(found, want),
    }


def treatment_only(record: Record) -> dict[str, Any]:
    """Coefficients and their covariance."""
    terms = record.results["term"]
    found = model(record, terms)
    return {
        "loglik": found.inference.fit.log_likelihood,
        **coefficients(found, terms),
        "beta_vcov": {"values": found.inference.covariance.tolist()},
        "max_abs_gradient": _gradient(found, record.results),
    }


def constrained(record: Record) -> dict[str, Any]:
    """The model whose differences between arms are columns of the data."""
    terms = record.results["term"]
    found = model(record, terms)
    fit, criteria = found.inference.fit, found.information()
    return {
        "loglik": fit.log_likelihood,
        "deviance": -2 * fit.log_likelihood,
        "AIC": criteria.aic,
        "BIC": criteria.bic,
        "n_obs": fit.n_observations,
        "n_subjects": fit.n_subjects,
        **coefficients(found, terms),
        "covariance": _covariance(found, record.results["covariance"]),
        "max_abs_gradient": _gradient(found, record.results),
    }


_CORRELATION = {"corSymm": "us", "corCompSymm": "csh", "corAR1": "ar1h"}


def generalised_least_squares(record: Record) -> dict[str, Any]:
    """R's nlme::gls: the visit stands in the correlation's form, variances differ by visit.

    Under maximum likelihood its standard errors are those of the likelihood times
    sqrt(n / (n - p)), as `summary.gls` and `vcov` have them.
    """
    options = record.options
    kind, visit, subject = parts(
        r"(\w+)\(form\s*=\s*~\s*(?:as\.integer\()?(\w+)\)?\s*\|\s*(\w+)\)", options["correlation"]
    )
    varies = str(options.get("weights", "")).startswith("varIdent")
    structure = _CORRELATION[kind] if varies else _CORRELATION[kind].removesuffix("h")
    terms = record.results["term"]
    levels = levels_of(frame(record), terms)
    require((visit, subject) == repeated(record), f"{record.id}: {options['correlation']}")
    found = fitted(
        f"{options['formula']} + {structure}({visit} | {subject})", record, levels,
        reml=options["method"] == "REML", df="normal", vcov="asymptotic", weights=None,
    )  # fmt: skip
    fit, got = found.inference.fit, coefficients(found, terms)
    factor = 1.0 if fit.reml else math.sqrt(fit.n_observations / (fit.n_observations - len(terms)))
    errors = [factor * error for error in got["se"]]
    return {"loglik": fit.log_likelihood, **got, "se": errors}


def _covariance(found: Mmrm, want: dict[str, Any]) -> dict[str, Any]:
    fit = found.inference.fit
    if "values" in want:
        (only,) = fit.visit_covariance
        return {"values": only.tolist()}
    pairs = zip(fit.labels.groups, fit.visit_covariance, strict=True)
    return {group: {"values": matrix.tolist()} for group, matrix in pairs}


def _gradient(found: Mmrm, want: dict[str, Any]) -> float:
    """A gradient as small as the reference's, or as we promise, is no difference from it."""
    proof, theirs = found.inference.fit.convergence, want["max_abs_gradient"]
    small = proof.gradient <= theirs or proof.relative_gradient < 1e-8
    return theirs if small else proof.gradient


def _limit(record: Record, where: str, want: float, relative: float = 1e-6) -> float:
    """1e-6 relative, or of the number's own scale where it may be near 0.

    An estimate is measured by its standard error, a covariance by its variances, a P value by its
    logarithm, a count not at all.
    """
    path = [part for part in re.split(r"[.\[\]]", where) if part]
    name = next(part for part in reversed(path) if not part.isdigit())
    if name.startswith("n_"):
        return 0.0
    if name == "p":
        return relative * want * max(1.0, abs(math.log(want))) if want > 0 else 1e-300
    if name in ("estimate", "emmean", "lower", "upper"):
        beside = _at(record.results, path[:-2])
        errors = beside.get("SE", beside.get("se"))
        return relative * max(abs(want), errors[int(path[-1])] if errors else 0.0)
    if name == "values":
        matrix = _at(record.results, path[:-2])
        i, j = int(path[-2]), int(path[-1])
        return relative * math.sqrt(abs(matrix[i][i] * matrix[j][j]))
    return relative * max(abs(want), 1.0 if name in ("t", "theta") else 0.0)


def _at(results: Any, path: list[str]) -> Any:
    for step in path:
        results = results[int(step)] if step.isdigit() else results[step]
    return results


def _limit_of_gls(record: Record, where: str, want: float) -> float:
    return _limit(record, where, want, relative=1e-4)


_WHY = "the reference stops at a gradient of 1e-5 to 1e-8; it asks for about 1e-6"
_WHY_GLS = "nlme stops early; its records ask for 1e-4"
ADAPTERS = [
    Adapter("MMRM fixed effects, cov*", repeated_measures, limit=_limit, why=_WHY),
    Adapter("MMRM with a treatment effect only*", treatment_only, limit=_limit, why=_WHY),
    Adapter("constrained longitudinal data analysis*", constrained, limit=_limit, why=_WHY),
    Adapter(
        "the same cLDA model by generalised least squares*", generalised_least_squares,
        limit=_limit_of_gls, why=_WHY_GLS,
    ),
]  # fmt: skip
