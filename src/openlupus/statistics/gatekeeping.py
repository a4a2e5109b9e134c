"""Hypotheses in an order: fixed sequence, fallback, and gatekeeping between families.

Mathematics, with the named equations: docs/methods/gatekeeping.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from openlupus.errors import StatisticsError
from openlupus.statistics.graphical import GraphResult, graphical_test
from openlupus.statistics.interval import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class FamilyResult:
    """One family of a gatekeeping procedure, its hypotheses in the order given.

    Attributes:
        adjusted: P values to be compared with the error of the whole procedure, at most 1.
        rejected: `adjusted <= alpha`.
        alpha: What the families before left to this one.
    """

    adjusted: Floats
    rejected: Bools
    alpha: float


def fixed_sequence(p: ArrayLike) -> Floats:
    """Adjusted P values of hypotheses tested one after another at full error (eq. sequence).

    Args:
        p: P values in the order of testing, shape (hypotheses,).

    Source:
        Maurer, Hothorn & Lehmacher, in: Biometrie in der chemisch-pharmazeutischen Industrie 1995.
    """
    values = _p_values(p)
    return np.maximum.accumulate(values)


def fallback(p: ArrayLike, weights: ArrayLike, *, alpha: float) -> GraphResult:
    """Fallback procedure: each hypothesis has a share, and gets that of a rejected one before it.

    Args:
        p: P values in the order of testing, shape (hypotheses,).
        weights: Shares of alpha, 0 or more and in sum at most 1.
        alpha: Family-wise error, in (0, 1).

    Source:
        Wiens & Dmitrienko, J Biopharm Stat 2005;15:929. As a graph: eq. fallback.
    """
    values = _p_values(p)
    return graphical_test(values, weights, np.eye(values.size, k=1), alpha=alpha)


def gatekeeping(
    families: Sequence[ArrayLike],
    *,
    alpha: float,
    truncation: Sequence[float] | float = 0.5,
    method: Literal["hochberg", "holm"] = "hochberg",
) -> tuple[FamilyResult, ...]:
    """Parallel gatekeeping with truncated Hochberg (or Holm) tests between ordered families.

    A family is tested at what the families before it left, by a test between Bonferroni's
    (truncation 0) and the full one (truncation 1), so that a part of its error goes on as soon as
    one of its hypotheses is rejected; the last family is tested by the full one.

    Args:
        families: P values of each family, vectors, in the order of testing.
        alpha: Family-wise error of the procedure, in (0, 1).
        truncation: Of all families but the last, in [0, 1); one number serves all.
        method: `hochberg` controls the error under non-negative dependence, `holm` always.

    Returns:
        One result a family. Adjusted values (eq. gate-adjusted) are the smallest error at which
        the whole procedure rejects.

    Source:
        Dmitrienko, Tamhane & Wiens, Biom J 2008;50:667. Dmitrienko, Tamhane & Liu, Stat Med
        2011;30:1473 (Hochberg).
    """
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha={alpha!r} must lie strictly between 0 and 1, as in 0.05")
    if method not in ("hochberg", "holm"):
        raise StatisticsError(f"method={method!r} is not 'hochberg' or 'holm'")
    values = [_p_values(family) for family in families]
    if not values:
        raise StatisticsError("there is no family of hypotheses")
    shares = _truncations(truncation, len(values))
    # What a family gets, as a function of the error of the procedure: from `start` on, `slope`
    # times that error.
    pieces: list[tuple[float, float]] = [(0.0, 1.0)]
    results: list[FamilyResult] = []
    for p, share in zip(values, shares, strict=True):
        local = _truncated(p, share, method)
        adjusted = np.array([_first(pieces, float(each)) for each in local])
        rejected = adjusted <= alpha
        results.append(FamilyResult(np.minimum(adjusted, 1.0), rejected, _level(pieces, alpha)))
        pieces = _passed_on(pieces, adjusted, share)
    return tuple(results)


def graphical_bounds(
    result: GraphResult,
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    weights: ArrayLike,
    *,
    alpha: float,
    null: float = 0.0,
) -> Floats:
    """Lower simultaneous bounds that agree with a graphical test (eq. graph-bounds).

    Args:
        result: Of `graphical_test` with one-sided P values and the Bonferroni test at `alpha`.
        estimates: Normal estimates, large in favour of rejection, shape (hypotheses,).
        standard_errors: Same shape.
        weights: Shares of alpha at the start, as given to the test.
        alpha: One-sided family-wise error, in (0, 1).
        null: The value tested.

    Returns:
        One bound a hypothesis; of a rejected one it is the null itself while others are not
        rejected, and minus infinity where a hypothesis has no share.

    Source:
        Strassburger & Bretz, Stat Med 2008;27:4914. Guilbaud, Biom J 2008;50:678.
    """
    values, errors, start = (
        np.asarray(each, dtype=np.float64) for each in (estimates, standard_errors, weights)
    )
    if not values.shape == errors.shape == start.shape == result.rejected.shape:
        raise StatisticsError("estimates, standard errors and weights must be one a hypothesis")
    share = start if result.rejected.all() else result.weights
    bounds = values + ndtri(alpha * share) * errors
    if result.rejected.all():
        return np.maximum(bounds, null)
    return np.where(result.rejected, null, bounds)


def _truncated(p: Floats, share: float, method: str) -> Floats:
    """The error of the family at which each hypothesis is rejected (eq. truncated-hochberg)."""
    m, order = p.size, np.argsort(p, kind="stable")
    steps = p[order] / (share / np.arange(m, 0, -1) + (1 - share) / m)
    if method == "hochberg":
        steps = np.minimum.accumulate(steps[::-1])[::-1]
    else:
        steps = np.maximum.accumulate(steps)
    adjusted = np.empty(m)
    adjusted[order] = steps
    return adjusted


def _first(pieces: list[tuple[float, float]], local: float) -> float:
    """The smallest error of the procedure that gives the family at least `local`."""
    ends = [start for start, _ in pieces[1:]] + [np.inf]
    for (start, slope), end in zip(pieces, ends, strict=True):
        needed = max(start, local / slope) if slope > 0 else np.inf
        if needed < end:
            return needed
    return np.inf


def _level(pieces: list[tuple[float, float]], alpha: float) -> float:
    return [slope * alpha for start, slope in pieces if start <= alpha][-1]


def _passed_on(
    pieces: list[tuple[float, float]], adjusted: Floats, share: float
) -> list[tuple[float, float]]:
    """What a family leaves: all when all are rejected, a part when some are (eq. gate-error)."""
    starts = sorted({start for start, _ in pieces} | {float(each) for each in adjusted})
    left: list[tuple[float, float]] = []
    for start in starts:
        slope = [slope for since, slope in pieces if since <= start][-1]
        kept = int((adjusted > start).sum())
        used = share + (1 - share) * kept / adjusted.size if kept else 0.0
        left.append((start, slope * (1 - used)))
    return [left[0]] + [after for before, after in pairwise(left) if after[1] != before[1]]


def _truncations(truncation: Sequence[float] | float, families: int) -> list[float]:
    given = [truncation] * (families - 1) if isinstance(truncation, int | float) else truncation
    shares = [float(each) for each in given]
    if len(shares) != families - 1 or any(not 0 <= each < 1 for each in shares):
        raise StatisticsError(
            f"truncation {truncation!r} must be {families - 1} numbers from 0 to below 1: one a"
            " family but the last"
        )
    return [*shares, 1.0]


def _p_values(p: ArrayLike) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.all((values >= 0) & (values <= 1)):
        raise StatisticsError(
            f"p is {values!r}; it must be a vector of P values between 0 and 1, one a hypothesis"
        )
    return values
