"""The MCP step: optimal contrasts of candidate shapes, and their test.

Mathematics: docs/methods/dose-response.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import StatisticsError
from openlupus.statistics.dose_response.families import Family
from openlupus.statistics.dose_response.multivariate_t import LargestT, largest_t
from openlupus.statistics.interval import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A shape guessed before the trial.

    Attributes:
        family: Of which family.
        guess: Its nonlinear parameters; for the quadratic b2 / |b1|, negative for an umbrella.
        rising: Whether the response is expected to rise; a falling shape is mirrored.
    """

    family: Family
    guess: tuple[float, ...] = ()
    rising: bool = True

    def __post_init__(self) -> None:
        wanted = 1 if self.family.name == "quadratic" else len(self.family.nonlinear)
        if len(self.guess) != wanted or not all(np.isfinite(g) for g in self.guess):
            raise StatisticsError(
                f"{self.family.name} takes {wanted} guesses, and {self.guess} was given"
            )
        if self.family.name != "quadratic" and any(g <= 0 for g in self.guess):
            raise StatisticsError(f"guesses {self.guess} of {self.family.name} must be above 0")

    def shape(self, dose: ArrayLike) -> Floats:
        """The curve without its linear coefficients, shape (doses,)."""
        d = np.asarray(dose, dtype=np.float64)
        theta = tuple(np.asarray(g, dtype=np.float64) for g in self.guess)
        value = self.family.basis[0](d, theta)
        if self.family.name == "quadratic":
            value = value + theta[0] * d**2
        return value if self.rising else -value


@dataclass(frozen=True, slots=True, eq=False)
class ContrastTest:
    """Test of every candidate shape, adjusted for their number.

    Attributes:
        t: One a candidate, shape (candidates,).
        p: Adjusted P values, same shape.
        critical: Value that t must reach.
        df: Degrees of freedom; infinity for the generalised form.
        contrasts: Shape (doses, candidates).
        correlation: Of the statistics, shape (candidates, candidates).
        significant: t at or above the critical value.
    """

    t: Floats
    p: Floats
    critical: float
    df: float
    contrasts: Floats
    correlation: Floats
    significant: tuple[bool, ...]


def guess_from_share(family: Family, dose: float, share: float) -> tuple[float, ...]:
    """The guess of emax or exponential from the share of the largest effect at one dose.

    For emax the share is of the asymptote; for the exponential see `exponential_guess`.
    """
    if family.name != "emax" or not dose > 0 or not 0 < share < 1:
        raise StatisticsError(
            f"{family.name} at dose {dose!r} with share {share!r}; this guess is for emax, at a"
            " dose above 0 with a share between 0 and 1"
        )
    return (dose * (1 - share) / share,)


def exponential_guess(dose: float, share: float, largest: float) -> tuple[float, ...]:
    """The delta with which `dose` has this share of the effect of the `largest` dose."""
    straight = dose / largest
    if not 0 < dose < largest or not 0 < share < straight:
        raise StatisticsError(
            f"share {share!r} at dose {dose!r} of {largest!r}: an exponential curve lies below the"
            f" straight line, so the share is between 0 and {straight:.3g}"
        )
    low, high = largest / 500, largest * 1e6
    for _ in range(200):
        middle = np.sqrt(low * high)
        ratio = np.expm1(dose / middle) / np.expm1(largest / middle)
        low, high = (middle, high) if ratio < share else (low, middle)
    return (float(np.sqrt(low * high)),)


def optimal_contrasts(
    candidates: Sequence[Candidate], dose: ArrayLike, covariance: ArrayLike
) -> Floats:
    """Contrasts that find each candidate with the greatest power, eq. dose-contrast.

    Args:
        candidates: The shapes.
        dose: Doses, distinct, 0 among them as a rule; shape (doses,).
        covariance: Of the estimates at the doses, up to a factor; shape (doses, doses). For equal
            variances the diagonal of 1 / subjects.

    Returns:
        Shape (doses, candidates); each column sums to 0 and has length 1.
    """
    d, s = _read(dose, covariance)
    means = np.column_stack([candidate.shape(d) for candidate in candidates])
    if np.any(flat := np.ptp(means, axis=0) == 0):
        name = candidates[int(np.argmax(flat))].family.name
        raise StatisticsError(f"the candidate {name} is flat over the doses: no contrast")
    weights = np.linalg.solve(s, np.column_stack([np.ones(d.size), means]))
    centred = weights[:, 1:] - weights[:, :1] * (weights[:, 1:].sum(axis=0) / weights[:, 0].sum())
    centred = centred - centred.mean(axis=0)
    return centred / np.sqrt(np.sum(centred**2, axis=0))


def contrast_correlation(contrasts: Floats, covariance: ArrayLike) -> Floats:
    """Correlation of the contrasts' statistics, shape (candidates, candidates)."""
    between = contrasts.T @ np.asarray(covariance, dtype=np.float64) @ contrasts
    spread = np.sqrt(np.diag(between))
    return between / np.outer(spread, spread)


def contrast_test(
    estimate: ArrayLike,
    covariance: ArrayLike,
    contrasts: ArrayLike,
    *,
    df: float = float("inf"),
    alpha: float = 0.025,
    two_sided: bool = False,
    distribution: LargestT | None = None,
) -> ContrastTest:
    """Multiple contrast test, eq. dose-test.

    Args:
        estimate: One a dose, shape (doses,): means, or logits, log rates, ... for the generalised
            form.
        covariance: Of the estimates, shape (doses, doses).
        contrasts: From `optimal_contrasts`, shape (doses, candidates).
        df: Degrees of freedom of the covariance's one scale; infinity when it is taken as known.
        alpha: Level over all candidates.
        two_sided: Test against any difference rather than a shape in its expected direction.
        distribution: Of the largest statistic, if it was computed before.

    Source:
        Bretz, Pinheiro & Branson, Biometrics 2005;61:738. Pinheiro et al., Stat Med 2014;33:1646.
    """
    c, mean = np.asarray(contrasts, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    s = np.asarray(covariance, dtype=np.float64)
    if mean.ndim != 1 or s.shape != (mean.size, mean.size) or c.shape[:1] != mean.shape:
        raise StatisticsError(
            f"estimates {mean.shape}, covariance {s.shape}, contrasts {c.shape} do not fit together"
        )
    t = mean @ c / np.sqrt(np.einsum("dc,de,ec->c", c, s, c))
    correlation = contrast_correlation(c, s)
    law = distribution or largest_t(correlation, df, two_sided=two_sided)
    critical = law.critical(alpha)
    seen = np.abs(t) if two_sided else t
    return ContrastTest(
        t, law.tail(seen), critical, df, c, correlation, tuple(bool(v) for v in seen >= critical)
    )


def _read(dose: ArrayLike, covariance: ArrayLike) -> tuple[Floats, Floats]:
    d, s = np.asarray(dose, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if d.ndim != 1 or d.size < 2 or np.unique(d).size != d.size or np.any(~(d >= 0)):
        raise StatisticsError(f"doses {d.tolist()}; they are distinct, 0 or more, at least two")
    if s.shape != (d.size, d.size) or not np.isfinite(s).all():
        raise StatisticsError(f"the covariance has shape {s.shape}; there are {d.size} doses")
    if np.linalg.eigvalsh(s).min() <= 0:
        raise StatisticsError("the covariance of the doses is not positive definite")
    return d, s
