"""One step of data augmentation for many chains side by side.

Between imputations a chain needs no row, only the sums of products of the completed rows. They
are drawn directly, from as few rows a pattern as have the same products, and noise for the rest
(eq. mi-compressed): a step costs the same whatever the number of rows. Patterns with equally many
missing variables and rows are worked on together.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.incomplete import Indices, Pattern
from openlupus.statistics.imputation.normal import NormalFit, Prior
from openlupus.statistics.imputation.sparse import Sparse
from openlupus.statistics.imputation.stacks import (
    cholesky,
    solve_lower,
    solve_upper,
    wishart_factor,
)
from openlupus.statistics.interval import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Patterns with equally many missing variables and rows.

    Attributes:
        gone: Missing variables, shape (patterns, missing).
        rows: Rows of each pattern.
        noise: Rows that are noise alone, after those.
        spare: Rows of the data that the noise stands for, shape (patterns,).
    """

    gone: Indices
    rows: int
    noise: int
    spare: Floats

    @property
    def shape(self) -> tuple[int, int, int]:
        """Patterns, missing variables, rows with those of noise."""
        return (*self.gone.shape, self.rows + self.noise)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the missing values of all patterns stand in one long vector, batch after batch.

    Attributes:
        batches: The incomplete patterns.
        rows: Takes (variables, variables + 1) coefficients to the values: one row a value, with
            the (1, observed) of its row of data at the coefficients of its variable. The
            transpose takes values to their products with (1, observed).
        squares: Takes products of two missing variables to the same place, half to each order.
        place: Row and variable of each value; row -1 where it is noise or stands for many rows.
    """

    batches: tuple[Batch, ...]
    rows: Sparse
    squares: Sparse
    place: Indices


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What all chains share, in units of the variables' own spread.

    Attributes:
        fit: The EM estimate that the chains start from.
        centre: Of the variables.
        scale: Of the variables.
        few: As few rows as have the sums of products of all.
        every: Every row.
        fixed: Sums of products of (1, observed), shape (variables + 1, variables + 1).
        ridge: Added to the diagonal of the scatter matrix by the prior.
        df: Of the posterior inverse Wishart distribution.
        count: Rows with an observation.
    """

    fit: NormalFit
    centre: Floats
    scale: Floats
    few: Layout
    every: Layout
    fixed: Floats
    ridge: float
    df: float
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Parameters of every chain.

    Attributes:
        mean: Shape (variables, chains).
        precision: Inverse covariance, shape (variables, variables, chains).
        half: The covariance is half half', same shape.
    """

    mean: Floats
    precision: Floats
    half: Floats

    def covariance(self) -> Floats:
        """Shape (variables, variables, chains)."""
        return np.einsum("ikc,jkc->ijc", self.half, self.half)


def model_of(fit: NormalFit, prior: Prior) -> Model:
    """Compress the rows and count the degrees of freedom.

    Raises:
        ImputationError: the posterior under the prior is not proper.
    """
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
    return Model(
        fit=fit,
        centre=centre,
        scale=scale,
        few=_layout([_compressed(rows[p.rows], p) for p in patterns], k),
        every=_layout([_Block(p, rows[p.rows], p.rows, 0) for p in (*patterns, silent)], k),
        fixed=np.sum([block.T @ block for block in blocks], axis=0),
        ridge=strength if prior.name == "ridge" else 0.0,
        df=df,
        count=count,
    )


def begin(model: Model, chains: int) -> State:
    """Every chain at the EM estimate."""
    covariance = model.fit.covariance / np.outer(model.scale, model.scale)
    mean = (model.fit.mean - model.centre) / model.scale
    parts = (mean, np.linalg.inv(covariance), np.linalg.cholesky(covariance))
    many = [np.repeat(each[..., None], chains, axis=-1).astype(np.float64) for each in parts]
    return State(many[0], many[1], many[2])


def step(model: Model, state: State, generator: np.random.Generator) -> State:
    """Draw the completed sums given the parameters, then the parameters given the sums."""
    return _posterior(model, _completed_sums(model, state, generator), generator)


def impute(model: Model, keep: Bools, state: State, generator: np.random.Generator) -> Floats:
    """One draw of the missing values a chain, in the units of the data.

    Args:
        model: What the chains share.
        keep: The missing values that are wanted.
        state: The parameters.
        generator: Source of the random numbers.

    Returns:
        Shape (chains, wanted), in the order of the rows, then variables.
    """
    values, _ = _complete(model.every, state, generator)
    row, variable = model.every.place
    wanted = np.flatnonzero(keep[row, variable])
    wanted = wanted[np.lexsort((variable[wanted], row[wanted]))]
    scale, centre = model.scale[variable[wanted]], model.centre[variable[wanted]]
    return np.ascontiguousarray((values[wanted] * scale[:, None] + centre[:, None]).T)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Rows (1, variables), 0 where missing, of one pattern; `spare` more are noise."""

    pattern: Pattern
    rows: Floats
    place: Indices
    spare: int

    @property
    def key(self) -> tuple[int, int, int]:
        return self.pattern.missing.size, len(self.rows), min(self.spare, self.pattern.missing.size)


def _compressed(rows: Floats, pattern: Pattern) -> _Block:
    """The triangular factor in the place of the rows, where it is shorter (eq. mi-compressed)."""
    fewest, q = pattern.observed.size + 1, pattern.missing.size
    spare = len(rows) - fewest
    if spare <= q:
        return _Block(pattern, rows, np.full(len(rows), -1), 0)
    seen = np.append(0, pattern.observed + 1)
    short = np.zeros((fewest, rows.shape[1]))
    short[:, seen] = np.linalg.qr(rows[:, seen], mode="r")
    return _Block(pattern, short, np.full(fewest, -1), spare)


