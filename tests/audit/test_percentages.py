"""Percentages under every rule of rounding."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.audit import Column, Published
from openlupus.audit.model import Cell
from openlupus.audit.percentages import RULES, percentages, rounded, rounding_rule, shares
from openlupus.audit.printed import read_cell


def table(texts: list[str], n: int) -> Published:
    cells = [Cell("t", str(i), "a", text, content) for i, text in enumerate(texts)
             if (content := read_cell(text)) is not None]  # fmt: skip
    return Published("", {"a": Column("a", "A", n)}, tuple(cells))


@pytest.mark.parametrize(("rule", "expected"), [
    ("half up", "13"), ("half to even", "12"), ("half down", "12"), ("truncation", "12"),
    ("rounding up", "13"),
])  # fmt: skip
def test_the_half(rule: str, expected: str):
    assert str(rounded(rule, 1, 8, 0)) == expected


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_is_found_and_every_cell_follows_it(rule: str):
    texts = [f"{n} ({rounded(rule, n, 56, 0)})" for n in range(57)]
    found = table(texts, 56)
    assert rounding_rule(found) == (rule, 57, 57)
    assert {f.verdict for f in percentages(found)} == {"ok"}


def test_a_percentage_that_no_count_gives_is_a_misprint():
    (finding,) = percentages(table(["56 (68)"], 83))
    assert (finding.verdict, finding.recomputed) == ("misprint", "67")


def test_a_percentage_of_another_count_is_inconsistent_and_says_which():
    (finding,) = percentages(table(["20 (54)"], 40))
    assert finding.verdict == "misprint"  # no count of 40 gives 54%
    (finding,) = percentages(table(["20 (55)"], 40))
    assert finding.verdict == "inconsistent"
    assert "22 of 40" in finding.why


@pytest.mark.parametrize(("text", "verdict"), [
    ("1 (<1)", "ok"), ("3 (<1)", "inconsistent"), ("0 (<1)", "inconsistent"),
])  # fmt: skip
def test_less_than_one_per_cent(text: str, verdict: str):
    (finding,) = percentages(table([text], 205))
    assert finding.verdict == verdict


@pytest.mark.parametrize(("text", "verdict"), [("55.6%", "ok"), ("55.7%", "inconsistent")])
def test_a_percentage_without_its_count(text: str, verdict: str):
    (finding,) = shares(table([text], 81))
    assert finding.verdict == verdict


@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 2), st.sampled_from(list(RULES)))
def test_rounding_moves_by_less_than_a_digit(of: int, n: int, places: int, rule: str):
    off = rounded(rule, n, of, places) - Fraction(100 * n, of)
    assert abs(off) < Fraction(1, 10**places)
    if rule.startswith("half"):
        assert abs(off) <= Fraction(1, 2 * 10**places)
