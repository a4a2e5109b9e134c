"""MMRM from data frame to least-squares means, Kenward-Roger; and R's nlme::gls beside it.

The data are invented: unstructured covariance, 15 % of the responses missing. Processor seconds of
this process (all threads), the least of several runs: on a machine that does other work too they
are the cost of the method. R's are its own user and system time.
"""

import argparse
import gc
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.machine import described
from openlupus.modelling import Mmrm, mmrm
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.covariance import structure
from openlupus.statistics.mmrm.likelihood import evaluate
from openlupus.statistics.mmrm.observations import observations
from openlupus.statistics.mmrm.optimise import maximise
from openlupus.statistics.mmrm.sufficient import Panel, moments, panels

FORMULA = "y ~ sex + base + arm*visit + us(visit | id)"


def trial(subjects: int, visits: int, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(visits, visits)) / visits**0.5 + np.eye(visits)
    y = rng.normal(size=(subjects, visits)) @ root.T + np.arange(visits)
    y[rng.random((subjects, visits)) < 0.15] = np.nan
    long = {
        "y": y.ravel(),
        "id": np.repeat([f"S{k:07d}" for k in range(subjects)], visits),
        "visit": np.tile([f"V{k:02d}" for k in range(visits)], subjects),
        "arm": np.repeat(np.where(rng.random(subjects) < 0.5, "A", "B"), visits),
        "sex": np.repeat(np.where(rng.random(subjects) < 0.5, "F", "M"), visits),
        "base": np.repeat(rng.normal(size=subjects), visits),
    }
    return pl.DataFrame(long).with_columns(pl.col("y").fill_nan(None))


def analysed(formula: str, data: pl.DataFrame, arm: str, visit: str) -> Mmrm:
    found = mmrm(formula, data)
    found.coefficients()
    found.lsmeans(arm, visit)
    found.differences(arm, by=visit)
    return found


def best(run: Callable[[], object], times: int) -> float:
    """Processor seconds of a call, the least of several."""
    run()
    seconds: list[float] = []
    for _ in range(times):
        gc.collect()
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return min(seconds)


def report(label: str, seconds: float, found: Mmrm) -> None:
    proof = found.inference.fit.convergence
    print(f"  {label:34s} {seconds:8.3f} s   relative gradient {proof.relative_gradient:.0e}")


def public_example() -> None:
    """The FEV1 example of R's mmrm, where the reference folder has it."""
    folder = Path(os.environ.get("OPENLUPUS_REFERENCE", "../shared/reference"))
    path = folder / "stats" / "mmrm" / "fev_data.csv"
    if not path.is_file():
        print(f"  fev_data: skipped, {path} is not there")
        return
    data = pl.read_csv(path)
    formula = "FEV1 ~ RACE + SEX + ARMCD*AVISIT + us(AVISIT | USUBJID)"

    def run() -> Mmrm:
        return analysed(formula, data, "ARMCD", "AVISIT")

    report("fev_data, 200 subjects x 4 visits", best(run, 20), run())


def sizes() -> None:
    for subjects, visits in [(10_000, 4), (50_000, 4), (1_000, 10)]:
        data = trial(subjects, visits)

        def run(data: pl.DataFrame = data) -> Mmrm:
            return analysed(FORMULA, data, "arm", "visit")

        report(f"{subjects:,} subjects x {visits} visits", best(run, 3), run())


def curve(most: int) -> None:
    """Time of the one pass over the observations, and of the optimiser after it."""
    print("  subjects      one pass    optimiser")
    # The same covariance for all sizes: the steps that are needed depend on it.
    lags = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    root = np.linalg.cholesky(0.7**lags * np.outer([1, 1.2, 1.5, 1.8], [1, 1.2, 1.5, 1.8]))
    for subjects in [n for n in (200, 1_000, 10_000, 100_000, 1_000_000) if n <= most]:
        rng = np.random.default_rng(1)
        visit = np.tile(np.arange(4), subjects)
        subject = np.repeat(np.arange(subjects), 4)
        arm = np.repeat(rng.random(subjects) < 0.5, 4)
        x = np.column_stack([np.ones(visit.size), arm, *(visit == k for k in (1, 2, 3))])
        y = (rng.normal(size=(subjects, 4)) @ root.T).ravel()
        seen = rng.random(y.size) >= 0.15
        # `fit` too starts from residuals of least squares.
        y = np.where(seen, y - x @ np.linalg.lstsq(x[seen], y[seen], rcond=None)[0], np.nan)

        def one_pass(y=y, x=x, visit=visit, subject=subject) -> tuple[Panel, ...]:
            return panels(observations(y, x, visit, subject)[0])

        passed, ready, own = best(one_pass, 3), one_pass(), structure("us", 4)
        products, counts = moments(ready[0])
        start = own.start(products / counts)

        def optimiser(ready=ready, own=own, start=start) -> Floats:
            return maximise(
                lambda theta: evaluate(ready, [own], theta, reml=True),
                start,
                lambda theta: own.natural(theta).names,
            )

        print(f"  {subjects:9,d}  {passed:9.4f} s  {best(optimiser, 10):9.4f} s")


R_SCRIPT = """
library(nlme)
data <- read.csv(commandArgs(TRUE)[1]); data <- data[!is.na(data$y), ]
data$place <- as.integer(factor(data$visit))
seconds <- system.time(fit <- gls(y ~ sex + base + arm * visit, data,
  correlation = corSymm(form = ~ place | id), weights = varIdent(form = ~ 1 | visit),
  method = "REML"))[c("user.self", "sys.self")]
cat(sum(seconds), format(as.numeric(logLik(fit)), digits = 12), "\\n")
"""


def beside_r(subjects: int) -> None:
    """R's nlme::gls on the same data: the fit alone, without degrees of freedom."""
    if shutil.which("Rscript") is None:
        print("  R is not installed: no comparison (Debian: r-base-core, r-cran-nlme)")
        return
    data = trial(subjects, 4)
    with tempfile.TemporaryDirectory() as folder:
        script, table = Path(folder) / "gls.R", Path(folder) / "trial.csv"
        script.write_text(R_SCRIPT, encoding="utf-8")
        data.write_csv(table, null_value="NA")
        done = subprocess.run(
            ["Rscript", "--vanilla", str(script), str(table)], capture_output=True, text=True
        )
    if done.returncode:
        print(f"  nlme::gls failed: {done.stderr.strip().splitlines()[-1:]}")
        return
    seconds, likelihood = (float(x) for x in done.stdout.split()[-2:])

    def run() -> Mmrm:
        return analysed(FORMULA, data, "arm", "visit")

    ours, found = best(run, 3), run()
    print(
        f"  {subjects:,} subjects x 4 visits: nlme::gls {seconds:.2f} s, here {ours:.4f} s"
        f" ({seconds / ours:,.0f} times faster)"
    )
    print(f"    log-likelihoods {likelihood:.6f} and {found.inference.fit.log_likelihood:.6f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000, help="subjects of the curve")
    options = parser.parse_args()
    print(described())
    print("data frame to least-squares means and differences, Kenward-Roger; processor seconds")
    public_example()
    sizes()
    print("fit from arrays, unstructured, 4 visits")
    curve(options.most)
    print("beside R, the same data")
    beside_r(200)
    beside_r(1_000)


if __name__ == "__main__":
    main()
