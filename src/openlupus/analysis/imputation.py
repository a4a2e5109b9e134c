"""Verdicts made again from imputed measures and components, many times over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import finalize

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.analysis.select import ARM, SUBJECT
from openlupus.analysis.verdicts import STRATUM, Verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, ImputationError
from openlupus.instruments.composites import COMPOSITES, Composite
from openlupus.protocol.methods import Imputing
from openlupus.protocol.model import Protocol, Visit
from openlupus.statistics.imputation.augmentation import Chains, augment, augment_each
from openlupus.statistics.imputation.conditional import impute_chained
from openlupus.statistics.imputation.imputations import Imputations
from openlupus.statistics.imputation.mixed import Column
from openlupus.statistics.imputation.normal import Prior
from openlupus.statistics.interval import Bools, Floats


@dataclass(frozen=True)
class Number:
    """A measure of a composite: its data set and parameter, the limits of its scale, its steps."""

    dataset: str
    parameter: str
    highest: float
    whole: bool = True

    def on_scale(self, values: Floats) -> Floats:
        """Draws as the form could hold them: within its limits, in whole points if it has them."""
        limited = np.clip(values, 0.0, self.highest)
        return np.rint(limited) if self.whole else limited


NUMBERS: Mapping[str, Number] = {
    "sledai": Number("ADSLEDAI", "SLEDTOT", 105),
    "sledai_clinical": Number("ADSLEDAI", "SLEDCLIN", 105),
    "pga": Number("ADQS", "PGA", 3, whole=False),
    "clasi_activity": Number("ADQS", "CLASIA", 70),
}
"""Measures that can be imputed, by their name in the inputs of composites."""
_GRADES = ("ADBILAG", tuple(f"BIL{i:02d}" for i in range(1, 10)))
_BILAG = "bilag"
_REACHES = (
    (np.inf, ""),
    (1, "visits depend on each other, so each is predicted by its neighbours alone"),
    (0, "visits depend on each other, so none is predicted by another"),
)
"""How far apart visits may predict each other, tried in this order."""


@dataclass(frozen=True, eq=False)
class Completed:
    """What imputation needs to pass the missing verdicts again.

    Attributes:
        needed: The components that response needs.
        missing: Who has no verdict, shape (subjects,), in the order of the verdicts.
        numbers: Measure to its baseline and its value at the visit, shape (m, subjects) each.
        drawn: Measure to who has an imputed value at the visit, shape (subjects,).
        components: BILAG-2004 component to 1 or 0, shape (m, subjects).
        said: Warnings.
    """

    composite: Composite
    needed: tuple[str, ...]
    options: Mapping[str, Any]
    known: Floats
    missing: Bools
    numbers: Mapping[str, tuple[Floats, Floats]]
    drawn: Mapping[str, Bools]
    components: Mapping[str, Floats]
    said: tuple[str, ...]

    def responders(self, shift: Mapping[str, float] | None = None) -> Floats:
        """1 or 0 of each subject in each imputation, shape (m, subjects).

        Args:
            shift: Measure to what is added to its imputed values at the visit.
        """
        m = len(next(iter(self.components.values()), next(iter(self.numbers.values()))[0]))
        whole = np.repeat(self.known[None], m, axis=0)
        gone = np.flatnonzero(self.missing)
        if gone.size:
            whole[:, gone] = self._again(gone, m, shift or {})
        return whole

    def _again(self, gone: NDArray[np.intp], m: int, shift: Mapping[str, float]) -> Floats:
        inputs: dict[str, Any] = {}
        for measure, (baseline, visit) in self.numbers.items():
            number = NUMBERS[measure]
            moved = visit[:, gone] + shift.get(measure, 0.0) * self.drawn[measure][gone]
            inputs[f"{measure}_baseline"] = number.on_scale(baseline[:, gone]).ravel()
            inputs[f"{measure}_visit"] = number.on_scale(moved).ravel()
        if self.components:
            # Grades that keep these components computable; the imputed ones take their place.
            inputs["bilag_baseline"] = np.full((m * gone.size, 9), 3, np.int8)
            inputs["bilag_visit"] = np.zeros((m * gone.size, 9), np.int8)
        found: Any = self.composite.score(**self.options, **inputs)
        met = np.ones((m, gone.size), np.bool_)
        for name in self.needed:
            if name in self.components:
                met &= self.components[name][:, gone] == 1
            else:
                met &= (getattr(found, name) == 1).reshape(m, gone.size)
        return met.astype(np.float64)


_HELD: dict[int, tuple[Imputing, Verdicts, Completed]] = {}
"""The imputations made last of each living data, by its identity: the analysis and its tipping
point rest on the same ones. They go when the data go."""


def complete(
    protocol: Protocol, data: AnalysisData, verdicts: Verdicts, method: Imputing
) -> Completed:
    """Impute what the missing verdicts of an analysis lack, or take what was just imputed.

    Raises:
        AnalysisError: the composite is not made of such measures.
        ImputationError: the data cannot be imputed as declared.
    """
    held = _HELD.get(id(data))
    if held is not None:
        models, seen, found = held
        same = seen.endpoint == verdicts.endpoint and seen.every.equals(verdicts.every)
        if same and _models(models) == _models(method):
            return found
    made = _complete(protocol, data, verdicts, method)
    if held is None:
        finalize(data, _HELD.pop, id(data), None)
    _HELD[id(data)] = method, verdicts, made
    return made


def _models(method: Imputing) -> Mapping[str, Any]:
    """The options on which the draws depend."""
    names = (*Imputing.model_fields, "strata", "strata_as")
    return {name: getattr(method, name) for name in names if name != "level"}


def _complete(
    protocol: Protocol, data: AnalysisData, verdicts: Verdicts, method: Imputing
) -> Completed:
    """Impute what the missing verdicts of an analysis lack.

    Numbers: multivariate normal over baseline and visits, by data augmentation. BILAG-2004
    components: chained logistic regressions over the visits, given arm, strata and the numbers at
    baseline. Values that are there stay.
    """
    endpoint = verdicts.endpoint
    composite = COMPOSITES[endpoint.composite]
    measures = _measures(verdicts.scope.name, composite)
    visits = _visits(protocol, verdicts, method)
    rows = verdicts.every
    numbers = {
        measure: _values(data, rows, NUMBERS[measure].dataset, NUMBERS[measure].parameter, visits)
        for measure in measures
        if measure != _BILAG
    }
    generators = np.random.default_rng(method.seed).spawn(2)
    drawn = _numbers(method, rows, numbers, generators[0])
    parts = _observed(data, rows, visits, composite, endpoint.options) if _BILAG in measures else {}
    before = [values[:, 0] for values in numbers.values()]
    components, said = _components(method, rows, parts, before, generators[1])
    needed = (endpoint.component,) if endpoint.component else composite.components
    return Completed(
        composite, needed, endpoint.options, rows["AVAL"].to_numpy(),
        rows["AVAL"].is_nan().to_numpy(), drawn,
        {measure: np.isnan(values[:, -1]) for measure, values in numbers.items()},
        components, said,
    )  # fmt: skip


def _measures(name: str, composite: Composite) -> tuple[str, ...]:
    measures = tuple(dict.fromkeys(need.rpartition("_")[0] for need in composite.inputs))
    other = [
        need
        for need in composite.inputs
        if need.rpartition("_")[0] not in (*NUMBERS, _BILAG)
        or need.rpartition("_")[2] not in ("baseline", "visit")
    ]
    if other:
        raise AnalysisError(
            f"analysis {name}: {composite.label} rests on {', '.join(other)}, for which no model of"
            f" imputation is built; there are models of {', '.join((*NUMBERS, _BILAG))} at baseline"
            " and at the visit"
        )
    return measures


def _visits(protocol: Protocol, verdicts: Verdicts, method: Imputing) -> list[Visit]:
    """The visits of the models, that of the analysis last."""
    last = protocol.visit(verdicts.scope.analysis.visit)
    some = [v for v in protocol.schedule.visits if v.role == "treatment" and v.number < last.number]
    if method.visits:
        some = [v for v in some if v.id in method.visits]
    return [*some, last]


def _values(
    data: AnalysisData, rows: pl.DataFrame, dataset: str, parameter: str, visits: Sequence[Visit]
) -> Floats:
    """A measure at baseline and at the visits, shape (subjects, 1 + visits), NaN where missing."""
    frame = data.frame(dataset).filter(pl.col("PARAMCD") == parameter)
    held = [frame.filter(pl.col("ABLFL") == "Y")] + [
        frame.filter((pl.col("ANL01FL") == "Y") & (pl.col("AVISITN") == visit.number))
        for visit in visits
    ]
    columns: list[Floats] = []
    for each in held:
        one = each.select(SUBJECT, "AVAL").unique(SUBJECT, keep="last", maintain_order=True)
        joined = rows.select(SUBJECT).join(one, on=SUBJECT, how="left", maintain_order="left")
        columns.append(joined["AVAL"].cast(pl.Float64).fill_null(np.nan).to_numpy())
    return np.column_stack(columns)


def _numbers(
    method: Imputing, rows: pl.DataFrame, numbers: Mapping[str, Floats], rng: np.random.Generator
) -> dict[str, tuple[Floats, Floats]]:
    """Each measure at baseline and at the last visit in each imputation."""
    if not numbers:
        return {}
    matrix = np.column_stack(list(numbers.values()))
    names = [f"{m} {i}" for m, v in numbers.items() for i in range(v.shape[1])]
    whole = np.repeat(matrix[None], method.imputations, axis=0)
    arms = rows[ARM].to_numpy()
    codes = sorted(set(arms.tolist()))
    prior = Prior(method.prior, method.prior_df)
    chains = Chains(burn_in=method.burn_in)
    if method.within_arms:
        parts = [
            (own, arms == code)
            for code, own in zip(codes, rng.spawn(len(codes)), strict=True)
            if np.isnan(matrix[arms == code]).any()
        ]
        found = augment_each(
            [matrix[inside] for _, inside in parts], m=method.imputations,
            generators=[own for own, _ in parts], prior=prior, chains=chains, names=names,
        )  # fmt: skip
        for (_, inside), each in zip(parts, found, strict=True):
            whole[:, inside] = each.stacked()
    elif np.isnan(matrix).any():
        indicators = (arms[:, None] == np.array(codes[1:])).astype(np.float64)
        found = augment(
            np.column_stack([indicators, matrix]), m=method.imputations, generator=rng,
            prior=prior, chains=chains, names=[*codes[1:], *names],
        )  # fmt: skip
        whole = found.stacked()[:, :, len(codes) - 1 :]
    made: dict[str, tuple[Floats, Floats]] = {}
    start = 0
    for measure, values in numbers.items():
        end = start + values.shape[1]
        made[measure] = whole[:, :, start], whole[:, :, end - 1]
        start = end
    return made


def _observed(
    data: AnalysisData,
    rows: pl.DataFrame,
    visits: Sequence[Visit],
    composite: Composite,
    options: Mapping[str, Any],
) -> dict[str, Floats]:
    """BILAG-2004 component to 1, 0 or NaN at each visit, shape (subjects, visits)."""
    dataset, parameters = _GRADES
    grades = np.stack([_values(data, rows, dataset, p, visits) for p in parameters], axis=-1)
    codes = np.where(np.isnan(grades), -1, grades).astype(np.int8)
    none = np.full(rows.height, np.nan)
    others = {need: none for need in composite.inputs if not need.startswith(_BILAG)}
    made: dict[str, list[Floats]] = {}
    for place in range(1, codes.shape[1]):
        found: Any = composite.score(
            **options, **others, bilag_baseline=codes[:, 0], bilag_visit=codes[:, place]
        )
        for name in composite.components:
            if name.startswith(_BILAG):
                verdict = getattr(found, name).astype(np.float64)
                made.setdefault(name, []).append(np.where(verdict < 0, np.nan, verdict))
    return {name: np.column_stack(columns) for name, columns in made.items()}


def _components(
    method: Imputing,
    rows: pl.DataFrame,
    parts: Mapping[str, Floats],
    before: Sequence[Floats],
    rng: np.random.Generator,
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Each component at the last visit in each imputation, and what the model leaves out."""
    made: dict[str, Floats] = {}
    said: list[str] = []
    for (name, values), own in zip(parts.items(), rng.spawn(len(parts)), strict=True):
        last = values[:, -1]
        if not np.isnan(last).any():
            made[name] = np.repeat(last[None], method.imputations, axis=0)
            continue
        seen = last[~np.isnan(last)]
        if np.ptp(seen) == 0:
            said.append(f"{name} is {seen[0]:g} wherever it is known, and so where it is imputed")
            filled = np.where(np.isnan(last), seen[0], last)
            made[name] = np.repeat(filled[None], method.imputations, axis=0)
            continue
        spread = [j for j in range(values.shape[1]) if np.unique(_known(values[:, j])).size > 1]
        columns = [Column(f"{name} {j + 1}", "binary") for j in spread]
        arm = rows[ARM].rank("dense").cast(pl.Float64).to_numpy()
        fixed = [(Column("arm", "nominal"), arm)] if np.unique(arm).size > 1 else []
        if method.strata:
            stratum = rows[STRATUM].cast(pl.Float64).fill_null(-1.0).to_numpy()
            fixed += [(Column("stratum", "nominal"), stratum)] if np.ptp(stratum) > 0 else []
        fixed += [(Column(f"baseline {i + 1}"), v) for i, v in enumerate(before)]
        found, note = _chained(method, fixed, values[:, spread], columns, own)
        said += [f"{name}: {note}"] if note else []
        made[name] = found.column(len(fixed) + len(spread) - 1)
    return made, tuple(said)


def _chained(
    method: Imputing,
    fixed: Sequence[tuple[Column, Floats]],
    values: Floats,
    columns: Sequence[Column],
    rng: np.random.Generator,
) -> tuple[Imputations, str]:
    """Draws of one component over the visits, from as many other visits as the data carry.

    A component that hardly ever fails fails in the same few subjects at several visits, so that
    these depend on each other: then each visit is predicted by its neighbours alone, or by none.
    """
    k = len(fixed)
    data = np.column_stack([*(v for _, v in fixed), values])
    apart = np.abs(np.subtract.outer(np.arange(len(columns)), np.arange(len(columns))))
    failed: ImputationError | None = None
    for reach, note in _REACHES:
        predictors = np.ones((data.shape[1], data.shape[1]), np.bool_)
        predictors[k:, k:] = apart <= reach
        try:
            found = impute_chained(
                data, [*(c for c, _ in fixed), *columns], m=method.imputations,
                generator=rng.spawn(1)[0], sweeps=method.sweeps, predictors=predictors,
            )  # fmt: skip
        except ImputationError as error:
            failed = error
            continue
        return found, note
    assert failed is not None
    raise failed


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]
