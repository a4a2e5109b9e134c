"""The method that made the limits is among those that are found, and the strata with it."""

import numpy as np
import pytest

from audit.invented_strata import comparison, trial_of
from openlupus.audit.interval_methods import (
    METHODS,
    SCORE,
    SINGLE,
    STRATIFIED,
    admitted,
    evidence,
    misfit,
)
from openlupus.statistics.risk_difference import miettinen_nurminen

MADE_BY = {**STRATIFIED, SCORE: miettinen_nurminen}


@pytest.mark.parametrize("method", SINGLE)
def test_limits_without_strata(method: str):
    x, n = np.array([[37], [21]]), np.array([[71], [66]])
    trial = trial_of(comparison(x, n, SINGLE[method]))
    assert trial.hits[method]
    assert method in admitted([trial])
    got = SINGLE[method](*trial.witness[method], level=0.95)
    assert misfit(trial.comparison, got).max() == 0


@pytest.mark.parametrize("method", MADE_BY)
def test_limits_over_strata(method: str):
    n = np.array([[22, 19, 31], [20, 24, 27]])
    trials = [
        trial_of(comparison(np.array(x), n, MADE_BY[method]), row=str(row))
        for row, x in enumerate(([[15, 9, 12], [8, 7, 9]], [[18, 14, 25], [13, 19, 20]]))
    ]
    assert method in admitted(trials)
    assert evidence(trials)[method] > -3
    for trial in trials:
        x, size = trial.witness[method]
        assert x.sum(axis=1) == pytest.approx(trial.comparison.responders)
        assert size.sum(axis=1) == pytest.approx(trial.comparison.n)
        got = MADE_BY[method](x, size, level=0.95)
        assert misfit(trial.comparison, got).max() < 1e-6


def test_the_same_seed_gives_the_same_tables():
    of = comparison(np.array([[15, 9], [8, 7]]), np.array([[30, 21], [26, 24]]),
                    STRATIFIED["stratified Newcombe"])  # fmt: skip
    assert trial_of(of).hits == trial_of(of).hits


def test_limits_of_nothing_are_found_by_no_method():
    of = comparison(np.array([[40], [20]]), np.array([[80], [80]]), SINGLE["Newcombe"],
                    shift=(-9.0, 9.0))  # fmt: skip
    trial = trial_of(of)
    assert not any(trial.hits.values())
    assert trial.off > 0.1
    assert admitted([trial]) == ()
    assert set(trial.hits) == set(METHODS)
