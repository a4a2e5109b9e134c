"""The likelihood of the covariance parameters, with exact gradient and Hessian.

The coefficients are profiled out. Nothing here depends on the number of subjects, only on the
number of patterns. Mathematics: docs/methods/mmrm.md, eq. mmrm-likelihood, mmrm-gradient,
mmrm-hessian.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.covariance import Structure
from openlupus.statistics.mmrm.directions import Directions, directions
from openlupus.statistics.mmrm.sufficient import Panel, products


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One covariance group at one parameter vector.

    Attributes:
        panel: The group's observations.
        covariance: Of its visits, shape (1, visits, visits) or (patterns, slots, slots).
        directions: Its derivatives.
        root: Inverse Cholesky factor of each pattern's covariance, shape (patterns, slots, slots).
        precision: Inverse covariance of each pattern, 0 where absent.
        solved: Inverse covariance times rows, shape of the panel's rows.
    """

    panel: Panel
    covariance: Floats
    directions: Directions
    root: Floats
    precision: Floats
    solved: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The negative log-likelihood at one parameter vector.

    Attributes:
        theta: The parameters; groups follow each other.
        value: Minus the (restricted) log-likelihood.
        gradient: Of `value`, shape (parameters,).
        hessian: Of `value`, shape (parameters, parameters).
        beta: Coefficients, shape (columns,).
        covariance: Of the coefficients, given the parameters; shape (columns, columns).
        slopes: d inverse(covariance) / d parameter, shape (parameters, columns, columns).
        parts: One a covariance group.
    """

    theta: Floats
    value: float
    gradient: Floats
    hessian: Floats
    beta: Floats
    covariance: Floats
    slopes: Floats
    parts: tuple[Part, ...]


def evaluate(
    panels: Sequence[Panel],
    structures: Sequence[Structure],
    theta: Floats,
    *,
    reml: bool,
    log_weights: float = 0.0,
) -> Evaluation:
    """The likelihood and all its derivatives at a parameter vector.

    Args:
        panels: One a covariance group.
        structures: One a panel.
        theta: The parameters of all groups, one group after the other.
        reml: Restricted likelihood, else maximum likelihood.
        log_weights: Sum of the logarithms of the weights.

    Raises:
        LinAlgError: the covariance of a pattern is not positive definite at these parameters.
    """
    each = np.split(theta, np.cumsum([s.n_parameters for s in structures])[:-1])
    triples = zip(panels, structures, each, strict=True)
    parts = tuple(part(panel, structure, own) for panel, structure, own in triples)
    cross: Floats = np.sum([_cross(each) for each in parts], axis=0)
    columns = cross.shape[0] - 1
    factor: Floats = np.linalg.cholesky(cross[:columns, :columns]).astype(np.float64)
    root = inverse(factor)
    covariance = root.T @ root
    beta = covariance @ cross[:columns, -1]
    residual = np.append(-beta, 1.0)

    observations = sum(float(p.counts @ p.present.sum(axis=1)) for p in panels)
    value = observations * np.log(2 * np.pi) - log_weights + float(residual @ cross @ residual)
    value += sum(_log_determinant(each) for each in parts)
    if reml:
        value += 2 * float(np.log(np.diag(factor)).sum()) - columns * np.log(2 * np.pi)

    # The derivative of (residual, log det) is a trace against this one matrix, probe probe'.
    probe = np.zeros((columns + 1, 1 + (columns if reml else 0)))
    probe[:, 0] = residual
    if reml:
        probe[:-1, 1:] = root.T
    slopes = np.concatenate([-each.directions.between(each.solved) for each in parts])
    gradient, blocks = zip(*(_derivatives(each, probe) for each in parts), strict=True)
    hessian = _block_diagonal(blocks)
    bent = slopes[:, :-1] @ residual @ root.T
    hessian -= 2 * bent @ bent.T
    if reml:
        turned = (root @ slopes[:, :-1, :-1] @ root.T).reshape(len(slopes), -1)
        hessian -= turned @ turned.T
    return Evaluation(
        theta, value / 2, np.concatenate(gradient) / 2, hessian / 2, beta, covariance,
        slopes[:, :-1, :-1], parts,
    )  # fmt: skip


def inverse(matrix: Floats) -> Floats:
    """Inverse of one matrix or of each of a stack."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def part(panel: Panel, structure: Structure, theta: Floats) -> Part:
    """One covariance group at its own parameters, whitened.

    Args:
        panel: The group's observations.
        structure: Its covariance structure.
        theta: The group's own parameters.

    Raises:
        LinAlgError: the covariance of a pattern is not positive definite.
    """
    covariance = structure.evaluate(theta)
    both = panel.present[:, :, None] & panel.present[:, None]
    # An absent slot has variance 1 and no data: it adds nothing anywhere.
    padded = np.where(both, covariance.value, np.eye(panel.present.shape[1]))
    root = inverse(np.linalg.cholesky(padded))
    precision = (np.swapaxes(root, 1, 2) @ root) * both
    solved = precision[panel.pattern] @ panel.rows
    return Part(
        panel, covariance.value, directions(covariance, panel), root, precision, solved
    )  # fmt: skip


def _cross(part: Part) -> Floats:
    columns = part.solved.shape[-1]
    cross = products(part.panel.rows.reshape(-1, columns), part.solved.reshape(-1, columns))
    return (cross + cross.T) / 2


def _log_determinant(part: Part) -> float:
    diagonal = np.diagonal(part.root, axis1=1, axis2=2)
    return -2 * float(part.panel.counts @ np.log(diagonal).sum(axis=1))


def _derivatives(part: Part, probe: Floats) -> tuple[Floats, Floats]:
    probed = part.solved @ probe
    spread = np.add.reduceat(probed @ np.swapaxes(probed, 1, 2), part.panel.starts, axis=0)
    expected = part.panel.counts[:, None, None] * part.precision
    gradient = part.directions.trace(expected - spread)
    hessian = part.directions.curvature(expected - spread)
    return gradient, hessian + part.directions.pairs(part.precision, 2 * spread - expected)


def _block_diagonal(blocks: Sequence[Floats]) -> Floats:
    size = sum(len(block) for block in blocks)
    whole = np.zeros((size, size))
    start = 0
    for block in blocks:
        whole[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return whole
