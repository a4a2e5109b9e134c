"""Methods for the dose or the exposure on one side, and for two end points side by side."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.base import Part, Where
from openlupus.protocol.methods.base import OfEndpoint

FamilyName = Literal[
    "linear", "linear_log", "quadratic", "emax", "sigmoid_emax", "exponential", "logistic", "beta"
]


class Shape(Part):
    """A candidate shape: a family with a guess of its nonlinear parameters."""

    id: str
    family: FamilyName
    guess: tuple[float, ...] = ()
    offset: float = Field(0, ge=0)
    """Of `linear_log`: added to the dose; 0: a hundredth of the largest dose."""
    scale: float = Field(0, ge=0)
    """Of `beta`: the largest dose times this; 0: 1.2 times the largest dose."""


class McpMod(OfEndpoint):
    """Multiple comparison procedure and modelling over the doses of the arms."""

    name: Literal["mcpmod"]
    candidates: tuple[Shape, ...] = Field(min_length=1)
    scale: Literal["logit", "proportion"] = "logit"
    """Responses as log odds from a logistic regression with the strata, or as proportions."""
    alpha: float = Field(0.025, gt=0, lt=1)
    """One-sided level over all candidates."""
    direction: Literal["increasing", "decreasing"] = "increasing"
    difference: float = Field(0, ge=0)
    """Difference in the response rate from dose 0 whose dose is sought; none when 0."""
    points: int = Field(21, ge=2, le=201)
    """Doses from 0 to the largest at which each curve is given."""
    level: float = Field(0.95, gt=0, lt=1)


class ExposureResponse(OfEndpoint):
    """Logistic regression of the response on a subject's exposure, and rates by its quarters."""

    name: Literal["exposure_response"]
    dataset: str = "ADPC"
    """Data set with the exposure; where the records do not have it, the rows say so."""
    where: Where = {}
    """Which of its records count: a subject's exposure is their mean."""
    exposure: str = "AVAL"
    log: bool = True
    """Take the logarithm of the exposure; those who are not exposed are then left out."""
    parts: int = Field(4, ge=2, le=10)
    """Equal parts of the exposed by exposure, each with its response rate."""
    covariates: tuple[str, ...] = ()
    points: int = Field(21, ge=2, le=201)
    level: float = Field(0.95, gt=0, lt=1)

    @property
    def asked(self) -> tuple[str, ...]:
        return self.covariates

    @property
    def optional(self) -> tuple[str, ...]:
        return (self.dataset,)


class Discordance(OfEndpoint):
    """Two end points in the same subjects: who responds by one and not the other, and why not."""

    name: Literal["discordance"]
    other: str
    """The second end point."""
