"""The engine of BILAG-2004: items in, nine grades out, for any number of assessments at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays, decimals, scale
from openlupus.instruments.arrays import Bools, Codes, Floats
from openlupus.instruments.bilag2004 import criteria
from openlupus.instruments.bilag2004.criteria import (
    LETTERS,
    TIER_GRADES,
    C,
    Criterion,
    D,
    E,
    FirstVisit,
    Form,
)
from openlupus.instruments.bilag2004.items import (
    CATEGORY,
    CODES,
    HISTORY_CODES,
    INDEX,
    ITEMS,
    KEYS,
    NUMERIC,
    NUMERIC_KEYS,
    SCALES,
    SYSTEMS,
)

# Assessments worked on at once, so that their items stay in a core's cache.
BLOCK = 4096
UNKNOWN = -1

_NUMERIC = np.flatnonzero(NUMERIC)
_TOP_CODE = np.array([min(s.high, 4) for s in SCALES], np.int8)
_TOP_VALUE = np.array([SCALES[i].high for i in _NUMERIC])[:, None]
_LEVELS = [SCALES[i].whole for i in _NUMERIC]


@dataclass(frozen=True, slots=True)
class Grades:
    """Grades of n assessments in the order of `SYSTEMS`.

    `code`, shape (n, 9), int8: 4 = A, 3 = B, 2 = C, 1 = D, 0 = E. `complete`, same shape: every
    item that the system's rule needs was done; where False, the grade is the least that the items
    at hand support.
    """

    code: Codes
    complete: Bools

    @property
    def letters(self) -> np.ndarray[tuple[int, int], np.dtype[np.str_]]:
        """The grades as letters, shape (n, 9)."""
        return np.array(list(LETTERS))[self.code]

    @property
    def known(self) -> Codes:
        """The codes of complete systems, -1 elsewhere: what a composite may rest on."""
        return np.where(self.complete, self.code, UNKNOWN).astype(np.int8)


def form(values: arrays.Form) -> Floats:
    """Items by key or SDTM code as an array of shape (n, 97).

    `values`: one patient's dict, a dict of arrays, or a frame, as `arrays.form` takes them.
    """
    return arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)


def grade(
    items: ArrayLike | arrays.Form,
    *,
    previous: ArrayLike | arrays.Form | None,
    previous_involvement: ArrayLike | arrays.Form | None,
    attributed: ArrayLike | None = None,
    first_visit: FirstVisit = "strict",
) -> Grades:
    """Grades of each assessment.

    Args:
        items: Shape (n, 97) in the order of `ITEMS`; graded 0-4, yes/no 0-1, numeric in the unit
            of the item; nan where not done; or what `form` takes.
        previous: Shape (n, 97), or what `form` takes; the last earlier value of each numeric item,
            nan where none. None says that these are first assessments.
        previous_involvement: Shape (n, 9), or a dict or frame by system; system ever graded A-C
            before, history included. None: of no system, ever.
        attributed: Shape (n, 97); False takes a numeric item out of scoring because it is not due
            to active lupus. It counts as done. Ignored for other items.
        first_visit: "strict": a rise or fall needs a previous value; "legacy": as the old
            computer program, a creatinine above 130, a GFR below 80 and a dipstick of ++ count
            without one.

    Raises:
        ScaleError: codes or values that the form cannot hold, all with row and item.
        InstrumentError: other shapes, or an unknown `first_visit`.
    """
    array = arrays.matrix(arrays.given(items, form), len(ITEMS), name=f"{CATEGORY} items")
    shape = array.shape
    earlier = _earlier(previous, shape)
    involved = _involved(previous_involvement, len(array))
    scored = None if attributed is None else arrays.flags(attributed, shape, name="attributed")
    columns = {key: earlier[:, INDEX[key]] for key in NUMERIC_KEYS}
    faults = [
        fault
        for key, column in columns.items()
        for fault in scale.faults(column[None], [f"previous {key}"], [SCALES[INDEX[key]]])
    ]
    scale.refuse(faults, instrument=CATEGORY)
    active, complete = graded(array, columns, scored, first_visit)
    return Grades(with_memory(active, involved), complete)


def _earlier(previous: ArrayLike | arrays.Form | None, shape: tuple[int, ...]) -> Floats:
    if previous is None:
        return np.broadcast_to(np.nan, shape)
    earlier = arrays.matrix(arrays.given(previous, form), len(ITEMS), name="previous")
    if earlier.shape != shape:
        raise InstrumentError(f"previous needs shape {shape}, not {earlier.shape}")
    return earlier


def _involved(before: ArrayLike | arrays.Form | None, n: int) -> Bools:
    if before is None:
        return np.zeros((n, len(SYSTEMS)), np.bool_)
    told = arrays.given(before, _history)
    return arrays.flags(told, (n, len(SYSTEMS)), name="previous_involvement")


def _history(values: arrays.Form) -> Bools:
    name = "previous_involvement"
    return arrays.form(values, SYSTEMS, codes=HISTORY_CODES, instrument=name) == 1


def with_memory(active: Codes, involved: Bools) -> Codes:
    """A, B, C as they are; D for an inactive system that was involved before, E otherwise."""
    return np.where(active >= C, active, np.where(involved, D, E)).astype(np.int8)


def graded(
    items: Floats,
    previous: Mapping[str, Floats],
    attributed: Bools | None,
    first_visit: FirstVisit,
) -> tuple[Codes, Bools]:
    """A, B, C (else 0) and completeness, shape (n, 9) each, block by block.

    `previous`: the last earlier values of each numeric item, shape (n,).
    """
    if first_visit not in get_args(FirstVisit):
        raise InstrumentError(f"first_visit is 'strict' or 'legacy', not {first_visit!r}")
    active = np.zeros((len(items), len(SYSTEMS)), np.int8)
    complete = np.zeros((len(items), len(SYSTEMS)), np.bool_)
    faults: list[scale.Fault] = []
    for start in range(0, len(items), BLOCK):
        rows = slice(start, start + BLOCK)
        due = None if attributed is None else attributed[rows]
        earlier = {key: column[rows] for key, column in previous.items()}
        block = split(items[rows], earlier, due, row=start)
        faults += block.faults
        active[rows], complete[rows] = _grade_block(block, first_visit)
    scale.refuse(faults, instrument=CATEGORY)
    return active, complete


@dataclass(frozen=True, slots=True)
class Block:
    """Some assessments ready for the criteria; `done`, shape (97, n): the item has an answer."""

    form: Form
    done: Bools
    faults: list[scale.Fault]


def split(
    items: Floats, previous: Mapping[str, Floats], attributed: Bools | None, *, row: int
) -> Block:
    """Ticked items as one-byte codes and numbers as exact decimals: eight times less to read."""
    valued = np.ascontiguousarray(items[:, _NUMERIC].T)
    # Codes and their numbers are whole, so single precision loses nothing of them.
    ticked = items.astype(np.float32)
    ticked[:, _NUMERIC] = np.nan
    with np.errstate(invalid="ignore"):  # a number beyond a byte is a fault, and found below
        codes = np.fmax(ticked, UNKNOWN).astype(np.int8)
    by_item = np.ascontiguousarray(codes.T)
    done = by_item != UNKNOWN
    done[_NUMERIC] = ~np.isnan(valued)
    faults = [] if _sound(ticked, codes, valued) else scale.faults(items.T, KEYS, SCALES, row=row)
    if attributed is not None:
        valued[~attributed[:, _NUMERIC].T] = np.nan
    form = Form(
        dict(zip(KEYS, by_item, strict=True)),
        dict(zip(NUMERIC_KEYS, decimals.exact(valued), strict=True)),
        {key: decimals.exact(column) for key, column in previous.items()},
    )
    return Block(form, done, faults)


def _sound(ticked: NDArray[np.float32], codes: Codes, valued: Floats) -> bool:
    """Whether a block has no fault, as nearly all have none, seen at little cost."""
    absent = np.isnan(ticked)
    coded = (codes == ticked) & (codes <= _TOP_CODE) & (codes > UNKNOWN)
    in_range = np.isnan(valued) | ((valued >= 0) & (valued <= _TOP_VALUE))
    levels = valued[_LEVELS]
    whole = np.isnan(levels) | (levels == np.rint(levels))
    return bool((coded | absent).all() and in_range.all() and whole.all())


def _grade_block(block: Block, first_visit: FirstVisit) -> tuple[Codes, Bools]:
    made = np.zeros((len(SYSTEMS), block.done.shape[1]), np.int8)
    complete = np.empty(made.shape, np.bool_)
    for i, system in enumerate(SYSTEMS):
        for criterion in met_by(system, block.form, first_visit):
            np.maximum(made[i], criterion.met * np.int8(criterion.grade), out=made[i])
        complete[i] = _complete(system, block.done)
    return made.T, complete.T


# -- which criteria a system has ---------------------------------------------------------------


def _tiers(system: str) -> dict[str, tuple[str, ...]]:
    return {
        tier: keys
        for tier in TIER_GRADES
        if (keys := tuple(i.key for i in ITEMS if i.system == system and i.tier == tier))
    }


_TIERS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {system: tiers for system in SYSTEMS if (tiers := _tiers(system))}
)
_SPECIAL: Mapping[str, Callable[[Form, FirstVisit], list[Criterion]]] = MappingProxyType(
    {
        "constitutional": lambda form, _: criteria.constitutional(form),
        "renal": criteria.renal,
        "haematological": lambda form, _: criteria.haematological(form),
    }
)
_STATES = ("absent", "improving", "same", "worse", "new")


def met_by(system: str, form: Form, first_visit: FirstVisit) -> list[Criterion]:
    """The criteria of one system, evaluated."""
    if system in _SPECIAL:
        return _SPECIAL[system](form, first_visit)
    return [
        criterion
        for tier, keys in _TIERS[system].items()
        for criterion in _tier_criteria(form, tier, keys)
    ]


def _tier_criteria(form: Form, tier: str, keys: tuple[str, ...]) -> list[Criterion]:
    """The worst code of a tier decides: a code that makes a grade makes it whatever the others."""
    worst = np.maximum.reduce([form.ticks[key] for key in keys])
    made = TIER_GRADES[tier]
    return [
        Criterion(
            level, f"tier {tier} item at {_codes(made, level)}", keys, _at(worst, made, level)
        )
        for level in sorted(set(made) - {E}, reverse=True)
    ]


def _at(worst: Codes, made: tuple[int, ...], level: int) -> Bools:
    return worst >= made.index(level)


def _codes(made: tuple[int, ...], level: int) -> str:
    return ", ".join(f"{code} ({_STATES[code]})" for code, g in enumerate(made) if g == level)


# -- completeness -------------------------------------------------------------------------------

# Of these numeric items each group needs one value; protein and renal function have alternatives.
NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "renal": (
            ("systolic_bp",),
            ("diastolic_bp",),
            ("urine_dipstick_protein", "urine_acr", "urine_pcr", "urine_protein_24h"),
            ("creatinine", "gfr"),
        ),
        "haematological": (
            ("haemoglobin",),
            ("wbc",),
            ("neutrophils",),
            ("lymphocytes",),
            ("platelets",),
        ),
    }
)
_ANSWERED = {
    system: [INDEX[i.key] for i in ITEMS if i.system == system and i.type != "numeric"]
    for system in SYSTEMS
}


def _complete(system: str, done: Bools) -> Bools:
    complete = np.all(done[_ANSWERED[system]], axis=0)
    for group in NEEDED.get(system, ()):
        complete &= np.any(done[[INDEX[key] for key in group]], axis=0)
    return complete
