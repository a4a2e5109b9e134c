"""One step of data augmentation for many chains side by side.

Between imputations a chain needs no row, only the sums of products of the completed rows. They
are drawn directly, from as few rows a pattern as have the same products, and noise for the rest
(eq. mi-compressed): a step costs the same whatever the number of rows. Patterns with equally many
missing variables are worked on together.
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
    """Patterns with equally many missing variables.

    Attributes:
        gone: Missing variables, shape (missing, patterns).
        pattern: Of each row, shape (rows,).
        noise: Rows that are noise alone, shape (missing, patterns that have them).
        spare: Rows of the data that the noise of these patterns stands for.
    """

    gone: Indices
    pattern: Indices
    noise: Indices
    spare: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the missing values of all patterns stand in one long vector.

    A batch follows the other; in it a variable the other, with its rows side by side.

    Attributes:
        batches: The incomplete patterns.
        rows: Takes (variables, variables + 1) coefficients to the values: one row a value, with
            the (1, observed) of its row of data at the coefficients of its variable. The
            transpose takes values to their products with (1, observed).
        squares: Takes products of two missing variables of a row to the same place, half of a
            square.
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
        root: The covariance is R R' with R = root bartlett'^-1, both lower, same shape.
        bartlett: See root.
    """

    mean: Floats
    precision: Floats
    root: Floats
    bartlett: Floats

    def covariance(self) -> Floats:
        """Shape (variables, variables, chains)."""
        half = np.ascontiguousarray(self.root.swapaxes(0, 1))
        solve_lower(self.bartlett[:, :, None], half)
        return np.einsum("kic,kjc->ijc", half, half)


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
    root, unit = np.linalg.cholesky(covariance), np.eye(len(mean))
    parts = (mean, np.linalg.inv(covariance), root, unit)
    many = [np.repeat(each[..., None], chains, axis=-1).astype(np.float64) for each in parts]
    return State(many[0], many[1], many[2], many[3])


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
    alike: dict[int, list[_Block]] = defaultdict(list)
    for block in blocks:
        if block.pattern.missing.size and len(block.rows):
            alike[block.pattern.missing.size].append(block)
    batches: list[Batch] = []
    weights: list[Floats] = [np.empty((0, k + 1))]
    places: list[Indices] = [np.empty((2, 0), np.intp)]
    pairs: list[Indices] = [np.empty((2, 0), np.intp)]
    for q, own in sorted(alike.items()):
        batch, rows, row = _batch(q, own)
        batches.append(batch)
        weights.append(np.tile(rows, (q, 1)))
        variable = batch.gone[:, batch.pattern]
        places.append(np.stack([np.tile(row, q), variable.ravel()]))
        pairs += [
            np.stack([np.repeat(variable[None, i], q - i, axis=0), variable[i:]]).reshape(2, -1)
            for i in range(q)
        ]
    first, second = np.concatenate(pairs, axis=1)
    order = np.arange(first.size, dtype=np.intp)
    half = np.where(first == second, 0.5, 1.0)
    squares = Sparse(half, first * (k + 1) + second + 1, order, (k * (k + 1), first.size))
    place = np.concatenate(places, axis=1)
    return Layout(tuple(batches), _spread(np.concatenate(weights), place[1]), squares, place)


def _batch(q: int, blocks: list[_Block]) -> tuple[Batch, Floats, Indices]:
    """Patterns side by side; their rows of data, 0 where noise, and the rows' numbers."""
    sizes = [len(block.rows) + (q if block.spare else 0) for block in blocks]
    ends = np.cumsum(sizes)
    rows, row = np.zeros((int(ends[-1]), blocks[0].rows.shape[1])), np.full(int(ends[-1]), -1)
    noise: list[Indices] = [
        np.arange(end - q, end) for end, b in zip(ends.tolist(), blocks, strict=True) if b.spare
    ]
    for end, size, block in zip(ends, sizes, blocks, strict=True):
        rows[end - size : end - size + len(block.rows)] = block.rows
        row[end - size : end - size + len(block.rows)] = block.place
    batch = Batch(
        np.stack([block.pattern.missing for block in blocks], axis=1),
        np.repeat(np.arange(len(blocks)), sizes),
        np.stack(noise, axis=1) if noise else np.empty((q, 0), np.intp),
        np.array([block.spare for block in blocks if block.spare], np.float64),
    )
    return batch, rows, row


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
    flat = precision.reshape(k * k, chains)
    weight = np.empty((k, k + 1, chains))
    np.einsum("ijc,jc->ic", precision, state.mean, out=weight[:, 0])
    np.negative(precision, out=weight[:, 1:])
    values = layout.rows.times(weight.reshape(-1, chains))
    products = np.empty((layout.squares.columns if squares else 0, chains))
    start = filled = 0
    for batch in layout.batches:
        q, size = len(batch.gone), batch.pattern.size
        y = values[start : start + q * size].reshape(q, size, chains)
        start += q * size
        chosen = np.take(flat, batch.gone[:, None] * k + batch.gone, axis=0)
        root = np.take(cholesky(chosen), batch.pattern, axis=2)
        solve_lower(root, y)
        y += _noise(batch, chains, generator)
        solve_upper(root, y)
        for i in range(q if squares else 0):
            part = products[filled : filled + (q - i) * size]
            np.multiply(y[i:], y[i], out=part.reshape(q - i, size, chains))
            filled += len(part)
    return values, products


def _noise(batch: Batch, chains: int, generator: np.random.Generator) -> Floats:
    """Normal deviates; Bartlett's factor of a Wishart matrix where rows stand for very many."""
    deviates = generator.standard_normal((len(batch.gone), batch.pattern.size, chains))
    for i, rows in enumerate(batch.noise if batch.spare.size else ()):
        deviates[:i, rows] = 0
        size = (rows.size, chains)
        deviates[i, rows] = np.sqrt(generator.chisquare((batch.spare - i)[:, None], size))
    return deviates


def _posterior(model: Model, total: Floats, generator: np.random.Generator) -> State:
    """Inverse Wishart covariance, normal mean (eq. mi-posterior)."""
    k, chains = total.shape[0] - 1, total.shape[2]
    centre = total[0, 1:] / model.count
    scatter = total[1:, 1:] - model.count * centre[:, None] * centre[None]
    scatter[np.arange(k), np.arange(k)] += model.ridge
    root = cholesky(scatter)
    bartlett = wishart_factor(generator, model.df, k, chains)
    # precision = (root'^-1 B)(root'^-1 B)' and covariance = (root B'^-1)(root B'^-1)'
    precise = bartlett.copy()
    solve_upper(root[:, :, None], precise)
    precision = np.einsum("ikc,jkc->ijc", precise, precise)
    away = generator.standard_normal((k, chains)) / np.sqrt(model.count)
    solve_upper(bartlett, away)
    return State(centre + np.einsum("ikc,kc->ic", root, away), precision, root, bartlett)
