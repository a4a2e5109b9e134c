"""The composites that a declaration may name, with their options and components.

A declaration that names another composite, option or component cannot be loaded. Inputs are named
`<measure>_<when>`: `baseline`, `visit`, or `previous` for the visit before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from openlupus.errors import InstrumentError, UnknownItemError
from openlupus.instruments import (
    arrays,
    bicla,
    bilag2004,
    doris,
    flare,
    lldas,
    responses,
    sle_das,
    sledai2k,
    sri,
    taper,
)
from openlupus.instruments.arrays import Form
from openlupus.instruments.verdicts import NOT_COMPUTABLE, Verdict


@dataclass(frozen=True, slots=True)
class Option:
    """A number that a declaration may set; it must lie in [low, high]."""

    default: float
    low: float
    high: float
    label: str

    def allows(self, value: object) -> bool:
        """Whether `value` is a number (not a bool) within the limits."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Composite:
    """A named verdict over several measures.

    `score` takes the options and the `inputs` as keyword arguments and returns a `Verdict`: the
    field `responder`, one field per component (int8, 1 met, 0 not met, -1 not computable) and the
    reason of each non-response in words.
    """

    name: str
    label: str
    score: Callable[..., Verdict]
    options: Mapping[str, Option]
    inputs: tuple[str, ...]
    components: tuple[str, ...]


def _composite(
    name: str,
    label: str,
    score: Callable[..., Verdict],
    inputs: tuple[str, ...],
    components: tuple[str, ...],
    **options: Option,
) -> Composite:
    return Composite(name, label, score, MappingProxyType(options), inputs, components)


_BILAG_PGA = ("bilag_baseline", "bilag_visit", "pga_baseline", "pga_visit")
_AGAINST_BASELINE = ("sledai_baseline", "sledai_visit", *_BILAG_PGA)
_TAPER = ("prednisone_baseline", "prednisone_highest_visit")
_PGA_RISE = Option(0.3, 0.01, 3, "rise of PGA (0-3) that is worsening")
_SLEDAI_FALL = Option(4, 1, 105, "fall of SLEDAI-2K needed, points")
_PERCENT = Option(50, 1, 100, "fall needed, per cent of baseline")
_NEW_A = Option(0, 0, 9, "new BILAG-2004 A grades allowed")
_NEW_B = Option(1, 0, 9, "new BILAG-2004 B grades allowed")
_FROM_DOSE = Option(10, 0, 100, "dose at baseline to be evaluable, mg/day")
_DOSE_BELOW = Option(10, 0.01, 100, "every dose must be below, mg/day")

