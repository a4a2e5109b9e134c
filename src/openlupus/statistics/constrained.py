"""Stratum scores of a difference, ratio or odds ratio, at the rates constrained to it.

The rates that are most likely among those with a given contrast solve a cubic or a quadratic.
Mathematics, with the named equations: docs/methods/score-intervals.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from openlupus.statistics.interval import Floats
from openlupus.statistics.tables import Tables


@dataclass(frozen=True, slots=True)
class StratumScores:
    """Stratum scores at one value of the contrast: mean 0, `variance`, third moment `third`."""

    test: Floats
    control: Floats
    score: Floats
    variance: Floats
    third: Floats


def difference_scores(tables: Tables, theta: Floats, bias_correction: bool) -> StratumScores:
    """Rates that differ by theta and are most likely (eq. rd-constrained): root of a cubic."""
    x1, x0 = tables.x[..., 0, :], tables.x[..., 1, :]
    n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
    total, events = n1 + n0, x1 + x0
    l2 = (n1 + 2 * n0) * theta - total - events
    l1 = (n0 * theta - total - 2 * x0) * theta + events
    l0 = x0 * theta * (1 - theta)
    third = l2 / (3 * total)
    # Products, because a power of 3 costs as much as the rest of the line.
    q = third * third * third + (l0 / 2 - l1 * third / 2) / total
    p = np.copysign(np.sqrt(np.maximum(third * third - l1 / (3 * total), 0.0)), q)
    cube = p * p * p
    cosine = np.divide(q, cube, out=np.zeros_like(q), where=cube != 0)
    angle = (np.pi + np.arccos(np.clip(cosine, -1, 1))) / 3
    p0 = np.clip(2 * p * np.cos(angle) - third, np.maximum(0, -theta), np.minimum(1, 1 - theta))
    p1 = np.clip(p0 + theta, 0, 1)
    v1, v0 = p1 * (1 - p1) / n1, p0 * (1 - p0) / n0
    moment = v1 * (1 - 2 * p1) / n1 - v0 * (1 - 2 * p0) / n0
    score = x1 / n1 - x0 / n0 - theta
    return StratumScores(p1, p0, score, (v1 + v0) * _bias(tables, bias_correction), moment)


def ratio_scores(tables: Tables, u: Floats, bias_correction: bool) -> StratumScores:
    """Rates in the ratio u / (1 - u) and most likely (eq. rr-constrained): root of a quadratic."""
    x1, x0 = tables.x[..., 0, :], tables.x[..., 1, :]
    n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
    w = 1 - u
    b = (n1 + x0) * u + (n0 + x1) * w
    root = np.sqrt(np.maximum(b**2 - 4 * (n1 + n0) * u * w * (x1 + x0), 0.0))
    # The smaller root, written so that nothing cancels.
    p1, p0 = (np.clip(2 * (x1 + x0) * part / (b + root), 0, 1) for part in (u, w))
    v1, v0 = w**2 * p1 * (1 - p1) / n1, u**2 * p0 * (1 - p0) / n0
    moment = w * v1 * (1 - 2 * p1) / n1 - u * v0 * (1 - 2 * p0) / n0
    score = w * x1 / n1 - u * x0 / n0
    return StratumScores(p1, p0, score, (v1 + v0) * _bias(tables, bias_correction), moment)


def odds_ratio_scores(tables: Tables, u: Floats, bias_correction: bool) -> StratumScores:
    """Rates with odds ratio u / (1 - u) and the margins observed (eq. or-constrained)."""
    x1, x0 = tables.x[..., 0, :], tables.x[..., 1, :]
    n1, n0 = tables.n[..., 0, :], tables.n[..., 1, :]
    events, w = x1 + x0, 1 - u
    p0 = _positive_root(n0 * (u - w), n1 * u + n0 * w - events * (u - w), -events * w)
    p1 = _positive_root(n1 * (w - u), n1 * u + n0 * w - events * (w - u), -events * u)
    tiny = 1e-15
    p0, p1 = np.clip(p0, tiny, 1 - tiny), np.clip(p1, tiny, 1 - tiny)
    i1, i0 = 1 / (n1 * p1 * (1 - p1)), 1 / (n0 * p0 * (1 - p0))
    score = (x1 / n1 - p1) / (p1 * (1 - p1)) - (x0 / n0 - p0) / (p0 * (1 - p0))
    moment = (1 - 2 * p1) * i1**2 - (1 - 2 * p0) * i0**2
    return StratumScores(p1, p0, score, (i1 + i0) * _bias(tables, bias_correction), moment)


def _positive_root(a: Floats, b: Floats, c: Floats) -> Floats:
    root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0.0))
    stable = np.divide(-2 * c, b + root, out=np.zeros_like(root), where=b + root > 0)
    plain_form = np.divide(root - b, 2 * a, out=np.zeros_like(root), where=a != 0)
    return np.where(b > 0, stable, plain_form)


def _bias(tables: Tables, bias_correction: bool) -> Floats | float:
    if not bias_correction:
        return 1.0
    total = tables.n.sum(axis=-2)
    return total / (total - 1)


SCORES: dict[str, Callable[[Tables, Floats, bool], StratumScores]] = {
    "difference": difference_scores,
    "ratio": ratio_scores,
    "odds-ratio": odds_ratio_scores,
}
