"""Which printed cells can hold together; what is given up of those that cannot, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from openlupus.audit import Published
from openlupus.display.printed_cells import Place
from openlupus.twin.conflict import in_words, relaxed
from openlupus.twin.pool import Pool
from openlupus.twin.targets import BUNDLES, RARER, Target


@dataclass(frozen=True)
class Conflict:
    """Cells that cannot hold together, and the one of them that is given up.

    Attributes:
        why: In words.
    """

    cells: tuple[Place, ...]
    dropped: Place
    why: str


@dataclass(frozen=True)
class Possible:
    """The targets that can hold together, and the conflicts of the others."""

    targets: tuple[Target, ...]
    conflicts: tuple[Conflict, ...]


def possible(
    pool: Pool, published: Published, asked: Sequence[Target], sizes: Mapping[str, int]
) -> Possible:
    """Drop a cell of each conflict: within an arm, then between the arms and their total.

    Args:
        sizes: Arm to how many are randomised.
    """
    common = [t for t in asked if t.part != RARER]
    conflicts = [
        conflict
        for arm, size in sizes.items()
        for bundle in BUNDLES
        for conflict in _within(
            pool, published,
            [t for t in common if t.group == arm and t.bundles == frozenset({bundle})], arm, size,
        )
    ]  # fmt: skip
    gone = {conflict.dropped for conflict in conflicts}
    left = [t for t in asked if t.place not in gone]
    conflicts += _between(pool, published, left)
    gone = {conflict.dropped for conflict in conflicts}
    return Possible(tuple(t for t in left if t.place not in gone), tuple(conflicts))


def _within(
    pool: Pool, published: Published, asked: Sequence[Target], arm: str, size: int
) -> Iterator[Conflict]:
    if not asked:
        return
    weights = [t.weight[pool.arm == arm] if t.anywhere is None else t.anywhere for t in asked]
    cells = list(dict.fromkeys(t.place for t in asked))
    found = relaxed(
        np.array(weights),
        np.array([t.low for t in asked]),
        np.array([t.high for t in asked]),
        size,
        groups=[cells.index(t.place) for t in asked],
        nodes=0,
    )
    for conflict, dropped in found.dropped:
        places = tuple(cells[i] for i in conflict)
        yield Conflict(places, cells[dropped], in_words([_told(published, p) for p in places]))


def _between(pool: Pool, published: Published, asked: Sequence[Target]) -> Iterator[Conflict]:
    """Totals that are not the sum of their arms."""
    own = {(t.place[0], t.place[1], t.part, t.group): t for t in asked if t.whole}
    for target in own.values():
        group = pool.protocol.groups.get(target.group)
        if group is None:
            continue
        keys = [(target.place[0], target.place[1], target.part, arm) for arm in group.arms]
        if not all(key in own for key in keys):
            continue
        arms = [own[key] for key in keys]
        low, high = sum(t.low for t in arms), sum(t.high for t in arms)
        if low > target.high or high < target.low:
            places = (*(t.place for t in arms), target.place)
            why = in_words([_told(published, place) for place in places])
            yield Conflict(places, target.place, why)


def _told(published: Published, place: Place) -> tuple[str, str, str, str]:
    """Title of the table, row, label of the column, and text of a cell."""
    table, row, column = place
    cell = published.cell(*place)
    label = published.columns[column].label if column in published.columns else column
    return published.title(table), row, label, cell.text if cell else "not printed"
