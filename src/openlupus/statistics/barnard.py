"""Barnard's and Boschloo's exact tests of two equal proportions.

Mathematics, with the named equations: docs/methods/unconditional.md.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.tables import read_tables, single
from openlupus.statistics.worst_rate import binomial_chances, largest_chance

Alternative = Literal["two-sided", "greater", "less"]
# Statistics of two tables that agree to this are the same.
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class ExactTest:
    """An exact test of two proportions: its statistic and P value."""

    statistic: float
    p: float


def barnard(
    responders: ArrayLike, n: ArrayLike, *, alternative: Alternative = "two-sided"
) -> ExactTest:
    """Barnard's exact test: tables ordered by the pooled Wald statistic (eq. barnard).

    Args:
        responders: Counts (test, control), shape (2,) or (2, 1).
        n: Subjects, same shape.
        alternative: `greater` says that the test group responds more often.

    Source:
        Barnard, Biometrika 1947;34:123. Suissa & Shuster, JRSS A 1985;148:317.
    """
    x, size = _read(responders, n, alternative)
    z = _pooled_z(*size)
    order = {"greater": z, "less": -z, "two-sided": np.abs(z)}[alternative]
    extreme = order >= order[x] - _TIE * max(1.0, abs(float(order[x])))
    return ExactTest(float(z[x]), _worst(extreme))


def boschloo(
    responders: ArrayLike, n: ArrayLike, *, alternative: Alternative = "two-sided"
) -> ExactTest:
    """Boschloo's exact test: tables ordered by Fisher's one-sided P value (eq. boschloo).

    The two-sided P value is twice the smaller one-sided, at most 1.

    Args:
        responders: As in `barnard`.
        n: As in `barnard`.
        alternative: As in `barnard`.

    Source:
        Boschloo, Stat Neerl 1970;24:1.
    """
    x, size = _read(responders, n, alternative)
    above = _fisher_above(*size)
    # The test group has fewer responders when it has more non-responders.
    below = above[::-1, ::-1]
    orders = {"greater": [above], "less": [below], "two-sided": [above, below]}[alternative]
    found = [ExactTest(float(order[x]), _worst(order <= order[x] * (1 + _TIE))) for order in orders]
    least = min(found, key=lambda test: test.p)
    return ExactTest(least.statistic, min(1.0, len(found) * least.p))


def _pooled_z(n1: int, n0: int) -> Floats:
    """Of every table, shape (n1 + 1, n0 + 1); 0 where nobody or everybody responds."""
    x1, x0 = np.arange(n1 + 1.0)[:, None], np.arange(n0 + 1.0)
    pooled = (x1 + x0) / (n1 + n0)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    return np.divide(x1 / n1 - x0 / n0, error, out=np.zeros_like(error), where=error > 0)


def _fisher_above(n1: int, n0: int) -> Floats:
    """Fisher's P value against more responders in the test group, of every table."""
    x1, x0 = np.arange(n1 + 1.0)[:, None], np.arange(n0 + 1.0)
    chance = np.exp(_log_ways(n1, x1) + _log_ways(n0, x0) - _log_ways(n1 + n0, x1 + x0))
    for k in range(1, n0 + 1):
        # One responder more in the test group is one fewer in the control group.
        chance[:-1, k] += chance[1:, k - 1]
    return chance


def _log_ways(n: int, k: Floats) -> Floats:
    return gammaln(n + 1.0) - gammaln(k + 1) - gammaln(n - k + 1)


def _worst(extreme: Bools) -> float:
    n1, n0 = (size - 1 for size in extreme.shape)
    inside = extreme.astype(np.float64)

    def chance(rates: Floats) -> Floats:
        test, control = binomial_chances(n1, rates), binomial_chances(n0, rates)
        return np.sum((test @ inside) * control, axis=1)

    return largest_chance(chance, 0.0, 1.0)


def _read(
    responders: ArrayLike, n: ArrayLike, alternative: str
) -> tuple[tuple[int, int], tuple[int, int]]:
    if alternative not in get_args(Alternative):
        raise StatisticsError(f"alternative={alternative!r} is not two-sided, greater or less")
    tables = single(read_tables(responders, n))
    if tables.x.ndim > 2 or not tables.comparable:
        raise CountsError("the test takes one table with subjects in both groups")
    (x1, x0), (n1, n0) = tables.x[:, 0].astype(int).tolist(), tables.n[:, 0].astype(int).tolist()
    return (x1, x0), (n1, n0)
