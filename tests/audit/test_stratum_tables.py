"""Stratum tables: drawn by their law, searched, and shared between comparisons."""

from math import comb

import numpy as np
import pytest

from audit.invented_strata import comparison, tenth, trial_of
from openlupus.audit import Column, Published
from openlupus.audit.interval_methods import STRATIFIED, misfit
from openlupus.audit.model import Cell
from openlupus.audit.printed import Estimate
from openlupus.audit.shared_strata import shared_strata
from openlupus.audit.stratum_search import search_table
from openlupus.audit.stratum_tables import draw_tables, splits
from openlupus.statistics.risk_difference import stratified_newcombe


def test_splits_follow_the_multivariate_hypergeometric_law():
    sizes, x, draws = np.array([3.0, 4.0, 2.0]), 4, 1
    rng = np.random.default_rng(3)
    counted: dict[tuple[int, ...], int] = {}
    for _ in range(6000):
        (split,) = splits(x, sizes, np.zeros(3), rng, draws=draws)
        key = tuple(int(k) for k in split)
        counted[key] = counted.get(key, 0) + 1
    for split, times in counted.items():
        chance = np.prod([comb(int(n), k) for n, k in zip(sizes, split, strict=True)])
        expected = 6000 * chance / comb(9, 4)
        assert abs(times - expected) < 4.5 * np.sqrt(expected)
    assert len(counted) == sum(
        1 for a in range(4) for b in range(5) for c in range(3) if a + b + c == x
    )


@pytest.mark.parametrize("x", [0, 1, 9])
def test_all_none_or_one_responder(x: int):
    drawn = splits(x, np.array([3.0, 4.0, 2.0]), np.array([0.5, -1.0, 0.0]),
                   np.random.default_rng(1))  # fmt: skip
    assert (drawn.sum(axis=1) == x).all()
    assert (drawn <= [3, 4, 2]).all()


def test_an_empty_stratum_gets_nobody():
    drawn = splits(3, np.array([5.0, 0.0, 4.0]), np.zeros(3), np.random.default_rng(1))
    assert (drawn[:, 1] == 0).all()


def test_drawn_tables_print_the_difference_and_hold_the_counts():
    of = comparison(np.array([[12, 9], [8, 7]]), np.array([[20, 21], [22, 19]]),
                    stratified_newcombe)  # fmt: skip
    drawn = draw_tables(of, np.random.default_rng(1), strata=(2, 3))
    got = stratified_newcombe(drawn.responders, drawn.n)
    assert all(of.difference.value.prints(100 * v) for v in np.asarray(got.value))
    assert (drawn.responders.sum(axis=2) == of.responders).all()
    assert (drawn.n.sum(axis=2) == of.n).all()
    assert (drawn.responders <= drawn.n).all()


def test_a_table_of_a_small_subgroup_is_found_by_search():
    of = comparison(np.array([[5, 3, 2], [1, 2, 3]]), np.array([[6, 5, 6], [4, 6, 5]]),
                    stratified_newcombe)  # fmt: skip
    drawn = draw_tables(of, np.random.default_rng(2), strata=(3,))
    found = search_table(of, stratified_newcombe, drawn, level=0.95)
    assert found is not None
    assert misfit(of, stratified_newcombe(*found)).max() == 0
    assert tuple(found[0].sum(axis=1)) == of.responders
    assert tuple(found[1].sum(axis=1)) == of.n


def test_a_search_for_what_cannot_be_ends_with_nothing():
    of = comparison(np.array([[5, 3], [1, 2]]), np.array([[6, 5], [4, 6]]), stratified_newcombe,
                    shift=(-30.0, 30.0))  # fmt: skip
    drawn = draw_tables(of, np.random.default_rng(2), strata=(2,))
    assert search_table(of, stratified_newcombe, drawn, level=0.95) is None


def test_strata_that_print_three_rows_at_once():
    n = np.array([[14, 20, 17], [16, 15, 18]])
    rows = ([[9, 11, 6], [6, 4, 5]], [[12, 17, 13], [9, 11, 12]], [[4, 9, 8], [5, 3, 2]])
    made = [comparison(np.array(x), n, stratified_newcombe) for x in rows]
    columns = {"a": Column("a", "A", 51), "b": Column("b", "B", 49)}
    published = Published("", columns, (), control="b", strata=3)
    trials = [trial_of(of, row=str(i)) for i, of in enumerate(made)]
    found = shared_strata(published, trials, "stratified Newcombe", seed=1)
    assert found is not None
    assert {arm: sum(k) for arm, k in found.patients.items()} == {"a": 51, "b": 49}
    sizes = np.array([found.patients["a"], found.patients["b"]])
    for (_, row), responders in found.responders.items():
        got = stratified_newcombe([responders["a"], responders["b"]], sizes)
        assert misfit(made[int(row)], got).max() == 0


def test_other_methods_and_single_rows_have_no_shared_strata():
    of = comparison(np.array([[12, 9], [8, 7]]), np.array([[20, 21], [22, 19]]),
                    stratified_newcombe)  # fmt: skip
    columns = {"a": Column("a", "A", 41), "b": Column("b", "B", 41)}
    published = Published("", columns, (), control="b")
    assert shared_strata(published, [trial_of(of)], "stratified Newcombe", seed=1) is None
    assert shared_strata(published, [trial_of(of)] * 3, "Wald", seed=1) is None


def test_a_paper_without_strata_is_asked_of_its_counts_alone():
    estimate = Estimate(tenth(20.0), tenth(5.0), tenth(33.0))
    cell = Cell("t", "r", "a_difference", "", estimate)
    columns = {"a": Column("a", "A", 80), "b": Column("b", "B", 80)}
    from openlupus.audit.interval_methods import tried
    from openlupus.audit.stratum_tables import Comparison

    published = Published("", columns, (cell,), control="b", strata=1)
    trial = tried(published, cell, Comparison((48, 32), (80, 80), estimate), seed=1)
    assert trial.tables == 0
    assert not any(trial.hits[method] for method in STRATIFIED)
