"""Adapters of printed listings of SAS PROC MIXED."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from openlupus.modelling import Mmrm
from openlupus.statistics.mmrm.design import Covariate
from openlupus.statistics.mmrm.fit import Fit, information_criteria
from openlupus.statistics.mmrm.inference import inference
from openlupus.statistics.mmrm.likelihood import part
from openlupus.statistics.mmrm.parameters import covariance_parameters
from openlupus.statistics.mmrm.sufficient import panels
from openlupus.validation.adapters.proc_mixed import (
    DDFM,
    WHY,
    Answer,
    Numbers,
    compare,
    model,
    response,
)
from openlupus.validation.adapters.repeated import (
    cell_rows,
    frame,
    of_the_same_data,
    repeated,
)
from openlupus.validation.golden import Adapter, Record, parts, require

_LISTED = {
    "Unstructured": "un", "Autoregressive": "ar(1)", "Heterogeneous": "arh(1)",
    "Compound Symmetry": "cs", "Heterogeneous Compound": "csh", "Toeplitz": "toep",
    "Heterogeneous Toeplitz": "toeph", "Ante-dependence": "ante(1)",
    "Spatial Exponential": "sp(exp)", "Spatial Gaussian": "sp(gau)",
}  # fmt: skip


def listing(record: Record) -> Answer:
    """A printed listing: criteria, covariance parameters, coefficients, least-squares means."""
    options, results = record.options, record.results
    lines = [_line(text, record) for text in _own_lines(results, "fixed_effects_listing")]
    effects = list(dict.fromkeys(line.effect for line in lines if line.effect != "Intercept"))
    statement = f"{response(record)} = {' + '.join(effects).replace('*', ':') or '1'}"
    last = {
        line.effect: line.levels[0] for line in lines if line.is_reference and len(line.levels) == 1
    }
    data, (visit, _) = frame(record), repeated(record)
    levels = {effect: _first(_known(data, effect), level) for effect, level in last.items()}
    kinds, printed = _kinds(record), results["fit"]["minus2_loglik"]
    models = [
        model(
            record, statement, kind, reml=_is_reml(record), weight=options["weight"],
            group=options["group"], levels=levels,
        )
        for kind in kinds
    ]  # fmt: skip
    found = min(models, key=lambda m: abs(-2 * m.inference.fit.log_likelihood - printed))
    order = _visit_order(record, found, last.get(visit), kinds[0])
    return Answer(found.inference.fit, lambda fit: _listed(record, found, fit, order))


@dataclass(frozen=True)
class Line:
    """One line of a listing: an effect, its levels, and what is printed of it."""

    effect: str
    levels: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def is_reference(self) -> bool:
        return self.values[1] == "."


def _own_lines(results: dict[str, Any], name: str) -> list[str]:
    """Lines of a table, without those that a second table repeats with a running number."""
    return [text for text in results.get(name, []) if not re.match(r"\d", text)]


def _line(text: str, record: Record) -> Line:
    effect, _, rest = text.partition(" ")
    data = frame(record)
    levels: list[str] = []
    for factor in effect.split("*") if effect != "Intercept" else []:
        known = [level for level in _known(data, factor) if rest.startswith(level + " ")]
        levels += sorted(known, key=len)[-1:]
        rest = rest.removeprefix(levels[-1]).strip() if known else rest
    return Line(effect, tuple(levels), tuple(rest.split()))


def _known(data: Any, factor: str) -> list[str]:
    return [str(level) for level in data[factor].drop_nulls().unique().sort().to_list()]


def _first(levels: list[str], level: str) -> list[str]:
    return [level, *(other for other in levels if other != level)]


def _last(levels: list[str], level: str) -> list[str]:
    return [*(other for other in levels if other != level), level]


def _kinds(record: Record) -> list[str]:
    """The structure; a spatial listing does not say its coordinates: those that other records of
    the data name, or the first of them alone."""
    kind = _LISTED[record.options["structure_printed"]]
    if not kind.startswith("sp("):
        return [kind]
    named = next(
        found[1].split()
        for other in of_the_same_data(record)
        if (found := re.search(r"sp\(\w+\)\(([\w ]+)\)", str(other.options.get("type"))))
    )
    return [f"{kind}({' '.join(named[:number])})" for number in range(1, len(named) + 1)]


def _visit_order(record: Record, found: Mmrm, reference: str | None, kind: str) -> tuple[str, ...]:
    """The visits in the order of the listing: a level that REF= names comes last.

    Where the visit is an effect its reference line says which; else an unstructured listing does
    not say it, and the order that fits its variances is taken.
    """
    known = _known(frame(record), repeated(record)[0])
    if kind != "un":
        require(reference in (None, known[0]), "the order of coefficients and covariance differ")
        return tuple(known)
    orders = [tuple(_last(known, level)) for level in ([reference] if reference else known)]
    printed = {name.split()[0]: float(value) for name, value, *_ in _parameters(record)}

    def distance(order: tuple[str, ...]) -> float:
        pairs = zip(covariance_parameters(found.inference.fit), _names(found, order), strict=True)
        return sum(abs(parameter.value - printed[name]) for parameter, name in pairs)

    return min(orders, key=distance)


def _names(found: Mmrm, order: tuple[str, ...]) -> list[str]:
    """What the listing calls our parameters, its visits being in another order than ours."""
    fit = found.inference.fit
    names: list[str] = []
    for parameter in covariance_parameters(fit):
        pair = re.fullmatch(r"UN\((\d+),(\d+)\)", parameter.name)
        if pair is None:
            names.append(parameter.name)
            continue
        places = [order.index(fit.labels.visits[int(k) - 1]) + 1 for k in pair.groups()]
        names.append(f"UN({max(places)},{min(places)})")
    return names


def _is_reml(record: Record) -> bool:
    """By the number of parameters that AIC counts: maximum likelihood counts coefficients too."""
    fit = record.results["fit"]
    counted = round((fit["AIC"] - fit["minus2_loglik"]) / 2)
    return counted == len(_parameters(record))


def _parameters(record: Record) -> list[tuple[str, str, str, str]]:
    found: list[tuple[str, str, str, str]] = []
    for text in record.results["covariance_parameters_listing"]:
        name, value, lower, upper = parts(r"(.*?) (\S+) 0\.05 (\S+) (\S+)", text)
        found.append((name, value, lower, upper))
    return found


def _listed(record: Record, found: Mmrm, fit: Fit, order: tuple[str, ...]) -> Numbers:
    subjects = frame(record)[repeated(record)[1]].n_unique()
    criteria = information_criteria(fit, convention="sas", subjects=subjects)
    got: Numbers = {
        "fit.minus2_loglik": -2 * fit.log_likelihood, "fit.AIC": criteria.aic,
        "fit.AICC": criteria.aicc, "fit.BIC": criteria.bic,
    }  # fmt: skip
    places = _places(record, found, order)
    for parameter, place in zip(covariance_parameters(fit), places, strict=True):
        got |= {
            f"parameter[{place}].0": parameter.value,
            f"parameter[{place}].1": parameter.lower,
            f"parameter[{place}].2": parameter.upper,
        }
    header = record.options["ddfm_printed"].strip()
    df, vcov = DDFM["kr" if header == "Kenward-Roger" else "satterthwaite"]
    chosen = inference(_without_weights(fit) if record.options["weight"] else fit, df=df, vcov=vcov)
    for table in ("fixed", "lsmeans"):
        for k, line in enumerate(_lines(record, table)):
            e = chosen.estimate(_row(found, line, table))
            values = [e.value, e.standard_error, e.df, e.t, e.p, [0.05], e.lower, e.upper]
            got |= {f"{table}[{k}].{n}": float(v[0]) for n, v in enumerate(values)}
    return got


def _without_weights(fit: Fit) -> Fit:
    """The fit with PROC MIXED's derivatives for Satterthwaite's degrees of freedom.

    With V = W^-1/2 R W^-1/2 it takes dR for dV: the WEIGHT is left out of the derivative. All
    degrees of freedom that it prints with a WEIGHT follow from that; R's mmrm and we keep it.
    """
    panels_of_subjects = panels(fit.data, compress=False)
    slopes: list[np.ndarray] = []
    each = np.split(fit.theta, len(fit.structures))
    for panel, structure, theta in zip(panels_of_subjects, fit.structures, each, strict=True):
        whole = part(panel, structure, theta)
        weights = np.zeros((fit.n_subjects, panel.present.shape[1]))
        weights[fit.data.subject, fit.data.visit] = fit.data.weights
        turned = whole.solved * np.sqrt(weights[panel.subject])[:, :, None]
        slopes.append(-whole.directions.between(turned)[:, :-1, :-1])
    return replace(fit, slopes=np.concatenate(slopes))


def _lines(record: Record, table: str) -> list[Line]:
    name = {"fixed": "fixed_effects_listing", "lsmeans": "lsmeans_listing"}[table]
    lines = [_line(text, record) for text in _own_lines(record.results, name)]
    return [line for line in lines if not line.is_reference]


def _places(record: Record, found: Mmrm, order: tuple[str, ...]) -> list[int]:
    """Our parameters' places in the listing, which has two words for a single variance."""
    printed = [name for name, *_ in _parameters(record)]
    fit = found.inference.fit
    places: list[int] = []
    for parameter, name in zip(covariance_parameters(fit), _names(found, order), strict=True):
        names = {"Variance", "Residual"} if name in ("Variance", "Residual") else {name}
        (place,) = [
            k
            for k, own in enumerate(printed)
            if own.split()[0] in names
            and (len(fit.structures) == 1 or own.endswith(f" {parameter.group}"))
        ]
        places.append(place)
    return places


