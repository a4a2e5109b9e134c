"""Methods that describe: numbers, counts, events."""

from typing import Literal

from pydantic import Field

from openlupus.protocol.base import Part, Where
from openlupus.protocol.methods.base import MethodPart

QuantileRule = Literal["sas1", "sas2", "sas3", "sas4", "sas5", "r7"]
Order = Literal["alphabetical", "frequency"]


class Summary(MethodPart):
    """Mean, SD, median, quartiles, range of a number."""

    name: Literal["summary"]
    variable: str
    quantile_rule: QuantileRule = "sas5"
    test: Literal["none", "anova"] = "none"

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.variable,)


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
    test: Literal["none", "chi_square", "fisher"] = "none"

    @property
    def asked(self) -> tuple[str, ...]:
        named = (self.variable,) if self.variable else ()
        return (*named, *(column for row in self.rows for column in row.where))


class Incidence(MethodPart):
    """Subjects with at least one event, and number of events, by a hierarchy of terms."""

    name: Literal["incidence"]
    by: tuple[str, ...] = ()
    """Columns from broad to narrow; none: one row, any event."""
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
