"""SLE-DAS: a continuous disease activity score of 17 items; higher is worse.

Sources: Jesus et al., Ann Rheum Dis 2019;78:365 (formula), 2021;80:1568 (cut-offs). The
coefficients are those of a public transcription and were not compared with figure 1 of the paper.
Page: docs/instruments/sle_das.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError, ScaleError
from openlupus.instruments import arrays, decimals, verdicts
from openlupus.instruments.arrays import Bools, Codes, Floats, Form, Texts
from openlupus.instruments.scale import Fault, Scale, refuse_outside
from openlupus.instruments.verdicts import Verdict

CATEGORY = "SLE-DAS"

CONSTANT = 0.366


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the form: a yes/no item, or a count or laboratory value in `unit`.

    `weight`: points of a yes, or of one swollen joint.
    """

    number: int
    key: str
    type: Literal["yesno", "numeric"]
    weight: float | None
    unit: str | None
    label: str

    @property
    def code(self) -> str:
        """SDTM test code."""
        return f"SDAS{self.number:02d}"

    @property
    def scale(self) -> Scale:
        """What the item may hold."""
        if self.type == "yesno":
            return Scale(0, 1)
        return Scale(0, 28) if self.unit == "joints" else Scale(0, 100_000, whole=False)


ITEMS = (
    Item(1, "neuropsychiatric", "yesno", 18, None, "Neuropsychiatric involvement"),
    Item(2, "systemic_vasculitis", "yesno", 18, None, "Systemic vasculitis"),
    Item(3, "mucocutaneous_vasculitis", "yesno", 4.408, None, "Mucocutaneous vasculitis"),
    Item(4, "cardiac_pulmonary", "yesno", 18, None, "Cardiac or pulmonary involvement"),
    Item(5, "serositis", "yesno", 6, None, "Serositis"),
    Item(6, "urine_protein", "numeric", None, "mg/24h", "Protein in urine, or ratio in mg/g"),
    Item(7, "arthritis", "yesno", 3.132, None, "Arthritis"),
    Item(8, "swollen_joints_28", "numeric", 0.454, "joints", "Swollen joints of 28"),
    Item(9, "myositis", "yesno", 9, None, "Myositis"),
    Item(10, "localised_rash", "yesno", 3.138, None, "Rash above the neck only"),
    Item(11, "generalised_rash", "yesno", 3.887, None, "Rash below the neck"),
    Item(12, "alopecia", "yesno", 0.973, None, "Alopecia"),
    Item(13, "mucosal_ulcers", "yesno", 2.769, None, "Mucosal ulcers"),
    Item(14, "haemolytic_anaemia", "yesno", 9, None, "Haemolytic anaemia"),
    Item(15, "platelets", "numeric", None, "10^9/L", "Platelets"),
    Item(16, "leukocytes", "numeric", None, "10^9/L", "Leukocytes"),
    Item(17, "low_complement", "yesno", 0.754, None, "Low C3 or C4"),
    Item(18, "increased_anti_dsdna", "yesno", 0.956, None, "Raised anti-dsDNA"),
)
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a laboratory value beyond its limit: `at_zero` + `slope` x natural log."""

    limit: float
    counts: Literal["above", "below"]
    at_zero: float
    slope: float


CURVES: Mapping[str, Curve] = MappingProxyType(
    {
        "urine_protein": Curve(500, "above", -17.584, 3.811),
        "platelets": Curve(100, "below", 26.105, -5.577),
        "leukocytes": Curve(3, "below", 6.118, -5.058),
    }
)

_COUNTS = ("platelets", "leukocytes")
REMISSION_AT_MOST, MILD_AT_MOST = 2.08, 7.64
CATEGORIES = ("remission", "mild", "moderate or severe")


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of n assessments, shape (n,), nan where an item was not assessed (`missing`)."""

    total: Floats
    missing: Bools


def form(values: Form) -> Floats:
    """Items by key or code as an array of shape (n, 18)."""
    return arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)


