"""Methods that fit a model to a number."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.methods.base import MethodPart


class Ancova(MethodPart):
    """Analysis of covariance of a number."""

    name: Literal["ancova"]
    variable: str
    covariates: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    weights: Literal["observed", "equal"] = "observed"
    level: float = Field(0.95, gt=0, lt=1)
    dose: str = ""
    """Column with the dose as a number: adds the slope of a model with the dose in place of the
    arms (parameter `dose`, group "")."""
    limits_of_differences: Literal["t", "normal"] = "t"
    """Distribution of the limits of the differences; P and the limits of means are by t."""
    rmse: Literal["mean_square", "per_subject"] = "mean_square"
    """Root mean squared error: the residual sum of squares over its degrees of freedom, or over
    the number of subjects."""

    @property
    def asked(self) -> tuple[str, ...]:
        dose = (self.dose,) if self.dose else ()
        return (self.variable, *self.factors, *self.covariates, *dose)


Structure = Literal[
    "us", "ad", "adh", "ar1", "ar1h", "cs", "csh", "toep", "toeph",
]  # fmt: skip


class Mmrm(MethodPart):
    """Mixed model for repeated measures of a number; with the baseline as a response, cLDA."""

    name: Literal["mmrm"]
    variable: str
    """The measurement: the change from baseline, or, with `baseline_as_response`, the value."""
    visits: tuple[str, ...] = ()
    """Visits of the schedule that enter the model; all after baseline when empty."""
    covariates: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    by_visit: tuple[str, ...] = ()
    """Those of `covariates` and `factors` whose effect may differ from visit to visit."""
    by_arm: tuple[str, ...] = ()
    """Those whose effect may differ from arm to arm; none in a cLDA."""
    baseline_as_response: bool = False
    """Constrained longitudinal data analysis: the record with ABLFL = Y is the first visit of the
    model, and all arms share its mean; adjusted means are changes from it."""
    covariance: Structure | tuple[Structure, ...] = "us"
    """Structure of the covariance within a subject; of several, the next where one fails."""
    df: Literal["kenward-roger", "satterthwaite", "between-within", "residual"] = "kenward-roger"
    vcov: Literal[
        "", "asymptotic", "kenward-roger", "kenward-roger-linear", "kenward-roger-sas",
        "empirical", "empirical-bias-reduced", "empirical-jackknife",
    ] = ""  # fmt: skip
    """Covariance of the coefficients; empty: with the degrees of freedom of Kenward and Roger
    theirs in the parameters of PROC MIXED, else the asymptotic one."""
    weights: Literal["equal", "observed"] = "equal"
    """Of the levels of other factors in an adjusted mean."""
    overall: bool = False
    """Adds the mean over the visits (visit "")."""
    scale: Literal["number", "log"] = "number"
    """`log`: the logarithm is analysed; means and differences are printed as geometric means and
    ratios."""
    level: float = Field(0.95, gt=0, lt=1)

    @property
    def errors(
        self,
    ) -> Literal[
        "asymptotic", "kenward-roger", "kenward-roger-linear", "kenward-roger-sas",
        "empirical", "empirical-bias-reduced", "empirical-jackknife",
    ]:  # fmt: skip
        """The covariance of the coefficients, given or by default."""
        return self.vcov or ("kenward-roger-sas" if self.df == "kenward-roger" else "asymptotic")

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.variable, *self.factors, *self.covariates)
