"""The embedded patients are what the model says: simulated again, they are the same."""

import re

import polars as pl
from polars.testing import assert_frame_equal

from openlupus.exchange.study import SHIPPED, demo_study
from openlupus.protocol import load
from openlupus.simulation import load_model, simulate

FOLDER = SHIPPED / demo_study()


def test_simulating_again_with_the_stated_seed_gives_the_embedded_records():
    stated = re.search(r"--seed (\d+)", (FOLDER / "sources.md").read_text("utf-8"))
    assert stated
    # Nothing may depend on the hashes of text, which differ from process to process.
    frames = simulate(load(FOLDER), load_model(FOLDER), seed=int(stated[1]))
    embedded = {path.stem.upper(): path for path in (FOLDER / "data").glob("*.parquet")}
    assert embedded.keys() == frames.keys()
    for name, frame in frames.items():
        assert_frame_equal(pl.read_parquet(embedded[name]), frame, check_dtypes=False)


def test_every_embedded_row_says_that_it_is_synthetic():
    for path in (FOLDER / "data").glob("*.parquet"):
        assert pl.read_parquet(path)["STUDYID"].str.contains("SYNTHETIC").all()
