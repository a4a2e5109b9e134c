"""Reading a declaration: a valid `Protocol`, or every fault with its line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from openlupus.errors import ProtocolError, UnknownStudyError
from openlupus.protocol import faults as f
from openlupus.protocol.analyses import Analysis, Multiplicity
from openlupus.protocol.checks import Draft, cross_faults
from openlupus.protocol.displays import Display
from openlupus.protocol.model import (
    Arm,
    Data,
    Endpoint,
    Group,
    Intercurrent,
    Population,
    Protocol,
    Region,
    Safety,
    Schedule,
    Stratum,
    Study,
    Variable,
    Visit,
)

SINGLE: Mapping[str, Any] = {"study": Study, "data": Data, "safety": Safety}
NAMED: Mapping[str, tuple[str, Any]] = {
    "arm": ("arms", Arm),
    "group": ("groups", Group),
    "region": ("regions", Region),
    "stratum": ("strata", Stratum),
    "variable": ("variables", Variable),
    "population": ("populations", Population),
    "intercurrent": ("intercurrent", Intercurrent),
    "endpoint": ("endpoints", Endpoint),
    "analysis": ("analyses", Analysis),
    "multiplicity": ("multiplicity", Multiplicity),
    "display": ("displays", Display),
}
"""Section of the file to field of `Protocol` and model of one entry."""


def load(source: str | Path) -> Protocol:
    """The declaration of a study folder or of a `.toml` file.

    Raises:
        UnknownStudyError: there is no such folder or file.
        ProtocolError: the file is not a valid declaration; the message lists all its faults.
    """
    path = Path(source)
    path = path / "study.toml" if path.is_dir() else path
    if not path.is_file():
        raise UnknownStudyError(
            f"{source} is neither a declaration nor a folder with a study.toml; "
            "make one with `openlupus new DIR`"
        )
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ProtocolError(
            f"{path} is not UTF-8: byte {error.start} on line {line} cannot be read; "
            "save the file as UTF-8"
        ) from None
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "study.toml") -> Protocol:
    """The declaration in a TOML text; `name` stands in the messages."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"{name} is not valid TOML: {error}") from None
    index = f.line_index(text)
    draft, found = _draft(raw, index)
    found += cross_faults(draft, index)
    if not found:
        return Protocol.model_validate({**draft.single, **draft.named})
    raise ProtocolError(f.message(name, found), found)


def _draft(raw: dict[str, Any], index: dict[f.Path, int]) -> tuple[Draft, list[f.Fault]]:
    """Every part that is valid by itself, and the faults of those that are not."""
    found: list[f.Fault] = []
    draft = Draft()
    for section in raw:
        if section not in {*SINGLE, *NAMED, "schedule"}:
            known = ", ".join([*SINGLE, "schedule", *NAMED])
            found.append(_unknown(index, (section,), f"is not a part of a declaration ({known})"))
    for section, model in SINGLE.items():
        if section in raw or section == "study":
            value = _entry(model, raw.get(section, {}), (section,), index, found)
            if value is not None:
                draft.single[section] = value
    _schedule(raw, index, draft, found)
    for section, (field, model) in NAMED.items():
        entries = raw.get(section, {})
        if not isinstance(entries, dict):
            found.append(_unknown(index, (section,), f"must be tables [{section}.ID]"))
            continue
        entries = cast(dict[str, Any], entries)
        draft.declared[field] = tuple(entries)
        for key, entry in entries.items():
            if section == "arm" and isinstance(entry, dict) and "code" in entry:
                draft.codes[key] = str(cast(Any, entry["code"]))
            value = _entry(model, entry, (section, key), index, found)
            if value is not None:
                draft.named[field][key] = value
    for section in ("arm", "population"):
        if not raw.get(section):
            found.append(f.Fault(0, f"[{section}]", f"no {section} is declared"))
    return draft, found


def _schedule(
    raw: dict[str, Any], index: dict[f.Path, int], draft: Draft, found: list[f.Fault]
) -> None:
    schedule = dict(raw.get("schedule", {}))
    visits: list[Visit] = []
    entries = schedule.pop("visit", [])
    for i, entry in enumerate(entries):
        draft.visit_ids.append(str(entry.get("id", "")))
        visit = _entry(Visit, entry, ("schedule", "visit", i), index, found)
        if visit is not None:
            visits.append(visit)
            draft.visit_lines[visit.id] = f.line_of(index, ("schedule", "visit", i))
    if not entries:
        found.append(f.Fault(0, "[schedule]", "no visit is declared", "add [[schedule.visit]]"))
    elif visits:
        value = _entry(Schedule, {**schedule, "visits": visits}, ("schedule",), index, found)
        draft.single["schedule"] = value


def _entry(
    model: Any, entry: Any, path: f.Path, index: dict[f.Path, int], found: list[f.Fault]
) -> Any:
    try:
        return cast(Any, TypeAdapter(model)).validate_python(entry)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            inner = _inside(entry, detail["loc"])
            where = ".".join(str(part) for part in (*path, *inner))
            found.append(f.Fault(f.line_of(index, (*path, *inner)), where, _sentence(dict(detail))))
        return None


def _inside(entry: Any, loc: tuple[int | str, ...]) -> f.Path:
    """The path of a fault in the file: union tags, which are no keys of the file, are left out."""
    path: list[str | int] = []
    here = entry
    for i, part in enumerate(loc):
        if (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(cast(Any, here))
        ):
            here = cast(Any, here[part])
            path.append(part)
        elif i == len(loc) - 1:
            path.append(part)
    return tuple(path)


def _sentence(detail: dict[str, Any]) -> str:
    kind, given = detail["type"], detail.get("input")
    if kind == "missing":
        return "is required and is not given"
    if kind == "extra_forbidden":
        return "is not a field of this part; check the spelling"
    shown = f" (given: {given!r})" if isinstance(given, (str, int, float, bool)) else ""
    text = str(detail["msg"])
    return text[0].lower() + text[1:] + shown


def _unknown(index: dict[f.Path, int], path: f.Path, what: str) -> f.Fault:
    return f.Fault(f.line_of(index, path), f"[{path[0]}]", what)
