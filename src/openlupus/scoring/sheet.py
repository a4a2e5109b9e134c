"""A sheet of items: its columns as arrays, and every fault with its line and field."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.errors import SheetError
from openlupus.instruments.arrays import IDENTIFIERS, Bools, Codes, Floats, Ints
from openlupus.instruments.scale import Scale, outside

SUBJECT_COLUMNS = ("USUBJID", "SUBJID", "subject")
ORDER_COLUMNS = ("VISITNUM", "visit_number", "RSDTC", "date", "day")
SHOWN = 100

ONE_OR_NONE = Scale(0, 1)
_PLAIN = {(0, 0), (0, 1), (1, 1), (None, None)}
Words = tuple[tuple[str, float], ...]
YES_NO: Words = (("Y", 1), ("YES", 1), ("TRUE", 1), ("N", 0), ("NO", 0), ("FALSE", 0))
GRADES: Words = (("A", 4), ("B", 3), ("C", 2), ("D", 1), ("E", 0))


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a form.

    `code` may stand for `key`. `words` are texts that stand for numbers. A field with a `unit` may
    have a column `<key>_unit` (or `unit_code`) beside it; where `unit_needed`, it must have.
    `terms` makes it a column of text that holds one of them, once `spelt` has brought its
    spellings together.
    """

    key: str
    label: str
    scale: Scale = ONE_OR_NONE
    code: str | None = None
    words: Words = YES_NO
    unit: str | None = None
    unit_needed: bool = False
    unit_code: str | None = None
    terms: tuple[str, ...] = ()
    spelt: Callable[[pl.Series], pl.Series] | None = None
    required: bool = False

    @property
    def allowed(self) -> str:
        """What the column may hold, in words."""
        if self.terms:
            return " | ".join(self.terms)
        first = {number: word for word, number in reversed(self.words)}
        words = "/".join(word for word, number in self.words if first[number] == word)
        unit = f", {self.unit}" if self.unit else ""
        return f"{self.scale}{unit}" + (f", or {words}" if words else "")


