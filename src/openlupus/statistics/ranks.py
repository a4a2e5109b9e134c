"""Rank tests of two or more groups, with and without strata.

Mathematics, with the named equations: docs/methods/ranks.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from openlupus.errors import StatisticsError
from openlupus.statistics.contingency import ChiSquare
from openlupus.statistics.interval import Bools, Floats, Interval, normal_quantile, two_sided_p

# The exact distribution is a table of subjects by rank sums; this many numbers are still quick.
_LARGEST_TABLE = 400_000_000


@dataclass(frozen=True, slots=True)
class RankSum:
    """The Wilcoxon rank-sum test of two groups, and the shift between them.

    Attributes:
        statistic: Pairs in which the test group is above the control, ties counting one half
            (Mann-Whitney's U; R's W).
        probability: The same as a share of all pairs.
        z: Standard normal statistic, positive when the test group is above; None in an exact test.
        p: Two-sided.
        shift: Hodges-Lehmann estimate, the median of all differences test minus control, with the
            limits that the test does not reject.
        warnings: What the reader must know.
    """

    statistic: float
    probability: float
    z: float | None
    p: float
    shift: Interval
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StratifiedRanks:
    """A rank test combined over strata: z is positive when the test group is above the control."""

    z: float
    statistic: float
    df: int
    p: float
    warnings: tuple[str, ...] = ()


def wilcoxon(
    test: ArrayLike,
    control: ArrayLike,
    *,
    exact: bool = False,
    correct: bool = True,
    level: float = 0.95,
) -> RankSum:
    """Wilcoxon rank-sum test with the Hodges-Lehmann shift and its limits.

    Args:
        test: Values of the test group, a vector; NaN is missing and left out, with a warning.
        control: Values of the control group, a vector.
        exact: Use the permutation distribution of the mid-ranks (eq. wilcoxon-exact), which holds
            with ties too; else the normal law with the variance that ties leave (eq. wilcoxon-z).
        correct: Take 1/2 from the absolute deviation; not in an exact test.
        level: Two-sided coverage of the limits of the shift, in (0, 1).

    Returns:
        Limits are ordered differences (eq. hodges-lehmann); minus or plus infinity where the
        groups are too small for the level.

    Raises:
        StatisticsError: a group without values, or too many subjects for an exact test.

    Source:
        Wilcoxon, Biometrics 1945;1:80. Hodges & Lehmann, Ann Math Stat 1963;34:598.
    """
    z_level = normal_quantile(level)
    x, y, notes = _two_groups(test, control)
    pairs = x.size * y.size
    differences = np.sort(np.subtract.outer(x, y).ravel())
    ranks = midranks(np.concatenate([x, y]))
    u = float(ranks[: x.size].sum()) - x.size * (x.size + 1) / 2
    if exact:
        z = None
        p, reach = _exact(ranks, x.size, (1 - level) / 2)
        if np.unique(ranks).size < ranks.size:
            notes += ("there are ties: the limits of the shift are those of untied values",)
    else:
        z, p, reach, more = _normal(ranks, x.size, u, correct, z_level)
        notes += more
    lower = float(differences[reach]) if reach is not None else -np.inf
    upper = float(differences[pairs - 1 - reach]) if reach is not None else np.inf
    if reach is None:
        notes += ("the groups are too small for limits of the shift at this level",)
    shift = Interval(float(np.median(differences)), lower, upper, level)
    return RankSum(u, u / pairs, z, p, shift, notes)


def hodges_lehmann(test: ArrayLike, control: ArrayLike) -> float:
    """Median of all differences test minus control (eq. hodges-lehmann)."""
    x, y, _ = _two_groups(test, control)
    return float(np.median(np.subtract.outer(x, y)))


def stratified_wilcoxon(
    y: ArrayLike,
    group: ArrayLike,
    stratum: ArrayLike,
    *,
    control: object = 0,
    scores: Literal["van-elteren", "within", "pooled"] = "van-elteren",
) -> StratifiedRanks:
    """Wilcoxon's test with allocation within strata, combined over them (eq. van-elteren).

    Args:
        y: The measurement or ordinal grade, shape (subjects,); NaN is left out, with a warning.
        group: Two codes, shape (subjects,).
        stratum: One code a stratum, shape (subjects,).
        control: Code of the control group.
        scores: `van-elteren`, ranks within the stratum over its size + 1, the locally best choice;
            `within`, these ranks as they are; `pooled`, ranks among all subjects, which leaves
            differences between strata in (R's coin with a block).

    Returns:
        The test without continuity correction. A stratum with an empty group adds nothing, with a
        warning.

    Source:
        van Elteren, Bull Int Stat Inst 1960;37:351. Lehmann, Nonparametrics (1975), section 3.3.
    """
    if scores not in ("van-elteren", "within", "pooled"):
        raise StatisticsError(f"scores={scores!r} is not 'van-elteren', 'within' or 'pooled'")
    values, in_test, strata, notes = _read_strata(y, group, stratum, control)
    pooled = midranks(values)
    deviation = variance = 0.0
    for code in np.unique(strata):
        here = strata == code
        size, n1 = int(here.sum()), int(in_test[here].sum())
        if n1 in (0, size):
            name = "the test group" if n1 == 0 else "the control group"
            notes += (f"stratum {code} is left out: no subject in {name}",)
            continue
        ranks = pooled[here] if scores == "pooled" else midranks(values[here])
        ranks = ranks / (size + 1) if scores == "van-elteren" else ranks
        centred = ranks - ranks.mean()
        deviation += float(centred[in_test[here]].sum())
        variance += n1 * (size - n1) / (size * (size - 1)) * float(centred @ centred)
    if variance == 0:
        nan = float("nan")
        return StratifiedRanks(nan, nan, 1, nan, (*notes, "no stratum varies: nothing to test"))
    z = deviation / np.sqrt(variance)
    return StratifiedRanks(float(z), float(z**2), 1, float(two_sided_p(z)), notes)


def van_elteren(
    y: ArrayLike, group: ArrayLike, stratum: ArrayLike, *, control: object = 0
) -> StratifiedRanks:
    """van Elteren's test: `stratified_wilcoxon` with its locally best scores."""
    return stratified_wilcoxon(y, group, stratum, control=control)


def kruskal_wallis(groups: Sequence[ArrayLike]) -> ChiSquare:
    """Rank test that several groups have one distribution, corrected for ties (eq. kruskal).

    Args:
        groups: The values of each group, vectors of any length; NaN is missing and left out.

    Raises:
        StatisticsError: fewer than two groups with values.

    Source:
        Kruskal & Wallis, JASA 1952;47:583.
    """
    values = [_vector(group, f"group {k + 1}") for k, group in enumerate(groups)]
    present = [each for each in (group[~np.isnan(group)] for group in values) if each.size]
    notes = ("groups without values are left out",) * (len(present) < len(values))
    missing = int(sum(np.isnan(group).sum() for group in values))
    notes += (f"{missing} missing values left out",) * (missing > 0)
    if len(present) < 2:
        raise StatisticsError(f"{len(present)} of {len(values)} groups have values; it takes two")
    ranks = midranks(np.concatenate(present))
    spread = float(np.sum((ranks - ranks.mean()) ** 2))
    df = len(present) - 1
    if spread == 0:
        return ChiSquare(float("nan"), df, float("nan"), (*notes, "all values are equal"))
    parts = np.split(ranks, np.cumsum([each.size for each in present])[:-1])
    between = sum(each.size * (each.mean() - ranks.mean()) ** 2 for each in parts)
    statistic = float((ranks.size - 1) * between / spread)
    return ChiSquare(statistic, df, float(chdtrc(df, statistic)), notes)


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing the mean of their places."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def _normal(
    ranks: Floats, n1: int, u: float, correct: bool, z_level: float
) -> tuple[float, float, int | None, tuple[str, ...]]:
    """z, P and the place of the lower limit among the ascending differences."""
    n, pairs = ranks.size, n1 * (ranks.size - n1)
    spread = float(np.sum((ranks - ranks.mean()) ** 2))
    error = float(np.sqrt(pairs / (n * (n - 1)) * spread))
    if error == 0:
        return float("nan"), float("nan"), 0, ("all values are equal: nothing to test",)
    deviation = u - pairs / 2
    half = 0.5 if correct else 0.0
    z = np.sign(deviation) * max(abs(deviation) - half, 0.0) / error
    # Shifted values tie within their groups only, so the limits have a variance of their own.
    inner = _variance_without_cross_ties(ranks, n1)
    u_lowest = np.floor(pairs / 2 + half + z_level * inner) + 1
    reach = int(pairs - u_lowest) if u_lowest <= pairs else None
    return float(z), float(two_sided_p(z)), reach, ()


