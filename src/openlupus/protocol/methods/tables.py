"""Methods that cross two columns."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.methods.base import MethodPart
from openlupus.protocol.methods.describe import CountRow


class Shift(MethodPart):
    """Subjects by where they were (`start`) and where they went (`end`)."""

    name: Literal["shift"]
    start: str | tuple[CountRow, ...]
    """Column with the level at baseline, or conditions that say it."""
    end: str | tuple[CountRow, ...]
    """Column with the level after baseline, or conditions that say it."""
    start_levels: tuple[str, ...] = ()
    """Levels of the column in order; those found in the data when empty."""
    end_levels: tuple[str, ...] = ()
    empty_levels: Literal["shown", "left_out"] = "shown"
    """Levels of `end` that no subject of any group has."""
    test: Literal["none", "cmh"] = "none"
    """`cmh`: arms against `end`, controlling for `start`."""
    association: Literal["general", "row_means", "correlation"] = "general"
    strata_needed: int = Field(1, ge=1)
    """Levels of `start` with at least two subjects that the test needs to be computed."""

    @property
    def asked(self) -> tuple[str, ...]:
        return tuple(
            column
            for side in (self.start, self.end)
            for column in ([side] if isinstance(side, str) else [c for r in side for c in r.where])
        )
