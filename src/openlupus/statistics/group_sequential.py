"""Group-sequential designs: efficacy and futility boundaries, power, inference after stopping.

The statistic Z_k at information t_k is normal with mean drift x sqrt(t_k) and variance 1, and its
increments on the score scale are independent. Mathematics: docs/methods/group-sequential.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from openlupus.errors import ConvergenceError, StatisticsError
from openlupus.statistics.crossing import Crossing, crossing, last_bound, tail
from openlupus.statistics.interval import Floats, Interval
from openlupus.statistics.root import bracketed_root

Curve = Literal["obrien-fleming", "pocock", "hwang-shih-decani", "kim-demets"]


@dataclass(frozen=True, slots=True)
class WangTsiatis:
    """Critical values c t^(delta - 1/2): O'Brien-Fleming at delta 0, Pocock at 1/2."""

    delta: float


@dataclass(frozen=True, slots=True)
class HaybittlePeto:
    """One fixed critical value at every interim analysis; the last one keeps the level."""

    interim: float = 3.0


@dataclass(frozen=True, slots=True)
class Spending:
    """Error spent as a function of the information (Lan & DeMets).

    Attributes:
        curve: `obrien-fleming` and `pocock` type, `hwang-shih-decani` with its gamma, or
            `kim-demets`, a power of the information.
        parameter: Gamma, or the power; not used by the first two.
    """

    curve: Curve
    parameter: float = float("nan")

    def __post_init__(self) -> None:
        needs = self.curve in ("hwang-shih-decani", "kim-demets")
        if needs and not np.isfinite(self.parameter):
            raise StatisticsError(f"{self.curve} spending needs its parameter, a finite number")
        if self.curve == "kim-demets" and self.parameter <= 0:
            raise StatisticsError(f"kim-demets spending with power {self.parameter:g}; it is > 0")

    def spent(self, t: ArrayLike, alpha: float) -> Floats:
        """Error of one tail spent at information `t`, eq. gs-spending."""
        share = np.minimum(np.asarray(t, dtype=np.float64), 1.0)
        a = self.parameter
        match self.curve:
            case "obrien-fleming":
                return 2 * ndtr(ndtri(alpha / 2) / np.sqrt(share))
            case "pocock":
                return alpha * np.log1p((np.e - 1) * share)
            case "hwang-shih-decani":
                return alpha * (share if a == 0 else np.expm1(-a * share) / np.expm1(-a))
            case "kim-demets":
                return alpha * share**a
        assert_never(self.curve)


