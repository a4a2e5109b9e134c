"""Does multiple imputation of a responder cover? And where is non-responder imputation biased?

Trials of two arms, two strata by the first score. Patients may leave before the last visit, more
often when they fared badly half-way: missing at random. A responder must fall enough on a score
and not rise on a second one. Every method sees the same trials; the complete data, which no trial
has, show what the interval itself does. Rewrites `imputation.csv` and `imputation.png`.
"""

import argparse
import csv
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.machine import described
from openlupus.statistics.imputation.augmentation import Chains, augment
from openlupus.statistics.imputation.bootstrap import bootstrap_imputed
from openlupus.statistics.imputation.imputations import recompute
from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.imputation.mixed import Column
from openlupus.statistics.imputation.monotone import impute_monotone
from openlupus.statistics.imputation.pool import rubin
from openlupus.statistics.imputation.pool_rates import pooled_miettinen_nurminen, pooled_newcombe
from openlupus.statistics.imputation.regressions import draw_normal
from openlupus.statistics.interval import Bools, Floats
from openlupus.statistics.newcombe import stratified_newcombe
from openlupus.statistics.score import miettinen_nurminen

Row = tuple[str, float, float, float, float]
FOLDER = Path(__file__).parent.parent / "docs" / "methods" / "calibration"
COVARIANCE = np.array(
    [
        [9.0, 5.0, 4.0, 0.2],
        [5.0, 10.0, 7.0, 0.4],
        [4.0, 7.0, 12.0, 0.6],
        [0.2, 0.4, 0.6, 0.25],
    ]
)  # fmt: skip
SCORES = ("start", "half-way", "end", "second")
METHODS = (
    "complete data, Wald", "complete data, Newcombe", "complete data, MN",
    "components, Rubin", "components, Newcombe", "components, MN", "components, bootstrap",
    "components by arm, Rubin", "components by chains, Rubin",
    "responder by logistic, Rubin", "responder by logistic, Newcombe",
    "completers, Wald", "non-responders, Wald", "non-responders, Newcombe",
)  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """A population of trials: who leaves, and what the treatment does."""

    name: str
    share: float
    effect: float = 1.5
    more_in_test: float = 0.0
    patients: int = 300
    imputations: int = 20
    trials: int = 600
    bootstrapped: int = 0


SCENARIOS = (
    Scenario("25% leave", 0.25, trials=2500, bootstrapped=2000),
    Scenario("10% leave", 0.1),
    Scenario("40% leave", 0.4),
    Scenario("25% leave, more of the test arm", 0.25, more_in_test=1.0),
    Scenario("25% leave, more of the control arm", 0.25, more_in_test=-1.0),
    Scenario("25% leave, no effect", 0.25, effect=0.0),
    Scenario("25% leave, m = 5", 0.25, imputations=5),
    Scenario("25% leave, m = 100", 0.25, imputations=100),
)


