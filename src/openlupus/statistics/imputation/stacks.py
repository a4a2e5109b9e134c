"""Linear algebra of many small matrices at once, the stack along the last axis.

With the stack last every operation is one pass over contiguous numbers, so that a thousand
matrices of order 8 cost little more than one.
"""

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.interval import Floats


def cholesky(a: Floats) -> Floats:
    """Lower factors in the place of symmetric matrices, shape (k, k, ..., stack).

    Only the lower part is read.

    Raises:
        ImputationError: one of them is not positive definite.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in range(len(a)):
            a[j, j + 1 :] = 0
            a[j:, j] /= np.sqrt(a[j, j])
            column = a[j + 1 :, j]
            a[j + 1 :, j + 1 :] -= column[:, None] * column
    # A diagonal that is not positive leaves NaN or infinity, which reaches the last one.
    if not np.isfinite(a[-1, -1]).all():
        raise ImputationError(
            "a covariance is not positive definite: there are too few rows for so many "
            "variables, or variables depend on each other; use a ridge prior"
        )
    return a


def solve_lower(factor: Floats, x: Floats) -> None:
    """Put factor^-1 x in the place of x; shapes (k, k, ..., stack) and (k, ..., stack)."""
    for i in range(len(x)):
        x[i] /= factor[i, i]
        x[i + 1 :] -= factor[i + 1 :, i] * x[i]


def solve_upper(factor: Floats, x: Floats) -> None:
    """Put factor'^-1 x, the factor lower, in the place of x; shapes as in `solve_lower`."""
    for i in reversed(range(len(x))):
        x[i] /= factor[i, i]
        x[:i] -= factor[i, :i] * x[i]


def wishart_factor(generator: np.random.Generator, df: ArrayLike, k: int, stack: int) -> Floats:
    """Bartlett's lower factors of standard Wishart matrices, shape df.shape + (k, k, stack)."""
    freedom = np.asarray(df, np.float64)[..., None] - np.arange(k)
    factor = np.zeros((*freedom.shape, k, stack))
    row, column = np.tril_indices(k, -1)
    factor[..., row, column, :] = generator.standard_normal((*freedom.shape[:-1], row.size, stack))
    size = (*freedom.shape, stack)
    diagonal = np.arange(k)
    factor[..., diagonal, diagonal, :] = np.sqrt(generator.chisquare(freedom[..., None], size))
    return factor
