"""Adapters of records of multiple imputation: pooling, EM, data augmentation, FCS, reference-based.

Stochastic records give the mean and standard deviation of estimates over repeats. We repeat too,
a few times, and compare means of repeats: the allowed distance is the t quantile, of a chance of
one in 100,000, times the standard error of the difference of the two means. Standard deviations
of repeats are compared by the F distribution at the same chance.
"""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from typing import Any

import numpy as np
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from openlupus.statistics.imputation.augmentation import Chains, augment
from openlupus.statistics.imputation.conditional import impute_chained
from openlupus.statistics.imputation.mixed import Column, Kind, Model
from openlupus.statistics.imputation.normal import Prior, em
from openlupus.statistics.imputation.pool import Pooled, rubin, wald_test
from openlupus.statistics.imputation.reference_inference import approximate_bayes, jackknife
from openlupus.statistics.interval import Numbers
from openlupus.statistics.logistic import logistic_regression
from openlupus.validation.adapters.intercurrent import base
from openlupus.validation.golden import Adapter, Record, floats, require

CHANCE = 1e-5
REPEATS = 8
MODELS: dict[str, Model] = {
    "norm": "normal", "pmm": "pmm", "logreg": "logistic", "polr": "ordinal", "polyreg": "nominal",
}  # fmt: skip
KINDS: dict[str, Kind] = {"logistic": "binary", "ordinal": "ordinal", "nominal": "nominal"}


def rubins_rules(record: Record) -> dict[str, Any]:
    o = record.options
    got = rubin(
        o["estimates"], o["variances"], df_complete=float(o["df_complete"]),
        level=o["conf_level"], least_share=least_share(record),
    )  # fmt: skip
    return {
        "qbar": got.estimate, "ubar": got.within, "b": got.between, "t": got.total,
        "se": got.standard_error, "df": got.df, "riv": got.relative_increase,
        "lambda": got.share_between, "fmi": got.missing_information, "t_stat": got.statistic,
        "p": got.p, "lower": got.lower, "upper": got.upper,
        "df_old_rubin1987": got.df_large_sample,
    }  # fmt: skip


def least_share(record: Record) -> float:
    # R's mice never lets lambda fall below this in its degrees of freedom.
    return 1e-4 if "mice" in record.software["name"] else 0.0


def d1(record: Record) -> dict[str, Any]:
    q = np.array(record.options["estimates"]["values"])
    u = np.array([each["values"] for each in record.options["variances"]])
    got = wald_test(q, u)
    return {
        "qbar": q.mean(axis=0), "riv": got.relative_increase, "D1": got.statistic, "df1": got.df,
        "df2": got.df_denominator, "p": got.p,
    }  # fmt: skip


def pooled_regression(record: Record) -> dict[str, Any]:
    rows = record.rows()
    response, terms = (part.strip() for part in record.options["formula"].split("~"))
    names = [name.strip() for name in terms.split("+")]
    number = floats(rows, "imputation")
    x = np.column_stack([np.ones(len(rows)), *(floats(rows, name) for name in names)])
    y = floats(rows, response)
    estimates, variances = [], []
    for each in np.unique(number):
        own, outcome = x[number == each], y[number == each]
        inverse = np.linalg.inv(own.T @ own)
        beta = inverse @ own.T @ outcome
        df = len(own) - len(beta)
        estimates.append(beta)
        variances.append(np.sum((outcome - own @ beta) ** 2) / df * np.diag(inverse))
    got = rubin(estimates, variances, df_complete=df, least_share=least_share(record))
    return {
        "term": ["(Intercept)", *names], "estimate": got.estimate, "se": got.standard_error,
        "t": got.statistic, "df": got.df, "p": got.p, "lower": got.lower, "upper": got.upper,
        "ubar": got.within, "b": got.between, "total": got.total, "dfcom": [df] * len(beta),
        "riv": got.relative_increase, "lambda": got.share_between,
        "fmi": got.missing_information, "per_imputation_estimates": {"values": estimates},
        "per_imputation_se": {"values": np.sqrt(variances)},
    }  # fmt: skip


def expectation_maximisation(record: Record) -> dict[str, Any]:
    y, names = matrix(record)
    name = record.options["prior"].split()[0]
    got = em(
        y, prior=Prior(name), criterion=record.options["criterion"],
        most_iterations=record.options["iter.max"],
    )  # fmt: skip
    require(got.gradient < 1e-9, f"{record.id}: the slope at our maximum is {got.gradient:.1e}")
    return {
        "converged": True, "iterations": got.iterations, "mean": got.mean,
        "covariance": {"values": got.covariance}, "observed_loglik": got.log_likelihood,
        "variables": names,
    }  # fmt: skip