def _row(found: Mmrm, line: Line, table: str) -> np.ndarray:
    if table == "lsmeans":
        pairs = zip(line.effect.split("*"), line.levels, strict=True)
        return cell_rows(found, {factor: [level] for factor, level in pairs})[0]
    wanted = set(zip(line.effect.split("*"), line.levels, strict=True)) if line.levels else set()
    row = np.zeros(len(found.design.names))
    for k, factors in enumerate(found.design.columns):
        row[k] = float({_label(found, name, level) for name, level in factors} == wanted)
    require(row.sum() == 1, str(line))
    return row


def _label(found: Mmrm, name: str, level: int | None) -> tuple[str, str]:
    variable = found.design.variables[name]
    return name, "" if level is None or isinstance(variable, Covariate) else variable.levels[level]


def _wanted(record: Record) -> dict[str, str]:
    """The record's numbers as they are printed, by place; labels and reference lines left out."""
    wanted = {f"fit.{name}": repr(value) for name, value in record.results["fit"].items()}
    for k, (_, *values) in enumerate(_parameters(record)):
        wanted |= {f"parameter[{k}].{n}": value for n, value in enumerate(values)}
    for table in ("fixed", "lsmeans"):
        for k, line in enumerate(_lines(record, table)):
            wanted |= {f"{table}[{k}].{n}": value for n, value in enumerate(line.values)}
    return wanted


def _worst(record: Record, answer: Answer) -> float:
    return compare(record, answer, _wanted(record))


ADAPTERS = [Adapter("PROC MIXED printed listing*", listing, worst=_worst, why=WHY)]
