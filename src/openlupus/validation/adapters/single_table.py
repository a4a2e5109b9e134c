"""Adapters of stats/binary: one table of two groups."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

from typing import Any

import numpy as np

from openlupus.statistics import score
from openlupus.statistics.contingency import fisher_exact, pearson_chisquare
from openlupus.statistics.exact_odds_ratio import exact_odds_ratio
from openlupus.statistics.risk_difference import (
    agresti_caffo,
    newcombe,
    wald,
)
from openlupus.statistics.unconditional import exact_unconditional
from openlupus.validation.adapters.counts import level, single, test_fields, wald_fields
from openlupus.validation.golden import Adapter, Record, require

ROUNDED_RATES = "the package rounds the constrained rates to 10 decimals"
FLOORED_RATES = "the package keeps constrained rates away from 0 and 1 by 1e-8"
UNIROOT_WHY = "R finds the odds ratios by uniroot at its default tolerance"
ODDS_RATIOS = frozenset({"cond_mle_or", "or_lower", "or_upper"})


def one_wald(record: Record) -> dict[str, Any]:
    return wald_fields(wald(*single(record), level=level(record)))


def one_wald_corrected(record: Record) -> dict[str, Any]:
    return wald_fields(wald(*single(record), level=level(record), continuity=True))


def one_newcombe(record: Record) -> dict[str, Any]:
    return wald_fields(newcombe(*single(record), level=level(record)))


def one_newcombe_corrected(record: Record) -> dict[str, Any]:
    return wald_fields(newcombe(*single(record), level=level(record), continuity=True))


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


def one_unconditional(record: Record) -> dict[str, Any]:
    o, (x, n) = record.options, single(record)
    known = (o["tsmethod"], o["parmtype"], o["gamma"]) == ("central", "difference", 0)
    require(known, f"{record.id}: {o}")
    # The package looks for the worst rate among 100; with the same rates we have its numbers.
    got = exact_unconditional(x, n, level=level(record), rates=100)
    worst = exact_unconditional(x, n, level=level(record))
    require(bool(worst.p >= got.p - 1e-12), "the worst rate is worse than the worst of a few")
    tail = (1 - level(record)) / 2

    def limit(name: str, ours: Any, side: str) -> Any:
        # Where the P value crosses the error several times ours is the outermost crossing.
        expected = record.results[name]
        at = exact_unconditional(x, n, null=expected, level=level(record), rates=100)
        crosses = abs(getattr(at, side) - tail) < 1e-6
        outside = ours <= expected if side == "p_above" else ours >= expected
        return expected if crosses and outside else ours

    return {
        "estimate": got.interval.value, "p": got.p,
        "lower": limit("lower", got.interval.lower, "p_above"),
        "upper": limit("upper", got.interval.upper, "p_below"),
    }  # fmt: skip


def one_mid_p(record: Record) -> dict[str, Any]:
    got = exact_odds_ratio(*single(record), level=level(record), tails="central", mid_p=True)
    return {"p": got.p, "or_lower": got.lower, "or_upper": got.upper}


def one_chi_square(record: Record) -> dict[str, Any]:
    x, n = single(record)
    table = np.column_stack([x, n - x])
    return test_fields(pearson_chisquare(table, correct=record.options["correct"]))


ADAPTERS = [
    Adapter("wald ci for p1-p0*", one_wald),
    Adapter("wald ci with continuity correction*", one_wald_corrected),
    Adapter("newcombe hybrid score (method 10)*", one_newcombe),
    Adapter("newcombe hybrid score*method 11*", one_newcombe_corrected),
    Adapter("miettinen-nurminen score ci", one_score, absolute=1e-9, why=ROUNDED_RATES),
    Adapter("miettinen-nurminen score ci, bisection*", one_score),
    Adapter("mee score ci*", one_score),
    Adapter("agresti-caffo*", one_agresti_caffo),
    Adapter("fisher exact test*", one_fisher, uniroot=ODDS_RATIOS, why=UNIROOT_WHY),
    Adapter("unconditional exact test*", one_unconditional, absolute=1e-7,
            why="the package's search for a limit stops at about 1e-8"),
    Adapter("fisher mid-p*", one_mid_p, uniroot=ODDS_RATIOS, why=UNIROOT_WHY),
    Adapter("pearson chi-square 2x2*", one_chi_square),
]  # fmt: skip
