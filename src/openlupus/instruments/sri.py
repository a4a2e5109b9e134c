"""SLE responder index: SRI-4, its stricter relatives, and SRI-50.

Sources: Furie et al., Arthritis Rheum 2009;61:1143 (with SELENA-SLEDAI and the classic BILAG);
with SLEDAI-2K and BILAG-2004: Merrill et al., N Engl J Med 2022;386:1034; SRI-50: Touma et al.,
J Rheumatol 2011;38:2395. Page: docs/instruments/sri.md.
"""

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import bilag2004, pga, s2k_ri50, sledai2k, verdicts
from openlupus.instruments.arrays import Codes, Floats, Form
from openlupus.instruments.verdicts import Verdict

COMPONENTS = ("sledai_fall", "bilag_no_worsening", "pga_no_worsening")


@dataclass(frozen=True, slots=True)
class Sri(Verdict):
    """Verdicts of n visits, shape (n,) each: 1 met, 0 not met, -1 not computable."""

    COMPONENTS: ClassVar[tuple[str, ...]] = COMPONENTS

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
    _positive(sledai_fall, pga_rise)
    bilag = bilag2004.no_worsening(bilag_baseline, bilag_visit)
    return _judge(before - now, sledai_fall, bilag, _steady(pga_baseline, pga_visit, pga_rise))


def sri50(
    sledai_fall: float = 4,
    *,
    sledai_items_baseline: ArrayLike | Form,
    sledai_items_visit: ArrayLike | Form,
    sledai_improved_visit: ArrayLike | Form,
    bilag_baseline: ArrayLike,
    bilag_visit: ArrayLike,
    pga_baseline: ArrayLike,
    pga_visit: ArrayLike,
    pga_rise: float = pga.WORSENING,
) -> Sri:
    """SRI whose first component gives half credit for descriptors at least 50 % better.

    Args:
        sledai_fall: By how much the S2K RI-50 must lie below SLEDAI-2K at baseline, points.
        sledai_items_baseline: SLEDAI-2K codes, shape (n, 24): 1, 0, -1 not assessed.
        sledai_items_visit: The same at the visit.
        sledai_improved_visit: At least 50 % better than at baseline, shape (n, 24): 1, 0, -1.
        bilag_baseline: As for `sri`, and so are the other arguments.
    """
    _positive(sledai_fall, pga_rise)
    before = sledai2k.score(sledai_items_baseline).total
    now = s2k_ri50.score(sledai_items_baseline, sledai_items_visit, sledai_improved_visit).total
    bilag = bilag2004.no_worsening(bilag_baseline, bilag_visit)
    return _judge(before - now, sledai_fall, bilag, _steady(pga_baseline, pga_visit, pga_rise))


@dataclass(frozen=True, slots=True)
class ClinicalFall(Verdict):
    """Verdicts of n visits, shape (n,)."""

    COMPONENTS: ClassVar[tuple[str, ...]] = ("clinical_sledai_fall",)

    clinical_sledai_fall: Codes


def clinical_fall(
    sledai_fall: float = 4,
    *,
    sledai_clinical_baseline: ArrayLike,
    sledai_clinical_visit: ArrayLike,
) -> ClinicalFall:
    """SLEDAI-2K without laboratory items lower by at least `sledai_fall`.

    Args:
        sledai_fall: The fall needed, points.
        sledai_clinical_baseline: Scores of the items that the convention keeps, shape (n,), nan
            where missing.
        sledai_clinical_visit: The same at the visit.
    """
    _positive(sledai_fall, 1)
    before = sledai2k.checked_total(sledai_clinical_baseline)
    fall = before - sledai2k.checked_total(sledai_clinical_visit)
    fallen = verdicts.compared(fall >= sledai_fall, fall)
    return ClinicalFall(fallen, fallen)


def _judge(fall: Floats, needed: float, bilag: Codes, steady: Codes) -> Sri:
    fallen = verdicts.compared(fall >= needed, fall)
    return Sri(verdicts.all_met(fallen, bilag, steady), fallen, bilag, steady)


def _steady(baseline: ArrayLike, visit: ArrayLike, rise: float) -> Codes:
    start, end = pga.checked(baseline), pga.checked(visit)
    return verdicts.compared(pga.increase_below(start, end, rise), start, end)


def _positive(sledai_fall: float, pga_rise: float) -> None:
    if sledai_fall <= 0 or pga_rise <= 0:
        raise InstrumentError(
            f"SRI needs positive limits, not sledai_fall {sledai_fall} and pga_rise {pga_rise}"
        )
