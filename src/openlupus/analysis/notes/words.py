"""Parts of sentences that every note uses."""

from collections.abc import Mapping, Sequence

from openlupus.protocol import model as m
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.model import Protocol

CHOOSE: Mapping[str, str] = {
    "nearest": "the one nearest to the target day, of two equally near the {ties}",
    "first": "the first", "last": "the last",
}  # fmt: skip
BASELINE = (
    "Baseline is, of each instrument, the last usable assessment (a score comes out of it; the"
    " clinical SLEDAI-2K has its own) on or before day 1, the day of the first dose (of"
    " randomization where no dose was given)."
)
_BOUNDS: Mapping[str, str] = {
    "at_least": "at least", "above": "above", "at_most": "at most", "below": "below",
}  # fmt: skip


def in_words(where: Where) -> str:
    """A condition as words, `SEX is F and AGE is at least 18`."""
    return " and ".join(_test(column, test) for column, test in where.items()) or "all records"


def _test(column: str, test: Test) -> str:
    said: list[str] = []
    if test.equals is not None:
        said.append(f"is {value_in_words(test.equals)}")
    if test.not_equals is not None:
        said.append(f"is not {value_in_words(test.not_equals)}")
    if test.one_of is not None:
        said.append(f"is one of {', '.join(map(value_in_words, test.one_of)) or 'nothing'}")
    if test.none_of is not None:
        said.append(f"is none of {', '.join(map(value_in_words, test.none_of))}")
    said += [
        f"is {words} {bound:g}"
        for field, words in _BOUNDS.items()
        if (bound := getattr(test, field)) is not None
    ]
    if test.is_missing is not None:
        said.append("is missing" if test.is_missing else "is not missing")
    return f"{column} {' and '.join(said)}"


def value_in_words(value: str | float) -> str:
    return f'"{value}"' if value == "" else f"{value:g}" if isinstance(value, float) else str(value)


def records_in_words(protocol: Protocol, analysis: Analysis, dataset: str = "") -> str:
    at = f" at {protocol.visit(analysis.visit).label}" if analysis.visit else ""
    condition = f" where {in_words(analysis.where)}" if analysis.where else ""
    return f"{dataset or analysis.dataset}{at}{condition}{_take(analysis)}"


def _take(analysis: Analysis) -> str:
    if analysis.take is None:
        return ""
    take = analysis.take
    how = f"highest {take.highest}" if take.highest else f"lowest {take.lowest}"
    return f", of each subject the record with the {how}"


def listed(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def window_in_words(protocol: Protocol, name: str) -> str:
    visit, schedule = protocol.visit(name), protocol.schedule
    low, high = visit.window
    rule = CHOOSE[schedule.choose].format(ties=schedule.ties)
    return (
        f"{visit.label}: target day {visit.day}, window days {low} to {high}; of several"
        f" assessments of an instrument there, usable ones before others, then {rule}."
    )


def record_in_words(of: m.FromRecords | m.FromDate | m.FromText | m.RecordEvent) -> str:
    return f"a record of {of.domain}" + (f" ({in_words(of.where)})" if of.where else "")
