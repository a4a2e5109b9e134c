"""Graphical multiple testing: hypotheses pass their share of alpha on when they are rejected.

Mathematics: docs/methods/graphical.md.
"""

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class GraphResult:
    """Outcome of a graphical procedure, in the order in which the hypotheses were given.

    Attributes:
        adjusted: P values to be compared with alpha, at most 1.
        rejected: `adjusted <= alpha`.
        weights: Shares of alpha of the hypotheses not rejected, 0 for the others.
        transitions: What remains of the graph, shape (hypotheses, hypotheses).
    """

    adjusted: Floats
    rejected: Bools
    weights: Floats
    transitions: Floats


def graphical_test(
    p: ArrayLike,
    weights: ArrayLike,
    transitions: ArrayLike,
    *,
    alpha: float,
    test: Literal["bonferroni", "simes"] = "bonferroni",
) -> GraphResult:
    """Test a family of hypotheses along a graph.

    Args:
        p: One P value a hypothesis, shape (hypotheses,).
        weights: Share of alpha that each starts with; 0 or more, in sum at most 1.
        transitions: Row i says how hypothesis i divides its share among the others when it is
            rejected; 0 or more, each row in sum at most 1, diagonal 0.
        alpha: Family-wise error, in (0, 1).
        test: `bonferroni`, sequentially rejective; or `simes`, the closed test in which every
            intersection is tested by the weighted Simes test (under non-negative dependence).

    Returns:
        Adjusted P values, decisions and the graph that remains. Fixed sequence, fallback, Holm
        and gatekeeping are graphs too: see docs/methods/graphical.md.

    Source:
        Bretz, Maurer, Brannath & Posch, Stat Med 2009;28:586. Lu, Stat Med 2016;35:4041 (Simes).
    """
    values, shares, graph = _read(p, weights, transitions, alpha)
    if test == "bonferroni":
        adjusted = _sequential(values, shares, graph)
    elif test == "simes":
        adjusted = _closed(values, shares, graph)
    else:
        raise StatisticsError(f"test={test!r} is not 'bonferroni' or 'simes'")
    rejected = adjusted <= alpha
    for i in np.flatnonzero(rejected):
        shares, graph = _without(int(i), shares, graph)
    return GraphResult(adjusted, rejected, shares, graph)


def _sequential(p: Floats, shares: Floats, graph: Floats) -> Floats:
    """Reject in the order of P over share; the running maximum is the adjusted P (eq. graph-p)."""
    adjusted, reached = np.empty_like(p), 0.0
    left = set(range(p.size))
    while left:
        ratio = {i: p[i] / shares[i] if shares[i] > 0 else np.inf for i in left}
        i = min(left, key=lambda i: (ratio[i], i))
        reached = min(1.0, max(reached, float(ratio[i])))
        adjusted[i] = reached
        left.remove(i)
        shares, graph = _without(i, shares, graph)
    return adjusted


def _closed(p: Floats, shares: Floats, graph: Floats) -> Floats:
    """Largest weighted Simes P of all intersections that hold the hypothesis (eq. graph-simes)."""
    adjusted = np.zeros_like(p)
    for member in product((False, True), repeat=p.size):
        inside = np.array(member)
        if not inside.any():
            continue
        weight, rest = shares, graph
        for i in np.flatnonzero(~inside):
            weight, rest = _without(int(i), weight, rest)
        order = np.flatnonzero(inside)[np.argsort(p[inside], kind="stable")]
        total = np.cumsum(weight[order])
        ratio = np.divide(p[order], total, out=np.full_like(total, np.inf), where=total > 0)
        adjusted[inside] = np.maximum(adjusted[inside], min(1.0, float(ratio.min())))
    return adjusted


def _without(i: int, shares: Floats, graph: Floats) -> tuple[Floats, Floats]:
    """The graph after hypothesis i was rejected (eq. graph-update)."""
    out, back = graph[i], graph[:, i]
    shares = shares + shares[i] * out
    loop = 1 - back * out
    graph = np.divide(
        graph + np.outer(back, out),
        loop[:, None],
        out=np.zeros_like(graph),
        where=loop[:, None] > _CLOSED_LOOP,
    )
    np.fill_diagonal(graph, 0)
    shares[i], graph[i], graph[:, i] = 0, 0, 0
    return shares, graph


# Two hypotheses that pass everything to each other have nobody else to pass it to.
_CLOSED_LOOP = 1e-12


def _read(
    p: ArrayLike, weights: ArrayLike, transitions: ArrayLike, alpha: float
) -> tuple[Floats, Floats, Floats]:
    values, shares, graph = (
        np.asarray(each, dtype=np.float64) for each in (p, weights, transitions)
    )
    m, slack = values.size, 1 + 1e-9
    faults = {
        f"p must be a vector of values from 0 to 1, not {values}": values.ndim != 1
        or not np.all((values >= 0) & (values <= 1)),
        f"weights must be {m} shares, 0 or more and in sum at most 1, not {shares}": shares.shape
        != (m,)
        or not np.all(shares >= 0)
        or shares.sum() > slack,
        f"transitions have shape {graph.shape}; there are {m} hypotheses": graph.shape != (m, m),
        f"alpha={alpha!r} must lie strictly between 0 and 1": not 0 < alpha < 1,
    }
    if not any(faults.values()):
        bad = (graph < 0).any(axis=1) | (graph.sum(axis=1) > slack) | (np.diag(graph) != 0)
        for row in np.flatnonzero(bad):
            fault = f"row {row + 1} of the transitions must be 0 or more, in sum at most 1, and 0"
            faults[fault + " on the diagonal"] = True
    if found := [fault for fault, there in faults.items() if there]:
        raise StatisticsError("; ".join(found))
    return values, shares, graph
