"""A large batch of tables, worked through in blocks that fit into the processor's cache."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import CountsError
from openlupus.statistics.tables import CountedNote, read_tables

# Tables of a block: eight counts each fill half a megabyte.
_BLOCK = 8192

P = ParamSpec("P")
R = TypeVar("R")
OfCounts = Callable[Concatenate[ArrayLike, ArrayLike, P], R]


def in_blocks(function: OfCounts[P, R]) -> OfCounts[P, R]:
    """Let a function of counts, shape (..., 2, strata), take a large batch block by block.

    Its result is a frozen dataclass, or a tuple of them; arrays are joined, counted warnings added.
    """

    @wraps(function)
    def blockwise(responders: ArrayLike, n: ArrayLike, /, *args: P.args, **options: P.kwargs) -> R:
        x, size = np.asarray(responders), np.asarray(n)
        if x.ndim <= 2 or x.shape != size.shape or x[..., 0, 0].size <= _BLOCK:
            return function(responders, n, *args, **options)
        lead, last = x.shape[:-2], x.shape[-2:]
        x, size = x.reshape(-1, *last), size.reshape(-1, *last)
        try:
            parts = [
                function(x[at : at + _BLOCK], size[at : at + _BLOCK], *args, **options)
                for at in range(0, len(x), _BLOCK)
            ]
        except CountsError:
            # Read as a whole, the message names the table by its place in the batch.
            read_tables(responders, n)
            raise
        return cast(R, _joined(parts, lead))

    return cast(OfCounts[P, R], blockwise)


def _joined(parts: Sequence[Any], lead: tuple[int, ...]) -> Any:
    first = parts[0]
    if is_dataclass(first):
        kind = cast(Callable[..., Any], type(first))
        return kind(
            **{
                each.name: _notes([part.warnings for part in parts], lead)
                if each.name == "warnings"
                else _joined([getattr(part, each.name) for part in parts], lead)
                for each in fields(first)
            }
        )
    if isinstance(first, tuple):
        return tuple(_joined(each, lead) for each in zip(*cast(Any, parts), strict=True))
    if isinstance(first, np.ndarray):
        return np.concatenate(parts).reshape(lead)
    return first


def _notes(notes: Sequence[tuple[str, ...]], lead: tuple[int, ...]) -> tuple[str, ...]:
    """Warnings of all blocks in their first order, those that count tables added up."""
    counts: dict[str, int] = {}
    others: dict[str, None] = {}
    size = int(np.prod(lead))
    for note in (note for part in notes for note in part):
        if isinstance(note, CountedNote):
            counts[note.sentence] = counts.get(note.sentence, 0) + note.tables
        else:
            others[note] = None
    counted = (CountedNote.of(count, size, sentence) for sentence, count in counts.items())
    return (*counted, *others)
