"""Score intervals and tests for a difference, ratio or odds ratio, single or over strata.

Miettinen-Nurminen, Mee, and the skewness-corrected score (SCAS) of Laud share one equation (eq.
score), which `score_equation` solves. Mathematics: docs/methods/score-intervals.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from openlupus.statistics.blocks import in_blocks
from openlupus.statistics.interval import (
    Interval,
    Numbers,
    normal_quantile,
    plain,
    two_sided_p,
)
from openlupus.statistics.score_equation import Contrast, ScoreWeights, score_equation
from openlupus.statistics.tables import flag, nothing_to_compare, read_tables


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """A score test of one value of the contrast.

    Attributes:
        z: Standard normal under the null; positive when the test group is above it.
        p: Two-sided.
        warnings: What the reader must know.
    """

    z: Numbers
    p: Numbers
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Chi-square of the stratum scores at the common estimate, with its degrees of freedom."""

    statistic: Numbers
    df: Numbers
    p: Numbers
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SummaryScore:
    """Pooled difference of the stratum score intervals, with its normal test."""

    interval: Interval
    z: Numbers
    p: Numbers


@in_blocks
def miettinen_nurminen(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    contrast: Contrast = "difference",
    level: float = 0.95,
    weights: ScoreWeights = "cmh",
    bias_correction: bool = True,
    skewness: bool = False,
) -> Interval:
    """Score interval of Miettinen and Nurminen, of one table or common over strata.

    Args:
        responders: Counts, shape (2, strata) or (..., 2, strata); row 0 test, row 1 control.
        n: Subjects, same shape. A stratum with an empty group is left out, with a warning.
        contrast: `difference`, `ratio` or `odds-ratio`, test against control.
        level: Two-sided coverage, in (0, 1).
        weights: Of the strata: `cmh` n1 n0 / (n1 + n0); `inverse-variance` of the score at each
            value of the contrast; `gart-nam`, the same without N / (N - 1);
            `miettinen-nurminen`, their own iterated weights.
        bias_correction: Multiply each stratum's variance by N / (N - 1).
        skewness: Correct for the third moment of the score (SCAS); no longer Miettinen-Nurminen.

    Returns:
        Estimate and limits; a ratio may have the limits 0 and infinity.

    Source:
        Miettinen & Nurminen, Stat Med 1985;4:213. Laud, Pharm Stat 2017;16:334 (skewness).
    """
    z = normal_quantile(level)
    equation = score_equation(responders, n, contrast, weights, bias_correction, skewness)
    estimate, swapped = equation.estimate(), equation.swapped
    value = equation.natural(estimate)
    lower = equation.natural(equation.lower_limit(z, estimate))
    mirrored = swapped.lower_limit(z, equation.mirror(estimate))
    upper = equation.natural(equation.mirror(mirrored))
    value = np.where(equation.nothing | equation.silent, np.nan, value)
    lower, upper = (np.where(equation.nothing, np.nan, limit) for limit in (lower, upper))
    notes = flag(
        equation.silent & ~equation.nothing,
        f"the {contrast} has no estimate: no stratum holds information about it",
    )
    return Interval(
        plain(value), plain(lower), plain(upper), level, None, equation.warnings + notes
    )


def mee(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    level: float = 0.95,
    weights: ScoreWeights = "cmh",
) -> Interval:
    """Mee's score interval of a difference: Miettinen-Nurminen's without N / (N - 1).

    Source:
        Mee, Biometrics 1984;40:1175.
    """
    return miettinen_nurminen(responders, n, level=level, weights=weights, bias_correction=False)


def gart_nam(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    level: float = 0.95,
    skewness: bool = False,
) -> Interval:
    """Gart and Nam's score interval of a difference: the efficient score of all strata together.

    The estimate is the difference of greatest likelihood (eq. gart-nam). With one stratum it is
    Mee's interval.

    Args:
        responders: As in `miettinen_nurminen`.
        n: As in `miettinen_nurminen`.
        level: Two-sided coverage, in (0, 1).
        skewness: Correct for the third moment of the score.

    Source:
        Gart & Nam, Biometrics 1990;46:637.
    """
    return miettinen_nurminen(
        responders, n, level=level, weights="gart-nam", bias_correction=False, skewness=skewness
    )


