"""Reading a declaration: a valid `Protocol`, or every fault with its line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

from openlupus.errors import ProtocolError, UnknownStudyError
from openlupus.protocol import faults as f
from openlupus.protocol.analyses import Analysis, Multiplicity
from openlupus.protocol.checks import cross_faults
from openlupus.protocol.displays import Display
from openlupus.protocol.draft import Draft
from openlupus.protocol.mend import errors, mended, tags
from openlupus.protocol.model import (
    Arm,
    Data,
    Endpoint,
    Group,
    Intercurrent,
    Monitoring,
    Population,
    Protocol,
    Region,
    Safety,
    Schedule,
    Scoring,
    Stratum,
    Study,
    TimeToEvent,
    Variable,
    Visit,
)
from openlupus.protocol.shorthand import written_out

SINGLE: Mapping[str, Any] = {
    "study": Study, "data": Data, "safety": Safety, "scoring": Scoring, "monitoring": Monitoring,
}  # fmt: skip
NAMED: Mapping[str, tuple[str, Any]] = {
    "arm": ("arms", Arm),
    "group": ("groups", Group),
    "region": ("regions", Region),
    "stratum": ("strata", Stratum),
    "variable": ("variables", Variable),
    "population": ("populations", Population),
    "intercurrent": ("intercurrent", Intercurrent),
    "endpoint": ("endpoints", Endpoint),
    "time_to_event": ("times", TimeToEvent),
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
        # Editors on Windows begin a file with a byte-order mark.
        text = path.read_bytes().decode("utf-8").removeprefix("\ufeff")
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
    raw, short = written_out(raw, index)
    draft, found = _draft(raw, index)
    found += short + cross_faults(draft, index)
    if not found:
        return Protocol.model_validate({**draft.single, **draft.named})
    raise ProtocolError(f.message(name, found), found)


def _draft(raw: dict[str, Any], index: dict[f.Path, int]) -> tuple[Draft, list[f.Fault]]:
    """Every part, mended where it is not valid by itself, and the faults of those that are not."""
    found: list[f.Fault] = []
    draft = Draft(raw)
    for section in raw:
        if section not in {*SINGLE, *NAMED, "schedule"}:
            known = ", ".join([*SINGLE, "schedule", *NAMED, "columns", "labels"])
            found.append(_whole(index, (section,), f"is not a part of a declaration ({known})"))
    for section, model in SINGLE.items():
        if section in raw or section == "study":
            value = _entry(model, raw.get(section, {}), (section,), index, draft, found)
            if value is not None:
                draft.single[section] = value
    _schedule(raw.get("schedule", {}), index, draft, found)
    for section, (field, model) in NAMED.items():
        entries = raw.get(section, {})
        if not isinstance(entries, dict):
            found.append(_whole(index, (section,), f"must be tables [{section}.ID]"))
            continue
        entries = cast(dict[str, Any], entries)
        draft.declared[field] = tuple(entries)
        for key, entry in entries.items():
            if section == "arm" and isinstance(entry, dict) and "code" in entry:
                draft.codes[key] = str(cast(Any, entry["code"]))
            value = _entry(model, entry, (section, key), index, draft, found)
            if value is not None:
                draft.named[field][key] = value
    for section in ("arm", "population"):
        if not raw.get(section):
            found.append(f.Fault(0, f"[{section}]", f"no {section} is declared"))
    return draft, found


def _schedule(schedule: Any, index: dict[f.Path, int], draft: Draft, found: list[f.Fault]) -> None:
    path = ("schedule",)
    if not isinstance(schedule, dict):
        draft.unreadable.add(path)
        found.append(_whole(index, path, "must be a table"))
        return
    options = dict(cast(dict[str, Any], schedule))
    entries = options.pop("visit", [])
    if not isinstance(entries, list):
        draft.unreadable.add((*path, "visit"))
        what = "must be tables [[schedule.visit]], in double brackets"
        found.append(f.Fault(f.line_of(index, (*path, "visit")), "schedule.visit", what))
        entries = None
    elif not entries:
        found.append(f.Fault(0, "[schedule]", "no visit is declared", "add [[schedule.visit]]"))
    visits: list[Visit] = []
    for i, entry in enumerate(cast(list[Any], entries or [])):
        visit = _entry(Visit, entry, (*path, "visit", i), index, draft, found)
        if visit is not None:
            visits.append(visit)
            draft.visits[i] = visit
    # A visit stands in for those that are missing, so that the options are looked at as well.
    stand_in = Visit(id="", label="", number=0, day=1, window=(1, 1))
    value = _entry(Schedule, {**options, "visits": visits or [stand_in]}, path, index, draft, found)
    draft.single["schedule"] = value


def _entry(
    model: Any,
    entry: Any,
    path: f.Path,
    index: dict[f.Path, int],
    draft: Draft,
    found: list[f.Fault],
) -> Any:
    """The part, or what can be read of it when it has faults; None when nothing can."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    details = errors(adapter, entry)
    if not details:
        return adapter.validate_python(entry)
    for detail in details:
        where = (*path, *detail["path"])
        found.append(f.Fault(f.line_of(index, where), f.place(draft.raw, where), _sentence(detail)))
    value, replaced = mended(adapter, entry) or (None, frozenset({()}))
    draft.unreadable |= {(*path, *inner) for inner in replaced}
    return value


_IN_WORDS = {
    "missing": "is required and is not given",
    "extra_forbidden": "is not a field of this part; check the spelling",
    "union_tag_not_found": "is required and is not given",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list",
    "string_type": "must be text",
}


def _sentence(detail: dict[str, Any]) -> str:
    kind, given = detail["type"], detail.get("input")
    if kind == "union_tag_invalid":
        return f'"{detail["ctx"]["tag"]}" is not one of {", ".join(tags(detail))}'
    if kind == "missing" and isinstance(detail["loc"][-1], int):
        return "has too few elements"
    if kind in ("missing", "extra_forbidden"):
        return _IN_WORDS[kind]
    shown = f" (given: {given!r})" if isinstance(given, (str, int, float, bool)) else ""
    text = str(detail["msg"])
    return _IN_WORDS.get(kind, text[0].lower() + text[1:]) + shown


def _whole(index: dict[f.Path, int], path: f.Path, what: str) -> f.Fault:
    return f.Fault(f.line_of(index, path), f"[{path[0]}]", what)
