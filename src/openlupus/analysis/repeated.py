"""Mixed models for repeated measures of a number between arms, and cLDA."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.select import ARM, SUBJECT, Scope, at_visit, scope
from openlupus.analysis.summary import as_numbers
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import Mmrm
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm import (
    Covariate,
    Design,
    Estimates,
    Factor,
    Inference,
    fit,
    inference,
    lsmeans,
)
from openlupus.statistics.mmrm import design as make_design
from openlupus.statistics.mmrm.clda import constrained_columns
from openlupus.statistics.mmrm.design import Term

_VISIT = "_visit"
BASELINE = "baseline"
"""Id of the visit of the baseline, where it is a response."""
_BASELINE_RECORD: Where = {"ABLFL": Test(equals="Y")}


@dataclass(frozen=True, eq=False)
class Rows:
    """Complete records, one a subject and visit; every array has one entry a record.

    Attributes:
        y: The measurement, its logarithm where that is analysed.
        arm: Place of the arm among `arms`.
        visit: Place of the visit among `visits`.
        arms: Arms that have a record.
        visits: Visits that have a record; the baseline first where it is a response.
        said: Warnings on what was left out.
    """

    y: Floats
    subject: NDArray[np.int64]
    arm: NDArray[np.int64]
    visit: NDArray[np.int64]
    covariates: Mapping[str, Floats]
    factors: Mapping[str, Factor]
    arms: tuple[str, ...]
    visits: tuple[str, ...]
    said: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model: inference, and the row of coefficients of each arm at each visit."""

    inference: Inference
    means: Mapping[tuple[str, str], Floats]


def mmrm_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Adjusted means of the arms and their differences at each visit, and over the visits.

    Raises:
        AnalysisError: a column is absent or holds text, a subject has two records at a visit, or
            groups of several arms are compared.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Mmrm)
    columns = [method.variable, *method.covariates, *method.factors]
    baseline = ["ABLFL"] if method.baseline_as_response else []
    seen = scope(name, protocol, data, subjects, columns=[*columns, *baseline])
    if pooled := [group for group in seen.groups if group not in protocol.arms]:
        raise AnalysisError(
            f"analysis {name}: a model for repeated measures is of arms, and {', '.join(pooled)}"
            " is a group of several; list arms alone"
        )
    rows = _read(seen, method)
    fitted, said = _fit(method, rows)
    visits = [*_visits(seen.protocol, method), *([""] if method.overall else [])]
    return [row for visit in visits for row in _at(seen, method, rows, fitted, said, visit)]


def _visits(protocol: Protocol, method: Mmrm) -> tuple[str, ...]:
    """Visits of the model after baseline, in the order of time, on which structures rest."""
    after = ("treatment", "follow_up")
    chosen = method.visits or [v.id for v in protocol.schedule.visits if v.role in after]
    return tuple(sorted(chosen, key=lambda visit: protocol.visit(visit).day))


def _read(seen: Scope, method: Mmrm) -> Rows:
    places = {seen.protocol.arms[arm].code: arm for arm in seen.arms}
    records = _placed(seen, method).filter(pl.col(ARM).is_in(list(places)))
    y = as_numbers(seen, records[method.variable])
    logged = method.scale == "log"
    y = np.log(np.where(y > 0, y, np.nan)) if logged else y
    numbers = {name: as_numbers(seen, records[name]) for name in method.covariates}
    texts = {name: records[name].cast(pl.String).replace("", None) for name in method.factors}
    whole = ~np.isnan(y)
    for values in numbers.values():
        whole &= ~np.isnan(values)
    for text in texts.values():
        whole &= text.is_not_null().to_numpy()
    kept = pl.Series(values=whole)
    used = records.filter(kept)
    arms = tuple(arm for code, arm in places.items() if code in used[ARM])
    order = ([BASELINE] if method.baseline_as_response else []) + list(
        _visits(seen.protocol, method)
    )
    visits = tuple(visit for visit in order if visit in used[_VISIT])
    said: tuple[str, ...] = ()
    if missing := records.height - used.height:
        why = "a missing value" + (" or one that is not above 0" if logged else "")
        said = (f"{missing} record(s) with {why} are left out",)
    return Rows(
        y[whole],
        used[SUBJECT].rank("dense").cast(pl.Int64).to_numpy(),
        _codes(used[ARM].replace_strict(places, return_dtype=pl.String), arms),
        _codes(used[_VISIT], visits),
        {name: values[whole] for name, values in numbers.items()},
        {name: _factor(text.filter(kept)) for name, text in texts.items()},
        arms,
        visits,
        said,
    )


