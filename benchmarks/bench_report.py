"""Import, and the report of the embedded study: whole processes, median of three."""

import gzip
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import cost, described
from openlupus import pipeline
from openlupus.exchange.study import demo_study


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
        page = (Path(folder) / "0" / "report" / "index.html").read_bytes()
        only = cost(
            sys.executable, "-m", "openlupus.cli", "report", demo_study(), "--only", "table2",
            "--out", str(Path(folder) / "one"),
        )  # fmt: skip
        drawn = _drawing()
    wall = statistics.median(run.wall for run in runs)
    peak = max(run.peak for run in runs)
    print(f"openlupus demo: {wall:.1f} s, peak {peak:.2f} GiB")
    packed = len(gzip.compress(page)) / 1e6
    print(f"its page: {len(page) / 1e6:.2f} MB, {packed:.2f} MB as a server sends it")
    print(f"openlupus report --only table2: {only.wall:.1f} s")
    print(f"every display and the page, from results: {drawn:.1f} s")
    print(f"100 imputations of responders, with their analysis: {_imputing():.1f} s of processor")


def _drawing() -> float:
    """Seconds to fill, draw and write every display of the embedded study."""
    study = pipeline.load(demo_study())
    data = pipeline.derive(study)
    results = pipeline.analyse(study, data)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        pipeline.report(study, data, results, out=folder)
        return time.perf_counter() - start


def _imputing() -> float:
    """Processor seconds of the analysis of the embedded study that imputes responders."""
    study = pipeline.load(demo_study())
    data = pipeline.derive(study)
    imputed = [
        n for n, a in study.protocol.analyses.items() if a.method.name == "imputed_responder"
    ]
    start = time.process_time()
    pipeline.analyse(study, data, only=imputed)
    return time.process_time() - start


if __name__ == "__main__":
    main()
