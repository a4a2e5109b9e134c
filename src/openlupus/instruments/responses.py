"""Responses of one organ: skin by CLASI, joints by their counts, as recent trials define them.

Sources: Morand et al., N Engl J Med 2020;382:211 (50 % in those with CLASI activity of 10 or more,
and with at least 6 swollen and 6 tender joints). Page: docs/instruments/responses.md.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import clasi, decimals, verdicts
from openlupus.instruments.arrays import Codes, Floats
from openlupus.instruments.scale import Scale, refuse_outside
from openlupus.instruments.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class SkinResponse(Verdict):
    """Verdicts of n visits, shape (n,): -1 also where baseline is below the minimum."""

    COMPONENTS: ClassVar[tuple[str, ...]] = ("clasi_fall",)

    clasi_fall: Codes


def skin_response(
    *,
    clasi_activity_baseline: ArrayLike,
    clasi_activity_visit: ArrayLike,
    percent: float = 50,
    baseline_at_least: float = 10,
) -> SkinResponse:
    """CLASI-50 (or -70, ...): activity lower by at least `percent` of baseline.

    Args:
        clasi_activity_baseline: CLASI activity, shape (n,), nan where missing.
        clasi_activity_visit: The same at the visit.
        percent: The fall needed; a fall of exactly this much is a response.
        baseline_at_least: Lower scores at baseline are not evaluable; trials used 8 and 10.
    """
    fall = clasi.response(
        clasi_activity_baseline, clasi_activity_visit, percent=percent, minimum=baseline_at_least
    )
    return SkinResponse(fall, fall)


@dataclass(frozen=True, slots=True)
class JointResponse(Verdict):
    """Verdicts of n visits, shape (n,): -1 also where a count at baseline is below the minimum."""

    COMPONENTS: ClassVar[tuple[str, ...]] = ("swollen_fall", "tender_fall")

    swollen_fall: Codes
    tender_fall: Codes


def joint_response(
    *,
    swollen_baseline: ArrayLike,
    swollen_visit: ArrayLike,
    tender_baseline: ArrayLike,
    tender_visit: ArrayLike,
    percent: float = 50,
    swollen_at_least: float = 6,
    tender_at_least: float = 6,
) -> JointResponse:
    """Swollen and tender counts both lower by at least `percent` of baseline.

    Args:
        swollen_baseline: Swollen joints, shape (n,), nan where not countable.
        swollen_visit: The same at the visit.
        tender_baseline: Tender joints.
        tender_visit: The same at the visit.
        percent: The fall needed in each.
        swollen_at_least: Swollen joints at baseline to be evaluable.
        tender_at_least: Tender joints at baseline to be evaluable.
    """
    swollen = _fall(swollen_baseline, swollen_visit, percent, swollen_at_least, "swollen joints")
    tender = _fall(tender_baseline, tender_visit, percent, tender_at_least, "tender joints")
    return JointResponse(verdicts.all_met(swollen, tender), swollen, tender)


@dataclass(frozen=True, slots=True)
class ActiveJointResponse(Verdict):
    """Verdicts of n visits, shape (n,): -1 also where baseline is below the minimum."""

    COMPONENTS: ClassVar[tuple[str, ...]] = ("active_joint_fall",)

    active_joint_fall: Codes


def active_joint_response(
    *,
    joints_active_baseline: ArrayLike,
    joints_active_visit: ArrayLike,
    percent: float = 50,
    baseline_at_least: float = 4,
) -> ActiveJointResponse:
    """Joint-50 of joints that are both swollen and tender.

    Args:
        joints_active_baseline: Active joints, shape (n,), nan where not countable.
        joints_active_visit: The same at the visit.
        percent: The fall needed.
        baseline_at_least: Active joints at baseline to be evaluable.
    """
    fall = _fall(
        joints_active_baseline, joints_active_visit, percent, baseline_at_least, "active joints"
    )
    return ActiveJointResponse(fall, fall)


def _fall(
    baseline: ArrayLike, visit: ArrayLike, percent: float, minimum: float, name: str
) -> Codes:
    if not 0 < percent <= 100 or minimum <= 0:
        raise InstrumentError(
            f"{name}: percent must be in (0, 100], the minimum positive, not {percent}, {minimum}"
        )
    before, now = _counts(baseline, name), _counts(visit, name)
    evaluable = ~np.isnan(before + now) & decimals.at_least(before, minimum)
    start, end = decimals.exact(before), decimals.exact(now)
    return verdicts.verdict(100 * (start - end) >= percent * start, evaluable)


def _counts(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim != 1:
        raise InstrumentError(f"{name} need shape (visits,), not {array.shape}")
    refuse_outside(array[None], [name], [Scale(0, 68, whole=False)], instrument="joint response")
    return array
