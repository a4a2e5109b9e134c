"""A declaration is valid, or all its faults are told at once, each with its line."""

from pathlib import Path

import pytest

from openlupus.errors import ProtocolError, UnknownStudyError
from openlupus.protocol import load, parse
from openlupus.protocol.schema import json_schema

TRIAL = (Path(__file__).parent.parent / "studies" / "twoarm" / "study.toml").read_text("utf-8")

FAULTS = [
    # what is replaced, by what, a piece of the message that must come
    ("ratio = 2", "ratio = 0", "greater than 0"),
    ('code = "ACT"', 'code = "PLA"', 'code "PLA" is used by active and placebo'),
    ("window = [85, 140]", "window = [50, 140]", 'windows of visits "W8"'),
    ('composite = "bicla"', 'composite = "bilca"', 'composite "bilca" is not known'),
    ('component = "pga_no_worsening"', 'component = "pga"', 'component "pga" is not declared'),
    ('visit = "W16"', 'visit = "W17"', 'visit "W17" is not declared'),
    ('population = "treated"', 'population = "treatd"', 'population "treatd" is not declared'),
    ('tests = ["active"]', 'tests = ["placebo"]', 'member "placebo" is not compared'),
    ('strata = ["region", "severity"]', 'strata = ["regoin"]', "did you mean region?"),
    ("source = \"COUNTRY\"", 'source = "CONTINEN"', "did you mean CONTINENT"),
    ("{mean:1}", "{maen:1}", 'statistic "maen" is not declared; did you mean mean'),
    ("{ SEX = \"F\" }", '{ SXE = "F" }', 'ADSL variable "SXE" is not declared'),
    ("alpha = 0.05", "alpha = 5", "less than 1"),
    ("title = \"Table 1\"", "titel = \"Table 1\"", "not a field of this part"),
]  # fmt: skip


def test_the_shipped_kind_of_declaration_is_valid():
    protocol = parse(TRIAL)
    assert list(protocol.arms) == ["active", "placebo"]
    assert protocol.codes("all") == ("ACT", "PLA")
    assert protocol.control == "placebo"


@pytest.mark.parametrize(("old", "new", "said"), FAULTS, ids=[new for _, new, _ in FAULTS])
def test_a_fault_is_told_with_its_line(old: str, new: str, said: str):
    assert old in TRIAL
    broken = TRIAL.replace(old, new, 1)
    line = broken[: broken.index(new)].count("\n") + 1
    with pytest.raises(ProtocolError) as error:
        parse(broken)
    assert said in str(error.value)
    # A fault between two parts stands at one of them.
    lines = [fault.line for fault in error.value.faults if said in str(fault)]
    assert any(abs(at - line) <= 9 for at in lines)


def test_twelve_faults_are_all_told_at_once():
    broken, said = TRIAL, []
    for old, new, message in FAULTS[:12]:
        assert old in broken
        broken = broken.replace(old, new, 1)
        said.append(message)
    with pytest.raises(ProtocolError) as error:
        parse(broken)
    text = str(error.value)
    assert [message for message in said if message not in text] == []
    assert len(error.value.faults) >= 12


def test_a_variable_made_from_itself_is_refused():
    cyclic = TRIAL + (
        '\n[variable.AFL]\nkind = "flag"\nwhere = { BFL = "Y" }\n'
        '\n[variable.BFL]\nkind = "flag"\nwhere = { AFL = "Y" }\n'
    )
    with pytest.raises(ProtocolError, match="AFL is made from itself, by way of AFL, BFL"):
        parse(cyclic)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is required"),
        ("[study", "not valid TOML"),
        ("arm = 3", "must be tables"),
        ("[armm.x]", "is not a part of a declaration"),
    ],
)
def test_what_is_no_declaration_is_refused(text: str, said: str):
    with pytest.raises(ProtocolError, match=said):
        parse(text)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path):
    path = tmp_path / "study.toml"
    path.write_bytes(b'[study]\ntitle = "caf\xe9"\n')
    with pytest.raises(ProtocolError, match="not UTF-8: byte 20 on line 2"):
        load(path)


def test_a_study_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(UnknownStudyError, match="openlupus new"):
        load(tmp_path / "nothing")


def test_the_json_schema_names_every_section():
    schema = json_schema()
    assert {"study", "arm", "schedule", "endpoint", "display"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False