def patients(rng: np.random.Generator, n: int, effect: float) -> tuple[Floats, Floats]:
    """The four scores, and the arm."""
    arm = np.repeat([1.0, 0.0], [n // 2, n - n // 2])
    y = rng.multivariate_normal([10.0, 8.0, 7.0, 0.0], COVARIANCE, n)
    y[:, 1:3] -= effect * arm[:, None] * [0.6, 1.0]
    return y, arm


def inclination(rng: np.random.Generator, y: Floats, arm: Floats, scenario: Scenario) -> Floats:
    """Who has the largest leaves: worse half-way, and by arm where the scenario says so."""
    return (y[:, 1] - 8.0) / 3.0 + scenario.more_in_test * arm + rng.logistic(size=len(y))


def responds(y: Floats) -> Floats:
    return ((y[..., 2] <= y[..., 0] - 4) & (y[..., 3] < 0.3)).astype(np.float64)


def truth(scenario: Scenario) -> tuple[float, float]:
    """True risk difference, and the inclination above which the share leaves."""
    rng = np.random.default_rng(1)
    y, arm = patients(rng, 4_000_000, scenario.effect)
    cut = float(np.quantile(inclination(rng, y, arm, scenario), 1 - scenario.share))
    found = responds(y)
    return float(found[arm == 1].mean() - found[arm == 0].mean()), cut


def difference(responder: Floats, arm: Floats) -> tuple[Floats, Floats]:
    """Risk difference and its variance in each completed data set."""
    sides = [responder[..., arm == side] for side in (1, 0)]
    rates = [side.mean(axis=-1) for side in sides]
    variance = sum(p * (1 - p) / s.shape[-1] for p, s in zip(rates, sides, strict=True))
    return rates[0] - rates[1], np.asarray(variance)


def counts(responder: Floats, arm: Floats, stratum: Bools) -> tuple[Floats, Floats]:
    """Responders (..., 2, strata) and patients (2, strata)."""
    cells = [[(arm == side) & (stratum == each) for each in (True, False)] for side in (1, 0)]
    x = np.array([[responder[..., cell].sum(axis=-1) for cell in row] for row in cells])
    return np.moveaxis(x, (0, 1), (-2, -1)), np.array([[c.sum() for c in row] for row in cells])


def wald(label: str, responder: Floats, arm: Floats) -> Row:
    """One data set."""
    estimate, variance = (float(each) for each in difference(responder, arm))
    error = variance**0.5
    return label, estimate, error, estimate - 1.959963985 * error, estimate + 1.959963985 * error


def pooled(label: str, responder: Floats, arm: Floats) -> Row:
    """Rubin's rules."""
    got = rubin(*difference(responder, arm))
    return label, got.estimate, got.standard_error, got.lower, got.upper  # type: ignore


def interval(label: str, got: object) -> Row:
    return label, got.value, float("nan"), got.lower, got.upper  # type: ignore


def complete_data(y: Floats, arm: Floats, stratum: Bools) -> Iterator[Row]:
    responder = responds(y)
    yield wald("complete data, Wald", responder, arm)
    tables = counts(responder, arm, stratum)
    yield interval("complete data, Newcombe", stratified_newcombe(*tables))
    yield interval("complete data, MN", miettinen_nurminen(*tables, weights="cmh"))


def components(
    scores: Floats, arm: Floats, stratum: Bools, m: int, rng: np.random.Generator
) -> Iterator[Row]:
    drawn = impute_monotone(
        np.column_stack([scores, arm])[:, [4, 0, 1, 2, 3]], ("arm", *SCORES), m=m, generator=rng
    )
    again = recompute(lambda whole: responds(whole[:, 1:]), drawn)
    yield pooled("components, Rubin", again, arm)
    tables = counts(again, arm, stratum)
    yield interval("components, Newcombe", pooled_newcombe(*tables))
    yield interval("components, MN", pooled_miettinen_nurminen(*tables))
    by_arm = impute_monotone(scores, SCORES, m=m, generator=rng, by=arm)
    yield pooled("components by arm, Rubin", recompute(responds, by_arm), arm)


def chains(scores: Floats, arm: Floats, m: int, rng: np.random.Generator) -> Row:
    drawn = augment(np.column_stack([scores, arm]), m=m, generator=rng, chains=Chains(burn_in=30))
    return pooled("components by chains, Rubin", recompute(responds, drawn), arm)


def resampled(scores: Floats, arm: Floats, rng: np.random.Generator) -> Row:
    """The monotone regressions of `components`, twice in each of 200 resamples."""
    table = np.column_stack([np.ones(arm.size), arm, scores])
    gone = np.isnan(scores[:, 2])

    def resample(rows: Indices, own: np.random.Generator) -> Floats:
        left, kept = table[rows[gone[rows]]], table[rows[~gone[rows]]]
        x, x_left = (np.repeat(each[None, :, :4], 2, axis=0) for each in (kept, left))
        end = draw_normal(x, kept[:, 4], x_left, own)[..., None]
        x = np.repeat(kept[None, :, :5], 2, axis=0)
        x_left = np.concatenate([x_left, end], axis=2)
        x_left = np.concatenate(
            [x_left, draw_normal(x, kept[:, 5], x_left, own)[..., None]], axis=2
        )
        seen, drawn = responds(kept[:, 2:]), responds(x_left[..., 2:])
        sides = [
            (seen[kept[:, 1] == side].sum() + drawn[:, left[:, 1] == side].sum(axis=1))
            / (arm[rows] == side).sum()
            for side in (1, 0)
        ]
        return sides[0] - sides[1]

    got = bootstrap_imputed(resample, strata=arm, generator=rng)
    return "components, bootstrap", got.estimate, got.standard_error, got.lower, got.upper  # type: ignore


def direct(
    scores: Floats, arm: Floats, stratum: Bools, gone: Bools, m: int, rng: np.random.Generator
) -> Iterator[Row]:
    """The responder itself imputed, left out, or taken for a non-responder."""
    responder = np.where(gone, np.nan, responds(scores))
    columns = ("start", "half-way", "arm", Column("responder", "binary"))
    table = np.column_stack([scores[:, :2], arm, responder])
    drawn = impute_monotone(table, columns, m=m, generator=rng).column(3)
    yield pooled("responder by logistic, Rubin", drawn, arm)
    yield interval("responder by logistic, Newcombe", pooled_newcombe(*counts(drawn, arm, stratum)))
    yield wald("completers, Wald", responder[~gone], arm[~gone])
    none = np.where(gone, 0.0, responder)
    yield wald("non-responders, Wald", none, arm)
    yield interval("non-responders, Newcombe", stratified_newcombe(*counts(none, arm, stratum)))


def one_trial(
    scenario: Scenario, cut: float, bootstrapped: bool, rng: np.random.Generator
) -> list[Row]:
    y, arm = patients(rng, scenario.patients, scenario.effect)
    gone = inclination(rng, y, arm, scenario) > cut
    stratum, m = y[:, 0] > 10, scenario.imputations
    scores = y.copy()
    scores[gone, 2:] = np.nan
    rows = [
        *complete_data(y, arm, stratum),
        *components(scores, arm, stratum, m, rng),
        *direct(scores, arm, stratum, gone, m, rng),
    ]
    if bootstrapped:
        rows += [resampled(scores, arm, rng), chains(scores, arm, m, rng)]
    return rows


@dataclass(frozen=True)
class Found:
    """What a method did in the trials of a scenario."""

    scenario: str
    method: str
    trials: int
    truth: float
    mean: float
    bias: float
    mean_standard_error: float
    standard_deviation: float
    width: float
    coverage: float
    monte_carlo_error: float


def summary(scenario: Scenario, aim: float, trials: list[list[Row]]) -> list[Found]:
    by_method: dict[str, list[tuple[float, ...]]] = {name: [] for name in METHODS}
    for trial in trials:
        for name, *numbers in trial:
            by_method[name].append(tuple(numbers))
    found: list[Found] = []
    for name, rows in by_method.items():
        if not rows:
            continue
        estimate, error, lower, upper = np.array(rows).T
        covered = float(np.mean((lower <= aim) & (aim <= upper)))
        found.append(
            Found(
                scenario.name, name, len(rows), aim, float(estimate.mean()),
                float(estimate.mean()) - aim, float(error.mean()), float(estimate.std(ddof=1)),
                float(np.mean(upper - lower)), covered,
                (covered * (1 - covered) / len(rows)) ** 0.5,
            )
        )  # fmt: skip
    return found


def read(folder: Path) -> dict[str, list[Found]]:
    """What an earlier run wrote."""
    found: dict[str, list[Found]] = {}
    with (folder / "imputation.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name, method, trials = row.pop("scenario"), row.pop("method"), int(row.pop("trials"))
            numbers = {key: float(value) for key, value in row.items()}
            found.setdefault(name, []).append(Found(name, method, trials, **numbers))
    return found


def write(found: dict[str, list[Found]], folder: Path) -> None:
    with (folder / "imputation.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Found.__dataclass_fields__)
        order = [s.name for s in SCENARIOS if s.name in found]
        for each in (each for name in order for each in found[name]):
            values = [getattr(each, name) for name in Found.__dataclass_fields__]
            writer.writerow([f"{v:.5f}" if isinstance(v, float) else v for v in values])


PICTURE = {
    "complete data, Wald": ("complete data", "#000000", "o"),
    "components, Rubin": ("components imputed, Rubin", "#0072B2", "s"),
    "components, bootstrap": ("components imputed, bootstrap", "#56B4E9", "D"),
    "responder by logistic, Rubin": ("responder imputed, Rubin", "#009E73", "^"),
    "non-responders, Wald": ("non-responder imputation", "#D55E00", "v"),
}


def picture(found: list[Found], folder: Path) -> None:
    """Coverage, and bias, by scenario."""
    from matplotlib.figure import Figure

    names = [s.name for s in SCENARIOS if "m =" not in s.name]
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for number, (method, (label, colour, marker)) in enumerate(PICTURE.items()):
        rows = {each.scenario: each for each in found if each.method == method}
        at = [k + 0.14 * (number - 2) for k, name in enumerate(names) if name in rows]
        own = [rows[name] for name in names if name in rows]
        style = {"color": colour, "marker": marker, "linestyle": "", "markersize": 5}
        left.errorbar(
            [100 * each.coverage for each in own], at,
            xerr=[196 * each.monte_carlo_error for each in own], label=label, **style,
        )  # fmt: skip
        right.errorbar(
            [each.bias for each in own], at,
            xerr=[1.96 * each.standard_deviation / each.trials**0.5 for each in own], **style,
        )  # fmt: skip
    left.axvspan(93.5, 96.5, color="#dddddd", zorder=0)
    left.axvline(95, color="#777777", linewidth=0.8)
    right.axvline(0, color="#777777", linewidth=0.8)
    left.set(xlabel="coverage of 95 % intervals, %; the band is 95 ± 1.5", yticks=range(len(names)))
    left.set_yticklabels(names)
    left.invert_yaxis()
    right.set(xlabel="bias of the risk difference")
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5,
                  frameon=False, fontsize=8)  # fmt: skip
    figure.savefig(folder / "imputation.png", dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="scenarios by name; the others stay as they are")
    parser.add_argument("--share", type=float, default=1.0, help="of the trials that are run")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(described())
    found = read(options.out) if options.only else {}
    with ProcessPoolExecutor(options.workers) as executor:
        for scenario in SCENARIOS:
            if options.only and scenario.name not in options.only:
                continue
            start = time.perf_counter()
            aim, cut = truth(scenario)
            seeds = np.random.default_rng(2).spawn(int(options.share * scenario.trials))
            # The bootstrap and the chains cost a hundred times the rest.
            long = int(options.share * scenario.bootstrapped)
            trials: list[list[Row]] = []
            for own, part in ((True, seeds[:long]), (False, seeds[long:])):
                work = partial(one_trial, scenario, cut, own)
                trials += executor.map(work, part, chunksize=50)
            found[scenario.name] = rows = summary(scenario, aim, trials)
            print(f"{scenario.name}: {time.perf_counter() - start:.0f} s, true {aim:.4f}")
            for each in rows:
                print(
                    f"  {each.method:34s} bias {each.bias:+.4f}"
                    f"  error {each.mean_standard_error:.4f}"
                    f"  deviation {each.standard_deviation:.4f}"
                    f"  covers {100 * each.coverage:.1f} ({100 * each.monte_carlo_error:.1f})",
                    flush=True,
                )
            write(found, options.out)
    picture([each for rows in found.values() for each in rows], options.out)


if __name__ == "__main__":
    main()
