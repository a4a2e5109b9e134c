"""Every golden record of the reference folder, one test a record."""

from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

import pytest
from golden_records import (
    Record,
    adapter_of,
    awaits,
    not_built_yet,
    records,
    worst_difference,
)

from openlupus.validation.adapters import ADAPTERS as PACKAGED
from reference import need_reference

# Those of the package, and of every file `*_records.py` beside this one.
ADAPTERS = [
    *PACKAGED,
    *(
        adapter
        for path in sorted(Path(__file__).parent.glob("*_records.py"))
        if path.stem != "golden_records"
        for adapter in import_module(path.stem).ADAPTERS
    ),
]
RECORDS = [record for record in records() if awaits(record) is None]


@pytest.mark.golden
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record.file}:{record.id}")
def test_golden(record: Record, record_property) -> None:
    adapter = adapter_of(record, ADAPTERS)
    worst = worst_difference(record, adapter, adapter.compute(record))
    record_property("golden_method", f"{record.method} [{record.software.get('name')}]")
    record_property("golden_difference", worst)
    record_property("golden_id", record.id)


def test_the_reference_folder_holds_records() -> None:
    need_reference()
    assert RECORDS


def test_the_list_names_nothing_that_is_built() -> None:
    """A record with an adapter may not be excused by the list of what is not built yet."""
    need_reference()
    both = {
        (awaits(record), adapter.pattern)
        for record in records()
        if awaits(record)
        for adapter in ADAPTERS
        if _fits(record, adapter.pattern)
    }
    assert not both


def test_the_list_is_of_patterns_by_folder() -> None:
    for folder, patterns in not_built_yet().items():
        assert patterns, f"{folder} is empty: take it out of the list"
        assert all(pattern.strip("* ") for pattern in patterns), "a pattern that fits everything"


def _fits(record: Record, pattern: str) -> bool:
    return fnmatchcase(record.method.lower(), pattern.lower())
