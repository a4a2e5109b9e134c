"""Is the odds ratio the same in all strata? Mathematics: docs/methods/homogeneity.md."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from openlupus.errors import CountsError
from openlupus.statistics.cmh import cmh
from openlupus.statistics.contingency import ChiSquare
from openlupus.statistics.interval import Floats
from openlupus.statistics.tables import Tables, read_tables


def breslow_day(responders: ArrayLike, n: ArrayLike, *, tarone: bool = False) -> ChiSquare:
    """Breslow-Day test of equal odds ratios, at the Mantel-Haenszel estimate.

    Args:
        responders: Counts, shape (2, strata); row 0 test, row 1 control.
        n: Subjects, same shape. Strata whose fitted variance is 0 are left out, with a warning;
            they take a degree of freedom with them.
        tarone: Take Tarone's correction off (eq. tarone): the estimate is not the most likely one.

    Source:
        Breslow & Day, Statistical Methods in Cancer Research I (1980), eq. 4.30 (eq. breslow-day).
        Tarone, Biometrika 1985;72:91.
    """
    tables = _one_stratified_table(responders, n)
    common = cmh(responders, n)
    ratio = float(common.common_odds_ratio)
    if not 0 < ratio < np.inf:
        return _undefined(common.warnings, "the common odds ratio is 0, infinite or undefined")
    fitted = _fitted(tables, ratio)
    events, n1, n0 = tables.x.sum(axis=0), *tables.n
    cells = np.stack([fitted, n1 - fitted, events - fitted, n0 - events + fitted])
    used = tables.used & (cells > 0).all(axis=0)
    variance = 1 / np.sum(1 / cells[:, used], axis=0)
    deviation = (tables.x[0] - fitted)[used]
    df = int(used.sum()) - 1
    if df < 1:
        return _undefined(tables.warnings, "fewer than two strata hold an odds ratio")
    statistic = float(np.sum(deviation**2 / variance))
    if tarone:
        statistic -= float(deviation.sum() ** 2 / variance.sum())
    notes = tables.warnings
    if left := int(tables.used.sum()) - df - 1:
        notes += (f"{left} strata with 0 % or 100 % responders in both groups are left out",)
    return ChiSquare(statistic, df, float(chdtrc(df, statistic)), notes)


def woolf(responders: ArrayLike, n: ArrayLike) -> ChiSquare:
    """Woolf's test of equal odds ratios: spread of the stratum logarithms (eq. woolf).

    0.5 is added to every cell of every stratum when any cell is empty, with a warning.

    Source:
        Woolf, Ann Hum Genet 1955;19:251.
    """
    tables = _one_stratified_table(responders, n)
    x, y = tables.x[:, tables.used], (tables.n - tables.x)[:, tables.used]
    df, notes = x.shape[1] - 1, tables.warnings
    if df < 1:
        return _undefined(notes, "fewer than two strata have subjects in both groups")
    if (x == 0).any() or (y == 0).any():
        x, y = x + 0.5, y + 0.5
        notes += ("a cell is empty: 0.5 was added to every cell",)
    log_ratio = np.log(x[0] * y[1] / (y[0] * x[1]))
    weight = 1 / (1 / x + 1 / y).sum(axis=0)
    mean = np.sum(weight * log_ratio) / weight.sum()
    statistic = float(np.sum(weight * (log_ratio - mean) ** 2))
    return ChiSquare(statistic, df, float(chdtrc(df, statistic)), notes)


def _fitted(tables: Tables, ratio: float) -> Floats:
    """Responders in the test group that have the margins observed and the odds ratio given."""
    events, n1, n0 = tables.x.sum(axis=0), *tables.n
    if ratio == 1:
        return n1 * events / (n1 + n0)
    a = 1 - ratio
    b = n0 - events + ratio * (n1 + events)
    root = np.sqrt(np.maximum(b**2 + 4 * a * ratio * n1 * events, 0.0))
    # Of the two roots the one within the margins; written so that nothing cancels.
    return 2 * ratio * n1 * events / (b + root)


def _one_stratified_table(responders: ArrayLike, n: ArrayLike) -> Tables:
    tables = read_tables(responders, n)
    if tables.x.ndim != 2:
        raise CountsError("a test of homogeneity takes one stratified table, not a batch")
    return tables


def _undefined(warnings: tuple[str, ...], why: str) -> ChiSquare:
    nan = float("nan")
    return ChiSquare(nan, 0, nan, (*warnings, f"{why}: nothing to test"))
