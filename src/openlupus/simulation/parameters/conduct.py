"""How visits are kept, why patients stop, and what goes wrong."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.base import Part
from openlupus.simulation.parameters.base import Probability, Share


class Reason(Part):
    """Why a patient stops, other than for an adverse event or death."""

    term: str
    share: Share


class Deviation(Part):
    """A protocol deviation, and the probability that a patient has it."""

    term: str
    category: Literal["MAJOR", "MINOR"]
    probability: Probability = 0
    kind: Literal["chance", "prohibited_medication"] = "chance"
    """Happens by chance, or is that a prohibited medicine was taken."""


class Conduct(Part):
    """How visits are kept."""

    jitter_sd: Share
    """Days by which a visit differs from its target, cut at its window."""
    missed: Probability
    unscheduled: Probability
    early_termination: Probability
    """Patients who stop and are assessed on that day."""
    follow_up: Probability
    """Completers who come to follow-up."""
    not_done: Probability
    """Forms with one item that was not done."""
    early_baseline: Probability
    """Patients whose baseline visit is some days before the first dose."""
    screening_days: tuple[int, int]
    """Days from consent to screening visit."""
    reasons: tuple[Reason, ...] = Field(min_length=1)
    other_reason: Probability = 0
    """Patients whose treatment an event ended, and who name another reason for stopping."""
    deviations: tuple[Deviation, ...] = ()


class Faults(Part):
    """Rates of the faults that real data have, so that checks have something to find."""

    duplicate: Probability
    outside_window: Probability
    out_of_range: Probability
    missing_item: Probability
    end_before_start: Probability
    wrong_stratum: Probability
