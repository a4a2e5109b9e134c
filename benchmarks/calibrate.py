"""Simulation studies: do intervals cover and tests err as often as they say?

`python -m benchmarks.calibrate` writes `docs/methods/calibration/results.csv` and two pictures; a
fixed seed, a Monte-Carlo standard error in every row. A study is a function that takes a generator
and a number of replicates and yields rows; `STUDIES` lists them. `--only repeated` runs one study
anew and keeps the rows of the others.
"""

import argparse
import contextlib
import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import matplotlib as mpl
import numpy as np

from benchmarks.machine import described
from openlupus.errors import StatisticsError
from openlupus.statistics import ratio
from openlupus.statistics import risk_difference as rd
from openlupus.statistics.ancova import ancova
from openlupus.statistics.barnard import barnard, boschloo
from openlupus.statistics.cmh import cmh
from openlupus.statistics.contingency import fisher_exact
from openlupus.statistics.count_regression import negative_binomial_regression, poisson_regression
from openlupus.statistics.homogeneity import breslow_day
from openlupus.statistics.logistic import firth_regression, logistic_regression
from openlupus.statistics.marginal import marginal_means
from openlupus.statistics.mmrm.clda import constrained_columns
from openlupus.statistics.mmrm.fit import fit
from openlupus.statistics.mmrm.inference import Df, Vcov, inference
from openlupus.statistics.paired import mcnemar
from openlupus.statistics.proportion import proportion
from openlupus.statistics.ranks import kruskal_wallis, van_elteren, wilcoxon
from openlupus.statistics.rates import rate_ratio
from openlupus.statistics.score import gart_nam, miettinen_nurminen, score_test, summary_score

OUT = Path(__file__).resolve().parent.parent / "docs" / "methods" / "calibration"
SIZES = (20, 50, 100, 300)
LEVEL, ALPHA = 0.95, 0.05


@dataclass(frozen=True)
class Row:
    """One method in one scenario.

    `share` is the coverage of a 95 % interval or the type I error of a 5 % test, among the
    replicates in which the method has a result; `undefined` is the share without one.
    """

    method: str
    what: str
    scenario: str
    n: int
    nominal: float
    share: float
    monte_carlo_error: float
    undefined: float
    replicates: int


def row(method: str, what: str, scenario: str, n: int, happened: np.ndarray) -> Row:
    """Summarise replicates: 1 happened, 0 did not, NaN undefined."""
    known = happened[~np.isnan(happened)]
    share = float(known.mean()) if known.size else float("nan")
    error = float(np.sqrt(share * (1 - share) / known.size)) if known.size else float("nan")
    nominal = LEVEL if what == "coverage" else ALPHA
    undefined = 1 - known.size / happened.size
    return Row(method, what, scenario, n, nominal, share, error, undefined, happened.size)


def covered(got: rd.Interval, truth: float) -> np.ndarray:
    lower, upper = np.asarray(got.lower), np.asarray(got.upper)
    inside = ((lower <= truth) & (truth <= upper)).astype(float)
    return np.where(np.isnan(lower) | np.isnan(upper), np.nan, inside)


def rejected(p: np.ndarray | float) -> np.ndarray:
    return np.where(np.isnan(p), np.nan, (np.asarray(p) <= ALPHA).astype(float))


# -- binary ---------------------------------------------------------------------------------

ONE_TABLE: dict[str, Callable[..., rd.Interval]] = {
    "Wald": rd.wald,
    "Agresti-Caffo": rd.agresti_caffo,
    "Newcombe": rd.newcombe,
    "Newcombe, corrected": lambda x, n: rd.newcombe(x, n, continuity=True),
    "Miettinen-Nurminen": miettinen_nurminen,
    "Mee": rd.mee,
}
STRATIFIED: dict[str, Callable[..., rd.Interval]] = {
    "Greenland-Robins": rd.common_risk_difference,
    "Sato": lambda x, n: rd.common_risk_difference(x, n, variance="sato"),
    "inverse variance": rd.inverse_variance,
    "minimum risk": lambda x, n: rd.common_risk_difference(x, n, weights="minimum-risk"),
    "stratified Newcombe": rd.stratified_newcombe,
    "stratified Newcombe, squares": lambda x, n: rd.stratified_newcombe(x, n, combine="squares"),
    "stratified Miettinen-Nurminen": miettinen_nurminen,
    "Gart-Nam": lambda x, n: gart_nam(x[:1000], n[:1000]),
    "summary score": lambda x, n: summary_score(x, n).interval,
}


