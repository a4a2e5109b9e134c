"""One step of data augmentation for many chains of one or several data sets side by side.

Between imputations a chain needs no row, only the sums of products of the completed rows. They
are drawn directly, from as few rows a pattern as have the same products, and noise for the rest
(eq. mi-compressed): a step costs the same whatever the number of rows. Several groups, data sets
with the same variables such as arms, step together, each with parameters, chains and random
numbers of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.incomplete import Pattern
from openlupus.statistics.imputation.layout import (
    Batch,
    Block,
    Layout,
    Share,
    compressed,
    layout_of,
)
from openlupus.statistics.imputation.normal import NormalFit, Prior
from openlupus.statistics.imputation.stacks import (
    bartlett,
    cholesky,
    lower,
    refuse_indefinite,
    solve_lower,
    solve_upper,
    wishart_draws,
)
from openlupus.statistics.interval import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What all chains share, in units of the variables' own spread in their group.

    Attributes:
        fits: The EM estimate of each group, that its chains start from.
        centre: Of the variables, shape (groups, variables).
        scale: Of the variables, same shape.
        few: As few rows as have the sums of products of all.
        every: Every row.
        fixed: Sums of products of (1, observed), shape (variables + 1, variables + 1, groups).
        ridge: Added to the diagonals of the scatter matrices by the prior, shape (groups,).
        df: Of the posterior inverse Wishart distributions, same shape.
        count: Rows with an observation, same shape.
    """

    fits: tuple[NormalFit, ...]
    centre: Floats
    scale: Floats
    few: Layout
    every: Layout
    fixed: Floats
    ridge: Floats
    df: Floats
    count: Floats


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Parameters of every chain; those of the first group come first, then of the second.

    Attributes:
        mean: Shape (variables, groups x chains).
        precision: Inverse covariance, shape (variables, variables, groups x chains).
        root: The covariance is R R' with R = root bartlett'^-1, both lower, same shape.
        bartlett: See root.
    """

    mean: Floats
    precision: Floats
    root: Floats
    bartlett: Floats

    def covariance(self) -> Floats:
        """Shape (variables, variables, groups x chains)."""
        half = np.ascontiguousarray(self.root.swapaxes(0, 1))
        solve_lower(self.bartlett[:, :, None], half)
        return np.einsum("kic,kjc->ijc", half, half)


Generators = Sequence[np.random.Generator]
"""One a group."""


def model_of(fits: Sequence[NormalFit], prior: Prior) -> Model:
    """Compress the rows and count the degrees of freedom.

    Raises:
        ImputationError: the posterior under the prior is not proper.
    """
    groups = [_group(number, fit, prior) for number, fit in enumerate(fits)]
    k = fits[0].mean.size
    return Model(
        fits=tuple(fits),
        centre=np.stack([group.centre for group in groups]),
        scale=np.stack([group.scale for group in groups]),
        few=layout_of([block for group in groups for block in group.few], k, len(groups)),
        every=layout_of([block for group in groups for block in group.every], k, len(groups)),
        fixed=np.stack([group.fixed for group in groups], axis=-1),
        ridge=np.array([group.ridge for group in groups]),
        df=np.array([group.df for group in groups]),
        count=np.array([group.count for group in groups], np.float64),
    )


def begin(model: Model, chains: int) -> State:
    """Every chain at the EM estimate of its group."""
    fits, k = model.fits, model.scale.shape[1]
    mean = (np.stack([fit.mean for fit in fits]) - model.centre) / model.scale
    spread = model.scale[:, :, None] * model.scale[:, None]
    covariance = np.stack([fit.covariance for fit in fits]) / spread
    unit = np.broadcast_to(np.eye(k), covariance.shape)
    parts = (mean, np.linalg.inv(covariance), np.linalg.cholesky(covariance), unit)
    many = [
        np.repeat(np.moveaxis(each, 0, -1), chains, axis=-1).astype(np.float64) for each in parts
    ]
    return State(many[0], many[1], many[2], many[3])


def step(model: Model, state: State, generators: Generators) -> State:
    """Draw the completed sums given the parameters, then the parameters given the sums."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return _posterior(model, _completed_sums(model, state, generators), generators)


