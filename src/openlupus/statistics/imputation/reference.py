"""Reference-based imputation: what the missing visits of a subject are assumed to be like.

Each subject has a strategy for the visits from its intercurrent event on. A mixed model of the
visits before gives means and covariances of arms; the strategy joins those of the subject's own
arm and of its reference arm to one distribution, and the missing visits are imputed from it given
the observed ones. Mathematics, with the named equations: docs/methods/reference-imputation.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openlupus.errors import ImputationError
from openlupus.statistics.interval import Bools, Floats

Strategy = Literal["MAR", "J2R", "CR", "CIR", "LMCF"]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """Coefficients and covariances of the visits, one or many sets of them.

    Attributes:
        beta: Shape (sets, columns).
        covariance: Shape (sets, groups, visits, visits).
    """

    beta: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Subjects by visits, what their model is, and what is assumed after intercurrent events.

    Attributes:
        y: Outcomes, shape (subjects, visits); NaN is missing.
        design: Rows of the model, shape (subjects, visits, columns), also where `y` is missing.
        reference: The same rows as if the subject were in its reference arm.
        strategy: One a subject, of `Strategy`; `MAR` where there is no intercurrent event.
        event: First visit affected by the event, from 0; `visits` where there is none.
        group: Covariance group of each subject, from 0.
        reference_group: Covariance group of its reference arm.
        names: One a column of the design, for messages.
    """

    y: Floats
    design: Floats
    reference: Floats
    strategy: tuple[Strategy, ...]
    event: Codes
    group: Codes
    reference_group: Codes
    names: tuple[str, ...]
    cells: tuple["_Cell", ...] = field(default=(), repr=False)

    @property
    def modelled(self) -> Floats:
        """Outcomes that the model is fitted to: those after an event count under MAR alone."""
        visits = np.arange(self.y.shape[1], dtype=np.int64)
        mar = np.array([each == "MAR" for each in self.strategy], np.bool_)
        lost = ~mar[:, None] & (visits >= self.event[:, None])
        return np.where(lost, np.nan, self.y)

    @property
    def missing(self) -> Bools:
        """Outcomes to be imputed, shape (subjects, visits)."""
        return np.isnan(self.y)


def trial(
    y: ArrayLike,
    design: ArrayLike,
    reference: ArrayLike,
    *,
    strategy: Strategy | Sequence[Strategy] = "MAR",
    event: ArrayLike | None = None,
    group: ArrayLike | None = None,
    reference_group: ArrayLike | None = None,
    names: Sequence[str] = (),
) -> Trial:
    """Check the arrays of a reference-based imputation.

    Args:
        y: Outcomes, shape (subjects, visits); NaN is missing.
        design: Shape (subjects, visits, columns), complete.
        reference: The same as if each subject were in its reference arm.
        strategy: For all subjects, or one a subject: `MAR`; `J2R` jump to reference; `CR` copy
            reference; `CIR` copy increments in reference; `LMCF` last mean carried forward.
        event: First visit affected by the intercurrent event, from 0; `visits` for no event.
            Without it only `MAR` is possible.
        group: Covariance group of each subject, from 0; one for all unless given.
        reference_group: That of its reference arm.
        names: One a column of the design.

    Raises:
        ImputationError: shapes or values that cannot be, a strategy without events, a visit
            without any outcome.
    """
    outcome, own, other = (np.array(each, np.float64) for each in (y, design, reference))
    if outcome.ndim != 2 or own.shape[:-1] != outcome.shape or other.shape != own.shape:
        raise ImputationError(
            f"y has shape {outcome.shape}, design {own.shape} and reference {other.shape}; they "
            "must be (subjects, visits) and twice (subjects, visits, columns)"
        )
    if not (np.isfinite(own).all() and np.isfinite(other).all()) or np.isinf(outcome).any():
        raise ImputationError("the design must be complete, and no outcome infinite")
    n, visits = outcome.shape
    asked = (strategy,) * n if isinstance(strategy, str) else tuple(strategy)
    if unknown := set(asked) - set(get_args(Strategy)):
        raise ImputationError(
            f"strategies {sorted(unknown)} are not known; they are {get_args(Strategy)}"
        )
    if event is None and set(asked) != {"MAR"}:
        raise ImputationError("a strategy other than MAR needs to know where events begin: event")
    first = _codes(visits if event is None else event, n, visits, "event")
    groups = _codes(0 if group is None else group, n, n, "group")
    others = groups if reference_group is None else _codes(reference_group, n, n, "reference_group")
    if len(asked) != n:
        raise ImputationError(f"{len(asked)} strategies for {n} subjects")
    checked = Trial(outcome, own, other, asked, first, groups, others, tuple(names))
    if (empty := np.flatnonzero(np.isnan(checked.modelled).all(axis=0))).size:
        raise ImputationError(
            f"visit {int(empty[0]) + 1} has no outcome that the model could be fitted to"
        )
    return Trial(outcome, own, other, asked, first, groups, others, tuple(names), _cells(checked))


