"""Responders of two or more arms from a frame: rates, common differences, ratios, tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from openlupus.errors import FormulaError, StatisticsError
from openlupus.modelling.frames import Table, table
from openlupus.statistics import risk_difference as rd
from openlupus.statistics.cmh import cmh, mantel_fleiss
from openlupus.statistics.homogeneity import breslow_day
from openlupus.statistics.interval import Floats, Interval
from openlupus.statistics.proportion import proportion
from openlupus.statistics.ratio import mantel_haenszel_ratio
from openlupus.statistics.score import gart_nam, summary_score

Method = Literal[
    "newcombe",
    "miettinen-nurminen",
    "mee",
    "gart-nam",
    "summary-score",
    "greenland-robins",
    "sato",
    "inverse-variance",
    "minimum-risk",
    "wald",
    "agresti-caffo",
]


@dataclass(frozen=True, slots=True, eq=False)
class Responders:
    """Counts of responders by arm and stratum; `print` it for a summary.

    Attributes:
        arms: The control first.
        strata: Names of the strata; one, `all`, where none were declared.
        x: Responders, shape (arms, strata).
        n: Subjects, same shape.
        interval: Method of the limits of a difference.
        level: Two-sided coverage of all limits.
        source: The data's library: frames are returned in the same.
        notes: Subjects left out, or counted as non-responders.
    """

    arms: tuple[str, ...]
    strata: tuple[str, ...]
    x: Floats
    n: Floats
    interval: Method
    level: float
    source: Table
    notes: tuple[str, ...]

    def rates(self) -> Any:
        """One row an arm: arm, responders, n, rate and its Wilson limits."""
        x, n = self.x.sum(axis=1), self.n.sum(axis=1)
        found = [
            proportion(int(a), int(b), method="wilson", level=self.level)
            for a, b in zip(x, n, strict=True)
        ]
        return self.source.frame(
            {
                "arm": list(self.arms),
                "responders": x.astype(int).tolist(),
                "n": n.astype(int).tolist(),
                "rate": [each.value for each in found],
                "lower": [each.lower for each in found],
                "upper": [each.upper for each in found],
            }
        )

    def differences(self) -> Any:
        """One row an arm against the control: difference, error, limits; the CMH test and P."""
        return self._compared(lambda x, n: _limits(self.interval, x, n, self.level))

    def ratios(self) -> Any:
        """The same of the Mantel-Haenszel ratio of rates; its error is that of the logarithm."""
        return self._compared(lambda x, n: mantel_haenszel_ratio(x, n, level=self.level))

    def odds_ratios(self) -> Any:
        """The same of the Mantel-Haenszel odds ratio, with Tarone's P value of homogeneity."""

        def common(x: Floats, n: Floats) -> Interval:
            got = cmh(x, n, level=self.level)
            return Interval(
                got.common_odds_ratio, got.lower, got.upper, self.level, None, got.warnings
            )

        homogeneous = [breslow_day(*pair, tarone=True).p for pair in self._pairs()]
        return self._compared(common, {"p_homogeneity": homogeneous})

    def counts(self) -> Any:
        """One row an arm and stratum: arm, stratum, responders, n."""
        cells = [(a, s) for a in range(len(self.arms)) for s in range(len(self.strata))]
        return self.source.frame(
            {
                "arm": [self.arms[a] for a, _ in cells],
                "stratum": [self.strata[s] for _, s in cells],
                "responders": [int(self.x[cell]) for cell in cells],
                "n": [int(self.n[cell]) for cell in cells],
            }
        )

    def __str__(self) -> str:
        from openlupus.modelling.responder_summary import responder_summary

        return responder_summary(self)

    def _pairs(self) -> list[tuple[Floats, Floats]]:
        """Tables of each arm against the control."""
        return [(self.x[[arm, 0]], self.n[[arm, 0]]) for arm in range(1, len(self.arms))]

    def _compared(
        self,
        estimate: Callable[[Floats, Floats], Interval],
        more: Mapping[str, Sequence[Any]] | None = None,
    ) -> Any:
        found = [estimate(*pair) for pair in self._pairs()]
        tests = [cmh(*pair) for pair in self._pairs()]
        doubts = [_doubt(float(mantel_fleiss(*pair))) for pair in self._pairs()]
        # Unless the test is undefined its warnings are about its odds ratio.
        undefined = [test.warnings if np.isnan(test.statistic) else () for test in tests]
        warned = [
            "; ".join(dict.fromkeys((*one.warnings, *none, *doubt)))
            for one, none, doubt in zip(found, undefined, doubts, strict=True)
        ]
        return self.source.frame(
            {
                "contrast": [f"{arm} - {self.arms[0]}" for arm in self.arms[1:]],
                "estimate": [each.value for each in found],
                "standard_error": [each.standard_error for each in found],
                "lower": [each.lower for each in found],
                "upper": [each.upper for each in found],
                "chi_square": [each.statistic for each in tests],
                "p": [each.p for each in tests],
                **(more or {}),
                "warnings": warned,
            }
        )