_ALL = (
    _composite(
        "sri",
        "SLE responder index",
        sri.sri,
        _AGAINST_BASELINE,
        sri.COMPONENTS,
        sledai_fall=_SLEDAI_FALL,
        pga_rise=_PGA_RISE,
    ),
    _composite(
        "sri50",
        "SLE responder index with S2K RI-50",
        sri.sri50,
        (
            "sledai_items_baseline",
            "sledai_items_visit",
            "sledai_improved_visit",
            *_BILAG_PGA,
        ),
        sri.COMPONENTS,
        sledai_fall=_SLEDAI_FALL,
        pga_rise=_PGA_RISE,
    ),
    _composite(
        "clinical_sledai_fall",
        "Fall of the SLEDAI-2K without laboratory items",
        sri.clinical_fall,
        ("sledai_clinical_baseline", "sledai_clinical_visit"),
        sri.ClinicalFall.COMPONENTS,
        sledai_fall=_SLEDAI_FALL,
    ),
    _composite(
        "sri_taper",
        "SLE responder index with a low glucocorticoid dose",
        taper.sri_taper,
        (*_AGAINST_BASELINE, *_TAPER),
        taper.SriTaper.COMPONENTS,
        sledai_fall=_SLEDAI_FALL,
        pga_rise=_PGA_RISE,
        dose_below=_DOSE_BELOW,
    ),
    _composite(
        "bicla",
        "BILAG-based composite lupus assessment",
        bicla.bicla,
        _AGAINST_BASELINE,
        bicla.COMPONENTS,
        pga_rise=_PGA_RISE,
    ),
    _composite(
        "lldas",
        "Lupus low disease activity state",
        lldas.lldas,
        (
            "sledai_items_visit",
            "sledai_items_previous",
            "pga_visit",
            "prednisone_visit",
            "haemolytic_anaemia",
            "gi_activity",
            "standard_treatment",
        ),
        lldas.COMPONENTS,
        sledai_at_most=Option(4, 0, 105, "highest SLEDAI-2K total"),
        pga_at_most=Option(1, 0, 3, "highest PGA (0-3)"),
        prednisone_at_most=Option(7.5, 0, 100, "highest dose, mg/day"),
    ),
    _composite(
        "doris",
        "DORIS remission, 2021",
        doris.doris,
        ("sledai_items_visit", "pga_visit", "prednisone_visit", "stable_treatment"),
        doris.COMPONENTS,
        pga_below=Option(0.5, 0.01, 3, "PGA (0-3) must be below"),
        prednisone_at_most=Option(5, 0, 100, "highest dose, mg/day"),
    ),
    _composite(
        "sle_das_low",
        "SLE-DAS at or below a cut-off",
        sle_das.low,
        ("sle_das_visit",),
        sle_das.LowScore.COMPONENTS,
        at_most=Option(sle_das.REMISSION_AT_MOST, 0, 200, "highest SLE-DAS"),
    ),
    _composite(
        "bilag_worsening_free",
        "No BILAG-2004 worsening against baseline",
        bilag2004.worsening_free,
        ("bilag_baseline", "bilag_visit"),
        bilag2004.Steady.COMPONENTS,
        new_a_at_most=_NEW_A,
        new_b_at_most=_NEW_B,
    ),
    _composite(
        "bilag_flare_free",
        "No BILAG-2004 flare since the visit before",
        bilag2004.flare_free,
        ("bilag_previous", "bilag_visit"),
        bilag2004.Steady.COMPONENTS,
        new_a_at_most=_NEW_A,
        new_b_at_most=_NEW_B,
    ),
    _composite(
        "selena_flare_free",
        "No flare by the SELENA-SLEDAI flare index since the visit before",
        flare.selena_flare_index,
        (
            "selena_sledai_previous",
            "selena_sledai_visit",
            "sfi_items_visit",
            "prednisone_previous",
            "prednisone_visit",
            "weight_visit",
            "pga_previous",
            "pga_visit",
        ),
        flare.FlareIndex.COMPONENTS,
        sledai_alone=Option(1, 0, 1, "1: a SELENA-SLEDAI above 12 alone is a severe flare; 0: not"),
    ),
    _composite(
        "skin_response",
        "CLASI activity response",
        responses.skin_response,
        ("clasi_activity_baseline", "clasi_activity_visit"),
        responses.SkinResponse.COMPONENTS,
        percent=_PERCENT,
        baseline_at_least=Option(10, 1, 70, "CLASI activity at baseline to be evaluable"),
    ),
    _composite(
        "joint_response",
        "Swollen and tender joint response",
        responses.joint_response,
        ("swollen_baseline", "swollen_visit", "tender_baseline", "tender_visit"),
        responses.JointResponse.COMPONENTS,
        percent=_PERCENT,
        swollen_at_least=Option(6, 1, 66, "swollen joints at baseline to be evaluable"),
        tender_at_least=Option(6, 1, 68, "tender joints at baseline to be evaluable"),
    ),
    _composite(
        "active_joint_response",
        "Active joint response",
        responses.active_joint_response,
        ("joints_active_baseline", "joints_active_visit"),
        responses.ActiveJointResponse.COMPONENTS,
        percent=_PERCENT,
        baseline_at_least=Option(4, 1, 66, "active joints at baseline to be evaluable"),
    ),
    _composite(
        "taper",
        "Glucocorticoid dose reduced to a limit and kept, without flare",
        taper.taper,
        (*_TAPER, "flare_free_visit"),
        taper.Taper.COMPONENTS,
        baseline_at_least=_FROM_DOSE,
        dose_at_most=Option(7.5, 0, 100, "highest dose, mg/day"),
    ),
    _composite(
        "taper_below",
        "Glucocorticoid dose reduced below a limit and kept, without flare",
        taper.taper_below,
        (*_TAPER, "flare_free_visit"),
        taper.Taper.COMPONENTS,
        baseline_at_least=_FROM_DOSE,
        dose_below=_DOSE_BELOW,
    ),
)
COMPOSITES: Mapping[str, Composite] = MappingProxyType({entry.name: entry for entry in _ALL})
FLARES = ("bilag_flare_free", "selena_flare_free")
"""Composites that say, of an assessment and the one before it, that there was no flare."""


def composite(name: str) -> Composite:
    """The composite of that name; InstrumentError with the known names otherwise."""
    if name not in COMPOSITES:
        raise InstrumentError(f"no composite {name!r}; known are {sorted(COMPOSITES)}")
    return COMPOSITES[name]


# -- inputs from named columns ------------------------------------------------------------------

# Measures of several columns, and the column names that they are followed by.
WIDE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bilag": bilag2004.SYSTEMS,
        "sledai_items": sledai2k.KEYS,
        "sledai_improved": sledai2k.KEYS,
        "sfi_items": flare.KEYS,
    }
)
# Inputs whose values are 1, 0, -1 (not known): a missing value is -1.
ANSWERS = (
    *("haemolytic_anaemia", "gi_activity", "standard_treatment", "stable_treatment"),
    "flare_free_visit",
)


def columns_of(name: str) -> dict[str, tuple[str, ...]]:
    """The columns that each input of a composite is read from.

    `bilag_baseline` is read from `bilag_baseline_renal` and so on, `sledai_items_visit` from
    `sledai_items_visit_rash` and so on; every other input from a column of its own name.
    """
    return {
        need: tuple(f"{need}_{part}" for part in WIDE.get(need.rpartition("_")[0], ())) or (need,)
        for need in composite(name).inputs
    }


def evaluate(name: str, values: Form, **options: float) -> Verdict:
    """A composite from one patient's dict, a dict of arrays, or a frame.

    Args:
        name: A key of `COMPOSITES`.
        values: Columns as `columns_of(name)` lists them; BILAG grades as codes, 4 = A to 0 = E.
            A column that is not there is missing data.
        options: Options of the composite.

    Raises:
        UnknownItemError: columns that the composite does not read, or unknown options.
    """
    entry, layout = composite(name), columns_of(name)
    if unknown := sorted(set(options) - set(entry.options)):
        raise UnknownItemError(f"{name} has no option {unknown}; it has {list(entry.options)}")
    keys = [column for group in layout.values() for column in group]
    filled = arrays.form(values, keys, instrument=name)
    inputs: dict[str, NDArray[np.float64] | NDArray[np.int8]] = {}
    start = 0
    for need, group in layout.items():
        block = filled[:, start : start + len(group)]
        start += len(group)
        coded = len(group) > 1 or need in ANSWERS
        inputs[need] = _as_codes(block) if coded else block
        if len(group) == 1:
            inputs[need] = inputs[need][:, 0]
    return entry.score(**options, **inputs)


def _as_codes(block: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(block), NOT_COMPUTABLE, block)
