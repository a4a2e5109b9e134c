"""Univariate imputation models, fitted and drawn for many chains at once.

Every function takes `x` and `x_missing`, designs with the intercept in the first column, shape
(chains, rows, columns), and the observed response `y`, shape (rows,), which all chains share. It
draws parameters from their (approximate) posterior, then responses given them; shape (chains,
missing rows). Mathematics, with the named equations: docs/methods/imputation.md.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.special import expit

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.interval import Floats

SeparationPrior = Literal["augmented", "none"]

_MOST_STEPS = 60
# Squared distance to the maximum, in standard errors, at which Newton's method ends.
_CLOSE = 1e-12
# A linear predictor beyond this is that of a separated response.
_SEPARATED = 25.0
_DEPENDENT = 1e-10

# Value, gradient and information of a log-likelihood at parameters (chains, parameters).
_Likelihood = Callable[[Floats], tuple[Floats, Floats, Floats]]


def draw_normal(x: Floats, y: Floats, x_missing: Floats, generator: np.random.Generator) -> Floats:
    """Bayesian linear regression, flat prior of coefficients and log variance (eq. fcs-normal)."""
    _, drawn, spread = _linear(x, y, generator)
    noise = generator.standard_normal(x_missing.shape[:2])
    return _times(x_missing, drawn) + spread[:, None] * noise


def draw_matched(
    x: Floats, y: Floats, x_missing: Floats, generator: np.random.Generator, *, donors: int
) -> Floats:
    """Predictive mean matching: one of the donors with the nearest predictions (eq. fcs-pmm).

    Donors are predicted from the estimated coefficients, recipients from drawn ones. Donors at
    the same distance are in random order.
    """
    if donors < 1 or donors > y.size:
        raise ImputationError(f"{donors} donors asked, and there are {y.size} observed values")
    estimate, drawn, _ = _linear(x, y, generator)
    offered, wanted = _times(x, estimate), _times(x_missing, drawn)
    picked = generator.integers(donors, size=wanted.shape)
    found = np.empty_like(wanted)
    for chain, (have, want, pick) in enumerate(zip(offered, wanted, picked, strict=True)):
        shuffled = generator.permutation(y.size)
        order = shuffled[np.argsort(have[shuffled], kind="stable")]
        at = np.asarray(np.searchsorted(have[order], want), np.intp)
        first = np.clip(at - donors, 0, max(y.size - 2 * donors, 0))
        window = first[:, None] + np.arange(min(2 * donors, y.size), dtype=np.intp)
        candidate = order[window]
        near = np.argsort(np.abs(have[candidate] - want[:, None]), axis=1, kind="stable")
        chosen = np.take_along_axis(near, pick[:, None], axis=1)
        found[chain] = y[np.take_along_axis(candidate, chosen, axis=1)[:, 0]]
    return found


def draw_nominal(
    x: Floats,
    y: Floats,
    x_missing: Floats,
    generator: np.random.Generator,
    *,
    categories: int,
    prior: SeparationPrior,
) -> Floats:
    """Logistic regression of 2 or more categories, the first the reference (eq. fcs-logistic).

    Args:
        x: Design of the observed rows.
        y: Categories 0, 1, ...
        x_missing: Design of the rows to be imputed.
        generator: Source of the random numbers.
        categories: Their number.
        prior: `augmented` adds pseudo-observations of the weight of as many as there are
            coefficients (White, Daniel & Royston); `none` refuses a separated response.
    """
    p = x.shape[2]
    design, response, weight = _augmented(x, y, categories, prior)
    is_category = (response[:, None] == np.arange(1, categories)).astype(np.float64)

    def likelihood(theta: Floats) -> tuple[Floats, Floats, Floats]:
        eta = design @ theta.reshape(len(theta), categories - 1, p).swapaxes(1, 2)
        highest = np.maximum(eta.max(axis=2), 0.0)
        log_sum = highest + np.log(np.exp(-highest) + np.exp(eta - highest[:, :, None]).sum(axis=2))
        share = np.exp(eta - log_sum[:, :, None])
        value = (weight * ((eta * is_category).sum(axis=2) - log_sum)).sum(axis=1)
        gradient = (weight[:, None] * (is_category - share)).swapaxes(1, 2) @ design
        information = np.empty((len(theta), categories - 1, p, categories - 1, p))
        for a in range(categories - 1):
            for b in range(a + 1):
                own = weight * share[:, :, a] * ((a == b) - share[:, :, b])
                block = design.swapaxes(1, 2) @ (own[:, :, None] * design)
                information[:, a, :, b] = information[:, b, :, a] = block
        size = (categories - 1) * p
        return value, gradient.reshape(-1, size), information.reshape(-1, size, size)

    start = np.zeros((len(x), (categories - 1) * p))
    estimate, factor = _maximise(likelihood, start)
    if prior == "none":
        _refuse_separated(design, estimate.reshape(len(x), categories - 1, p))
    drawn = estimate + _deviate(factor, generator)
    eta = x_missing @ drawn.reshape(len(x), categories - 1, p).swapaxes(1, 2)
    eta = np.concatenate([np.zeros((*eta.shape[:2], 1)), eta], axis=2)
    share = np.exp(eta - eta.max(axis=2, keepdims=True))
    cumulative = np.cumsum(share, axis=2)
    uniform = generator.random(eta.shape[:2]) * cumulative[:, :, -1]
    return (uniform[:, :, None] >= cumulative[:, :, :-1]).sum(axis=2).astype(np.float64)


def draw_ordinal(
    x: Floats,
    y: Floats,
    x_missing: Floats,
    generator: np.random.Generator,
    *,
    categories: int,
    prior: SeparationPrior,
) -> Floats:
    """Proportional odds regression of ordered categories (eq. fcs-ordinal).

    The cut points are drawn by their gaps' logarithms, so that they stay in order. Arguments as
    in `draw_nominal`.
    """
    design, response, weight = _augmented(x, y, categories, prior)
    design = design[:, :, 1:]  # the cut points are the intercepts
    cuts = categories - 1
    upper = (response[:, None] == np.arange(cuts)).astype(np.float64) * weight[:, None]
    lower = (response[:, None] - 1 == np.arange(cuts)).astype(np.float64) * weight[:, None]
    code = response.astype(np.intp)

    def likelihood(theta: Floats) -> tuple[Floats, Floats, Floats]:
        return _ordinal_likelihood(theta, design, code, weight, upper, lower)

    below = np.cumsum(np.bincount(code, weight, minlength=categories))[:-1] / weight.sum()
    start = np.zeros((len(x), cuts + design.shape[2]))
    start[:, :cuts] = np.log(below / (1 - below))
    estimate, factor = _maximise(likelihood, start)
    if prior == "none":
        _refuse_separated(design, estimate[:, None, cuts:])
    deviate = _deviate(factor, generator)
    gap = np.diff(estimate[:, :cuts], axis=1)
    stretched = gap * np.exp(np.clip(np.diff(deviate[:, :cuts], axis=1) / gap, -30, 30))
    first = estimate[:, :1] + deviate[:, :1]
    cut = np.concatenate([first, first + np.cumsum(stretched, axis=1)], axis=1)
    eta = _times(x_missing[:, :, 1:], estimate[:, cuts:] + deviate[:, cuts:])
    cumulative = expit(cut[:, None] - eta[:, :, None])
    uniform = generator.random(eta.shape)
    return (uniform[:, :, None] >= cumulative).sum(axis=2).astype(np.float64)


def _ordinal_likelihood(
    theta: Floats,
    design: Floats,
    code: Indices,
    weight: Floats,
    upper: Floats,
    lower: Floats,
) -> tuple[Floats, Floats, Floats]:
    cuts, chains = upper.shape[1], len(theta)
    eta = _times(design, theta[:, cuts:])
    edge = np.concatenate(
        [np.full((chains, 1), -np.inf), theta[:, :cuts], np.full((chains, 1), np.inf)], axis=1
    )
    high, low = expit(edge[:, code + 1] - eta), expit(edge[:, code] - eta)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.maximum(high - low, 1e-300)
        # Cut points out of order have no likelihood.
        value = (weight * np.where(high > low, np.log(chance), -np.inf)).sum(axis=1)
    slope_high, slope_low = high * (1 - high), low * (1 - low)
    up, down = slope_high / chance, slope_low / chance
    a = up**2 - slope_high * (1 - 2 * high) / chance
    d = down**2 + slope_low * (1 - 2 * low) / chance
    b = -up * down
    gradient = np.concatenate(
        [up @ upper - down @ lower, -_times(design.swapaxes(1, 2), weight * (up - down))], axis=1
    )
    information = np.zeros((chains, theta.shape[1], theta.shape[1]))
    own = np.arange(cuts, dtype=np.intp)
    information[:, own, own] = a @ upper + d @ lower
    beside = (b @ upper)[:, 1:]
    information[:, own[1:], own[:-1]] = information[:, own[:-1], own[1:]] = beside
    mixed = -((a + b)[:, None] * upper.T + (d + b)[:, None] * lower.T) @ design
    information[:, :cuts, cuts:] = mixed
    information[:, cuts:, :cuts] = mixed.swapaxes(1, 2)
    whole = weight * (a + 2 * b + d)
    information[:, cuts:, cuts:] = design.swapaxes(1, 2) @ (whole[:, :, None] * design)
    return value, gradient, information


def _linear(x: Floats, y: Floats, generator: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Estimated and drawn coefficients (chains, columns), and drawn residual deviations."""
    chains, rows, columns = x.shape
    factor = _factor(x.swapaxes(1, 2) @ x)
    cross = _times(x.swapaxes(1, 2), np.broadcast_to(y, (chains, rows)))
    forward = np.linalg.solve(factor, cross[:, :, None])
    estimate = np.asarray(np.linalg.solve(factor.swapaxes(1, 2), forward), np.float64)
    residual = y - (x @ estimate)[:, :, 0]
    freedom = rows - columns
    if freedom < 1:
        raise ImputationError(f"{rows} observed rows cannot tell {columns} coefficients")
    sums = np.einsum("cn,cn->c", residual, residual)
    spread = np.asarray(np.sqrt(sums / generator.chisquare(float(freedom), (chains,))), np.float64)
    found = estimate[:, :, 0]
    return found, found + spread[:, None] * _deviate(factor, generator), spread