def score(items: ArrayLike | Form) -> Score:
    """Score of each assessment.

    Args:
        items: Shape (n, 18) in the order of `ITEMS`: yes/no 1, 0; swollen joints 0-28; urine
            protein in mg/24 h (or mg/g), platelets and leukocytes in 10^9/L; nan where not
            assessed. Or what `form` takes. The swollen joints count only with arthritis. A
            laboratory value that is not due to lupus is to be given as one within its limit.

    Raises:
        ScaleError: values that the form cannot hold, both rashes at once, or a count of 0 cells
            (its logarithm does not exist), all with row and item.
    """
    array = arrays.matrix(arrays.given(items, form), len(ITEMS), name=CATEGORY)
    refuse_outside(array.T, KEYS, [item.scale for item in ITEMS], instrument=CATEGORY)
    column = {key: array[:, i] for i, key in enumerate(KEYS)}
    _refuse_contradictions(array)
    total = np.full(len(array), CONSTANT)
    for item in ITEMS:
        value = column[item.key]
        if item.key in CURVES:
            total += _points(value, CURVES[item.key])
        elif item.weight is not None and item.unit != "joints":
            total += item.weight * value
    joints = ITEMS[KEYS.index("swollen_joints_28")]
    arthritis, swollen = column["arthritis"], column[joints.key]
    total += np.where(arthritis == 0, 0, swollen * (joints.weight or 0))
    missing = np.isnan(array)
    missing[:, KEYS.index(joints.key)] &= arthritis != 0
    return Score(np.where(missing.any(axis=1), np.nan, total), missing)


def _points(value: Floats, curve: Curve) -> Floats:
    beyond = decimals.above if curve.counts == "above" else decimals.below
    counts = beyond(value, curve.limit)
    points = curve.at_zero + curve.slope * np.log(np.where(counts, value, 1))
    return np.where(np.isnan(value), np.nan, np.where(counts, points, 0))


def contradictory(items: Floats) -> Bools:
    """Items that `score` refuses besides values off their scale; shape (n, 18), as the items.

    A localised rash beside a generalised one, and a count of 0 cells.
    """
    column = {key: items[:, i] for i, key in enumerate(KEYS)}
    wrong = np.zeros(items.shape, np.bool_)
    both = (column["localised_rash"] == 1) & (column["generalised_rash"] == 1)
    wrong[:, KEYS.index("localised_rash")] = both
    for key in _COUNTS:
        wrong[:, KEYS.index(key)] = column[key] == 0
    return wrong


def _refuse_contradictions(items: Floats) -> None:
    wrong = contradictory(items).T
    rash = "possible with a generalised rash (tick the latter)"
    no_cells = "a count that can be (0 cells)"
    faults = [
        Fault(int(row), key, value, reason)
        for key, value, reason in (
            ("localised_rash", 1, rash), *((count, 0, no_cells) for count in _COUNTS)
        )
        for row in np.flatnonzero(wrong[KEYS.index(key)])
    ]  # fmt: skip
    if faults:
        lines = "\n".join(f"  {fault}" for fault in faults)
        raise ScaleError(f"{CATEGORY}: {len(faults)} contradictions\n{lines}", faults)


def category(scores: ArrayLike) -> Texts:
    """ "remission", "mild", "moderate or severe" of each score, "" where missing."""
    values = _checked(scores)
    at = decimals.above(values, REMISSION_AT_MOST).astype(int) + decimals.above(
        values, MILD_AT_MOST
    )
    return np.where(np.isnan(values), "", np.array(CATEGORIES)[at])


@dataclass(frozen=True, slots=True)
class LowScore(Verdict):
    """Verdicts of n visits, shape (n,)."""

    COMPONENTS: ClassVar[tuple[str, ...]] = ("sle_das_low",)

    sle_das_low: Codes


def low(*, sle_das_visit: ArrayLike, at_most: float = REMISSION_AT_MOST) -> LowScore:
    """Whether the score is at most a cut-off: by default, remission."""
    values = _checked(sle_das_visit)
    met = verdicts.compared(decimals.at_most(values, at_most), values)
    return LowScore(met, met)


def _checked(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, np.float64)
    if values.ndim != 1 or (values < 0).any():
        raise InstrumentError(f"{CATEGORY} scores need shape (assessments,) and no negative value")
    return values
