"""The search for stratum tables: what one start does.

It fixes the control's patients by stratum, draws splits of the control's responders, and lets each
arm in turn strike out the splits that it cannot be printed with. What is left is printed by all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from openlupus.twin.stratum_counts import (
    ArmSizes,
    Floats,
    Ints,
    Key,
    Printed,
    Row,
    Splits,
    StratumTables,
    Way,
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
_Way = Mapping[Key, tuple[Floats, Floats]]
"""Patients and responders of an arm by stratum, in some rows."""

_STEPS, _FRESH, _SETTLED, _ROOMY = 150, 30, 30, 90
"""Steps at most for the patients of an arm, those of them that are new draws, and steps at least of
the last arm, and of the others, which have to leave room for it."""
_SPLITS, _PAIRS, _PAIRS_UNWEIGHTED = 900, 600_000, 20_000
"""Splits of the control's responders, and pairs with an arm's splits; fewer where the weights of
the strata do not tell most pairs apart."""
_TIES = 128
"""Ways to place the responders that a row has beyond a conjunction, so few that all are tried."""
_CHOICES, _DRAWN, _WAYS = 200, 2, 60
"""Draws of tables from what is left, how many are wanted, and ways to split each arm's counts."""


@dataclass(frozen=True)
class _Group:
    """A row, and the rows that its responders meet too and that have few others."""

    rows: tuple[Row, ...]

    def more(self, arm: str) -> Ints:
        """Ways to place what the further rows have beyond the first, shape (ways, further rows,
        strata): in strata where somebody of the kind is expected, in any if that leaves none."""
        first, strata = self.rows[0], len(self.rows[0].rate[arm])
        each = [parts(row.responders[arm] - first.responders[arm], strata) for row in self.rows[1:]]
        ways = list(product(*each))
        every = np.array(ways, dtype=np.int64).reshape(len(ways), len(each), strata)
        had: Bools = ((every == 0) | (self._beyond(arm) > 0)).all(axis=(1, 2))
        return every[had] if had.any() else every

    def _beyond(self, arm: str) -> Floats:
        """Expected shares of what further rows have more, shape (further rows, strata)."""
        first, even = self.rows[0], np.ones(len(self.rows[0].rate[arm]))
        shares = [first.beyond.get(row.key, {}).get(arm, even) for row in self.rows[1:]]
        return np.array(shares).reshape(-1, len(even))

    def way(self, arm: str, splits: Splits, at: int, way: int) -> _Way:
        """Patients and responders of each row."""
        n, x = splits.of(np.array([at]))[0], splits.x[at]
        counts = [x, *(x + self.more(arm)[way])]
        return {row.key: (n, each) for row, each in zip(self.rows, counts, strict=True)}

    def printed(self, place: int, arm: str) -> Printed:
        return self.rows[place].printed.get(arm, (None, None))

    def log_prior(self, arm: str, splits: Splits) -> Floats:
        """Of each split with each way, shape (splits, ways)."""
        ways = log_multinomial(self.more(arm), self._beyond(arm)).sum(axis=-1)
        return log_binomial(splits.x, splits.n, self.rows[0].rate[arm])[:, None] + ways


@dataclass(frozen=True)
class _Own:
    """Splits of the control; `live` are those that every arm so far prints with; both it and the
    log probability have the shape (splits, ways)."""

    splits: Splits
    log_prior: Floats
    live: Bools


