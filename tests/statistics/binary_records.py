"""Adapters of stats/binary and stats/multiplicity: records of responders and of P values."""

import math
from typing import Any

import numpy as np
from golden_records import Adapter, Record, records
from scipy.special import betaincinv

from openlupus.statistics import homogeneity, ratio, score
from openlupus.statistics.cmh import cmh, generalised_cmh
from openlupus.statistics.contingency import fisher_exact, pearson_chisquare
from openlupus.statistics.exact_odds_ratio import exact_odds_ratio
from openlupus.statistics.graphical import graphical_test
from openlupus.statistics.multiplicity import adjust
from openlupus.statistics.proportion import binomial_test, proportion
from openlupus.statistics.rates import rate, rate_ratio
from openlupus.statistics.risk_difference import (
    adjusted_rates,
    agresti_caffo,
    common_risk_difference,
    inverse_variance,
    newcombe,
    stratified_newcombe,
    stratified_wilson,
    stratum_weights,
    wald,
)

Counts = tuple[np.ndarray, np.ndarray]
SCORE_WEIGHTS = {
    "MH": "cmh",
    "IVS": "inverse-variance",
    "MN": "miettinen-nurminen",
}
CONTRAST = {"RD": "difference", "RR": "ratio", "OR": "odds-ratio"}


# -- inputs ---------------------------------------------------------------------------------


def stratified(record: Record) -> Counts:
    """Responders and subjects, shape (2, strata), strata in the order of the file; T before C."""
    rows = record.rows()
    names = list(dict.fromkeys(row["stratum"] for row in rows))
    responders, n = np.zeros((2, len(names))), np.zeros((2, len(names)))
    for row in rows:
        at = ("T", "C").index(row["arm"]), names.index(row["stratum"])
        responders[at], n[at] = int(row["events"]), int(row["n"])
    return responders, n


def single(record: Record) -> Counts:
    """One table from the options x1, n1, x0, n0; it must be that of the file."""
    o = record.options
    x, n = np.array([[o["x1"]], [o["x0"]]]), np.array([[o["n1"]], [o["n0"]]])
    responders, sizes = stratified(record)
    if o["table"] == "pooled":
        responders, sizes = responders.sum(axis=1), sizes.sum(axis=1)
    else:
        names = list(dict.fromkeys(row["stratum"] for row in record.rows()))
        at = names.index(o["table"])
        responders, sizes = responders[:, at], sizes[:, at]
    assert (responders == x[:, 0]).all(), "the options are not the table of the file"
    assert (sizes == n[:, 0]).all(), "the options are not the table of the file"
    return x, n


def level(record: Record) -> float:
    return record.options.get("conf_level", 0.95)


def check_dropped(record: Record, warnings: tuple[str, ...]) -> None:
    """Ours leaves out as many strata as the reference did, and says so."""
    left = [text for text in warnings if text.startswith("stratum") and "is left out" in text]
    assert len(left) == len(record.options.get("dropped") or []), (record.id, warnings)


def cross_table(record: Record, arms: list[str]) -> np.ndarray:
    """Counts (arm, no or yes, stratum) of a subject-level file."""
    rows = [row for row in record.rows() if row["arm"] in arms]
    strata = sorted({row["stratum"] for row in rows})
    counts = np.zeros((len(arms), 2, len(strata)))
    for row in rows:
        counts[arms.index(row["arm"]), int(row["resp"]), strata.index(row["stratum"])] += 1
    return counts


def pairwise(record: Record, arm: str, control: str, *, correct: bool = False):
    counts = cross_table(record, [arm, control])
    return cmh(counts[:, 1], counts.sum(axis=1), correct=correct)


def arms_in_order(record: Record) -> list[str]:
    """Control first, then the doses, as another record of the same input lists them."""
    lists = [each.options["arms"] for each in records()
             if each.input == record.input and "arms" in each.options]  # fmt: skip
    assert lists, f"no record of {record.input} lists its arms"
    return lists[0]


