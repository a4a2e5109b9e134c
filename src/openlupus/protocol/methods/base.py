"""What every method of analysis says of itself to the checks and to the notes."""

from typing import Literal

from openlupus.protocol.base import Part


class MethodPart(Part):
    """A method of analysis with all its options as values."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The columns of the data set, or of ADSL, that the method names."""
        return ()

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets that it reads besides that of the analysis."""
        return ()

    @property
    def optional(self) -> tuple[str, ...]:
        """Data sets that it reads where the records have their domain, and else says so."""
        return ()


class OfEndpoint(MethodPart):
    """A method that analyses an end point of the declaration at a visit."""

    strata: tuple[str, ...] = ()
    strata_as: Literal["randomised", "observed"] = "randomised"
