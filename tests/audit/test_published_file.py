"""The file of printed tables: read, written, imported; its faults named all at once."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from audit.invented import paper, patients
from openlupus.audit import Published, Ref
from openlupus.audit.model import Remark
from openlupus.audit.printed import Mean
from openlupus.errors import FileFormatError, PublishedError
from openlupus.exchange.published import read_published
from openlupus.exchange.published_json import import_published
from openlupus.exchange.published_text import published_text
from openlupus.exchange.published_words import words
from reference import ROOT, need_reference

SHIPPED = sorted((ROOT / "src" / "openlupus" / "studies").glob("*/published.toml"))


def unnumbered(published: Published) -> Published:
    """Without the lines of the file, which writing moves."""
    return replace(published, cells=tuple(replace(cell, line=0) for cell in published.cells))


def written(text: str, folder: Path) -> Path:
    file = folder / "published.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_a_shipped_file_is_read_and_written_again(path: Path, tmp_path: Path):
    published = read_published(path)
    assert published.cells
    again = read_published(written(published_text(published), tmp_path))
    assert unnumbered(again) == unnumbered(published)


def test_an_invented_file_is_read_and_written_again(tmp_path: Path):
    published = read_published(written(paper(patients(2)).text(), tmp_path))
    assert published.power is not None
    assert published.relations[0].left == Ref("columns")
    again = read_published(written(published_text(published), tmp_path))
    assert unnumbered(again) == unnumbered(published)


FAULTY = """source = "x"
contrl = "b"
control = "c"
level = 95
[columns]
a = { label = "A", n = 10 }
b = { label = "B" }
t = { label = "T", n = 20, sum = ["a", "bb"] }
[tables.one]
titel = "One"
[cells.one]
"Female" = { a = "11 (90)", b = "3 (30)", d = "1 (10)" }
"Age" = { a = "ten", b = "46.4±11.2" }
"Change" = { a_difference = "3.0", a_p = "2" }
[rows.one]
"Femal" = { granularity = 0 }
"Age" = { plus_minus = "sd", n = { z = 3 } }
[[relation]]
kind = "equal"
left = { table = "one", row = "Female" }
right = [{ table = "one", row = "Female" }]
[[relation]]
kind = "same"
left = { table = "one", row = "Femal" }
right = [{ table = "one", row = "Female", part = "half" }]
[[remark]]
table = "one"
row = "Femal"
why = "x"
[[remark]]
table = "one"
row = "Female"
columns = ["t"]
why = "x"
[[remark]]
table = "one"
row = "Age"
verdict = "wrong"
[power]
power = 80
n = { a = 80 }
"""

EXPECTED = (
    "'contrl' is not known here; did you mean 'control'?",
    "'c' is not a column",
    "95 must lie between 0 and 1",
    "sum names 'bb', which is no column; did you mean 'b'?",
    "'titel' is not known here; did you mean 'title'?",
    "line 12, [cells.one] \"Female\": column a: 11 of 10 patients",
    "'3 (30)' has a percentage and no denominator",
    "there is no column 'd'",
    "line 13, [cells.one] \"Age\": column a: 'ten' is no form of cell",
    "column a_difference: '3.0' is no difference with limits",
    "column a_p: '2' is no P value",
    "table one has no such row; did you mean 'Female'?",
    "plus_minus is 'sd'; it is SD or SE",
    "n of 'z', which is no column",
    "kind is 'equal'; it is same, at-most or union",
    "there is no row 'Femal' in table 'one'; did you mean 'Female'?",
    "part is 'half'; it is count or denominator",
    "\"remark 1\": there is no row 'Femal' in table 'one'; did you mean 'Female'?",
    "row 'Female' has no cell of t",
    "why is in words; verdict misprint, inconsistent, none",
    "difference is missing", "alpha is missing", "n_control is missing",
)  # fmt: skip


def test_all_faults_are_named_at_once(tmp_path: Path):
    with pytest.raises(PublishedError) as caught:
        read_published(written(FAULTY, tmp_path))
    said = str(caught.value)
    assert [each for each in EXPECTED if each not in said] == []
    assert len(caught.value.faults) == len(EXPECTED)


def faults_of(text: str, folder: Path) -> list[str]:
    with pytest.raises(PublishedError) as caught:
        read_published(written(text, folder))
    return list(caught.value.faults)


def test_a_sum_that_leads_back_to_its_column_is_refused(tmp_path: Path):
    text = """[columns]