def _layout(blocks: list[_Block], k: int) -> Layout:
    alike: dict[tuple[int, int, int], list[_Block]] = defaultdict(list)
    for block in blocks:
        if block.pattern.missing.size and len(block.rows):
            alike[block.key].append(block)
    batches: list[Batch] = []
    weights: list[Floats] = [np.empty((0, k + 1))]
    places: list[Indices] = [np.empty((2, 0), np.intp)]
    square_at: list[Indices] = [np.empty(0, np.intp)]
    for (q, few, noise), own in sorted(alike.items(), key=lambda item: item[0]):
        gone = np.stack([block.pattern.missing for block in own])
        spare = np.array([block.spare for block in own], np.float64)
        batches.append(Batch(gone, few, noise, spare))
        rows = np.zeros((len(own), q, few + noise, k + 1))
        rows[:, :, :few] = np.stack([block.rows for block in own])[:, None]
        row = np.full((len(own), q, few + noise), -1)
        row[:, :, :few] = np.stack([block.place for block in own])[:, None]
        variable = np.broadcast_to(gone[:, :, None], row.shape)
        weights.append(rows.reshape(-1, k + 1))
        places.append(np.stack([row.ravel(), variable.ravel()]))
        square_at.append((gone[:, :, None] * (k + 1) + gone[:, None] + 1).ravel())
    at, place = np.concatenate(square_at), np.concatenate(places, axis=1)
    order = np.arange(at.size, dtype=np.intp)
    squares = Sparse(np.full(at.size, 0.5), at, order, (k * (k + 1), at.size))
    return Layout(tuple(batches), _spread(np.concatenate(weights), place[1]), squares, place)


def _spread(weights: Floats, variable: Indices) -> Sparse:
    """One row a value, its weights at the columns of its variable."""
    width = weights.shape[1]
    columns = variable[:, None] * width + np.arange(width, dtype=np.intp)
    row = np.broadcast_to(np.arange(len(weights), dtype=np.intp)[:, None], columns.shape)
    return Sparse(
        weights.ravel(), row.ravel(), columns.ravel(), (len(weights), (width - 1) * width)
    )


def _completed_sums(model: Model, state: State, generator: np.random.Generator) -> Floats:
    """Sums of products of (1, variables), shape (variables + 1, variables + 1, chains)."""
    values, squares = _complete(model.few, state, generator, squares=True)
    products = model.few.rows.transposed_times(values) + model.few.squares.times(squares)
    total = np.repeat(model.fixed[..., None], values.shape[1], axis=-1)
    products = products.reshape(len(total) - 1, *total.shape[1:])
    total[1:] += products
    total[:, 1:] += products.swapaxes(0, 1)
    return total


def _complete(
    layout: Layout, state: State, generator: np.random.Generator, *, squares: bool = False
) -> tuple[Floats, Floats]:
    """Draws of the missing values, shape (values, chains); and products of each pattern's.

    Given the rest the missing variables have precision K_MM and mean mu_M - K_MM^-1 K_MO (y_O -
    mu_O): the rows, 0 where missing, are multiplied by (K mu, -K) and solved for.
    """
    precision = state.precision
    k, chains = state.mean.shape
    weight = np.empty((k, k + 1, chains))
    np.einsum("ijc,jc->ic", precision, state.mean, out=weight[:, 0])
    np.negative(precision, out=weight[:, 1:])
    values = layout.rows.times(weight.reshape(-1, chains))
    products: list[Floats] = [np.empty((0, chains))]
    start = 0
    for batch in layout.batches:
        patterns, q, rows = batch.shape
        y = values[start : start + patterns * q * rows].reshape(*batch.shape, chains)
        start += patterns * q * rows
        root = cholesky(precision[batch.gone[:, :, None], batch.gone[:, None]])
        solve_lower(root, y)
        y += _noise(batch, chains, generator)
        solve_upper(root, y)
        if squares:
            products.append(np.einsum("pirc,pjrc->pijc", y, y).reshape(-1, chains))
    return values, np.concatenate(products)


def _noise(batch: Batch, chains: int, generator: np.random.Generator) -> Floats:
    patterns, q, _ = batch.shape
    if batch.noise == 0:
        return generator.standard_normal((*batch.shape, chains))
    # Very many spare rows have the products of a Wishart matrix, which q rows can show.
    own = generator.standard_normal((patterns, q, batch.rows, chains))
    spare = wishart_factor(generator, batch.spare, q, chains)
    return np.concatenate([own, spare], axis=2)


def _posterior(model: Model, total: Floats, generator: np.random.Generator) -> State:
    """Inverse Wishart covariance, normal mean (eq. mi-posterior)."""
    k, chains = total.shape[0] - 1, total.shape[2]
    centre = total[0, 1:] / model.count
    scatter = total[1:, 1:] - model.count * centre[:, None] * centre[None]
    scatter[np.arange(k), np.arange(k)] += model.ridge
    root = cholesky(scatter)
    bartlett = wishart_factor(generator, model.df, k, chains)
    # precision = (root'^-1 B)(root'^-1 B)' and covariance = (root B'^-1)(root B'^-1)'
    half = np.ascontiguousarray(root.swapaxes(0, 1))
    solve_lower(bartlett, half)
    half = np.ascontiguousarray(half.swapaxes(0, 1))
    precise = bartlett
    solve_upper(root, precise)
    precision = np.einsum("ikc,jkc->ijc", precise, precise)
    deviate = generator.standard_normal((k, chains)) / np.sqrt(model.count)
    return State(centre + np.einsum("ikc,kc->ic", half, deviate), precision, half)
