"""Every golden record of the reference folder, one test a record.

A record that no adapter of the package knows is a failure.
"""

import pytest

from openlupus.validation.adapters import ADAPTERS
from openlupus.validation.golden import Record, adapter_of, read_records, worst_difference
from reference import need_reference, reference_folder

FOLDER = reference_folder()
RECORDS = read_records(FOLDER / "stats") if FOLDER else ()


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