def trials(
    rng: np.random.Generator, replicates: int, n: int, control: np.ndarray, difference: float
) -> tuple[np.ndarray, np.ndarray]:
    """Trials of n patients, half in each group, spread over strata by chance."""
    strata = control.size
    share = np.full(strata, 1 / strata)
    sizes = np.stack([rng.multinomial(n // 2, share, replicates) for _ in range(2)], axis=1)
    rates = np.stack([control + difference, control])
    return rng.binomial(sizes, rates), sizes


def binary(rng: np.random.Generator, replicates: int) -> Iterator[Row]:
    """Intervals of a difference of 0.15 and tests of no difference, one table and strata."""
    scenarios = {
        "one table": np.array([0.3]),
        "4 strata": np.array([0.2, 0.3, 0.4, 0.5]),
        "12 strata": np.linspace(0.1, 0.6, 12),
    }
    for scenario, control in scenarios.items():
        methods = ONE_TABLE if control.size == 1 else STRATIFIED
        for n in SIZES:
            x, size = trials(rng, replicates, n, control, 0.15)
            for name, method in methods.items():
                yield row(name, "coverage", scenario, n, covered(method(x, size), 0.15))
            x, size = trials(rng, replicates, n, control, 0.0)
            for name, p in {
                "CMH": cmh(x, size).p,
                "CMH, corrected": cmh(x, size, correct=True).p,
                "score test": score_test(x, size).p,
            }.items():
                yield row(name, "type I error", scenario, n, rejected(p))
            for name, got in {
                "Mantel-Haenszel ratio": ratio.mantel_haenszel_ratio(x, size),
                "Mantel-Haenszel odds ratio": cmh(x, size),
                "score, ratio": miettinen_nurminen(x[:1000], size[:1000], contrast="ratio"),
            }.items():
                yield row(name, "coverage", scenario, n, covered(got, 1.0))


def one_proportion(rng: np.random.Generator, replicates: int) -> Iterator[Row]:
    """Intervals of one proportion of 0.15."""
    for n in SIZES:
        x = rng.binomial(n, 0.15, replicates)
        for method in ("wilson", "clopper-pearson", "jeffreys", "agresti-coull", "wald"):
            got = proportion(x, np.full(replicates, n), method=method)
            yield row(method, "coverage", "one proportion", n, covered(got, 0.15))


# -- one trial at a time --------------------------------------------------------------------


def each(replicates: int, one: Callable[[], dict[str, float]]) -> dict[str, np.ndarray]:
    """Results of replicates by name; a refusal (separation, say) is NaN."""
    found: list[dict[str, float]] = []
    for _ in range(replicates):
        try:
            found.append(one())
        except StatisticsError:
            found.append({})
    names = dict.fromkeys(name for result in found for name in result)
    return {name: np.array([r.get(name, np.nan) for r in found]) for name in names}


def adjusted(rng: np.random.Generator, replicates: int) -> Iterator[Row]:
    """Marginal difference by g-computation when there is none, one strong covariate."""
    for n in SIZES:
        group = np.repeat([0, 1], n // 2)

        def one(group=group, n=n) -> dict[str, float]:
            x = rng.normal(size=n)
            y = (rng.random(n) < 1 / (1 + np.exp(0.4 - x))).astype(float)
            ge, hc3, ye = (
                marginal_means(y, group, covariates=x, variance=variance, robust=robust).effect(1)
                for variance, robust in (("ge", "HC0"), ("ge", "HC3"), ("ye", "model"))
            )
            design = np.column_stack([np.ones(n), group, x])
            plain, firth = logistic_regression(y, design), firth_regression(y, design)
            return {"g-computation, Ge HC0": ge.p, "g-computation, Ge HC3": hc3.p,
                    "g-computation, Ye": ye.p, "logistic, Wald": plain.p("column 2"),
                    "logistic, Firth": firth.p("column 2")}  # fmt: skip

        for name, p in each(replicates // 10, one).items():
            yield row(name, "type I error", "adjusted", n, rejected(p))


def continuous(rng: np.random.Generator, replicates: int) -> Iterator[Row]:
    """ANCOVA and rank tests when there is no difference; skewed errors for the rank tests."""
    for n in SIZES:
        group = np.repeat([0, 1], n // 2)

        def one(group=group, n=n) -> dict[str, float]:
            # The strata are drawn anew, or an imbalance of them would be a difference of groups.
            stratum = rng.integers(0, 4, n)
            base, skewed = rng.normal(size=n), rng.exponential(3, n) + stratum
            change = ancova(0.5 * base + rng.normal(size=n), group, covariates=base)
            test, control = skewed[group == 1], skewed[group == 0]
            shift = wilcoxon(test, control)
            inside = float(shift.shift.lower <= 0 <= shift.shift.upper)
            return {
                "ANCOVA": change.differences[0].p, "Wilcoxon": shift.p,
                "Wilcoxon, exact": wilcoxon(test, control, exact=True).p if n <= 50 else np.nan,
                "van Elteren": van_elteren(np.round(skewed), group, stratum).p,
                "Kruskal-Wallis": kruskal_wallis([skewed[group == 0], skewed[group == 1]]).p,
                "Hodges-Lehmann": inside,
            }  # fmt: skip

        for name, got in each(replicates // 10, one).items():
            if name == "Hodges-Lehmann":
                yield row(name, "coverage", "continuous", n, got)
            elif not np.isnan(got).all():
                yield row(name, "type I error", "continuous", n, rejected(got))


def counts(rng: np.random.Generator, replicates: int) -> Iterator[Row]:
    """Rates when there is no difference: Poisson, and overdispersed with theta 1; McNemar."""
    for n in SIZES:
        group = np.repeat([0, 1], n // 2)
        design = np.column_stack([np.ones(n), group])

        def one(group=group, design=design, n=n) -> dict[str, float]:
            time_ = rng.uniform(0.3, 1, n)
            poisson = rng.poisson(1.2 * time_)
            varied = rng.poisson(1.2 * time_ * rng.gamma(1, 1, n))
            events = tuple(int(poisson[group == g].sum()) for g in (1, 0))
            exposure = tuple(float(time_[group == g].sum()) for g in (1, 0))
            first, second = rng.random(n) < 0.4, rng.random(n) < 0.4
            pairs = [[np.sum(first & second), np.sum(first & ~second)],
                     [np.sum(~first & second), np.sum(~first & ~second)]]  # fmt: skip
            found = mcnemar(pairs, correct=False)
            plain = poisson_regression(poisson, design, exposure=time_)
            result = {
                "exact rate ratio": rate_ratio(events, exposure).p,
                "Poisson regression": plain.p("column 2"),
                "McNemar": found.p, "McNemar, exact": found.p_exact,
            }  # fmt: skip
            robust = poisson_regression(varied, design, exposure=time_)
            result["Poisson regression, overdispersed, HC0"] = robust.p(
                "column 2", covariance="HC0"
            )
            try:
                fit = negative_binomial_regression(varied, design, exposure=time_).fit
            except StatisticsError:  # no overdispersion in this sample
                return result
            return result | {"negative binomial": fit.p("column 2")}

        for name, p in each(replicates // 20, one).items():
            yield row(name, "type I error", "counts", n, rejected(p))


def exact(rng: np.random.Generator, replicates: int) -> Iterator[Row]:
    """Exact tests of one table, and tests of homogeneity over 4 strata, when all is equal."""
    for n in SIZES[:3]:
        tables = zip(*trials(rng, replicates // 10, n, np.array([0.3]), 0.0), strict=True)
        found = [
            {"Fisher": fisher_exact(np.column_stack([x, size - x])).p,
             "Barnard": barnard(x, size).p, "Boschloo": boschloo(x, size).p}
            for x, size in tables
        ]  # fmt: skip
        for name in found[0]:
            got = rejected(np.array([each[name] for each in found]))
            yield row(name, "type I error", "exact tests", n, got)
    for n in SIZES:
        x, size = trials(rng, replicates // 10, n, np.full(4, 0.4), 0.0)
        for name, tarone in (("Breslow-Day", False), ("Tarone", True)):
            p = [breslow_day(*each, tarone=tarone).p for each in zip(x, size, strict=True)]
            yield row(name, "type I error", "homogeneity", n, rejected(np.array(p)))


VISITS = 4
# The coefficients, their covariance and degrees of freedom: label, df, vcov.
INFERENCE: tuple[tuple[str, Df, Vcov], ...] = (
    ("Kenward-Roger", "kenward-roger", "kenward-roger"),
    ("Kenward-Roger, linear", "kenward-roger", "kenward-roger-linear"),
    ("Satterthwaite", "satterthwaite", "asymptotic"),
    ("between-within", "between-within", "asymptotic"),
    ("normal", "normal", "asymptotic"),
    ("CR0, Satterthwaite", "satterthwaite", "empirical"),
    ("CR2, Satterthwaite", "satterthwaite", "empirical-bias-reduced"),
    ("CR3, Satterthwaite", "satterthwaite", "empirical-jackknife"),
)


def repeated(rng: np.random.Generator, replicates: int) -> Iterator[Row]:
    """No difference between arms at the last of 4 visits; patients with high values drop out.

    Variances grow and correlations fall with time; about a third of the last visits are missing,
    at random given what was seen. The structure is unstructured (Toeplitz, then compound symmetry
    where that fails), or a wrong one: homogeneous AR(1). The limits are those of the same t test.
    """
    root = np.linalg.cholesky(
        0.7 ** np.abs(np.subtract.outer(np.arange(VISITS + 1), np.arange(VISITS + 1)))
        * np.outer([1, 1, 1.2, 1.5, 1.8], [1, 1, 1.2, 1.5, 1.8])
    )
    for n in SIZES:
        arm = np.repeat([0, 1], n // 2)

        def one(arm=arm, n=n) -> dict[str, float]:
            y = rng.normal(size=(n, VISITS + 1)) @ root.T
            for k in range(2, VISITS + 1):
                leaves = rng.random(n) < 1 / (1 + np.exp(2.4 - 0.6 * y[:, k - 1]))
                y[leaves | np.isnan(y[:, k - 1]), k] = np.nan
            # A model that cannot be fitted has no P value; the others still have theirs.
            found: dict[str, float] = {}
            for part in (_change_from_baseline, _constrained):
                with contextlib.suppress(StatisticsError):
                    found |= part(y, arm)
            return found

        for name, p in each(replicates // 10, one).items():
            yield row(name, "type I error", "repeated measures", n, rejected(p))


def _change_from_baseline(y: np.ndarray, arm: np.ndarray) -> dict[str, float]:
    n = arm.size
    visit, subject = np.tile(np.arange(VISITS), n), np.repeat(np.arange(n), VISITS)
    cells = visit[:, None] == np.arange(VISITS)
    x = np.column_stack([cells, np.repeat(y[:, 0], VISITS), arm[subject][:, None] * cells])
    response, last = y[:, 1:].ravel(), np.eye(2 * VISITS + 1)[-1]
    found: dict[str, float] = {}
    right = fit(response, x, visit, subject, covariance=("us", "toeph", "cs"))
    wrong = fit(response, x, visit, subject, covariance="ar1")
    for label, df, vcov in INFERENCE:
        chosen = inference(right, df=df, vcov=vcov).estimate(last)
        found[label] = float(chosen.p[0])
        if vcov in ("asymptotic", "empirical-bias-reduced") and df == "satterthwaite":
            found[f"AR(1) assumed, {label}"] = float(
                inference(wrong, df=df, vcov=vcov).estimate(last).p[0]
            )
    return found


def _constrained(y: np.ndarray, arm: np.ndarray) -> dict[str, float]:
    n, visits = arm.size, VISITS + 1
    visit, subject = np.tile(np.arange(visits), n), np.repeat(np.arange(n), visits)
    between = constrained_columns(arm[subject], visit, arms=2, visits=visits).x
    x = np.column_stack([visit[:, None] == np.arange(visits), between])
    found = fit(y.ravel(), x, visit, subject, covariance=("us", "toeph", "cs"))
    return {
        f"cLDA, {label}": float(
            inference(found, df=df, vcov=vcov).estimate(np.eye(x.shape[1])[-1]).p[0]
        )
        for label, df, vcov in INFERENCE[:2]
    }


STUDIES = (binary, one_proportion, adjusted, continuous, counts, exact, repeated)


# -- results --------------------------------------------------------------------------------


def picture(rows: list[Row], what: str, path: Path) -> None:
    """Share of each method over n, a panel a scenario, a bar of two Monte-Carlo errors."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    chosen = [each for each in rows if each.what == what]
    scenarios = list(dict.fromkeys(each.scenario for each in chosen))
    columns = 2
    lines = -(-len(scenarios) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(11, 3.6 * lines), squeeze=False)
    for axis, scenario in zip(axes.flat, scenarios, strict=False):
        here = [each for each in chosen if each.scenario == scenario]
        for k, method in enumerate(dict.fromkeys(each.method for each in here)):
            points = [each for each in here if each.method == method]
            at = np.array([each.n for each in points]) * 1.02 ** (k - 4)
            axis.errorbar(at, [each.share for each in points],
                          [2 * each.monte_carlo_error for each in points],
                          marker="o", markersize=3, linewidth=0.8, label=method,
                          linestyle="-" if k < 10 else "--")  # fmt: skip
        axis.axhline(here[0].nominal, color="black", linewidth=0.8, linestyle=":")
        axis.set(title=scenario, xscale="log", xlabel="patients", ylabel=what)
        axis.set_xticks(SIZES, labels=[str(n) for n in SIZES])
        axis.minorticks_off()
        if len({each.method for each in here}) > 7:
            axis.set_xlim(right=3000)  # room for the names
        axis.legend(fontsize=6, loc="upper right" if len(here) > 28 else "best")
    for axis in axes.flat[len(scenarios):]:  # fmt: skip
        axis.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def kept(path: Path, anew: set[str]) -> list[Row]:
    """Rows of an earlier run, of scenarios that are not simulated anew."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        found = [row for row in csv.DictReader(file) if row["scenario"] not in anew]
    return [Row(**{each.name: each.type(row[each.name]) for each in fields(Row)}) for row in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=10_000, help="of the batched studies")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="+", default=[study.__name__ for study in STUDIES])
    given = parser.parse_args()
    print(described())
    rows: list[Row] = []
    for number, study in enumerate(STUDIES):
        if study.__name__ not in given.only:
            continue
        start = time.perf_counter()
        rows += study(np.random.default_rng([20240601, number]), given.replicates)
        print(f"{study.__name__}: {time.perf_counter() - start:.0f} s", flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    rows = [*kept(given.out / "results.csv", {each.scenario for each in rows}), *rows]
    with (given.out / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for each_row in rows:
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v
                             for k, v in asdict(each_row).items()})  # fmt: skip
    picture(rows, "coverage", given.out / "coverage.png")
    picture(rows, "type I error", given.out / "type1.png")


if __name__ == "__main__":
    main()
