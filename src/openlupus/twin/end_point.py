"""One continuous end point: values after baseline moved toward the printed cells of its model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from openlupus.analysis import analyse
from openlupus.analysis.select import ARM, Scope, members, scope
from openlupus.analysis.subgroups import amended
from openlupus.derivation import AnalysisData
from openlupus.errors import AnalysisError
from openlupus.instruments.arrays import Floats
from openlupus.protocol import Protocol
from openlupus.protocol.methods import Longitudinal, Method
from openlupus.twin.course import Course, evenly
from openlupus.twin.forms import WRITERS, Frames
from openlupus.twin.models import Statistic, Target
from openlupus.twin.search import Found, search

Values = Mapping[Statistic, float | None]

_FIRST, _EVALUATIONS, _SLOW, _SINGLES = 3, 32, 24, 16
"""Evaluations of a model: to come near, to search (a slow model fewer), and for steps of single
patients."""
_ATTEMPTS, _CLOSE = 4, 0.7
"""Attempts with other roundings, while the sum of distances beyond a printed digit is as small."""
_FEWEST = 3
"""Values that an arm must have at the visit."""
_WIDTH = 3.92
"""Standard errors in a 95% interval, near enough where two of them are compared."""
_MOST_TURN = 0.25
"""The most that a slope is turned at once."""
_SURELY = 2.0
"""Factor between the P value and the cut-off of a rule, that the choice of model may be sure."""
_NO_NUMBER = 1e3
"""Distance of a number that the model does not give."""
_NORMAL, _SEVERE = 1e-300, 1 - 1e-12
"""Cut-offs of P that settle a rule either way."""


@dataclass(frozen=True, eq=False)
class _Model:
    """A declared model, and the data that it sees.

    Attributes:
        data: ADSL, and ADQS of its parameter alone, with the number of each row in `_row`.
        moving: The records of ADQS whose value may be moved.
    """

    seen: Scope
    data: AnalysisData
    moving: pl.DataFrame

    @property
    def arms(self) -> tuple[str, ...]:
        return self.seen.arms

    def results(self, values: Floats, severe: bool | None) -> Values:
        """What the model gives for values of the moving records, its rule settled."""
        own = self.data.frame("ADQS")
        edited = own.with_columns(AVAL=own["AVAL"].scatter(self.moving["_row"], values))
        change = pl.when(pl.col("CHG").is_not_null()).then(pl.col("AVAL") - pl.col("BASE"))
        frames = {**self.data.frames, "ADQS": edited.with_columns(CHG=change)}
        name = self.seen.name
        protocol = _settled(self.seen.protocol, name, severe)
        rows = analyse(protocol, replace(self.data, frames=frames), only=[name]).rows
        rows = rows.filter(
            pl.col("analysis") == name,
            pl.col("visit") == self.seen.analysis.visit,
            pl.col("subgroup") == "",
        )
        named = rows.select("statistic", "group", "comparator").iter_rows()
        return dict(zip(named, rows["value"], strict=True))


def written(
    protocol: Protocol,
    data: AnalysisData,
    target: Target,
    frames: Frames,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """The domain of a form, with items changed so that the target's model prints its cells.

    Raises:
        AnalysisError: the model cannot be run on these data, or an arm has hardly any value.
    """
    writer = WRITERS[target.parameter]
    own = data.frame("ADQS").filter(pl.col("PARAMCD") == target.parameter).with_row_index("_row")
    lean = replace(data, frames={"ADSL": data.frame("ADSL"), "ADQS": own})
    seen = _seen(protocol, lean, target.analysis)
    moving, course = _course(seen, target, frames, rng)
    best = _best(_Model(seen, lean, moving), course, target, rng)
    totals = np.where(np.isclose(best.values, course.value), np.nan, best.values)
    return writer.write(frames, moving, totals, rng)


def _best(model: _Model, course: Course, target: Target, rng: np.random.Generator) -> Found:
    """The best of several attempts; the first that meets all ends them."""
    found: list[Found] = []
    # The model for normal data comes first, as it is the quicker one.
    for severe in (False, True) if _ruled(model.seen.analysis.method) else (None,):
        for _ in range(_ATTEMPTS):
            fresh = course if not found else course.rounded_anew(rng)
            found.append(_searched(model, fresh, target, severe))
            if not found[-1].unmet:
                return found[-1]
            if found[-1].loss > _CLOSE:
                break
    return min(found, key=lambda each: each.order)


def _searched(model: _Model, course: Course, target: Target, severe: bool | None) -> Found:
    def distances(values: Floats) -> Floats:
        ours = model.results(values, severe)
        return np.append(
            _distances(target, ours), _beyond(model.seen.analysis.method, ours, severe)
        )

    values = course.moved(_near(model, course, target, severe))
    effects = _expected(target, model.arms, course)
    most = _SLOW if severe else _EVALUATIONS
    return search(course, distances, values, effects, most=most, singles=_SINGLES)


def _expected(target: Target, arms: Sequence[str], course: Course) -> Floats:
    """What a summary should do to the distances: means one to one, spreads by the share of the arm.

    Widths are those printed, so that the model need not be asked.
    """
    share = np.bincount(course.arm[course.last], minlength=len(arms)) / course.last.sum()
    rows: list[Floats] = []
    for goal in target.goals:
        printed = {key[0]: float(number) for key, number in goal.numbers}
        width = {
            "se": printed.get("se", 0.0),
            "lower": (printed.get("lower", 0.0) - printed.get("upper", 0.0)) / 2,
            "upper": (printed.get("upper", 0.0) - printed.get("lower", 0.0)) / 2,
        }
        for (statistic, group, comparator), number in goal.numbers:
            mean = np.array([float(arm == group) - float(arm == comparator) for arm in arms])
            mean *= statistic != "se"
            row = np.concatenate([mean, width.get(statistic, 0.0) * share, [0.0, 0.0]])
            rows.append(row * 2 / (number.high - number.low))
    return np.array([*rows, np.zeros(2 * len(arms) + 2)])


def _ruled(method: Method) -> bool:
    return isinstance(method, Longitudinal) and method.rule.on == "p"


def _settled(protocol: Protocol, name: str, severe: bool | None) -> Protocol:
    """The declaration with the rule of a longitudinal analysis settled, so that the model does not
    change under way."""
    method = protocol.analyses[name].method
    if severe is None or not isinstance(method, Longitudinal):
        return protocol
    rule = method.rule.model_copy(update={"cutoff": _SEVERE if severe else _NORMAL})
    return amended(protocol, name, method=method.model_copy(update={"rule": rule}))


def _beyond(method: Method, found: Values, severe: bool | None) -> float:
    """Distance of the rule's P value from where it chooses the model: 0 where it does for sure."""
    p = found.get(("p", "", ""))
    if severe is None or not isinstance(method, Longitudinal) or not p:
        return 0.0
    above = np.log10(p / method.rule.cutoff) / np.log10(_SURELY)
    return max(0.0, float(above if severe else -above) + 1)


