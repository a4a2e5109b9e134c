"""High and low expression told apart: the trough of a density, or a mixture of two normals.

Neither splits what has one mode: the cut-off is then absent, and the reason is given. Sources:
kernel width, Silverman, Density Estimation, 1986, eq. 3.31; separation of two normals, Ashman et
al., Astron J 1994;108:2348; comparison of fits, Schwarz, Ann Stat 1978;6:461. Page:
docs/instruments/gene_signature.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError
from openlupus.instruments.arrays import Floats

LEAST_SCORES = 20
GRID = 512
REACH = 3.0  # kernel widths beyond the lowest and highest score

# What a split needs, by our choice: see the page.
SMALLEST_SHARE = 0.05  # of the scores on either side
DEEPEST_RATIO = 0.9  # trough to the lower of the two modes
DEEPER_BY_ERRORS = 1.0  # standard errors of the density
ASHMAN_ABOVE = 2.0
BIC_GAIN_ABOVE = 10.0

STARTS_PERCENT = (10, 20, 30, 40, 50, 60, 70, 80, 90)
FIRST_STEPS, MIXTURE_STEPS = 50, 20_000
MIXTURE_TOLERANCE = 1e-8  # of the least standard deviation
LEAST_SD = 0.01  # of the standard deviation of all scores


@dataclass(frozen=True, slots=True)
class Cutoff:
    """A cut-off on the scale of the scores: `value` and above is high, None if there is none.

    `reason` says why there is none ("" where there is one). `modes`: the two modes or means, if
    two were found. `share_high`: of the scores at or above the cut-off.
    """

    value: float | None
    method: str
    reason: str
    modes: tuple[float, ...]
    share_high: float | None


def density_trough(scores: ArrayLike, *, width: float | None = None) -> Cutoff:
    """The lowest point of a Gaussian kernel density between its two highest modes.

    Args:
        scores: Baseline scores, one a subject, nan where missing (left out).
        width: Kernel width on the scale of the scores; Silverman's rule when None.

    Returns:
        No cut-off ("not bimodal") where the density has one mode, where the trough is not below
        90 % of the lower mode or not below it by its standard error, or where it would put less
        than 5 % of the scores on one side.
    """
    values = _present(scores)
    chosen = _silverman(values) if width is None else width
    if chosen <= 0:
        raise InstrumentError(f"the kernel width must be positive, not {chosen}")
    reach = REACH * chosen
    grid = np.linspace(float(values.min()) - reach, float(values.max()) + reach, GRID)
    density: Floats = np.exp(_log_normal(grid[:, None], values, np.array(chosen))).mean(axis=1)
    inner = density[1:-1]
    tops = 1 + np.flatnonzero((inner > density[:-2]) & (inner >= density[2:]))
    if len(tops) < 2:
        return _none("density trough", "not bimodal: the density has one mode", grid[tops])
    low, high = np.sort(tops[np.argsort(density[tops])[-2:]])
    trough = low + int(np.argmin(density[low : high + 1]))
    modes, lesser = grid[[low, high]], min(density[low], density[high])
    error = np.sqrt((lesser + density[trough]) / (2 * np.sqrt(np.pi) * len(values) * chosen))
    needed = max((1 - DEEPEST_RATIO) * lesser, DEEPER_BY_ERRORS * error)
    if lesser - density[trough] < needed:
        return _none(
            "density trough", "not bimodal: the trough between the modes is shallow", modes
        )
    return _split("density trough", values, float(grid[trough]), modes)


def normal_mixture(scores: ArrayLike) -> Cutoff:
    """Where two normal components, each with its own variance, are equally likely.

    Args:
        scores: Baseline scores, one a subject, nan where missing (left out).

    Returns:
        No cut-off ("not bimodal") where two components fit no better than one (BIC lower by 10 or
        less), where they are not apart (Ashman's D of 2 or less), or where the cut-off would put
        less than 5 % of the scores on one side.
    """
    values = np.sort(_present(scores))
    starts = [_start(values, percent) for percent in STARTS_PERCENT]
    best = max((_climb(values, start, FIRST_STEPS) for start in starts), key=_likelihood)
    fit = _climb(values, best, MIXTURE_STEPS)
    one = float(_log_normal(values, values.mean(), values.std()).sum())
    gain = 2 * (fit.likelihood - one) - 3 * np.log(len(values))  # three parameters more
    if gain <= BIC_GAIN_ABOVE:
        return _none("normal mixture", "not bimodal: one normal fits as well as two", fit.mean)
    apart = np.sqrt(2) * (fit.mean[1] - fit.mean[0]) / np.sqrt((fit.sd**2).sum())
    if apart <= ASHMAN_ABOVE:
        return _none("normal mixture", "not bimodal: the two components overlap", fit.mean)
    at = _equal_odds(fit)
    if at is None:
        why = "not bimodal: one component is likelier all the way between the means"
        return _none("normal mixture", why, fit.mean)
    return _split("normal mixture", values, at, fit.mean)


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Two normals: shares, means in rising order, standard deviations, log likelihood."""

    weight: Floats
    mean: Floats
    sd: Floats
    likelihood: float


def _likelihood(fit: _Mixture) -> float:
    return fit.likelihood


def _start(ordered: Floats, percent: int) -> _Mixture:
    """The scores cut at a percentile."""
    at = min(max(len(ordered) * percent // 100, 2), len(ordered) - 2)
    parts = (ordered[:at], ordered[at:])
    mean, sd = np.array([p.mean() for p in parts]), np.array([p.std() for p in parts])
    weight = np.array([at, len(ordered) - at]) / len(ordered)
    return _Mixture(weight, mean, np.maximum(sd, _least_sd(ordered)), -np.inf)


def _least_sd(ordered: Floats) -> float:
    """No component may shrink onto a single score, where the likelihood has no bound."""
    return LEAST_SD * float(ordered.std())


def _climb(ordered: Floats, fit: _Mixture, steps: int) -> _Mixture:
    """Expectation and maximisation, until means and standard deviations stand still."""
    for _ in range(steps):
        parts = np.log(fit.weight)[:, None] + _log_normal(
            ordered, fit.mean[:, None], fit.sd[:, None]
        )
        total = np.logaddexp(parts[0], parts[1])
        share = np.exp(parts - total)
        size: Floats = np.maximum(share.sum(axis=1), 1e-300)
        mean = (share @ ordered) / size
        spread = (share * (ordered - mean[:, None]) ** 2).sum(axis=1) / size
        sd = np.maximum(np.sqrt(spread), _least_sd(ordered))
        moved = np.max(np.abs([mean - fit.mean, sd - fit.sd]))
        fit = _Mixture(size / size.sum(), mean, sd, float(total.sum()))
        if moved < MIXTURE_TOLERANCE * _least_sd(ordered):
            break
    order = np.argsort(fit.mean)
    return _Mixture(fit.weight[order], fit.mean[order], fit.sd[order], fit.likelihood)


def _equal_odds(fit: _Mixture) -> float | None:
    """The point between the means where both components are equally likely: a square's root."""
    (a, b), (m, n), (s, t) = fit.weight.tolist(), fit.mean.tolist(), fit.sd.tolist()
    # log odds of the lower against the higher component: c2 x^2 + c1 x + c0.
    square = 0.5 / t**2 - 0.5 / s**2
    linear = m / s**2 - n / t**2
    constant = np.log(a / s) - np.log(b / t) - 0.5 * (m / s) ** 2 + 0.5 * (n / t) ** 2
    roots = np.roots([square, linear, constant]) if abs(square) > 1e-12 else [-constant / linear]
    between = [r.real for r in map(complex, roots) if r.imag == 0 and m < r.real < n]
    return between[0] if len(between) == 1 else None


def _log_normal(x: Floats, mean: Floats | np.floating, sd: Floats | np.floating) -> Floats:
    return -0.5 * ((x - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)


def _silverman(values: Floats) -> float:
    q1, q3 = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std(ddof=1)), float(q3 - q1) / 1.34) or float(values.std(ddof=1))
    return 0.9 * spread * len(values) ** -0.2


def _present(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, np.float64)
    if values.ndim != 1 or np.isinf(values).any():
        raise InstrumentError("scores need shape (subjects,) and finite values, nan where missing")
    values = values[~np.isnan(values)]
    if len(values) < LEAST_SCORES or np.ptp(values) == 0:
        raise InstrumentError(
            f"a cut-off needs {LEAST_SCORES} scores that are not all equal, not {len(values)}"
        )
    return values


def _split(method: str, values: Floats, at: float, modes: Floats) -> Cutoff:
    share = float((values >= at).mean())
    if min(share, 1 - share) < SMALLEST_SHARE:
        why = f"not bimodal: one side would hold {100 * min(share, 1 - share):.1f} % of the scores"
        return _none(method, why, modes)
    return Cutoff(at, method, "", tuple(modes.tolist()), share)


def _none(method: str, reason: str, modes: Floats) -> Cutoff:
    return Cutoff(None, method, reason, tuple(modes.tolist()), None)
