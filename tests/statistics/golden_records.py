"""Read golden records of the reference folder, find their adapter, compare.

A record has an id, a method, an input, options, the software that made it, and results. An adapter
turns a record into our numbers under the names of its results; which adapter serves is decided by
the method alone. Nothing here knows a data set, a level or an expected number.
"""

import csv
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from reference import reference_folder

# R's uniroot stops at .Machine$double.eps^0.25 unless it is told otherwise.
UNIROOT = float(np.finfo(float).eps ** 0.25)
NOT_BUILT_YET = Path(__file__).parent / "not_built_yet.toml"


@dataclass(frozen=True)
class Record:
    """One golden record, as it stands in its file."""

    id: str
    method: str
    input: Any
    options: dict[str, Any]
    results: Any
    software: dict[str, Any]
    file: str

    def rows(self) -> list[dict[str, str]]:
        """Rows of the input file; `file.csv[column=value]` keeps the rows with that value."""
        match = re.fullmatch(r"([^\[]+?)\s*(?:\[(\w+)=(.*)\])?", self.input)
        assert match, f"input {self.input!r} is not file.csv or file.csv[column=value]"
        name, column, value = match.groups()
        rows = _csv(name)
        return [row for row in rows if row[column] == value] if column else list(rows)


@dataclass(frozen=True)
class Adapter:
    """How a family of records is computed with our functions, and compared.

    `uniroot` names odds ratios that R's `uniroot` found: on min(ratio, 1 / ratio), to its default
    tolerance. `printed_units` is how far a printed number may be, in units of its last digit.
    `why` gives the reason for every tolerance that is not the ordinary one.
    """

    pattern: str
    compute: Callable[[Record], dict[str, Any]]
    relative: float = 1e-8
    absolute: float = 1e-12
    uniroot: frozenset[str] = frozenset()
    printed_units: float = 0.5
    why: str = ""


@cache
def records() -> tuple[Record, ...]:
    """Every record of every `stats/*/*.json`."""
    folder = reference_folder()
    if folder is None:
        return ()
    found: list[Record] = []
    for path in sorted(folder.glob("stats/*/*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        listed = document["records"] if isinstance(document, dict) else document
        for each in listed:
            found.append(
                Record(
                    id=each["id"],
                    method=each["method"],
                    input=each.get("input"),
                    options=each.get("options") or {},
                    results=each["results"],
                    software=each.get("software", {}),
                    file=f"{path.parent.name}/{path.name}",
                )
            )
    return tuple(found)


def not_built_yet() -> dict[str, list[str]]:
    """Patterns of methods that later issues build, by the folder of their records."""
    return tomllib.loads(NOT_BUILT_YET.read_text(encoding="utf-8"))


def awaits(record: Record) -> str | None:
    """The pattern of `not_built_yet.toml` that names this record's method, if one does."""
    folder = record.file.split("/")[0]
    for pattern in not_built_yet().get(folder, []):
        if fnmatchcase(record.method.lower(), pattern.lower()):
            return f"{folder}: {pattern}"
    return None


def not_built_yet_counts() -> dict[str, int]:
    """How many records each pattern of the list leaves out."""
    return Counter(name for record in records() if (name := awaits(record)))


def adapter_of(record: Record, adapters: list[Adapter]) -> Adapter:
    """The one adapter whose pattern fits the method; anything else is an error."""
    fitting = [a for a in adapters if fnmatchcase(record.method.lower(), a.pattern.lower())]
    assert len(fitting) == 1, (
        f"{len(fitting)} adapters know the method {record.method!r} of {record.file} "
        f"({record.id}): {[a.pattern for a in fitting]}"
    )
    return fitting[0]


def worst_difference(record: Record, adapter: Adapter, got: dict[str, Any]) -> float:
    """Largest difference, relative to the number (or to 0.001, where that is larger).

    Fails on the first result that is beyond its tolerance.
    """
    if set(record.results) == {"error"} and "error" not in got:
        got = {"error": _undefined(got)}
    missing = set(record.results) - set(got)
    assert not missing, f"{record.id}: the adapter says nothing of {sorted(missing)}"
    worst = 0.0
    for name, expected in record.results.items():
        for where, want, have in _leaves(name, expected, got[name]):
            if name in adapter.uniroot and isinstance(want, float) and want > 0 and have > 0:
                want, have = (min(ratio, 1 / ratio) for ratio in (want, have))
            limit = _limit(record, name, want, adapter)
            difference = _difference(want, have)
            assert difference <= limit, (
                f"{record.id}: {where} is {have!r}, expected {want!r}; "
                f"they differ by {difference:.3g}, allowed {limit:.3g}"
            )
            if difference > 0 and math.isfinite(difference):
                worst = max(worst, difference / max(abs(want), 1e-3))
    return worst


def _undefined(got: dict[str, Any]) -> bool:
    """Where the reference gives an error some number of ours must say that it is not defined."""
    return any(isinstance(value, float) and math.isnan(value) for value in got.values())


def _leaves(name: str, expected: Any, got: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(expected, dict):
        assert set(expected) <= set(got), f"{name}: {sorted(set(expected) - set(got))} not computed"
        return [
            leaf for key in expected for leaf in _leaves(f"{name}.{key}", expected[key], got[key])
        ]
    if isinstance(expected, list):
        got = list(got)
        assert len(expected) == len(got), f"{name}: {len(got)} numbers, expected {len(expected)}"
        return [
            leaf
            for i, pair in enumerate(zip(expected, got, strict=True))
            for leaf in _leaves(f"{name}[{i}]", *pair)
        ]
    return [(name, expected, got)]


def _difference(want: Any, have: Any) -> float:
    if isinstance(want, bool):
        return 0.0 if want == have else math.inf
    if want is None:  # not available: ours must say so too
        return 0.0 if have is None or math.isnan(have) else math.inf
    if isinstance(want, str):
        if want in ("Infinity", "-Infinity"):
            return 0.0 if have == float(want) else math.inf
        return 0.0 if have else math.inf  # a text, such as an error: ours must have one
    if have is None or math.isnan(have):
        return math.inf
    return abs(float(have) - want)


def _limit(record: Record, name: str, want: Any, adapter: Adapter) -> float:
    if isinstance(want, bool | str) or want is None:
        return 0.0
    if (decimals := printed_decimals(record, want)) is not None:
        return adapter.printed_units * 1.000001 * 10.0**-decimals
    if name in adapter.uniroot:
        return UNIROOT
    # A reference that was found by a search says how closely it looked.
    stated = 10.0 ** -record.options["precis"] if "precis" in record.options else 0.0
    return max(adapter.relative * abs(want), adapter.absolute, stated)


def printed_decimals(record: Record, want: float) -> int | None:
    """Decimals of a number that was printed, not computed at full precision; else None."""
    source = f"{record.method} {record.software.get('source', '')}"
    if "printed" not in source:
        return None
    stated = re.search(r"printed to (\d+) decimals", source)
    shown = re.search(r"\.(\d+)$", repr(float(want)))
    return max(int(stated[1]) if stated else 0, len(shown[1]) if shown else 0)


@cache
def _csv(name: str) -> tuple[dict[str, str], ...]:
    folder = reference_folder()
    assert folder is not None
    with (folder / "stats" / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def floats(rows: list[dict[str, str]], column: str) -> np.ndarray:
    """A numeric column; NA and empty are NaN."""
    return np.array(
        [float("nan") if row[column] in ("", "NA") else float(row[column]) for row in rows]
    )
