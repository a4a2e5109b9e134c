"""What the rules need to know of a declaration."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VisitWindow:
    """A scheduled visit; days count from the first dose, which is day 1 (there is no day 0).

    `first` and `last` are the days of the window, both inside it.
    """

    name: str
    number: float
    day: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class CheckContext:
    """Arms, visits and forms that a trial declares; what is empty is not checked.

    Args:
        arms: Code of each arm (ARMCD) to its label.
        visits: The schedule.
        forms: Categories (`SLEDAI-2K`) of which every treated subject needs a baseline; those that
            the records hold when empty.
    """

    arms: Mapping[str, str] = field(default_factory=dict[str, str])
    visits: tuple[VisitWindow, ...] = ()
    forms: tuple[str, ...] = ()
