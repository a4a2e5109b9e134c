"""Tests of one table, and of one continuous variable between groups.

Mathematics: docs/methods/contingency.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.exact_odds_ratio import OddsRatio, exact_odds_ratio
from openlupus.statistics.interval import Floats


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A chi-square statistic with its degrees of freedom and P value."""

    statistic: float
    df: int
    p: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Anova:
    """A one-way analysis of variance: F on `df` and `df_error` degrees of freedom."""

    statistic: float
    df: int
    df_error: int
    p: float
    warnings: tuple[str, ...] = ()


def pearson_chisquare(table: ArrayLike, *, correct: bool = False) -> ChiSquare:
    """Pearson's chi-square test of independence of an r x c table (eq. chi-square).

    Args:
        table: Counts, shape (rows, columns). Rows and columns without subjects are left out, with
            a warning.
        correct: Yates' continuity correction, of 2 x 2 tables only; never more than the deviation.
    """
    counts = _whole(table)
    rows, columns = counts.sum(axis=1) > 0, counts.sum(axis=0) > 0
    notes = ("rows or columns without subjects are left out",) * (
        not (rows.all() and columns.all())
    )
    counts = counts[rows][:, columns]
    df = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    if df <= 0:
        nan = float("nan")
        why = "fewer than two rows or columns have subjects, so there is nothing to test"
        return ChiSquare(nan, 0, nan, (*notes, why))
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    deviation = np.abs(counts - expected)
    if correct and counts.shape == (2, 2):
        deviation = deviation - min(0.5, float(deviation.min()))
    if (expected < 5).any():
        small = int((expected < 5).sum())
        notes += (
            f"{small} of {expected.size} expected counts are below 5; consider Fisher's test",
        )
    statistic = float(np.sum(deviation**2 / expected))
    return ChiSquare(statistic, df, float(chdtrc(df, statistic)), notes)


def fisher_exact(table: ArrayLike, *, level: float = 0.95) -> OddsRatio:
    """Fisher's exact test of a 2 x 2 table, two-sided, with the conditional odds ratio.

    Args:
        table: Counts ((a, b), (c, d)): rows are groups (test, control), columns responder and
            non-responder.
        level: Two-sided coverage of the limits of the odds ratio, in (0, 1).
    """
    counts = _whole(table)
    if counts.shape != (2, 2):
        raise CountsError(f"the table has shape {counts.shape}; Fisher's test here is of 2 x 2")
    return exact_odds_ratio(counts[:, 0], counts.sum(axis=1), level=level)


def anova_oneway(groups: Sequence[ArrayLike]) -> Anova:
    """F test that the means of the groups are equal (eq. anova).

    Args:
        groups: The values of each group, vectors of any length; NaN is missing and left out.

    Raises:
        StatisticsError: fewer than two groups with values.
    """
    values = [np.asarray(group, dtype=np.float64).ravel() for group in groups]
    values = [group[~np.isnan(group)] for group in values]
    present = [group for group in values if group.size]
    notes = ("groups without values are left out",) * (len(present) < len(values))
    if len(present) < 2:
        raise StatisticsError(
            f"{len(present)} of {len(values)} groups have values; an analysis of variance compares"
            " at least two"
        )
    everything = np.concatenate(present)
    df, df_error = len(present) - 1, everything.size - len(present)
    grand = everything.mean()
    between = sum(group.size * (group.mean() - grand) ** 2 for group in present)
    within = sum(np.sum((group - group.mean()) ** 2) for group in present)
    if df_error == 0 or within == 0:
        nan = float("nan")
        return Anova(nan, df, df_error, nan, (*notes, "no variation within groups: no F test"))
    statistic = float(between / df / (within / df_error))
    return Anova(statistic, df, df_error, float(fdtrc(df, df_error, statistic)), notes)


def _whole(table: ArrayLike) -> Floats:
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or not counts.size:
        raise CountsError(f"the table has shape {counts.shape}; it must be (rows, columns)")
    if np.any(bad := ~np.isfinite(counts) | (counts < 0) | (counts != np.floor(counts))):
        row, column = (int(i) + 1 for i in np.argwhere(bad)[0])
        raise CountsError(
            f"row {row}, column {column} of the table holds {counts[bad][0]:g}; counts are whole"
            " numbers of subjects, 0 or more"
        )
    return counts
