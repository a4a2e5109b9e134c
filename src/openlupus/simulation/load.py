"""Reading `model.toml`: a valid `Model`, or every fault with its line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from openlupus.errors import SimulationError
from openlupus.protocol.faults import Fault, line_index, line_of, message
from openlupus.simulation.model import Model

FILE = "model.toml"


def load_model(source: str | Path) -> Model:
    """The model of a study folder or of a `.toml` file.

    Raises:
        SimulationError: no such file, or it is not a valid model; the message lists all faults.
    """
    path = Path(source)
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise SimulationError(
            f"{source} is neither a simulation model nor a folder with a {FILE}; write one, "
            "beginning with that of a shipped study"
        )
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise SimulationError(f"{path} is not UTF-8 ({error.reason}); save it as UTF-8") from None
    return parse_model(text, name=str(path))


def parse_model(text: str, *, name: str = FILE) -> Model:
    """The model in a TOML text; `name` stands in the messages."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SimulationError(f"{name} is not valid TOML: {error}") from None
    try:
        return Model.model_validate(raw)
    except ValidationError as error:
        index = line_index(text)
        faults = [_fault(index, detail) for detail in error.errors(include_url=False)]
        raise SimulationError(message(name, faults)) from None


def _fault(index: Mapping[tuple[str | int, ...], int], detail: Any) -> Fault:
    path = tuple(detail["loc"])
    where = ".".join(str(part) for part in path) or "the model"
    line = line_of(dict(index), path)
    kind, given = detail["type"], detail.get("input")
    if kind == "missing":
        return Fault(line, where, "is required and is not given")
    if kind == "extra_forbidden":
        return Fault(line, where, "is not a field of this part", "check the spelling")
    what = str(detail["msg"]).removeprefix("Value error, ")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float) else ""
    return Fault(line, where, what[0].lower() + what[1:] + shown)
