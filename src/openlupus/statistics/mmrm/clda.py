"""Constrained longitudinal data analysis: the baseline is a response, and all arms share its mean.

Liang & Zeger, Sankhya B 2000;62:134. Mathematics: docs/methods/clda.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.sufficient import Codes


@dataclass(frozen=True, slots=True, eq=False)
class Constrained:
    """Columns of the differences between arms after baseline.

    Attributes:
        x: Shape (rows, (arms - 1) x (visits - 1)); 1 where the row is of that arm and visit.
        arms: Arm of each column, as its code.
        visits: Visit of each column, as its code.
    """

    x: Floats
    arms: tuple[int, ...]
    visits: tuple[int, ...]


def constrained_columns(
    arm: Codes, visit: Codes, *, arms: int, visits: int, control: int = 0, baseline: int = 0
) -> Constrained:
    """Columns that let arms differ after baseline, and at baseline not (eq. clda-mean).

    Args:
        arm: Arm of each row, from 0.
        visit: Visit of each row, from 0; the baseline is one of them.
        arms: Number of arms.
        visits: Number of visits, baseline included.
        control: Arm that the others are compared with.
        baseline: Visit before treatment.

    Raises:
        StatisticsError: fewer than two arms or visits, or codes outside their range.
    """
    if arms < 2 or visits < 2:
        raise StatisticsError(f"{arms} arms and {visits} visits: at least two of each are needed")
    if not (0 <= control < arms and 0 <= baseline < visits):
        raise StatisticsError(f"control {control} or baseline {baseline} is outside its range")
    pairs = [
        (a, v) for a in range(arms) if a != control for v in range(visits) if v != baseline
    ]  # fmt: skip
    columns: Sequence[Floats] = [((arm == a) & (visit == v)).astype(np.float64) for a, v in pairs]
    return Constrained(
        np.column_stack(columns), tuple(a for a, _ in pairs), tuple(v for _, v in pairs)
    )
