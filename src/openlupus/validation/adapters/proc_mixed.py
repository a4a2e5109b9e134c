"""Compare our numbers with those that SAS PROC MIXED printed.

PROC MIXED stops when g' H^-1 g / |f| < 1e-8 for its objective f = -2 log L (its documented default,
CONVH=1E-8). Its parameters may therefore stand anywhere in the ellipsoid where d' I d < r^2, I the
information and r^2 = |f| 1e-8 / 2. A number is compared to half its last printed digit plus the
most that it can change within that ellipsoid, computed from the number's own derivative.
"""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from openlupus.modelling import Mmrm
from openlupus.statistics.mmrm.fit import Fit
from openlupus.statistics.mmrm.inference import Df, Vcov
from openlupus.statistics.mmrm.likelihood import evaluate
from openlupus.validation.adapters.repeated import fitted, of_the_same_data, repeated
from openlupus.validation.golden import Record, parts, require

WHY = "PROC MIXED stops at g'H^-1 g / |f| < 1e-8: the numbers may move that far"
_CONVERGED = 1e-8
TYPES = {
    "un": "us", "ar(1)": "ar1", "arh(1)": "ar1h", "cs": "cs", "csh": "csh", "toep": "toep",
    "toeph": "toeph", "ante(1)": "adh", "sp(exp)": "sp_exp", "sp(gau)": "sp_gau",
}  # fmt: skip
VISIT_TYPES = [kind for kind in TYPES if not kind.startswith("sp(")]
DDFM: dict[str, tuple[Df, Vcov]] = {
    "kr": ("kenward-roger", "kenward-roger-sas"),
    "kr(linear)": ("kenward-roger", "kenward-roger-linear"),
    "satterthwaite": ("satterthwaite", "asymptotic"),
    "bw": ("between-within", "asymptotic"),
}

Numbers = dict[str, float]


@dataclass(frozen=True)
class Answer:
    """Our numbers by the place where the record has them, and how they follow from a fit."""

    fit: Fit
    numbers: Callable[[Fit], Numbers]


def model(
    record: Record,
    model: str,
    kind: str,
    *,
    reml: bool,
    weight: str | None = None,
    group: str | None = None,
    levels: dict[str, list[str]] | None = None,
) -> Mmrm:
    """The model of a MODEL and a REPEATED statement."""
    visit, subject = repeated(record)
    name, places = parts(r"([a-z]+(?:\([a-z0-9]+\))?)(?:\(([\w ]+)\))?", kind)
    where = ", ".join(places.split()) if places else visit
    who = f"{group} / {subject}" if group else subject
    formula = f"{model.replace('=', '~')} + {TYPES[name]}({where} | {who})"
    return fitted(
        formula, record, levels or {},
        reml=reml, df="satterthwaite", vcov="asymptotic", weights=weight,
    )  # fmt: skip


def response(record: Record) -> str:
    """The response, as other records of the same data state it."""
    (found,) = {
        re.split(r"[~=]", other.options[key])[0].strip()
        for other in of_the_same_data(record)
        for key in ("formula", "model")
        if key in other.options
    }
    return found


def compare(record: Record, answer: Answer, wanted: dict[str, str]) -> float:
    """Largest difference relative to the number; fails where one is beyond its own limit.

    `wanted` holds the record's numbers as they are printed, by place.
    """
    ours = answer.numbers(answer.fit)
    require(bool(wanted), f"{record.id} holds no number")
    missing = set(wanted) - set(ours)
    require(not missing, f"{record.id}: nothing is said of {sorted(missing)}")
    reach = _reach(answer)
    worst = 0.0
    for place, text in wanted.items():
        if text.startswith("<"):
            smaller = ours[place] < float(text[1:])
            require(smaller, f"{record.id}: {place} is {ours[place]}, printed {text}")
            continue
        want, limit = float(text), _half_digit(text) + reach.get(place, 0.0)
        difference = abs(ours[place] - want)
        require(
            difference <= limit,
            f"{record.id}: {place} is {ours[place]!r}, printed {text}; they differ by"
            f" {difference:.3g}, allowed {limit:.3g} ({reach.get(place, 0.0):.3g} of it by SAS's"
            " criterion of convergence)",
        )
        worst = max(worst, max(difference - _half_digit(text), 0.0) / max(abs(want), 1e-3))
    return worst


def _half_digit(text: str) -> float:
    mantissa, _, exponent = text.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5000001 * 10.0 ** (-decimals + int(exponent or 0))


def _reach(answer: Answer) -> Numbers:
    """The most that each number can change within the ellipsoid of SAS's criterion."""
    fit = answer.fit
    radius = np.sqrt(_CONVERGED / 2 * abs(2 * fit.log_likelihood))
    axes = radius * np.linalg.cholesky(fit.theta_covariance)
    squared: Numbers = {}
    for axis in axes.T:
        above = answer.numbers(_at(fit, fit.theta + axis))
        below = answer.numbers(_at(fit, fit.theta - axis))
        for place in above:
            squared[place] = squared.get(place, 0.0) + ((above[place] - below[place]) / 2) ** 2
    return {place: value**0.5 for place, value in squared.items()}


def _at(fit: Fit, theta: np.ndarray) -> Fit:
    """The same model with other covariance parameters."""
    at = evaluate(
        [own.panel for own in fit.evaluation.parts], fit.structures, theta, reml=fit.reml,
        log_weights=float(np.log(fit.data.weights).sum()),
    )  # fmt: skip
    return replace(
        fit, theta=theta, beta=at.beta + fit.beta - fit.evaluation.beta, covariance=at.covariance,
        slopes=at.slopes, theta_covariance=np.linalg.inv(at.hessian), log_likelihood=-at.value,
        evaluation=at,
    )  # fmt: skip
