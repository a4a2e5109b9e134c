"""Tender and swollen joint counts: the 28-joint set, and 68 tender / 66 swollen.

Sources: Prevoo et al., Arthritis Rheum 1995;38:44; Smolen et al., Arthritis Rheum 1995;38:38.
Page: docs/instruments/joints.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays
from openlupus.instruments.arrays import Bools, Floats, Form, Ints
from openlupus.instruments.scale import Scale, refuse_outside

CATEGORY = "JOINT COUNT"

# (location, in the 28-joint set, counted for swelling), each on both sides. Of the thumb, pip1 is
# the interphalangeal joint; toe_pip1 that of the great toe. Hips are tender only.
_LOCATIONS: tuple[tuple[str, bool, bool], ...] = (
    ("shoulder", True, True),
    ("elbow", True, True),
    ("wrist", True, True),
    *((f"mcp{i}", True, True) for i in range(1, 6)),
    *((f"pip{i}", True, True) for i in range(1, 6)),
    ("knee", True, True),
    ("temporomandibular", False, True),
    ("sternoclavicular", False, True),
    ("acromioclavicular", False, True),
    *((f"dip{i}", False, True) for i in range(2, 6)),
    ("hip", False, False),
    ("ankle", False, True),
    ("tarsus", False, True),
    *((f"mtp{i}", False, True) for i in range(1, 6)),
    *((f"toe_pip{i}", False, True) for i in range(1, 6)),
)


@dataclass(frozen=True, slots=True)
class Joint:
    """One joint of one side; `key` is like `L_mcp2`."""

    number: int
    side: str
    location: str
    in_28: bool
    swelling_counts: bool

    @property
    def key(self) -> str:
        """Side and location."""
        return f"{self.side}_{self.location}"

    @property
    def tender_code(self) -> str:
        """Code of the item "tender?"."""
        return f"TJ{self.number:02d}"

    @property
    def swollen_code(self) -> str | None:
        """Code of the item "swollen?"; None for the hips."""
        return f"SJ{self.number:02d}" if self.swelling_counts else None


def _joints() -> tuple[Joint, ...]:
    places = [(side, *place) for place in _LOCATIONS for side in ("L", "R")]
    return tuple(Joint(number, *place) for number, place in enumerate(places, start=1))


JOINTS = _joints()
SETS: Mapping[str, tuple[Joint, ...]] = MappingProxyType(
    {"28": tuple(joint for joint in JOINTS if joint.in_28), "66/68": JOINTS}
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of n examinations, shape (n,); nan where not countable.

    `active`: tender and swollen in the same joint. `assessed_*`: joints with an answer.
    """

    tender: Floats
    swollen: Floats
    active: Floats
    assessed_tender: Ints
    assessed_swollen: Ints


def keys(joint_set: str = "28") -> tuple[str, ...]:
    """Keys of the joints of a set, in the order of the columns that `count` takes."""
    return tuple(joint.key for joint in _set(joint_set))


def form(values: Form, joint_set: str = "28") -> tuple[Floats, Floats]:
    """Answers by name (`tender_L_knee`, `swollen_L_knee`, or code) as the arrays of `count`."""
    chosen = _set(joint_set)
    fields = [("tender", j, j.tender_code) for j in chosen]
    fields += [("swollen", j, j.swollen_code) for j in chosen if j.swollen_code]
    names = [f"{sign}_{joint.key}" for sign, joint, _ in fields]
    filled = arrays.form(values, names, codes=[c for *_, c in fields if c], instrument=CATEGORY)
    swollen = np.full((len(filled), len(chosen)), np.nan)
    swollen[:, [joint.swelling_counts for joint in chosen]] = filled[:, len(chosen) :]
    return filled[:, : len(chosen)], swollen


def count(
    tender: ArrayLike, swollen: ArrayLike, *, joint_set: str = "28", prorate: bool = False
) -> Counts:
    """Joint counts of each examination.

    Args:
        tender: Shape (n, 28) or (n, 68) in the order of `keys(joint_set)`: 1, 0, nan where the
            joint could not be assessed (prosthesis, injected, amputated).
        swollen: The same; the columns of the hips are not read.
        joint_set: "28" or "66/68".
        prorate: False: one joint not assessed makes the count missing. True: count x joints /
            assessed where at least half were assessed.

    Raises:
        ScaleError: answers other than 0 and 1, all with row and joint.
    """
    chosen = _set(joint_set)
    names = [joint.key for joint in chosen]
    for name, values in (("tender", tender), ("swollen", swollen)):
        array = arrays.matrix(values, len(chosen), name=f"{name} joints")
        fields = [f"{name} {key}" for key in names]
        refuse_outside(array.T, fields, [Scale(0, 1)] * len(chosen), instrument=CATEGORY)
    swells = np.array([joint.swelling_counts for joint in chosen])
    sore = np.asarray(tender, np.float64)
    puffy = np.asarray(swollen, np.float64)[:, swells]
    both = sore[:, swells] * puffy  # nan where either is not assessed
    return Counts(
        _total(sore, prorate),
        _total(puffy, prorate),
        _total(both, prorate),
        _assessed(sore),
        _assessed(puffy),
    )


def _set(joint_set: str) -> tuple[Joint, ...]:
    if joint_set not in SETS:
        raise InstrumentError(f"no joint set {joint_set!r}; there are {list(SETS)}")
    return SETS[joint_set]


def _assessed(answers: Floats) -> Ints:
    return np.sum(~np.isnan(answers), axis=1)


def _total(answers: Floats, prorate: bool) -> Floats:
    if not prorate:
        return answers.sum(axis=1)
    size, assessed = answers.shape[1], _assessed(answers)
    enough: Bools = 2 * assessed >= size
    total = np.nansum(answers, axis=1) * size / np.where(enough, assessed, 1)
    return np.where(enough, total, np.nan)
