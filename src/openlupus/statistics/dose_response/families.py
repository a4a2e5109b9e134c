"""Families of dose-response curves: mean = e0 + slope x f(dose; nonlinear parameters).

Formulas, with the named equations: docs/methods/dose-response.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats

Bounds = tuple[tuple[float, float], ...]
# f(dose, theta): doses broadcast against each parameter, theta[i] a parameter.
Curve = Callable[[Floats, tuple[Floats, ...]], Floats]
Slopes = Callable[[Floats, tuple[Floats, ...]], tuple[Floats, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A family of curves.

    Attributes:
        name: As in MCP-Mod.
        linear: Names of the coefficients that enter linearly, the effect at dose 0 first.
        nonlinear: Names of the others, all above 0.
        basis: Columns of f beside the constant; more than one for the quadratic.
        slopes: Derivatives of f by each nonlinear parameter.
        bounds: Where the nonlinear parameters are sought, for a largest dose.
        inverse: The dose at which f has risen by so much over dose 0; NaN where it never does.
        peak: The dose, up to the largest, at which f is furthest from its value at dose 0.
    """

    name: str
    linear: tuple[str, ...]
    nonlinear: tuple[str, ...]
    basis: tuple[Curve, ...]
    slopes: Slopes
    bounds: Callable[[float], Bounds]
    inverse: Curve
    peak: Callable[[float, tuple[Floats, ...]], Floats]


def linear() -> Family:
    """Straight line."""
    return Family(
        "linear", ("e0", "delta"), (), (lambda d, _: d,), _none, lambda _: (),
        lambda rise, _: np.where(rise >= 0, rise, np.nan), _at_largest,
    )  # fmt: skip


def linear_log(offset: float) -> Family:
    """Straight line in log(dose + offset), offset > 0."""
    if not offset > 0:
        raise StatisticsError(f"offset={offset!r}; the logarithm of dose 0 needs one above 0")
    return Family(
        "linlog", ("e0", "delta"), (), (lambda d, _: np.log(d + offset),), _none,
        lambda _: (),
        lambda rise, _: np.where(rise >= 0, offset * np.expm1(np.minimum(rise, 700.0)), np.nan),
        _at_largest,
    )  # fmt: skip


def quadratic() -> Family:
    """Parabola; two linear coefficients, so nothing is sought."""
    return Family(
        "quadratic", ("e0", "b1", "b2"), (), (lambda d, _: d, lambda d, _: d**2), _none,
        lambda _: (), lambda rise, _: rise, _at_largest,
    )  # fmt: skip


def emax() -> Family:
    """Hyperbola: half of the largest effect at ed50."""

    def slopes(d: Floats, theta: tuple[Floats, ...]) -> tuple[Floats, ...]:
        return (-d / (theta[0] + d) ** 2,)

    def inverse(rise: Floats, theta: tuple[Floats, ...]) -> Floats:
        reached = (rise >= 0) & (rise < 1)
        return np.where(reached, rise * theta[0] / np.where(reached, 1 - rise, 1.0), np.nan)

    return Family(
        "emax", ("e0", "eMax"), ("ed50",), (lambda d, theta: d / (theta[0] + d),), slopes,
        lambda top: ((0.001 * top, 1.5 * top),), inverse, _at_largest,
    )  # fmt: skip


def sigmoid_emax() -> Family:
    """Hill curve: ed50, and the steepness h."""

    def curve(d: Floats, theta: tuple[Floats, ...]) -> Floats:
        return 1 / (1 + _power_ratio(theta[0], d, theta[1]))

    def slopes(d: Floats, theta: tuple[Floats, ...]) -> tuple[Floats, ...]:
        f = curve(d, theta)
        log = np.log(np.where(d > 0, d, 1.0) / theta[0])
        return -f * (1 - f) * theta[1] / theta[0], np.where(d > 0, f * (1 - f) * log, 0.0)

    def inverse(rise: Floats, theta: tuple[Floats, ...]) -> Floats:
        reached = (rise >= 0) & (rise < 1)
        odds = np.where(reached, rise / np.where(reached, 1 - rise, 1.0), np.nan)
        return theta[0] * odds ** (1 / theta[1])

    return Family(
        "sigEmax", ("e0", "eMax"), ("ed50", "h"), (curve,), slopes,
        lambda top: ((0.001 * top, 1.5 * top), (0.5, 10.0)), inverse, _at_largest,
    )  # fmt: skip


