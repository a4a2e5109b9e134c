"""Two sets of results against each other."""

from openlupus.results import ResultRow, Results, differences, equal, rows_frame


def results(values: dict[str, float | None], note: str = "") -> Results:
    rows = [
        ResultRow(analysis="a", statistic=name, value=value, warnings="" if value else "none")
        for name, value in values.items()
    ]
    return Results(rows_frame(rows), {"a": note})


def listed(left: Results, right: Results, **tolerance: float):
    return (
        differences(left, right, **tolerance).select("statistic", "where", "left", "right").rows()
    )


def test_the_same_results_have_no_differences():
    made = results({"n": 1.0, "mean": None, "upper": float("inf")})
    assert listed(made, made) == []
    assert equal(made, made)


def test_every_kind_of_difference_is_a_row():
    left = results({"same": 1.0, "moved": 2.0, "gone": 3.0, "lost": 4.0})
    right = results({"new": 5.0, "lost": None, "moved": 2.5, "same": 1.0})
    assert listed(left, right) == [
        ("moved", "both", 2.0, 2.5),
        ("gone", "left", 3.0, None),
        ("lost", "both", 4.0, None),
        ("new", "right", None, 5.0),
    ]
    assert not equal(left, right)


def test_tolerances_forgive_up_to_their_bound():
    left, right = results({"p": 100.0}), results({"p": 101.0})
    assert listed(left, right, relative=0.01) == []
    assert listed(left, right, absolute=1.0) == []
    assert len(listed(left, right, relative=0.009, absolute=0.9)) == 1


def test_equal_is_to_the_last_bit_and_in_order():
    assert not equal(results({"p": 0.3}), results({"p": 0.1 + 0.2}))
    assert not equal(results({"a": 1.0, "b": 2.0}), results({"b": 2.0, "a": 1.0}))
    assert not equal(results({"a": 1.0}, "one"), results({"a": 1.0}, "two"))
