"""Adapters of stats/binary: stratified tables."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import math
from typing import Any

import numpy as np

from openlupus.statistics import homogeneity, ratio, score
from openlupus.statistics.cmh import cmh
from openlupus.statistics.exact_odds_ratio import exact_odds_ratio
from openlupus.statistics.risk_difference import (
    adjusted_rates,
    common_risk_difference,
    inverse_variance,
    stratified_newcombe,
    stratified_wilson,
    stratum_weights,
)
from openlupus.validation.adapters.counts import (
    check_dropped,
    level,
    stratified,
    test_fields,
    three,
    wald_fields,
)
from openlupus.validation.golden import Adapter, Record, require

SCORE_WEIGHTS = {
    "MH": "cmh",
    "IVS": "inverse-variance",
    "INV": "gart-nam",
    "MN": "miettinen-nurminen",
}
CONTRAST = {"RD": "difference", "RR": "ratio", "OR": "odds-ratio"}


ROUNDED_RATES = "the package rounds the constrained rates to 10 decimals"
FLOORED_RATES = "the package keeps constrained rates away from 0 and 1 by 1e-8"
UNIROOT_WHY = "R finds the odds ratios by uniroot at its default tolerance"
ODDS_RATIOS = frozenset({"cond_mle_or", "or_lower", "or_upper"})


def cmh_with_odds_ratio(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    got = cmh(x, n, correct=record.options["correct"], level=level(record))
    check_dropped(record, got.warnings)
    return {
        "statistic": got.statistic, "df": got.df, "p": got.p,
        "common_or": got.common_odds_ratio, "or_lower": got.lower, "or_upper": got.upper,
    }  # fmt: skip


def cmh_sums(record: Record) -> dict[str, Any]:
    got = cmh(*stratified(record), correct=record.options.get("correct", False))
    return {
        "statistic": got.statistic, "df": got.df, "p": got.p, "sum_observed": got.observed,
        "sum_expected": got.expected, "sum_variance": got.variance,
        "direction": np.sign(got.observed - got.expected),
    }  # fmt: skip


def exact_stratified(record: Record) -> dict[str, Any]:
    got = exact_odds_ratio(*stratified(record), level=level(record))
    check_dropped(record, got.warnings)
    return {
        "p": got.p, "cond_mle_or": got.value, "or_lower": got.lower, "or_upper": got.upper
    }  # fmt: skip


def sato(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    got = common_risk_difference(x, n, variance="sato", level=level(record))
    check_dropped(record, got.warnings)
    weights = stratum_weights(x, n)
    return {**wald_fields(got), "weights": weights[(n > 0).all(axis=0)]}


def greenland_robins(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    got = common_risk_difference(x, n, level=level(record))
    check_dropped(record, got.warnings)
    rates = adjusted_rates(x, n)
    unbiased = common_risk_difference(x, n, variance="unbiased", level=level(record))
    return {
        **wald_fields(got), "adjusted_rate_T": rates.test, "adjusted_rate_C": rates.control,
        "se_with_n_minus_1": unbiased.standard_error,
    }  # fmt: skip


def inverse_variance_wald(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    got = inverse_variance(x, n, level=level(record))
    check_dropped(record, got.warnings)
    if math.isnan(got.value):
        return {"error": got.warnings[-1]}
    each = np.array([inverse_variance(x[:, s], n[:, s]).value for s in range(x.shape[1])])
    weight = np.array(
        [inverse_variance(x[:, s], n[:, s]).standard_error for s in range(x.shape[1])]
    )
    known = ~np.isnan(each)
    q = np.sum(((each - got.value) / weight)[known] ** 2)
    return {**wald_fields(got), "Q": q, "Q_df": int(known.sum()) - 1}


def yan_su(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    got = stratified_newcombe(x, n, level=level(record))
    check_dropped(record, got.warnings)
    test, control = stratified_wilson(x, n, level=level(record))
    said = [text for text in got.warnings if "ordinary normal quantile" in text]
    degenerate = int(test.degenerate) + int(control.degenerate)
    require(len(said) == degenerate, f"{record.id}: {got.warnings}")
    return {
        "estimate": got.value, "lower": got.lower, "upper": got.upper,
        "stratified_wilson_T": [test.lower, test.upper],
        "stratified_wilson_C": [control.lower, control.upper],
        "stratum_quantile_T": test.quantile, "stratum_quantile_C": control.quantile,
        "degenerate_variance": {"T": test.degenerate, "C": control.degenerate},
    }  # fmt: skip


def stratified_score(record: Record) -> dict[str, Any]:
    o, (x, n) = record.options, stratified(record)
    require(bool(not any(o.get(name) for name in ("cc", "random", "rr_tang", "or_bias"))), str(o))
    same = {
        "contrast": CONTRAST[o.get("contrast", "RD")],
        "weights": SCORE_WEIGHTS[o.get("weighting", "MH")],
        "bias_correction": o.get("bcf", True),
    }
    got = score.miettinen_nurminen(x, n, level=level(record), skewness=o.get("skew", False), **same)
    check_dropped(record, got.warnings)
    test = score.score_test(x, n, **same)
    q = score.score_heterogeneity(x, n, **same)
    return {
        "estimate": _as_the_package_prints(got.value, record.results.get("estimate")),
        "lower": got.lower, "upper": got.upper,
        "chisq": test.z**2, "p_two_sided": test.p, "z_at_zero": test.z, "p_at_zero": test.p,
        "Q": {"Q": q.statistic, "Q_df": q.df, "pval_het": q.p},
    }  # fmt: skip


def _as_the_package_prints(value: Any, expected: Any) -> Any:
    # The package solves on a tangent scale, where infinity is 1.6e16; it calls limits above 1e15
    # infinite, and leaves estimates as they are.
    if isinstance(expected, float) and value == math.inf and expected > 1e15:
        return expected
    return value


def summary(record: Record) -> dict[str, Any]:
    got = score.summary_score(*stratified(record), level=level(record))
    check_dropped(record, got.interval.warnings)
    return {**wald_fields(got.interval), "z": got.z, "p": got.p}


def mantel_haenszel_ratio(record: Record) -> dict[str, Any]:
    got = ratio.mantel_haenszel_ratio(*stratified(record), level=level(record))
    check_dropped(record, got.warnings)
    return {
        "estimate": got.value, "se_log": got.standard_error, "lower": got.lower, "upper": got.upper
    }  # fmt: skip


def breslow_day(record: Record) -> dict[str, Any]:
    tarone = bool(record.options.get("tarone", False)) if record.options else False
    got = homogeneity.breslow_day(*stratified(record), tarone=tarone)
    return {
        "statistic": got.statistic, "df": got.df, "p": got.p, "strata_used": got.df + 1
    }  # fmt: skip


def woolf(record: Record) -> dict[str, Any]:
    return test_fields(homogeneity.woolf(*stratified(record)))


def odds_ratios(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    common = cmh(x, n, level=level(record))
    logit = ratio.logit_odds_ratio(x, n, level=level(record))
    return {
        "mh": [common.common_odds_ratio, common.lower, common.upper], "logit": three(logit)
    }  # fmt: skip


def relative_risks(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    return {
        "mh": three(ratio.mantel_haenszel_ratio(x, n, level=level(record))),
        "logit": three(ratio.logit_ratio(x, n, level=level(record))),
    }


def general_association(record: Record) -> dict[str, Any]:
    return test_fields(cmh(*stratified(record)))


ADAPTERS = [
    Adapter("cochran-mantel-haenszel chi-square (2x2xk)*", cmh_with_odds_ratio),
    Adapter("cmh chi-square from cell formula*", cmh_sums),
    Adapter("exact conditional test of common or*", exact_stratified,
            uniroot=ODDS_RATIOS, why=UNIROOT_WHY),
    Adapter("common risk difference*sato*variance*", sato),
    Adapter("common risk difference*greenland-robins*variance*", greenland_robins),
    Adapter("common risk difference*inverse-variance*", inverse_variance_wald),
    Adapter("stratified newcombe ci of yan & su*", yan_su),
    Adapter("stratified miettinen-nurminen score ci for *weighting=*", stratified_score,
            absolute=1e-9, why=ROUNDED_RATES),
    Adapter("stratified miettinen-nurminen score ci for *bisection*", stratified_score),
    Adapter("stratified miettinen-nurminen score ci for rd, mh weights", stratified_score,
            absolute=1e-9, why=ROUNDED_RATES),
    Adapter("stratified miettinen-nurminen score ci for rr, mh weights", stratified_score,
            relative=1e-7, why=FLOORED_RATES),
    Adapter("stratified miettinen-nurminen score ci for or, mh weights", stratified_score,
            relative=1e-7, why=FLOORED_RATES),
    Adapter("stratified mee score ci*", stratified_score),
    Adapter("stratified scas*", stratified_score, absolute=1e-9, why=ROUNDED_RATES),
    Adapter("stratified miettinen-nurminen with cmh weights*", stratified_score,
            printed_units=1, why="a search that stops at the last digit printed"),
    Adapter("summary score estimate*", summary),
    Adapter("mantel-haenszel common relative risk*", mantel_haenszel_ratio),
    Adapter("breslow-day*", breslow_day),
    Adapter("woolf homogeneity test*", woolf),
    Adapter("cmh general association", general_association),
    Adapter("mh odds ratio and logit odds ratio", odds_ratios),
    Adapter("mh and logit relative risk*", relative_risks),
    Adapter("commonriskdiff(cl=newcombe*", yan_su),
    Adapter("commonriskdiff(cl=score*", summary),
]  # fmt: skip
