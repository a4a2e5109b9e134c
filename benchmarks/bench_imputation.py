"""Multiple imputation: data augmentation, chained equations, conditional mean with jackknife; and
the robust regressions of many imputations.

The data are invented, but for the antidepressant trial where the reference folder has it. R's mice
is run beside the chained equations in the same run where it is installed.
"""

import argparse
import csv
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.beside_r import in_r
from benchmarks.machine import described
from openlupus.statistics.imputation.augmentation import (
    Chains,
    augment,
    augment_each,
    augment_stream,
)
from openlupus.statistics.imputation.conditional import impute_chained
from openlupus.statistics.imputation.mixed import Column
from openlupus.statistics.imputation.normal import em
from openlupus.statistics.imputation.reference import trial
from openlupus.statistics.imputation.reference_inference import jackknife
from openlupus.statistics.imputation.reference_model import fit_base
from openlupus.statistics.interval import Floats
from openlupus.statistics.robust.m import m_estimate, m_estimates
from openlupus.statistics.robust.psi import Bisquare, Huber

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

    timed("augmentation, 1,000 x (300 x 8), 100 chains, burn-in 200", run)
    each = Chains(chains=None)
    timed("  the same, a chain of 200 steps each", lambda: run(chains=each))
    with ProcessPoolExecutor(2) as executor:
        timed("  the same, two processes", lambda: run(chains=each, executor=executor))
    few = Chains(chains=100, thin=20)
    timed("  100 chains, thinning 20", lambda: run(chains=few))
    timed("EM alone", lambda: em(y))


def arms() -> None:
    """Each of four arms of 70 by itself, as a declared longitudinal analysis imputes them."""
    parts = [normal(70, 5, 0.1) for _ in range(4)]
    chains = Chains(burn_in=100)

    def sources() -> list[np.random.Generator]:
        return np.random.default_rng(2).spawn(len(parts))

    timed(
        "augmentation, 100 x 4 arms of 70 x 5, burn-in 100, together",
        lambda: augment_each(parts, m=100, generators=sources(), chains=chains),
    )
    timed(
        "  the same, one arm after the other",
        lambda: [
            augment(part, m=100, generator=own, chains=chains)
            for part, own in zip(parts, sources(), strict=True)
        ],
    )


def robust() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((100, 288, 8))
    y = x.sum(axis=2) + rng.standard_t(2, (100, 288))
    for psi in (Huber(), Bisquare()):
        timed(
            f"M estimates, 100 x (288 x 8), {psi}, together",
            lambda psi=psi: m_estimates(x, y, psi=psi, tolerance=1e-9),
        )
        timed(
            "  the same, one after the other",
            lambda psi=psi: [
                m_estimate(*each, psi=psi, tolerance=1e-9) for each in zip(x, y, strict=True)
            ],
        )


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


IN_MICE = """
names(given) <- c("age", "sex", "x1", "x2", "grade", "b1", "b2", "region")
given$grade <- factor(given$grade, ordered = TRUE)
for (name in c("sex", "b1", "b2", "region")) given[[name]] <- factor(given[[name]])
ways <- c("", "", "norm", "norm", "polr", "logreg", "logreg", "polyreg")
set.seed(1)
spent <- elapsed(drawn <- mice(given, m = 50, maxit = 5, printFlag = FALSE, method = ways))
# Means of x1, of b1 and of the grade's number, by imputation.
own <- lapply(1:50, function(i) complete(drawn, i))
answer(list(seconds = spent, x1 = sapply(own, function(d) mean(d$x1)),
            b1 = sapply(own, function(d) mean(as.numeric(d$b1) - 1)),
            grade = sapply(own, function(d) mean(as.numeric(d$grade) - 1))))
"""


def beside_mice() -> None:
    """The same frame in R's mice: processor time, and whether means of imputations agree."""
    y = mixed(288)
    theirs = in_r("mice", IN_MICE, y.tolist())
    start = time.process_time()
    drawn = impute_chained(y, MIXED, m=50, sweeps=5, generator=np.random.default_rng(1))
    ours = time.process_time() - start
    print(f"  {'ours, 288 x 8 mixed, m = 50, 5 sweeps':58s} processor {ours:8.3f} s")
    if theirs is None:
        return
    (seconds,) = theirs["seconds"]
    print(f"  {'R mice, the same':58s} processor {seconds:8.3f} s, {seconds / ours:.0f} times ours")
    for name, column in (("x1", 2), ("grade", 4), ("b1", 5)):
        own, other = drawn.column(column).mean(axis=1), np.array(theirs[name])
        error = float(np.sqrt(own.var(ddof=1) / own.size + other.var(ddof=1) / other.size))
        away = (float(own.mean()) - float(other.mean())) / error
        print(f"    mean of {name}: ours {own.mean():.4f}, mice {other.mean():.4f}: {away:+.1f}"
              " Monte Carlo errors apart")  # fmt: skip


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
    arms()
    robust()
    chained()
    beside_mice()
    antidepressant()
    curves(options.most)


if __name__ == "__main__":
    main()