def _seen(protocol: Protocol, data: AnalysisData, name: str) -> Scope:
    """What the model sees, at every visit."""
    population = protocol.analyses[name].population
    own = {k: v for k, v in protocol.populations.items() if k == population}
    # Each population is counted anew with every evaluation.
    protocol = protocol.model_copy(update={"populations": own})
    people = members(protocol, data, population)
    seen = scope(name, amended(protocol, name, visit=""), data, people, columns=["ADY"])
    return replace(seen, protocol=protocol, analysis=protocol.analyses[name])


def _course(
    seen: Scope, target: Target, frames: Frames, rng: np.random.Generator
) -> tuple[pl.DataFrame, Course]:
    """The records that may be moved, and their values as arrays."""
    writer, visit = WRITERS[target.parameter], seen.protocol.visit(seen.analysis.visit)
    places = {seen.protocol.arms[arm].code: i for i, arm in enumerate(seen.arms)}
    known = pl.col(ARM).is_in(list(places)) & pl.col("CHG").is_not_null()
    held = seen.records.filter(known).with_columns(
        pl.col("AVISITN").fill_null(-1.0), _arm=pl.col(ARM).replace_strict(places)
    )
    value, arm = held["AVAL"].to_numpy(), held["_arm"].to_numpy()
    last = (held["AVISITN"] == visit.number) & (held["ANL01FL"] == "Y").fill_null(False)
    if np.bincount(arm[last.to_numpy()], minlength=len(places)).min() < _FEWEST:
        raise AnalysisError(f"an arm has fewer than {_FEWEST} values at {visit.label}")
    limits, base = writer.limits(frames, held), held["BASE"].to_numpy()
    course = Course(
        value=value,
        # A value beyond its limits may stay there.
        low=np.minimum(limits.low, value),
        high=np.maximum(limits.high, value),
        arm=arm,
        visit=held["AVISITN"].to_numpy(),
        baseline=base - base.mean(),
        # Most of a change comes early.
        part=np.sqrt(np.clip(held["ADY"].to_numpy() / visit.day, 0, 1)),
        person=held["USUBJID"].rank("dense").to_numpy().astype(np.int64) - 1,
        last=last.to_numpy(),
        step=writer.step,
        chance=evenly(arm, held["AVISITN"].to_numpy(), rng),
    )
    return held, course


