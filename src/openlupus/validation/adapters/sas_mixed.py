"""Adapters of numbers that SAS PROC MIXED wrote at full precision."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

from typing import Any

import numpy as np
from scipy.special import chdtrc

from openlupus.modelling import Mmrm
from openlupus.statistics.mmrm.fit import Fit
from openlupus.statistics.mmrm.hypotheses import type_three, type_two
from openlupus.statistics.mmrm.inference import inference
from openlupus.validation.adapters.proc_mixed import (
    DDFM,
    TYPES,
    VISIT_TYPES,
    WHY,
    Answer,
    Numbers,
    compare,
    model,
    response,
)
from openlupus.validation.adapters.repeated import cell_rows, frame, of_the_same_data
from openlupus.validation.golden import Adapter, Record, require


def ls_mean_difference(record: Record) -> Answer:
    """`LSMEANS effect / DIFF` under DDFM=KR or KR(LINEAR)."""
    options = record.options
    found = model(record, options["model"], options["type"], reml=options["method"] == "reml")
    row = _difference_row(found, record.results)
    fit = found.inference.fit
    df, vcov = DDFM[_labels(record, fit, row)[options["ddfm"]]]
    return Answer(fit, lambda fit: _printed(fit, row, df, vcov))


def _labels(record: Record, fit: Fit, row: np.ndarray) -> dict[str, str]:
    """What each DDFM label of a pair of records stands for.

    The pair KR and KR(LINEAR) of SP(EXP) carries each other's label: without second derivatives
    the standard error does not depend on how the covariance is parametrised, so that it tells
    which of the two it is. Labels are exchanged only for the whole pair, and only where both
    numbers are nearer to the other option.
    """
    ddfm = record.options["ddfm"]
    other = {"kr": "kr(linear)", "kr(linear)": "kr"}.get(ddfm)
    if other is None or not record.options["type"].startswith("sp("):
        return {ddfm: ddfm}
    pair = {
        each.options["ddfm"]: each.results["StdErr"]
        for each in of_the_same_data(record)
        if each.method == record.method and {**each.options, "ddfm": ddfm} == record.options
    }
    ours = {name: _printed(fit, row, *DDFM[name])["StdErr"] for name in (ddfm, other)}

    def exchanged(name: str, theirs: float) -> bool:
        twin = other if name == ddfm else ddfm
        return abs(ours[twin] - theirs) < abs(ours[name] - theirs)

    swapped = len(pair) == 2 and all(exchanged(*each) for each in pair.items())
    return {ddfm: other if swapped else ddfm}


def empirical(record: Record) -> Answer:
    """The EMPIRICAL option; its degrees of freedom are the between-subject ones."""
    options = record.options
    labels = record.results["diff"]
    # The covariance is of the intercept, the mean of the level taken off, and the others' effects.
    effect, reference = labels["Effect"], labels[f"_{labels['Effect']}"]
    others = frame(record)[effect].drop_nulls().unique().sort().to_list()
    found = model(
        record, options["model"], options["type"], reml=options["method"] == "reml",
        weight=options["weight"],
        levels={effect: [reference, *(level for level in others if level != reference)]},
    )  # fmt: skip
    row = _difference_row(found, labels)

    def numbers(fit: Fit) -> Numbers:
        got = _printed(fit, row, "between-within", "empirical")
        matrix = inference(fit, df="between-within", vcov="empirical").covariance
        return {f"diff.{name}": value for name, value in got.items()} | {
            f"covb[{i}][{j}]": float(matrix[i, j])
            for i in range(len(matrix))
            for j in range(len(matrix))
        }

    return Answer(found.inference.fit, numbers)


def tests_of_effects(record: Record) -> Answer:
    """Type II and III tests.

    Their structure is not stated beside the numbers; of all structures the one that they fit is
    taken, which has to fit every degree of freedom and statistic of the record.
    """
    options = record.options
    effects = [effect.replace("*", ":") for effect in options["effects"]]
    statement = f"{response(record)} = {' + '.join(effects)}"
    df, vcov = DDFM[options["ddfm"]]
    hypothesis = {"II": type_two, "III": type_three}[options["hypothesis_type"]]

    def numbers(found: Mmrm, fit: Fit) -> Numbers:
        chosen = inference(fit, df=df, vcov=vcov)
        got: Numbers = {}
        for k, effect in enumerate(effects):
            names = set(effect.split(":"))
            (term,) = [term for term in found.design.terms if set(term) == names]
            test = chosen.joint(hypothesis(found.design, term))
            wald = test.numerator_df * test.statistic
            got |= {
                f"[{k}].NumDF": test.numerator_df, f"[{k}].DenDF": test.df,
                f"[{k}].FValue": test.statistic, f"[{k}].ProbF": test.p, f"[{k}].ChiSq": wald,
                f"[{k}].ProbChiSq": float(chdtrc(test.numerator_df, wald)),
            }  # fmt: skip
        return got

    wanted = {k: float(v) for k, v in _wanted(record).items()}

    def distance(found: Mmrm) -> float:
        got = numbers(found, found.inference.fit)
        return max(abs(got[k] / wanted[k] - 1) for k in wanted)

    reml = options["method"] == "reml"
    kinds = [options["covariance"]] if options["covariance"] in TYPES else VISIT_TYPES
    found = min((model(record, statement, kind, reml=reml) for kind in kinds), key=distance)
    return Answer(found.inference.fit, lambda fit: numbers(found, fit))


def _difference_row(found: Mmrm, labels: dict[str, Any]) -> np.ndarray:
    effect = labels["Effect"]
    require("*" not in effect, "a difference of the means of one factor is expected")
    first, second = cell_rows(found, {effect: [labels[effect], labels[f"_{effect}"]]})
    return first - second


def _printed(fit: Fit, row: np.ndarray, df: Any, vcov: Any) -> Numbers:
    got = inference(fit, df=df, vcov=vcov).estimate(row)
    return {
        "Estimate": float(got.value[0]), "StdErr": float(got.standard_error[0]),
        "DF": float(got.df[0]), "tValue": float(got.t[0]), "Probt": float(got.p[0]),
        "Lower": float(got.lower[0]), "Upper": float(got.upper[0]), "Alpha": 0.05,
    }  # fmt: skip


def _wanted(record: Record) -> dict[str, str]:
    return {k: repr(v) for k, v in _flat("", record.results) if not isinstance(v, str)}


def _flat(place: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [x for k, v in value.items() for x in _flat(f"{place}.{k}" if place else k, v)]
    if isinstance(value, list):
        return [x for k, v in enumerate(value) for x in _flat(f"{place}[{k}]", v)]
    return [(place, value)]


def _worst(record: Record, answer: Answer) -> float:
    return compare(record, answer, _wanted(record))


ADAPTERS = [
    Adapter("PROC MIXED LS-means difference*", ls_mean_difference, worst=_worst, why=WHY),
    Adapter("PROC MIXED EMPIRICAL*", empirical, worst=_worst, why=WHY),
    Adapter("PROC MIXED type I* tests of fixed effects", tests_of_effects, worst=_worst, why=WHY),
]
