"""A declaration as a data-monitoring committee sees it: arms pooled, or under letters."""

import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence

from openlupus.protocol import model as m
from openlupus.protocol.analyses import Analysis, Compare
from openlupus.protocol.displays import Column, Laid, Row, Table
from openlupus.protocol.methods import Counts, Incidence, Representation, Shift, Summary

POOLED = "pooled"
"""Id of the one arm of an open report."""
DESCRIBE = (Summary, Counts, Incidence, Shift, Representation)
"""Methods that describe arms without comparing them."""


def pooled(protocol: m.Protocol, *, code: str) -> m.Protocol:
    """The declaration with one arm, for the open report.

    Args:
        protocol: With `[monitoring]`.
        code: Arm code of everybody in the pooled records.
    """
    arm = m.Arm(label="All patients", code=code, ratio=1, role="control", dose=0)
    return _seen(protocol, {POOLED: arm}, lambda names: (POOLED,) if names else (), _one_column)


def coded(protocol: m.Protocol, letters: Mapping[str, str]) -> m.Protocol:
    """The declaration with arms A, B, C, ... in the order of their letters, for the closed report.

    Args:
        protocol: With `[monitoring]`.
        letters: Id of each arm to its letter, which is also its code in the records.
    """
    order = sorted(letters, key=lambda arm: letters[arm])
    arms = {
        letters[name]: m.Arm(
            label=f"Arm {letters[name]}", code=letters[name], ratio=1, role="control", dose=0
        )
        for name in order
    }

    def named(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted({letters[name] for name in names if name in letters}))

    return _seen(protocol, arms, named, lambda table: _by_letter(protocol, table, letters))


def letters_of(protocol: m.Protocol, order: Sequence[int]) -> dict[str, str]:
    """Id of each arm to a letter; `order` is a permutation of the arms' positions."""
    alphabet = string.ascii_uppercase
    return {arm: alphabet[place] for arm, place in zip(protocol.arms, order, strict=True)}


def telling(protocol: m.Protocol) -> tuple[re.Pattern[str], ...]:
    """What no text of an open report may hold: names, codes and doses of arms, whole words."""
    words = [w for arm in protocol.arms.values() for w in (arm.label, arm.code)]
    words += [group.label for group in protocol.groups.values() if _part(protocol, group)]
    doses = [
        f"{arm.dose:.{digits}f} ?{arm.unit}"
        for arm in protocol.arms.values()
        if arm.dose
        for digits in range(4)
        if float(f"{arm.dose:.{digits}f}") == arm.dose
    ]
    escaped = [re.escape(word) for word in dict.fromkeys(words)] + doses
    return tuple(re.compile(rf"(?<!\w){word}(?!\w)", re.IGNORECASE) for word in escaped)


def told(protocol: m.Protocol, text: str) -> tuple[str, ...]:
    """The arms' names, codes and doses that a text holds, each once."""
    found = (match[0] for pattern in telling(protocol) for match in pattern.finditer(text))
    return tuple(dict.fromkeys(found))


def analyses_of(table: Laid) -> set[str]:
    """The analyses that a table shows."""
    columns = {column.analysis for column in table.columns if column.analysis}
    return columns | set(_analyses(table.rows))


def _part(protocol: m.Protocol, group: m.Group) -> bool:
    return set(group.arms) != set(protocol.arms)


def _seen(
    protocol: m.Protocol,
    arms: Mapping[str, m.Arm],
    named: Callable[[Sequence[str]], tuple[str, ...]],
    columns: Callable[[Table], tuple[Column, ...]],
) -> m.Protocol:
    monitoring = protocol.monitoring
    assert monitoring is not None
    tables = {name: protocol.displays[name] for name in monitoring.displays}
    displays = {
        name: _table(protocol, table, columns)
        for name, table in tables.items()
        if isinstance(table, Table)
    }
    used = {name for table in displays.values() for name in analyses_of(table)}
    whole = {name: m.Group(label=group.label, arms=tuple(arms))
             for name, group in protocol.groups.items() if not _part(protocol, group)}  # fmt: skip
    # An open report has one arm, which is everybody.
    groups = whole if len(arms) > 1 else {}
    analyses = {
        name: _analysis(analysis, tuple(arms), tuple(groups), named)
        for name, analysis in protocol.analyses.items()
        if name in used
    }
    return protocol.model_copy(
        update={
            "arms": dict(arms), "groups": groups, "analyses": analyses, "displays": displays,
            "multiplicity": {},
        }
    )  # fmt: skip


