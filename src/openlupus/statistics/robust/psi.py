"""Influence functions: how much a scaled residual counts. Formulas: docs/methods/robust.md."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Floats


class Psi(Protocol):
    """psi(u), its slope, and the weight psi(u) / u of a scaled residual u."""

    def psi(self, u: Floats) -> Floats: ...
    def slope(self, u: Floats) -> Floats: ...
    def weight(self, u: Floats) -> Floats: ...


class Bounded(Psi, Protocol):
    """A psi that comes back to 0, so that its integral rho, scaled to a largest value of 1, is
    bounded and defines a scale."""

    def rho(self, u: Floats) -> Floats: ...
    @property
    def largest(self) -> float:
        """Integral of psi from 0 to infinity, by which rho is scaled."""
        ...


@dataclass(frozen=True, slots=True)
class Huber:
    """Linear to k, then constant (eq. psi-huber)."""

    k: float = 1.345

    def __post_init__(self) -> None:
        _positive(k=self.k)

    def psi(self, u: Floats) -> Floats:
        return np.clip(u, -self.k, self.k)

    def slope(self, u: Floats) -> Floats:
        return (np.abs(u) <= self.k).astype(np.float64)

    def weight(self, u: Floats) -> Floats:
        return np.minimum(1.0, self.k / np.maximum(np.abs(u), 1e-300))


@dataclass(frozen=True, slots=True)
class Bisquare:
    """Tukey's biweight, 0 beyond c (eq. psi-bisquare)."""

    c: float = 4.685

    def __post_init__(self) -> None:
        _positive(c=self.c)

    def psi(self, u: Floats) -> Floats:
        return u * self.weight(u)

    def slope(self, u: Floats) -> Floats:
        t = np.minimum(np.abs(u) / self.c, 1.0) ** 2
        return np.where(t < 1, (1 - t) * (1 - 5 * t), 0.0)

    def weight(self, u: Floats) -> Floats:
        return (1 - np.minimum(np.abs(u) / self.c, 1.0) ** 2) ** 2

    def rho(self, u: Floats) -> Floats:
        return 1 - (1 - np.minimum(np.abs(u) / self.c, 1.0) ** 2) ** 3

    @property
    def largest(self) -> float:
        return self.c**2 / 6


@dataclass(frozen=True, slots=True)
class Hampel:
    """Linear to a, constant to b, straight down to 0 at c (eq. psi-hampel)."""

    a: float = 2.0
    b: float = 4.0
    c: float = 8.0

    def __post_init__(self) -> None:
        _positive(a=self.a)
        if not self.a <= self.b < self.c:
            raise StatisticsError(f"Hampel's a={self.a:g}, b={self.b:g}, c={self.c:g} must rise")

    def psi(self, u: Floats) -> Floats:
        return u * self.weight(u)

    def slope(self, u: Floats) -> Floats:
        size = np.abs(u)
        down = np.where(size <= self.b, 0.0, -self.a / (self.c - self.b))
        return np.where(size <= self.a, 1.0, np.where(size <= self.c, down, 0.0))

    def weight(self, u: Floats) -> Floats:
        size = np.maximum(np.abs(u), 1e-300)
        down = np.maximum(self.a * (self.c - size) / (self.c - self.b), 0.0)
        return np.minimum(np.minimum(size, self.a), down) / size


@dataclass(frozen=True, slots=True)
class Lqq:
    """Linear, quadratic, quadratic (eq. psi-lqq): slope 1 to c, falling to 1 - s at b + c, and
    back to 0 where psi is 0.

    Source:
        Koller & Stahel, Comput Stat Data Anal 2011;55:2504.
    """

    b: float = 1.4734061
    c: float = 0.9822707
    s: float = 1.5

    def __post_init__(self) -> None:
        _positive(b=self.b, c=self.c)
        if not self.s > 1:
            raise StatisticsError(f"lqq's s={self.s:g} must exceed 1, or psi never comes back to 0")

    @property
    def _reach(self) -> float:
        """Length of the third piece."""
        return (self.b * self.s - 2 * (self.b + self.c)) / (1 - self.s)

    def psi(self, u: Floats) -> Floats:
        b, c, s, a = self.b, self.c, self.s, self._reach
        size = np.minimum(np.abs(u), 2 * (a + b + c))
        second = size - s / (2 * b) * (size - c) ** 2
        over = size - b - c
        third = c + b - b * s / 2 + (s - 1) / a * (over**2 / 2 - a * over)
        value = np.where(size <= c, size, np.where(size <= b + c, second, third))
        return np.sign(u) * np.where(over <= a, value, 0.0)

    def slope(self, u: Floats) -> Floats:
        b, c, s, a = self.b, self.c, self.s, self._reach
        size = np.abs(u)
        over = size - b - c
        second, third = 1 - s / b * (size - c), (s - 1) * (over / a - 1)
        value = np.where(size <= c, 1.0, np.where(size <= b + c, second, third))
        return np.where(over <= a, value, 0.0)

    def weight(self, u: Floats) -> Floats:
        small = np.abs(u) < 1e-12
        return np.where(small, 1.0, self.psi(u) / np.where(small, 1.0, u))

    def rho(self, u: Floats) -> Floats:
        b, c, s, a = self.b, self.c, self.s, self._reach
        size = np.minimum(np.abs(u), a + b + c)
        two = np.clip(size, c, b + c) - c
        three = np.clip(size, b + c, None) - b - c
        flat = np.minimum(size, c)
        total = flat**2 / 2 + c * two + two**2 / 2 - s / (6 * b) * two**3
        total += (c + b - b * s / 2) * three + (s - 1) / a * (three**3 / 6 - a * three**2 / 2)
        return total / self.largest

    @property
    def largest(self) -> float:
        b, c, s, a = self.b, self.c, self.s, self._reach
        top = c**2 / 2 + c * b + b**2 / 2 - s * b**2 / 6
        return top + (c + b - b * s / 2) * a - (s - 1) * a**2 / 3


def _positive(**constants: float) -> None:
    for name, value in constants.items():
        if not (np.isfinite(value) and value > 0):
            raise StatisticsError(f"the tuning constant {name}={value!r} must be a number above 0")
