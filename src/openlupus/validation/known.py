"""Small known cases: numbers that papers and manuals print, computed on the machine at hand.

Each case names its source; the tolerance is half of the last digit printed, or one of it where the
source says that a search found the number. Each was computed anew in R 4.2.2 by other means: the
binomial sums in full, the score equations by a search, the integral by quadrature.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from openlupus.statistics.barnard import barnard, boschloo
from openlupus.statistics.dunnett import dunnett_critical_value
from openlupus.statistics.newcombe import newcombe, stratified_newcombe
from openlupus.statistics.proportion import proportion
from openlupus.statistics.score import miettinen_nurminen
from openlupus.validation.growth import deviance


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A published number.

    Attributes:
        name: The method and the data.
        source: Where the numbers are printed.
        expected: As printed.
        tolerance: How far ours may be.
        compute: Our numbers, in the same order.
    """

    name: str
    source: str
    expected: tuple[float, ...]
    tolerance: float
    compute: Callable[[], Sequence[float]]

    def got(self) -> tuple[float, ...]:
        """Our numbers on this machine."""
        return tuple(float(each) for each in self.compute())

    def holds(self) -> bool:
        """Whether every number is within the tolerance."""
        return bool(np.all(np.abs(np.subtract(self.got(), self.expected)) <= self.tolerance))


def _single(x: list[int], n: list[int]) -> Sequence[float]:
    got = newcombe(x, n)
    return [float(got.value), float(got.lower), float(got.upper)]


def _six_strata() -> Sequence[float]:
    got = stratified_newcombe(
        [[8, 4, 2, 5, 6, 5], [3, 6, 2, 3, 3, 3]], [[9, 4, 5, 7, 7, 8], [6, 12, 5, 4, 8, 5]]
    )
    return [float(got.value), float(got.lower), float(got.upper)]


def _wilson() -> Sequence[float]:
    got = proportion(81, 263, method="wilson")
    return [float(got.lower), float(got.upper)]


def _clopper_pearson() -> Sequence[float]:
    got = proportion(81, 263, method="clopper-pearson")
    return [float(got.lower), float(got.upper)]


def _miettinen_nurminen() -> Sequence[float]:
    got = miettinen_nurminen([56, 48], [70, 80])
    return [float(got.lower), float(got.upper)]


def _dunnett() -> Sequence[float]:
    loadings = [0.5**0.5] * 3
    return [dunnett_critical_value(loadings=loadings, alpha=0.05, df=20, tails="one-sided")]


_GROWTH = "R 4.2.2 (nlme::gls; the Toeplitz by optim); the models of Jennrich & Schluchter 1986"

CASES = (
    KnownCase(
        "Newcombe's hybrid score interval, 56/70 and 48/80",
        "Newcombe, Stat Med 1998;17:873, table II, method 10",
        (0.2, 0.0524, 0.3339), 5.001e-5, lambda: _single([56, 48], [70, 80]),
    ),
    KnownCase(
        "Newcombe's hybrid score interval, 9/10 and 3/10",
        "Newcombe, Stat Med 1998;17:873, table II, method 10",
        (0.6, 0.1705, 0.8090), 5.001e-5, lambda: _single([9, 3], [10, 10]),
    ),
    KnownCase(
        "Miettinen-Nurminen interval, 56/70 and 48/80",
        "Newcombe, Stat Med 1998;17:873, table II, method 6",
        (0.0528, 0.3382), 5.001e-5, _miettinen_nurminen,
    ),
    KnownCase(
        "Stratified Newcombe interval, six strata", "R package tern, as printed",
        (0.2539, 0.0347, 0.4454), 5.001e-5, _six_strata,
    ),
    KnownCase(
        "Wilson interval, 81/263", "Newcombe, Stat Med 1998;17:857, table I, method 3",
        (0.2553, 0.3662), 5.001e-5, _wilson,
    ),
    KnownCase(
        "Clopper-Pearson interval, 81/263", "Newcombe, Stat Med 1998;17:857, table I, method 5",
        (0.2527, 0.3676), 5.001e-5, _clopper_pearson,
    ),
    KnownCase(
        "Barnard's test, 12/15 above 7/15", "Lydersen, Fagerland & Laake, Stat Med 2009;28:1159",
        (0.034,), 5.001e-4, lambda: [barnard([12, 7], [15, 15], alternative="greater").p],
    ),
    KnownCase(
        "Boschloo's test, 74/117 above 31/63", "documentation of scipy.stats.boschloo_exact",
        (0.0355,), 1.001e-4, lambda: [boschloo([74, 31], [117, 63], alternative="greater").p],
    ),
    KnownCase(
        "Dunnett's critical value, 3 comparisons, 20 df", "Dunnett, JASA 1955;50:1096, table 1a",
        (2.19,), 5.001e-3, _dunnett,
    ),
    KnownCase(
        "Repeated measures, growth of 27 children: -2 log L, unstructured", _GROWTH,
        (419.477,), 5.001e-4, lambda: [deviance("us")],
    ),
    KnownCase(
        "The same, Toeplitz", _GROWTH, (424.643,), 5.001e-4, lambda: [deviance("toep")],
    ),
    KnownCase(
        "The same, first-order autoregressive", _GROWTH, (440.681,), 5.001e-4,
        lambda: [deviance("ar1")],
    ),
    KnownCase(
        "The same, compound symmetry", _GROWTH, (428.639,), 5.001e-4, lambda: [deviance("cs")],
    ),
)  # fmt: skip
