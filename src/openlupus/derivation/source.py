"""Rows of the records that a declaration asks for by condition."""

from collections.abc import Mapping, Sequence

import polars as pl

from openlupus.errors import DerivationError
from openlupus.protocol.base import Test
from openlupus.protocol.conditions import expression
from openlupus.records import Records
from openlupus.records import domain as table_of


def matching(
    records: Records,
    domain: str,
    where: Mapping[str, Test],
    columns: Sequence[str],
    asked: str,
) -> pl.DataFrame:
    """The rows of a domain that meet a condition, in the order of their keys.

    A domain that was not given has no rows: SDTM submits none that is empty.

    Args:
        records: Where to look.
        domain: Name of the domain.
        where: The condition.
        columns: What the caller reads besides; refused where the domain lacks it.
        asked: Who asks, for the message (`variable "ANAFL"`).

    Raises:
        DerivationError: the domain has no such column, or a bound is asked of text.
    """
    if not records.has(domain):
        return pl.DataFrame(schema=dict.fromkeys(["USUBJID", *where, *columns], pl.String))
    frame = records.domain(domain)
    schema = dict(frame.collect_schema())
    absent = [column for column in (*where, *columns) if column not in schema]
    if absent:
        raise DerivationError(
            f"{asked} needs {', '.join(absent)} of domain {domain}, which the records do not have; "
            f"its columns are {', '.join(sorted(schema))}"
        )
    try:
        condition = expression(where, schema)
    except DerivationError as error:
        raise DerivationError(f"{asked}, domain {domain}: {error}") from None
    order = [key for key in table_of(domain).keys if key in schema]
    return frame.filter(condition).collect().sort(order, maintain_order=True)
