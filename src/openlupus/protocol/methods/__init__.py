"""Methods of analysis as declared: each with all its options as values."""

from typing import Annotated

from pydantic import Field

from openlupus.protocol.methods.base import MethodPart, OfEndpoint
from openlupus.protocol.methods.describe import CountRow, Counts, Incidence, Summary
from openlupus.protocol.methods.dose import Discordance, ExposureResponse, McpMod
from openlupus.protocol.methods.imputed import Imputed, Imputing, Marginal, Rerandomised, Tipping
from openlupus.protocol.methods.longitudinal import Longitudinal, MedianChange
from openlupus.protocol.methods.models import Ancova, Mmrm
from openlupus.protocol.methods.people import Representation, Scatter, Share
from openlupus.protocol.methods.responders import Responder
from openlupus.protocol.methods.tables import Shift
from openlupus.protocol.methods.time import Survival

Method = Annotated[
    Summary
    | Counts
    | Shift
    | Incidence
    | Responder
    | Ancova
    | Mmrm
    | Survival
    | Imputed
    | Tipping
    | Rerandomised
    | Marginal
    | Longitudinal
    | MedianChange
    | McpMod
    | ExposureResponse
    | Discordance
    | Representation
    | Scatter,
    Field(discriminator="name"),
]

__all__ = [
    "Ancova",
    "CountRow",
    "Counts",
    "Discordance",
    "ExposureResponse",
    "Imputed",
    "Imputing",
    "Incidence",
    "Longitudinal",
    "Marginal",
    "McpMod",
    "MedianChange",
    "Method",
    "MethodPart",
    "Mmrm",
    "OfEndpoint",
    "Representation",
    "Rerandomised",
    "Responder",
    "Scatter",
    "Share",
    "Shift",
    "Summary",
    "Survival",
    "Tipping",
]
