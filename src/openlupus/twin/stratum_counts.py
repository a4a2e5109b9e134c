"""Counts by stratum that a paper's printed numbers of patients allow, drawn near a prior."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, milp  # pyright: ignore[reportUnknownVariableType]
from scipy.special import gammaln, logit, xlog1py, xlogy

from openlupus.audit.printed import Estimate, Number
from openlupus.audit.stratum_tables import splits
from openlupus.errors import TwinError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Key = tuple[str, str]
Counts = tuple[int, ...]
Printed = tuple[Estimate | None, Number | None]
"""A difference with its limits, percentage points, and its P value."""

_SURE = 0.01
"""Rates nearer to 0 or 1 than this are taken to be so far from it."""
_SPREAD = 0.5
"""SD of a stratum's log odds of response around the prior's."""
_BATCHES, _DENOMINATORS = 8, 40
_ALL = 3000
"""Splits of a row that are so few are all looked at."""


@dataclass(frozen=True)
class Row:
    """A printed row of responders.

    Attributes:
        key: Table and row of the paper.
        responders, of: Arm, and the control, to its printed responders and patients.
        printed: Test arm to its difference with limits, percentage points, and its P value.
        eligible: Arm to the share of its patients of each stratum whom the row counts, shape
            (strata,). 1 and 0 are exact, for all and for none; between them it is expected.
        rate: Arm to the expected response rate by stratum.
        beyond: Another row, that has all responders of this one and more, and arm to the expected
            shares of the strata in those more, shape (strata,); even ones where there is none.
    """

    key: Key
    responders: Mapping[str, int]
    of: Mapping[str, int]
    printed: Mapping[str, Printed]
    eligible: Mapping[str, Floats]
    rate: Mapping[str, Floats]
    beyond: Mapping[Key, Mapping[str, Floats]] = field(
        default_factory=dict[Key, Mapping[str, Floats]]
    )


@dataclass(frozen=True)
class Margin:
    """A printed number of patients: those of an arm in some strata together."""

    arm: str
    strata: tuple[int, ...]
    n: int


Way = Mapping[Key, tuple[Counts, Counts]]
"""Patients and responders of an arm by stratum, in some rows."""


@dataclass(frozen=True)
class StratumTables:
    """Counts by stratum: patients by arm; patients and responders by row and arm.

    Attributes:
        ways: Arm to groups of rows, each with ways to split their counts that print the rows as
            well, beside the control's as they are here; the first is the one here.
    """

    patients: Mapping[str, Counts]
    of: Mapping[Key, Mapping[str, Counts]]
    responders: Mapping[Key, Mapping[str, Counts]]
    ways: Mapping[str, tuple[tuple[Way, ...], ...]]


@dataclass(frozen=True)
class Splits:
    """Ways to give one group's counts of a row to the strata.

    Attributes:
        x: Responders, shape (splits, strata).
        n: Patients, the same shape, or (1, strata) where all splits share them.
    """

    x: Floats
    n: Floats

    def of(self, which: Ints) -> Floats:
        return np.broadcast_to(self.n, self.x.shape)[which]


@dataclass(frozen=True)
class ArmSizes:
    """Patients of an arm by stratum.

    Attributes:
        n: Of all strata.
        shares: Expected, in sum 1.
        rules: Strata, with the least and largest number of patients in them.
        least: Patients of each stratum.
        silent: How many respond in no row.
    """

    n: int
    shares: Floats
    rules: tuple[tuple[tuple[int, ...], int, int], ...]
    least: Floats
    silent: int = 0

    def draw_silent(self, sizes: Floats, rng: np.random.Generator) -> Floats:
        """Those who respond in no row by stratum, as if drawn from all patients."""
        n = min(self.silent, int(sizes.sum()))
        return rng.multivariate_hypergeometric(sizes.astype(np.int64), n).astype(np.float64)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Near a multinomial draw.

        Raises:
            TwinError: the rules contradict each other.
        """
        drawn = self._nearest(rng.multinomial(self.n, self.shares).astype(np.float64))
        if drawn is None:
            raise TwinError("the printed numbers of patients by stratum contradict each other")
        return drawn

    @property
    def possible(self) -> bool:
        """Whether the rules hold together."""
        return self._nearest(self.n * self.shares) is not None

    def moved(self, sizes: Floats, rng: np.random.Generator) -> Floats:
        """The sizes with a patient in another stratum; the same where no stratum can give one."""
        pairs = rng.permutation(np.array(list(permutations(range(len(sizes)), 2)), dtype=np.int64))
        for taken, given in pairs:
            after = sizes.copy()
            after[taken] -= 1
            after[given] += 1
            if (after >= self.least).all() and all(
                low <= after[list(inside)].sum() <= high for inside, low, high in self.rules
            ):
                return after
        return sizes

    def _nearest(self, wanted: Floats) -> Floats | None:
        """The sizes that hold all rules with the least sum of distances."""
        k, eye = len(wanted), np.eye(len(wanted))
        sums = [(tuple(range(k)), self.n, self.n), *self.rules]
        weight = np.array([[*np.isin(np.arange(k), inside), *[0] * k] for inside, _, _ in sums])
        low, high = (np.array([each[i] for each in sums], dtype=np.float64) for i in (1, 2))
        # The declared types of Bounds know no arrays.
        least: Any = np.append(self.least, np.zeros(k))
        highest: Any = np.full(2 * k, np.inf)
        got: Any = milp(
            np.repeat([0.0, 1.0], k),
            constraints=(
                (weight, low, high),
                (np.hstack([eye, eye]), wanted, np.inf),
                (np.hstack([eye, -eye]), -np.inf, wanted),
            ),
            integrality=np.repeat([1, 0], k),
            bounds=Bounds(least, highest),
        )
        return None if got.x is None else np.rint(got.x[:k])


