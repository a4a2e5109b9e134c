"""Inference after reference-based imputation: jackknife, bootstrap, and draws to be pooled.

Mathematics, with the named equations: docs/methods/reference-imputation.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.imputations import Imputations, check_number
from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.imputation.reference import Parameters, complete
from openlupus.statistics.imputation.reference_model import Base
from openlupus.statistics.interval import Floats, normal_quantile, two_sided_p

# Completed outcomes of the subjects, (subjects, visits), and who they are: to estimates.
Analysis = Callable[[Floats, Indices], ArrayLike]
# Numbers of the completed outcomes that are in memory at a time.
_ROOM = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """Estimates from conditional mean imputation, their errors by resampling.

    Attributes:
        estimate: From all subjects, shape (estimates,).
        standard_error: By jackknife or bootstrap.
        lower: Limit of the two-sided normal interval.
        upper: The same, above.
        p: Two-sided, normal.
        replicates: Estimates of each resample, shape (resamples, estimates).
        level: Two-sided coverage.
        method: In words.
    """

    estimate: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    p: Floats
    replicates: Floats
    level: float
    method: str


def jackknife(
    base: Base, analysis: Analysis, *, delta: ArrayLike | None = None, level: float = 0.95
) -> Resampled:
    """Conditional mean imputation with the jackknife (eq. ref-jackknife).

    Each subject is left out in turn; model, imputation and analysis are done again without it.

    Args:
        base: The fitted imputation model.
        analysis: Gives the estimates of a completed trial, the same number each time.
        delta: Added to imputed values, shape (subjects, visits).
        level: Two-sided coverage, in (0, 1).

    Raises:
        ConvergenceError: a refit has no maximum.

    Source:
        Wolbers et al., Pharm Stat 2022;21:1246.
    """
    n = len(base.trial.y)
    left_out = [np.delete(np.arange(n), i) for i in range(n)]
    weights = (np.where(np.arange(n) == i, 0.0, 1.0) for i in range(n))
    replicates = _analysed(base, base.refitted(weights), left_out, analysis, delta)
    spread = (n - 1) / n * ((replicates - replicates.mean(axis=0)) ** 2).sum(axis=0)
    estimate = _whole(base, analysis, delta)
    return _resampled(estimate, np.sqrt(spread), replicates, level, f"jackknife, {n} subjects")


def bootstrap(
    base: Base,
    analysis: Analysis,
    *,
    samples: int,
    generator: np.random.Generator,
    strata: ArrayLike,
    delta: ArrayLike | None = None,
    level: float = 0.95,
) -> Resampled:
    """Conditional mean imputation with the bootstrap of subjects (eq. ref-bootstrap).

    Args:
        base: The fitted imputation model.
        analysis: As in `jackknife`; a subject drawn twice comes twice.
        samples: Resamples, at least 2.
        generator: Source of the random numbers.
        strata: Stratum of each subject, usually its arm: resampled within it.
        delta: Added to imputed values.
        level: Two-sided coverage, in (0, 1).

    Raises:
        ConvergenceError: a refit has no maximum.
    """
    check_number(samples)
    who = list(_resamples(base, samples, generator, strata))
    n = len(base.trial.y)
    weights = (np.bincount(each, minlength=n).astype(np.float64) for each in who)
    replicates = _analysed(base, base.refitted(weights), who, analysis, delta)
    text = f"bootstrap, {samples} samples within strata"
    estimate = _whole(base, analysis, delta)
    return _resampled(estimate, replicates.std(axis=0, ddof=1), replicates, level, text)


def approximate_bayes(
    base: Base,
    *,
    m: int,
    generator: np.random.Generator,
    strata: ArrayLike,
    delta: ArrayLike | None = None,
) -> Imputations:
    """Draws given estimates from bootstrap samples: approximate Bayesian imputation.

    Args:
        base: The fitted imputation model.
        m: Number of imputations, at least 2.
        generator: Source of the random numbers.
        strata: Stratum of each subject, usually its arm: resampled within it.
        delta: Added to imputed values, shape (subjects, visits).

    Returns:
        Imputations of the outcomes, visits as variables.

    Raises:
        ConvergenceError: a refit has no maximum.

    Source:
        Little & Rubin, Statistical Analysis with Missing Data, 2002, section 10.2.3.
    """
    check_number(m)
    n = len(base.trial.y)
    samples = _resamples(base, m, generator, strata)
    weights = (np.bincount(each, minlength=n).astype(np.float64) for each in samples)
    return imputations(base, base.refitted(weights), generator, "approximate Bayes", delta)


def imputations(
    base: Base,
    parameters: Parameters,
    generator: np.random.Generator,
    how: str,
    delta: ArrayLike | None = None,
) -> Imputations:
    """One draw of the missing outcomes for every set of parameters."""
    gone = base.trial.missing
    drawn = np.empty((len(parameters.beta), int(gone.sum())))
    for block in _blocks(base, len(drawn)):
        part = Parameters(parameters.beta[block], parameters.covariance[block])
        whole = complete(base.trial, part, generator=generator, delta=delta)
        drawn[block] = whole[:, gone]
    strategies = ", ".join(sorted(set(base.trial.strategy)))
    text = f"reference-based ({strategies}), {how}, covariance {base.fit.structure}"
    names = tuple(f"visit {t + 1}" for t in range(gone.shape[1]))
    return Imputations(base.trial.y, gone, drawn, names, text, base.fit.notes)


def _whole(base: Base, analysis: Analysis, delta: ArrayLike | None) -> Floats:
    everyone = np.arange(len(base.trial.y))
    whole = complete(base.trial, base.parameters, delta=delta)[0]
    return np.asarray(analysis(whole, everyone), np.float64)


def _analysed(
    base: Base,
    parameters: Parameters,
    subjects: list[Indices],
    analysis: Analysis,
    delta: ArrayLike | None,
) -> Floats:
    found: list[Floats] = []
    for block in _blocks(base, len(subjects)):
        part = Parameters(parameters.beta[block], parameters.covariance[block])
        whole = complete(base.trial, part, delta=delta)
        for outcomes, who in zip(whole, subjects[block], strict=True):
            found.append(np.asarray(analysis(outcomes[who], who), np.float64))
    if len({each.shape for each in found}) != 1:
        raise ImputationError("the analysis gives another number of estimates in some resamples")
    return np.array(found)


def _blocks(base: Base, sets: int) -> Iterator[slice]:
    size = max(1, _ROOM // base.trial.y.size)
    return (slice(first, min(first + size, sets)) for first in range(0, sets, size))


def _resamples(
    base: Base, samples: int, generator: np.random.Generator, strata: ArrayLike
) -> Iterator[Indices]:
    stratum = np.asarray(strata)
    if stratum.shape != base.trial.y.shape[:1]:
        raise ImputationError(f"strata has shape {stratum.shape}; it must be one a subject")
    groups = [np.flatnonzero(stratum == each) for each in np.unique(stratum)]
    for _ in range(samples):
        yield np.concatenate([generator.choice(each, each.size) for each in groups])


def _resampled(
    estimate: Floats,
    error: Floats,
    replicates: Floats,
    level: float,
    method: str,
) -> Resampled:
    z = normal_quantile(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.asarray(two_sided_p(estimate / error), np.float64)
    return Resampled(
        estimate, error, estimate - z * error, estimate + z * error, p, replicates, level,
        f"conditional mean imputation, {method}",
    )  # fmt: skip
