"""Printed tables as a file, `published.toml`: read, with all its faults at once.

The format: docs/guide/audit.md.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, cast

from openlupus.audit.model import (
    COLUMNS,
    Cell,
    Column,
    PowerStatement,
    Published,
    Ref,
    Relation,
    Remark,
    RowFacts,
)
from openlupus.audit.printed import Mean, Number, read_cell
from openlupus.errors import FileFormatError
from openlupus.exchange.published_faults import (
    circles,
    column_fault,
    kind_fault,
    like,
    lines_of,
    mean_faults,
    published_error,
    sum_faults,
)
from openlupus.exchange.published_text import bare

_TOP = ("source", "level", "control", "strata", "columns", "tables", "cells", "rows", "relation",
        "power", "remark")  # fmt: skip
_COLUMN = ("label", "n", "sum")
_TABLE = ("title", "plus_minus", "shows")
_ROW = ("plus_minus", "n", "granularity", "scale", "pooled", "shows", "result")
_PLUS_MINUS = ("SD", "SE")
_RESULT = ("analysis", "visit", "parameter", "subgroup", "group", "statistic")
_RELATION = ("kind", "left", "right", "why")
_REF = ("table", "row", "column", "part")
_REMARK = ("table", "row", "columns", "verdict", "why")
_POWER = ("power", "about", "difference", "alpha", "sides", "n", "n_control", "family", "procedure")

Table = Mapping[str, Any]


def read_published(path: str | Path) -> Published:
    """Read a file of printed tables.

    Raises:
        FileFormatError: the file cannot be read, or is not TOML.
        PublishedError: it has faults; all are named, with their lines.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except FileNotFoundError:
        raise FileFormatError(f"{file} does not exist") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{file} cannot be read: {error}") from None
    reader = _Reader(raw, lines_of(text))
    published = reader.read()
    if reader.faults:
        raise published_error(file.name, sorted(set(reader.faults)))
    return published


