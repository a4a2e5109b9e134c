"""Data augmentation for the incomplete multivariate normal: PROC MI's MCMC method.

Many chains run side by side; `chain.py` is one step of them. Mathematics, with the named
equations: docs/methods/imputation.md.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.chain import Model, begin, impute, model_of, step
from openlupus.statistics.imputation.imputations import Imputations, check_number
from openlupus.statistics.imputation.incomplete import breaks_monotone
from openlupus.statistics.imputation.normal import NormalFit, Prior, em
from openlupus.statistics.interval import Bools, Floats

_JEFFREYS = Prior("jeffreys")
# Chains that run side by side: enough to pay for the calls, few enough to stay in the cache.
_BLOCK = 100
# Imputed values that a block of chains may hold, so that many rows make the blocks small.
_ROOM = 8_000_000
# Missing values of data sets that step together: where there are more, calls are not what costs.
_TOGETHER = 600


@dataclass(frozen=True, slots=True)
class Chains:
    """How the chains run.

    Attributes:
        chains: How many share the imputations, and no more than there are: up to 100 imputations
            have a chain each unless given. None is one an imputation always (PROC MI's
            CHAIN=MULTIPLE), 1 is CHAIN=SINGLE.
        burn_in: Steps before the first imputation of a chain.
        thin: Steps from one imputation of a chain to the next.
    """

    chains: int | None = 100
    burn_in: int = 200
    thin: int = 100

    def __post_init__(self) -> None:
        if (self.chains is not None and self.chains < 1) or min(self.burn_in, self.thin) < 1:
            raise ImputationError(f"{self}: chains, burn-in and thinning are at least 1")


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Parameters along the chains, in the units of the data.

    Attributes:
        mean: Shape (chains, steps, variables).
        covariance: Shape (chains, steps, variables, variables).
        names: One a variable.
    """

    mean: Floats
    covariance: Floats
    names: tuple[str, ...]


def augment(
    data: ArrayLike,
    *,
    m: int,
    generator: np.random.Generator,
    prior: Prior = _JEFFREYS,
    chains: Chains | None = None,
    only_monotone: bool = False,
    start: NormalFit | None = None,
    executor: Executor | None = None,
    names: Sequence[str] = (),
) -> Imputations:
    """Impute an incomplete multivariate normal by data augmentation (eq. mi-augmentation).

    Args:
        data: Shape (rows, variables); NaN is missing, at random.
        m: Number of imputations, at least 2.
        generator: Source of the random numbers; the draws do not depend on the executor.
        prior: Of the covariance.
        chains: Number, burn-in and thinning; unless given 100 chains, 200 steps and then 100.
        only_monotone: Keep only the draws that make the pattern monotone in the order of the
            variables (PROC MI's IMPUTE=MONOTONE); the others stay missing.
        start: Where the chains start: an EM fit of the same data; fitted when not given.
        executor: Runs blocks of chains; this thread does when not given.
        names: One a variable, for messages.

    Raises:
        ImputationError: m below 2, a variable without observations or spread, variables that
            depend on each other, or too few rows for the prior.

    Source:
        Tanner & Wong, JASA 1987;82:528; Schafer, Analysis of Incomplete Multivariate Data, 1997,
        section 5.4.
    """
    blocks = augment_stream(
        data, m=m, generator=generator, prior=prior, chains=chains, only_monotone=only_monotone,
        start=start, executor=executor, names=names,
    )  # fmt: skip
    found = list(blocks)
    values = np.concatenate([block.values for block in found])
    return replace(found[0], values=values)


def augment_stream(
    data: ArrayLike,
    *,
    m: int,
    generator: np.random.Generator,
    prior: Prior = _JEFFREYS,
    chains: Chains | None = None,
    only_monotone: bool = False,
    start: NormalFit | None = None,
    executor: Executor | None = None,
    names: Sequence[str] = (),
) -> Iterator[Imputations]:
    """The imputations of `augment`, in the same order, one of each chain of a block at a time.

    Memory stays flat; with an executor it is that of a block of at most 100 chains.
    """
    check_number(m)
    plan = chains or Chains()
    fit = _fit(data, prior, start, names)
    empty = _empty(fit, m, prior, plan, only_monotone=only_monotone)
    model, keep = model_of([fit], prior), [empty.imputed]
    jobs = _jobs(model, m, plan, [generator])
    if executor is None:
        rounds = chain.from_iterable(_rounds(model, keep, plan, job) for job in jobs)
    else:
        rounds = executor.map(partial(_draw_block, model, keep, plan), jobs)
    return (replace(empty, values=values) for (values,) in rounds)


