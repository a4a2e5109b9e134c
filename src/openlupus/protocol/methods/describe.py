"""Methods that describe: numbers, counts, events."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.base import Part, Where
from openlupus.protocol.methods.base import MethodPart

QuantileRule = Literal["sas1", "sas2", "sas3", "sas4", "sas5", "r7"]
Order = Literal["alphabetical", "frequency"]


class Summary(MethodPart):
    """Mean, SD, median, quartiles, range of a number, or of several."""

    name: Literal["summary"]
    variable: str | tuple[str, ...]
    quantile_rule: QuantileRule = "sas5"
    test: Literal["none", "anova"] = "none"
    several_records: bool = False
    """Whether a subject may have several records, each of which counts."""

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,) if isinstance(self.variable, str) else self.variable

    @property
    def asked(self) -> tuple[str, ...]:
        return self.variables


class CountRow(Part):
    """One row of a table of counts: who meets the condition."""

    id: str
    where: Where


class Counts(MethodPart):
    """Subjects by level of a variable, or by named conditions."""

    name: Literal["counts"]
    variable: str = ""
    levels: tuple[str, ...] = ()
    """Order of the levels; levels found in the data and not listed are an error."""
    rows: tuple[CountRow, ...] = ()
    exclusive: bool = False
    """The rows are levels of one variable: each subject meets at most one, and the test is of all
    rows together. Otherwise each row is tested by itself, met against not met."""
    denominator: Literal["population", "not_missing", "eligible"] = "population"
    """Subjects of the population; of them, those with a value in every column that is asked for;
    or those with a record that meets the analysis's `where` and visit."""
    counted: Literal["subjects", "records"] = "subjects"
    """`records`: a subject counts as often as there are records; the denominator is then of
    records too, and that of the `population` are all records that meet `where`."""
    empty_levels: Literal["shown", "left_out"] = "shown"
    """Levels, or rows, that no subject of any group has."""
    test: Literal["none", "chi_square", "fisher", "cmh"] = "none"
    """`fisher`: of each comparison, or of all arms together where none is declared; `cmh`: of
    Cochran, Mantel and Haenszel."""
    association: Literal["general", "row_means", "correlation"] = "general"
    """Of a `cmh` test: arms and levels without order; ordered levels; both ordered."""
    scores: tuple[float, ...] = ()
    """Of ordered levels, one each; their own numbers, or 1, 2, 3, ..., when empty."""
    controlling: tuple[str, ...] = ()
    """Columns whose levels together are the strata of a `cmh` test."""
    strata_needed: int = Field(1, ge=1)
    """Strata with at least two subjects that a `cmh` test needs to be computed."""

    @property
    def asked(self) -> tuple[str, ...]:
        named = (self.variable,) if self.variable else ()
        rows = (column for row in self.rows for column in row.where)
        return (*named, *rows, *self.controlling)


class Incidence(MethodPart):
    """Subjects with at least one event, and number of events, by a hierarchy of terms."""

    name: Literal["incidence"]
    by: tuple[str, ...] = ()
    """Columns from broad to narrow; none: one row, any event."""
    rows: tuple[CountRow, ...] = ()
    """Groups of events, each by a condition on records: the first level, above `by`. All are
    shown, also those without an event; an event may be in several."""
    overall: str = ""
    """Name of a first row over all terms; none when empty."""
    at_least: float = Field(0, ge=0, le=1)
    """Terms whose incidence reaches this proportion in at least one of `at_least_in`."""
    at_least_in: tuple[str, ...] = ()
    order: Order | tuple[Order, ...] = "alphabetical"
    """One for all levels of `by`, or one a level."""
    order_group: tuple[str, ...] = ()
    """Groups whose incidence orders the terms, most frequent first, ties by the next group and
    then by the alphabet; all groups of the analysis when empty."""
    test: Literal["none", "fisher"] = "none"
    worst: str = ""
    """Column with an ordered level: each subject also counts once in each row at the highest."""
    worst_levels: tuple[str, ...] = ()
    """Levels of `worst` from low to high; a record with none of them is below all."""
    difference: Literal["none", "miettinen_nurminen", "newcombe"] = "none"
    """Limits of the difference in proportions of each comparison."""
    rate: Literal["none", "first_event", "events"] = "none"
    """Per time at risk: subjects with an event, until their first; or all events, over all time."""
    per_years: float = Field(100, gt=0)
    """Patient-years that a rate is of."""
    at_risk: tuple[str, str] = ("TRTSDT", "TAEEDT")
    """Dates of ADSL between which, both included, a subject is at risk."""
    onset: str = "ASTDT"
    """Date of the event."""
    level: float = Field(0.95, gt=0, lt=1)

    @property
    def asked(self) -> tuple[str, ...]:
        rows = (column for row in self.rows for column in row.where)
        worst = (self.worst,) if self.worst else ()
        onset = (self.onset,) if self.rate == "first_event" else ()
        return (*self.by, *rows, *worst, *onset)
