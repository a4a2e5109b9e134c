"""Hypotheses that SAS calls type II and type III, as contrasts of the coefficients.

Mathematics: docs/methods/mmrm.md, eq. mmrm-type-ii, mmrm-type-iii.
"""

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.design import Design, Factor, Term


def type_three(design: Design, term: Term) -> Floats:
    """Contrasts of a term that give every level of the other factors the same weight.

    They are differences of the response (or of the slope on the term's covariates) between the
    levels of the term's factors, averaged over the factors of the terms that contain it.

    Args:
        design: The design of the fitted model.
        term: One of its terms.
    """
    _refuse(design, term)
    slope = {name for name in term if not isinstance(design.variables[name], Factor)}
    own = [name for name in term if name not in slope]
    return np.array(
        [
            [_weight(factors, cells, slope, design) for factors in design.columns]
            for cells in _differences(design, term, own)
        ]
    )


def type_two(design: Design, term: Term) -> Floats:
    """Contrasts of a term adjusted for all terms that do not contain it.

    Args:
        design: The design of the fitted model.
        term: One of its terms.
    """
    _refuse(design, term)
    containing = {
        other for other in design.terms if other != term and _contains(design, other, term)
    }
    own = np.array(design.columns_of(term))
    before = [
        k
        for k, place in enumerate(design.term_of)
        if design.terms[place] != term and design.terms[place] not in containing
    ]
    x = design.x
    beyond = x[:, own]
    if before:
        q = np.linalg.qr(x[:, before])[0]
        beyond = beyond - q @ (q.T @ beyond)
    rows = beyond.T @ x
    rows[:, before] = 0.0
    return rows


def _refuse(design: Design, term: Term) -> None:
    if term not in design.terms or not term:
        named = [":".join(each) for each in design.terms if each]
        raise StatisticsError(f"the model has no term {':'.join(term)!r}; it has {named}")


def _contains(design: Design, other: Term, term: Term) -> bool:
    def slope(names: Term) -> set[str]:
        return {name for name in names if not isinstance(design.variables[name], Factor)}

    return set(term) < set(other) and slope(other) == slope(term)


def _differences(design: Design, term: Term, factors: list[str]) -> list[dict[str, Floats]]:
    """Products of differences between each level and the first, of all factors.

    Where the model lacks the term without a factor, its levels are compared with 0 instead.
    """
    present = {frozenset(other) for other in design.terms}
    found: list[dict[str, Floats]] = [{}]
    for name in factors:
        variable = design.variables[name]
        size = len(variable.levels) if isinstance(variable, Factor) else 0
        whole = np.eye(size)
        steps = whole[1:] - whole[0] if frozenset(term) - {name} in present else whole
        found = [{**cell, name: step} for cell in found for step in steps]
    return found


def _weight(
    factors: tuple[tuple[str, int | None], ...],
    cells: dict[str, Floats],
    slope: set[str],
    design: Design,
) -> float:
    """Coefficient of one column in the averaged difference."""
    if {name for name, level in factors if level is None} != slope:
        return 0.0
    levels = {name: level for name, level in factors if level is not None}
    if set(cells) - set(levels):
        return 0.0
    value = 1.0
    for name, level in levels.items():
        variable = design.variables[name]
        if name in cells:
            value *= float(cells[name][level])
        elif isinstance(variable, Factor):
            value /= len(variable.levels)
    return value
