"""F test of a linear model against a smaller one inside it. Mathematics: docs/methods/ancova.md."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats

# Singular values below this share of the largest are rounding.
_DEPENDENT = 1e-10


@dataclass(frozen=True, slots=True)
class NestedTest:
    """F statistic of the columns that the larger model has more, on `df` and `df_error`."""

    statistic: float
    df: int
    df_error: int
    p: float
    warnings: tuple[str, ...] = ()


def nested_f_test(y: ArrayLike, smaller: ArrayLike, further: ArrayLike) -> NestedTest:
    """Test that further columns of a least-squares model have no effect (eq. ancova-nested).

    Columns that depend on others count once: an interaction of which no subject has some
    combination of levels is tested on those that there are.

    Args:
        y: The measurement, shape (subjects,).
        smaller: Columns of the smaller model, intercept included, shape (subjects, columns).
        further: Columns that the larger model adds, shape (subjects, further columns).

    Raises:
        StatisticsError: shapes that do not fit, or missing numbers.
    """
    values, small = np.asarray(y, dtype=np.float64), np.asarray(smaller, dtype=np.float64)
    more = np.asarray(further, dtype=np.float64)
    if values.ndim != 1 or small.shape[0] != values.size or more.shape[0] != values.size:
        raise StatisticsError(
            f"y has shape {values.shape}, the columns {small.shape} and {more.shape}; all need one"
            " row a subject"
        )
    large = np.column_stack([small, more])
    if not (np.isfinite(values).all() and np.isfinite(large).all()):
        raise StatisticsError("a number is missing or infinite; leave those subjects out")
    rest_small, rank_small = _residual(values, small)
    rest, rank = _residual(values, large)
    df, df_error = rank - rank_small, values.size - rank
    nan = float("nan")
    if df < 1:
        why = "the further columns add nothing to the model, so there is nothing to test"
        return NestedTest(nan, 0, df_error, nan, (why,))
    if df_error < 1 or rest <= 1e-28 * float(values @ values):
        why = "no degrees of freedom, or no variation, is left for error: no test"
        return NestedTest(nan, df, max(df_error, 0), nan, (why,))
    statistic = max(rest_small - rest, 0.0) / df / (rest / df_error)
    return NestedTest(statistic, df, df_error, float(fdtrc(df, df_error, statistic)))


def _residual(y: Floats, x: Floats) -> tuple[float, int]:
    """Residual sum of squares, and the rank of the columns."""
    scale = np.linalg.norm(x, axis=0)
    used = x[:, scale > 0] / scale[scale > 0]
    u, singular, _ = np.linalg.svd(used, full_matrices=False)
    rank = int((singular > _DEPENDENT * singular[0]).sum())
    inside = u[:, :rank]
    return float(np.sum((y - inside @ (inside.T @ y)) ** 2)), rank
