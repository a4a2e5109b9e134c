"""Least-squares means: model predictions averaged over a declared population.

Mathematics: docs/methods/mmrm.md, eq. mmrm-lsmeans.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.design import Covariate, Design, Factor

Weights = Literal["equal", "proportional", "outer"]


@dataclass(frozen=True, slots=True, eq=False)
class LsMeans:
    """Rows whose product with the coefficients are least-squares means.

    Attributes:
        factors: Names of the factors that the means are of.
        levels: Levels of each mean, in the order of `factors`; the first runs fastest.
        rows: Shape (means, columns).
    """

    factors: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    rows: Floats


def lsmeans(
    design: Design,
    factors: Sequence[str],
    *,
    weights: Weights | Mapping[str, Sequence[float]] = "equal",
    at: Mapping[str, float] | None = None,
) -> LsMeans:
    """Rows of the least-squares means of all combinations of some factors.

    Args:
        design: The design of the fitted model.
        factors: Factors of the model; the first runs fastest.
        weights: Of the levels of the other factors. `equal`: all levels count the same (SAS's
            default, emmeans's default). `proportional`: combinations of levels count as often as
            they occur among the rows (SAS: OM). `outer`: levels count as often as they occur,
            factors independently. Or weights by factor, one number a level; the others are equal.
        at: Values of covariates; their mean over the rows unless given.

    Raises:
        StatisticsError: names, levels or weights that do not fit the model.
    """
    known = design.factors()
    if not factors or any(name not in known for name in factors):
        raise StatisticsError(f"least-squares means are of factors of the model, {known}")
    values = _covariates(design, at or {})
    others = tuple(name for name in known if name not in factors)
    mixtures = _mixtures(design, others, weights)
    levels = [_factor(design, name).levels for name in factors]
    grid = [tuple(reversed(cell)) for cell in product(*(range(len(x)) for x in reversed(levels)))]
    rows = np.zeros((len(grid), len(design.columns)))
    for share, mixture in mixtures:
        for k, cell in enumerate(grid):
            fixed = {
                name: np.eye(len(own))[code]
                for name, own, code in zip(factors, levels, cell, strict=True)
            }
            rows[k] += share * design.row({**values, **mixture, **fixed})
    named = tuple(tuple(own[code] for own, code in zip(levels, cell, strict=True)) for cell in grid)
    return LsMeans(tuple(factors), named, rows)


def _factor(design: Design, name: str) -> Factor:
    variable = design.variables[name]
    if isinstance(variable, Covariate):
        raise StatisticsError(f"{name!r} is a covariate, not a factor")
    return variable


def _covariates(design: Design, at: Mapping[str, float]) -> dict[str, float]:
    values: dict[str, float] = {}
    for name in design.covariates():
        variable = design.variables[name]
        if isinstance(variable, Covariate):
            values[name] = at[name] if name in at else float(variable.values.mean())
    if unknown := set(at) - set(values):
        raise StatisticsError(f"{sorted(unknown)} are no covariates of the model, {list(values)}")
    return values


def _mixtures(
    design: Design, others: tuple[str, ...], weights: Weights | Mapping[str, Sequence[float]]
) -> list[tuple[float, dict[str, Floats]]]:
    """Shares of sub-populations, and in each the weights of the levels of the other factors."""
    codes = [_factor(design, name).codes for name in others]
    sizes = [len(_factor(design, name).levels) for name in others]
    if isinstance(weights, Mapping):
        return [(1.0, _given(others, sizes, weights))]
    if weights == "equal":
        return [(1.0, {n: np.full(k, 1 / k) for n, k in zip(others, sizes, strict=True)})]
    if weights == "outer":
        shares = [np.bincount(c, minlength=k) / c.size for c, k in zip(codes, sizes, strict=True)]
        return [(1.0, dict(zip(others, shares, strict=True)))]
    if weights != "proportional":
        raise StatisticsError(f"weights {weights!r}: choose one of {get_args(Weights)}")
    if not others:
        return [(1.0, {})]
    cells, counts = np.unique(np.stack(codes), axis=1, return_counts=True)
    return [
        (
            float(count / counts.sum()),
            {n: np.eye(k)[code] for n, k, code in zip(others, sizes, cell, strict=True)},
        )
        for cell, count in zip(cells.T, counts, strict=True)
    ]


def _given(
    others: tuple[str, ...], sizes: list[int], weights: Mapping[str, Sequence[float]]
) -> dict[str, Floats]:
    if unknown := set(weights) - set(others):
        raise StatisticsError(f"weights are given for {sorted(unknown)}; averaged are {others}")
    given: dict[str, Floats] = {}
    for name, size in zip(others, sizes, strict=True):
        own = np.asarray(weights.get(name, np.ones(size)), dtype=np.float64)
        if own.shape != (size,) or (own < 0).any() or not own.sum() > 0:
            raise StatisticsError(f"weights of {name!r} must be {size} numbers, none negative")
        given[name] = own / own.sum()
    return given
