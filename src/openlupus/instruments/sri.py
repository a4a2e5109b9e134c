"""SLE responder index: SRI-4 and its stricter relatives.

Sources: Furie et al., Arthritis Rheum 2009;61:1143 (with SELENA-SLEDAI and the classic BILAG);
with SLEDAI-2K and BILAG-2004: Merrill et al., N Engl J Med 2022;386:1034. Page:
docs/instruments/sri.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import bilag2004, pga, sledai2k, verdicts
from openlupus.instruments.arrays import Codes

COMPONENTS = ("sledai_fall", "bilag_no_worsening", "pga_no_worsening")


@dataclass(frozen=True, slots=True)
class Sri:
    """Verdicts of n visits, shape (n,) each: 1 met, 0 not met, -1 not computable."""

    responder: Codes
    sledai_fall: Codes
    bilag_no_worsening: Codes
    pga_no_worsening: Codes


def sri(
    sledai_fall: float = 4,
    *,
    sledai_baseline: ArrayLike,
    sledai_visit: ArrayLike,
    bilag_baseline: ArrayLike,
    bilag_visit: ArrayLike,
    pga_baseline: ArrayLike,
    pga_visit: ArrayLike,
    pga_rise: float = pga.WORSENING,
) -> Sri:
    """SRI-k against baseline, with the verdict of each component.

    Response needs all three: SLEDAI-2K lower by at least `sledai_fall`; no new BILAG-2004 A and
    at most one new B; PGA higher by less than `pga_rise`.

    Args:
        sledai_fall: The k of SRI-k, points.
        sledai_baseline: SLEDAI-2K totals, shape (n,), nan where missing.
        sledai_visit: The same at the visit.
        bilag_baseline: BILAG-2004 grades, shape (n, 9), 4 = A to 0 = E, -1 where not available.
        bilag_visit: The same at the visit.
        pga_baseline: PGA on 0-3, shape (n,), nan where missing.
        pga_visit: The same at the visit.
        pga_rise: The rise that is worsening (a rise of exactly this much fails), 0-3 scale.

    Returns:
        Verdicts; the responder is -1 wherever a component is. What a verdict that cannot be
        computed means, and treatment failure, are for the protocol to say.
    """
    before, now = sledai2k.checked_total(sledai_baseline), sledai2k.checked_total(sledai_visit)
    if sledai_fall <= 0 or pga_rise <= 0:
        raise InstrumentError(
            f"SRI needs positive limits, not sledai_fall {sledai_fall} and pga_rise {pga_rise}"
        )
    fall = verdicts.verdict(before - now >= sledai_fall, ~np.isnan(before - now))
    bilag = bilag2004.no_worsening(bilag_baseline, bilag_visit)
    start, end = pga.checked(pga_baseline), pga.checked(pga_visit)
    steady = verdicts.verdict(pga.increase_below(start, end, pga_rise), ~np.isnan(start + end))
    return Sri(verdicts.all_met(fall, bilag, steady), fall, bilag, steady)
