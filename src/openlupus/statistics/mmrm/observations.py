"""Check the arrays of a repeated-measures model before anything is computed from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import RankDeficiencyError, StatisticsError
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.mmrm.sufficient import Codes, Observations, products

# A column whose part beyond the others is smaller than this share of its length depends on them.
_DEPENDENT = 1e-9


@dataclass(frozen=True, slots=True)
class Labels:
    """How columns, visits and groups are called in messages and results."""

    columns: tuple[str, ...]
    visits: tuple[str, ...]
    groups: tuple[str, ...]


def observations(
    y: ArrayLike,
    x: ArrayLike,
    visit: ArrayLike,
    subject: ArrayLike,
    *,
    group: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    coordinates: ArrayLike | None = None,
    names: Sequence[str] = (),
    visit_names: Sequence[str] = (),
    group_names: Sequence[str] = (),
) -> tuple[Observations, Labels, tuple[str, ...]]:
    """Complete observations, their labels, and notes on what was left out.

    Args:
        y: Responses, shape (rows,); NaN is a missing response.
        x: Design, shape (rows, columns); a row with NaN is left out.
        visit: Whole number of each row's visit, from 0.
        subject: Whole number of each row's subject.
        group: Whole number of each row's covariance group, from 0; the same within a subject.
        weights: Positive; the variance of a row is divided by it.
        coordinates: For spatial structures, shape (rows,) or (rows, dimensions).
        names: One a column of `x`.
        visit_names: One a visit; visits without observations are refused.
        group_names: One a group.

    Raises:
        StatisticsError: shapes, types or values that cannot be.
        RankDeficiencyError: columns of `x` that depend on each other, by name.
    """
    response, design = _numbers(y, "y", 1), _numbers(x, "x", 2)
    rows = response.size
    if design.shape[0] != rows or design.shape[1] == 0:
        raise StatisticsError(
            f"x has shape {design.shape}; it must have {rows} rows, as y, and at least one column"
        )
    columns = _labels(names, design.shape[1], "column")
    place = None if coordinates is None else _numbers(coordinates, "coordinates", 2)
    heavy = np.ones(rows) if weights is None else _numbers(weights, "weights", 1)
    visit_code, subject_code = _codes(visit, "visit", rows), _codes(subject, "subject", rows)
    group_code = np.zeros(rows, np.int64) if group is None else _codes(group, "group", rows)
    labels = Labels(
        columns,
        _labels(visit_names, int(visit_code.max(initial=-1)) + 1, "visit"),
        _labels(group_names, int(group_code.max(initial=-1)) + 1, "group"),
    )
    complete = ~(np.isnan(response) | np.isnan(design).any(axis=1) | np.isnan(heavy))
    if place is not None:
        complete &= ~np.isnan(place).any(axis=1)
    notes: tuple[str, ...] = ()
    if not complete.all():
        dense = _dense(subject_code)
        without = np.bincount(dense, complete) == 0
        notes = (_left_out(complete, int(without.sum())),)
        response, design, heavy = response[complete], design[complete], heavy[complete]
        visit_code, group_code = visit_code[complete], group_code[complete]
        subject_code = subject_code[complete]
        place = None if place is None else place[complete]
    dense = _dense(subject_code)
    data = Observations(
        y=response,
        x=design,
        visit=visit_code,
        subject=dense,
        group=_group_of_subject(group_code, dense, labels),
        weights=heavy,
        coordinates=place,
        visits=len(labels.visits),
        subjects=int(dense.max(initial=-1)) + 1,
        groups=len(labels.groups),
    )
    _refuse(data, labels)
    return data, labels, notes


def _left_out(complete: Bools, subjects: int) -> str:
    note = f"{int((~complete).sum())} of {complete.size} rows left out: a number is missing"
    return f"{note} ({subjects} subjects without any observation)"


def dependent_column(x: Floats, names: Sequence[str]) -> str | None:
    """The first column that depends on those before it, in words; None when there is none."""
    length = np.sqrt(np.einsum("ij,ij->j", x, x))
    scaled = x / np.where(length > 0, length, 1.0)
    if x.shape[0] >= x.shape[1] and np.linalg.eigvalsh(products(scaled, scaled))[0] > 1e-9:
        return None
    r = np.linalg.qr(scaled)[1]
    diagonal = np.zeros(x.shape[1])
    diagonal[: r.shape[0]] = np.abs(np.diag(r))
    if not (found := np.flatnonzero(diagonal < _DEPENDENT)).size:
        return None
    j = int(found[0])
    parts = np.linalg.lstsq(scaled[:, :j], scaled[:, j], rcond=None)[0]
    others = [names[int(i)] for i in np.flatnonzero(np.abs(parts) > 1e-6)]
    return f"column {names[j]!r} depends on {', '.join(others) or 'nothing: it is 0'}"


def _numbers(values: ArrayLike, name: str, dimensions: int) -> Floats:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"{name} cannot be read as numbers: {error}") from None
    if dimensions == 2 and array.ndim == 1:
        array = array[:, None]
    if array.ndim != dimensions:
        raise StatisticsError(f"{name} has {array.ndim} dimensions; it must have {dimensions}")
    if np.isinf(array).any():
        raise StatisticsError(f"{name} holds {int(np.isinf(array).sum())} infinite numbers")
    return array


def _codes(values: ArrayLike, name: str, rows: int) -> Codes:
    codes = np.asarray(values)
    if codes.dtype.kind not in "iu" or codes.shape != (rows,):
        raise StatisticsError(
            f"{name} has type {codes.dtype} and shape {codes.shape}; it must be {rows} whole"
            " numbers"
        )
    if codes.size and name != "subject" and codes.min() < 0:
        raise StatisticsError(f"{name} holds {int(codes.min())}; codes start at 0")
    return codes.astype(np.int64)


def _labels(names: Sequence[str], number: int, kind: str) -> tuple[str, ...]:
    if not names:
        return tuple(f"{kind} {k + 1}" for k in range(number))
    if len(names) < number or (kind == "column" and len(names) != number):
        raise StatisticsError(f"{len(names)} names of a {kind} are given for {number}")
    return tuple(names)


def _dense(codes: Codes) -> Codes:
    """Numbers 0, 1, ... in the order of the codes."""
    low, high = (int(codes.min()), int(codes.max())) if codes.size else (0, 0)
    if high - low > 4 * codes.size + 1000:
        return np.unique(codes, return_inverse=True)[1].astype(np.int64)
    used = np.bincount(codes - low) > 0
    return (np.cumsum(used) - 1)[codes - low]


def _group_of_subject(group: Codes, subject: Codes, labels: Labels) -> Codes:
    number = int(subject.max(initial=-1)) + 1
    first = np.zeros(number, np.int64)
    first[subject] = group
    if (wrong := np.flatnonzero(first[subject] != group)).size:
        seen = sorted({int(group[wrong[0]]), int(first[subject[wrong[0]]])})
        raise StatisticsError(
            f"a subject is in the covariance groups {[labels.groups[k] for k in seen]}; the group"
            " must be the same at all visits of a subject"
        )
    return first


def _refuse(data: Observations, labels: Labels) -> None:
    columns = data.x.shape[1]
    if data.y.size <= columns:
        raise StatisticsError(
            f"{data.y.size} observations for {columns} coefficients; take terms out of the model"
        )
    if not (data.weights > 0).all():
        raise StatisticsError("weights must be positive; leave a row out by a missing response")
    if data.coordinates is None:
        _refuse_visits(data, labels)
    if words := dependent_column(data.x, labels.columns):
        raise RankDeficiencyError(
            f"the design has rank below {columns}: {words}; take one of them out of the model or"
            " merge levels"
        )


def _refuse_visits(data: Observations, labels: Labels) -> None:
    cells = np.bincount(
        data.subject * data.visits + data.visit, minlength=data.subjects * data.visits
    ).reshape(data.subjects, data.visits)
    if (cells > 1).any():
        subject, visit = np.argwhere(cells > 1)[0]
        raise StatisticsError(
            f"{int((cells > 1).sum())} subject-visits have more than one row, the first of them"
            f" subject number {subject + 1} (in sorted order) at visit {labels.visits[visit]!r}"
        )
    for number in range(data.groups):
        seen = np.asarray(cells[data.group == number].any(axis=0))
        if not seen.all():
            missing = [labels.visits[k] for k in np.flatnonzero(~seen)]
            where = f" in group {labels.groups[number]!r}" if data.groups > 1 else ""
            raise StatisticsError(
                f"no observation at the visits {missing}{where}; leave these visits out"
            )
