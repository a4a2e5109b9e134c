"""Empirical ("sandwich") covariance of the coefficients, and its degrees of freedom.

Liang & Zeger 1986 (CR0), Bell & McCaffrey 2002 (CR2, degrees of freedom), Mancl & DeRouen 2001
(CR3). Mathematics: docs/methods/mmrm.md, eq. mmrm-sandwich.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.fit import Fit
from openlupus.statistics.mmrm.likelihood import part
from openlupus.statistics.mmrm.sufficient import panels

Correction = Literal["none", "bias-reduced", "jackknife"]
_SINGULAR = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Sandwich:
    """An empirical covariance.

    Attributes:
        covariance: Of the coefficients, shape (columns, columns).
        model_covariance: The one that the model implies, same shape.
        designs: Whitened design of each subject, shape (subjects, slots, columns).
        corrected: The same, multiplied by the correction of the subject's residuals.
    """

    covariance: Floats
    model_covariance: Floats
    designs: Floats
    corrected: Floats

    def df(self, contrast: Floats) -> float:
        """Degrees of freedom of one contrast, as if the model's covariance were true."""
        phi = self.model_covariance
        spread = self.corrected @ (phi @ contrast)
        own = np.einsum("ik,ik->i", spread, spread)
        through = np.einsum("ikp,ik->ip", self.designs, spread)
        shared = np.einsum("ip,pq,iq->i", through, phi, through)
        twice = through.T @ through @ phi
        total = float(own.sum() - shared.sum())
        return total**2 / float(own @ own - 2 * own @ shared + np.sum(twice * twice.T))


def sandwich(fit: Fit, correction: Correction) -> Sandwich:
    """Empirical covariance of the coefficients.

    Args:
        fit: The fit; its covariance structure is the working covariance.
        correction: Of the residuals of a subject with leverage H: `none` (CR0, PROC MIXED's
            EMPIRICAL), `bias-reduced` (CR2, inverse root of I - H), `jackknife` (CR3, inverse of
            I - H).

    Raises:
        StatisticsError: a subject alone determines a coefficient, so that the jackknife is not
            defined.
    """
    each = np.split(fit.theta, len(fit.structures))
    whole = panels(fit.data, compress=False)
    pieces = [
        part(panel, structure, theta)
        for panel, structure, theta in zip(whole, fit.structures, each, strict=True)
    ]
    white = np.concatenate([p.root[p.panel.pattern] @ p.panel.rows for p in pieces])
    designs = white[:, :, :-1]
    residuals = white[:, :, -1] - designs @ fit.beta
    corrected = _corrected(designs, fit.covariance, correction)
    scores = np.einsum("ikp,ik->ip", corrected, residuals)
    covariance = fit.covariance @ (scores.T @ scores) @ fit.covariance
    return Sandwich(covariance, fit.covariance, designs, corrected)


def _corrected(designs: Floats, phi: Floats, correction: Correction) -> Floats:
    if correction == "none":
        return designs
    transposed = np.swapaxes(designs, 1, 2)
    values, axes = np.linalg.eigh(np.eye(designs.shape[1]) - designs @ phi @ transposed)
    alone = values < _SINGULAR
    if correction == "jackknife" and alone.any():
        raise StatisticsError(
            f"{int(alone.any(axis=1).sum())} subjects each determine a coefficient alone: the"
            " jackknife covariance is not defined; use the bias-reduced one or merge levels"
        )
    power = -0.5 if correction == "bias-reduced" else -1.0
    scale = np.where(alone, 0.0, np.where(alone, 1.0, values) ** power)
    return (axes * scale[:, None, :]) @ (np.swapaxes(axes, 1, 2) @ designs)
