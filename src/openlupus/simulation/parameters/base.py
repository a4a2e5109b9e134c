"""Kinds of numbers and names that the parts of a model share."""

from typing import Annotated, Literal

from pydantic import Field

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0)]
"""A weight; the shares of a list are divided by their sum. Also a spread, which may be 0."""

Instrument = Literal["sledai", "bilag", "pga", "clasi", "joints", "fatigue", "genes"]
"""Forms that not every visit has; vital signs and laboratory are taken at every visit."""
