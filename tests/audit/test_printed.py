"""Printed numbers and cells."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.audit.printed import (
    Count,
    Estimate,
    Mean,
    Median,
    Number,
    Plain,
    Share,
    read_cell,
)


def number(text: str, *, below: bool = False) -> Number:
    return Number(Decimal(text), below)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("44/81 (54)", Count(44, 81, number("54"))),
        ("0/32", Count(0, 32)),
        ("79 (97.5)", Count(79, None, number("97.5"))),
        ("1 (<1)", Count(1, None, number("1", below=True))),
        ("55.6%", Share(number("55.6"))),
        ("46.4±11.2", Mean(number("46.4"), number("11.2"))),
        ("46.4 (11.2)", Mean(number("46.4"), number("11.2"))),
        ("−6.6 ± 0.3", Mean(number("-6.6"), number("0.3"))),
        ("9.0 (0.5–31.7)", Median(number("9.0"), number("0.5"), number("31.7"))),
        ("−5.3 (−18.4 to 8.1)", Estimate(number("-5.3"), number("-18.4"), number("8.1"))),
        ("1.4 [0.6, 2.0]", Estimate(number("1.4"), number("0.6"), number("2.0"))),
        ("<0.001", Plain(number("0.001", below=True))),
        ("0·03", Plain(number("0.03"))),
        ("—", None),
    ],
)
def test_forms_of_cells(text: str, content: object):
    assert read_cell(text) == content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("54 (93)", Mean(number("54"), number("93"))),
        ("-54 (93.1)", Mean(number("-54"), number("93.1"))),
        ("54 (93%)", Count(54, None, number("93"))),
        ("44/81 (54)", Count(44, 81, number("54"))),
    ],
)
def test_in_a_row_of_means_a_whole_number_before_a_bracket_is_one(text: str, content: object):
    assert read_cell(text, of_means=True) == content


@pytest.mark.parametrize("text", ["about ten", "44/81/2", "5 (", "±3", "1.2.3"])
def test_other_texts_are_refused_with_the_forms(text: str):
    with pytest.raises(ValueError, match="the forms are 44/81"):
        read_cell(text)


@given(st.decimals(min_value=-999, max_value=999, places=2), st.integers(0, 2))
def test_a_number_prints_what_rounds_to_it(x: Decimal, places: int):
    printed = Number(x.quantize(Decimal(1).scaleb(-places)))
    assert printed.prints(float(x))
    assert printed.decimals == places
    assert not printed.prints(float(x) + 3 * printed.half)


def test_less_than_is_between_nothing_and_the_bound():
    p = number("0.001", below=True)
    assert p.prints(0.0002)
    assert not p.prints(0.0011)
    assert str(p) == "<0.001"
