"""Simulated records as a folder of Parquet: one file a domain, or one folder of parts a domain."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from openlupus.errors import OutputExistsError, SimulationError
from openlupus.exchange.fingerprint import sha256
from openlupus.exchange.manifest import write_json
from openlupus.exchange.study import SIMULATION
from openlupus.exchange.write import write_folder
from openlupus.protocol import load
from openlupus.simulation import load_model, simulate_to


def simulate_to_folder(
    study: Path,
    out: Path,
    *,
    seed: int,
    patients: int | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Simulate the records of a study under its `model.toml`; the number of rows written.

    Args:
        study: Folder with `study.toml` and `model.toml`.
        out: Folder for the records; with `force` its Parquet files are replaced.
        patients: Randomised patients; as many as the model says when absent.
        progress: Called with patients done and patients in all.

    Raises:
        SimulationError: there is no model, or it does not fit the declaration.
        OutputExistsError: there are files and `force` was not given.
    """
    model_file = study / "model.toml"
    if not model_file.is_file():
        raise SimulationError(
            f"{study} has no model.toml, which says how its patients are; a study without one "
            "cannot be simulated"
        )
    present = sorted(out.rglob("*.parquet")) if out.is_dir() else []
    if present and not force:
        raise OutputExistsError(f"{out} holds {present[0].name} and more; give --force to replace")
    for path in present:
        path.unlink()
    protocol, model = load(study), load_model(model_file)
    total = patients or model.recruitment.randomised
    single = total <= model.recruitment.chunk
    rows = 0

    def write(domain: str, chunk: int, frame: pl.DataFrame) -> None:
        nonlocal rows
        rows += frame.height
        name = domain if single else f"part-{chunk:05d}"
        write_folder({name: frame}, out if single else out / domain.lower(), force=force)
        if progress:
            progress(min(total, (chunk + 1) * model.recruitment.chunk), total)

    simulate_to(write, protocol, model, seed=seed, patients=patients)
    made = {
        "patients": "SYNTHETIC: simulated",
        "seed": seed,
        "randomised": total,
        "model_sha256": sha256(model_file),
    }
    write_json(made, out / SIMULATION, force=True)
    return rows
