"""Analysis of covariance of one measurement: adjusted means, their differences, type III tests.

The model has main effects alone: group, factors, covariates. Mathematics, with the named equations:
docs/methods/ancova.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtrc, stdtr, stdtrit

from openlupus.errors import StatisticsError
from openlupus.statistics.design_rank import refuse_dependent_columns
from openlupus.statistics.interval import Floats, normal_quantile

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A linear combination of the coefficients with its t interval and test of 0."""

    value: float
    standard_error: float
    lower: float
    upper: float
    df: int
    t: float
    p: float


@dataclass(frozen=True, slots=True)
class TermTest:
    """F test that all coefficients of one term are 0 (type III)."""

    name: str
    df: int
    df_error: int
    statistic: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """An ordinary least-squares fit.

    Attributes:
        names: One name a coefficient.
        coefficients: Shape (coefficients,); the first level of each factor is the reference.
        covariance: Of the coefficients, shape (coefficients, coefficients).
        residual_variance: Residual sum of squares over `df_error`.
        df_error: Observations minus coefficients.
        n: Observations used.
        terms: Column numbers of each term, in the order of the model.
        level: Two-sided coverage of the intervals.
        warnings: What the reader must know.
    """

    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    residual_variance: float
    df_error: int
    n: int
    terms: tuple[tuple[str, tuple[int, ...]], ...]
    level: float
    warnings: tuple[str, ...] = ()

    def estimate(self, contrast: ArrayLike) -> Estimate:
        """A linear combination of the coefficients (eq. ancova-contrast); shape (coefficients,)."""
        row = np.asarray(contrast, dtype=np.float64)
        value = float(row @ self.coefficients)
        error = float(np.sqrt(max(row @ self.covariance @ row, 0.0)))
        half = float(stdtrit(self.df_error, (1 + self.level) / 2)) * error
        t = value / error if error > 0 else float("nan")
        p = float(2 * stdtr(self.df_error, -abs(t)))
        return Estimate(value, error, value - half, value + half, self.df_error, t, p)

    def term_test(self, name: str) -> TermTest:
        """Type III F test of one term by its name (eq. ancova-f)."""
        columns = dict(self.terms).get(name)
        if columns is None:
            raise StatisticsError(
                f"the model has no term {name!r}; it has {[name for name, _ in self.terms]}"
            )
        if not columns or self.residual_variance == 0:
            return TermTest(name, len(columns), self.df_error, float("nan"), float("nan"))
        some = np.array(columns)
        beta, cov = self.coefficients[some], self.covariance[np.ix_(some, some)]
        statistic = float(beta @ np.linalg.solve(cov, beta)) / len(columns)
        p = float(fdtrc(len(columns), self.df_error, statistic))
        return TermTest(name, len(columns), self.df_error, statistic, p)


@dataclass(frozen=True, slots=True, eq=False)
class Ancova:
    """A fitted analysis of covariance.

    Attributes:
        fit: The least-squares fit beneath.
        groups: Codes of the groups, ascending.
        control: Code of the group that the others are compared with.
        lsmeans: Adjusted mean of each group, in the order of `groups`.
        differences: Each other group minus the control, in the order of `groups`.
        lsmean_rows: Linear combinations of the adjusted means, shape (groups, coefficients).
        warnings: What the reader must know.
    """

    fit: LinearFit
    groups: tuple[int, ...]
    control: int
    lsmeans: tuple[Estimate, ...]
    differences: tuple[Estimate, ...]
    lsmean_rows: Floats
    warnings: tuple[str, ...] = ()

    def lsmean(self, group: int) -> Estimate:
        """Adjusted mean of one group, by its code."""
        return self.lsmeans[self._position(group)]

    def difference(self, test: int, control: int) -> Estimate:
        """Adjusted mean of one group minus that of another, by their codes."""
        rows = self.lsmean_rows
        return self.fit.estimate(rows[self._position(test)] - rows[self._position(control)])

    def _position(self, group: int) -> int:
        if group not in self.groups:
            raise StatisticsError(f"no group has the code {group}; the groups are {self.groups}")
        return self.groups.index(group)


