"""Potthoff and Roy's growth data: a distance in the face of 27 children at 8, 10, 12, 14 years.

Biometrika 1964;51:313. The likelihoods of its models are a standard of repeated-measures software.
"""

import numpy as np

from openlupus.statistics.mmrm.fit import fit

_BOYS = (
    (26, 25, 29, 31), (21.5, 22.5, 23, 26.5), (23, 22.5, 24, 27.5), (25.5, 27.5, 26.5, 27),
    (20, 23.5, 22.5, 26), (24.5, 25.5, 27, 28.5), (22, 22, 24.5, 26.5), (24, 21.5, 24.5, 25.5),
    (23, 20.5, 31, 26), (27.5, 28, 31, 31.5), (23, 23, 23.5, 25), (21.5, 23.5, 24, 28),
    (17, 24.5, 26, 29.5), (22.5, 25.5, 25.5, 26), (23, 24.5, 26, 30), (22, 21.5, 23.5, 25),
)  # fmt: skip
_GIRLS = (
    (21, 20, 21.5, 23), (21, 21.5, 24, 25.5), (20.5, 24, 24.5, 26), (23.5, 24.5, 25, 26.5),
    (21.5, 23, 22.5, 23.5), (20, 21, 21, 22.5), (21.5, 22.5, 23, 25), (23, 23, 23.5, 24),
    (20, 21, 22, 21.5), (16.5, 19, 19, 19.5), (24.5, 25, 28, 28),
)  # fmt: skip


def deviance(covariance: str) -> float:
    """-2 log likelihood (ML) of a straight line for each sex, with a covariance structure."""
    rows = [
        (distance, float(k >= len(_BOYS)), 8.0 + 2 * visit, visit, k)
        for k, child in enumerate((*_BOYS, *_GIRLS))
        for visit, distance in enumerate(child)
    ]
    y, girl, age, visit, child = np.array(rows, dtype=np.float64).T
    x = np.column_stack([np.ones(y.size), girl, age, girl * age])
    found = fit(y, x, visit.astype(int), child.astype(int), covariance=covariance, reml=False)
    return -2 * found.log_likelihood
