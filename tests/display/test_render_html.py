"""The report as a page: what it says, to whom, and that it needs nothing from outside."""

import base64
import gzip
import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

import openlupus.display as display
from openlupus.display import (
    DesignArm,
    DesignPeriod,
    DesignPicture,
    Patients,
    design_figure,
    report_html,
)
from openlupus.display.markup import gaps
from openlupus.errors import DisplayError

CSS = (Path(display.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Every element with its attributes and ancestors, and the text of the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {k: v or "" for k, v in attrs}, tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {k: v or "" for k, v in attrs}, tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attrs for tag, attrs, _ in self.elements if tag in tags]


@pytest.fixture
def figure():
    picture = DesignPicture(
        arms=(DesignArm(label="Active", ratio=2), DesignArm(label="Control", ratio=1)),
        periods=(DesignPeriod(label="Treatment", start=0, end=24, kind="treatment"),),
    )
    return design_figure(picture, id="f1", number="Figure 1", title="Design", synthetic=True)


@pytest.fixture
def html(report, figure, build, declared):
    regulatory = build({**declared, "style": "regulatory"}, id="t10")
    return report_html(
        report(
            figure,
            build(declared),
            regulatory,
            findings=pl.DataFrame({"rule": ["one_row_a_key"], "severity": ["error"], "count": [3]}),
            exclusions=pl.DataFrame({"dataset": [], "reason": []}),
            manifest={"seed": 7, "inputs_sha256": {"dm.parquet": "ab12"}},
        )
    )


@pytest.fixture
def page(html):
    return Page(html)


def test_the_same_report_gives_the_same_bytes(html, report, figure, build, declared):
    again = report_html(
        report(
            figure,
            build(declared),
            build({**declared, "style": "regulatory"}, id="t10"),
            findings=pl.DataFrame({"rule": ["one_row_a_key"], "severity": ["error"], "count": [3]}),
            exclusions=pl.DataFrame({"dataset": [], "reason": []}),
            manifest={"seed": 7, "inputs_sha256": {"dm.parquet": "ab12"}},
        )
    )
    assert html.encode() == again.encode()


def test_nothing_is_fetched_from_anywhere(page, html):
    for _, attrs, _ in page.elements:
        for name in ("src", "href", "xlink:href", "action", "poster", "srcset", "data"):
            assert attrs.get(name, "#").startswith("#")
    assert not page.all("link", "img", "iframe", "object", "embed", "base")
    assert not re.search(r"@import|url\((?!#)", html)
    assert not re.search(r"https?://(?!www\.w3\.org/)", html)


def test_the_page_says_its_language_and_title(page, html):
    assert page.all("html") == [{"lang": "en"}]
    assert "<title>SYNTHETIC DATA: simulated patients – An Invented Trial</title>" in html


def test_ids_are_single_and_every_reference_finds_one(page):
    ids = Counter(attrs["id"] for _, attrs, _ in page.elements if "id" in attrs)
    assert set(ids.values()) == {1}
    for _, attrs, _ in page.elements:
        named = [attrs[k][1:] for k in ("href", "xlink:href") if k in attrs]
        named += f"{attrs.get('aria-labelledby', '')} {attrs.get('aria-describedby', '')}".split()
        assert set(named) <= set(ids)


def test_tables_have_captions_and_headers_with_a_scope(page):
    tables = [i for i, (tag, *_) in enumerate(page.elements) if tag == "table"]
    displays = [i for i in tables if page.elements[i + 1][0] == "caption"]
    assert len(displays) == 2
    for attrs in page.all("th"):
        if "colspan" not in attrs or "scope" in attrs:
            assert attrs["scope"] in {"col", "row", "colgroup", "rowgroup"}


def test_headings_go_down_one_level_at_a_time(page):
    levels = [int(tag[1]) for tag, *_ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_what_scrolls_can_be_reached_with_the_keyboard(page):
    for _, attrs, _ in page.elements:
        if attrs.get("class") in {"scroll", "drawing"}:
            assert attrs["tabindex"] == "0"
            assert attrs["role"] == "group"
            assert attrs["aria-labelledby"]


def test_contents_lead_to_every_display(page):
    links = [attrs["href"] for tag, attrs, above in page.elements if tag == "a" and "nav" in above]
    assert links == [
        "#f1", "#t9", "#t10", "#methods", "#findings", "#exclusions", "#manifest",
    ]  # fmt: skip
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}


def test_words_of_a_declaration_cannot_become_markup(html):
    assert "White &amp; &lt;other&gt;" in html
    assert "Active &lt;A&gt;<br>(N=8)" in html
    assert "<other>" not in html
    assert "<A>" not in html


def test_each_display_says_how_it_was_computed(page):
    text = " ".join(page.text)
    for name in ("age", "race", "primary"):
        assert text.count(f"How {name} was computed.") == 1
    ids = {attrs["id"] for tag, attrs, _ in page.elements if "id" in attrs}
    links = [attrs["href"] for attrs in page.all("a") if attrs["href"].startswith("#method-")]
    assert len(links) == 6  # three analyses under each of two tables
    assert {link.removeprefix("#") for link in links} <= ids


def test_analyses_are_called_by_their_labels_and_share_a_note(report, results):
    made = report()
    notes = dict.fromkeys(results.analyses, "One way for all.")
    labels = {"age": "Age at randomisation"}
    html = report_html(type(made)(**{**vars(made), "notes": notes, "labels": labels}))
    assert html.count("<dd>One way for all.</dd>") == 1
    assert ">Age at randomisation</a></li>" in html
    assert "Age at randomisation <code>age</code>; race <code>race</code>" in html


def test_a_missing_method_note_is_said_to_be_missing(report, results, build, declared):
    made = report()
    html = report_html(type(made)(**{**vars(made), "notes": {}}))
    assert "No method note was given." in html


def test_journals_set_a_minus_and_submissions_a_hyphen(page):
    text = " ".join(page.text)
    assert text.count("29.2 (−5.1 to 50.0)") == 1
    assert text.count("29.2 (-5.1 to 50.0)") == 1


def test_footnote_marks_are_raised(html):
    assert 'Invented Results.<sup class="mark">*</sup>' in html
    assert '<p><sup class="mark">†</sup> As reported.</p>' in html


def evidence(html: str) -> dict:
    (text,) = re.findall(r'<script type="application/gzip" id="evidence">(.*?)</script>', html)
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_the_patients_behind_a_cell_are_found_by_its_pointer(report, build, declared):
    table = build(declared)
    sources = {row.source for line in table.rows for cell in line.cells for row in cell.rests_on}
    behind = dict.fromkeys(sources, (0, 2, 40))
    people = Patients(("USUBJID", "SEX"), tuple((f"S{i}", "F") for i in range(41)), behind)
    held = evidence(report_html(report(table, patients=people)))
    assert held["subjects"]["columns"] == ["USUBJID", "SEX"]
    assert held["words"][held["subjects"]["rows"][40][0][0]] == "S40"
    source = held["columns"].index("source")
    assert {row[source][0] for row in held["rows"]} == {int(key) for key in held["behind"]}
    assert set(held["behind"].values()) == {gaps((0, 2, 40))}


@pytest.mark.parametrize(
    "places", [(), (0,), (5, 6, 7), (31, 32, 64, 1000, 1033), tuple(range(0, 4000, 37))]
)
def test_places_come_back_from_their_gaps(places):
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    found, last, value, shift = [], -1, 0, 0
    for letter in gaps(places):
        bits = digits.index(letter)
        value += (bits & 31) << shift
        shift += 5
        if not bits & 32:
            last += value + 1
            found.append(last)
            value = shift = 0
    assert tuple(found) == places


def test_every_cell_finds_its_results_at_full_precision(page, html):
    held = evidence(html)
    value = held["columns"].index("value")
    values = {row[value] for row in held["rows"]}
    assert {44.65, 0.29166, 5 / 8} <= values
    used = {int(i) for attrs in page.all("td") for i in attrs.get("data-rests", "").split()}
    assert used == set(range(len(held["rows"])))


def test_a_cell_that_prints_nothing_cannot_be_asked(report, build, declared):
    row = {"label": "Flutter", "analysis": "ae", "parameter": "CARDIAC|FLUTTER",
           "zero": {"value": ""}, "cells": {"value": "{n} ({proportion:pct})"}}  # fmt: skip
    table = build({**declared, "rows": [row]})
    assert [cell.kind for cell in table.rows[0].cells][:2] == ["zero", "value"]
    cells = Page(report_html(report(table))).all("td")
    assert [cell.get("data-rests") for cell in cells] == [None, "0 1", None, None, None]


def test_evidence_cannot_close_its_script(report, build, declared, rows):
    from openlupus.results import ResultRow, Results, rows_frame

    bad = ResultRow(analysis="age", statistic="mean", value=1.0, group="active", parameter="AGE",
                    unit="</script><b>", population="mitt")  # fmt: skip
    kept = [r for r in rows if not (r.analysis == "age" and r.group == "active")]
    html = report_html(report(build(declared, results=Results(rows_frame([*kept, bad])))))
    assert "</script><b>" not in html
    assert "</script><b>" in evidence(html)["words"]


@pytest.mark.parametrize("synthetic", [True, False])
@pytest.mark.parametrize("dummy", [True, False])
def test_says_what_the_data_are_everywhere_or_nowhere(report, build, declared, synthetic, dummy):
    table = build(declared, synthetic=synthetic, dummy_arms=dummy)
    html = report_html(report(table, synthetic=synthetic, dummy_arms=dummy))
    # Title, banner, print header, caption, running head of the table.
    assert html.count("SYNTHETIC DATA") == 5 * synthetic
    assert html.count("DUMMY ARMS") == 5 * dummy
    assert ("@top-center" in html) == (synthetic or dummy)


def test_a_display_and_its_report_agree_on_what_the_data_are(report, build, declared):
    with pytest.raises(DisplayError, match="Table 9 disagree on whether"):
        report(build(declared, synthetic=False))
    with pytest.raises(DisplayError, match="Table 9 disagree on whether"):
        report(build(declared), dummy_arms=True)
    with pytest.raises(DisplayError, match="share an id: t9"):
        report(build(declared), build(declared))


def test_findings_exclusions_and_manifest(page):
    text = " ".join(" ".join(page.text).split())
    assert "one row a key" not in text
    assert "rule severity count one_row_a_key error 3" in text
    assert "No record was left out." in text
    assert "seed 7" in text
    assert "inputs sha256 dm.parquet ab12" in text


def test_says_when_there_was_nothing_to_check_or_exclude(report):
    html = report_html(report())
    assert "The records were not checked." in html
    assert "The analysis data were given, not derived." in html


def test_published_cells_and_those_without_a_place(report, build, declared):
    table = build(declared, published={("Response", "p"): "0.02", ("Nowhere", "a"): "1 (1)"})
    html = report_html(report(table))
    assert 'class="published differs"' in html
    assert "0 of 1 say the same (=)" in html
    assert "Published cells that have no cell here: Nowhere / a." in html


def test_warnings_of_results_stand_under_the_table(report, build, declared):
    row = {"label": "Change", "analysis": "ancova", "cells": {"p": "{p:p}"}}
    html = report_html(report(build({**declared, "rows": [row]})))
    assert "<li>Change, P Value: no control with a baseline</li>" in html


def test_rows_under_a_heading_are_a_row_group(html):
    table = html[html.index('<table class="grid">') : html.index("</table>")]
    bodies = table.split("<tbody>")[1:]
    assert [body.count("<tr") for body in bodies] == [1, 3, 1]
    assert 'scope="rowgroup"' in bodies[1]


def test_labels_in_the_first_of_several_stub_columns_head_a_row_group(report, build, declared):
    cells = {"value": "{mean:1}"}
    rows = [
        {"label": ["Age", "Mean"], "analysis": "age", "cells": cells},
        {"label": ["", "Again"], "analysis": "age", "cells": cells},
        {"label": ["Next", "Mean"], "analysis": "age", "cells": cells},
    ]
    html = report_html(report(build({**declared, "stub": ["", ""], "rows": rows})))
    table = html[html.index('<table class="grid">') : html.index("</table>")]
    assert [body.count("<tr") for body in table.split("<tbody>")[1:]] == [2, 1]
    assert '<th scope="rowgroup">Age</th>' in table
    assert '<th scope="row">Again</th>' in table


def test_colours_have_the_contrast_of_wcag_aa():
    colour = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", CSS))
    pairs = [
        (front, back)
        for front in ("ink", "quiet", "accent", "link")
        for back in ("paper", "stripe", "flag")
    ]
    for front, back in pairs:
        assert _contrast(colour[front], colour[back]) >= 4.5, (front, back)


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
