"""Descriptive summaries: quartiles by their definitions."""

import math

import numpy as np
import pytest
from counts import close
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import StatisticsError
from openlupus.statistics.describe import describe, quantiles

values = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=30)


@given(x=values, p=st.integers(1, 99))
def test_sas5_is_its_definition(x, p):
    """SAS PCTLDEF=5: np = j + g; the mean of values j and j + 1 where g = 0, else value j + 1."""
    ordered = sorted(x)
    j, g = divmod(len(x) * p, 100)
    at = lambda k: ordered[min(max(k, 1), len(x)) - 1]  # noqa: E731
    expected = (at(j) + at(j + 1)) / 2 if g == 0 else at(j + 1)
    assert quantiles(x, p / 100, rule="sas5") == pytest.approx(expected)


@given(x=values)
def test_r7_is_its_definition(x):
    ordered = sorted(x)
    place = (len(x) - 1) * 0.25
    low = math.floor(place)
    expected = ordered[low] + (place - low) * (ordered[min(low + 1, len(x) - 1)] - ordered[low])
    assert describe(x, quantile_rule="r7").q1 == pytest.approx(expected)


@pytest.mark.independent
def test_the_rules_of_hyndman_and_fan_on_1_to_10():
    # R: quantile(1:10, 0.25, type = 1 ... 8)
    expected = {"sas1": 2.5, "sas2": 2, "sas3": 3, "sas4": 2.75, "sas5": 3, "r6": 2.75,
                "r7": 3.25, "r8": 35 / 12}  # fmt: skip
    x = np.arange(1, 11)
    assert {rule: float(quantiles(x, 0.25, rule=rule)) for rule in expected} == pytest.approx(
        expected
    )


@given(x=values, missing=st.integers(0, 5))
def test_missing_values_are_counted_and_left_out(x, missing):
    got, without = describe([*x, *[np.nan] * missing]), describe(x)
    assert got.n_missing == missing
    assert close([got.mean, got.sd, got.median], [without.mean, without.sd, without.median])
    if len(x) > 1:
        assert close(got.sd, np.std(x, ddof=1))


def test_one_value_has_no_standard_deviation_and_none_has_nothing():
    one, none = describe([3.0]), describe([np.nan, np.nan])
    assert (one.mean, one.median, math.isnan(one.sd)) == (3, 3, True)
    assert (none.n, none.n_missing, math.isnan(none.mean)) == (0, 2, True)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: describe([1, np.inf]), "1 infinite values"),
        (lambda: describe([[1, 2]]), r"shape \(1, 2\)"),
        (lambda: describe([1, 2], quantile_rule="sas9"), "'sas9' is not one of"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(StatisticsError, match=words):
        call()
