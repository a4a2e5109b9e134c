"""A change from baseline: cLDA or, far from normal, multiple imputation with robust regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.repeated import mmrm_rows, mmrm_told
from openlupus.analysis.select import ARM, SUBJECT, Scope, at_visit, scope
from openlupus.analysis.subgroups import amended
from openlupus.analysis.summary import as_numbers
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import Longitudinal, Mmrm
from openlupus.protocol.model import Protocol, Visit
from openlupus.results import ResultRow
from openlupus.statistics.imputation.augmentation import Chains, augment, augment_each
from openlupus.statistics.imputation.normal import Prior
from openlupus.statistics.imputation.pool import rubin
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.robust.least_squares import Regression, least_squares
from openlupus.statistics.robust.m import m_estimates
from openlupus.statistics.robust.mm import mm_estimate
from openlupus.statistics.robust.normality import Normality, NormalityRule, normality, residuals_of
from openlupus.statistics.robust.psi import Bisquare, Huber

CLDA, ROBUST = "clda", "robust"
_SETTLED = 1e-9
"""Relative change of the residuals at which a robust fit has settled: far below what a table shows,
and the fits of many imputations take half the steps."""


@dataclass(frozen=True, eq=False)
class Wide:
    """One row a subject.

    Attributes:
        values: At baseline and at the visits, the analysis's last; shape (subjects, 1 + visits).
        arm: Place of the arm among the arms of the analysis.
        others: Covariates, and levels of factors but the first; shape (subjects, columns).
        said: Warning on the subjects who are left out.
    """

    values: Floats
    arm: Floats
    others: Floats
    said: tuple[str, ...]

    @property
    def change(self) -> Floats:
        return self.values[:, -1] - self.values[:, 0]

    def design(self, baseline: Floats, arms: Sequence[int]) -> Floats:
        """A column for each arm, the baseline, the others."""
        member = (self.arm[:, None] == np.array(arms)).astype(np.float64)
        return np.column_stack([member, baseline, self.others])


def longitudinal_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """What the rule saw; then adjusted mean changes and their differences by the method chosen.

    Raises:
        AnalysisError: a column is absent or holds text, a subject has several records at a visit,
            or groups of several arms are compared.
    """
    analysis = protocol.analyses[name]
    method = analysis.method
    assert isinstance(method, Longitudinal)
    whole, data = amended(protocol, name, visit=""), _counting(data, analysis.dataset)
    columns = [method.variable, "ABLFL", *method.factors, *method.covariates]
    seen = replace(
        scope(name, whole, data, subjects, columns=columns), analysis=analysis, protocol=protocol
    )
    if pooled := [group for group in seen.groups if group not in protocol.arms]:
        raise AnalysisError(
            f"analysis {name}: a longitudinal analysis is of arms, and {', '.join(pooled)} is a"
            " group of several; list arms alone"
        )
    visits = _visits(protocol, analysis, method)
    wide = _wide(seen, method, visits)
    judged, why = _judged(method, wide)
    rows = _rule_rows(seen, method, judged, why)
    if judged is not None and judged.severe:
        return rows + _robust(seen, method, wide)
    plain = _clda(method, visits)
    made = mmrm_rows(name, amended(protocol, name, visit="", method=plain), data, subjects)
    own = [row for row in made if row.visit == analysis.visit]
    return rows + [replace(row, method=CLDA) for row in own]


def _counting(data: AnalysisData, dataset: str) -> AnalysisData:
    """The data with those records that count at their visit, or are a baseline, where flags say."""
    frame = data.frame(dataset)
    if not {"ANL01FL", "ABLFL"} <= set(frame.columns):
        return data
    counts = (pl.col("ANL01FL") == "Y").fill_null(False) | (pl.col("ABLFL") == "Y").fill_null(False)
    return replace(data, frames={**data.frames, dataset: frame.filter(counts)})


def _visits(protocol: Protocol, analysis: Analysis, method: Longitudinal) -> list[Visit]:
    """Visits of the models after baseline, that of the analysis last."""
    last = protocol.visit(analysis.visit)
    some = [v for v in protocol.schedule.visits if v.role == "treatment" and v.number < last.number]
    if method.visits:
        some = [v for v in some if v.id in method.visits]
    return [*some, last]


def _clda(method: Longitudinal, visits: Sequence[Visit]) -> Mmrm:
    return Mmrm(
        name="mmrm", variable=method.variable, visits=tuple(v.id for v in visits),
        covariates=method.covariates, factors=method.factors, baseline_as_response=True,
        covariance=method.covariance, df=method.df, level=method.level,
    )  # fmt: skip


def _wide(seen: Scope, method: Longitudinal, visits: Sequence[Visit]) -> Wide:
    places = {seen.protocol.arms[arm].code: i for i, arm in enumerate(seen.arms)}
    records = seen.records.filter(pl.col(ARM).is_in(list(places)))
    baseline: Where = {"ABLFL": Test(equals="Y")}
    conditions = [baseline] + [at_visit(v, records.columns, seen.name) for v in visits]
    people = records.unique(SUBJECT, keep="first", maintain_order=True)
    columns: list[Floats] = []
    for where in conditions:
        here = records.filter(expression(where, records.schema))
        here = here.filter(pl.col(method.variable).is_not_null())
        if (twice := here.filter(pl.col(SUBJECT).is_duplicated())).height:
            raise AnalysisError(
                f"analysis {seen.name}: {twice[SUBJECT].n_unique()} subject(s) have several records"
                f" in {seen.dataset} at a visit, for example {twice[SUBJECT][0]}; narrow `where`"
            )
        joined = people.select(SUBJECT).join(
            here.select(SUBJECT, method.variable), on=SUBJECT, how="left", maintain_order="left"
        )
        columns.append(as_numbers(seen, joined[method.variable]))
    values = np.column_stack(columns)
    others = _others(seen, method, people)
    arm = people[ARM].replace_strict(places, return_dtype=pl.Float64).to_numpy()
    kept = np.asarray(~np.isnan(others).any(axis=1) & ~np.isnan(values).all(axis=1))
    left = int((~kept).sum())
    said = (f"{left} subject(s) without any value, or a factor's, are left out",) if left else ()
    return Wide(values[kept], arm[kept], others[kept], said)


def _others(seen: Scope, method: Longitudinal, people: pl.DataFrame) -> Floats:
    columns = [as_numbers(seen, people[name]) for name in method.covariates]
    for factor in method.factors:
        levels = people[factor].cast(pl.String).replace("", None)
        known = levels.is_not_null().to_numpy()
        for level in levels.drop_nulls().unique().sort()[1:]:
            here = (levels == level).fill_null(False).to_numpy().astype(np.float64)
            columns.append(np.where(known, here, np.nan))
    return np.column_stack([np.empty((people.height, 0)), *columns])


def _arms(wide: Wide, rows: Bools) -> list[int]:
    return sorted({int(a) for a in wide.arm[rows]})


def _judged(method: Longitudinal, wide: Wide) -> tuple[Normality | None, str]:
    """The rule on the residuals of the observed changes; or why it cannot be applied."""
    seen = ~np.isnan(wide.change)
    rule = NormalityRule(**method.rule.model_dump())
    try:
        x = wide.design(wide.values[:, 0], _arms(wide, seen))[seen]
        fitted = least_squares(_varying(x), wide.change[seen])
        return normality(residuals_of(fitted, rule.residuals), rule), ""
    except StatisticsError as error:
        return None, f"the rule cannot be applied, so the model for normal data is used: {error}"


def _varying(x: Floats) -> Floats:
    """Without the columns of levels that nobody here has."""
    return x[:, (x != 0).any(axis=0)]


def _rule_rows(
    seen: Scope, method: Longitudinal, judged: Normality | None, why: str
) -> list[ResultRow]:
    values: dict[str, float | None] = {"statistic": None, "rejected": None}
    if judged is not None:
        values = {"statistic": judged.statistic, "rejected": float(judged.severe)}
        if not np.isnan(judged.p):
            values = {"statistic": judged.statistic, "p": judged.p, "rejected": values["rejected"]}
    return seen.rows(
        values, method=method.rule.statistic, parameter=method.variable,
        n=judged.n if judged else 0, source=seen.source(seen.arms), warnings=[why] if why else (),
    )  # fmt: skip


def _robust(seen: Scope, method: Longitudinal, wide: Wide) -> list[ResultRow]:
    try:
        fits, arms = _fits(method, wide)
    except StatisticsError as error:
        return _robust_rows(seen, method, wide, {}, (*wide.said, str(error)))
    return _robust_rows(seen, method, wide, _contrasts(seen, wide, fits, arms), wide.said, fits)


def _fits(method: Longitudinal, wide: Wide) -> tuple[Sequence[Regression], list[int]]:
    """A robust regression of the change in each imputation."""
    rng = np.random.default_rng(method.seed)
    arms = _arms(wide, np.ones(wide.arm.size, np.bool_))
    completed = _imputed(method, wide, arms, rng)
    x = np.stack([wide.design(values[:, 0], arms) for values in completed])
    y = completed[:, :, -1] - completed[:, :, 0]
    if method.robust == "mm":
        each = zip(x, y, strict=True)
        return [mm_estimate(one, of, rng=rng, tolerance=_SETTLED) for one, of in each], arms
    psi = Huber() if method.robust == "huber" else Bisquare()
    return m_estimates(x, y, psi=psi, tolerance=_SETTLED), arms


def _imputed(
    method: Longitudinal, wide: Wide, arms: Sequence[int], rng: np.random.Generator
) -> Floats:
    """Values completed in every imputation, shape (m, subjects, 1 + visits)."""
    prior, chains = Prior(method.prior, method.prior_df), Chains(burn_in=method.burn_in)
    made = np.repeat(wide.values[None], method.imputations, axis=0)
    if not np.isnan(wide.values).any():
        return made
    if not method.within_arms:
        member = (wide.arm[:, None] == np.array(arms[1:])).astype(np.float64)
        whole = np.column_stack([member, wide.values])
        found = augment(whole, m=method.imputations, generator=rng, prior=prior, chains=chains)
        return found.stacked()[:, :, len(arms) - 1 :]
    parts = [
        (own, wide.arm == arm)
        for arm, own in zip(arms, rng.spawn(len(arms)), strict=True)
        if np.isnan(wide.values[wide.arm == arm]).any()
    ]
    found = augment_each(
        [wide.values[inside] for _, inside in parts], m=method.imputations,
        generators=[own for own, _ in parts], prior=prior, chains=chains,
    )  # fmt: skip
    for (_, inside), each in zip(parts, found, strict=True):
        made[:, inside] = each.stacked()
    return made


Contrasts = Mapping[tuple[str, str], Floats]
"""Arm and comparator ("" for the arm's mean) to the weights of the coefficients."""


def _contrasts(
    seen: Scope, wide: Wide, fits: Sequence[Regression], arms: Sequence[int]
) -> Contrasts:
    """Adjusted means stand at the means of baseline (observed) and of the other columns."""
    size = fits[0].coefficients.size
    tail = np.concatenate([[np.nanmean(wide.values[:, 0])], wide.others.mean(axis=0)])
    rows: dict[str, Floats] = {}
    for place, arm in enumerate(seen.arms):
        if place in arms:
            row = np.zeros(size)
            row[arms.index(place)], row[len(arms) :] = 1.0, tail
            rows[arm] = row
    pairs = [(t, c) for t, c in seen.analysis.compare.all if t in rows and c in rows]
    means = {(arm, ""): row for arm, row in rows.items()}
    return means | {(t, c): rows[t] - rows[c] for t, c in pairs}


def _robust_rows(
    seen: Scope,
    method: Longitudinal,
    wide: Wide,
    contrasts: Contrasts,
    said: tuple[str, ...],
    fits: Sequence[Regression] = (),
) -> list[ResultRow]:
    at = at_visit(seen.protocol.visit(seen.analysis.visit), seen.records.columns, seen.name)
    known: Where = {method.variable: Test(is_missing=False), **at}
    observed = ~np.isnan(wide.values[:, -1])
    shared: dict[str, Any] = {"method": ROBUST, "parameter": method.variable}
    rows: list[ResultRow] = []
    for place, arm in enumerate(seen.arms):
        n = int((observed & (wide.arm == place)).sum())
        own: dict[str, Any] = {**shared, "group": arm, "n": n, "source": seen.source([arm], known)}
        rows.append(seen.row("n", float(n), **own))
        found, why = _pooled(method, wide, fits, contrasts.get((arm, "")))
        names = ("lsmean", "se", "lower", "upper", "df")
        rows += seen.rows(_named(names, found), warnings=(*said, *why), **own)
    for test, control in seen.analysis.compare.all:
        found, why = _pooled(method, wide, fits, contrasts.get((test, control)))
        names = ("difference", "se", "lower", "upper", "df", "statistic", "p")
        places = [seen.arms.index(arm) for arm in (test, control)]
        rows += seen.rows(
            _named(names, found), group=test, comparator=control, warnings=(*said, *why),
            n=int((observed & np.isin(wide.arm, places)).sum()),
            source=seen.source((test, control), known), **shared,
        )  # fmt: skip
    return rows


def _pooled(
    method: Longitudinal, wide: Wide, fits: Sequence[Regression], row: Floats | None
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Estimate, error, limits, df, t, P pooled over the imputations; empty where there is none."""
    if not fits:
        return (), ()
    if row is None:
        return (), ("the arm has no subject in the model",)
    values = np.array([fit.coefficients @ row for fit in fits])
    variances = np.array([row @ fit.covariance @ row for fit in fits])
    complete = float(wide.arm.size - row.size)
    found = rubin(values, variances, df_complete=complete, level=method.level)
    numbers = (found.estimate, found.standard_error, found.lower, found.upper, found.df)
    notes = tuple(dict.fromkeys(w for fit in fits for w in fit.warnings))
    return tuple(float(v) for v in (*numbers, found.statistic, found.p)), (*found.warnings, *notes)


def _named(names: Sequence[str], found: tuple[float, ...]) -> dict[str, float | None]:
    return dict(zip(names, found, strict=False)) if found else dict.fromkeys(names)


_RULES: Mapping[str, str] = {
    "shapiro-wilk": "Shapiro and Wilk's W", "anderson-darling": "Anderson and Darling's A2",
    "skewness": "the absolute skewness", "kurtosis": "the absolute excess kurtosis",
}  # fmt: skip
_ROBUST: Mapping[str, str] = {
    "huber": "M estimate with Huber's weights (k = 1.345)",
    "bisquare": "M estimate with bisquare weights (k = 4.685)",
    "mm": "MM estimate (breakdown point 50%, efficiency 95%)",
}
_ADJUSTED = "Standard errors too, not the degrees of freedom alone, are those of Kenward and Roger."


def longitudinal_told(protocol: Protocol, analysis: Analysis, method: Longitudinal) -> list[str]:
    """Both ways with every option, and the rule between them."""
    visits = _visits(protocol, analysis, method)
    plain = _clda(method, visits)
    rule = method.rule
    of = records_in_words(protocol, analysis)
    below = rule.on == "p" or rule.statistic == "shapiro-wilk"
    what = "P of " + _RULES[rule.statistic] if rule.on == "p" else _RULES[rule.statistic]
    others = listed(["arm", "baseline", *method.factors, *method.covariates])
    ridge = f" with {method.prior_df:g} degrees of freedom" if method.prior == "ridge" else ""
    return [
        (f"Change of {method.variable} from baseline (ABLFL = Y) at"
        f" {protocol.visit(analysis.visit).label} ({of}), by one of two methods; of several records"
            " in a window the one"
        " that counts (ANL01FL = Y)."),
        (f"Rule: {rule.residuals} residuals of a least-squares regression of the observed changes"
        f" on {others}; the departure from normality is severe where {what} is"
        f" {'below' if below else 'above'} {rule.cutoff:g}."),
        ("Values after discontinuation or after rescue or prohibited medication are used like any"
        " other (treatment policy); a missing value is taken to be missing at random."),
        "Where it is not severe: " + " ".join(mmrm_told(protocol, analysis, plain)),
        *([_ADJUSTED] if plain.errors.startswith("kenward-roger") else []),
        (f"Where it is severe: {method.imputations} imputations (seed {method.seed}) of baseline"
        f" and {listed([v.label for v in visits])}, multivariate normal by data augmentation,"
        f" {'in each arm by itself' if method.within_arms else 'with the arm as columns'},"
        f" {method.burn_in} steps before the first, {method.prior} prior of the covariance{ridge},"
        f" not rounded or limited; in each a {_ROBUST[method.robust]} of the change on {others};"
        " estimates pooled by Rubin's rules with Barnard and Rubin's degrees of freedom. Adjusted"
        " means stand at the mean of the observed baseline and of the other columns."),
    ]  # fmt: skip


def longitudinal_saw(rows: Sequence[ResultRow]) -> list[str]:
    """What the rule found, one sentence a set of records."""
    said: list[str] = []
    for row in rows:
        if row.statistic != "rejected" or row.method not in _RULES:
            continue
        where = " ".join(filter(None, (row.subgroup, row.visit)))
        same = [
            r for r in rows
            if (r.method, r.visit, r.subgroup) == (row.method, row.visit, row.subgroup)
        ]  # fmt: skip
        numbers = {r.statistic: r.value for r in same}
        if row.value is None:
            said.append(f"In these data{f' ({where})' if where else ''}: {row.warnings}.")
            continue
        p = f", P {numbers['p']:.3g}" if numbers.get("p") is not None else ""
        chosen = "multiple imputation with robust regression" if row.value else "cLDA"
        said.append(
            f"In these data{f' ({where})' if where else ''}: {_RULES[row.method]}"
            f" {numbers['statistic']:.4g}{p} on {row.n} residuals, so {chosen} was used."
        )
    return said
