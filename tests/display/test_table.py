"""A declared table filled with results: which number stands where, and what is refused."""

import pytest

from openlupus.display.model import alike
from openlupus.errors import DisplayError
from openlupus.results import Results, rows_frame


def texts(table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def rows_of(declared: dict, *rows: dict, **more) -> dict:
    return {**declared, "rows": list(rows), **more}


def test_every_cell_takes_its_own_result(build, declared):
    assert texts(build(declared)) == [
        ["44.7±11.0", "40.0±11.0", "42.7±11.0", "", ""],
        ["", "", "", "", ""],
        ["5 (63)", "0", "5 (36)", "", ""],
        ["3 (38)", "6 (100)", "9 (64)", "", ""],
        ["5/8 (63)", "2/6 (33)", "", "29.2 (-5.1 to 50.0)", "0.01"],
    ]


def test_a_cell_keeps_the_rows_that_it_rests_on_at_full_precision(build, declared):
    cell = build(declared).rows[4].cells[3]
    assert [(r.statistic, r.value) for r in cell.rests_on] == [
        ("difference", 0.29166), ("lower", -0.0512), ("upper", 0.5),
    ]  # fmt: skip


def test_headers_have_the_label_and_the_number_of_the_tables_own_population(build, declared):
    headers = [header.text for header in build(declared).columns]
    assert headers[:3] == ["Active <A>\n(N=8)", "Control\n(N=6)", "Total\n(N=14)"]
    assert build({**declared, "population": "safety"}).columns[0].text == "Active <A>\n(N=99)"
    with pytest.raises(DisplayError, match="no number of subjects of group 'active'"):
        build({**declared, "population": "unknown"})


def test_neighbouring_columns_share_a_spanner(build, declared):
    columns = [
        {"key": "n", "header": "n (%)", "group": "active", "spanner": "Active (N={N})"},
        {"key": "e", "header": "[AEs]", "group": "active", "slot": "events",
         "spanner": "Active (N={N})"},
        {"key": "c", "header": "Control", "group": "control"},
    ]  # fmt: skip
    row = {"analysis": "ae", "expand": True, "cells": {"value": "{n}", "events": "[{events}]"}}
    spanners = build(rows_of(declared, row, columns=columns)).spanners
    assert [(s.text, s.span) for s in spanners] == [("Active (N=8)", 2), ("", 1)]


def test_an_expanded_row_is_a_row_for_each_parameter_indented_by_its_level(build, declared):
    row = {"analysis": "ae", "expand": True, "indent": 1, "cells": {"value": "{n}"}}
    table = build(rows_of(declared, row), labels={"PALPITATIONS": "Palpitations"})
    assert [(r.labels, r.indent, r.cells[0].text) for r in table.rows] == [
        (("CARDIAC",), 1, "3"), (("Palpitations",), 2, "2"), (("FLUTTER",), 2, "0"),
    ]  # fmt: skip
    assert [r.key for r in table.rows] == ["CARDIAC", "CARDIAC|Palpitations", "CARDIAC|FLUTTER"]


def test_an_expanded_row_can_stand_for_what_is_under_a_parameter(build, declared):
    row = {"analysis": "ae", "parameter": "CARDIAC", "expand": True, "cells": {"value": "{n}"}}
    table = build(rows_of(declared, row))
    assert [(r.labels[0], r.indent) for r in table.rows] == [("PALPITATIONS", 0), ("FLUTTER", 0)]


def test_a_level_without_results_of_its_own_is_a_heading(build, declared, rows):
    rows = [r for r in rows if r.parameter != "CARDIAC"]
    row = {"analysis": "ae", "expand": True, "cells": {"value": "{n}"}}
    table = build(rows_of(declared, row), results=Results(rows_frame(rows)))
    assert [(r.labels[0], r.heading, r.indent) for r in table.rows] == [
        ("CARDIAC", True, 0), ("PALPITATIONS", False, 1), ("FLUTTER", False, 1),
    ]  # fmt: skip


def test_an_analysis_without_rows_leaves_its_row_blank_and_expands_to_none(build, declared):
    plain = {"label": "Silent", "analysis": "silent", "cells": {"value": "{n}"}}
    table = build(rows_of(declared, plain, {**plain, "expand": True}))
    assert [(r.labels[0], [c.kind for c in r.cells]) for r in table.rows] == [
        ("Silent", ["blank"] * 5)
    ]


def test_zero_takes_the_place_of_a_template_that_prints_n(build, declared):
    row = {"label": "White", "analysis": "race", "parameter": "WHITE", "zero": "{n}/{N}",
           "cells": {"value": "{n}/{N} ({proportion:pct})"}}  # fmt: skip
    assert texts(build(rows_of(declared, row)))[0][:2] == ["5/8 (63)", "0/6"]
    plain = {**row, "zero": None, "cells": {"value": "{proportion:pct}"}}
    assert texts(build(rows_of(declared, plain)))[0][:2] == ["63", "0"]


def test_zero_by_slot_takes_the_place_of_whatever_the_slot_prints(build, declared):
    columns = [
        {"key": "n", "header": "n", "group": "active"},
        {"key": "e", "header": "[AEs]", "group": "active", "slot": "events"},
    ]
    row = {"analysis": "ae", "expand": True, "zero": {"events": ""},
           "cells": {"value": "{n} ({proportion:pct1})", "events": "[{events}]"}}  # fmt: skip
    assert texts(build(rows_of(declared, row, columns=columns))) == [
        ["3 (37.5)", "[4]"], ["2 (25.0)", "[2]"], ["0 (0.0)", ""],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("missing", "legend"),
    [("NE", ["NE denotes not estimable: no control with a baseline."]), ("", [])],
)
def test_what_could_not_be_computed_says_so(build, declared, missing, legend):
    row = {"label": "Change", "analysis": "ancova",
           "cells": {"difference": "{difference:1} ({lower:1})", "p": "P={p:p}"}}  # fmt: skip
    table = build(rows_of(declared, row, missing=missing, footnotes=[]))
    cells = table.rows[0].cells
    assert [cell.text for cell in cells] == ["", "", "", missing, missing]
    assert cells[3].kind == "missing"
    assert cells[3].warnings == ("no control with a baseline",)
    assert list(table.footnotes) == legend


def test_a_row_can_name_the_groups_that_it_compares(build, declared):
    row = {"label": "P", "analysis": "primary", "group": "active", "comparator": "control",
           "cells": {"value": "{p:3}"}}  # fmt: skip
    assert texts(build(rows_of(declared, row)))[0] == ["0.013", "0.013", "0.013", "", ""]


def test_labels_in_several_stub_columns_are_filled_down_in_keys(build, declared):
    cells = {"value": "{mean:1}"}
    table = build(
        rows_of(
            declared,
            {"label": ["Age (y)", "Mean"], "analysis": "age", "cells": cells},
            {"label": ["", "SD"], "analysis": "age", "cells": {"value": "{sd:2}"}},
            {"label": ["Sex"], "heading": True},
            stub=["", ""],
        )
    )
    assert [r.labels for r in table.rows] == [("Age (y)", "Mean"), ("", "SD"), ("Sex", "")]
    assert [r.key for r in table.rows] == ["Age (y)|Mean", "Age (y)|SD", "Sex"]
    assert [r.group for r in table.rows] == ["Age (y)", "Age (y)", ""]


def test_keys_say_what_a_row_stands_under(build, declared):
    rows = [
        {"label": "Primary", "heading": True}, {"label": "A"},
        {"label": "Secondary", "heading": True}, {"label": "A"}, {"label": "B"},
        {"label": "Race", "heading": True}, {"label": "C", "indent": 1}, {"label": "D"},
    ]  # fmt: skip
    table = build(rows_of(declared, *rows))
    assert [r.key for r in table.rows] == [
        "Primary", "Primary|A", "Secondary", "Secondary|A", "Secondary|B", "Race", "Race|C", "D",
    ]  # fmt: skip
    assert [r.group for r in table.rows] == [
        "", "Primary", "", "Secondary", "Secondary", "", "Race", "",
    ]  # fmt: skip


def test_published_cells_stand_beside_ours(build, declared):
    published = {
        ("Age — yr", "a"): "44.7 ± 11.0",
        ("Race — no. (%)|Other", "c"): "5 (83)",
        ("Response", "d"): "29.2 (−5.1 to 50.0)",
        ("No such row", "a"): "1",
    }
    table = build(declared, published=published)
    assert table.beside == (3, 2)
    assert table.rows[3].cells[1].published == "5 (83)"
    assert not table.rows[3].cells[1].matches
    assert table.unplaced == ("No such row / a",)
    assert build(declared).beside is None


def test_alike_is_blind_to_space_and_dashes_and_to_nothing_else():
    assert alike("5 ( 6%)", "5 (6%)")
    assert alike("-9.8 to 1", "−9.8 to 1")
    assert not alike("5 (6)", "5 (6.0)")
    assert not alike("0", "")


def test_all_faults_of_a_declaration_are_named_at_once(build, declared):
    table = rows_of(
        declared,
        {"label": "a", "analysis": "nowhere", "cells": {"value": "{n}"}},
        {"label": "b", "cells": {"value": "{n}"}},
        {"label": "c", "analysis": "age", "cells": {"valu": "{mean:1}"}},
        {"label": "d", "analysis": "age", "cells": {"value": "{mean:1"}},
        {"label": "e", "analysis": "age", "cells": {"value": "{men:1}"}},
        {"label": "f", "analysis": "age", "cells": {"value": "{mean:9}"}},
        {"label": "g", "analysis": "age", "cells": {"value": "{mean}"}},
        {"label": ["h", "i"], "analysis": "age"},
        zero="{n",
    )
    with pytest.raises(DisplayError) as error:
        build(table)
    said = str(error.value).splitlines()
    assert said[0] == "Table 9: the declaration has faults"
    for words, line in zip(
        (
            "no analysis 'nowhere' in the results", "names no analysis", "no column has the slot",
            "a brace is not closed", "no statistic 'men'", "no format '9'", "'mean' needs a format",
            "more labels than the stub has columns", "zero: template '{n'",
        ),
        said[1:],
        strict=True,
    ):  # fmt: skip
        assert words in line


@pytest.mark.parametrize("part", ["parameter", "visit", "subgroup"])
def test_a_row_that_could_mean_several_results_is_refused(build, declared, rows, part):
    more = [r for r in rows if r.analysis == "population"]
    twice = [
        type(r)(**{**{f: getattr(r, f) for f in r.__slots__}, part: value})
        for value in ("one", "two")
        for r in rows
        if r.analysis == "age"
    ]
    row = {"label": "Age", "analysis": "age", "cells": {"value": "{mean:1}"}}
    results = Results(rows_frame(more + twice))
    with pytest.raises(DisplayError, match=f"several values of {part} .one, two."):
        build(rows_of(declared, row if part == "parameter" else {**row, "parameter": "AGE"}),
              results=results)  # fmt: skip
    named = {**row, "parameter": "AGE", part: "two"}
    assert texts(build(rows_of(declared, named), results=results))[0][0] == "44.7"


def test_a_statistic_given_by_two_methods_is_refused(build, declared, rows):
    again = [
        type(r)(**{**{f: getattr(r, f) for f in r.__slots__}, "method": "other"})
        for r in rows
        if r.analysis == "age"
    ]
    with pytest.raises(DisplayError, match="is given more than once"):
        build(declared, results=Results(rows_frame(rows + again)))


def test_the_tables_population_decides_between_several(build, declared, rows):
    again = [
        type(r)(**{**{f: getattr(r, f) for f in r.__slots__}, "population": "safety", "value": 1.0})
        for r in rows
        if r.analysis == "age"
    ]
    table = build(declared, results=Results(rows_frame(again + rows)))
    assert texts(table)[0][0] == "44.7±11.0"