def _placed(seen: Scope, method: Mmrm) -> pl.DataFrame:
    """Records of the visits of the model, with the visit's id; one a subject and visit."""
    records, protocol = seen.records, seen.protocol
    visit = pl.lit(None, pl.String)
    for name in reversed(_visits(seen.protocol, method)):
        where = at_visit(protocol.visit(name), records.columns, seen.name)
        visit = pl.when(expression(where, records.schema)).then(pl.lit(name)).otherwise(visit)
    if method.baseline_as_response:
        at = expression(_BASELINE_RECORD, records.schema)
        visit = pl.when(at).then(pl.lit(BASELINE)).otherwise(visit)
    placed = records.with_columns(visit.alias(_VISIT)).drop_nulls(_VISIT)
    placed = placed.filter(pl.col(method.variable).is_not_null())
    twice = placed.filter(pl.struct(SUBJECT, _VISIT).is_duplicated())
    if twice.height:
        raise AnalysisError(
            f"analysis {seen.name}: {twice[SUBJECT].n_unique()} subject(s) have several records in"
            f" {seen.dataset} at a visit, for example {twice[SUBJECT][0]} at {twice[_VISIT][0]};"
            " narrow `where` until each has one"
        )
    return placed


def _codes(values: pl.Series, levels: Sequence[str]) -> NDArray[np.int64]:
    places = {level: i for i, level in enumerate(levels)}
    return values.replace_strict(places, return_dtype=pl.Int64).to_numpy()


def _factor(values: pl.Series) -> Factor:
    levels = tuple(values.unique().sort().to_list())
    return Factor(levels, _codes(values, levels))


def _fit(method: Mmrm, rows: Rows) -> tuple[Fitted | None, tuple[str, ...]]:
    """The fitted model, or why there is none; and the warnings of the fit."""
    if len(rows.arms) < 2:
        return None, ("fewer than two arms have records, so there is nothing to compare",)
    try:
        made = _clda(method, rows) if method.baseline_as_response else _mmrm(method, rows)
        design, means = made
        found = fit(
            rows.y, design.x, rows.visit, rows.subject, covariance=method.covariance,
            names=design.names, visit_names=rows.visits,
        )  # fmt: skip
        chosen = inference(found, df=method.df, vcov=method.errors, level=method.level)
        chosen.estimate(next(iter(means.values())))
    except StatisticsError as error:
        return None, (str(error),)
    alone = [name for name, factor in rows.factors.items() if len(factor.levels) < 2]
    dropped = tuple(f"{name} has one level and is left out" for name in alone)
    return Fitted(chosen, means), (*rows.said, *dropped, *found.notes)


def _others(method: Mmrm, rows: Rows) -> tuple[dict[str, Factor | Covariate], list[Term]]:
    """Covariates and factors with their terms; a factor of one level is none."""
    variables: dict[str, Factor | Covariate] = {
        name: factor for name, factor in rows.factors.items() if len(factor.levels) > 1
    }
    variables |= {name: Covariate(values) for name, values in rows.covariates.items()}
    terms: list[Term] = [(name,) for name in variables]
    terms += [(name, _VISIT) for name in method.by_visit if name in variables]
    return variables, [*terms, *((ARM, name) for name in method.by_arm if name in variables)]


def _mmrm(method: Mmrm, rows: Rows) -> tuple[Design, Mapping[tuple[str, str], Floats]]:
    others, terms = _others(method, rows)
    own = {ARM: Factor(rows.arms, rows.arm), _VISIT: Factor(rows.visits, rows.visit)}
    main: list[Term] = [(ARM,), (_VISIT,), (ARM, _VISIT)]
    design = make_design([*main, *terms], {**own, **others}, rows=rows.y.size)
    means = lsmeans(design, (ARM, _VISIT), weights=_WEIGHTS[method.weights])
    return design, {
        (arm, visit): row for (arm, visit), row in zip(means.levels, means.rows, strict=True)
    }


