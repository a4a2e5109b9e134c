"""Methods of analysis as declared: each with all its options as values."""

from typing import Annotated

from pydantic import Field

from openlupus.protocol.methods.base import MethodPart, OfEndpoint
from openlupus.protocol.methods.describe import CountRow, Counts, Incidence, Summary
from openlupus.protocol.methods.models import Ancova
from openlupus.protocol.methods.responders import Responder

Method = Annotated[Summary | Counts | Incidence | Responder | Ancova, Field(discriminator="name")]

__all__ = [
    "Ancova",
    "CountRow",
    "Counts",
    "Incidence",
    "Method",
    "MethodPart",
    "OfEndpoint",
    "Responder",
    "Summary",
]
