"""Twins of the founding study and of the invented trial of the tests: whole processes."""

import sys
import tempfile
from pathlib import Path

from benchmarks.bench_audit import CODE
from benchmarks.machine import cost, described

TWINS = (
    ("the founding study, 6,000 candidates", "nct03161483", "6000", "3", 1),
    ("the founding study, 6,000 candidates", "nct03161483", "6000", "3", 4),
    ("the invented trial, 2,000 candidates", "tests/twin/examples/bicla2", "2000", "5", 1),
)
# Cells that a twin does not print make the command end with 1, as faults do an audit.
TWIN = CODE.replace('"audit"', '"twin"')


def main() -> None:
    print(described())
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, study, candidates, seed, n) in enumerate(TWINS):
            out = str(Path(folder) / str(i))
            asked = (study, "--candidates", candidates, "--seed", seed, "--n", str(n), "--out", out)
            run = cost(sys.executable, "-c", TWIN, *asked)
            print(
                f"openlupus twin of {name}, {n} of them: {run.wall:.0f} s,"
                f" {run.cpu:.0f} s of one processor,"
                f" peak {run.peak:.2f} GiB"
            )


if __name__ == "__main__":
    main()
