"""Physician global assessment of disease activity: one visual analogue scale, 0 none to 3 severe.

Page: docs/instruments/pga.md.
"""

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays, decimals, scale
from openlupus.instruments.arrays import Bools, Floats, Form

CATEGORY = "PGA"
CODE = "PGA01"
KEYS, CODES = ("pga",), (CODE,)
LOW, HIGH = 0.0, 3.0
WORSENING = 0.3  # a tenth of the scale


def form(values: Form) -> Floats:
    """The column `pga` (or `PGA01`) of a dict or frame as an array of shape (n,)."""
    return arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)[:, 0]


def checked(values: ArrayLike | Form) -> Floats:
    """Values on the 0-3 scale, shape (n,), nan where missing; refuses all that lie outside."""
    array = np.asarray(arrays.given(values, form), np.float64)
    if array.ndim != 1:
        raise InstrumentError(f"{CATEGORY} needs shape (assessments,), not {array.shape}")
    limits = [scale.Scale(LOW, HIGH, whole=False)]
    scale.refuse_outside(array[None, :], [CODE], limits, instrument=CATEGORY)
    return array


def from_mm(millimetres: ArrayLike, *, length_mm: float = 100.0) -> Floats:
    """A ruler reading on a line of `length_mm` as 0-3: on 100 mm, 10 mm are 0.3."""
    return checked(np.asarray(millimetres, np.float64) * HIGH / length_mm)


def from_ten(values: ArrayLike) -> Floats:
    """A 0-10 scale as 0-3: 1 point is 0.3."""
    return checked(np.asarray(values, np.float64) * HIGH / 10)


def increase_below(baseline: ArrayLike, visit: ArrayLike, limit: float = WORSENING) -> Bools:
    """visit - baseline < limit, as decimals: 0.4 to 0.7 is a rise of exactly 0.3, so not below.

    Returns:
        Shape (n,); False also where either value is missing (not shown to be below), so ask for
        missing values apart.
    """
    rise = decimals.exact(checked(visit)) - decimals.exact(checked(baseline))
    return rise < decimals.exact(limit)
