"""Array types of the room, and the one way in which a form becomes an array."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import InstrumentError, UnknownItemError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Ints = NDArray[np.int64]


def form(values: Mapping[str, object], keys: Sequence[str], *, instrument: str) -> Floats:
    """One array of a form from its items by key: a dict of arrays, or one patient's dict.

    Args:
        values: Item key to a value or an array of values, all of one length; None and nan are
            "not assessed", True and False are 1 and 0. An item that is not named is not assessed.
        keys: The items of the form, in form order.
        instrument: Name of the form, for messages.

    Returns:
        Shape (n, len(keys)); nan where not assessed.

    Raises:
        UnknownItemError: keys that the form does not have, all of them named.
        InstrumentError: arrays of different lengths.
    """
    if unknown := sorted(set(values) - set(keys)):
        raise UnknownItemError(f"{instrument} has no item {unknown}; it has {list(keys)}")
    columns = {key: np.atleast_1d(np.asarray(value, np.float64)) for key, value in values.items()}
    lengths = {len(column) for column in columns.values()} - {1}
    if len(lengths) > 1:
        raise InstrumentError(f"{instrument}: items have different lengths {sorted(lengths)}")
    out = np.full((lengths.pop() if lengths else 1, len(keys)), np.nan)
    for key, column in columns.items():
        out[:, keys.index(key)] = column
    return out


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
