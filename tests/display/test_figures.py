"""Every kind of figure from invented results: what it draws, what it says, what it lists."""

import re
import xml.etree.ElementTree as ET

import pytest
from pydantic import TypeAdapter

from display.invented import FIGURES, LABELS, every, protocol
from openlupus.display import FigureModel, Source, build_figure
from openlupus.errors import DisplayError
from openlupus.protocol.figures import Figure
from openlupus.results import Results, rows_frame

PARTS = TypeAdapter(Figure)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def source() -> Source:
    return Source(protocol(), Results(rows_frame(every())), LABELS, synthetic=True)


def drawn(source: Source, shows: str, **changes) -> FigureModel:
    given = {"kind": "figure", "number": "Figure 2", "title": "Invented.", "shows": shows}
    return build_figure(PARTS.validate_python(given | FIGURES[shows] | changes), source, name="fig")


def words(figure: FigureModel) -> list[str]:
    texts = ("".join(e.itertext()) for e in ET.fromstring(figure.svg).iter(f"{SVG}text"))
    return [" ".join(text.split()) for text in texts]


def numbers(figure: FigureModel) -> dict[str, list[str]]:
    assert figure.numbers is not None
    return {row.key: [cell.text for cell in row.cells] for row in figure.numbers.rows}


@pytest.mark.parametrize("shows", FIGURES)
def test_is_vector_named_described_and_the_same_again(source, shows):
    figure = drawn(source, shows)
    root = ET.fromstring(figure.svg)
    assert root[0].text == "Invented."
    assert root[1].text == figure.description
    assert len(figure.description) > 40
    assert not list(root.iter(f"{SVG}image"))
    assert words(figure)
    assert figure.svg == drawn(source, shows).svg


@pytest.mark.parametrize("shows", FIGURES)
def test_the_table_beside_holds_the_rows_that_are_drawn(source, shows):
    table = drawn(source, shows).numbers
    assert table is not None
    cells = [cell for row in table.rows for cell in row.cells if cell.text]
    assert cells
    assert all(cell.rests_on for cell in cells)
    assert table.flags == ("SYNTHETIC DATA: simulated patients",)


@pytest.mark.parametrize("shows", FIGURES)
def test_an_analysis_that_did_not_run_is_a_fault(shows):
    empty = Source(protocol(), Results(rows_frame([])), LABELS)
    with pytest.raises(DisplayError, match=r"no analysis|no number of subjects"):
        drawn(empty, shows)


@pytest.mark.parametrize("shows", [kind for kind in FIGURES if kind != "flow"])
def test_what_could_not_be_computed_says_why_in_its_place(shows):
    from dataclasses import replace

    rows = [
        row if row.statistic in ("N", "at_risk", "events", "x")
        else replace(row, value=None, warnings="too few subjects")
        for row in every()
    ]  # fmt: skip
    figure = drawn(Source(protocol(), Results(rows_frame(rows)), LABELS), shows)
    if shows == "scatter":  # nobody has a point: there is no row to say why
        assert "Nothing could be drawn" in " ".join(words(figure))
    elif shows not in ("dot_plot", "kaplan_meier"):
        assert "too few subjects" in " ".join(words(figure))


def test_a_forest_has_a_row_a_difference_and_prints_it(source):
    figure = drawn(source, "forest")
    assert numbers(figure) == {
        "All patients": ["22/40", "14/40", "19.4 (4.4 to 34.4)"],
        "Sex": ["", "", ""],
        "Sex|Female": ["11/20", "7/20", "21.4 (-3.6 to 46.4)"],
        "Sex|Male": ["11/20", "7/20", "-0.6 (-25.6 to 24.4)"],
    }
    shown = words(figure)
    assert {"19.4 (4.4 to 34.4)", "Male", "← Placebo", "Active →"} <= set(shown)


