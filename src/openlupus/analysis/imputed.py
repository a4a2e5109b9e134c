"""Responders after multiple imputation of what their verdicts lack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from openlupus.analysis.imputation import Completed, complete
from openlupus.analysis.notes.endpoint import (
    composite_in_words,
    events_in_words,
    strata_in_words,
    when_in_words,
)
from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.select import ARM
from openlupus.analysis.strata import combinations
from openlupus.analysis.verdicts import STRATUM, Verdicts, read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.methods import Imputed, Imputing
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.cmh import cmh
from openlupus.statistics.imputation.pool import cmh_test, rubin
from openlupus.statistics.imputation.pool_rates import pooled_miettinen_nurminen, pooled_newcombe
from openlupus.statistics.interval import Bools, Floats

IMPUTED = "imputed"
"""Parameter of the number of subjects whose verdict is imputed, after that of the end point."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Where the subjects of the verdicts are.

    Attributes:
        of: Group to the mask of its subjects, shape (subjects,).
        member: Whether a subject is in a stratum, shape (subjects, strata).
    """

    verdicts: Verdicts
    of: Mapping[str, Bools]
    member: Floats

    def sizes(self, group: str) -> Floats:
        """Subjects by stratum."""
        return self.member[self.of[group]].sum(axis=0)

    def counts(self, group: str, responders: Floats) -> Floats:
        """Responders by imputation and stratum, shape (m, strata)."""
        inside = self.of[group]
        return responders[:, inside] @ self.member[inside]


def groups_of(protocol: Protocol, verdicts: Verdicts, method: Imputing) -> Groups:
    """The subjects of the verdicts by group and stratum."""
    stratum = verdicts.every[STRATUM].cast(pl.Int64).fill_null(-1).to_numpy()
    arms = verdicts.every[ARM]
    of = {g: arms.is_in(list(protocol.codes(g))).to_numpy() for g in verdicts.scope.groups}
    member = stratum[:, None] == np.arange(combinations(protocol, method))
    return Groups(verdicts, of, member.astype(np.float64))


def imputed_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Pooled rates, differences with limits, and tests.

    Raises:
        AnalysisError: the composite is made of measures for which no model is built.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Imputed)
    verdicts = read_verdicts(name, protocol, data, subjects)
    try:
        completed = complete(protocol, data, verdicts, method)
        responders, said = completed.responders(), completed.said
    except StatisticsError as error:
        completed, responders, said = None, None, (str(error),)
    groups = groups_of(protocol, verdicts, method)
    rows = [
        row
        for group in verdicts.scope.groups
        for row in _rate(groups, method, completed, responders, said, group)
    ]
    for pair in verdicts.scope.analysis.compare.all:
        rows += _compared(groups, method, responders, said, pair)
    return rows


def _rate(
    groups: Groups,
    method: Imputed,
    completed: Completed | None,
    responders: Floats | None,
    said: tuple[str, ...],
    group: str,
) -> list[ResultRow]:
    seen, parameter = groups.verdicts.scope, groups.verdicts.endpoint.parameter
    inside = groups.of[group]
    n, source = int(inside.sum()), seen.source([group])
    values: dict[str, float | None] = dict.fromkeys(("proportion", "se", "lower", "upper"))
    if responders is not None and n:
        rate = responders[:, inside].mean(axis=1)
        pooled = rubin(rate, rate * (1 - rate) / n, level=method.level)
        limits = (pooled.estimate, pooled.standard_error, pooled.lower, pooled.upper)
        values = dict(zip(values, (float(v) for v in limits), strict=True))
        said = (*said, *pooled.warnings)
    elif not n:
        said = (*said, "the group has no subject")
    shared: dict[str, Any] = {"group": group, "n": n, "source": source}
    rows = [seen.row("N", float(n), method="count", parameter=parameter, **shared)]
    if completed is not None:
        missing = float(completed.missing[inside].sum())
        more = f"{parameter}|{IMPUTED}"
        rows.append(seen.row("n", missing, method="count", parameter=more, **shared))
    return rows + seen.rows(
        values, method="multiple_imputation", parameter=parameter, warnings=said, **shared
    )


def _compared(
    groups: Groups,
    method: Imputed,
    responders: Floats | None,
    said: tuple[str, ...],
    pair: tuple[str, str],
) -> list[ResultRow]:
    seen = groups.verdicts.scope
    n = np.stack([groups.sizes(group) for group in pair])
    shared: dict[str, Any] = {
        "parameter": groups.verdicts.endpoint.parameter, "group": pair[0], "comparator": pair[1],
        "n": int(n.sum()), "source": seen.source(pair),
    }  # fmt: skip
    counts = None
    if responders is not None:
        counts = np.stack([groups.counts(group, responders) for group in pair], axis=1)
    values, more = difference(counts, n, method.interval, method.level)
    rows = seen.rows(values, method=method.interval, warnings=(*said, *more), **shared)
    if method.test == "cmh":
        values, more = pooled_cmh(counts, n)
        rows += seen.rows(values, method="cmh", warnings=(*said, *more), **shared)
    return rows


def difference(
    counts: Floats | None, n: Floats, interval: str, level: float
) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Pooled difference with its limits from counts of shape (m, 2, strata)."""
    if counts is not None:
        how = pooled_newcombe if interval == "stratified_newcombe" else pooled_miettinen_nurminen
        try:
            found = how(counts, n, level=level)
            value = {"difference": float(found.value), "lower": float(found.lower)}
            return {**value, "upper": float(found.upper)}, found.warnings
        except StatisticsError as error:
            return dict.fromkeys(("difference", "lower", "upper")), (str(error),)
    return dict.fromkeys(("difference", "lower", "upper")), ()


