"""Sustained reduction of glucocorticoids, alone and together with the SRI.

Sources: the founding end points, Merrill et al., N Engl J Med 2022;386:1034; SRI with taper, Furie
et al., Arthritis Rheumatol 2017;69:376. Page: docs/instruments/taper.md.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import decimals, pga, sri, verdicts
from openlupus.instruments.arrays import Bools, Codes, Floats
from openlupus.instruments.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Taper(Verdict):
    """Verdicts of n visits, shape (n,): 1 met, 0 not met, -1 not computable or not evaluable.

    `evaluable`: the dose at baseline was high enough; where it was not, `dose_low` is -1.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = ("dose_low", "flare_free")

    dose_low: Codes
    flare_free: Codes
    evaluable: Bools


def taper(
    *,
    prednisone_baseline: ArrayLike,
    prednisone_highest_visit: ArrayLike,
    flare_free_visit: ArrayLike,
    baseline_at_least: float = 10,
    dose_at_most: float = 7.5,
) -> Taper:
    """Every daily dose of the maintenance window at most `dose_at_most`, and no flare in it.

    Args:
        prednisone_baseline: Daily prednisone-equivalent dose at baseline, mg, shape (n,).
        prednisone_highest_visit: Highest daily dose from the begin of the maintenance window to
            the visit (`glucocorticoids.dose(...).highest_mg_day`), nan where not known.
        flare_free_visit: 1 no flare in the window, 0 a flare, -1 not known. What a flare is, is
            for the declaration to say (`bilag_flare_free`, `selena_flare_free`).
        baseline_at_least: Lower doses at baseline are not evaluable.
        dose_at_most: The dose to be reached and kept, mg/day.
    """
    highest = _dose(prednisone_highest_visit, "prednisone_highest_visit")
    low = decimals.at_most(highest, dose_at_most)
    return _taper(prednisone_baseline, highest, low, flare_free_visit, baseline_at_least)


def taper_below(
    *,
    prednisone_baseline: ArrayLike,
    prednisone_highest_visit: ArrayLike,
    flare_free_visit: ArrayLike,
    baseline_at_least: float = 10,
    dose_below: float = 10,
) -> Taper:
    """The same with every daily dose below `dose_below` (a dose of exactly this much fails)."""
    highest = _dose(prednisone_highest_visit, "prednisone_highest_visit")
    low = decimals.below(highest, dose_below)
    return _taper(prednisone_baseline, highest, low, flare_free_visit, baseline_at_least)


def _taper(
    baseline: ArrayLike, highest: Floats, low: Bools, flare_free: ArrayLike, at_least: float
) -> Taper:
    start, steady = _dose(baseline, "prednisone_baseline"), verdicts.checked(flare_free)
    evaluable = decimals.at_least(start, at_least)
    dose_low = verdicts.verdict(low, evaluable & ~np.isnan(highest))
    return Taper(verdicts.all_met(dose_low, steady), dose_low, steady, evaluable)


@dataclass(frozen=True, slots=True)
class SriTaper(Verdict):
    """Verdicts of n visits, shape (n,)."""

    COMPONENTS: ClassVar[tuple[str, ...]] = (*sri.COMPONENTS, "dose_low")

    sledai_fall: Codes
    bilag_no_worsening: Codes
    pga_no_worsening: Codes
    dose_low: Codes


def sri_taper(
    *,
    sledai_baseline: ArrayLike,
    sledai_visit: ArrayLike,
    bilag_baseline: ArrayLike,
    bilag_visit: ArrayLike,
    pga_baseline: ArrayLike,
    pga_visit: ArrayLike,
    prednisone_baseline: ArrayLike,
    prednisone_highest_visit: ArrayLike,
    sledai_fall: float = 4,
    pga_rise: float = pga.WORSENING,
    dose_below: float = 10,
) -> SriTaper:
    """SRI-k with every daily dose of the window below `dose_below` and not above baseline.

    Arguments as for `sri.sri` and `taper`; every dose at baseline is evaluable.
    """
    index = sri.sri(
        sledai_fall,
        sledai_baseline=sledai_baseline,
        sledai_visit=sledai_visit,
        bilag_baseline=bilag_baseline,
        bilag_visit=bilag_visit,
        pga_baseline=pga_baseline,
        pga_visit=pga_visit,
        pga_rise=pga_rise,
    )
    start = _dose(prednisone_baseline, "prednisone_baseline")
    highest = _dose(prednisone_highest_visit, "prednisone_highest_visit")
    kept = decimals.below(highest, dose_below) & decimals.at_most(highest, start)
    dose_low = verdicts.compared(kept, start, highest)
    responder = verdicts.all_met(index.responder, dose_low)
    parts = (index.sledai_fall, index.bilag_no_worsening, index.pga_no_worsening, dose_low)
    return SriTaper(responder, *parts)


def _dose(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or (array < 0).any() or np.isinf(array).any():
        raise InstrumentError(f"{name} needs one finite dose of 0 mg/day or more a visit")
    return array
