"""Commands that ask: a patient, a domain, the records behind a number."""

import re
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.table import Table

from openlupus import pipeline
from openlupus.analysis import records_behind
from openlupus.cli.app import app
from openlupus.cli.shared import (
    DataFolder,
    Force,
    Lock,
    Shuffle,
    StudyName,
    chosen,
    out_console,
    run_analyse,
    run_derive,
    say,
    working,
)
from openlupus.display.pages import Page, page_html
from openlupus.errors import OpenLupusError, OutputExistsError
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression

SHOWN = 40
"""Rows shown on the screen."""

_CONDITION = re.compile(r"^(\w+)\s*(>=|<=|!=|=|>|<)\s*(.*)$")
_BOUNDS = {">=": "at_least", "<=": "at_most", ">": "above", "<": "below"}

Wanted = Annotated[
    list[str] | None,
    Parameter(help="Condition such as AESER=Y, AGE>=18 or SEX!=M; may be given several times."),
]
ToFile = Annotated[Path | None, Parameter(help="File to write: .csv or .html.")]


@app.command
def profile(
    study: StudyName,
    subject: str,
    *,
    out: Path,
    data: DataFolder = None,
    shuffle_arms: Shuffle = None,
    lock: Lock = "",
    force: Force = False,
) -> int:
    """Write the page of one patient: scores, grades, doses, events, laboratory, verdicts.

    Example: openlupus profile mytrial MYTRIAL-0001 --out patient.html
    """
    loaded = pipeline.load(study, data=data, arms=chosen(shuffle_arms, lock))
    with working("Making the profile"):
        page = pipeline.profile(loaded, subject, out=out, force=force)
    say(f"{page} written")
    return 0


@app.command
def listing(
    study: StudyName,
    domain: str,
    *,
    where: Wanted = None,
    columns: Annotated[str, Parameter(help="Columns, separated by commas; all when absent.")] = "",
    out: ToFile = None,
    data: DataFolder = None,
    shuffle_arms: Shuffle = None,
    lock: Lock = "",
    force: Force = False,
) -> int:
    """List a domain of the records or an analysis data set, or the rows that meet conditions.

    Example: openlupus listing mytrial AE --where AESER=Y --out serious.html
    """
    loaded = pipeline.load(study, data=data, arms=chosen(shuffle_arms, lock))
    with working(f"Reading {domain.upper()}"):
        frame = pipeline.listing(loaded, domain)
    condition = conditions(where or [], frame)
    frame = frame.filter(expression(condition, frame.schema))
    wanted = [name.strip() for name in columns.split(",") if name.strip()]
    if absent := [name for name in wanted if name not in frame.columns]:
        there = ", ".join(frame.columns)
        raise OpenLupusError(f"{domain.upper()} has no column {', '.join(absent)}; it has {there}")
    frame = frame.select(wanted or frame.columns)
    title = f"{domain.upper()}, {loaded.protocol.study.title}"
    dummy = domain.upper() not in (loaded.records.domains if loaded.records else ())
    told(
        frame, out, title=title, about="; ".join(where or ["all rows"]),
        dummy=dummy and loaded.arms.is_dummy, force=force,
    )  # fmt: skip
    return 0


@app.command
def records(
    study: StudyName,
    *,
    analysis: str,
    statistic: str = "",
    group: str = "",
    comparator: str = "",
    parameter: str = "",
    visit: str = "",
    subgroup: str = "",
    out: ToFile = None,
    data: DataFolder = None,
    shuffle_arms: Shuffle = None,
    lock: Lock = "",
    force: Force = False,
) -> int:
    """Say how a number of the report came about, and list the records that it rests on.

    Example: openlupus records mytrial --analysis primary --group active --statistic n --out n.csv
    """
    loaded = pipeline.load(study, data=data, arms=chosen(shuffle_arms, lock))
    derived = run_derive(loaded)
    results = run_analyse(loaded, derived, only=[analysis])
    given = {
        "analysis": analysis, "statistic": statistic, "group": group, "comparator": comparator,
        "parameter": parameter, "visit": visit, "subgroup": subgroup,
    }  # fmt: skip
    asked = {column: value for column, value in given.items() if value}
    rows = results.rows.filter(pl.col(column) == value for column, value in asked.items())
    if rows.is_empty():
        words = ", ".join(f"{column} {value!r}" for column, value in asked.items())
        raise OpenLupusError(f"the results have no row with {words}")
    _show(rows.drop("analysis", "source"), title="Results")
    say(results.notes.get(analysis, ""))
    sources = rows["source"].unique(maintain_order=True).to_list()
    if len(sources) > 1:
        say(f"{len(sources)} pointers to records; narrow the question to list those of one number.")
        return 0
    say(f"Records: {sources[0]}")
    found = records_behind(derived, sources[0])
    told(
        found, out, title=f"Records behind {analysis}", about=sources[0],
        dummy=derived.arms.is_dummy, force=force,
    )  # fmt: skip
    return 0


def conditions(words: list[str], frame: pl.DataFrame) -> Where:
    """Conditions from the command line; a column of numbers is compared with a number."""
    where: Where = {}
    for text in words:
        parts = _CONDITION.match(text)
        if parts is None:
            raise OpenLupusError(f"--where {text} is not COLUMN=VALUE (or >=, <=, >, <, !=)")
        column, sign, given = parts.groups()
        numeric = column in frame.columns and frame.schema[column].is_numeric()
        try:
            value: str | float = float(given) if numeric or sign in _BOUNDS else given
        except ValueError:
            raise OpenLupusError(f"--where {text}: {given!r} is not a number") from None
        test = {"=": "equals", "!=": "not_equals", **_BOUNDS}[sign]
        before = where.get(column, Test()).model_dump(exclude_none=True)
        where[column] = Test.model_validate({**before, test: value})
    return where


def told(
    frame: pl.DataFrame, out: Path | None, *, title: str, about: str, dummy: bool, force: bool
) -> None:
    """Rows on the screen, or in a file of the kind that its name says."""
    if out is None:
        _show(frame.head(SHOWN), title=title)
        more = f", the first {SHOWN} shown; --out FILE writes all" if frame.height > SHOWN else ""
        say(f"{frame.height:,} rows{more}")
        return
    if out.exists() and not force:
        raise OutputExistsError(f"{out} is there already; give --force to overwrite it")
    out.parent.mkdir(parents=True, exist_ok=True)
    match out.suffix.lower():
        case ".csv":
            frame.write_csv(out)
        case ".html":
            ids = (
                frame["STUDYID"].cast(pl.String) if "STUDYID" in frame.columns else pl.Series([""])
            )
            page = Page(
                title=title, subtitle=about, tables=((f"{frame.height:,} rows", frame),),
                synthetic=bool(ids.str.contains("SYNTHETIC").any()), dummy_arms=dummy,
            )  # fmt: skip
            out.write_text(page_html(page), encoding="utf-8")
        case _:
            raise OpenLupusError(f"{out}: a listing is written as .csv or .html")
    say(f"{frame.height:,} rows: {out}")


def _show(frame: pl.DataFrame, *, title: str) -> None:
    table = Table(title=title, title_justify="left")
    for column in frame.columns:
        table.add_column(column, overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*("" if value is None else str(value) for value in row))
    out_console.print(table)
