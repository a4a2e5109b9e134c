"""Array types of the room, and the one way in which a form becomes an array."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import InstrumentError, UnknownItemError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Ints = NDArray[np.int64]
Texts = NDArray[np.str_]

Form = Mapping[str, object]
"""One patient's dict, a dict of arrays, or any frame with named columns (see `is_form`)."""

# Columns of a frame that say whose and which assessment it is: they are no items, and no fault.
IDENTIFIERS = frozenset(
    {
        *("STUDYID", "DOMAIN", "USUBJID", "SUBJID", "SITEID", "VISIT", "VISITNUM", "VISITDY"),
        *("EPOCH", "RSDTC", "RSDY", "QSDTC", "QSDY", "MKDTC", "LBDTC", "AVISIT", "AVISITN", "ADT"),
        *("subject", "visit", "visit_number", "date", "day"),
    }
)


def is_form(values: object) -> TypeGuard[Form]:
    """Whether `values` has columns by name: a mapping, or a pandas, polars or pyarrow frame.

    A frame is known by its `columns` or `column_names` and by `frame[name]`, so that no frame
    library is needed here.
    """
    return isinstance(values, Mapping) or _names(values) is not None


def _names(frame: object) -> list[str] | None:
    for attribute in ("column_names", "columns"):
        names: Iterable[object] | None = getattr(frame, attribute, None)
        if names is None:
            continue
        found = [name for name in names if isinstance(name, str)]
        if len(found) == len(list(names)) and hasattr(frame, "__getitem__"):
            return found
    return None


def columns(values: object) -> dict[str, object]:
    """Columns by name, identifiers left out."""
    held = cast(Mapping[str, object], values)
    names = list(held) if isinstance(values, Mapping) else _names(values)
    return {name: held[name] for name in names or () if name not in IDENTIFIERS}


def form(
    values: Form, keys: Sequence[str], *, instrument: str, codes: Sequence[str] = ()
) -> Floats:
    """One array of a form from its items by key: a dict of arrays, a frame, one patient's dict.

    Args:
        values: Item key (or SDTM code) to a value or an array of values, all of one length; None,
            null and nan are "not assessed", True and False are 1 and 0. An item that is not named
            is not assessed. `IDENTIFIERS` are not read.
        keys: The items of the form, in form order.
        instrument: Name of the form, for messages.
        codes: SDTM codes of the items, in the same order, which may stand for their keys.

    Returns:
        Shape (n, len(keys)); nan where not assessed.

    Raises:
        UnknownItemError: columns that the form does not have, all of them named.
        InstrumentError: arrays of different lengths; an item given by key and by code; text.
    """
    place = {name: i for names in (codes, keys) for i, name in enumerate(names)}
    given = columns(values)
    if unknown := sorted(set(given) - set(place)):
        raise UnknownItemError(f"{instrument} has no item {unknown}; it has {list(keys)}")
    if twice := [name for name in codes if name in given and keys[place[name]] in given]:
        raise InstrumentError(f"{instrument}: {twice} are given by code and by key; give one")
    arrays = {name: numbers(value, f"{instrument}: {name}") for name, value in given.items()}
    lengths = {len(column) for column in arrays.values()} - {1}
    if len(lengths) > 1:
        raise InstrumentError(f"{instrument}: items have different lengths {sorted(lengths)}")
    out = np.full((lengths.pop() if lengths else 1, len(keys)), np.nan)
    for name, column in arrays.items():
        out[:, place[name]] = column
    return out


def numbers(values: object, name: str) -> Floats:
    """A value or a column as float64 of shape (n,); None, null and nan are nan.

    Raises:
        InstrumentError: the column is not numbers, naming it.
    """
    convert: Callable[..., Any] | None = getattr(values, "to_numpy", None)
    try:
        # Columns of pandas may hold its own missing value, which numpy cannot convert.
        if convert is not None and hasattr(values, "isna"):
            values = convert(dtype="float64", na_value=np.nan)
        array = np.atleast_1d(np.asarray(values, np.float64))
    except (TypeError, ValueError) as error:
        raise InstrumentError(
            f"{name} must be numbers (True, False, None allowed): {error}"
        ) from error
    if array.ndim != 1:
        raise InstrumentError(f"{name} needs shape (assessments,), not {array.shape}")
    return array


def given(values: ArrayLike | Form, make: Callable[[Form], NDArray[Any]]) -> ArrayLike:
    """An array as it is; a dict or frame made into one by the form of its instrument."""
    return make(values) if is_form(values) else cast(ArrayLike, values)


def matrix(values: ArrayLike, width: int, *, name: str) -> Floats:
    """`values` as float64 of shape (n, width); refuses any other shape."""
    array = np.asarray(values, np.float64)
    if array.ndim != 2 or array.shape[1] != width:
        raise InstrumentError(f"{name} needs shape (assessments, {width}), not {array.shape}")
    return array


def flags(values: ArrayLike, shape: tuple[int, ...], *, name: str) -> Bools:
    """`values` as bool of exactly `shape`."""
    array = np.asarray(values, np.bool_)
    if array.shape != shape:
        raise InstrumentError(f"{name} needs shape {shape}, not {array.shape}")
    return array


def measured(values: ArrayLike | None, n: int, *, name: str) -> Floats:
    """A measurement of each of n assessments, nan where missing; all missing where not given.

    Raises:
        InstrumentError: another shape, or a negative or infinite value; names the rows.
    """
    column = np.full(n, np.nan) if values is None else np.asarray(values, np.float64)
    if column.shape != (n,):
        raise InstrumentError(f"{name} needs shape ({n},), not {column.shape}")
    if (column < 0).any() or np.isinf(column).any():
        rows = np.flatnonzero((column < 0) | np.isinf(column)).tolist()
        raise InstrumentError(f"{name} is negative or infinite in rows {rows}")
    return column
