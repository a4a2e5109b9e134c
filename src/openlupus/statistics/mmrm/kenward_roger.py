"""Covariance of the coefficients with the uncertainty of the covariance parameters added.

Kenward & Roger, Biometrics 1997;53:983. Mathematics: docs/methods/mmrm.md, eq. mmrm-kr.
"""

from typing import Literal

import numpy as np

from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.covariance import Structure
from openlupus.statistics.mmrm.fit import Fit
from openlupus.statistics.mmrm.likelihood import Part

# In which parameters the second derivatives of the covariance are taken; "none" leaves them out.
Parametrisation = Literal["unbounded", "sas", "none"]


def adjusted_covariance(fit: Fit, parametrisation: Parametrisation) -> Floats:
    """Kenward and Roger's covariance of the coefficients, shape (columns, columns).

    Args:
        fit: A restricted maximum likelihood fit.
        parametrisation: The term of second derivatives depends on how the covariance is
            parametrised: `unbounded` as R's mmrm, `sas` as PROC MIXED's DDFM=KR, `none` for
            PROC MIXED's DDFM=KR(LINEAR).
    """
    phi, slopes, weight = fit.covariance, fit.slopes, fit.theta_covariance
    size = len(fit.theta) // len(fit.structures)
    middle = np.zeros_like(phi)
    for number, part in enumerate(fit.evaluation.parts):
        own = slice(number * size, (number + 1) * size)
        middle += _within_group(
            part, fit.structures[number], fit.theta[own], weight[own, own], slopes[own],
            parametrisation,
        )  # fmt: skip
    mixed = np.tensordot(weight, slopes, 1)
    middle -= np.sum(slopes @ phi @ mixed, axis=0)
    adjusted = phi + 2 * phi @ middle @ phi
    return (adjusted + adjusted.T) / 2


def _within_group(
    part: Part,
    structure: Structure,
    theta: Floats,
    weight: Floats,
    slopes: Floats,
    parametrisation: Parametrisation,
) -> Floats:
    """Sum over parameters of w (Q - R / 4)."""
    solved = part.solved[:, :, :-1]
    inner = part.directions.weighted_pairs(weight, part.precision)
    natural = structure.natural(theta) if parametrisation == "sas" else None
    bent = parametrisation == "unbounded" or (natural is not None and natural.curvature is not None)
    if bent:
        inner = inner - part.directions.weighted_curvature(weight) / 4
    flat = solved.reshape(-1, solved.shape[-1])
    total = flat.T @ (
        np.broadcast_to(inner, part.precision.shape)[part.panel.pattern] @ solved
    ).reshape(flat.shape)
    if natural is not None and natural.curvature is not None:
        # Second derivatives in other parameters differ by a multiple of the first ones.
        change = -np.diag(weight) * natural.curvature / np.diag(natural.jacobian)
        total += np.tensordot(change, slopes, 1) / 4
    return total
