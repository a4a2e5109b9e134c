"""The tables of the domains: consistent in themselves, and with the forms of the instruments."""

import pytest

from openlupus.records import DOMAINS, domain
from openlupus.records.forms import FORMS, categories_of, items_table
from openlupus.records.schema import is_numeric_name


@pytest.mark.parametrize("table", DOMAINS.values(), ids=DOMAINS)
def test_table_is_sound(table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert all(name == name.upper() and len(name) <= 8 for name in names)
    assert all(0 < len(column.label) <= 40 for column in table.columns)
    assert set(table.keys) <= set(table.required)
    assert "USUBJID" in table.keys
    assert all(name.endswith("DTC") for name in table.dates)
    for column in table.columns:
        assert not is_numeric_name(column.name) or column.type == "number"
        assert column.high is None or column.low is not None


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("DM", ("USUBJID",)),
        ("RS", ("USUBJID", "RSSEQ")),
        ("SV", ("USUBJID", "VISITNUM")),
        ("SUPPDM", ("USUBJID", "QNAM")),
        ("SUPPAE", ("USUBJID", "IDVAR", "IDVARVAL", "QNAM")),
        ("TA", ()),
    ],
)
def test_keys_are_those_of_the_joints(name, keys) -> None:
    assert domain(name).keys == keys


def test_forms_have_the_items_of_the_joints() -> None:
    codes = {name: {item.code for item in form.items} for name, form in FORMS.items()}
    assert codes["SLEDAI-2K"] == {f"SLED{i:02d}" for i in range(1, 25)}
    assert {f"BIL{i:03d}" for i in range(1, 98)} | {"BIL078A"} <= codes["BILAG-2004"]
    assert {f"BILH{i:02d}" for i in range(1, 10)} <= codes["BILAG-2004"]
    assert codes["PGA"] == {"PGA01"}
    assert codes["FACIT-FATIGUE"] == {f"FAC070{i:02d}" for i in range(1, 15)}
    assert categories_of("QS") == ["FACIT-FATIGUE"]


def test_items_table_has_one_row_an_item() -> None:
    table = items_table().collect()
    assert table.height == sum(len(form.items) for form in FORMS.values())
    assert table.select("category", "code").is_unique().all()
    pga = table.filter(category="PGA").row(0, named=True)
    assert (pga["low"], pga["high"], pga["whole"], pga["yes_no"]) == (0.0, 3.0, False, False)
