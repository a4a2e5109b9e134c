"""Faults of a declaration, and the line that each stands on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"^\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"))*)\s*="
)


@dataclass(frozen=True, order=True)
class Fault:
    """What is wrong with a declaration, where, why, and what to do."""

    line: int
    where: str
    what: str
    do: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line else ""
        return f"{place}{self.where}: {self.what}" + (f"; {self.do}" if self.do else "")


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip('"') for part in dotted.split("."))


def line_index(text: str) -> dict[Path, int]:
    """Line of each table header and key of a TOML text (an inline table on a line of its own
    is an element of the array that it stands in)."""
    index: dict[Path, int] = {}
    seen: dict[Path, int] = {}
    table: Path = ()
    array: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            path: Path = _keys(header[2])
            if header[1] == "[[":
                seen[path] = seen.get(path, -1) + 1
                path = (*path, seen[path])
            table, array = path, ()
            index.setdefault(path, number)
        elif array and line.lstrip().startswith("{"):
            seen[array] = seen.get(array, -1) + 1
            index.setdefault((*array, seen[array]), number)
        elif key := _KEY.match(line):
            path = (*table, *_keys(key[1]))
            array = path if line.rstrip().endswith("[") else ()
            index.setdefault(path, number)
    return index


def line_of(index: dict[Path, int], path: Path) -> int:
    """Line of the longest part of the path that has one; 0 when none has."""
    for length in range(len(path), 0, -1):
        if path[:length] in index:
            return index[path[:length]]
    return 0


_ONE = {"classes": "class", "countries": "country", "strata": "stratum"}


def place(raw: Any, path: Path) -> str:
    """A path for people: elements of a list by their id, else counted from 1 with their label."""
    words: list[str] = []
    for part in path:
        if isinstance(raw, dict):
            raw = cast(Any, raw).get(part)
        elif isinstance(raw, list) and isinstance(part, int):
            raw = cast(Any, raw[part] if part < len(cast(Any, raw)) else None)
        if isinstance(part, str):
            words.append(part)
        else:
            words[-1] = f"{_ONE.get(words[-1], words[-1].removesuffix('s'))} {_name(raw, part)}"
    return ".".join(words)


def _name(entry: Any, position: int) -> str:
    entry = cast(dict[str, Any], entry) if isinstance(entry, dict) else {}
    if isinstance(entry.get("id"), str) and entry["id"]:
        return f'"{entry["id"]}"'
    label = entry.get("label") or entry.get("key")
    return f"{position + 1}" + (f' ("{label}")' if isinstance(label, str) else "")


def message(source: str, faults: Sequence[Fault]) -> str:
    """The whole report, one line a fault, in the order of the file."""
    count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
    return f"{source} has {count}\n" + "\n".join(f"  {fault}" for fault in sorted(faults))
