"""Faults of a file of printed tables: where they are, and in which words they are told."""

import difflib
import json
from collections.abc import Iterable, Mapping

from openlupus.audit.model import DIFFERENCE, P_VALUE, Column
from openlupus.audit.printed import Estimate, Plain
from openlupus.errors import PublishedError


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
            if plain.startswith('"'):
                key = json.JSONDecoder().raw_decode(plain)[0] if plain.count('"') > 1 else plain
            else:
                key = plain.partition("=")[0].strip()
            found.setdefault((section, str(key)), number)
    return found


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


def like(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
