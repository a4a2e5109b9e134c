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


HIDDEN = [
    # a fault of a part's own, and another, which the first must not hide
    (
        ('role = "baseline"\n', 'role = "basline"\n', 'schedule.visit "BL".role: input should be'),
        ("window = [29, 84]", "window = [1, 84]", 'windows of visits "BL" (-14 to 1) and "W8"'),
    ),
    (
        ('choose = "last"', 'choose = "lats"', "schedule.choose: input should be"),
        ("window = [29, 84]", "window = [1, 84]", 'windows of visits "BL" (-14 to 1) and "W8"'),
    ),
    (
        ("day = 57", 'day = "x"', 'schedule.visit "W8".day'),
        ("window = [29, 84]", "window = [1, 84]", 'windows of visits "BL" (-14 to 1) and "W8"'),
    ),
    (
        ("alpha = 0.05", "alpha = 1.1", "multiplicity.one.alpha"),
        ('tests = ["active"]', 'tests = ["activ"]', 'member "activ" is not compared'),
    ),
    (
        ('strata_as = "observed"', 'interval = "wide"', "analysis.bicla.method.interval"),
        ('tests = ["active"]', 'tests = ["activ"]', 'member "activ" is not compared'),
    ),
    (
        ('strata_as = "observed"', 'interval = "wide"', "analysis.bicla.method.interval"),
        ('strata = ["region", "severity"]', 'strata = ["regoin"]', "did you mean region?"),
    ),
    (
        ('{ name = "responder", test', '{ name = "respnder", test', "analysis.sri6.method.name"),
        ('endpoint = "sri6"', 'endpoint = "sri8"', 'end point "sri8" is not declared'),
    ),
    (
        ('{ name = "responder", test', '{ name = 3, test', "analysis.sri6.method.name"),
        ('visit = "W8"', 'visit = "W9"', 'visit "W9" is not declared'),
    ),
    (
        ('method = { name = "summary", variable = "AGE" }', "method = 3", "must be a table"),
        ('groups = ["active", "placebo", "all"]', 'groups = ["al"]', "did you mean all?"),
    ),
    (
        ('parameter = "SRI6"', 'parameter = "sri six"', "endpoint.sri6.parameter"),
        ("options = { sledai_fall = 6 }", "options = { fall = 6 }", 'option "fall" is not'),
    ),
    (
        ('flag = "SAFFL"', "flag = 3", "population.treated.flag: must be text (given: 3)"),
        ('where = { TRTFL = "Y" }', 'where = { TRTF = "Y" }', "did you mean TRTFL"),
    ),
    (
        ('kind = "map"', 'kind = "mapp"', 'kind: "mapp" is not one of map, parameter, flag'),
        ('source = "COUNTRY"', 'source = "COUNTRI"', "did you mean COUNTRY"),
    ),
    (
        ('{ label = "Age", ', '{ label = "Age", indent = 9, ', 'display.t1.row 1 ("Age").indent'),
        ('"{mean:1} ({sd:2})"', '"{maen:1}"', 'display.t1.row 1 ("Age"): statistic "maen"'),
    ),
    (
        ('kind = "table"', 'kind = "tabel"', '"tabel" is not one of table, figure'),
        ('parameter = "female"', 'parameter = "femal"', 'row or level "femal" is not declared'),
    ),
]  # fmt: skip


@pytest.mark.parametrize("faults", HIDDEN, ids=[two[0][1] + two[1][1] for two in HIDDEN])
def test_a_fault_hides_no_other_and_makes_none(faults: tuple[tuple[str, str, str], ...]):
    broken = TRIAL
    for old, new, _ in faults:
        assert old in broken
        broken = broken.replace(old, new, 1)
    with pytest.raises(ProtocolError) as error:
        parse(broken)
    told = [str(fault) for fault in error.value.faults]
    for _, _, said in faults:
        assert any(said in fault for fault in told), told
    assert len(told) == len(faults), told


ALONE = [
    ('strata = ["region", "severity"]', "strata = 3", "analysis.bicla.method.strata"),
    ('visit = "W16"', "visit = 16", "analysis.bicla.visit: must be text"),
    ('compare = { test = ["active"], control', "compare = { test = 3, control", "compare.test"),
    ('compare = { test = ["active"], control = "placebo" }', "compare = 3", "bicla.compare"),
    ('rows = [{ id = "female", where = { SEX = "F" } }]', "rows = 3", "analysis.sex.method.rows"),
    ("[arm.active]", "[data]\nadam = 3\n[arm.active]", "data.adam"),
    ("window = [29, 84]", "window = [29]", 'schedule.visit "W8".window: has too few elements'),
    ('key = "all", header', "header", "display.t1.column 3.key: is required and is not given"),
    ('rows = [\n  { label = "Age"', 'rows = []\nx = [\n  { label = "Age"', "display.t1.rows"),
    ('composite = "bicla"', "composite = 3", "endpoint.bicla.composite: must be text"),
    ("options = { sledai_fall = 6 }", "options = { sledai_fall = [] }", "options.sledai_fall"),
    ('countries = ["SWE", "NOR"]', 'countries = ["SE", "NOR"]', 'country "SE" is not a code'),
    ("window = [29, 84]", 'window = "soon"', 'schedule.visit "W8".window: must be a list'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), ALONE, ids=[new for _, new, _ in ALONE])
def test_a_fault_is_told_alone(old: str, new: str, said: str):
    """What stands in for a value that cannot be read raises no fault of its own."""
    assert old in TRIAL
    with pytest.raises(ProtocolError) as error:
        parse(TRIAL.replace(old, new, 1))
    told = {fault.where for fault in error.value.faults}
    assert said in str(error.value)
    assert len(told - {"display.t1.x"}) == 1, error.value


@pytest.mark.parametrize(
    "part",
    [
        '[variable.NEW]\nkind = "any"\nwhere = { X = 1 }',
        '[variable.NEW]\nkind = "record"\nwhere = { X = 1 }\ncolumn = "X"',
        '[variable.NEW]\nkind = "time_since"\nwhere = { X = 1 }\ndate = "X"',
        '[intercurrent.new]\nkind = "record"\nlabel = "L"\nwhere = { X = 1 }\ndate = "X"',
    ],
)
def test_a_domain_is_one_of_sdtm(part: str):
    for name in ("MH", "SUPPDM", "XA"):
        parse(f'{TRIAL}\n{part}\ndomain = "{name}"\n')
    with pytest.raises(ProtocolError, match='"MHH" is not a domain of SDTM; did you mean MH'):
        parse(f'{TRIAL}\n{part}\ndomain = "MHH"\n')


def test_a_byte_order_mark_is_no_fault(tmp_path: Path):
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TRIAL.encode())
    assert load(path) == parse(TRIAL)


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
        ("schedule = 3", r"\[schedule\]: must be a table"),
        ("[schedule]\nvisit = 3", "line 2, schedule.visit: must be tables"),
        ("[schedule.visit]\nid = 'BL'", "in double brackets"),
        ("[schedule]\nvisit = [3]", "line 2, schedule.visit 1: must be a table"),
        ("study = 3\n[data]\nadam = 3", "study: must be a table"),
        ("[display]\nt = 3\n[analysis]\na = []", "display.t: must be a table"),
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
