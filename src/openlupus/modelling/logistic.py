"""Logistic regression and its marginal effects from a formula and a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from openlupus.errors import FormulaError
from openlupus.modelling.formula import Formula, parse
from openlupus.modelling.frames import Levels, ModelData, Table, model_data, table
from openlupus.modelling.summary import aligned
from openlupus.statistics.generalised_linear import Covariance, GlmFit
from openlupus.statistics.logistic import Separation, logistic_regression
from openlupus.statistics.marginal import Contrast, MarginalEffect, MarginalMeans, marginal_means
from openlupus.statistics.mmrm.design import Covariate, Factor, design


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """A fitted logistic regression; `print` it for a summary.

    Attributes:
        formula: The formula, taken apart.
        fit: The fit beneath.
        covariance: Of the coefficients: `model`, or a sandwich.
        source: The data's columns and library: frames are returned in the same.
        notes: Rows left out; separation, where Firth's likelihood was fallen back on.
    """

    formula: Formula
    fit: GlmFit
    covariance: Covariance
    source: Table
    notes: tuple[str, ...]

    def coefficients(self) -> Any:
        """One row a coefficient: term, estimate, standard_error, lower, upper, p; log odds."""
        names = self.fit.names
        found = [self.fit.coefficient(name, covariance=self.covariance) for name in names]
        return self.source.frame(
            {
                "term": list(names),
                "estimate": [each.value for each in found],
                "standard_error": [each.standard_error for each in found],
                "lower": [each.lower for each in found],
                "upper": [each.upper for each in found],
                "p": [self.fit.p(name, covariance=self.covariance) for name in names],
            }
        )

    def odds_ratios(self) -> Any:
        """One row a coefficient but the intercept: term, odds_ratio, lower, upper, p."""
        names = [name for name in self.fit.names if name != "(Intercept)"]
        found = [self.fit.ratio(name, covariance=self.covariance) for name in names]
        return self.source.frame(
            {
                "term": names,
                "odds_ratio": [each.value for each in found],
                "lower": [each.lower for each in found],
                "upper": [each.upper for each in found],
                "p": [self.fit.p(name, covariance=self.covariance) for name in names],
            }
        )

    def __str__(self) -> str:
        rows = [["", "Estimate", "Std. Error", "Odds ratio", f"{self.fit.level:.0%} limits", "P"]]
        for name in self.fit.names:
            log = self.fit.coefficient(name, covariance=self.covariance)
            ratio = self.fit.ratio(name, covariance=self.covariance)
            rows.append(
                [name, f"{log.value:.4f}", f"{log.standard_error:.4f}", f"{ratio.value:.3f}",
                 f"{ratio.lower:.3f} to {ratio.upper:.3f}",
                 f"{self.fit.p(name, covariance=self.covariance):.4f}"]
            )  # fmt: skip
        return "\n".join(
            [
                "Logistic regression",
                f"  formula           {self.formula.text}",
                f"  observations      {self.fit.n}",
                f"  standard errors   {self.covariance}",
                *(f"  note              {note}" for note in self.notes),
                "",
                *aligned(rows),
            ]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """Marginal response rates of the arms and their contrasts; `print` it for a summary.

    Attributes:
        formula: The formula, taken apart.
        found: The numbers.
        contrast: Of two arms' marginal rates.
        source: The data's columns and library: frames are returned in the same.
        notes: Rows left out; separation, where Firth's likelihood was fallen back on.
    """

    formula: Formula
    found: MarginalMeans
    contrast: Contrast
    source: Table
    notes: tuple[str, ...]

    def means(self) -> Any:
        """One row an arm: arm, rate, standard_error."""
        return self.source.frame(
            {
                "arm": [str(arm) for arm in self.found.groups],
                "rate": self.found.means.tolist(),
                "standard_error": np.sqrt(np.diag(self.found.covariance)).tolist(),
            }
        )

    def effects(self) -> Any:
        """One row an arm against the control: contrast, estimate, error, limits, z, p."""
        found = self._effects()
        return self.source.frame(
            {
                "contrast": [f"{each.group} - {each.control}" for each in found],
                "estimate": [each.interval.value for each in found],
                "standard_error": [each.interval.standard_error for each in found],
                "lower": [each.interval.lower for each in found],
                "upper": [each.interval.upper for each in found],
                "z": [each.z for each in found],
                "p": [each.p for each in found],
            }
        )

    def __str__(self) -> str:
        means = zip(self.found.groups, self.found.means.tolist(), strict=True)
        rows = [["", self.contrast, f"{self.found.level:.0%} limits", "P"]]
        for each in self._effects():
            value, lower, upper = each.interval.value, each.interval.lower, each.interval.upper
            rows.append(
                [f"{each.group} - {each.control}", f"{value:.4f}", f"{lower:.4f} to {upper:.4f}",
                 f"{each.p:.4f}"]
            )  # fmt: skip
        return "\n".join(
            [
                "Marginal rates by g-computation after logistic regression",
                f"  formula   {self.formula.text}",
                f"  rates     {', '.join(f'{arm} {100 * mean:.1f} %' for arm, mean in means)}",
                *(f"  note      {note}" for note in self.notes),
                "",
                *aligned(rows),
            ]
        )

    def _effects(self) -> list[MarginalEffect]:
        return [
            self.found.effect(arm, contrast=self.contrast) for arm in self.found.groups[1:]
        ]  # fmt: skip


def logistic(
    formula: str,
    data: Any,
    *,
    covariance: Covariance = "model",
    separation: Separation = "refuse",
    levels: Levels | None = None,
    level: float = 0.95,
) -> Logistic:
    """Logistic regression of a response, one row a subject.

    Args:
        formula: `AVAL ~ BASE + REGION + ARM`, `AVAL` 1 and 0 or true and false.
        data: A frame of pandas, polars or pyarrow.
        covariance: `model`, or a sandwich `HC0` ... `HC3`.
        separation: `refuse`, or `firth`: fall back on Firth's penalised likelihood, with a note.
        levels: Order of the levels by column, the reference first.
        level: Two-sided coverage of the intervals, in (0, 1).

    Raises:
        SeparationError: columns that tell the outcomes apart without fault, by name.
        RankDeficiencyError: columns that depend on each other, by name.
        FormulaError: a formula that cannot be read, or columns that the data do not have.
    """
    known, source, rows = _read(formula, data, levels or {})
    built = design(known.terms, rows.variables, intercept=known.intercept, rows=rows.y.size)
    fit = logistic_regression(
        rows.y, built.x, names=built.names, separation=separation, level=level
    )  # fmt: skip
    return Logistic(known, fit, covariance, source, rows.notes + fit.warnings)


def marginal(
    formula: str,
    data: Any,
    *,
    arm: str,
    control: str | None = None,
    contrast: Contrast = "difference",
    variance: Literal["ge", "ye"] = "ge",
    robust: Covariance = "HC0",
    interactions: bool = False,
    separation: Separation = "refuse",
    levels: Levels | None = None,
    level: float = 0.95,
) -> Marginal:
    """Covariate-adjusted marginal effect of the arm on a response, by g-computation.

    Args:
        formula: `AVAL ~ BASE + REGION + ARM`; the arm stands alone in it.
        data: A frame of pandas, polars or pyarrow, one row a subject.
        arm: Column of the arm.
        control: Arm that the others are compared with; the first level unless given.
        contrast: `difference`, `ratio`, `odds-ratio`, `log-ratio`, `log-odds-ratio`.
        variance: `ge`, or `ye`; see `openlupus.statistics.marginal.marginal_means`.
        robust: Covariance of the coefficients under `ge`.
        interactions: Let every covariate act differently in each arm.
        separation: As in `logistic`.
        levels: As in `logistic`.
        level: Two-sided coverage of the intervals, in (0, 1).

    Raises:
        FormulaError: the arm is no term of its own; else as `logistic`.
    """
    known, source, rows = _read(formula, data, levels or {})
    factor = rows.variables.get(arm)
    if not known.intercept or (arm,) not in known.terms or isinstance(factor, Covariate | None):
        raise FormulaError(f"the formula {formula!r} needs an intercept and the factor {arm!r}")
    if entangled := [term for term in known.terms if arm in term and len(term) > 1]:
        raise FormulaError(
            f"{arm!r} stands in {':'.join(entangled[0])}; use interactions=True instead"
        )
    others = [term for term in known.terms if arm not in term]
    built = design(others, rows.variables, intercept=True, rows=rows.y.size)
    found = marginal_means(
        rows.y, _names(factor), covariates=built.x[:, 1:], covariate_names=built.names[1:],
        control=factor.levels[0] if control is None else control, variance=variance,
        robust=robust, interactions=interactions, separation=separation, level=level,
    )  # fmt: skip
    return Marginal(known, found, contrast, source, rows.notes + found.warnings)


def _read(formula: str, data: Any, levels: Levels) -> tuple[Formula, Table, ModelData]:
    known = parse(formula)
    if known.covariance is not None:
        raise FormulaError(f"the formula {formula!r} has a covariance term; there is one row each")
    source = table(data, [known.response, *known.columns.values()])
    return known, source, model_data(known, None, source, weights=None, levels=levels)


def _names(factor: Factor) -> Sequence[str]:
    return np.asarray(factor.levels)[factor.codes].tolist()
