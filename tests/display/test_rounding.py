"""What is printed for a number: half away from zero, on the decimal that was meant."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.display.rounding import (
    journal_p,
    number,
    percent,
    printed,
    printers,
    regulatory_p,
    rounded,
)
from openlupus.protocol.displays import Format


@pytest.mark.independent
def test_a_mean_of_42_65_prints_as_sas_prints_it():
    """CDISC pilot, table 14-2.01: the mean duration of disease on placebo is exactly 42.65."""
    for computed in (42.65, 42.649999999999984, 42.65000000000002, 3667.9 / 86):
        assert number(computed, digits=1) == "42.7"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.5, 0, "1"), (1.5, 0, "2"), (2.5, 0, "3"), (-0.5, 0, "-1"), (-2.5, 0, "-3"),
        (0.05, 1, "0.1"), (0.15, 1, "0.2"), (0.25, 1, "0.3"), (0.35, 1, "0.4"), (0.45, 1, "0.5"),
        (1.005, 2, "1.01"), (2.675, 2, "2.68"), (1.0049999, 2, "1.00"), (8.345, 2, "8.35"),
        (-0.04, 1, "0.0"), (-0.0, 0, "0"), (-0.05, 1, "-0.1"), (-0.049999, 1, "0.0"),
        (12, 0, "12"), (12, 2, "12.00"), (1234567.0, 0, "1234567"), (1e22, 0, "1" + "0" * 22),
        (0.1 + 0.2, 1, "0.3"), (1e-9, 4, "0.0000"), (5e-324, 1, "0.0"), (99.95, 1, "100.0"),
    ],
)  # fmt: skip
def test_numbers(value, digits, text):
    assert number(value, digits=digits) == text


@given(st.integers(-(10**9), 10**9), st.integers(1, 6))
def test_agrees_with_whole_number_arithmetic(units, digits):
    """A decimal with `digits` decimals, printed with one fewer, against integers alone."""
    value = units / 10**digits
    tens = (abs(units) + 5) // 10 * (1 if units > 0 else -1)
    assert rounded(value, digits - 1) == Decimal(tens).scaleb(1 - digits)


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_moves_a_value_by_half_a_unit_at_most(value, digits):
    taken = abs(value) * 5e-12  # what the step to 12 significant digits may move
    assert abs(float(rounded(value, digits)) - value) <= 0.5 * 10**-digits * (1 + 1e-9) + taken


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_is_symmetric_about_zero(value, digits):
    assert rounded(-value, digits) == -rounded(value, digits)


def test_infinity_is_printed_as_such():
    assert number(float("inf"), digits=1) == "∞"
    assert number(float("-inf"), digits=1) == "-∞"


@pytest.mark.parametrize(
    ("value", "digits", "small", "text"),
    [
        (1 / 205, 0, "<1", "<1"), (0.005, 0, "<1", "1"), (0.0, 0, "<1", "0"), (1.0, 0, "<1", "100"),
        (1 / 205, 0, "", "0"), (0.145, 0, "", "15"), (0.0049999999999, 0, "<1", "<1"),
        (0.0004, 1, "<0.1", "<0.1"), (65 / 86, 1, "", "75.6"), (44 / 81, 0, "<1", "54"),
        (0.125, 0, "", "13"), (0.285, 0, "", "29"), (0.575, 0, "", "58"),
    ],
)  # fmt: skip
def test_proportions_per_cent(value, digits, small, text):
    assert percent(value, digits=digits, small=small) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50"), (0.0104, "0.01"), (0.0149, "0.01"), (0.015, "0.02"), (0.0096, "0.01"),
        (0.0094, "0.009"), (0.001, "0.001"), (0.00099999, "<0.001"), (0.0, "<0.001"),
        (0.9901, ">0.99"), (0.99, "0.99"), (1.0, ">0.99"), (0.051, "0.05"), (0.045, "0.05"),
    ],
)  # fmt: skip
def test_p_values_of_a_journal(value, text):
    assert journal_p(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5934, "0.5934"), (0.00005, "<.0001"), (0.0001, "0.0001"), (1.0, "1.0000")],
)
def test_p_values_of_a_submission(value, text):
    assert regulatory_p(value) == text


FISHER = Format(kind="p", digits=3, high=">.99", star_below=0.15)


@pytest.mark.independent
@pytest.mark.parametrize(
    ("value", "text"),
    # As table 14-5.01 of the CDISC pilot prints P values of each of these kinds.
    [(0.831, "0.831"), (0.0967, "0.097*"), (0.9949, ">.99"), (1.0, ">.99"), (0.0003, "0.000*")],
)
def test_declared_p_values(value, text):
    assert printed(value, FISHER) == text


def test_a_bound_is_the_one_that_its_text_names():
    form = Format(kind="p", digits=2, low="<0.005")
    assert printed(0.0049, form) == "<0.005"
    assert printed(0.005, form) == "0.01"


def test_declared_numbers_percentages_and_points():
    assert printed(0.194, Format(kind="points", digits=1)) == "19.4"
    assert printed(-0.0004, Format(kind="points", digits=1)) == "0.0"
    assert printed(0.456, Format(digits=2, leading_zero=False)) == ".46"
    assert printed(-0.456, Format(digits=2, leading_zero=False)) == "-.46"
    assert printed(10.5, Format(digits=0, leading_zero=False)) == "11"
    assert printed(0.001, Format(kind="percent", digits=0, small="<1")) == "<1"


def test_every_named_format_prints():
    for style, p in (("journal", "0.01"), ("regulatory", "0.0125")):
        known = printers({"own": FISHER}, style=style)
        got = {name: form(0.0125) for name, form in known.items()}
        assert got == {
            "0": "0", "1": "0.0", "2": "0.01", "3": "0.013", "4": "0.0125", "int": "0",
            "pct": "1", "pct1": "1.3", "pp1": "1.3", "p": p, "own": "0.013*",
        }  # fmt: skip
