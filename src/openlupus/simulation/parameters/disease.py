"""What the disease does, and how it shows on the forms and in the laboratory."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from openlupus.protocol.base import Part
from openlupus.simulation.parameters.base import Positive, Probability, Share


class Manifestation(Part):
    """Something that lupus does; active when its severity is above 0.

    `prevalence` is the probability of being active in a screened patient. `bilag` names the items
    of the form for rising severities, and the severity above which each is ticked (one at a time).
    """

    key: str
    prevalence: float = Field(gt=0, lt=1)
    sledai: str = ""
    bilag: Mapping[str, float] = {}
    sensitivity: Share = 1
    """Part of the latent fall that this manifestation takes."""


class Disease(Part):
    """Latent activity: what all manifestations share, what is a patient's own, what varies.

    The variance of a manifestation in screened patients is 1: `shared` of it belongs to the
    patient's activity as a whole, `trait` to the patient's constant tendency to the
    manifestation, and the rest varies by itself. Shared and own variation are autoregressive with
    the half-lives given (days).
    """

    shared: Probability
    shared_half_life: Positive
    trait: Probability
    own_half_life: Positive
    trend: float
    """Fall in all arms once the effect is full."""
    onset_half_life: Positive
    """Days until half of a fall is there."""
    variation: Share
    """Standard deviation between patients of the fall."""
    modifiers: Mapping[str, float] = {}
    """Signature to factor: in patients in whom it is high the arm's effect is multiplied by
    1 + factor, in the others divided by it."""
    worse: Positive
    improving: Positive
    """Change of severity since the last assessment that is coded worse, or improving."""
    involved_before: float
    """Tendency above which an organ was involved at some time before the trial."""
    first_codes: tuple[Share, Share, Share, Share]
    """At a first assessment: shares of improving, same, worse and new."""
    manifestations: tuple[Manifestation, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _parts_of_one(self) -> Self:
        if self.shared + self.trait >= 1:
            raise ValueError("shared + trait must be below 1")
        return self


class Global(Part):
    """A scale that follows disease activity: intercept + slope * sqrt(SLEDAI-2K) + deviations."""

    intercept: float
    slope: float
    between: Share
    shared: float
    """Weight of the shared latent activity."""
    within: Share


class Skin(Part):
    """CLASI by location: severity of the skin, spread of the patient, tendency of the location."""

    manifestation: str
    alopecia: str
    ulcers: str
    slope: float
    location_sd: Positive
    spread_sd: Positive
    erythema: tuple[float, float, float]
    scale: tuple[float, float]
    alopecia_grades: tuple[float, float]
    damage: Probability
    damage_locations: Probability
    long_standing: Probability


class Joints(Part):
    """Joint counts, from the severity of arthritis."""

    manifestation: str
    tender: tuple[float, float]
    """Logit of a joint's probability at severity 0, and its slope; never fewer than two active
    joints while the arthritis is active."""
    trend: float = 0
    """Fall of that logit in all arms once the effect is full, beside that of the severity."""
    swollen_of_tender: Probability
    """Of a tender joint in an active arthritis, in the middle patient."""
    swollen_sd: Share = 0
    """SD of its logit between patients."""
    spread_sd: Share
    tender_only: Probability
    """Probability of a tender joint without arthritis."""


class Gene(Part):
    """Threshold cycle of a gene: reference genes have `mean` cycles, others a signature."""

    symbol: str
    cycles: float
    signature: str = ""


class Signature(Part):
    """Log2 expression against the reference genes: a low and a high group of patients."""

    share_high: Probability
    low: tuple[float, float]
    high: tuple[float, float]
    """Mean and standard deviation in each group."""


class Genes(Part):
    """Gene expression by PCR."""

    genes: tuple[Gene, ...] = Field(min_length=1)
    signatures: Mapping[str, Signature]
    loading: Share
    within: Share


class Measurement(Part):
    """A number that a device or a laboratory reports, with its range.

    `between` and `within` are standard deviations of the logarithm, in a part of another test of
    the log odds.
    """

    code: str = Field(max_length=8)
    name: str = Field(max_length=40)
    unit: str
    decimals: int = Field(ge=0, le=3)
    typical: Positive
    low: float | None = None
    high: float | None = None
    between: Share = 0
    within: Share = 0
    full: Mapping[str, Positive] = {}
    """Ratio to the untreated value, by arm, once the effect of treatment is full."""
    response: tuple[Share, Share] = (0, 0)
    """Standard deviations of the logarithm of that ratio, between patients and between visits."""
    titre: bool = False
    """Reported in doubling dilutions of 10."""
    minimum: Share = 0
    maximum: float = Field(900, gt=0)


class Lab(Measurement):
    """A test of the central laboratory or a vital sign.

    It follows a manifestation (`of`: at severity 0 it is at `limit`, and beyond it exactly while
    the manifestation is active), or is a part of another test (`part_of`, `less`), or varies by
    itself. A part's `typical` is its share of the whole, and where treatment changes a part
    (`full`), the whole changes by as much.
    """

    domain: Literal["LB", "VS"] = "LB"
    of: str = ""
    limit: Positive = 1
    spare: Share = 0
    """How far (standard deviations) this test may lag behind the severity of `of`, by patient."""
    male: Positive = 1
    """In men `typical` is multiplied with this."""
    part_of: str = ""
    less: str = ""
    filtration_of: str = ""
    """The creatinine test from which the filtration rate is estimated (CKD-EPI 2021)."""
    bilag: str = ""
    bilag_factor: Positive = 1
    """The item of the form that this test fills, and what it is multiplied with."""
    bilag_decimals: int = Field(0, ge=0, le=3)


class Further(Measurement):
    """A measurement on which no form and no event depends: an ECG, cells, a concentration.

    Taken in randomised patients at these visits."""

    domain: Literal["LB", "EG", "PC"]
    visits: tuple[str, ...] = Field(min_length=1)
    per_dose: bool = False
    """`typical` belongs to one unit of dose; taken only on treatment in arms with a dose."""
    rare: Probability = 0
    rare_factor: Positive = 1
    """Samples that are off by this factor."""
    uncorrected: tuple[str, str] | None = None
    """The corrected interval and the heart rate, two tests before it, of which this is the
    interval as measured (Fridericia's formula turned round)."""


class Laboratory(Part):
    """Tests in the order of the report."""

    tests: tuple[Lab, ...]
    not_attributed: Probability
    """Patients in whom an abnormal value of a test by itself has another cause than lupus."""
    not_collected: tuple[str, ...] = ()
    """Numeric items of BILAG-2004 that this trial does not collect."""
    further: tuple[Further, ...] = ()
