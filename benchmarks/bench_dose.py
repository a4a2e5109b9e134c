"""MCP-Mod of simulated trials: contrast test, choice of model by AIC, target dose.

With R and DoseFinding installed the same trials, a few of them, are analysed there in the same run.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from openlupus.statistics.dose_response.contrasts import Candidate
from openlupus.statistics.dose_response.families import emax, exponential, linear, sigmoid_emax
from openlupus.statistics.dose_response.mcpmod import analyse_trials, plan, trial_means

DOSES, SUBJECTS, DIFFERENCE = [0.0, 0.05, 0.2, 0.6, 1.0], 20, 0.3
CANDIDATES = [
    Candidate(linear()),
    Candidate(emax(), (0.2,)),
    Candidate(exponential(), (0.279,)),
    Candidate(sigmoid_emax(), (0.4, 4.0)),
]
IN_R = """
suppressMessages(library(DoseFinding))
d <- as.matrix(read.csv("{file}", header = FALSE))
dose <- d[1, ]
models <- Mods(linear = NULL, emax = 0.2, exponential = 0.279, sigEmax = c(0.4, 4),
               doses = sort(unique(dose)))
start <- proc.time()[[3]]
for (i in 2:nrow(d)) {{
  trial <- data.frame(dose = dose, resp = d[i, ])
  MCPMod(dose, resp, trial, models = models, Delta = {difference}, selModel = "AIC", alpha = 0.025)
}}
cat((proc.time()[[3]] - start) / (nrow(d) - 1))
"""


def simulated(trials: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Doses of the subjects, and responses of every trial about an emax curve."""
    dose = np.repeat(DOSES, SUBJECTS)
    noise = np.random.default_rng(seed).normal(0, 0.7, (trials, dose.size))
    return dose, 0.3 + 0.75 * dose / (0.15 + dose) + noise


def ours(trials: int) -> float:
    """Seconds from the responses of all trials to their target doses, the design included."""
    dose, responses = simulated(trials)
    start = time.perf_counter()
    design = plan(DOSES, [SUBJECTS] * len(DOSES), CANDIDATES)
    got = analyse_trials(design, *trial_means(dose, responses), difference=DIFFERENCE)
    seconds = time.perf_counter() - start
    print(
        f"openlupus    {trials:8,} trials {seconds:8.2f} s {1e3 * seconds / trials:10.4f} ms each;"
        f" significant {got.significant.mean():.3f}, median target dose"
        f" {np.nanmedian(got.target_dose):.3f}"
    )
    return seconds / trials


def in_r(trials: int) -> float | None:
    """Seconds a trial in DoseFinding; None where it is not installed."""
    if shutil.which("Rscript") is None:
        return None
    dose, responses = simulated(trials)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trials.csv"
        np.savetxt(file, np.vstack([dose, responses]), delimiter=",")
        script = IN_R.format(file=file, difference=DIFFERENCE)
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True)
    if done.returncode:
        return None
    each = float(done.stdout.split()[-1])
    print(f"DoseFinding  {trials:8,} trials {each * trials:8.2f} s {1e3 * each:10.4f} ms each")
    return each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--r-trials", type=int, default=50)
    options = parser.parse_args()
    each = [ours(trials) for trials in options.trials][-1]
    theirs = in_r(options.r_trials)
    print(f"ratio {theirs / each:.0f}" if theirs else "R with DoseFinding is not installed")


if __name__ == "__main__":
    main()
