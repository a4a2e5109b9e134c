"""A declaration on its way to a `Protocol`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openlupus.protocol import model as m
from openlupus.protocol.adsl import ADSL_VARIABLES
from openlupus.protocol.faults import Path


@dataclass
class Draft:
    """A declaration on its way: its parts, mended where they have faults, and all names.

    `unreadable` holds the paths of the values that a placeholder stands for, and of the parts that
    could not be mended.
    """

    raw: Mapping[str, Any]
    single: dict[str, Any] = field(default_factory=dict[str, Any])
    named: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            name: {}
            for name in (
                "arms", "groups", "regions", "strata", "variables", "populations",
                "intercurrent", "endpoints", "times", "analyses", "multiplicity", "displays",
            )
        }
    )  # fmt: skip
    declared: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    codes: dict[str, str] = field(default_factory=dict[str, str])
    visits: dict[int, m.Visit] = field(default_factory=dict[int, m.Visit])
    unreadable: set[Path] = field(default_factory=set[Path])

    def names(self, part: str) -> tuple[str, ...]:
        """Every declared name of a part."""
        return self.declared.get(part, ())

    def knows(self, *path: str | int) -> bool:
        """Nothing at this path, above it or below it is unreadable."""
        return not any(
            bad[: len(path)] == path or path[: len(bad)] == bad for bad in self.unreadable
        )

    @property
    def visit_ids(self) -> list[str]:
        """Ids of the visits."""
        return [visit.id for visit in self.visits.values()]

    @property
    def who(self) -> tuple[str, ...]:
        """Names of arms and groups."""
        return (*self.names("arms"), *self.names("groups"))

    @property
    def given(self) -> bool:
        """Analysis data are given (or may be) as files, so their columns are not known here."""
        adam = getattr(self.single.get("data"), "adam", "derived")
        return adam == "given" or not self.knows("data", "adam")

    @property
    def columns(self) -> set[str]:
        """Columns that ADSL will have."""
        strata = range(1, len(self.names("strata")) + 1)
        flags = {p.flag for p in self.named["populations"].values() if p.flag}
        return {
            *ADSL_VARIABLES,
            *self.names("variables"),
            *flags,
            *(f"STRAT{i}{end}" for i in strata for end in "RV"),
        }
