"""Robust and least-squares regression from a formula and a frame."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import stdtrit

from openlupus.errors import StatisticsError
from openlupus.modelling.formula import parse
from openlupus.modelling.frames import Levels, Table, table
from openlupus.modelling.tidy import Rows, generator_of, printed, rows_of
from openlupus.statistics.interval import normal_quantile
from openlupus.statistics.robust.least_squares import Regression, least_squares
from openlupus.statistics.robust.m import m_estimate
from openlupus.statistics.robust.mm import mm_estimate, smdm_estimate
from openlupus.statistics.robust.normality import (
    Normality,
    NormalityRule,
    normality,
    residuals_of,
)
from openlupus.statistics.robust.psi import Bisquare, Huber

Estimator = Literal["huber", "bisquare", "mm", "smdm", "least-squares"]
Errors = Literal["", "rlm", "H1", "H2", "H3", "avar1", "classical", "HC0", "HC1", "HC2", "HC3"]
_ALLOWED: dict[Estimator, tuple[Errors, ...]] = {
    "huber": ("rlm", "H1", "H2", "H3"),
    "bisquare": ("rlm", "H1", "H2", "H3"),
    "mm": ("avar1", "rlm", "H1", "H2", "H3"),
    "smdm": ("",),
    "least-squares": ("classical", "HC0", "HC1", "HC2", "HC3"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Rlm:
    """A fitted linear model; `print` it for a summary.

    Attributes:
        formula: As it was written.
        estimator: Its name.
        fit: The fit.
        source: The frame's columns and library.
        rows: The rows used.
        level: Two-sided coverage of the limits.
    """

    formula: str
    estimator: Estimator
    fit: Regression
    source: Table
    rows: Rows
    level: float

    def coefficients(self) -> Any:
        """One row a coefficient: term, estimate, standard_error, df, t, p, lower, upper."""
        return self.source.frame(self._columns())

    def weights(self) -> Any:
        """Row of the frame (from 0), residual and robustness weight of each observation."""
        return self.source.frame(
            {
                "row": np.flatnonzero(self.rows.complete),
                "residual": self.fit.residuals,
                "weight": self.fit.weights,
            }
        )

    def normality(self, rule: NormalityRule | None = None) -> Normality:
        """What a declared rule of normality sees in the residuals of least squares."""
        declared = rule or NormalityRule()
        if self.estimator != "least-squares":
            raise StatisticsError("the rule judges residuals of estimator='least-squares'")
        return normality(residuals_of(self.fit, declared.residuals), declared)

    def __str__(self) -> str:
        facts = {
            "formula": self.formula,
            "estimator": self.fit.method,
            "observations": f"{self.fit.residuals.size}",
            "scale": f"{self.fit.scale:.6g}",
            "smallest weight": f"{self.fit.weights.min():.3f}",
            "note": "; ".join((*self.rows.notes, *self.fit.warnings)),
        }
        return printed("Linear model", facts, self._columns())

    def _columns(self) -> dict[str, list[Any]]:
        fit = self.fit
        finite = np.isfinite(fit.df)
        quantile = (
            float(stdtrit(fit.df, (1 + self.level) / 2)) if finite else normal_quantile(self.level)
        )
        half = quantile * fit.standard_errors
        return {
            "term": list(fit.names),
            "estimate": fit.coefficients.tolist(),
            "standard_error": fit.standard_errors.tolist(),
            "df": [fit.df] * len(fit.names),
            "t": fit.t.tolist(),
            "p": fit.p.tolist(),
            "lower": (fit.coefficients - half).tolist(),
            "upper": (fit.coefficients + half).tolist(),
        }


def rlm(
    formula: str,
    data: Any,
    *,
    estimator: Estimator = "huber",
    errors: Errors = "",
    seed: int | np.random.Generator = 1,
    level: float = 0.95,
    levels: Levels | None = None,
) -> Rlm:
    """Robust linear regression.

    Args:
        formula: `CHG ~ ARM + BASE`.
        data: A frame of pandas, polars or pyarrow.
        estimator: `huber` and `bisquare` are M estimates as MASS::rlm, `mm` and `smdm` those of
            robustbase::lmrob; `least-squares` is there for comparison.
        errors: Standard errors: `rlm`, `H1` to `H3` of PROC ROBUSTREG, `avar1` of lmrob, or for
            least squares `classical` and `HC0` to `HC3`; the first of the estimator unless given.
        seed: Of the random subsets from which `mm` and `smdm` start, where all are too many.
        level: Two-sided coverage of the limits.
        levels: Order of the levels of a column, the reference first.
    """
    if estimator not in _ALLOWED or (errors and errors not in _ALLOWED[estimator]):
        raise StatisticsError(
            f"estimator={estimator!r} with errors={errors!r}; they go together as {_ALLOWED}"
        )
    read = parse(formula)
    source = table(data, [read.response, *read.columns.values()])
    rows = rows_of(source, formula=read, numeric=(read.response,), levels=levels)
    assert rows.design is not None
    given: Any = {"x": rows.design.x, "y": rows.numbers[read.response], "names": rows.design.names}
    chosen: Any = errors or _ALLOWED[estimator][0]
    match estimator:
        case "huber":
            fit = m_estimate(**given, psi=Huber(), errors=chosen)
        case "bisquare":
            fit = m_estimate(**given, psi=Bisquare(), errors=chosen)
        case "mm":
            fit = mm_estimate(**given, rng=generator_of(seed), errors=chosen)
        case "smdm":
            fit = smdm_estimate(**given, rng=generator_of(seed))
        case "least-squares":
            fit = least_squares(**given, errors=chosen)
    return Rlm(read.text, estimator, fit, source, rows, level)
