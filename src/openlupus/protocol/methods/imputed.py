"""Methods that impute what is missing many times, and ask what the answer rests on."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.methods.base import OfEndpoint

PriorName = Literal["jeffreys", "uniform", "ridge"]


class Imputing(OfEndpoint):
    """Verdicts that are missing are made from imputed measures and components.

    The numbers of the composite (SLEDAI-2K, PGA) are imputed as a multivariate normal over the
    visits by data augmentation, its BILAG-2004 components as yes or no by chained logistic
    regressions.
    """

    seed: int = Field(ge=0)
    imputations: int = Field(100, ge=2)
    visits: tuple[str, ...] = ()
    """Visits in the models of imputation; all of treatment up to the analysis's when empty. The
    baseline is always there."""
    within_arms: bool = True
    """Impute the numbers of each arm from that arm alone; else the arm is a column."""
    prior: PriorName = "jeffreys"
    prior_df: float = Field(0, ge=0)
    """Degrees of freedom of a ridge prior."""
    burn_in: int = Field(200, ge=1)
    sweeps: int = Field(10, ge=1)
    """Rounds of the chained equations."""
    level: float = Field(0.95, gt=0, lt=1)


class Imputed(Imputing):
    """Responders after multiple imputation: pooled rates, differences and tests."""

    name: Literal["imputed_responder"]
    interval: Literal["stratified_newcombe", "miettinen_nurminen"] = "stratified_newcombe"
    test: Literal["cmh", "none"] = "cmh"


class Tipping(Imputing):
    """The same over a grid of shifts of what was imputed at the analysis's visit."""

    name: Literal["tipping_point"]
    measure: str
    """The number that is shifted: an input of the composite, such as `sledai` or `pga`."""
    test_shifts: tuple[float, ...] = Field(min_length=1)
    control_shifts: tuple[float, ...] = Field((0.0,), min_length=1)


class Rerandomised(OfEndpoint):
    """The difference in responders among those that the randomisation could have given."""

    name: Literal["rerandomised"]
    seed: int = Field(ge=0)
    draws: int = Field(20_000, ge=100)
    block: int = Field(0, ge=0)
    """Places of a block of all arms together, in the order of randomisation within the strata;
    0: arms are exchanged within the strata alone."""
    order: str = "RANDDT"
    """ADSL variable that says the order of randomisation, ties by USUBJID."""


class Marginal(OfEndpoint):
    """Difference of marginal response rates, adjusted for covariates by standardisation."""

    name: Literal["marginal"]
    covariates: tuple[str, ...] = ()
    """Numbers of ADSL."""
    factors: tuple[str, ...] = ()
    """Columns of ADSL whose levels are factors, besides the strata."""
    variance: Literal["ge", "ye"] = "ge"
    robust: Literal["model", "HC0", "HC1", "HC2", "HC3"] = "HC0"
    interactions: bool = False
    """Let covariates act differently in each arm."""
    level: float = Field(0.95, gt=0, lt=1)

    @property
    def asked(self) -> tuple[str, ...]:
        return (*self.covariates, *self.factors)
