"""DORIS remission of SLE, 2021 definition, at one visit.

Source: van Vollenhoven et al., Lupus Sci Med 2021;8:e000538. "Clinical" leaves out complement and
anti-DNA alone; urine and blood counts stay in. Page: docs/instruments/doris.md.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments import decimals, pga, sledai2k, verdicts
from openlupus.instruments.arrays import Codes
from openlupus.instruments.verdicts import Verdict

COMPONENTS = ("clinical_sledai_zero", "pga_low", "prednisone_low", "stable_treatment")


@dataclass(frozen=True, slots=True)
class Doris(Verdict):
    """Verdicts of n visits, shape (n,): 1 met, 0 not met, -1 not computable."""

    COMPONENTS: ClassVar[tuple[str, ...]] = COMPONENTS

    clinical_sledai_zero: Codes
    pga_low: Codes
    prednisone_low: Codes
    stable_treatment: Codes


def doris(
    *,
    sledai_items_visit: ArrayLike,
    pga_visit: ArrayLike,
    prednisone_visit: ArrayLike,
    stable_treatment: ArrayLike,
    pga_below: float = 0.5,
    prednisone_at_most: float = 5,
) -> Doris:
    """Remission at each visit, with the verdict of each component.

    Args:
        sledai_items_visit: SLEDAI-2K codes, shape (n, 24): 1, 0, -1 not assessed.
        pga_visit: PGA on 0-3, shape (n,), nan where missing; must be below `pga_below`.
        prednisone_visit: Daily oral prednisone-equivalent dose, mg, nan where not known; at most
            `prednisone_at_most` (the abstract's "5 mg or less"; a table of the paper prints <5).
        stable_treatment: 1 where antimalarials, immunosuppressants and biologics are stable, 0,
            -1 not known.
        pga_below: The PGA limit.
        prednisone_at_most: The dose limit, mg/day.
    """
    clinical = sledai2k.score(sledai_items_visit, convention="excl_serology").total
    scale, dose = pga.checked(pga_visit), np.asarray(prednisone_visit, np.float64)
    parts = (
        verdicts.verdict(clinical == 0, ~np.isnan(clinical)),
        verdicts.verdict(decimals.below(scale, pga_below), ~np.isnan(scale)),
        verdicts.verdict(decimals.at_most(dose, prednisone_at_most), ~np.isnan(dose)),
        verdicts.checked(stable_treatment),
    )
    return Doris(verdicts.all_met(*parts), *parts)
