"""Adapters of records of times to an event."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from typing import Any

import numpy as np

from openlupus.errors import ValidationError
from openlupus.statistics.survival.cox import cox
from openlupus.statistics.survival.kaplan_meier import kaplan_meier
from openlupus.statistics.survival.logrank import logrank
from openlupus.validation.golden import Adapter, Record, floats


def curves(record: Record) -> dict[str, Any]:
    o, rows = record.options, record.rows()
    names = sorted({row[o["group"]] for row in rows}, key=_sortable)
    # The horizon of the restricted mean is stated among the results.
    tau = record.results.get("rmean_tau")
    landmarks, quartiles, means, sizes, strata = [], [], [], [], []
    for name in names:
        members = [row for row in rows if row[o["group"]] == name]
        time, event = floats(members, "time"), floats(members, "event")
        curve = kaplan_meier(time, event, scale=o["conf.type"], level=o["conf_level"])
        shown = [t for t in o["times"] if t <= time.max()]  # R shows no time beyond follow-up
        landmarks.append(curve.at(shown))
        strata += [f"{o['group']}={name}"] * len(shown)
        quartiles.append([curve.quantile(p) for p in (0.25, 0.5, 0.75)])
        sizes.append(len(members))
        if tau is not None:
            mean = curve.restricted_mean(tau)
            means.append([mean.value, mean.standard_error])

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(each, name) for each in landmarks])

    def matrix(name: str) -> dict[str, Any]:
        return {"values": [[getattr(q, name) for q in each] for each in quartiles]}

    return {
        "strata": strata, "time": column("time"), "n_risk": column("n_risk"),
        "survival": column("survival"), "std_err": column("standard_error"),
        "lower": column("lower"), "upper": column("upper"), "n": sizes,
        "quartiles": matrix("value"), "quartiles_lower": matrix("lower"),
        "quartiles_upper": matrix("upper"), "rmean": {"values": means}, "rmean_tau": tau,
    }  # fmt: skip


def test_of_groups(record: Record) -> dict[str, Any]:
    o = record.options
    used = [o[key] for key in ("group", "strata") if key in o]
    rows = _complete(record.rows(), ["time", "event", *used])
    time, event = floats(rows, "time"), floats(rows, "event")
    group = _codes(rows, o["group"])[1]
    strata = _codes(rows, o["strata"])[1] if "strata" in o else None
    got = logrank(time, event, group, strata=strata)
    peto = logrank(time, event, group, strata=strata, rho=1.0)
    return {
        "chisq": got.statistic, "p": got.p, "observed": got.observed, "expected": got.expected,
        "variance": got.covariance[0, 0], "peto_chisq": peto.statistic,
    }  # fmt: skip


def regression(record: Record) -> dict[str, Any]:
    terms = [term.strip() for term in record.options["formula"].split("~")[1].split("+")]
    by = [m[1] for term in terms if (m := re.fullmatch(r"strata\(\s*([\w.]+)\s*\)", term))]
    shown = [term for term in terms if not term.startswith("strata")]
    used = [_parts(record, r"(?:factor\(\s*)?([\w.]+)(?:\s*\))?$", term)[0] for term in shown]
    time, event = _parts(record, r"\s*Surv\((\w+)\s*,\s*(\w+)\)", record.options["formula"])
    rows = _complete(record.rows(), [time, event, *used, *by])
    names, columns = [], []
    for term, name in zip(shown, used, strict=True):
        levels, codes = _codes(rows, name)
        if term == name and all(_sortable(level)[0] == 0 for level in levels):
            names.append(name)
            columns.append(floats(rows, name))
        else:  # text and factors, coded against their first level
            names += [f"{term}{level}" for level in levels[1:]]
            columns += [(codes == i).astype(float) for i in range(1, len(levels))]
    fit = cox(
        floats(rows, time),
        floats(rows, event),
        np.column_stack(columns),
        strata=["|".join(row[name] for name in by) for row in rows] if by else None,
        ties=record.options["ties"],
        names=names,
    )
    # R names the Wald statistic by its coefficient when there is one alone.
    named = isinstance(record.results.get("wald"), dict)
    return {
        "coef": dict(zip(names, fit.coefficients, strict=True)), "se": fit.standard_errors,
        "hr": [fit.hazard_ratio(i).value for i in range(len(names))], "z": fit.z, "p": fit.p,
        "loglik": list(fit.loglikelihood), "score_test": fit.score, "n": fit.n,
        "wald": {names[0]: fit.wald} if named else fit.wald, "events": fit.events,
    }  # fmt: skip


def _parts(record: Record, pattern: str, text: str) -> tuple[str, ...]:
    match = re.match(pattern, text)
    if match is None:
        raise ValidationError(f"{record.id}: {text!r} is not understood")
    return match.groups()


def _codes(rows: list[dict[str, str]], column: str) -> tuple[list[str], np.ndarray]:
    levels = sorted({row[column] for row in rows}, key=_sortable)
    return levels, np.array([levels.index(row[column]) for row in rows])


def _complete(rows: list[dict[str, str]], columns: list[str]) -> list[dict[str, str]]:
    return [row for row in rows if all(row[name] not in ("", "NA") for name in columns)]


def _sortable(text: str) -> tuple[int, float, str]:
    number = re.fullmatch(r"-?\d+(\.\d+)?", text)
    return (0, float(text), "") if number else (1, 0.0, text)


ADAPTERS = [
    Adapter("Kaplan-Meier survival*", curves),
    Adapter("log-rank test*", test_of_groups),
    Adapter("stratified log-rank test", test_of_groups),
    Adapter("Cox proportional hazards", regression),
]
