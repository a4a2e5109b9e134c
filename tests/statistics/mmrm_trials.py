"""Small invented trials for the tests of repeated measures."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Trial:
    """Rows of a trial: response, design (intercept, arm, visits), visit, subject, arm."""

    y: np.ndarray
    x: np.ndarray
    visit: np.ndarray
    subject: np.ndarray
    arm: np.ndarray

    def rows(self, keep: np.ndarray) -> "Trial":
        return Trial(
            self.y[keep], self.x[keep], self.visit[keep], self.subject[keep], self.arm[keep]
        )


def trial(
    seed: int = 1, subjects: int = 40, visits: int = 3, missing: float = 0.2, scale: float = 1.0
) -> Trial:
    """A two-arm trial with correlated visits; some rows are absent."""
    rng = np.random.default_rng(seed)
    lags = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
    spread = 1 + 0.3 * np.arange(visits)
    covariance = 0.6**lags * np.outer(spread, spread)
    errors = rng.multivariate_normal(np.zeros(visits), covariance, size=subjects)
    subject = np.repeat(np.arange(subjects), visits)
    visit = np.tile(np.arange(visits), subjects)
    arm = subject % 2
    x = np.column_stack([np.ones(visit.size), arm, *(visit == k for k in range(1, visits))])
    y = scale * (errors.ravel() + arm + 0.5 * visit)
    whole = Trial(y, x.astype(float), visit, subject, arm)
    absent = rng.random(visit.size) < missing
    absent[: 4 * visits] = False  # every pair of visits is there in both arms
    return whole.rows(~absent)
