"""Faults such as real data have, at the model's rates, so that the edit checks have findings.

Visits outside their window, items lost, and wrong strata are made where the data arise; here are
those of finished tables.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from openlupus.instruments import pga
from openlupus.simulation.parameters.conduct import Faults
from openlupus.simulation.streams import Streams

DUPLICATED = ("LB", "VS", "RS")
BEYOND = str(pga.HIGH + 1)


def spoil(
    tables: Mapping[str, pl.DataFrame], faults: Faults, streams: Streams
) -> dict[str, pl.DataFrame]:
    """The tables with records twice, values off their scale, and ends before their start."""
    spoilt, rng = dict(tables), streams.rng("faults")
    for domain in DUPLICATED:
        spoilt[domain] = _twice(spoilt[domain], faults.duplicate / len(DUPLICATED), rng)
    spoilt["RS"] = _off_scale(spoilt["RS"], faults.out_of_range, rng)
    for domain in ("AE", "CM"):
        spoilt[domain] = _reversed(spoilt[domain], domain, faults.end_before_start, rng)
    return spoilt


def _twice(table: pl.DataFrame, rate: float, rng: np.random.Generator) -> pl.DataFrame:
    """As many records as subjects times the rate are there twice."""
    copies = np.ones(len(table), np.int64)
    number = rng.binomial(table["USUBJID"].n_unique(), rate)
    copies[rng.choice(len(table), number)] = 2
    return table[np.repeat(np.arange(len(table)), copies)] if number else table


def _off_scale(table: pl.DataFrame, rate: float, rng: np.random.Generator) -> pl.DataFrame:
    """A global assessment above the end of its scale."""
    found = np.flatnonzero((table["RSTESTCD"] == pga.CODE).to_numpy())
    chosen = found[rng.random(len(found)) < rate]
    beyond = np.zeros(len(table), np.bool_)
    beyond[chosen] = True
    off = pl.Series(beyond)
    return table.with_columns(
        RSSTRESC=pl.when(off).then(pl.lit(BEYOND)).otherwise("RSSTRESC"),
        RSSTRESN=pl.when(off).then(pl.lit(float(BEYOND))).otherwise("RSSTRESN"),
    )


def _reversed(
    table: pl.DataFrame, domain: str, rate: float, rng: np.random.Generator
) -> pl.DataFrame:
    """Start and end exchanged, where both are full dates and differ."""
    start, end = pl.col(f"{domain}STDTC"), pl.col(f"{domain}ENDTC")
    chosen = pl.Series(rng.random(len(table)) < rate)
    swap = chosen & (start.str.len_chars() == 10) & (start < end)
    return table.with_columns(
        pl.when(swap).then(end).otherwise(start).alias(f"{domain}STDTC"),
        pl.when(swap).then(start).otherwise(end).alias(f"{domain}ENDTC"),
    )
