"""Methods that fit a model to a number."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.methods.base import MethodPart


class Ancova(MethodPart):
    """Analysis of covariance of a number."""

    name: Literal["ancova"]
    variable: str
    covariates: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    weights: Literal["observed", "equal"] = "observed"
    level: float = Field(0.95, gt=0, lt=1)
    dose: str = ""
    """Column with the dose as a number: adds the slope of a model with the dose in place of the
    arms (parameter `dose`, group "")."""

    @property
    def asked(self) -> tuple[str, ...]:
        dose = (self.dose,) if self.dose else ()
        return (self.variable, *self.factors, *self.covariates, *dose)
