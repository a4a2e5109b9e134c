"""What a check says about a printed cell."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

from openlupus.audit.model import Cell

Verdict = Literal["ok", "inconsistent", "cannot tell", "misprint"]
VERDICTS: tuple[Verdict, ...] = ("misprint", "inconsistent", "cannot tell", "ok")
"""Worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of one cell, or of what several say together.

    Attributes:
        check: Name of the check; its page is docs/methods/audit.md.
        row, column: Empty where the finding is about more than one.
        printed: As the paper has it.
        recomputed: What the other numbers give, with as many digits.
        verdict: `misprint` where the other numbers single out this one as wrong; `inconsistent`
            where numbers contradict each other and either may be wrong; `cannot tell` where what is
            printed does not decide.
        why: In words.
        remark: The verdict is `ok`, and yet a reader wants to know (a method that was found out).
    """

    check: str
    table: str
    row: str = ""
    column: str = ""
    printed: str
    recomputed: str
    verdict: Verdict
    why: str
    remark: bool = False


def about(
    check: str, cell: Cell, recomputed: str, verdict: Verdict, why: str, *, remark: bool = False
) -> Finding:
    """A finding about one cell."""
    return Finding(
        check=check, table=cell.table, row=cell.row, column=cell.column, printed=cell.text,
        recomputed=recomputed, verdict=verdict, why=why, remark=remark,
    )  # fmt: skip


def findings_frame(findings: Iterable[Finding]) -> pl.DataFrame:
    """Findings as a frame, one a row."""
    names = Finding.__dataclass_fields__
    schema = {name: pl.Boolean if name == "remark" else pl.String for name in names}
    return pl.DataFrame([asdict(each) for each in findings], schema=schema)
