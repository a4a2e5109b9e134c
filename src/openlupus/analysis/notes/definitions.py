"""Columns of analysis data in words: how each is made, and those that it is made from."""

from collections.abc import Iterable, Mapping

from openlupus.analysis.notes.columns import column_in_words, column_made_of
from openlupus.analysis.notes.words import BASELINE, in_words, record_in_words, window_in_words
from openlupus.protocol import model as m
from openlupus.protocol.base import Where
from openlupus.protocol.model import Protocol

_AT: Mapping[str, str] = {
    "ever": "", "before_dose": " dated on or before the day of the first dose",
    "first_dose": " begun on or before the day of the first dose and not ended before it",
}  # fmt: skip
_UNITS: Mapping[str, str] = {
    "years": "years of 365.25 days", "months": "months of 30.4375 days", "days": "days",
}  # fmt: skip


def definitions(protocol: Protocol, columns: Iterable[str]) -> list[str]:
    """What these columns are, of ADSL or of records, and those that they are made from."""
    asked = list(dict.fromkeys(columns))
    named = dict.fromkeys([*asked, *(made for c in asked for made in _made_of(protocol, c))])
    said = [words for column in named if (words := _definition(protocol, column))]
    return [*said, *_times(protocol, named)]


def _made_of(protocol: Protocol, column: str) -> Iterable[str]:
    match protocol.variables.get(column):
        case m.FromCut(where=where):
            return where
        case m.FromVariable(source=made) | m.FromDate(to=made):
            return (made,)
        case _:
            return [*_flags(protocol).get(column, {}), *column_made_of(column)]


def _flags(protocol: Protocol) -> Mapping[str, Where]:
    return {p.flag: p.where for p in protocol.populations.values() if p.flag}


def _definition(protocol: Protocol, column: str) -> str:
    """`ANAFL (label): how it is made.`; empty where the name says all that is declared."""
    variable = protocol.variables.get(column)
    if variable is not None:
        label = f" ({variable.label})" if variable.label else ""
        given = protocol.data.adam == "given"
        of_adsl = isinstance(variable, (m.FromVariable, m.FromCut))
        if given and not of_adsl:
            return f"{column}{label}: as given."
        or_given = "; as given where ADSL has it" if given else ""
        return f"{column}{label}: {_made(protocol, variable)}{or_given}."
    if column in (flags := _flags(protocol)):
        where = in_words(flags[column]) if flags[column] else "in ADSL"
        return f"{column}: Y where {where}, else N."
    if column == "REGION1" and protocol.regions:
        regions = [f"{r.label} ({', '.join(r.countries)})" for r in protocol.regions.values()]
        return f"REGION1 is by country: {'; '.join(regions)}."
    return column_in_words(protocol, column)


def _made(protocol: Protocol, variable: m.Variable) -> str:
    match variable:
        case m.FromVariable():
            pairs = [f"{old} is {new}" for old, new in variable.values.items()]
            return (
                f"from {variable.source}: {', '.join(pairs)}, other {variable.other or 'missing'}"
            )
        case m.FromParameter():
            return _parameter(protocol, variable)
        case m.FromCut():
            return f"Y where {in_words(variable.where)}, else N; missing where a value is missing"
        case m.FromRecords():
            return f"Y where there is {record_in_words(variable)}{_AT[variable.at]}, else N"
        case m.FromDate():
            record = f"the earliest {variable.date} of {record_in_words(variable)}"
            how = f"{_UNITS[variable.unit]} from {record} to {variable.to}"
            return f"{how}; a partial date counts from its first day"
        case m.FromText():
            return f"{variable.column} of {record_in_words(variable)}, the last of several"


def _parameter(protocol: Protocol, variable: m.FromParameter) -> str:
    at_baseline = variable.visit == "baseline"
    at = "baseline" if at_baseline else protocol.visit(variable.visit).label
    said = f"{variable.column} of {variable.parameter} in {variable.dataset} at {at}"
    if variable.dataset != "ADGC":
        return said
    first, last = protocol.scoring.glucocorticoid_baseline
    if at_baseline:
        return f"{said}, the mean of days {first} to {last}"
    return (
        f"{said}, the mean of the 7 days before the target day, or of the last 7 of treatment where"
        " it ended earlier within the window"
    )


def _times(protocol: Protocol, columns: Iterable[str]) -> list[str]:
    """How the assessments behind these variables were chosen; a dose has none."""
    if protocol.data.adam == "given":
        return []
    visits = [
        made.visit
        for column in columns
        if isinstance(made := protocol.variables.get(column), m.FromParameter)
        and made.dataset != "ADGC"
    ]
    return [
        BASELINE if v == "baseline" else window_in_words(protocol, v) for v in dict.fromkeys(visits)
    ]