def _names(of: Field) -> list[str]:
    """Columns that belong to a field."""
    named = (of.key, of.code, f"{of.key}_unit", of.unit_code)
    return [name for name in named if name is not None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One value, or one column (`line` None), that cannot be scored.

    `line` is that of the file, whose header is line 1, or (`of` is "row") the row of a frame,
    counted from 0.
    """

    line: int | None
    field: str
    value: str
    why: str
    of: str = "line"

    def __str__(self) -> str:
        named = self.line is None
        where = f"column {self.field}" if named else f"{self.of} {self.line}, {self.field}"
        return f"{where}: {self.value!r} {self.why}" if self.value else f"{where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Subjects:
    """Names of subjects, and the number of the subject of each row."""

    names: list[str]
    number: Ints


@dataclass(slots=True)
class Sheet:
    """Rows of one form. Reading a column that has faults notes them and goes on.

    `in_file`: faults are told by line of the file, else by row of the frame.
    """

    frame: pl.DataFrame
    fields: Sequence[Field]
    in_file: bool = True
    keep: Sequence[str] = ()
    faults: list[Fault] = field(default_factory=list[Fault])

    def __post_init__(self) -> None:
        self._check_columns()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.frame.height

    @property
    def identifiers(self) -> list[str]:
        """Columns that are passed through."""
        passed = {*IDENTIFIERS, *self.keep} - {f.key for f in self.fields}
        return [name for name in self.frame.columns if name in passed]

    def refuse(self, name: str) -> None:
        """Raise SheetError with every fault, by line, if there is any."""
        if not self.faults:
            return
        order = {f.key: i for i, f in enumerate(self.fields)}
        line = {id(f): -1 if f.line is None else f.line for f in self.faults}
        found = sorted(self.faults, key=lambda f: (line[id(f)], order.get(f.field, -1), f.field))
        lines = [f"  {fault}" for fault in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"  and {len(found) - SHOWN} more")
        count = f"{len(found)} fault{'s' if len(found) > 1 else ''}"
        raise SheetError("\n".join([f"{name}: {count}", *lines]), found)

    # -- columns -------------------------------------------------------------------------------

    def items(self, keys: Iterable[str]) -> Floats:
        """Columns side by side, shape (rows, keys), nan where empty or absent."""
        names = list(keys)
        # Column by column, as they are read.
        side_by_side = np.empty((self.rows, len(names)), order="F")
        for i, key in enumerate(names):
            side_by_side[:, i] = self.numbers(key)
        return side_by_side

    def answers(self, keys: Iterable[str]) -> Codes:
        """Yes/no columns side by side as codes, shape (rows, keys): 1, 0, -1 where empty."""
        names = list(keys)
        codes = np.empty((self.rows, len(names)), np.int8, order="F")
        for i, key in enumerate(names):
            codes[:, i] = self._answer(key)
        return codes

    def _answer(self, key: str) -> Codes:
        """A column of plain 0 and 1 in one step; any other as numbers."""
        name = self._column(self._field(key))
        if name is not None:
            column = self.frame[name]
            plain = column.cast(pl.Int8, strict=False)
            lowest, highest = plain.min(), plain.max()
            if plain.null_count() == column.null_count() and (lowest, highest) in _PLAIN:
                return plain.fill_null(-1).to_numpy()
        values = self.numbers(key)
        return np.where(np.isnan(values), -1, values).astype(np.int8)

    def has(self, key: str) -> bool:
        """Whether the column is there, by key or by code."""
        return self._column(self._field(key)) is not None

    def column(self, key: str) -> str:
        """The name under which the column stands, key or code; the key where it is not there."""
        return self._column(self._field(key)) or key

    def numbers(self, key: str) -> Floats:
        """One column as numbers, shape (rows,), nan where empty, faulty or absent."""
        declared = self._field(key)
        name = self._column(declared)
        if name is None:
            return np.full(self.rows, np.nan)
        values = self._as_numbers(name, declared)
        self._check_unit(name, declared, ~np.isnan(values))
        bad = outside(values[None], [declared.scale])[0]
        self.note(name, bad, f"is not {declared.allowed}")
        values[bad] = np.nan
        return values

    def texts(self, key: str) -> NDArray[np.str_]:
        """One column of text, "" where empty; each value one of the field's terms."""
        declared = self._field(key)
        name = self._column(declared)
        if name is None:
            return np.full(self.rows, "", np.str_)
        text = self._text(name)
        if declared.spelt is not None:
            text = declared.spelt(text)
        values = text.fill_null("").to_numpy().astype(np.str_)
        if declared.terms:
            bad = (values != "") & ~np.isin(values, declared.terms)
            self.note(name, bad, f"is not one of {declared.allowed}")
        if declared.required and declared.terms:
            self.note(name, values == "", "is needed")
        return values

    def subjects(self) -> Ints | None:
        """Whole number of the subject of each row, in order of appearance; None without a column.

        Rows of a subject are noted as faults where they are not in order of time.
        """
        name = next((c for c in SUBJECT_COLUMNS if c in self.frame.columns), None)
        if name is None:
            return None
        ids = self.frame[name].cast(pl.String)
        self.note(name, ids.is_null().to_numpy(), "is needed to tell whose visit it is")
        number = ids.fill_null("").rank("dense").cast(pl.Int64).to_numpy() - 1
        self._check_order(number)
        return number

    def _check_order(self, subject: Ints) -> None:
        name = next((c for c in ORDER_COLUMNS if c in self.frame.columns), None)
        if name is None:
            return
        column = self.frame[name]
        # A visit number is a number also where it came as text; dates of ISO 8601 sort as text.
        number = column.cast(pl.Float64, strict=False)
        ordered = number if number.null_count() == column.null_count() else column
        late = (
            pl.DataFrame({"s": subject, "v": ordered})
            .with_columns(before=pl.col("v").shift(1).over("s"))
            .select(bad=(pl.col("v") <= pl.col("before")).fill_null(False))["bad"]
        )
        self.note(name, late.to_numpy(), "does not come after the row before of the same subject")

    def subjects_by(self, name: str) -> "Subjects":
        """The subjects that a column names, in order of appearance, and whose each row is."""
        if name not in self.frame.columns:
            self.faults.append(Fault(None, name, "", "is needed, and is not there"))
            return Subjects([], np.zeros(0, np.int64))
        ids = self.frame[name].cast(pl.String)
        self.note(name, ids.is_null().to_numpy(), "is needed to tell whose record it is")
        names = ids.unique(maintain_order=True)
        places = pl.DataFrame({name: names}).with_row_index("_at")
        at = ids.to_frame().join(
            places, on=name, how="left", maintain_order="left", nulls_equal=True
        )
        return Subjects(names.to_list(), at["_at"].cast(pl.Int64).to_numpy())

    # -- faults that an instrument finds -------------------------------------------------------

    def only_one(self, values: Floats, names: Sequence[str]) -> None:
        """Note rows in which more than one of these columns has a value."""
        given = ~np.isnan(values)
        for i, name in enumerate(names):
            others = np.delete(given, i, axis=1).any(axis=1)
            why = f"mixed conventions: give one of {', '.join(names)}"
            self.note(name, given[:, i] & others, why)

    def one_unit(self, name: str, rows: Bools, unit: NDArray[np.str_], needed: str) -> None:
        """Note rows whose unit, in column `name`, is missing or another."""
        self.note(name, rows & (unit == ""), f"the unit is missing; it must be {needed}")
        self.note(name, rows & (unit != "") & (unit != needed), f"must be {needed}")

    def contradiction(self, row: int, name: str, value: str, why: str) -> None:
        """Note what an instrument refused in one row."""
        self.faults.append(self._fault(row, name, value, why))

    def _fault(self, row: int, name: str, value: str, why: str) -> Fault:
        if self.in_file:
            return Fault(row + 2, name, value, why)
        return Fault(row, name, value, why, "row")

    # -- faults --------------------------------------------------------------------------------

    def note(self, name: str, bad: Bools, why: str) -> None:
        """Note the rows where a column is wrong, with the value that it has."""
        if not bad.any() or name not in self.frame.columns:
            return
        rows = np.flatnonzero(bad)
        shown = self.frame[name].cast(pl.String).gather(rows).fill_null("")
        self.faults += [
            self._fault(int(row), name, value, why) for row, value in zip(rows, shown, strict=True)
        ]

    def _check_columns(self) -> None:
        names = {name for f in self.fields for name in _names(f)}
        for name in self.frame.columns:
            if name not in names and name not in {*IDENTIFIERS, *self.keep}:
                why = "is no item of this form, nor a column that says whose assessment it is"
                self.faults.append(Fault(None, name, "", why))
        for f in self.fields:
            both = f.code in self.frame.columns and f.key in self.frame.columns
            if both and f.code != f.key:
                self.faults.append(Fault(None, f.key, "", f"is given twice, also as {f.code}"))
            if f.required and self._column(f) is None:
                self.faults.append(Fault(None, f.key, "", "is needed, and is not there"))

    def _check_unit(self, name: str, declared: Field, present: Bools) -> None:
        beside = f"{declared.key}_unit"
        code = declared.unit_code
        column = code if code is not None and code in self.frame.columns else beside
        if declared.unit is None or not present.any():
            return
        if column not in self.frame.columns:
            if declared.unit_needed:
                why = f"is needed beside {declared.key}: its values are in {declared.unit}?"
                self.faults.append(Fault(None, column, "", why))
            return
        unit = self._text(column).fill_null("").to_numpy()
        self.note(
            column, present & (unit == ""), f"the unit is missing; {name} is in {declared.unit}"
        )
        wrong = present & (unit != "") & (unit != declared.unit)
        self.note(column, wrong, f"is not the unit of {name}, which is {declared.unit}")

    # -- parsing -------------------------------------------------------------------------------

    def _field(self, key: str) -> Field:
        return next(f for f in self.fields if f.key == key)

    def _column(self, declared: Field) -> str | None:
        for name in (declared.key, declared.code):
            if name is not None and name in self.frame.columns:
                return name
        return None

    def _text(self, name: str) -> pl.Series:
        text = self.frame[name].cast(pl.String).str.strip_chars()
        return text.set(text == "", None)

    def _as_numbers(self, name: str, declared: Field) -> Floats:
        column = self.frame[name]
        if column.dtype != pl.String:
            return column.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
        number = column.cast(pl.Float64, strict=False)
        rest = (number.is_null() & column.is_not_null()).to_numpy()
        values = number.fill_null(np.nan).to_numpy().copy()
        if rest.any():
            values[rest] = self._from_words(name, declared, rest)
        return values

    def _from_words(self, name: str, declared: Field, rest: Bools) -> Floats:
        """Values of the rows that hold no plain number: blanks, words, or faults."""
        text = self._text(name).filter(pl.Series(rest))
        words = text.str.to_uppercase().replace_strict(
            dict(declared.words), default=None, return_dtype=pl.Float64
        )
        found = words.is_not_null().to_numpy()
        number = text.cast(pl.Float64, strict=False)
        wrong = rest.copy()
        wrong[rest] = (words.is_null() & number.is_null() & text.is_not_null()).to_numpy()
        self.note(name, wrong, f"is not {declared.allowed}")
        plain = self._text(name).is_not_null().to_numpy() & ~rest
        if found.any() and plain.any():
            mixed = rest.copy()
            mixed[rest] = found
            fewer = mixed if mixed.sum() <= plain.sum() else plain
            self.note(name, fewer, "mixed conventions: words and numbers in one column")
        return words.fill_null(number).fill_null(np.nan).to_numpy()
