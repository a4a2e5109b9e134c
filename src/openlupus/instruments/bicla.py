"""BILAG-based composite lupus assessment.

Sources: Wallace et al., Arthritis Rheum 2011;63(Suppl):S894; the limit of the PGA (a rise of
exactly 0.3 is worsening) as in Furie et al., Arthritis Rheumatol 2021;73:2059 and in the SRI.
Page: docs/instruments/bicla.md.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import bilag2004, pga, sledai2k, verdicts
from openlupus.instruments.arrays import Bools, Codes
from openlupus.instruments.bilag2004.criteria import B
from openlupus.instruments.verdicts import Verdict

COMPONENTS = (
    "bilag_improved",
    "bilag_no_worsening",
    "sledai_no_worsening",
    "pga_no_worsening",
)


@dataclass(frozen=True, slots=True)
class Bicla(Verdict):
    """Verdicts of n visits, shape (n,): 1 met, 0 not met, -1 not computable.

    `evaluable`: an A or a B at baseline; where there is none, the first component and the
    responder are -1.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = COMPONENTS

    bilag_improved: Codes
    bilag_no_worsening: Codes
    sledai_no_worsening: Codes
    pga_no_worsening: Codes
    evaluable: Bools


def bicla(
    *,
    sledai_baseline: ArrayLike,
    sledai_visit: ArrayLike,
    bilag_baseline: ArrayLike,
    bilag_visit: ArrayLike,
    pga_baseline: ArrayLike,
    pga_visit: ArrayLike,
    pga_rise: float = pga.WORSENING,
) -> Bicla:
    """BICLA against baseline, with the verdict of each component.

    Response needs: every A at baseline is B or lower, every B is C or lower; no new A and at most
    one new B; SLEDAI-2K not higher; PGA higher by less than `pga_rise`. Arguments as for
    `sri.sri`.
    """
    if pga_rise <= 0:
        raise InstrumentError(f"BICLA needs a positive pga_rise, not {pga_rise}")
    totals = sledai2k.checked_total(sledai_baseline), sledai2k.checked_total(sledai_visit)
    scales = pga.checked(pga_baseline), pga.checked(pga_visit)
    before, now = bilag2004.checked_grades(bilag_baseline), bilag2004.checked_grades(bilag_visit)
    known = np.all(bilag2004.new_activity(before, now).known, axis=1)
    active = before >= B
    evaluable = np.any(active, axis=1)

    improved = verdicts.verdict(np.all(~active | (now < before), axis=1), known & evaluable)
    steady_bilag = bilag2004.no_worsening(before, now)
    steady_sledai = verdicts.verdict(totals[1] <= totals[0], ~np.isnan(totals[0] + totals[1]))
    steady_pga = verdicts.verdict(
        pga.increase_below(*scales, pga_rise), ~np.isnan(scales[0] + scales[1])
    )
    responder = verdicts.all_met(improved, steady_bilag, steady_sledai, steady_pga)
    return Bicla(responder, improved, steady_bilag, steady_sledai, steady_pga, evaluable)
