"""A twin on disk: records, what of the print it regenerates, and what it is."""

from pathlib import Path

from openlupus.exchange.fingerprint import sha256
from openlupus.exchange.manifest import write_json
from openlupus.exchange.study import SIMULATION
from openlupus.exchange.write import write_folder
from openlupus.twin.make import Twin


def write_twin(
    made: Twin, out: Path, *, folder: Path, published: Path, seed: int, number: int
) -> None:
    """Write the records of a twin, one Parquet file a domain, and `_simulation.json`.

    The caller has made sure that nothing is overwritten unasked.

    Args:
        folder: Of the study.
        number: Of the twin in its ensemble, from 1.
    """
    write_folder(made.frames, out, format="parquet", force=True)
    about = {
        "patients": "SYNTHETIC: a twin, chosen from simulated patients to print a paper's tables",
        "seed": seed,
        "twin": number,
        "candidates": made.candidates,
        "model_sha256": sha256(folder / "model.toml"),
        "published_sha256": sha256(published),
        "printed": made.line,
        "given_up": [
            {"cell": list(conflict.dropped), "why": conflict.why} for conflict in made.conflicts
        ],
    }
    write_json(about, out / SIMULATION, force=True)
