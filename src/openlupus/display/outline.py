"""The rows of a table as an outline: which parameters a row stands for, what stands under what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openlupus.errors import DisplayError
from openlupus.protocol.displays import Row
from openlupus.results import Results

LEVELS = "|"
"""Joins the levels of a hierarchical parameter, and of a row's key."""


MARKS = r"[*†‡§¶‖∥]+"
"""Footnote marks, at the end of a label or title."""


def unmarked(text: str) -> str:
    """A label or title on one line, without its trailing footnote mark."""
    return re.sub(rf"{MARKS}$", "", text.replace("\n", " "))


@dataclass(frozen=True)
class Line:
    """A row to print: the declared row, and exactly which results it takes."""

    row: Row
    parameter: str = ""
    visit: str = ""
    subgroup: str = ""


@dataclass(frozen=True)
class Place:
    """Where a line stands: its labels, one a stub column; its key; what it is grouped under.

    `group` is the outermost heading; without one, and where there are several stub columns, the
    label in the first of them.
    """

    labels: tuple[str, ...]
    key: str
    group: str


def label_of(row: Row) -> str:
    """The row's label as one text."""
    return row.label if isinstance(row.label, str) else " ".join(row.label).strip()


def expand(row: Row, results: Results, *, labels: Mapping[str, str]) -> list[Line]:
    """The lines of a declared row: itself, or one for each parameter of its analysis.

    With `parameter` given, an expanded row stands for what lies under that parameter. A parameter
    whose parent has no row of its own is preceded by the parent as a heading.
    """
    if not row.analysis:
        return [Line(row)]
    visit = _meant(row.visit, results.values(row.analysis, "visit"), row, "visit")
    subgroup = _meant(row.subgroup, results.values(row.analysis, "subgroup"), row, "subgroup")
    parameters = results.values(row.analysis, "parameter")
    if not row.expand:
        parameter = _meant(row.parameter, parameters, row, "parameter")
        return [Line(row, parameter, visit, subgroup)]
    under = f"{row.parameter}{LEVELS}" if row.parameter else ""
    return [
        _expanded(row, parameter, visit, subgroup, depth=depth, labels=labels, heads=heads)
        for parameter, depth, heads in _with_parents(parameters, under=under)
    ]


def _with_parents(parameters: Sequence[str], *, under: str) -> list[tuple[str, int, bool]]:
    """Parameters under a prefix with their depth, and whether each is only a heading."""
    shown: dict[str, tuple[int, bool]] = {}
    for parameter in parameters:
        if not parameter.startswith(under) or not parameter:
            continue
        levels = parameter.removeprefix(under).split(LEVELS)
        for depth in range(len(levels)):
            name = under + LEVELS.join(levels[: depth + 1])
            if name not in shown:
                shown[name] = (depth, name not in parameters)
    return [(name, depth, heads) for name, (depth, heads) in shown.items()]


def _expanded(
    row: Row,
    parameter: str,
    visit: str,
    subgroup: str,
    *,
    depth: int,
    labels: Mapping[str, str],
    heads: bool,
) -> Line:
    last = parameter.rsplit(LEVELS, 1)[-1]
    label = labels.get(parameter, labels.get(last, last))
    shown = row.model_copy(
        update={
            "label": label,
            "indent": row.indent + depth,
            "heading": heads,
            "cells": {} if heads else row.cells,
        }
    )
    return Line(shown, parameter, visit, subgroup)


def _meant(given: str, there: Sequence[str], row: Row, what: str) -> str:
    """The value that a row means: the one it gives, the empty one, or the only one there is."""
    if given or not there or "" in there:
        return given
    if len(there) == 1:
        return there[0]
    raise DisplayError(
        f"row {label_of(row)!r}: analysis {row.analysis!r} has several values of {what}"
        f" ({', '.join(there)}); name one"
    )


def keyed(lines: Sequence[Line], *, stubs: int) -> list[Place]:
    """Where each line stands.

    A row stands under the nearest row above that is indented less. A heading that is followed by
    rows of its own indent (or less) holds those up to the next heading.
    """
    places: list[Place] = []
    above: list[tuple[Line, str, bool]] = []
    filled = [""] * stubs
    for i, line in enumerate(lines):
        while above and not _holds(above[-1], line):
            above.pop()
        labels, filled = _labels(line.row, filled)
        own = LEVELS.join(unmarked(text) for text in filled if text)
        group = above[0][1] if above and above[0][0].row.heading else ""
        if not group and stubs > 1 and not line.row.heading:
            group = filled[0]
        places.append(Place(labels, LEVELS.join([*(label for _, label, _ in above), own]), group))
        after = lines[i + 1].row if i + 1 < len(lines) else None
        level = after is not None and not after.heading and after.indent <= line.row.indent
        above.append((line, own, line.row.heading and level))
    return places


def _holds(above: tuple[Line, str, bool], line: Line) -> bool:
    parent, _, level = above
    if level and not line.row.heading and line.row.indent <= parent.row.indent:
        return True
    return line.row.indent > parent.row.indent


def _labels(row: Row, filled: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """The printed labels, and the same with blank leading ones taken from the row above."""
    given = (row.label,) if isinstance(row.label, str) else row.label
    labels = (*given, *[""] * (len(filled) - len(given)))
    first = next((i for i, text in enumerate(labels) if text), 0)
    return labels, [*filled[:first], *labels[first:]]