def data_augmentation(record: Record) -> dict[str, Any]:
    y, _ = matrix(record)
    o = record.options
    named: Any = re.search(r"prior='(\w+)'", o["prior"])
    prior = Prior(named[1] if named else "jeffreys")
    chains = Chains(burn_in=o["iterations_per_imputation"])
    found = []
    for generator in np.random.default_rng(o["seed"]).spawn(REPEATS):
        whole = augment(y, m=o["m"], generator=generator, prior=prior, chains=chains).stacked()
        pooled = of_means(whole)
        variances = whole.var(axis=1, ddof=1).mean(axis=0)
        found.append((pooled.estimate, variances, pooled.standard_error))
    means, variances, errors = (np.array(each) for each in zip(*found, strict=True))
    return {
        "mean_of_mi_means": means.mean(axis=0), "mc_sd_of_mi_means": means.std(axis=0, ddof=1),
        "mean_of_mi_variances": variances.mean(axis=0),
        "mc_sd_of_mi_variances": variances.std(axis=0, ddof=1),
        "mean_of_mi_se_of_means": errors.mean(axis=0),
        "mc_sd_of_mi_se": errors.std(axis=0, ddof=1),
    }  # fmt: skip


def chained(record: Record) -> dict[str, Any]:
    y, names = matrix(record)
    o = record.options
    model = MODELS[o["method"]]
    kind: Kind = KINDS.get(model, "numeric")
    columns = [
        Column(name, kind, model) if np.isnan(own).any() else Column(name)
        for name, own in zip(names, y.T, strict=True)
    ]
    wanted = re.search(r"risk difference of (\w+) \((\w+) 1 .*in (\w+)~([\w+]+)", record.method)
    found = []
    for generator in np.random.default_rng(1).spawn(REPEATS):
        drawn = impute_chained(y, columns, m=o["m"], sweeps=o["maxit"], generator=generator)
        if wanted:
            found.append(of_responders(drawn.stacked(), names, *wanted.groups()))
        else:
            pooled = of_means(drawn.stacked())
            found.append((pooled.estimate, pooled.standard_error))
    tables = [np.array(each) for each in zip(*found, strict=True)]
    means = [each.mean(axis=0) for each in tables]
    spreads = [each.std(axis=0, ddof=1) for each in tables]
    if not wanted:
        return {
            "mean_of_mi_means": means[0], "mc_sd_of_mi_means": spreads[0],
            "mean_of_mi_se": means[1], "mc_sd_of_mi_se": spreads[1],
        }  # fmt: skip
    keys = ("rd", "se_rd", "logOR", "se_logOR")
    return {
        **{f"mean_{key}": value for key, value in zip((*keys, "fmi_rd"), means, strict=True)},
        **{f"mc_sd_{key}": value for key, value in zip(keys, spreads, strict=False)},
    }


def of_responders(
    whole: np.ndarray, names: list[str], outcome: str, arm: str, response: str, terms: str
) -> tuple[Numbers, ...]:
    at = {name: i for i, name in enumerate(names)}
    test = whole[0, :, at[arm]] == 1
    y = whole[:, :, at[outcome]]
    p1, p0 = y[:, test].mean(axis=1), y[:, ~test].mean(axis=1)
    variance = p1 * (1 - p1) / test.sum() + p0 * (1 - p0) / (~test).sum()
    difference = rubin(p1 - p0, variance)
    used = terms.split("+")
    fits = [
        logistic_regression(
            each[:, at[response]],
            np.column_stack([np.ones(len(each)), each[:, [at[name] for name in used]]]),
        )
        for each in whole
    ]
    k = 1 + used.index(arm)
    ratio = rubin([fit.coefficients[k] for fit in fits], [fit.covariance()[k, k] for fit in fits])
    return (
        difference.estimate, difference.standard_error, ratio.estimate, ratio.standard_error,
        difference.missing_information,
    )  # fmt: skip


def conditional_mean(record: Record) -> dict[str, Any]:
    table, _, model = base(record)
    delta = record.options["delta_for_imputed_post_ICE"]
    after = np.arange(len(table.visits)) >= table.event[:, None]
    got = jackknife(model, table.analysis, delta=None if delta == "none" else delta * after)
    names = record.results["parameter"]
    order = [table.names().index(name) for name in names]
    fields = ("estimate", "standard_error", "lower", "upper", "p")
    values = [getattr(got, name)[order] for name in fields]
    return {"parameter": names, **dict(zip(("estimate", "se", *fields[2:]), values, strict=True))}