@dataclass(frozen=True)
class _Match:
    """Pairs that print all rows of a group.

    Attributes:
        pairs: Split and way of the arm, split and way of the control; shape (4, pairs).
        log_prior: Of the arm's split and way in each pair.
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
        """The log probabilities of all pairs together, and of the control's splits that are left,
        with which the next arms have to agree; without a pair, how near it was."""
        if not self.any:
            return -self.nearest
        pairs = np.logaddexp.reduce(self.log_prior + own.log_prior[*self.pairs[2:]])
        return float(pairs + np.logaddexp.reduce(own.log_prior[self.live(own)]))

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

    def run(self) -> tuple[list[Found], list[Comparison]]:
        """One start: tables, or else the comparisons that it failed at."""
        groups = self._groups()
        tests = [arm for arm in self.counts if arm != self.control]
        # The most printed, and of these the smallest, have the least choice.
        tests.sort(key=lambda a: (-sum(a in row.printed for row in self.rows), self.counts[a].n))
        patients = {self.control: self.counts[self.control].draw(self.rng)}
        silent = {self.control: self._silent(self.control, patients[self.control])}
        own = patients[self.control], silent[self.control]
        owns = [self._own(group, *own) for group in groups]
        matches: dict[str, dict[int, _Match]] = {}
        for arm in tests:
            here = [i for i, group in enumerate(groups) if arm in group.rows[0].of]
            # The fewest first: sizes that cannot print them are then told soon.
            here.sort(key=lambda i: owns[i].live.sum())
            enough = _SETTLED if arm == tests[-1] else _ROOMY
            patients[arm], silent[arm], found = self._arm(arm, groups, owns, here, enough)
            for i, match in found.items():
                if not match.any:
                    return [], [(groups[i].rows[match.unmet].key, arm)]
            matches[arm] = found
            owns = [
                replace(own, live=found[i].live(own)) if i in found else own
                for i, own in enumerate(owns)
            ]
        return self._chosen(groups, patients, silent, owns, matches)

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
        self,
        arm: str,
        groups: Sequence[_Group],
        owns: Sequence[_Own],
        here: Sequence[int],
        enough: int,
    ) -> tuple[Floats, Floats, dict[int, _Match]]:
        """Patients of an arm by stratum, in all and silent ones, that most groups are printed with,
        and most splits of the control: draws, then moves patients between strata while that helps,
        at least for `enough` steps.
        """
        none, counts = np.zeros(0), self.counts[arm]
        best = (-1, 0.0), none, none, dict[int, _Match]()
        for step in range(_STEPS):
            if step < _FRESH:
                sizes = counts.draw(self.rng)
            else:
                sizes = best[1]
                for _ in range(int(self.rng.integers(1, 3))):
                    sizes = counts.moved(sizes, self.rng)
            matches, score = dict[int, _Match](), float(log_multinomial(sizes, counts.shares))
            silent = self._silent(arm, sizes)
            for i in here:
                matches[i] = self._match(groups[i], arm, sizes, silent, owns[i])
                score += matches[i].score(owns[i])
                if not matches[i].any:
                    break
            rank = sum(match.any for match in matches.values()), score
            if rank > best[0]:
                best = rank, sizes, silent, matches
            if step >= enough and best[0][0] == len(here):
                break
        return best[1:]

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
        log_prior = group.log_prior(arm, test)[pairs[0], pairs[1]]
        return _Match(test, pairs, log_prior, unmet, nearest)

    def _chosen(
        self,
        groups: Sequence[_Group],
        patients: Mapping[str, Floats],
        silent: Mapping[str, Floats],
        owns: Sequence[_Own],
        matches: Mapping[str, Mapping[int, _Match]],
    ) -> tuple[list[Found], list[Comparison]]:
        """Tables of what is left, drawn by their probability, that hold the conjunctions."""
        found: list[Found] = []
        failed: list[Comparison] = []
        for _ in range(_CHOICES):
            ways: dict[str, list[tuple[_Way, ...]]] = {arm: [] for arm in patients}
            for i, (group, own) in enumerate(zip(groups, owns, strict=True)):
                here = {arm: found[i] for arm, found in matches.items() if i in found}
                for arm, of_group in self._drawn_group(group, own, here):
                    ways[arm].append(tuple(of_group))
            drawn = {arm: _merged(each[0] for each in of_arm) for arm, of_arm in ways.items()}
            if broken := self._broken(drawn, silent):
                failed = broken
                continue
            found.append(self._found(patients, drawn, ways))
            if len(found) == _DRAWN:
                break
        return found, failed

    def _found(
        self,
        patients: Mapping[str, Floats],
        drawn: Mapping[str, _Way],
        ways: Mapping[str, Sequence[Sequence[_Way]]],
    ) -> Found:
        log_prior = sum(
            float(log_multinomial(sizes, self.counts[arm].shares))
            for arm, sizes in patients.items()
        ) + sum(
            float(log_binomial(x, n, row.rate[arm]))
            for arm, own in drawn.items()
            for row in self.rows
            if row.key in own
            for n, x in [own[row.key]]
        )
        rows = [row.key for row in self.rows]
        of, x = (
            {key: {arm: whole(own[key][i]) for arm, own in drawn.items() if key in own}
             for key in rows}
            for i in (0, 1)
        )  # fmt: skip
        sizes = {arm: whole(patients[arm]) for arm in self.counts}
        told = {
            arm: tuple(tuple(map(_told, own)) for own in groups) for arm, groups in ways.items()
        }
        return Found(StratumTables(sizes, of, x, told), log_prior)

    def _drawn_group(
        self, group: _Group, own: _Own, matches: Mapping[str, _Match]
    ) -> Iterator[tuple[str, list[_Way]]]:
        """A draw of each arm's patients and responders by stratum, in the rows of a group, and of
        other ways for the arms."""
        score = np.where(own.live, own.log_prior, -np.inf)
        drawn: dict[str, tuple[_Match, Floats]] = {}
        for arm, match in matches.items():
            each = match.log_prior + self.rng.gumbel(size=len(match.log_prior))
            best = np.full(own.live.shape, -np.inf)
            np.maximum.at(best, (match.pairs[2], match.pairs[3]), each)
            score, drawn[arm] = score + best, (match, each)
        score = score + self.rng.gumbel(size=score.shape)
        at, its = np.unravel_index(int(np.argmax(score)), score.shape)
        yield self.control, [group.way(self.control, own.splits, int(at), int(its))]
        for arm, (match, each) in drawn.items():
            fits = np.flatnonzero((match.pairs[2] == at) & (match.pairs[3] == its))
            first = fits[np.argsort(-each[fits])][:_WAYS]
            pairs = match.pairs[:2, first].T.tolist()
            yield arm, [group.way(arm, match.test, i, way) for i, way in pairs]

    def _broken(self, drawn: Mapping[str, _Way], silent: Mapping[str, Floats]) -> list[Comparison]:
        """Conjunctions that cannot be: a responder meets each outer row, and who meets all of them
        is a responder."""
        found: list[Comparison] = []
        for key, outers in self.conjunction.items():
            row = next((row for row in self.rows if row.key == key), None)
            for arm, own in drawn.items():
                if row is None or key not in own:
                    continue
                n, inner = own[key]
                if (row.eligible[arm] == 1).all():
                    n = n - silent[arm]
                outer = [own[each][1] for each in outers if each in own]
                fails = np.sum([n - each for each in outer], axis=0)
                beyond = any((inner > each).any() for each in outer)
                if beyond or (len(outer) == len(outers) and (inner + fails < n).any()):
                    found.append((key, arm))
        return found


def _merged(ways: Iterable[_Way]) -> _Way:
    return {key: counts for way in ways for key, counts in way.items()}


def _told(way: _Way) -> Way:
    return {key: (whole(n), whole(x)) for key, (n, x) in way.items()}
