"""Columns of a linear model from coded factors and covariates, as R codes them.

A term is a set of variables. A factor in a term has one column a level but the first, or one for
every level where the model lacks the term without that factor (eq. mmrm-coding).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from openlupus.errors import RankDeficiencyError, StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.sufficient import Codes

Term = tuple[str, ...]
# A column is a product: of indicators of a level (its number) and of covariates (None).
Factors = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """A variable with levels; the first is the reference.

    Attributes:
        levels: Names of the levels.
        codes: Level of each row, shape (rows,).
    """

    levels: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True, slots=True, eq=False)
class Covariate:
    """A variable of numbers, shape (rows,)."""

    values: Floats


Variables = Mapping[str, Factor | Covariate]


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A design matrix that knows how its columns came about.

    Attributes:
        x: Shape (rows, columns).
        names: One a column, as R names them: `ARMCDTRT:AVISITVIS2`.
        terms: In the order of the columns; `()` is the intercept.
        columns: What each column is the product of.
        term_of: Position of each column's term in `terms`.
        variables: The variables of the terms.
    """

    x: Floats
    names: tuple[str, ...]
    terms: tuple[Term, ...]
    columns: tuple[Factors, ...]
    term_of: tuple[int, ...]
    variables: Variables

    def factors(self) -> tuple[str, ...]:
        """Names of the factors, in the order of the terms."""
        return tuple(
            name for name in self._used() if isinstance(self.variables[name], Factor)
        )  # fmt: skip

    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates, in the order of the terms."""
        return tuple(name for name in self._used() if name not in self.factors())

    def columns_of(self, term: Term) -> tuple[int, ...]:
        """Positions of a term's columns."""
        place = self.terms.index(term)
        return tuple(k for k, own in enumerate(self.term_of) if own == place)

    def row(self, at: Mapping[str, Floats | float]) -> Floats:
        """The average row of a population of independent variables.

        Args:
            at: Of each factor the weights of its levels, of each covariate a number.
        """
        values = np.ones(len(self.columns))
        for k, factors in enumerate(self.columns):
            for name, level in factors:
                value = at[name]
                values[k] *= value if level is None else np.asarray(value)[level]
        return values

    def _used(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for term in self.terms for name in term))


def design(
    terms: Sequence[Term], variables: Variables, *, rows: int, intercept: bool = True
) -> Design:
    """Build the columns of a model.

    Args:
        terms: Terms without the intercept, in the order of the columns.
        variables: Of the terms, by name.
        rows: Number of rows.
        intercept: Whether the first column is 1.

    Raises:
        RankDeficiencyError: a factor with one level, by name.
        StatisticsError: no column at all.
    """
    whole: tuple[Term, ...] = (*(((),) if intercept else ()), *terms)
    if not whole:
        raise StatisticsError("the model has no term and no intercept")
    for name in dict.fromkeys(name for term in terms for name in term):
        variable = variables[name]
        if isinstance(variable, Factor) and len(variable.levels) < 2:
            raise RankDeficiencyError(
                f"the factor {name!r} has one level, {list(variable.levels)}, among the rows used;"
                " take it out of the model"
            )
    present = {frozenset(term) for term in whole}
    columns: list[Factors] = []
    term_of: list[int] = []
    for place, term in enumerate(whole):
        own = _columns(term, variables, present)
        columns += own
        term_of += [place] * len(own)
    x = np.column_stack([_product(factors, variables, rows) for factors in columns])
    names = tuple(_name(factors, variables) for factors in columns)
    return Design(x, names, whole, tuple(columns), tuple(term_of), variables)


def _columns(term: Term, variables: Variables, present: set[frozenset[str]]) -> list[Factors]:
    choices: list[list[tuple[str, int | None]]] = []
    for name in term:
        variable = variables[name]
        if isinstance(variable, Covariate):
            choices.append([(name, None)])
            continue
        first = 1 if frozenset(term) - {name} in present else 0
        choices.append([(name, level) for level in range(first, len(variable.levels))])
    # The first variable of a term runs fastest.
    return [tuple(reversed(each)) for each in product(*reversed(choices))]


def _product(factors: Factors, variables: Variables, rows: int) -> Floats:
    column = np.ones(rows)
    for name, level in factors:
        variable = variables[name]
        if isinstance(variable, Factor):
            column = column * (variable.codes == level)
        else:
            column = column * variable.values
    return column


def _name(factors: Factors, variables: Variables) -> str:
    parts: list[str] = []
    for name, level in factors:
        variable = variables[name]
        parts.append(
            name + variable.levels[level]
            if isinstance(variable, Factor) and level is not None
            else name
        )
    return ":".join(parts) or "(Intercept)"
