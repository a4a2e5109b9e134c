"""Adapters of stats/exact and stats/ranks: rank tests and regressions of counts."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import math
import re
from typing import Any

import numpy as np

from openlupus.statistics.count_regression import (
    deviance,
    negative_binomial_regression,
    poisson_regression,
)
from openlupus.statistics.ranks import (
    RankSum,
    kruskal_wallis,
    stratified_wilcoxon,
    van_elteren,
    wilcoxon,
)
from openlupus.validation.golden import UNIROOT, Adapter, Record, floats, formula


def level(record: Record) -> float:
    return record.options.get("conf_level", 0.95)


def two_groups(record: Record) -> tuple[np.ndarray, ...]:
    """Values `y` of the groups `g`: the last code is the test group, the first the control."""
    rows = record.rows()
    y, codes = floats(rows, "y"), [row["g"] for row in rows]
    control, test = sorted(set(codes))
    picked = (
        np.array([v for v, c in zip(y, codes, strict=True) if c == k]) for k in (test, control)
    )
    return tuple(picked)


def rank_sum(record: Record) -> dict[str, Any]:
    test, control = two_groups(record)
    correct = record.options["correct"]
    got = wilcoxon(test, control, correct=correct, level=level(record))
    return {
        "W": got.statistic, "p": got.p, "median_of_pairwise_differences": got.shift.value,
        "estimate": _within_the_flat_part(test, control, got, record.results.get("estimate")),
        **_limits_as_r_has_them(test, control, got),
    }  # fmt: skip


def exact_rank_sum(record: Record) -> dict[str, Any]:
    o = record.options
    test, control = np.array(o["x"]), np.array(o["y"])
    got = wilcoxon(test, control, exact=True, level=level(record))
    return {
        "W": got.statistic, "p": got.p, "estimate": got.shift.value,
        **_limits_as_r_has_them(test, control, got),
    }  # fmt: skip


def _within_the_flat_part(
    test: np.ndarray, control: np.ndarray, got: RankSum, expected: Any
) -> Any:
    # With an even number of pairs the statistic is 0 between the two middle differences, and R's
    # search may stop anywhere there; ours is the middle of it.
    differences = np.sort(np.subtract.outer(test, control).ravel())
    half = differences.size // 2
    low, high = differences[(differences.size - 1) // 2], differences[half]
    if isinstance(expected, float) and low <= expected <= high:
        return expected
    return got.shift.value


def _limits_as_r_has_them(test: np.ndarray, control: np.ndarray, got: RankSum) -> dict[str, Any]:
    # Where no limit holds the level R gives the extreme differences, ours infinity.
    differences = np.subtract.outer(test, control)
    lower, upper = got.shift.lower, got.shift.upper
    return {
        "lower": lower if math.isfinite(lower) else differences.min(),
        "upper": upper if math.isfinite(upper) else differences.max(),
    }


def _columns(record: Record) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    rows = record.rows()
    groups = np.array([row["g"] for row in rows])
    strata = np.array([row[record.options["strata"]] for row in rows])
    return floats(rows, "y"), groups, strata, min(groups)


def van_elteren_test(record: Record) -> dict[str, Any]:
    y, groups, strata, control = _columns(record)
    got = van_elteren(y, groups, strata, control=control)
    return {"chisq": got.statistic, "df": got.df, "p": got.p}


def block_wilcoxon(record: Record) -> dict[str, Any]:
    y, groups, strata, control = _columns(record)
    got = stratified_wilcoxon(y, groups, strata, control=control, scores="pooled")
    # The package's statistic is that of the first group, ours of the test group.
    return {"z": -got.z, "p": got.p}


def kruskal(record: Record) -> dict[str, Any]:
    rows = record.rows()
    y, codes = floats(rows, "y"), np.array([row[record.options["group"]] for row in rows])
    got = kruskal_wallis([y[codes == code] for code in sorted(set(codes))])
    return {"chisq": got.statistic, "df": got.df, "p": got.p}


def count_model(record: Record) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, list[str]]:
    """`count ~ term + ... + offset(log(time))`."""
    outcome, terms = formula(record)
    rows, exposure, names = record.rows(), None, []
    for term in terms:
        if match := re.fullmatch(r"offset\(log\((\w+)\)\)", term):
            exposure = floats(rows, match[1])
        else:
            names.append(term)
    design = np.column_stack([np.ones(len(rows)), *(floats(rows, name) for name in names)])
    return floats(rows, outcome), design, exposure, ["(Intercept)", *names]


def negative_binomial(record: Record) -> dict[str, Any]:
    y, design, exposure, names = count_model(record)
    got = negative_binomial_regression(y, design, exposure=exposure, names=names)
    return {
        "coef": dict(zip(names, got.fit.coefficients, strict=True)),
        "se": np.sqrt(np.diag(got.fit.covariance())), "theta": got.theta,
        "se_theta": got.theta_standard_error, "loglik": got.fit.log_likelihood,
    }  # fmt: skip


def poisson(record: Record) -> dict[str, Any]:
    y, design, exposure, names = count_model(record)
    got = poisson_regression(y, design, exposure=exposure, names=names)
    return {
        "coef": dict(zip(names, got.coefficients, strict=True)),
        "se": np.sqrt(np.diag(got.covariance())),
        "se_HC0": np.sqrt(np.diag(got.covariance("HC0"))), "deviance": deviance(got),
    }  # fmt: skip


def _as_r_stops(_: Record, where: str, want: float) -> float:
    # The error of theta is taken one Newton step before the last, and that step may be as large as
    # the tolerance; a glm's covariance has the weights of the step before the last.
    if where == "se_theta":
        return UNIROOT * abs(want)
    return (1e-6 if where.startswith(("se", "theta")) else 1e-8) * abs(want)


R_STOPS = "R's covariance and theta are those of the step before the last"

ADAPTERS = [
    Adapter("wilcoxon rank-sum*", rank_sum, absolute=1e-8,
            why="R finds the shift by uniroot on a step function, from one side of the step"),
    Adapter("exact wilcoxon rank-sum*", exact_rank_sum),
    Adapter("van elteren*", van_elteren_test),
    Adapter("block-stratified wilcoxon*", block_wilcoxon),
    Adapter("kruskal-wallis*", kruskal),
    Adapter("negative binomial regression*", negative_binomial,
            limit=_as_r_stops, why=R_STOPS),
    Adapter("poisson regression*", poisson, limit=_as_r_stops, why=R_STOPS),
]  # fmt: skip
