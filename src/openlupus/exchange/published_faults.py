"""Faults of a file of printed tables: where they are, and in which words they are told."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from openlupus.audit.model import DIFFERENCE, P_VALUE, Cell, Column
from openlupus.audit.printed import Count, Estimate, Mean, Plain
from openlupus.errors import PublishedError

_QUOTED = re.compile(r"""^("(?:[^"\\]|\\.)*"|'[^']*')""")


def published_error(name: str, faults: Iterable[tuple[int, str]]) -> PublishedError:
    """The error that names every fault, each with its line where it has one."""
    said = [f"line {line}, {what}" if line else what for line, what in faults]
    listed = "\n".join(f"  {each}" for each in said)
    some = f"{len(said)} fault{'s' if len(said) > 1 else ''}"
    return PublishedError(f"{name} has {some}\n{listed}", said)


def lines_of(text: str) -> dict[tuple[str, str], int]:
    """(section, key) to its line; the key of a section itself is empty."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if plain.startswith("["):
            section = plain.partition("#")[0].strip().strip("[]").strip()
            found.setdefault((section, ""), number)
        elif "=" in plain and not plain.startswith("#"):
            found.setdefault((section, _key(plain)), number)
    return found


def _key(line: str) -> str:
    """The key that a line begins with, out of its quotes."""
    quoted = _QUOTED.match(line)
    if quoted is None:
        return line.partition("=")[0].strip()
    try:
        return str(tomllib.loads(f"key = {quoted[0]}")["key"])
    except tomllib.TOMLDecodeError:  # a line of a text of several lines, that only looks so
        return line


def column_fault(column: str, columns: Mapping[str, Column], control: str) -> str:
    arm = column.removesuffix(DIFFERENCE).removesuffix(P_VALUE)
    if column in columns:
        return ""
    if arm == column or arm not in columns:
        return f"there is no column {column!r}{like(column, columns)}"
    return "" if control else f"{column} compares with the control, and none is declared"


def kind_fault(column: str, columns: Mapping[str, Column], content: object) -> str:
    if column in columns or content is None:
        return ""
    if column.endswith(DIFFERENCE):
        fits = isinstance(content, Estimate)
        return "" if fits else "no difference with limits, as 19.4 (4.1 to 33.4)"
    fits = isinstance(content, Plain) and 0 <= content.value.value <= 1
    return "" if fits else "no P value, as 0.01"


def sum_faults(key: str, members: object, declared: Iterable[str]) -> Iterator[str]:
    """What is wrong with the members of a column that sums up others, looked at by itself."""
    known = list(declared)
    if not isinstance(members, list):
        yield f"sum is {members!r}; it is a list of columns, as ['drug', 'sham']"
        return
    names = [str(member) for member in cast(list[object], members)]
    for name in dict.fromkeys(names):
        if name == key:
            yield "sum names the column itself; it names those that are added up"
        elif name not in known:
            yield f"sum names {name!r}, which is no column{like(name, known)}"
        if names.count(name) > 1:
            yield f"sum names {name!r} {names.count(name)} times; its patients count once"


def circles(columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    """Columns, with the fault, whose sums come back to them by way of others."""
    for key in columns:
        path = _way_back(key, columns)
        if len(path) > 2:
            yield key, f"sum comes back to the column itself: {' -> '.join(path)}"


def _way_back(key: str, columns: Mapping[str, Column]) -> tuple[str, ...]:
    """The shortest way from a column through members back to it; () where there is none."""
    ways: list[tuple[str, ...]] = [(key,)]
    seen = {key}
    for way in ways:
        for member in columns[way[-1]].members:
            if member == key:
                return (*way, key)
            if member in columns and member not in seen:
                seen.add(member)
                ways.append((*way, member))
    return ()


def mean_faults(
    cells: Mapping[str, Cell], columns: Mapping[str, Column], *, declared: bool
) -> Iterator[str]:
    """Cells of a row that are read as means and may be counts, or the other way round.

    Args:
        cells: The row's cells by column.
        columns: The columns of patients.
        declared: The row says that it holds means.
    """
    own = {key: cell for key, cell in cells.items() if key in columns}
    means = [key for key, cell in own.items() if isinstance(cell.content, Mean)]
    counts = [key for key, cell in own.items() if isinstance(cell.content, Count)]
    of_means = 'a row of means says plus_minus = "SD" (or "SE") under [rows]'
    negative = [] if declared else [key for key in means if _negative_whole(own[key])]
    for key in negative:
        yield (f"column {key}: {own[key].text!r} is no count, which is not negative; {of_means}")
    clear = [key for key in means if key not in negative]
    if clear and counts:
        yield (
            f"column {counts[0]}: {own[counts[0]].text!r} is a count, and column {clear[0]}:"
            f" {own[clear[0]].text!r} a mean; {of_means}"
        )


def _negative_whole(cell: Cell) -> bool:
    """Whether a mean in front of a bracket has the form of a count, but for its sign."""
    content = cell.content
    if not isinstance(content, Mean) or "±" in cell.text:
        return False
    return content.mean.value < 0 and not content.mean.decimals


def like(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
