"""MCP-Mod of simulated trials: contrast test, choice of model by AIC, target dose.

With R and DoseFinding installed some of the trials are analysed there in the same run.
"""

import argparse
import time

import numpy as np

from benchmarks.beside_r import in_r
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
d <- as.matrix(given)
dose <- d[1, ]
models <- Mods(linear = NULL, emax = 0.2, exponential = 0.279, sigEmax = c(0.4, 4),
               doses = sort(unique(dose)))
t <- c(); chosen <- c(); target <- c()
families <- c("linear", "emax", "exponential", "sigEmax")
spent <- elapsed(for (i in 2:nrow(d)) {
  trial <- data.frame(dose = dose, resp = d[i, ])
  got <- MCPMod(dose, resp, trial, models = models, Delta = %s, selModel = "AIC", alpha = 0.025)
  t <- c(t, as.numeric(got$MCTtest$tStat))
  none <- is.null(got$selMod) || is.na(got$selMod)
  chosen <- c(chosen, if (none) 0 else match(got$selMod, families))
  target <- c(target, if (none) NA else got$doseEst[got$selMod])
})
answer(list(seconds = spent, t = t, chosen = chosen, target = target))
"""


def simulated(trials: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Doses of the subjects, and responses of every trial about an emax curve."""
    dose = np.repeat(DOSES, SUBJECTS)
    noise = np.random.default_rng(seed).normal(0, 0.7, (trials, dose.size))
    return dose, 0.3 + 0.75 * dose / (0.15 + dose) + noise


def ours(trials: int) -> float:
    """Processor seconds from the responses to the target doses, the design included."""
    dose, responses = simulated(trials)
    start = time.process_time()
    design = plan(DOSES, [SUBJECTS] * len(DOSES), CANDIDATES)
    got = analyse_trials(design, *trial_means(dose, responses), difference=DIFFERENCE)
    seconds = time.process_time() - start
    print(
        f"openlupus    {trials:8,} trials {seconds:8.2f} s {1e3 * seconds / trials:10.4f} ms each;"
        f" significant {got.significant.mean():.3f}, median target dose"
        f" {np.nanmedian(got.target_dose):.3f}"
    )
    return seconds / trials


def beside_dosefinding(trials: int) -> float | None:
    """Processor seconds a trial in DoseFinding, and whether its numbers are ours."""
    dose, responses = simulated(trials)
    theirs = in_r("DoseFinding", IN_R % DIFFERENCE, [dose.tolist(), *responses.tolist()])
    if theirs is None:
        return None
    each = theirs["seconds"][0] / trials
    print(f"DoseFinding  {trials:8,} trials {each * trials:8.2f} s {1e3 * each:10.4f} ms each")
    design = plan(DOSES, [SUBJECTS] * len(DOSES), CANDIDATES)
    got = analyse_trials(design, *trial_means(dose, responses), difference=DIFFERENCE)
    t, chosen = np.array(theirs["t"]).reshape(trials, -1), np.array(theirs["chosen"]) - 1
    target = np.array(theirs["target"], np.float64)
    same = chosen == got.family
    both = same & ~np.isnan(target) & ~np.isnan(got.target_dose)
    print(
        f"  t differs by {np.abs(t - got.t).max():.1e} at most; the same model in {same.sum()} of"
        f" {trials}, and then target doses by {np.abs(target - got.target_dose)[both].max():.1e}"
    )
    return each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--r-trials", type=int, default=50)
    options = parser.parse_args()
    each = [ours(trials) for trials in options.trials][-1]
    theirs = beside_dosefinding(options.r_trials)
    if theirs:
        print(f"ratio {theirs / each:.0f}")


if __name__ == "__main__":
    main()
