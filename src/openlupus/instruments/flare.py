"""SELENA-SLEDAI flare index: no flare, mild or moderate, severe, against the visit before.

Sources: Buyon et al., Ann Intern Med 2005;142:953; Petri et al., N Engl J Med 2005;353:2550.
Readings of ours are marked on the page: docs/instruments/selena_flare_index.md.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments import arrays, decimals, pga, scale, sledai2k, verdicts
from openlupus.instruments.arrays import Codes, Floats, Form
from openlupus.instruments.verdicts import Verdict, any_met, compared

CATEGORY = "SELENA FLARE INDEX"


@dataclass(frozen=True, slots=True)
class Item:
    """A question of the form on what is new since the visit before: yes, no, not answered.

    `part`: "mild", "severe" (a manifestation that needs more treatment to be a severe flare),
    "mild_treatment", "severe_treatment".
    """

    number: int
    key: str
    part: str
    label: str

    @property
    def code(self) -> str:
        """SDTM test code."""
        return f"SFI{self.number:02d}"


ITEMS = (
    Item(
        1,
        "skin",
        "mild",
        "New or worse discoid, photosensitive, profundus, vasculitic or bullous skin disease",
    ),
    Item(2, "nasopharyngeal_ulcers", "mild", "New or worse nasopharyngeal ulcers"),
    Item(3, "pleuritis", "mild", "New or worse pleuritis"),
    Item(4, "pericarditis", "mild", "New or worse pericarditis"),
    Item(5, "arthritis", "mild", "New or worse arthritis"),
    Item(6, "fever", "mild", "New or worse fever due to lupus"),
    Item(7, "nsaid_or_hydroxychloroquine", "mild_treatment", "NSAID or hydroxychloroquine added"),
    Item(8, "cns", "severe", "New or worse central nervous lupus"),
    Item(9, "vasculitis", "severe", "New or worse vasculitis"),
    Item(10, "nephritis", "severe", "New or worse nephritis"),
    Item(11, "myositis", "severe", "New or worse myositis"),
    Item(12, "thrombocytopenia", "severe", "Platelets below 60 x 10^9/L"),
    Item(
        13,
        "haemolytic_anaemia",
        "severe",
        "Haemolytic anaemia, Hb below 7 g/dL or fallen by over 3",
    ),
    Item(14, "new_immunosuppressant", "severe_treatment", "Immunosuppressant added for activity"),
    Item(15, "hospitalisation", "severe_treatment", "Admission to hospital for lupus"),
)
KEYS = tuple(item.key for item in ITEMS)
CODES = tuple(item.code for item in ITEMS)

SLEDAI_RISE = 3.0
SLEDAI_SEVERE_ABOVE = 12.0
PGA_RISE = 1.0
PGA_SEVERE_ABOVE = 2.5
PREDNISONE_SEVERE_ABOVE = 0.5  # mg per kg and day
PREDNISONE_DOUBLED = 2.0

# Criteria of each severity, in the order of the columns of `FlareIndex.mild` and `.severe`.
CRITERIA = ("sledai", "manifestation", "prednisone", "treatment", "pga")

NO_FLARE, MILD_OR_MODERATE, SEVERE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class FlareIndex(Verdict):
    """Verdicts of n visits, shape (n,). `responder`: no flare of any severity.

    `severity`: 0 none, 1 mild or moderate, 2 severe, -1 where it cannot be told. `mild` and
    `severe`, shape (n, 5): which of `CRITERIA` is met (1, 0, -1).
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = ("no_mild_or_moderate", "no_severe")

    no_mild_or_moderate: Codes
    no_severe: Codes
    severity: Codes
    mild: Codes
    severe: Codes


def form(values: Form) -> Codes:
    """Answers by key or code as codes of shape (n, 15): 1, 0, -1 not answered."""
    filled = arrays.form(values, KEYS, codes=CODES, instrument=CATEGORY)
    scale.refuse_outside(filled.T, KEYS, [scale.Scale(0, 1)] * len(KEYS), instrument=CATEGORY)
    return np.where(np.isnan(filled), verdicts.NOT_COMPUTABLE, filled).astype(np.int8)