def ancova(
    y: ArrayLike,
    group: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    factors: Sequence[ArrayLike] = (),
    control: int = 0,
    weights: Literal["observed", "equal"] = "observed",
    level: float = 0.95,
    covariate_names: Sequence[str] = (),
    factor_names: Sequence[str] = (),
) -> Ancova:
    """Compare the means of groups, adjusted for factors and covariates.

    Args:
        y: The measurement, shape (subjects,).
        group: Whole-number code of each subject's group.
        covariates: Numbers, shape (subjects, covariates) or (subjects,).
        factors: One vector of whole-number codes a factor.
        control: Code of the group that the others are compared with.
        weights: Of the factor levels in an adjusted mean: `observed` as often as they occur among
            the subjects used (SAS: LSMEANS / OM), `equal` (SAS's and emmeans's default).
            Covariates stand at their mean in both.
        level: Two-sided coverage of the intervals, in (0, 1).
        covariate_names: For messages and terms; `covariate 1`, ... where empty.
        factor_names: The same; `factor 1`, ... where empty.

    Returns:
        The fit, adjusted means (eq. ancova-lsmean) and differences. Subjects with a missing number
        (NaN) are left out, with a warning; so is a factor with one level.

    Raises:
        RankDeficiencyError: columns that depend on each other, by name.
        StatisticsError: shapes that do not fit, or no degrees of freedom for error.
    """
    design = _Design(y, covariates, factors, covariate_names, factor_names)
    arm = _codes(group, "group")
    design.add_factor("group", arm, first=control)
    if control not in (levels := design.levels("group")):
        raise StatisticsError(
            f"the control group {control} has no subject with all numbers present; the groups are"
            f" {sorted(levels)}"
        )
    fit = design.fit(level)
    average = design.average(weights)
    groups = tuple(sorted(levels))
    rows = np.stack([design.at_group(average, code) for code in groups])
    estimates = tuple(fit.estimate(row) for row in rows)
    reference = rows[groups.index(control)]
    differences = tuple(
        fit.estimate(row - reference)
        for code, row in zip(groups, rows, strict=True)
        if code != control
    )
    return Ancova(fit, groups, control, estimates, differences, rows, fit.warnings)


def slope(
    y: ArrayLike,
    dose: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    factors: Sequence[ArrayLike] = (),
    level: float = 0.95,
    covariate_names: Sequence[str] = (),
    factor_names: Sequence[str] = (),
) -> Estimate:
    """Change of the mean with one unit of a numeric dose, adjusted as in `ancova`.

    Args:
        y: The measurement, shape (subjects,).
        dose: Number of each subject, shape (subjects,).
        covariates: As in `ancova`.
        factors: As in `ancova`.
        level: Two-sided coverage of the interval, in (0, 1).
        covariate_names: As in `ancova`.
        factor_names: As in `ancova`.
    """
    design = _Design(y, covariates, factors, covariate_names, factor_names)
    design.add_covariate("dose", np.asarray(dose, dtype=np.float64))
    fit = design.fit(level)
    return fit.estimate([float(name == "dose") for name in fit.names])


