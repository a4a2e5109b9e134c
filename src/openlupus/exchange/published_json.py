"""Import of printed tables from JSON files, as they are kept beside a paper.

One file a table: `source`, `denominators` and `rows`, each row with `cells` or `arms` and perhaps
`difference_vs_<control>`. Any other file holds numbers of the text, in an outline of any depth.
The form: docs/guide/audit.md.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from openlupus.audit.model import (
    DIFFERENCE,
    P_VALUE,
    Cell,
    Column,
    PowerStatement,
    Published,
    RowFacts,
)
from openlupus.audit.printed import Number, read_cell
from openlupus.errors import FileFormatError
from openlupus.exchange.published_faults import published_error
from openlupus.exchange.published_words import (
    column_of,
    inferred_relations,
    members_of,
    subgroup_rows,
    words,
)

TEXT = "text"
"""Table of the text's numbers, and the column of those that belong to no arm."""

_IMPUTED = frozenset({"mi", "imputation", "imputed"})
_VERSUS = "difference_vs_"


@dataclass(frozen=True)
class Imported:
    """Printed tables as imported.

    Attributes:
        left_out: What the files hold and the format does not, each with its reason.
    """

    published: Published
    left_out: tuple[str, ...] = ()


@dataclass
class _Draft:
    """What has been read so far."""

    columns: dict[str, Column] = field(default_factory=dict[str, Column])
    titles: dict[str, str] = field(default_factory=dict[str, str])
    cells: list[Cell] = field(default_factory=list[Cell])
    facts: dict[tuple[str, str], RowFacts] = field(default_factory=dict[tuple[str, str], RowFacts])
    control: str = ""
    level: float = 0.95
    strata: int | None = None
    power: PowerStatement | None = None
    sources: list[str] = field(default_factory=list[str])
    left_out: list[str] = field(default_factory=list[str])
    faults: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


def import_published(folder: str | Path) -> Imported:
    """Printed tables from a folder of JSON files.

    Raises:
        FileFormatError: there is no JSON file, or one cannot be read.
        PublishedError: cells that cannot be; all are named.
    """
    files = sorted(Path(folder).glob("*.json"))
    if not files:
        raise FileFormatError(f"{folder} holds no JSON file; there is one a printed table")
    contents = {file: _json(file) for file in files}
    draft = _Draft()
    for file, content in contents.items():
        _columns(draft, file.name, content.get("denominators", {}))
    tables = {file: content for file, content in contents.items() if "rows" in content}
    draft.control = _control(draft, tables)
    for file, content in tables.items():
        _table(draft, file, content)
    for file, content in contents.items():
        if file not in tables:
            _text(draft, content)
    if draft.faults:
        raise published_error(str(folder), draft.faults)
    return Imported(_related(draft), tuple(draft.left_out))