def _clda(method: Mmrm, rows: Rows) -> tuple[Design, Mapping[tuple[str, str], Floats]]:
    if rows.visits[0] != BASELINE:
        raise StatisticsError("no record is a baseline (ABLFL = Y), so it cannot be a response")
    others, terms = _others(method, rows)
    made = constrained_columns(rows.arm, rows.visit, arms=len(rows.arms), visits=len(rows.visits))
    pairs = [(rows.arms[a], rows.visits[v]) for a, v in zip(made.arms, made.visits, strict=True)]
    columns = {f"{arm} at {visit}": Covariate(made.x[:, k]) for k, (arm, visit) in enumerate(pairs)}
    visit = {_VISIT: Factor(rows.visits, rows.visit)}
    design = make_design(
        [(_VISIT,), *((name,) for name in columns), *terms],
        {**visit, **columns, **others},
        rows=rows.y.size,
    )

    def mean(arm: str, at: str) -> Floats:
        here = {name: float(name == f"{arm} at {at}") for name in columns}
        found = lsmeans(design, (_VISIT,), weights=_WEIGHTS[method.weights], at=here)
        return found.rows[found.levels.index((at,))]

    start = mean("", BASELINE)
    visits = rows.visits[1:]
    return design, {(a, v): mean(a, v) - start for a in rows.arms for v in visits}


_WEIGHTS: Mapping[str, Any] = {"equal": "equal", "observed": "proportional"}


def _at(
    seen: Scope, method: Mmrm, rows: Rows, fitted: Fitted | None, said: tuple[str, ...], visit: str
) -> list[ResultRow]:
    """Rows of one visit, or of the mean over the visits (visit "")."""
    known: Where = {name: Test(is_missing=False) for name in method.asked}
    shared: dict[str, Any] = {"method": "mmrm", "parameter": method.variable, "visit": visit}
    made: list[ResultRow] = []
    for arm in seen.arms:
        here, where = _here(rows, arm, visit), {**known, **_when(seen, visit)}
        own: dict[str, Any] = {**shared, "group": arm, "n": here}
        source = seen.source([arm], where)
        made.append(seen.row("n", float(here), source=source, **own))
        found, why = _estimated(fitted, said, [(arm, 1.0)], visit)
        values = _of_mean(method, found)
        made += seen.rows(values, source=source, warnings=why, **own)
    for test, control in seen.analysis.compare.all:
        found, why = _estimated(fitted, said, [(test, 1.0), (control, -1.0)], visit)
        made += seen.rows(
            _of_difference(method, found), group=test, comparator=control, warnings=why,
            n=sum(_here(rows, arm, visit) for arm in (test, control)),
            source=seen.source((test, control), {**known, **_when(seen, visit)}), **shared,
        )  # fmt: skip
    return made


def _when(seen: Scope, visit: str) -> Where:
    return at_visit(seen.protocol.visit(visit), seen.records.columns, seen.name) if visit else {}


def _here(rows: Rows, arm: str, visit: str) -> int:
    """Subjects of an arm with a record at the visit, or at any visit after baseline."""
    if arm not in rows.arms or (visit and visit not in rows.visits):
        return 0
    of_arm = rows.arm == rows.arms.index(arm)
    if visit:
        return int((of_arm & (rows.visit == rows.visits.index(visit))).sum())
    after = [i for i, name in enumerate(rows.visits) if name != BASELINE]
    return int(np.unique(rows.subject[of_arm & np.isin(rows.visit, after)]).size)


def _estimated(
    fitted: Fitted | None, said: tuple[str, ...], parts: Sequence[tuple[str, float]], visit: str
) -> tuple[Estimates | None, tuple[str, ...]]:
    """A combination of adjusted means of arms, or None with the reason."""
    if fitted is None:
        return None, said
    visits = [visit] if visit else list(dict.fromkeys(v for _, v in fitted.means))
    if absent := [arm for arm, _ in parts if (arm, visits[0]) not in fitted.means]:
        at = f" at {visit}" if visit else ""
        return None, (*said, *(f"{arm} has no record{at} in the model" for arm in absent))
    row = sum(
        weight * np.mean([fitted.means[arm, v] for v in visits], axis=0) for arm, weight in parts
    )
    return fitted.inference.estimate(np.asarray(row)), said


def _of_mean(method: Mmrm, found: Estimates | None) -> Mapping[str, float | None]:
    names = ("lsmean", "lower", "upper", *(("se",) if method.scale == "number" else ()), "df")
    return dict.fromkeys(names) if found is None else _values(method, "lsmean", found, names)


