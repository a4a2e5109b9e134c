"""A fitted linear model with tidy frames as answers, and analysis of covariance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from openlupus.errors import FormulaError, StatisticsError
from openlupus.modelling.formula import Formula, parse
from openlupus.modelling.frames import Levels, Table, model_data, table
from openlupus.statistics.mmrm.design import Design, design
from openlupus.statistics.mmrm.fit import fit
from openlupus.statistics.mmrm.hypotheses import type_three, type_two
from openlupus.statistics.mmrm.inference import Estimates, Inference, Vcov, inference
from openlupus.statistics.mmrm.lsmeans import LsMeans, Weights, lsmeans

Errors = Literal["model", "HC0", "HC2", "HC3"]
# With one measurement a subject the sandwiches of repeated measures are those of White's family.
_VCOV: dict[Errors, Vcov] = {
    "model": "asymptotic",
    "HC0": "empirical",
    "HC2": "empirical-bias-reduced",
    "HC3": "empirical-jackknife",
}


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """A fitted linear model; `print` it for a summary.

    Attributes:
        formula: The formula, taken apart.
        inference: The fit with covariance of the coefficients and degrees of freedom.
        design: The design matrix and how its columns came about.
        source: The data's columns and library: frames are returned in the same.
        notes: Rows left out, structures given up.
    """

    formula: Formula
    inference: Inference
    design: Design
    source: Table
    notes: tuple[str, ...]

    def coefficients(self) -> Any:
        """One row a coefficient: term, estimate, standard_error, df, t, p, lower, upper."""
        found = self.inference.estimate(np.eye(len(self.design.names)))
        return self.source.frame({"term": list(self.design.names), **_columns(found)})

    def lsmeans(
        self,
        *factors: str,
        weights: Weights | Mapping[str, Sequence[float]] = "equal",
        at: Mapping[str, float] | None = None,
    ) -> Any:
        """Least-squares means of the combinations of factors, one row each.

        Args:
            factors: Factors of the model; the first runs fastest.
            weights: Of the levels of other factors; see `openlupus.statistics.mmrm.lsmeans`.
            at: Values of covariates; their mean unless given.
        """
        means = lsmeans(self.design, factors, weights=weights, at=at)
        return self.source.frame({**_cells(means), **_columns(self.inference.estimate(means.rows))})

    def differences(
        self,
        factor: str,
        *,
        by: Sequence[str] | str = (),
        control: str | None = None,
        weights: Weights | Mapping[str, Sequence[float]] = "equal",
        at: Mapping[str, float] | None = None,
    ) -> Any:
        """Differences of least-squares means from a control level, one row each.

        Args:
            factor: The factor whose levels are compared.
            by: Factors within whose levels they are compared, such as the visit.
            control: Level that the others are compared with; the first unless given.
            weights: As in `lsmeans`.
            at: As in `lsmeans`.
        """
        within = (by,) if isinstance(by, str) else tuple(by)
        means = lsmeans(self.design, (factor, *within), weights=weights, at=at)
        levels = list(dict.fromkeys(cell[0] for cell in means.levels))
        first = levels[0] if control is None else control
        if first not in levels:
            raise StatisticsError(f"{factor!r} has no level {first!r}; it has {levels}")
        place = {cell: k for k, cell in enumerate(means.levels)}
        cells = [cell for cell in means.levels if cell[0] != first]
        rows = np.array(
            [means.rows[place[cell]] - means.rows[place[(first, *cell[1:])]] for cell in cells]
        )
        named = {name: [cell[k + 1] for cell in cells] for k, name in enumerate(within)}
        return self.source.frame(
            {
                "contrast": [f"{cell[0]} - {first}" for cell in cells],
                **named,
                **_columns(self.inference.estimate(rows)),
            }
        )

    def contrasts(self, rows: Mapping[str, Mapping[str, float]]) -> Any:
        """Any linear combinations of the coefficients.

        Args:
            rows: By name of the contrast, the weight of each coefficient by its name.
        """
        matrix = np.zeros((len(rows), len(self.design.names)))
        for k, weights in enumerate(rows.values()):
            if unknown := set(weights) - set(self.design.names):
                raise StatisticsError(f"the model has no coefficients {sorted(unknown)}")
            for name, weight in weights.items():
                matrix[k, self.design.names.index(name)] = weight
        return self.source.frame(
            {"contrast": list(rows), **_columns(self.inference.estimate(matrix))}
        )

    def tests(self, type: Literal[2, 3] = 3) -> Any:  # noqa: A002
        """F test of every term, one row each: term, numerator_df, df, f, p.

        Args:
            type: 3: levels of other factors count the same; 2: each term is adjusted for the
                terms that do not contain it. Both as SAS has them.
        """
        hypothesis = {2: type_two, 3: type_three}[type]
        terms = [term for term in self.design.terms if term]
        found = [self.inference.joint(hypothesis(self.design, term)) for term in terms]
        return self.source.frame(
            {
                "term": [":".join(term) for term in terms],
                "numerator_df": [each.numerator_df for each in found],
                "df": [each.df for each in found],
                "f": [each.statistic for each in found],
                "p": [each.p for each in found],
            }
        )

    def __str__(self) -> str:
        from openlupus.modelling.summary import linear_summary

        return linear_summary(self)


def ancova(
    formula: str,
    data: Any,
    *,
    vcov: Errors = "model",
    weights: str | None = None,
    levels: Levels | None = None,
    level: float = 0.95,
) -> LinearModel:
    """Analysis of covariance by least squares, one row a subject.

    Args:
        formula: `CHG ~ BASE + REGION + ARM`; interactions as in `mmrm`. Numbers are covariates
            unless `factor(column)`.
        data: A frame of pandas, polars or pyarrow.
        vcov: `model`, equal variances; `HC0`, `HC2`, `HC3`, whatever the variances. All with the
            residual degrees of freedom.
        weights: Column of weights; the variance of a row is divided by its weight.
        levels: Order of the levels by column, the reference first; else the order that the frame
            declares (categories), else sorted.
        level: Two-sided coverage of the intervals.

    Raises:
        FormulaError: a formula that cannot be read, or columns that the data do not have.
        RankDeficiencyError: columns that depend on each other, or a factor with one level.
        StatisticsError: no degrees of freedom for error, or responses that are fitted exactly.
    """
    known = parse(formula)
    if known.covariance is not None:
        raise FormulaError(
            f"the formula {formula!r} has a covariance term; repeated measures are for mmrm"
        )
    if vcov not in _VCOV:
        raise StatisticsError(f"vcov={vcov!r} is not one of {tuple(_VCOV)}")
    names = [known.response, *known.columns.values(), *([weights] if weights else [])]
    source = table(data, names)
    rows = model_data(known, None, source, weights=weights, levels=levels or {})
    built = design(known.terms, rows.variables, intercept=known.intercept, rows=rows.y.size)
    found = fit(
        rows.y, built.x, rows.visit, rows.subject, weights=rows.weights, names=built.names,
        visit_names=(known.response,),
    )  # fmt: skip
    chosen = inference(found, df="residual", vcov=_VCOV[vcov], level=level)
    return LinearModel(known, chosen, built, source, rows.notes + found.notes)


def _columns(found: Estimates) -> dict[str, list[float]]:
    return {
        "estimate": found.value.tolist(),
        "standard_error": found.standard_error.tolist(),
        "df": found.df.tolist(),
        "t": found.t.tolist(),
        "p": found.p.tolist(),
        "lower": found.lower.tolist(),
        "upper": found.upper.tolist(),
    }


def _cells(means: LsMeans) -> dict[str, list[str]]:
    return {name: [cell[k] for cell in means.levels] for k, name in enumerate(means.factors)}
