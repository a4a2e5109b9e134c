"""A run against a paper: each printed cell, ours, equal or not, and why."""

from dataclasses import replace
from pathlib import Path

import pytest

from audit.invented import paper, patients
from display.invented import protocol
from openlupus.audit import Published
from openlupus.audit.against import against, compared_frame, counts, regenerated
from openlupus.audit.finding import Finding
from openlupus.audit.model import Remark
from openlupus.display.printed_cells import printed_cells, printed_rows
from openlupus.exchange.published import read_published
from openlupus.results import ResultRow, Results, rows_frame


@pytest.fixture
def published(tmp_path: Path) -> Published:
    file = tmp_path / "p.toml"
    file.write_text(paper(patients(4)).text(), encoding="utf-8")
    return read_published(file)


def texts(published: Published) -> dict[tuple[str, str, str], str]:
    return {(c.table, c.row, c.column): c.text for c in published.cells}


def test_the_same_cells_are_equal_whatever_the_dashes(published: Published):
    ours = {place: text.replace("–", "-").replace("±", " ± ") for place, text in
            texts(published).items()}  # fmt: skip
    found = against(published, ours)
    assert counts(found) == {"differs": 0, "absent": 0, "equal": len(published.cells)}
    assert compared_frame(found).height == len(published.cells)


@pytest.mark.parametrize(("row", "column", "ours", "why"), [
    ("Female sex", "active", "3 (3)", "count 3 here"),
    ("BICLA response", "active_p", "0.5", "0.5 here"),
    ("Age — yr", "active", "3 (3)", "do not hold the same kind"),
    ("Age — yr", "total", "words", "do not hold the same kind"),
])  # fmt: skip
def test_what_differs_says_why(published: Published, row, column, ours, why):
    mine = texts(published)
    (place,) = [p for p in mine if p[1:] == (row, column)]
    mine[place] = ours
    (compared,) = [c for c in against(published, mine) if c.outcome == "differs"]
    assert (compared.row, compared.column, compared.ours) == (row, column, ours)
    assert why in compared.why


def test_one_unit_of_the_last_digit_is_said(published: Published):
    mine = texts(published)
    place = next(p for p in mine if p[1:] == ("Age — yr", "active"))
    mean, _, sd = mine[place].partition("±")
    mine[place] = f"{float(mean) + 0.1:.1f}±{sd}"
    (compared,) = [c for c in against(published, mine) if c.outcome == "differs"]
    assert "1 of the last digit" in compared.why


def test_a_misprint_can_only_be_met_by_the_misprint(published: Published):
    mine = texts(published)
    place = next(p for p in mine if p[1:] == ("Female sex", "active"))
    known = Finding(
        check="percentage", table=place[0], row=place[1], column=place[2], printed=mine[place],
        recomputed="1", verdict="misprint", why="no count",
    )  # fmt: skip
    mine[place] = "1 (1)"
    (compared,) = [c for c in against(published, mine, findings=[known]) if c.outcome == "differs"]
    assert compared.why.endswith(
        "the printed cell is a misprint: no count; a misprint can only be matched by the misprint"
    )


def test_a_remark_is_the_reason_and_goes_before_a_finding(published: Published):
    mine = texts(published)
    (place,) = [p for p in mine if p[1:] == ("Female sex", "active")]
    del mine[place], mine["text", "Completed", "active"]
    on_row = Remark("text", "Completed", (), "", "nobody counted")
    on_cell = Remark(*place[:2], place[2:], "inconsistent", "3 elsewhere")
    finding = Finding(
        check="x", table=place[0], row=place[1], column=place[2], printed="", recomputed="",
        verdict="misprint", why="from the audit",
    )  # fmt: skip
    marked = replace(published, remarks=(on_row, on_cell))
    found = {(c.table, c.row, c.column): c for c in against(marked, mine, findings=[finding])}
    assert found[place].why == "the printed cell is inconsistent with others: 3 elsewhere"
    assert found["text", "Completed", "active"].why == "nobody counted"


def test_every_printed_number_of_a_cell_counts(published: Published):
    mine = texts(published)
    everything = against(published, mine)
    assert all(c.met == c.numbers for c in everything)
    (place,) = [p for p in mine if p[1:] == ("Age — yr", "active")]
    mean, _, _ = mine[place].partition("±")
    mine[place] = f"{mean}±99.9"
    found = against(published, mine)
    (compared,) = [c for c in found if c.outcome == "differs"]
    assert (compared.numbers, compared.met) == (2, 1)
    cells, numbers = len(found), sum(c.numbers for c in found)
    assert regenerated(found) == (
        f"{cells - 1} of {cells} printed cells regenerated ({numbers - 1:,} of {numbers:,} numbers)"
    )


