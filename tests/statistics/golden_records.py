"""Golden records of the reference folder, and the list of what is not built yet."""

import tomllib
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

from openlupus.validation.golden import (
    UNIROOT,
    Adapter,
    Record,
    adapter_of,
    floats,
    printed_decimals,
    read_records,
    worst_difference,
)
from reference import reference_folder

__all__ = [
    "UNIROOT",
    "Adapter",
    "Record",
    "adapter_of",
    "awaits",
    "floats",
    "not_built_yet",
    "not_built_yet_counts",
    "printed_decimals",
    "records",
    "worst_difference",
]

NOT_BUILT_YET = Path(__file__).parent / "not_built_yet.toml"


def records() -> tuple[Record, ...]:
    """Every record of every `stats/*/*.json` of the reference folder."""
    folder = reference_folder()
    return () if folder is None else read_records(folder / "stats")


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
