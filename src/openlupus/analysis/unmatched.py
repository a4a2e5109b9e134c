"""Values that a declaration asks for and the data hold nowhere: a misspelling prints as a zero."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from openlupus.derivation.model import AnalysisData
from openlupus.protocol import model as m
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.methods import Counts, ExposureResponse, Incidence, Representation
from openlupus.protocol.model import Protocol
from openlupus.records import Records

SCHEMA: Mapping[str, pl.DataType] = {
    "place": pl.String(), "dataset": pl.String(), "column": pl.String(), "value": pl.String(),
    "message": pl.String(),
}  # fmt: skip
_MOST_SHOWN = 8

Asked = Iterator[tuple[str, str, Where]]
"""Place in the declaration, data set or domain, condition."""


@dataclass
class _Held:
    """The texts that each column holds, looked up once."""

    data: AnalysisData
    records: Records | None
    known: dict[tuple[str, str], frozenset[str] | None] = field(
        default_factory=dict[tuple[str, str], frozenset[str] | None]
    )

    def texts(self, dataset: str, column: str) -> frozenset[str] | None:
        """Values of a column of text; None where there is no such column, or it is no text."""
        if (dataset, column) not in self.known:
            self.known[dataset, column] = self._look(dataset, column)
        return self.known[dataset, column]

    def _look(self, dataset: str, column: str) -> frozenset[str] | None:
        if dataset in self.data.frames:
            frame = self.data.frames[dataset].lazy()
        elif self.records is not None and self.records.has(dataset):
            frame = self.records.domain(dataset)
        else:
            return None
        if frame.collect_schema().get(column) != pl.String:
            return None
        return frozenset(
            frame.select(pl.col(column).unique()).collect()[column].drop_nulls().to_list()
        )


def unmatched(protocol: Protocol, data: AnalysisData, records: Records | None) -> pl.DataFrame:
    """Texts that conditions of the declaration compare with, and that occur nowhere in the column.

    Such a value may be right (an event that nobody had) or misspelt; nobody but the reader can
    tell. Countries of the data that belong to no declared region are told too.

    Args:
        records: The item-level records; None where analysis data are given.

    Returns:
        Rows `place, dataset, column, value, message`, in the order of the declaration.
    """
    held, rows = _Held(data, records), list[tuple[str, ...]]()
    for place, dataset, where in _conditions(protocol):
        for column, test in where.items():
            source = dataset if held.texts(dataset, column) is not None else "ADSL"
            texts = held.texts(source, column)
            if texts is None:
                continue
            for value in (test.equals, *(test.one_of or ())):
                if isinstance(value, str) and value and value not in texts:
                    said = f"no record of {source} has {column} {value}; it has {_shown(texts)}"
                    rows.append((place, source, column, value, said))
    rows += _placeless(protocol, held)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").unique(maintain_order=True)


def _shown(texts: frozenset[str]) -> str:
    few = sorted(texts)[:_MOST_SHOWN]
    return (", ".join(few) or "no value") + (", ..." if len(texts) > len(few) else "")


def _placeless(protocol: Protocol, held: _Held) -> list[tuple[str, ...]]:
    placed = {country for region in protocol.regions.values() for country in region.countries}
    countries = (held.texts("DM", "COUNTRY") or frozenset()) if placed else frozenset[str]()
    return [
        ("region", "DM", "COUNTRY", country, f"COUNTRY {country} is in no declared region")
        for country in sorted(countries - placed)
    ]


def _conditions(protocol: Protocol) -> Asked:
    for name, variable in protocol.variables.items():
        match variable:
            case m.FromCut():
                yield f"variable.{name}", "ADSL", variable.where
            case m.FromRecords() | m.FromDate() | m.FromText():
                yield f"variable.{name}", variable.domain, variable.where
            case _:
                pass
    for name, population in protocol.populations.items():
        yield f"population.{name}", "ADSL", population.where
    for name, event in protocol.intercurrent.items():
        match event:
            case m.Medication():
                for kind in event.classes:
                    where: Where = {"CMCLAS": Test(equals=kind)}
                    yield f"intercurrent.{name}", "CM", where
            case m.RecordEvent():
                yield f"intercurrent.{name}", event.domain, event.where
            case m.Discontinuation():
                pass
    for name, endpoint in protocol.endpoints.items():
        yield f"endpoint.{name}", "ADSL", endpoint.eligible
    for name, analysis in protocol.analyses.items():
        yield f"analysis.{name}", analysis.dataset, analysis.where
        yield from _of_method(f"analysis.{name}", analysis)


def _of_method(place: str, analysis: Analysis) -> Asked:
    match analysis.method:
        case Counts(rows=rows) | Incidence(rows=rows) | Representation(rows=rows):
            for row in rows:
                yield f"{place}.{row.id}", analysis.dataset, row.where
        case ExposureResponse(dataset=dataset, where=where):
            yield place, dataset, where
        case _:
            pass
