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
    model, keep = _model(data, prior, start, names, only_monotone)
    text = (
        f"data augmentation from EM, prior {prior.name}"
        + (f" ({prior.df:g})" if prior.df else "")
        + f", {min(plan.chains or m, m)} chains, burn-in {plan.burn_in}, thinning {plan.thin}"
        + (", monotone completion only" if only_monotone else "")
    )
    empty = Imputations(
        model.fit.data.values, keep, np.empty((0, int(keep.sum()))), model.fit.data.names, text,
        model.fit.data.warnings,
    )  # fmt: skip
    jobs = _jobs(model, m, plan, generator)
    if executor is None:
        rounds = chain.from_iterable(_rounds(model, keep, plan, job) for job in jobs)
    else:
        rounds = executor.map(partial(_draw_block, model, keep, plan), jobs)
    return (replace(empty, values=values) for values in rounds)


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
    model, _ = _model(data, prior, start, names, False)
    state = begin(model, chains)
    means: list[Floats] = []
    covariances: list[Floats] = []
    for _ in range(steps):
        state = step(model, state, generator)
        means.append(state.mean)
        covariances.append(state.covariance())
    spread = np.outer(model.scale, model.scale)
    mean = np.moveaxis(np.array(means), 2, 0) * model.scale + model.centre
    covariance = np.moveaxis(np.array(covariances), 3, 0) * spread
    return Trace(mean, covariance, model.fit.data.names)


def _model(
    data: ArrayLike,
    prior: Prior,
    start: NormalFit | None,
    names: Sequence[str],
    only_monotone: bool,
) -> tuple[Model, Bools]:
    fit = start or em(data, prior=prior if prior.name == "ridge" else None, names=names)
    if not np.array_equal(fit.data.values, np.asarray(data, np.float64), equal_nan=True):
        raise ImputationError("the EM fit to start from is of other data")
    missing = fit.data.missing
    return model_of(fit, prior), breaks_monotone(missing) if only_monotone else missing


_Job = tuple[int, int, np.random.Generator]


def _jobs(model: Model, m: int, plan: Chains, generator: np.random.Generator) -> list[_Job]:
    """Chains, imputations and random numbers of each block; independent of who runs it."""
    chains = min(plan.chains or m, m)
    block = max(1, min(_BLOCK, _ROOM // (int(model.fit.data.missing.sum()) + 1)))
    edges = [*range(0, chains, block), chains]
    seeds = generator.spawn(len(edges) - 1)
    return [
        (last - first, m * last // chains - m * first // chains, seed)
        for first, last, seed in zip(edges[:-1], edges[1:], seeds, strict=True)
    ]


def _rounds(model: Model, keep: Bools, plan: Chains, job: _Job) -> Iterator[Floats]:
    """Imputations of one block, one of each chain at a time; shape (chains, imputed)."""
    chains, m, generator = job
    state = begin(model, chains)
    for number in range(-(-m // chains)):
        for _ in range(plan.burn_in if number == 0 else plan.thin):
            state = step(model, state, generator)
        yield impute(model, keep, state, generator)[: m - number * chains]


def _draw_block(model: Model, keep: Bools, plan: Chains, job: _Job) -> Floats:
    return np.concatenate(list(_rounds(model, keep, plan, job)))
