"""A synthetic study at 1,000, 10,000 and 100,000 patients: simulated, derived, analysed.

Each step is a process of its own, so that its peak memory is its own. Derivation and analysis of
the responder end points run in one process, as the claim says.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from benchmarks.machine import cost, described
from openlupus import pipeline
from openlupus.exchange.simulated import simulate_to_folder
from openlupus.exchange.study import demo_study


def simulate(folder: Path, patients: int) -> None:
    simulate_to_folder(pipeline.find(demo_study()), folder, seed=1, patients=patients)


def analyse(folder: Path) -> None:
    study = pipeline.load(demo_study(), data=folder)
    start = time.perf_counter()
    data = pipeline.derive(study)
    derived = time.perf_counter()
    responder = [
        name
        for name, analysis in study.protocol.analyses.items()
        if analysis.method.name == "responder"
    ]
    results = pipeline.analyse(study, data, only=responder)
    print(
        f"    derived in {derived - start:.1f} s, {len(responder)} analyses of responders in "
        f"{time.perf_counter() - derived:.1f} s, {results.rows.height} results",
        file=sys.stderr,
    )


def rows_of(folder: Path) -> int:
    """Item rows: RS, QS and MK."""
    found = [folder / d for d in ("rs", "qs", "mk")]
    paths = [p / "*.parquet" if p.is_dir() else p.with_suffix(".parquet") for p in found]
    return sum(int(pl.scan_parquet(p).select(pl.len()).collect().item()) for p in paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--only", choices=["simulate", "analyse"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="keep the records here")
    options = parser.parse_args()
    if options.only == "simulate":
        return simulate(options.folder, options.patients[0])
    if options.only == "analyse":
        return analyse(options.folder)
    print(described())
    print(
        "patients    item rows   simulate s (GiB)   derive + analyse: s, processor s (GiB)"
        "   processor s per 1,000"
    )
    for patients in options.patients:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            again = [sys.executable, "-m", "benchmarks.bench_scale", "--folder", name]
            made = cost(*again, "--only", "simulate", "--patients", str(patients))
            done = cost(*again, "--only", "analyse")
            print(
                f"{patients:8,} {rows_of(folder):12,}   {made.wall:8.1f} ({made.peak:.2f})"
                f"   {done.wall:14.1f} {done.cpu:14.1f} ({done.peak:.2f})"
                f" {1000 * done.cpu / patients:20.2f}",
                flush=True,
            )
    return None


if __name__ == "__main__":
    main()