def approximate(record: Record) -> dict[str, Any]:
    table, _, model = base(record)
    who = np.arange(len(table.arm))
    design, group = table.analysed(who)
    rows = table.contrasts(design, group)
    inverse = np.linalg.inv(design.T @ design)
    df = len(who) - design.shape[1]
    found = []
    for generator in np.random.default_rng(2).spawn(REPEATS // 2):
        drawn = approximate_bayes(
            model, m=record.options["n_samples"], generator=generator, strata=table.arm
        )
        whole = drawn.stacked()
        beta = inverse @ design.T @ whole
        residual = ((whole - design @ beta) ** 2).sum(axis=1) / df
        estimates = (rows @ beta).swapaxes(1, 2).reshape(len(whole), -1)
        spread = np.diag(rows @ inverse @ rows.T)
        variances = (residual[:, :, None] * spread).reshape(len(whole), -1)
        pooled = rubin(estimates, variances, df_complete=df)
        found.append((pooled.estimate, pooled.standard_error))
    names = record.results["parameter"]
    order = [table.names().index(name) for name in names]
    estimate, error = (np.array(each)[:, order] for each in zip(*found, strict=True))
    return {
        "parameter": names, "mean_estimate": estimate.mean(axis=0),
        "mc_sd_estimate": estimate.std(axis=0, ddof=1), "mean_se": error.mean(axis=0),
        "mc_sd_se": error.std(axis=0, ddof=1),
    }  # fmt: skip


def matrix(record: Record) -> tuple[np.ndarray, list[str]]:
    rows = record.rows()
    return np.column_stack([floats(rows, name) for name in rows[0]]), list(rows[0])


def of_means(whole: np.ndarray) -> Pooled:
    """Means of the variables, pooled over imputations."""
    return rubin(whole.mean(axis=1), whole.var(axis=1, ddof=1) / whole.shape[1])


def monte_carlo(record: Record, where: str, want: float) -> float:
    """How far ours may be from a number of a stochastic record (see the top of this file)."""
    ours = REPEATS // 2 if record.method.startswith("approximate") else REPEATS
    theirs = record.options["repeats"]
    name, _, index = where.partition("[")
    if name.startswith("mc_sd"):
        ratio = max(
            f_distribution.isf(CHANCE, ours - 1, theirs - 1),
            f_distribution.isf(CHANCE, theirs - 1, ours - 1),
        )
        # Of a variable without missing values the repeats differ by rounding alone.
        largest = max(np.max(np.abs(each)) for each in record.results.values() if numeric(each))
        return want * np.sqrt(ratio) + 1e-12 * largest
    spread: Any = record.results.get(spread_name(name))
    if spread is None and name == "mean_fmi_rd":
        # fmi is nearly 1 - U / T, so that its spread follows from that of the standard error.
        r = record.results
        spread = 2 * (1 - want) * r["mc_sd_se_rd"] / r["mean_se_rd"]
    elif index:
        spread = record.results[spread_name(name)][int(index.rstrip("]"))]
    quantile = t_distribution.isf(CHANCE / 2, theirs - 1)
    return quantile * spread * np.sqrt(1 / ours + 1 / theirs) + 1e-9 * abs(want)


def numeric(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "fiu"


def spread_name(name: str) -> str:
    return re.sub("_of_means$", "", name.replace("mean_", "mc_sd_", 1))


MONTE_CARLO = "stochastic: t quantile of chance 1e-5 times the standard error of the difference"

ADAPTERS = [
    Adapter("rubin's rules*", rubins_rules),
    Adapter("li-raghunathan-rubin*", d1),
    Adapter("linear model per completed data set*", pooled_regression),
    Adapter("ml estimate of mean and covariance*", expectation_maximisation),
    Adapter("multiple imputation under the mvn model*", data_augmentation,
            limit=monte_carlo, why=MONTE_CARLO),
    Adapter("chained equations*", chained, limit=monte_carlo, why=MONTE_CARLO),
    Adapter("reference-based imputation, conditional mean + jackknife*", conditional_mean,
            relative=1e-6, why="the reference's fits end at gradients of 1e-5 to 1e-8"),
    Adapter("approximate bayes mi*", approximate, limit=monte_carlo, why=MONTE_CARLO),
]  # fmt: skip
