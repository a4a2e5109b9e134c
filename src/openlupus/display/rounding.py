"""The one place that rounds.

The declared rule: a value is first taken to its 12 significant decimal digits, then rounded half
away from zero at the digits asked for, as SAS prints. The first step lets a decimal half that
binary arithmetic has missed by its last bits (a mean of 42.65 computed as 42.649999999999999) count
as the half that it is; it moves nothing that differs from a half by more than one part in 10^11.
A result that rounds to zero has no sign.

A format may declare the other rule, `ties = "even"`: the exact binary value, ties to even, as R and
C print it. It is there to lay cells beside tables that were printed so.
"""

import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from functools import partial
from types import MappingProxyType
from typing import Literal

from openlupus.protocol.displays import Format

Style = Literal["journal", "regulatory"]
Ties = Literal["away", "even"]
Printer = Callable[[float], str]

SIGNIFICANT_DIGITS = 12

_TAKE = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_EVEN)
# Wide enough for every float64, so that no quantisation can overflow the context.
_AWAY = Context(prec=1100, rounding=ROUND_HALF_UP)
_EVEN = Context(prec=1100, rounding=ROUND_HALF_EVEN)
_BOUND = re.compile(r"\s*[<>]\s*(\d*\.?\d+)\s*$")


def rounded(value: float, digits: int, *, shift: int = 0, ties: Ties = "away") -> Decimal:
    """A finite value times 10**shift, rounded to `digits` decimals by the rule of `ties`."""
    number, step = float(value), Decimal(1).scaleb(-digits)
    if ties == "even":
        result = Decimal(number).scaleb(shift, _EVEN).quantize(step, context=_EVEN)
    else:
        exact = Decimal(int(number)) if number.is_integer() else _TAKE.create_decimal(repr(number))
        result = exact.scaleb(shift, _AWAY).quantize(step, context=_AWAY)
    return result if result else abs(result)


def number(
    value: float, *, digits: int, leading_zero: bool = True, shift: int = 0, ties: Ties = "away"
) -> str:
    """A number with `digits` decimals; `shift` 2 prints a proportion per cent."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = format(rounded(value, digits, shift=shift, ties=ties), "f")
    return text if leading_zero else re.sub(r"^(-?)0\.", r"\1.", text)


def percent(
    value: float,
    *,
    digits: int,
    small: str = "",
    leading_zero: bool = True,
    ties: Ties = "away",
) -> str:
    """A proportion per cent; `small` instead of a positive one that would print as 0."""
    if small and value > 0 and not rounded(value, digits, shift=2):
        return small
    if ties == "even":
        # R's programs take 100 times the proportion, in binary, and print that.
        return number(100 * value, digits=digits, leading_zero=leading_zero, ties=ties)
    return number(value, digits=digits, leading_zero=leading_zero, shift=2)


def p_value(
    value: float,
    *,
    digits: int,
    low: str = "",
    high: str = "",
    star_below: float | None = None,
    leading_zero: bool = True,
) -> str:
    """A P value.

    Args:
        value: In 0-1.
        digits: Decimals.
        low: Printed instead of a value below the bound that the text itself names (`<0.001`).
        high: Printed instead of a value above the bound that the text itself names (`>.99`).
        star_below: An asterisk follows a value below this one.
        leading_zero: `0.04` rather than `.04`.
    """
    if low and value < _bound(low, otherwise=0.5 * 10**-digits):
        text = low
    elif high and value > _bound(high, otherwise=1 - 0.5 * 10**-digits):
        text = high
    else:
        text = number(value, digits=digits, leading_zero=leading_zero)
    return text + "*" if star_below is not None and value < star_below else text


def journal_p(value: float) -> str:
    """A P value as a medical journal prints it: two decimals, three below 0.01, then `<0.001`."""
    digits = 2 if rounded(value, 3) >= Decimal("0.01") else 3
    return p_value(value, digits=digits, low="<0.001", high=">0.99")


def regulatory_p(value: float) -> str:
    """A P value as SAS prints it by PVALUE6.4."""
    return p_value(value, digits=4, low="<.0001")


def printed(value: float, form: Format) -> str:
    """A value by a declared format."""
    zero = form.leading_zero
    match form.kind:
        case "number":
            return number(value, digits=form.digits, leading_zero=zero, ties=form.ties)
        case "points":
            return number(value, digits=form.digits, leading_zero=zero, shift=2)
        case "percent":
            return percent(
                value, digits=form.digits, small=form.small, leading_zero=zero, ties=form.ties
            )
        case "p":
            return p_value(
                value,
                digits=form.digits,
                low=form.low,
                high=form.high,
                star_below=form.star_below,
                leading_zero=zero,
            )


_COMMON: Mapping[str, Printer] = MappingProxyType(
    {
        **{str(digits): partial(number, digits=digits) for digits in range(5)},
        "int": partial(number, digits=0),
        "pct": partial(percent, digits=0, small="<1"),
        "pct1": partial(percent, digits=1, small="<0.1"),
        "pp1": partial(number, digits=1, shift=2),
    }
)
_P: Mapping[str, Printer] = MappingProxyType({"journal": journal_p, "regulatory": regulatory_p})


def printers(declared: Mapping[str, Format], *, style: Style) -> Mapping[str, Printer]:
    """Every format that a table can name: the built-in ones, the style's `p`, the declared ones."""
    own = {name: partial(printed, form=form) for name, form in declared.items()}
    return MappingProxyType({**_COMMON, "p": _P[style], **own})


def _bound(text: str, *, otherwise: float) -> float:
    found = _BOUND.match(text)
    return float(found[1]) if found else otherwise