def complete(
    data: Trial,
    parameters: Parameters,
    *,
    generator: np.random.Generator | None = None,
    delta: ArrayLike | None = None,
) -> Floats:
    """Impute every subject under its strategy (eq. ref-imputation).

    Args:
        data: The trial.
        parameters: One set or many of them.
        generator: Draws are made with it; without one the conditional means are imputed.
        delta: Added to imputed values, shape (subjects, visits) or what broadcasts to it.

    Returns:
        Completed outcomes, shape (sets, subjects, visits).
    """
    sets = len(parameters.beta)
    whole = np.repeat(data.y[None], sets, axis=0)
    own = np.einsum("ntp,sp->snt", data.design, parameters.beta)
    other = np.einsum("ntp,sp->snt", data.reference, parameters.beta)
    for cell in data.cells:
        mean = _mean(cell, own[:, cell.subjects], other[:, cell.subjects])
        covariance = _covariance(
            cell, parameters.covariance[:, cell.group], parameters.covariance[:, cell.other]
        )
        gone, seen = cell.missing, cell.observed
        across = covariance[:, gone[:, None], seen]
        rest = covariance[:, gone[:, None], gone]
        drawn = mean[:, :, gone]
        if seen.size:
            block = covariance[:, seen[:, None], seen]
            slope = np.linalg.solve(block, across.swapaxes(1, 2)).swapaxes(1, 2)
            away = data.y[cell.subjects[:, None], seen] - mean[:, :, seen]
            drawn = drawn + away @ slope.swapaxes(1, 2)
            rest = rest - slope @ across.swapaxes(1, 2)
        if generator is not None:
            root = np.linalg.cholesky((rest + rest.swapaxes(1, 2)) / 2)
            drawn = drawn + generator.standard_normal(drawn.shape) @ root.swapaxes(1, 2)
        whole[:, cell.subjects[:, None], gone] = drawn
    if delta is not None:
        whole += np.where(data.missing, np.asarray(delta, np.float64), 0.0)
    return whole


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """Subjects with the same strategy, event, groups and pattern."""

    subjects: NDArray[np.intp]
    strategy: Strategy
    event: int
    group: int
    other: int
    observed: NDArray[np.intp]
    missing: NDArray[np.intp]


def _cells(data: Trial) -> tuple[_Cell, ...]:
    alike: dict[tuple[Strategy, int, int, int, bytes], list[int]] = {}
    gone = data.missing
    for i in np.flatnonzero(gone.any(axis=1)):
        strategy = data.strategy[i]
        # Without an event all strategies are the same.
        event = int(data.event[i]) if strategy != "MAR" else data.y.shape[1]
        strategy = "MAR" if event == data.y.shape[1] else strategy
        groups = int(data.group[i]), int(data.reference_group[i])
        alike.setdefault((strategy, event, *groups, gone[i].tobytes()), []).append(int(i))
    return tuple(
        _Cell(
            np.array(subjects), strategy, event, group, other,
            np.flatnonzero(~gone[subjects[0]]), np.flatnonzero(gone[subjects[0]]),
        )
        for (strategy, event, group, other, _), subjects in alike.items()
    )  # fmt: skip


def _mean(cell: _Cell, own: Floats, other: Floats) -> Floats:
    """Mean of all visits under the strategy (eq. ref-mean), shape (sets, subjects, visits)."""
    at = cell.event
    if cell.strategy == "MAR" or (cell.strategy == "LMCF" and at == 0):
        return own
    if cell.strategy == "CR" or at == 0:
        return other
    mean = own.copy()
    if cell.strategy == "J2R":
        mean[:, :, at:] = other[:, :, at:]
    elif cell.strategy == "CIR":
        mean[:, :, at:] = other[:, :, at:] + (own - other)[:, :, at - 1 : at]
    else:
        mean[:, :, at:] = own[:, :, at - 1 : at]
    return mean


def _covariance(cell: _Cell, own: Floats, other: Floats) -> Floats:
    """Joint covariance under the strategy (eq. ref-covariance), shape (sets, visits, visits)."""
    at = cell.event
    if cell.strategy in ("MAR", "LMCF") or cell.group == cell.other:
        return own
    if cell.strategy == "CR" or at == 0:
        return other
    # The regression of later on earlier visits and its residuals come from the reference arm.
    early, late = slice(0, at), slice(at, None)
    slope = np.linalg.solve(other[:, early, early], other[:, early, late]).swapaxes(1, 2)
    joined = other.copy()
    joined[:, early, early] = own[:, early, early]
    joined[:, late, early] = slope @ own[:, early, early]
    joined[:, early, late] = joined[:, late, early].swapaxes(1, 2)
    excess = other[:, early, early] - own[:, early, early]
    joined[:, late, late] -= slope @ excess @ slope.swapaxes(1, 2)
    return joined


def _codes(values: ArrayLike, n: int, highest: int, name: str) -> Codes:
    codes = (
        np.broadcast_to(np.asarray(values), (n,)) if np.ndim(values) == 0 else np.asarray(values)
    )
    if codes.shape != (n,) or codes.dtype.kind not in "iu":
        raise ImputationError(f"{name} must be {n} whole numbers, one a subject")
    if codes.min() < 0 or codes.max() > highest:
        raise ImputationError(
            f"{name} goes from {codes.min()} to {codes.max()}, not 0 to {highest}"
        )
    return codes.astype(np.int64)
