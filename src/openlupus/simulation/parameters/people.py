"""Who is screened and randomised, and where."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from openlupus.protocol.base import Part
from openlupus.simulation.parameters.base import Instrument, Positive, Probability, Share


class Recruitment(Part):
    """How many are screened and randomised, when, and how patients are cut into chunks."""

    screened: int = Field(gt=0)
    randomised: int = Field(gt=0)
    first_consent: date
    last_consent: date
    chunk: int = Field(gt=0)
    """Randomised patients of one chunk: each chunk has its own seeds and randomisation lists."""
    block_multiples: tuple[int, ...] = (1,)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.randomised > self.screened:
            raise ValueError("more patients are randomised than screened")
        if self.last_consent < self.first_consent:
            raise ValueError("last_consent is before first_consent")
        return self


class Failure(Part):
    """A criterion by which screened patients fail, and its share among those who fail."""

    code: str = Field(max_length=8)
    criterion: str
    category: Literal["INCLUSION", "EXCLUSION"]
    share: Share
    kind: Literal["activity", "antibodies", "recorded"]
    """`activity` and `antibodies` fail by their own records; else only the criterion says so."""


class Screening(Part):
    """Who passes: SLEDAI-2K at screening, and its clinical part at screening and baseline, at
    least; the total at most. One of the manifestations `antibodies` must be active at screening.
    """

    total: float
    clinical: float
    convention: str
    maximum: float = 105
    antibodies: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = Field(min_length=1)
    forms: tuple[Instrument, ...] = ()
    """Forms that are filled also for those who fail."""


class Region(Part):
    """A region of the declaration: how many of the patients, and who they are."""

    share: Share
    countries: Mapping[str, Share]
    race: Mapping[str, Share]
    hispanic: Probability


class History(Part):
    """An entry of the medical history."""

    category: str
    term: str
    coded: str
    probability: Probability
    skin: bool = False
    """A subtype of skin disease: likelier in those whose skin is active."""


class People(Part):
    """Age, sex, and history of the disease."""

    age_mean: Positive
    age_sd: Positive
    age_range: tuple[float, float]
    female: Probability
    disease_years: tuple[tuple[Probability, Positive], ...] = Field(min_length=2)
    """Quantiles of the years from diagnosis to consent, from probability 0 to 1: each a
    probability and the years; between two of them the logarithm of the years is straight."""
    youngest: Share
    """Nobody is diagnosed at a younger age."""
    diagnosis: str
    partial_dates: tuple[Probability, Probability]
    """Historical dates of which only the year is known; only year and month."""
    history: tuple[History, ...] = ()

    @model_validator(mode="after")
    def _quantiles(self) -> Self:
        probabilities, years = zip(*self.disease_years, strict=True)
        if (probabilities[0], probabilities[-1]) != (0, 1):
            raise ValueError("disease_years must go from probability 0 to 1")
        rising = (list(values) == sorted(set(values)) for values in (probabilities, years))
        if not all(rising):
            raise ValueError("probabilities and years of disease_years must rise")
        return self
