"""Mixed models for repeated measures from a formula and a frame, with tidy frames as results."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from openlupus.errors import FormulaError, StatisticsError
from openlupus.modelling.formula import CovarianceTerm, Formula, parse
from openlupus.modelling.frames import Levels, ModelData, Table, factor, model_data, table
from openlupus.modelling.linear import LinearModel
from openlupus.statistics.mmrm.clda import constrained_columns
from openlupus.statistics.mmrm.design import Covariate, design
from openlupus.statistics.mmrm.fit import Information, fit, information_criteria
from openlupus.statistics.mmrm.inference import Df, Vcov, inference
from openlupus.statistics.mmrm.parameters import covariance_parameters


@dataclass(frozen=True, slots=True, eq=False)
class Mmrm(LinearModel):
    """A fitted mixed model for repeated measures; `print` it for a summary."""

    def covariance_parameters(self) -> Any:
        """The covariance parameters as PROC MIXED prints them, with standard errors and limits."""
        fit = self.inference.fit
        found = covariance_parameters(fit, level=self.inference.level)
        groups = {"group": [each.group for each in found]} if len(fit.structures) > 1 else {}
        return self.source.frame(
            {
                **groups,
                "parameter": [each.name for each in found],
                "estimate": [each.value for each in found],
                "standard_error": [each.standard_error for each in found],
                "lower": [each.lower for each in found],
                "upper": [each.upper for each in found],
            }
        )

    def information(
        self, *, convention: Literal["parameters", "sas"] = "parameters"
    ) -> Information:
        """AIC, AICC, BIC; see `openlupus.statistics.mmrm.fit.information_criteria`."""
        return information_criteria(self.inference.fit, convention=convention)

    def __str__(self) -> str:
        from openlupus.modelling.summary import summary

        return summary(self)


def mmrm(
    formula: str,
    data: Any,
    *,
    df: Df = "kenward-roger",
    vcov: Vcov | None = None,
    reml: bool = True,
    weights: str | None = None,
    levels: Levels | None = None,
    fallback: Sequence[str] = (),
    level: float = 0.95,
) -> Mmrm:
    """Fit a mixed model for repeated measures.

    Args:
        formula: `FEV1 ~ RACE + ARMCD*AVISIT + us(AVISIT | USUBJID)`. The covariance term names the
            structure, the visit, the subject, and before a slash the factor whose levels have
            covariances of their own: `us(AVISIT | ARMCD / USUBJID)`; spatial structures name
            coordinates: `sp_exp(DAY | USUBJID)`. Numbers are covariates unless `factor(column)`.
        data: A frame of pandas, polars or pyarrow, one row a subject and visit.
        df: Degrees of freedom; see `openlupus.statistics.mmrm.inference.inference`.
        vcov: Covariance of the coefficients; the same. `kenward-roger-linear` is PROC MIXED's
            DDFM=KR of an unstructured covariance, and keeps its level better in small trials than
            `kenward-roger`, which is R mmrm's and the default with Kenward-Roger's df.
        reml: Restricted maximum likelihood, else maximum likelihood.
        weights: Column of weights; the variance of a row is divided by its weight.
        levels: Order of the levels by column, the reference first; else the order that the frame
            declares (categories), else sorted.
        fallback: Covariance structures to try, in this order, when that of the formula fails.
        level: Two-sided coverage of the intervals.

    Raises:
        FormulaError: a formula that cannot be read, or columns that the data do not have.
        RankDeficiencyError: columns that depend on each other, or a factor with one level.
        ConvergenceError: no structure could be fitted, and why.
        StatisticsError: duplicate subject-visits, visits without observation, options that clash.
    """
    known, covariance = _read(formula)
    names = [known.response, *known.columns.values(), *covariance.visits, covariance.subject]
    names += [name for name in (covariance.group, weights) if name is not None]
    source = table(data, names)
    rows = model_data(known, covariance, source, weights=weights, levels=levels or {})
    return _fitted(known, covariance, source, rows, fallback, reml, df, vcov, level)


def clda(
    formula: str,
    data: Any,
    *,
    arm: str,
    baseline: str,
    control: str | None = None,
    df: Df = "kenward-roger",
    vcov: Vcov | None = None,
    reml: bool = True,
    weights: str | None = None,
    levels: Levels | None = None,
    fallback: Sequence[str] = (),
    level: float = 0.95,
) -> Mmrm:
    """Constrained longitudinal data analysis: all arms share the mean at baseline.

    The model has the visit as a factor, a column `arm:visit` for the difference of each arm from
    the control at each visit after baseline, and the terms of the formula.

    Args:
        formula: `y ~ RACE + us(visit | id)`: other terms and the covariance, without the arm.
        data: A frame with the baseline as one of the visits' rows.
        arm: Column of the arm.
        baseline: The visit before treatment, as it stands in the visit's column.
        control: Arm that the others are compared with; the first unless given.
        df: As in `mmrm`.
        vcov: As in `mmrm`.
        reml: As in `mmrm`.
        weights: As in `mmrm`.
        levels: As in `mmrm`.
        fallback: As in `mmrm`.
        level: As in `mmrm`.

    Raises:
        StatisticsError: the baseline or the control is no level of its column; else as `mmrm`.
    """
    known, covariance = _read(formula)
    visit = covariance.visits[0]
    if arm in known.columns or visit in known.columns:
        raise FormulaError(f"leave {arm!r} and {visit!r} out of the formula: clda adds them itself")
    names = [known.response, *known.columns.values(), visit, arm, covariance.subject]
    names += [name for name in (covariance.group, weights) if name is not None]
    source = table(data, names)
    order = {**(levels or {}), visit: _visits_first(source, visit, baseline, levels or {})}
    whole = replace(
        known,
        terms=((visit,), *known.terms),
        columns={visit: visit, arm: arm, **known.columns},
        forced=known.forced | {visit, arm},
    )
    rows = model_data(whole, covariance, source, weights=weights, levels=order)
    rows, terms = _constrained(rows, arm, visit, control)
    terms = ((visit,), *terms, *known.terms)
    return _fitted(
        replace(whole, terms=terms), covariance, source, rows, fallback, reml, df, vcov, level
    )


def _read(formula: str) -> tuple[Formula, CovarianceTerm]:
    known = parse(formula)
    if known.covariance is None:
        raise FormulaError(
            f"the formula {formula!r} has no covariance term; add one, as in us(visit | subject)"
        )
    return known, known.covariance


def _fitted(
    formula: Formula,
    covariance: CovarianceTerm,
    source: Table,
    rows: ModelData,
    fallback: Sequence[str],
    reml: bool,
    df: Df,
    vcov: Vcov | None,
    level: float,
) -> Mmrm:
    built = design(formula.terms, rows.variables, intercept=formula.intercept, rows=rows.y.size)
    found = fit(
        rows.y, built.x, rows.visit, rows.subject,
        covariance=(covariance.structure, *fallback), reml=reml, group=rows.group,
        weights=rows.weights, coordinates=rows.coordinates, names=built.names,
        visit_names=rows.visit_names, group_names=rows.group_names,
    )  # fmt: skip
    chosen = inference(found, df=df, vcov=vcov, level=level)
    return Mmrm(formula, chosen, built, source, rows.notes + found.notes)


def _visits_first(source: Table, visit: str, baseline: str, levels: Levels) -> tuple[str, ...]:
    known = factor(source, visit, levels).levels
    if baseline not in known:
        raise StatisticsError(f"{visit!r} has no visit {baseline!r}; it has {list(known)}")
    return (baseline, *(name for name in known if name != baseline))


def _constrained(
    rows: ModelData, arm: str, visit: str, control: str | None
) -> tuple[ModelData, tuple[tuple[str], ...]]:
    arms, visits = rows.variables[arm], rows.variables[visit]
    if isinstance(arms, Covariate) or isinstance(visits, Covariate):
        raise FormulaError(f"{arm!r} and {visit!r} must be factors")
    first = arms.levels[0] if control is None else control
    if first not in arms.levels:
        raise StatisticsError(f"{arm!r} has no arm {first!r}; it has {list(arms.levels)}")
    columns = constrained_columns(
        arms.codes, visits.codes, arms=len(arms.levels), visits=len(visits.levels),
        control=arms.levels.index(first),
    )  # fmt: skip
    named = {
        f"{arm}{arms.levels[a]}:{visit}{visits.levels[v]}": Covariate(columns.x[:, k])
        for k, (a, v) in enumerate(zip(columns.arms, columns.visits, strict=True))
    }
    others = {name: own for name, own in rows.variables.items() if name != arm}
    return replace(rows, variables={**others, **named}), tuple((name,) for name in named)
