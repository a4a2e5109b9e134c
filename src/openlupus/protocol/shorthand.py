"""What a declaration may write once for many displays: sets of columns and of labels, and the cells
of rows."""

from collections.abc import Mapping
from typing import Any, cast

from openlupus.protocol import faults as f

Tables = dict[str, Any]

_SETS: Mapping[str, tuple[str, Any]] = {
    "columns": ("set of columns", [{"key": "\0", "header": ""}]),
    "labels": ("set of labels", {}),
}
"""Field of a display that may name a set of the same section: what it is called, and what stands
for one that is not declared."""


def written_out(raw: Mapping[str, Any], index: dict[f.Path, int]) -> tuple[Tables, list[f.Fault]]:
    """The declaration with each short form in full, and what is wrong with the short forms.

    `columns = "arms"` of a display stands for the set `[columns] arms = [...]`, and `labels` in the
    same way; `cells` of it stand in each of its rows that has none of its own and is no heading.
    """
    whole: Tables = {name: part for name, part in raw.items() if name not in _SETS}
    found, sets, used = list[f.Fault](), dict[str, Tables](), set[tuple[str, str]]()
    for section in _SETS:
        given = raw.get(section, {})
        if isinstance(given, dict):
            sets[section] = cast(Tables, given)
        else:
            line = f.line_of(index, (section,))
            found.append(f.Fault(line, f"[{section}]", "must be a table"))
    displays = whole.get("display")
    if isinstance(displays, dict):
        whole["display"] = {
            name: _display(name, display, raw, index, sets, used, found)
            for name, display in cast(Tables, displays).items()
        }
    for section, named in sets.items():
        for name in [name for name in named if (section, name) not in used]:
            what = f"no display uses this {_SETS[section][0]}"
            line = f.line_of(index, (section, name))
            found.append(f.Fault(line, f"{section}.{name}", what))
    return whole, found


def _display(
    name: str,
    display: Any,
    raw: Mapping[str, Any],
    index: dict[f.Path, int],
    sets: Mapping[str, Tables],
    used: set[tuple[str, str]],
    found: list[f.Fault],
) -> Any:
    if not isinstance(display, dict):
        return display
    full = dict(cast(Tables, display))
    for section, there in sets.items():
        named = full.get(section)
        if not isinstance(named, str):
            continue
        used.add((section, named))
        if named not in there:
            path = ("display", name, section)
            what = f'{_SETS[section][0]} "{named}" is not declared'
            known = ", ".join(there) or "none"
            found.append(
                f.Fault(f.line_of(index, path), f.place(raw, path), what, f"declared: {known}")
            )
        full[section] = there.get(named, _SETS[section][1])
    if isinstance(full.get("rows"), list):
        full["rows"] = [_with_cells(row, full.get("cells")) for row in full["rows"]]
        full.pop("cells", None)
    return full


def _with_cells(row: Any, cells: Any) -> Any:
    """A row with the cells of its display, where neither it nor its block has any."""
    if cells is None or not isinstance(row, dict):
        return row
    row = cast(Tables, row)
    if row.get("heading") or "cells" in row:
        return row
    if isinstance(row.get("rows"), list):
        return {**row, "rows": [_with_cells(inner, cells) for inner in row["rows"]]}
    return {**row, "cells": cells}
