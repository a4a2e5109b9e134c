"""Power of tests of proportions by enumeration of every outcome: no approximation, no simulation.

Mathematics: docs/methods/power.md.
"""

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, gammaln, xlog1py, xlogy

from openlupus.errors import StatisticsError
from openlupus.statistics.interval import Bools, Floats

Test = Literal["chi-square", "chi-square-corrected", "fisher"]

# Two tables are equally probable when their probabilities agree to this; R uses the same.
_TIE = 1 + 1e-7
_MOST_ARMS = 5


@dataclass(frozen=True, slots=True)
class ExactPower:
    """Probability of rejection, and of rejection in the direction of the true difference."""

    power: float
    right_direction: float


@dataclass(frozen=True, slots=True)
class HochbergPower:
    """Probabilities of rejection after Hochberg's procedure, over the arms against one control.

    Attributes:
        each: For every arm, rejected with more responders than under control (a proportion).
        at_least_one: At least one arm is.
        all: Every arm is.
    """

    each: tuple[float, ...]
    at_least_one: float
    all: float


def exact_power(
    p_test: float,
    p_control: float,
    n_test: int,
    n_control: int,
    *,
    alpha: float = 0.05,
    test: Test = "chi-square",
    reject_at_alpha: bool = False,
) -> ExactPower:
    """Power of a two-sided test of two proportions (eq. power-exact).

    Args:
        p_test: True proportion of the test group, in [0, 1].
        p_control: Of the control group.
        n_test: Subjects of the test group, whole.
        n_control: Of the control group.
        alpha: Level of the test, both tails.
        test: Pearson's `chi-square`, the same corrected for continuity by up to one half, or
            `fisher` (two-sided by probability). A table without any responder, or without any
            non-responder, is never significant.
        reject_at_alpha: Also reject where P equals alpha.
    """
    _check(alpha, p_test, p_control)
    p = p_values(n_test, n_control, test=test)
    reject = p <= alpha if reject_at_alpha else p < alpha
    chance = np.outer(_binomial(n_test, p_test), _binomial(n_control, p_control))
    right = np.sign(p_test - p_control) * _direction(n_test, n_control) > 0
    return ExactPower(float(chance[reject].sum()), float(chance[reject & right].sum()))


def hochberg_power(
    p_test: ArrayLike,
    p_control: float,
    n_test: ArrayLike,
    n_control: int,
    *,
    alpha: float = 0.05,
    test: Test = "chi-square",
) -> HochbergPower:
    """Power of several arms against one control, two-sided tests adjusted by Hochberg.

    Given the control group's count the arms are independent, so the sum is over that count and
    over which of Hochberg's steps each arm's P value reaches (eq. power-hochberg).

    Args:
        p_test: True proportion of each arm, shape (arms,), at most 5 arms.
        p_control: Of the control group.
        n_test: Subjects of each arm, whole, shape (arms,).
        n_control: Of the control group.
        alpha: Family-wise level; an arm is rejected where its adjusted P value is <= alpha.
        test: The test of each arm against control, as in `exact_power`.

    Source:
        Hochberg, Biometrika 1988;75:800.
    """
    proportions, sizes = np.atleast_1d(np.asarray(p_test, float)), np.atleast_1d(n_test)
    arms = proportions.size
    if proportions.shape != sizes.shape or proportions.ndim != 1 or not 1 <= arms <= _MOST_ARMS:
        raise StatisticsError(
            f"{arms} proportions and {sizes.size} sizes of arms; there must be one size an arm, and"
            f" 1 to {_MOST_ARMS} arms"
        )
    _check(alpha, p_control, *(float(p) for p in proportions))
    reached = [
        _steps(float(p), int(n), n_control, arms, alpha, test)
        for p, n in zip(proportions, sizes, strict=True)
    ]
    control = _binomial(n_control, p_control)
    each, some, every = np.zeros(arms), 0.0, 0.0
    for pattern in product(range(2 * (arms + 1)), repeat=arms):
        step = np.array(pattern) % (arms + 1)
        won = (step >= _hochberg_step(step)) & (np.array(pattern) > arms)
        if won.any():
            chance = control.copy()
            for arm, place in enumerate(pattern):
                chance *= reached[arm][place]
            total = chance.sum()
            each += total * won
            some += total
            every += total * won.all()
    return HochbergPower(tuple(float(p) for p in each), float(some), float(every))


