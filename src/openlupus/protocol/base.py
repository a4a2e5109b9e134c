"""What every part of a declaration shares: frozen, closed to unknown fields."""

from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]


class Part(BaseModel):
    """A part of a declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Test(Part):
    """What a column's value must satisfy; every bound that is given must hold.

    Comparisons with a missing value are false; `is_missing` asks for it.
    """

    __test__ = False

    equals: str | float | None = None
    not_equals: str | float | None = None
    one_of: tuple[str | float, ...] | None = None
    none_of: tuple[str | float, ...] | None = None
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    is_missing: bool | None = None


def _as_test(value: Any) -> Any:
    """`"F"` means equals, `["A", "B"]` means one of; a table is a test already."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return {"equals": value}
    if isinstance(value, (list, tuple)):
        return {"one_of": tuple(cast("tuple[str | float, ...]", value))}
    return value


Where = dict[str, Annotated[Test, BeforeValidator(_as_test)]]
"""A condition: column to test, all of which must hold. The empty condition always holds."""
