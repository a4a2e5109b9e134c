"""Does multiple imputation of a responder cover? And where is non-responder imputation biased?

Trials of two arms whose patients may leave at the last visit, more often when they fared badly at
the visit before: missing at random. A responder must fall enough on a score and not rise on a
second one. Multiple imputation draws both scores and recomputes the responder; or it draws the
responder itself from what was seen before.
"""

import argparse
import time

import numpy as np

from benchmarks.machine import described
from openlupus.statistics.imputation.augmentation import Chains, augment
from openlupus.statistics.imputation.imputations import recompute
from openlupus.statistics.imputation.mixed import Column
from openlupus.statistics.imputation.monotone import impute_monotone
from openlupus.statistics.imputation.pool import rubin
from openlupus.statistics.interval import Floats

EFFECT = 1.5
COVARIANCE = np.array(
    [
        [9.0, 5.0, 4.0, 0.2],
        [5.0, 10.0, 7.0, 0.4],
        [4.0, 7.0, 12.0, 0.6],
        [0.2, 0.4, 0.6, 0.25],
    ]
)  # fmt: skip


def patients(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Scores at the start, half-way and at the end, a second score at the end; and the arm."""
    arm = np.repeat([1.0, 0.0], [n // 2, n - n // 2])
    y = rng.multivariate_normal([10.0, 8.0, 7.0, 0.0], COVARIANCE, n)
    y[:, 1:3] -= EFFECT * arm[:, None] * [0.6, 1.0]
    return y, arm


def leaves(rng: np.random.Generator, y: Floats, share: float) -> Floats:
    """Who has left before the end: more often after a bad visit half-way."""
    score = (y[:, 1] - 8.0) / 3.0
    cut = np.quantile(score + rng.logistic(size=len(y)), 1 - share)
    return score + rng.logistic(size=len(y)) > cut


def responds(y: Floats) -> Floats:
    return ((y[:, 2] <= y[:, 0] - 4) & (y[:, 3] < 0.3)).astype(np.float64)


def difference(responder: Floats, arm: Floats) -> tuple[Floats, Floats]:
    """Risk difference and its variance in each completed data set."""
    sides = [responder[..., arm == side] for side in (1, 0)]
    rates = [side.mean(axis=-1) for side in sides]
    variance = sum(p * (1 - p) / s.shape[-1] for p, s in zip(rates, sides, strict=True))
    return rates[0] - rates[1], np.asarray(variance)


def one_trial(rng: np.random.Generator, n: int, share: float, m: int) -> list[float]:
    """Estimate, standard error and limits of both imputations; the non-responder estimate."""
    y, arm = patients(rng, n)
    gone = leaves(rng, y, share)
    y[gone[:, None] & [False, False, True, True]] = np.nan
    drawn = augment(np.column_stack([y, arm]), m=m, generator=rng, chains=Chains(burn_in=30))
    components = rubin(*difference(recompute(responds, drawn), arm))

    responder = np.where(gone, np.nan, responds(y))
    columns = ("start", "half-way", "arm", Column("responder", "binary"))
    table = np.column_stack([y[:, :2], arm, responder])
    direct = impute_monotone(table, columns, m=m, generator=rng).column(3)
    logistic = rubin(*difference(direct, arm))

    nonresponder, _ = difference(np.where(gone, 0.0, responder), arm)
    pooled = [
        float(value)
        for got in (components, logistic)
        for value in (got.estimate, got.standard_error, got.lower, got.upper)
    ]
    return [*pooled, float(nonresponder)]


def report(label: str, truth: float, found: Floats) -> None:
    estimate, error, lower, upper = found.T
    covered = float(np.mean((lower <= truth) & (truth <= upper)))
    doubt = np.sqrt(covered * (1 - covered) / len(found))
    print(label)
    print(f"  mean                              {estimate.mean():.4f}")
    print(f"  standard error, mean              {error.mean():.4f}")
    print(f"  standard deviation over trials    {estimate.std(ddof=1):.4f}")
    print(f"  covers (95 % aimed at)            {covered:.4f}, Monte Carlo error {doubt:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--patients", type=int, default=300)
    parser.add_argument("--missing", type=float, default=0.25)
    parser.add_argument("--imputations", type=int, default=20)
    options = parser.parse_args()
    print(described())
    y, arm = patients(np.random.default_rng(1), 4_000_000)
    truth = float(difference(responds(y), arm)[0])
    start = time.perf_counter()
    found = np.array(
        [
            one_trial(rng, options.patients, options.missing, options.imputations)
            for rng in np.random.default_rng(2).spawn(options.trials)
        ]
    )
    print(f"true risk difference                {truth:.4f}")
    report("components imputed, responder recomputed", truth, found[:, :4])
    report("responder imputed by logistic regression", truth, found[:, 4:8])
    print("non-responder imputation")
    print(f"  mean                              {found[:, 8].mean():.4f}")
    print(f"  bias                              {found[:, 8].mean() - truth:+.4f}")
    print(f"{options.trials} trials in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
