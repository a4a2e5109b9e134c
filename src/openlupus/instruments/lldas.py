"""Lupus low disease activity state, at one visit.

Source: Franklyn et al., Ann Rheum Dis 2016;75:1615, table 1. A new feature is any SLEDAI-2K item
present now and absent at the previous visit. Page: docs/instruments/lldas.md.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments import decimals, pga, sledai2k, verdicts
from openlupus.instruments.arrays import Bools, Codes, Floats
from openlupus.instruments.verdicts import Verdict

COMPONENTS = (
    "sledai_low",
    "no_major_organ_activity",
    "no_new_feature",
    "pga_low",
    "prednisone_low",
    "standard_treatment",
)

# Items of the renal, nervous, cardiopulmonary, vascular systems, and fever.
MAJOR_ORGAN = (
    *("seizure", "psychosis", "organic_brain_syndrome", "visual_disturbance"),
    *("cranial_nerve_disorder", "lupus_headache", "cva", "vasculitis"),
    *("urinary_casts", "hematuria", "proteinuria", "pyuria"),
    *("pleurisy", "pericarditis", "fever"),
)
_MAJOR = np.array([key in MAJOR_ORGAN for key in sledai2k.KEYS])


@dataclass(frozen=True, slots=True)
class Lldas(Verdict):
    """Verdicts of n visits, shape (n,): 1 met, 0 not met, -1 not computable."""

    COMPONENTS: ClassVar[tuple[str, ...]] = COMPONENTS

    sledai_low: Codes
    no_major_organ_activity: Codes
    no_new_feature: Codes
    pga_low: Codes
    prednisone_low: Codes
    standard_treatment: Codes


def lldas(
    *,
    sledai_items_visit: ArrayLike,
    sledai_items_previous: ArrayLike,
    pga_visit: ArrayLike,
    prednisone_visit: ArrayLike,
    haemolytic_anaemia: ArrayLike,
    gi_activity: ArrayLike,
    standard_treatment: ArrayLike,
    sledai_at_most: float = 4,
    pga_at_most: float = 1,
    prednisone_at_most: float = 7.5,
) -> Lldas:
    """LLDAS of each visit, with the verdict of each component.

    Args:
        sledai_items_visit: SLEDAI-2K codes, shape (n, 24): 1, 0, -1 not assessed.
        sledai_items_previous: The same at the visit before.
        pga_visit: PGA on 0-3, shape (n,), nan where missing.
        prednisone_visit: Daily oral prednisone-equivalent dose, mg, nan where not known.
        haemolytic_anaemia: 1, 0, -1 not known; the index has no such item.
        gi_activity: The same for gastrointestinal activity.
        standard_treatment: 1 where immunosuppressants are at well tolerated maintenance doses
            and nothing unapproved is taken besides the study drug, 0, -1 not known.
        sledai_at_most: Highest SLEDAI-2K total (serology counts).
        pga_at_most: Highest PGA.
        prednisone_at_most: Highest dose, mg/day.
    """
    now = sledai2k.checked_items(sledai_items_visit)
    total = sledai2k.score(now).total
    low = verdicts.verdict(total <= sledai_at_most, ~np.isnan(total))
    others = [verdicts.checked(haemolytic_anaemia), verdicts.checked(gi_activity)]
    organs = verdicts.none_present(np.column_stack([now[:, _MAJOR], *others]))
    quiet = _limit(pga.checked(pga_visit), pga_at_most)
    dose = _limit(np.asarray(prednisone_visit, np.float64), prednisone_at_most)
    fresh = verdicts.none_present(_new(now, sledai2k.checked_items(sledai_items_previous)))
    standard = verdicts.checked(standard_treatment)
    parts = (low, organs, fresh, quiet, dose, standard)
    return Lldas(verdicts.all_met(*parts), *parts)


def _limit(values: Floats, limit: float) -> Codes:
    return verdicts.verdict(decimals.at_most(values, limit), ~np.isnan(values))


def _new(now: Codes, before: Codes) -> Codes:
    """Items present now and absent before: 1, 0, -1 where it cannot be told."""
    settled: Bools = (now == 0) | (before == 1)
    known = settled | ((now == 1) & (before == 0))
    return verdicts.verdict(~settled, known)
