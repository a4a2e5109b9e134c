"""Reference records: read them, find who can compute them, compare.

A record has an id, a method, an input, options, the software that made it, and results. An adapter
turns a record into our numbers under the names of its results; which adapter serves is decided by
the method alone. Nothing here knows a data set, a level or an expected number.
"""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from openlupus.errors import ValidationError

# R's uniroot stops at .Machine$double.eps^0.25 unless it is told otherwise.
UNIROOT = float(np.finfo(float).eps ** 0.25)


def require(holds: bool, message: str) -> None:
    """Refuse a record whose form an adapter does not know, or a number that is not met."""
    if not holds:
        raise ValidationError(message)


def parts(pattern: str, text: str) -> tuple[Any, ...]:
    """Groups of a pattern that a whole text of a record must fit; None where a group is absent."""
    match = re.fullmatch(pattern, text)
    if match is None:
        raise ValidationError(f"{text!r} does not have the form {pattern}")
    return match.groups()


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
    folder: Path

    def rows(self) -> list[dict[str, str]]:
        """Rows of the input file; `file.csv[column=value]` keeps the rows with that value."""
        name, column, value = parts(r"([^\[]+?)\s*(?:\[(\w+)=(.*)\])?", str(self.input))
        rows = _csv(self.folder / name)
        return [row for row in rows if row[column] == value] if column else list(rows)


@dataclass(frozen=True)
class Adapter:
    """How a family of records is computed with our functions, and compared.

    `uniroot` names odds ratios that R's `uniroot` found: on min(ratio, 1 / ratio), to its default
    tolerance. `printed_units` is how far a printed number may be, in units of its last digit.
    `limit` says how far the number at a place may be, where one relative tolerance will not do;
    `worst` compares a record of its own form. `why` gives the reason for every tolerance that is
    not the ordinary one.
    """

    pattern: str
    compute: Callable[[Record], Any]
    relative: float = 1e-8
    absolute: float = 1e-12
    uniroot: frozenset[str] = frozenset()
    printed_units: float = 0.5
    limit: Callable[["Record", str, float], float] | None = None
    worst: Callable[["Record", Any], float] | None = None
    why: str = ""


@cache
def read_records(folder: Path) -> tuple[Record, ...]:
    """Every record of every `*/*.json` of a folder of reference statistics.

    Raises:
        ValidationError: a file that is not JSON, or a record that lacks a field.
    """
    found: list[Record] = []
    for path in sorted(folder.glob("*/*.json")):
        file = f"{path.parent.name}/{path.name}"
        try:
            document: Any = json.loads(path.read_text(encoding="utf-8"))
            listed = cast(list[Any], document["records"] if "records" in document else document)  # noqa: SIM401
            for each in listed:
                found.append(
                    Record(
                        id=each["id"],
                        method=each["method"],
                        input=each.get("input"),
                        options=each.get("options") or {},
                        results=each["results"],
                        software=each.get("software", {}),
                        file=file,
                        folder=folder,
                    )
                )
        except (ValueError, KeyError, TypeError) as error:
            raise ValidationError(f"{file} does not hold records: {error!r}") from error
    return tuple(found)


def fitting(record: Record, adapters: Iterable[Adapter]) -> list[Adapter]:
    """The adapters whose pattern fits the method of a record."""
    return [a for a in adapters if fnmatchcase(record.method.lower(), a.pattern.lower())]


def adapter_of(record: Record, adapters: Iterable[Adapter]) -> Adapter:
    """The one adapter whose pattern fits the method; anything else is an error."""
    found = fitting(record, adapters)
    require(
        len(found) == 1,
        f"{len(found)} adapters know the method {record.method!r} of {record.file}"
        f" ({record.id}): {[a.pattern for a in found]}",
    )
    return found[0]


def worst_difference(record: Record, adapter: Adapter, got: Any) -> float:
    """Largest difference, relative to the number (or to 0.001, where that is larger).

    Raises:
        ValidationError: the first result that is beyond its tolerance.
    """
    if adapter.worst is not None:
        return adapter.worst(record, got)
    if set(record.results) == {"error"} and "error" not in got:
        got = {"error": _undefined(got)}
    missing = set(record.results) - set(got)
    require(not missing, f"{record.id}: the adapter says nothing of {sorted(missing)}")
    worst = 0.0
    for name, expected in record.results.items():
        for where, want, have in _leaves(name, expected, got[name]):
            if name in adapter.uniroot and isinstance(want, float) and want > 0 and have > 0:
                want, have = (min(ratio, 1 / ratio) for ratio in (want, have))
            limit = _limit(record, name, want, adapter)
            if adapter.limit is not None and isinstance(want, int | float):
                limit = adapter.limit(record, where, want)
            difference = _difference(want, have)
            require(
                difference <= limit,
                f"{record.id}: {where} is {have!r}, expected {want!r};"
                f" they differ by {difference:.3g}, allowed {limit:.3g}",
            )
            if difference > 0 and math.isfinite(difference):
                worst = max(worst, difference / max(abs(want), 1e-3))
    return worst


def _undefined(got: dict[str, Any]) -> bool:
    """Where the reference gives an error some number of ours must say that it is not defined."""
    return any(isinstance(value, float) and math.isnan(value) for value in got.values())


def _leaves(name: str, want: Any, got: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(want, dict):
        expected = cast(dict[str, Any], want)
        absent = sorted(set(expected).difference(got))
        require(not absent, f"{name}: {absent} not computed")
        return [
            leaf for key in expected for leaf in _leaves(f"{name}.{key}", expected[key], got[key])
        ]
    if isinstance(want, list):
        expected, got = cast(list[Any], want), list(got)
        require(len(expected) == len(got), f"{name}: {len(got)} numbers, expected {len(expected)}")
        return [
            leaf
            for i, pair in enumerate(zip(expected, got, strict=True))
            for leaf in _leaves(f"{name}[{i}]", *pair)
        ]
    return [(name, want, got)]


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
def _csv(path: Path) -> tuple[dict[str, str], ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def formula(record: Record) -> tuple[str, list[str]]:
    """Outcome and terms of the option `formula`, `y ~ a + b`."""
    outcome, tilde, right = record.options["formula"].partition("~")
    require(tilde == "~" and right.strip() != "", f"{record.id}: {record.options['formula']!r}")
    return outcome.strip(), [term.strip() for term in right.split("+")]


def floats(rows: list[dict[str, str]], column: str) -> np.ndarray:
    """A numeric column; NA and empty are NaN."""
    return np.array(
        [float("nan") if row[column] in ("", "NA") else float(row[column]) for row in rows]
    )
