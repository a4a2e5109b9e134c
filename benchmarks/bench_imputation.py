"""Multiple imputation: data augmentation, chained equations, conditional mean with jackknife.

The data are invented, but for the antidepressant trial where the reference folder has it. R's mice
is run beside the chained equations where it is installed (Debian: r-cran-mice).
"""

import argparse
import csv
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.machine import described
from openlupus.statistics.imputation.augmentation import Chains, augment, augment_stream
from openlupus.statistics.imputation.conditional import impute_chained
from openlupus.statistics.imputation.mixed import Column
from openlupus.statistics.imputation.normal import em
from openlupus.statistics.imputation.reference import trial
from openlupus.statistics.imputation.reference_inference import jackknife
from openlupus.statistics.imputation.reference_model import fit_base
from openlupus.statistics.interval import Floats

MIXED = (
    Column("age"), Column("sex", "binary"), Column("x1"), Column("x2"), Column("grade", "ordinal"),
    Column("b1", "binary"), Column("b2", "binary"), Column("region", "nominal"),
)  # fmt: skip


def timed(label: str, run: Callable[[], object], times: int = 3) -> None:
    seconds: list[float] = []
    processor: list[float] = []
    for _ in range(times):
        start, used = time.perf_counter(), time.process_time()
        run()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    print(f"  {label:58s} {min(seconds):8.3f} s   processor {min(processor):8.3f} s", flush=True)


def normal(rows: int, variables: int, share: float = 0.15) -> Floats:
    rng = np.random.default_rng(1)
    y = rng.multivariate_normal(np.zeros(variables), 0.5 + 0.5 * np.eye(variables), rows)
    y[rng.random(y.shape) < share] = np.nan
    return y


def mixed(rows: int) -> Floats:
    """Two complete columns; two numeric, an ordinal, two binary, a 4-level one 15 % missing."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((rows, 3))
    y = np.column_stack(
        [
            z[:, 0],
            z[:, 1] > 0,
            z[:, :2] + rng.standard_normal((rows, 2)),
            np.digitize(z[:, 0] + rng.logistic(size=rows), [-1, 0, 1]),
            z[:, 1:] + rng.logistic(size=(rows, 2)) > 0,
            np.digitize(z[:, 2] + 0.5 * rng.standard_normal(rows), [-0.7, 0, 0.7]),
        ]
    ).astype(np.float64)
    y[:, 2:][rng.random((rows, 6)) < 0.15] = np.nan
    return y


def augmentation() -> None:
    y = normal(300, 8)

    def run(**options: object) -> object:
        return augment(y, m=1000, generator=np.random.default_rng(2), **options)  # type: ignore

    timed("augmentation, 1,000 x (300 x 8), a chain of 200 each", run)
    with ProcessPoolExecutor(2) as executor:
        timed("  the same, two processes", lambda: run(executor=executor))
    few = Chains(chains=100, burn_in=200, thin=20)
    timed("  100 chains, burn-in 200, thinning 20", lambda: run(chains=few))
    timed("EM alone", lambda: em(y))


def chained() -> None:
    for rows, m in ((288, 50), (2_880, 50), (28_800, 10)):
        y = mixed(rows)
        timed(
            f"chained equations, {rows:,} x 8 mixed, m = {m}, 5 sweeps",
            lambda y=y, m=m: impute_chained(
                y, MIXED, m=m, sweeps=5, generator=np.random.default_rng(1)
            ),
            2,
        )


R_SCRIPT = """
suppressMessages(library(mice))
d <- read.csv(commandArgs(TRUE)[1])
d$grade <- factor(d$grade, ordered = TRUE)
for (name in c("sex", "b1", "b2", "region")) d[[name]] <- factor(d[[name]])
seconds <- system.time(mice(d, m = 50, maxit = 5, printFlag = FALSE,
  method = c("", "", "norm", "norm", "polr", "logreg", "logreg", "polyreg")))["elapsed"]
