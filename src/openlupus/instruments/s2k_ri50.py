"""S2K RI-50: SLEDAI-2K at follow-up with half the weight of what is at least 50 % better.

Sources: Touma et al., J Rheumatol 2011;38:275 (development) and 2011;38:868. Page:
docs/instruments/s2k_ri50.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays, sledai2k
from openlupus.instruments.arrays import Bools, Codes, Floats, Form
from openlupus.instruments.sledai2k import NOT_ASSESSED, PRESENT, WEIGHT

CATEGORY = "S2K RI-50"
IMPROVED_SHARE = 0.5  # of the weight that an improved descriptor keeps
KEYS = tuple(f"{key}_improved" for key in sledai2k.KEYS)
"""Keys of the answers "at least 50 % better than at baseline?", one a descriptor."""
CODES = tuple(f"RI50{item.number:02d}" for item in sledai2k.ITEMS)
"""SDTM test codes of these answers."""


@dataclass(frozen=True, slots=True)
class Score:
    """Totals of n follow-ups, shape (n,), points, nan where it cannot be told.

    `missing`, shape (n, 24): the descriptor at either visit, or the answer on improvement where
    one is needed, is not there.
    """

    total: Floats
    missing: Bools


def form(values: Form) -> Codes:
    """Answers by key (`arthritis_improved`) or SDTM code as codes of shape (n, 24).

    1 at least 50 % better, 0 not, -1 not answered.
    """
    filled = arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)
    return np.where(np.isnan(filled), NOT_ASSESSED, filled).astype(np.int8)


def score(baseline: ArrayLike | Form, visit: ArrayLike | Form, improved: ArrayLike | Form) -> Score:
    """Total of each follow-up against its baseline.

    A descriptor present at both visits counts in full, or half where it is at least 50 % better;
    one that is new since baseline counts in full; one that is gone counts nothing.

    Args:
        baseline: SLEDAI-2K codes at baseline, shape (n, 24): 1, 0, -1 not assessed.
        visit: The same at follow-up.
        improved: 1 at least 50 % better than at baseline, 0 not, -1 not answered; shape (n, 24).
            Read only where the descriptor is present at both visits.

    Returns:
        Totals to be compared with the SLEDAI-2K total at baseline.
    """
    before, now = sledai2k.checked_items(baseline), sledai2k.checked_items(visit)
    better = sledai2k.checked_items(arrays.given(improved, form))
    if not len(before) == len(now) == len(better):
        lengths = (len(before), len(now), len(better))
        raise InstrumentError(f"{CATEGORY}: baseline, visit, improved have lengths {lengths}")
    both = (before == PRESENT) & (now == PRESENT)
    share = np.where(both & (better == PRESENT), IMPROVED_SHARE, 1.0) * (now == PRESENT)
    total = share @ WEIGHT.astype(np.float64)
    unknown = (before == NOT_ASSESSED) & (now == PRESENT)
    missing = (now == NOT_ASSESSED) | unknown | (both & (better == NOT_ASSESSED))
    return Score(np.where(missing.any(axis=1), np.nan, total), missing)