@in_blocks
def score_test(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    contrast: Contrast = "difference",
    null: float | None = None,
    weights: ScoreWeights = "cmh",
    bias_correction: bool = True,
) -> ScoreTest:
    """Score test of one value of the contrast; agrees with the interval without skewness.

    Args:
        responders: Counts, shape (2, strata) or (..., 2, strata); row 0 test, row 1 control.
        n: Subjects, same shape.
        contrast: As in `miettinen_nurminen`.
        null: The value tested, in (-1, 1) for a difference and above 0 for a ratio; None is no
            effect (0, or a ratio of 1). A non-inferiority margin goes here.
        weights: As in `miettinen_nurminen`.
        bias_correction: As in `miettinen_nurminen`; with it and Mantel-Haenszel weights the
            squared z at a difference of 0 is the Cochran-Mantel-Haenszel chi-square.

    Source:
        Farrington & Manning, Stat Med 1990;9:1447.
    """
    equation = score_equation(responders, n, contrast, weights, bias_correction)
    score, variance, _ = equation.weighted(equation.inner(null))
    z = np.divide(score, np.sqrt(variance), out=np.zeros_like(score), where=variance > 0)
    notes = flag(
        (variance == 0) & ~equation.nothing,
        "0 % or 100 % responders throughout: score and variance are 0, so z is taken as 0",
    )
    z = plain(np.where(equation.nothing, np.nan, z))
    return ScoreTest(z, two_sided_p(z), equation.warnings + notes)


@in_blocks
def score_heterogeneity(
    responders: ArrayLike,
    n: ArrayLike,
    *,
    contrast: Contrast = "difference",
    weights: ScoreWeights = "cmh",
    bias_correction: bool = True,
) -> Heterogeneity:
    """Does the contrast differ between strata? Sum of squared stratum scores (eq. score-q).

    Source:
        Laud, Pharm Stat 2017;16:334, equation S3 of its supplement.
    """
    equation = score_equation(responders, n, contrast, weights, bias_correction)
    at = equation.scores(equation.estimate())
    square = np.divide(at.score**2, at.variance, out=np.zeros_like(at.score), where=at.variance > 0)
    used = equation.tables.used
    statistic = np.sum(np.where(used, square, 0.0), axis=-1)
    df = (used.sum(axis=-1) - 1).astype(np.float64)
    notes = flag(df < 1, "fewer than two strata, so there is no heterogeneity to test")
    p = np.where(df >= 1, chdtrc(np.maximum(df, 1), statistic), np.nan)
    return Heterogeneity(plain(statistic), plain(df), plain(p), equation.warnings + notes)


@in_blocks
def summary_score(responders: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> SummaryScore:
    """Common difference from the stratum Miettinen-Nurminen intervals (eq. summary-score).

    Each stratum counts as its interval's midpoint, with the half width over z as standard error;
    they are pooled by inverse variance. It is SAS's COMMONRISKDIFF(CL=SCORE), and depends on the
    level. Strata with an empty group are left out, with a warning.

    Source:
        Agresti, Categorical Data Analysis, 3rd ed. (2013), section 6.4.
    """
    tables, z = read_tables(responders, n), normal_quantile(level)
    strata = (np.moveaxis(counts, -1, 0)[..., None] for counts in (tables.x, tables.n))
    each = miettinen_nurminen(*strata, level=level)
    lower, upper = (np.moveaxis(np.asarray(limit), 0, -1) for limit in (each.lower, each.upper))
    precision = np.where(tables.used, (2 * z / (upper - lower)) ** 2, 0.0)
    total = precision.sum(axis=-1)
    some = total > 0
    value = np.sum(precision * (lower + upper) / 2, axis=-1)
    value = np.divide(value, total, out=np.full_like(total, np.nan), where=some)
    error = np.divide(1.0, np.sqrt(total), out=np.full_like(total, np.nan), where=some)
    interval = Interval(
        plain(value), plain(value - z * error), plain(value + z * error), level, plain(error),
        tables.warnings + nothing_to_compare(tables),
    )  # fmt: skip
    statistic = plain(value / error)
    return SummaryScore(interval, statistic, two_sided_p(statistic))
