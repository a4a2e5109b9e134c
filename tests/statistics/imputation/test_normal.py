"""EM for the incomplete multivariate normal. Numbers of R's norm2 are golden records."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from openlupus.errors import ConvergenceError, ImputationError
from openlupus.statistics.imputation.normal import Prior, em


def pair(n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(5)
    y = rng.multivariate_normal([1.0, -2.0], [[2.0, 1.2], [1.2, 3.0]], n)
    y[n // 2 :, 1] = np.nan
    return y


@pytest.mark.independent
def test_two_monotone_variables_have_andersons_closed_form() -> None:
    # Anderson, JASA 1957;52:200: the mean and variance of the first variable are of all rows; the
    # regression of the second on it, of the complete rows.
    y = pair()
    both = ~np.isnan(y[:, 1])
    slope, intercept = np.polyfit(y[both, 0], y[both, 1], 1)
    rest = np.mean((y[both, 1] - intercept - slope * y[both, 0]) ** 2)
    mean, variance = y[:, 0].mean(), y[:, 0].var()
    got = em(y, criterion=1e-13)
    assert got.mean == pytest.approx([mean, intercept + slope * mean], rel=1e-10)
    want = [[variance, slope * variance], [slope * variance, rest + slope**2 * variance]]
    assert got.covariance == pytest.approx(np.array(want), rel=1e-10)
    assert got.gradient < 1e-10


def test_units_do_not_matter() -> None:
    y = pair()
    plain, scaled = em(y), em(y * [1e6, 1e-5] + [3e6, 0])
    assert scaled.mean == pytest.approx(plain.mean * [1e6, 1e-5] + [3e6, 0], rel=1e-8)
    assert scaled.log_likelihood == pytest.approx(
        plain.log_likelihood - 60 * np.log(1e6) - 30 * np.log(1e-5), rel=1e-9
    )


def test_complete_data_need_one_step_more_than_none() -> None:
    y = pair()[:30]
    got = em(y)
    assert got.covariance == pytest.approx(np.cov(y.T, bias=True), rel=1e-12)
    assert got.iterations == 2


def test_a_row_without_observations_changes_nothing() -> None:
    y = pair()
    more = np.vstack([y, [np.nan, np.nan]])
    got = em(more)
    assert got.mean == pytest.approx(em(y).mean, rel=1e-6)
    assert "1 of 61 rows" in got.data.warnings[0]


def test_a_ridge_prior_makes_dependent_variables_possible() -> None:
    y = pair()
    twin = np.column_stack([y, y[:, 0]])
    with pytest.raises(ImputationError, match="soma is determined by sum"):
        em(twin, names=("sum", "other", "soma"))
    got = em(twin, prior=Prior("ridge", 3.0))
    assert np.linalg.eigvalsh(got.covariance)[0] > 0


def test_the_slowest_rate_is_the_fraction_of_missing_information() -> None:
    rng = np.random.default_rng(1)
    y = rng.standard_normal((200, 2))
    y[:120, 1] = np.nan
    # Nearly independent variables: what is lost of the second is its share of missing rows.
    assert em(y).rate == pytest.approx(0.6, abs=0.05)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.array([[1.0, np.nan], [2.0, np.nan]]), "variable 2: no value is observed"),
        (np.array([[1.0, 3.0], [2.0, 3.0]]), "one value 3"),
        (np.array([[1.0, np.inf], [2.0, 3.0]]), "infinite"),
        (np.empty((0, 2)), "neither of them 0"),
        (np.array([1.0, 2.0]), "must be"),
    ],
)
def test_refusals(data, words) -> None:
    with pytest.raises(ImputationError, match=words):
        em(data)


def test_em_that_does_not_arrive_says_so() -> None:
    with pytest.raises(ConvergenceError, match="after 3 iterations"):
        em(pair(), most_iterations=3)


@pytest.mark.parametrize(("name", "df"), [("flat", 0), ("ridge", 0), ("jeffreys", 2)])
def test_priors_that_are_none(name, df) -> None:
    with pytest.raises(ImputationError, match="prior"):
        Prior(name, df)


def test_how_many_patterns_are_worked_on_together_does_not_matter(monkeypatch) -> None:
    rng = np.random.default_rng(11)
    y = rng.multivariate_normal(np.zeros(5), 0.4 + 0.6 * np.eye(5), 90)
    y[rng.random(y.shape) < 0.3] = np.nan
    whole = em(y)
    monkeypatch.setattr("openlupus.statistics.imputation.normal._ROOM", 100)
    parts = em(y)
    assert parts.mean == pytest.approx(whole.mean, rel=1e-9)
    assert parts.covariance == pytest.approx(whole.covariance, rel=1e-9)
    assert parts.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)


@pytest.mark.independent
def test_likelihood_is_that_of_the_observed_values() -> None:
    y = pair(30)
    y[3, 0] = np.nan
    got = em(y)
    each = [
        multivariate_normal.logpdf(
            row[seen := ~np.isnan(row)], got.mean[seen], got.covariance[np.ix_(seen, seen)]
        )
        for row in y
    ]
    assert got.log_likelihood == pytest.approx(sum(each), rel=1e-12)