def exponential() -> Family:
    """Growth exp(dose / delta) - 1."""

    def slopes(d: Floats, theta: tuple[Floats, ...]) -> tuple[Floats, ...]:
        return (-d / theta[0] ** 2 * np.exp(d / theta[0]),)

    return Family(
        "exponential", ("e0", "e1"), ("delta",), (lambda d, theta: np.expm1(d / theta[0]),),
        slopes, lambda top: ((0.1 * top, 2 * top),),
        lambda rise, theta: np.where(rise >= 0, theta[0] * np.log1p(np.maximum(rise, 0)), np.nan),
        _at_largest,
    )  # fmt: skip


def logistic() -> Family:
    """Logistic curve: half way at ed50, width delta."""

    def curve(d: Floats, theta: tuple[Floats, ...]) -> Floats:
        return 1 / (1 + np.exp(np.clip((theta[0] - d) / theta[1], -700, 700)))

    def slopes(d: Floats, theta: tuple[Floats, ...]) -> tuple[Floats, ...]:
        f = curve(d, theta)
        along = -f * (1 - f) / theta[1]
        return along, along * (d - theta[0]) / theta[1]

    def inverse(rise: Floats, theta: tuple[Floats, ...]) -> Floats:
        level = rise + curve(np.zeros_like(rise), theta)
        reached = (rise >= 0) & (level < 1)
        odds = np.where(reached, level / np.where(reached, 1 - level, 1.0), np.nan)
        return np.maximum(theta[0] + theta[1] * np.log(odds), 0.0)

    return Family(
        "logistic", ("e0", "eMax"), ("ed50", "delta"), (curve,), slopes,
        lambda top: ((0.001 * top, 1.5 * top), (0.01 * top, 0.5 * top)), inverse, _at_largest,
    )  # fmt: skip


def beta(scale: float) -> Family:
    """Beta density shape up to dose `scale`, which exceeds every dose; may come down again."""
    if not scale > 0:
        raise StatisticsError(f"scale={scale!r}; it must exceed the largest dose")

    def curve(d: Floats, theta: tuple[Floats, ...]) -> Floats:
        share = np.clip(d / scale, 0.0, 1.0)
        one, two = theta
        top = (one + two) * np.log(one + two) - one * np.log(one) - two * np.log(two)
        inside = (share > 0) & (share < 1)
        safe = np.where(inside, share, 0.5)
        return np.where(inside, np.exp(top + one * np.log(safe) + two * np.log1p(-safe)), 0.0)

    def slopes(d: Floats, theta: tuple[Floats, ...]) -> tuple[Floats, ...]:
        f, share = curve(d, theta), np.clip(d / scale, 0.0, 1.0)
        safe = np.where((share > 0) & (share < 1), share, 0.5)
        both = np.log(theta[0] + theta[1])
        return (
            f * (both - np.log(theta[0]) + np.log(safe)),
            f * (both - np.log(theta[1]) + np.log1p(-safe)),
        )

    def mode(theta: tuple[Floats, ...]) -> Floats:
        return theta[0] / (theta[0] + theta[1]) * scale

    def inverse(rise: Floats, theta: tuple[Floats, ...]) -> Floats:
        low, high = np.zeros_like(rise), np.broadcast_to(mode(theta), rise.shape).copy()
        # Rising up to the mode: halving to the last digit, for all at once.
        for _ in range(80):
            middle = (low + high) / 2
            below = curve(middle, theta) < rise
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.where((rise >= 0) & (rise <= 1), (low + high) / 2, np.nan)

    return Family(
        "betaMod", ("e0", "eMax"), ("delta1", "delta2"), (curve,), slopes,
        lambda _: ((0.05, 4.0), (0.05, 4.0)), inverse,
        lambda top, theta: np.minimum(mode(theta), top),
    )  # fmt: skip


def _none(d: Floats, theta: tuple[Floats, ...]) -> tuple[Floats, ...]:  # noqa: ARG001
    return ()


def _at_largest(top: float, theta: tuple[Floats, ...]) -> Floats:  # noqa: ARG001
    return np.asarray(top, dtype=np.float64)


def _power_ratio(ed50: Floats, d: Floats, h: Floats) -> Floats:
    """(ed50 / dose)^h; infinite at dose 0."""
    positive = d > 0
    log = np.clip(h * np.log(ed50 / np.where(positive, d, 1.0)), -700, 700)
    return np.where(positive, np.exp(log), np.inf)
