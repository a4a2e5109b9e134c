"""Conditions joined into one, and the pointer from a result to the records that it rests on."""

import json
from typing import Any, cast

import polars as pl
from pydantic import TypeAdapter, ValidationError

from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, DerivationError
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression

OF_SUBJECT = "ADSL."
"""Before a column in a pointer: a condition on the subject of a record, not on the record."""
_WHERE: TypeAdapter[Where] = TypeAdapter(Where)


def conjunction(*conditions: Where) -> Where:
    """The condition that holds where all of these hold."""
    every: Where = {}
    for condition in conditions:
        for column, test in condition.items():
            every[column] = _both(every[column], test) if column in every else test
    return every


def _both(a: Test, b: Test) -> Test:
    if a == b:
        return a
    allowed = [_allowed(test) for test in (a, b)]
    given = [values for values in allowed if values is not None]
    meet = [v for v in given[0] if all(v in values for values in given)] if given else None
    if a.is_missing is not None and b.is_missing is not None and a.is_missing != b.is_missing:
        meet = []
    refused = [v for test in (a, b) for v in _refused(test)]
    return Test(
        one_of=None if meet is None else tuple(meet),
        none_of=tuple(dict.fromkeys(refused)) or None,
        at_least=_extreme(max, a.at_least, b.at_least),
        above=_extreme(max, a.above, b.above),
        at_most=_extreme(min, a.at_most, b.at_most),
        below=_extreme(min, a.below, b.below),
        is_missing=a.is_missing if a.is_missing is not None else b.is_missing,
    )


def _allowed(test: Test) -> tuple[str | float, ...] | None:
    if test.equals is None:
        return test.one_of
    inside = test.one_of is None or test.equals in test.one_of
    return (test.equals,) if inside else ()


def _refused(test: Test) -> tuple[str | float, ...]:
    own = () if test.not_equals is None else (test.not_equals,)
    return (*own, *(test.none_of or ()))


def _extreme(choose: Any, *bounds: float | None) -> float | None:
    given = [bound for bound in bounds if bound is not None]
    return choose(given) if given else None


def written(where: Where) -> dict[str, object]:
    """A condition as it is written in a declaration."""
    return {column: _written(test) for column, test in where.items()}


def _written(test: Test) -> object:
    given = test.model_dump(exclude_none=True)
    if list(given) == ["equals"]:
        return given["equals"]
    if list(given) == ["one_of"] and test.one_of:
        return test.one_of[0] if len(test.one_of) == 1 else list(test.one_of)
    return given


def records_behind(data: AnalysisData, source: str) -> pl.DataFrame:
    """The records that a result rests on.

    Args:
        data: The analysis data that were analysed.
        source: The result row's `source`; a column `ADSL.X` in it asks for the subject's value.

    Raises:
        AnalysisError: the pointer cannot be read, or does not fit these data.
    """
    dataset, where = _read_pointer(source)
    own = {c: test for c, test in where.items() if not c.startswith(OF_SUBJECT)}
    of_subject = {c.removeprefix(OF_SUBJECT): test for c, test in where.items() if c not in own}
    try:
        adsl, frame = data.frame("ADSL"), data.frame(dataset)
        inside = adsl.filter(expression(of_subject, adsl.schema))
        frame = frame.filter(expression(own, frame.schema))
    except DerivationError as error:
        raise AnalysisError(f"the pointer {source} does not fit these data: {error}") from None
    return frame.join(inside.select("USUBJID"), on="USUBJID", how="semi", maintain_order="left")


def _read_pointer(source: str) -> tuple[str, Where]:
    try:
        given = cast("dict[str, Any]", json.loads(source))
        return str(given["dataset"]), _WHERE.validate_python(given["where"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise AnalysisError(
            f"{source!r} is no pointer to records; take the `source` of a result row ({error})"
        ) from None
