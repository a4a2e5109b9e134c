"""The composites that a declaration may name, with their options and components.

A declaration that names another composite, option or component cannot be loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from openlupus.errors import InstrumentError
from openlupus.instruments import bicla, doris, lldas, sri


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

    `score` takes the options and the `inputs` as keyword arguments and returns a frozen value
    with the field `responder` and one field per component: int8, 1 met, 0 not met, -1 not
    computable.
    """

    name: str
    label: str
    score: Callable[..., object]
    options: Mapping[str, Option]
    inputs: tuple[str, ...]
    components: tuple[str, ...]


_AGAINST_BASELINE = (
    "sledai_baseline",
    "sledai_visit",
    "bilag_baseline",
    "bilag_visit",
    "pga_baseline",
    "pga_visit",
)
_PGA_RISE = Option(0.3, 0.01, 3, "rise of PGA (0-3) that is worsening")

COMPOSITES: Mapping[str, Composite] = MappingProxyType(
    {
        "sri": Composite(
            name="sri",
            label="SLE responder index",
            score=sri.sri,
            options=MappingProxyType(
                {
                    "sledai_fall": Option(4, 1, 105, "fall of SLEDAI-2K needed, points"),
                    "pga_rise": _PGA_RISE,
                }
            ),
            inputs=_AGAINST_BASELINE,
            components=sri.COMPONENTS,
        ),
        "bicla": Composite(
            name="bicla",
            label="BILAG-based composite lupus assessment",
            score=bicla.bicla,
            options=MappingProxyType({"pga_rise": _PGA_RISE}),
            inputs=_AGAINST_BASELINE,
            components=bicla.COMPONENTS,
        ),
        "lldas": Composite(
            name="lldas",
            label="Lupus low disease activity state",
            score=lldas.lldas,
            options=MappingProxyType(
                {
                    "sledai_at_most": Option(4, 0, 105, "highest SLEDAI-2K total"),
                    "pga_at_most": Option(1, 0, 3, "highest PGA (0-3)"),
                    "prednisone_at_most": Option(7.5, 0, 100, "highest dose, mg/day"),
                }
            ),
            inputs=(
                "sledai_items_visit",
                "sledai_items_previous",
                "pga_visit",
                "prednisone_visit",
                "haemolytic_anaemia",
                "gi_activity",
                "standard_treatment",
            ),
            components=lldas.COMPONENTS,
        ),
        "doris": Composite(
            name="doris",
            label="DORIS remission, 2021",
            score=doris.doris,
            options=MappingProxyType(
                {
                    "pga_below": Option(0.5, 0.01, 3, "PGA (0-3) must be below"),
                    "prednisone_at_most": Option(5, 0, 100, "highest dose, mg/day"),
                }
            ),
            inputs=("sledai_items_visit", "pga_visit", "prednisone_visit", "stable_treatment"),
            components=doris.COMPONENTS,
        ),
    }
)


def composite(name: str) -> Composite:
    """The composite of that name; InstrumentError with the known names otherwise."""
    if name not in COMPOSITES:
        raise InstrumentError(f"no composite {name!r}; known are {sorted(COMPOSITES)}")
    return COMPOSITES[name]
