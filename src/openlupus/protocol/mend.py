"""A part that is not valid, made readable, so that a fault in it hides no other."""

import difflib
from copy import deepcopy
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from openlupus.protocol.faults import Path

HOLE = "\0"
"""Stands for a name that could not be read; no check looks at it."""

HOLES = (HOLE, "Z_______")
"""The second stands where a name must have the form of a variable."""

_PLACEHOLDERS: tuple[Any, ...] = (
    *HOLES, [HOLE], 1, [1, 1], {}, [{}], {"name": "ancova"},
)  # fmt: skip
_MOST_FAULTS = 100


def errors(adapter: TypeAdapter[Any], entry: Any) -> list[dict[str, Any]]:
    """What the model says of an entry; each with its `path` in the file."""
    try:
        adapter.validate_python(entry)
    except ValidationError as error:
        details = [dict(detail) for detail in error.errors(include_url=False)]
        return [{**detail, "path": _inside(entry, detail)} for detail in details]
    return []


def mended(adapter: TypeAdapter[Any], entry: Any) -> tuple[Any, frozenset[Path]] | None:
    """The part with a placeholder for each value at fault, and the paths of these.

    None when the part cannot be read at all: it is no table, or its kind is not known.
    """
    entry, replaced = deepcopy(entry), set[Path]()
    for _ in range(_MOST_FAULTS):
        found = errors(adapter, entry)
        if not found:
            return adapter.validate_python(entry), frozenset(replaced)
        path = cast(Path, found[0]["path"])
        if not path or not _replace(adapter, entry, found[0]):
            return None
        if found[0]["type"] != "extra_forbidden":
            replaced.add(path)
    return None


def _replace(adapter: TypeAdapter[Any], entry: Any, detail: dict[str, Any]) -> bool:
    """Put the first value that the model takes (or whose own parts can be mended) at the fault."""
    path = cast(Path, detail["path"])
    holder = entry
    for part in path[:-1]:
        holder = holder[part]
    key = path[-1]
    if detail["type"] == "extra_forbidden":
        del holder[key]
        return True
    if detail["type"] == "union_tag_invalid":
        meant = difflib.get_close_matches(str(holder[key]), tags(detail), n=1)
        if meant:
            holder[key] = meant[0]
            return True
        # The kind is anybody's guess, so it is the whole table that cannot be read.
        return len(path) > 1 and _replace(adapter, entry, {"type": "", "path": path[:-1]})
    for value in _PLACEHOLDERS:
        holder[key] = deepcopy(value)
        if _accepted(adapter, entry, path):
            return True
    if isinstance(holder, dict):
        del holder[key]
        return _accepted(adapter, entry, path)
    return False


def _accepted(adapter: TypeAdapter[Any], entry: Any, path: Path) -> bool:
    here = (path, (*path, "kind"), (*path, "name"))
    return all(detail["path"] not in here for detail in errors(adapter, entry))


def tags(detail: dict[str, Any]) -> list[str]:
    """The kinds that a table may have, of a fault in its kind."""
    return [tag.strip(" '") for tag in detail["ctx"]["expected_tags"].split(",")]


def _inside(entry: Any, detail: dict[str, Any]) -> Path:
    """The path of a fault in the file: union tags, which are no keys of the file, are left out."""
    path: list[str | int] = []
    here = entry
    for part in detail["loc"]:
        if (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(cast(Any, here))
        ):
            here = cast(Any, here[part])
            path.append(part)
    if detail["type"] == "missing" and isinstance(here, dict):
        path.append(detail["loc"][-1])
    elif detail["type"].startswith("union_tag"):
        path.append(detail["ctx"]["discriminator"].strip("'"))
    return tuple(path)
