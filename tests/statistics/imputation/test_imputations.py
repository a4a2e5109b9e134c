"""Completed data sets, and composites recomputed from imputed components."""

import numpy as np
import pytest

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.imputations import Imputations, recompute

DATA = np.array([[1.0, np.nan], [np.nan, 4.0], [5.0, 6.0]])
GONE = np.isnan(DATA)


def made(values) -> Imputations:
    return Imputations(DATA, GONE, np.array(values, float), ("a", "b"), "by hand")


def test_draws_stand_in_the_order_of_the_rows() -> None:
    got = made([[10, 20], [30, 40]])
    assert got.completed(1).tolist() == [[1, 30], [40, 4], [5, 6]]
    assert got.drawn(0).tolist() == [[20], [40]]
    assert got.joined(made([[7, 8]])).values.shape == (3, 2)


def test_a_composite_is_recomputed_in_each_completed_data_set() -> None:
    got = recompute(lambda y: (y[:, 0] < y[:, 1]) * 1.0, made([[10, 3], [0, 9]]))
    assert got.tolist() == [[1, 1, 1], [0, 0, 1]]


def test_components_may_come_from_several_methods() -> None:
    got = recompute(lambda a, b: a[:, 0] + b[:, 1], made([[1, 2], [3, 4]]), made([[5, 6], [7, 8]]))
    assert got.tolist() == [[6, 6, 11], [8, 8, 11]]


def test_refusals() -> None:
    with pytest.raises(ImputationError, match="equally many"):
        recompute(lambda a, b: a[:, 0], made([[1, 2]]), made([[1, 2], [3, 4]]))
    with pytest.raises(ImputationError, match="one number a row"):
        recompute(lambda y: y, made([[1, 2], [3, 4]]))