def augment_each(
    parts: Sequence[ArrayLike],
    *,
    m: int,
    generators: Sequence[np.random.Generator],
    prior: Prior = _JEFFREYS,
    chains: Chains | None = None,
    names: Sequence[str] = (),
) -> list[Imputations]:
    """Impute several data sets with the same variables, such as arms, each by itself.

    The draws are those of `augment` of each; small data sets step side by side.

    Args:
        parts: Each of shape (rows, variables).
        m: Number of imputations of each, at least 2.
        generators: Sources of the random numbers, one a data set.
        prior: Of each covariance.
        chains: As in `augment`.
        names: One a variable, for messages.

    Raises:
        ImputationError: what `augment` raises, of any of them; other variables in one than in
            another, or not a generator for each.
    """
    check_number(m)
    plan = chains or Chains()
    fits = [_fit(part, prior, None, names) for part in parts]
    sizes = [fit.mean.size for fit in fits]
    if len(set(sizes)) > 1 or len(generators) != len(fits):
        raise ImputationError(
            f"data sets with {sizes} variables and {len(generators)} generators; all must have the"
            " same variables, and each a generator"
        )
    found: list[Imputations] = []
    for some in _together(fits):
        own, sources = fits[some], generators[some]
        made = [_empty(fit, m, prior, plan) for fit in own]
        model, keep = model_of(own, prior), [each.imputed for each in made]
        blocks = [_draw_block(model, keep, plan, job) for job in _jobs(model, m, plan, sources)]
        each = zip(made, zip(*blocks, strict=True), strict=True)
        found += [replace(empty, values=np.concatenate(values)) for empty, values in each]
    return found


def trace(
    data: ArrayLike,
    *,
    steps: int,
    generator: np.random.Generator,
    chains: int = 4,
    prior: Prior = _JEFFREYS,
    start: NormalFit | None = None,
    names: Sequence[str] = (),
) -> Trace:
    """Run chains from the EM estimate and keep the parameters of every step.

    Args:
        data: Shape (rows, variables).
        steps: To keep, from the first.
        generator: Source of the random numbers.
        chains: Side by side.
        prior: Of the covariance.
        start: An EM fit of the same data; fitted when not given.
        names: One a variable.
    """
    model = model_of([_fit(data, prior, start, names)], prior)
    state = begin(model, chains)
    means: list[Floats] = []
    covariances: list[Floats] = []
    for _ in range(steps):
        state = step(model, state, [generator])
        means.append(state.mean)
        covariances.append(state.covariance())
    (scale,), (centre,), (fit,) = model.scale, model.centre, model.fits
    mean = np.moveaxis(np.array(means), 2, 0) * scale + centre
    covariance = np.moveaxis(np.array(covariances), 3, 0) * np.outer(scale, scale)
    return Trace(mean, covariance, fit.data.names)


def _fit(data: ArrayLike, prior: Prior, start: NormalFit | None, names: Sequence[str]) -> NormalFit:
    fit = start or em(data, prior=prior if prior.name == "ridge" else None, names=names)
    if not np.array_equal(fit.data.values, np.asarray(data, np.float64), equal_nan=True):
        raise ImputationError("the EM fit to start from is of other data")
    return fit


def _empty(
    fit: NormalFit, m: int, prior: Prior, plan: Chains, *, only_monotone: bool = False
) -> Imputations:
    """What is to be drawn, and how."""
    missing = fit.data.missing
    keep = breaks_monotone(missing) if only_monotone else missing
    text = (
        f"data augmentation from EM, prior {prior.name}"
        + (f" ({prior.df:g})" if prior.df else "")
        + f", {min(plan.chains or m, m)} chains, burn-in {plan.burn_in}, thinning {plan.thin}"
        + (", monotone completion only" if only_monotone else "")
    )
    return Imputations(
        fit.data.values, keep, np.empty((0, int(keep.sum()))), fit.data.names, text,
        fit.data.warnings,
    )  # fmt: skip


def _together(fits: Sequence[NormalFit]) -> list[slice]:
    """Neighbours with few missing values in all; a larger data set stands alone."""
    sizes = [int(fit.data.missing.sum()) for fit in fits]
    first, found = 0, list[slice]()
    for last in range(1, len(sizes) + 1):
        if last == len(sizes) or sum(sizes[first : last + 1]) > _TOGETHER:
            found.append(slice(first, last))
            first = last
    return found


_Job = tuple[int, int, Sequence[np.random.Generator]]


def _jobs(
    model: Model, m: int, plan: Chains, generators: Sequence[np.random.Generator]
) -> list[_Job]:
    """Chains, imputations and random numbers of each block; independent of who runs it."""
    chains = min(plan.chains or m, m)
    missing = max(int(fit.data.missing.sum()) for fit in model.fits)
    block = max(1, min(_BLOCK, _ROOM // (missing + 1)))
    edges = [*range(0, chains, block), chains]
    seeds = zip(*(each.spawn(len(edges) - 1) for each in generators), strict=True)
    return [
        (last - first, m * last // chains - m * first // chains, own)
        for first, last, own in zip(edges[:-1], edges[1:], seeds, strict=True)
    ]


def _rounds(model: Model, keep: Sequence[Bools], plan: Chains, job: _Job) -> Iterator[list[Floats]]:
    """Imputations of one block, one of each chain at a time; of each data set (chains, imputed)."""
    chains, m, generators = job
    state = begin(model, chains)
    for number in range(-(-m // chains)):
        for _ in range(plan.burn_in if number == 0 else plan.thin):
            state = step(model, state, generators)
        drawn = impute(model, keep, state, generators)
        yield [values[: m - number * chains] for values in drawn]


def _draw_block(model: Model, keep: Sequence[Bools], plan: Chains, job: _Job) -> list[Floats]:
    rounds = zip(*_rounds(model, keep, plan, job), strict=True)
    return [np.concatenate(values) for values in rounds]
