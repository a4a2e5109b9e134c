"""The search for stratum tables: what one start does.

It fixes the control's patients by stratum, draws splits of the control's responders, and lets each
arm in turn strike out the splits that it cannot be printed with. What is left is printed by all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from openlupus.twin.stratum_counts import (
    ArmSizes,
    Counts,
    Floats,
    Ints,
    Key,
    Printed,
    Row,
    Splits,
    StratumTables,
    draw_row,
    how_many_parts,
    log_binomial,
    log_multinomial,
    parts,
    whole,
)
from openlupus.twin.stratum_prints import Bools, Printer

Comparison = tuple[Key, str]
"""A row and a test arm."""
_Counts = Mapping[Key, Mapping[str, Floats]]

_STEPS, _FRESH, _SETTLED = 150, 30, 30
_SPLITS, _PAIRS, _PAIRS_UNWEIGHTED = 900, 600_000, 20_000
"""Splits of the control's responders, and pairs with an arm's splits; fewer where the weights of
the strata do not tell most pairs apart."""
_TIES = 128
"""Ways to place the responders that a row has beyond a conjunction, so few that all are tried."""
_CHOICES = 200


@dataclass(frozen=True)
class _Group:
    """A row, and the rows that its responders meet too and that have few others."""

    rows: tuple[Row, ...]

    def more(self, arm: str) -> Ints:
        """All ways to place what the further rows have beyond the first, shape (ways, further
        rows, strata)."""
        first, strata = self.rows[0].responders[arm], len(self.rows[0].rate[arm])
        each = [parts(row.responders[arm] - first, strata) for row in self.rows[1:]]
        ways = list(product(*each))
        return np.array(ways, dtype=np.int64).reshape(len(ways), len(each), strata)

    def responders(self, arm: str, split: Floats, way: int) -> list[Floats]:
        return [split, *(split + self.more(arm)[way])]

    def printed(self, place: int, arm: str) -> Printed:
        return self.rows[place].printed.get(arm, (None, None))

    def log_prior(self, arm: str, splits: Splits) -> Floats:
        return log_binomial(splits.x, splits.n, self.rows[0].rate[arm])


@dataclass(frozen=True)
class _Own:
    """Splits of the control; `live` are those that every arm so far prints with, shape (splits,
    ways)."""

    splits: Splits
    log_prior: Floats
    live: Bools


@dataclass(frozen=True)
class _Match:
    """Pairs that print all rows of a group.

    Attributes:
        pairs: Split and way of the arm, split and way of the control; shape (4, pairs).
        log_prior: Of the arm's split in each pair.
        unmet: The place of the first row that no pair prints.
        nearest: How far the first row is from its print, percentage points.
    """

    test: Splits
    pairs: Ints
    log_prior: Floats
    unmet: int
    nearest: float

    @property
    def any(self) -> bool:
        return self.pairs.shape[1] > 0

    def score(self, own: _Own) -> float:
        """The log probability of all pairs together; without a pair, how near it was."""
        if not self.any:
            return -self.nearest
        return float(np.logaddexp.reduce(self.log_prior + own.log_prior[self.pairs[2]]))

    def live(self, own: _Own) -> Bools:
        found = np.zeros_like(own.live)
        found[self.pairs[2], self.pairs[3]] = True
        return found


@dataclass(frozen=True)
class Found:
    """Tables that print all, and their log probability up to a constant."""

    tables: StratumTables
    log_prior: float


@dataclass(frozen=True)
class Search:
    """What is printed, and what is expected.

    Attributes:
        conjunction: Row to the rows that its responders meet all at once.
    """

    rows: Sequence[Row]
    control: str
    counts: Mapping[str, ArmSizes]
    by: Printer
    conjunction: Mapping[Key, Sequence[Key]]
    rng: np.random.Generator

    def printed(self, key: Key) -> Mapping[str, Printed]:
        return next(row.printed for row in self.rows if row.key == key)

    def run(self) -> Found | list[Comparison]:
        """One start: the tables, or the comparisons that it failed at."""
        groups = self._groups()
        tests = [arm for arm in self.counts if arm != self.control]
        tests.sort(key=lambda arm: -sum(arm in row.printed for row in self.rows))
        patients = {self.control: self.counts[self.control].draw(self.rng)}
        silent = self._silent(self.control, patients[self.control])
        owns = [self._own(group, patients[self.control], silent) for group in groups]
        matches: dict[str, dict[int, _Match]] = {}
        for arm in tests:
            here = [i for i, group in enumerate(groups) if arm in group.rows[0].of]
            # The fewest first: sizes that cannot print them are then told soon.
            here.sort(key=lambda i: owns[i].live.sum())
            patients[arm], found = self._arm(arm, groups, owns, here)
            for i, match in found.items():
                if not match.any:
                    return [(groups[i].rows[match.unmet].key, arm)]
            matches[arm] = found
            owns = [
                replace(own, live=found[i].live(own)) if i in found else own
                for i, own in enumerate(owns)
            ]
        return self._chosen(groups, patients, owns, matches)

    def _groups(self) -> list[_Group]:
        """Rows, each together with its near outer rows."""
        named, taken, groups = {row.key: row for row in self.rows}, set[Key](), list[_Group]()
        for key, outers in self.conjunction.items():
            group = [named[key]] if key in named and key not in taken else []
            for outer in (named[each] for each in outers if group and each in named):
                wider = _Group((*group, outer))
                if outer.key not in taken and self._few(wider):
                    group.append(outer)
            taken.update(row.key for row in group)
            if group:
                groups.append(_Group(tuple(group)))
        return groups + [_Group((row,)) for row in self.rows if row.key not in taken]

    def _few(self, group: _Group) -> bool:
        """Whether all ways to place the further responders can be tried."""
        first = group.rows[0]
        strata = len(self.counts[self.control].shares)
        beyond = {
            arm: [row.responders[arm] - first.responders[arm] for row in group.rows[1:]]
            for arm in first.of
        }
        if any(row.of != first.of for row in group.rows) or min(map(min, beyond.values())) < 0:
            return False
        ways = {
            arm: np.prod([how_many_parts(n, strata) for n in more]) for arm, more in beyond.items()
        }
        return all(ways[arm] * ways[self.control] <= _TIES for arm in ways if arm != self.control)

    def _silent(self, arm: str, sizes: Floats) -> Floats:
        return self.counts[arm].draw_silent(sizes, self.rng)

    def _own(self, group: _Group, sizes: Floats, silent: Floats) -> _Own:
        most = _SPLITS if self.by.weighted else round(_PAIRS_UNWEIGHTED**0.5)
        splits = draw_row(group.rows[0], self.control, sizes, silent, self.rng, most=most)
        x = splits.x[:, None, None] + group.more(self.control)
        live: Bools = np.all(x <= splits.n[:, None, None], axis=(2, 3))
        return _Own(splits, group.log_prior(self.control, splits), live)

    def _arm(
        self, arm: str, groups: Sequence[_Group], owns: Sequence[_Own], here: Sequence[int]
    ) -> tuple[Floats, dict[int, _Match]]:
        """Patients of an arm by stratum that most groups are printed with, and most splits of the
        control: draws, then moves patients between strata while that helps."""
        best, counts = ((-1, 0.0), np.zeros(0), dict[int, _Match]()), self.counts[arm]
        for step in range(_STEPS):
            if step < _FRESH:
                sizes = counts.draw(self.rng)
            else:
                sizes = best[1]
                for _ in range(int(self.rng.integers(1, 3))):
                    sizes = counts.moved(sizes, self.rng)
            matches, score = dict[int, _Match](), log_multinomial(sizes, counts.shares)
            silent = self._silent(arm, sizes)
            for i in here:
                matches[i] = self._match(groups[i], arm, sizes, silent, owns[i])
                score += matches[i].score(owns[i])
                if not matches[i].any:
                    break
            rank = sum(match.any for match in matches.values()), score
            if rank > best[0]:
                best = rank, sizes, matches
            if step >= _SETTLED and best[0][0] == len(here):
                break
        return best[1], best[2]

    def _match(self, group: _Group, arm: str, sizes: Floats, silent: Floats, own: _Own) -> _Match:
        some = np.flatnonzero(own.live.any(axis=1))
        n = own.splits.n
        control = Splits(own.splits.x[some], n if len(n) == 1 else n[some])
        most = (_PAIRS if self.by.weighted else _PAIRS_UNWEIGHTED) // max(len(some), 1)
        test = draw_row(group.rows[0], arm, sizes, silent, self.rng, most=most)
        i, j, nearest = self.by.pairs(group.printed(0, arm), test, control, self.rng)
        more, other = group.more(arm), group.more(self.control)
        pair, way, its = (
            each.ravel() for each in np.indices((len(i), len(more), len(other)), dtype=np.int64)
        )
        pairs = np.stack([i[pair], way, some[j[pair]], its])
        pairs = pairs[:, own.live[pairs[2], pairs[3]]]
        unmet = 0
        for place in range(1, len(group.rows)):
            if not pairs.shape[1]:
                break
            a, way, b, its = pairs
            x = [test.x[a] + more[way, place - 1], own.splits.x[b] + other[its, place - 1]]
            both, n = np.stack(x, axis=1), np.stack([test.of(a), own.splits.of(b)], axis=1)
            held: Bools = np.all(both <= n, axis=(1, 2))
            held[held] = self.by.prints(group.printed(place, arm), both[held], n[held])
            pairs, unmet = pairs[:, held], place
        log_prior = group.log_prior(arm, test)[pairs[0]]
        return _Match(test, pairs, log_prior, unmet, nearest)

    def _chosen(
        self,
        groups: Sequence[_Group],
        patients: Mapping[str, Floats],
        owns: Sequence[_Own],
        matches: Mapping[str, Mapping[int, _Match]],
    ) -> Found | list[Comparison]:
        """Tables of what is left, drawn by their probability, that hold the conjunctions."""
        failed: list[Comparison] = []
        for _ in range(_CHOICES):
            of: dict[Key, dict[str, Floats]] = {}
            x: dict[Key, dict[str, Floats]] = {}
            for i, (group, own) in enumerate(zip(groups, owns, strict=True)):
                here = {arm: found[i] for arm, found in matches.items() if i in found}
                for arm, n, responders in self._drawn_group(group, own, here):
                    for row, count in zip(group.rows, responders, strict=True):
                        of.setdefault(row.key, {})[arm] = n
                        x.setdefault(row.key, {})[arm] = count
            failed = self._broken(of, x)
            if not failed:
                return self._found(patients, of, x)
        return failed

    def _found(self, patients: Mapping[str, Floats], of: _Counts, x: _Counts) -> Found:
        log_prior = sum(
            log_multinomial(sizes, self.counts[arm].shares) for arm, sizes in patients.items()
        ) + sum(
            float(log_binomial(x[row.key][arm], n, row.rate[arm]))
            for row in self.rows
            for arm, n in of[row.key].items()
        )
        sizes = {arm: whole(patients[arm]) for arm in self.counts}
        return Found(StratumTables(sizes, _whole(of), _whole(x)), log_prior)

    def _drawn_group(
        self, group: _Group, own: _Own, matches: Mapping[str, _Match]
    ) -> Iterator[tuple[str, Floats, list[Floats]]]:
        """Each arm's patients and responders by stratum, in the rows of a group."""
        score = np.where(own.live, own.log_prior[:, None], -np.inf)
        drawn: dict[str, tuple[_Match, Floats]] = {}
        for arm, match in matches.items():
            each = match.log_prior + self.rng.gumbel(size=len(match.log_prior))
            best = np.full(own.live.shape, -np.inf)
            np.maximum.at(best, (match.pairs[2], match.pairs[3]), each)
            score, drawn[arm] = score + best, (match, each)
        score = score + self.rng.gumbel(size=score.shape)
        at, its = np.unravel_index(int(np.argmax(score)), score.shape)
        splits = own.splits
        which = np.array([at])
        yield (
            self.control, splits.of(which)[0],
            group.responders(self.control, splits.x[at], int(its)),
        )  # fmt: skip
        for arm, (match, each) in drawn.items():
            fits = (match.pairs[2] == at) & (match.pairs[3] == its)
            i, way = match.pairs[:2, int(np.argmax(np.where(fits, each, -np.inf)))]
            yield (
                arm, match.test.of(np.array([i]))[0],
                group.responders(arm, match.test.x[i], int(way)),
            )  # fmt: skip

    def _broken(self, of: _Counts, x: _Counts) -> list[Comparison]:
        """Conjunctions that cannot be: a responder meets each outer row, and who meets all of them
        is a responder."""
        found: list[Comparison] = []
        for key, outers in self.conjunction.items():
            for arm, inner in x.get(key, {}).items():
                n = of[key][arm]
                outer = [x[each][arm] for each in outers if arm in x.get(each, {})]
                fails = np.sum([n - each for each in outer], axis=0)
                beyond = any((inner > each).any() for each in outer)
                if beyond or (len(outer) == len(outers) and (inner + fails < n).any()):
                    found.append((key, arm))
        return found


def _whole(counts: _Counts) -> dict[Key, dict[str, Counts]]:
    return {key: {arm: whole(n) for arm, n in each.items()} for key, each in counts.items()}
