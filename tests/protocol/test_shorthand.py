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


BLOCKS = """
[labels.words]
x = "In words"

[display.blocks]
kind = "table"
number = "Table 9"
title = "Blocks"
population = "POP"
labels = "words"
columns = [{ key = "all", header = "All" }]
cells = { value = "{n}" }
rows = [
  { analysis = "ANALYSIS", over = ["1"], rows = [
    { label = "{1}", heading = true },
    { label = "n" },
  ] },
]
"""


def test_a_set_of_labels_and_the_cells_reach_into_blocks() -> None:
    table = parse(declared(BLOCKS)).displays["blocks"]
    assert isinstance(table, Table)
    assert table.labels == {"x": "In words"}
    assert [row.cells for row in table.rows[0].rows] == [{}, {"value": "{n}"}]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('labels = "words"', 'labels = "word"', 'set of labels "word" is not declared'),
        ('labels = "words"', "", "no display uses this set of labels"),
        ('over = ["1"]', 'over = ["arm"]', "over"),
        ('header = "All"', 'header = "All", analysis = "gone"', 'analysis "gone" is not declared'),
        ('header = "All"', 'header = "All", population = "x"', 'population "x" is not declared'),
        ("{n}", "{nn}", 'statistic "nn" is not declared'),
        ('"ANALYSIS"', '"gone"', 'analysis "gone" is not declared'),
    ],
)
def test_faults_of_blocks_and_columns_are_told(old: str, new: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        parse(declared(BLOCKS.replace(old, new)))


ANALYSIS = """
[analysis.repeated]
dataset = "ADQS"
population = "POP"
take = { highest = "AVAL" }
method = { name = "mmrm", variable = "CHG", covariates = ["BASE"], by_visit = ["BASE"] }
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('by_visit = ["BASE"]', 'by_visit = ["AGE"]', "by_visit or by_arm names AGE"),
        ('highest = "AVAL"', 'highest = "AVAL", lowest = "ADY"', "give one column"),
        ('variable = "CHG"', 'variable = "CHG", covariance = "usual"', "covariance"),
        (
            'method = { name = "mmrm", variable = "CHG", covariates = ["BASE"], by_visit',
            'subgroups = ["SEX"]\nmethod = { name = "shift", start = "A", end = "B" }\n#',
            "subgroups of a shift table",
        ),
        ('"ADQS"', '"ADSL"\nby = ["NOWHERE"]', 'ADSL variable "NOWHERE" is not declared'),
    ],
)
def test_faults_of_analyses_that_repeat_are_told(old: str, new: str, said: str) -> None:
    assert parse(declared(ANALYSIS)).analyses["repeated"]
    with pytest.raises(ProtocolError, match=said):
        parse(declared(ANALYSIS.replace(old, new)))