def _variance_without_cross_ties(ranks: Floats, n1: int) -> float:
    n, ties = ranks.size, 0.0
    for part in (ranks[:n1], ranks[n1:]):
        counts = np.unique(part, return_counts=True)[1].astype(np.float64)
        ties += float(np.sum(counts**3 - counts))
    return float(np.sqrt(n1 * (n - n1) / 12 * (n + 1 - ties / (n * (n - 1)))))


def _exact(ranks: Floats, n1: int, tail: float) -> tuple[float, int | None]:
    doubled = np.rint(2 * ranks).astype(np.int64)
    chance = _rank_sum_distribution(doubled, n1)
    sums, expected = np.arange(chance.size), n1 * (ranks.size + 1)
    distance = abs(int(doubled[:n1].sum()) - expected)
    p = float(chance[np.abs(sums - expected) >= distance].sum())
    untied = _rank_sum_distribution(2 * np.arange(1, ranks.size + 1), n1)[n1 * (n1 + 1) :: 2]
    reach = int(np.searchsorted(np.cumsum(untied), tail, side="left"))
    return min(1.0, p), reach - 1 if reach else None


def _rank_sum_distribution(doubled: NDArray[np.int64], n1: int) -> Floats:
    """Chance of every sum of n1 of the doubled ranks, drawn without replacement."""
    n, largest = doubled.size, int(np.sort(doubled)[-n1:].sum())
    if n * n1 * largest > _LARGEST_TABLE:
        raise StatisticsError(
            f"an exact rank test of {n} subjects is too large; use exact=False, which is accurate"
            " at this size"
        )
    ways = np.zeros((n1 + 1, largest + 1))
    ways[0, 0] = 1.0
    for drawn, rank in enumerate(doubled, start=1):
        top = min(drawn, n1)
        # Chances of k among those drawn so far, so that no number overflows.
        share = np.arange(1, top + 1)[:, None] / drawn
        moved = np.zeros((top, largest + 1))
        moved[:, rank:] = ways[:top, : largest + 1 - rank]
        stay = np.clip((drawn - np.arange(top + 1)) / drawn, 0, None)[:, None]
        ways[: top + 1] *= stay
        ways[1 : top + 1] += share * moved
    return ways[n1]


