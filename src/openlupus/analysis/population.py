"""The built-in analysis `population`: how many subjects each population has in each group."""

from collections.abc import Mapping

import polars as pl

from openlupus.analysis.pointers import conjunction, written
from openlupus.analysis.select import ARM, arm_column
from openlupus.protocol.base import Test
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow, pointer

POPULATION = "population"


def population_rows(protocol: Protocol, subjects: Mapping[str, pl.DataFrame]) -> list[ResultRow]:
    """N of every population, over all (group "") and in every arm and group.

    Args:
        protocol: The declaration.
        subjects: Population to its subjects, as `select.members` gives them.
    """
    return [
        _row(protocol, population, group, frame)
        for population, frame in subjects.items()
        for group in ("", *protocol.arms, *protocol.groups)
    ]


def _row(protocol: Protocol, population: str, group: str, frame: pl.DataFrame) -> ResultRow:
    where = protocol.populations[population].where
    warnings = "; ".join(_without_arm(protocol, frame)) if not group else ""
    if group:
        codes = protocol.codes(group)
        frame = frame.filter(pl.col(ARM).is_in(list(codes)))
        where = conjunction(where, {arm_column(protocol, population): Test(one_of=codes)})
    return ResultRow(
        analysis=POPULATION,
        method="count",
        population=population,
        group=group,
        statistic="N",
        value=float(frame.height),
        n=frame.height,
        warnings=warnings,
        source=pointer("ADSL", written(where)),
    )


def _without_arm(protocol: Protocol, frame: pl.DataFrame) -> list[str]:
    """What to say of subjects who are in no declared arm."""
    declared = {arm.code for arm in protocol.arms.values()}
    found = frame.group_by(pl.col(ARM).fill_null("")).len().sort(ARM)
    said: list[str] = []
    for code, count in found.iter_rows():
        if code == "":
            said.append(f"{count} subject(s) have no arm")
        elif code not in declared:
            said.append(f"{count} subject(s) have the arm code {code}, which no arm declares")
    return said
