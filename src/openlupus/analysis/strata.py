"""The stratum of each subject in an analysis, as one number."""

import math

import polars as pl

from openlupus.protocol.methods import OfEndpoint
from openlupus.protocol.model import Protocol


def strata_columns(protocol: Protocol, method: OfEndpoint) -> tuple[str, ...]:
    """ADSL variables with the level id of each stratum of the analysis."""
    end = "R" if method.strata_as == "randomised" else "V"
    order = list(protocol.strata)
    return tuple(f"STRAT{order.index(stratum) + 1}{end}" for stratum in method.strata)


def combinations(protocol: Protocol, method: OfEndpoint) -> int:
    """How many strata the levels make together."""
    return math.prod(len(protocol.strata[stratum].levels) for stratum in method.strata)


def stratum_number(protocol: Protocol, method: OfEndpoint) -> pl.Expr:
    """Number of a subject's combination of levels, the last factor running fastest; null where
    a level is missing or not declared."""
    number: pl.Expr = pl.lit(0, dtype=pl.Int64)
    for stratum, column in zip(method.strata, strata_columns(protocol, method), strict=True):
        places = {level.id: i for i, level in enumerate(protocol.strata[stratum].levels)}
        text = pl.col(column).cast(pl.String)
        place = text.replace_strict(places, default=None, return_dtype=pl.Int64)
        number = number * len(places) + place
    return number