def _two_groups(test: ArrayLike, control: ArrayLike) -> tuple[Floats, Floats, tuple[str, ...]]:
    x, y = _vector(test, "test"), _vector(control, "control")
    missing = int(np.isnan(x).sum() + np.isnan(y).sum())
    x, y = x[~np.isnan(x)], y[~np.isnan(y)]
    for name, values in (("test", x), ("control", y)):
        if not values.size:
            raise StatisticsError(f"the {name} group has no values; there is nothing to compare")
    return x, y, (f"{missing} missing values left out",) * (missing > 0)


def _vector(values: ArrayLike, name: str) -> Floats:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise StatisticsError(f"{name} has shape {vector.shape}; it must be a vector of values")
    if np.isinf(vector).any():
        raise StatisticsError(f"{name} holds an infinite value; give it the largest rank as number")
    return vector


def _read_strata(
    y: ArrayLike, group: ArrayLike, stratum: ArrayLike, control: object
) -> tuple[Floats, Bools, NDArray[np.int64], tuple[str, ...]]:
    values, groups, strata = _vector(y, "y"), np.asarray(group), np.asarray(stratum)
    if not values.shape == groups.shape == strata.shape:
        raise StatisticsError(
            f"y, group and stratum have shapes {values.shape}, {groups.shape}, {strata.shape};"
            " each must be one value a subject"
        )
    known = ~np.isnan(values)
    notes = (f"{int((~known).sum())} missing values left out",) * (not known.all())
    codes = list(dict.fromkeys(groups.tolist()))
    if len(codes) != 2 or control not in codes:
        raise StatisticsError(
            f"group has the codes {codes}; there must be two, and the control {control!r} one"
        )
    return values[known], (groups != control)[known], strata[known], notes
