"""Tests of arms against levels: exact, and Cochran-Mantel-Haenszel over strata."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from openlupus.errors import StatisticsError
from openlupus.statistics.cmh import generalised_cmh
from openlupus.statistics.exact_table import exact_table
from openlupus.statistics.interval import Floats

Tested = tuple[Mapping[str, float | None], tuple[str, ...]]
"""Statistics by name, and warnings."""


def cmh_test(
    counts: Floats, *, association: str, scores: Sequence[float] = (), strata_needed: int = 1
) -> Tested:
    """A Cochran-Mantel-Haenszel test.

    Args:
        counts: Shape (arms, levels, strata).
        association: `general`, `row_means`, or `correlation`.
        scores: Of the levels; 1, 2, 3, ... when empty.
        strata_needed: Strata with at least two subjects below which there is no test.
    """
    none: dict[str, float | None] = dict.fromkeys(("statistic", "df", "p"))
    held = int((counts.sum(axis=(0, 1)) >= 2).sum())
    if held < strata_needed:
        return none, (f"{held} strata hold two subjects or more; the test needs {strata_needed}",)
    if min(counts.shape[:2]) < 2:
        return none, ("fewer than two arms or levels, so there is nothing to test",)
    kind = {"general": "general", "row_means": "row-means", "correlation": "correlation"}
    ordered = scores if scores and association != "general" else None
    try:
        found = generalised_cmh(
            counts, kind=kind[association], column_scores=ordered  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
    except StatisticsError as error:
        return none, (str(error),)
    if not found.df:
        return none, found.warnings
    values = {"statistic": found.statistic, "df": float(found.df), "p": found.p}
    return values, found.warnings


def exact_test(table: Sequence[Sequence[int]]) -> Tested:
    """Fisher's exact test of a table of any size."""
    found = exact_table(np.array(table))
    return {"p": None if np.isnan(found.p) else found.p}, found.warnings


def stratum_of(records: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Number of a record's combination of levels of some columns, from 0; null where one is
    missing. One stratum where there is no column."""
    if not columns:
        return pl.Series("_", [0] * records.height, dtype=pl.Int64)
    texts = [pl.col(c).cast(pl.String).replace("", None) for c in columns]
    joined = records.select(pl.concat_str(texts, separator="|").alias("_")).to_series()
    return (joined.rank("dense") - 1).cast(pl.Int64)


def cross(arm: pl.Series, level: pl.Series, stratum: pl.Series, shape: tuple[int, int]) -> Floats:
    """Counts of arms by levels by strata; records with a null are left out.

    Args:
        arm, level, stratum: Numbers from 0.
        shape: Number of arms and of levels.
    """
    known = arm.is_not_null() & level.is_not_null() & stratum.is_not_null()
    places = [series.filter(known).to_numpy() for series in (arm, level, stratum)]
    strata = int(places[2].max()) + 1 if places[2].size else 1
    counts = np.zeros((*shape, strata))
    np.add.at(counts, tuple(places), 1.0)
    return counts
