"""Times to an event from a frame: Kaplan-Meier, log-rank, Cox, competing risks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.modelling.formula import parse
from openlupus.modelling.frames import Levels, Table, table
from openlupus.modelling.tidy import Rows, printed, rows_of
from openlupus.statistics.survival.competing_risks import (
    CumulativeIncidence,
    GrayTest,
    cumulative_incidence,
    gray_test,
)
from openlupus.statistics.survival.cox import CoxFit, Transform, proportionality
from openlupus.statistics.survival.cox import cox as fit_cox
from openlupus.statistics.survival.kaplan_meier import Curve, Scale
from openlupus.statistics.survival.kaplan_meier import kaplan_meier as estimate_curve
from openlupus.statistics.survival.logrank import LogRank, logrank
from openlupus.statistics.survival.partial_likelihood import Ties


@dataclass(frozen=True, slots=True, eq=False)
class Survival:
    """Kaplan-Meier curves of groups; `print` it for their medians.

    Attributes:
        curves: By group; one under `""` without groups.
        source: The frame's columns and library.
        rows: The rows used.
        time: Column of the time.
        event: Column of the event.
        by: Column of the groups, or None.
    """

    curves: Mapping[str, Curve]
    source: Table
    rows: Rows
    time: str
    event: str
    by: str | None

    def curve(self) -> Any:
        """One row a group and distinct time: n_risk, n_event, survival, its error and limits."""
        names = ("time", "n_risk", "n_event", "survival", "standard_error", "lower", "upper")
        return self._stacked(self.curves, names)

    def at(self, times: Sequence[float]) -> Any:
        """The curves at landmark times, one row a group and time."""
        names = ("time", "n_risk", "survival", "standard_error", "lower", "upper")
        return self._stacked({name: each.at(times) for name, each in self.curves.items()}, names)

    def quantiles(self, p: float = 0.5) -> Any:
        """Time by which a share has had the event, the median by default; one row a group."""
        return self.source.frame(self._quantiles(p))

    def test(self, *, strata: Sequence[Any] | None = None, rho: float = 0.0) -> LogRank:
        """Log-rank test of the groups; `rho` 1 is the Peto-Peto Wilcoxon test.

        Args:
            strata: Stratum of each row of the frame.
            rho: Weight S(t-)^rho.
        """
        if self.by is None:
            raise StatisticsError("there are no groups to compare: name their column by `by`")
        kept = None if strata is None else np.asarray(strata)[self.rows.complete]
        values, codes = self.rows.numbers, self.rows.factors[self.by].codes
        return logrank(values[self.time], values[self.event], codes, strata=kept, rho=rho)

    def __str__(self) -> str:
        level = next(iter(self.curves.values())).level
        facts = {
            "time, event": f"{self.time}, {self.event}",
            "limits": f"{level:.0%}, {next(iter(self.curves.values())).scale}",
            "note": "; ".join(self.rows.notes),
        }
        return printed("Kaplan-Meier estimate: medians", facts, self._quantiles(0.5))

    def _quantiles(self, p: float) -> dict[str, list[Any]]:
        found = [curve.quantile(p) for curve in self.curves.values()]
        own = {"group": list(self.curves)} if self.by else {}
        return {
            **own,
            "n": [int(curve.n_risk[0]) for curve in self.curves.values()],
            "events": [int(curve.n_event.sum()) for curve in self.curves.values()],
            "quantile": [p] * len(found),
            "time": [float(each.value) for each in found],
            "lower": [float(each.lower) for each in found],
            "upper": [float(each.upper) for each in found],
        }

    def _stacked(self, parts: Mapping[str, Any], names: Sequence[str]) -> Any:
        sizes = {group: len(part.time) for group, part in parts.items()}
        own = {"group": [g for g, size in sizes.items() for _ in range(size)]} if self.by else {}
        return self.source.frame(
            {
                **own,
                **{n: np.concatenate([getattr(p, n) for p in parts.values()]) for n in names},
            }
        )


def kaplan_meier(
    data: Any,
    *,
    time: str,
    event: str,
    by: str | None = None,
    scale: Scale = "log-log",
    level: float = 0.95,
    levels: Levels | None = None,
) -> Survival:
    """Survival curves, one a group.

    Args:
        data: A frame of pandas, polars or pyarrow, one row a subject.
        time: Column of the time to event or censoring.
        event: Column with 1 (or true) where the event was seen, 0 where it was censored.
        by: Column of the groups.
        scale: Of the limits: `log-log`, `log` or `plain`.
        level: Two-sided coverage.
        levels: Order of the groups.
    """
    source = table(data, [time, event, *([by] if by else [])])
    rows = rows_of(source, numeric=(time, event), factors=(by,) if by else (), levels=levels)
    values = rows.numbers
    groups = rows.factors[by] if by else None
    curves = {
        name: estimate_curve(
            values[time][own], values[event][own], scale=scale, level=level
        )
        for name, own in (
            [(name, groups.codes == k) for k, name in enumerate(groups.levels)]
            if groups
            else [("", np.ones(values[time].size, np.bool_))]
        )
    }  # fmt: skip
    return Survival(curves, source, rows, time, event, by)


@dataclass(frozen=True, slots=True, eq=False)
class Cox:
    """A fitted Cox model; `print` it for its hazard ratios.

    Attributes:
        fit: The fit.
        source: The frame's columns and library.
        rows: The rows used.
        time: Column of the time.
        event: Column of the event.
        ties: How ties are handled.
    """

    fit: CoxFit
    source: Table
    rows: Rows
    time: str
    event: str
    ties: Ties

    def hazard_ratios(self) -> Any:
        """One row a coefficient: term, estimate (log), its error, hazard_ratio, limits, z, p."""
        return self.source.frame(self._columns())

    def proportionality(self, transform: Transform = "km") -> Any:
        """Score tests that coefficients change with time (Schoenfeld residuals); last row all."""
        values = self.rows.numbers
        got = proportionality(
            self.fit, values[self.time], values[self.event], transform=transform
        )  # fmt: skip
        return self.source.frame(
            {
                "term": [*got.names, "all"],
                "chi_square": [*got.statistic.tolist(), got.overall[0]],
                "df": [*[1] * len(got.names), len(got.names)],
                "p": [*got.p.tolist(), got.overall[1]],
            }
        )

    def __str__(self) -> str:
        facts = {
            "time, event": f"{self.time}, {self.event}; ties {self.ties}",
            "subjects": f"{self.fit.n}, {self.fit.events} events",
            "likelihood ratio": f"{self.fit.likelihood_ratio:.3f}, score {self.fit.score:.3f}",
            "largest slope": f"{self.fit.gradient:.1e}",
            "note": "; ".join((*self.rows.notes, *self.fit.warnings)),
        }
        return printed("Cox proportional hazards model", facts, self._columns())

    def _columns(self) -> dict[str, list[Any]]:
        fit = self.fit
        ratios = [fit.hazard_ratio(k) for k in range(len(fit.names))]
        return {
            "term": list(fit.names),
            "estimate": fit.coefficients.tolist(),
            "standard_error": fit.standard_errors.tolist(),
            "hazard_ratio": [float(each.value) for each in ratios],
            "lower": [float(each.lower) for each in ratios],
            "upper": [float(each.upper) for each in ratios],
            "z": fit.z.tolist(),
            "p": fit.p.tolist(),
        }


def cox(
    terms: str,
    data: Any,
    *,
    time: str,
    event: str,
    strata: str | None = None,
    ties: Ties = "efron",
    level: float = 0.95,
    levels: Levels | None = None,
) -> Cox:
    """Cox's model of the hazard.

    Args:
        terms: The right side of a formula, `ARM + AGE`.
        data: A frame of pandas, polars or pyarrow, one row a subject.
        time: Column of the time to event or censoring.
        event: Column with 1 where the event was seen, 0 where it was censored.
        strata: Column of strata with hazards of their own.
        ties: `efron` or `breslow`.
        level: Two-sided coverage.
        levels: Order of the levels of a column, the reference first.
    """
    formula = parse(f"`{time}` ~ {terms.strip().removeprefix('~')}")
    needed = [time, event, *formula.columns.values(), *([strata] if strata else [])]
    source = table(data, needed)
    rows = rows_of(
        source, formula=formula, numeric=(time, event), factors=(strata,) if strata else (),
        levels=levels,
    )  # fmt: skip
    if rows.design is None or rows.design.x.shape[1] < 2:
        raise StatisticsError(f"{terms!r} has no term whose hazard ratio could be estimated")
    # The baseline hazard takes the intercept's place.
    fit = fit_cox(
        rows.numbers[time], rows.numbers[event], rows.design.x[:, 1:],
        strata=rows.factors[strata].codes if strata else None, ties=ties, level=level,
        names=rows.design.names[1:],
    )  # fmt: skip
    return Cox(fit, source, rows, time, event, ties)


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """Cumulative incidences of one cause, by group; `print` it for the test of the groups.

    Attributes:
        curves: By group; one under `""` without groups.
        test: Gray's, or None without groups.
        source: The frame's columns and library.
        notes: Rows left out.
    """

    curves: Mapping[str, CumulativeIncidence]
    test: GrayTest | None
    source: Table
    notes: tuple[str, ...]

    def curve(self) -> Any:
        """One row a group and distinct time: incidence, its error and limits."""
        names = ("time", "n_risk", "n_event", "incidence", "standard_error", "lower", "upper")
        groups = [g for g, each in self.curves.items() for _ in range(each.time.size)]
        columns = {
            name: np.concatenate([getattr(each, name) for each in self.curves.values()])
            for name in names
        }
        return self.source.frame({"group": groups, **columns})

    def __str__(self) -> str:
        test = self.test
        facts = {
            "Gray's test": f"chi-square {test.statistic:.4g}, {test.df} df, P {test.p:.4g}"
            if test
            else "",
            "note": "; ".join(self.notes),
        }
        last = [(each.time[-1], each.incidence[-1]) for each in self.curves.values()]
        columns = {
            "group": list(self.curves),
            "last time": [float(t) for t, _ in last],
            "incidence": [float(x) for _, x in last],
        }
        return printed("Cumulative incidence (Aalen-Johansen)", facts, columns)


def competing_risks(
    data: Any,
    *,
    time: str,
    event: str,
    cause: int = 1,
    by: str | None = None,
    level: float = 0.95,
    levels: Levels | None = None,
) -> Incidence:
    """Cumulative incidence of one cause among several, and Gray's test of groups.

    Args:
        data: A frame of pandas, polars or pyarrow, one row a subject.
        time: Column of the time to the first event, or to censoring.
        event: Column with 0 where censored, else the number of the cause.
        cause: The cause asked about.
        by: Column of the groups.
        level: Two-sided coverage.
        levels: Order of the groups.
    """
    source = table(data, [time, event, *([by] if by else [])])
    rows = rows_of(source, numeric=(time, event), factors=(by,) if by else (), levels=levels)
    t, e = rows.numbers[time], rows.numbers[event]
    if by is None:
        curves = {"": cumulative_incidence(t, e, cause=cause, level=level)}
        return Incidence(curves, None, source, rows.notes)
    groups = rows.factors[by]
    curves = {
        name: cumulative_incidence(
            t[groups.codes == k], e[groups.codes == k], cause=cause, level=level
        )
        for k, name in enumerate(groups.levels)
    }
    return Incidence(curves, gray_test(t, e, groups.codes, cause=cause), source, rows.notes)
