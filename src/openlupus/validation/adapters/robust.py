"""Adapters of records of robust and least-squares regression."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from typing import Any

import numpy as np

from openlupus.statistics.robust.least_squares import Regression, least_squares, r_squared
from openlupus.statistics.robust.m import m_estimate
from openlupus.statistics.robust.mm import mm_estimate, smdm_estimate
from openlupus.statistics.robust.psi import Bisquare, Hampel, Huber, Psi
from openlupus.validation.golden import Adapter, Record, floats, require

# MASS's constants of the S start; its M step has c = 4.685.
RLM_S, RLM_M = Bisquare(1.548), Bisquare(4.685)


def design(record: Record) -> dict[str, Any]:
    """`y ~ a + b`, numeric terms; R's names."""
    outcome, right = (side.strip() for side in record.options["formula"].split("~"))
    rows = record.rows()
    others = [name for name in rows[0] if name != outcome]
    names = others if right == "." else [term.strip() for term in right.split("+")]
    require(all(re.fullmatch(r"[\w.]+", name) for name in names), f"{record.id}: {names}")
    rows = [row for row in rows if all(row[name] not in ("", "NA") for name in (outcome, *names))]
    columns = [floats(rows, name) for name in names]
    return {
        "x": np.column_stack([np.ones(len(rows)), *columns]),
        "y": floats(rows, outcome),
        "names": ["(Intercept)", *names],
    }


def _psi(name: str, constants: Any) -> Psi:
    name = name.removeprefix("psi.")
    return {"huber": Huber, "bisquare": Bisquare, "hampel": Hampel}[name](
        *np.atleast_1d(constants).tolist()
    )


def numbers(fit: Regression) -> dict[str, Any]:
    return {
        "term": list(fit.names), "estimate": fit.coefficients, "se": fit.standard_errors,
        "t": fit.t, "p": fit.p, "scale": fit.scale, "sigma": fit.scale, "df": fit.df,
        "weights": fit.weights, "converged": fit.converged, "iterations": fit.iterations,
    }  # fmt: skip


def rlm(record: Record) -> dict[str, Any]:
    o = record.options
    scale = "mad" if o["scale.est"] == "MAD" else "proposal-2"
    psi = _psi(o["psi"], o["k"])
    return numbers(
        m_estimate(**design(record), psi=psi, scale=scale, tolerance=o["acc"], steps=o["maxit"])
    )


def robustreg(record: Record) -> dict[str, Any]:
    o = record.options
    fits = {
        errors: m_estimate(
            **design(record), psi=_psi(o["psi"], o["c"]), scale="median", errors=errors,
            convergence="coefficients", tolerance=o["convergence"],
        )
        for errors in ("H1", "H2", "H3")
    }  # fmt: skip
    fit = fits["H1"]
    u = fit.residuals / fit.scale
    slope = _psi(o["psi"], o["c"]).slope(u)
    n, p = u.size, fit.coefficients.size
    return numbers(fit) | {
        "K": 1 + p / n * slope.var() / slope.mean() ** 2,
        **{f"se_{errors}": each.standard_errors for errors, each in fits.items()},
    }


def rlm_mm(record: Record) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return numbers(mm_estimate(**design(record), rng=rng, scale_rho=RLM_S, psi=RLM_M, errors="rlm"))


def lmrob(record: Record) -> dict[str, Any]:
    estimate = {"default": mm_estimate, "KS2014": smdm_estimate}[record.options["setting"]]
    return numbers(estimate(**design(record), rng=np.random.default_rng(1)))


def ols(record: Record) -> dict[str, Any]:
    data = design(record)
    fit = least_squares(**data, errors=record.options.get("type", "classical"))
    return numbers(fit) | {"r_squared": r_squared(fit, data["y"])}


def _steps_may_differ(_: Record, where: str, want: float) -> float:
    """At 1e-13 rounding decides when a fit stops: two steps more or less are the same fit."""
    return 2.0 if where == "iterations" else max(1e-8 * abs(want), 1e-12)


RANDOM = "the S start of the reference is searched by random subsets; it states 1e-4"
ADAPTERS = [
    Adapter("M-estimation by IRLS", rlm),
    Adapter(
        "M-estimation from OLS start with scale = median*", robustreg, limit=_steps_may_differ,
        why="numbers of steps at a tolerance of 1e-13 depend on rounding",
    ),
    Adapter("MM-estimation (S start*", rlm_mm, relative=1e-4, absolute=1e-4, why=RANDOM),
    Adapter("MM (default) or SMDM*", lmrob, relative=1e-4, absolute=1e-6, why=RANDOM),
    Adapter("ordinary least squares", ols),
    Adapter("OLS with heteroscedasticity-consistent covariance", ols),
]  # fmt: skip