def _augmented(
    x: Floats, y: Floats, categories: int, prior: SeparationPrior
) -> tuple[Floats, Floats, Floats]:
    """The rows with pseudo-observations half a deviation about the mean of each predictor.

    Each predictor has one above and one below in every category; together they weigh as many
    observations as there are coefficients (eq. fcs-augmented).
    """
    if prior == "none":
        return x, y, np.ones(y.size)
    predictors = x.shape[2] - 1
    number = 2 * max(predictors, 1) * categories
    pseudo = np.repeat(x.mean(axis=1, keepdims=True), number, axis=1)
    half = x.std(axis=1, ddof=1) / 2
    row = np.arange(number, dtype=np.intp)
    which = row // (2 * categories)
    if predictors:
        pseudo[:, row, which + 1] += np.where(row % 2 == 0, 1.0, -1.0) * half[:, which + 1]
    response = np.append(y, ((row // 2) % categories).astype(np.float64))
    weight = np.append(np.ones(y.size), np.full(number, (predictors + 1) / number))
    return np.concatenate([x, pseudo], axis=1), response, weight


def _maximise(likelihood: _Likelihood, theta: Floats) -> tuple[Floats, Floats]:
    """Newton's method for every chain; the maximum and the factor of the information there."""
    value, gradient, information = likelihood(theta)
    for _ in range(_MOST_STEPS):
        factor = _factor(information)
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        squared = (gradient * step).sum(axis=1)
        if float(squared.max()) <= _CLOSE:
            return theta, factor
        length = np.ones(len(theta))
        while True:
            moved = likelihood(theta + length[:, None] * step)
            worse = ~(moved[0] >= value - 1e-9 * (1 + np.abs(value)))
            if not worse.any():
                break
            length[worse] /= 2
            if float(length.min()) < 1e-9:
                raise ImputationError(
                    "a category cannot be modelled: its likelihood has no maximum"
                )
        theta = theta + length[:, None] * step
        value, gradient, information = moved
    raise ImputationError(
        "the response is separated by its predictors, so that its likelihood has no maximum; use "
        "prior='augmented'"
    )


def _factor(information: Floats) -> Floats:
    """Cholesky factors, a predictor without spread or a dependent one refused."""
    scale = np.sqrt(np.diagonal(information, axis1=1, axis2=2))
    # A level that nobody observed has: its coefficient is left at 0 with the spread of one row.
    empty = scale == 0
    if empty.any():
        information += np.eye(information.shape[1]) * empty[:, None]
        scale = np.where(empty, 1.0, scale)
    try:
        factor = np.linalg.cholesky(information)
    except np.linalg.LinAlgError as error:
        raise ImputationError(_COLLINEAR) from error
    if np.any(np.diagonal(factor, axis1=1, axis2=2) ** 2 < _DEPENDENT * scale**2):
        raise ImputationError(_COLLINEAR)
    return factor.astype(np.float64)


_COLLINEAR = (
    "predictors depend on each other among the observed rows (or there are fewer rows than "
    "predictors): leave one out, or use fewer predictors"
)


def _refuse_separated(design: Floats, coefficients: Floats) -> None:
    if float(np.abs(design @ coefficients.swapaxes(1, 2)).max()) > _SEPARATED:
        raise ImputationError(
            "the response is separated by its predictors (fitted chances of 0 or 1), so that its "
            "coefficients have no finite estimate; use prior='augmented'"
        )


def _deviate(factor: Floats, generator: np.random.Generator) -> Floats:
    """Normal deviates whose covariance is the inverse of factor factor'."""
    noise = generator.standard_normal(factor.shape[:2])
    return np.linalg.solve(factor.swapaxes(1, 2), noise[:, :, None])[:, :, 0].astype(np.float64)


def _times(matrices: Floats, vectors: Floats) -> Floats:
    return (matrices @ vectors[:, :, None])[:, :, 0]
