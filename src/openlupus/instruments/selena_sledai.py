"""SELENA-SLEDAI: the 24 descriptors and weights of SLEDAI-2K with other wording of some of them.

Sources: Petri et al., N Engl J Med 2005;353:2550, and Buyon et al., Ann Intern Med 2005;142:953
(SELENA); against SLEDAI-2K: Gladman et al., J Rheumatol 2002;29:288. Page:
docs/instruments/selena_sledai.md.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments import arrays, decimals, sledai2k
from openlupus.instruments.arrays import Codes, Form
from openlupus.instruments.sledai2k import CODES, KEYS, Item, Score

CATEGORY = "SELENA-SLEDAI"

# Descriptors that this version words otherwise; the weights are the same.
WORDING: Mapping[str, str] = MappingProxyType(
    {
        "visual_disturbance": "Visual disturbance, scleritis and episcleritis included",
        "cranial_nerve_disorder": "Cranial nerve disorder, vertigo due to lupus included",
        "arthritis": "Arthritis of more than two joints",
        "proteinuria": "Proteinuria, new or risen by more than 0.5 g/24 h",
    }
)
ITEMS: tuple[Item, ...] = tuple(
    replace(item, label=WORDING.get(item.key, item.label)) for item in sledai2k.ITEMS
)

JOINTS_ABOVE = 2
PROTEIN_ABOVE = 0.5  # g in 24 hours
PROTEIN_RISE_ABOVE = 0.5


def form(values: Form) -> Codes:
    """Items by key or SDTM code as codes of shape (n, 24); see `sledai2k.form`."""
    return sledai2k.form(values)


def score(present: ArrayLike | Form, *, convention: str = "total") -> Score:
    """Total of each assessment; arguments and result as for `sledai2k.score`."""
    return sledai2k.score(present, convention=convention)


def from_measures(
    present: ArrayLike | Form,
    *,
    inflamed_joints: ArrayLike | None = None,
    urine_protein_g_24h: ArrayLike | None = None,
    previous_urine_protein_g_24h: ArrayLike | None = None,
) -> Codes:
    """Items with arthritis and proteinuria replaced by what a count or measurement says.

    Args:
        present: Codes as for `sledai2k.score`, shape (n, 24).
        inflamed_joints: Joints with pain and signs of inflammation, shape (n,), nan where not
            counted: the item then stays as it was.
        urine_protein_g_24h: Shape (n,), nan where not measured. The item is present above 0.5 g
            if that is new (0.5 g or less before) or a rise of more than 0.5 g.
        previous_urine_protein_g_24h: The last earlier value. Where it is missing a value above
            0.5 g leaves the item as it was; one of 0.5 g or less makes it absent.

    Returns:
        Codes, shape (n, 24). The other laboratory items: `sledai2k.from_labs`.
    """
    codes = sledai2k.checked_items(present).copy()
    n = len(codes)
    joints = arrays.measured(inflamed_joints, n, name=f"{CATEGORY}: inflamed_joints")
    now = arrays.measured(urine_protein_g_24h, n, name=f"{CATEGORY}: urine_protein_g_24h")
    before = arrays.measured(
        previous_urine_protein_g_24h, n, name=f"{CATEGORY}: previous_urine_protein_g_24h"
    )
    counted = ~np.isnan(joints)
    codes[counted, KEYS.index("arthritis")] = joints[counted] > JOINTS_ABOVE

    high = decimals.above(now, PROTEIN_ABOVE)
    new = decimals.at_most(before, PROTEIN_ABOVE)
    risen = decimals.exact(now) - decimals.exact(before) > decimals.exact(PROTEIN_RISE_ABOVE)
    decided = ~np.isnan(now) & (~high | ~np.isnan(before))
    codes[decided, KEYS.index("proteinuria")] = (high & (new | risen))[decided]
    return codes


__all__ = ["CATEGORY", "CODES", "ITEMS", "KEYS", "WORDING", "form", "from_measures", "score"]
