"""The printed summary of a comparison of responders."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from openlupus.modelling.summary import aligned

if TYPE_CHECKING:
    from openlupus.modelling.responders import Responders


def responder_summary(found: "Responders") -> str:
    """Rates, differences with limits and CMH tests, notes and warnings, as text."""
    rates, differences = _rows(found.rates()), _rows(found.differences())
    weights = "" if len(found.strata) == 1 else f", {len(found.strata)} strata"
    body = [
        [row["arm"], f"{row['responders']}/{row['n']}", _percent(row["rate"]),
         f"{_percent(row['lower'])} to {_percent(row['upper'])}"]
        for row in rates
    ]  # fmt: skip
    compared = [
        [row["contrast"], _percent(row["estimate"]),
         f"{_percent(row['lower'])} to {_percent(row['upper'])}", f"{row['chi_square']:.3f}",
         "<0.0001" if row["p"] < 0.0001 else f"{row['p']:.4f}"]
        for row in differences
    ]  # fmt: skip
    limits = f"{found.level:.0%} limits"
    said = [row["warnings"] for row in differences if row["warnings"]]
    return "\n".join(
        [
            f"Responders by arm{weights}",
            *aligned([["", "responders", "per cent", limits], *body]),
            "",
            f"Difference in percentage points ({found.interval}); Cochran-Mantel-Haenszel test",
            *aligned([["", "difference", limits, "chi-square", "P"], *compared]),
            *(f"  note  {each}" for each in (*found.notes, *dict.fromkeys(said))),
        ]
    )


def _rows(frame: Any) -> Sequence[Mapping[str, Any]]:
    return nw.from_native(frame, eager_only=True).rows(named=True)


def _percent(proportion: float) -> str:
    return f"{100 * proportion:.1f}"
