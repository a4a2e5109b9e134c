"""Ratios of proportions and of odds, common over strata. Mathematics: docs/methods/ratios.md."""

import numpy as np
from numpy.typing import ArrayLike

from openlupus.statistics.blocks import in_blocks
from openlupus.statistics.interval import Floats, Interval, normal_quantile, plain
from openlupus.statistics.tables import Tables, flag, nothing_to_compare, read_tables


@in_blocks
def mantel_haenszel_ratio(responders: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mantel-Haenszel common ratio of proportions with limits on the log scale (eq. rr-mh).

    Args:
        responders: Counts, shape (2, strata) or (..., 2, strata); row 0 test, row 1 control.
        n: Subjects, same shape. A stratum with an empty group is left out, with a warning.
        level: Two-sided coverage, in (0, 1).

    Returns:
        Test over control; `standard_error` is of the logarithm. A ratio of 0 or infinity has no
        limits (NaN), and a warning.

    Source:
        Greenland & Robins, Biometrics 1985;41:55.
    """
    tables, z = read_tables(responders, n), normal_quantile(level)
    x1, x0 = tables.x[..., 0, :], tables.x[..., 1, :]
    n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
    total = np.where(tables.used, n1 + n0, np.inf)
    above, below = (x1 * n0 / total).sum(axis=-1), (x0 * n1 / total).sum(axis=-1)
    spread = ((n1 * n0 * (x1 + x0) - x1 * x0 * (n1 + n0)) / total**2).sum(axis=-1)
    both = (above > 0) & (below > 0)
    error = np.sqrt(np.divide(spread, above * below, out=np.full_like(spread, np.nan), where=both))
    value = np.divide(above, below, out=np.where(above > 0, np.inf, np.nan), where=below > 0)
    return _log_interval(tables, value, error, z, level)


@in_blocks
def logit_ratio(responders: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Common ratio of proportions, inverse-variance mean of the stratum logarithms (eq. rr-logit).

    A stratum with a group of no responders has 0.5 added to its responders, as in SAS.
    """
    tables, z = read_tables(responders, n), normal_quantile(level)
    none = (tables.x == 0).any(axis=-2, keepdims=True)
    x, size = tables.x + 0.5 * none, tables.n + 0.5 * none
    variance = (1 / x - 1 / size).sum(axis=-2)
    return _pooled_logarithm(tables, np.log(x / size), variance, z, level, none[..., 0, :])


@in_blocks
def logit_odds_ratio(responders: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Common odds ratio, inverse-variance mean of the stratum logarithms (eq. or-logit; Woolf).

    A stratum with an empty cell has 0.5 added to each of its cells, as in SAS.
    """
    tables, z = read_tables(responders, n), normal_quantile(level)
    empty = ((tables.x == 0) | (tables.x == tables.n)).any(axis=-2, keepdims=True)
    x, y = tables.x + 0.5 * empty, tables.n - tables.x + 0.5 * empty
    variance = (1 / x + 1 / y).sum(axis=-2)
    return _pooled_logarithm(tables, np.log(x / y), variance, z, level, empty[..., 0, :])


def _pooled_logarithm(
    tables: Tables, logs: Floats, variance: Floats, z: float, level: float, corrected: np.ndarray
) -> Interval:
    flat = tables.used & (variance == 0)
    precision = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0)
    precision = np.where(tables.used, precision, 0.0)
    total = precision.sum(axis=-1)
    sum_ = (precision * (logs[..., 0, :] - logs[..., 1, :])).sum(axis=-1)
    defined = (total > 0) & ~flat.any(axis=-1)
    mean = np.divide(sum_, total, out=np.full_like(total, np.nan), where=defined)
    error = np.divide(1.0, np.sqrt(total), out=np.full_like(total, np.nan), where=defined)
    notes = flag(
        (corrected & tables.used).any(axis=-1), "0.5 was added in strata with an empty cell"
    ) + flag(
        flat.any(axis=-1), "a stratum has 100 % responders in both groups: no variance of its log"
    )
    return _log_interval(tables, np.exp(mean), error, z, level, notes)


def _log_interval(
    tables: Tables,
    value: Floats,
    error: Floats,
    z: float,
    level: float,
    notes: tuple[str, ...] = (),
) -> Interval:
    some = tables.comparable
    if not notes:
        notes = flag(np.isnan(value) & some, "no stratum has a responder: no ratio") + flag(
            np.isnan(error) & some & ~np.isnan(value), "the ratio is 0 or infinite: no limits"
        )
    value = np.where(some, value, np.nan)
    reach = np.exp(z * error)
    finite = np.where(np.isnan(error), np.nan, value)
    return Interval(
        plain(value), plain(finite / reach), plain(finite * reach), level, plain(error),
        tables.warnings + nothing_to_compare(tables) + notes,
    )  # fmt: skip
