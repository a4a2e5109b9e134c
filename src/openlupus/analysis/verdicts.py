"""Verdicts of an end point at a visit, and the tables of two groups that they make."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from openlupus.analysis.select import Scope, one_record_each, scope
from openlupus.analysis.strata import strata_columns, stratum_number
from openlupus.analysis.summary import as_numbers
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError
from openlupus.protocol.base import Test, Where
from openlupus.protocol.methods import OfEndpoint
from openlupus.protocol.model import Endpoint, Protocol
from openlupus.statistics.interval import Floats

DATASET = "ADRESP"
STRATUM = "_stratum"
"""Column with the number of a subject's combination of strata."""
WITH_VERDICT: Where = {"AVAL": Test(is_missing=False)}
RESPONDING: Where = {"AVAL": Test(equals=1)}


@dataclass(frozen=True, eq=False)
class Verdicts:
    """An analysis of an end point, and what it sees.

    Attributes:
        scope: The analysis; its records are those of the end point at the visit.
        endpoint: The end point.
        every: One row a subject with a record, by subject: AVAL (NaN where there is no verdict),
            the arm, the stratum, and the columns that were asked for.
    """

    scope: Scope
    endpoint: Endpoint
    every: pl.DataFrame

    @property
    def known(self) -> pl.DataFrame:
        """The rows with a verdict."""
        return self.every.filter(pl.col("AVAL").is_not_nan())


def read_verdicts(
    name: str,
    protocol: Protocol,
    data: AnalysisData,
    subjects: pl.DataFrame,
    *,
    columns: Iterable[str] = (),
) -> Verdicts:
    """The verdicts of a declared analysis of an end point.

    Raises:
        AnalysisError: a column is absent, a subject has two verdicts at the visit, or AVAL is
            something else than 1, 0 and missing.
    """
    analysis = protocol.analyses[name]
    method = analysis.method
    assert isinstance(method, OfEndpoint)
    endpoint = protocol.endpoints[analysis.endpoint]
    wanted = ("AVAL", *strata_columns(protocol, method), *columns)
    own: Where = {"PARAMCD": Test(equals=endpoint.parameter)}
    seen = scope(name, protocol, data, subjects, columns=wanted, further=own, dataset=DATASET)
    one_record_each(seen)
    aval = as_numbers(seen, seen.records["AVAL"])
    other = ~(np.isnan(aval) | np.isin(aval, (0, 1)))
    if other.any():
        raise AnalysisError(
            f"analysis {seen.name}: AVAL of {seen.dataset} is {aval[other][0]:g} in"
            f" {int(other.sum())} record(s); a verdict is 1, 0 or missing"
        )
    every = seen.records.with_columns(
        pl.Series("AVAL", aval), stratum_number(protocol, method).alias(STRATUM)
    )
    return Verdicts(seen, endpoint, every)


@dataclass(frozen=True, eq=False)
class Tables:
    """Verdicts of two groups, test in row 0.

    Attributes:
        responders, n: Counts by stratum, shape (2, strata).
        crude, crude_n: Counts of all verdicts, shape (2, 1).
        said: Warnings on subjects who are in no stratum.
    """

    responders: Floats
    n: Floats
    crude: Floats
    crude_n: Floats
    said: tuple[str, ...]


def tables(test: pl.DataFrame, control: pl.DataFrame, *, strata: int) -> Tables:
    """Count the verdicts (AVAL) of two groups by stratum."""
    responders, n = np.zeros((2, strata)), np.zeros((2, strata))
    crude, crude_n, unplaced = np.zeros((2, 1)), np.zeros((2, 1)), 0
    for row, frame in enumerate((test, control)):
        placed = frame.drop_nulls(STRATUM)
        number = placed[STRATUM].to_numpy()
        n[row] = np.bincount(number, minlength=strata)
        responders[row] = np.bincount(number, weights=placed["AVAL"].to_numpy(), minlength=strata)
        crude[row], crude_n[row] = frame["AVAL"].sum(), frame.height
        unplaced += frame.height - placed.height
    said = f"{unplaced} subject(s) with a missing or undeclared stratum are left out"
    return Tables(responders, n, crude, crude_n, (said,) if unplaced else ())