def risk_difference(
    data: Any,
    *,
    response: str,
    arm: str,
    strata: Sequence[str] | str = (),
    responder: object = None,
    control: str | None = None,
    interval: Method = "newcombe",
    missing: Literal["exclude", "non-response"] = "exclude",
    level: float = 0.95,
) -> Responders:
    """Compare responders of the arms with a control arm, one row of the data a subject.

    Args:
        data: A frame of pandas, polars or pyarrow.
        response: Column of the response: true and false, 1 and 0, or with `responder` any values.
        arm: Column of the arm.
        strata: Columns whose combinations are the strata; none compares the whole arms.
        responder: The value of `response` that is a response, such as `"Y"`.
        control: Arm that the others are compared with; the first unless given.
        interval: Limits of a difference, see `openlupus.statistics.risk_difference`; `newcombe` is
            Yan and Su's form where there are strata.
        missing: What a missing response is: left out, or no response. Either is counted in `notes`.
        level: Two-sided coverage, in (0, 1).

    Raises:
        FormulaError: columns that the data do not have, or a response that is not 0 or 1.
        StatisticsError: a missing arm or stratum, an arm that is not there, unknown options.
    """
    if interval not in get_args(Method):
        raise StatisticsError(f"interval={interval!r} is not one of {get_args(Method)}")
    if missing not in ("exclude", "non-response"):
        raise StatisticsError(f"missing={missing!r} is not 'exclude' or 'non-response'")
    by = (strata,) if isinstance(strata, str) else tuple(strata)
    if interval in ("wald", "agresti-caffo") and by:
        raise StatisticsError(f"interval={interval!r} knows no strata")
    source = table(data, [response, arm, *by])
    _refuse_missing(source, (arm, *by))
    answered, notes = _answered(source, response, responder, missing)
    frame = pl.DataFrame(
        {
            "arm": _texts(source, arm),
            "stratum": _joined(source, by),
            "y": answered,
        }
    ).drop_nulls("y")
    arms = _arms(source, arm, frame, control)
    names = frame["stratum"].unique().sort().to_list()
    x, n = np.zeros((len(arms), len(names))), np.zeros((len(arms), len(names)))
    cells = frame.group_by("arm", "stratum").agg(pl.col("y").sum(), pl.len().alias("n"))
    for own, stratum, events, subjects in cells.iter_rows():
        at = arms.index(own), names.index(stratum)
        x[at], n[at] = events, subjects
    return Responders(arms, tuple(names), x, n, interval, level, source, notes)


def _doubt(number: float) -> tuple[str, ...]:
    if number > 5:
        return ()
    return (f"Mantel-Fleiss number {number:.1f} is not above 5: prefer an exact test",)


def _limits(method: Method, x: Floats, n: Floats, level: float) -> Interval:
    match method:
        case "newcombe":
            one = rd.newcombe if x.shape[-1] == 1 else rd.stratified_newcombe
            return one(x, n, level=level)
        case "miettinen-nurminen":
            return rd.miettinen_nurminen(x, n, level=level)
        case "mee":
            return rd.mee(x, n, level=level)
        case "gart-nam":
            return gart_nam(x, n, level=level)
        case "summary-score":
            return summary_score(x, n, level=level).interval
        case "greenland-robins":
            return rd.common_risk_difference(x, n, level=level)
        case "sato":
            return rd.common_risk_difference(x, n, variance="sato", level=level)
        case "inverse-variance":
            return rd.inverse_variance(x, n, level=level)
        case "minimum-risk":
            return rd.common_risk_difference(x, n, weights="minimum-risk", level=level)
        case "wald":
            return rd.wald(x, n, level=level)
        case "agresti-caffo":
            return rd.agresti_caffo(x, n, level=level)


def _answered(
    source: Table, response: str, responder: object, missing: str
) -> tuple[pl.Series, tuple[str, ...]]:
    series = source.columns[response]
    if responder is not None:
        known = series.drop_nulls().unique().sort().to_list()
        if responder not in known:
            raise StatisticsError(f"{response!r} has no value {responder!r}; it has {known}")
        answered = pl.Series([None if v is None else float(v == responder) for v in series])
    elif series.dtype.is_numeric() or series.dtype == pl.Boolean or series.dtype == pl.Null:
        answered = series.cast(pl.Float64).fill_nan(None)
    else:
        raise FormulaError(f"{response!r} holds {series.dtype}; say which value is a responder")
    if other := sorted(set(answered.drop_nulls().to_list()) - {0.0, 1.0}):
        raise FormulaError(f"{response!r} holds {other[:3]}; a response is 0 or 1")
    gone = answered.null_count()
    if gone and missing == "non-response":
        note = f"{gone} of {answered.len()} subjects have no response: counted as non-responders"
        return answered.fill_null(0.0), (note,)
    note = f"{gone} of {answered.len()} subjects left out: the response is missing"
    return answered, (note,) if gone else ()


def _refuse_missing(source: Table, columns: Sequence[str]) -> None:
    for column in columns:
        if gone := source.columns[column].null_count():
            raise StatisticsError(f"{gone} subjects have no {column!r}")


def _texts(source: Table, column: str) -> pl.Series:
    return source.columns[column].cast(pl.String)


def _joined(source: Table, columns: Sequence[str]) -> pl.Series:
    if not columns:
        return pl.Series(["all"] * source.columns.height, dtype=pl.String)
    texts = [_texts(source, column).to_list() for column in columns]
    return pl.Series([" | ".join(row) for row in zip(*texts, strict=True)], dtype=pl.String)


def _arms(source: Table, column: str, frame: pl.DataFrame, control: str | None) -> tuple[str, ...]:
    seen = set(frame["arm"].to_list())
    declared = source.declared.get(column, tuple(sorted(seen)))
    known = [name for name in declared if name in seen]
    first = control if control is not None else (known or [None])[0]
    if first not in known:
        raise StatisticsError(f"{column!r} has no arm {first!r} with a response; it has {known}")
    if len(known) < 2:
        raise StatisticsError(f"all responses are of arm {first!r}; there is no comparison")
    return (str(first), *(name for name in known if name != first))
