"""An incomplete matrix, checked once: its patterns of missing values, and what can be done."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import ImputationError
from openlupus.statistics.interval import Bools, Floats

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """The rows that have the same variables observed.

    Attributes:
        rows: Positions of the rows.
        observed: Positions of the observed variables, ascending.
        missing: Positions of the others.
    """

    rows: Indices
    observed: Indices
    missing: Indices


@dataclass(frozen=True, slots=True, eq=False)
class Incomplete:
    """A checked matrix.

    Attributes:
        values: Shape (rows, variables), NaN where missing.
        missing: Where.
        patterns: Rows by what is observed, the rows without any observation left out.
        silent: Rows without any observation.
        names: One a variable.
        warnings: What the reader must know.
    """

    values: Floats
    missing: Bools
    patterns: tuple[Pattern, ...]
    silent: Indices
    names: tuple[str, ...]
    warnings: tuple[str, ...]


def read_incomplete(data: ArrayLike, names: Sequence[str] = ()) -> Incomplete:
    """Check a matrix with missing values.

    Args:
        data: Shape (rows, variables); NaN is missing.
        names: One a variable, for messages.

    Raises:
        ImputationError: not a matrix, an infinite value, a variable without observations or
            without spread among them.
    """
    values = np.array(data, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise ImputationError(
            f"data has shape {values.shape}; it must be (rows, variables), neither of them 0"
        )
    labels = label(names, values.shape[1])
    missing = np.isnan(values)
    if np.isinf(values).any():
        row, column = (int(i) for i in np.argwhere(np.isinf(values))[0])
        raise ImputationError(f"{labels[column]}, row {row + 1}: the value is infinite")
    refuse_unobserved(missing, labels)
    for column, name in enumerate(labels):
        seen = values[~missing[:, column], column]
        if np.ptp(seen) == 0:
            raise ImputationError(
                f"{name} has the one value {seen[0]:g} wherever it is observed, so that it has no "
                "spread and tells nothing of the others: leave it out"
            )
    silent = np.flatnonzero(missing.all(axis=1))
    warnings = ()
    if silent.size:
        warnings = (f"{silent.size} of {len(values)} rows have no observation at all",)
    return Incomplete(values, missing, patterns_of(missing), silent, labels, warnings)


def refuse_unobserved(missing: Bools, names: Sequence[str]) -> None:
    """Name the variables without any observation.

    Raises:
        ImputationError: there is one.
    """
    if empty := [names[int(j)] for j in np.flatnonzero(missing.sum(axis=0) == len(missing))]:
        raise ImputationError(
            f"{', '.join(empty)}: no value is observed, so nothing tells what it could be; leave "
            "it out, or impute the variable that it is derived from"
        )


def patterns_of(missing: Bools) -> tuple[Pattern, ...]:
    """Rows by pattern, the patterns in the order of their first row; rows all missing left out."""
    _, first, inverse = np.unique(missing, axis=0, return_index=True, return_inverse=True)
    code = inverse.ravel()
    found: list[Pattern] = []
    for number in np.argsort(first):
        rows = np.flatnonzero(code == number)
        gone = missing[rows[0]]
        if not gone.all():
            found.append(Pattern(rows, np.flatnonzero(~gone), np.flatnonzero(gone)))
    return tuple(found)


def is_monotone(missing: Bools) -> bool:
    """Whether a variable is missing wherever the one before it is missing."""
    return bool(np.all(missing[:, 1:] >= missing[:, :-1]))


def breaks_monotone(missing: Bools) -> Bools:
    """The missing values that have an observed one after them in their row."""
    later = np.cumsum(~missing[:, ::-1], axis=1)[:, ::-1] > 0
    return missing & later


def label(names: Sequence[str], size: int) -> tuple[str, ...]:
    """Names as given, or `variable 1`, `variable 2`, ...

    Raises:
        ImputationError: not one a variable.
    """
    if names and len(names) != size:
        raise ImputationError(f"{len(names)} names for {size} variables")
    return tuple(names) or tuple(f"variable {i + 1}" for i in range(size))
