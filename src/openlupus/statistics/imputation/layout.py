"""Where the missing values of all patterns of one or several groups stand in one long vector.

Patterns with equally many missing variables are worked on together, also those of several groups:
data sets with the same variables, such as arms.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from openlupus.statistics.imputation.incomplete import Indices, Pattern
from openlupus.statistics.imputation.sparse import Sparse
from openlupus.statistics.interval import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """The rows of a batch that are of one group.

    Attributes:
        size: Their number.
        noise: Those that are noise alone, shape (missing, patterns that have them).
        spare: Rows of the data that the noise of these patterns stands for.
    """

    size: int
    noise: Indices
    spare: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Patterns with equally many missing variables.

    Attributes:
        gone: Missing variables, shape (missing, patterns).
        cells: Where the precisions of two of them stand in the flat precisions (variables,
            variables, groups); shape (missing, missing, patterns).
        pattern: Of each row, shape (rows,).
        shares: One a group, in order.
    """

    gone: Indices
    cells: Indices
    pattern: Indices
    shares: tuple[Share, ...]

    def by_row(self, each: Floats) -> Floats:
        """What each pattern has, shape (missing, missing, patterns, stack), for each row."""
        alone = self.pattern.size == self.gone.shape[1]
        return each if alone else each.take(self.pattern, axis=2)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the missing values of all patterns stand in one long vector.

    A batch follows the other; in it a variable the other, with its rows side by side.

    Attributes:
        batches: The incomplete patterns.
        rows: Takes (variables, variables + 1, groups) coefficients to the values: one row a
            value, with the (1, observed) of its row of data at the coefficients of its variable
            and group. The transpose takes values to their products with (1, observed).
        squares: Takes products of two missing variables of a row to the same place, half of a
            square.
        place: Row, variable and group of each value; row -1 where it is noise or stands for many
            rows.
        groups: Their number.
    """

    batches: tuple[Batch, ...]
    rows: Sparse
    squares: Sparse
    place: Indices
    groups: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Rows (1, variables), 0 where missing, of one pattern of a group; `spare` more are noise."""

    group: int
    pattern: Pattern
    rows: Floats
    place: Indices
    spare: int


def compressed(group: int, rows: Floats, pattern: Pattern) -> Block:
    """The triangular factor in the place of the rows, where it is shorter (eq. mi-compressed)."""
    fewest, q = pattern.observed.size + 1, pattern.missing.size
    spare = len(rows) - fewest
    if spare <= q:
        return Block(group, pattern, rows, np.full(len(rows), -1), 0)
    seen = np.append(0, pattern.observed + 1)
    short = np.zeros((fewest, rows.shape[1]))
    short[:, seen] = np.linalg.qr(rows[:, seen], mode="r")
    return Block(group, pattern, short, np.full(fewest, -1), spare)


def layout_of(blocks: list[Block], k: int, groups: int) -> Layout:
    """Where the missing values of the blocks, in the order of their groups, stand.

    Args:
        blocks: Of all groups; complete ones are left out.
        k: Variables.
        groups: Their number.
    """
    alike: dict[int, list[Block]] = defaultdict(list)
    for block in blocks:
        if block.pattern.missing.size and len(block.rows):
            alike[block.pattern.missing.size].append(block)
    batches: list[Batch] = []
    weights: list[Floats] = [np.empty((0, k + 1))]
    places: list[Indices] = [np.empty((3, 0), np.intp)]
    pairs: list[Indices] = [np.empty((3, 0), np.intp)]
    for q, own in sorted(alike.items()):
        batch, rows, row, group = _batch(q, own, groups)
        batches.append(batch)
        weights.append(np.tile(rows, (q, 1)))
        variable = batch.gone[:, batch.pattern]
        places.append(np.stack([np.tile(row, q), variable.ravel(), np.tile(group, q)]))
        for i in range(q):
            cells = np.broadcast_arrays(variable[i], variable[i:], group)
            pairs.append(np.stack(cells).reshape(3, -1))
    first, second, of = np.concatenate(pairs, axis=1)
    order = np.arange(first.size, dtype=np.intp)
    half = np.where(first == second, 0.5, 1.0)
    cell = (first * (k + 1) + second + 1) * groups + of
    squares = Sparse(half, cell, order, (k * (k + 1) * groups, first.size))
    place = np.concatenate(places, axis=1)
    values = _spread(np.concatenate(weights), place[1], place[2], groups)
    return Layout(tuple(batches), values, squares, place, groups)


def _batch(q: int, blocks: list[Block], groups: int) -> tuple[Batch, Floats, Indices, Indices]:
    """Patterns side by side; their rows of data, 0 where noise, the rows' numbers and groups."""
    sizes = [len(block.rows) + (q if block.spare else 0) for block in blocks]
    ends = np.cumsum(sizes)
    rows, row = np.zeros((int(ends[-1]), blocks[0].rows.shape[1])), np.full(int(ends[-1]), -1)
    for end, size, block in zip(ends, sizes, blocks, strict=True):
        rows[end - size : end - size + len(block.rows)] = block.rows
        row[end - size : end - size + len(block.rows)] = block.place
    gone = np.stack([block.pattern.missing for block in blocks], axis=1)
    group = np.array([block.group for block in blocks], np.intp)
    k = rows.shape[1] - 1
    batch = Batch(
        gone,
        (gone[:, None] * k + gone) * groups + group,
        np.repeat(np.arange(len(blocks)), sizes),
        tuple(_share(q, [b for b in blocks if b.group == each]) for each in range(groups)),
    )
    return batch, rows, row, np.repeat(group, sizes)


def _share(q: int, blocks: list[Block]) -> Share:
    """Of the patterns of one group in a batch."""
    sizes = [len(block.rows) + (q if block.spare else 0) for block in blocks]
    ends: list[int] = np.cumsum(sizes, dtype=np.intp).tolist()
    noise: list[Indices] = [
        np.arange(end - q, end) for end, b in zip(ends, blocks, strict=True) if b.spare
    ]
    return Share(
        sum(sizes),
        np.stack(noise, axis=1) if noise else np.empty((q, 0), np.intp),
        np.array([block.spare for block in blocks if block.spare], np.float64),
    )


def _spread(weights: Floats, variable: Indices, group: Indices, groups: int) -> Sparse:
    """One row a value, its weights at the columns of its variable and group."""
    width = weights.shape[1]
    columns = variable[:, None] * width + np.arange(width, dtype=np.intp)
    columns = columns * groups + group[:, None]
    row = np.broadcast_to(np.arange(len(weights), dtype=np.intp)[:, None], columns.shape)
    return Sparse(
        weights.ravel(),
        row.ravel(),
        columns.ravel(),
        (len(weights), (width - 1) * width * groups),
    )
