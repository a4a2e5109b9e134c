"""Short forms of a declaration mean what they stand for, and say what is wrong with them."""

import re
from pathlib import Path

import pytest

from openlupus.errors import ProtocolError
from openlupus.protocol import load
from openlupus.protocol.displays import Table
from openlupus.protocol.load import parse

TWOARM = (Path(__file__).parents[1] / "studies" / "twoarm" / "study.toml").read_text("utf-8")
SHORT = """
[columns]
arms = [
  { key = "a", header = "A", group = "ARM" },
  { key = "all", header = "All" },
]

[display.short]
kind = "table"
number = "Table 9"
title = "Short"
population = "POP"
columns = "arms"
cells = { value = "{n}" }
rows = [
  { label = "Heading", heading = true },
  { label = "One", analysis = "ANALYSIS" },
  { label = "Two", analysis = "ANALYSIS", cells = { value = "{N}" } },
]
"""


def declared(short: str = SHORT) -> str:
    whole = load(Path(__file__).parents[1] / "studies" / "twoarm")
    for word, name in (
        ("ARM", next(iter(whole.arms))),
        ("POP", next(iter(whole.populations))),
        ("ANALYSIS", next(iter(whole.analyses))),
    ):
        short = re.sub(rf'"{word}"', f'"{name}"', short)
    return TWOARM + short


def test_a_set_of_columns_and_the_cells_of_a_table_are_written_once() -> None:
    table = parse(declared()).displays["short"]
    assert isinstance(table, Table)
    assert [column.key for column in table.columns] == ["a", "all"]
    assert [row.cells for row in table.rows] == [{}, {"value": "{n}"}, {"value": "{N}"}]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('columns = "arms"', 'columns = "arm"', 'set of columns "arm" is not declared'),
        ('columns = "arms"', 'columns = "arm"', "no display uses this set of columns"),
        ('key = "a", ', "", "short.column 1.key: is required and is not given"),
    ],
)
def test_faults_of_short_forms_are_told(old: str, new: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        parse(declared(SHORT.replace(old, new)))