class _Reader:
    """Reads one file, and gathers its faults on the way."""

    def __init__(self, raw: Table, lines: Mapping[tuple[str, str], int]) -> None:
        self.raw, self.lines = raw, lines
        self.faults: list[tuple[int, str]] = []

    def fault(self, section: str, key: str, what: str) -> None:
        line = self.lines.get((section, key)) or self.lines.get((section, "")) or 0
        where = " ".join(filter(None, (f"[{section}]" if section else "", f'"{key}"' * bool(key))))
        self.faults.append((line, f"{where}: {what}"))

    def read(self) -> Published:
        self._known(self.raw, _TOP, "")
        columns = self._columns()
        control = str(self.raw.get("control", ""))
        if control and control not in columns:
            self.fault("", "control", f"{control!r} is not a column{like(control, columns)}")
        cells = tuple(self._cells(columns, control))
        published = Published(
            source=str(self.raw.get("source", "")),
            columns=columns,
            cells=cells,
            level=self._value(self.raw, "level", float, 0.95, "", "level"),
            control=control,
            strata=self._value(self.raw, "strata", int, None, "", "strata"),
            titles=self._titles(),
            facts=self._facts(cells, columns),
            relations=tuple(self._relations(cells, columns)),
            power=self._power(columns),
            remarks=tuple(self._remarks(cells)),
        )
        if not 0 < published.level < 1:
            self.fault("", "level", f"{published.level} must lie between 0 and 1, as 0.95")
        if published.strata is not None and published.strata < 1:
            self.fault("", "strata", f"{published.strata} strata; there is at least 1")
        self._counts(published)
        return published

    # -- parts ------------------------------------------------------------------------------

    def _columns(self) -> dict[str, Column]:
        declared = self._table(self.raw, "columns", "")
        if not declared:
            self.fault("columns", "", "no column is declared; each column of cells is")
        found: dict[str, Column] = {}
        for key, table in declared.items():
            section = f"columns.{bare(key)}"
            if not isinstance(table, dict):
                self.fault("columns", key, "a column is a table, as { label = '...', n = 81 }")
                continue
            given = cast(Table, table)
            self._known(given, _COLUMN, section if (section, "") in self.lines else "columns", key)
            n = self._value(given, "n", int, None, "columns", key)
            if n is not None and n < 1:
                self.fault("columns", key, f"n is {n}; a column has patients")
            members = given.get("sum", [])
            for what in sum_faults(key, members, declared):
                self.fault("columns", key, what)
            named = cast(list[object], members) if isinstance(members, list) else []
            found[key] = Column(key, str(given.get("label", key)), n, tuple(map(str, named)))
        for key, what in circles(found):
            self.fault("columns", key, what)
        return found

    def _cells(self, columns: Mapping[str, Column], control: str) -> Iterator[Cell]:
        tables = self._tables("cells")
        if not tables:
            self.fault("cells", "", "there are no cells")
        for table, rows in tables.items():
            section = f"cells.{bare(table)}"
            for row, texts in rows.items():
                if not isinstance(texts, dict):
                    self.fault(section, row, "a row is { column = 'text', ... }")
                    continue
                of_means = self._says_means(table, row)
                for column, text in cast(Mapping[str, object], texts).items():
                    if fault := column_fault(column, columns, control):
                        self.fault(section, row, fault)
                        continue
                    try:
                        content = read_cell(str(text), of_means=of_means)
                    except ValueError as error:
                        self.fault(section, row, f"column {column}: {error}")
                        continue
                    if fault := kind_fault(column, columns, content):
                        self.fault(section, row, f"column {column}: {text!r} is {fault}")
                    elif content is not None:
                        line = self.lines.get((section, row), 0)
                        yield Cell(table, row, column, str(text), content, line)

    def _says_means(self, table: str, row: str) -> bool:
        """Whether a row says by itself that it holds means."""
        given: Any = self.raw
        for key in ("rows", table, row):
            given = cast(Table, given).get(key) if isinstance(given, dict) else None
        return isinstance(given, dict) and bool(cast(Table, given).get("plus_minus"))

    def _titles(self) -> dict[str, str]:
        cells = self._table(self.raw, "cells", "")
        found: dict[str, str] = {}
        for key, table in self._tables("tables").items():
            section = f"tables.{bare(key)}"
            self._known(table, _TABLE, section)
            if (called := table.get("plus_minus", "")) not in ("", *_PLUS_MINUS):
                self.fault(section, "plus_minus", f"{called!r}; it is SD or SE")
            if key not in cells:
                self.fault(section, "", f"there are no cells of this table{like(key, cells)}")
            found[key] = str(table.get("title", key))
        return found

    def _facts(
        self, cells: tuple[Cell, ...], columns: Mapping[str, Column]
    ) -> dict[tuple[str, str], RowFacts]:
        rows = {(cell.table, cell.row): None for cell in cells}
        of_means = {(cell.table, cell.row) for cell in cells if isinstance(cell.content, Mean)}
        tables = self._tables("tables")
        found: dict[tuple[str, str], RowFacts] = {}
        declared: dict[tuple[str, str], Table] = {}
        for table, given in self._tables("rows").items():
            for row in given:
                declared[table, row] = self._table(given, row, f"rows.{bare(table)}")
                if (table, row) not in rows:
                    known = [r for t, r in rows if t == table]
                    self.fault(f"rows.{bare(table)}", row,
                               f"table {table} has no such row{like(row, known)}")  # fmt: skip
        for table, row in rows:
            of_table = {k: v for k, v in tables.get(table, {}).items() if k in _ROW}
            if (table, row) not in of_means or of_table.get("plus_minus") not in _PLUS_MINUS:
                of_table.pop("plus_minus", None)
            facts = {**of_table, **declared.get((table, row), {})}
            if facts:
                found[table, row] = self._row(f"rows.{bare(table)}", row, facts, columns)
        return found

    def _row(self, section: str, row: str, given: Table, columns: Mapping[str, Column]) -> RowFacts:
        self._known(given, _ROW, section, row)
        plus_minus = given.get("plus_minus", "")
        if plus_minus not in ("", *_PLUS_MINUS):
            self.fault(section, row, f"plus_minus is {plus_minus!r}; it is SD or SE")
            plus_minus = ""
        shows = given.get("shows", "")
        if shows not in ("", "count"):
            self.fault(section, row, f"shows is {shows!r}; it is count, or absent")
            shows = ""
        scale = given.get("scale")
        if scale is not None and not _rising_pair(scale):
            self.fault(section, row, f"scale is {scale}; it is [least, largest]")
            scale = None
        granularity = self._value(given, "granularity", float, None, section, row)
        if granularity is not None and granularity <= 0:
            self.fault(section, row, f"granularity is {granularity:g}; it is above 0")
            granularity = None
        n = self._sizes(given.get("n", {}), columns, section, row)
        result = self._table(given, "result", section)
        self._known(result, _RESULT, section, row)
        if result and "analysis" not in result:
            self.fault(section, row, "result names no analysis")
        return RowFacts(
            plus_minus, n, granularity, tuple(scale) if scale else None,
            bool(given.get("pooled", False)), shows, {k: str(v) for k, v in result.items()},
        )  # fmt: skip

    def _relations(
        self, cells: tuple[Cell, ...], columns: Mapping[str, Column]
    ) -> Iterator[Relation]:
        rows = {(cell.table, cell.row) for cell in cells}
        for where, given in self._every("relation"):
            self._known(given, _RELATION, "relation", where)
            kind = given.get("kind")
            if kind not in ("same", "at-most", "union"):
                self.fault("relation", where, f"kind is {kind!r}; it is same, at-most or union")
                continue
            right: Any = given.get("right", [])
            sides = cast(list[Any], right if isinstance(right, list) else [right])
            refs = [self._ref(each, rows, columns, where) for each in (given.get("left"), *sides)]
            known = [ref for ref in refs if ref is not None]
            if len(known) < 2 or len(known) < len(refs):
                continue
            yield Relation(kind, known[0], tuple(known[1:]), str(given.get("why", "")))

    def _ref(
        self,
        given: object,
        rows: set[tuple[str, str]],
        columns: Mapping[str, Column],
        where: str,
    ) -> Ref | None:
        if not isinstance(given, dict) or "table" not in given:
            self.fault("relation", where, "left and right are { table = '...', row = '...' }")
            return None
        ref = cast(Mapping[str, str], given)
        self._known(ref, _REF, "relation", where)
        table, row, column = (str(ref.get(key, "")) for key in ("table", "row", "column"))
        if table != COLUMNS and (table, row) not in rows:
            known = [r for t, r in rows if t == table]
            self.fault("relation", where, f"there is no row {row!r} in table {table!r}"
                                          f"{like(row, known)}")  # fmt: skip
            return None
        if column and column not in columns:
            self.fault("relation", where, f"{column!r} is no column{like(column, columns)}")
            return None
        part = ref.get("part", "count")
        if part not in ("count", "denominator"):
            self.fault("relation", where, f"part is {part!r}; it is count or denominator")
            return None
        return Ref(table, row, column, part)

    def _remarks(self, cells: tuple[Cell, ...]) -> Iterator[Remark]:
        rows: dict[tuple[str, str], list[str]] = {}
        for cell in cells:
            rows.setdefault((cell.table, cell.row), []).append(cell.column)
        for where, given in self._every("remark"):
            self._known(given, _REMARK, "remark", where)
            table, row, verdict, why = (
                str(given.get(key, "")) for key in ("table", "row", "verdict", "why")
            )
            columns = self._names(given, "columns", "remark", where)
            there = rows.get((table, row), [])
            if not there:
                known = [r for t, r in rows if t == table]
                self.fault("remark", where, f"there is no row {row!r} in table {table!r}"
                                            f"{like(row, known)}")  # fmt: skip
            elif absent := [column for column in columns if column not in there]:
                self.fault("remark", where, f"row {row!r} has no cell of {', '.join(absent)}"
                                            f"{like(absent[0], there)}")  # fmt: skip
            elif verdict not in ("", "misprint", "inconsistent") or not why:
                self.fault("remark", where, "why is in words; verdict misprint, inconsistent, none")
            else:
                yield Remark(table, row, columns, verdict, why)

    def _power(self, columns: Mapping[str, Column]) -> PowerStatement | None:
        given = self._table(self.raw, "power", "")
        if not given:
            return None
        self._known(given, _POWER, "power")
        missing = [key for key in ("power", "difference", "alpha", "n", "n_control")
                   if key not in given]  # fmt: skip
        for key in missing:
            self.fault("power", "", f"{key} is missing")
        n = self._sizes(given.get("n", {}), columns, "power", "n")
        family = self._names(given, "family", "power", "family")
        difference = self._value(given, "difference", float, None, "power", "difference")
        alpha = self._value(given, "alpha", float, None, "power", "alpha")
        n_control = self._value(given, "n_control", int, None, "power", "n_control")
        for arm in family:
            if arm not in n:
                self.fault("power", "family", f"{arm!r} has no planned number under n")
        if None in (difference, alpha, n_control) or missing or not n:
            return None
        if any(arm not in n for arm in family):
            return None
        try:
            power = Number(Decimal(str(given["power"])))
        except InvalidOperation:
            self.fault("power", "power", f"{given['power']!r} is no number of per cent")
            return None
        if not 1 < float(power) < 100:
            self.fault("power", "power", f"{power} is no power in per cent, as 80")
        if not 0 < alpha < 1 or n_control < 1 or given.get("sides", 2) not in (1, 2):
            self.fault("power", "alpha", "alpha lies in (0, 1), n_control is above 0, sides 1 or 2")
            return None
        return PowerStatement(
            power, float(difference), float(alpha), n, n_control, int(given.get("sides", 2)),
            family, str(given.get("procedure", "")).lower(), bool(given.get("about", True)),
        )  # fmt: skip

    # -- what several parts share -----------------------------------------------------------

    def _counts(self, published: Published) -> None:
        """What cannot be: more patients than there are, or fewer than none; no denominator."""
        for (table, row), cells in published.rows.items():
            declared = self._says_means(table, row)
            for what in mean_faults(cells, published.columns, declared=declared):
                self.fault(f"cells.{bare(table)}", row, what)
        for cell in published.cells:
            count, of = published.count(cell), published.patients(cell)
            if count is None or cell.column not in published.columns:
                continue
            section = f"cells.{bare(cell.table)}"
            # Numbers by themselves may be of others than the header's, as all who were randomized.
            alone = published.fact(cell.table, cell.row).shows == "count"
            if count.n < 0:
                self.fault(section, cell.row,
                           f"column {cell.column}: {count.n} patients")  # fmt: skip
            if of is not None and count.n > of and not alone:
                self.fault(section, cell.row,
                           f"column {cell.column}: {count.n} of {of} patients")  # fmt: skip
            if count.percent is not None and not of:
                self.fault(
                    section, cell.row,
                    f"column {cell.column}: {cell.text!r} has a percentage and no denominator;"
                    " give the column its n, or the cell its total, as 44/81 (54)",
                )  # fmt: skip
            if count.percent is not None and not 0 <= float(count.percent) <= 100:
                self.fault(section, cell.row, f"column {cell.column}: {count.percent}%")

    def _sizes(
        self, given: object, columns: Mapping[str, Column], section: str, key: str
    ) -> dict[str, int]:
        found: dict[str, int] = {}
        if not isinstance(given, dict):
            self.fault(section, key, f"n is {given!r}; it is a table, as {{ drug = 81 }}")
            return found
        for column, n in cast(Table, given).items():
            if column not in columns:
                self.fault(section, key, f"n of {column!r}, which is no column"
                                         f"{like(column, columns)}")  # fmt: skip
            elif not isinstance(n, int) or n < 1:
                self.fault(section, key, f"n of {column} is {n!r}; it is a number of patients")
            else:
                found[column] = n
        return found

    def _known(self, given: Table, known: Iterable[str], section: str, key: str = "") -> None:
        for name in given:
            if name not in known:
                at = key or name
                self.fault(section, at, f"{name!r} is not known here{like(name, known)}")

    def _table(self, given: Table, key: str, section: str) -> Mapping[str, Any]:
        table = given.get(key, {})
        if not isinstance(table, dict):
            self.fault(section, key, "this is a table")
            return {}
        return cast(Mapping[str, Any], table)

    def _tables(self, key: str) -> dict[str, Table]:
        """The tables of a section, by name."""
        given = self._table(self.raw, key, "")
        for name, table in given.items():
            if not isinstance(table, dict):
                self.fault(key, name, "this is a table")
        return {name: table for name, table in given.items() if isinstance(table, dict)}

    def _every(self, key: str) -> Iterator[tuple[str, Table]]:
        """The tables of a list of tables, each with its name and place."""
        given = self.raw.get(key, [])
        listed = cast(list[object], given) if isinstance(given, list) else [given]
        for place, table in enumerate(listed, 1):
            if isinstance(given, list) and isinstance(table, dict):
                yield f"{key} {place}", cast(Table, table)
            else:
                self.fault("", key, f"each is a table of its own, under [[{key}]]")

    def _names(self, given: Table, name: str, section: str, key: str) -> tuple[str, ...]:
        value = given.get(name, [])
        if isinstance(value, list):
            return tuple(map(str, cast(list[object], value)))
        self.fault(section, key, f"{name} is {value!r}; it is a list, as ['drug']")
        return ()

    def _value(
        self, given: Table, name: str, kind: Callable[[Any], Any], default: Any, section: str,
        key: str,
    ) -> Any:  # fmt: skip
        value = given.get(name, default)
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if value is default or (fits and (kind is float or isinstance(value, int))):
            return value
        self.fault(section, key, f"{name} is {value!r}; it is a number")
        return default


def _rising_pair(given: object) -> bool:
    pair = cast(list[object], given) if isinstance(given, list) else []
    numbers = [x for x in pair if isinstance(x, int | float) and not isinstance(x, bool)]
    return len(pair) == len(numbers) == 2 and numbers[0] < numbers[1]