def selena_flare_index(
    *,
    selena_sledai_previous: ArrayLike,
    selena_sledai_visit: ArrayLike,
    sfi_items_visit: ArrayLike | Form,
    prednisone_previous: ArrayLike,
    prednisone_visit: ArrayLike,
    weight_visit: ArrayLike,
    pga_previous: ArrayLike,
    pga_visit: ArrayLike,
    sledai_alone: float = 1,
) -> FlareIndex:
    """Severity of the flare of each visit, with what made it.

    Args:
        selena_sledai_previous: SELENA-SLEDAI totals at the visit before, shape (n,), nan missing.
        selena_sledai_visit: The same at the visit.
        sfi_items_visit: Answers, shape (n, 15) in the order of `ITEMS`, or what `form` takes.
        prednisone_previous: Daily prednisone-equivalent dose at the visit before, mg.
        prednisone_visit: The same at the visit.
        weight_visit: Body weight, kg; needed where the dose was raised.
        pga_previous: PGA (0-3) at the visit before.
        pga_visit: The same at the visit.
        sledai_alone: 0 takes a SELENA-SLEDAI above 12 alone out of the severe criteria, as the
            modified index does; it then counts as a rise of the score. 1 keeps it.
    """
    score = _scores(selena_sledai_previous), _scores(selena_sledai_visit)
    answers = _answers(sfi_items_visit)
    view = pga.checked(pga_previous), pga.checked(pga_visit)
    dose = _amount(prednisone_previous, "prednisone"), _amount(prednisone_visit, "prednisone")
    alone = bool(sledai_alone)
    raised, high, doubled = _prednisone(*dose, _amount(weight_visit, "weight"))

    def part(name: str) -> Codes:
        return any_met(*answers[:, [item.part == name for item in ITEMS]].T)

    hospital = answers[:, KEYS.index("hospitalisation")]
    needed = verdicts.all_met(part("severe"), any_met(doubled, high, hospital))
    # A manifestation that is known to be absent settles the matter, whatever the treatment.
    needed = np.where(part("severe") == verdicts.NOT_MET, verdicts.NOT_MET, needed)
    top = _risen_above(*score, SLEDAI_SEVERE_ABOVE)
    severe = [
        top if alone else np.zeros_like(top),
        needed.astype(np.int8),
        high,
        part("severe_treatment"),
        _risen_above(*view, PGA_SEVERE_ABOVE),
    ]
    mild = [
        _risen_by(*score, SLEDAI_RISE),
        part("mild"),
        raised,
        part("mild_treatment"),
        _risen_by(*view, PGA_RISE),
    ]
    return _index(mild, severe)


def _index(mild: list[Codes], severe: list[Codes]) -> FlareIndex:
    grave, some = any_met(*severe), any_met(*mild)
    # What is severe is not also mild or moderate, and what may be severe may be neither.
    lesser = verdicts.all_met(some, verdicts.opposite(grave))
    lesser[(grave == verdicts.MET) | (some == verdicts.NOT_MET)] = verdicts.NOT_MET
    open_ = (grave == verdicts.NOT_COMPUTABLE) | (lesser == verdicts.NOT_COMPUTABLE)
    made = np.select(
        [grave == verdicts.MET, lesser == verdicts.MET], [SEVERE, MILD_OR_MODERATE], NO_FLARE
    )
    severity = np.where(open_, verdicts.NOT_COMPUTABLE, made).astype(np.int8)
    parts = (verdicts.opposite(lesser), verdicts.opposite(grave))
    free = verdicts.opposite(any_met(grave, some))
    return FlareIndex(free, *parts, severity, np.column_stack(mild), np.column_stack(severe))


def _risen_by(before: Floats, now: Floats, limit: float) -> Codes:
    rise = decimals.exact(now) - decimals.exact(before)
    return compared(rise >= decimals.exact(limit), before, now)


def _risen_above(before: Floats, now: Floats, limit: float) -> Codes:
    """Higher than before, and above the limit now."""
    return compared(decimals.above(now, limit) & decimals.above(now, before), before, now)


def _prednisone(before: Floats, now: Floats, weight: Floats) -> tuple[Codes, Codes, Codes]:
    """Raised; raised to above 0.5 mg/kg/day; at least doubled (begun counts as doubled)."""
    raised = compared(decimals.above(now, before), before, now)
    above = decimals.exact(now) > PREDNISONE_SEVERE_ABOVE * decimals.exact(weight)
    high = np.where(raised == verdicts.MET, compared(above, weight), raised).astype(np.int8)
    twice = decimals.exact(now) >= PREDNISONE_DOUBLED * decimals.exact(before)
    doubled = np.where(raised == verdicts.MET, compared(twice, before, now), raised)
    return raised, high, doubled.astype(np.int8)


def _scores(values: ArrayLike) -> Floats:
    return sledai2k.checked_total(values)


def _answers(values: ArrayLike | Form) -> Codes:
    codes = np.asarray(arrays.given(values, form))
    if codes.ndim != 2 or codes.shape[1] != len(ITEMS):
        raise InstrumentError(f"{CATEGORY} needs shape (visits, {len(ITEMS)}), not {codes.shape}")
    allowed = [scale.Scale(verdicts.NOT_COMPUTABLE, verdicts.MET)] * len(KEYS)
    scale.refuse_outside(codes.T.astype(np.float64), KEYS, allowed, instrument=CATEGORY)
    return codes.astype(np.int8)


def _amount(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or (array < 0).any() or np.isinf(array).any():
        raise InstrumentError(f"{CATEGORY}: {name} needs one finite value of 0 or more a visit")
    return array