def p_values(n_test: int, n_control: int, *, test: Test = "chi-square") -> Floats:
    """Two-sided P value of every outcome, shape (n_test + 1, n_control + 1)."""
    for n in (n_test, n_control):
        if n < 1 or n != int(n):
            raise StatisticsError(f"{n!r} subjects; enumeration needs a whole number, at least 1")
    if test == "fisher":
        return _fisher(int(n_test), int(n_control))
    if test not in ("chi-square", "chi-square-corrected"):
        raise StatisticsError(f"test={test!r} is not chi-square, chi-square-corrected or fisher")
    x1, x0 = np.ogrid[: n_test + 1, : n_control + 1]
    total, responders = n_test + n_control, x1 + x0
    expected = n_test * responders / total
    off = np.abs(x1 - expected)
    if test == "chi-square-corrected":
        off = off - np.minimum(0.5, off)
    variance = n_test * n_control * responders * (total - responders) / total**3
    degenerate = variance == 0
    # |x - E| is the same in all four cells, so the statistic is its square over one variance.
    statistic = np.where(degenerate, 0.0, off**2 / np.where(degenerate, 1.0, variance))
    return chdtrc(1, statistic)


def _hochberg_step(step: np.ndarray) -> int:
    """The first of Hochberg's steps at which something is rejected; above all steps if none.

    A P value that reaches step j is at most alpha / j; with j such values or more, all of them
    are rejected, and the smallest j rejects most.
    """
    arms = step.size
    return next((j for j in range(1, arms + 1) if (step >= j).sum() > arms - j), arms + 1)


def _steps(p: float, n: int, n_control: int, arms: int, alpha: float, test: Test) -> Floats:
    """Given each control count: chance of (wrong direction or none, right) x step reached."""
    values = p_values(n, n_control, test=test)
    step = sum((values <= alpha / j).astype(int) for j in range(1, arms + 1))
    place = step + (arms + 1) * (_direction(n, n_control) > 0)
    chance = _binomial(n, p)
    return np.stack([chance @ (place == each) for each in range(2 * (arms + 1))])


def _direction(n_test: int, n_control: int) -> Floats:
    x1, x0 = np.ogrid[: n_test + 1, : n_control + 1]
    return np.sign(x1 * n_control - x0 * n_test).astype(np.float64)


def _binomial(n: int, p: float) -> Floats:
    x = np.arange(n + 1)
    log = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1) + xlogy(x, p) + xlog1py(n - x, -p)
    return np.exp(log)


def _fisher(n_test: int, n_control: int) -> Floats:
    p = np.ones((n_test + 1, n_control + 1))
    total = n_test + n_control
    choose = gammaln(np.arange(total + 2) + 1)

    def log_ways(n: int, k: np.ndarray) -> Floats:
        return choose[n] - choose[k] - choose[n - k]

    for m in range(total + 1):
        x = np.arange(max(0, m - n_control), min(m, n_test) + 1)
        chance = np.exp(
            log_ways(n_test, x) + log_ways(n_control, m - x) - log_ways(total, np.array(m))
        )
        as_rare: Bools = chance[None, :] <= chance[:, None] * _TIE
        p[x, m - x] = np.minimum(as_rare @ chance, 1.0)
    return p


def _check(alpha: float, *proportions: float) -> None:
    if not 0 < alpha < 1:
        raise StatisticsError(f"alpha={alpha!r} must lie strictly between 0 and 1, as in 0.05")
    if not all(0 <= p <= 1 for p in proportions):
        raise StatisticsError(f"proportions {proportions}: each lies between 0 and 1")
