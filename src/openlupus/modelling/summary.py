"""The printed summaries of linear models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from openlupus.statistics.mmrm.hypotheses import type_three
from openlupus.statistics.mmrm.inference import Estimates

if TYPE_CHECKING:
    from openlupus.modelling.linear import LinearModel
    from openlupus.modelling.repeated import Mmrm

_STRUCTURE = {
    "us": "unstructured",
    "toeph": "heterogeneous Toeplitz",
    "toep": "Toeplitz",
    "ar1h": "heterogeneous autoregressive",
    "ar1": "autoregressive",
    "csh": "heterogeneous compound symmetry",
    "cs": "compound symmetry",
    "adh": "heterogeneous ante-dependence",
    "ad": "ante-dependence",
    "sp_exp": "spatial exponential",
    "sp_gau": "spatial Gaussian",
}
_VCOV = {
    "asymptotic": "model-based",
    "kenward-roger": "Kenward-Roger",
    "kenward-roger-linear": "Kenward-Roger without second derivatives",
    "kenward-roger-sas": "Kenward-Roger in the parameters of PROC MIXED",
    "empirical": "empirical sandwich",
    "empirical-bias-reduced": "empirical sandwich, bias-reduced (CR2)",
    "empirical-jackknife": "empirical sandwich, jackknife (CR3)",
}


def linear_summary(model: "LinearModel") -> str:
    """Fit, coefficients and F tests of an analysis of covariance, as text."""
    chosen, fit = model.inference, model.inference.fit
    ((spread,),) = fit.visit_covariance[0] ** 0.5
    lines = [
        "Analysis of covariance by least squares",
        f"  formula                       {model.formula.text}",
        f"  standard errors               {_VCOV[chosen.vcov]}",
        f"  observations                  {fit.n_observations}",
        f"  residual standard deviation   {spread:.4f}",
        *(f"  note                          {note}" for note in model.notes),
        "",
        *_coefficients(model.design.names, chosen.estimate(np.eye(fit.beta.size)), chosen.level),
        "",
        "Type III tests",
    ]
    tested = [
        (term, chosen.joint(type_three(model.design, term))) for term in model.design.terms if term
    ]
    body = [
        [":".join(term), f"{each.numerator_df:.0f}", f"{each.df:.1f}", f"{each.statistic:.2f}",
         "<0.0001" if each.p < 0.0001 else f"{each.p:.4f}"]
        for term, each in tested
    ]  # fmt: skip
    return "\n".join([*lines, *aligned([["", "Num df", "Den df", "F", "Pr(>F)"], *body])])


def summary(model: "Mmrm") -> str:
    """Method, fit, coefficients, covariance and the proof of convergence, as text."""
    chosen, fit = model.inference, model.inference.fit
    criteria, proof = model.information(), fit.convergence
    groups = len(fit.structures)
    several = f", {groups} groups" if groups > 1 else ""
    lines = [
        f"Mixed model for repeated measures, fitted by {'REML' if fit.reml else 'ML'}",
        f"  formula             {model.formula.text}",
        f"  covariance          {_STRUCTURE[fit.structure]}, {fit.theta.size} parameters{several}",
        f"  degrees of freedom  {chosen.df}",
        f"  standard errors     {_VCOV[chosen.vcov]}",
        f"  observations        {fit.n_observations} of {fit.n_subjects} subjects",
        f"  -2 log likelihood   {-2 * fit.log_likelihood:.3f}",
        f"  AIC, AICC, BIC      {criteria.aic:.3f}, {criteria.aicc:.3f}, {criteria.bic:.3f}",
        *(f"  note                {note}" for note in model.notes),
        "",
        *_coefficients(model.design.names, chosen.estimate(np.eye(fit.beta.size)), chosen.level),
        "",
    ]
    for name, matrix in zip(fit.labels.groups, fit.visit_covariance, strict=True):
        visits = (
            fit.labels.visits if not fit.structures[0].spatial else ("distance 0", "distance 1")
        )
        title = "Covariance of the visits" + (f", group {name}" if groups > 1 else "")
        body = [
            [visit, *(f"{x:.4f}" for x in row)] for visit, row in zip(visits, matrix, strict=True)
        ]
        lines += [title, *aligned([["", *visits], *body]), ""]
    lines.append(
        f"Converged: largest derivative of the log-likelihood {proof.gradient:.1e},"
        f" {proof.distance:.1e} standard errors from the maximum,"
        f" smallest eigenvalue of the scaled Hessian {proof.smallest_eigenvalue:.2g}"
    )
    return "\n".join(lines)


def _coefficients(names: Sequence[str], found: Estimates, level: float) -> list[str]:
    head = ["", "Estimate", "Std. Error", "df", "t", "Pr(>|t|)", f"{level:.0%} limits", ""]
    columns = (
        found.value,
        found.standard_error,
        found.df,
        found.t,
        found.p,
        found.lower,
        found.upper,
    )
    rows = [
        [
            name, f"{value:.4f}", f"{error:.4f}", f"{df:.1f}", f"{t:.2f}",
            "<0.0001" if p < 0.0001 else f"{p:.4f}", f"{lower:.4f}", f"{upper:.4f}",
        ]
        for name, value, error, df, t, p, lower, upper in zip(names, *columns, strict=True)
    ]  # fmt: skip
    return ["Coefficients", *aligned([head, *rows])]


def aligned(rows: list[list[str]]) -> list[str]:
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
