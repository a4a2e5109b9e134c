"""The rows of a table as an outline: which parameters a row stands for, what stands under what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Bound:
    """What the blocks around a row have fixed."""

    analysis: str = ""
    levels: tuple[str, ...] = ()
    group: str | None = None
    visit: str = ""
    subgroup: str = ""


def expand(
    row: Row,
    results: Results,
    *,
    labels: Mapping[str, str],
    ends: Sequence[str] = (),
    bound: Bound | None = None,
) -> list[Line]:
    """The lines of a declared row: itself, or one for each parameter of its analysis, or for each
    of what it goes over.

    With `parameter` given, an expanded row stands for what lies under that parameter. A parameter
    whose parent has no row of its own is preceded by the parent as a heading.

    Args:
        row: As declared.
        results: Where the parameters, groups, visits and subgroups are found.
        labels: Level, group, visit or subgroup to its printed words.
        ends: Last levels of parameters that columns take themselves.
        bound: What the blocks around the row have fixed.
    """
    at = bound or Bound()
    at = replace(at, analysis=row.analysis or at.analysis)
    if at.analysis in results.failed and not row.heading:
        named = label_of(row) if "{" not in label_of(row) else ""
        alone = {"analysis": at.analysis, "label": named or at.analysis, "over": (), "rows": ()}
        return [Line(row.model_copy(update=alone))]
    if row.over or row.rows:
        return [
            line
            for each in _bindings(row.over, at, results, ends)
            for line in _within(row, results, each, labels=labels, ends=ends)
        ]
    if not at.analysis:
        return [Line(row)]
    row = row.model_copy(update={"analysis": at.analysis, **_own(row, at)})
    visit = _meant(row.visit, results.values(row.analysis, "visit"), row, "visit")
    subgroup = _meant(row.subgroup, results.values(row.analysis, "subgroup"), row, "subgroup")
    parameters = _parameters(results, row.analysis, ends)
    if row.heading:
        return [Line(_filled(row, at, labels))]
    if not row.expand:
        only = [p for p in parameters if row.parameter and p.startswith(f"{row.parameter}{LEVELS}")]
        under = row.parameter not in parameters and len(only) == 1
        parameter = only[0] if under else _meant(row.parameter, parameters, row, "parameter")
        return [Line(_filled(row, at, labels), parameter, visit, subgroup)]
    under = f"{row.parameter}{LEVELS}" if row.parameter else ""
    return [
        _expanded(row, parameter, visit, subgroup, depth=depth, labels=labels, heads=heads)
        for parameter, depth, heads in _with_parents(parameters, under=under)
    ]


def _own(row: Row, at: Bound) -> dict[str, object]:
    """What a row says itself, with what its blocks have fixed in front of it or in its place."""
    own = (*at.levels, *([row.parameter] if row.parameter else []))
    return {
        "parameter": LEVELS.join(own),
        "group": at.group if row.group is None else row.group,
        "visit": row.visit or at.visit,
        "subgroup": row.subgroup or at.subgroup,
    }


def _within(
    row: Row, results: Results, at: Bound, *, labels: Mapping[str, str], ends: Sequence[str]
) -> list[Line]:
    """The rows of a block, or the one row, with everything fixed that the block goes over."""
    given = {"group": row.group} if row.group is not None else {}
    at = replace(at, visit=row.visit or at.visit, subgroup=row.subgroup or at.subgroup, **given)
    if row.parameter and not row.over:
        at = replace(at, levels=(*at.levels, *row.parameter.split(LEVELS)))
    if not row.rows:
        alone = row.model_copy(update={"over": (), "parameter": ""})
        return expand(alone, results, labels=labels, ends=ends, bound=at)
    taken = {"cells": row.cells} if row.cells else {}
    return [
        line
        for inner in row.rows
        for line in expand(
            inner if inner.cells or inner.heading else inner.model_copy(update=taken),
            results, labels=labels, ends=ends, bound=at,
        )
    ]  # fmt: skip


def _bindings(over: Sequence[str], at: Bound, results: Results, ends: Sequence[str]) -> list[Bound]:
    """Every way to fix what a row goes over, in the order of the results."""
    if not over:
        return [at]
    first, *rest = over
    if first in ("group", "visit", "subgroup"):
        there = [value for value in results.values(at.analysis, first) if value]
        each = [replace(at, **{first: value}) for value in there]
    else:
        place = int(first)
        if place != len(at.levels) + 1:
            raise DisplayError(
                f"a row of analysis {at.analysis!r} goes over level {first} of the parameter; level"
                f" {len(at.levels) + 1} comes next"
            )
        split = [p.split(LEVELS) for p in _parameters(results, at.analysis, ends)]
        there = [
            levels[place - 1]
            for levels in split
            if len(levels) >= place and tuple(levels[: place - 1]) == at.levels and levels[0]
        ]
        each = [replace(at, levels=(*at.levels, level)) for level in dict.fromkeys(there)]
    return [last for one in each for last in _bindings(rest, one, results, ends)]


def _parameters(results: Results, analysis: str, ends: Sequence[str]) -> tuple[str, ...]:
    """Parameters of an analysis, without the last levels that columns take themselves."""
    given = results.values(analysis, "parameter")
    return tuple(dict.fromkeys(_without(parameter, ends) for parameter in given))


def _without(parameter: str, ends: Sequence[str]) -> str:
    for end in ends:
        if parameter == end:
            return ""
        if parameter.endswith(f"{LEVELS}{end}"):
            return parameter.removesuffix(f"{LEVELS}{end}")
    return parameter


def _filled(row: Row, at: Bound, labels: Mapping[str, str]) -> Row:
    """The row with its levels, visit and subgroup in its label."""
    words = {str(i): labels.get(level, level) for i, level in enumerate(at.levels, 1)}
    words |= {"visit": labels.get(at.visit, at.visit)}
    words |= {"subgroup": labels.get(at.subgroup, at.subgroup)}

    def put(text: str) -> str:
        return re.sub(r"\{(\d|visit|subgroup)\}", lambda m: words.get(m[1], m[0]), text)

    label = put(row.label) if isinstance(row.label, str) else tuple(map(put, row.label))
    return row.model_copy(update={"label": label})


def without_repeats(lines: Sequence[Line]) -> list[Line]:
    """Lines whose leading labels are blank where they are those of the line above; the last label
    always stands."""
    shown: list[Line] = []
    above: tuple[str, ...] = ()
    for line in lines:
        label = line.row.label
        labels = (label,) if isinstance(label, str) else label
        same = 0
        while same < min(len(labels) - 1, len(above)) and labels[same] == above[same]:
            same += 1
        if same and not line.row.repeat:
            blanked = ("",) * same + labels[same:]
            shown.append(replace(line, row=line.row.model_copy(update={"label": blanked})))
        else:
            shown.append(line)
        above = labels if any(labels) else above
    return shown


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
