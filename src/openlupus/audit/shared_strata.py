"""Strata that all comparisons of a table share: one table of patients that prints every one.

Arms are the same patients in every row, so the true method must print all rows with one table of
patients by stratum, and with one split of the control's responders in each row. The search is for
the stratified Newcombe method, whose limits need each group only through its own weighted Wilson
limits. Mathematics: docs/methods/audit.md (eq. audit-shared).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openlupus.audit.interval_methods import Trial, misfit
from openlupus.audit.model import DIFFERENCE, Published
from openlupus.audit.stratum_tables import Comparison, Floats, mantel_haenszel, splits
from openlupus.statistics.cmh import cmh
from openlupus.statistics.interval import normal_quantile
from openlupus.statistics.newcombe import stratified_newcombe, stratified_wilson

METHOD = "stratified Newcombe"
"""The method that this search knows."""

_STRATA = (4, 2, 3)
"""Numbers of strata that are tried where the paper does not say."""
_STARTS, _STEPS, _FRESH, _SETTLED = 9, 40, 10, 20
_MOST_SPLITS, _BATCHES, _DRAWS = 900, 4, 350
_SPREAD, _CONCENTRATION = 0.5, 6.0

Row = tuple[str, str]


@dataclass(frozen=True)
class SharedStrata:
    """One table of patients that prints every comparison of `responders`.

    Attributes:
        patients: Arm, and the control, to its patients by stratum.
        responders: (table, row) to arm, and the control, to its responders by stratum.
    """

    method: str
    patients: Mapping[str, tuple[int, ...]]
    responders: Mapping[Row, Mapping[str, tuple[int, ...]]]


@dataclass(frozen=True)
class _Matches:
    """Pairs of an arm's and the control's splits that print a comparison."""

    test: Floats
    pairs: NDArray[np.intp]
    nearest: float

    def controls(self, splits_of_control: int) -> NDArray[np.bool_]:
        found = np.zeros(splits_of_control, dtype=np.bool_)
        found[self.pairs[:, 1]] = True
        return found


def shared_strata(
    published: Published,
    trials: Sequence[Trial],
    method: str,
    *,
    seed: int,
) -> SharedStrata | None:
    """Patients by stratum that print every comparison of whole arms; None where none was found.

    Args:
        trials: Comparisons of one table; those of subgroups are left out.
        method: The method; any but `METHOD` gives None.
        seed: Of the search, whose length is fixed: the same seed gives the same answer.
    """
    wanted = _whole_arms(published, trials)
    if method != METHOD or sum(len(rows) for rows in wanted.values()) < 2:
        return None
    rng = np.random.default_rng([seed, len(wanted)])
    for start in range(_STARTS):
        strata = published.strata or _STRATA[start % len(_STRATA)]
        found = _Search(published, wanted, strata, rng).run()
        if found is not None:
            return found
    return None


def _whole_arms(published: Published, trials: Sequence[Trial]) -> dict[str, dict[Row, Comparison]]:
    """Arm to its comparisons that rest on all patients of arm and control, and that some method
    prints."""
    found: dict[str, dict[Row, Comparison]] = {}
    for trial in trials:
        arm = trial.cell.column.removesuffix(DIFFERENCE)
        whole = (published.columns[arm].n, published.columns[published.control].n)
        if trial.comparison.n == whole and trial.hits.get(METHOD):
            found.setdefault(arm, {})[trial.cell.table, trial.cell.row] = trial.comparison
    return found


@dataclass
class _Search:
    """One start: sizes of the control's strata, then of each arm's, to suit every row."""

    published: Published
    wanted: Mapping[str, Mapping[Row, Comparison]]
    strata: int
    rng: np.random.Generator

    def run(self) -> SharedStrata | None:
        shares = self.rng.dirichlet(np.full(self.strata, _CONCENTRATION))
        any_arm = next(iter(self.wanted.values()))
        n_control = next(iter(any_arm.values())).n[1]
        control = self.rng.multinomial(n_control, shares).astype(np.float64)
        if control.min() < 1:
            return None
        comparisons = {row: c for rows in self.wanted.values() for row, c in rows.items()}
        splits_of = {row: self._splits(c.responders[1], control) for row, c in comparisons.items()}
        live = {row: np.ones(len(each), dtype=np.bool_) for row, each in splits_of.items()}
        sizes: dict[str, Floats] = {}
        matches: dict[str, dict[Row, _Matches]] = {}
        for arm, rows in self.wanted.items():
            best = self._arm(rows, shares, control, splits_of, live)
            if best is None:
                return None
            sizes[arm], matches[arm] = best
            for row, match in matches[arm].items():
                live[row] &= match.controls(len(splits_of[row]))
        return self._verified(control, sizes, splits_of, live, matches)

    def _splits(self, x: int, sizes: Floats) -> Floats:
        drawn = [
            splits(x, sizes, self.rng.normal(0, _SPREAD, self.strata), self.rng, draws=_DRAWS)
            for _ in range(_BATCHES)
        ]
        each = np.unique(np.concatenate(drawn), axis=0)
        return each[self.rng.permutation(len(each))[:_MOST_SPLITS]]

    def _arm(
        self,
        rows: Mapping[Row, Comparison],
        shares: Floats,
        control: Floats,
        splits_of: Mapping[Row, Floats],
        live: Mapping[Row, NDArray[np.bool_]],
    ) -> tuple[Floats, dict[Row, _Matches]] | None:
        """Sizes of an arm's strata under which every row has a split of the control that is live.

        Draws, then moves patients between strata while that helps.
        """
        n = next(iter(rows.values())).n[0]
        best: tuple[tuple[int, float], Floats, dict[Row, _Matches]] | None = None
        for step in range(_STEPS):
            if best is None or step < _FRESH:
                sizes = self.rng.multinomial(n, shares).astype(np.float64)
            else:
                sizes = best[1].copy()
                for _ in range(int(self.rng.integers(1, 3))):
                    taken, given = self.rng.choice(self.strata, 2, replace=False)
                    sizes[taken] -= 1
                    sizes[given] += 1
            if sizes.min() < 1:
                continue
            matches = {
                row: self._matches(comparison, sizes, control, splits_of[row])
                for row, comparison in rows.items()
            }
            left = [int((live[r] & m.controls(len(live[r]))).sum()) for r, m in matches.items()]
            score = sum(np.log1p(count) for count in left)
            score -= sum(m.nearest for m in matches.values())
            rank = (sum(count > 0 for count in left), float(score))
            if best is None or rank > best[0]:
                best = rank, sizes, matches
            if step >= _SETTLED and best[0][0] == len(rows):
                break
        if best is None or best[0][0] < len(rows):
            return None
        return best[1], best[2]

    def _matches(
        self, comparison: Comparison, sizes: Floats, control: Floats, controls: Floats
    ) -> _Matches:
        """Pairs of splits that print difference, limits and P value (eq. audit-shared)."""
        test = self._splits(comparison.responders[0], sizes)
        both = np.stack([sizes, control])
        weight = mantel_haenszel(both)
        none = _Matches(test, np.zeros((0, 2), dtype=np.intp), 9.0)
        if weight is None:
            return none
        value = (test / sizes) @ weight, (controls / control) @ weight
        printed = comparison.difference
        gap = 100 * (value[0][:, None] - value[1][None, :]) - float(printed.value)
        i, j = np.nonzero(np.abs(gap) <= printed.value.half + 1e-9)
        if not len(i):
            return none
        low, high = _variances(test, controls, both, weight, self.published.level)
        z = normal_quantile(self.published.level)
        at = value[0][i] - value[1][j]
        lower = 100 * (at - z * np.sqrt(low[0][i] + high[1][j]))
        upper = 100 * (at + z * np.sqrt(high[0][i] + low[1][j]))
        off = np.maximum(
            np.abs(lower - float(printed.lower)) - printed.lower.half,
            np.abs(upper - float(printed.upper)) - printed.upper.half,
        )
        pairs = np.stack([i, j], axis=1)[off <= 0]
        if comparison.p is not None and len(pairs):
            x = np.stack([test[pairs[:, 0]], controls[pairs[:, 1]]], axis=1)
            p = np.asarray(cmh(x, np.broadcast_to(both, x.shape)).p)
            pairs = pairs[(comparison.p.low <= p) & (p <= comparison.p.high)]
        return _Matches(test, pairs, max(0.0, float(off.min())))

    def _verified(
        self,
        control: Floats,
        sizes: Mapping[str, Floats],
        splits_of: Mapping[Row, Floats],
        live: Mapping[Row, NDArray[np.bool_]],
        matches: Mapping[str, Mapping[Row, _Matches]],
    ) -> SharedStrata | None:
        """The first table of what is left, computed again by the method itself."""
        responders: dict[Row, dict[str, tuple[int, ...]]] = {}
        for row, alive in live.items():
            which = int(np.argmax(alive))
            chosen = {self.published.control: splits_of[row][which]}
            for arm, rows in matches.items():
                if row not in rows:
                    continue
                pairs = rows[row].pairs
                chosen[arm] = rows[row].test[pairs[pairs[:, 1] == which][0, 0]]
                x = np.stack([chosen[arm], splits_of[row][which]])
                got = stratified_newcombe(
                    x, np.stack([sizes[arm], control]), level=self.published.level
                )
                if misfit(self.wanted[arm][row], got).max() > 0:
                    return None
            responders[row] = {arm: _whole(x) for arm, x in chosen.items()}
        patients = {
            arm: _whole(n) for arm, n in (*sizes.items(), (self.published.control, control))
        }
        return SharedStrata(METHOD, patients, responders)


def _variances(
    test: Floats, controls: Floats, sizes: Floats, weight: Floats, level: float
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Variance of each group's part at its lower and at its upper weighted Wilson limit."""
    longest = max(len(test), len(controls))
    x = np.zeros((longest, 2, sizes.shape[1]))
    x[: len(test), 0], x[: len(controls), 1] = test, controls
    groups = stratified_wilson(x, np.broadcast_to(sizes, x.shape), level=level)
    spread = (weight**2 / sizes).sum(axis=1)
    low, high = (
        [
            share * np.clip(limit, 0, 1) * (1 - np.clip(limit, 0, 1))
            for share, limit in zip(spread, limits, strict=True)
        ]
        for limits in (
            [np.asarray(group.lower) for group in groups],
            [np.asarray(group.upper) for group in groups],
        )
    )
    return (low[0], low[1]), (high[0], high[1])


def _whole(counts: Floats) -> tuple[int, ...]:
    return tuple(int(count) for count in counts)