class _Design:
    """Columns of a main-effects model, gathered term by term."""

    def __init__(
        self,
        y: ArrayLike,
        covariates: ArrayLike | None,
        factors: Sequence[ArrayLike],
        covariate_names: Sequence[str],
        factor_names: Sequence[str],
    ) -> None:
        self._y = np.asarray(y, dtype=np.float64)
        if self._y.ndim != 1 or not self._y.size:
            raise StatisticsError(f"y has shape {self._y.shape}; it must be a vector of subjects")
        self._covariates: dict[str, Floats] = {}
        self._factors: dict[str, tuple[Codes, int | None]] = {}
        if covariates is not None:
            matrix = np.asarray(covariates, dtype=np.float64)
            matrix = matrix[:, None] if matrix.ndim == 1 else matrix
            for number, column in enumerate(matrix.T):
                self.add_covariate(_name(covariate_names, number, "covariate"), column)
        for number, codes in enumerate(factors):
            name = _name(factor_names, number, "factor")
            self.add_factor(name, _codes(codes, name))

    def add_covariate(self, name: str, column: Floats) -> None:
        self._same_length(name, column.shape)
        self._covariates[name] = column

    def add_factor(self, name: str, codes: Codes, first: int | None = None) -> None:
        self._same_length(name, codes.shape)
        self._factors[name] = (codes, first)

    def levels(self, name: str) -> tuple[int, ...]:
        """Codes that occur among complete subjects, the reference first."""
        codes, first = self._factors[name]
        found = sorted({int(code) for code in codes[self._complete]})
        return tuple(sorted(found, key=lambda code: (code != first, code)))

    def fit(self, level: float) -> LinearFit:
        normal_quantile(level)  # refuses a level outside (0, 1)
        complete = self._complete
        names, x, terms = self._columns(complete)
        y, warnings = self._y[complete], self._notes(complete)
        df_error = y.size - x.shape[1]
        if df_error < 1:
            raise StatisticsError(
                f"{y.size} complete subjects for {x.shape[1]} coefficients leave no degrees of"
                " freedom for error; take terms out of the model or merge levels"
            )
        scale = np.linalg.norm(x, axis=0)
        scale[scale == 0] = 1.0
        q, r = np.linalg.qr(x / scale)
        refuse_dependent_columns(r, names)
        beta = np.linalg.solve(r, q.T @ y)
        residual = float(np.sum((y - (x / scale) @ beta) ** 2)) / df_error
        inverse = np.linalg.inv(r) / scale[:, None]
        if residual <= 1e-28 * float(np.sum(y**2)):
            residual = 0.0
            warnings += ("the model fits the data exactly: no tests",)
        return LinearFit(
            names, beta / scale, residual * inverse @ inverse.T, residual, df_error, y.size,
            terms, level, warnings,
        )  # fmt: skip

    def average(self, weights: str) -> Floats:
        """One row: intercept, covariates at their mean, factors (group too) at their weights."""
        complete = self._complete
        _, x, terms = self._columns(complete)
        row = x.mean(axis=0)
        if weights == "equal":
            for name, columns in terms:
                if name in self._factors:
                    row[list(columns)] = 1 / (len(columns) + 1)
        elif weights != "observed":
            raise StatisticsError(f"weights={weights!r} is not 'observed' or 'equal'")
        return row

    def at_group(self, average: Floats, code: int) -> Floats:
        """The average row with everybody in one group."""
        _, _, terms = self._columns(self._complete)
        row, columns = average.copy(), dict(terms)["group"]
        row[list(columns)] = [float(code == other) for other in self.levels("group")[1:]]
        return row

    @property
    def _complete(self) -> NDArray[np.bool_]:
        complete = ~np.isnan(self._y)
        for column in self._covariates.values():
            complete &= ~np.isnan(column)
        return complete

    def _columns(
        self, complete: NDArray[np.bool_]
    ) -> tuple[tuple[str, ...], Floats, tuple[tuple[str, tuple[int, ...]], ...]]:
        names, columns = ["intercept"], [np.ones(int(complete.sum()))]
        terms: list[tuple[str, tuple[int, ...]]] = []
        for name, (codes, _) in self._factors.items():
            start = len(names)
            for code in self.levels(name)[1:]:
                names.append(f"{name} = {code}")
                columns.append((codes[complete] == code).astype(np.float64))
            terms.append((name, tuple(range(start, len(names)))))
        for name, column in self._covariates.items():
            terms.append((name, (len(names),)))
            names.append(name)
            columns.append(column[complete])
        return tuple(names), np.column_stack(columns), tuple(terms)

    def _notes(self, complete: NDArray[np.bool_]) -> tuple[str, ...]:
        notes: tuple[str, ...] = ()
        if missing := int((~complete).sum()):
            notes += (f"{missing} of {complete.size} subjects left out: a number is missing",)
        return notes + tuple(
            f"{name} has one level and is left out"
            for name in self._factors
            if len(self.levels(name)) == 1
        )

    def _same_length(self, name: str, shape: tuple[int, ...]) -> None:
        if shape != self._y.shape:
            raise StatisticsError(f"{name} has shape {shape}, and y has shape {self._y.shape}")


def _codes(values: ArrayLike, name: str) -> Codes:
    codes = np.asarray(values)
    if codes.dtype.kind not in "iub":
        raise StatisticsError(
            f"{name} has type {codes.dtype}; it must be whole-number codes, one a level"
        )
    return codes.astype(np.int64)


def _name(names: Sequence[str], number: int, kind: str) -> str:
    return names[number] if number < len(names) else f"{kind} {number + 1}"
