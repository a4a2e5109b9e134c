"""What treatment does, what is taken beside it, and what happens to patients."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from openlupus.protocol.base import Part
from openlupus.simulation.parameters.base import Positive, Probability, Share


class Arm(Part):
    """What depends on the arm."""

    effect: float
    """Fall of latent activity beyond the trend, once it is full."""
    not_treated: Probability
    withdrawn_for_event: Probability
    withdrawn: Probability
    """Stops before the end for another reason."""
    death: Probability
    glucocorticoid_increase: Probability
    prohibited: Probability
    """In a patient whose global assessment is as at baseline, over the whole trial."""
    signature_fall: Mapping[str, float] = {}
    """Fall of a signature (log2) in those in whom it is high."""
    any_event: float = Field(gt=0, lt=1)
    serious: Probability
    related: Probability
    severe: Probability
    interrupted: Probability
    """Patients with an adverse event; with a serious, related, or severe one; with an
    interruption."""


class Drug(Part):
    """A medicine: one dose of a class is drawn by share."""

    name: str
    dose: Positive
    unit: str = "mg"
    frequency: str = "QD"
    route: str = "ORAL"
    share: Share = 1


class DrugClass(Part):
    """Background medicines of a class, given to a proportion of the patients before the trial."""

    probability: Probability
    drugs: tuple[Drug, ...] = Field(min_length=1)


class Glucocorticoid(Part):
    """A glucocorticoid by mouth, by the name that the table of equivalents knows."""

    name: str
    share: Share


class Glucocorticoids(Part):
    """Prednisone-equivalent doses (mg a day) with their shares, drugs, and steps."""

    doses: tuple[tuple[float, Share], ...] = Field(min_length=1)
    drugs: tuple[Glucocorticoid, ...] = Field(min_length=1)
    increase: tuple[float, ...] = Field(min_length=1)
    tablet: Positive
    """Doses after a reduction are whole multiples of this."""
    taper: Probability
    """Patients who reduce their dose in the course of the trial."""
    taper_to: Probability
    """Proportion of the dose that they keep."""


class Rescue(Part):
    """Which class is started or raised against the rules, and how it follows from activity."""

    classes: Mapping[str, Share] = Field(min_length=1)
    by_global: float
    """Log hazard ratio a point of global assessment above baseline."""


class Medication(Part):
    """Everything that is taken beside the trial's treatment."""

    classes: Mapping[str, DrugClass]
    glucocorticoids: Glucocorticoids
    rescue: Rescue


class Follows(Part):
    """Values of a test on treatment that an event is the name of: below, or above, a number."""

    test: str
    side: Literal["below", "above"]
    limit: float


class Term(Part):
    """An adverse event: its probability over the trial in each arm; or a weight for all arms.

    Events with a weight fill what is missing to each arm's probability of any event. Serious ones
    come to the arm's proportion of patients with any: some patients have several.
    """

    term: str
    body_system: str
    probability: float = Field(0, ge=0, lt=1)
    by_arm: Mapping[str, Probability] = {}
    serious: bool = False
    fatal: bool = False
    """Given to those who die."""
    sex: Literal["", "F", "M"] = ""
    """The sex that has it, where the other cannot."""
    oldest: Positive = 150
    """Nobody older has it."""
    follows: Follows | None = None
    """Given, as far as the probability allows, only to patients with such a value, on the day of
    their first one."""
    withdraws: Share = 1
    """How much likelier than other events it ends treatment."""


class Events(Part):
    """How adverse events go."""

    moderate: Probability
    """Of those that are not severe; serious ones and those that end treatment are so at least."""
    related_events: Probability
    """Of the events of a patient who has a related one."""
    days_median: Positive
    days_sd: Positive
    ongoing: Probability
    before_treatment: Probability
    interruption_days: tuple[int, int]
    days_to_death: Share
    """From the start of the fatal event to the last dose, the day before death."""

    terms: tuple[Term, ...] = Field(min_length=1)
