"""Changes over visits: by a model of them all or, far from normal, imputed and robust."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.base import Part
from openlupus.protocol.methods.base import MethodPart
from openlupus.protocol.methods.imputed import PriorName
from openlupus.protocol.methods.models import Structure


class Rule(Part):
    """When the departure from normality is severe, judged on residuals of the observed changes."""

    statistic: Literal["shapiro-wilk", "anderson-darling", "skewness", "kurtosis"] = "shapiro-wilk"
    on: Literal["p", "statistic"] = "p"
    cutoff: float = 0.01
    residuals: Literal["raw", "standardized", "studentized"] = "studentized"


class Longitudinal(MethodPart):
    """Constrained longitudinal analysis or, by a rule, imputation and robust regression."""

    name: Literal["longitudinal"]
    variable: str = "AVAL"
    seed: int = Field(ge=0)
    rule: Rule = Rule()
    visits: tuple[str, ...] = ()
    """Visits after baseline in the models; all of treatment up to the analysis's when empty."""
    factors: tuple[str, ...] = ()
    """Columns of ADSL whose levels are main effects, such as strata."""
    covariates: tuple[str, ...] = ()
    covariance: Structure | tuple[Structure, ...] = ("us", "toeph", "ar1h", "cs")
    df: Literal["kenward-roger", "satterthwaite", "between-within", "residual"] = "kenward-roger"
    imputations: int = Field(100, ge=2)
    within_arms: bool = True
    prior: PriorName = "jeffreys"
    prior_df: float = Field(0, ge=0)
    burn_in: int = Field(200, ge=1)
    robust: Literal["huber", "bisquare", "mm"] = "huber"
    """M estimate with Huber's or the bisquare weight, or the MM estimate."""
    level: float = Field(0.95, gt=0, lt=1)

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.variable, *self.factors, *self.covariates)


class MedianChange(MethodPart):
    """Median of the change or the per cent change in each arm, with limits that need no model."""

    name: Literal["median_change"]
    variable: str = "AVAL"
    baseline: str = "BASE"
    of: Literal["percent", "change", "value"] = "percent"
    level: float = Field(0.95, gt=0, lt=1)

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.variable,) if self.of == "value" else (self.variable, self.baseline)
