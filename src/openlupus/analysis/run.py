"""All declared analyses, one after another."""

import json
from collections.abc import Sequence

import polars as pl

from openlupus.analysis.by import each_level, in_front
from openlupus.analysis.families import FAMILIES, note, population_note
from openlupus.analysis.multiplicity import family_rows
from openlupus.analysis.population import POPULATION, population_rows
from openlupus.analysis.select import members
from openlupus.analysis.subgroups import each_visit, subgroup_rows
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, DerivationError
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow, Results, rows_frame


def analyse(
    protocol: Protocol,
    data: AnalysisData,
    *,
    only: Sequence[str] = (),
    go_on: bool = False,
) -> Results:
    """Run the declared analyses.

    Args:
        protocol: The declaration.
        data: Analysis data, derived under it or given.
        only: Ids of the analyses to run; all when empty. The built-in analysis `population` (the
            N of every population, arm and group) is always there.
        go_on: An analysis that does not fit the data is left out, and `Results.failed` says why;
            otherwise it is an error.

    Returns:
        Rows in the order of the declaration, and a method note for each analysis. What cannot be
        computed from these data (an empty arm, a stratum without a comparison) is a null value
        with a warning that says why.

    Raises:
        AnalysisError: an id in `only` is not declared, or analyses do not fit the data (no such
            data set or column, several records where one is meant); names all of them.
    """
    if unknown := [name for name in only if name not in {*protocol.analyses, POPULATION}]:
        raise AnalysisError(
            f"no analysis {', '.join(unknown)} is declared; there are"
            f" {', '.join(protocol.analyses)}"
        )
    chosen = [name for name in protocol.analyses if not only or name in only]
    faults: list[str] = []
    failed: dict[str, str] = {}
    subjects: dict[str, pl.DataFrame] = {}
    for population in protocol.populations:
        try:
            subjects[population] = members(protocol, data, population)
        except (AnalysisError, DerivationError) as error:
            faults.append(f"population {population}: {error}")
    rows = [] if faults else population_rows(protocol, subjects)
    notes = {POPULATION: population_note(protocol)}
    for name in [] if faults else chosen:
        try:
            own = _one(name, protocol, data, subjects)
            notes[name] = note(protocol, name, own)
            rows += own
        except (AnalysisError, DerivationError) as error:
            failed[name] = str(error) if name in str(error) else f"analysis {name}: {error}"
    faults += [] if go_on else failed.values()
    if faults:
        listed = "\n".join(f"  {fault}" for fault in dict.fromkeys(faults))
        raise AnalysisError(f"the declared analyses do not fit these data\n{listed}")
    return Results(_signed(rows_frame(rows), data.study), notes, failed)


def _signed(rows: pl.DataFrame, study: str) -> pl.DataFrame:
    """Rows whose pointers name the study as the data do: results of synthetic data say so."""
    named = f'{{"study": {json.dumps(study, ensure_ascii=False)}, '
    return rows.with_columns(source=pl.lit(named) + pl.col("source").str.strip_prefix("{"))


def _one(
    name: str, protocol: Protocol, data: AnalysisData, subjects: dict[str, pl.DataFrame]
) -> list[ResultRow]:
    analysis = protocol.analyses[name]
    family, people = FAMILIES[analysis.method.name], subjects[analysis.population]
    rows: list[ResultRow] = []
    for at in each_visit(protocol, name):
        for levels, here, part in each_level(name, at, data, people):
            own = family.rows(name, here, part, people)
            own = [*own, *family_rows(here, name, own)]
            own += subgroup_rows(name, here, part, people, family.rows, family.interaction)
            rows += in_front(levels, own, protocol, name)
    return rows
