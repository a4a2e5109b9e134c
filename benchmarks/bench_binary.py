"""Stratified binary methods over a million tables, and a re-randomisation test.

`python -m benchmarks.bench_binary --tables 1000000`. Wall-clock and processor time of one process;
on a machine that does other work too the second is the cost of the method.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import described
from openlupus.statistics.cmh import cmh
from openlupus.statistics.newcombe import stratified_newcombe
from openlupus.statistics.rerandomisation import rerandomisation_test
from openlupus.statistics.score import miettinen_nurminen

STRATA = 4


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def tables(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Responders and subjects of random trials, shape (count, 2, strata)."""
    rng = np.random.default_rng(20240601)
    n = rng.integers(5, 40, (count, 2, STRATA))
    return rng.binomial(n, rng.random(n.shape)).astype(float), n.astype(float)


R_SCRIPT = """
data <- read.csv(commandArgs(TRUE)[1], header = FALSE)
tables <- nrow(data); strata <- ncol(data) / 4
cells <- array(t(as.matrix(data)), c(2, 2, strata, tables)); statistic <- numeric(tables)
seconds <- system.time(for (k in seq_len(tables))
  statistic[k] <- mantelhaen.test(cells[, , , k], correct = FALSE)$statistic)
cat(sum(seconds[c("user.self", "sys.self")]), format(sum(statistic), digits = 15), "\\n")
"""


def beside_r(count: int) -> None:
    """R's mantelhaen.test on the same tables, one call a table."""
    if shutil.which("Rscript") is None:
        print("R is not installed: no comparison (Debian: r-base-core)")
        return
    x, n = tables(count)
    cells = np.stack([x, n - x], axis=-2)  # (tables, groups, outcomes, strata)
    with tempfile.TemporaryDirectory() as folder:
        script, data = Path(folder) / "cmh.R", Path(folder) / "tables.csv"
        script.write_text(R_SCRIPT, encoding="utf-8")
        np.savetxt(data, cells.transpose(0, 3, 2, 1).reshape(count, -1), "%d", ",")
        done = subprocess.run(
            ["Rscript", "--vanilla", str(script), str(data)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    seconds, total = (float(part) for part in done.stdout.split()[-2:])
    _, ours = timed(lambda: cmh(x, n))
    print(
        f"CMH beside R's mantelhaen.test: {count} tables, R {seconds:.2f} s, here {ours:.4f} s of"
        f" processor ({seconds / ours:,.0f} times faster); sums of the chi-squares {total:.9g} and"
        f" {float(np.sum(cmh(x, n).statistic)):.9g}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1_000_000)
    count = parser.parse_args().tables
    print(described())
    x, n = tables(count)
    for name, method in (
        ("Cochran-Mantel-Haenszel", cmh),
        ("stratified Newcombe", stratified_newcombe),
        ("stratified Miettinen-Nurminen", miettinen_nurminen),
    ):
        wall, cpu = timed(lambda method=method: method(x, n))
        print(
            f"{name}: {count} tables of {STRATA} strata in {wall:.2f} s ({cpu:.2f} s processor):"
            f" {count / wall:,.0f} tables/s ({count / cpu:,.0f} per processor second)"
        )
    rng = np.random.default_rng(1)
    stratum, group = np.repeat(np.arange(STRATA), 72), np.tile([0, 1], 144)
    response = (rng.random(288) < 0.35 + 0.15 * group).astype(float)
    wall, cpu = timed(lambda: rerandomisation_test(response, group, stratum, generator=rng))
    print(
        f"re-randomisation: 100,000 of a stratified trial of 288 in {wall:.2f} s"
        f" ({cpu:.2f} s processor)"
    )
    beside_r(20_000)


if __name__ == "__main__":
    main()
