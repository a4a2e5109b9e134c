"""Stratified 2 x K tables of counts: read once, checked once, then trusted.

Every function of counts takes `responders` and `n`, shape (2, strata): row 0 is the test group,
row 1 the control. Leading dimensions are a batch of tables, shape (..., 2, strata). A vector of
two numbers is one table with one stratum.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import CountsError
from openlupus.statistics.interval import Bools, Floats, Interval, plain


@dataclass(frozen=True, slots=True)
class Tables:
    """Checked counts. Strata that are not used hold x = 0 and n = 1, so that rates are finite.

    Attributes:
        x: Responders, shape (..., 2, strata).
        n: Subjects, same shape, at least 1.
        used: Strata with subjects in both groups, shape (..., strata).
        given: Responders as they were given, same shape as x.
        warnings: One sentence for every stratum that is left out.
    """

    x: Floats
    n: Floats
    used: Bools
    given: Floats
    warnings: tuple[str, ...]

    @property
    def rates(self) -> Floats:
        """Observed proportions, shape (..., 2, strata)."""
        return self.x / self.n

    @property
    def differences(self) -> Floats:
        """Test minus control in each stratum, shape (..., strata)."""
        rates = self.rates
        return rates[..., 0, :] - rates[..., 1, :]

    @property
    def comparable(self) -> Bools:
        """Tables with a stratum that has subjects in both groups, shape (...)."""
        return np.asarray(self.used.any(axis=-1))

    @property
    def swapped(self) -> "Tables":
        """The same tables with the roles of the groups exchanged."""
        x, n, given = (each[..., ::-1, :] for each in (self.x, self.n, self.given))
        return replace(self, x=x, n=n, given=given)


def read_tables(responders: ArrayLike, n: ArrayLike) -> Tables:
    """Check counts, and leave out every stratum in which one group is empty.

    A stratum without subjects in one of the groups holds no comparison: it is left out and named
    in the warnings, never filled in.

    Raises:
        CountsError: shapes that do not fit, or counts that are negative, not whole, not finite or
            above the number of subjects.
    """
    x, size = _counts(responders, "responders"), _counts(n, "n")
    if x.shape != size.shape:
        raise CountsError(
            f"responders has shape {x.shape} and n has shape {size.shape}; both must be"
            " (..., 2, strata), test group first"
        )
    if np.any(bad := x > size):
        raise CountsError(
            f"{_at(bad)}: {x[bad][0]:g} responders among {size[bad][0]:g} subjects; responders"
            " cannot exceed subjects, so check which of the two arguments is which"
        )
    used = np.all(size > 0, axis=-2)
    if used.all():
        return Tables(x, size, used, x, ())
    keep = used[..., None, :]
    safe_x, safe_n = np.where(keep, x, 0.0), np.where(keep, size, 1.0)
    return Tables(safe_x, safe_n, used, x, _left_out(size, used))


def single(tables: Tables) -> Tables:
    """The same tables, refused when they have more than one stratum."""
    if tables.x.shape[-1] != 1:
        raise CountsError(
            f"the table has {tables.x.shape[-1]} strata and the method knows none; sum the counts"
            " over the strata, or use a stratified method"
        )
    return tables


class CountedNote(str):
    """A warning about some tables of a batch: `k of m tables: sentence`."""

    __slots__ = ("sentence", "tables")
    tables: int
    sentence: str

    @classmethod
    def of(cls, count: int, size: int, sentence: str) -> "CountedNote":
        """The warning about `count` of `size` tables."""
        note = cls(f"{count} of {size} tables: {sentence}")
        note.tables, note.sentence = count, sentence
        return note


def flag(where: Bools | np.bool_, sentence: str) -> tuple[str, ...]:
    """A warning where a condition holds; says for how many tables when there is a batch."""
    where = np.asarray(where)
    if not np.any(where):
        return ()
    if where.ndim == 0:
        return (sentence,)
    return (CountedNote.of(int(where.sum()), where.size, sentence),)


def nothing_to_compare(tables: Tables) -> tuple[str, ...]:
    """The warning of a result that is NaN because no stratum has subjects in both groups."""
    return flag(
        ~tables.comparable,
        "no stratum has subjects in both groups, so the comparison is not defined",
    )


def difference_interval(
    tables: Tables,
    value: Floats,
    lower: Floats,
    upper: Floats,
    level: float,
    error: Floats | None = None,
    notes: tuple[str, ...] = (),
) -> Interval:
    """An interval with the warnings of its tables; NaN where no stratum can be compared."""
    some = tables.used.any(axis=-1)
    standard_error = None if error is None else plain(np.where(some, error, np.nan))
    warnings = tables.warnings + nothing_to_compare(tables) + notes
    value, lower, upper = (np.where(some, each, np.nan) for each in (value, lower, upper))
    return Interval(plain(value), plain(lower), plain(upper), level, standard_error, warnings)


def _counts(values: ArrayLike, name: str) -> Floats:
    try:
        counts = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise CountsError(f"{name} is not an array of numbers: {error}") from error
    if counts.ndim == 1:
        counts = counts[:, None]
    if counts.ndim < 2 or counts.shape[-2] != 2 or counts.shape[-1] == 0:
        raise CountsError(
            f"{name} has shape {np.shape(values)}; it must be (2, strata) or (..., 2, strata),"
            " row 0 the test group and row 1 the control, with at least one stratum"
        )
    if counts.ndim > 2:
        counts = _tables_last_in_memory(counts)
    if np.all((counts >= 0) & (counts < np.inf) & (counts == np.floor(counts))):
        return counts
    for bad, what in (
        (~np.isfinite(counts), "is not finite"),
        (counts < 0, "is negative"),
        (counts != np.floor(counts), "is not whole"),
    ):
        if np.any(bad):
            raise CountsError(
                f"{name}, {_at(bad)}: {counts[bad][0]:g} {what}; counts are whole numbers of"
                " subjects, 0 or more"
            )
    return counts


def _tables_last_in_memory(counts: Floats) -> Floats:
    """The same numbers, laid out so that sums over strata add long rows of tables."""
    flat = np.moveaxis(counts.reshape(-1, *counts.shape[-2:]), 0, -1)
    return np.moveaxis(np.ascontiguousarray(flat), -1, 0).reshape(counts.shape)


def _at(bad: Bools) -> str:
    *batch, group, stratum = (int(i) for i in np.argwhere(bad)[0])
    where = f"{('test', 'control')[group]} group, stratum {stratum + 1}"
    return f"table {tuple(batch)}, {where}" if batch else where


def _left_out(n: Floats, used: Bools) -> tuple[str, ...]:
    if n.ndim > 2:
        return flag(~used.all(axis=-1), "strata with an empty group are left out")
    return tuple(
        f"stratum {s + 1} of {n.shape[1]} is left out: no subject in {_empty_groups(n[:, s])}"
        for s in np.flatnonzero(~used)
    )


def _empty_groups(n: Floats) -> str:
    if not n.any():
        return "either group"
    return "the test group" if n[0] == 0 else "the control group"
