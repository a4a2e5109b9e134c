"""Re-randomisation test of responders: the allocation seen, among those that could have been."""

import numpy as np
import polars as pl

from openlupus.analysis.notes.endpoint import (
    MISSING,
    composite_in_words,
    events_in_words,
    strata_in_words,
    when_in_words,
)
from openlupus.analysis.notes.words import records_in_words
from openlupus.analysis.select import ARM, SUBJECT
from openlupus.analysis.strata import stratum_number
from openlupus.analysis.verdicts import STRATUM, WITH_VERDICT, Verdicts, read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.methods import Rerandomised
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.rerandomisation import rerandomisation_test

_PLACE = "_place"


def rerandomised_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """P of each comparison, and the sum of centred responses of the test arm (`statistic`).

    Raises:
        AnalysisError: ADSL lacks the order of randomisation, or groups of several arms are
            compared.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Rerandomised)
    read = read_verdicts(name, protocol, data, subjects)
    pairs = read.scope.analysis.compare.all
    if pooled := [g for pair in pairs for g in pair if g not in protocol.arms]:
        raise AnalysisError(
            f"analysis {name}: arms are randomised, and {', '.join(pooled)} is a group of several"
        )
    places, said = _places(name, protocol, data, method)
    verdicts = read.known.join(places, on=SUBJECT, how="left", maintain_order="left")
    rows: list[ResultRow] = []
    for pair, generator in zip(
        pairs, np.random.default_rng(method.seed).spawn(len(pairs)), strict=True
    ):
        rows += _tested(read, method, pair, verdicts, generator, said)
    return rows


def _places(
    name: str, protocol: Protocol, data: AnalysisData, method: Rerandomised
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """USUBJID and the block (or stratum) in which the randomised may change places."""
    adsl, code = data.frame("ADSL"), protocol.data.planned
    needed = [method.order] if method.block else []
    if absent := [column for column in needed if column not in adsl.columns]:
        raise AnalysisError(f"analysis {name}: ADSL lacks the column {', '.join(absent)}")
    codes = [arm.code for arm in protocol.arms.values()]
    listed = adsl.filter(pl.col(code).is_in(codes)).with_columns(
        stratum_number(protocol, method).alias(STRATUM)
    )
    listed = listed.sort(STRATUM, *needed, SUBJECT, nulls_last=True)
    block = pl.int_range(pl.len()).over(STRATUM) // max(method.block, 1)
    placed = listed.with_columns(BLOCK=block if method.block else pl.lit(0, pl.Int64)).with_columns(
        pl.struct(STRATUM, "BLOCK").rank("dense").alias(_PLACE)
    )
    said: tuple[str, ...] = ()
    if method.block:
        said = _misfits(protocol, placed, code, method.block)
    return placed.filter(pl.col(STRATUM).is_not_null()).select(SUBJECT, _PLACE), said


def _misfits(protocol: Protocol, placed: pl.DataFrame, code: str, size: int) -> tuple[str, ...]:
    """Say how many full blocks do not hold the arms in their declared ratio."""
    ratio = {arm.code: arm.ratio for arm in protocol.arms.values()}
    times = size / sum(ratio.values())
    wrong = (
        placed.group_by(_PLACE)
        .agg(pl.len(), *[(pl.col(code) == c).sum().alias(f"_{c}") for c in ratio])
        .filter(pl.col("len") == size)
        .filter(pl.any_horizontal([pl.col(f"_{c}") != r * times for c, r in ratio.items()]))
        .height
    )
    if not wrong:
        return ()
    return (f"{wrong} full block(s) of {size} do not hold the arms in their ratio",)


def _tested(
    read: Verdicts,
    method: Rerandomised,
    pair: tuple[str, str],
    verdicts: pl.DataFrame,
    generator: np.random.Generator,
    said: tuple[str, ...],
) -> list[ResultRow]:
    codes = [read.scope.protocol.arms[arm].code for arm in pair]
    both = verdicts.filter(pl.col(ARM).is_in(codes))
    placed = both.drop_nulls(_PLACE)
    if placed.height < both.height:
        left = both.height - placed.height
        said = (*said, f"{left} subject(s) with a missing or undeclared stratum are left out")
    values: dict[str, float | None] = {"statistic": None, "p": None}
    try:
        found = rerandomisation_test(
            placed["AVAL"].to_numpy(), (placed[ARM] == codes[0]).cast(pl.Int8).to_numpy(),
            placed[_PLACE].to_numpy(), generator=generator, draws=method.draws,
        )  # fmt: skip
        values, said = {"statistic": found.statistic, "p": found.p}, (*said, *found.warnings)
    except StatisticsError as error:
        said = (*said, str(error))
    return read.scope.rows(
        values, method="rerandomisation", parameter=read.endpoint.parameter, group=pair[0],
        comparator=pair[1], n=placed.height, source=read.scope.source(pair, WITH_VERDICT),
        warnings=said,
    )  # fmt: skip


def rerandomised_told(protocol: Protocol, analysis: Analysis, method: Rerandomised) -> list[str]:
    endpoint = protocol.endpoints[analysis.endpoint]
    of = records_in_words(protocol, analysis, "ADRESP")
    where = "within the strata"
    if method.block:
        where = (
            f"within blocks of {method.block} places (all arms together), filled in the order of"
            f" {method.order} (ties by USUBJID) within the strata"
        )
    return [
        f"Responders of {endpoint.label} (PARAMCD {endpoint.parameter}, {of}).",
        *composite_in_words(protocol, endpoint),
        *when_in_words(protocol, analysis),
        *events_in_words(protocol, endpoint),
        f"Counts: {MISSING[endpoint.missing]}.",
        strata_in_words(protocol, method),
        (
            f"P, for each comparison: the two arms change places {where}, those of other arms stay;"
            f" {method.draws} allocations are drawn (seed {method.seed}). P is the share, the"
            " observed one counted, whose sum of responses of the test arm, centred by block or"
            " stratum, is at least as far from 0; two-sided. Its Monte Carlo error is the root of"
            " P (1 - P) over the draws."
        ),
    ]
