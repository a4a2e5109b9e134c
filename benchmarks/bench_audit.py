"""Audit of the founding paper: whole processes, median of three."""

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import cost, described

PAPER = "src/openlupus/studies/nct03161483/published.toml"
# The paper has faults, so the command ends with 1; only 2 is a failure.
CODE = """
import sys
from openlupus.cli import main
sys.argv = ["openlupus", "audit", *sys.argv[1:]]
try:
    main()
except SystemExit as done:
    sys.exit(done.code not in (0, 1))
"""


def main() -> None:
    print(described())
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            cost(sys.executable, "-c", CODE, PAPER, "--out", str(Path(folder) / str(i)))
            for i in range(3)
        ]
    wall = statistics.median(run.wall for run in runs)
    cpu = statistics.median(run.cpu for run in runs)
    peak = max(run.peak for run in runs)
    print(
        f"openlupus audit of the founding paper: {wall:.1f} s, {cpu:.1f} s of one processor,"
        f" peak {peak:.2f} GiB"
    )


if __name__ == "__main__":
    main()
