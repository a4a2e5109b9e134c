"""Formulas: what is read, and the words when it cannot be."""

import pytest

from openlupus.errors import FormulaError
from openlupus.modelling.formula import parse


@pytest.mark.parametrize(
    ("text", "terms", "intercept"),
    [
        ("y ~ 1", [], True),
        ("y ~ a + b", [("a",), ("b",)], True),
        ("y ~ a * b", [("a",), ("b",), ("a", "b")], True),
        ("y ~ a:b + a", [("a",), ("a", "b")], True),
        ("y ~ r + x * v + a * v", [("r",), ("x",), ("v",), ("a",), ("x", "v"), ("v", "a")], True),
        ("y ~ (a + b) * c", [("a",), ("b",), ("c",), ("a", "c"), ("b", "c")], True),
        (
            "y ~ a * b * c - a:b:c",
            [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")],
            True,
        ),
        ("y ~ 0 + a", [("a",)], False),
        ("y ~ a - 1", [("a",)], False),
        ("y ~ -1 + a", [("a",)], False),
        ("y ~ a + a", [("a",)], True),
        ("`the y` ~ `an a`", [("an a",)], True),
        ("y ~ factor(week)", [("factor(week)",)], True),
    ],
)
def test_terms(text: str, terms: list, intercept: bool) -> None:
    got = parse(text)
    assert list(got.terms) == terms
    assert got.intercept == intercept


def test_covariance_terms() -> None:
    got = parse("y ~ a + us(v | id)").covariance
    assert (got.structure, got.visits, got.subject, got.group) == ("us", ("v",), "id", None)
    got = parse("y ~ a + toeph(v | arm / id) + b")
    assert got.covariance.group == "arm"
    assert got.terms == (("a",), ("b",))
    got = parse("y ~ sp_exp(day, hour | id)").covariance
    assert got.visits == ("day", "hour")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "its end where the response"),
        ("y", "its end where '~'"),
        ("y ~", "its end where a variable"),
        ("y ~ a +", "its end where a variable"),
        ("y ~ a b", "'b' where an operator"),
        ("y ~ (a + b", r"its end where '\)'"),
        ("y ~ log(x)", "calls 'log'"),
        ("y ~ a ^ 2", r"'\^' at position 7"),
        ("y ~ us(v)", r"'\)' where '\|'"),
        ("y ~ us(v | id) + ar1(v | id)", "two covariance terms"),
    ],
)
def test_refuses_what_it_cannot_read(text: str, words: str) -> None:
    with pytest.raises(FormulaError, match=words):
        parse(text)
