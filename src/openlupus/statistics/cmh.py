"""Cochran-Mantel-Haenszel: association of group and response over strata.

Mathematics, with the named equations: docs/methods/cmh.md.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from openlupus.errors import CountsError
from openlupus.statistics.blocks import in_blocks
from openlupus.statistics.interval import Floats, Numbers, normal_quantile, plain, two_sided_p
from openlupus.statistics.tables import Tables, flag, nothing_to_compare, read_tables

# Of the largest variance; what is below it is rounding.
_NO_SPREAD = 1e-11


@dataclass(frozen=True, slots=True)
class Cmh:
    """The 1 df test and the common odds ratio of 2 x 2 tables.

    Attributes:
        statistic: Chi-square.
        df: Degrees of freedom, 1.
        p: Two-sided.
        common_odds_ratio: Mantel-Haenszel, test against control.
        lower: Robins-Breslow-Greenland limit; NaN where the odds ratio is 0 or infinite.
        upper: The same, above.
        observed: Responders in the test group, summed over strata (those left out add as much to
            `expected`).
        expected: The same, expected under no association.
        variance: Of `observed`, hypergeometric.
        warnings: What the reader must know.
    """

    statistic: Numbers
    df: int
    p: Numbers
    common_odds_ratio: Numbers
    lower: Numbers
    upper: Numbers
    observed: Numbers
    expected: Numbers
    variance: Numbers
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Association:
    """A Mantel-Haenszel statistic of r x c tables over strata.

    Attributes:
        statistic: Chi-square.
        df: Degrees of freedom; less than the number of rows and columns suggests where a category
            is empty.
        p: Of the chi-square distribution.
        warnings: What the reader must know.
    """

    statistic: float
    df: int
    p: float
    warnings: tuple[str, ...] = ()


@in_blocks
def cmh(responders: ArrayLike, n: ArrayLike, *, correct: bool = False, level: float = 0.95) -> Cmh:
    """Cochran-Mantel-Haenszel test of 2 x 2 tables, with the common odds ratio.

    Args:
        responders: Counts, shape (2, strata) or (..., 2, strata); row 0 test, row 1 control.
        n: Subjects, same shape. A stratum with an empty group adds 0, with a warning.
        correct: Take 1/2 from the absolute deviation where it is at least 1/2 (as R does).
        level: Two-sided coverage of the limits of the odds ratio, in (0, 1).

    Source:
        Mantel & Haenszel, JNCI 1959;22:719 (eq. cmh). Robins, Breslow & Greenland, Biometrics
        1986;42:311 (eq. or-rbg).
    """
    tables, z = read_tables(responders, n), normal_quantile(level)
    observed, expected, variance = _hypergeometric_sums(tables)
    deviation = np.abs(observed - expected)
    if correct:
        deviation = np.where(deviation >= 0.5, deviation - 0.5, deviation)
    statistic = np.divide(
        deviation**2, variance, out=np.full_like(variance, np.nan), where=variance > 0
    )
    ratio, lower, upper, notes = _common_odds_ratio(tables, z)
    some = tables.comparable
    notes = (
        flag(
            (variance == 0) & some,
            "no stratum has both responders and non-responders, so there is nothing to test",
        )
        + notes
    )
    return Cmh(
        plain(statistic), 1, two_sided_p(np.sqrt(statistic)),
        plain(ratio), plain(lower), plain(upper),
        plain(observed), plain(expected), plain(variance),
        tables.warnings + nothing_to_compare(tables) + notes,
    )  # fmt: skip


@in_blocks
def mantel_fleiss(responders: ArrayLike, n: ArrayLike) -> Numbers:
    """Mantel-Fleiss number: the chi-square approximation of the CMH test is trusted above 5.

    Source:
        Mantel & Fleiss, Am J Epidemiol 1980;112:129 (eq. mantel-fleiss).
    """
    tables = read_tables(responders, n)
    n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
    events = tables.x.sum(axis=-2)
    expected = np.where(tables.used, n1 * events / (n1 + n0), 0.0)
    least = np.where(tables.used, np.maximum(0, events - n0), 0.0)
    most = np.where(tables.used, np.minimum(events, n1), 0.0)
    expected, least, most = (each.sum(axis=-1) for each in (expected, least, most))
    return plain(np.asarray(np.minimum(expected - least, most - expected)))


def generalised_cmh(
    counts: ArrayLike,
    *,
    kind: Literal["general", "row-means", "correlation"] = "general",
    row_scores: ArrayLike | None = None,
    column_scores: ArrayLike | None = None,
) -> Association:
    """Mantel-Haenszel tests of r x c tables over strata, in SAS's three forms.

    Args:
        counts: Shape (rows, columns, strata); rows are groups, columns are responses.
        kind: `general` association (nominal by nominal), `row-means` differ (nominal by ordinal,
            needs column scores), `correlation` (ordinal by ordinal, needs both).
        row_scores: One number a row; None is 0, 1, 2, ...
        column_scores: One number a column; None is 0, 1, 2, ...

    Returns:
        The statistic (eq. cmh-general). Strata with fewer than two subjects add nothing.

    Source:
        Landis, Heyman & Koch, Int Stat Rev 1978;46:237.
    """
    table = _read_counts(counts)
    rows, columns, _ = table.shape
    by_row = np.eye(rows) if kind != "correlation" else _scores(row_scores, rows, "row")[None]
    by_column = np.eye(columns) if kind == "general" else _scores(column_scores, columns, "column")
    contrast = np.kron(by_row, np.atleast_2d(by_column))

    deviation, covariance = np.zeros(rows * columns), np.zeros((rows * columns,) * 2)
    for stratum in np.moveaxis(table, -1, 0):
        if (total := stratum.sum()) < 2:
            continue
        row, column = stratum.sum(axis=1) / total, stratum.sum(axis=0) / total
        deviation += (stratum - total * np.outer(row, column)).ravel()
        covariance += (
            total**2
            / (total - 1)
            * np.kron(np.diag(row) - np.outer(row, row), np.diag(column) - np.outer(column, column))
        )
    return _quadratic_form(contrast @ deviation, contrast @ covariance @ contrast.T)


def _quadratic_form(deviation: Floats, covariance: Floats) -> Association:
    # The contrasts of all rows and columns depend on each other: only the directions in which the
    # counts can vary enter, and their number is the degrees of freedom.
    spread, direction = np.linalg.eigh(covariance)
    free = spread > _NO_SPREAD * max(float(spread[-1]), 1.0)
    if not (df := int(free.sum())):
        nan = float("nan")
        return Association(nan, 0, nan, ("no stratum varies in both directions: nothing to test",))
    statistic = float(np.sum((direction[:, free].T @ deviation) ** 2 / spread[free]))
    return Association(statistic, df, float(chdtrc(df, statistic)))


def _hypergeometric_sums(tables: Tables) -> tuple[Floats, Floats, Floats]:
    n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
    total, events = n1 + n0, tables.x.sum(axis=-2)
    expected = n1 * events / total
    variance = n1 * n0 * events * (total - events) / (total**2 * (total - 1))
    observed, expected, variance = (
        np.where(tables.used, each, outside).sum(axis=-1)
        for each, outside in (
            (tables.x[..., 0, :], tables.given[..., 0, :]),
            (expected, tables.given[..., 0, :]),
            (variance, 0.0),
        )
    )
    return observed, expected, variance


def _common_odds_ratio(tables: Tables, z: float) -> tuple[Floats, Floats, Floats, tuple[str, ...]]:
    x1, x0 = tables.x[..., 0, :], tables.x[..., 1, :]
    y1, y0 = tables.n[..., 0, :] - x1, tables.n[..., 1, :] - x0
    total = np.where(tables.used, tables.n.sum(axis=-2), np.inf)
    concordant, discordant = x1 * y0 / total, y1 * x0 / total
    p, q = (x1 + y0) / total, (y1 + x0) / total
    r, s = concordant.sum(axis=-1), discordant.sum(axis=-1)
    both = (r > 0) & (s > 0)
    r_, s_ = np.where(both, r, 1.0), np.where(both, s, 1.0)
    error = np.sqrt(
        (p * concordant).sum(axis=-1) / (2 * r_**2)
        + (p * discordant + q * concordant).sum(axis=-1) / (2 * r_ * s_)
        + (q * discordant).sum(axis=-1) / (2 * s_**2)
    )
    ratio = np.divide(r, s, out=np.where(r > 0, np.inf, np.nan), where=s > 0)
    lower, upper = (np.where(both, ratio * np.exp(sign * z * error), np.nan) for sign in (-1, 1))
    some = tables.comparable
    notes = flag(
        ~both & some & ~np.isnan(ratio), "the common odds ratio is 0 or infinite: no limits"
    ) + flag(np.isnan(ratio) & some, "no stratum holds an odds ratio")
    return ratio, lower, upper, notes


def _read_counts(counts: ArrayLike) -> Floats:
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim == 2:
        table = table[..., None]
    if table.ndim != 3 or min(table.shape[:2]) < 2:
        raise CountsError(
            f"counts has shape {np.shape(counts)}; it must be (rows, columns, strata) with at"
            " least 2 rows and 2 columns"
        )
    if np.any(bad := ~np.isfinite(table) | (table < 0) | (table != np.floor(table))):
        row, column, stratum = (int(i) + 1 for i in np.argwhere(bad)[0])
        raise CountsError(
            f"counts, row {row}, column {column}, stratum {stratum}: {table[bad][0]:g} is not a"
            " whole number of subjects, 0 or more"
        )
    return table


def _scores(scores: ArrayLike | None, size: int, of: str) -> Floats:
    values = np.arange(size) if scores is None else np.asarray(scores)
    if values.shape != (size,):
        raise CountsError(f"{of} scores have shape {values.shape}; there are {size} {of}s")
    return values.astype(np.float64)
