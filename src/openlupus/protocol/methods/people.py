"""Methods for who was enrolled, and for subjects one by one."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.methods.base import MethodPart
from openlupus.protocol.methods.describe import CountRow


class Share(CountRow):
    """A characteristic, and its share among people with the disease."""

    share: float | None = Field(None, gt=0, lt=1)
    """The reference share, a proportion; none is known when absent."""
    source: str = ""
    """Where the reference share is published, or what it is an assumption from."""


class Representation(MethodPart):
    """Enrolled shares of characteristics against declared reference shares."""

    name: Literal["representation"]
    rows: tuple[Share, ...] = Field(min_length=1)
    level: float = Field(0.95, gt=0, lt=1)

    @property
    def asked(self) -> tuple[str, ...]:
        return tuple(column for row in self.rows for column in row.where)


class Scatter(MethodPart):
    """One point a subject: the highest value on each axis, and subjects beyond the limits."""

    name: Literal["scatter"]
    variable: str = "R2ANRHI"
    x: tuple[str, ...] = Field(min_length=1)
    """Parameters (PARAMCD) of which the highest value is the position on the axis."""
    y: tuple[str, ...] = Field(min_length=1)
    x_limit: float
    y_limit: float

    @property
    def asked(self) -> tuple[str, ...]:
        return ("PARAMCD", self.variable)
