"""What a reader of one file hands over, and how its faults are worded."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Content:
    """The rows of one file, lazily, their number, and a remark on the file (empty for most).

    A `typed` file says itself which columns are numbers; in one that does not, all is text.
    """

    frame: pl.LazyFrame
    rows: int
    remark: str = ""
    typed: bool = True


def fault(path: str, *, where: str, why: str, do: str) -> str:
    """One fault of a file, in the four parts that every message has."""
    return f"{path}: {where}\n    why  {why}\n    do   {do}"
