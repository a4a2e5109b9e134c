"""Score intervals and tests say the same thing, and solve their own equation."""

import numpy as np
import pytest
from counts import close, tables
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import xlogy

from openlupus.errors import StatisticsError
from openlupus.statistics.constrained import SCORES
from openlupus.statistics.interval import normal_quantile
from openlupus.statistics.score import (
    gart_nam,
    mee,
    miettinen_nurminen,
    score_heterogeneity,
    score_test,
)
from openlupus.statistics.tables import read_tables

CONTRASTS = ["difference", "ratio", "odds-ratio"]
ENDS = {"difference": (-1, 1), "ratio": (0, np.inf), "odds-ratio": (0, np.inf)}


@pytest.mark.parametrize("weights", ["cmh", "inverse-variance", "gart-nam", "miettinen-nurminen"])
@pytest.mark.parametrize("contrast", CONTRASTS)
@settings(max_examples=40, deadline=None)
@given(table=tables(smallest=1), level=st.sampled_from([0.8, 0.95, 0.99]))
def test_the_test_of_a_limit_is_just_significant(contrast, weights, table, level):
    got = miettinen_nurminen(*table, contrast=contrast, weights=weights, level=level)
    z = normal_quantile(level)
    for limit, sign in ((got.lower, 1), (got.upper, -1)):
        if np.isnan(limit) or limit in ENDS[contrast] or not 1e-6 < abs(limit) < 1e6:
            continue
        test = score_test(*table, contrast=contrast, weights=weights, null=limit)
        assert test.z == pytest.approx(sign * z, rel=1e-5)


@pytest.mark.parametrize("contrast", ["ratio", "odds-ratio"])
@settings(max_examples=50, deadline=None)
@given(table=tables())
def test_swapping_the_groups_inverts_a_ratio(contrast, table):
    x, n = table
    one = miettinen_nurminen(x, n, contrast=contrast)
    other = miettinen_nurminen(x[::-1], n[::-1], contrast=contrast)
    with np.errstate(divide="ignore"):
        assert close(
            [one.value, one.lower, one.upper],
            1 / np.array([other.value, other.upper, other.lower], dtype=float),
        )


@pytest.mark.parametrize("contrast", CONTRASTS)
@settings(max_examples=50)
@given(table=tables(strata=st.just(1), smallest=1), where=st.floats(0.02, 0.98))
def test_constrained_rates_have_the_contrast_and_the_greatest_likelihood(contrast, table, where):
    x, n = (counts[:, 0] for counts in table)
    inner = np.array([2 * where - 1 if contrast == "difference" else where])
    at = SCORES[contrast](read_tables(*table), inner, True)
    p1, p0 = float(at.test[0]), float(at.control[0])

    def partner(p0):
        if contrast == "difference":
            return p0 + inner[0]
        ratio = where / (1 - where)
        return p0 * ratio if contrast == "ratio" else p0 * ratio / (1 - p0 + p0 * ratio)

    def likelihood(p0):
        p1 = partner(p0)
        if not (0 <= p0 <= 1 and 0 <= p1 <= 1):
            return -np.inf
        parts = np.array([x[0], n[0] - x[0], x[1], n[1] - x[1]])
        return float(xlogy(parts, [p1, 1 - p1, p0, 1 - p0]).sum())

    assert p1 == pytest.approx(partner(p0), abs=1e-7)
    best = likelihood(min(max(p0, 0), 1))
    assume(np.isfinite(best))
    for step in (-1e-3, -1e-4, 1e-4, 1e-3):
        assert likelihood(p0 + step) <= best + 1e-7


@settings(max_examples=50, deadline=None)
@given(table=tables(smallest=2, strata=st.just(1)))
def test_the_same_stratum_twice_is_homogeneous(table):
    x, n = np.hstack([table[0]] * 2), np.hstack([table[1]] * 2)
    got = score_heterogeneity(x, n)
    assert got.df == 1
    assert got.statistic == pytest.approx(0, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(table=tables(inner=True, smallest=3, largest=40, strata=st.integers(1, 3)))
def test_gart_and_nam_estimate_has_the_greatest_likelihood(table):
    x, n = table
    got = gart_nam(x, n)

    def profile(theta):
        at = SCORES["difference"](read_tables(x, n), np.array([theta]), False)
        rates = np.stack([at.test, at.control])
        return float((xlogy(x, rates) + xlogy(n - x, 1 - rates)).sum())

    best = profile(got.value)
    for theta in (got.lower, got.upper, got.value - 1e-3, got.value + 1e-3):
        assert profile(theta) <= best + 1e-9
    # The score at a limit is the slope of the profile over the root of its information.
    z, step = normal_quantile(0.95), 1e-5
    at = SCORES["difference"](read_tables(x, n), np.array([got.lower]), False)
    slope = (profile(got.lower + step) - profile(got.lower - step)) / (2 * step)
    assert slope / np.sqrt((1 / at.variance).sum()) == pytest.approx(z, rel=1e-3)


@given(table=tables(strata=st.just(1), smallest=1))
def test_gart_and_nam_of_one_stratum_is_mee(table):
    one, other = gart_nam(*table), mee(*table)
    assert close([one.value, one.lower, one.upper], [other.value, other.lower, other.upper])


def test_a_margin_outside_what_can_be_is_refused():
    with pytest.raises(StatisticsError, match=r"null=1\.5 is not a value that a difference can"):
        score_test([3, 2], [9, 9], null=1.5)
    with pytest.raises(StatisticsError, match="null=0 is not a value that a ratio can have"):
        score_test([3, 2], [9, 9], contrast="ratio", null=0)


def test_nobody_responding_has_an_interval_but_no_evidence():
    got, test = miettinen_nurminen([0, 0], [12, 11]), score_test([0, 0], [12, 11])
    assert got.lower < 0 < got.upper
    assert (test.z, test.p) == (0, 1)
    assert "score and variance are 0" in test.warnings[0]
