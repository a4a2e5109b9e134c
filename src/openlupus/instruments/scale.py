"""Codes and values outside the scale of their item: all faults at once, with row and field."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openlupus.errors import ScaleError
from openlupus.instruments.arrays import Bools, Floats

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Scale:
    """What one item may hold: `low` to `high`, whole numbers only if `whole`, not `gaps`."""

    low: float
    high: float
    whole: bool = True
    gaps: tuple[float, ...] = ()

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        upper = "up" if self.high == np.inf else f"to {self.high:g}"
        without = f" without {', '.join(f'{gap:g}' for gap in self.gaps)}" if self.gaps else ""
        return f"{kind} from {self.low:g} {upper}{without}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One value outside its scale: row counted from 0, item key, value, what was allowed."""

    row: int
    field: str
    value: float
    why: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.field}: {self.value:g} is not {self.why}"


def outside(values: Floats, scales: Sequence[Scale]) -> Bools:
    """Where `values`, shape (items, n), leave their scale; a missing value (nan) does not."""
    low = np.array([s.low for s in scales])[:, None]
    high = np.array([s.high for s in scales])[:, None]
    whole = np.array([s.whole for s in scales])
    bad = (values < low) | (values > high) | np.isinf(values)
    graded = values[whole]
    bad[whole] |= (graded != np.rint(graded)) & ~np.isnan(graded)
    for i, gaps in enumerate(s.gaps for s in scales):
        if gaps:
            bad[i] |= np.isin(values[i], gaps)
    return bad


def faults(
    values: Floats, keys: Sequence[str], scales: Sequence[Scale], *, row: int = 0
) -> list[Fault]:
    """Every fault of `values`, shape (items, n), by row; `row` numbers the first assessment."""
    bad = outside(values, scales)
    if not bad.any():
        return []
    return [
        Fault(row + int(r), keys[int(i)], float(values[i, r]), str(scales[int(i)]))
        for r, i in zip(*np.nonzero(bad.T), strict=True)
    ]


def refuse(found: Sequence[Fault], *, instrument: str) -> None:
    """Raise ScaleError with all faults, if there are any."""
    if not found:
        return
    lines = [f"  {fault}" for fault in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"  and {len(found) - SHOWN} more in `.faults`")
    heading = f"{instrument}: {len(found)} values outside their scale"
    raise ScaleError("\n".join([heading, *lines]), found)


def refuse_outside(
    values: Floats, keys: Sequence[str], scales: Sequence[Scale], *, instrument: str
) -> None:
    """Raise ScaleError with every fault of `values`, shape (items, n)."""
    refuse(faults(values, keys, scales), instrument=instrument)
