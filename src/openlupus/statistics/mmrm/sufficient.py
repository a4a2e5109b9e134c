"""One pass over the observations: what the likelihood needs, whatever the number of subjects.

Subjects with the same observed visits form a pattern. All that the likelihood asks of a pattern
is the sum of cross-products of (X, y) over its subjects, so that a pattern of many subjects is
replaced by a few rows with the same cross-products (eq. mmrm-sufficient).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openlupus.statistics.interval import Bools, Floats

Codes = NDArray[np.int64]
# Multiplications of a block: linear algebra libraries start threads above about this many.
_BLOCK = 2**18


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Complete observations, checked; one row each.

    Attributes:
        y: Responses minus `offset`, shape (rows,).
        x: Columns of the design, shape (rows, columns).
        visit: Position of the visit, 0 up to `visits` - 1.
        subject: Number of the subject, 0 up to `subjects` - 1.
        group: Number of the subject's covariance group, shape (subjects,).
        weights: Positive; the variance of a row is divided by it.
        coordinates: For spatial structures, shape (rows, dimensions); else None.
        visits: Number of visits.
        subjects: Number of subjects.
        groups: Number of covariance groups.
    """

    y: Floats
    x: Floats
    visit: Codes
    subject: Codes
    group: Codes
    weights: Floats
    coordinates: Floats | None
    visits: int
    subjects: int
    groups: int


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """The subjects of one covariance group, by pattern of observed visits.

    Attributes:
        counts: Subjects of each pattern, shape (patterns,).
        present: Slots that a pattern fills, shape (patterns, slots). A slot is a visit; in a
            spatial structure it is the position of an observation within its subject.
        rows: (X, y) by slot, 0 where absent, shape (rows, slots, columns + 1); multiplied by the
            root of the weight. Rows are subjects, or fewer rows with the same cross-products.
        pattern: Pattern of each row, ascending.
        starts: First row of each pattern.
        subject: Subject of each row; empty when rows are not subjects.
        distances: Shape (patterns, slots, slots) in a spatial structure.
    """

    counts: Floats
    present: Bools
    rows: Floats
    pattern: Codes
    starts: Codes
    subject: Codes
    distances: Floats | None


def panels(data: Observations, *, compress: bool = True) -> tuple[Panel, ...]:
    """Group the observations by covariance group and pattern.

    Args:
        data: The observations.
        compress: Replace the subjects of a large pattern by rows with the same cross-products.
    """
    slot, slots = _slots(data)
    block = np.zeros((data.subjects, slots, data.x.shape[1] + 1))
    place = data.subject * slots + slot
    rows = block.reshape(-1, block.shape[-1])
    rows[place, :-1] = data.x
    rows[place, -1] = data.y
    if (data.weights != 1).any():
        rows[place] *= np.sqrt(data.weights)[:, None]
    present = np.zeros((data.subjects, slots), np.bool_)
    present[data.subject, slot] = True
    places = None
    if data.coordinates is not None:
        places = np.zeros((data.subjects, slots, data.coordinates.shape[1]))
        places[data.subject, slot] = data.coordinates
    return tuple(
        _panel(np.flatnonzero(data.group == number), block, present, places, compress)
        for number in range(data.groups)
    )


def products(left: Floats, right: Floats) -> Floats:
    """left' right of two tall matrices, in blocks.

    Each block is too small for the threads of a linear algebra library, which on a busy machine
    wait for each other far longer than they compute.
    """
    rows, size = max(_BLOCK // (left.shape[1] * right.shape[1]), 16), len(left)
    total = np.zeros((left.shape[1], right.shape[1]))
    for start in range(0, size, rows):
        total += left[start : start + rows].T @ right[start : start + rows]
    return total


def moments(panel: Panel) -> tuple[Floats, Floats]:
    """Sums of products of the responses over pairs of slots, and how many subjects have both."""
    y = panel.rows[:, :, -1]
    here = panel.present.astype(np.float64)
    return y.T @ y, here.T @ (panel.counts[:, None] * here)


def _slots(data: Observations) -> tuple[Codes, int]:
    if data.coordinates is None:
        return data.visit, data.visits
    order = np.lexsort((data.visit, data.subject))
    sizes = np.bincount(data.subject, minlength=data.subjects)
    position = np.empty(order.size, np.int64)
    position[order] = np.arange(order.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return position, int(sizes.max())


def _panel(
    who: Codes, block: Floats, present: Bools, places: Floats | None, compress: bool
) -> Panel:
    mark = present[who] if places is None else _same_places(present[who], places[who])
    kinds, code = _distinct(mark)
    order = np.argsort(code, kind="stable")
    sizes = np.bincount(code, minlength=kinds.size)
    subjects = np.split(who[order], np.cumsum(sizes)[:-1])
    here = present[who[kinds]]
    rows = [
        _compressed(block[some], filled) if compress else block[some]
        for some, filled in zip(subjects, here, strict=True)
    ]
    lengths = np.array([len(each) for each in rows])
    distances = None
    if places is not None:
        place = places[who[kinds]]
        distances = np.sqrt(np.sum((place[:, :, None] - place[:, None]) ** 2, axis=-1))
    return Panel(
        counts=sizes.astype(np.float64),
        present=here,
        rows=np.concatenate(rows),
        pattern=np.repeat(np.arange(kinds.size), lengths),
        starts=np.cumsum(lengths) - lengths,
        subject=np.zeros(0, np.int64) if compress else np.concatenate(subjects),
        distances=distances,
    )


def _same_places(present: Bools, places: Floats) -> Floats:
    flat = np.where(present[:, :, None], places, np.nan).reshape(len(places), -1)
    return np.nan_to_num(flat, nan=np.inf)


def _distinct(marks: Bools | Floats) -> tuple[Codes, Codes]:
    """First subject of each distinct row, and the number of each subject's row."""
    if marks.dtype == np.bool_ and marks.shape[1] <= 62:
        keys = marks @ (1 << np.arange(marks.shape[1], dtype=np.int64))
    else:
        whole = np.ascontiguousarray(marks)
        keys = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
    _, kinds, code = np.unique(keys, return_index=True, return_inverse=True)
    return kinds.astype(np.int64), code.astype(np.int64).ravel()


def _compressed(block: Floats, filled: Bools) -> Floats:
    subjects, slots, columns = block.shape
    used = np.flatnonzero(filled)
    if subjects <= used.size * columns:
        return block
    flat = block[:, used].reshape(subjects, -1)
    size, axes = np.linalg.eigh(products(flat, flat))
    kept = size > size[-1] * np.finfo(float).eps
    rows = np.zeros((int(kept.sum()), slots, columns))
    rows[:, used] = (np.sqrt(size[kept])[:, None] * axes[:, kept].T).reshape(-1, used.size, columns)
    return rows
