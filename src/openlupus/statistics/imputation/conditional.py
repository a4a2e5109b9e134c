"""Fully conditional specification: each incomplete column drawn in turn given all others.

Mathematics, with the named equations: docs/methods/imputation.md.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.imputations import Imputations, check_number
from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.imputation.mixed import Column, Table, read_table, unseen
from openlupus.statistics.imputation.regressions import SeparationPrior
from openlupus.statistics.interval import Bools, Floats

# Numbers of the design of all chains that run side by side.
_ROOM = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class SweepTrace:
    """Mean and standard deviation of the draws of each column after each sweep.

    Attributes:
        mean: Shape (chains, sweeps, columns); NaN for a complete column. Categories count as
            their codes 0, 1, ...
        deviation: The same.
        names: One a column.
    """

    mean: Floats
    deviation: Floats
    names: tuple[str, ...]


def impute_chained(
    data: ArrayLike,
    columns: Sequence[Column | str],
    *,
    m: int,
    generator: np.random.Generator,
    sweeps: int = 10,
    by: ArrayLike | None = None,
    predictors: ArrayLike | None = None,
    prior: SeparationPrior = "augmented",
    executor: Executor | None = None,
) -> Imputations:
    """Impute columns of any kind by chained equations (eq. fcs).

    Args:
        data: Shape (rows, columns); NaN is missing, at random; categories as any numbers.
        columns: Kind and model of each column; a name alone is a numeric one.
        m: Number of imputations, at least 2; each is a chain of its own.
        generator: Source of the random numbers; the draws do not depend on the executor.
        sweeps: Times that every column is drawn.
        by: Group of each row: every group is imputed from its own rows alone (models by arm).
            For models with the arm as predictor make it a complete nominal column instead.
        predictors: Which columns predict which, shape (columns, columns), row the predicted one;
            all others unless given.
        prior: What keeps the coefficients of categories finite: `augmented` data, or `none`.
        executor: Runs blocks of chains; this thread does when not given.

    Raises:
        ImputationError: m below 2, a column that cannot be imputed, and why.

    Source:
        van Buuren, Stat Methods Med Res 2007;16:219; White, Daniel & Royston, Comput Stat Data
        Anal 2010;54:2267 (augmented).
    """
    found = list(
        impute_chained_stream(
            data, columns, m=m, generator=generator, sweeps=sweeps, by=by, predictors=predictors,
            prior=prior, executor=executor,
        )
    )  # fmt: skip
    return replace(found[0], values=np.concatenate([block.values for block in found]))


def impute_chained_stream(
    data: ArrayLike,
    columns: Sequence[Column | str],
    *,
    m: int,
    generator: np.random.Generator,
    sweeps: int = 10,
    by: ArrayLike | None = None,
    predictors: ArrayLike | None = None,
    prior: SeparationPrior = "augmented",
    executor: Executor | None = None,
) -> Iterator[Imputations]:
    """The imputations of `impute_chained`, a block at a time: memory stays flat."""
    check_number(m)
    parts = _parts(data, columns, by)
    whole = np.array(data, dtype=np.float64)
    uses = _uses(predictors, whole.shape[1])
    if sweeps < 1:
        raise ImputationError(f"sweeps is {sweeps}; it must be at least 1")
    models = ", ".join(f"{c.name} {c.used}" for c in parts[0][1].columns)
    text = (
        f"chained equations, {sweeps} sweeps, separation prior {prior}"
        + ("" if by is None else f", in each of {len(parts)} groups by itself")
        + f": {models}"
    )
    missing = np.isnan(whole)
    names = tuple(c.name for c in parts[0][1].columns)
    notes = tuple(dict.fromkeys(note for _, table in parts for note in unseen(table, uses)))
    empty = Imputations(whole, missing, np.empty((0, int(missing.sum()))), names, text, notes)
    block = max(1, min(m, _ROOM // (whole.size + 1)))
    sizes = [min(block, m - first) for first in range(0, m, block)]
    seeds = generator.spawn(len(sizes))
    work = partial(_draw_block, parts, missing, uses, prior, sweeps)
    blocks = map(work, sizes, seeds) if executor is None else executor.map(work, sizes, seeds)
    return (replace(empty, values=values) for values in blocks)


def sweep_trace(
    data: ArrayLike,
    columns: Sequence[Column | str],
    *,
    sweeps: int,
    generator: np.random.Generator,
    chains: int = 5,
    predictors: ArrayLike | None = None,
    prior: SeparationPrior = "augmented",
) -> SweepTrace:
    """Run chains and keep the mean and deviation of the draws after each sweep."""
    table = read_table(data, columns)
    uses = _uses(predictors, table.codes.shape[1])
    _, trace = _chain(table, uses, prior, sweeps, chains, generator)
    return SweepTrace(trace[..., 0], trace[..., 1], tuple(c.name for c in table.columns))


_Part = tuple[Indices, Table]


def _parts(data: ArrayLike, columns: Sequence[Column | str], by: ArrayLike | None) -> list[_Part]:
    """Rows and table of each group; the whole where there are none."""
    values = np.asarray(data, dtype=np.float64)
    if by is None:
        return [(np.arange(len(values)), read_table(values, columns))]
    group = np.asarray(by)
    if group.shape != values.shape[:1]:
        raise ImputationError(f"by has shape {group.shape} and there are {len(values)} rows")
    if group.dtype.kind == "f" and np.isnan(group).any():
        raise ImputationError("by has a missing value; a row without a group cannot be imputed")
    found: list[_Part] = []
    for name in np.unique(group):
        rows = np.flatnonzero(group == name)
        try:
            found.append((rows, read_table(values[rows], columns)))
        except ImputationError as error:
            raise ImputationError(f"group {name}: {error}") from error
    return found


def _uses(predictors: ArrayLike | None, k: int) -> Bools:
    uses = ~np.eye(k, dtype=np.bool_)
    if predictors is None:
        return uses
    given = np.asarray(predictors, dtype=np.bool_)
    if given.shape != (k, k):
        raise ImputationError(f"predictors has shape {given.shape}; it must be {(k, k)}")
    return given & uses


def _draw_block(
    parts: list[_Part],
    missing: Bools,
    uses: Bools,
    prior: SeparationPrior,
    sweeps: int,
    chains: int,
    generator: np.random.Generator,
) -> Floats:
    """Draws of one block of chains, shape (chains, missing), group after group."""
    order = np.full(missing.shape, -1)
    order[missing] = np.arange(int(missing.sum()))
    drawn = np.empty((chains, int(missing.sum())))
    for rows, table in parts:
        codes, _ = _chain(table, uses, prior, sweeps, chains, generator)
        for j in range(missing.shape[1]):
            gone = np.flatnonzero(table.missing[:, j])
            drawn[:, order[rows[gone], j]] = table.values(j, codes[:, gone, j])
    return drawn


def _chain(
    table: Table,
    uses: Bools,
    prior: SeparationPrior,
    sweeps: int,
    chains: int,
    generator: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Completed codes (chains, rows, columns) and the trace of every sweep."""
    codes = np.repeat(table.codes[None], chains, axis=0)
    n, k = table.codes.shape
    incomplete = [j for j in range(k) if table.missing[:, j].any()]
    design = np.ones((chains, n, int(table.places[-1][-1]) + 1))
    for j in range(k):
        gone = table.missing[:, j]
        if gone.any():
            seen = table.codes[~gone, j]
            codes[:, gone, j] = generator.choice(seen, (chains, int(gone.sum())))
        design[:, :, table.places[j]] = table.features(j, codes[:, :, j])
    trace = np.full((chains, sweeps, k, 2), np.nan)
    used = [_columns(table, uses[j]) for j in range(k)]
    for sweep in range(sweeps):
        for j in incomplete:
            gone = table.missing[:, j]
            x = design[:, :, used[j]]
            drawn = table.draw(j, x[:, ~gone], x[:, gone], generator, prior)
            codes[:, gone, j] = drawn
            at = np.flatnonzero(gone)[:, None]
            design[:, at, table.places[j]] = table.features(j, drawn)
            trace[:, sweep, j] = np.stack([drawn.mean(axis=1), drawn.std(axis=1)], axis=1)
    return codes, trace


def _columns(table: Table, used: Bools) -> list[int]:
    """The intercept and the features of the columns used."""
    return [0, *(int(c) for j in np.flatnonzero(used) for c in table.places[j])]