a = { n = 10 }
own = { n = 10, sum = ["a", "own"] }
one = { n = 10, sum = ["a", "two"] }
two = { n = 10, sum = ["a", "three"] }
three = { n = 10, sum = ["one"] }
leads = { n = 10, sum = ["one"] }
twice = { n = 20, sum = ["a", "a"] }
text = { n = 10, sum = "a" }
nested = { n = 30, sum = ["a", "twice"] }
[cells.x]
y = { a = "3 (30)" }
"""
    told = "sum comes back to the column itself"
    assert faults_of(text, tmp_path) == [
        'line 3, [columns] "own": sum names the column itself; it names those that are added up',
        f'line 4, [columns] "one": {told}: one -> two -> three -> one',
        f'line 5, [columns] "two": {told}: two -> three -> one -> two',
        f'line 6, [columns] "three": {told}: three -> one -> two -> three',
        "line 8, [columns] \"twice\": sum names 'a' 2 times; its patients count once",
        "line 9, [columns] \"text\": sum is 'a'; it is a list of columns, as ['drug', 'sham']",
    ]


NEGATIVE = """[columns]
a = { n = 58 }
b = { n = 60 }
[tables.x]
plus_minus = "SD"
[cells.x]
"Any event" = { a = "-54 (93.1)", b = "52 (87)" }
"Share"     = { a = "54 (-93)" }
"Number"    = { a = "-5", b = "3 (5)" }
"Mixed"     = { a = "4.1 (10.2)", b = "5 (9)" }
"Change"    = { a = "-5 (10.2)", b = "4 (93)" }
"Decimals"  = { a = "-5.4 (9.3)" }
"Signed"    = { a = "-54±93" }
[rows.x]
"Change" = { plus_minus = "SE" }
"""


def test_a_negative_number_of_patients_is_refused(tmp_path: Path):
    of_means = 'a row of means says plus_minus = "SD" (or "SE") under [rows]'
    event, mixed = 'line 7, [cells.x] "Any event"', 'line 10, [cells.x] "Mixed"'
    assert faults_of(NEGATIVE, tmp_path) == [
        f"{event}: column a: '-54 (93.1)' is no count, which is not negative; {of_means}",
        'line 8, [cells.x] "Share": column a: -93%',
        'line 9, [cells.x] "Number": column a: -5 patients',
        f"{mixed}: column b: '5 (9)' is a count, and column a: '4.1 (10.2)' a mean; {of_means}",
    ]


def test_a_row_that_says_so_holds_means(tmp_path: Path):
    lines = NEGATIVE.splitlines()
    left = [line for line in lines if not line.startswith(('"Any', '"Share', '"Number', '"Mixed'))]
    published = read_published(written("\n".join(left), tmp_path))
    assert {type(cell.content) for cell in published.cells} == {Mean}
    assert published.fact("x", "Change").plus_minus == "SE"
    assert published.fact("x", "Decimals").plus_minus == "SD"
    again = read_published(written(published_text(published), tmp_path))
    assert unnumbered(again) == unnumbered(published)


def test_what_a_table_calls_its_deviations_says_nothing_of_its_counts(tmp_path: Path):
    text = (
        '[columns]\na = { n = 58 }\n[tables.x]\nplus_minus = "SD"\n[cells.x]\ny = { a = "54 (93)" }'
    )
    published = read_published(written(text, tmp_path))
    assert published.fact("x", "y").plus_minus == ""
    again = read_published(written(published_text(published), tmp_path))
    assert unnumbered(again) == unnumbered(published)


SHAPE = """relation = 3
[columns]
a = { n = 10 }
"\\u00e9" = { n = 0 }
[tables]
one = 3
[tables.two]
plus_minus = "sd"
[cells]
three = 3
[cells.two]
"Age" = { a = "46.4 (11.2)" }
'Sex' = { a = "46 (11)" }
[rows]
three = 3
[rows.two]
"Age" = { scale = 3, n = 3 }
"Sex" = 3
[[remark]]
table = "two"
row = "Age"
columns = "a"
why = "x"
[power]
power = 80
difference = "x"
alpha = [0.05]
n = 3
n_control = 10.5
family = "a"
"""


def test_parts_of_another_kind_are_faults(tmp_path: Path):
    assert faults_of(SHAPE, tmp_path) == [
        'line 1, "relation": each is a table of its own, under [[relation]]',
        'line 4, [columns] "é": n is 0; a column has patients',
        'line 6, [tables] "one": this is a table',
        "line 8, [tables.two] \"plus_minus\": 'sd'; it is SD or SE",
        'line 10, [cells] "three": this is a table',
        'line 13, [cells.two] "Sex": column a: 46 of 10 patients',
        'line 15, [rows] "three": this is a table',
        'line 17, [rows.two] "Age": n is 3; it is a table, as { drug = 81 }',
        'line 17, [rows.two] "Age": scale is 3; it is [least, largest]',
        'line 18, [rows.two] "Sex": this is a table',
        "line 19, [remark] \"remark 1\": columns is 'a'; it is a list, as ['drug']",
        "line 26, [power] \"difference\": difference is 'x'; it is a number",
        'line 27, [power] "alpha": alpha is [0.05]; it is a number',
        'line 28, [power] "n": n is 3; it is a table, as { drug = 81 }',
        'line 29, [power] "n_control": n_control is 10.5; it is a number',
        "line 30, [power] \"family\": family is 'a'; it is a list, as ['drug']",
    ]


def test_remarks_are_read_and_written_again(tmp_path: Path):
    remark = (
        'table = "text"',
        'row = "Completed"',
        'columns = ["active"]',
        "why = 'not \"counted\"'",
    )
    text = "\n".join((paper(patients(2)).text(), "[[remark]]", *remark))
    published = read_published(written(text, tmp_path))
    assert published.remarks == (Remark("text", "Completed", ("active",), "", 'not "counted"'),)
    again = read_published(written(published_text(published), tmp_path))
    assert again.remarks == published.remarks


def test_a_comparison_needs_a_control(tmp_path: Path):
    text = '[columns]\na = { n = 3 }\n[cells.one]\nx = { a_difference = "1.0 (0.5 to 1.5)" }\n'
    with pytest.raises(PublishedError, match="compares with the control, and none is declared"):
        read_published(written(text, tmp_path))


@pytest.mark.parametrize(("content", "words_of"), [
    (b"x = = 1", "cannot be read"), (b"\xff\xfe", "cannot be read"), (None, "does not exist"),
])  # fmt: skip
def test_what_is_no_file_of_tables(content: bytes | None, words_of: str, tmp_path: Path):
    file = tmp_path / "p.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(FileFormatError, match=words_of):
        read_published(file)


def test_an_empty_file_says_what_is_missing(tmp_path: Path):
    with pytest.raises(PublishedError) as caught:
        read_published(written("", tmp_path))
    said = str(caught.value)
    assert "no column is declared" in said
    assert "there are no cells" in said


# -- import ---------------------------------------------------------------------------------


TABLE = {
    "source": "J Invent 2030;1:1, Table 1",
    "denominators": {"drug": 60, "sham": 30, "total": 90},
    "rows": [
        {"group": None, "row": "Age", "cells": {"drug": {"value": 41.0, "plus_minus": 12.1}}},
        {"group": "Sex", "row": "Women", "cells": {
            "drug": {"n": 50, "pct": 83}, "sham": {"n": 25, "pct": 83},
            "total": {"n": 75, "pct": 83}}},
        {"row": "BICLA", "arms": {"drug": {"n": 30, "N": 60, "pct": 50},
                                  "sham": {"n": 10, "N": 30, "pct": 33}},
         "difference_vs_sham": {"drug": {"estimate": 16.7, "ci90": [0.2, 31.5], "p": 0.13}}},
        {"row": "Any adverse event", "cells": {"drug": {"n": 40, "pct": 67}}},
        {"row": "Any serious adverse event", "cells": {"drug": {"n": 1, "pct": "<2"}}},
    ],
}  # fmt: skip
TEXT = {
    "source": "text",
    "design": {
        "strata": ["a vs b"], "planned_n": {"drug": 60, "sham": 30},
        "power": {"difference_points": 30, "approx_power": 0.9, "two_sided_alpha": 0.1},
    },
    "flow": {"randomized": {"drug": 61, "sham": 30}, "completed": {"drug": 50, "sham": 28},
             "discontinued_drug": 10},
    "secondary": {"bicla_imputation_drug": {"estimate": 15.0, "ci90": [1.0, 29.0]},
                  "women_by_region": {"drug": "mostly"}, "deaths_total": 0},
}  # fmt: skip


def imported(folder: Path, *contents: object):
    for place, content in enumerate(contents):
        (folder / f"t{place}_x.json").write_text(json.dumps(content), encoding="utf-8")
    return import_published(folder)


def test_another_paper_is_imported(tmp_path: Path):
    got = imported(tmp_path, TABLE, TEXT)
    published = got.published
    assert (published.control, published.level, published.strata) == ("sham", 0.9, 2)
    assert published.columns["total"].members == ("drug", "sham")
    texts = {(cell.row, cell.column): cell.text for cell in published.cells}
    assert texts["Age", "drug"] == "41.0±12.1"
    assert texts["BICLA", "drug_difference"] == "16.7 (0.2 to 31.5)"
    assert texts["BICLA", "drug_p"] == "0.13"
    assert texts["Sex|Women", "total"] == "75 (83)"
    assert texts["secondary|bicla_imputation", "drug_difference"] == "15.0 (1.0 to 29.0)"
    assert published.facts["text", "secondary|bicla_imputation"].pooled
    assert published.power is not None
    assert published.power.n_control == 30
    assert [text for text in got.left_out if "mostly" in text]
    kinds = {(relation.kind, str(relation.left)) for relation in published.relations}
    assert ("at-most", "columns") in kinds  # treated are some of the randomized
    assert ("same", "columns") in kinds  # completers and the others
    assert ("at-most", "t0 / Any serious adverse event") in kinds
    file = written(published_text(published), tmp_path)
    assert unnumbered(read_published(file)) == published


def test_faults_of_an_import_are_named_at_once(tmp_path: Path):
    rows = [
        {"row": "A", "cells": {"nobody": {"n": 3}}},
        {"row": "B", "cells": {"drug": {"what": 3}}},
        {"row": "C", "cells": {"drug": {"n": "many"}}},
        {"cells": {"drug": {"n": 3}}},
    ]
    other = {"denominators": {"drug": 61}, "rows": []}
    with pytest.raises(PublishedError) as caught:
        imported(tmp_path, {**TABLE, "rows": rows}, other)
    assert len(caught.value.faults) == 5
    assert "row 4: it has no label" in str(caught.value)


def test_a_folder_without_tables_is_refused(tmp_path: Path):
    with pytest.raises(FileFormatError, match="holds no JSON file"):
        import_published(tmp_path)
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"bad\.json cannot be read"):
        import_published(tmp_path)


@pytest.mark.parametrize(("label", "expected"), [
    ("discontinued_because_of_adverse_event_total", {"withdraw", "adverse", "event"}),
    ("Any adverse event leading to withdrawal", {"withdraw", "adverse", "event"}),
    ("SRI-4 response — no. (%)", {"sri4", "response"}),
    ("clasi_ge10_at_baseline_n", {"clasi", "10", "baseline"}),
])  # fmt: skip
def test_words_of_labels(label: str, expected: set[str]):
    assert words(label) == expected


@pytest.mark.golden
def test_every_cell_of_the_reference_tables_is_imported():
    folder = need_reference() / "published"
    published = import_published(folder).published
    texts = {(cell.table, cell.row, cell.column) for cell in published.cells}
    wanted: set[tuple[str, str, str]] = set()
    for file in sorted(folder.glob("*.json")):
        content = json.loads(file.read_text("utf-8"), parse_float=Decimal)
        for row in content.get("rows", []):
            name = "|".join(filter(None, (row.get("group") or row.get("section"), row["row"])))
            table = file.stem.partition("_")[0]
            cells = row.get("cells") or row.get("arms") or {}
            wanted |= {(table, name, column) for column, cell in cells.items() if cell}
            for key in (key for key in row if key.startswith("difference_vs_")):
                for arm, cell in row[key].items():
                    if cell:
                        wanted.add((table, name, f"{arm}_difference"))
    assert wanted
    assert wanted <= texts
