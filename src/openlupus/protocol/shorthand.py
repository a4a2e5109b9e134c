"""What a declaration may write once for many displays: sets of columns, and the cells of rows."""

from collections.abc import Mapping
from typing import Any, cast

from openlupus.protocol import faults as f

Tables = dict[str, Any]


def written_out(raw: Mapping[str, Any], index: dict[f.Path, int]) -> tuple[Tables, list[f.Fault]]:
    """The declaration with each short form in full, and what is wrong with the short forms.

    `columns = "arms"` of a table stands for the set `[columns] arms = [...]`; `cells` of a table
    stand in each of its rows that has none of its own and is no heading.
    """
    whole: Tables = {name: part for name, part in raw.items() if name != "columns"}
    sets = raw.get("columns", {})
    if not isinstance(sets, dict):
        return whole, [f.Fault(f.line_of(index, ("columns",)), "[columns]", "must be a table")]
    sets, used, found = cast(Tables, sets), set[str](), list[f.Fault]()
    displays = whole.get("display")
    if isinstance(displays, dict):
        displays = dict(cast(Tables, displays))
        for name, display in displays.items():
            if not isinstance(display, dict):
                continue
            full = dict(cast(Tables, display))
            named = full.get("columns")
            if isinstance(named, str):
                used.add(named)
                path = ("display", name, "columns")
                if named in sets:
                    full["columns"] = sets[named]
                else:
                    known = ", ".join(sets) or "none"
                    what = f'set of columns "{named}" is not declared'
                    line = f.line_of(index, path)
                    found.append(f.Fault(line, f.place(raw, path), what, f"declared: {known}"))
                    full["columns"] = [{"key": "\0", "header": ""}]
            if full.get("kind") == "table" and isinstance(full.get("rows"), list):
                full["rows"] = [_with_cells(row, full.get("cells")) for row in full["rows"]]
                full.pop("cells", None)
            displays[name] = full
        whole["display"] = displays
    for name in sets.keys() - used:
        line = f.line_of(index, ("columns", name))
        found.append(f.Fault(line, f"columns.{name}", "no display uses this set of columns"))
    return whole, found


def _with_cells(row: Any, cells: Any) -> Any:
    if cells is None or not isinstance(row, dict):
        return row
    row = cast(Tables, row)
    return row if row.get("heading") or "cells" in row else {**row, "cells": cells}
