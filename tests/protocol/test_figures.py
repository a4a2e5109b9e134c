"""Faults of declared figures: each is named with its line, and none hides another."""

import pytest

from openlupus.errors import ProtocolError
from openlupus.protocol.load import parse
from reference import ROOT

TRIAL = (ROOT / "tests" / "studies" / "twoarm" / "study.toml").read_text("utf-8")
HEAD = '\n[display.f1]\nkind = "figure"\nnumber = "Figure 1"\ntitle = "F"\n'
FOREST = HEAD + (
    'shows = "forest"\npopulation = "treated"\nplot = ["d"]\n'
    'columns = [{ key = "d", header = "D", group = "active", comparator = "placebo" }]\n'
    'cells = { value = "{difference:pp1} ({lower:pp1} to {upper:pp1})" }\n'
    'rows = [{ label = "BICLA", analysis = "bicla", visit = "W16" }]\n'
)


def faults(text: str) -> list[str]:
    try:
        parse(TRIAL + text)
    except ProtocolError as error:
        return [str(fault) for fault in error.faults]
    return []


def test_a_valid_figure_has_none_and_cells_are_those_of_every_row():
    assert faults(FOREST) == []
    figure = parse(TRIAL + FOREST).displays["f1"]
    assert "difference" in figure.rows[0].cells["value"]


def test_an_unknown_kind_names_those_that_there_are():
    (fault,) = faults(HEAD + 'shows = "spiral"\n')
    assert "f1.shows" in fault
    assert '"spiral" is not one of design, forest, lines' in fault
    (fault,) = faults(HEAD)
    assert "f1.shows: is required and is not given" in fault


def test_a_kind_nearly_right_is_read_as_meant_so_that_other_faults_are_found():
    found = faults(FOREST.replace('"forest"', '"forrest"').replace('"bicla"', '"bikla"'))
    assert len(found) == 2
    assert any('"forrest" is not one of' in fault for fault in found)
    assert any("did you mean bicla?" in fault for fault in found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('plot = ["d"]', 'plot = ["x"]'), 'column "x" is not declared'),
        (('"treated"', '"treeted"'), 'population "treeted" is not declared'),
        (('group = "active"', 'group = "aktive"'), "did you mean active"),
        (('visit = "W16"', 'visit = "W99"'), 'visit "W99" is not declared'),
        (("{lower:pp1}", "{lowest:pp1}"), "lowest"),
        (('number = "Figure 1"\n', ""), "f1.number: is required"),
        (('population = "treated"', 'population = "treated"\nspin = 3'), "f1.spin: is not a field"),
    ],
)
def test_each_fault_of_a_forest_is_named(change, said):
    found = faults(FOREST.replace(*change))
    assert found
    assert any(said in fault for fault in found), found


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ('shows = "lines"\nstatistic = "mean"\npanels = [{ title = "A", analysis = "age2" }]',
         'analysis "age2" is not declared'),
        ('shows = "kaplan_meier"\nread = { analysis = "age" }\ngroups = ["activ"]',
         'arm or group "activ" is not declared'),
        (('shows = "heat_map"\nread = { analysis = "no" }\ngroup = "active"\n'
         'comparator = "placebo"\nx_axis = "x"\ny_axis = "y"'), 'analysis "no" is not declared'),
        (('shows = "dot_plot"\nread = { analysis = "age", visit = "W1" }\ntest = "active"\n'
         'control = "placebo"'), 'visit "W1" is not declared'),
        ('shows = "flow"\nsteps = [{ label = "a", analysis = "sex", reasons = "why" }]',
         'analysis "why" is not declared'),
        ('shows = "scatter"\nread = { analysis = "age" }\nx_axis = "x"', "f1.y_axis: is required"),
        ('shows = "bars"\nread = { analysis = "agee" }', "did you mean age"),
        ('shows = "dose_response"\nread = { parameter = "x" }', "read.analysis: is required"),
    ],
)  # fmt: skip
def test_each_kind_is_checked_against_the_rest_of_the_declaration(kind, said):
    found = faults(HEAD + kind + "\n")
    assert any(said in fault for fault in found), found
