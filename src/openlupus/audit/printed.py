"""Printed numbers and cells: what a text says, and between which bounds the true value lies."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

# A number that was computed in binary may miss its decimal half by rounding.
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Number:
    """A printed number.

    Attributes:
        value: As printed; with `below`, the bound.
        below: Printed as less than the value, as `<0.001`.
    """

    value: Decimal
    below: bool = False

    @property
    def decimals(self) -> int:
        """Digits after the point; what is printed without one has none."""
        exponent = self.value.as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0

    @property
    def half(self) -> float:
        """Half of the last printed digit."""
        return 0.5 * 10.0**-self.decimals

    @property
    def low(self) -> float:
        """Least value that rounds to this number; 0 for one printed as less than a bound."""
        return 0.0 if self.below else float(self.value) - self.half

    @property
    def high(self) -> float:
        """Largest value that rounds to this number."""
        return float(self.value) if self.below else float(self.value) + self.half

    def prints(self, x: float) -> bool:
        """Whether a value may have been printed so, a half rounded either way."""
        return self.low - _SLACK <= x <= self.high + _SLACK

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return f"{'<' if self.below else ''}{self.value}"

    def like(self, x: float) -> str:
        """Another value with as many digits."""
        return f"{x + 0.0:.{self.decimals}f}"


@dataclass(frozen=True, slots=True)
class Count:
    """Patients: `44/81 (54)`, `79 (98)`, `20`; `of` is None where only the column says it."""

    n: int
    of: int | None = None
    percent: Number | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A percentage without its count, as `55.6%`."""

    percent: Number


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with what follows its plus-minus sign."""

    mean: Number
    spread: Number


@dataclass(frozen=True, slots=True)
class Median:
    """A median with its range: `9.0 (0.5-31.7)`."""

    median: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its confidence limits: `19.4 (4.1 to 33.4)`."""

    value: Number
    lower: Number
    upper: Number


@dataclass(frozen=True, slots=True)
class Plain:
    """A single number, as a P value or a mean."""

    value: Number


Content = Count | Share | Mean | Median | Estimate | Plain

_NUM = r"([<-]?\s*\d+(?:\.\d+)?)"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(rf"^{pattern}$"))
    for name, pattern in (
        ("of", rf"(\d+)/(\d+)(?:\s*\({_NUM}%?\))?"),
        ("count", rf"(\d+)\s*\({_NUM}%?\)"),
        ("share", rf"{_NUM}%"),
        ("mean", rf"{_NUM}\s*±\s*{_NUM}"),
        ("estimate", rf"{_NUM}\s*[(\[]\s*{_NUM}\s*(?:to|,|;)\s*{_NUM}\s*[)\]]"),
        ("median", rf"{_NUM}\s*[(\[]\s*{_NUM}\s*-\s*{_NUM}\s*[)\]]"),
        ("mean", rf"{_NUM}\s*\({_NUM}\)"),
        ("plain", _NUM),
    )
)
_DASHES = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-", "\u00a0": " ", "·": "."})
ABSENT = frozenset({"", "-", "—", "NA", "NC", "NE"})
"""Texts of a cell that says nothing."""


def read_cell(text: str, *, of_means: bool = False) -> Content | None:
    """What a printed cell says; None where it says nothing.

    Args:
        text: As printed.
        of_means: The cell's row holds means: `54 (93)` is one with its SD or SE, not a count.

    Raises:
        ValueError: the text is none of the known forms.
    """
    plain = " ".join(text.translate(_DASHES).split())
    if plain in ABSENT:
        return None
    for name, pattern in _FORMS:
        if of_means and name == "count" and "%" not in plain:
            continue
        if match := pattern.match(plain):
            return _content(name, match.groups())
    raise ValueError(
        f"{text!r} is no form of cell that can be read; the forms are 44/81 (54), 79 (98), 55.6%,"
        " 46.4±11.2, 9.0 (0.5–31.7) for a range, 19.4 (4.1 to 33.4) for limits, 0.01, <0.001"
    )


def _content(name: str, groups: Sequence[str | None]) -> Content:
    if name in ("of", "count"):
        first, *rest = (group for group in groups if group is not None)
        of = int(rest.pop(0)) if name == "of" else None
        return Count(int(first), of, _number(rest[0]) if rest else None)
    numbers = [_number(group) for group in groups if group is not None]
    match name:
        case "share":
            return Share(numbers[0])
        case "mean":
            return Mean(*numbers)
        case "estimate":
            return Estimate(*numbers)
        case "median":
            return Median(*numbers)
        case _:
            return Plain(numbers[0])


def _number(text: str) -> Number:
    text = text.replace(" ", "")
    return Number(Decimal(text.lstrip("<")), below=text.startswith("<"))
