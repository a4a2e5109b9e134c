"""CLASI: activity (0-70) and damage (0-56) of cutaneous lupus, 13 locations; higher is worse.

Sources: Albrecht et al., J Invest Dermatol 2005;125:889; bands from Klein et al., Arch Dermatol
2011;147:203. Page: docs/instruments/clasi.md.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays, decimals, verdicts
from openlupus.instruments.arrays import Bools, Codes, Floats, Form
from openlupus.instruments.scale import Scale, refuse_outside

CATEGORY = "CLASI"

LOCATIONS = (
    "scalp",
    "ears",
    "nose_malar",
    "rest_of_face",
    "v_neck",
    "posterior_neck_shoulders",
    "chest",
    "abdomen",
    "back_buttocks",
    "arms",
    "hands",
    "legs",
    "feet",
)

Part = Literal["activity", "damage"]


@dataclass(frozen=True, slots=True)
class Item:
    """One box of the form; `location` is None for the questions that are not by location."""

    number: int
    sign: str
    location: str | None
    part: Part
    scale: Scale

    @property
    def key(self) -> str:
        """`sign`, or `sign_location`."""
        return self.sign if self.location is None else f"{self.sign}_{self.location}"

    @property
    def code(self) -> str:
        """SDTM RSTESTCD of the item."""
        return f"CLA{self.number:03d}"


# Sign, part, scale, locations (empty: one question). The scar of the scalp has its own question.
_SIGNS: tuple[tuple[str, Part, Scale, tuple[str, ...]], ...] = (
    ("erythema", "activity", Scale(0, 3), LOCATIONS),
    ("scale_hypertrophy", "activity", Scale(0, 2), LOCATIONS),
    ("mucous_membrane", "activity", Scale(0, 1), ()),
    ("recent_hair_loss", "activity", Scale(0, 1), ()),
    ("nonscarring_alopecia", "activity", Scale(0, 3), ()),
    ("dyspigmentation", "damage", Scale(0, 1), LOCATIONS),
    ("scarring", "damage", Scale(0, 2), LOCATIONS[1:]),
    ("scalp_scarring", "damage", Scale(0, 6, gaps=(1, 2)), ()),
    ("dyspigmentation_over_12_months", "damage", Scale(0, 1), ()),
)


def _items() -> tuple[Item, ...]:
    boxes: list[tuple[str, str | None, Part, Scale]] = [
        (sign, location, part, scale)
        for sign, part, scale, locations in _SIGNS
        for location in locations or (None,)
    ]
    return tuple(Item(number, *box) for number, box in enumerate(boxes, start=1))


ITEMS = _items()
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)
_LONG_STANDING = KEYS.index("dyspigmentation_over_12_months")
_ACTIVITY = np.array([item.part == "activity" for item in ITEMS])
_DYSPIGMENTATION = np.array([item.sign == "dyspigmentation" for item in ITEMS])
_SCARS = np.array([item.sign in ("scarring", "scalp_scarring") for item in ITEMS])

# Highest activity score of each band.
BANDS = {"mild": 9, "moderate": 20, "severe": 70}


@dataclass(frozen=True, slots=True)
class Clasi:
    """Scores of n assessments, shape (n,), nan where a box of that part is empty."""

    activity: Floats
    damage: Floats
    missing: Bools


def form(values: Form) -> Floats:
    """Boxes by key (`erythema_scalp`, ...) or SDTM code as an array of shape (n, 56)."""
    return arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)


def score(items: ArrayLike | Form) -> Clasi:
    """Activity and damage of each assessment.

    Args:
        items: Shape (n, 56) in the order of `ITEMS`, nan where not assessed; or what `form`
            takes. Nothing is prorated. The question on 12 months doubles the sum of
            dyspigmentation; it is needed only where there is dyspigmentation.

    Raises:
        ScaleError: values that the form does not have, all with row and box.
    """
    array = arrays.matrix(arrays.given(items, form), len(ITEMS), name=CATEGORY)
    refuse_outside(array.T, KEYS, [item.scale for item in ITEMS], instrument=CATEGORY)
    dyspigmentation = array[:, _DYSPIGMENTATION].sum(axis=1)
    doubled = np.where(dyspigmentation == 0, 0, dyspigmentation * (1 + array[:, _LONG_STANDING]))
    return Clasi(
        activity=array[:, _ACTIVITY].sum(axis=1),
        damage=doubled + array[:, _SCARS].sum(axis=1),
        missing=np.isnan(array),
    )


@dataclass(frozen=True, slots=True)
class ByLocation:
    """Points of n assessments at the 13 `LOCATIONS`, shape (n, 13), nan where a box is empty.

    Long-standing dyspigmentation counts twice at each place, so that the damage of all places is
    the damage score. Activity lacks mucous membranes and hair, which have no place.
    """

    activity: Floats
    damage: Floats


def by_location(items: ArrayLike | Form) -> ByLocation:
    """Activity (0 to 5) and damage (0 to 4, of the scalp 0 to 8) of each location.

    Args:
        items: As for `score`.
    """
    array = arrays.matrix(arrays.given(items, form), len(ITEMS), name=CATEGORY)
    refuse_outside(array.T, KEYS, [item.scale for item in ITEMS], instrument=CATEGORY)
    pigment = array[:, _DYSPIGMENTATION]
    doubled = np.where(pigment == 0, 0, pigment * (1 + array[:, [_LONG_STANDING]]))
    return ByLocation(
        activity=array[:, _sign("erythema")] + array[:, _sign("scale_hypertrophy")],
        # The scar of the scalp is a question of its own, behind those of the other places.
        damage=doubled + np.roll(array[:, _SCARS], 1, axis=1),
    )


def _sign(sign: str) -> list[int]:
    return [i for i, item in enumerate(ITEMS) if item.sign == sign]


def band(activity: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    """ "mild", "moderate" or "severe" of activity scores, "" where missing."""
    values = _checked_activity(activity)
    at = np.searchsorted(list(BANDS.values()), np.nan_to_num(values), side="left")
    return np.where(np.isnan(values), "", np.array(list(BANDS))[at])


def _checked_activity(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, np.float64)
    if values.ndim != 1:
        raise InstrumentError(f"{CATEGORY} scores need shape (assessments,), not {values.shape}")
    refuse_outside(values[None], ["activity"], [Scale(0, BANDS["severe"])], instrument=CATEGORY)
    return values


def response(
    baseline: ArrayLike, visit: ArrayLike, *, percent: float = 50, minimum: float = 1
) -> Codes:
    """CLASI-50 (or -70, ...): activity fallen by at least `percent` of baseline.

    A fall of exactly `percent` is a response.

    Args:
        baseline: Activity scores, shape (n,), nan where missing.
        visit: The same at the visit.
        percent: The fall needed, in (0, 100].
        minimum: Baseline scores below it are not evaluable.

    Returns:
        Verdicts, shape (n,): 1, 0, or -1 where a score is missing or baseline is below `minimum`.
    """
    if not 0 < percent <= 100 or minimum <= 0:
        raise InstrumentError(
            f"CLASI response needs percent in (0, 100] and a positive minimum, not {percent} "
            f"and {minimum}"
        )
    before, now = _checked_activity(baseline), _checked_activity(visit)
    evaluable = ~np.isnan(before + now) & decimals.at_least(before, minimum)
    fallen = 100 * (before - now) >= percent * before
    return verdicts.verdict(fallen, evaluable)
