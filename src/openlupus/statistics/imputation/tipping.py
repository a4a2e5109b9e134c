"""Tipping point: how far imputed values must be shifted for the conclusion to change.

Mathematics, with the named equations: docs/methods/imputation.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.imputations import Imputations
from openlupus.statistics.imputation.pool import Pooled
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.root import bracketed_root

Analysis = Callable[[Imputations], Pooled]
Mode = Literal["add", "multiply"]


@dataclass(frozen=True, slots=True, eq=False)
class TippingGrid:
    """The pooled result over a grid of shifts of two arms.

    Attributes:
        test: Shifts of the test arm, shape (a,).
        control: Shifts of the control arm, shape (b,).
        estimate: Shape (a, b).
        lower: The same shape.
        upper: The same.
        p: The same, two-sided.
        mode: Whether shifts are added or multiply.
    """

    test: Floats
    control: Floats
    estimate: Floats
    lower: Floats
    upper: Floats
    p: Floats
    mode: Mode

    def tipped(self, alpha: float = 0.05) -> Bools:
        """Where the result is not significant, shape (a, b)."""
        return self.p > alpha


def shift(
    imputations: Imputations,
    amount: ArrayLike,
    *,
    mode: Mode = "add",
    rows: ArrayLike | None = None,
    variables: ArrayLike | None = None,
) -> Imputations:
    """Shift imputed values; observed ones stay (eq. mi-delta).

    Args:
        imputations: What was drawn.
        amount: Added, or multiplied with: a number, or what broadcasts to (rows, variables).
        mode: `add` or `multiply`.
        rows: Which rows are shifted, shape (rows,) of bool, such as those of one arm; all unless
            given.
        variables: Positions of the variables that are shifted; all unless given.

    Raises:
        ImputationError: shapes that do not fit.
    """
    if mode not in ("add", "multiply"):
        raise ImputationError(f"mode {mode!r} is not 'add' or 'multiply'")
    n, k = imputations.data.shape
    chosen = np.ones((n, k), np.bool_)
    if rows is not None:
        mask = np.asarray(rows)
        if mask.shape != (n,) or mask.dtype != np.bool_:
            raise ImputationError(f"rows must be {n} booleans")
        chosen &= mask[:, None]
    if variables is not None:
        named = np.zeros(k, np.bool_)
        named[np.asarray(variables, np.intp)] = True
        chosen &= named
    amounts = np.broadcast_to(np.asarray(amount, np.float64), (n, k))[imputations.imputed]
    here = chosen[imputations.imputed]
    values = imputations.values
    moved = values + amounts if mode == "add" else values * amounts
    return replace(imputations, values=np.where(here, moved, values))


def tipping_grid(
    imputations: Imputations,
    analysis: Analysis,
    *,
    arm: ArrayLike,
    test: ArrayLike,
    control: ArrayLike = (0.0,),
    mode: Mode = "add",
    variables: ArrayLike | None = None,
) -> TippingGrid:
    """Analyse again over a grid of shifts of each arm.

    Args:
        imputations: What was drawn.
        analysis: Analyses every imputation and pools one estimate.
        arm: True for the test arm, shape (rows,).
        test: Shifts of the test arm's imputed values.
        control: Those of the control arm; with `mode="multiply"` give 1 for no shift.
        mode: `add` or `multiply`.
        variables: Positions of the variables that are shifted.
    """
    of_test, of_control = (
        np.atleast_1d(np.asarray(test, float)),
        np.atleast_1d(np.asarray(control, float)),
    )
    mask = np.asarray(arm, np.bool_)
    found = np.empty((4, of_test.size, of_control.size))
    for j, by_control in enumerate(of_control):
        there = shift(imputations, by_control, mode=mode, rows=~mask, variables=variables)
        for i, by_test in enumerate(of_test):
            pooled = analysis(shift(there, by_test, mode=mode, rows=mask, variables=variables))
            found[:, i, j] = pooled.estimate, pooled.lower, pooled.upper, pooled.p
    return TippingGrid(of_test, of_control, *found, mode=mode)


def tipping_point(
    imputations: Imputations,
    analysis: Analysis,
    *,
    rows: ArrayLike,
    bounds: tuple[float, float],
    alpha: float = 0.05,
    mode: Mode = "add",
    variables: ArrayLike | None = None,
) -> float:
    """The shift of some rows at which the P value reaches alpha; NaN where it never does.

    Args:
        imputations: What was drawn.
        analysis: Analyses every imputation and pools one estimate.
        rows: Which rows are shifted, such as those of the test arm.
        bounds: Shifts between which it is looked for; the P value is on either side of alpha at
            them, else there is no tipping point between.
        alpha: Two-sided level.
        mode: `add` or `multiply`.
        variables: Positions of the variables that are shifted.
    """

    def excess(amounts: Floats) -> Floats:
        moved = (
            shift(imputations, float(amount), mode=mode, rows=rows, variables=variables)
            for amount in amounts
        )
        return np.array([float(analysis(each).p) - alpha for each in moved])

    ends = np.array(bounds, np.float64)
    at_ends = excess(ends)
    if at_ends[0] * at_ends[1] > 0:
        return float("nan")
    return float(bracketed_root(lambda _: excess, ends[:1], ends[1:])[0])