def _of_difference(method: Mmrm, found: Estimates | None) -> Mapping[str, float | None]:
    effect = "difference" if method.scale == "number" else "ratio"
    se = ("se",) if method.scale == "number" else ()
    names = (effect, *se, "lower", "upper", "statistic", "df", "p")
    return dict.fromkeys(names) if found is None else _values(method, effect, found, names)


def _values(
    method: Mmrm, effect: str, found: Estimates, names: Sequence[str]
) -> Mapping[str, float | None]:
    shown = np.exp if method.scale == "log" else np.asarray
    every = {
        effect: shown(found.value), "se": found.standard_error, "lower": shown(found.lower),
        "upper": shown(found.upper), "statistic": found.t, "df": found.df, "p": found.p,
    }  # fmt: skip
    return {name: float(every[name][0]) for name in names}


_STRUCTURES: Mapping[str, str] = {
    "us": "unstructured", "ad": "ante-dependent", "adh": "heterogeneous ante-dependent",
    "ar1": "autoregressive", "ar1h": "heterogeneous autoregressive", "cs": "compound symmetry",
    "csh": "heterogeneous compound symmetry", "toep": "Toeplitz", "toeph": "heterogeneous Toeplitz",
}  # fmt: skip
_VCOV: Mapping[str, str] = {
    "asymptotic": "asymptotic", "kenward-roger": "adjusted by Kenward and Roger, as R's mmrm does",
    "kenward-roger-linear": "adjusted by Kenward and Roger without second derivatives, as SAS's"
    " DDFM=KR(LINEAR)",
    "kenward-roger-sas": "adjusted by Kenward and Roger in the parameters of SAS PROC MIXED"
    " (DDFM=KR)",
    "empirical": "empirical (sandwich)", "empirical-bias-reduced": "empirical, bias-reduced",
    "empirical-jackknife": "empirical, by the jackknife",
}  # fmt: skip
_DF: Mapping[str, str] = {
    "kenward-roger": "by Kenward and Roger (1997)", "satterthwaite": "by Satterthwaite",
    "between-within": "between and within subjects", "residual": "residual",
}  # fmt: skip


def mmrm_told(protocol: Protocol, analysis: Analysis, method: Mmrm) -> list[str]:
    """Every option of the model in words."""
    of = records_in_words(protocol, analysis)
    visits = listed([protocol.visit(visit).label for visit in _visits(protocol, method)])
    what = f"the logarithm of {method.variable}" if method.scale == "log" else method.variable
    kind = "Mixed model for repeated measures"
    if method.baseline_as_response:
        kind = "Constrained longitudinal data analysis"
    said = [f"{kind} of {what} ({of}) at {visits}, by restricted maximum likelihood."]
    said += _terms_told(method)
    chain = (method.covariance,) if isinstance(method.covariance, str) else method.covariance
    structures = listed([_STRUCTURES[name] for name in chain])
    order = ", tried in this order" if len(chain) > 1 else ""
    said += [
        f"Covariance within a subject: {structures}{order}, the same in all arms.",
        f"Degrees of freedom {_DF[method.df]}.",
        f"Covariance of the coefficients: {_VCOV[method.errors]}.",
        f"Adjusted means weight the levels of other factors {_WEIGHED[method.weights]};",
        "covariates stand at their mean over the records.",
        f"{100 * method.level:.6g}% limits and two-sided P are by the t distribution, and are not",
        "adjusted for multiplicity. Records with a missing value are left out.",
    ]
    if method.overall:
        said.append("Over the visits: the unweighted mean of the means at the visits.")
    if method.scale == "log":
        said.append("Means and differences are turned back: geometric means and ratios.")
    return said


_WEIGHED: Mapping[str, str] = {
    "equal": "equally", "observed": "as often as they occur among the records"
}  # fmt: skip


def _terms_told(method: Mmrm) -> list[str]:
    others = [*method.factors, *method.covariates]
    if method.baseline_as_response:
        said = [
            "The baseline (ABLFL = Y) is a response whose mean the arms share.",
            "Adjusted means are changes from baseline.",
        ]
        terms = ["visit", *others]
    else:
        said, terms = [], ["arm", "visit", "arm by visit", *others]
    terms += [f"{name} by visit" for name in method.by_visit]
    terms += [f"arm by {name}" for name in method.by_arm]
    covariates = f" ({listed(method.covariates)} as numbers)" if method.covariates else ""
    return [*said, f"Terms: {listed(terms)}{covariates}."]