def impute(
    model: Model, keep: Sequence[Bools], state: State, generators: Generators
) -> list[Floats]:
    """One draw of the missing values a chain, in the units of the data.

    Args:
        model: What the chains share.
        keep: The missing values that are wanted, of each group.
        state: The parameters.
        generators: Sources of the random numbers.

    Returns:
        Of each group, shape (chains, wanted), in the order of the rows, then variables.

    Raises:
        ImputationError: a covariance has lost its positive definiteness.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        values, _ = _complete(model.every, state, generators)
    refuse_indefinite(values)
    row, variable, group = model.every.place
    found: list[Floats] = []
    for number, own in enumerate(keep):
        wanted = np.flatnonzero(group == number)
        wanted = wanted[own[row[wanted], variable[wanted]]]
        wanted = wanted[np.lexsort((variable[wanted], row[wanted]))]
        scale, centre = (each[number, variable[wanted]] for each in (model.scale, model.centre))
        found.append(np.ascontiguousarray((values[wanted] * scale[:, None] + centre[:, None]).T))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """What `Model` has of one group."""

    centre: Floats
    scale: Floats
    few: list[Block]
    every: list[Block]
    fixed: Floats
    ridge: float
    df: float
    count: int


def _group(number: int, fit: NormalFit, prior: Prior) -> _Group:
    values, patterns = fit.data.values, fit.data.patterns
    centre = np.asarray(np.nanmean(values, axis=0), np.float64)
    scale = np.asarray(np.nanstd(values, axis=0), np.float64)
    k, count = len(scale), sum(p.rows.size for p in patterns)
    strength = prior.strength(count, k)
    df = count - 1 + strength
    if df < k:
        raise ImputationError(
            f"{count} rows with observations and {k} variables leave the posterior under the "
            f"{prior.name} prior {df:g} degrees of freedom, and it needs {k}; use a ridge prior"
        )
    rows = np.column_stack([np.ones(len(values)), np.nan_to_num((values - centre) / scale)])
    everything = np.arange(k, dtype=np.intp)
    silent = Pattern(fit.data.silent, everything[:0], everything)
    blocks = [rows[pattern.rows] for pattern in patterns]
    return _Group(
        centre,
        scale,
        [compressed(number, rows[p.rows], p) for p in patterns],
        [Block(number, p, rows[p.rows], p.rows, 0) for p in (*patterns, silent)],
        np.sum([block.T @ block for block in blocks], axis=0),
        strength if prior.name == "ridge" else 0.0,
        df,
        count,
    )


def _completed_sums(model: Model, state: State, generators: Generators) -> Floats:
    """Sums of products of (1, variables), shape (variables + 1, variables + 1, stack)."""
    values, squares = _complete(model.few, state, generators, squares=True)
    products = model.few.rows.transposed_times(values) + model.few.squares.times(squares)
    total = np.repeat(model.fixed, values.shape[1], axis=-1)
    products = products.reshape(len(total) - 1, *total.shape[1:])
    total[1:] += products
    total[:, 1:] += products.swapaxes(0, 1)
    return total


def _complete(
    layout: Layout, state: State, generators: Generators, *, squares: bool = False
) -> tuple[Floats, Floats]:
    """Draws of the missing values, shape (values, chains); and products of each pattern's.

    Given the rest the missing variables have precision K_MM and mean mu_M - K_MM^-1 K_MO (y_O -
    mu_O): the rows, 0 where missing, are multiplied by (K mu, -K) and solved for.
    """
    precision = state.precision
    k, stack = state.mean.shape
    chains = stack // layout.groups
    flat = precision.reshape(-1, chains)
    weight = np.empty((k, k + 1, stack))
    np.einsum("ijc,jc->ic", precision, state.mean, out=weight[:, 0])
    np.negative(precision, out=weight[:, 1:])
    values = layout.rows.times(weight.reshape(-1, chains))
    products = np.empty((layout.squares.columns if squares else 0, chains))
    start = filled = 0
    for batch in layout.batches:
        q, size = len(batch.gone), batch.pattern.size
        y = values[start : start + q * size].reshape(q, size, chains)
        start += q * size
        root = batch.by_row(cholesky(flat.take(batch.cells, axis=0)))
        solve_lower(root, y)
        y += _noise(batch, chains, generators)
        solve_upper(root, y)
        for i in range(q if squares else 0):
            part = products[filled : filled + (q - i) * size]
            np.multiply(y[i:], y[i], out=part.reshape(q - i, size, chains))
            filled += len(part)
    return values, products


def _noise(batch: Batch, chains: int, generators: Generators) -> Floats:
    """Normal deviates; Bartlett's factor of a Wishart matrix where rows stand for very many."""
    each = zip(batch.shares, generators, strict=True)
    q = len(batch.gone)
    return _beside([_deviates(q, share, chains, own) for share, own in each if share.size])


def _deviates(q: int, share: Share, chains: int, generator: np.random.Generator) -> Floats:
    deviates = generator.standard_normal((q, share.size, chains))
    if not share.spare.size:
        return deviates
    for i, rows in enumerate(share.noise):
        deviates[:i, rows] = 0
        size = (rows.size, chains)
        deviates[i, rows] = np.sqrt(generator.chisquare((share.spare - i)[:, None], size))
    return deviates


def _posterior(model: Model, total: Floats, generators: Generators) -> State:
    """Inverse Wishart covariance, normal mean (eq. mi-posterior)."""
    k, chains = total.shape[0] - 1, total.shape[2] // len(generators)
    count = np.repeat(model.count, chains)
    centre = total[0, 1:] / count
    scatter = total[1:, 1:] - count * centre[:, None] * centre[None]
    if model.ridge.any():
        scatter[np.arange(k), np.arange(k)] += np.repeat(model.ridge, chains)
    root = lower(cholesky(scatter))
    below, squares, away = _drawn(model.df, k, chains, generators)
    factor = bartlett(below, squares)
    # precision = (root'^-1 B)(root'^-1 B)' and covariance = (root B'^-1)(root B'^-1)'
    precise = factor.copy()
    solve_upper(root[:, :, None], precise)
    precision = np.einsum("ikc,jkc->ijc", precise, precise)
    away /= np.sqrt(count)
    solve_upper(factor, away)
    return State(centre + np.einsum("ikc,kc->ic", root, away), precision, root, factor)


def _drawn(df: Floats, k: int, chains: int, generators: Generators) -> list[Floats]:
    """Draws of the Wishart factors and of the means, the groups side by side."""
    each = [
        (*wishart_draws(own, freedom, k, chains), own.standard_normal((k, chains)))
        for own, freedom in zip(generators, df, strict=True)
    ]
    return [_beside(parts) for parts in zip(*each, strict=True)]


def _beside(parts: Sequence[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
