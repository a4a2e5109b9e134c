"""A rule: one sentence that must hold for records, and the rows where it does not."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from openlupus.records.context import CheckContext
from openlupus.records.model import Records
from openlupus.records.schema import DOMAINS
from openlupus.records.schema import domain as table_of

Severity = Literal["error", "warning", "note"]
Find = Callable[[Records], Iterable[pl.LazyFrame]]
FindInTrial = Callable[[Records, CheckContext], Iterable[pl.LazyFrame]]

FINDINGS_DOMAINS = ("LB", "RS", "QS", "MK", "GF", "VS", "EG", "IE", "PC")
"""Domains of one result a row."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A named sentence and what finds the rows that break it.

    `of_study` rules compare subjects with each other and see all records at once; every other rule
    is asked batch by batch, and may look at one subject only.
    """

    name: str
    severity: Severity
    sentence: str
    find: FindInTrial
    of_study: bool = False


def rule(severity: Severity, sentence: str, *, of_study: bool = False) -> Callable[[Find], Rule]:
    """Make a rule of the function below, which needs the records only; its name is the rule's."""

    def make(find: Find) -> Rule:
        return Rule(find.__name__, severity, sentence, lambda records, _: find(records), of_study)

    return make


def rule_of_trial(severity: Severity, sentence: str) -> Callable[[FindInTrial], Rule]:
    """Make a rule of the function below, which also needs what the trial declares."""
    return lambda find: Rule(find.__name__, severity, sentence, find)


def found(
    frame: pl.LazyFrame,
    where: pl.Expr,
    *,
    domain: str,
    keys: Iterable[str],
    field: str,
    value: pl.Expr | None = None,
    message: str,
    about: Iterable[pl.Expr] = (),
) -> pl.LazyFrame:
    """Finding rows: `domain, key, field, value, message` of the rows where `where` is true.

    Args:
        frame: Records, and what was joined to them.
        where: True where the rule is broken; null counts as not broken.
        domain: Name of the domain.
        keys: Columns that name a row; their values are joined by `|`.
        field: The column that is wrong.
        value: What is shown as the value; the field itself by default.
        message: A sentence; each `{}` takes the value of one expression of `about`.
        about: Expressions for the message.
    """
    rows = frame.filter(where)
    shown_value = pl.col(field) if value is None else value
    return rows.select(
        domain=pl.lit(domain),
        key=pl.concat_str([shown(pl.col(key)) for key in keys], separator="|"),
        field=pl.lit(field),
        value=shown(shown_value),
        message=sentence(message, *about),
    )


def sentence(text: str, *about: pl.Expr) -> pl.Expr:
    """The text, with each `{}` replaced by one value."""
    # Not by `pl.format`: polars 2.1 panics in it on chunks that a filter leaves empty.
    first, *rest = text.split("{}")
    parts = [pl.lit(first)]
    for value, after in zip(about, rest, strict=True):
        parts += [shown(value), pl.lit(after)]
    return pl.concat_str(parts)


def shown(value: pl.Expr) -> pl.Expr:
    """A value as text: nothing for null, a whole number without its decimal point."""
    return value.cast(pl.String).str.strip_suffix(".0").fill_null("")


def keys_of(records: Records, name: str) -> tuple[str, ...]:
    """Columns that name one row of a domain; a domain without a table goes by its --SEQ."""
    table = table_of(name)
    sequence = f"{name}SEQ"
    if name not in DOMAINS and sequence in records.domains[name].collect_schema():
        return (*table.keys, sequence)
    return table.keys


def of_subjects(records: Records) -> Iterator[tuple[str, pl.LazyFrame]]:
    """The domains that have subjects, by name, with all their declared columns."""
    for name in sorted(records.domains):
        frame = records.domain(name)
        if "USUBJID" in frame.collect_schema():
            yield name, frame


def given(records: Records, *names: str) -> Iterator[tuple[str, pl.LazyFrame]]:
    """Those of the named domains that the records have, with all their declared columns."""
    return ((name, records.domain(name)) for name in names if records.has(name))


def with_dm(records: Records, frame: pl.LazyFrame, *columns: pl.Expr) -> pl.LazyFrame:
    """The frame with expressions of DM beside each row of the subject; null without DM."""
    people = records.domain("DM").unique("USUBJID", keep="first", maintain_order=True)
    return frame.join(people.select("USUBJID", *columns), on="USUBJID", how="left")
