"""Whatever the counts: no crash, no NaN without a warning; batches say what their tables say."""

from dataclasses import fields

import numpy as np
import pytest
from counts import batches, close, tables
from hypothesis import given, settings

from openlupus.errors import CountsError, StatisticsError
from openlupus.statistics import homogeneity, ratio, score
from openlupus.statistics import risk_difference as rd
from openlupus.statistics.cmh import cmh
from openlupus.statistics.exact_odds_ratio import exact_odds_ratio


def of_one_stratum(function):
    return lambda x, n, **options: function(x[..., :1], n[..., :1], **options)


def score_of(**options):
    return lambda x, n, **more: score.miettinen_nurminen(x, n, **options, **more)


WITH_LEVEL = {
    "wald": of_one_stratum(rd.wald),
    "agresti_caffo": of_one_stratum(rd.agresti_caffo),
    "newcombe": of_one_stratum(rd.newcombe),
    "newcombe corrected": lambda x, n, **o: rd.newcombe(
        x[..., :1], n[..., :1], continuity=True, **o
    ),
    "greenland-robins": rd.common_risk_difference,
    "sato": lambda x, n, **o: rd.common_risk_difference(x, n, variance="sato", **o),
    "unbiased": lambda x, n, **o: rd.common_risk_difference(x, n, variance="unbiased", **o),
    "inverse variance": rd.inverse_variance,
    "minimum risk": lambda x, n, **o: rd.common_risk_difference(x, n, weights="minimum-risk", **o),
    "stratified newcombe": rd.stratified_newcombe,
    "stratified newcombe, inverse variance": lambda x, n, **o: rd.stratified_newcombe(
        x, n, weights="inverse-variance", **o
    ),
    "stratified newcombe, squares": lambda x, n, **o: rd.stratified_newcombe(
        x, n, combine="squares", **o
    ),
    "miettinen-nurminen": score_of(),
    "mee": rd.mee,
    "scas": score_of(skewness=True),
    "score, inverse variance": score_of(weights="inverse-variance"),
    "gart-nam": score.gart_nam,
    "gart-nam, skewness": lambda x, n, **o: score.gart_nam(x, n, skewness=True, **o),
    "score, their weights": score_of(weights="miettinen-nurminen"),
    "score of the ratio": score_of(contrast="ratio"),
    "score of the ratio, their weights": score_of(contrast="ratio", weights="miettinen-nurminen"),
    "score of the odds ratio": score_of(contrast="odds-ratio"),
    "mantel-haenszel ratio": ratio.mantel_haenszel_ratio,
    "logit ratio": ratio.logit_ratio,
    "logit odds ratio": ratio.logit_odds_ratio,
    "cmh": cmh,
}
WITHOUT_LEVEL = {
    "adjusted rates": rd.adjusted_rates,
    "score test": score.score_test,
    "score test of a margin": lambda x, n: score.score_test(x, n, null=-0.1),
    "heterogeneity": score.score_heterogeneity,
    "cmh corrected": lambda x, n: cmh(x, n, correct=True),
}
ONE_TABLE = {
    "breslow-day": homogeneity.breslow_day,
    "tarone": lambda x, n: homogeneity.breslow_day(x, n, tarone=True),
    "woolf": homogeneity.woolf,
    "exact": exact_odds_ratio,
    "exact, central mid-P": lambda x, n: exact_odds_ratio(x, n, tails="central", mid_p=True),
}
EVERYTHING = WITH_LEVEL | WITHOUT_LEVEL | ONE_TABLE
BATCHED = WITH_LEVEL | WITHOUT_LEVEL


def numbers(result) -> dict[str, float]:
    return {
        each.name: getattr(result, each.name)
        for each in fields(result)
        if each.name != "warnings" and getattr(result, each.name) is not None
    }


@pytest.mark.parametrize("name", EVERYTHING)
@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_no_nan_without_a_warning(name, table):
    result = EVERYTHING[name](*table)
    if any(np.isnan(value) for value in numbers(result).values()):
        assert result.warnings


@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_summary_score_has_no_nan_without_a_warning(table):
    result = score.summary_score(*table)
    if np.isnan([result.interval.value, result.z, result.p]).any():
        assert result.interval.warnings


@pytest.mark.parametrize("name", BATCHED)
@settings(max_examples=25, deadline=None)
@given(batch=batches())
def test_a_batch_says_what_each_of_its_tables_says(name, batch):
    together = numbers(BATCHED[name](*batch))
    for i, table in enumerate(zip(*batch, strict=True)):
        alone = numbers(BATCHED[name](*table))
        assert all(
            close(np.broadcast_to(together[key], len(batch[0]))[i], value, 1e-9)
            for key, value in alone.items()
        ), (together, alone)


@pytest.mark.parametrize("name", [name for name in WITH_LEVEL if "corrected" not in name])
@settings(max_examples=40, deadline=None)
@given(table=tables(smallest=1))
def test_a_higher_level_gives_a_wider_interval(name, table):
    narrow, wide = (WITH_LEVEL[name](*table, level=level) for level in (0.8, 0.99))
    if np.isnan([narrow.lower, narrow.upper]).any():
        return
    assert wide.lower <= narrow.lower + 1e-9
    assert wide.upper >= narrow.upper - 1e-9


@pytest.mark.parametrize("name", [name for name in EVERYTHING if name in ONE_TABLE])
def test_a_batch_is_refused_where_one_table_is_meant(name):
    with pytest.raises(CountsError, match="not a batch"):
        ONE_TABLE[name](np.ones((3, 2, 2)), np.full((3, 2, 2), 4))


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, float("nan")])
@pytest.mark.parametrize("name", WITH_LEVEL)
def test_a_level_outside_0_to_1_is_refused(name, level):
    with pytest.raises(StatisticsError, match=r"between 0 and 1, as in 0\.95"):
        WITH_LEVEL[name](np.array([[3], [2]]), np.array([[9], [9]]), level=level)
