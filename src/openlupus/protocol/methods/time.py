"""Methods for the time to an event."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.methods.base import MethodPart


class Survival(MethodPart):
    """Kaplan-Meier curves, numbers at risk, quantiles, log-rank tests and hazard ratios."""

    name: Literal["survival"]
    time: str = "AVAL"
    """Column with the time to the event or to censoring."""
    censored: str = "CNSR"
    """Column that is 0 where the event was seen, and above 0 where the subject was censored."""
    unit: Literal["days", "weeks", "months", "years"] = "days"
    """Unit of `time`."""
    times: tuple[float, ...] = ()
    """Times at which the curve and the numbers at risk are given besides those of the events."""
    quantile: float = Field(0.5, gt=0, lt=1)
    """Proportion with the event; 0.5 is the median."""
    limits: Literal["log-log", "log", "plain"] = "log-log"
    """Scale on which the limits of the curve are symmetric."""
    level: float = Field(0.95, gt=0, lt=1)
    logrank: bool = True
    """Log-rank test of all arms (parameter `logrank`), and of each comparison."""
    cox: bool = True
    """Hazard ratio of each comparison (parameter `cox`)."""
    ties: Literal["efron", "breslow", "exact"] = "efron"
    strata: tuple[str, ...] = ()
    """Columns whose levels are the strata of the tests and of the hazard ratio."""
    covariates: tuple[str, ...] = ()
    """Numbers that the hazard ratio is adjusted for."""

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.time, self.censored, *self.strata, *self.covariates)
