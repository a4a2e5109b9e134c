"""Read a model formula: `FEV1 ~ RACE + ARMCD*AVISIT + us(AVISIT | ARMCD / USUBJID)`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from openlupus.errors import FormulaError
from openlupus.statistics.mmrm.covariance import STRUCTURES

Term = tuple[str, ...]
_TOKEN = re.compile(r"\s*(?:(`[^`]+`)|([A-Za-z_.][\w.]*)|(\d+)|([-~+*:()|/,]))")


@dataclass(frozen=True, slots=True)
class CovarianceTerm:
    """How repeated measurements of a subject hang together.

    Attributes:
        structure: One of `STRUCTURES`.
        visits: Column of the visit; or the columns of the coordinates of a spatial structure.
        subject: Column of the subject.
        group: Column of the group with a covariance of its own, or None.
    """

    structure: str
    visits: tuple[str, ...]
    subject: str
    group: str | None


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula taken apart.

    Attributes:
        text: As it was written.
        response: Column of the response.
        intercept: Whether there is one.
        terms: By degree, and in the order of writing; variables in the order of appearance.
        columns: Column of each variable of the terms.
        forced: Variables written as `factor(column)`.
        covariance: The covariance term, or None.
    """

    text: str
    response: str
    intercept: bool
    terms: tuple[Term, ...]
    columns: Mapping[str, str]
    forced: frozenset[str]
    covariance: CovarianceTerm | None


def parse(text: str) -> Formula:
    """Read a formula with the operators `+ - * :`, parentheses, `factor()` and one covariance term.

    Args:
        text: `response ~ terms`; `0` or `-1` leaves the intercept out.

    Raises:
        FormulaError: what was not understood, and where.
    """
    reader = _Reader(text, _tokens(text))
    response = reader.name("the response")
    reader.take("~")
    found = reader.sum()
    if reader.peek() is not None:
        raise reader.error("an operator")
    order = {name: k for k, name in enumerate(reader.columns)}
    terms = [tuple(sorted(term, key=order.__getitem__)) for term in found if term]
    return Formula(
        text=" ".join(text.split()),
        response=response,
        intercept=frozenset() in found,
        terms=tuple(sorted(terms, key=len)),
        columns=dict(reader.columns),
        forced=frozenset(reader.forced),
        covariance=reader.covariance,
    )


def _tokens(text: str) -> list[tuple[str, int]]:
    tokens: list[tuple[str, int]] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            at = len(text) - len(text[place:].lstrip())
            raise FormulaError(
                f"the formula {text!r} has {text[at]!r} at position {at + 1}; it may hold names,"
                " 0, 1 and ~ + - * : ( ) | / ,"
            )
        tokens.append((match[0].strip(), place))
        place = match.end()
    return tokens


_Terms = list[frozenset[str]]
_ZERO = frozenset({"0"})


@dataclass(slots=True)
class _Reader:
    """The tokens and what has been read of them."""

    text: str
    tokens: list[tuple[str, int]]
    place: int = 0
    columns: dict[str, str] = field(default_factory=dict[str, str])
    forced: set[str] = field(default_factory=set[str])
    covariance: CovarianceTerm | None = None

    def peek(self) -> str | None:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else None

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise self.error(repr(wanted))
        self.place += 1

    def error(self, wanted: str) -> FormulaError:
        found = self.peek()
        where = f"{found!r}" if found is not None else "its end"
        return FormulaError(f"the formula {self.text!r} has {where} where {wanted} is expected")

    def name(self, what: str) -> str:
        token = self.peek()
        if token is None or not re.match(r"[A-Za-z_.`]", token):
            raise self.error(what)
        self.place += 1
        return token.strip("`")

    def sum(self) -> _Terms:
        terms: _Terms = [frozenset()]
        add = True
        if self.peek() == "-":
            self.place, add = self.place + 1, False
        while True:
            for term in self._item():
                # `+ 0` says the same as `- 1`.
                kept = add != (term == _ZERO)
                own = frozenset[str]() if term == _ZERO else term
                terms = [known for known in terms if kept or known != own]
                terms += [own] if kept and own not in terms else []
            if self.peek() not in ("+", "-"):
                return terms
            add = self.peek() == "+"
            self.place += 1

    def _item(self) -> _Terms:
        terms = self._interaction()
        while self.peek() == "*":
            self.place += 1
            right = self._interaction()
            terms = _distinct([*terms, *right, *(a | b for a in terms for b in right)])
        return terms

    def _interaction(self) -> _Terms:
        terms = self._atom()
        while self.peek() == ":":
            self.place += 1
            right = self._atom()
            terms = _distinct([a | b for a in terms for b in right])
        return terms

    def _atom(self) -> _Terms:
        token = self.peek()
        if token in ("0", "1"):
            self.place += 1
            return [frozenset()] if token == "1" else [_ZERO]
        if token == "(":
            self.place += 1
            inner = [term for term in self.sum() if term]
            self.take(")")
            return inner
        name = self.name("a variable")
        if self.peek() != "(":
            self.columns.setdefault(name, name)
            return [frozenset({name})]
        self.place += 1
        if name == "factor":
            return [frozenset({self._factor()})]
        if name not in STRUCTURES:
            raise FormulaError(
                f"the formula {self.text!r} calls {name!r}; known are factor() and the covariance"
                f" structures {list(STRUCTURES)}"
            )
        self._covariance(name)
        return []

    def _factor(self) -> str:
        column = self.name("a column")
        self.take(")")
        name = f"factor({column})"
        self.columns.setdefault(name, column)
        self.forced.add(name)
        return name

    def _covariance(self, structure: str) -> None:
        if self.covariance is not None:
            raise FormulaError(f"the formula {self.text!r} has two covariance terms")
        visits = [self.name("the column of the visit")]
        while self.peek() == ",":
            self.place += 1
            visits.append(self.name("a coordinate"))
        self.take("|")
        subject, group = self.name("the column of the subject"), None
        if self.peek() == "/":
            self.place += 1
            subject, group = self.name("the column of the subject"), subject
        self.take(")")
        self.covariance = CovarianceTerm(structure, tuple(visits), subject, group)


def _distinct(terms: _Terms) -> _Terms:
    return list(dict.fromkeys(terms))