def test_lines_have_a_point_a_visit(source):
    figure = drawn(source, "lines")
    assert numbers(figure)["Week 12"] == [
        "-3.1 (-3.8 to -2.4)", "-1.9 (-2.6 to -1.2)", "-1.0 (-1.7 to -0.3)",
    ]  # fmt: skip
    assert "Week 12: Active, 2 mg -3.1" in figure.description
    with_se = drawn(source, "lines", interval="se", digits=2)
    assert numbers(with_se)["Week 4"][2] == "-0.32 (0.35)"


def test_a_curve_counts_those_at_risk_just_before_each_mark(source):
    figure = drawn(source, "kaplan_meier")
    risk = {key: texts[1] for key, texts in numbers(figure).items()}
    assert list(risk) == ["0", "4", "8", "12"]
    held = {
        row.parameter: row.value for row in every()
        if row.analysis == "flare" and row.group == "high" and row.statistic == "at_risk"
    }  # fmt: skip
    assert risk["0"] == "40"
    assert risk["8"] == f"{held['56']:.0f}"
    assert "Hazard ratio, 2 mg vs placebo: 0.62 (0.40 to 0.97)" in words(figure)
    climbing = drawn(source, "kaplan_meier", curve="with_event")
    filled = {mark: texts for mark, texts in numbers(figure).items() if texts[0]}
    assert len(filled) >= 3
    for mark, texts in filled.items():
        up = float(numbers(climbing)[mark][0].split(" ")[0])
        down = float(texts[0].split(" ")[0])
        assert up + down == pytest.approx(100, abs=0.11), mark


def test_a_time_axis_begins_at_the_declared_day(source):
    held = numbers(drawn(source, "kaplan_meier", every=1))
    later = numbers(drawn(source, "kaplan_meier", every=1, origin=7))
    assert {mark: later[mark] for mark in ("3", "7")} == {"3": held["4"], "7": held["8"]}


def test_a_heat_map_has_a_square_for_each_pair_and_leaves_out_what_is_no_pair(source):
    table = numbers(drawn(source, "heat_map"))
    assert len(table) == 11
    assert all(len(texts) == 11 for texts in table.values())
    assert table["0"][5] == "0.040"


def test_a_dot_plot_draws_leaves_by_their_difference(source):
    table = numbers(drawn(source, "dot_plot"))
    assert list(table) == ["Rash", "Cough", "Urinary tract"]
    assert table["Rash"] == ["22.5", "15.0", "7.5", "15.0 (6.0 to 24.0)"]
    assert list(numbers(drawn(source, "dot_plot", order="results", most=1))) == ["Urinary tract"]


def test_a_flow_has_boxes_and_reasons_that_occurred(source):
    shown = " ".join(words(drawn(source, "flow")))
    for text in ("Screened (n=200)", "Not eligible (n=80)", "60 Antibodies", "Completed (n=34)",
                 "3 Adverse event", "2 withdrew"):  # fmt: skip
        assert text in shown
    assert "Lost" not in shown


def test_a_scatter_lists_who_is_beyond_a_line(source):
    figure = drawn(source, "scatter")
    assert figure.numbers is not None
    listed = [(float(row.cells[0].text), float(row.cells[1].text)) for row in figure.numbers.rows]
    assert listed
    assert all(x > 3 or y > 2 for x, y in listed)
    assert "Hy's law" in words(figure)


def test_a_dose_response_has_what_was_observed_at_the_doses_of_the_arms(source):
    table = numbers(drawn(source, "dose_response"))
    assert table["2"][0] == "55.0 (43.0 to 67.0)"
    assert table["2"][2] == "55.0 (47.0 to 63.0)"


def test_several_values_where_one_is_meant_are_refused(source):
    with pytest.raises(DisplayError, match=r"several values of subgroup|name one"):
        drawn(source, "bars", read={"analysis": "change", "visit": ""})


def test_groups_are_told_apart_without_colour(source):
    svg = drawn(source, "lines").svg
    assert len(set(re.findall(r"stroke-dasharray: ([\d., ]+)", svg))) >= 2
