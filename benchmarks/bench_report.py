"""Import, and the report of the embedded study: whole processes, median of three."""

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import cost, described


def main() -> None:
    print(described())
    nothing = statistics.median(cost(sys.executable, "-c", "pass").wall for _ in range(5))
    bare = statistics.median(cost(sys.executable, "-c", "import openlupus").wall for _ in range(5))
    print(f"import openlupus: {bare - nothing:.3f} s over an empty interpreter ({nothing:.3f} s)")
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            cost(sys.executable, "-m", "openlupus.cli", "demo", "--out", str(Path(folder) / str(i)))
            for i in range(3)
        ]
    wall = statistics.median(run.wall for run in runs)
    peak = max(run.peak for run in runs)
    print(f"openlupus demo: {wall:.1f} s, peak {peak:.2f} GiB")


if __name__ == "__main__":
    main()