def _distances(target: Target, values: Values) -> Floats:
    found: list[float] = []
    for goal in target.goals:
        for key, number in goal.numbers:
            ours = values.get(key)
            middle, half = (number.low + number.high) / 2, (number.high - number.low) / 2
            found.append(_NO_NUMBER if ours is None else (ours - middle) / half)
    return np.array(found)


def _near(model: _Model, course: Course, target: Target, severe: bool | None) -> Floats:
    """Knobs that bring means and errors of the arms near those printed, each arm by itself."""
    wanted: Values = {key: float(number) for goal in target.goals for key, number in goal.numbers}
    shift, factor, slope = np.zeros(course.arms), np.ones(course.arms), 0.0
    for _ in range(_FIRST):
        knobs = np.concatenate([shift, factor - 1, [slope]])
        values = course.moved(knobs)
        ours = model.results(values, severe)
        for place, arm in enumerate(model.arms):
            there, here = (of.get(("lsmean", arm, "")) for of in (wanted, ours))
            if there is not None and here is not None:
                shift[place] += there - here
            there, here = _error(wanted, arm), _error(ours, arm)
            if there and here:
                factor[place] *= there / here
        there, here = _shared(wanted), _shared(ours)
        if there and here:
            turn = (1 - course.summary(values)[-2]) * (1 - np.sqrt(there / here))
            slope += float(np.clip(turn, -_MOST_TURN, _MOST_TURN))
    return np.concatenate([shift, factor - 1, [slope]])


def _error(values: Values, group: str, comparator: str = "") -> float:
    """Standard error of a mean or difference, from its interval where there is one; else 0."""
    lower, upper, se = (values.get((s, group, comparator)) for s in ("lower", "upper", "se"))
    if lower is not None and upper is not None:
        return (upper - lower) / _WIDTH
    return se or 0.0


def _shared(values: Values) -> float:
    """Variance that the means of two arms have in common, as that of one baseline has; else 0."""
    found: list[float] = []
    for _, test, control in (key for key in values if key[0] == "difference"):
        errors = [_error(values, *pair) for pair in ((test, ""), (control, ""), (test, control))]
        if all(errors):
            found.append((errors[0] ** 2 + errors[1] ** 2 - errors[2] ** 2) / 2)
    return max(0.0, float(np.mean(found))) if found else 0.0