def _analyses(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.analysis:
            yield row.analysis
        yield from _analyses(row.rows)


def _analysis(
    analysis: Analysis,
    arms: tuple[str, ...],
    groups: tuple[str, ...],
    named: Callable[[Sequence[str]], tuple[str, ...]],
) -> Analysis:
    """The analysis of these arms, without comparisons."""
    method = analysis.method
    if isinstance(method, Incidence):
        method = method.model_copy(
            update={
                "at_least_in": named(method.at_least_in), "order_group": groups,
                "difference": "none", "test": "none",
            }
        )  # fmt: skip
    elif isinstance(method, (Counts, Shift, Summary)):
        method = method.model_copy(update={"test": "none"})
    update = {"groups": (*arms, *groups), "compare": Compare(), "method": method}
    return analysis.model_copy(update=update)


def _table(
    protocol: m.Protocol, table: Table, columns: Callable[[Table], tuple[Column, ...]]
) -> Table:
    names = {*protocol.arms, *protocol.groups}
    shown = columns(table)
    slots = {column.slot for column in shown}

    def kept(rows: Sequence[Row]) -> tuple[Row, ...]:
        """Rows of no arm in particular, with the cells of the columns that there are."""
        return tuple(
            row.model_copy(
                update={
                    "cells": {slot: cell for slot, cell in row.cells.items() if slot in slots},
                    "rows": kept(row.rows),
                }
            )
            for row in rows
            if row.group not in names and row.comparator not in names
        )

    return table.model_copy(update={"columns": shown, "rows": kept(table.rows), "published": ""})


def _one_column(table: Table) -> tuple[Column, ...]:
    """A column for each thing that the table shows of a group."""
    found: dict[tuple[str, ...], Column] = {}
    for column in table.columns:
        what = _what(column)
        if column.comparator or what in found:
            continue
        key = "_".join(["pooled", *filter(None, what)])
        named = _named(column, "All patients") if column.group else {}
        group = POOLED if column.group else ""
        found[what] = column.model_copy(update={"key": key, "group": group, **named})
    return tuple(found.values())


def _by_letter(
    protocol: m.Protocol, table: Table, letters: Mapping[str, str]
) -> tuple[Column, ...]:
    """The columns of arms in the order of their letters, then those of all arms together."""
    by_arm = {
        letter: [c for c in table.columns if c.group == arm and not c.comparator]
        for arm, letter in letters.items()
    }
    made = [
        column.model_copy(
            update={
                "key": f"{letter}_{i}",
                "group": letter,
                **_named(column, f"Arm {letter}"),
            }
        )
        for letter in sorted(by_arm)
        for i, column in enumerate(by_arm[letter])
    ]
    whole = {name for name, group in protocol.groups.items() if not _part(protocol, group)}
    rest = [c for c in table.columns if not c.comparator and (not c.group or c.group in whole)]
    return (*made, *rest)


def _what(column: Column) -> tuple[str, ...]:
    return (column.slot, column.analysis, column.parameter, column.subgroup, column.population)


def _named(column: Column, name: str) -> dict[str, str]:
    """Header and spanner of a column of a group under another name.

    Where the column shows a part of the group (a level, a parameter, another slot), its header says
    which, and the group stands above.
    """
    if column.slot == "value" and not (column.parameter or column.subgroup):
        return {"header": f"{name}\n(N={{N}})", "spanner": ""}
    return {"spanner": f"{name} (N={{N}})"}