def pooled_cmh(counts: Floats | None, n: Floats) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Pooled Cochran-Mantel-Haenszel test from counts of shape (m, 2, strata)."""
    none: dict[str, float | None] = dict.fromkeys(("statistic", "df", "p"))
    if counts is None:
        return none, ()
    try:
        each = cmh(counts, np.broadcast_to(n, counts.shape))
        found = cmh_test(each.statistic)
    except StatisticsError as error:
        return none, (str(error),)
    df = None if np.isinf(found.df) else found.df
    values: dict[str, float | None] = {"statistic": found.statistic, "p": found.p}
    return ({**values, "df": df} if df is not None else values), ()


_LIMITS = {
    "stratified_newcombe": "stratified Newcombe limits with each group's number divided by one"
    " plus its relative increase of variance (Yan and Su 2010; Sidi and Harel 2021)",
    "miettinen_nurminen": "stratified Miettinen-Nurminen limits with the variance between"
    " imputations added",
}


def imputed_told(protocol: Protocol, analysis: Analysis, method: Imputed) -> list[str]:
    said = [
        *imputing_told(protocol, analysis, method),
        strata_in_words(protocol, method),
        "Rates: means over the imputations, with limits by Rubin's rules.",
        (
            "Difference, test minus comparator: mean over the imputations with"
            f" Cochran-Mantel-Haenszel weights; {100 * method.level:.6g}% two-sided"
            f" {_LIMITS[method.interval]}."
        ),
    ]
    if method.test == "cmh":
        said.append(
            "P: Cochran-Mantel-Haenszel statistics without continuity correction, made normal by"
            " the cube root of Wilson and Hilferty, pooled by Rubin's rules, upper tail."
        )
    return said


def imputing_told(protocol: Protocol, analysis: Analysis, method: Imputing) -> list[str]:
    """What is imputed for whom, and every option of the models."""
    endpoint = protocol.endpoints[analysis.endpoint]
    of = records_in_words(protocol, analysis, "ADRESP")
    last = protocol.visit(analysis.visit)
    some = [
        v for v in protocol.schedule.visits if v.role == "treatment" and v.number <= last.number
    ]
    if method.visits:
        some = [v for v in some if v.id in method.visits or v.id == last.id]
    ridge = f" with {method.prior_df:g} degrees of freedom" if method.prior == "ridge" else ""
    arms = "in each arm by itself" if method.within_arms else "with the arm as columns"
    strata = " and stratum" if method.strata else ""
    return [
        f"Responders of {endpoint.label} (PARAMCD {endpoint.parameter}, {of}).",
        *composite_in_words(protocol, endpoint),
        *when_in_words(protocol, analysis),
        *events_in_words(protocol, endpoint),
        (
            f"A verdict that is missing is passed again in {method.imputations} imputations (seed"
            f" {method.seed}) from imputed numbers and components; what was observed stays, and so"
            " does every other verdict."
        ),
        (
            f"Numbers (such as SLEDAI-2K and PGA) together over baseline and"
            f" {listed([v.label for v in some])}: multivariate normal by data augmentation (Markov"
            f" chain Monte Carlo), {arms}; one chain an imputation (up to 100 chains),"
            f" {method.burn_in} steps before the first, from the EM estimate; {method.prior} prior"
            f" of the covariance{ridge}. Draws are limited to the scale, and rounded where it is of"
            " whole points."
        ),
        (
            "BILAG-2004 components: chained equations with a logistic regression a visit, given arm"
            f"{strata}, the numbers at baseline and the other visits (where these depend on each"
            " other, its neighbours alone, or none: a warning says so);"
            f" {method.sweeps} rounds, augmented data against separation."
        ),
    ]
