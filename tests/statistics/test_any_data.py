"""Small data of any kind: numbers, or a reason in words; never a crash, never a silent NaN."""

from dataclasses import astuple, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openlupus.errors import StatisticsError
from openlupus.statistics.ancova import ancova
from openlupus.statistics.barnard import barnard, boschloo
from openlupus.statistics.logistic import firth_regression, logistic_regression
from openlupus.statistics.marginal import marginal_means
from openlupus.statistics.multiplicity import adjust
from openlupus.statistics.paired import mcnemar
from openlupus.statistics.ranks import kruskal_wallis, van_elteren, wilcoxon
from openlupus.statistics.rates import rate_difference, rate_ratio
from openlupus.statistics.rerandomisation import rerandomisation_test

NUMBER = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6), st.just(float("nan")))
ROWS = st.lists(
    st.tuples(st.booleans().map(int), st.integers(0, 2), NUMBER, NUMBER), min_size=1, max_size=14
)


def columns(rows):
    group, stratum, y, x = (np.array(part) for part in zip(*rows, strict=True))
    return group, stratum, y, x


def is_undefined(result) -> bool:
    """Whether any number of a result, or of the values in it, is NaN."""
    parts = astuple(result) if is_dataclass(result) else (result,)
    flat: list[float] = []
    while parts:
        part, *parts = parts
        if isinstance(part, tuple | list | dict):
            parts = [*(part.values() if isinstance(part, dict) else part), *parts]
        elif isinstance(part, float | np.ndarray):
            flat += np.ravel(part).tolist()
    return bool(np.isnan(flat).any())


def numbers_or_a_reason(call) -> None:
    try:
        result = call()
    except StatisticsError:
        return
    said = getattr(result, "warnings", ()) or getattr(
        getattr(result, "interval", None), "warnings", ()
    )
    assert said or not is_undefined(result), result


RANKS = {
    "Wilcoxon": lambda g, s, y: wilcoxon(y[g == 1], y[g == 0]),
    "exact Wilcoxon": lambda g, s, y: wilcoxon(y[g == 1], y[g == 0], exact=True),
    "van Elteren": lambda g, s, y: van_elteren(y, g, s),
    "Kruskal-Wallis": lambda g, s, y: kruskal_wallis([y[s == k] for k in range(3)]),
    "re-randomisation": lambda g, s, y: rerandomisation_test(
        y, g, s, generator=np.random.default_rng(1), draws=200
    ),
}


@pytest.mark.parametrize("name", RANKS)
@settings(max_examples=80, deadline=None)
@given(ROWS)
def test_ranks(name, rows):
    group, stratum, y, _ = columns(rows)
    numbers_or_a_reason(lambda: RANKS[name](group, stratum, y))


@settings(max_examples=80, deadline=None)
@given(ROWS, st.sampled_from(["observed", "equal"]))
def test_ancova(rows, weights):
    group, stratum, y, x = columns(rows)
    numbers_or_a_reason(
        lambda: ancova(y, group, covariates=x, factors=[stratum], weights=weights)
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(["refuse", "firth"]), st.sampled_from(["ge", "ye"]))
def test_regressions_of_a_response(rows, separation, variance):
    group, _, y, x = columns(rows)
    response = np.where(np.isnan(y), np.nan, (y > 0).astype(float))
    design = np.column_stack([np.ones(len(y)), group, x])
    numbers_or_a_reason(lambda: logistic_regression(response, design, separation=separation))
    numbers_or_a_reason(lambda: firth_regression(response, design))
    numbers_or_a_reason(
        lambda: marginal_means(
            response, group, covariates=x, separation=separation, variance=variance
        ).effect(1)
    )


@settings(max_examples=60)
@given(st.lists(st.integers(-1, 12), min_size=4, max_size=4))
def test_counts(cells):
    a, b, c, d = cells
    numbers_or_a_reason(lambda: mcnemar([[a, b], [c, d]]))
    numbers_or_a_reason(lambda: barnard([a, b], [c, d]))
    numbers_or_a_reason(lambda: boschloo([a, b], [c, d]))
    numbers_or_a_reason(lambda: rate_ratio((a, b), (float(c), float(d))))
    numbers_or_a_reason(lambda: rate_difference((a, b), (float(c), float(d))))


@given(
    st.lists(st.one_of(st.floats(-0.1, 1.1), st.just(float("nan"))), min_size=0, max_size=6),
    st.sampled_from(["bonferroni", "holm", "hochberg", "hommel"]),
)
def test_p_values(p, method):
    try:
        got = adjust(p, method=method)
    except StatisticsError:
        return
    assert ((got >= np.asarray(p)) | np.isnan(p)).all()
    assert (np.isnan(got) == np.isnan(p)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-100, 100))
def test_ancova_does_not_know_the_order_of_rows_or_the_unit(seed, scale, shift):
    rng = np.random.default_rng(seed)
    group, stratum = rng.integers(0, 2, 24), rng.integers(0, 3, 24)
    group[:2] = 0, 1
    base, y = rng.normal(size=24), rng.normal(size=24)
    one = ancova(y, group, covariates=base, factors=[stratum]).differences[0]
    order = rng.permutation(24)
    other = ancova(
        scale * y[order] + shift, group[order], covariates=base[order], factors=[stratum[order]]
    ).differences[0]
    assert other.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-9 * scale)
    assert other.p == pytest.approx(one.p, rel=1e-6)
    swapped = ancova(y, 1 - group, covariates=base, factors=[stratum]).differences[0]
    assert (swapped.value, swapped.p) == pytest.approx((-one.value, one.p))
