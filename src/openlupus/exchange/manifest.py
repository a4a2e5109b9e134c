"""What a run was made from and with, so that it can be made again."""

import json
import platform
from importlib.metadata import version
from pathlib import Path

from openlupus.errors import OutputExistsError
from openlupus.exchange.study import Study

PACKAGES = ("openlupus", "numpy", "scipy", "polars", "pydantic", "pyreadstat")


def manifest(study: Study, *, synthetic: bool, command: str = "") -> dict[str, object]:
    """Study, patients simulated or not (how), arms, versions, and hashes of every input.

    No date is in it: the same run has the same bytes.
    """
    arms = study.arms
    return {
        "study": study.protocol.study.id,
        "patients": "SYNTHETIC: simulated" if synthetic else "as recorded",
        **({"simulation": dict(study.simulation)} if study.simulation else {}),
        "command": command,
        "arms": f"shuffled, seed {arms.dummy_seed}" if arms.is_dummy else f"true: {arms.lock}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "inputs_sha256": dict(sorted(study.inputs.items())),
    }


def write_json(content: object, path: Path, *, force: bool = False) -> None:
    """Write JSON, refusing to overwrite a file unless `force`."""
    if path.exists() and not force:
        raise OutputExistsError(f"{path} is there already; give --force to overwrite it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
