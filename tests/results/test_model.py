"""What results are, what is turned away, and in what order they stand."""

import json
from dataclasses import fields

import polars as pl
import pytest

from openlupus.errors import ResultsError
from openlupus.results import COLUMNS, KEY, SCHEMA, ResultRow, Results, concat, pointer, rows_frame


def row(**given) -> ResultRow:
    return ResultRow(**({"analysis": "a", "statistic": "n", "value": 1.0} | given))


def results(*rows: ResultRow, **notes: str) -> Results:
    return Results(rows_frame(rows), notes)


def test_a_row_has_the_columns_of_the_joint_in_their_order():
    assert tuple(f.name for f in fields(ResultRow)) == COLUMNS
    assert COLUMNS == (
        "analysis", "method", "population", "visit", "parameter", "group", "comparator",
        "subgroup", "statistic", "value", "unit", "n", "warnings", "source",
    )  # fmt: skip
    assert rows_frame([row()]).schema == pl.Schema(dict(SCHEMA))
    assert rows_frame([]).schema == pl.Schema(dict(SCHEMA))


def test_values_keep_every_bit():
    values = [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308]
    made = results(*(row(parameter=str(i), value=v) for i, v in enumerate(values)))
    assert made.rows["value"].to_list() == values


def test_a_nan_becomes_a_null_that_must_be_explained():
    made = results(row(value=float("nan"), warnings="no subject"))
    assert made.rows["value"].to_list() == [None]
    with pytest.raises(ResultsError, match="no warning says why"):
        results(row(value=float("nan")))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param([row(), row()], "key is that of another row: 2 rows", id="key-twice"),
        pytest.param([row(analysis="")], "no analysis is named", id="no-analysis"),
        pytest.param([row(statistic="")], "no statistic is named", id="no-statistic"),
        pytest.param([row(source="ADSL")], "is not JSON", id="source"),
        pytest.param([row(group=None)], "column 'group' is null", id="null-text"),
    ],
)
def test_refuses(rows, words):
    with pytest.raises(ResultsError, match=words):
        results(*rows)


def test_refuses_other_columns_and_types():
    frame = rows_frame([row()])
    with pytest.raises(ResultsError, match="columns are"):
        Results(frame.drop("unit"))
    with pytest.raises(ResultsError, match="column 'value' is String; it must be Float64"):
        Results(frame.with_columns(pl.col("value").cast(pl.String)))


def test_rows_that_differ_in_any_part_of_the_key_stand_together():
    made = results(row(), *(row(**{part: "other"}) for part in KEY))
    assert len(made.rows) == 1 + len(KEY)


def test_find_takes_every_method_and_population_of_a_statistic():
    made = results(
        row(group="g", parameter="p"),
        row(group="g", parameter="p", method="second", value=2.0),
        row(group="h", parameter="p", value=3.0),
    )
    found = made.find(analysis="a", statistic="n", group="g", parameter="p")
    assert [r.value for r in found] == [1.0, 2.0]
    assert made.find(analysis="a", statistic="n", group="g") == ()


def test_values_are_listed_in_order_of_appearance():
    made = results(*(row(parameter=p) for p in ("b", "a", "c")))
    assert made.values("a", "parameter") == ("b", "a", "c")
    assert made.values("a", "visit") == ("",)
    assert made.values("unknown", "visit") == ()


def test_concat_keeps_analyses_together_in_the_declared_order():
    first = results(row(analysis="b", parameter="2"), row(analysis="a"), b="note b")
    second = results(row(analysis="c"), row(analysis="b", parameter="1"), c="note c", b="note b")
    joined = concat([first, second], order=["c", "b"])
    rows = joined.rows.select("analysis", "parameter").rows()
    assert rows == [("c", ""), ("b", "2"), ("b", "1"), ("a", "")]
    assert list(joined.notes) == ["c", "b"]


def test_concat_refuses_two_notes_of_one_analysis():
    with pytest.raises(ResultsError, match="two method notes"):
        concat([results(a="one"), results(a="two")])


def test_concat_of_nothing_is_empty_results():
    assert concat([]).analyses == ()


def test_an_analysis_without_rows_is_known_by_its_note():
    assert results(row(), quiet="ran, nothing to count").analyses == ("a", "quiet")


def test_a_pointer_is_json_of_data_set_and_condition():
    text = pointer("ADRESP", {"PARAMCD": "SRI4", "AVISIT": "Woche 24 ü"})
    assert json.loads(text) == {
        "dataset": "ADRESP",
        "where": {"PARAMCD": "SRI4", "AVISIT": "Woche 24 ü"},
    }
    results(row(source=text))
