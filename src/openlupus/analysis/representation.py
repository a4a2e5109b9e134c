"""Whom the trial enrolled, against those who have the disease."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from openlupus.analysis.notes.words import in_words, records_in_words
from openlupus.analysis.select import SUBJECT, scope
from openlupus.derivation.model import AnalysisData
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import Representation
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.proportion import proportion

METHOD = "representation"


def representation_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """N (known), n, proportion with limits, reference and ratio of each row in each group.

    Subjects of whom a column is missing are not in N.

    Raises:
        AnalysisError: a column is absent.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Representation)
    seen = scope(name, protocol, data, subjects, columns=method.asked)
    rows: list[ResultRow] = []
    for share in method.rows:
        known: Where = {column: Test(is_missing=False) for column in share.where}
        for group in seen.groups:
            own = seen.of(seen.records, group)
            among = own.filter(expression(known, own.schema))
            n = among.filter(expression(share.where, own.schema))[SUBJECT].n_unique()
            size = among[SUBJECT].n_unique()
            shared: dict[str, Any] = {
                "method": METHOD, "parameter": share.id, "group": group, "n": size,
            }  # fmt: skip
            rows.append(seen.row("N", float(size), source=seen.source([group], known), **shared))
            shared["source"] = seen.source([group], share.where)
            rows.append(seen.row("n", float(n), **shared))
            found = proportion(n, size, level=method.level)
            values = {"proportion": found.value, "lower": found.lower, "upper": found.upper}
            numbers = {key: float(value) for key, value in values.items()}
            rows += seen.rows(numbers, warnings=found.warnings, **shared)
            rows += seen.rows(*_against(share.share, numbers["proportion"]), **shared)
    return rows


def _against(reference: float | None, enrolled: float) -> Sequence[Any]:
    """Values of the comparison with the reference; where there is none, nothing."""
    if reference is None:
        return ({},)
    return ({"reference": reference, "ratio": enrolled / reference},)


def representation_told(
    protocol: Protocol, analysis: Analysis, method: Representation
) -> list[str]:
    level = f"{100 * method.level:g}%"
    about = (
        f"Enrolled shares ({records_in_words(protocol, analysis)}) of the subjects in whom the"
        f" characteristic is known, with Wilson's two-sided {level} limits; ratio: enrolled share"
        " over reference share, 1 where the trial enrolled as the disease occurs."
    )
    said = [about]
    for row in method.rows:
        of = f"{row.id}: {in_words(row.where)}"
        reference = f"; reference {row.share:g}" if row.share is not None else "; no reference"
        source = f" ({row.source})" if row.source else ""
        said.append(f"{of}{reference}{source}.")
    return said
