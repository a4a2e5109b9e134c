"""Fisher's exact test of tables of any size against R's fisher.test, and what is refused."""

from itertools import product
from math import comb, prod

import numpy as np
import pytest

from openlupus.errors import CountsError
from openlupus.statistics.contingency import fisher_exact
from openlupus.statistics.exact_table import exact_table

# R 4.2.2. The first is the example of ?fisher.test (Agresti 2002, p. 57); the others are drawn by
#   set.seed(7); for (i in 1:23) { r <- sample(2:4, 1); k <- sample(2:4, 1); p <- runif(k)^2
#     m <- t(sapply(1:r, function(i) rmultinom(1, sample(3:40, 1), p)))
#     if (any(colSums(m) == 0)) m[1, ] <- m[1, ] + 1; fisher.test(m, workspace = 2e7)$p.value }
R = [
    ([[1, 3, 10, 6], [2, 3, 10, 7], [1, 6, 14, 12], [0, 1, 9, 11]], 0.782684938966),
    ([[2, 0, 1, 14], [0, 0, 0, 5], [0, 1, 0, 9]], 0.725806451613),
    ([[10, 1, 10], [18, 0, 5], [29, 0, 11], [2, 0, 2]], 0.134964440472),
    ([[32, 6], [3, 2], [22, 4], [22, 2]], 0.331009607376),
    ([[5, 2, 1, 6], [7, 3, 1, 15]], 0.745638296806),
    ([[23, 6, 11], [8, 7, 3], [6, 2, 2], [4, 5, 11]], 0.0394070686153),
    ([[11, 10, 3], [1, 3, 2], [6, 8, 1]], 0.490962128255),
    ([[4, 9, 0], [13, 22, 1], [4, 6, 0], [5, 5, 1]], 0.784713571556),
    ([[5, 6, 8, 7], [8, 9, 7, 13], [2, 11, 7, 3]], 0.226346186506),
    ([[11, 5, 9, 14], [3, 1, 2, 5], [2, 1, 4, 3]], 0.96144088873),
    ([[2, 1, 3], [21, 0, 17], [22, 0, 11]], 0.0825962024695),
    ([[5, 9, 5], [6, 4, 6], [1, 8, 1], [3, 8, 1]], 0.154687516833),
    ([[0, 2, 1, 1], [1, 1, 1, 1], [0, 10, 2, 4], [1, 14, 10, 9]], 0.586803912407),
    ([[14, 12, 0, 1], [19, 17, 1, 0], [15, 14, 0, 1], [9, 11, 0, 0]], 0.970438290276),
    ([[0, 2, 1, 3], [2, 5, 6, 10], [1, 9, 2, 18], [0, 2, 0, 3]], 0.63607161675),
    ([[6, 19], [4, 27]], 0.315041612089),
    ([[9, 24], [14, 26], [11, 18], [3, 15]], 0.410104321558),
    ([[18, 15, 4], [13, 16, 2], [12, 10, 1]], 0.844990377694),
    ([[14, 16], [13, 16], [13, 15], [19, 17]], 0.933271857743),
    ([[3, 1, 3, 3], [11, 0, 4, 2], [12, 0, 19, 3]], 0.0376682725082),
    ([[6, 1], [16, 0], [24, 0], [24, 0]], 0.0985915492958),
    ([[14, 9, 3], [13, 10, 1], [7, 5, 0]], 0.843328139479),
    ([[1, 0, 2, 0], [9, 8, 7, 13]], 0.211133603239),
    ([[4, 1, 30], [0, 1, 20], [4, 0, 29]], 0.336541653547),
]


@pytest.mark.independent
@pytest.mark.parametrize(("table", "p"), R)
def test_agrees_with_r(table: list[list[int]], p: float):
    assert exact_table(table).p == pytest.approx(p, rel=2e-7)


@pytest.mark.parametrize("table", [[[3, 9], [7, 2]], [[0, 5], [4, 4]], [[12, 1], [1, 12]]])
def test_a_fourfold_table_is_fishers(table: list[list[int]]):
    assert exact_table(table).p == pytest.approx(fisher_exact(table).p, rel=1e-9)


@pytest.mark.independent
def test_goes_through_every_table():
    table = np.array([[3, 1, 0], [1, 4, 2], [0, 1, 3]])
    rows, columns = table.sum(axis=1), table.sum(axis=0)

    def ways(cells: np.ndarray) -> int:
        return prod(
            comb(int(n - cells[:i, j].sum()), int(cells[i, j]))
            for j, n in enumerate(columns)
            for i in range(len(rows))
        )

    every = []
    for a, b, c, d in product(range(8), repeat=4):
        cells = np.array([[a, b, rows[0] - a - b], [c, d, rows[1] - c - d], [0, 0, 0]])
        cells[2] = columns - cells[:2].sum(axis=0)
        if (cells >= 0).all():
            every.append(ways(cells))
    expected = sum(n for n in every if n <= ways(table)) / sum(every)
    assert exact_table(table).p == pytest.approx(expected, rel=1e-9)


def test_the_order_of_rows_and_columns_does_not_matter():
    table = np.array([[3, 1, 0], [1, 4, 2], [0, 1, 3]])
    turned = table[::-1, [2, 0, 1]].T
    assert exact_table(turned).p == pytest.approx(exact_table(table).p, rel=1e-12)


def test_empty_rows_and_columns_are_left_out():
    bare = exact_table([[3, 9], [7, 2]]).p
    assert exact_table([[3, 0, 9], [0, 0, 0], [7, 0, 2]]).p == pytest.approx(bare, rel=1e-12)


def test_nothing_to_test_is_said():
    found = exact_table([[3, 0], [4, 0]])
    assert np.isnan(found.p)
    assert "nothing to test" in found.warnings[0]


def test_too_many_tables_are_said_and_not_tried():
    found = exact_table(np.full((6, 6), 60))
    assert np.isnan(found.p)
    assert "too many tables" in found.warnings[0]


@pytest.mark.parametrize("table", [[1, 2], [[1.5, 2], [3, 4]], [[-1, 2], [3, 4]], []])
def test_refuses_what_is_no_table_of_counts(table: list[object]):
    with pytest.raises(CountsError):
        exact_table(table)
