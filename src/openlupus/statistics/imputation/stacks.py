"""Linear algebra of many small matrices at once, the stack along the last axis.

With the stack last every operation is one pass over contiguous numbers, so that a thousand
matrices of order 8 cost little more than one.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.interval import Floats


def cholesky(a: Floats) -> Floats:
    """Lower factors in the place of symmetric matrices, shape (k, k, ..., stack).

    Only the lower part is read, and what stands above stays. A matrix that is not positive
    definite leaves NaN or infinity, which reaches the last place of the diagonal.
    """
    for j in range(len(a)):
        column = a[j:, j]
        column /= np.sqrt(column[0])
        if j + 1 < len(a):
            below, rest = column[1:], a[j + 1 :, j + 1 :]
            rest -= below[:, None] * below
    return a


def lower(factor: Floats) -> Floats:
    """The factor of `cholesky` with zeros above the diagonal, in its place.

    Raises:
        ImputationError: a matrix was not positive definite.
    """
    refuse_indefinite(factor[-1, -1])
    row, column = _below(len(factor))
    factor[column, row] = 0
    return factor


def refuse_indefinite(found: Floats) -> None:
    """Refuse numbers that a factor of `cholesky` has made NaN or infinite.

    Raises:
        ImputationError: there is one.
    """
    if not np.isfinite(found).all():
        raise ImputationError(
            "a covariance is not positive definite: there are too few rows for so many "
            "variables, or variables depend on each other; use a ridge prior"
        )


def solve_lower(factor: Floats, x: Floats) -> None:
    """Put factor^-1 x in the place of x; shapes (k, k, ..., stack) and (k, ..., stack)."""
    for i, own in enumerate(x):
        own /= factor[i, i]
        if i + 1 < len(x):
            after = x[i + 1 :]
            after -= factor[i + 1 :, i] * own


def solve_upper(factor: Floats, x: Floats) -> None:
    """Put factor'^-1 x, the factor lower, in the place of x; shapes as in `solve_lower`."""
    for i in reversed(range(len(x))):
        own = x[i]
        own /= factor[i, i]
        if i:
            before = x[:i]
            before -= factor[i, :i] * own


def wishart_factor(generator: np.random.Generator, df: ArrayLike, k: int, stack: int) -> Floats:
    """Bartlett's lower factors of standard Wishart matrices, shape df.shape + (k, k, stack)."""
    return bartlett(*wishart_draws(generator, df, k, stack))


def wishart_draws(
    generator: np.random.Generator, df: ArrayLike, k: int, stack: int
) -> tuple[Floats, Floats]:
    """What `bartlett` makes factors of: numbers below the diagonal, squares on it."""
    freedom = np.asarray(df, np.float64)[..., None] - np.arange(k)
    below = generator.standard_normal((*freedom.shape[:-1], k * (k - 1) // 2, stack))
    return below, generator.chisquare(freedom[..., None], (*freedom.shape, stack))


def bartlett(below: Floats, squares: Floats) -> Floats:
    """Lower factors, shape (..., k, k, stack), of draws (..., k (k - 1) / 2, stack) and (..., k,
    stack)."""
    k = squares.shape[-2]
    diagonal = np.arange(k, dtype=np.intp)
    factor = np.zeros((*squares.shape[:-1], k, squares.shape[-1]))
    row, column = _below(k)
    factor[..., row, column, :] = below
    factor[..., diagonal, diagonal, :] = np.sqrt(squares)
    return factor


@cache
def _below(k: int) -> tuple[Indices, Indices]:
    row, column = np.tril_indices(k, -1)
    return row, column
