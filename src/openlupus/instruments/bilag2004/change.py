"""What BILAG-2004 grades say about change against another assessment, and as one number."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError, ScaleError
from openlupus.instruments import verdicts
from openlupus.instruments.arrays import Bools, Codes, Floats
from openlupus.instruments.bilag2004.criteria import A, B, E
from openlupus.instruments.bilag2004.grading import UNKNOWN, Grades
from openlupus.instruments.bilag2004.items import CATEGORY, SYSTEMS

# Points of E, D, C, B, A. Yee et al., Rheumatology 2010;49:1665 recommends yee2010.
SCHEMES: Mapping[str, tuple[int, int, int, int, int]] = MappingProxyType(
    {
        "yee2010": (0, 0, 1, 8, 12),
        "classic": (0, 0, 1, 3, 9),
        "intermediate": (0, 0, 1, 5, 12),
    }
)


@dataclass(frozen=True, slots=True)
class NewActivity:
    """Systems with a new A, a new B; shape (n, 9) each. `known`: both grades were available."""

    new_a: Bools
    new_b: Bools
    known: Bools


def numeric(grades: Grades | ArrayLike, scheme: str = "yee2010") -> Floats:
    """Points summed over the nine systems, shape (n,); nan where a grade is not available."""
    if scheme not in SCHEMES:
        raise InstrumentError(f"{CATEGORY} has no scheme {scheme!r}; it has {list(SCHEMES)}")
    codes = checked_grades(grades.known if isinstance(grades, Grades) else grades)
    points = np.array(SCHEMES[scheme], np.float64)[codes].sum(axis=1)
    return np.where((codes == UNKNOWN).any(axis=1), np.nan, points)


def new_activity(baseline: ArrayLike, visit: ArrayLike) -> NewActivity:
    """New A: A now, lower before. New B: B now, C, D or E before (so A to B is no new B).

    Args:
        baseline: Grade codes, shape (n, 9), 4 = A to 0 = E, -1 not available.
        visit: The same at the visit.
    """
    before, now = checked_grades(baseline), checked_grades(visit)
    if before.shape != now.shape:
        raise InstrumentError(f"baseline {before.shape} and visit {now.shape} differ in shape")
    known = (before != UNKNOWN) & (now != UNKNOWN)
    return NewActivity(known & (now == A) & (before < A), known & (now == B) & (before < B), known)


def no_worsening(
    baseline: ArrayLike, visit: ArrayLike, *, max_new_a: int = 0, max_new_b: int = 1
) -> Codes:
    """The BILAG component of the SRI: no new A and at most one new B.

    Returns:
        Verdicts, shape (n,): 1 met, 0 not met, -1 where any of the grades is not available.
    """
    new = new_activity(baseline, visit)
    met = (new.new_a.sum(axis=1) <= max_new_a) & (new.new_b.sum(axis=1) <= max_new_b)
    return verdicts.verdict(met, np.all(new.known, axis=1))


def checked_grades(grades: ArrayLike) -> Codes:
    """Grade codes of shape (n, 9), 4 = A to 0 = E, -1 not available; refuses any other."""
    codes = np.asarray(grades)
    if codes.ndim != 2 or codes.shape[1] != len(SYSTEMS):
        raise InstrumentError(f"{CATEGORY} grades need shape (n, 9), not {codes.shape}")
    bad = (codes < UNKNOWN) | (codes > A) | (codes != np.rint(codes))
    if bad.any():
        rows = [f"row {r}, {SYSTEMS[c]}: {codes[r, c]}" for r, c in np.argwhere(bad)]
        raise ScaleError(
            f"{CATEGORY} grades are 4 (A) to {E} (E) or -1; found {'; '.join(rows)}", rows
        )
    return codes.astype(np.int8, copy=False)
