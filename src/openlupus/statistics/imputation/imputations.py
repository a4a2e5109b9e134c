"""Completed data sets, kept as what was drawn; and rules applied to each of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.interval import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Imputations:
    """An incomplete matrix and the draws of its missing values.

    Only the draws are kept, so that memory is that of the missing values.

    Attributes:
        data: Shape (rows, variables), NaN where missing.
        imputed: The values that were drawn, same shape; what is missing and not here stays NaN.
        values: The draws, shape (m, number imputed), in the order of the rows, then variables.
        names: One a variable.
        method: How they were drawn, with every option, in words.
        warnings: What the reader must know: fallbacks taken, rows without observations.
    """

    data: Floats
    imputed: Bools
    values: Floats
    names: tuple[str, ...]
    method: str
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Floats]:
        """Each completed matrix in turn; one is in memory at a time."""
        return (self.completed(i) for i in range(len(self)))

    def completed(self, number: int) -> Floats:
        """Completed matrix of one imputation, from 0; shape (rows, variables)."""
        whole = self.data.copy()
        whole[self.imputed] = self.values[number]
        return whole

    def stacked(self) -> Floats:
        """Every completed matrix, shape (m, rows, variables)."""
        whole = np.repeat(self.data[None], len(self), axis=0)
        whole[:, self.imputed] = self.values
        return whole

    def column(self, variable: int) -> Floats:
        """One variable completed in every imputation, shape (m, rows)."""
        whole = np.repeat(self.data[None, :, variable], len(self), axis=0)
        whole[:, self.imputed[:, variable]] = self.drawn(variable)
        return whole

    def drawn(self, variable: int) -> Floats:
        """The draws of one variable, shape (m, rows imputed)."""
        return self.values[:, np.nonzero(self.imputed)[1] == variable]

    def joined(self, more: "Imputations") -> "Imputations":
        """These and further imputations of the same data."""
        return replace(self, values=np.concatenate([self.values, more.values]))


def recompute(rule: Callable[..., ArrayLike], *given: Imputations) -> Floats:
    """Recompute a composite from imputed components (eq. mi-composite).

    A responder is never imputed itself: its components are, and the rule that made it from
    observed components makes it again in each completed data set.

    Args:
        rule: Takes one completed matrix (rows, variables) of each of `given` and gives one
            number a row, such as 1 for a responder and 0 for none.
        given: One or several, with the same number of rows and imputations: components of
            different kinds may be imputed by different methods.

    Returns:
        Shape (m, rows).

    Raises:
        ImputationError: numbers of imputations that differ, or a rule that does not give one
            number a row.
    """
    if len({(len(each), len(each.data)) for each in given}) != 1:
        raise ImputationError(
            "the components have "
            + " and ".join(f"{len(each)} imputations of {len(each.data)} rows" for each in given)
            + "; they must have equally many"
        )  # fmt: skip
    found = np.empty((len(given[0]), len(given[0].data)))
    for number, matrices in enumerate(zip(*given, strict=True)):
        values = np.asarray(rule(*matrices), dtype=np.float64)
        if values.shape != found.shape[1:]:
            raise ImputationError(
                f"the rule gives shape {values.shape}; it must give one number a row, "
                f"{found.shape[1:]}"
            )
        found[number] = values
    return found


def check_number(m: int) -> None:
    """Refuse fewer than two imputations.

    Raises:
        ImputationError: m below 2.
    """
    if m < 2:
        raise ImputationError(
            f"m is {m}: the variance between imputations needs at least 2, and 20 or more are usual"
        )