def _json(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (ValueError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{file} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise FileFormatError(f"{file} holds no table: it must be an object with rows")
    return cast(Mapping[str, Any], content)


def _columns(draft: _Draft, file: str, denominators: Mapping[str, int]) -> None:
    for key, n in denominators.items():
        known = draft.columns.get(key)
        if known is not None and known.n != n:
            draft.faults.append((0, f"{file}: column {key} has {n} patients, elsewhere {known.n}"))
        label = key.replace("_", " ")
        draft.columns[key] = Column(key, label, n, members_of(key, denominators))


def _control(draft: _Draft, tables: Mapping[Path, Mapping[str, Any]]) -> str:
    rows = [row for content in tables.values() for row in _rows(content)]
    named = {key.removeprefix(_VERSUS) for row in rows for key in row if key.startswith(_VERSUS)}
    for name in [*sorted(named), "placebo", "control"]:
        if name in draft.columns:
            return name
    return ""


def _rows(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of a table; what is no row becomes one without a label."""
    given = cast(list[Any], content["rows"])
    return [cast(Mapping[str, Any], row) if isinstance(row, dict) else {} for row in given]


# -- tables ---------------------------------------------------------------------------------


def _table(draft: _Draft, file: Path, content: Mapping[str, Any]) -> None:
    source = str(content.get("source", ""))
    numbered = re.search(r"\b(?:Table|Figure)\s+\w+", source)
    key = file.stem.partition("_")[0]
    draft.titles[key] = numbered[0] if numbered else file.stem
    draft.sources.append(source)
    for place, row in enumerate(_rows(content), 1):
        if not row.get("row"):
            draft.faults.append((0, f"{file.name}, row {place}: it has no label under `row`"))
            continue
        heading = row.get("group") or row.get("section")
        label = f"{heading}|{row['row']}" if heading else str(row["row"])
        cells: Mapping[str, Any] = row.get("cells") or row.get("arms") or {}
        for column, cell in cells.items():
            _cell(draft, file.name, (key, label, column), cell)
        for name in row:
            differences: Mapping[str, Any] = (row[name] or {}) if name.startswith(_VERSUS) else {}
            for arm, difference in differences.items():
                _difference(draft, file.name, (key, label, arm), difference)


def _cell(draft: _Draft, file: str, place: tuple[str, str, str], cell: Any) -> None:
    table, row, column = place
    if column not in draft.columns:
        known = ", ".join(draft.columns)
        what = f"{file}, row {row!r}: {column!r} is no column; the columns are {known}"
        draft.faults.append((0, what))
        return
    text = _cell_text(draft, cell)
    if text is None:
        what = f"{file}, row {row!r}, column {column}: {_shown(cell)} is no known form of cell"
        draft.faults.append((0, what))
        return
    _add(draft, file, place, text)
    if "±" in text and (table, row) not in draft.facts:
        called = "SE" if "se" in words(row) else "SD"
        draft.facts[table, row] = RowFacts(plus_minus=called)


def _difference(draft: _Draft, file: str, place: tuple[str, str, str], given: Any) -> None:
    table, row, arm = place
    if given is None:
        return
    if arm not in draft.columns:
        draft.faults.append((0, f"{file}, row {row!r}: {arm!r} is no column"))
        return
    text = _cell_text(draft, given)
    if text is None:
        what = f"{file}, row {row!r}, {arm}: {_shown(given)} is no difference"
        draft.faults.append((0, what))
        return
    _add(draft, file, (table, row, arm + DIFFERENCE), text)
    if given.get("p") is not None:
        _add(draft, file, (table, row, arm + P_VALUE), str(given["p"]))


def _add(draft: _Draft, file: str, place: tuple[str, str, str], text: str) -> None:
    table, row, column = place
    try:
        content = read_cell(text)
    except ValueError as error:
        draft.faults.append((0, f"{file}, row {row!r}, column {column}: {error}"))
        return
    if content is not None:
        draft.cells.append(Cell(table, row, column, text, content))


def _cell_text(draft: _Draft, cell: Any) -> str | None:
    """A cell as it is printed; empty for one without content, None for an unknown form."""
    if cell is None:
        return ""
    if not isinstance(cell, dict):
        return str(cell)
    given = {key: value for key, value in cast(Mapping[str, Any], cell).items() if key != "p"}
    intervals = [key for key in given if re.fullmatch(r"ci\d+(\.\d+)?", key)]
    if intervals and "estimate" in given:
        draft.level = float(intervals[0][2:]) / 100
        low, high = given[intervals[0]]
        return f"{given['estimate']} ({low} to {high})"
    match sorted(given):
        case ["n"]:
            return str(given["n"])
        case ["n", "pct"]:
            return f"{given['n']}" + _percent(given["pct"])
        case ["N", "n"] | ["N", "n", "pct"]:
            return f"{given['n']}/{given['N']}" + _percent(given.get("pct"))
        case ["plus_minus", "value"] | ["sd", "value"] | ["mean", "sd"]:
            first, second = (given.get(a, given.get(b)) for a, b in (
                ("value", "mean"), ("plus_minus", "sd")))  # fmt: skip
            return f"{first}±{second}"
        case ["median", "range"]:
            return f"{given['median']} ({given['range'][0]}–{given['range'][1]})"
        case ["pct"]:
            return f"{given['pct']}%"
        case ["value"]:
            return str(given["value"])
        case _:
            return None


def _percent(percent: object) -> str:
    return "" if percent is None else f" ({percent})"


def _shown(cell: object) -> str:
    return json.dumps(cell, default=str, ensure_ascii=False)


# -- the text -------------------------------------------------------------------------------


def _text(draft: _Draft, content: Mapping[str, Any]) -> None:
    draft.titles.setdefault(TEXT, "Text and figures")
    content = dict(content)
    draft.sources.append(str(content.pop("source", "")))
    design = content.get("design", {})
    if isinstance(design, dict):
        content["design"] = _design(draft, cast(Mapping[str, Any], design))
    for path, value in _leaves((), content):
        _leaf(draft, path, value)


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict) or "estimate" in value:
        yield path, value
        return
    for key, below in cast(Mapping[str, Any], value).items():
        yield from _leaves((*path, key), below)


def _leaf(draft: _Draft, path: tuple[str, ...], value: Any) -> None:
    columns = draft.columns.values()
    column = column_of(path[-1], columns) if path[-1] not in draft.columns else path[-1]
    is_column = column and path[-1] in (column, column.removesuffix("_total"))
    parts = path[:-1] if is_column else path
    row = "|".join(parts)
    if not column:
        whole = row.endswith(("_n", "_total")) and isinstance(value, int)
        column = _total(draft) if whole else TEXT
    else:
        row = _without_arm(row, column)
    text = _leaf_text(draft, row, value)
    if text is None:
        draft.left_out.append(f"{'|'.join(path)}: {_shown(value)[:60]}")
        return
    if column == TEXT:
        draft.columns.setdefault(TEXT, Column(TEXT, "In the text"))
    whole = "estimate" in value if isinstance(value, dict) else False
    if whole and column in draft.columns and draft.control and column != TEXT:
        _difference(draft, TEXT, (TEXT, row, column), value)
    else:
        _add(draft, TEXT, (TEXT, row, column), text)
    facts = draft.facts.get((TEXT, row), RowFacts())
    if words(row) & _IMPUTED:
        facts = replace(facts, pooled=True)
    if isinstance(value, int):
        facts = replace(facts, shows="count")
    if facts != RowFacts():
        draft.facts[TEXT, row] = facts


def _leaf_text(draft: _Draft, row: str, value: Any) -> str | None:
    if isinstance(value, list):
        pair = cast(list[Any], value)
        whole = len(pair) == 2 and all(isinstance(n, int) for n in pair) and pair[0] <= pair[1]
        return f"{pair[0]}/{pair[1]}" if whole and not row.endswith("range") else None
    if isinstance(value, bool | str):
        return None
    text = _cell_text(draft, value)
    return f"{text}%" if text and re.search(r"(^|_)pct$", row) else text


def _without_arm(row: str, column: str) -> str:
    for end in (column, column.removesuffix("_total"), column.rpartition("_")[2]):
        if row.endswith("_" + end):
            return row.removesuffix("_" + end)
    return row


def _total(draft: _Draft) -> str:
    """The column of everybody; made where no table has one."""
    arms = tuple(key for key, column in draft.columns.items() if not column.members)
    arms = tuple(key for key in arms if key != TEXT)
    for key, column in draft.columns.items():
        if column.members == arms:
            return key
    draft.columns["total"] = Column("total", "Total", None, arms)
    return "total"


def _design(draft: _Draft, design: Mapping[str, Any]) -> Mapping[str, Any]:
    """The design without what becomes the statement of power and the number of strata."""
    left = dict(design)
    strata = left.pop("strata", None)
    factors = cast(list[str], strata) if isinstance(strata, list) else []
    if factors and all(" vs " in str(factor) for factor in factors):
        draft.strata = 2 ** len(factors)
    elif isinstance(strata, int):
        draft.strata = strata
    power, planned = left.pop("power", None), left.pop("planned_n", None)
    ratio = left.pop("allocation_ratio", {})
    if isinstance(power, dict) and isinstance(planned, dict):
        draft.power = _power(draft, cast(Any, power), cast(Any, planned), ratio)
    return left


def _power(
    draft: _Draft, power: Mapping[str, Any], planned: Mapping[str, int], ratio: Mapping[str, int]
) -> PowerStatement | None:
    arms = {arm: n for arm, n in planned.items() if arm in draft.columns and arm != draft.control}
    stated = power.get("approx_power", power.get("power"))
    sides = 1 if "one_sided_alpha" in power else 2
    alpha = power.get("one_sided_alpha", power.get("two_sided_alpha", power.get("alpha")))
    if stated is None or alpha is None or not arms or "difference_points" not in power:
        draft.left_out.append("design|power: no power, level, difference and planned numbers")
        return None
    first = next(iter(arms))
    control = planned.get(draft.control)
    if control is None:
        control = arms[first] * ratio.get(draft.control, 1) / ratio.get(first, 1)
    says = str(power.get("multiplicity", ""))
    named = tuple(arm for arm in arms if arm in says or arm.rpartition("_")[2] in says)
    procedures = ("hochberg", "bonferroni", "holm", "dunnett")
    procedure = next((name for name in procedures if name in says.lower()), "")
    percent = (Decimal(str(stated)) * 100).normalize()
    return PowerStatement(
        Number(Decimal(f"{percent:f}")), float(power["difference_points"]), float(alpha), arms,
        int(control), sides, named if len(named) > 1 else (), procedure,
        "approx_power" in power,
    )  # fmt: skip


def _related(draft: _Draft) -> Published:
    published = Published(
        source=re.sub(r",?\s*(?:Table|Figure)\s+\w+$", "", draft.sources[0]),
        columns=draft.columns, cells=tuple(draft.cells), level=draft.level,
        control=draft.control, strata=draft.strata, titles=draft.titles, facts=draft.facts,
        power=draft.power,
    )  # fmt: skip
    text = {TEXT}
    facts = dict(published.facts)
    for table, row in published.rows:
        if table != TEXT or not row.endswith("_n"):
            continue
        sizes = {key: count.n for key, cell in published.rows[table, row].items()
                 if (count := published.count(cell)) is not None}  # fmt: skip
        for place in subgroup_rows(published, row, text):
            facts[place] = replace(facts.get(place, RowFacts()), n=sizes)
    published = replace(published, facts=facts)
    return replace(published, relations=inferred_relations(published, text))
