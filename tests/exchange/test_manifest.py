"""The manifest says what a run was made from, whatever form the data came in."""

from pathlib import Path

import polars as pl

from derivation.small_trial import STEADY, Subject, frames
from openlupus.exchange.fingerprint import sha256
from openlupus.exchange.manifest import manifest
from openlupus.exchange.simulated import simulate_to_folder
from openlupus.exchange.study import SHIPPED, demo_study, load_study

TWOARM = Path(__file__).parents[1] / "studies" / "twoarm"


def test_frames_in_memory_are_fingerprinted():
    made = frames(Subject("A", STEADY))
    first, same = (load_study(TWOARM, data=made).inputs for _ in range(2))
    other = load_study(TWOARM, data=made | {"CM": made["CM"].with_columns(EXTRA=pl.lit(1))}).inputs
    assert first == same
    assert {name for name in first if first[name] != other[name]} == {"frame CM"}
    assert all(len(digest) == 64 for digest in first.values())


def test_simulated_records_say_how_they_were_made(tmp_path: Path):
    study = SHIPPED / demo_study()
    simulate_to_folder(study, tmp_path, seed=3, patients=20)
    loaded = load_study(study, data=tmp_path)
    told = manifest(loaded, synthetic=True)
    assert told["simulation"] == {
        "patients": "SYNTHETIC: simulated",
        "seed": 3,
        "randomised": 20,
        "model_sha256": sha256(study / "model.toml"),
    }
    assert {"study.toml", "model.toml", "published.toml"} <= loaded.inputs.keys()
