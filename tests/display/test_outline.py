"""Rows over levels, groups and visits; blocks; columns with a part of their own."""

import pytest

from openlupus.display import build_table
from openlupus.errors import DisplayError
from openlupus.protocol.displays import Table
from openlupus.results import ResultRow, Results, pointer, rows_frame

LABELS = {"active": "Active", "control": "Control"}
SIZES = {"active": 8, "control": 6}


def result(analysis: str, statistic: str, value: float, **given: str) -> ResultRow:
    return ResultRow(
        analysis=analysis, statistic=statistic, value=value, population="mitt",
        source=pointer("ADLB", {}), **given,
    )  # fmt: skip


@pytest.fixture
def results() -> Results:
    rows = [result("population", "N", n, group=g) for g, n in SIZES.items()]
    rows += [
        ResultRow(analysis="population", statistic="N", value=3, group=g, population="safety")
        for g in SIZES
    ]
    for i, test in enumerate(("ALT", "AST")):
        for j, visit in enumerate(("Baseline", "Week 8")):
            for k, (name, shift) in enumerate((("AVAL", 10), ("CHG", 0))):
                rows += [
                    result("lab", "mean", 100 * i + shift + j + k + place, group=group,
                           parameter=f"{test}|{visit}|{name}")
                    for place, group in enumerate(SIZES)
                ]  # fmt: skip
    for group, n in SIZES.items():
        for visit in ("W4", "W8"):
            rows.append(result("seen", "n", n - 1, group=group, visit=visit, parameter="X"))
        rows.append(result("other", "n", n - 2, group=group, visit="W8", parameter="Y"))
    for level, n in (("", 5), ("N", 4), ("H", 1)):
        rows += [
            result("shift", "n", n, group="active", parameter="|".join(filter(None, ("K", level))),
                   subgroup=subgroup) for subgroup in ("", "BASE=N")
        ]  # fmt: skip
    rows.append(result("shift", "p", 0.25, parameter="K"))
    return Results(rows_frame(rows))


def table(results: Results, **declared: object) -> list[tuple[object, ...]]:
    """Labels and cells of every row."""
    base = {
        "number": "Table 1", "title": "T", "population": "mitt", "missing": "",
        "columns": [{"key": g, "header": g, "group": g} for g in SIZES],
    }  # fmt: skip
    model = build_table(
        Table.model_validate({**base, **declared}), results,
        labels=LABELS, synthetic=False, dummy_arms=False,
    )  # fmt: skip
    return [(*row.labels, *(cell.text for cell in row.cells)) for row in model.rows]


CELLS = {"value": "{mean:0}"}
SIDE_BY_SIDE = [
    {"key": "value", "header": "Value", "parameter": "AVAL"},
    {"key": "change", "header": "Change", "parameter": "CHG"},
]


def test_over_levels_and_groups_in_the_order_that_is_given(results):
    row = {
        "analysis": "lab", "over": ["1", "group", "2"], "cells": CELLS,
        "label": ["{1}", "{label}", "{N}", "{2}"],
    }  # fmt: skip
    made = table(
        results, stub=["", "", "", ""], rows=[row], columns=SIDE_BY_SIDE,
        labels={"control": "Ctrl", "Week 8": "Wk 8"},
    )  # fmt: skip
    assert made[:4] == [
        ("ALT", "Active", "8", "Baseline", "10", "1"),
        ("", "", "", "Wk 8", "11", "2"),
        ("", "Ctrl", "6", "Baseline", "11", "2"),
        ("", "", "", "Wk 8", "12", "3"),
    ]
    assert made[4][0] == "AST"


def test_labels_can_be_repeated(results):
    row = {"analysis": "lab", "over": ["1", "2"], "label": ["{1}", "{2}"], "repeat": True}
    made = table(results, stub=["", ""], rows=[row], columns=SIDE_BY_SIDE)
    assert [labels[:2] for labels in made[:2]] == [("ALT", "Baseline"), ("ALT", "Week 8")]


def test_expansion_stops_where_the_columns_begin(results):
    row = {"analysis": "lab", "expand": True, "cells": CELLS}
    columns = [{**column, "group": "active"} for column in SIDE_BY_SIDE]
    assert table(results, rows=[row], columns=columns)[:3] == [
        ("ALT", "", ""), ("Baseline", "10", "1"), ("Week 8", "11", "2")
    ]  # fmt: skip


def test_a_block_is_printed_for_each_and_lends_what_its_rows_do_not_name(results):
    block = {
        "analysis": "shift", "over": ["1"], "cells": {"value": "{n}"}, "rows": [
            {"label": ["{1}", "n"], "cells": {"value": "{n}", "p": "{p:2}"}},
            {"label": ["{1}", "{2}"], "over": ["2"]},
        ],
    }  # fmt: skip
    columns = [
        {"key": "all", "header": "", "group": "active"},
        {"key": "normal", "header": "", "group": "active", "subgroup": "BASE=N"},
        {"key": "p", "header": "", "slot": "p"},
    ]
    assert table(results, stub=["", ""], rows=[block], columns=columns) == [
        ("K", "n", "5", "5", "0.25"), ("", "N", "4", "4", ""), ("", "H", "1", "1", "")
    ]  # fmt: skip


def test_over_visits_and_a_column_of_another_analysis(results):
    row = {"analysis": "seen", "over": ["visit"], "label": "{visit}", "cells": {"value": "{n}"}}
    columns = [
        {"key": "seen", "header": "", "group": "active"},
        {"key": "other", "header": "", "group": "active", "analysis": "other"},
    ]
    assert table(results, rows=[row], columns=columns) == [("W4", "7", "6"), ("W8", "7", "6")]


def test_a_header_can_count_another_population(results):
    columns = [
        {"key": "a", "header": "{N}", "group": "active"},
        {"key": "b", "header": "{N}", "group": "active", "population": "safety"},
    ]
    model = build_table(
        Table.model_validate({
            "number": "1", "title": "T", "population": "mitt", "columns": columns,
            "rows": [{"label": "x", "heading": True}],
        }), results, labels={}, synthetic=False, dummy_arms=False,
    )  # fmt: skip
    assert [header.text for header in model.columns] == ["8", "3"]


def test_a_cell_without_any_results_prints_what_is_declared(results):
    row = {"label": "x", "analysis": "shift", "parameter": "K|N", "cells": {"value": "{n}"}}
    assert table(results, rows=[row], absent="0") == [("x", "4", "0")]


def test_levels_are_gone_over_in_their_order(results):
    row = {"analysis": "lab", "over": ["2"], "label": "{2}"}
    with pytest.raises(DisplayError, match="level 1 comes next"):
        table(results, rows=[row])


def test_a_row_over_nothing_known_is_refused(results):
    with pytest.raises(DisplayError, match="names no analysis"):
        table(results, rows=[{"over": ["1"], "label": "{1}"}])
    with pytest.raises(DisplayError, match="no analysis 'gone'"):
        table(results, rows=[{"over": ["1"], "rows": [{"analysis": "gone", "label": "x"}]}])
