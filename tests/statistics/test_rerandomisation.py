"""Re-randomisation: full enumeration of small trials, and what must hold for any."""

from itertools import combinations, product

import numpy as np
import pytest

from openlupus.errors import StatisticsError
from openlupus.statistics.cmh import cmh
from openlupus.statistics.exact_odds_ratio import exact_odds_ratio
from openlupus.statistics.rerandomisation import rerandomisation_test

Y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0])
GROUP = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 0])
STRATUM = np.array([1, 1, 1, 1, 2, 2, 2, 2, 2, 2])


def enumerated():
    centred = Y - np.where(STRATUM == 1, Y[STRATUM == 1].mean(), Y[STRATUM == 2].mean())
    observed = abs(centred[GROUP == 1].sum())
    strata = [np.flatnonzero(s == STRATUM) for s in (1, 2)]
    choices = [combinations(each, int(GROUP[each].sum())) for each in strata]
    sums = [centred[[*a, *b]].sum() for a, b in product(*choices)]
    return np.mean([abs(each) >= observed - 1e-9 for each in sums])


def test_agrees_with_full_enumeration():
    got = rerandomisation_test(Y, GROUP, STRATUM, generator=np.random.default_rng(1))
    assert got.p == pytest.approx(enumerated(), abs=4 * got.monte_carlo_error)


def test_responses_give_the_exact_stratified_test():
    rng = np.random.default_rng(4)
    stratum, group = np.repeat([0, 1, 2], 30), np.tile([0, 1], 45)
    y = (rng.random(90) < 0.3 + 0.25 * group).astype(float)
    x, n = (np.array([[np.sum(of[(group == g) & (stratum == s)]) for s in range(3)]
                      for g in (1, 0)]) for of in (y, np.ones(90)))  # fmt: skip
    got = rerandomisation_test(y, group, stratum, generator=rng)
    assert got.statistic == pytest.approx(cmh(x, n).observed - cmh(x, n).expected)
    exact = exact_odds_ratio(x, n)
    # Two-sided in another way: by distance from the middle, not by probability.
    assert got.p == pytest.approx(exact.p, abs=0.02)


def test_a_procedure_of_the_user_that_permutes_gives_the_same():
    def allocate(generator, size):
        return np.array([generator.permutation(GROUP) for _ in range(size)]) == 1

    own, ours = (
        rerandomisation_test(
            Y, GROUP, generator=np.random.default_rng(7), draws=4000, allocate=each
        )
        for each in (allocate, None)
    )
    assert own.p == pytest.approx(ours.p, abs=5 * ours.monte_carlo_error)
    assert own.statistic == ours.statistic


def test_swapping_groups_or_changing_the_scale_changes_nothing():
    one = rerandomisation_test(Y, GROUP, STRATUM, generator=np.random.default_rng(3), draws=2000)
    other = rerandomisation_test(
        7 * Y + 3, GROUP, STRATUM, generator=np.random.default_rng(3), draws=2000
    )
    assert one.p == other.p
    swapped = rerandomisation_test(
        Y, GROUP, STRATUM, generator=np.random.default_rng(3), draws=2000, control=1
    )
    assert swapped.statistic == pytest.approx(-one.statistic)


def test_equal_scores_have_p_1_and_a_warning():
    got = rerandomisation_test(
        np.ones(10), GROUP, STRATUM, generator=np.random.default_rng(1), draws=50
    )
    assert got.p == 1
    assert got.warnings


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scores": np.full(10, np.nan)}, "missing or infinite"),
        ({"group": np.zeros(10)}, "there must be two"),
        ({"group": GROUP[:4]}, "one value a subject"),
        ({"draws": 0}, "at least 1"),
        ({"allocate": lambda generator, size: np.zeros((size, 3))}, "must give truth values"),
    ],
)
def test_what_is_refused(change, words):
    call = {"scores": Y, "group": GROUP, "stratum": STRATUM, "draws": 10}
    with pytest.raises(StatisticsError, match=words):
        rerandomisation_test(**(call | change), generator=np.random.default_rng(1))