def arm_sizes(
    arm: str,
    size: int,
    shares: Floats,
    rows: Sequence[Row],
    margins: Sequence[Margin],
    least: Floats,
    silent: int,
) -> ArmSizes:
    """What margins and rows say of an arm's patients by stratum."""
    rules = [(each.strata, each.n, each.n) for each in margins if each.arm == arm]
    every = range(len(shares))
    for row in rows:
        if arm in row.of:
            share = row.eligible[arm]
            rules.append((tuple(i for i in every if share[i] == 1), 0, row.of[arm]))
            rules.append((tuple(i for i in every if share[i] > 0), row.of[arm], size))
    return ArmSizes(size, shares / shares.sum(), tuple(rules), least, silent)


def draw_row(
    row: Row, arm: str, sizes: Floats, silent: Floats, rng: np.random.Generator, *, most: int
) -> Splits:
    """Different splits of an arm's counts of a row, by the law of independent binomials near the
    prior's rates given their sums.

    Args:
        silent: Of `sizes`, those who respond in no row; looked at in rows of all patients.
    """
    share, x = row.eligible[arm], row.responders[arm]
    everyone = np.where(share == 1, sizes, 0.0)
    some = np.where((share > 0) & (share < 1), sizes, 0.0)
    n = everyone[None]
    out = silent if (share == 1).all() else np.zeros_like(silent)
    rate = row.rate[arm] * sizes / np.maximum(sizes - out, 1)
    if some.any():
        rest = round(row.of[arm] - everyone.sum())
        n = everyone + splits(rest, some, _log_odds(share), rng, draws=_DENOMINATORS)
    elif len(every := _every_split(x, everyone - out)):
        likely = log_binomial(every, everyone - out, rate) + rng.gumbel(size=len(every))
        return Splits(every[np.argsort(-likely)[:most]], n)
    batches = [each for each in n for _ in range(_BATCHES if len(n) == 1 else 1)]
    drawn = [
        splits(x, each - out, _log_odds(rate) + rng.normal(0, _SPREAD, len(each)), rng)
        for each in batches
    ]
    both = [
        np.hstack([found, np.broadcast_to(each, found.shape)])
        for each, found in zip(batches, drawn, strict=True)
    ]
    both = np.unique(np.concatenate(both), axis=0)
    both = both[rng.permutation(len(both))[:most]]
    found, of = np.split(both, 2, axis=1)
    return Splits(found, n if len(n) == 1 else of)


def _every_split(x: int, n: Floats) -> Floats:
    """All splits of x responders, shape (splits, strata); none where they are very many."""
    fewer = min(x, round(n.sum()) - x)
    if fewer < 0 or how_many_parts(fewer, len(n)) > _ALL:
        return np.zeros((0, len(n)))
    some = parts(fewer, len(n)).astype(np.float64)
    every = some if fewer == x else n - some
    return every[((every >= 0) & (every <= n)).all(axis=1)]


@cache
def parts(total: int, k: int) -> Ints:
    """All ways to give so many patients to k strata."""
    if k == 1:
        return np.array([[total]], dtype=np.int64)
    return np.concatenate(
        [
            np.insert(rest, 0, first, axis=1)
            for first in range(total + 1)
            for rest in [parts(total - first, k - 1)]
        ]
    )


def how_many_parts(total: int, k: int) -> int:
    """How many ways `parts` gives."""
    return comb(total + k - 1, total)


def log_binomial(x: Floats, n: Floats, share: Floats) -> Floats:
    """Log probability, in sum over the strata, which are the last axis."""
    sure = np.clip(share, _SURE, 1 - _SURE)
    choose = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    return np.sum(choose + xlogy(x, sure) + xlog1py(n - x, -sure), axis=-1)


def log_multinomial(n: Floats | Ints, shares: Floats) -> Floats:
    """Log probability, up to a constant, in sum over the strata, which are the last axis."""
    return np.sum(xlogy(n, np.maximum(shares, _SURE)) - gammaln(n + 1), axis=-1)


def whole(counts: Floats | Ints) -> Counts:
    return tuple(int(count) for count in counts)


def _log_odds(share: Floats) -> Floats:
    # A share of 0 or 1 is a guess from few: it forbids nothing here.
    return logit(np.clip(share, _SURE, 1 - _SURE))