OBRIEN_FLEMING = WangTsiatis(0.0)
POCOCK = WangTsiatis(0.5)
Rule = WangTsiatis | HaybittlePeto | Spending


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Boundaries on the Z scale, one an analysis; shapes (analyses,).

    Attributes:
        information: Share of the information at each analysis, rising to 1.
        critical: Z at or above which the hypothesis is rejected.
        futility: Z at or below which the trial stops without; -infinity where it cannot. At the
            last analysis it is the critical value when the design has futility.
        alpha: Level, over both tails when `sides` is 2.
        sides: 1, or 2 with the boundary mirrored.
        binding: Whether the level relies on stopping for futility.
        spent: Error of one tail spent up to and with each analysis.
        drift: For a design with futility: the drift at which `1 - beta` is the power; else NaN.
    """

    information: Floats
    critical: Floats
    futility: Floats
    alpha: float
    sides: int
    binding: bool
    spent: Floats
    drift: float

    @property
    def nominal_p(self) -> Floats:
        """One-sided P value that is just significant at each analysis."""
        return ndtr(-self.critical)

    def crossing(self, drift: float, *, futility: bool = True) -> Crossing:
        """Probability of stopping above, and below, at each analysis (eq. gs-recursion).

        Args:
            drift: Mean of the last Z: 0 under the hypothesis.
            futility: Whether the trial heeds the futility boundary.
        """
        lower = self.futility if futility else np.full_like(self.futility, -np.inf)
        lower = np.maximum(lower, -self.critical) if self.sides == 2 else lower
        return crossing(self.information, self.critical, lower, drift)


@dataclass(frozen=True, slots=True, eq=False)
class Operating:
    """What a design costs and gives at the drift that has the power asked for.

    Attributes:
        drift: Mean of the last Z.
        inflation: Largest information over that of a fixed design with the same level and power.
        expected: Expected information when the drift is true, in the same unit.
        rejected: Probability of rejection up to and with each analysis, shape (analyses,).
    """

    drift: float
    inflation: float
    expected: float
    rejected: Floats


def design(
    information: Sequence[float],
    rule: Rule,
    *,
    alpha: float = 0.025,
    sides: int = 1,
    futility: Spending | None = None,
    beta: float = 0.2,
    binding: bool = False,
) -> Design:
    """Boundaries of a group-sequential design.

    Args:
        information: Share of the information at each analysis, strictly rising, the last 1.
        rule: `OBRIEN_FLEMING`, `POCOCK`, `WangTsiatis(delta)`, `HaybittlePeto()` or
            `Spending(...)`.
        alpha: Level, over both tails when `sides` is 2.
        sides: 1 or 2.
        futility: How beta is spent on stopping for futility, one-sided designs alone.
        beta: Error of the second kind, used with `futility` alone.
        binding: Whether the level counts on stopping for futility (eq. gs-futility).

    Source:
        Jennison & Turnbull, Group Sequential Methods, 2000. Lan & DeMets, Biometrika 1983;70:659.
    """
    t = _information(information)
    if not 0 < alpha < 1 or sides not in (1, 2):
        raise StatisticsError(
            f"alpha={alpha!r}, sides={sides!r}: alpha lies strictly between 0 and 1, sides is 1 or"
            " 2"
        )
    if futility and (sides == 2 or not 0 < beta < 1 - alpha or not isinstance(rule, Spending)):
        raise StatisticsError(
            f"futility with sides={sides}, beta={beta!r} and {rule}: it is for one-sided designs"
            " whose efficacy boundary spends alpha, with beta between 0 and 1 - alpha"
        )
    tail_alpha = alpha / sides
    if futility and isinstance(rule, Spending):
        return _with_futility(t, rule, alpha, futility, beta, binding)
    none = np.full(t.size, -np.inf)
    critical = _critical(t, rule, tail_alpha, sides)
    got = crossing(t, critical, -critical if sides == 2 else none, 0.0)
    return Design(t, critical, none, alpha, sides, False, np.cumsum(got.upper), float("nan"))


def operating(plan: Design, *, power: float = 0.8) -> Operating:
    """Drift, inflation and expected information of a design at its power (eq. gs-inflation)."""
    if not plan.alpha / plan.sides < power < 1:
        raise StatisticsError(f"power={power!r}; it must lie between the level and 1")
    fixed = float(ndtri(1 - plan.alpha / plan.sides) + ndtri(power))
    drift = _root(lambda d: plan.crossing(d).upper.sum() - power, 0.0, 3 * fixed)
    got = plan.crossing(drift)
    stopped = got.upper + got.lower
    stopped[-1] = 1 - stopped[:-1].sum()
    inflation = (drift / fixed) ** 2
    expected = inflation * float(stopped @ plan.information)
    return Operating(drift, inflation, expected, np.cumsum(got.upper))


def adjusted_p(plan: Design, stage: int, z: float) -> float:
    """One-sided P value after stopping, by the stagewise ordering (eq. gs-stagewise).

    Args:
        plan: The design; a non-binding futility boundary is not heeded.
        stage: Analysis at which the trial stopped, from 1.
        z: The statistic there.
    """
    return _stagewise(plan, _stage(plan, stage), z, 0.0)


def adjusted_estimate(
    plan: Design, stage: int, z: float, *, level: float = 0.95, information: float = 1.0
) -> Interval:
    """Median-unbiased estimate and confidence limits by the stagewise ordering.

    Args:
        plan: The design; a non-binding futility boundary is not heeded.
        stage: Analysis at which the trial stopped, from 1.
        z: The statistic there.
        level: Two-sided coverage.
        information: Information of the whole trial, 1 / variance of the estimate; with 1 the
            numbers are drifts.

    Source:
        Tsiatis, Rosner & Mehta, Biometrics 1984;40:797.
    """
    if not 0 < level < 1 or not information > 0:
        raise StatisticsError(
            f"level={level!r}, information={information!r}: the level lies strictly between 0 and"
            " 1, the information above 0"
        )
    k = _stage(plan, stage)
    # No drift further away than this gives a probability that is not 0 or 1 in this stage.
    centre, reach = z / np.sqrt(plan.information[k]), 10 / np.sqrt(plan.information[0])

    def drift_at(p: float) -> float:
        return _root(lambda d: _stagewise(plan, k, z, d) - p, centre - reach, centre + reach)

    scale = np.sqrt(information)
    value, lower, upper = (drift_at(p) / scale for p in (0.5, (1 - level) / 2, (1 + level) / 2))
    return Interval(float(value), float(lower), float(upper), level)


def repeated_interval(plan: Design, stage: int, z: float, *, information: float = 1.0) -> Interval:
    """Interval that covers at every analysis at once, whatever the reason to stop.

    Its coverage is 1 - 2 alpha for a one-sided design, 1 - alpha for a two-sided one; `information`
    as in `adjusted_estimate`.

    Source:
        Jennison & Turnbull, JRSS B 1989;51:305.
    """
    k = _stage(plan, stage)
    scale = float(np.sqrt(plan.information[k] * information))
    c = float(plan.critical[k])
    level = 1 - plan.alpha * (2 if plan.sides == 1 else 1)
    return Interval(z / scale, (z - c) / scale, (z + c) / scale, level)


def _critical(t: Floats, rule: Rule, alpha: float, sides: int) -> Floats:
    match rule:
        case Spending():
            spent = rule.spent(t, alpha)
            return _spend(t, np.diff(spent, prepend=0.0), np.full(t.size, -np.inf), sides)
        case WangTsiatis(delta):
            shape = t ** (delta - 0.5)
            return shape * _constant(lambda c: shape * c, t, alpha, sides)
        case HaybittlePeto(interim):
            first = np.full(t.size, interim)

            def last(c: float) -> Floats:
                return np.append(first[:-1], c)

            return last(_constant(last, t, alpha, sides))
    assert_never(rule)


def _constant(bounds: Callable[[float], Floats], t: Floats, alpha: float, sides: int) -> float:
    """The constant whose boundary is crossed with probability alpha in each tail."""

    def excess(c: float) -> float:
        upper = bounds(c)
        lower = -upper if sides == 2 else np.full(t.size, -np.inf)
        return float(crossing(t, upper, lower, 0.0).upper.sum()) - alpha

    low, high = 0.0 if sides == 1 else 1e-6, 10.0
    if excess(low) < 0 or excess(high) > 0:
        raise StatisticsError(
            f"no boundary of this family keeps the level {alpha:g} in one tail at {t.tolist()}"
        )
    return _root(excess, low, high)


def _spend(t: Floats, spend: Floats, futility: Floats, sides: int) -> Floats:
    """Critical values, one analysis after another, that spend what the plan says."""
    critical = np.full(t.size, np.inf)
    for k in range(t.size):
        lower = -critical if sides == 2 else futility
        critical[k] = last_bound(t[: k + 1], critical[:k], lower[:k], spend[k])
    return critical


def _with_futility(
    t: Floats, rule: Spending, alpha: float, futility: Spending, beta: float, binding: bool
) -> Design:
    """The drift at which the futility boundary meets the critical value at the last analysis."""
    none = np.full(t.size, -np.inf)
    alphas = np.diff(rule.spent(t, alpha), prepend=0.0)
    betas = np.diff(futility.spent(t, beta), prepend=0.0)

    def bounds(drift: float) -> tuple[Floats, Floats]:
        upper = none.copy() if binding else _spend(t, alphas, none, 1)
        lower = none.copy()
        for k in range(t.size):
            if binding:
                upper[k] = last_bound(t[: k + 1], upper[:k], lower[:k], alphas[k])
            # Below, seen from the other side, is above.
            shift = drift * np.sqrt(t)
            lower[k] = shift[k] - last_bound(
                t[: k + 1], (shift - lower)[:k], (shift - upper)[:k], betas[k]
            )
            if k < t.size - 1:
                lower[k] = min(lower[k], upper[k])
        return upper, lower

    def gap(drift: float) -> float:
        upper, lower = bounds(drift)
        return float(lower[-1] - upper[-1])

    fixed = float(ndtri(1 - alpha) + ndtri(1 - beta))
    drift = _root(gap, 0.8 * fixed, 2.5 * fixed)
    upper, lower = bounds(drift)
    lower[-1] = upper[-1]
    spent = np.cumsum(crossing(t, upper, lower if binding else none, 0.0).upper)
    return Design(t, upper, lower, alpha, 1, binding, spent, drift)


def _stagewise(plan: Design, k: int, z: float, drift: float) -> float:
    t = plan.information[: k + 1]
    lower = plan.futility if plan.binding else np.full(plan.futility.size, -np.inf)
    lower = np.maximum(lower, -plan.critical) if plan.sides == 2 else lower
    before = float(crossing(t[:k], plan.critical[:k], lower[:k], drift).upper.sum()) if k else 0.0
    return before + tail(t, plan.critical[:k], lower[:k], drift, z)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    def at(x: Floats) -> Floats:
        return np.array([function(float(x[0]))])

    if np.sign(function(low)) == np.sign(function(high)):
        raise ConvergenceError(
            f"no solution between {low:g} and {high:g}: the design cannot give what was asked for"
        )
    return float(bracketed_root(lambda _: at, np.array([low]), np.array([high]))[0])


def _information(information: Sequence[float]) -> Floats:
    t = np.asarray(information, dtype=np.float64)
    if t.ndim != 1 or not t.size or t[0] <= 0 or np.any(np.diff(t) <= 0) or abs(t[-1] - 1) > 1e-9:
        raise StatisticsError(
            f"information {t.tolist()}; shares of the information rise strictly from above 0 to 1"
        )
    return t


def _stage(plan: Design, stage: int) -> int:
    if stage not in range(1, plan.information.size + 1):
        raise StatisticsError(
            f"stage {stage!r}; the design has the analyses 1 to {plan.information.size}"
        )
    return stage - 1
