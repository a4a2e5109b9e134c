"""Methods for responders of an end point."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.methods.base import OfEndpoint

Interval = Literal["stratified_newcombe", "newcombe", "sato", "greenland_robins", "none"]


class Responder(OfEndpoint):
    """Responders of an end point: counts, differences with intervals, tests."""

    name: Literal["responder"]
    test: Literal["cmh", "chi_square", "fisher", "none"] = "cmh"
    continuity_correction: bool = False
    interval: Interval = "stratified_newcombe"
    weights: Literal["cmh"] = "cmh"
    level: float = Field(0.95, gt=0, lt=1)
    interaction: Literal["none", "logistic", "breslow_day", "tarone", "woolf"] = "none"
    """Test of each comparison that the effect is the same in all levels of a subgroup: likelihood
    ratio of a logistic regression, or homogeneity of the odds ratios. The strata are not in it."""
