"""MCP-Mod: is there a dose response, of which shape, and at which dose is the effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from openlupus.analysis.notes.endpoint import (
    MISSING,
    composite_in_words,
    events_in_words,
    strata_in_words,
    when_in_words,
)
from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.select import ARM
from openlupus.analysis.verdicts import STRATUM, WITH_VERDICT, Verdicts, read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.methods import McpMod
from openlupus.protocol.methods.dose import Shape
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.dose_response import families
from openlupus.statistics.dose_response.contrasts import (
    Candidate,
    contrast_test,
    optimal_contrasts,
)
from openlupus.statistics.dose_response.families import Family
from openlupus.statistics.dose_response.fit import CurveFit, DoseMeans, fit_curve, given_estimates
from openlupus.statistics.dose_response.mcpmod import akaike_weights
from openlupus.statistics.interval import Floats, normal_quantile
from openlupus.statistics.logistic import logistic_regression

AVERAGE, OBSERVED = "average", "observed"


@dataclass(frozen=True, eq=False)
class Read:
    """What all rows share."""

    verdicts: Verdicts
    method: McpMod
    n: int
    source: str

    def rows(
        self, values: Mapping[str, float | None], parameter: str, said: Sequence[str] = ()
    ) -> list[ResultRow]:
        return self.verdicts.scope.rows(
            values, method="mcpmod", parameter=parameter, n=self.n, source=self.source,
            warnings=tuple(said),
        )  # fmt: skip

    def rate(self, value: float) -> float:
        return float(expit(value)) if self.method.scale == "logit" else value


def mcpmod_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Test of each candidate, its curve, and the dose of the declared difference.

    Parameters: the candidate's id (`statistic`, `p_adjusted`, `rejected`, `aic`, `dose`),
    `id|dose` and `observed|dose` (`lsmean`, `lower`, `upper` of the response rate), and
    `average|dose` of the curves weighted by AIC.

    Raises:
        AnalysisError: groups of several arms are asked for, or two arms have the same dose.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, McpMod)
    verdicts = read_verdicts(name, protocol, data, subjects)
    seen = verdicts.scope
    if pooled := [group for group in seen.groups if group not in protocol.arms]:
        raise AnalysisError(
            f"analysis {name}: doses are of arms, and {', '.join(pooled)} is a group of several"
        )
    doses = {protocol.arms[arm].code: protocol.arms[arm].dose for arm in seen.arms}
    if len(set(doses.values())) < len(doses):
        raise AnalysisError(f"analysis {name}: two arms have the same dose; list one of each")
    frame = verdicts.known.filter(pl.col(ARM).is_in(list(doses)))
    read = Read(verdicts, method, frame.height, seen.source(seen.arms, WITH_VERDICT))
    dose = frame[ARM].replace_strict(doses, return_dtype=pl.Float64).to_numpy()
    try:
        means, said = _means(method, frame, dose)
        return [*_observed(read, means), *_tested(read, means, said), *_fitted(read, means, said)]
    except StatisticsError as error:
        none: dict[str, float | None] = dict.fromkeys(("statistic", "p_adjusted", "rejected"))
        return [row for c in method.candidates for row in read.rows(none, c.id, [str(error)])]


def _means(method: McpMod, frame: pl.DataFrame, dose: Floats) -> tuple[DoseMeans, tuple[str, ...]]:
    """Estimates by dose with their covariance: log odds at the mean of the strata, or rates."""
    y, said = frame["AVAL"].to_numpy(), tuple[str, ...]()
    if method.scale == "logit" and method.strata:
        placed = frame[STRATUM].is_not_null().to_numpy()
        if left := int((~placed).sum()):
            said = (f"{left} subject(s) with a missing or undeclared stratum are left out",)
        y, dose, frame = y[placed], dose[placed], frame.filter(pl.Series(values=placed))
    levels = np.unique(dose)
    if levels.size < 2:
        raise StatisticsError("fewer than two doses have subjects with a verdict and a stratum")
    member = (dose[:, None] == levels).astype(np.float64)
    if method.scale == "proportion":
        n, x = member.sum(axis=0), member.T @ y
        rate = x / n
        if ((x == 0) | (x == n)).any():
            raise StatisticsError("a dose has no or only responders: its variance is not defined")
        return given_estimates(levels, rate, np.diag(rate * (1 - rate) / n)), said
    columns = [member]
    if method.strata:
        codes = np.unique(frame[STRATUM].to_numpy())[1:]
        own = (frame[STRATUM].to_numpy()[:, None] == codes).astype(np.float64)
        columns.append(own - own.mean(axis=0))
    fit = logistic_regression(y, np.column_stack(columns))
    k = levels.size
    return given_estimates(levels, fit.coefficients[:k], fit.covariance()[:k, :k]), said


def _observed(read: Read, means: DoseMeans) -> list[ResultRow]:
    half = normal_quantile(read.method.level) * np.sqrt(np.diag(means.covariance))
    rows: list[ResultRow] = []
    for dose, value, h in zip(means.dose, means.estimate, half, strict=True):
        numbers = {"lsmean": value, "lower": value - h, "upper": value + h}
        shown = {name: read.rate(float(number)) for name, number in numbers.items()}
        rows += read.rows(shown, f"{OBSERVED}|{dose:g}")
    return rows


def _candidate(method: McpMod, shape: Shape, top: float) -> Candidate:
    made: Mapping[str, Any] = {
        "linear": families.linear, "quadratic": families.quadratic, "emax": families.emax,
        "sigmoid_emax": families.sigmoid_emax, "exponential": families.exponential,
        "logistic": families.logistic,
        "linear_log": lambda: families.linear_log(shape.offset or 0.01 * top),
        "beta": lambda: families.beta((shape.scale or 1.2) * top),
    }  # fmt: skip
    family: Family = made[shape.family]()
    return Candidate(family, shape.guess, rising=method.direction == "increasing")


def _tested(read: Read, means: DoseMeans, said: tuple[str, ...]) -> list[ResultRow]:
    top = float(means.dose.max())
    candidates = [_candidate(read.method, shape, top) for shape in read.method.candidates]
    contrasts = optimal_contrasts(candidates, means.dose, means.covariance)
    found = contrast_test(means.estimate, means.covariance, contrasts, alpha=read.method.alpha)
    rows: list[ResultRow] = []
    for i, shape in enumerate(read.method.candidates):
        values = {
            "statistic": float(found.t[i]), "p_adjusted": float(found.p[i]),
            "rejected": float(found.significant[i]),
        }  # fmt: skip
        rows += read.rows(values, shape.id, said)
    return rows


def _fitted(read: Read, means: DoseMeans, said: tuple[str, ...]) -> list[ResultRow]:
    top = float(means.dose.max())
    grid = np.linspace(0, top, read.method.points)
    rows: list[ResultRow] = []
    curves, criteria = list[Floats](), list[float]()
    fitted: set[str] = set()
    for shape in read.method.candidates:
        family = _candidate(read.method, shape, top).family
        if family.name in fitted:
            continue
        fitted.add(family.name)
        try:
            fit = fit_curve(means, family)
        except StatisticsError as error:
            rows += read.rows({"aic": None}, shape.id, [*said, str(error)])
            continue
        notes = (*said, *fit.warnings)
        rows += read.rows({"aic": fit.aic}, shape.id, notes)
        if read.method.difference > 0:
            rows += _target(read, shape.id, fit.predict, top, notes)
        curves.append(fit.predict(grid))
        criteria.append(fit.aic)
        rows += _curve(read, shape.id, fit, grid, notes)
    if curves:
        mean = akaike_weights(np.array(criteria)) @ np.array(curves)
        for dose, value in zip(grid, mean, strict=True):
            rows += read.rows({"lsmean": read.rate(float(value))}, f"{AVERAGE}|{dose:g}", said)
        if read.method.difference > 0:
            average = partial(np.interp, xp=grid, fp=mean)
            rows += _target(read, AVERAGE, average, top, said)
    return rows


def _target(read: Read, name: str, curve: Any, top: float, said: Sequence[str]) -> list[ResultRow]:
    """The smallest dose on a fine grid with the difference in the response rate from dose 0."""
    doses = np.linspace(0, top, 1001)
    values: Floats = np.asarray(curve(doses))
    rate = expit(values) if read.method.scale == "logit" else values
    sign = 1.0 if read.method.direction == "increasing" else -1.0
    reached = np.flatnonzero(sign * (rate - rate[0]) >= read.method.difference - 1e-12)
    if reached.size:
        return read.rows({"dose": float(doses[reached[0]])}, name, said)
    why = f"no dose up to {top:g} has a difference of {read.method.difference:g}"
    return read.rows({"dose": None}, name, [*said, why])


def _curve(
    read: Read, name: str, fit: CurveFit, grid: Floats, said: Sequence[str]
) -> list[ResultRow]:
    value, error = fit.predict(grid), _errors(fit, grid)
    half = normal_quantile(read.method.level) * error
    rows: list[ResultRow] = []
    for dose, v, h in zip(grid, value, half, strict=True):
        known = bool(np.isfinite(h))
        numbers: dict[str, float | None] = {
            "lsmean": read.rate(float(v)),
            "lower": read.rate(float(v - h)) if known else None,
            "upper": read.rate(float(v + h)) if known else None,
        }
        why = () if known else ("the covariance of the curve cannot be computed",)
        rows += read.rows(numbers, f"{name}|{dose:g}", [*said, *why])
    return rows


def _errors(fit: CurveFit, grid: Floats) -> Floats:
    """Standard errors of the curve by the delta method, slopes by central differences."""
    slopes: list[Floats] = []
    for i, value in enumerate(fit.coefficients):
        step = 1e-5 * max(abs(float(value)), 1e-3)
        ends: list[Floats] = []
        for sign in (1.0, -1.0):
            moved = fit.coefficients.copy()
            moved[i] += sign * step
            ends.append(replace(fit, coefficients=moved).predict(grid))
        slopes.append((ends[0] - ends[1]) / (2 * step))
    j = np.column_stack(slopes)
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.einsum("ij,jk,ik->i", j, fit.covariance, j))


def mcpmod_told(protocol: Protocol, analysis: Analysis, method: McpMod) -> list[str]:
    endpoint = protocol.endpoints[analysis.endpoint]
    of = records_in_words(protocol, analysis, "ADRESP")
    shapes = [
        shape.id + (f" ({shape.family}, {', '.join(f'{g:g}' for g in shape.guess)})"
                    if shape.guess else f" ({shape.family})")
        for shape in method.candidates
    ]  # fmt: skip
    estimates = "Estimates: response rates of the doses, binomial variances, without strata."
    if method.scale == "logit":
        strata = ", the strata at their mean" if method.strata else ""
        estimates = (
            f"Estimates: log odds of response of each dose from a logistic regression{strata}, with"
            " their covariance; curves and limits are turned back to rates."
        )
    said = [
        f"Responders of {endpoint.label} (PARAMCD {endpoint.parameter}, {of}).",
        *composite_in_words(protocol, endpoint),
        *when_in_words(protocol, analysis),
        *events_in_words(protocol, endpoint),
        f"Verdicts: {MISSING[endpoint.missing]}.",
        *([strata_in_words(protocol, method)] if method.strata else []),
        estimates,
        (
            f"Candidates, {method.direction}: {listed(shapes)}; optimal contrasts, P adjusted by"
            " the multivariate normal distribution of the contrasts, one-sided level"
            f" {method.alpha:g} (Pinheiro et al. 2014)."
        ),
        (
            "Curves: generalised least squares of each family (under its first candidate) on the"
            " estimates; limits by the delta"
            f" method, {100 * method.level:.6g}%; the average weights the curves by exp(-AIC / 2),"
            " without limits."
        ),
    ]
    if method.difference > 0:
        said.append(
            "Dose: the smallest, in a thousandth of the largest, whose response rate differs from"
            f" that of dose 0 by {method.difference:g}."
        )
    return said
