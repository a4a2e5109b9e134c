"""A stratum table that prints a comparison, searched from tables that nearly do.

Draws at random rarely meet the print of a small subgroup, where one patient moves the limits far.
Mathematics: docs/methods/audit.md (eq. audit-search).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from openlupus.audit.stratum_tables import Comparison, Drawn, Floats
from openlupus.statistics.cmh import cmh
from openlupus.statistics.interval import Interval

_WIDTH, _STEPS = 100, 40


def search_table(
    comparison: Comparison, method: Callable[..., Interval], drawn: Drawn, *, level: float
) -> tuple[Floats, Floats] | None:
    """Responders and patients, each 2 x strata, that print everything; None where none was found.

    Takes the nearest tables that it has not yet gone from, and moves one patient of one group
    between two strata.
    """
    tables = np.stack([drawn.responders, drawn.n], axis=1).astype(np.int64)
    gone: set[bytes] = set()
    for _ in range(_STEPS):
        fresh = np.array([table.tobytes() not in gone for table in tables], dtype=np.bool_)
        tables = tables[fresh]
        if not len(tables):
            return None
        x, n = (tables[:, i].astype(np.float64) for i in (0, 1))
        off = _off(comparison, method(x, n, level=level))
        order = np.argsort(off, kind="stable")[:_WIDTH]
        for place in order[off[order] <= 0]:
            if _prints_p(comparison, x[place], n[place]):
                return x[place], n[place]
        gone |= {table.tobytes() for table in tables[order]}
        tables = _neighbours(tables[order])
    return None


def _off(comparison: Comparison, got: Interval) -> Floats:
    """Distance of the worst of difference and limits from its print, percentage points."""
    printed = comparison.difference
    pairs = ((got.value, printed.value), (got.lower, printed.lower), (got.upper, printed.upper))
    off = [np.abs(100 * np.asarray(v) - float(p)) - p.half - 1e-9 for v, p in pairs]
    worst = np.max(off, axis=0)
    return np.where(np.isnan(worst), np.inf, np.maximum(worst, 0.0))


def _prints_p(comparison: Comparison, x: Floats, n: Floats) -> bool:
    return comparison.p is None or comparison.p.prints(float(cmh(x, n).p))


def _neighbours(tables: NDArray[np.int64]) -> NDArray[np.int64]:
    """All tables that differ from one of these by one move, none twice; same shape.

    The moves: one response, one non-responder, one responder.
    """
    strata = tables.shape[-1]
    found: list[NDArray[np.int64]] = []
    for group in (0, 1):
        for source in range(strata):
            for goal in range(strata):
                if source == goal:
                    continue
                for response, patient in ((1, 0), (0, 1), (1, 1)):
                    moved = tables.copy()
                    moved[:, 0, group, source] -= response
                    moved[:, 0, group, goal] += response
                    moved[:, 1, group, source] -= patient
                    moved[:, 1, group, goal] += patient
                    found.append(moved)
    every = np.concatenate(found)
    responders, patients = every[:, 0], every[:, 1]
    can_be = ((responders >= 0) & (responders <= patients)).all(axis=(1, 2))
    flat = every[can_be].reshape(int(can_be.sum()), -1)
    return np.unique(flat, axis=0).reshape(-1, *tables.shape[1:])