def test_nobody_is_a_count_too(published: Published):
    mine = texts(published)
    (place,) = [p for p in mine if p[1:] == ("Female sex", "active")]
    mine[place] = "0"
    (compared,) = [c for c in against(published, mine) if c.outcome == "differs"]
    assert compared.why.startswith("count 0 here, ")
    assert compared.met == 0


def test_what_the_run_does_not_print_says_why(published: Published):
    mine = {p: t for p, t in texts(published).items() if p[0] != "text" and p[1] != "Female sex"}
    del mine["safety", "Any adverse event", "total"]
    absent = {(c.table, c.row, c.column): c.why for c in against(published, mine)
              if c.outcome == "absent"}  # fmt: skip
    assert absent["text", "Completed", "active"].endswith("belongs to this table")
    assert (
        absent["baseline", "Female sex", "active"]
        == "no display and no named result of the run has this row"
    )
    assert "no such column" in absent["safety", "Any adverse event", "total"]


def test_a_number_of_the_text_is_compared_with_the_row_that_says_the_same(published: Published):
    mine = {place: text for place, text in texts(published).items() if place[0] == "safety"}
    found = {(c.table, c.row, c.column): c for c in against(published, mine)}
    rash = found["text", "Rash", "total"]
    assert (rash.outcome, rash.ours) == ("equal", rash.printed)
    assert rash.why == "by safety / Adverse events|Rash"
    mine["safety", "Adverse events|Rash", "total"] = "99 (69)"
    found = {(c.table, c.row, c.column): c for c in against(published, mine)}
    assert found["text", "Rash", "total"].outcome == "differs"
    assert found["text", "Completed", "active"].outcome == "absent"


NAMED = """
control = "b"
[columns]
a = { label = "A", n = 40 }
b = { label = "B", n = 40 }
t = { label = "T", sum = ["a", "b"] }
[cells.text]
"Response" = { a = "12/40", a_difference = "10.0 (-8.0 to 27.0)", a_p = "0.34", b = "8/40" }
"Share" = { a = "30.0%" }
"Left" = { t = "7" }
"Nowhere" = { a = "1" }
"Dose" = { t = "6.6" }
[rows.text]
"Response" = { result = { analysis = "r", parameter = "R" } }
"Share" = { result = { analysis = "r", parameter = "R" } }
"Left" = { shows = "count", result = { analysis = "left", group = "" } }
"Nowhere" = { shows = "count", result = { analysis = "none" } }
"Dose" = { result = { analysis = "dose", group = "", statistic = "mean" } }
"""


def test_numbers_of_the_text_come_from_the_results_that_are_named(tmp_path: Path):
    (tmp_path / "p.toml").write_text(NAMED, encoding="utf-8")
    named = read_published(tmp_path / "p.toml")

    def row(statistic: str, value: float, *, group: str = "a", comparator: str = "") -> ResultRow:
        return ResultRow(analysis="r", parameter="R", group=group, comparator=comparator,
                         statistic=statistic, value=value)  # fmt: skip

    results = Results(rows_frame([
        row("n", 12), row("N", 40), row("proportion", 0.3), row("n", 9, group="b"),
        row("N", 40, group="b"), row("difference", 0.075, comparator="b"),
        row("lower", -0.1179, comparator="b"), row("upper", 0.2615, comparator="b"),
        row("p", 0.0004, comparator="b"), ResultRow(analysis="left", statistic="n", value=7),
        ResultRow(analysis="dose", statistic="n", value=80),
        ResultRow(analysis="dose", statistic="mean", value=6.5501),
    ]))  # fmt: skip
    ours = {place[1:]: t for place, t in printed_cells(protocol(), named, results).items()}
    assert ours == {
        ("Response", "a"): "12/40", ("Response", "b"): "9/40",
        ("Response", "a_difference"): "7.5 (-11.8 to 26.2)", ("Response", "a_p"): "<0.01",
        ("Share", "a"): "30.0%", ("Left", "t"): "7", ("Dose", "t"): "6.6",
    }  # fmt: skip
    rows = printed_rows(protocol(), named, results)
    assert {place[1:] for place in rows} == ours.keys()
    said = {place[1:]: [row.statistic for row in found] for place, found in rows.items()}
    assert said["Response", "a"] == ["n", "N"]
    assert said["Response", "a_difference"] == ["difference", "lower", "upper"]
    assert said["Dose", "t"] == ["mean"]
