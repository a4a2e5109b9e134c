"""Declarations as a data-monitoring committee sees them: columns, rows and words without arms."""

from pathlib import Path

import pytest

import openlupus
from openlupus.protocol import load
from openlupus.protocol import monitoring as seen

FOUNDING = load(Path(openlupus.__file__).parent / "studies" / "nct03161483")
LETTERS = {"ibe045": "C", "ibe030": "A", "ibe015": "D", "placebo": "B"}


@pytest.fixture(scope="module")
def open_():
    return seen.pooled(FOUNDING, code="POOLED")


@pytest.fixture(scope="module")
def closed():
    return seen.coded(FOUNDING, LETTERS)


def test_a_column_of_each_level_stays_under_one_head(open_):
    columns = open_.displays["t14_3_4"].columns
    assert [column.header for column in columns] == ["Mild", "Moderate", "Severe"]
    assert {column.spanner for column in columns} == {"All patients (N={N})"}
    assert {column.group for column in columns} == {"pooled"}


def test_letters_come_in_their_order_and_groups_of_some_arms_go(closed):
    columns = closed.displays["t14_3_3"].columns
    assert [column.group for column in columns] == ["A", "B", "C", "D"]
    assert columns[0].header == "Arm A\n(N={N})"
    assert closed.arms["C"].code == "C"
    assert list(closed.groups) == ["total"]
    assert [c.group for c in closed.displays["t14_1_9"].columns] == ["A", "B", "C", "D", "total"]


def test_nothing_is_compared_or_ordered_by_an_arm(open_, closed):
    for protocol in (open_, closed):
        for analysis in protocol.analyses.values():
            assert not analysis.compare.all
            assert set(analysis.groups) <= {*protocol.arms, *protocol.groups}
        overview = protocol.analyses["ae_overview"].method
        assert (overview.difference, overview.rate) == ("none", "first_event")
        assert set(protocol.analyses["ae_terms"].method.order_group) <= set(protocol.groups)
        assert not protocol.multiplicity


def test_no_dose_is_left_in_the_declaration(open_, closed):
    for protocol in (open_, closed):
        assert {arm.dose for arm in protocol.arms.values()} == {0}
        assert {arm.role for arm in protocol.arms.values()} == {"control"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("as in Placebo.", ("Placebo",)),
        ("code IBE030", ("IBE030",)),
        ("a dose of 0.45 mg daily", ("0.45 mg",)),
        ("0.3mg", ("0.3mg",)),
        ("Iberdomide, Total", ("Iberdomide, Total",)),
        ("a mean of 0.45, of 10.45 mg, and placebos; Total; Iberdomide in lupus", ()),
    ],
)
def test_words_that_tell_an_arm_are_found(text, found):
    assert seen.told(FOUNDING, text) == found


def test_the_analyses_of_a_table_are_those_of_rows_blocks_and_columns():
    assert seen.analyses_of(FOUNDING.displays["table_s5"]) == {"pd_change", "pd_model"}
    assert seen.analyses_of(FOUNDING.displays["t14_3_8"]) == {"lab_shift_low"}
