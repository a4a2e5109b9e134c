"""Comparisons of two proportions with limits made by a known method."""

from collections.abc import Callable
from decimal import Decimal

import numpy as np

from openlupus.audit.interval_methods import Trial, tried
from openlupus.audit.model import Cell, Column, Published
from openlupus.audit.printed import Estimate, Number
from openlupus.audit.stratum_tables import Comparison
from openlupus.statistics.interval import Interval


def tenth(x: float) -> Number:
    return Number(Decimal(f"{x:.1f}"))


def comparison(
    x: np.ndarray,
    n: np.ndarray,
    method: Callable[..., Interval],
    *,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Comparison:
    got = method(x, n, level=0.95)
    printed = Estimate(
        tenth(100 * float(got.value)), tenth(100 * float(got.lower) + shift[0]),
        tenth(100 * float(got.upper) + shift[1]),
    )  # fmt: skip
    groups = [(int(a), int(b)) for a, b in (x.sum(axis=1), n.sum(axis=1))]
    return Comparison(groups[0], groups[1], printed)


def trial_of(of: Comparison, *, row: str = "response") -> Trial:
    columns = {key: Column(key, key, n) for key, n in zip("ab", of.n, strict=True)}
    cell = Cell("t", row, "a_difference", "", of.difference)
    return tried(Published("", columns, (cell,), control="b"), cell, of, seed=1)