cat(seconds, "\\n")
"""


def beside_r() -> None:
    rscript = shutil.which("Rscript")
    asked = ["-e", "cat(requireNamespace('mice', quietly = TRUE))"]
    if (
        rscript is None
        or "TRUE"
        not in subprocess.run([rscript, *asked], capture_output=True, text=True, check=False).stdout
    ):
        print("  R with mice is not installed: no comparison (Debian: r-cran-mice)")
        return
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "data.csv", Path(folder) / "run.R"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([column.name for column in MIXED])
            writer.writerows(
                ["NA" if np.isnan(v) else f"{v:.17g}" for v in row] for row in mixed(288)
            )
        script.write_text(R_SCRIPT, encoding="utf-8")
        done = subprocess.run(
            [rscript, str(script), str(path)], capture_output=True, text=True, check=True
        )
    print(f"  {'R mice, the same 288 x 8 frame, m = 50, 5 sweeps':58s} {float(done.stdout):8.3f} s")


def antidepressant() -> None:
    """Jump to reference on rbmi's example trial: 172 refits, imputations and analyses."""
    folder = Path(os.environ.get("OPENLUPUS_REFERENCE", "../shared/reference")) / "stats" / "mi"
    if not folder.is_dir():
        print(f"  conditional mean + jackknife: skipped, {folder} is not there")
        return
    rows = read(folder / "antidepressant_data.csv")
    begun = {row["PATIENT"]: row["VISIT"] for row in read(folder / "antidepressant_ice.csv")}
    people = list(dict.fromkeys(row["PATIENT"] for row in rows))
    visits = sorted({row["VISIT"] for row in rows})
    y = np.full((len(people), len(visits)), np.nan)
    base, arm = np.zeros(len(people)), np.zeros(len(people))
    for row in rows:
        i = people.index(row["PATIENT"])
        y[i, visits.index(row["VISIT"])] = float(row["CHANGE"])
        base[i], arm[i] = float(row["BASVAL"]), row["THERAPY"] == "DRUG"
    event = np.array([visits.index(begun[p]) if p in begun else len(visits) for p in people])
    each = np.eye(len(visits))

    def design(of: Floats) -> Floats:
        covariates = np.column_stack([np.ones(len(of)), base, of])
        return np.einsum("np,tu->ntup", covariates, each).reshape(len(of), len(visits), -1)

    def effects(completed: Floats, who: Floats) -> Floats:
        x = np.column_stack([np.ones(len(who)), arm[who], base[who]])
        return np.linalg.lstsq(x, completed, rcond=None)[0][1]

    def run() -> object:
        strategy = ["J2R" if e < len(visits) else "MAR" for e in event]
        made = trial(y, design(arm), design(arm * 0), strategy=strategy, event=event)  # type: ignore
        return jackknife(fit_base(made), effects)

    timed("conditional mean + jackknife, J2R, 172 patients", run)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def curves(most: int) -> None:
    """Time by patients and by imputations; memory of a stream by imputations."""
    chains = Chains(burn_in=50)
    for rows in [n for n in (1_000, 10_000, 100_000) if n <= most]:
        y = normal(rows, 5, 0.1)
        timed(
            f"augmentation by patients: {rows:,} x 5, m = 20, burn-in 50",
            lambda y=y: augment(y, m=20, generator=np.random.default_rng(1), chains=chains),
            1,
        )
    y = normal(1_000, 8)
    for m in (500, 1_000, 2_000, 4_000):

        def stream(m: int = m) -> int:
            blocks = augment_stream(y, m=m, generator=np.random.default_rng(1), chains=chains)
            return sum(len(block) for block in blocks)

        timed(f"augmentation by imputations, streamed: 1,000 x 8, m = {m:,}", stream, 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"    peak memory so far {peak:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=100_000, help="patients at the curve's end")
    options = parser.parse_args()
    print(described())
    augmentation()
    chained()
    beside_r()
    antidepressant()
    curves(options.most)


if __name__ == "__main__":
    main()
