"""Reference-based imputation of a long frame: strategies after intercurrent events, by subject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from openlupus.errors import ImputationError
from openlupus.modelling.formula import Formula, parse
from openlupus.modelling.frames import Levels, Table, factor, table
from openlupus.modelling.tidy import generator_of, numbers, printed
from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.imputation.pool import rubin
from openlupus.statistics.imputation.reference import Strategy, trial
from openlupus.statistics.imputation.reference_bayes import bayes
from openlupus.statistics.imputation.reference_inference import (
    approximate_bayes,
    bootstrap,
    jackknife,
)
from openlupus.statistics.imputation.reference_model import Base, fit_base
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.design import Covariate, Factor, design
from openlupus.statistics.robust.least_squares import least_squares

How = Literal["jackknife", "bootstrap", "approximate-bayes", "bayes"]


@dataclass(frozen=True, slots=True, eq=False)
class Long:
    """The long frame as subjects by visits.

    Attributes:
        arms: Levels of the arm.
        arm: Of each subject.
        visits: Levels of the visit.
        covariates: Columns of the analysis of covariance, without the arm, shape (subjects, p).
    """

    arms: tuple[str, ...]
    arm: Indices
    visits: tuple[str, ...]
    covariates: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceBased:
    """A fitted imputation model and the strategies of its subjects; `print` it for a summary."""

    base: Base
    long: Long
    source: Table

    def effects(
        self,
        how: How = "jackknife",
        *,
        control: str | None = None,
        delta: Mapping[str, float] | None = None,
        m: int = 200,
        seed: int | np.random.Generator = 1,
        level: float = 0.95,
    ) -> Any:
        """Analysis of covariance at each visit of the imputed trial; one row a visit and arm.

        Args:
            how: Conditional mean imputation with `jackknife` or `bootstrap`; or draws pooled by
                Rubin's rules, `approximate-bayes` or `bayes`.
            control: Arm that the others are compared with; the first unless given.
            delta: By arm, what is added to imputed outcomes from the event on.
            m: Resamples, or imputations.
            seed: A seed, or a generator.
            level: Two-sided coverage.
        """
        arms, shift = self.long.arms, self._delta(delta)
        first = arms.index(control) if control is not None else 0
        rng, who = generator_of(seed), np.arange(self.long.arm.size)
        strata = self.long.arm

        def analysis(y: Floats, own: Indices) -> Floats:
            beta = np.linalg.lstsq(self._design(own, first), y, rcond=None)[0]
            return np.asarray(beta[1 : len(arms)], np.float64).ravel()

        if how in ("jackknife", "bootstrap"):
            got = (
                jackknife(self.base, analysis, delta=shift, level=level)
                if how == "jackknife"
                else bootstrap(
                    self.base, analysis, samples=m, generator=rng, strata=strata, delta=shift,
                    level=level,
                )
            )  # fmt: skip
            columns = (got.estimate, got.standard_error, got.lower, got.upper, got.p)
        else:
            draw = bayes if how == "bayes" else approximate_bayes
            more: Any = {} if how == "bayes" else {"strata": strata}
            drawn = draw(self.base, m=m, generator=rng, delta=shift, **more)
            x = self._design(who, first)
            pairs = [_ancova(x, whole, len(arms)) for whole in drawn]
            pooled = rubin(
                [q for q, _ in pairs], [u for _, u in pairs],
                df_complete=x.shape[0] - x.shape[1], level=level,
            )  # fmt: skip
            columns = (
                pooled.estimate, pooled.standard_error, pooled.lower, pooled.upper, pooled.p
            )  # fmt: skip
        others = [arm for k, arm in enumerate(arms) if k != first]
        visits = len(self.long.visits)
        names = ("estimate", "standard_error", "lower", "upper", "p")
        return self.source.frame(
            {
                "visit": list(self.long.visits) * len(others),
                "contrast": [f"{arm} - {arms[first]}" for arm in others for _ in range(visits)],
                **{n: np.ravel(c).tolist() for n, c in zip(names, columns, strict=True)},
            }
        )

    def __str__(self) -> str:
        asked, trial_ = self.base.trial.strategy, self.base.trial
        counts = {name: asked.count(name) for name in dict.fromkeys(asked)}
        facts = {
            "strategies": ", ".join(f"{name} {count} subjects" for name, count in counts.items()),
            "covariance": self.base.fit.structure,
            "outcomes": f"{int((~trial_.missing).sum())} observed, {int(trial_.missing.sum())}"
            " to be imputed",
            "note": "; ".join(self.base.fit.notes),
        }
        columns = {
            "visit": list(self.long.visits),
            **{
                arm: [int(x) for x in trial_.missing[self.long.arm == k].sum(axis=0)]
                for k, arm in enumerate(self.long.arms)
            },
        }
        return printed("Reference-based imputation: outcomes to be imputed", facts, columns)

    def _design(self, who: Indices, first: int) -> Floats:
        """Intercept, an indicator of every arm but one, covariates."""
        arms = np.array([k for k in range(len(self.long.arms)) if k != first])
        indicators = (self.long.arm[who, None] == arms).astype(np.float64)
        return np.column_stack([np.ones(who.size), indicators, self.long.covariates[who]])

    def _delta(self, by_arm: Mapping[str, float] | None) -> Floats | None:
        if not by_arm:
            return None
        if unknown := set(by_arm) - set(self.long.arms):
            raise ImputationError(f"there is no arm {sorted(unknown)}; they are {self.long.arms}")
        amount = np.array([by_arm.get(arm, 0.0) for arm in self.long.arms])[self.long.arm]
        after = np.arange(len(self.long.visits)) >= self.base.trial.event[:, None]
        return amount[:, None] * after


def impute_reference(
    formula: str,
    data: Any,
    *,
    subject: str,
    visit: str,
    arm: str,
    reference: str | Mapping[str, str],
    event: str | None = None,
    strategy: str = "J2R",
    strategies: str | None = None,
    covariance: str = "us",
    by_arm: bool = False,
    reml: bool = True,
    levels: Levels | None = None,
) -> ReferenceBased:
    """Fit the imputation model of a trial with intercurrent events.

    Args:
        formula: `CHG ~ BASE*AVISIT + ARM*AVISIT`; covariates do not change between visits.
        data: A frame of pandas, polars or pyarrow, one row a subject and visit; visits without a
            row are missing.
        subject: Column of the subject.
        visit: Column of the visit.
        arm: Column of the arm.
        reference: Arm that strategies refer to; or by arm, its reference.
        event: Column with the first visit that the subject's event affects, null for none.
        strategy: After the event: `MAR`, `J2R`, `CR`, `CIR` or `LMCF`; subjects without an event
            are missing at random.
        strategies: Column with a strategy of each subject, in the place of one for all.
        covariance: A structure of visits, as in `mmrm`.
        by_arm: Whether every arm has a covariance of its own.
        reml: Restricted maximum likelihood, else maximum likelihood.
        levels: Order of visits and arms; else the order that the frame declares, else sorted.

    Raises:
        ImputationError: two rows of a subject and visit, a covariate that changes or is missing,
            a name that is no visit or arm.
    """
    read, order = parse(formula), levels or {}
    asked = [c for c in (event, strategies) if c]
    source = table(data, [read.response, *read.columns.values(), subject, visit, arm, *asked])
    people, visits, arms = (factor(source, name, order) for name in (subject, visit, arm))
    n, t = len(people.levels), len(visits.levels)
    if min(people.codes.min(), visits.codes.min(), arms.codes.min()) < 0:
        raise ImputationError(f"{subject!r}, {visit!r} and {arm!r} must be known in every row")
    cells = people.codes * t + visits.codes
    if np.unique(cells).size < cells.size:
        row = int(np.flatnonzero(np.bincount(cells, minlength=n * t) > 1)[0])
        raise ImputationError(
            f"{people.levels[row // t]} has two rows at {visits.levels[row % t]}; each needs one"
        )
    y = np.full(n * t, np.nan)
    y[cells] = numbers(source, read.response)
    own_arm = _constant(arms.codes, people.codes, n, arm).astype(np.intp)
    to = dict.fromkeys(arms.levels, reference) if isinstance(reference, str) else reference
    if unknown := (set(to) | set(to.values())) - set(arms.levels):
        raise ImputationError(f"there is no arm {sorted(unknown)}; they are {arms.levels}")
    other_arm = np.array([arms.levels.index(to.get(a, a)) for a in arms.levels])[own_arm]
    covariates = _covariates(source, read, (visit, arm), people, n, order)

    def rows(of: Indices) -> Floats:
        variables: dict[str, Factor | Covariate] = {}
        for name, column in read.columns.items():
            if column == visit:
                variables[name] = Factor(visits.levels, np.tile(np.arange(t), n))
            elif column == arm:
                variables[name] = Factor(arms.levels, np.repeat(of, t))
            else:
                own = covariates[name]
                variables[name] = (
                    Factor(own.levels, np.repeat(own.codes, t))
                    if isinstance(own, Factor)
                    else Covariate(np.repeat(own.values, t))
                )
        made = design(read.terms, variables, rows=n * t, intercept=read.intercept)
        return made.x.reshape(n, t, -1)

    first = np.full(n, t)
    if event is not None:
        when = factor(source, event, {event: visits.levels})
        first = _constant(when.codes, people.codes, n, event, absent=t).astype(np.intp)
    names = [strategy] * n
    if strategies is not None:
        said = factor(source, strategies, {})
        codes = _constant(said.codes, people.codes, n, strategies, absent=-1).astype(np.intp)
        names = [said.levels[k] if k >= 0 else "MAR" for k in map(int, codes)]
    chosen = cast(
        list[Strategy], [s if e < t else "MAR" for s, e in zip(names, first, strict=True)]
    )
    made = trial(
        y.reshape(n, t), rows(own_arm), rows(other_arm), strategy=chosen, event=first,
        group=own_arm if by_arm else None, reference_group=other_arm if by_arm else None,
    )  # fmt: skip
    return ReferenceBased(
        fit_base(made, covariance=covariance, reml=reml),
        Long(arms.levels, own_arm, visits.levels, _columns(list(covariates.values()), n)),
        source,
    )


def _covariates(
    source: Table, read: Formula, apart: Sequence[str], people: Factor, n: int, order: Levels
) -> dict[str, Factor | Covariate]:
    """Columns of the formula that belong to the subject, one value each."""
    found: dict[str, Factor | Covariate] = {}
    for name, column in read.columns.items():
        if column in apart:
            continue
        if source.columns[column].dtype.is_numeric() and name not in read.forced:
            own = _constant(numbers(source, column), people.codes, n, column)
            found[name] = Covariate(own)
        else:
            coded = factor(source, column, order)
            own = _constant(np.where(coded.codes < 0, np.nan, coded.codes), people.codes, n, column)
            found[name] = Factor(coded.levels, own.astype(np.int64))
    return found


def _constant(values: Any, people: Any, n: int, column: str, *, absent: float = np.nan) -> Floats:
    """The one value of each subject; `absent` where it has none."""
    given = np.asarray(values, np.float64)
    known = ~np.isnan(given) & (given >= 0 if absent >= -1 else True)
    found = np.full(n, np.nan)
    found[people[known]] = given[known]
    if np.any(found[people[known]] != given[known]):
        raise ImputationError(f"{column!r} is not the same in all rows of a subject")
    blank = np.isnan(found)
    if blank.any() and np.isnan(absent):
        raise ImputationError(f"{column!r} is missing for {int(blank.sum())} subjects")
    return np.where(blank, absent, found)


def _columns(covariates: Sequence[Factor | Covariate], n: int) -> Floats:
    parts = [
        (each.codes[:, None] == np.arange(1, len(each.levels))).astype(np.float64)
        if isinstance(each, Factor)
        else each.values[:, None]
        for each in covariates
    ]
    return np.concatenate([np.empty((n, 0)), *parts], axis=1)


def _ancova(x: Floats, y: Floats, arms: int) -> tuple[Floats, Floats]:
    """Effects of the arms at every visit and their variances."""
    fits = [least_squares(x, column) for column in y.T]
    own = slice(1, arms)
    return (
        np.column_stack([fit.coefficients[own] for fit in fits]).ravel(),
        np.column_stack([fit.standard_errors[own] ** 2 for fit in fits]).ravel(),
    )
