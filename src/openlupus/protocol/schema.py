"""The JSON Schema of `study.toml`, for editors that complete and check while one types."""

from typing import Any

from pydantic import TypeAdapter

from openlupus.protocol.load import NAMED, SINGLE
from openlupus.protocol.model import Schedule, Visit


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a declaration as it is written in the file."""
    definitions: dict[str, Any] = {}

    def of(model: Any) -> dict[str, Any]:
        schema = TypeAdapter[Any](model).json_schema(ref_template="#/$defs/{model}")
        definitions.update(schema.pop("$defs", {}))
        return schema

    properties = {section: of(model) for section, model in SINGLE.items()}
    schedule = of(Schedule)
    schedule["properties"].pop("visits")
    schedule["properties"]["visit"] = {"type": "array", "items": of(Visit), "minItems": 1}
    schedule["required"] = ["visit"]
    properties["schedule"] = schedule
    for section, (_, model) in NAMED.items():
        properties[section] = {"type": "object", "additionalProperties": of(model)}
    sets = {name: definitions["Table"]["properties"][name] for name in ("columns", "labels")}
    for laid in ("Table", "Forest"):
        properties_of = definitions[laid]["properties"]
        for name, one in sets.items():
            properties_of[name] = {"anyOf": [{"type": "string"}, one]}
        properties_of["cells"] = {"type": "object", "additionalProperties": {"type": "string"}}
    for name, one in sets.items():
        properties[name] = {"type": "object", "additionalProperties": one}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OpenLupus study declaration",
        "type": "object",
        "properties": properties,
        "required": ["study", "arm", "schedule", "population"],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }
