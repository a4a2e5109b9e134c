"""Adapters of records of dose response."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from typing import Any

import numpy as np

from openlupus.statistics.dose_response import families
from openlupus.statistics.dose_response.contrasts import (
    Candidate,
    contrast_correlation,
    contrast_test,
    optimal_contrasts,
)
from openlupus.statistics.dose_response.fit import DoseMeans, dose_means, fit_curve
from openlupus.validation.golden import Adapter, Record, floats


def family(name: str, options: dict[str, Any]) -> families.Family:
    if name == "linlog":
        return families.linear_log(options["off"])
    if name == "betaMod":
        return families.beta(options["scal"])
    made = {
        "linear": families.linear, "quadratic": families.quadratic, "emax": families.emax,
        "sigEmax": families.sigmoid_emax, "exponential": families.exponential,
        "logistic": families.logistic,
    }  # fmt: skip
    return made[name]()


def candidates(options: dict[str, Any]) -> tuple[list[str], list[Candidate]]:
    names, shapes = [], []
    for name, guesses in options["models"].items():
        kind = family(name, options)
        wanted = 1 if name == "quadratic" else len(kind.nonlinear)
        values = [] if guesses == "none" else list(np.ravel(guesses))
        count = max(1, len(values) // max(wanted, 1))
        # Several guesses of one model come as columns of parameters, and are numbered.
        table = np.array(values, dtype=float).reshape(max(wanted, 1), -1) if wanted else None
        for i in range(count):
            guess = () if table is None else tuple(float(v) for v in table[:, i])
            names.append(name if count == 1 else f"{name}{i + 1}")
            shapes.append(Candidate(kind, guess))
    return names, shapes


def means(record: Record) -> DoseMeans:
    rows = record.rows()
    dose, response = floats(rows, "dose"), floats(rows, "resp")
    name = record.options.get("covariate", "none")
    if name == "none":
        return dose_means(dose, response)
    values = floats(rows, name)
    # Coded groups enter as indicators, the first one the reference, as a factor does in R.
    levels = np.unique(values)[1:]
    indicators = (values[:, None] == levels).astype(float)
    return dose_means(
        dose, response, covariates=indicators, names=[f"{name}{level:g}" for level in levels]
    )


def matrix(values: Any, rows: Any, cols: Any) -> dict[str, Any]:
    return {"rows": list(rows), "cols": list(cols), "values": np.asarray(values).tolist()}


def contrasts(record: Record) -> dict[str, Any]:
    rows, o = record.rows(), record.options
    dose = floats(rows, "dose")
    names, shapes = candidates(o)
    covariance = np.diag([1 / np.sum(dose == d) for d in o["doses"]])
    c = optimal_contrasts(shapes, o["doses"], covariance)
    return {
        "contrasts": matrix(c, [f"{d:g}" for d in o["doses"]], names),
        "correlation": matrix(contrast_correlation(c, covariance), names, names),
    }


def test_of_contrasts(record: Record) -> dict[str, Any]:
    o, summed = record.options, means(record)
    names, shapes = candidates(o)
    c = optimal_contrasts(shapes, summed.dose, summed.covariance)
    got = contrast_test(
        summed.estimate, summed.covariance, c, df=summed.df, alpha=o["alpha_one_sided"]
    )
    return {
        "contrasts": matrix(c, [f"{d:g}" for d in o["doses"]], names),
        "t_stats": got.t, "models": names, "adjusted_p": got.p,
        "critical_value": got.critical, "df": got.df,
    }  # fmt: skip


def curve(record: Record) -> dict[str, Any]:
    summed = means(record)
    fit = fit_curve(summed, family(record.options["model"], record.options))
    largest = fit.largest_effect
    return {
        "coef": dict(zip(fit.names, fit.coefficients, strict=True)), "rss": fit.criterion,
        "df": fit.df, "loglik": fit.loglikelihood, "AIC": fit.aic,
        "vcov": matrix(fit.covariance, fit.names, fit.names),
        "bounds_used": np.ravel(fit.bounds, order="F").tolist() if fit.bounds else None,
        "predicted_effect_vs_placebo": fit.effect(summed.dose), "doses": summed.dose,
        "ED50": fit.effective_dose(0.5), "ED90": fit.effective_dose(0.9),
        "TD_delta_half_max": {"delta": largest / 2, "TD": fit.target_dose(largest / 2)},
    }  # fmt: skip


def _integrated(_: Record, where: str, want: float) -> float:
    if where.startswith(("adjusted_p", "critical_value")):
        return 1e-4 * max(1.0, abs(want))
    return max(1e-8 * abs(want), 1e-12)


def _searched(record: Record, where: str, want: float) -> float:
    """What a search of the reference leaves open, by the result."""
    if where.startswith(("ED", "TD")):
        return 2e-4 * max(1.0, abs(want))  # R's uniroot, and a grid of doses
    if where.startswith("vcov"):
        # Entries of one matrix share the error of the parameters that they come from.
        matrix = np.array(record.results["vcov"]["values"])
        row, column = (int(i) for i in re.findall(r"\[(\d+)\]", where))
        return 1e-4 * float(np.sqrt(abs(matrix[row, row] * matrix[column, column])))
    if where.startswith(("coef", "predicted")):
        return 5e-5 * max(abs(want), 1e-2)
    return max(1e-8 * abs(want), 1e-12)


ADAPTERS = [
    Adapter("optimal MCP-Mod contrasts*", contrasts),
    Adapter(
        "multiple contrast test", test_of_contrasts, limit=_integrated,
        why="the reference integrates by quasi Monte Carlo and states 1e-4",
    ),
    Adapter(
        "dose-response model least squares fit", curve, limit=_searched,
        why="the reference stops its search early: our sum of squares is never larger, and our "
        "slope is below 1e-7 (see test_dose_response.py)",
    ),
]  # fmt: skip
