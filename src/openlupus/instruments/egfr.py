"""Estimated glomerular filtration rate from serum creatinine, mL/min/1.73 m2.

Sources: MDRD (re-expressed), Levey et al., Ann Intern Med 2006;145:247; CKD-EPI 2009, Levey et
al., Ann Intern Med 2009;150:604; CKD-EPI 2021, Inker et al., N Engl J Med 2021;385:1737. Page:
docs/instruments/egfr.md.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments.arrays import Bools, Floats

UMOL_L_PER_MG_DL = 88.4


@dataclass(frozen=True, slots=True)
class Mdrd:
    """Scale, exponents of creatinine and age, factors of women and of Black people."""

    scale: float
    creatinine: float
    age: float
    female: float
    black: float


@dataclass(frozen=True, slots=True)
class CkdEpi:
    """Scale; exponents below the knot in women and men, above it; yearly factor; factors."""

    scale: float
    below_women: float
    below_men: float
    above: float
    age: float
    female: float
    black: float


MDRD4 = Mdrd(175.0, -1.154, -0.203, 0.742, 1.212)
KNOT_WOMEN, KNOT_MEN = 0.7, 0.9  # mg/dL
CKD_EPI_2009 = CkdEpi(141.0, -0.329, -0.411, -1.209, 0.993, 1.018, 1.159)
CKD_EPI_2021 = CkdEpi(142.0, -0.241, -0.302, -1.200, 0.9938, 1.012, 1.0)
Equation = Literal["mdrd4", "ckd_epi_2009", "ckd_epi_2021"]


def egfr(
    creatinine_umol_l: ArrayLike,
    age_years: ArrayLike,
    female: ArrayLike,
    *,
    equation: Equation,
    black: ArrayLike | None = None,
) -> Floats:
    """Filtration rate of each subject.

    Args:
        creatinine_umol_l: Serum creatinine, shape (n,), positive, nan where missing.
        age_years: Age, same shape.
        female: True for women, same shape.
        equation: Which equation; there is no default because trials differ.
        black: Needed by MDRD-4 and CKD-EPI 2009, refused by the race-free CKD-EPI 2021.

    Returns:
        mL/min/1.73 m2, shape (n,), nan where creatinine or age is missing.
    """
    if equation not in get_args(Equation):
        raise InstrumentError(f"no equation {equation!r}; there are {list(get_args(Equation))}")
    if (black is None) != (equation == "ckd_epi_2021"):
        raise InstrumentError(f"`black` is needed by mdrd4 and ckd_epi_2009 alone, not {equation}")
    creatinine = np.asarray(creatinine_umol_l, np.float64) / UMOL_L_PER_MG_DL
    age, woman = np.asarray(age_years, np.float64), np.asarray(female, np.bool_)
    if (creatinine <= 0).any() or (age < 0).any():
        rows = np.flatnonzero((creatinine <= 0) | (age < 0)).tolist()
        raise InstrumentError(f"creatinine and age must be positive; rows {rows} are not")
    race = np.zeros(creatinine.shape, np.bool_) if black is None else np.asarray(black, np.bool_)
    if equation == "mdrd4":
        return _mdrd4(creatinine, age, woman, race)
    chosen = CKD_EPI_2009 if equation == "ckd_epi_2009" else CKD_EPI_2021
    return _ckd_epi(chosen, creatinine, age, woman, race)


def _mdrd4(creatinine: Floats, age: Floats, woman: Bools, race: Bools) -> Floats:
    factors = np.where(woman, MDRD4.female, 1) * np.where(race, MDRD4.black, 1)
    return MDRD4.scale * creatinine**MDRD4.creatinine * age**MDRD4.age * factors


def _ckd_epi(by: CkdEpi, creatinine: Floats, age: Floats, woman: Bools, race: Bools) -> Floats:
    ratio = creatinine / np.where(woman, KNOT_WOMEN, KNOT_MEN)
    low = np.minimum(ratio, 1) ** np.where(woman, by.below_women, by.below_men)
    factors = np.where(woman, by.female, 1) * np.where(race, by.black, 1)
    return by.scale * low * np.maximum(ratio, 1) ** by.above * by.age**age * factors