# -- stratified -----------------------------------------------------------------------------


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
    return {**_wald_fields(got), "weights": weights[(n > 0).all(axis=0)]}


def greenland_robins(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    got = common_risk_difference(x, n, level=level(record))
    check_dropped(record, got.warnings)
    rates = adjusted_rates(x, n)
    unbiased = common_risk_difference(x, n, variance="unbiased", level=level(record))
    return {
        **_wald_fields(got), "adjusted_rate_T": rates.test, "adjusted_rate_C": rates.control,
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
    return {**_wald_fields(got), "Q": q, "Q_df": int(known.sum()) - 1}


def yan_su(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    got = stratified_newcombe(x, n, level=level(record))
    check_dropped(record, got.warnings)
    test, control = stratified_wilson(x, n, level=level(record))
    said = [text for text in got.warnings if "ordinary normal quantile" in text]
    assert len(said) == int(test.degenerate) + int(control.degenerate)
    return {
        "estimate": got.value, "lower": got.lower, "upper": got.upper,
        "stratified_wilson_T": [test.lower, test.upper],
        "stratified_wilson_C": [control.lower, control.upper],
        "stratum_quantile_T": test.quantile, "stratum_quantile_C": control.quantile,
        "degenerate_variance": {"T": test.degenerate, "C": control.degenerate},
    }  # fmt: skip


def stratified_score(record: Record) -> dict[str, Any]:
    o, (x, n) = record.options, stratified(record)
    assert not any(o.get(name) for name in ("cc", "random", "rr_tang", "or_bias")), o
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


def _as_the_package_prints(value: float, expected: Any) -> Any:
    # The package solves on a tangent scale, where infinity is 1.6e16; it calls limits above 1e15
    # infinite, and leaves estimates as they are.
    if isinstance(expected, float) and value == math.inf and expected > 1e15:
        return expected
    return value


def summary(record: Record) -> dict[str, Any]:
    got = score.summary_score(*stratified(record), level=level(record))
    check_dropped(record, got.interval.warnings)
    return {**_wald_fields(got.interval), "z": got.z, "p": got.p}


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
    return _test_fields(homogeneity.woolf(*stratified(record)))


def odds_ratios(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    common = cmh(x, n, level=level(record))
    logit = ratio.logit_odds_ratio(x, n, level=level(record))
    return {
        "mh": [common.common_odds_ratio, common.lower, common.upper], "logit": _three(logit)
    }  # fmt: skip


def relative_risks(record: Record) -> dict[str, Any]:
    x, n = stratified(record)
    return {
        "mh": _three(ratio.mantel_haenszel_ratio(x, n, level=level(record))),
        "logit": _three(ratio.logit_ratio(x, n, level=level(record))),
    }


def general_association(record: Record) -> dict[str, Any]:
    return _test_fields(cmh(*stratified(record)))


# -- one table ------------------------------------------------------------------------------


def one_wald(record: Record) -> dict[str, Any]:
    return _wald_fields(wald(*single(record), level=level(record)))


def one_wald_corrected(record: Record) -> dict[str, Any]:
    return _wald_fields(wald(*single(record), level=level(record), continuity=True))


def one_newcombe(record: Record) -> dict[str, Any]:
    return _wald_fields(newcombe(*single(record), level=level(record)))


def one_newcombe_corrected(record: Record) -> dict[str, Any]:
    return _wald_fields(newcombe(*single(record), level=level(record), continuity=True))


def one_agresti_caffo(record: Record) -> dict[str, Any]:
    got = agresti_caffo(*single(record), level=level(record))
    return {
        "centre": (got.lower + got.upper) / 2, "lower": got.lower, "upper": got.upper
    }  # fmt: skip


def one_score(record: Record) -> dict[str, Any]:
    bcf = record.options.get("bcf", "no N/(N-1)" not in record.method)
    skewness = record.options.get("skew", False)
    x, n = single(record)
    got = score.miettinen_nurminen(
        x, n, level=level(record), bias_correction=bcf, skewness=skewness
    )
    test = score.score_test(x, n, bias_correction=bcf)
    return {
        "estimate": got.value, "lower": got.lower, "upper": got.upper, "chisq": test.z**2,
        "p": test.p, "z_at_zero": test.z, "p_at_zero": test.p,
    }  # fmt: skip


def one_fisher(record: Record) -> dict[str, Any]:
    x, n = single(record)
    got = fisher_exact(np.column_stack([x, n - x]), level=level(record))
    # Where the margins leave one table only R calls the odds ratio 0; ours says undefined.
    one_table_only = any("one table only" in text for text in got.warnings)
    return {
        "p": got.p, "cond_mle_or": 0.0 if one_table_only else got.value,
        "or_lower": got.lower, "or_upper": got.upper,
    }  # fmt: skip


def one_mid_p(record: Record) -> dict[str, Any]:
    got = exact_odds_ratio(*single(record), level=level(record), tails="central", mid_p=True)
    return {"p": got.p, "or_lower": got.lower, "or_upper": got.upper}


def one_chi_square(record: Record) -> dict[str, Any]:
    x, n = single(record)
    table = np.column_stack([x, n - x])
    return _test_fields(pearson_chisquare(table, correct=record.options["correct"]))


# -- several arms, several hypotheses -------------------------------------------------------


def many_arms(record: Record) -> dict[str, Any]:
    return _test_fields(generalised_cmh(cross_table(record, record.options["arms"])))


def one_arm_against_control(record: Record) -> dict[str, Any]:
    o = record.options
    got = pairwise(record, o["arm"], o["control"], correct=o["correct"])
    return {
        **_test_fields(got), "common_or_control_vs_dose_as_tabulated": got.common_odds_ratio
    }  # fmt: skip


def adjusted_pairwise(record: Record) -> dict[str, Any]:
    control = arms_in_order(record)[0]
    raw = [pairwise(record, arm, control).p for arm in record.options["order"]]
    return {"raw": raw, "adjusted": adjust(raw, method=record.options["method"].lower())}


def dose_correlation(record: Record) -> dict[str, Any]:
    assert record.options["scores"] == "0..J-1", record.options
    return _test_fields(
        generalised_cmh(cross_table(record, arms_in_order(record)), kind="correlation")
    )


def adjusted(record: Record) -> dict[str, Any]:
    o = record.options
    method = {"fdr": "bh"}.get(o["method"].lower(), o["method"].lower())
    return {"adjusted": adjust(o["p"], method=method)}


def graph(record: Record) -> dict[str, Any]:
    o = record.options
    test = "simes" if "simes" in record.method.lower() else "bonferroni"
    got = graphical_test(
        o["p"], o["hypothesis_weights"], o["transitions"]["values"], alpha=o["alpha"], test=test
    )
    return {
        "adjusted_p": got.adjusted, "rejected": [bool(each) for each in got.rejected],
        "final_weights": got.weights, "final_transitions": {"values": got.transitions},
    }  # fmt: skip


# -- one proportion, rates ------------------------------------------------------------------


def one_proportion(record: Record) -> dict[str, Any]:
    x, n = record.options["x"], record.options["n"]

    def limits(method: str) -> list[Any]:
        got = proportion(x, n, method=method, level=level(record))
        return [got.lower, got.upper]

    jeffreys, tail = limits("jeffreys"), (1 - level(record)) / 2
    # The unmodified interval keeps the beta quantiles at the ends, where ours takes 0 and 1.
    ends = betaincinv(x + 0.5, n - x + 0.5, [tail, 1 - tail])
    return {
        "clopper_pearson": limits("clopper-pearson"), "wilson": limits("wilson"),
        # R corrects by no more than the distance from its null of one half: by nothing at x = n/2.
        "wilson_cc": limits("wilson" if 2 * x == n else "wilson-corrected"), "jeffreys": jeffreys,
        "jeffreys_unmodified": [ends[0] if x == 0 else jeffreys[0],
                                ends[1] if x == n else jeffreys[1]],
        "agresti_coull_unclipped": limits("agresti-coull"), "wald_unclipped": limits("wald"),
        "p_vs_half_exact": binomial_test(x, n),
    }  # fmt: skip


def one_rate(record: Record) -> dict[str, Any]:
    got = rate(record.options["events"], record.options["exposure"], level=level(record))
    return {"rate": got.value, "lower": got.lower, "upper": got.upper}


def two_rates(record: Record) -> dict[str, Any]:
    o = record.options
    got = rate_ratio((o["x1"], o["x0"]), (o["t1"], o["t0"]), level=level(record))
    return {
        "rate_ratio": got.interval.value, "p": got.p,
        "lower": got.interval.lower, "upper": got.interval.upper,
    }  # fmt: skip


# -- shapes of results ----------------------------------------------------------------------


def _wald_fields(got: Any) -> dict[str, Any]:
    return {
        "estimate": got.value, "se": got.standard_error, "lower": got.lower, "upper": got.upper
    }  # fmt: skip


def _test_fields(got: Any) -> dict[str, Any]:
    return {"statistic": got.statistic, "df": got.df, "p": got.p}


def _three(got: Any) -> list[float]:
    return [got.value, got.lower, got.upper]


ROUNDED_RATES = "the package rounds the constrained rates to 10 decimals"
FLOORED_RATES = "the package keeps constrained rates away from 0 and 1 by 1e-8"
UNIROOT = "R finds the odds ratios by uniroot at its default tolerance"
ODDS_RATIOS = frozenset({"cond_mle_or", "or_lower", "or_upper"})

ADAPTERS = [
    Adapter("cochran-mantel-haenszel chi-square (2x2xk)*", cmh_with_odds_ratio),
    Adapter("cmh chi-square from cell formula*", cmh_sums),
    Adapter("exact conditional test of common or*", exact_stratified,
            uniroot=ODDS_RATIOS, why=UNIROOT),
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
    Adapter("wald ci for p1-p0*", one_wald),
    Adapter("wald ci with continuity correction*", one_wald_corrected),
    Adapter("newcombe hybrid score (method 10)*", one_newcombe),
    Adapter("newcombe hybrid score*method 11*", one_newcombe_corrected),
    Adapter("miettinen-nurminen score ci", one_score, absolute=1e-9, why=ROUNDED_RATES),
    Adapter("miettinen-nurminen score ci, bisection*", one_score),
    Adapter("mee score ci*", one_score),
    Adapter("agresti-caffo*", one_agresti_caffo),
    Adapter("fisher exact test*", one_fisher, uniroot=ODDS_RATIOS, why=UNIROOT),
    Adapter("fisher mid-p*", one_mid_p, uniroot=ODDS_RATIOS, why=UNIROOT),
    Adapter("pearson chi-square 2x2*", one_chi_square),
    Adapter("generalised cmh*", many_arms),
    Adapter("cmh of one dose against placebo*", one_arm_against_control),
    Adapter("multiplicity-adjusted pairwise cmh*", adjusted_pairwise),
    Adapter("cmh nonzero-correlation*", dose_correlation),
    Adapter("cmh general association", general_association),
    Adapter("mh odds ratio and logit odds ratio", odds_ratios),
    Adapter("mh and logit relative risk*", relative_risks),
    Adapter("commonriskdiff(cl=newcombe*", yan_su),
    Adapter("commonriskdiff(cl=score*", summary),
    Adapter("adjusted p-values", adjusted),
    Adapter("graphical multiple testing*", graph),
    Adapter("single proportion intervals", one_proportion),
    Adapter("exact poisson rate*", one_rate),
    Adapter("exact conditional rate ratio", two_rates),
]  # fmt: skip
