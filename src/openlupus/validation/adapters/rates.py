"""Adapters of one proportion, one rate and two rates."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

from typing import Any

from scipy.special import betaincinv

from openlupus.statistics.proportion import binomial_test, proportion
from openlupus.statistics.rates import rate, rate_ratio
from openlupus.validation.adapters.counts import level
from openlupus.validation.golden import Adapter, Record


def one_proportion(record: Record) -> dict[str, Any]:
    x, n = record.options["x"], record.options["n"]

    def limits(method: Any) -> list[Any]:
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


ADAPTERS = [
    Adapter("single proportion intervals", one_proportion),
    Adapter("exact poisson rate*", one_rate),
    Adapter("exact conditional rate ratio", two_rates),
]  # fmt: skip
